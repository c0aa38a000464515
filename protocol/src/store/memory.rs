//! Log and rows in memory, for tests and the simulation: they lose what a crash may lose.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ground::{Damage, GroundError, Log, Opened, Rows};
use super::position::Position;
use super::record::{OwnedRecord, Payload, Record};

/// How many writes of rows can be undone.
const UNDONE: usize = 64;

/// A log in memory. A clone is the same log, which a test keeps when the store that writes it is
/// gone.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog(Arc<Mutex<Written>>);

#[derive(Clone, Debug, Default)]
struct Written {
    /// Each one position behind the one before.
    records: Vec<Arc<OwnedRecord>>,
    /// How many records are durable.
    durable: usize,
    /// How many records there are after each group that is not durable.
    groups: Vec<usize>,
}

/// Nothing was written at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log in memory holds no record at {0}")]
pub struct NoRecord(pub Position);

impl MemoryLog {
    /// A log without a record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another log, with the same records.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.written().clone())))
    }

    /// How many groups a crash may lose.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.written().groups.len()
    }

    /// Loses what a crash may lose: of the groups that are not durable all but the first `kept`. What is
    /// left is durable. For a log that nobody writes to.
    pub fn crash(&self, kept: usize) {
        let mut written = self.written();
        let last = written.groups.iter().take(kept).next_back();
        let durable = last.copied().unwrap_or(written.durable);
        written.records.truncate(durable);
        written.durable = durable;
        written.groups.clear();
    }

    /// The payloads that are not erased.
    #[must_use]
    pub fn payloads(&self) -> Vec<Vec<u8>> {
        let written = self.written();
        let payloads = written.records.iter().filter_map(|record| record.bytes());
        payloads.map(<[u8]>::to_vec).collect()
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a record lies before which there are so many.
fn position(before: usize) -> Position {
    Position::from_u64(Position::START.to_u64() + before as u64)
}

/// How many records lie before a position.
fn before(at: Position) -> usize {
    let before = at.to_u64().saturating_sub(Position::START.to_u64());
    usize::try_from(before).unwrap_or(usize::MAX)
}

impl Log for MemoryLog {
    fn append(&mut self, records: &[Record<'_>]) -> Result<Vec<Position>, GroundError> {
        let mut written = self.written();
        let first = written.records.len();
        let owned = records.iter().map(|record| {
            Arc::new(OwnedRecord {
                kind: record.kind,
                key: record.key,
                payload: Payload::Held(record.payload.to_vec()),
            })
        });
        written.records.extend(owned);
        let end = written.records.len();
        if end > first {
            written.groups.push(end);
        }
        Ok((first..end).map(position).collect())
    }

    fn sync(&mut self) -> Result<(), GroundError> {
        let mut written = self.written();
        written.durable = written.records.len();
        written.groups.clear();
        Ok(())
    }

    fn read(&self, at: Position) -> Result<OwnedRecord, GroundError> {
        let written = self.written();
        let record = written.records.get(before(at));
        let record = record.filter(|_| at >= Position::START);
        let record = record.ok_or_else(|| GroundError::new(NoRecord(at)))?;
        Ok(OwnedRecord::clone(record))
    }

    fn scan(
        &self,
        from: Position,
    ) -> impl Iterator<Item = Result<(Position, OwnedRecord), GroundError>> + use<> {
        let first = before(from);
        let records = self
            .written()
            .records
            .get(first..)
            .unwrap_or_default()
            .to_vec();
        (first..)
            .zip(records)
            .map(|(before, record)| Ok((position(before), OwnedRecord::clone(&record))))
    }

    fn erase(&mut self, at: &[Position]) -> Result<(), GroundError> {
        let mut written = self.written();
        for position in at.iter().filter(|at| **at >= Position::START) {
            if let Some(record) = written.records.get_mut(before(*position)) {
                *record = Arc::new(OwnedRecord {
                    kind: record.kind,
                    key: record.key,
                    payload: Payload::Erased,
                });
            }
        }
        Ok(())
    }

    fn end(&self) -> Position {
        position(self.written().records.len())
    }

    fn durable(&self) -> Position {
        position(self.written().durable)
    }
}

/// Rows in memory, open.
#[derive(Debug)]
pub struct MemoryRows {
    place: MemoryPlace,
}

/// Where rows in memory lie, whether a store has them open or not. A clone is the same place.
#[derive(Clone, Debug, Default)]
pub struct MemoryPlace(Arc<Mutex<Lying>>);

type Values = BTreeMap<Vec<u8>, Vec<u8>>;
/// A key, and its value if it has one.
type Change = (Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug, Default)]
struct Lying {
    /// None before they are opened for the first time, and once they were lost or set aside.
    rows: Option<Values>,
    /// For each of the last writes, the latest at the end, what it replaced.
    replaced: VecDeque<Vec<Change>>,
    aside: usize,
}

impl MemoryPlace {
    /// A place without rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another place, with the same rows.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lying().clone())))
    }

    /// Loses all rows. Like all that follows, it is for rows that nobody has open.
    pub fn lose(&self) {
        let mut lying = self.lying();
        lying.rows = None;
        lying.replaced.clear();
    }

    /// How many writes can be undone: of many, the last.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.lying().replaced.len()
    }

    /// Undoes the last writes, as a crash may.
    pub fn undo(&self, writes: usize) {
        let mut lying = self.lying();
        for _ in 0..writes {
            let Some(replaced) = lying.replaced.pop_back() else {
                return;
            };
            let rows = lying.rows.get_or_insert_default();
            for (key, value) in replaced {
                put(rows, key, value);
            }
        }
    }

    /// Changes rows as nobody should.
    pub fn spoil(&self, spoil: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
        spoil(self.lying().rows.get_or_insert_default());
    }

    /// How often rows were set aside here.
    #[must_use]
    pub fn aside(&self) -> usize {
        self.lying().aside
    }

    fn lying(&self) -> MutexGuard<'_, Lying> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a key a value, or takes it away; answers what that replaced.
