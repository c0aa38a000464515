//! The feeds that a simulated node holds: derived from its log, and seen by its sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_keys::{BodyContext, EpochKey, MemberName};

use crate::feed::{BatchLeaf, FeedId, GenesisLeaf, Leaf, Tree, leaf_hash};
use crate::statement::{AnyStatement, Erasure, Rank, Statement};
use crate::sync::{FeedView, WantedBody};

use super::ground::Record;

/// Statements of a batch, each with its rank among those about its indicator.
pub(super) type Opened = Rc<Vec<(Statement, Rank)>>;

/// The statements of a batch, and what it says was erased.
type Content = (Vec<(Statement, Rank)>, Vec<Erasure>);

/// A body that is not to be held any more.
#[derive(Clone, Debug)]
struct Erased {
    /// The leaf that says so.
    by: u64,
    /// The body, until it is overwritten.
    body: Option<Rc<Vec<u8>>>,
}

/// A feed as it is held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) genesis: GenesisLeaf,
    pub(super) tree: Tree,
    pub(super) leaves: Vec<Rc<(Leaf, Vec<u8>)>>,
    /// Where the batch leaves stand.
    batches: BTreeSet<u64>,
    pub(super) bodies: BTreeMap<u64, Rc<Vec<u8>>>,
    pub(super) opened: BTreeMap<u64, Opened>,
    /// What batches say was erased.
    pub(super) told: BTreeMap<u64, Vec<Erasure>>,
    erased: BTreeMap<u64, Erased>,
    pub(super) checkpoint: Option<(u64, Rc<Vec<u8>>)>,
    pub(super) keys: BTreeMap<u32, EpochKey>,
    pub(super) epoch: u32,
    closed: bool,
}

/// All feeds of a node, and by whom they are published.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    held: BTreeMap<FeedId, Held>,
    by_publisher: BTreeMap<MemberName, BTreeSet<FeedId>>,
    /// Sabotage: whoever asks counts as a reader.
    pub(super) for_anybody: bool,
}

impl Feeds {
    pub(super) fn get(&self, id: &FeedId) -> Option<&Held> {
        self.held.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &FeedId) -> Option<&mut Held> {
        self.held.get_mut(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&FeedId, &Held)> {
        self.held.iter()
    }

    pub(super) fn of(&self, publisher: &MemberName) -> impl Iterator<Item = (&FeedId, &Held)> {
        let ids = self.by_publisher.get(publisher).into_iter().flatten();
        ids.filter_map(|id| self.held.get_key_value(id))
    }

    /// Takes in a record; answers which batches it opened.
    pub(super) fn apply(&mut self, record: &Record) -> Vec<(FeedId, u64)> {
        match record {
            Record::Leaf(id, leaf) => {
                if let Leaf::Genesis(genesis) = &leaf.0 {
                    let of = self.by_publisher.entry(genesis.publisher.clone());
                    of.or_default().insert(*id);
                    self.held.insert(*id, Held::new(genesis.clone()));
                }
                if let Some(held) = self.held.get_mut(id) {
                    held.push(leaf);
                }
            }
            Record::Body(id, index, body) => {
                let held = self.held.get_mut(id);
                if let Some(held) = held.filter(|held| !held.erased.contains_key(index)) {
                    held.bodies.insert(*index, Rc::clone(body));
                    return held.open(*id, &[*index]);
                }
            }
            Record::ErasedBody => {}
            Record::EpochKey(id, epoch, key) => {
                if let Some(held) = self.held.get_mut(id) {
                    held.keys.insert(*epoch, EpochKey::from_secret(*key));
                    let closed: Vec<_> = held.unopened().collect();
                    return held.open(*id, &closed);
                }
            }
            Record::Checkpoint(id, size, note) => {
                if let Some(held) = self.held.get_mut(id) {
                    held.checkpoint = Some((*size, Rc::clone(note)));
                }
            }
            Record::Truncate(id, 0) => {
                if let Some(held) = self.held.remove(id)
                    && let Some(ids) = self.by_publisher.get_mut(&held.genesis.publisher)
                {
                    ids.remove(id);
                }
            }
            Record::Truncate(id, size) => {
                if let Some(held) = self.held.get_mut(id) {
                    held.truncate(*id, *size);
                }
            }
        }
        Vec::new()
    }
}

impl Held {
    fn new(genesis: GenesisLeaf) -> Self {
        Self {
            genesis,
            tree: Tree::default(),
            leaves: Vec::new(),
            batches: BTreeSet::new(),
            bodies: BTreeMap::new(),
            opened: BTreeMap::new(),
            told: BTreeMap::new(),
            erased: BTreeMap::new(),
            checkpoint: None,
            keys: BTreeMap::new(),
            epoch: 0,
            closed: false,
        }
    }

