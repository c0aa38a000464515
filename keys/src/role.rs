//! What each of a member's keys is for, and how it is named in notes.

use std::fmt;
use std::str::FromStr;

use crate::{KeyName, MemberName};

/// One of the separate keys of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Votes on charters and signs the warrant; kept offline.
    Root,
    /// Signs checkpoints and cards.
    Signing,
    /// Cosigns other members' checkpoints.
    Witness,
    /// The identity on the network.
    Transport,
    /// Opens epoch keys sealed to this member.
    Sealing,
    /// Keeps the node's own secrets at rest.
    Store,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Root,
        Self::Signing,
        Self::Witness,
        Self::Transport,
        Self::Sealing,
        Self::Store,
    ];

    /// The role in one word, as in file names and names of keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Signing => "signing",
            Self::Witness => "witness",
            Self::Transport => "transport",
            Self::Sealing => "sealing",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// A word that is not a role of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is root, signing, witness, transport, sealing or store")]
pub struct UnknownRole;

/// The name of a member's key in signed notes: `kentong/MEMBER/ROLE`.
#[must_use]
pub fn key_name(member: &MemberName, role: Role) -> KeyName {
    format!("kentong/{member}/{role}")
        .parse()
        .expect("names of members and roles are short and have no spaces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let member = "PH-CICC".parse().unwrap();
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(
                key_name(&member, role).as_str(),
                format!("kentong/PH-CICC/{}", role.as_str())
            );
        }
        assert_eq!("Root".parse::<Role>(), Err(UnknownRole));
    }
}
