//! What this node says and releases: the one place where it signs a feed.
//!
//! What an operator says stands in the feed for this member alone first ([`Publisher::say`],
//! [`Publisher::commit`]). From there it is released, without what policy strips, to the feeds for those
//! readers whom policy permits, as far as their quota has room. A feed that somebody reads who is no longer a member
//! is closed before anything else is said. An erasure is signed before it overwrites.
//!
//! Nothing here knows of links, of what others publish, or of how much this node knows of its own past: what
//! may be done now is handed in ([`Permit`]), and what follows comes out ([`Output`]).

mod closing;
mod erasing;
mod growing;
mod loading;
mod output;
mod pending;
mod publishing;
mod quota;
mod releasing;
mod saying;
#[cfg(test)]
mod tests;
mod to_load;
mod tools;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId, OpenEpoch};
use crate::quota::Outgoing;
use crate::store::{FeedNo, Log, Rows, Store};
use crate::time::Moment;

use pending::Pending;

use super::World;

pub use erasing::{Extent, NotErased};
pub use output::{Output, PublishError};
pub use publishing::checkpoint;
pub use saying::{Outcome, Saying};
pub use to_load::to_load;
pub use tools::{Permit, Tools};

/// After how long a release that failed is tried again.
pub const RETRY: Duration = Duration::from_secs(10);

/// What this node says and releases. A `T` is what the router needs to answer one who said something.
#[derive(Debug)]
pub struct Publisher<T> {
    /// Our open feed for each audience.
    feeds: BTreeMap<Audience, FeedId>,
    /// The epochs that this process has begun. Those of an earlier one are not continued.
    epochs: BTreeMap<FeedId, OpenEpoch>,
    /// Said and not yet durable.
    pending: Pending<T>,
    /// What is used of the quota of those who read our feeds.
    outgoing: Outgoing,
    /// Batches of our indicators that are still to be checked for release.
    sweep: VecDeque<(FeedNo, u64)>,
    /// Our feeds are to be looked through for readers who are no longer members.
    to_close: bool,
    /// When our indicators are to be checked for release again, after that failed.
    retry: Option<Moment>,
    /// What follows, until the router takes it.
    outputs: Vec<Output<T>>,
}

impl<T> Default for Publisher<T> {
    fn default() -> Self {
        Self {
            feeds: BTreeMap::new(),
            epochs: BTreeMap::new(),
            pending: Pending::default(),
            outgoing: Outgoing::default(),
            sweep: VecDeque::new(),
            to_close: false,
            retry: None,
            outputs: Vec::new(),
        }
    }
}

impl<T> Publisher<T> {
    /// What follows from what was done, in order. To be taken and carried out after each call.
    #[must_use]
    pub fn take_outputs(&mut self) -> Vec<Output<T>> {
        std::mem::take(&mut self.outputs)
    }

    /// Whether nothing is left to be closed or checked for release.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sweep.is_empty() && !self.to_close
    }

    /// Batches of our indicators that are still to be checked for release.
    #[must_use]
    pub fn to_release(&self) -> usize {
        self.sweep.len()
    }

    /// What was released in the last day, and what waits for the quota.
    #[must_use]
    pub const fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// These are our open feeds, and no others.
    pub fn open_feeds(&mut self, feeds: BTreeMap<Audience, FeedId>) {
        self.feeds = feeds;
    }

    /// Nothing is appended to this feed any longer.
    pub fn leave(&mut self, feed: FeedId) {
        self.feeds.retain(|_, open| *open != feed);
        self.epochs.remove(&feed);
    }

    /// This feed is appended to again, unless another has its place.
    pub fn resume(&mut self, audience: Audience, feed: FeedId) {
        self.feeds.entry(audience).or_insert(feed);
    }

    /// Who belongs has changed: what is said from now on is said in new epochs. Those who belonged before
    /// hold the keys of the open ones.
    pub fn end_epochs(&mut self) {
        self.epochs.clear();
    }

    /// The same for the feeds that a member reads: its old keys may be in the wrong hands, and decrypt
    /// the open epochs.
    pub fn end_epochs_of<L: Log, R: Rows>(&mut self, reader: &MemberName, store: &Store<L, R>) {
        self.epochs.retain(|feed, _| {
            let held = store.feeds().get(*feed);
            held.is_none_or(|held| !held.genesis().audience.holds(reader))
        });
    }

    /// Nothing is published until the next start: what is stored and what is signed may differ.
    fn stop<W: World>(&mut self, with: &mut Tools<'_, W>, why: String) {
        with.permit = Permit::Stopped(why.clone());
        self.outputs.push(Output::Stop(why));
    }

    /// A release failed: all is checked again in a while.
    fn release_failed<W: World>(&mut self, with: &Tools<'_, W>, error: &PublishError) {
        self.outputs.push(Output::NotReleased(error.to_string()));
        self.retry = Some(with.ground.now.after(RETRY));
    }
}
