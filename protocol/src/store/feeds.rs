//! The table of feeds: what is held of each, in memory, about 100 bytes a leaf.

use std::collections::BTreeMap;

use crate::feed::{BodyError, FeedId, GenesisLeaf, Tree};
use crate::guard::{self, Guard};
use crate::quota::LEAF_COST;
use kentong_keys::{Digest, MemberName};

use super::position::Position;

use super::error::StoreError;
use super::place::FeedNo;

/// All feeds that the log has begun.
#[derive(Debug, Default)]
pub struct Feeds {
    by_number: Vec<FeedState>,
    numbers: BTreeMap<FeedId, FeedNo>,
}

/// What is held of one feed.
#[derive(Debug)]
pub struct FeedState {
    pub(super) number: FeedNo,
    pub(super) id: FeedId,
    pub(super) genesis: GenesisLeaf,
    pub(super) tree: Tree,
    pub(super) checkpoint: Option<(u64, Vec<u8>)>,
    pub(super) leaves: Vec<LeafEntry>,
    /// Bodies that are to be overwritten in the log, each with the index of the leaf that says so: done
    /// once that leaf is signed. None says so of what is forgotten here alone.
    pub(super) erasing: BTreeMap<u64, Option<u64>>,
    pub(super) epochs: BTreeMap<u32, EpochState>,
    pub(super) counts: Counts,
    /// Above all batches that were opened.
    pub(super) opened_to: u64,
    /// No body below is missing, waits for its key, or is bad: what they say is in force.
    pub(super) applied_to: u64,
    /// Who vouches for it.
    pub(super) vouched: Vouched,
}

/// Who vouches for what is held of a feed, since its publisher's keys may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vouched {
    /// The publisher's present key, or as far as is known: for one's own, or while it is on its way.
    #[default]
    Present,
    /// Its root key: a former key signed the newest checkpoint, which is shown to nobody.
    Root,
    /// Nobody: what it says is in no answer, and it is not passed on.
    Nobody,
}

/// What is known of one epoch of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochState {
    /// Where its leaf stands.
    pub index: u64,
    /// The charter version that its leaf names.
    pub charter_version: u32,
    /// Which key its leaf commits to.
    pub commitment: Digest,
    /// Where the log holds the key, sealed under the store key.
    pub(super) key: Option<Position>,
}

impl EpochState {
    /// Whether the key is held.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.key.is_some()
    }
}

/// What is held of the body that belongs to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    /// The leaf is not of a batch.
    NoBody,
    /// It has not arrived.
    Missing,
    /// It is held.
    Held {
        /// Whether it was opened; false while its epoch's key is missing.
        opened: bool,
    },
    /// It was erased, or is not to be held any more.
    Erased,
    /// It is held and does not hold what its leaf says.
    Bad(BodyError),
}

/// One leaf, in 32 bytes; its hash is in the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafEntry {
    /// Where the log holds the leaf.
    pub(super) at: Position,
    /// Where the log holds the body; of an erased one while it is still to be overwritten.
    pub(super) body: Option<Position>,
    /// The epoch of a batch.
    pub(super) epoch: u32,
    /// The statements of a batch.
    pub(super) count: u16,
    /// The leaf's length in bytes.
    pub(super) leaf_len: u32,
    /// The length in bytes of a batch's body; 0 if that was erased before it came.
    pub(super) body_len: u32,
    pub(super) kind: LeafKind,
    pub(super) state: BodyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeafKind {
    Genesis,
    Epoch,
    Batch,
    Erase,
    Close,
}

/// Sums over a feed's leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) statements: u64,
    pub(super) missing: u64,
    pub(super) unopened: u64,
    pub(super) closed: u64,
    pub(super) erased: u64,
    pub(super) bad: u64,
    pub(super) kept_bytes: u64,
}

impl Feeds {
    /// The feed with this id.
    #[must_use]
    pub fn get(&self, id: FeedId) -> Option<&FeedState> {
        self.by_number(*self.numbers.get(&id)?)
    }

