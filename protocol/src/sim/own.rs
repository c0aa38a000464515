//! What a publisher has said of each of its indicators, and to whom; derived from its own feeds.

use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::release::Carried;
use crate::statement::{ErasedMark, IndicatorId, Revision, Said, Statement};

use super::feeds::{Feeds, Held};

/// What is known of one own indicator.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The newest revision that was asserted or withdrawn.
    pub(super) revision: Revision,
    /// The highest number that any statement about it took.
    pub(super) highest: Revision,
    /// The newest statement of the private feed.
    pub(super) newest: Option<Statement>,
    /// Which other feeds carry it, and how.
    pub(super) carried: BTreeMap<FeedId, Carried>,
}

/// All of a publisher's own indicators, and which of them were erased, each with the number that took.
#[derive(Debug, Default)]
pub(super) struct Own(
    pub(super) BTreeMap<IndicatorId, Entry>,
    BTreeMap<ErasedMark, Revision>,
);

/// The mark of an indicator. The simulation needs no key for it.
pub(super) fn mark(id: &IndicatorId) -> ErasedMark {
    ErasedMark::from_bytes(*id.as_bytes())
}

/// Whether only its publisher reads the feed.
pub(super) fn is_private(held: &Held) -> bool {
    held.genesis.audience.members().len() == 1
}

impl Own {
    /// The table that follows from the feeds.
    pub(super) fn of(feeds: &Feeds, me: &MemberName) -> Self {
        let mut own = Self::default();
        for (id, held) in feeds.of(me) {
            for index in held.opened.keys() {
                own.take(me, *id, held, *index);
            }
        }
        own
    }

    /// The number that the erasure of an indicator took; 0 if it was never erased.
    pub(super) fn erased(&self, id: &IndicatorId) -> Revision {
        self.1.get(&mark(id)).copied().unwrap_or_default()
    }

    /// Takes in a batch of an own feed.
    pub(super) fn take(&mut self, me: &MemberName, id: FeedId, held: &Held, index: u64) {
        for (statement, _) in held
            .opened
            .get(&index)
            .into_iter()
            .flat_map(|all| all.iter())
        {
            self.apply(me, is_private(held), id, statement);
        }
        for erasure in held.told.get(&index).into_iter().flatten() {
            let newest = self.1.entry(erasure.mark).or_default();
            *newest = (*newest).max(erasure.revision);
        }
    }

    fn apply(&mut self, me: &MemberName, private: bool, feed: FeedId, statement: &Statement) {
        let id = IndicatorId::of(me, &statement.value);
        let entry = self.0.entry(id).or_default();
        let revision = statement.revision;
        entry.highest = entry.highest.max(revision);
        if !matches!(statement.said, Said::Ceased) && revision > entry.revision {
            let before = std::mem::replace(&mut entry.revision, revision);
            for carried in entry.carried.values_mut() {
                if matches!(carried, Carried::Current(_)) {
                    *carried = Carried::Older(before);
                }
            }
        }
        if private {
            // Of several private feeds the one that follows says the later word.
            let newest = entry.newest.as_ref();
            if newest.is_none_or(|newest| newest.revision <= revision) {
                entry.newest = Some(statement.clone());
            }
            return;
        }
        let how = match &statement.said {
            Said::Withdrawn { .. } => Carried::Withdrawn(revision),
            Said::Ceased => Carried::Ceased(revision),
            Said::Asserted { stripped, .. } if revision == entry.revision => {
                Carried::Current(*stripped)
            }
            Said::Asserted { .. } => Carried::Older(revision),
        };
        entry.carried.insert(feed, how);
    }
}
