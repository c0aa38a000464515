//! What it takes to erase an own indicator: which batches carry it, and what else in them is in force.

use std::collections::{BTreeMap, BTreeSet};

use crate::feed::FeedId;
use crate::indicator::Value;
use crate::statement::{AnyStatement, ErasedMark, Erasure, IndicatorId, Statement};

use super::Store;
use super::error::StoreError;
use super::feeds::{BodyState, FeedState};
use super::ground::{Log, Rows};
use super::index_row::{Class, IndexEntry};
use super::lookup::Tag;
use super::own::{self, OwnKey};
use super::place::{FeedNo, Place};
use super::read::index_entries;
use super::schema::RowKey;

/// What it takes to erase an indicator from one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedErasure {
    /// The feed.
    pub feed: FeedNo,
    /// The batches that carry the indicator, in order.
    pub batches: Vec<u64>,
    /// What else these batches say that is in force, in an order in which it may be said again: the
    /// last word on each of the other indicators and, where that ends one, what was said before.
    pub others: Vec<Place>,
}

/// What is to be erased.
#[derive(Clone, Copy, Debug)]
struct Gone {
    key: OwnKey,
    /// Only what was said below this number.
    below: Option<u32>,
}

impl Gone {
    fn is(&self, entry: &IndexEntry) -> bool {
        let own = entry.own.as_ref();
        entry.class != Class::Erased
            && own.is_some_and(|own| own.key == self.key)
            && self.below.is_none_or(|below| entry.revision < below)
    }
}

/// A statement of a feed, as far as it counts for what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    revision: u32,
    class: u8,
    /// How many fields it has.
    fullness: u8,
    place: (u64, u16),
}

/// The last words of a feed on one indicator.
#[derive(Clone, Copy, Debug, Default)]
struct Words {
    newest: Option<Word>,
    asserted: Option<Word>,
}

impl<L: Log, R: Rows> Store<L, R> {
    /// By which an own indicator is known again once it is erased.
    #[must_use]
    pub fn mark_of(&self, id: &IndicatorId) -> ErasedMark {
        own::mark(&self.index_key, &own::own_key(&self.index_key, id))
    }

    /// What it takes to erase an own indicator from each own feed that carries it. Reads the index rows
    /// of all of them.
    pub fn erasure(&self, id: &IndicatorId) -> Result<Vec<FeedErasure>, StoreError> {
        self.erasure_of(&Gone {
            key: own::own_key(&self.index_key, id),
            below: None,
        })
    }

    /// The same of an indicator that is known only by the mark of its erasure, as far as it was said
    /// before that.
    pub fn erasure_of_mark(&self, mark: &ErasedMark) -> Result<Vec<FeedErasure>, StoreError> {
        let own = self.own()?;
        match (own.key_of(mark), own.erased(mark)) {
            (Some(key), Some(erased)) => self.erasure_of(&Gone {
                key,
                below: Some(erased.number()),
            }),
            _ => Ok(Vec::new()),
        }
    }

    fn erasure_of(&self, gone: &Gone) -> Result<Vec<FeedErasure>, StoreError> {
        let mut all = Vec::new();
        for feed in self.state.feeds.of(&self.state.me) {
            let batches = self.batches_with(feed, gone)?;
            if !batches.is_empty() {
                let others = self.others_in(feed, &batches, gone)?;
                all.push(FeedErasure {
                    feed: feed.number(),
                    batches: batches.into_iter().collect(),
                    others,
                });
            }
        }
        Ok(all)
    }

    fn batches_with(&self, feed: &FeedState, gone: &Gone) -> Result<BTreeSet<u64>, StoreError> {
        let mut batches = BTreeSet::new();
        self.each_entry(feed, |(index, _), entry| {
            if gone.is(entry) {
                batches.insert(index);
            }
        })?;
        Ok(batches)
    }