    /// The feed with this number.
    #[must_use]
    pub fn by_number(&self, number: FeedNo) -> Option<&FeedState> {
        self.by_number.get(number.as_usize())
    }

    /// All feeds, in the order in which they began here.
    pub fn iter(&self) -> impl Iterator<Item = &FeedState> {
        self.by_number.iter()
    }

    /// The feeds of one publisher.
    pub fn of<'a>(&'a self, publisher: &'a MemberName) -> impl Iterator<Item = &'a FeedState> {
        self.iter()
            .filter(move |feed| feed.genesis.publisher == *publisher)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    pub(super) fn number_of(&self, id: FeedId) -> Option<FeedNo> {
        self.numbers.get(&id).copied()
    }

    /// A feed that exists: only this table gives out numbers, and it forgets no feed.
    pub(super) fn at_mut(&mut self, number: FeedNo) -> &mut FeedState {
        self.by_number
            .get_mut(number.as_usize())
            .expect("this table gave out the number")
    }

    /// Enters a feed, with no leaves yet.
    pub(super) fn begin(&mut self, id: FeedId, genesis: GenesisLeaf) -> Result<FeedNo, StoreError> {
        if let Some(number) = self.numbers.get(&id) {
            return Ok(*number);
        }
        let number = FeedNo::new(self.by_number.len()).ok_or(StoreError::Limit("2^18 feeds"))?;
        self.by_number.push(FeedState {
            number,
            id,
            genesis,
            tree: Tree::default(),
            checkpoint: None,
            leaves: Vec::new(),
            erasing: BTreeMap::new(),
            epochs: BTreeMap::new(),
            counts: Counts::default(),
            opened_to: 0,
            applied_to: 0,
            vouched: Vouched::Present,
        });
        self.numbers.insert(id, number);
        Ok(number)
    }
}

impl FeedState {
    /// Its number in this store.
    #[must_use]
    pub const fn number(&self) -> FeedNo {
        self.number
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> FeedId {
        self.id
    }

    /// Its first leaf.
    #[must_use]
    pub const fn genesis(&self) -> &GenesisLeaf {
        &self.genesis
    }

    /// Its tree, over all leaves that are held.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many leaves are held.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The newest checkpoint: its size and its note.
    #[must_use]
    pub fn checkpoint(&self) -> Option<(u64, &[u8])> {
        self.checkpoint
            .as_ref()
            .map(|(size, note)| (*size, note.as_slice()))
    }

    /// The state of the body at `index`; none if there is no such leaf.
    #[must_use]
    pub fn body(&self, index: u64) -> Option<BodyState> {
        Some(self.entry(index)?.state)
    }

    /// How many bodies have not arrived.
    #[must_use]
    pub const fn missing_count(&self) -> u64 {
        self.counts.missing
    }

    /// The indexes from `from` on whose bodies have not arrived.
    pub fn missing(&self, from: u64) -> impl Iterator<Item = u64> {
        self.indexes(from, |state| state == BodyState::Missing)
    }

    /// How many bodies are held and wait for their epoch's key.
    #[must_use]
    pub const fn unopened_count(&self) -> u64 {
        self.counts.unopened
    }

    /// The indexes from `from` on whose bodies are held and were not opened.
    pub fn unopened(&self, from: u64) -> impl Iterator<Item = u64> {
        self.indexes(from, |state| state == BodyState::Held { opened: false })
    }

    /// How many bodies were erased: none that is still to be overwritten.
    #[must_use]
    pub const fn erased_count(&self) -> u64 {
        self.counts.erased
    }

    /// How many bodies do not hold what their leaves say.
    #[must_use]
    pub const fn bad_count(&self) -> u64 {
        self.counts.bad
    }

    /// What it takes of its publisher's quota, in bytes: leaves, and bodies that are or were held.
    #[must_use]
    pub const fn kept_bytes(&self) -> u64 {
        self.counts.kept_bytes
    }

    /// The batches whose bodies have not arrived, each with its index, statements and body's length.
    pub fn not_held(&self) -> impl DoubleEndedIterator<Item = (u64, u16, u32)> {
        let leaves = self.leaves.iter().enumerate();
        leaves
            .filter(|(_, leaf)| leaf.state == BodyState::Missing)
            .map(|(index, leaf)| (index as u64, leaf.count, leaf.body_len))
    }

    /// The statements of the batch at `index`, and its body's length in bytes; 0 where none stands.
    #[must_use]
    pub fn extent(&self, index: u64) -> (u16, u32) {
        self.entry(index)
            .map_or((0, 0), |leaf| (leaf.count, leaf.body_len))
    }

    /// No body below this index is missing, waits for its key, or holds what its leaf does not say:
    /// all that was said below is in force here.
    #[must_use]
    pub const fn applied_to(&self) -> u64 {
        self.applied_to
    }

    /// The indexes whose bodies do not hold what their leaves say.
    pub fn bad(&self) -> impl Iterator<Item = (u64, BodyError)> {
        (0..)
            .zip(&self.leaves)
            .filter_map(|(index, leaf)| match leaf.state {
                BodyState::Bad(error) => Some((index, error)),
                BodyState::NoBody
                | BodyState::Missing
                | BodyState::Held { .. }
                | BodyState::Erased => None,
            })
    }

    /// Its epochs, by number.
    #[must_use]
    pub const fn epochs(&self) -> &BTreeMap<u32, EpochState> {
        &self.epochs
    }

    /// How many statements its opened batches hold.
    #[must_use]
    pub const fn statements(&self) -> u64 {
        self.counts.statements
    }

    /// Where its closing leaf stands; behind it there are erase leaves only.
    pub(super) fn closing(&self) -> Option<u64> {
        if !self.is_closed() {
            return None;
        }
        let at = self
            .leaves
            .iter()
            .rposition(|leaf| leaf.kind == LeafKind::Close)?;
        u64::try_from(at).ok()
    }

    /// Whether it takes no more leaves, but such as erase.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.counts.closed > 0
    }

