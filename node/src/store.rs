//! The store: what the node holds, found quickly, and never more than the log can prove.
//!
//! Three layers, of which only the first is trusted:
//!
//! - The **log** ([`crate::log`]) is the truth. A step is acknowledged when the log has it.
//! - The **derived state** (the folder `sled`) is what the log says, laid out for a quick start:
//!   a row per leaf, rows of 256 index entries per batch, checkpoints, keys' positions. *Trusted
//!   for* nothing that the log does not say. *May it be lost?* Yes, wholly or in part: every row
//!   has a keyed checksum and all rows have a sum, and whatever does not fit is set aside (two such
//!   folders are kept) and rebuilt. *Who can write it* without the store key can only cause a
//!   rebuild, or put back an older state of this store, which replays the log from there. *Who can
//!   read it* sees feeds with publisher and audience, sizes and times, and keyed hashes: no
//!   indicator and nothing to test a guess against.
//! - The **memory**: the table of feeds (about 100 bytes a leaf), the look-up index (16 bytes a
//!   statement) and, for the publisher's own indicators, the own table (48 bytes each).
//!
//! One owner, synchronous: the node's core calls it and nobody else. A step goes to the log in one
//! write, then into memory and rows by the same code that a replay uses. If anything fails after
//! the log was written, the store takes no more steps until the node starts again.

mod derived;
mod erasing;
mod erasure;
mod error;
mod event;
mod feeds;
mod index_row;
mod indexing;
mod ledger;
mod lookup;
mod opening;
mod own;
mod place;
mod plan;
mod read;
mod recent;
mod released;
mod schema;
mod state;
mod step;
mod taking_back;
mod vault;

use std::path::Path;
use std::sync::Arc;

use kentong_keys::{IndexKey, MemberName, StoreKey};
use kentong_protocol::feed::FeedId;
use kentong_protocol::guard::{self, Guard};

use crate::log::{self, Log, Position, Record};

pub use erasure::FeedErasure;
pub use error::StoreError;
pub use feeds::{BodyState, EpochState, FeedState, Feeds, Vouched};
pub use opening::{Opening, Rebuilt};
pub use own::{CarriedId, CarriedSet, OwnEntry, OwnTable};
pub use place::{FeedNo, MAX_FEEDS, MAX_LEAVES, Place};
pub use read::Scan;
pub use step::{Applied, Disposition, Durably, Indexed, Step};

use derived::Derived;
use opening::record_hash;
use schema::Mark;
use state::{Effects, State};
use vault::Vault;

/// Where the store's folders are.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'a> {
    /// The log: the truth.
    pub log: &'a Path,
    /// The derived state; it and its neighbours `NAME.damaged-N` may be deleted at any time while
    /// the node is stopped.
    pub derived: &'a Path,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How the log is opened; only `init` creates one.
    pub log: log::Options,
    /// The most bytes of opened bodies that are kept.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            log: log::Options::default(),
            cache_bytes: 16 << 20,
        }
    }
}

/// What the node holds.
#[derive(Debug)]
pub struct Store {
    log: Log,
    derived: Derived,
    state: State,
    vault: Vault,
    index_key: Arc<IndexKey>,
    /// Set when a step failed after it was in the log.
    broken: bool,
}

impl Store {
    /// Opens the log, and the derived state or, where that is missing or not believed, rebuilds
    /// it. The caller holds the lock of the home.
    pub fn open(
        folders: Folders<'_>,
        store_key: StoreKey,
        me: MemberName,
        options: Options,
    ) -> Result<(Self, Opening), StoreError> {
        let (mut log, recovery) = Log::open(folders.log, options.log)?;
        let index_key = Arc::new(store_key.index_key());
        let vault = Vault::new(log.reader(), store_key, options.cache_bytes);
        let (state, derived, opening) =
            opening::open(&mut log, folders.derived, &vault, &me, &index_key)?;
        let opening = Opening {
            cut_bytes: recovery.cut_bytes,
            ..opening
        };
        let store = Self {
            log,
            derived,
            state,
            vault,
            index_key,
            broken: false,
        };
        Ok((store, opening))
    }

    /// Commits a step. If it does not fit what is held nothing of it is written.
    pub fn commit(&mut self, step: Step, durably: Durably) -> Result<Applied, StoreError> {
        if self.broken {
            return Err(StoreError::Broken);
        }
        let planned = plan::plan(&self.state.feeds, &self.vault, step)?;
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
                .apply(&self.vault, at, planned.event, &mut effects)?;
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
        self.derived.commit(effects.rows, mark)?;
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
        self.state.open_waiting(&self.vault, &mut effects)?;
        self.derived.add(effects.rows)?;
        self.broken = false;
        Ok(effects.applied)
    }

    /// Says who vouches for a feed. Whoever opens the store says so anew each time; nothing of it is
    /// stored.
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
    pub const fn durable(&self) -> Position {
        self.log.durable()
    }

    /// Hands the derived state to the operating system, so that the next start replays nothing.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        Ok(self.derived.flush()?)
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
