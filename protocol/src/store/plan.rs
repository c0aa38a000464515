//! Checking a step against what is held, before anything of it is written.

use std::collections::BTreeMap;

use crate::feed::{BatchLeaf, EpochLeaf, FeedId, GenesisLeaf, Leaf, leaf_hash};
use crate::wire::MAX_NOTE;
use kentong_keys::{Digest, EpochKey};

use super::record::{RecordKey, RecordKind};

use super::error::StoreError;
use super::event::{Event, Fact, VOID, write_disposition, write_receipt};
use super::feeds::{BodyState, FeedState, Feeds, LeafKind};
use super::ground::Log;
use super::place::{MAX_FEEDS, MAX_LEAVES};
use super::step::{Disposition, Item, Step};
use super::vault::OpenVault;

/// A record that fits, with its meaning.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) kind: RecordKind,
    pub(super) key: RecordKey,
    pub(super) payload: Vec<u8>,
    pub(super) event: Event,
}

/// Turns a step into records, or says why it does not fit. Items that change nothing are left out.
pub(super) fn plan<L: Log>(
    feeds: &Feeds,
    vault: OpenVault<'_, L>,
    step: Step,
) -> Result<Vec<Planned>, StoreError> {
    let mut check = Check {
        feeds,
        vault,
        feeds_after: BTreeMap::new(),
        planned: Vec::new(),
    };
    for item in step.items {
        check.item(item)?;
    }
    Ok(check.planned)
}

struct Check<'a, L> {
    feeds: &'a Feeds,
    vault: OpenVault<'a, L>,
    feeds_after: BTreeMap<FeedId, FeedAfter<'a>>,
    planned: Vec<Planned>,
}

/// A feed as it is after the items so far.
struct FeedAfter<'a> {
    id: FeedId,
    /// None while the step is beginning the feed.
    held: Option<&'a FeedState>,
    federation: Digest,
    size: u64,
    /// How many of the leaves that are held still count.
    kept: u64,
    closed: bool,
    /// Where its closing leaf stands.
    closing: Option<u64>,
    signed: u64,
    last_epoch: u32,
    /// Leaves of this step that later items refer to, and whether their body or key has come.
    batches: BTreeMap<u64, (BatchLeaf, bool)>,
    epochs: BTreeMap<u32, (EpochLeaf, bool)>,
    /// Bodies and keys of this step that belong to leaves held before.
    bodies: Vec<u64>,
    keys: Vec<u32>,
    erased: Vec<u64>,
}

impl<'a, L: Log> Check<'a, L> {
    fn item(&mut self, item: Item) -> Result<(), StoreError> {
        match item {
            Item::Leaf(feed, index, bytes) => self.leaf(feed, index, bytes),
            Item::Body(feed, index, sealed) => {
                let vault = self.vault;
                self.feed_after(feed)?.take_body(vault, index, &sealed)?;
                let fact = Fact::Body(sealed.clone());
                self.push(RecordKind::Body, feed, index, sealed, fact);
                Ok(())
            }
            Item::Checkpoint(feed, size, note) => {
                let after = self.feed_after(feed)?;
                if size > after.size || size < after.signed || note.len() > MAX_NOTE {
                    return Err(StoreError::Checkpoint { feed, size });
                }
                after.signed = size;
                let fact = Fact::Checkpoint(note.clone());
                self.push(RecordKind::Checkpoint, feed, size, note, fact);
                Ok(())
            }
            Item::EpochKey(feed, epoch, key) => {
                let vault = self.vault;
                if self.feed_after(feed)?.take_key(vault, epoch, &key)? {
                    let sealed = vault.seal_key(feed, epoch, &key);
                    let index = u64::from(epoch);
                    self.push(RecordKind::EpochKey, feed, index, sealed, Fact::EpochKey);
                }
                Ok(())
            }
            Item::Disposition(feed, index, disposition) => {
                let after = self.feed_after(feed)?;
                if index >= after.size {
                    return Err(StoreError::NoLeaf { feed, index });
                }
                let forgotten = disposition.reason == Disposition::FORGOTTEN;
                if forgotten && !after.is_batch(index) {
                    return Err(StoreError::NoBatch { feed, index });
                }
                let payload = write_disposition(&disposition);
                let fact = Fact::Disposition { forgotten };
                self.push(RecordKind::Disposition, feed, index, payload, fact);
                Ok(())
            }
            Item::Truncate(feed, size) => {
                let after = self.feed_after(feed)?;
                if size < after.signed {
                    return Err(StoreError::Truncate { feed, size });
                }
                if size < after.size {
                    after.truncate(size);
                    let fact = Fact::Truncate { void: false };
                    self.push(RecordKind::Truncate, feed, size, Vec::new(), fact);
                }
                Ok(())
            }
            Item::Void(feed, size) => {
                let after = self.feed_after(feed)?;
                if size < after.size {
                    after.truncate(size);
                    after.signed = after.signed.min(size);
                    let fact = Fact::Truncate { void: true };
                    self.push(RecordKind::Truncate, feed, size, VOID.to_vec(), fact);
                }
                Ok(())
            }
            Item::Receipt(feed, peer, bytes) => {
                self.feed_after(feed)?;
                let payload = write_receipt(&peer, &bytes);
                self.push(RecordKind::Receipt, feed, 0, payload, Fact::Receipt(peer));
                Ok(())
            }
        }
    }

