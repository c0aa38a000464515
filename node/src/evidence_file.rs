//! Evidence against members: kept in the home, for people and for good.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label};

const EVIDENCE: Label = Label::new("kentong/evidence-file/1");

/// The most files that are kept: one shows it, and a liar can make as many as it likes.
pub const MAX_FILES: usize = 64;

/// Writes evidence into a folder, durably; none if the folder holds it, or enough, already. The
/// name says whom it is against and about what.
pub fn keep(folder: &Path, name: &str, text: &str) -> io::Result<Option<PathBuf>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let hash = Digest::labelled(EVIDENCE, &[text.as_bytes()]);
    let path = folder.join(format!("{name}-{}.txt", hash.short()));
    if path.exists() || std::fs::read_dir(folder)?.count() >= MAX_FILES {
        return Ok(None);
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(Some(path))
}
