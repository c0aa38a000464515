//! Heads in memory, for tests and the simulation: what is written survives [`InMemory::restart`], and a
//! write can be made to fail.

use std::collections::BTreeMap;

use kentong_keys::Digest;

use super::{Heads, Refused, Signed, Swap, Table};

/// Keeps heads in memory.
#[derive(Clone, Debug)]
pub struct InMemory {
    table: Table,
    /// What a disk would hold; none if it is lost.
    durable: Option<BTreeMap<Digest, Signed>>,
    next: NextWrite,
}

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NextWrite {
    /// It is durable.
    #[default]
    Works,
    /// It fails, and nothing was changed.
    Fails,
    /// It fails with an unknown outcome: it was kept all the same.
    FailsButIsKept,
    /// It fails with an unknown outcome: it was not kept.
    FailsUnsure,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InMemoryError {
    /// The rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The write failed, as it was told to.
    #[error("the write failed")]
    Failed,
}

impl InMemory {
    /// No feed has been signed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::of(BTreeMap::new())
    }

    /// These heads were signed last.
    #[must_use]
    pub fn of(entries: BTreeMap<Digest, Signed>) -> Self {
        Self {
            table: Table::known(entries.clone()),
            durable: Some(entries),
            next: NextWrite::Works,
        }
    }

    /// What was signed last is lost.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            table: Table::unknown(),
            durable: None,
            next: NextWrite::Works,
        }
    }

    /// Says what becomes of the next write.
    pub const fn set_next_write(&mut self, next: NextWrite) {
        self.next = next;
    }

    /// As it is after a crash and a new start.
    #[must_use]
    pub fn restart(self) -> Self {
        self.durable.map_or_else(Self::unknown, Self::of)
    }

    fn write(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), InMemoryError> {
        let next = std::mem::take(&mut self.next);
        if matches!(next, NextWrite::Works | NextWrite::FailsButIsKept) {
            self.durable = Some(entries.clone());
        }
        match next {
            NextWrite::Works => {
                self.table.replace(entries);
                return Ok(());
            }
            NextWrite::Fails => {}
            NextWrite::FailsButIsKept | NextWrite::FailsUnsure => self.table.poison(),
        }
        Err(InMemoryError::Failed)
    }
}

impl Default for InMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl Heads for InMemory {
    type Error = InMemoryError;

    fn is_unknown(&self) -> bool {
        self.table.is_unknown()
    }

    fn disbelieve(&mut self) {
        self.table = Table::unknown();
    }

    fn get(&self, feed: &Digest) -> Option<Signed> {
        self.table.entries().get(feed).copied()
    }

    fn iter(&self) -> impl Iterator<Item = (&Digest, Signed)> {
        let entries = self.table.entries().iter();
        entries.map(|(feed, signed)| (feed, *signed))
    }

    fn swap_all(&mut self, swaps: &[Swap]) -> Result<(), InMemoryError> {
        match self.table.swapped(swaps)? {
            Some(entries) => self.write(entries),
            None => Ok(()),
        }
    }

    fn settle(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), InMemoryError> {
        self.table.may_settle(&entries)?;
        self.write(entries)
    }
}
