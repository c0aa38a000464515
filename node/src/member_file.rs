//! Members' files in a home: what others need to know of a member, one file each.

use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::MemberName;
use kentong_protocol::charter::Terms;
use kentong_protocol::directory::Bundle;

use crate::turn::{self, TurnError, Wait};
use crate::whole_file;

/// Why a member file is not for the members of a charter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlisted {
    /// The charter does not list its member.
    #[error("{0} is not a member by the charter")]
    Stranger(MemberName),
    /// The charter lists its member with another root key.
    #[error(
        "its root key is not the one that the charter gives for {0}; do not use it, and ask {0} by voice"
    )]
    OtherRoot(MemberName),
}

/// Why a member's file was not written.
#[derive(Debug, thiserror::Error)]
pub enum MemberFileError {
    /// Another is changing the files.
    #[error(transparent)]
    Turn(#[from] TurnError),
    /// The system refused.
    #[error("cannot write {path}: {source}; check the disk and the permissions")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Where a member's file lies in a folder.
#[must_use]
pub fn path(folder: &Path, member: &MemberName) -> PathBuf {
    folder.join(format!("{member}.card"))
}

/// Whether a charter lists the member of this file, with its root key.
pub fn check(bundle: &Bundle, terms: &Terms) -> Result<(), Unlisted> {
    let member = bundle.member();
    match terms.member(member) {
        None => Err(Unlisted::Stranger(member.clone())),
        Some(listed) if listed.root() != bundle.root() => Err(Unlisted::OtherRoot(member.clone())),
        Some(_) => Ok(()),
    }
}

/// A member's file in a folder; none if there is none that can be read.
#[must_use]
pub fn held(folder: &Path, member: &MemberName) -> Option<Bundle> {
    let bytes = whole_file::read(&path(folder, member), Bundle::MAX_LEN).ok()??;
    Bundle::parse(&bytes).ok()
}

/// Writes a member file into a folder under its member's name, in place of an older one, durably.
pub fn write(folder: &Path, bundle: &Bundle, wait: Wait) -> Result<PathBuf, MemberFileError> {
    // The node and a command may write the same card at the same moment.
    let _turn = turn::take(folder, wait)?;
    put(folder, bundle)
}

/// The same, unless the folder holds the same or a newer one under this root key; true if it is written.
/// The root key must be the one that counts for its member.
pub fn keep(folder: &Path, bundle: &Bundle, wait: Wait) -> Result<bool, MemberFileError> {
    let _turn = turn::take(folder, wait)?;
    let held = held(folder, bundle.member());
    if held.is_some_and(|held| held.root() == bundle.root() && !bundle.is_newer_than(&held)) {
        return Ok(false);
    }
    put(folder, bundle).map(|_| true)
}

fn put(folder: &Path, bundle: &Bundle) -> Result<PathBuf, MemberFileError> {
    let path = path(folder, bundle.member());
    match whole_file::replace(&path, bundle.encode().as_bytes()) {
        Ok(()) => Ok(path),
        Err(error) => Err(MemberFileError::Write {
            path,
            source: error.into(),
        }),
    }
}
