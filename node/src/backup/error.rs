//! Why a backup cannot be made or used.

use std::io;
use std::path::PathBuf;

use super::MAX_FILES;

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file is in the place of the new backup.
    #[error(
        "{} is there already; name another file, or replace it with --replace",
        .0.display()
    )]
    Exists(PathBuf),
    /// The target is no file.
    #[error("{} is a folder; name a file in it", .0.display())]
    Folder(PathBuf),
    /// A file of the home has a name that a backup does not take.
    #[error(
        "{} has a name that a backup does not take (over 76 bytes, or with control characters); \
         rename it",
        .0.display()
    )]
    Name(PathBuf),
    /// A file of the home, or of the backup, is larger than any of its kind.
    #[error("{path} has {size} bytes, and files of its kind at most {most}; is it the right file?")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The most bytes.
        most: u64,
    },
    /// More files than any backup has.
    #[error("there are more than {MAX_FILES} files; is it the right folder or file?")]
    TooMany,
    /// A file of the home became shorter while it was read.
    #[error("{} became shorter while it was read; find out what changed it, then try again", .0.display())]
    Shrank(PathBuf),
    /// The home or its log has no such file.
    #[error("{} is missing; bring the home in order before it is backed up", .0.display())]
    Missing(PathBuf),
    /// The operating system refused.
    #[error("could not {action} {}: {source}; check the disk and the permissions", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Not a backup.
    #[error(
        "{} is not a backup of a node: at byte {at} it has {found}; name the file that `kentong \
         backup` wrote",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Where the entry begins.
        at: u64,
        /// What stands there.
        found: String,
    },
    /// It ends before its manifest.
    #[error(
        "{} is cut off: it ends at byte {at}, after {after}, before its manifest; copy it again, or \
         take another backup",
        path.display()
    )]
    CutOff {
        /// The file.
        path: PathBuf,
        /// How far it goes.
        at: u64,
        /// The last file that is whole.
        after: String,
    },
    /// A file in it is not what the manifest says.
    #[error(
        "{} is damaged: {file}, at byte {at}, is not what its manifest says; copy it again, or take \
         another backup",
        path.display()
    )]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// The file in it.
        file: String,
        /// Where its entry begins.
        at: u64,
    },
    /// The manifest cannot be read.
    #[error(
        "{} is damaged: its manifest, at byte {at}, cannot be read ({why}); copy it again, or take \
         another backup",
        path.display()
    )]
    Manifest {
        /// The backup.
        path: PathBuf,
        /// Where the manifest begins.
        at: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Written by a newer version.
    #[error(
        "{} has the form {found}, which a newer version of Kentong wrote; install that version",
        path.display()
    )]
    Newer {
        /// The backup.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
    /// It lacks what every home has.
    #[error("{} has no {file}, which every home has; take another backup", path.display())]
    Incomplete {
        /// The backup.
        path: PathBuf,
        /// What is missing.
        file: String,
    },
}

impl BackupError {
    /// The operating system refused.
    pub(super) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