    fn push(&mut self, leaf: &Rc<(Leaf, Vec<u8>)>) {
        match &leaf.0 {
            Leaf::Epoch(epoch) => self.epoch = epoch.epoch,
            Leaf::Close(_) => self.closed = true,
            Leaf::Batch(_) => {
                self.batches.insert(self.tree.size());
            }
            Leaf::Erase(erase) => self.erase(erase.index),
            Leaf::Genesis(_) => {}
        }
        self.tree.push(leaf_hash(&leaf.1));
        self.leaves.push(Rc::clone(leaf));
    }

    fn erase(&mut self, index: u64) {
        if self.batches.contains(&index) && !self.erased.contains_key(&index) {
            let (by, body) = (self.tree.size(), self.bodies.remove(&index));
            self.opened.remove(&index);
            self.told.remove(&index);
            self.erased.insert(index, Erased { by, body });
        }
    }

    /// The bodies to overwrite: the leaf that says so is signed.
    pub(super) fn due(&self) -> Vec<u64> {
        let signed = self.checkpoint.as_ref().map_or(0, |(size, _)| *size);
        self.due_below(signed)
    }

    /// The bodies to overwrite that leaves below an index name.
    pub(super) fn due_below(&self, signed: u64) -> Vec<u64> {
        let due = self.erased.iter();
        let due = due.filter(|(_, erased)| erased.body.is_some() && erased.by < signed);
        due.map(|(index, _)| *index).collect()
    }

    /// A body was overwritten.
    pub(super) fn overwritten(&mut self, index: u64) {
        if let Some(erased) = self.erased.get_mut(&index) {
            erased.body = None;
        }
    }

    /// The indexes that are not to be held, by leaves that are signed.
    pub(super) fn erased(&self) -> impl Iterator<Item = u64> {
        let signed = self.checkpoint.as_ref().map_or(0, |(size, _)| *size);
        let erased = self.erased.iter();
        erased
            .filter(move |(_, erased)| erased.by < signed)
            .map(|(index, _)| *index)
    }

    fn truncate(&mut self, id: FeedId, size: u64) {
        let kept = usize::try_from(size).unwrap_or(usize::MAX);
        let leaves: Vec<_> = self.leaves.iter().take(kept).cloned().collect();
        let mut shorter = Self::new(self.genesis.clone());
        leaves.iter().for_each(|leaf| shorter.push(leaf));
        shorter.bodies = std::mem::take(&mut self.bodies);
        shorter.bodies.retain(|index, _| *index < size);
        shorter.opened = std::mem::take(&mut self.opened);
        shorter.opened.retain(|index, _| *index < size);
        shorter.keys = std::mem::take(&mut self.keys);
        shorter.keys.retain(|epoch, _| *epoch <= shorter.epoch);
        shorter.told = std::mem::take(&mut self.told);
        shorter.told.retain(|index, _| *index < size);
        let checkpoint = self.checkpoint.take();
        shorter.checkpoint = checkpoint.filter(|(at, _)| *at <= size);
        // What a dropped leaf was to erase is back.
        let mut back = Vec::new();
        for (index, erased) in std::mem::take(&mut self.erased) {
            match (shorter.erased.get_mut(&index), erased.body) {
                (Some(still), body) => still.body = body,
                (None, Some(body)) if index < size => {
                    shorter.bodies.insert(index, body);
                    back.push(index);
                }
                (None, _) => {}
            }
        }
        shorter.open(id, &back);
        *self = shorter;
    }

    fn unopened(&self) -> impl Iterator<Item = u64> {
        let bodies = self.bodies.keys().copied();
        bodies.filter(|index| !self.opened.contains_key(index))
    }

    /// Opens these batches, as far as their keys are held; answers which of them.
    fn open(&mut self, id: FeedId, indexes: &[u64]) -> Vec<(FeedId, u64)> {
        let mut opened = Vec::new();
        for index in indexes {
            if let Some((statements, told)) = self.statements(id, *index) {
                self.opened.insert(*index, Rc::new(statements));
                if !told.is_empty() {
                    self.told.insert(*index, told);
                }
                opened.push((id, *index));
            }
        }
        opened
    }

