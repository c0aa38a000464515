//! Every way in which a charter can be wrong.

use kentong_keys::{MemberName, MemberNameError, NoteError, VerifierKeyError};

use super::signatures::{SignatureError, list};
use super::{
    Action, GroupName, MAX_CHARTER, MAX_DISPLAY_NAME, MAX_GROUPS, MAX_MEMBERS, NameError, Quota,
};
use crate::bounded::TextError;

/// Why bytes are no charter, why a charter is not in force, or why it cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CharterError {
    /// More than [`MAX_CHARTER`] bytes.
    #[error("a charter has at most {MAX_CHARTER} bytes")]
    TooLarge,
    /// Neither a draft nor a signed note.
    #[error("this is not a charter: {0}")]
    NotANote(#[from] NoteError),
    /// The text is not JSON, or has a field missing, unknown or of another type.
    #[error("the charter's text is not of the expected form at line {line}, column {column}")]
    Malformed {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// The field `format` names another format.
    #[error("the charter is of the format {0:?}, which this release does not read")]
    UnknownFormat(Excerpt),
    /// It means something, but is not the one way to write it.
    #[error("the charter's text is not in its one exact form: copy it as it was sent")]
    NotCanonical,
    /// The federation's name is none.
    #[error("the name of the federation: {0}")]
    FederationName(NameError),
    /// The nonce is not 16 bytes in hexadecimal.
    #[error("the nonce is not 32 hexadecimal digits")]
    Nonce,
    /// Versions count from one.
    #[error("the version is zero")]
    VersionZero,
    /// Rounds of voting count from one.
    #[error("the round is zero")]
    RoundZero,
    /// The hash of the version before is not a hash.
    #[error("the hash of the version before is not 64 hexadecimal digits")]
    Previous,
    /// Version 1 names a version before it.
    #[error("version 1 has no version before it")]
    FirstWithPrevious,
    /// A later version names none before it.
    #[error("version {version} does not name the version before it")]
    LaterWithoutPrevious {
        /// The version.
        version: u32,
    },
    /// A time is not written in RFC 3339, in whole seconds, between 1970 and 9999.
    #[error("{0:?} is not a time, as in 2028-01-31T00:00:00Z")]
    Time(Excerpt),
    /// The charter expires no later than it was drafted.
    #[error("the charter expires before it was drafted")]
    ExpiresBeforeDrafted,
    /// A group's name is none.
    #[error("the group {0:?}: {1}")]
    GroupName(Excerpt, NameError),
    /// More than [`MAX_GROUPS`] groups.
    #[error("{found} groups; a charter has at most {MAX_GROUPS}")]
    TooManyGroups {
        /// How many there are.
        found: usize,
    },
    /// Nobody belongs to it.
    #[error("the charter lists no members")]
    Empty,
    /// More than [`MAX_MEMBERS`] members.
    #[error("{found} members; a charter has at most {MAX_MEMBERS}")]
    TooManyMembers {
        /// How many there are.
        found: usize,
    },
    /// A member's name is none.
    #[error("the member {0:?}: {1}")]
    MemberName(Excerpt, MemberNameError),
    /// One name for two members.
    #[error("{0} is listed twice")]
    MemberTwice(MemberName),
    /// A display name is empty.
    #[error("{0} has no display name")]
    NoDisplayName(MemberName),
    /// A display name is longer than [`MAX_DISPLAY_NAME`] or could rewrite what a terminal shows.
    #[error("the display name of {0}: {1} (at most {MAX_DISPLAY_NAME} bytes)")]
    DisplayName(MemberName, TextError),
    /// A root key is none.
    #[error("the root key of {0}: {1}")]
    RootKey(MemberName, VerifierKeyError),
    /// A key that is named for another member or another use.
    #[error("the root key of {0} is not named kentong/{0}/root, or not for signing")]
    NotARootKey(MemberName),
    /// Two members with one root key: one of them would vote twice.
    #[error("{0} and {1} have the same root key")]
    SharedRootKey(MemberName, MemberName),
    /// A member in a group that the charter does not list.
    #[error("{0} is in the group {1}, which the charter does not list")]
    UnknownGroup(MemberName, GroupName),
    /// Nobody's signature, or more signatures than there are members.
    #[error("to {action} takes {found} of {members} members, which cannot be")]
    ThresholdOutOfRange {
        /// What it is the threshold of.
        action: Action,
        /// The threshold.
        found: u16,
        /// The number of members.
        members: usize,
    },
    /// Half of the members or fewer could make a next version, and the others another one.
    #[error(
        "to {action} takes {found} of {members} members, so that two halves could part ways: \
         more than half is needed"
    )]
    ThresholdTooLow {
        /// What it is the threshold of.
        action: Action,
        /// The threshold.
        found: u16,
        /// The number of members.
        members: usize,
    },
    /// A quota is zero, or larger than what JSON readers hold exactly.
    #[error("the quota is zero or above {max}", max = Quota::MAX)]
    Quota,

    /// A later version, which counts only with those before it.
    #[error("this is version {version}, which counts only with the versions before it")]
    LaterVersion {
        /// The version.
        version: u32,
    },
    /// Members who have not signed yet.
    #[error("not signed yet by {}", list(.0))]
    MissingSignatures(Vec<MemberName>),
    /// Members under whose name there is a signature that does not verify, or several.
    #[error(
        "the signature of {} does not belong to this text: ask for a copy that was not changed",
        list(.0)
    )]
    WrongSignatures(Vec<MemberName>),
    /// Who would sign is not listed.
    #[error("{0} is not a member by this charter")]
    NotAMember(MemberName),
    /// The key is not the one that the charter lists.
    #[error("this key is not the root key that the charter lists for {0}")]
    NotTheirKey(MemberName),
    /// Copies of two charters cannot be joined.
    #[error("these are two different charters, so their signatures cannot be joined")]
    DifferentText,
}

impl From<SignatureError> for CharterError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::NotANote(error) => Self::NotANote(error),
            SignatureError::Wrong(members) => Self::WrongSignatures(members),
            SignatureError::NoVote(member) => Self::NotAMember(member),
            SignatureError::NotTheirKey(member) => Self::NotTheirKey(member),
            SignatureError::DifferentText => Self::DifferentText,
        }
    }
}

/// The beginning of a text that somebody else wrote, for an error message.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// The most characters of a foreign text that a message repeats.
    const MAX_CHARS: usize = 40;

    pub(super) fn of(text: &str) -> Self {
        Self(text.chars().take(Self::MAX_CHARS).collect())
    }
}

impl std::fmt::Debug for Excerpt {
    /// Quoted, with control characters escaped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}
