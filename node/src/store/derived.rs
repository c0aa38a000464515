//! The derived state on disk: the only file that names `sled`.
//!
//! One tree, one batch per step. Every row carries a keyed checksum, and the row of the mark the
//! sum of them all, so that a row that sled lost, kept too long or changed is noticed when the
//! store is opened: whatever is wrong, the folder is set aside and rebuilt from the log. So a write
//! needs to be atomic and not durable.
//!
//! ```text
//! value  version (1), content, checksum: 8 bytes of a keyed hash over key, version and content
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kentong_keys::IndexKey;

use super::error::StoreError;
use super::schema::{MARK_KEY, Mark};

const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// The longest content: sled spills longer values into files that it never syncs.
const MAX_CONTENT: usize = 15 * 1024;
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

/// What a step changes: content by key, or nothing where a row goes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

/// The open folder.
pub(super) struct Derived {
    tree: sled::Db,
    key: Arc<IndexKey>,
    /// Up to where the rows reflect the log; its sum is set when it is written.
    mark: Mark,
    /// The wrapping sum of the checksums of all rows but the mark's.
    sum: u64,
    unflushed: usize,
}

/// Why a folder is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage(pub(super) String);

impl Rows {
    pub(super) fn put(&mut self, key: Vec<u8>, content: Vec<u8>) {
        debug_assert!(content.len() <= MAX_CONTENT, "{} bytes", content.len());
        self.bytes += key.len() + content.len();
        self.changes.insert(key, Some(content));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.insert(key, None);
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Derived {
    /// Opens or creates the folder. `row` is given every row but the mark's, in the order of
    /// keys.
    pub(super) fn open(
        folder: &Path,
        key: Arc<IndexKey>,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(Self, Mark), Damage> {
        guarded(|| {
            make_private(folder)?;
            remove_unfinished_snapshots(folder);
            let config = sled::Config::new()
                .path(folder)
                .segment_size(SEGMENT_BYTES)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(None)
                .mode(sled::Mode::HighThroughput);
            let mut derived = Self {
                tree: config.open().map_err(sled_damage)?,
                key,
                mark: Mark::default(),
                sum: 0,
                unflushed: 0,
            };
            let mut mark = None;
            for found in derived.tree.iter() {
                let (key, value) = found.map_err(sled_damage)?;
                let (content, checksum) = derived.check(&key, &value)?;
                if *key == MARK_KEY {
                    mark = Some(Mark::decode(content).ok_or_else(|| damage("a bad mark"))?);
                } else {
                    derived.sum = derived.sum.wrapping_add(checksum);
                    row(&key, content)?;
                }
            }
            let mark = mark.unwrap_or_default();
            if mark.sum != derived.sum {
                return Err(damage("rows are missing or too many"));
            }
            derived.mark = mark;
            Ok((derived, mark))
        })
    }

    /// Writes the rows and the new mark, all or none.
    pub(super) fn commit(&mut self, rows: Rows, mark: Mark) -> Result<(), StoreError> {
        self.mark = mark;
        self.add(rows)
    }

    /// Writes rows that follow from the same records of the log as those before.
    pub(super) fn add(&mut self, rows: Rows) -> Result<(), StoreError> {
        guarded(|| self.apply(rows)).map_err(StoreError::from)
    }

    fn apply(&mut self, rows: Rows) -> Result<(), Damage> {
        let mut batch = sled::Batch::default();
        let bytes = rows.bytes();
        let mut sum = self.sum;
        for (key, content) in rows.changes {
            if let Some(old) = self.tree.get(&key).map_err(sled_damage)? {
                sum = sum.wrapping_sub(self.check(&key, &old)?.1);
            }
            match content {
                Some(content) => {
                    let (value, checksum) = self.seal(&key, &content);
                    sum = sum.wrapping_add(checksum);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        let (value, _) = self.seal(&MARK_KEY, &Mark { sum, ..self.mark }.encode());
        batch.insert(&MARK_KEY, value);
        self.tree.apply_batch(batch).map_err(sled_damage)?;
        self.sum = sum;
        self.unflushed += bytes;
        if self.unflushed > FLUSH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands what is buffered to the operating system.
    pub(super) fn flush(&mut self) -> Result<(), Damage> {
        guarded(|| self.tree.flush().map(drop).map_err(sled_damage))?;
        self.unflushed = 0;
        for _ in 0..COLLECT {
            crossbeam_epoch::pin().flush();
        }
        Ok(())
    }

    /// The rows whose keys begin with `prefix`, in order.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(), StoreError> {
        let scanned = guarded(|| {
            for found in self.tree.scan_prefix(prefix) {
                let (key, value) = found.map_err(sled_damage)?;
                row(&key, self.check(&key, &value)?.0)?;
            }
            Ok(())
        });
        scanned.map_err(StoreError::from)
    }

    fn seal(&self, key: &[u8], content: &[u8]) -> (Vec<u8>, u64) {
        let checksum = self.checksum(key, content);
        let mut value = Vec::with_capacity(1 + content.len() + CHECKSUM);
        value.push(VERSION);
        value.extend_from_slice(content);
        value.extend_from_slice(&checksum.to_be_bytes());
        (value, checksum)
    }

    fn check<'v>(&self, key: &[u8], value: &'v [u8]) -> Result<(&'v [u8], u64), Damage> {
        let (version, rest) = value.split_first().ok_or_else(|| damage("an empty row"))?;
        if *version != VERSION {
            return Err(damage("a row of another version"));
        }
        let (content, found) = rest
            .split_last_chunk::<CHECKSUM>()
            .ok_or_else(|| damage("a short row"))?;
        let checksum = self.checksum(key, content);
        if checksum.to_be_bytes() != *found {
            return Err(damage("a row that does not match its checksum"));
        }
        Ok((content, checksum))
    }

    fn checksum(&self, key: &[u8], content: &[u8]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.key.hash(&[b"row", key, &[VERSION], content]);
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

/// Moves a folder that is not believed out of the way, and keeps the last few of them.
pub(super) fn set_aside(folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let failed = |action, path: &Path| {
        let path = path.display().to_string();
        move |source| StoreError::Folder {
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
        Err(_) => Err(damage("sled panicked")),
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

fn damage(what: &str) -> Damage {
    Damage(what.to_owned())
}

impl From<Damage> for StoreError {
    fn from(Damage(what): Damage) -> Self {
        Self::Derived(what)
    }
}
