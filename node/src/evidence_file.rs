//! Evidence against members: kept in the home, for people and for good.

use std::io;
use std::path::{Path, PathBuf};

use kentong_keys::{Label, MemberName};

use crate::kept_files::{self, Sort};

/// The most files that are kept of one member.
pub const MAX_FILES: usize = 16;

const EVIDENCE: Sort = Sort {
    label: Label::new("kentong/evidence-file/1"),
    extension: "txt",
    most: MAX_FILES,
};

/// Writes evidence against a member into a folder, durably; none if the folder holds it, or enough
/// of that member, already. `about` says in a few small letters and digits what it is about.
pub fn keep(
    folder: &Path,
    member: &MemberName,
    about: &str,
    text: &str,
) -> io::Result<Option<PathBuf>> {
    kept_files::keep(folder, EVIDENCE, (member, about), text.as_bytes())
}
