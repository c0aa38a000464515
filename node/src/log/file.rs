//! Every operation on the log's files: the only place under `log` that touches the disk.
//!
//! Kept this narrow so that tests can make any operation fail, and replay what was done up to a
//! simulated power cut.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// An open file, with its path for error messages.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
}

impl LogFile {
    /// Creates the file, which must not be there; only its owner may read it.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        #[cfg(test)]
        trace::before(trace::Step::Create(path.into()))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Opens the file for reading.
    pub(super) fn open_to_read(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Opens the file for reading and writing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u32) -> io::Result<()> {
        self.file.read_exact_at(buffer, u64::from(offset))
    }

    pub(super) fn write_all_at(&self, bytes: &[u8], offset: u32) -> io::Result<()> {
        #[cfg(test)]
        trace::write(&self.file, &self.path, offset, bytes)?;
        self.file.write_all_at(bytes, u64::from(offset))
    }

    /// Cuts the file.
    pub(super) fn set_len(&self, len: u32) -> io::Result<()> {
        #[cfg(test)]
        trace::before(trace::Step::SetLen(self.path.clone(), len))?;
        self.file.set_len(u64::from(len))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        trace::before(trace::Step::Sync(self.path.clone()))?;
        self.file.sync_data()
    }
}

/// Creates a directory that only its owner may enter, and makes that durable in its parent.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    }
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync_dir(parent),
        _ => Ok(()),
    }
}

/// The names in a directory; names that are not text are left out.
pub(super) fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(test)]
    trace::before(trace::Step::Rename(from.into(), to.into()))?;
    fs::rename(from, to)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Makes created, renamed and removed names durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(test)]
    trace::before(trace::Step::SyncDir(dir.into()))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
pub(super) mod trace;
