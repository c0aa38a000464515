//! How the log can fail.

use std::io;
use std::path::{Path, PathBuf};

use super::Position;

/// Why the log could not do what was asked. Payloads never appear here.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// There is no log in the directory, and creating one was not asked for.
    #[error(
        "there is no log in {}; restore the directory, or run `kentong init` for a new node",
        .0.display()
    )]
    Missing(PathBuf),
    /// A record that had been durable does not match its checksum.
    #[error(
        "the log is damaged in {segment:08}.seg at byte {offset}; stop the node, keep a copy of \
         the log directory and put back a good copy of this file"
    )]
    Damaged {
        /// The segment file.
        segment: u32,
        /// The offset of the bad record (0 for the segment's own header).
        offset: u32,
    },
    /// A segment file in the middle is gone.
    #[error("the log's file {0:08}.seg is missing; put back a good copy of it")]
    MissingSegment(u32),
    /// A segment file belongs to another log.
    #[error("the file {0:08}.seg belongs to another log; put back the right one")]
    ForeignSegment(u32),
    /// Written by a newer version.
    #[error("{0:08}.seg was written by a newer version of Kentong; install that version")]
    Newer(u32),
    /// The disk, or the quota, is full. Nothing of the group was kept, and the log is usable.
    #[error("the disk of the log is full; free some space and try again")]
    Full,
    /// A sync, or a write in place, failed. From now on the log is poisoned.
    #[error(
        "could not {action} {}: {source}; what is on the disk is unknown now: check the disk and \
         start the node again",
        path.display()
    )]
    Failed {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier failure left the state of the disk unknown.
    #[error(
        "an earlier write to the log failed and the disk's state is unknown; check the disk and \
         start the node again"
    )]
    Poisoned,
    /// A payload or a group is larger than the log takes.
    #[error("{len} bytes are more than the log takes at once ({max}); split them")]
    TooLarge {
        /// The length that was offered.
        len: usize,
        /// The most that is taken.
        max: usize,
    },
    /// Nothing was written at this position: whoever remembers it is ahead of the log.
    #[error("the log holds no record at {0}; rebuild the store from the log")]
    NoRecord(Position),
    /// The log has used up its segment numbers.
    #[error("the log has no segment numbers left; start a new node")]
    Exhausted,
    /// The operating system refused.
    #[error("could not {action} {}: {source}; check the disk and the file's permissions", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl LogError {
    /// For `map_err`: a full disk is told apart from other failures.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if is_full(&source) {
                Self::Full
            } else {
                Self::Io {
                    action,
                    path,
                    source,
                }
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
