//! Why a signature is refused, or the signer state cannot be used.

use std::io;
use std::path::PathBuf;

use kentong_keys::Digest;

use super::{MAX_FEEDS, Signed};

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
    /// Signing this would give the feed two histories.
    #[error(
        "refused to sign feed {} at size {}, after size {} was signed: that would fork it; \
         the log is older than this, so bring back its newest state",
        feed.short(), offered.size, signed.size
    )]
    WouldFork {
        /// The feed.
        feed: Digest,
        /// What was signed last.
        signed: Signed,
        /// What was to be signed.
        offered: Signed,
    },
    /// The entry is not what the caller took it to be.
    #[error(
        "the signer state of feed {} is not the expected one; read it again before signing",
        feed.short()
    )]
    Changed {
        /// The feed.
        feed: Digest,
        /// What the entry is.
        found: Option<Signed>,
    },
    /// It is not known what was signed last.
    #[error(
        "refused to sign before it is known what was signed last; `kentong status` says who is asked"
    )]
    Unknown,
    /// No more feeds fit.
    #[error("the signer state is full ({MAX_FEEDS} feeds); start a new node")]
    TooManyFeeds,
    /// An earlier change may or may not be durable.
    #[error(
        "an earlier change of the signer state failed half-way; check the disk and start the \
         node again"
    )]
    Poisoned,
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
            | Self::WouldFork { .. }
            | Self::Changed { .. }
            | Self::Unknown
            | Self::TooManyFeeds
            | Self::Poisoned
            | Self::Io { .. } => false,
        }
    }
}
