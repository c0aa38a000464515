//! Why a signature is refused, or the signer state cannot be used.

use std::io;
use std::path::PathBuf;

use kentong_protocol::member::heads::Refused;

/// Why the signer state refuses, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// There is no file.
    #[error("the signer state {} is missing", .0.display())]
    Missing(PathBuf),
    /// A file is there already.
    #[error("the signer state {} exists already; it must not be replaced", .0.display())]
    Exists(PathBuf),
    /// The file is shorter than it says.
    #[error("the signer state {} is cut off: check the disk", .0.display())]
    Truncated(PathBuf),
    /// The file doesn't match its checksum, or isn't in canonical form.
    #[error(
        "the signer state {} was changed or damaged: find out by whom, and check the disk",
        .0.display()
    )]
    Tampered(PathBuf),
    /// Written by a newer version.
    #[error(
        "the signer state {} was written by a newer version of Kentong; install that version",
        .0.display()
    )]
    Newer(PathBuf),
    /// Others than the owner may read or write the file.
    #[error("others may use the signer state {}; run `chmod 600` on it", .0.display())]
    TooOpen(PathBuf),
    /// The rule of what may be signed after what forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The operating system refused.
    #[error("could not {action} {}: {source}; check the disk and the permissions", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl SignerError {
    /// Whether there is no state that can be believed, and readers are to be asked what was signed.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        match self {
            Self::Missing(_) | Self::Truncated(_) | Self::Tampered(_) => true,
            Self::Exists(_)
            | Self::Newer(_)
            | Self::TooOpen(_)
            | Self::Refused(_)
            | Self::Io { .. } => false,
        }
    }
}
