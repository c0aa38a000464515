//! What a simulated node has on disk: the log, of which a crash may take what was not synced; the
//! signer state, which is durable once it is moved; the charter's files and the policy file, each of
//! which is replaced as a whole.

use std::collections::BTreeMap;
use std::rc::Rc;

use kentong_keys::Digest;

use crate::charter::Papers;
use crate::feed::{FeedId, Leaf};

use super::dice::Dice;
use super::rules::Rules;

/// A record of the log. What is large is shared with the state that is derived from it.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Leaf(FeedId, Rc<(Leaf, Vec<u8>)>),
    Body(FeedId, u64, Rc<Vec<u8>>),
    /// A body that was overwritten.
    ErasedBody,
    EpochKey(FeedId, u32, [u8; 32]),
    Checkpoint(FeedId, u64, Rc<Vec<u8>>),
    Truncate(FeedId, u64),
}

/// The disk of a node.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    /// Each group is on disk entirely or not at all.
    groups: Vec<Vec<Record>>,
    /// So many groups are durable.
    synced: usize,
    /// Size and root of what was signed last of each own feed.
    pub(super) signer: BTreeMap<FeedId, (u64, Digest)>,
    /// Own feeds in which nothing is signed any more, and how much of each somebody showed that did not
    /// come back.
    pub(super) ended: BTreeMap<FeedId, u64>,
    /// Whether it is not known what was signed last.
    pub(super) unknown: bool,
    /// Whether that was so once, and what came back then is still to be taken in.
    pub(super) was_restored: bool,
    pub(super) taking_in: bool,
    pub(super) rules: Rules,
    pub(super) papers: Rc<Papers>,
}

impl Disk {
    pub(super) const fn new(rules: Rules, papers: Rc<Papers>) -> Self {
        Self {
            groups: Vec::new(),
            synced: 0,
            signer: BTreeMap::new(),
            ended: BTreeMap::new(),
            unknown: false,
            was_restored: false,
            taking_in: false,
            rules,
            papers,
        }
    }

    /// A copy of what is durable, without the signer state, which is in no backup.
    pub(super) fn copy(&self) -> Self {
        Self {
            groups: self.groups.iter().take(self.synced).cloned().collect(),
            unknown: true,
            was_restored: true,
            ..Self::new(self.rules, Rc::clone(&self.papers))
        }
        .all_synced()
    }

    const fn all_synced(mut self) -> Self {
        self.synced = self.groups.len();
        self
    }

    /// All of it; what is left is an empty disk with the same papers.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self::new(self.rules, Rc::clone(&self.papers));
        std::mem::replace(self, empty)
    }

    pub(super) fn append(&mut self, group: Vec<Record>) {
        self.groups.push(group);
    }

    pub(super) const fn sync(&mut self) {
        self.synced = self.groups.len();
    }

    /// Overwrites the bodies of a leaf in place, durably.
    pub(super) fn erase(&mut self, feed: FeedId, index: u64) {
        for record in self.groups.iter_mut().flatten() {
            if matches!(record, Record::Body(of, at, _) if *of == feed && *at == index) {
                *record = Record::ErasedBody;
            }
        }
    }

    /// Whether the body of a leaf lies there.
    pub(super) fn has_body(&self, feed: FeedId, index: u64) -> bool {
        let body = |record: &Record| matches!(record, Record::Body(of, at, _) if *of == feed && *at == index);
        self.records().any(body)
    }

    /// The power fails: of what was not synced a part remains, from the front.
    pub(super) fn crash(&mut self, dice: &mut Dice) {
        let unsynced = self.groups.len() - self.synced;
        let kept = self.synced + dice.place(unsynced + 1);
        self.groups.truncate(kept);
        self.synced = kept;
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.groups.iter().flatten()
    }
}
