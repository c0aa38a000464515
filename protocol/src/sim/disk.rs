//! The light ground: log, rows and heads in memory, of which a crash may take what it may take.

use crate::member::heads::{InMemory, NextWrite};
use crate::store::memory::{MemoryLog, MemoryPlace, MemoryRows};
use crate::store::{Log as _, OwnedRecord, Position};

use super::ground::{Ground, Grounds, RowsAfter};

/// Of so many crashes rows come through one with an older state, one without any, and one damaged.
const CRASHES: usize = 10;

/// Makes grounds in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Light;

impl Grounds for Light {
    type Ground = Disk;

    fn make(&self, _member: usize) -> Disk {
        Disk {
            log: MemoryLog::new(),
            rows: MemoryPlace::new(),
            heads: Some(InMemory::new()),
        }
    }
}

/// The disk of a node, in memory.
#[derive(Debug)]
pub struct Disk {
    log: MemoryLog,
    rows: MemoryPlace,
    /// None while a node has them open.
    heads: Option<InMemory>,
}

impl Ground for Disk {
    type Log = MemoryLog;
    type Rows = MemoryRows;
    type Heads = InMemory;

    fn open_log(&self) -> MemoryLog {
        self.log.clone()
    }

    fn rows(&self) -> &MemoryPlace {
        &self.rows
    }

    fn open_heads(&mut self) -> InMemory {
        let heads = self.heads.take();
        heads.map_or_else(InMemory::unknown, InMemory::restart)
    }

    fn close_heads(&mut self, heads: InMemory) {
        self.heads = Some(heads);
    }

    fn fail_next(heads: &mut InMemory, below: &mut dyn FnMut(usize) -> usize) {
        heads.set_next_write(match below(3) {
            0 => NextWrite::Fails,
            1 => NextWrite::FailsButIsKept,
            _ => NextWrite::FailsUnsure,
        });
    }

    fn crash(&mut self, mut below: impl FnMut(usize) -> usize) -> RowsAfter {
        self.log.crash(below(self.log.unsynced() + 1));
        match below(CRASHES) {
            0 => self.rows.lose(),
            1 => self.rows.undo(below(self.rows.writes() + 1)),
            2 => return self.spoil(below),
            _ => {}
        }
        RowsAfter::Whole
    }

    fn backup(&self) -> Self {
        let log = self.log.copy();
        log.crash(0);
        Self {
            log,
            rows: self.rows.copy(),
            heads: Some(InMemory::unknown()),
        }
    }

    fn snapshot(&self, heads: Option<&InMemory>) -> Self {
        let heads = heads.or(self.heads.as_ref()).cloned();
        Self {
            heads: heads.map(InMemory::restart),
            ..self.backup()
        }
    }

    fn on_disk(&self) -> impl Iterator<Item = OwnedRecord> {
        let records = self.log.scan(Position::from_u64(0));
        records.filter_map(|found| found.ok().map(|(_, record)| record))
    }
}

impl Disk {
    /// A bit of a row flips, or a row is gone.
    fn spoil(&self, mut below: impl FnMut(usize) -> usize) -> RowsAfter {
        let mut after = RowsAfter::Whole;
        self.rows.spoil(|rows| {
            let place = below(rows.len().max(1));
            let Some(key) = rows.keys().nth(place).cloned() else {
                return;
            };
            after = RowsAfter::Spoilt;
            if below(4) == 0 && rows.len() > 1 {
                rows.remove(&key);
            } else if let Some(value) = rows.get_mut(&key) {
                let at = below(value.len());
                if let Some(byte) = value.get_mut(at) {
                    *byte ^= 1 << below(8);
                }
            }
        });
        after
    }
}
