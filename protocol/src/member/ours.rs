//! What the store holds of our feeds, as history asks for it.

use kentong_keys::{Digest, MemberName};

use crate::feed::FeedId;
use crate::store::{FeedState, Log, Rows, Store};

use super::history::{Held, OurFeeds};

/// Our feeds in a store.
#[derive(Debug)]
pub struct Ours<'a, L, R>(&'a Store<L, R>);

impl<'a, L: Log, R: Rows> Ours<'a, L, R> {
    /// Those of the member whose store this is.
    #[must_use]
    pub const fn of(store: &'a Store<L, R>) -> Self {
        Self(store)
    }

    fn state(&self, feed: FeedId) -> Option<&'a FeedState> {
        let held = self.0.feeds().get(feed);
        held.filter(|held| held.genesis().publisher == *self.0.me())
    }
}

impl<L: Log, R: Rows> OurFeeds for Ours<'_, L, R> {
    fn me(&self) -> &MemberName {
        self.0.me()
    }

    fn all(&self) -> impl Iterator<Item = Held<'_>> {
        self.0.feeds().of(self.0.me()).map(held)
    }

    fn get(&self, feed: FeedId) -> Option<Held<'_>> {
        self.state(feed).map(held)
    }

    fn root_at(&self, feed: FeedId, size: u64) -> Option<Digest> {
        self.state(feed)?.tree().root_at(size)
    }
}

fn held(state: &FeedState) -> Held<'_> {
    Held {
        feed: state.id(),
        audience: &state.genesis().audience,
        size: state.size(),
        covered: state.checkpoint().map_or(0, |(size, _)| size),
        missing: state.missing_count(),
        undecrypted: state.unopened_count(),
        is_private: state.is_private(),
        is_closed: state.is_closed(),
    }
}