    fn others_in(
        &self,
        feed: &FeedState,
        batches: &BTreeSet<u64>,
        gone: &Gone,
    ) -> Result<Vec<Place>, StoreError> {
        let (mut keys, mut others, mut unknown) = (BTreeSet::new(), Vec::new(), None);
        self.each_entry(feed, |at, entry| {
            if !batches.contains(&at.0) {
                return;
            }
            match (entry.class, &entry.own) {
                (Class::Unknown, _) => unknown = Some(at.0),
                (Class::Erased, _) => others.push(at),
                (_, Some(own)) if !gone.is(entry) => drop(keys.insert(own.key)),
                _ => {}
            }
        })?;
        if let Some(index) = unknown {
            let feed = feed.id();
            return Err(StoreError::UnknownStatements { feed, index });
        }
        let mut words: BTreeMap<OwnKey, Words> = BTreeMap::new();
        self.each_entry(feed, |at, entry| {
            if let Some(own) = &entry.own
                && keys.contains(&own.key)
                && !gone.is(entry)
                && let Some(word) = Word::of(at, entry)
            {
                words.entry(own.key).or_default().take(word);
            }
        })?;
        for words in words.values() {
            others.extend(words.said_again(batches));
        }
        let place = |(index, place)| Place {
            feed: feed.number(),
            index,
            place,
        };
        Ok(others.into_iter().map(place).collect())
    }

    fn each_entry(
        &self,
        feed: &FeedState,
        mut take: impl FnMut((u64, u16), &IndexEntry),
    ) -> Result<(), StoreError> {
        self.rows
            .scan(&RowKey::index_rows(feed.number()), |row, content| {
                let (first, entries) = index_entries(row, content)?;
                for (place, entry) in (first.place..).zip(&entries) {
                    take((first.index, place), entry);
                }
                Ok(())
            })?;
        Ok(())
    }

    /// What the own feeds say of the erasure of an own indicator, and where.
    pub fn erasures(&self, id: &IndicatorId) -> Result<Vec<(Place, Erasure)>, StoreError> {
        let mark = self.mark_of(id);
        let mut erasures = Vec::new();
        for place in self.state.lookup.find(Tag::of_mark(&mark)) {
            if let AnyStatement::Erased(erasure) = self.any_statement(place)?
                && erasure.mark == mark
            {
                erasures.push((place, erasure));
            }
        }
        Ok(erasures)
    }

    /// The newest statement of this member's about a value, as its feed for itself alone has it.
    pub fn own_statement(&self, value: &Value) -> Result<Option<Statement>, StoreError> {
        let entry = self.own()?.get(&IndicatorId::of(self.me(), value));
        let place = entry.and_then(|entry| entry.at);
        let read = |place| self.statement(place).map(|(statement, _)| statement);
        place.map(read).transpose()
    }

    /// The erasures that an opened batch tells.
    pub fn erasures_in(&self, feed: FeedNo, index: u64) -> Result<Vec<Erasure>, StoreError> {
        let held = self.state.feeds.by_number(feed);
        let held = held.filter(|held| held.body(index) == Some(BodyState::Held { opened: true }));
        let Some(held) = held else {
            return Ok(Vec::new());
        };
        let mut places = Vec::new();
        let prefix = RowKey::index_rows_of(held.number(), index);
        self.rows.scan(&prefix, |row, content| {
            let (first, entries) = index_entries(row, content)?;
            let entries = (first.place..).zip(&entries);
            let erased = entries.filter(|(_, entry)| entry.class == Class::Erased);
            places.extend(erased.map(|(place, _)| Place { place, ..first }));
            Ok(())
        })?;
        let mut erasures = Vec::new();
        for place in places {
            if let AnyStatement::Erased(erasure) = self.any_statement(place)? {
                erasures.push(erasure);
            }
        }
        Ok(erasures)
    }

    /// The last of the erase leaves that follow a batch at once; the batch itself if none does.
    #[must_use]
    pub fn erased_up_to(&self, feed: FeedNo, index: u64) -> u64 {
        let held = self.state.feeds.by_number(feed);
        let leaves = held
            .into_iter()
            .flat_map(|held| held.erase_leaves(index + 1));
        let following = (index + 1..)
            .zip(leaves)
            .take_while(|(next, leaf)| next == leaf);
        following.last().map_or(index, |(last, _)| last)
    }

