//! Finding what is said of a value, and which of several words counts.

use std::collections::BTreeMap;

use kentong_protocol::MemberName;
use kentong_protocol::indicator::{Assertion, Value, covers};
use kentong_protocol::statement::{Rank, Revision, Said, Statement};

use crate::runtime::Node;
use crate::store::{FeedState, Place, StoreError};

/// A statement that is in force under its publisher, or the last word on an indicator.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) publisher: MemberName,
    pub(super) place: Place,
    pub(super) statement: Statement,
    /// How it stands among all that its publisher says of the indicator.
    standing: (Revision, bool, Rank),
    /// What was asserted last, where this ends it: it decides who may see the end.
    before: Option<Box<Self>>,
    pub(super) matched: Option<&'static str>,
}

impl Node<'_> {
    /// Everything that speaks of a value: of the very value, of a domain above it, of a range that
    /// holds it.
    pub(super) fn find(&self, value: &Value) -> Result<Vec<Found>, StoreError> {
        let mut found = self.exact(value, None)?;
        for (cover, matched) in covers(value) {
            found.extend(self.exact(&cover, Some(matched))?);
        }
        Ok(found)
    }

    /// The last word of each publisher on a value.
    pub(super) fn exact(
        &self,
        value: &Value,
        matched: Option<&'static str>,
    ) -> Result<Vec<Found>, StoreError> {
        let key = value.comparison_key();
        let mut newest: BTreeMap<MemberName, Found> = BTreeMap::new();
        for place in self.store().find(value.kind(), &key) {
            let Some(one) = self.read(place, matched)? else {
                continue;
            };
            let same = one.statement.value.kind() == value.kind()
                && one.statement.value.comparison_key() == key;
            if same {
                keep_newest(&mut newest, one);
            }
        }
        Ok(newest.into_values().collect())
    }

    /// The last word of our own on a value, among the copies that others may read too.
    pub(super) fn own_found(&self, value: &Value) -> Result<Option<Found>, StoreError> {
        let mut found = self.exact(value, None)?.into_iter();
        Ok(found.find(|one| one.publisher == *self.me()))
    }

    /// The last word of our own on a value, as answers have it.
    pub(super) fn own_word(&self, value: &Value) -> Result<Option<Statement>, StoreError> {
        if let Some(private) = self.own_statement(value)? {
            return Ok(Some(private));
        }
        let found = self.exact(value, None)?.into_iter();
        let mut own = found.filter(|one| one.publisher == *self.me());
        let own = own.find(|one| one.statement.value == *value);
        Ok(own.map(|one| one.statement))
    }

    fn read(
        &self,
        place: Place,
        matched: Option<&'static str>,
    ) -> Result<Option<Found>, StoreError> {
        let Some(feed) = self.store().feeds().by_number(place.feed) else {
            return Ok(None);
        };
        let (statement, _) = self.store().statement(place)?;
        let found = self.found(feed, place, statement);
        Ok(found.map(|found| Found { matched, ..found }))
    }

    /// Whether a feed holds all that its publisher says to us. Our own word is whole in the feed for
    /// ourselves alone: case number, notes and source are in no copy that others may read.
    pub(super) fn is_whole(&self, feed: &FeedState) -> bool {
        feed.genesis().publisher != *self.me() || feed.is_private()
    }

    /// What a statement is as an answer; nothing if it says nothing to us. Every answer takes its
    /// statements from here.
    pub(super) fn found(
        &self,
        feed: &FeedState,
        place: Place,
        statement: Statement,
    ) -> Option<Found> {
        let is_whole = self.is_whole(feed);
        if !is_whole && matches!(statement.said, Said::Ceased) {
            return None; // Others get no more of it; with us nothing changed.
        }
        let rank = statement.rank(&statement.encode());
        Some(Found {
            publisher: feed.genesis().publisher.clone(),
            place,
            standing: (statement.revision, is_whole, rank),
            statement,
            before: None,
            matched: None,
        })
    }
}

impl Found {
    /// What is asserted, or was before the end.
    pub(super) fn asserted(&self) -> Option<&Assertion> {
        match &self.statement.said {
            Said::Asserted { assertion, .. } => Some(assertion),
            Said::Withdrawn { .. } | Said::Ceased => self.before.as_ref()?.asserted(),
        }
    }

    /// The newer of two words on one indicator, and of two copies of one word our own that is whole: where a
    /// restored home lacks that one, the copy that says most. An end keeps what was asserted last.
    pub(super) fn newer(self, other: Self) -> Self {
        let (mut newest, older) = if self.standing >= other.standing {
            (self, other)
        } else {
            (other, self)
        };
        if !matches!(newest.statement.said, Said::Asserted { .. }) {
            let last = match (newest.before.take(), older) {
                (Some(before), older) if before.standing >= older.standing => Some(before),
                (before, older) => older.last_asserted().or(before),
            };
            newest.before = last;
        }
        newest
    }

    fn last_asserted(mut self) -> Option<Box<Self>> {
        match self.statement.said {
            Said::Asserted { .. } => Some(Box::new(self)),
            Said::Withdrawn { .. } | Said::Ceased => self.before.take(),
        }
    }
}

fn keep_newest(newest: &mut BTreeMap<MemberName, Found>, one: Found) {
    let one = match newest.remove(&one.publisher) {
        Some(before) => before.newer(one),
        None => one,
    };
    newest.insert(one.publisher.clone(), one);
}
