//! The store as a sync session sees it.

use kentong_keys::MemberName;
use kentong_protocol::feed::{BatchLeaf, FeedId};
use kentong_protocol::sync::{FeedView, Ledger, WantedBody};

use super::{BodyState, Store};

impl Ledger for Store {
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        let feeds = self.state.feeds.of(publisher);
        let shared = feeds.filter(|feed| {
            let audience = &feed.genesis().audience;
            audience.holds(reader) && audience.holds(&self.state.me)
        });
        let mut ids: Vec<_> = shared.map(super::FeedState::id).collect();
        ids.sort_unstable();
        ids
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        let feed = self.state.feeds.get(*id)?;
        Some(FeedView {
            genesis: feed.genesis(),
            tree: feed.tree(),
            checkpoint: feed.checkpoint(),
            epoch: feed
                .epochs()
                .last_key_value()
                .map_or(0, |(epoch, _)| *epoch),
            closed: feed.is_closed(),
            missing: feed.missing_count(),
            unopened: feed.unopened_count() + feed.bad_count(),
            erased: feed.erased_count(),
            applied: feed.applied_to(),
        })
    }

    /// A leaf that the log does not give is left out: the log's next use says what is wrong.
    fn missing(&self, id: &FeedId, from: u64, most: usize) -> Vec<WantedBody> {
        let Some(feed) = self.state.feeds.get(*id) else {
            return Vec::new();
        };
        let wanted = feed.missing(from).filter_map(|index| {
            Some(WantedBody {
                index,
                leaf: self.vault.batch(feed, index).ok()?,
            })
        });
        wanted.take(most).collect()
    }

    fn lacks(&self, id: &FeedId, index: u64) -> bool {
        let feed = self.state.feeds.get(*id);
        feed.and_then(|feed| feed.body(index)) == Some(BodyState::Missing)
    }

    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        self.vault.batch(self.state.feeds.get(*id)?, index).ok()
    }

    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        let Some(feed) = self.state.feeds.get(*id) else {
            return Vec::new();
        };
        let above = (std::ops::Bound::Excluded(above), std::ops::Bound::Unbounded);
        let epochs = feed.epochs().range(above);
        epochs
            .filter(|(_, epoch)| !epoch.has_key())
            .map(|(number, _)| *number)
            .take(most)
            .collect()
    }
}
