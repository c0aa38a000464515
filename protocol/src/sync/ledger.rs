//! What a session sees of the feeds that its node holds.

use kentong_keys::MemberName;

use crate::feed::{BatchLeaf, FeedId, GenesisLeaf, Tree};

/// A feed as it is held now.
#[derive(Clone, Copy, Debug)]
pub struct FeedView<'a> {
    /// Its first leaf.
    pub genesis: &'a GenesisLeaf,
    /// The tree over the leaves that are held.
    pub tree: &'a Tree,
    /// The newest checkpoint that is held: its size and its signed bytes. For a feed of one's own
    /// the size is what was published; leaves above it are not anybody's business yet.
    pub checkpoint: Option<(u64, &'a [u8])>,
    /// The number of its newest epoch; 0 before the first.
    pub epoch: u32,
    /// Whether it takes no more leaves.
    pub closed: bool,
    /// How many bodies are not held.
    pub missing: u64,
    /// How many are held but were not opened.
    pub unopened: u64,
    /// How many were erased.
    pub erased: u64,
    /// Everything below this index is applied.
    pub applied: u64,
}

/// A body that is missing, with the leaf that it must match.
#[derive(Clone, Debug)]
pub struct WantedBody {
    /// The index of its leaf.
    pub index: u64,
    /// The leaf.
    pub leaf: BatchLeaf,
}

/// The feeds of a node, as a session sees them. Implemented by the node's store and by the
/// in-memory members of tests and simulation.
pub trait Ledger {
    /// The feeds that `publisher` publishes and both members may read, in the order of their ids.
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId>;

    /// A feed, if it is held.
    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>>;

    /// The first `most` bodies of a feed that are missing, from index `from` on.
    fn missing(&self, id: &FeedId, from: u64, most: usize) -> Vec<WantedBody>;

    /// Whether the body at an index is missing.
    fn lacks(&self, id: &FeedId, index: u64) -> bool;

    /// The batch leaf at an index, if one is there.
    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf>;

    /// The first `most` epochs of a feed above `above` whose keys are not held.
    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32>;
}
