//! When the newest head of a feed of another is cosigned and shown to its other readers.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::feed::FeedId;
use crate::time;

/// For how long newer checkpoints of a feed are gathered before the last of them is cosigned and shown to
/// its other readers. Its publisher pushes them to all that it reaches, so what this is for can wait: one
/// signature and one message each ten seconds, however often something is published.
pub const SHOW_AFTER: Duration = Duration::from_secs(10);

/// The feeds whose newest head is still to be shown, each with when.
#[derive(Clone, Debug, Default)]
pub struct Showing {
    due_at: BTreeMap<FeedId, u64>,
}

impl Showing {
    /// A newer checkpoint of a feed is stored, at this moment of a clock that only goes forward.
    pub fn stored(&mut self, feed: FeedId, millis: u64) {
        let at = millis.saturating_add(time::millis(SHOW_AFTER));
        self.due_at.entry(feed).or_insert(at);
    }

    /// The feeds whose heads are due.
    #[must_use]
    pub fn due(&self, millis: u64) -> Vec<FeedId> {
        let due = self.due_at.iter().filter(|(_, at)| **at <= millis);
        due.map(|(feed, _)| *feed).collect()
    }

    /// The newest head of a feed is shown.
    pub fn shown(&mut self, feed: FeedId) {
        self.due_at.remove(&feed);
    }

    /// What is stored of these feeds is not to be shown: it is signed by a key that was replaced.
    pub fn forget(&mut self, feeds: &BTreeSet<FeedId>) {
        self.due_at.retain(|feed, _| !feeds.contains(feed));
    }

    /// When the next is due; none if nothing is to be shown.
    #[must_use]
    pub fn next_at(&self) -> Option<u64> {
        self.due_at.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;

    use super::*;

    #[test]
    fn heads_of_ten_seconds_are_shown_at_once() {
        let [one, other] = [1, 2].map(|n| FeedId::from_digest(Digest::from_bytes([n; 32])));
        let mut showing = Showing::default();
        assert_eq!((showing.due(u64::MAX), showing.next_at()), (vec![], None));
        showing.stored(one, 1_000);
        showing.stored(other, 5_000);
        showing.stored(one, 10_999); // It waits no longer because another came.
        assert_eq!(showing.next_at(), Some(11_000));
        let due = [10_999, 11_000, 14_999, 15_000].map(|at| showing.due(at).len());
        assert_eq!(due, [0, 1, 1, 2]);
        showing.shown(one);
        assert_eq!(showing.due(15_000), [other]);
        showing.stored(one, 15_000);
        assert_eq!(
            (showing.due(24_999), showing.due(25_000).len()),
            (vec![other], 2)
        );
        showing.forget(&BTreeSet::from([other]));
        assert_eq!(showing.due(u64::MAX), [one]);
    }
}
