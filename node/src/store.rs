//! The node's store: the store of `kentong-protocol` over the log's files and sled.

mod derived;

use std::path::{Path, PathBuf};

use kentong_keys::{MemberName, StoreKey};
use kentong_protocol::store::GroundError;

use crate::log::{self, Log, LogError};

pub use derived::Derived;
pub use kentong_protocol::store::{
    Applied, BodyState, CarriedId, CarriedSet, Disposition, Durably, EpochState, FeedErasure,
    FeedNo, FeedState, Feeds, Indexed, MAX_FEEDS, MAX_LEAVES, OwnEntry, OwnTable, Place, Scan,
    Step, StoreError, Vouched,
};

/// What the node holds.
pub type Store = kentong_protocol::store::Store<Log, Derived>;

/// Where the store's folders are.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'a> {
    /// The log: the truth.
    pub log: &'a Path,
    /// The derived state; it and its neighbours `NAME.damaged-N`, of which two are kept, may be deleted
    /// at any time while the node is stopped.
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

/// What was found when the store was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Bytes of a torn tail that were cut from the log.
    pub cut_bytes: u64,
    /// Records of the log that the derived state did not reflect yet.
    pub replayed: u64,
    /// Set when the derived state was not believed.
    pub rebuilt: Option<Rebuilt>,
}

/// That the derived state was rebuilt from the log, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// What was wrong.
    pub why: String,
    /// Where the damaged folder is now; none if there was no folder.
    pub set_aside: Option<PathBuf>,
}

/// Opens the log, and the derived state or, where that is missing or not believed, rebuilds it. The
/// caller holds the lock of the home.
pub fn open(
    folders: Folders<'_>,
    store_key: StoreKey,
    me: MemberName,
    options: Options,
) -> Result<(Store, Opening), StoreError> {
    let (log, recovery) = Log::open(folders.log, options.log)?;
    let (store, opening) = Store::open(log, folders.derived, store_key, me, options.cache_bytes)?;
    let rebuilt = opening.rebuilt.map(|rebuilt| Rebuilt {
        why: rebuilt.why,
        set_aside: rebuilt.set_aside.map(PathBuf::from),
    });
    let opening = Opening {
        cut_bytes: recovery.cut_bytes,
        replayed: opening.replayed,
        rebuilt,
    };
    Ok((store, opening))
}

impl From<LogError> for StoreError {
    fn from(error: LogError) -> Self {
        Self::Log(GroundError::new(error))
    }
}

#[cfg(test)]
mod tests;