fn put(rows: &mut Values, key: Vec<u8>, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
    match value {
        Some(value) => rows.insert(key, value),
        None => rows.remove(&key),
    }
}

impl Rows for MemoryRows {
    type Place = MemoryPlace;

    fn open(
        place: &MemoryPlace,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(Self, Opened), Damage> {
        let mut lying = place.lying();
        let opened = match lying.rows {
            Some(_) => Opened::Existing,
            None => Opened::New,
        };
        for (key, value) in lying.rows.get_or_insert_default() {
            row(key, value)?;
        }
        drop(lying);
        let place = place.clone();
        Ok((Self { place }, opened))
    }

    fn set_aside(place: &MemoryPlace) -> Result<Option<String>, GroundError> {
        let mut lying = place.lying();
        lying.replaced.clear();
        Ok(lying.rows.take().map(|_| {
            lying.aside += 1;
            format!("place number {} of those set aside in memory", lying.aside)
        }))
    }

    fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]>>, Damage> {
        let lying = self.place.lying();
        Ok(lying.rows.as_ref().and_then(|rows| rows.get(key)).cloned())
    }

    fn write(
        &mut self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Damage> {
        let mut lying = self.place.lying();
        let rows = lying.rows.get_or_insert_default();
        let replaced = changes.into_iter().map(|(key, value)| {
            let before = put(rows, key.clone(), value);
            (key, before)
        });
        let replaced = replaced.collect();
        lying.replaced.push_back(replaced);
        if lying.replaced.len() > UNDONE {
            lying.replaced.pop_front();
        }
        Ok(())
    }

    fn scan(
        &self,
        prefix: &[u8],
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        let lying = self.place.lying();
        let rows = lying.rows.iter();
        let from = rows.flat_map(|rows| rows.range(prefix.to_vec()..));
        for (key, value) in from.take_while(|(key, _)| key.starts_with(prefix)) {
            row(key, value)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Damage> {
        Ok(())
    }
}
