//! Making a backup.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Cursor, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, MemberName};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::MAX_FILES;
use super::archive::{Hashing, Writing};
use super::error::BackupError;
use super::home_part::{FOLDERS, HomePart, LEFT_OUT};
use super::manifest::{Listed, Manifest};
use super::read::{MANIFEST, NEEDED, is_needed};
use crate::home::Home;
use crate::log::Position;

/// How far the log is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// A node runs and said that the log is durable up to here.
    At(Position),
    /// No node runs, and none can begin: all that is there.
    Whole,
}

/// What becomes of a file in the place of the new backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the backup is refused.
    Keep,
    /// The new one takes its place.
    Replace,
}

/// A file of the home that was left out though nothing says that it should be.
pub type LeftOut = String;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many files.
    pub files: usize,
    /// The size of the backup, in bytes.
    pub bytes: u64,
    /// SHA-256 of the backup, to be kept elsewhere.
    pub sha256: Digest,
    /// Files of the home that are not part of one and were left out.
    pub left_out: Vec<LeftOut>,
}

/// Writes a backup of a home to `target`, which is whole or not there.
pub fn write(
    home: &Home,
    log: LogEnd,
    (member, made): (Option<MemberName>, u64),
    target: &Path,
    existing: Existing,
) -> Result<Written, BackupError> {
    if target.is_dir() {
        return Err(BackupError::Folder(target.to_owned()));
    }
    if existing == Existing::Keep && target.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let (parts, left_out) = parts(home, log)?;
    let unfinished = beside(target);
    let made = fill(&unfinished, home, log, &parts, (member, made));
    let placed = made.and_then(|(bytes, sha256)| {
        place(&unfinished, target, existing)?;
        Ok(Written {
            files: parts.len(),
            bytes,
            sha256,
            left_out,
        })
    });
    if placed.is_err() {
        drop(fs::remove_file(&unfinished)); // The first error is the one to tell.
    }
    placed
}

/// The files of a home that a backup takes, in order, and those that are no part of one.
fn parts(home: &Home, log: LogEnd) -> Result<(Vec<HomePart>, Vec<LeftOut>), BackupError> {
    let root = home.root();
    let (mut parts, mut left_out) = (Vec::new(), Vec::new());
    for folder in FOLDERS {
        let path = root.join(folder);
        for name in names(&path)? {
            let inner = format!("{folder}/{name}");
            let Some(part) = HomePart::parse(&inner) else {
                let must_stay = matches!(folder, "policy" | "evidence") && !name.starts_with('.');
                if must_stay {
                    return Err(BackupError::Name(path.join(name)));
                }
                if !(folder == "keys" && name.starts_with("sealing")) {
                    left_out.push(inner);
                }
                continue;
            };
            if !part.under(root).is_file() {
                left_out.push(inner);
                continue;
            }
            let later = matches!((log, part.segment()), (LogEnd::At(end), Some(number)) if number > end.segment());
            if !later {
                parts.push(part);
            }
        }
    }
    parts.extend(HomePart::top().filter(|part| part.under(root).is_file()));
    for needed in NEEDED {
        if !parts
            .iter()
            .any(|part| is_needed(needed, &part.to_string()))
        {
            return Err(BackupError::Missing(root.join(needed)));
        }
    }
    if parts.len() > MAX_FILES {
        return Err(BackupError::TooMany);
    }
    for name in names(root)? {
        let known = LEFT_OUT.contains(&name.as_str())
            || name.starts_with("sled.damaged-")
            || FOLDERS.contains(&name.as_str())
            || HomePart::parse(&name).is_some();
        if !known {
            left_out.push(name);
        }
    }
    left_out.sort();
    Ok((parts, left_out))
}

/// The names in a folder, sorted; none if there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(BackupError::io("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(BackupError::io("read", folder))?.file_name();
        let name = name
            .into_string()
            .map_err(|name| BackupError::Name(folder.join(name)))?;
        names.push(name);
        if names.len() > MAX_FILES {
            return Err(BackupError::TooMany);
        }
    }
    names.sort();
    Ok(names)
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    PathBuf::from(name)
}

/// Writes the archive, durably; answers its size and digest.
fn fill(
    path: &Path,
    home: &Home,
    log: LogEnd,
    parts: &[HomePart],
    (member, made): (Option<MemberName>, u64),
) -> Result<(u64, Digest), BackupError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(BackupError::io("create", path))?;
    let failed = || BackupError::io("write", path);
    let mut archive = Writing::new(BufWriter::with_capacity(1 << 20, file));
    let mut files = Vec::with_capacity(parts.len());
    for part in parts {
        let (source, size) = open(part, home, log)?;
        let written = archive.append(&part.to_string(), (size, made), source);
        let Some(sha256) = written.map_err(failed())? else {
            return Err(BackupError::Shrank(part.under(home.root())));
        };
        files.push(Listed {
            path: part.to_string(),
            size,
            sha256,
        });
    }
    let manifest = Manifest {
        member,
        made,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files,
    };
    let manifest = manifest.encode();
    let size = manifest.len() as u64;
    archive
        .append(MANIFEST, (size, made), Cursor::new(manifest))
        .map_err(failed())?;
    let mut to = archive.finish().map_err(failed())?;
    to.flush().map_err(failed())?;
    let file = to
        .into_inner()
        .map_err(|error| failed()(error.into_error()))?;
    file.sync_all().map_err(failed())?;
    let mut reader = Hashing::new(File::open(path).map_err(failed())?);
    io::copy(&mut reader, &mut io::sink()).map_err(failed())?;
    Ok(reader.finish())
}

/// A file of the home, and how many of its bytes are taken. A log grows while it is read; what was
/// durable before does not change, but for bodies that are erased.
fn open(part: &HomePart, home: &Home, log: LogEnd) -> Result<(File, u64), BackupError> {
    let path = part.under(home.root());
    let about = fs::metadata(&path).map_err(BackupError::io("read", &path))?;
    let file = File::open(&path).map_err(BackupError::io("read", &path))?;
    let size = match (log, part.segment()) {
        (LogEnd::At(end), Some(number)) if number == end.segment() => u64::from(end.offset()),
        _ => about.len(),
    };
    let most = part.most_bytes();
    if size > most {
        return Err(BackupError::TooLarge {
            path: path.display().to_string(),
            size,
            most,
        });
    }
    Ok((file, size))
}

/// Moves the whole backup to its place.
fn place(unfinished: &Path, target: &Path, existing: Existing) -> Result<(), BackupError> {
    match existing {
        Existing::Keep => renameat_with(CWD, unfinished, CWD, target, RenameFlags::NOREPLACE)
            .map_err(io::Error::from),
        Existing::Replace => fs::rename(unfinished, target),
    }
    .map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            BackupError::Exists(target.to_owned())
        } else {
            BackupError::io("move the backup to", target)(error)
        }
    })?;
    let folder = match target.parent().filter(|parent| *parent != Path::new("")) {
        Some(parent) => parent,
        None => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io("sync", folder))
}
