//! The state in memory, and how each record changes it and the rows.
//!
//! Commits and replays go through the same [`State::apply`], so that a rebuilt store cannot differ
//! from one that never was rebuilt.

use std::cell::OnceCell;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::feed::{FeedId, Leaf};
use kentong_keys::{Digest, IndexKey, MemberName};

use super::position::Position;

use super::checked::Changes;
use super::error::StoreError;
use super::event::{Event, Fact};
use super::feeds::{BodyState, EpochState, FeedState, Feeds, LeafEntry, LeafKind};
use super::ground::Log;
use super::index_row::PART;
use super::lookup::Lookup;
use super::own::OwnTable;
use super::place::{FeedNo, MAX_LEAVES};
use super::schema::{LeafRow, RowKey, encode};
use super::step::Applied;
use super::vault::OpenVault;

/// All that is kept in memory.
#[derive(Debug)]
pub(super) struct State {
    pub(super) me: MemberName,
    pub(super) index_key: Arc<IndexKey>,
    pub(super) feeds: Feeds,
    pub(super) lookup: Lookup,
    /// Empty until it is asked for, and again after own batches were dropped, erased, or opened
    /// out of order: then it is read from the rows anew.
    pub(super) own: OnceCell<OwnTable>,
    /// Epochs whose keys came after bodies of theirs, which are opened little by little.
    pub(super) waiting: VecDeque<Waiting>,
}

/// Bodies of an epoch that are held and not opened, though the key is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) feed: FeedNo,
    pub(super) epoch: u32,
    /// Those below this index are dealt with.
    pub(super) next: u64,
}

/// What applying records leads to outside memory.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) rows: Changes,
    pub(super) applied: Applied,
    /// Feeds in which bodies may be due to be overwritten.
    pub(super) erasing: BTreeSet<FeedNo>,
    /// Bodies of leaves that were dropped: nothing leads to them any more, so nothing could erase them
    /// later.
    pub(super) dropped: Vec<Position>,
}

impl State {
    pub(super) fn new(me: MemberName, index_key: Arc<IndexKey>) -> Self {
        Self {
            me,
            index_key,
            feeds: Feeds::default(),
            lookup: Lookup::default(),
            own: OnceCell::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Applies the record that lies at `at`. One that does not follow from those before it is left
    /// out: commits refuse it beforehand.
    pub(super) fn apply<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        at: Position,
        event: Event,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let Event {
            feed: id,
            index,
            fact,
        } = event;
        if let Fact::Leaf(leaf, hash) = fact {
            return self.leaf(at, (id, index), leaf, hash, effects);
        }
        let Some(number) = self.feeds.number_of(id) else {
            return Ok(());
        };
        match fact {
            Fact::Leaf(..) => {}
            Fact::Body(sealed) => self.body(vault, (number, index), at, sealed, effects)?,
            Fact::ErasedBody => {
                let feed = self.feeds.at_mut(number);
                if feed.body(index) == Some(BodyState::Missing) {
                    feed.set_body(index, None, BodyState::Erased);
                    put_leaf(feed, index, &mut effects.rows);
                }
            }
            Fact::Checkpoint(note) => {
                let feed = self.feeds.at_mut(number);
                if index <= feed.size() {
                    let row = encode(&(index, serde_bytes::Bytes::new(&note)));
                    effects.rows.put(RowKey::Checkpoint(number).encode(), row);
                    feed.checkpoint = Some((index, note));
                    effects.erasing.insert(number);
                }
            }
            Fact::EpochKey => self.epoch_key((number, index), at, effects),
            Fact::Disposition { forgotten } => {
                let key = RowKey::Disposition(number, index, at);
                effects.rows.put(key.encode(), Vec::new());
                if forgotten {
                    self.erase(number, index, None, effects);
                }
            }
            Fact::Truncate { void } => {
                if void {
                    self.withdraw_checkpoint(number, index, effects);
                }
                self.truncate(vault, number, index, effects)?;
            }
            Fact::Receipt(peer) => {
                let row = encode(&at.to_u64());
                effects
                    .rows
                    .put(RowKey::Receipt(number, peer).encode(), row);
            }
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        at: Position,
        (id, index): (FeedId, u64),
        leaf: Leaf,
        hash: Digest,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        if index >= MAX_LEAVES {
            return Err(StoreError::Limit("2^36 leaves of one feed"));
        }
        let number = match (&leaf, self.feeds.number_of(id)) {
            (_, Some(number)) => number,
            (Leaf::Genesis(genesis), None) if index == 0 && genesis.feed_id() == id => {
                let number = self.feeds.begin(id, genesis.clone())?;
                let bytes = serde_bytes::ByteBuf::from(leaf.encode());
                effects
                    .rows
                    .put(RowKey::Feed(number).encode(), encode(&(id, bytes)));
                number
            }
            _ => return Ok(()),
        };
        let feed = self.feeds.at_mut(number);
        if index != feed.size() {
            return Ok(());
        }
        let mut entry = LeafEntry {
            at,
            body: None,
            epoch: 0,
            count: 0,
            // The form is canonical: these are the bytes that were read.
            leaf_len: u32::try_from(leaf.encode().len()).unwrap_or(u32::MAX),
            body_len: 0,
            kind: LeafKind::Genesis,
            state: BodyState::NoBody,
        };
        let mut erase = None;
        match leaf {
            Leaf::Genesis(_) => {}
            Leaf::Epoch(leaf) => {
                entry.kind = LeafKind::Epoch;
                entry.epoch = leaf.epoch;
                let (charter_version, commitment) = (leaf.charter_version, leaf.commitment);
                let epoch = EpochState {
                    index,
                    charter_version,
                    commitment,
                    key: None,
                };
                feed.epochs.insert(leaf.epoch, epoch);
            }
            Leaf::Batch(leaf) => {
                entry.kind = LeafKind::Batch;
                entry.epoch = leaf.epoch;
                entry.count = leaf.count;
                entry.body_len = leaf.body_len;
                entry.state = BodyState::Missing;
            }
            Leaf::Erase(leaf) => {
                entry.kind = LeafKind::Erase;
                erase = Some(leaf.index);
            }
            Leaf::Close(_) => entry.kind = LeafKind::Close,
        }
        feed.push(hash, entry);
        put_leaf(feed, index, &mut effects.rows);
        if let Some(target) = erase {
            self.erase(number, target, Some(index), effects);
        }
        Ok(())
    }

    /// The own table no longer follows from the rows, if this feed counts for it.
    pub(super) fn doubt_own(&mut self, number: FeedNo) {
        if self.feeds.at_mut(number).genesis.publisher == self.me {
            self.own.take();
        }
    }
}

pub(super) fn put_leaf(feed: &FeedState, index: u64, rows: &mut Changes) {
    let (Some(entry), Some(hash)) = (feed.entry(index), feed.tree.leaf(index)) else {
        return;
    };
    let epoch = (entry.kind == LeafKind::Epoch)
        .then(|| feed.epochs.get(&entry.epoch))
        .flatten();
    let epoch = epoch.map(|epoch| (entry.epoch, epoch.charter_version, epoch.commitment));
    let row = LeafRow {
        hash,
        entry: *entry,
        epoch,
    };
    rows.put(RowKey::Leaf(feed.number, index).encode(), row.encode());
}

pub(super) fn remove_index(number: FeedNo, index: u64, entry: &LeafEntry, rows: &mut Changes) {
    if entry.state == (BodyState::Held { opened: true }) {
        for (part, _) in (0..).zip((0..entry.count).step_by(PART)) {
            rows.remove(RowKey::Index(number, index, part).encode());
        }
    }
}