    /// Whether its publisher alone reads it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.genesis.audience.members() == [self.genesis.publisher.clone()]
    }

    /// Who vouches for it.
    #[must_use]
    pub const fn vouched(&self) -> Vouched {
        self.vouched
    }

    /// Whether nobody vouches for it: it is in no answer and is not passed on.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.vouched == Vouched::Nobody
    }

    pub(super) fn entry(&self, index: u64) -> Option<&LeafEntry> {
        self.leaves.get(usize::try_from(index).ok()?)
    }

    /// Where the log holds the body at `index`, if that may still be read.
    pub(super) fn body_at(&self, index: u64) -> Option<Position> {
        self.entry(index)?.readable_body()
    }

    /// Where the erase leaves stand, from an index on.
    pub(super) fn erase_leaves(&self, from: u64) -> impl Iterator<Item = u64> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let leaves = self.leaves.get(skip..).unwrap_or_default();
        let erase = (from..)
            .zip(leaves)
            .filter(|(_, leaf)| leaf.kind == LeafKind::Erase);
        erase.map(|(index, _)| index)
    }

    /// The bodies that are to be overwritten and may be: the leaf that says so is signed.
    pub(super) fn due_erasures(&self) -> Vec<u64> {
        let signed = self.checkpoint().map_or(0, |(size, _)| size);
        let due = self.erasing.iter().filter(|(_, by)| {
            by.is_none_or(|by| by < signed) || !guard::on(Guard::ErasedWhenSigned)
        });
        due.map(|(index, _)| *index).collect()
    }

    /// Appends a leaf. The caller has checked that it is the next.
    pub(super) fn push(&mut self, hash: Digest, entry: LeafEntry) {
        self.tree.push(hash);
        self.leaves.push(entry);
        self.counts.add(&entry);
        if entry.state == (BodyState::Held { opened: true }) {
            self.opened_to = self.size();
        }
        self.advance();
    }

    /// Gives the body at `index` another state.
    pub(super) fn set_body(&mut self, index: u64, body: Option<Position>, state: BodyState) {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(entry) = self.leaves.get_mut(place) {
            self.counts.remove(entry);
            entry.body = body;
            entry.state = state;
            self.counts.add(entry);
            if state == (BodyState::Held { opened: true }) {
                self.opened_to = self.opened_to.max(index + 1);
            }
        }
        self.advance();
    }

    /// The body at `index` was erased before it came: nothing of it was ever kept.
    pub(super) fn never_came(&mut self, index: u64) {
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        if let Some(entry) = self.leaves.get_mut(place) {
            self.counts.remove(entry);
            entry.body_len = 0;
            self.counts.add(entry);
        }
    }

    /// Forgets the leaves from `size` on, and the epochs that they began.
    pub(super) fn truncate(&mut self, size: u64) {
        let keep = usize::try_from(size).unwrap_or(usize::MAX);
        for entry in self.leaves.iter().skip(keep) {
            self.counts.remove(entry);
        }
        self.leaves.truncate(keep);
        self.tree.truncate(size);
        self.opened_to = self.opened_to.min(size);
        self.applied_to = self.applied_to.min(size);
        self.epochs.retain(|_, epoch| epoch.index < size);
    }

    fn advance(&mut self) {
        while let Some(entry) = self.entry(self.applied_to) {
            if matches!(
                entry.state,
                BodyState::Missing | BodyState::Held { opened: false } | BodyState::Bad(_)
            ) {
                break;
            }
            self.applied_to += 1;
        }
    }

    fn indexes(&self, from: u64, wanted: fn(BodyState) -> bool) -> impl Iterator<Item = u64> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let leaves = self.leaves.get(skip..).unwrap_or_default();
        (from..)
            .zip(leaves)
            .filter(move |(_, leaf)| wanted(leaf.state))
            .map(|(index, _)| index)
    }
}

