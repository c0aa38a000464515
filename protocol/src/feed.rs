//! A feed: one publisher's append-only Merkle log for one exact audience.
//!
//! What travels and is kept is a sequence of [`Leaf`] records (small, hashed into an RFC 6962 tree)
//! and, beside each batch leaf, a sealed body. A signed [`Checkpoint`] commits to all leaves below
//! its size. Nothing here stores anything.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        reason = "what is reckoned with here are numbers of peers"
    )
)]

mod audience;
mod batch;
mod body;
mod checkpoint;
mod closing;
mod epoch;
mod held_heads;
mod leaf;
mod padding;
mod proof;
#[cfg(test)]
mod tests;
mod tree;

pub use audience::{Audience, AudienceError, MAX_AUDIENCE};
pub use batch::{BatchDraft, SealedBatch};
pub use body::{
    BodyError, BodyId, FRAME_STATEMENTS, MAX_BATCH_BYTES, MAX_BATCH_STATEMENTS, MAX_BODY, OpenBody,
};
pub use checkpoint::{Checkpoint, CheckpointError, Origin, UnverifiedCheckpoint};
pub use epoch::{
    EPOCH_LIFETIME, EpochDraft, EpochError, MAX_EPOCH_STATEMENTS, OpenEpoch, open_epoch, rewrap,
    rewrap_with,
};
pub use held_heads::{HeldHeads, HeldHeadsError};
pub use leaf::{
    BatchLeaf, CloseLeaf, EpochLeaf, EraseLeaf, EraseReason, FeedId, GenesisLeaf, Leaf, LeafError,
    MAX_FOLLOWERS, MAX_LEAF, SealedFor, UnknownReason,
};
pub use proof::{ConsistencyProof, InclusionProof, MAX_PROOF, ProofError};
pub use tree::{Frontier, Tree, leaf_hash};
