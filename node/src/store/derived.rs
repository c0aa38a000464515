//! The derived state on disk: the only file that names `sled`.
//!
//! One tree, one batch per write. What its values mean, and whether they are whole, the store knows.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use kentong_protocol::store::{Damage, GroundError, MAX_VALUE, Opened, Rows};

/// Beyond this sled spills a value into a file of its own that it never syncs.
const _: () = assert!(MAX_VALUE < 16 * 1024);
/// Fixed when a folder is created; a leaf of 16 of the longest values stays under a quarter of it.
const SEGMENT_BYTES: usize = 4 << 20;
const CACHE_BYTES: u64 = 32 << 20;
/// After so many bytes of rows the buffered ones are handed to the operating system, so that
/// after a kill little of the log is read again.
const FLUSH_BYTES: usize = 1 << 20;
/// sled's garbage is collected eight bags at a time; left alone it grows by gigabytes.
const COLLECT: usize = 16;
/// How many folders that were set aside are kept.
const KEPT_ASIDE: usize = 2;

/// The open folder.
pub struct Derived {
    tree: sled::Db,
    unflushed: usize,
}

/// A folder of the derived state could not be moved aside or removed.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} {path}: {source}; check the disk and the folder's permissions")]
struct FolderError {
    /// What was tried.
    action: &'static str,
    /// On which folder.
    path: String,
    /// What the operating system said.
    source: std::io::Error,
}

impl Rows for Derived {
    type Place = Path;

    fn open(
        folder: &Path,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(Self, Opened), Damage> {
        let opened = if folder.exists() {
            Opened::Existing
        } else {
            Opened::New
        };
        guarded(|| {
            make_private(folder)?;
            remove_unfinished_snapshots(folder);
            let config = sled::Config::new()
                .path(folder)
                .segment_size(SEGMENT_BYTES)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput);
            let tree = config.open().map_err(sled_damage)?;
            for found in tree.iter() {
                let (key, value) = found.map_err(sled_damage)?;
                row(&key, &value)?;
            }
            let derived = Self { tree, unflushed: 0 };
            Ok((derived, opened))
        })
    }

    fn set_aside(folder: &Path) -> Result<Option<String>, GroundError> {
        let aside = set_aside(folder).map_err(GroundError::new)?;
        Ok(aside.map(|aside| aside.display().to_string()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]>>, Damage> {
        guarded(|| self.tree.get(key).map_err(sled_damage))
    }

    fn write(
        &mut self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Damage> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in changes {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        guarded(|| self.tree.apply_batch(batch).map_err(sled_damage))?;
        self.unflushed += bytes;
        if self.unflushed > FLUSH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands what is buffered to the operating system.
    fn flush(&mut self) -> Result<(), Damage> {
        guarded(|| self.tree.flush().map(drop).map_err(sled_damage))?;
        self.unflushed = 0;
        for _ in 0..COLLECT {
            crossbeam_epoch::pin().flush();
        }
        Ok(())
    }

    fn scan(
        &self,
        prefix: &[u8],
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        guarded(|| {
            for found in self.tree.scan_prefix(prefix) {
                let (key, value) = found.map_err(sled_damage)?;
                row(&key, &value)?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

/// Moves a folder that is not believed out of the way, and keeps the last few of them.
fn set_aside(folder: &Path) -> Result<Option<PathBuf>, FolderError> {
    let failed = |action, path: &Path| {
        let path = path.display().to_string();
        move |source| FolderError {
            action,
            path,
            source,
        }
    };
    let mut aside = aside(folder).map_err(failed("read", folder))?;
    let number = aside.last_key_value().map_or(1, |(number, _)| number + 1);
    if !folder.exists() {
        return Ok(None);
    }
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!("{DAMAGED}{number}"));
    let to = folder.with_file_name(name);
    std::fs::rename(folder, &to).map_err(failed("set aside", folder))?;
    aside.insert(number, to.clone());
    while aside.len() > KEPT_ASIDE {
        if let Some((_, old)) = aside.pop_first() {
            std::fs::remove_dir_all(&old).map_err(failed("remove", &old))?;
        }
    }
    Ok(Some(to))
}

const DAMAGED: &str = ".damaged-";

/// The folders that were set aside, by their number.
fn aside(folder: &Path) -> std::io::Result<BTreeMap<u32, PathBuf>> {
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Ok(BTreeMap::new());
    };
    let start = format!("{}{DAMAGED}", name.to_string_lossy());
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(&start)?.parse().ok());
        if let Some(number) = number {
            found.insert(number, entry.path());
        }
    }
    Ok(found)
}

/// Makes the folder if it is missing: sled would let everybody in.
fn make_private(folder: &Path) -> Result<(), Damage> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| Damage(format!("cannot make the folder: {error}")))
}

/// A snapshot that sled did not finish makes its next start fail.
fn remove_unfinished_snapshots(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            // If it cannot be removed, sled's own error tells more.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// sled panics where it meets what it cannot read.
fn guarded<T>(call: impl FnOnce() -> Result<T, Damage>) -> Result<T, Damage> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(_) => Err(Damage::new("sled panicked")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn sled_damage(error: sled::Error) -> Damage {
    let full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
    if matches!(&error, sled::Error::Io(error) if full(error)) {
        return Damage("the disk is full".to_owned());
    }
    Damage(format!("sled: {error}"))
}
