//! The store against disorder, restarts and crashes, over memory. Over files and sled it is tested where
//! those are.

mod commit;
mod disorder;
mod erasing;
mod former;
mod kept;
mod lost;
mod own;
mod refuse;

use kentong_keys::{Digest, EpochKey, MemberName, StoreKey};

use crate::feed::Leaf;
use crate::indicator::Projection;
use crate::statement::Said;
use crate::time::Timestamp;

use super::memory::{MemoryLog, MemoryPlace, MemoryRows};
use super::sample::*;
use super::*;

type Store = super::Store<MemoryLog, MemoryRows>;

/// A node's log and rows.
struct Home {
    log: MemoryLog,
    rows: MemoryPlace,
}

impl Home {
    fn new() -> Self {
        Self {
            log: MemoryLog::new(),
            rows: MemoryPlace::new(),
        }
    }

    fn open(&self) -> (Store, Opening) {
        let key = StoreKey::from_secret([7; 32]);
        Store::open(self.log.clone(), &self.rows, key, name("MY"), 16 << 20).unwrap()
    }

    /// What there would be if the power went now, with all writes that were made.
    fn copy(&self) -> Self {
        Self {
            log: self.log.copy(),
            rows: self.rows.copy(),
        }
    }
}
