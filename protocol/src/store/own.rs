//! The publisher's own table: what it has said of each of its indicators, and to whom.
//!
//! Derived from the index rows of the own feeds, so that a restart gives the same table. Within a
//! feed the statements come in their order; between feeds the order does not matter.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use crate::encoding;
use crate::indicator::{Assertion, Fields};
use crate::release::Carried;
use crate::statement::{ErasedMark, IndicatorId, Revision};
use crate::time::Timestamp;
use hashbrown::HashTable;
use kentong_keys::IndexKey;

use super::index_row::{Class, IndexEntry, OwnPart};
use super::place::{FeedNo, Place};

/// Which own feeds, beside the private one, carry an indicator, and how; in the order of feeds.
pub type CarriedSet = [(FeedNo, Carried)];

/// The number of a [`CarriedSet`]: indicators that went the same way share one. It changes its
/// meaning when the store changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CarriedId(u32);

/// What the store knows of one of the publisher's own indicators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnEntry {
    /// A keyed hash of the newest assertion but for its times: a re-import that changes nothing
    /// gives the same. See [`OwnTable::content`].
    pub content: u64,
    /// The newest revision that was asserted or withdrawn.
    pub revision: Revision,
    /// The highest number that any statement about it took, a `ceased` included: the next
    /// statement takes the one after it.
    pub highest: Revision,
    /// When it was last seen, by the newest assertion.
    pub last_seen: Option<Timestamp>,
    /// When that was made, if it does not say when it was last seen.
    pub made: Option<Timestamp>,
    /// Whether the newest statement withdraws it.
    pub withdrawn: bool,
    /// Whether all that was said of it was erased, and nothing was since.
    pub erased: bool,
    /// The newest statement in the private feed; none if that was lost or erased.
    pub at: Option<Place>,
    /// Which other feeds carry it.
    pub carried: CarriedId,
}

/// All of the publisher's own indicators.
#[derive(Debug)]
pub struct OwnTable {
    index_key: Arc<IndexKey>,
    table: HashTable<Row>,
    sets: CarriedSets,
    /// The indicators that were erased, each with the number that its erasure took.
    erased: BTreeMap<ErasedMark, u32>,
}

/// An entry in memory: 48 bytes. `NO_PLACE` stands for none.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: OwnKey,
    content: u64,
    at: u64,
    revision: u32,
    highest: u32,
    /// When it was last seen or, if that is not said, when it was made.
    moment: u32,
    /// The number of the carried set; the upper bits say withdrawn, and that the moment is when it
    /// was last seen.
    carried: u32,
}

/// The keyed hash of an indicator's id: on disk an id alone would let a thief test guesses.
pub(super) type OwnKey = [u8; 16];

const NO_PLACE: u64 = u64::MAX;
const WITHDRAWN: u32 = 1 << 31;
const SEEN: u32 = 1 << 30;

impl OwnTable {
    pub(super) fn new(index_key: Arc<IndexKey>) -> Self {
        Self {
            index_key,
            table: HashTable::new(),
            sets: CarriedSets::new(),
            erased: BTreeMap::new(),
        }
    }

    /// What is known of this indicator.
    #[must_use]
    pub fn get(&self, id: &IndicatorId) -> Option<OwnEntry> {
        let key = own_key(&self.index_key, id);
        let row = self.table.find(hash(&key), |row| row.key == key);
        let erased = self.erased_at(&key).map(Revision::new);
        match (row.map(Row::entry), erased) {
            (Some(entry), Some(erased)) if entry.highest >= erased => Some(entry),
            (Some(_) | None, Some(erased)) => Some(OwnEntry::erased(erased)),
            (row, None) => row,
        }
    }

    /// The number that the erasure of an indicator took, if it was erased.
    fn erased_at(&self, key: &OwnKey) -> Option<u32> {
        if self.erased.is_empty() {
            return None;
        }
        self.erased.get(&mark(&self.index_key, key)).copied()
    }

    /// The number that the newest erasure under this mark took.
    #[must_use]
    pub fn erased(&self, mark: &ErasedMark) -> Option<Revision> {
        self.erased.get(mark).copied().map(Revision::new)
    }

    /// The key of an indicator that was erased, if anything that was said of it before is still held.
    pub(super) fn key_of(&self, erased: &ErasedMark) -> Option<OwnKey> {
        let keys = self.table.iter().map(|row| row.key);
        let mut keys = keys.filter(|key| mark(&self.index_key, key) == *erased);
        keys.next()
    }

