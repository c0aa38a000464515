//! Obligations: what a permit asks for in return, written as annotations.
//!
//! `@strip("description,loss")` releases without these fields; `@hold("officer")` releases once a
//! second person has agreed. They hang on permits to share and nowhere else: on anything else they
//! would be promises that nobody keeps.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::indicator::{Projection, UnknownField};

/// The most roles that one policy may hold for.
const MOST_ROLES: usize = 8;

/// What must be done on a permit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Obligations {
    pub(super) strip: Projection,
    pub(super) hold: BTreeSet<Role>,
}

impl Obligations {
    /// Adds those of another permit: who releases under both keeps both.
    pub(super) fn join(&mut self, other: &Self) {
        self.strip = self.strip | other.strip;
        self.hold.extend(other.hold.iter().cloned());
    }
}

/// Whose second word a release waits for, such as `officer`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(Box<str>);

impl Role {
    /// The longest name of a role.
    pub const MAX_LEN: usize = 32;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let good = (1..=Self::MAX_LEN).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if good {
            Ok(Self(text.into()))
        } else {
            Err(RoleError)
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no role's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is 1 to {max} small letters, digits and hyphens, as in officer", max = Role::MAX_LEN)]
pub struct RoleError;

/// Why an annotation is not an obligation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObligationError {
    /// A field that cannot be left out, or none at all.
    #[error("@strip(\"{0}\"): {UnknownField}")]
    Field(String),
    /// A role's name is not one.
    #[error("@hold(\"{0}\"): {RoleError}")]
    Role(String),
    /// More roles than anybody can wait for.
    #[error("@hold names more than {MOST_ROLES} roles")]
    Roles,
}

/// The fields that `@strip` names, separated by commas.
pub(super) fn strip(value: &str) -> Result<Projection, ObligationError> {
    match value.parse() {
        Ok(fields) if fields != Projection::NOTHING => Ok(fields),
        Ok(_) | Err(UnknownField) => Err(ObligationError::Field(value.to_owned())),
    }
}

/// The roles that `@hold` names, separated by commas.
pub(super) fn hold(value: &str) -> Result<BTreeSet<Role>, ObligationError> {
    let mut roles = BTreeSet::new();
    for name in value.split(',').map(str::trim) {
        let role = name
            .parse()
            .map_err(|RoleError| ObligationError::Role(name.to_owned()))?;
        roles.insert(role);
        if roles.len() > MOST_ROLES {
            return Err(ObligationError::Roles);
        }
    }
    Ok(roles)
}