    fn leaf(&mut self, feed: FeedId, index: u64, bytes: Vec<u8>) -> Result<(), StoreError> {
        let leaf = Leaf::decode(&bytes).map_err(|error| StoreError::Leaf { feed, index, error })?;
        match &leaf {
            Leaf::Genesis(genesis) => {
                if genesis.feed_id() != feed || index != 0 {
                    return Err(StoreError::Genesis(feed));
                }
                if self.feeds.get(feed).is_none() && !self.feeds_after.contains_key(&feed) {
                    self.room_for_a_feed()?;
                    self.feeds_after
                        .insert(feed, FeedAfter::begun(feed, genesis));
                }
            }
            Leaf::Epoch(_) | Leaf::Batch(_) | Leaf::Erase(_) | Leaf::Close(_) if index == 0 => {
                return Err(StoreError::Genesis(feed));
            }
            Leaf::Epoch(_) | Leaf::Batch(_) | Leaf::Erase(_) | Leaf::Close(_) => {}
        }
        if index >= MAX_LEAVES {
            return Err(StoreError::Limit("2^36 leaves of one feed"));
        }
        self.feed_after(feed)?.take_leaf(index, &leaf)?;
        let fact = Fact::Leaf(leaf, leaf_hash(&bytes));
        self.push(RecordKind::Leaf, feed, index, bytes, fact);
        Ok(())
    }

    /// Asked before anything is written: a log whose feeds have no numbers could not be read again.
    fn room_for_a_feed(&self) -> Result<(), StoreError> {
        let begun = self
            .feeds_after
            .values()
            .filter(|after| after.held.is_none());
        if self.feeds.len() + begun.count() < MAX_FEEDS as usize {
            Ok(())
        } else {
            Err(StoreError::Limit("2^18 feeds"))
        }
    }

    fn feed_after(&mut self, feed: FeedId) -> Result<&mut FeedAfter<'a>, StoreError> {
        let feeds = self.feeds;
        match self.feeds_after.entry(feed) {
            std::collections::btree_map::Entry::Occupied(after) => Ok(after.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let held = feeds.get(feed).ok_or(StoreError::UnknownFeed(feed))?;
                Ok(vacant.insert(FeedAfter::of(held)))
            }
        }
    }

    fn push(&mut self, kind: RecordKind, feed: FeedId, index: u64, payload: Vec<u8>, fact: Fact) {
        let key = RecordKey {
            feed: *feed.digest(),
            index,
        };
        let event = Event { feed, index, fact };
        self.planned.push(Planned {
            kind,
            key,
            payload,
            event,
        });
    }
}

impl<'a> FeedAfter<'a> {
    fn begun(id: FeedId, genesis: &GenesisLeaf) -> Self {
        Self {
            id,
            held: None,
            federation: genesis.federation,
            size: 0,
            kept: 0,
            closed: false,
            closing: None,
            signed: 0,
            last_epoch: 0,
            batches: BTreeMap::new(),
            epochs: BTreeMap::new(),
            bodies: Vec::new(),
            keys: Vec::new(),
            erased: Vec::new(),
        }
    }

    fn of(held: &'a FeedState) -> Self {
        Self {
            held: Some(held),
            size: held.size(),
            kept: held.size(),
            closed: held.is_closed(),
            closing: held.closing(),
            signed: held.checkpoint().map_or(0, |(size, _)| size),
            last_epoch: held
                .epochs()
                .last_key_value()
                .map_or(0, |(epoch, _)| *epoch),
            ..Self::begun(held.id(), held.genesis())
        }
    }

