//! Turns: a node and the commands beside it change files of one home, one of them at a time.
//!
//! If two processes read a file, add to it and write it at the same time, what one of them added is lost: a
//! vote, for instance. So nobody writes without a turn, and a process that does not get one in time fails and
//! says so.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a command waits for its turn: far longer than any process takes that is not stopped.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a command that waits looks whether it is its turn.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// As much of the system's list of locks as is looked through.
const MAX_LOCKS: u64 = 1 << 20;

/// The right to change files in a folder, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    #[expect(dead_code, reason = "the turn lasts as long as the file is open")]
    file: File,
}

/// Whether a turn is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For a second at most, as a command does.
    ASecond,
    /// Not at all: the node's event loop has others to serve, and tries again.
    NotAtAll,
}

/// Why a turn was not given.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// Another has it.
    #[error(
        "nothing was written: {} is changing the files in {folder}; let it finish (`fg`, if it was \
         stopped with Ctrl-Z) or end it, then try again",
        in_words(*.process)
    )]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// The process that has it, where the system says so.
        process: Option<u32>,
    },
    /// The folder cannot be locked.
    #[error(
        "nothing was written: cannot lock {folder}: {source}; check that it is there, and that its file \
         system has locks"
    )]
    Lock {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Takes the turn to change files in a folder.
pub fn take(folder: &Path, wait: Wait) -> Result<Turn, TurnError> {
    let failed = |source| TurnError::Lock {
        folder: folder.to_owned(),
        source,
    };
    let file = File::open(folder).map_err(failed)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Turn { file }),
            Err(TryLockError::WouldBlock) if wait == Wait::ASecond && Instant::now() < until => {
                sleep(LOOK_EVERY);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(TurnError::Taken {
                    folder: folder.to_owned(),
                    process: holder(&file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

fn in_words(process: Option<u32>) -> String {
    match process {
        Some(pid) => format!("process {pid} (another kentong command, or the node)"),
        None => "another kentong command, or the node,".to_owned(),
    }
}

/// The process that has locked the file, if Linux tells. It tells locks by the number of the file, so of
/// two on different disks with the same number neither is named.
fn holder(file: &File) -> Option<u32> {
    let number = file.metadata().ok()?.ino().to_string();
    let mut locks = String::new();
    let list = File::open("/proc/locks").ok()?;
    list.take(MAX_LOCKS).read_to_string(&mut locks).ok()?;
    let mut holders = locks.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_lock = words.next()? == "FLOCK" && words.nth(1)? == "WRITE";
        let pid: u32 = words.next()?.parse().ok()?;
        let (_, inode) = words.next()?.rsplit_once(':')?;
        (is_lock && inode == number && pid != 0).then_some(pid)
    });
    let one = holders.next()?;
    holders.next().is_none().then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nobody_writes_without() {
        let dir = tempfile::TempDir::new().unwrap();
        let first = take(dir.path(), Wait::ASecond).unwrap();
        let began = Instant::now();
        let error = take(dir.path(), Wait::ASecond).unwrap_err();
        assert!(began.elapsed() >= PATIENCE);
        assert!(matches!(error, TurnError::Taken { .. }), "{error:?}");
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(dir.path(), Wait::ASecond).is_ok());
            drop(first);
            assert!(second.join().unwrap());
        });
        let missing = take(&dir.path().join("missing"), Wait::ASecond).unwrap_err();
        assert!(matches!(missing, TurnError::Lock { .. }), "{missing:?}");
    }

    #[test]
    fn who_does_not_wait_is_told_at_once_who_has_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let _first = take(dir.path(), Wait::NotAtAll).unwrap();
        let began = Instant::now();
        let error = take(dir.path(), Wait::NotAtAll).unwrap_err();
        assert!(began.elapsed() < PATIENCE);
        let (words, me) = (error.to_string(), std::process::id().to_string());
        for said in ["nothing was written", "then try again"] {
            assert!(words.contains(said), "{words}");
        }
        if Path::new("/proc/locks").exists() {
            assert!(words.contains(&format!("process {me} ")), "{words}");
        }
    }
}