    /// The keyed hash of an assertion but for its times, to compare with [`OwnEntry::content`].
    #[must_use]
    pub fn content(&self, assertion: &Assertion) -> u64 {
        content(&self.index_key, assertion)
    }

    /// All indicators, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = OwnEntry> {
        self.table.iter().map(Row::entry)
    }

    /// Which feeds carry the indicators of this number, and how.
    #[must_use]
    pub fn carried(&self, id: CarriedId) -> &CarriedSet {
        self.sets.get(id)
    }

    /// How many indicators there are, withdrawn ones too, erased ones not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    #[cfg(any(test, feature = "sim"))]
    pub(super) const fn empty_set(&self) -> CarriedId {
        CarriedId(0)
    }

    /// Whether of some indicator only copies are held that others may read.
    #[must_use]
    pub fn lacks_some(&self) -> bool {
        let lacking = self.table.iter().filter(|row| row.at == NO_PLACE);
        let is_erased = |row: &Row| {
            let erased = self.erased_at(&row.key);
            erased.is_some_and(|erased| row.highest < erased)
        };
        lacking
            .filter(|row| row.revision > 0)
            .any(|row| !is_erased(row))
    }

    /// What the table takes, in bytes, without the few shared sets.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.table.allocation_size()
    }

    /// Takes in one statement of an own feed.
    pub(super) fn apply(&mut self, private: bool, place: Place, entry: &IndexEntry) {
        let Some(own) = &entry.own else { return };
        if entry.class == Class::Erased {
            let newest = self.erased.entry(ErasedMark::from_bytes(own.key));
            let newest = newest.or_insert(entry.revision);
            *newest = (*newest).max(entry.revision);
            return;
        }
        if !matches!(
            entry.class,
            Class::Asserted | Class::Withdrawn | Class::Ceased
        ) {
            return;
        }
        let found = self
            .table
            .entry(hash(&own.key), |row| row.key == own.key, |r| hash(&r.key));
        let mut slot = found.or_insert_with(|| Row::new(own.key));
        let row = slot.get_mut();
        row.highest = row.highest.max(entry.revision);
        let newer = entry.class != Class::Ceased && entry.revision > row.revision;
        if newer {
            let before = Revision::new(row.revision);
            row.revision = entry.revision;
            let set = row.set();
            let older = self.sets.change(set, |set| {
                for (_, carried) in set {
                    if matches!(carried, Carried::Current(_)) {
                        *carried = Carried::Older(before);
                    }
                }
            });
            row.set_set(older);
        }
        if private {
            row.take_private(place, entry.class, own);
        } else {
            let revision = Revision::new(entry.revision);
            let carried = match entry.class {
                Class::Withdrawn => Carried::Withdrawn(revision),
                Class::Ceased => Carried::Ceased(revision),
                _ if entry.revision == row.revision => Carried::Current(entry.stripped),
                Class::Asserted | Class::Erased | Class::Unknown | Class::Refused(_) => {
                    Carried::Older(revision)
                }
            };
            let set = self.sets.change(row.set(), |set| {
                match set.binary_search_by_key(&place.feed, |(feed, _)| *feed) {
                    Ok(at) => drop(set.splice(at..=at, [(place.feed, carried)])),
                    Err(at) => set.insert(at, (place.feed, carried)),
                }
            });
            row.set_set(set);
        }
    }
}

impl OwnEntry {
    /// Of an indicator of which nothing is left but that it was erased.
    const fn erased(revision: Revision) -> Self {
        Self {
            content: 0,
            revision,
            highest: revision,
            last_seen: None,
            made: None,
            withdrawn: false,
            erased: true,
            at: None,
            carried: CarriedId(0),
        }
    }
}

impl Row {
    const fn new(key: OwnKey) -> Self {
        Self {
            key,
            content: 0,
            at: NO_PLACE,
            revision: 0,
            highest: 0,
            moment: 0,
            carried: 0,
        }
    }

    /// The private feed's statements come in the order in which they were made; a feed that
    /// follows another has the higher number.
    fn take_private(&mut self, place: Place, class: Class, own: &OwnPart) {
        let place = place.pack();
        if self.at != NO_PLACE && place < self.at {
            return;
        }
        self.at = place;
        if class == Class::Withdrawn {
            self.carried |= WITHDRAWN;
        } else {
            self.carried &= !(WITHDRAWN | SEEN);
            self.content = own.content;
            self.moment = own.last_seen.unwrap_or(own.made);
            if own.last_seen.is_some() {
                self.carried |= SEEN;
            }
        }
    }

