//! The light ground: a log in memory, of which a crash may take what was not synced; the signer state,
//! which is durable once it is moved.

use crate::feed::FeedId;

use super::ground::{Ground, Grounds, Record, SignerState};

/// Makes grounds in memory, of which nothing but the order of what is durable is played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Light;

impl Grounds for Light {
    type Ground = Disk;

    fn make(&self, _member: usize) -> Disk {
        Disk::default()
    }
}

/// The disk of a node, in memory.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Each group is on disk entirely or not at all.
    groups: Vec<Vec<Record>>,
    /// So many groups are durable.
    synced: usize,
    signer: SignerState,
}

impl Ground for Disk {
    fn append(&mut self, group: Vec<Record>) {
        self.groups.push(group);
    }

    fn sync(&mut self) {
        self.synced = self.groups.len();
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.groups.iter().flatten()
    }

    fn erase(&mut self, feed: FeedId, index: u64) {
        for record in self.groups.iter_mut().flatten() {
            if matches!(record, Record::Body(of, at, _) if *of == feed && *at == index) {
                *record = Record::ErasedBody;
            }
        }
    }

    fn signer(&self) -> &SignerState {
        &self.signer
    }

    fn settle(&mut self, change: impl FnOnce(&mut SignerState)) {
        change(&mut self.signer);
    }

    fn crash(&mut self, mut below: impl FnMut(usize) -> usize) {
        let unsynced = self.groups.len() - self.synced;
        let kept = self.synced + below(unsynced + 1);
        self.groups.truncate(kept);
        self.synced = kept;
    }

    fn backup(&self) -> Self {
        Self {
            groups: self.groups.iter().take(self.synced).cloned().collect(),
            synced: self.synced,
            signer: SignerState::of_a_backup(),
        }
    }
}
