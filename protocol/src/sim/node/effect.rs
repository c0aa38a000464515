//! What a node does that the rest of the world sees, and the places where it may stop.

use std::collections::BTreeSet;

use kentong_keys::{Digest, MemberName};

use crate::feed::FeedId;
use crate::sync::{Evidence, Fault};
use crate::wire::{Holds, Message};

use super::super::said::Item;
use super::LinkId;

/// Where a node may crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Sealed, nothing written.
    Sealed,
    /// Leaves and bodies written, not durable.
    Written,
    /// Durable, the signer state not moved.
    Durable,
    /// The signer state moved, nothing signed.
    SignerMoved,
    /// Signed and written, not announced.
    Signed,
    /// The operator answered, nothing released.
    Answered,
    /// Received leaves or a body written.
    Received,
    /// A paper of the federation is on disk, and nobody uses it yet.
    Paper,
    /// A receipt durable, not sent.
    Receipt,
    /// What a crash left is dropped, checkpoints not signed again.
    Dropped,
    /// Between two steps.
    Idle,
}

/// What a node did that the rest of the world sees.
#[derive(Debug)]
pub(in crate::sim) enum Effect {
    Send(LinkId, Message),
    Close(LinkId),
    /// A checkpoint was signed.
    Signed(FeedId, u64, Digest),
    /// The operator was answered that the statement about this is durable.
    Answered(Item),
    /// What is due of these went out.
    Released(Vec<Item>),
    /// All own indicators were looked through.
    Swept,
    /// Leaves of a feed came in.
    Stored(FeedId),
    Faulted(LinkId, MemberName, Fault),
    Evidence(Box<Evidence>),
    /// The node uses this version of the charter, and these notices on it.
    GoesBy {
        charter: Digest,
        notices: BTreeSet<Digest>,
    },
    /// A feed was closed.
    Closed,
    /// Readers were heard: publishing goes on in so many feeds that others read, and so many ended.
    WentOn {
        feeds: u64,
        ended: u64,
    },
    /// So many statements were taken in that had come back.
    TakenIn(u64),
    /// A member voted for two documents at once.
    VotedTwice(MemberName),
    Cosigned,
    Receipt(MemberName, Holds),
    ClockAhead,
    Withheld,
    Halted(String),
}
