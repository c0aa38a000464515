//! When the newest head of a feed of another is cosigned and shown to its other readers.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use crate::feed::FeedId;
use crate::time::Moment;

/// For how long newer checkpoints of a feed are gathered before the last of them is cosigned and shown to
/// its other readers. Its publisher pushes them to all that it reaches, so what this is for can wait: one
/// signature and one message each ten seconds, however often something is published.
pub const SHOW_AFTER: Duration = Duration::from_secs(10);

/// The feeds whose newest head is still to be shown, each with when.
#[derive(Clone, Debug, Default)]
pub struct Showing {
    due_at: BTreeMap<FeedId, Moment>,
}

impl Showing {
    /// A newer checkpoint of a feed is stored, at this moment of a clock that only goes forward.
    pub fn stored(&mut self, feed: FeedId, now: Moment) {
        let at = now.after(SHOW_AFTER);
        self.due_at.entry(feed).or_insert(at);
    }

    /// The feeds whose heads are due.
    #[must_use]
    pub fn due(&self, now: Moment) -> Vec<FeedId> {
        let due = self.due_at.iter().filter(|(_, at)| **at <= now);
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
    pub fn next_at(&self) -> Option<Moment> {
        self.due_at.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn heads_of_ten_seconds_are_shown_at_once() {
        let [one, other] = [1, 2].map(|n| FeedId::from_digest(Digest::from_bytes([n; 32])));
        let mut showing = Showing::default();
        assert_eq!(
            (showing.due(Moment::NEVER), showing.next_at()),
            (vec![], None)
        );
        showing.stored(one, at(1_000));
        showing.stored(other, at(5_000));
        showing.stored(one, at(10_999)); // It waits no longer because another came.
        assert_eq!(showing.next_at(), Some(at(11_000)));
        let due = [10_999, 11_000, 14_999, 15_000].map(|now| showing.due(at(now)).len());
        assert_eq!(due, [0, 1, 1, 2]);
        showing.shown(one);
        assert_eq!(showing.due(at(15_000)), [other]);
        showing.stored(one, at(15_000));
        assert_eq!(
            (showing.due(at(24_999)), showing.due(at(25_000)).len()),
            (vec![other], 2)
        );
        showing.forget(&BTreeSet::from([other]));
        assert_eq!(showing.due(Moment::NEVER), [one]);
    }
}