impl LeafEntry {
    /// Where the log holds its body, unless that is to be overwritten.
    pub(super) const fn readable_body(&self) -> Option<Position> {
        match self.state {
            BodyState::Erased => None,
            BodyState::NoBody | BodyState::Missing | BodyState::Held { .. } | BodyState::Bad(_) => {
                self.body
            }
        }
    }
}

impl Counts {
    const fn add(&mut self, entry: &LeafEntry) {
        let one = Self::of(entry);
        self.statements += one.statements;
        self.missing += one.missing;
        self.unopened += one.unopened;
        self.closed += one.closed;
        self.erased += one.erased;
        self.bad += one.bad;
        self.kept_bytes += one.kept_bytes;
    }

    const fn remove(&mut self, entry: &LeafEntry) {
        let one = Self::of(entry);
        self.statements -= one.statements;
        self.missing -= one.missing;
        self.unopened -= one.unopened;
        self.closed -= one.closed;
        self.erased -= one.erased;
        self.bad -= one.bad;
        self.kept_bytes -= one.kept_bytes;
    }

    const fn of(entry: &LeafEntry) -> Self {
        let opened = matches!(entry.state, BodyState::Held { opened: true });
        let body = match entry.state {
            BodyState::NoBody | BodyState::Missing => 0,
            // Its place in the log is not given back.
            BodyState::Held { .. } | BodyState::Erased | BodyState::Bad(_) => entry.body_len as u64,
        };
        Self {
            statements: if opened { entry.count as u64 } else { 0 },
            missing: matches!(entry.state, BodyState::Missing) as u64,
            unopened: matches!(entry.state, BodyState::Held { opened: false }) as u64,
            closed: matches!(entry.kind, LeafKind::Close) as u64,
            erased: (matches!(entry.state, BodyState::Erased) && entry.body.is_none()) as u64,
            bad: matches!(entry.state, BodyState::Bad(_)) as u64,
            kept_bytes: LEAF_COST + entry.leaf_len as u64 + body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_takes_about_a_hundred_bytes() {
        let tree = 2 * size_of::<Digest>();
        let all = size_of::<LeafEntry>() + tree;
        assert!(all <= 104, "{all}");
    }
}
