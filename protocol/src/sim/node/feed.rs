//! A feed as a node holds it, for those who judge: what it says, not how it is kept.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::{Digest, MemberName};

use crate::feed::{FeedId, Leaf};
use crate::statement::Statement;
use crate::store::{BodyState, FeedNo, FeedState, Log, Rows, Store};

/// A feed that a node holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Feed<'n> {
    state: &'n FeedState,
    store: &'n dyn Reads,
}

/// A store over whatever ground, as far as feeds are read from it.
trait Reads: fmt::Debug {
    fn leaf(&self, feed: FeedId, index: u64) -> Option<Leaf>;
    fn batch(&self, feed: FeedNo, index: u64) -> Vec<Statement>;
    fn has_body(&self, feed: FeedId, index: u64) -> bool;
}

impl<L: Log + fmt::Debug, R: Rows + fmt::Debug> Reads for Store<L, R> {
    fn leaf(&self, feed: FeedId, index: u64) -> Option<Leaf> {
        Leaf::decode(&self.leaf(feed, index).ok()?).ok()
    }

    fn batch(&self, feed: FeedNo, index: u64) -> Vec<Statement> {
        let read = self.batch_statements(feed, index);
        read.expect("an opened batch can be read again")
    }

    fn has_body(&self, feed: FeedId, index: u64) -> bool {
        self.body(feed, index).is_ok()
    }
}

impl<'n> Feed<'n> {
    pub(in crate::sim) const fn id(&self) -> FeedId {
        self.state.id()
    }

    pub(in crate::sim) const fn publisher(&self) -> &'n MemberName {
        &self.state.genesis().publisher
    }

    /// Its publisher and its readers.
    pub(in crate::sim) fn audience(&self) -> impl Iterator<Item = &'n MemberName> + use<'n> {
        self.state.genesis().audience.members().iter()
    }

    /// Whether a member publishes or reads it.
    pub(in crate::sim) fn is_for(&self, member: &MemberName) -> bool {
        self.state.genesis().audience.holds(member)
    }

    /// Whether nobody vouches for it.
    pub(in crate::sim) fn is_void(&self) -> bool {
        self.state.is_void()
    }

    /// The newest signed head that is held.
    pub(in crate::sim) fn signed(&self) -> Option<(u64, Digest)> {
        let (size, _) = self.state.checkpoint()?;
        Some((size, self.root_at(size)?))
    }

    /// How many leaves are held.
    pub(in crate::sim) fn size(&self) -> u64 {
        self.state.size()
    }

    /// The root over all leaves that are held.
    pub(in crate::sim) fn root(&self) -> Digest {
        self.state.tree().root()
    }

    /// The root over the first so many leaves; none if fewer are held.
    pub(in crate::sim) fn root_at(&self, size: u64) -> Option<Digest> {
        self.state.tree().root_at(size)
    }

    /// The leaves from an index on.
    pub(in crate::sim) fn leaves_from(&self, from: u64) -> impl Iterator<Item = Leaf> + use<'n> {
        let (store, id) = (self.store, self.id());
        let leaves = (from..self.size()).map(move |index| store.leaf(id, index));
        leaves.map(|leaf| leaf.expect("a leaf that is held can be read again"))
    }

    /// The newest signed head that is held, as its publisher wrote it.
    pub(in crate::sim) fn head(&self) -> Option<&'n [u8]> {
        self.state.checkpoint().map(|(_, note)| note)
    }

    /// How many bodies of the first so many leaves are not held, and should be.
    pub(in crate::sim) fn missing_below(&self, size: u64) -> u64 {
        let missing = self.state.missing(0);
        missing.take_while(|index| *index < size).count() as u64
    }

    /// How many bodies are not held, and should be.
    pub(in crate::sim) const fn missing(&self) -> u64 {
        self.state.missing_count()
    }

    /// All that its batches say, as far as they could be decrypted.
    pub(in crate::sim) fn statements(&self) -> impl Iterator<Item = Statement> + use<'n> {
        let feed = *self;
        (0..self.size()).flat_map(move |index| feed.batch(index))
    }

    /// What one batch says; nothing if it is not held, or could not be decrypted.
    pub(in crate::sim) fn batch(&self, index: u64) -> Vec<Statement> {
        if self.state.body(index) == Some(BodyState::Held { opened: true }) {
            self.store.batch(self.state.number(), index)
        } else {
            Vec::new()
        }
    }

    /// The batches that signed leaves say are erased: read from the leaves themselves.
    pub(in crate::sim) fn erased(&self) -> BTreeSet<u64> {
        let signed = self.state.checkpoint().map_or(0, |(size, _)| size);
        let leaves = (0..signed).filter_map(|index| self.store.leaf(self.id(), index));
        let erased = leaves.filter_map(|leaf| match leaf {
            Leaf::Erase(leaf) => Some(leaf.index),
            Leaf::Genesis(_) | Leaf::Epoch(_) | Leaf::Batch(_) | Leaf::Close(_) => None,
        });
        erased.collect()
    }

    /// Whether the node still gives out the body of a batch.
    pub(in crate::sim) fn has_body(&self, index: u64) -> bool {
        self.store.has_body(self.id(), index)
    }
}

/// All feeds of which anything is held.
pub(super) fn all<L: Log + fmt::Debug, R: Rows + fmt::Debug>(
    store: &Store<L, R>,
) -> impl Iterator<Item = Feed<'_>> {
    let begun = store.feeds().iter().filter(|state| state.size() > 0);
    begun.map(move |state| Feed { state, store })
}

pub(super) fn of<'n, L: Log + fmt::Debug, R: Rows + fmt::Debug>(
    store: &'n Store<L, R>,
    publisher: &MemberName,
) -> impl Iterator<Item = Feed<'n>> + use<'n, L, R> {
    let of: Vec<_> = all(store)
        .filter(|feed| feed.publisher() == publisher)
        .collect();
    of.into_iter()
}

pub(super) fn one<'n, L: Log + fmt::Debug, R: Rows + fmt::Debug>(
    store: &'n Store<L, R>,
    id: &FeedId,
) -> Option<Feed<'n>> {
    let state = store.feeds().get(*id).filter(|state| state.size() > 0)?;
    Some(Feed { state, store })
}
