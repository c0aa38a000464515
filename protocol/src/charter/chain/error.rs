//! Every way in which a version cannot follow those before it.

use kentong_keys::MemberName;

use super::{MAX_CHAIN, MAX_VERSIONS, Need};
use crate::charter::CharterError;
use crate::time::Timestamp;

/// Why a version does not follow, is not in force, or should not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The document itself is not in order.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// More than [`MAX_CHAIN`] bytes.
    #[error("the versions of a charter have at most {MAX_CHAIN} bytes in all")]
    TooLarge,
    /// More than [`MAX_VERSIONS`] versions.
    #[error("a charter has at most {MAX_VERSIONS} versions")]
    TooManyVersions,
    /// A file of all versions holds one of them twice.
    #[error("the file holds two charters of version {version}")]
    VersionTwice {
        /// The version.
        version: u32,
    },
    /// Versions are missing between the one in force and this one.
    #[error("this is version {found}, and the next one here is {next}: every version is needed")]
    Skipped {
        /// The version that would follow.
        next: u32,
        /// The version of the document.
        found: u32,
    },
    /// The name or the nonce is another.
    #[error("it is the charter of another federation")]
    OtherFederation,
    /// It follows another document than the one held.
    #[error("version {version} follows another version {} than the one held here", version - 1)]
    OtherPrevious {
        /// The version of the document.
        version: u32,
    },
    /// Another document of a version on which the federation has built.
    #[error("another charter of version {version} is settled: later votes build on it")]
    Settled {
        /// The version of the document.
        version: u32,
    },
    /// Another document of this version and round, or of a later round, is in force.
    #[error(
        "another charter of version {version} is in force by round {round}; a later round decides"
    )]
    SameRound {
        /// The version of both.
        version: u32,
        /// The round of the one in force.
        round: u32,
    },
    /// There is nothing to decide.
    #[error("it changes nothing in the version before")]
    NothingChanged,
    /// A name that belonged to a member that was removed, with another root key.
    #[error("the name {0} was given to another root key before, and names are given once")]
    NameTaken(MemberName),
    /// A root key that was listed before, and replaced, or under another name.
    #[error("the root key of {member} was listed before, for {holder}, and keys do not come back")]
    KeyUsed {
        /// For whom it is listed now.
        member: MemberName,
        /// For whom it was.
        holder: MemberName,
    },
    /// The version before no longer admits anybody.
    #[error(
        "the charter admits nobody since {expired}, and this would let {newcomer} in: first \
         decide on a version that only moves the date"
    )]
    Expired {
        /// Since when.
        expired: Timestamp,
        /// Who would come in.
        newcomer: MemberName,
    },
    /// Too few of those who have a vote have signed.
    #[error("version {version} is not in force: {need}")]
    TooFew {
        /// The version of the document.
        version: u32,
        /// What is missing.
        need: Need,
    },
}
