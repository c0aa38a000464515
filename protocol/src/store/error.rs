//! How the store can fail.

use crate::feed::{BodyError, FeedId, LeafError};

use super::ground::{Damage, GroundError};

/// Why the store could not do what was asked. Indicators and keys never appear here.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log, which is the truth, failed.
    #[error(transparent)]
    Log(#[from] GroundError),
    /// The derived state could not be written or read while the node runs.
    #[error(
        "the derived state in the folder `sled` failed ({0}); start the node again, and it is \
         rebuilt from the log"
    )]
    Derived(String),
    /// An earlier failure left memory and log apart.
    #[error("an earlier write failed half-way; start the node again, which reads the log anew")]
    Broken,
    /// The derived state is not believed, and could not be set aside.
    #[error(transparent)]
    Aside(GroundError),
    /// The step names a feed that the store does not know and that the step does not begin.
    #[error("feed {0:?} is not known here; commit its genesis leaf first")]
    UnknownFeed(FeedId),
    /// Bytes that are to be a leaf are none.
    #[error("leaf {index} of feed {feed:?} is {error}; fetch it again from another reader")]
    Leaf {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
        /// What is wrong with it.
        error: LeafError,
    },
    /// A genesis leaf elsewhere than at index 0, another leaf there, or another feed's genesis.
    #[error("the first leaf of feed {0:?}, and no other, is the genesis that names it")]
    Genesis(FeedId),
    /// A leaf that is not the next of its feed.
    #[error("leaf {index} of feed {feed:?} does not follow: the next is {next}; commit in order")]
    Gap {
        /// The feed.
        feed: FeedId,
        /// The index that was offered.
        index: u64,
        /// The index that was due.
        next: u64,
    },
    /// A leaf after the one that closes its feed.
    #[error(
        "feed {0:?} is closed and takes no more leaves but such as erase; write to a feed that follows it"
    )]
    Closed(FeedId),
    /// An epoch leaf whose number is not one more than that before.
    #[error("epoch {epoch} of feed {feed:?} does not follow: the next is {next}")]
    EpochOrder {
        /// The feed.
        feed: FeedId,
        /// The number that was offered.
        epoch: u32,
        /// The number that was due.
        next: u32,
    },
    /// There is no such leaf.
    #[error("feed {feed:?} holds no leaf {index} here; fetch it first")]
    NoLeaf {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
    },
    /// The body of a leaf is to be erased that is no batch, or none that stands before.
    #[error("leaf {index} of feed {feed:?} is no batch before, so there is nothing to erase")]
    NoBatch {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
    },
    /// A batch holds statements that this release does not know: it cannot say whose they are.
    #[error(
        "batch {index} of feed {feed:?} holds statements of a later release; erase with that release"
    )]
    UnknownStatements {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
    },
    /// A body for a leaf that has none, whose body is held already or was erased.
    #[error(
        "no body is wanted for leaf {index} of feed {feed:?}; ask its state before offering one"
    )]
    BodyNotWanted {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
    },
    /// A body that is not the one that its leaf names.
    #[error(
        "the body offered for leaf {index} of feed {feed:?} is refused: {error}; fetch it from another reader"
    )]
    Body {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
        /// What is wrong with it.
        error: BodyError,
    },
    /// A body that is asked for is not held, was erased or did not open.
    #[error(
        "the body of leaf {index} of feed {feed:?} cannot be read here; `kentong feeds` shows why"
    )]
    NoBody {
        /// The feed.
        feed: FeedId,
        /// The index.
        index: u64,
    },
    /// An epoch key without its epoch leaf, or one that the leaf does not commit to.
    #[error(
        "the key offered for epoch {epoch} of feed {feed:?} is not the one its leaf commits to; ask another reader"
    )]
    EpochKey {
        /// The feed.
        feed: FeedId,
        /// The epoch.
        epoch: u32,
    },
    /// A stored epoch key does not open under this node's store key.
    #[error(
        "a stored epoch key of feed {0:?} does not open: the store key is not the one this log was written with; put back the right key folder"
    )]
    StoreKey(FeedId),
    /// A checkpoint over leaves that are not held, below the one that is held, or with a note of
    /// more than 4 KiB.
    #[error(
        "a checkpoint of size {size} does not fit feed {feed:?}; commit its leaves first, and never an older one"
    )]
    Checkpoint {
        /// The feed.
        feed: FeedId,
        /// The size that was offered.
        size: u64,
    },
    /// A feed cannot be cut below what its checkpoint covers.
    #[error(
        "feed {feed:?} has a checkpoint above {size} and is not cut; a signed history is never dropped"
    )]
    Truncate {
        /// The feed.
        feed: FeedId,
        /// The size that was asked for.
        size: u64,
    },
    /// There is no statement of a known kind at this place.
    #[error("there is no readable statement at this place; ask again with `kentong query`")]
    NoStatement,
    /// A bound of the store was reached.
    #[error("the store holds {0}, which is its limit; move this member to a larger store")]
    Limit(&'static str),
}

impl From<Damage> for StoreError {
    fn from(Damage(what): Damage) -> Self {
        Self::Derived(what)
    }
}