    fn take_leaf(&mut self, index: u64, leaf: &Leaf) -> Result<(), StoreError> {
        let (feed, next) = (self.id, self.size);
        if index != next {
            return Err(StoreError::Gap { feed, index, next });
        }
        if self.closed && !matches!(leaf, Leaf::Erase(_)) {
            return Err(StoreError::Closed(feed));
        }
        match leaf {
            Leaf::Genesis(_) => {}
            Leaf::Epoch(leaf) => {
                let next = self.last_epoch.saturating_add(1);
                if leaf.epoch != next {
                    return Err(StoreError::EpochOrder {
                        feed,
                        epoch: leaf.epoch,
                        next,
                    });
                }
                self.last_epoch = next;
                self.epochs.insert(next, (leaf.clone(), false));
            }
            Leaf::Batch(leaf) => drop(self.batches.insert(index, (leaf.clone(), false))),
            Leaf::Erase(leaf) => {
                if !self.is_batch(leaf.index) {
                    let index = leaf.index;
                    return Err(StoreError::NoBatch { feed, index });
                }
                self.erased.push(leaf.index);
            }
            Leaf::Close(_) => {
                self.closed = true;
                self.closing = Some(index);
            }
        }
        self.size += 1;
        Ok(())
    }

    /// Whether a batch stands at an index.
    fn is_batch(&self, index: u64) -> bool {
        let held = self.held.filter(|_| index < self.kept);
        let entry = held.and_then(|held| held.entry(index));
        self.batches.contains_key(&index)
            || entry.is_some_and(|entry| entry.kind == LeafKind::Batch)
    }

    fn take_body<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        index: u64,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let feed = self.id;
        let not_wanted = StoreError::BodyNotWanted { feed, index };
        if self.erased.contains(&index) {
            return Err(not_wanted);
        }
        let check = |leaf: &BatchLeaf| {
            leaf.check_body(sealed)
                .map_err(|error| StoreError::Body { feed, index, error })
        };
        if let Some((leaf, has_body)) = self.batches.get_mut(&index) {
            if *has_body {
                return Err(not_wanted);
            }
            *has_body = true;
            return check(leaf);
        }
        match self
            .held
            .filter(|_| index < self.kept && !self.bodies.contains(&index))
        {
            Some(held) if held.body(index) == Some(BodyState::Missing) => {
                self.bodies.push(index);
                check(&vault.batch(held, index)?)
            }
            _ => Err(not_wanted),
        }
    }

    /// Whether the key is new.
    fn take_key<L: Log>(
        &mut self,
        vault: OpenVault<'_, L>,
        epoch: u32,
        key: &EpochKey,
    ) -> Result<bool, StoreError> {
        let (feed, federation) = (self.id, self.federation);
        let wrong = || StoreError::EpochKey { feed, epoch };
        let check = |leaf: &EpochLeaf| leaf.check_key(key, &federation, feed).map_err(|_| wrong());
        if let Some((leaf, has_key)) = self.epochs.get_mut(&epoch) {
            check(leaf)?;
            return Ok(!std::mem::replace(has_key, true));
        }
        let held = self.held.ok_or_else(wrong)?;
        let state = held
            .epochs()
            .get(&epoch)
            .filter(|epoch| epoch.index < self.kept);
        let state = state.ok_or_else(wrong)?;
        check(&vault.epoch(held, state.index)?)?;
        if state.has_key() || self.keys.contains(&epoch) {
            return Ok(false);
        }
        self.keys.push(epoch);
        Ok(true)
    }

    fn truncate(&mut self, size: u64) {
        self.size = size;
        self.kept = self.kept.min(size);
        self.closed &= self.closing.is_some_and(|at| at < size);
        self.batches.retain(|index, _| *index < size);
        let kept = self.kept;
        let held = self.held.map(FeedState::epochs).into_iter().flatten();
        let held = held
            .filter(|(_, epoch)| epoch.index < kept)
            .map(|(epoch, _)| *epoch)
            .max();
        // Epochs that this step began and then dropped: their leaves stood above what is held.
        if size <= self.held.map_or(0, FeedState::size) {
            self.epochs.clear();
        }
        let begun = self.epochs.last_key_value().map(|(epoch, _)| *epoch);
        self.last_epoch = begun.or(held).unwrap_or(0);
    }
}
