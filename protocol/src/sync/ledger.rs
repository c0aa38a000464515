//! What a session sees of the feeds that its node holds.

use kentong_keys::{Digest, MemberName, PublicKey, VerifierKey};

use crate::charter::Papers;
use crate::feed::{BatchLeaf, FeedId, GenesisLeaf, Tree};

use super::sources::Sources;

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
    /// Whether a key signed that checkpoint that is not the publisher's any more: then it is shown to
    /// nobody, and gives way to what the present key signs.
    pub former: bool,
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

    /// All feeds that are held and that this member may read, in the order of their ids.
    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId>;

    /// The key by which a member signs checkpoints, if it is a member whose warrant is known.
    fn signing(&self, member: &MemberName) -> Option<PublicKey>;

    /// The key by which a member cosigns those of others.
    fn witness(&self, member: &MemberName) -> Option<VerifierKey>;

    /// The head of a feed of this node's own that its warrant names: so far went a former key's word.
    fn frozen(&self, id: &FeedId) -> Option<(u64, Digest)>;

    /// The newest checkpoint of a feed with this node's own cosignature, if that is made.
    fn cosigned(&self, id: &FeedId) -> Option<&[u8]>;

    /// Whether the publisher of a feed is known to have signed two histories of it: no more is taken
    /// of it.
    fn is_forked(&self, id: &FeedId) -> bool;

    /// Whether more leaves of a publisher are taken. Where not, those that come are passed over, and nobody
    /// is blamed.
    fn takes_leaves(&self, publisher: &MemberName) -> bool {
        let _ = publisher;
        true
    }

    /// The federation's papers; none where they do not change.
    fn papers(&self) -> Option<&Papers>;

    /// Each member with the serials of its newest warrant and card that are known here, 0 for none.
    fn credentials(&self) -> Vec<(MemberName, u64, u64)>;

    /// From whom is fetched what is missing.
    fn sources(&self) -> &Sources;

    /// The first `most` bodies of a feed that are missing, from index `from` on, of those whose index
    /// is `wanted`.
    fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody>;

    /// Whether the body at an index is missing.
    fn lacks(&self, id: &FeedId, index: u64) -> bool;

    /// The batch leaf at an index, if one is there.
    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf>;

    /// The first `most` epochs of a feed above `above` whose keys are not held.
    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32>;
}
