//! What a simulated node stands on: its log and what it signed last, on a disk that may lose what was not
//! synced. A run is given a maker of them, so that the same run can stand on memory or on real files.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use kentong_keys::Digest;

use crate::feed::{FeedId, Leaf};

/// Makes what the nodes of a run stand on.
pub trait Grounds {
    /// What one node stands on.
    type Ground: Ground;

    /// Empty ground for the node of the member with this number; an equivocator gets two.
    fn make(&self, member: usize) -> Self::Ground;
}

/// What one node stands on.
///
/// A group of records is there entirely or not at all. What was appended is read back at once, and is
/// durable after the next [`Ground::sync`]; what was not synced a crash may take, from the end. Changes
/// of the signer state and erasures are durable when the call returns, and no crash takes them.
pub trait Ground: fmt::Debug + Sized {
    /// Appends a group to the log.
    fn append(&mut self, group: Vec<Record>);

    /// Makes all that was appended durable.
    fn sync(&mut self);

    /// All records, in the order in which they were appended.
    fn records(&self) -> impl Iterator<Item = &Record>;

    /// Overwrites the bodies of a leaf where they lie.
    fn erase(&mut self, feed: FeedId, index: u64);

    /// What the signer knows.
    fn signer(&self) -> &SignerState;

    /// Changes what the signer knows: all of it, or nothing.
    fn settle(&mut self, change: impl FnOnce(&mut SignerState));

    /// The power fails. `below` draws a number below another by chance: how many of the groups that
    /// were not synced are kept.
    fn crash(&mut self, below: impl FnMut(usize) -> usize);

    /// A backup: what is durable, without what was signed last.
    fn backup(&self) -> Self;
}

/// A record of the log. What is large is shared with the state that is derived from it.
#[derive(Clone, Debug)]
pub enum Record {
    /// A leaf of a feed, with its canonical bytes.
    Leaf(FeedId, Rc<(Leaf, Vec<u8>)>),
    /// The body of the leaf with this index.
    Body(FeedId, u64, Rc<Vec<u8>>),
    /// A body that was overwritten.
    ErasedBody,
    /// The key of an epoch.
    EpochKey(FeedId, u32, [u8; 32]),
    /// A signed head: its size, and the note.
    Checkpoint(FeedId, u64, Rc<Vec<u8>>),
    /// The feed holds only so many leaves from here on.
    Truncate(FeedId, u64),
}

/// What a node knows of what it signed.
#[derive(Clone, Debug, Default)]
pub struct SignerState {
    /// Size and root of what was signed last of each of its feeds.
    pub signed: BTreeMap<FeedId, (u64, Digest)>,
    /// Its feeds in which nothing more is signed, and how much of each somebody showed that did not
    /// come back.
    pub ended: BTreeMap<FeedId, u64>,
    /// Whether it is not known what was signed last.
    pub unknown: bool,
    /// Whether that was so once.
    pub was_restored: bool,
    /// Whether what came back then is still to be said in the feed for the member alone.
    pub taking_in: bool,
}

impl SignerState {
    /// The state of a home that is restored from a backup.
    #[must_use]
    pub fn of_a_backup() -> Self {
        Self {
            unknown: true,
            was_restored: true,
            ..Self::default()
        }
    }
}
