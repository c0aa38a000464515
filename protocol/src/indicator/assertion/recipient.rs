//! Who is named on an indicator.

use std::fmt;
use std::str::FromStr;

use kentong_keys::MemberName;
use serde::{Deserialize, Serialize};

use crate::charter::GroupName;

/// A member, or all members of a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, String)", into = "(u8, String)")]
pub enum Recipient {
    /// One member.
    Member(MemberName),
    /// The members of a group.
    Group(GroupName),
}

impl FromStr for Recipient {
    type Err = RecipientError;

    /// A name in capitals is a member's, in small letters a group's.
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let member = text.parse().map(Self::Member);
        member.or_else(|_| text.parse().map(Self::Group).map_err(|_| RecipientError))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => name.fmt(f),
            Self::Group(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<(u8, String)> for Recipient {
    type Error = RecipientError;

    fn try_from((sort, name): (u8, String)) -> Result<Self, RecipientError> {
        match sort {
            0 => name.parse().map(Self::Member).map_err(|_| RecipientError),
            1 => name.parse().map(Self::Group).map_err(|_| RecipientError),
            _ => Err(RecipientError),
        }
    }
}

impl From<Recipient> for (u8, String) {
    fn from(recipient: Recipient) -> Self {
        match recipient {
            Recipient::Member(name) => (0, name.into()),
            Recipient::Group(name) => (1, name.into()),
        }
    }
}

/// The text names neither a member nor a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither a member nor a group; members are written as MY or PH-CICC, groups in small letters"
)]
pub struct RecipientError;
