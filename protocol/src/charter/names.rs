//! The names that a charter gives: the federation's own and those of its groups.

use std::fmt;
use std::str::FromStr;

use kentong_keys::Digest;
use serde::{Deserialize, Serialize};

/// The name of a federation: letters, digits and hyphens, hence safe in file names and in the
/// origin lines of checkpoints. Two federations may share a name; their [`FederationId`]s differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FederationName(Box<str>);

/// The name of a group of members, as policies and markings use it (`banks`, `mekong`).
///
/// It begins with a small letter, so no group can be taken for a member, whose name begins with
/// a capital.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(Box<str>);

/// The longest name of a federation or a group, in bytes.
pub const MAX_NAME: usize = 32;

/// Why a text is not the name of a federation or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters, or more than [`MAX_NAME`].
    #[error("it needs 1 to {MAX_NAME} characters")]
    Length,
    /// Another character than those allowed.
    #[error("{0:?} is not allowed in it")]
    Character(char),
    /// A group's name that does not begin with a small letter.
    #[error("a group's name begins with a small letter")]
    First,
}

impl FromStr for FederationName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text, |c| c.is_ascii_alphanumeric() || c == '-')?;
        Ok(Self(text.into()))
    }
}

impl FromStr for GroupName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text, |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
        })?;
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(NameError::First);
        }
        Ok(Self(text.into()))
    }
}

fn check(text: &str, allowed: fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() || text.len() > MAX_NAME {
        return Err(NameError::Length);
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(other) => Err(NameError::Character(other)),
        None => Ok(()),
    }
}

macro_rules! text_form {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_form!(FederationName);
text_form!(GroupName);

/// What identifies a federation for good: the hash of its first charter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FederationId(Digest);

impl FederationId {
    /// The id of the federation whose first charter has this hash.
    #[must_use]
    pub const fn from_first_charter(hash: Digest) -> Self {
        Self(hash)
    }

    /// The hash.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    /// The bytes, for deriving keys and for what is sealed.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for FederationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for FederationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = NameError> + fmt::Debug + fmt::Display>(
        text: &str,
        expected: Result<(), NameError>,
    ) {
        let parsed = text.parse::<T>();
        assert_eq!(parsed.as_ref().map(|_| ()).map_err(|e| *e), expected);
        if let Ok(name) = parsed {
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn names() {
        check::<FederationName>("ASEAN-scams-2026", Ok(()));
        check::<FederationName>("", Err(NameError::Length));
        check::<FederationName>(&"a".repeat(32), Ok(()));
        check::<FederationName>(&"a".repeat(33), Err(NameError::Length));
        check::<FederationName>("a/b", Err(NameError::Character('/')));
        check::<FederationName>("a b", Err(NameError::Character(' ')));
        check::<FederationName>("é", Err(NameError::Character('é')));
        check::<GroupName>("mekong-5", Ok(()));
        check::<GroupName>("", Err(NameError::Length));
        check::<GroupName>("MY", Err(NameError::Character('M')));
        check::<GroupName>("5-mekong", Err(NameError::First));
        check::<GroupName>("-", Err(NameError::First));
    }
}