    fn statements(&self, id: FeedId, index: u64) -> Option<Content> {
        let leaf = self.batch(index)?;
        let context = BodyContext {
            federation: &self.genesis.federation,
            feed: id.digest(),
            incarnation: self.genesis.incarnation,
            index,
        };
        let body = self.bodies.get(&index)?.to_vec();
        let (_, statements) = leaf
            .open(self.keys.get(&leaf.epoch)?, &context, body)
            .ok()?;
        let (mut known, mut told) = (Vec::new(), Vec::new());
        for bytes in &statements {
            match AnyStatement::decode(bytes) {
                Ok(AnyStatement::Known(statement)) => {
                    let rank = statement.rank(bytes);
                    known.push((*statement, rank));
                }
                Ok(AnyStatement::Erased(erasure)) => told.push(erasure),
                Ok(AnyStatement::Unknown { .. }) | Err(_) => {}
            }
        }
        Some((known, told))
    }

    fn batch(&self, index: u64) -> Option<&BatchLeaf> {
        match &self.leaves.get(usize::try_from(index).ok()?)?.0 {
            Leaf::Batch(batch) => Some(batch),
            Leaf::Genesis(_) | Leaf::Epoch(_) | Leaf::Erase(_) | Leaf::Close(_) => None,
        }
    }

    /// Whether all of its bodies are held and opened, but for those that were erased.
    pub(super) fn is_whole(&self) -> bool {
        self.missing_below(u64::MAX) == 0 && self.opened.len() == self.bodies.len()
    }

    /// Whether it takes no more leaves but those that erase.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many bodies below an index are missing.
    pub(super) fn missing_below(&self, size: u64) -> u64 {
        let batches = self.batches.range(..size);
        batches.filter(|index| self.lacks(**index)).count() as u64
    }

    fn lacks(&self, index: u64) -> bool {
        self.batches.contains(&index)
            && !self.bodies.contains_key(&index)
            && !self.erased.contains_key(&index)
    }
}

/// What sessions see of the feeds.
impl Feeds {
    fn reads(&self, held: &Held, reader: &MemberName) -> bool {
        self.for_anybody || held.genesis.audience.holds(reader)
    }

    pub(super) fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        let of = self.of(publisher);
        let shared = of.filter(|(_, held)| self.reads(held, reader));
        shared.map(|(id, _)| *id).collect()
    }

    pub(super) fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        let shared = self.iter().filter(|(_, held)| self.reads(held, reader));
        shared.map(|(id, _)| *id).collect()
    }

    pub(super) fn view(&self, id: &FeedId) -> Option<FeedView<'_>> {
        let held = self.held.get(id)?;
        let unopened =
            |index: &u64| !held.opened.contains_key(index) && !held.erased.contains_key(index);
        let first_unopened = held.batches.iter().copied().find(unopened);
        let note = held.checkpoint.as_ref();
        Some(FeedView {
            former: false,
            genesis: &held.genesis,
            tree: &held.tree,
            checkpoint: note.map(|(size, note)| (*size, note.as_slice())),
            epoch: held.epoch,
            closed: held.closed,
            missing: (held.batches.len() - held.bodies.len() - held.erased.len()) as u64,
            unopened: held.bodies.len() as u64 - held.opened.len() as u64,
            erased: held
                .erased
                .values()
                .filter(|one| one.body.is_none())
                .count() as u64,
            applied: first_unopened.unwrap_or_else(|| held.tree.size()),
        })
    }

    pub(super) fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        let Some(held) = self.held.get(id) else {
            return Vec::new();
        };
        let batches = held.batches.range(from..);
        let missing = batches.filter(|index| held.lacks(**index) && wanted(**index));
        let with_leaf = |index: &u64| {
            let leaf = held.batch(*index)?.clone();
            Some(WantedBody {
                index: *index,
                leaf,
            })
        };
        missing.filter_map(with_leaf).take(most).collect()
    }

    pub(super) fn lacks(&self, id: &FeedId, index: u64) -> bool {
        let held = self.held.get(id);
        held.is_some_and(|held| held.lacks(index))
    }

    pub(super) fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        self.held.get(id)?.batch(index).cloned()
    }

    pub(super) fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        let Some(held) = self.held.get(id) else {
            return Vec::new();
        };
        let lacking = (above + 1..=held.epoch).filter(|epoch| !held.keys.contains_key(epoch));
        lacking.take(most).collect()
    }
}