    const fn set(&self) -> CarriedId {
        CarriedId(self.carried & !(WITHDRAWN | SEEN))
    }

    const fn set_set(&mut self, id: CarriedId) {
        self.carried = self.carried & (WITHDRAWN | SEEN) | id.0;
    }

    fn entry(&self) -> OwnEntry {
        let moment = Timestamp::from_seconds(u64::from(self.moment));
        let seen = self.carried & SEEN != 0;
        OwnEntry {
            content: self.content,
            revision: Revision::new(self.revision),
            highest: Revision::new(self.highest),
            last_seen: moment.filter(|_| seen),
            made: moment.filter(|_| !seen),
            withdrawn: self.carried & WITHDRAWN != 0,
            erased: false,
            at: (self.at != NO_PLACE).then(|| Place::unpack(self.at)),
            carried: self.set(),
        }
    }
}

/// The sets in use, each once, with how many indicators use it.
#[derive(Debug)]
struct CarriedSets {
    sets: Vec<(Box<CarriedSet>, u32)>,
    /// The numbers of the sets, by the sets.
    numbers: HashTable<u32>,
    free: Vec<u32>,
}

impl CarriedSets {
    /// The empty set has number 0 and is never freed.
    fn new() -> Self {
        let mut sets = Self {
            sets: Vec::new(),
            numbers: HashTable::new(),
            free: Vec::new(),
        };
        sets.enter(Box::default());
        sets
    }

    fn get(&self, id: CarriedId) -> &CarriedSet {
        self.sets.get(id.0 as usize).map_or(&[], |(set, _)| set)
    }

    /// Moves one indicator from a set to what `change` makes of it.
    fn change(
        &mut self,
        from: CarriedId,
        change: impl FnOnce(&mut Vec<(FeedNo, Carried)>),
    ) -> CarriedId {
        let mut set = self.get(from).to_vec();
        change(&mut set);
        if *set == *self.get(from) {
            return from;
        }
        self.release(from);
        let set = set.into_boxed_slice();
        let is_same = |number: &u32| *self.get(CarriedId(*number)) == *set;
        let number = match self.numbers.find(hash_of(&set), is_same) {
            Some(number) => *number,
            None => self.enter(set),
        };
        if number != 0
            && let Some((_, uses)) = self.sets.get_mut(number as usize)
        {
            *uses += 1;
        }
        CarriedId(number)
    }

    fn enter(&mut self, set: Box<CarriedSet>) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.sets.push((Box::default(), 0));
            u32::try_from(self.sets.len() - 1).expect("fewer sets in use than indicators")
        });
        let hash = hash_of(&set);
        if let Some(slot) = self.sets.get_mut(number as usize) {
            *slot = (set, 0);
        }
        let sets = &self.sets;
        let again = |number: &u32| {
            sets.get(*number as usize)
                .map_or(0, |(set, _)| hash_of(set))
        };
        self.numbers.insert_unique(hash, number, again);
        number
    }

    fn release(&mut self, id: CarriedId) {
        let Some((set, uses)) = self.sets.get_mut(id.0 as usize).filter(|_| id.0 != 0) else {
            return;
        };
        *uses -= 1;
        if *uses == 0 {
            let found = self
                .numbers
                .find_entry(hash_of(set), |number| *number == id.0);
            if let Ok(found) = found {
                found.remove();
            }
            *set = Box::default();
            self.free.push(id.0);
        }
    }
}

/// The sets are of the publisher's own making: nobody else picks some that fall together.
fn hash_of(set: &CarriedSet) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(set)
}

/// The key of an indicator.
pub(super) fn own_key(index_key: &IndexKey, id: &IndicatorId) -> OwnKey {
    index_key.hash(&[b"own", id.as_bytes()])
}

/// By which an indicator is known again once it is erased. Readers see it: it leads to no row of theirs
/// nor, by itself, to one of ours.
pub(super) fn mark(index_key: &IndexKey, key: &OwnKey) -> ErasedMark {
    ErasedMark::from_bytes(index_key.hash(&[b"erased", key]))
}

/// The keyed hash of an assertion but for its times.
pub(super) fn content(index_key: &IndexKey, assertion: &Assertion) -> u64 {
    let timeless = Fields {
        first_seen: None,
        last_seen: None,
        valid_until: None,
        ..assertion.clone().into_draft()
    };
    let timeless = Assertion::try_from(timeless).expect("without times it breaks no rule either");
    hash(&index_key.hash(&[b"content", &encoding::encode(&timeless)]))
}

fn hash(key: &OwnKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
