//! Who is over its quota here.

use std::collections::BTreeSet;

use kentong_keys::MemberName;

use crate::charter::Quota;
use crate::member::reader::View;
use crate::quota::{Bound, Takes};
use crate::store::{FeedState, Log, Rows};
use crate::time::Timestamp;

use super::{Intake, with};

/// What is not taken of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// The bound that it would exceed.
    pub bound: Bound,
    /// How many bodies.
    pub bodies: u64,
    /// How many statements these hold.
    pub statements: u64,
}

/// A publisher of whom not all is taken.
#[derive(Clone, Debug)]
pub struct OverQuota {
    /// The publisher.
    pub publisher: MemberName,
    /// How much is taken of each.
    pub quota: Quota,
    /// Leaves are still taken.
    pub takes_leaves: bool,
    /// Bodies that are not taken.
    pub not_taken: Option<NotTaken>,
    /// When the next are taken, where they wait for time.
    pub eases: Timestamp,
}

impl<L: Log, R: Rows> View<'_, L, R> {
    /// What is missing of a publisher because it is over its quota.
    fn not_taken(&self, publisher: &MemberName) -> Option<NotTaken> {
        let quota = *self.quota()?;
        let feeds = self.store.feeds().of(publisher);
        let used = self
            .reader
            .intake
            .used(self.store, publisher, self.now.moment);
        let missing = feeds.filter(|feed| feed.missing_count() > 0);
        let missing = missing.flat_map(FeedState::not_held);
        let mut not_taken: Option<NotTaken> = None;
        for (_, count, len) in missing {
            let bound = match quota.takes(with(used, (count, len))) {
                Takes::All => continue,
                Takes::TakingBack(bound) | Takes::Nothing(bound) => bound,
            };
            let so_far = not_taken.get_or_insert(NotTaken {
                bound,
                bodies: 0,
                statements: 0,
            });
            so_far.bound = so_far.bound.max(bound);
            so_far.bodies += 1;
            so_far.statements += u64::from(count);
        }
        not_taken
    }

    /// How many bodies of a publisher are missing that this node would take.
    #[must_use]
    pub fn wanted_of(&self, publisher: &MemberName) -> u64 {
        let feeds = self.store.feeds().of(publisher);
        let missing: u64 = feeds.map(FeedState::missing_count).sum();
        if missing == 0 || publisher == self.store.me() {
            return missing;
        }
        let not_taken = self.not_taken(publisher);
        missing.saturating_sub(not_taken.map_or(0, |not| not.bodies))
    }

    /// Who is over its quota here, what was not taken, and until when.
    #[must_use]
    pub fn over_quota(&self) -> Vec<OverQuota> {
        let Some(quota) = self.quota().copied() else {
            return Vec::new();
        };
        let (now, me) = (self.now.moment, self.store.me());
        let publishers: BTreeSet<&MemberName> = self
            .store
            .feeds()
            .iter()
            .map(|feed| &feed.genesis().publisher)
            .filter(|publisher| *publisher != me)
            .collect();
        let over = |publisher: &MemberName| {
            let day = self.reader.intake.came.get(publisher);
            let eases = day.and_then(|day| day.eases_at(now)).unwrap_or(now);
            let over = OverQuota {
                publisher: publisher.clone(),
                quota,
                takes_leaves: Intake::takes_leaves(self.store, &quota, publisher),
                not_taken: self.not_taken(publisher),
                eases: self.now.wall_at(eases),
            };
            (!over.takes_leaves || over.not_taken.is_some()).then_some(over)
        };
        publishers.into_iter().filter_map(over).collect()
    }
}
