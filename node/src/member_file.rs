//! Members' files in a home: what others need to know of a member, one bundle each.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use kentong_protocol::MemberName;
use kentong_protocol::directory::Bundle;

/// Where a member's file lies in a folder.
#[must_use]
pub fn path(folder: &Path, member: &MemberName) -> PathBuf {
    folder.join(format!("{member}.card"))
}

/// Writes a bundle into a folder under its member's name, in place of an older one, durably.
pub fn write(folder: &Path, bundle: &Bundle) -> io::Result<PathBuf> {
    let path = path(folder, bundle.member());
    // The node and a command may write the same card at the same moment.
    let _turn = crate::turn::take(folder);
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bundle.encode().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(path)
}
