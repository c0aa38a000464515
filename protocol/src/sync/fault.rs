//! The ways in which a peer can break the rules: each one variant, each with one test.

use crate::feed::{CheckpointError, LeafError};
use crate::wire::{Bye, MessageError};

/// A rule of the protocol that the peer broke. The session ends; the peer is told only
/// [`Bye::Fault`](crate::wire::Bye::Fault).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A frame that is no message.
    #[error("sent {0}")]
    Undecodable(#[from] MessageError),
    /// Something else came before `Hello`.
    #[error("did not begin with Hello")]
    NoHello,
    /// No `Hello` came in time.
    #[error("connected and said nothing")]
    Silent,
    /// A second `Hello`.
    #[error("said Hello twice")]
    SecondHello,
    /// The connection's key belongs to another member than the `Hello` says.
    #[error("says that it is another member than its key shows")]
    WrongMember,
    /// Another version of the protocol.
    #[error("speaks another version of the protocol")]
    Version,
    /// Another federation.
    #[error("belongs to another federation")]
    ForeignFederation,
    /// A checkpoint that is none, or not truly signed.
    #[error("sent a checkpoint that is {0}")]
    Checkpoint(CheckpointError),
    /// A checkpoint of a feed of another federation, publisher or incarnation than it says, or that
    /// the peer may not read.
    #[error("sent a checkpoint of a feed that is not its own, nor one that it may read")]
    NotItsFeed,
    /// A checkpoint, or leaves, that do not go together with what it signed before.
    #[error("showed two histories of one feed")]
    TwoHistories,
    /// Leaves that do not begin where the held ones end.
    #[error("sent leaves that do not continue the feed")]
    LeafGap,
    /// Leaves, but none in them, or more than the checkpoint covers.
    #[error("sent another number of leaves than its checkpoint covers")]
    LeafCount,
    /// Bytes that are no leaf.
    #[error("sent {0}")]
    Leaf(#[from] LeafError),
    /// A leaf that cannot stand where it stands: a genesis further on, an epoch out of turn, a
    /// batch of another epoch, anything but an erase leaf behind a closing leaf.
    #[error("sent a leaf where it cannot stand")]
    LeafOrder,
    /// An erase leaf that names no batch before it: what is not there cannot be erased.
    #[error("erases what is no batch before")]
    NothingToErase,
    /// A first leaf that does not hash to the feed's id, or is of another federation or publisher
    /// than the checkpoint says.
    #[error("sent a first leaf that is not this feed's")]
    Genesis,
    /// A feed whose audience does not hold both this node's member and the peer.
    #[error("sent a feed that is not for us")]
    NotForUs,
    /// Leaves that do not lead to the signed root.
    #[error("sent leaves that do not lead to the signed root")]
    LeafProof,
    /// More feeds than one publisher may have.
    #[error("opened too many feeds")]
    TooManyFeeds,
    /// A body that was neither asked for nor announced.
    #[error("sent a body that was not asked for")]
    UnaskedBody,
    /// Bodies announced of other leaves than those sent with them, or more than are sent unasked.
    #[error("announced bodies that it may not send unasked")]
    Announced,
    /// A body that is not the one that its leaf names.
    #[error("sent a body that does not match its leaf")]
    BodyMismatch,
    /// An epoch's key that was not asked for.
    #[error("sent an epoch's key that was not asked for")]
    UnaskedKey,
    /// A request for a feed that the peer may not read, or that does not exist.
    #[error("asked for a feed that is not for it")]
    NotEntitled,
    /// A request for leaves or bodies beyond the published ones.
    #[error("asked for what is not there")]
    BeyondEnd,
    /// More requests than the limit.
    #[error("asked too often")]
    TooFast,
    /// A request that was not answered in time.
    #[error("did not answer in time")]
    Stalled,
    /// Evidence that does not show by itself that somebody signed two histories.
    #[error("sent evidence that shows nothing")]
    Evidence,
    /// A paper of the federation that was not asked for.
    #[error("sent a paper that was not asked for")]
    UnaskedPaper,
    /// A paper that is neither a charter nor a notice.
    #[error("sent a paper that is neither a charter nor a notice")]
    Paper,
    /// A signed claim that is not truly signed, or is none.
    #[error("sent a claim that does not verify")]
    Claim,
    /// A receipt for a feed of ours that the peer may not read, or for other leaves than ours.
    #[error("sent a receipt for what it cannot hold")]
    Receipt,
}

impl Fault {
    /// What the peer is told: that the two do not belong together, or that it did wrong; no more.
    pub(super) const fn bye(&self) -> Bye {
        if matches!(self, Self::Version) {
            Bye::Version
        } else if matches!(self, Self::ForeignFederation) {
            Bye::Federation
        } else {
            Bye::Fault
        }
    }
}