    /// How many bodies the erase leaves of a feed below `size` name.
    pub fn erase_targets(&self, feed: FeedId, size: u64) -> Result<u64, StoreError> {
        let held = self.feed(feed)?;
        let mut targets = BTreeSet::new();
        for leaf in held.erase_leaves(0).take_while(|leaf| *leaf < size) {
            targets.extend(self.vault().erase_target(held, leaf)?);
        }
        Ok(targets.len() as u64)
    }
}

impl Word {
    fn of(place: (u64, u16), entry: &IndexEntry) -> Option<Self> {
        let class = match entry.class {
            Class::Ceased => 0,
            Class::Asserted => 1,
            Class::Withdrawn => 2,
            Class::Erased | Class::Unknown | Class::Refused(_) => return None,
        };
        let stripped = entry.stripped.bits().count_ones();
        Some(Self {
            revision: entry.revision,
            class,
            fullness: u8::try_from(8_u32.saturating_sub(stripped)).unwrap_or(0),
            place,
        })
    }

    const fn is_assertion(&self) -> bool {
        self.class == 1
    }
}

impl Words {
    fn take(&mut self, word: Word) {
        self.newest = self.newest.max(Some(word));
        if word.is_assertion() {
            self.asserted = self.asserted.max(Some(word));
        }
    }

    /// What is to be said again once these batches are gone. An end is said again after what it ends,
    /// be it gone or not: the last place of a feed is what the feed says.
    fn said_again(self, gone: &BTreeSet<u64>) -> Vec<(u64, u16)> {
        let Some(newest) = self.newest else {
            return Vec::new();
        };
        let is_gone = |word: &Word| gone.contains(&word.place.0);
        let before = self.asserted.filter(|_| !newest.is_assertion());
        let before = before.filter(is_gone);
        let mut again: Vec<_> = before.map(|word| word.place).into_iter().collect();
        if !again.is_empty() || is_gone(&newest) {
            again.push(newest.place);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEASED: u8 = 0;
    const ASSERTED: u8 = 1;
    const WITHDRAWN: u8 = 2;

    /// Each word is (revision, class, index of its batch); batch 5 goes.
    fn check(words: &[(u32, u8, u64)], expected: &[u64]) {
        let mut all = Words::default();
        for (revision, class, index) in words {
            all.take(Word {
                revision: *revision,
                class: *class,
                fullness: 8,
                place: (*index, 0),
            });
        }
        let again = all.said_again(&BTreeSet::from([5]));
        let again: Vec<_> = again.into_iter().map(|(index, _)| index).collect();
        assert_eq!(again, expected, "{words:?}");
    }

    #[test]
    fn what_is_in_force_is_said_again_and_nothing_else() {
        check(&[(1, ASSERTED, 5)], &[5]);
        check(&[(1, ASSERTED, 4)], &[]);
        check(&[(1, ASSERTED, 5), (2, ASSERTED, 6)], &[]);
        check(&[(1, ASSERTED, 4), (2, ASSERTED, 5)], &[5]);
        // An end keeps what it ended, which decides who may see the end.
        check(&[(1, ASSERTED, 5), (2, WITHDRAWN, 6)], &[5, 6]);
        check(&[(1, ASSERTED, 4), (2, WITHDRAWN, 5)], &[5]);
        check(&[(1, ASSERTED, 5), (2, WITHDRAWN, 5)], &[5, 5]);
        check(&[(1, ASSERTED, 5), (2, CEASED, 6)], &[5, 6]);
        check(&[(2, CEASED, 5)], &[5]);
        // Said again already, before a crash: the later place counts.
        check(&[(1, ASSERTED, 5), (1, ASSERTED, 9)], &[]);
        check(&[(1, CEASED, 4), (1, ASSERTED, 5)], &[5]);
    }
}
