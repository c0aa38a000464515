//! Files about members, for people to read: a few of each member, written once, durably.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label, MemberName};

/// A sort of file that is kept about members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    /// What the files are told apart by: a hash of their content under this label.
    pub(crate) label: Label,
    /// How their names end.
    pub(crate) extension: &'static str,
    /// The most that are kept of one member. One of them shows what is the matter, a hostile member can
    /// cause as many as it likes, and those of one must not take the place of another's.
    pub(crate) most: usize,
}

/// Writes a file about a member into a folder, which is made if it is missing. None if the folder holds
/// it, or enough of that member, already. `about` says in a few small letters, digits, dots and dashes
/// what it is about.
pub(crate) fn keep(
    folder: &Path,
    sort: Sort,
    (member, about): (&MemberName, &str),
    content: &[u8],
) -> io::Result<Option<PathBuf>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let hash = Digest::labelled(sort.label, &[content]);
    let name = format!("{member}-{about}-{}.{}", hash.short(), sort.extension);
    let path = folder.join(name);
    if path.exists() || files_of(folder, member)? >= sort.most {
        return Ok(None);
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(content)?;
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
