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
    /// A group is about to be written to the log.
    BeforeWrite,
    /// It is written, and not durable.
    Written,
    /// All that was written is durable.
    Durable,
    /// The heads are moved, and nothing is signed yet.
    HeadsMoved,
    /// The heads were to be moved: that failed, and nobody knows what is kept.
    HeadsFailed,
    /// Bodies are about to be overwritten.
    BeforeErasing,
    /// They are overwritten.
    Erased,
    /// The operator is answered, nothing is released.
    Answered,
    /// A document of the federation is on disk, and nobody uses it yet.
    Paper,
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
    Faulted(Option<LinkId>, MemberName, Fault),
    Evidence(Box<Evidence>),
    /// The node uses this version of the charter, and these notices on it.
    GoesBy {
        charter: Digest,
        notices: BTreeSet<Digest>,
    },
    /// A feed was closed.
    Closed,
    /// Readers have answered: publishing goes on in so many feeds that others read, and so many ended.
    WentOn {
        feeds: u64,
        ended: u64,
    },
    /// So many statements that had come back were loaded.
    TakenIn(u64),
    /// A member voted for two documents at once.
    VotedTwice(MemberName),
    Cosigned,
    Receipt(MemberName, Holds),
    ClockAhead,
    Withheld,
    Halted(String),
    /// The store was opened: whether its rows were spoilt before, and whether they were rebuilt.
    Opened {
        spoilt: bool,
        rebuilt: bool,
    },
    /// More of its feeds was signed than it holds.
    Behind(String),
}
