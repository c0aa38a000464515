//! Evidence against members: kept in the home, for people and for good.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label, MemberName};

const EVIDENCE: Label = Label::new("kentong/evidence-file/1");

/// The most files that are kept of one member: one shows it, a liar can make as many as it likes,
/// and those of one must not take the place of another's.
pub const MAX_FILES: usize = 16;

/// Writes evidence against a member into a folder, durably; none if the folder holds it, or enough
/// of that member, already. `about` says in a few small letters and digits what it is about.
pub fn keep(
    folder: &Path,
    member: &MemberName,
    about: &str,
    text: &str,
) -> io::Result<Option<PathBuf>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let hash = Digest::labelled(EVIDENCE, &[text.as_bytes()]);
    let path = folder.join(format!("{member}-{about}-{}.txt", hash.short()));
    if path.exists() || files_of(folder, member)? >= MAX_FILES {
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

/// How many files are kept of a member. One whose name begins another's (`PH`, `PH-CICC`) is told
/// from it by what follows, which is in small letters and digits.
fn files_of(folder: &Path, member: &MemberName) -> io::Result<usize> {
    let start = format!("{member}-");
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&start));
        count += usize::from(
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_uppercase())),
        );
    }
    Ok(count)
}
