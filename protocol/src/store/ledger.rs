//! What a sync session asks of the store; the rest of what it asks the runtime knows.

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::sync::{FeedView, WantedBody};
use kentong_keys::MemberName;

use super::ground::{Log, Rows};
use super::{BodyState, FeedState, Store, Vouched};

impl<L: Log, R: Rows> Store<L, R> {
    /// The feeds of one publisher that a reader may read and that count, in the order of their ids.
    #[must_use]
    pub fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        sorted(self.state.feeds.of(publisher), reader)
    }

    /// All feeds that a reader may read and that count, in the order of their ids.
    #[must_use]
    pub fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        sorted(self.state.feeds.iter(), reader)
    }

    /// A feed as a session sees it.
    #[must_use]
    pub fn view(&self, id: &FeedId) -> Option<FeedView<'_>> {
        let feed = self.state.feeds.get(*id)?;
        Some(FeedView {
            genesis: feed.genesis(),
            tree: feed.tree(),
            checkpoint: feed.checkpoint(),
            former: feed.vouched() != Vouched::Present,
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

    /// The first bodies that are missing from an index on, of those that are wanted. A leaf that the
    /// log does not give is left out: the log's next use says what is wrong.
    #[must_use]
    pub fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        let Some(feed) = self.state.feeds.get(*id) else {
            return Vec::new();
        };
        // Below what is applied nothing is missing.
        let from = from.max(feed.applied_to());
        let missing = feed.missing(from).filter(|index| wanted(*index));
        let wanted = missing.filter_map(|index| {
            Some(WantedBody {
                index,
                leaf: self.vault().batch(feed, index).ok()?,
            })
        });
        wanted.take(most).collect()
    }

    /// Whether a body is missing.
    #[must_use]
    pub fn lacks(&self, id: &FeedId, index: u64) -> bool {
        let feed = self.state.feeds.get(*id);
        feed.and_then(|feed| feed.body(index)) == Some(BodyState::Missing)
    }

    /// The first epochs of a feed above one whose keys are not held.
    #[must_use]
    pub fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
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

/// The ids of those that a reader may read, in order.
fn sorted<'a>(feeds: impl Iterator<Item = &'a FeedState>, reader: &MemberName) -> Vec<FeedId> {
    let may_read =
        |feed: &FeedState| feed.genesis().audience.holds(reader) || !guard::on(Guard::ReadersOnly);
    let shared = feeds.filter(|feed| feed.size() > 0 && !feed.is_void() && may_read(feed));
    let mut ids: Vec<_> = shared.map(FeedState::id).collect();
    ids.sort_unstable();
    ids
}
