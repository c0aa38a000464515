//! Turns: a node and the commands beside it change files of one home, one of them at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long another is waited for. One that was stopped in the middle must not stop a node.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The right to change files in a folder, until it is dropped. None where the folder cannot be locked or
/// another holds it for too long: then whoever asked goes on without.
#[must_use]
pub fn take(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(LOOK_EVERY),
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_but_nobody_waits_without_end() {
        let dir = tempfile::TempDir::new().unwrap();
        let first = take(dir.path()).unwrap();
        let began = Instant::now();
        assert!(take(dir.path()).is_none());
        assert!(began.elapsed() >= PATIENCE);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(dir.path()).is_some());
            drop(first);
            assert!(second.join().unwrap());
        });
        assert!(take(&dir.path().join("missing")).is_none());
    }
}
