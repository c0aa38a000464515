//! The store: what the node holds, found quickly, and never more than the log can prove.
//!
//! Three layers, of which only the first is trusted:
//!
//! - The **log** ([`Log`]) is the truth. A step is acknowledged when the log has it.
//! - The **derived state** ([`Rows`]) is what the log says, laid out for a quick start:
//!   a row per leaf, rows of 256 index entries per batch, checkpoints, keys' positions. *Trusted
//!   for* nothing that the log does not say. *May it be lost?* Yes, wholly or in part: every row
//!   has a keyed checksum and all rows have a sum, and whatever does not fit is set aside
//!   and rebuilt. *Who can write it* without the store key can only cause a
//!   rebuild, or put back an older state of this store, which replays the log from there. *Who can
//!   read it* sees feeds with publisher and audience, sizes and times, and keyed hashes: no
//!   indicator and nothing to test a guess against.
//! - The **memory**: the table of feeds (about 100 bytes a leaf), the look-up index (16 bytes a
//!   statement) and, for the publisher's own indicators, the own table (48 bytes each).
//!
//! What log and rows are made of the store does not know: a node has files and sled, the simulation has
//! memory that goes wrong.
//!
//! One owner, synchronous: the node's core calls it and nobody else. A step goes to the log in one
//! write, then into memory and rows by the same code that a replay uses. If anything fails after
//! the log was written, the store takes no more steps until the node starts again.

mod checked;
mod erasing;
mod erasure;
mod error;
mod event;
mod feeds;
mod ground;
mod index_row;
mod indexing;
mod ledger;
mod lookup;
#[cfg(any(test, feature = "sim"))]
pub mod memory;
mod opening;
mod own;
mod place;
mod plan;
mod position;
mod read;
mod recent;
mod record;
mod released;
#[cfg(any(test, feature = "sim"))]
pub mod sample;
mod schema;
mod state;
mod step;
mod taking_back;
mod vault;

use std::sync::Arc;

use kentong_keys::{IndexKey, MemberName, StoreKey};

use crate::feed::FeedId;
use crate::guard::{self, Guard};

pub use erasure::FeedErasure;
pub use error::StoreError;
pub use feeds::{BodyState, EpochState, FeedState, Feeds, Vouched};
pub use ground::{Damage, GroundError, Log, MAX_VALUE, Opened, Rows};
pub use opening::{Opening, Rebuilt};
pub use own::{CarriedId, CarriedSet, OwnEntry, OwnTable};
pub use place::{FeedNo, MAX_FEEDS, MAX_LEAVES, Place};
pub use position::Position;
pub use read::Scan;
pub use record::{MAX_PAYLOAD, OwnedRecord, Payload, Record, RecordKey, RecordKind, UnknownKind};
pub use step::{Applied, Disposition, Durably, Indexed, Step};

use checked::Checked;
use opening::record_hash;
use schema::Mark;
use state::{Effects, State};
use vault::{OpenVault, Vault};

/// What the node holds, over a log and rows.
#[derive(Debug)]
pub struct Store<L, R> {
    log: L,
    rows: Checked<R>,
    state: State,
    vault: Vault,
    index_key: Arc<IndexKey>,
    /// Set when a step failed after it was in the log.
    broken: bool,
}

impl<L: Log, R: Rows> Store<L, R> {
    /// Reads the rows at a place or, where they are missing or not believed, rebuilds them from the log.
    /// Of opened bodies at most `cache_bytes` are kept. The caller sees to it that nobody else writes to
    /// either.
    pub fn open(
        mut log: L,
        rows: &R::Place,
        store_key: StoreKey,
        me: MemberName,
        cache_bytes: usize,
    ) -> Result<(Self, Opening), StoreError> {
        let index_key = Arc::new(store_key.index_key());
        let vault = Vault::new(store_key, cache_bytes);
        let (state, rows, opening) = opening::open(&mut log, rows, &vault, &me, &index_key)?;
        let store = Self {
            log,
            rows,
            state,
            vault,
            index_key,
            broken: false,
        };
        Ok((store, opening))
    }

    const fn vault(&self) -> OpenVault<'_, L> {
        self.vault.over(&self.log)
    }

    /// Commits a step. If it does not fit what is held nothing of it is written.
    pub fn commit(&mut self, step: Step, durably: Durably) -> Result<Applied, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let planned = plan::plan(&self.state.feeds, self.vault(), step)?;
        let records = planned.iter().map(|planned| {
            let plan::Planned {
                kind, key, payload, ..
            } = planned;
            Record {
                kind: *kind,
                key: *key,
                payload,
            }
        });
        let records: Vec<_> = records.collect();
        let positions = self.log.append(&records)?;
        let mark = records.last().zip(positions.last()).map(|(last, at)| Mark {
            at: at.to_u64(),
            record: record_hash(
                &self.index_key,
                last.kind,
                (&last.key.feed, last.key.index),
                last.payload,
            ),
            sum: 0,
        });
        let Some(mark) = mark else {
            return Ok(Applied::default());
        };
        self.broken = true;
        assert!(guard::on(Guard::StepEnds), "a test took this guard out");
        if durably == Durably::Synced {
            self.log.sync()?;
        }
        let mut effects = Effects::default();
        for (planned, at) in planned.into_iter().zip(positions) {
            self.state
                .apply(self.vault.over(&self.log), at, planned.event, &mut effects)?;
        }
        if !effects.applied.erased.is_empty() {
            self.vault.forget(); // Nothing opened stays in memory.
        }
        if self.state.is_erasure_due(&effects) {
            // The leaf that asks for it must outlive the body.
            self.log.sync()?;
        }
        let applied = std::mem::take(&mut effects.applied);
        self.state.overwrite(&mut self.log, &mut effects)?;
        self.rows.commit(effects.rows, mark)?;
        self.broken = false;
        Ok(applied)
    }

    /// Whether a step failed after it was in the log: nothing more is taken until the store is opened again.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether bodies are held that can be opened now, their key having come after them.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !self.broken && !self.state.waiting.is_empty()
    }

    /// Opens some of the bodies whose key came after them. To be called until none
    /// [waits](Store::has_waiting).
    pub fn open_waiting(&mut self) -> Result<Applied, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        self.broken = true;
        let mut effects = Effects::default();
        self.state
            .open_waiting(self.vault.over(&self.log), &mut effects)?;
        self.rows.add(effects.rows)?;
        self.broken = false;
        Ok(effects.applied)
    }

    /// Says who vouches for a feed. It is not stored: it is to be said again each time the store is
    /// opened.
    pub fn set_vouched(&mut self, feed: FeedId, vouched: Vouched) {
        if let Some(number) = self.state.feeds.number_of(feed) {
            self.state.feeds.at_mut(number).vouched = vouched;
        }
    }

    /// Makes everything that was committed durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        Ok(self.log.sync()?)
    }

    /// Up to where the log is durable.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.log.durable()
    }

    /// Hands the derived state to the operating system, so that the next start replays nothing.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        Ok(self.rows.flush()?)
    }

    /// All feeds.
    #[must_use]
    pub const fn feeds(&self) -> &Feeds {
        &self.state.feeds
    }

    /// Whose store it is.
    #[must_use]
    pub const fn me(&self) -> &MemberName {
        &self.state.me
    }
}

#[cfg(test)]
mod tests;
