//! Which fields a release leaves out.

use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Fields;
use crate::bounded::BoundedVec;

/// A set of fields that a policy may strip from a release.
///
/// In CBOR the set is its bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Projection(u8);

impl TryFrom<u8> for Projection {
    type Error = UnknownField;

    fn try_from(bits: u8) -> Result<Self, UnknownField> {
        Self::from_bits(bits).ok_or(UnknownField)
    }
}

impl From<Projection> for u8 {
    fn from(set: Projection) -> Self {
        set.bits()
    }
}

impl Projection {
    /// Nothing is stripped.
    pub const NOTHING: Self = Self(0);
    /// The description.
    pub const DESCRIPTION: Self = Self(1);
    /// The reported loss.
    pub const LOSS: Self = Self(1 << 1);
    /// The references.
    pub const REFERENCES: Self = Self(1 << 2);
    /// The tags.
    pub const TAGS: Self = Self(1 << 3);
    /// The legal basis.
    pub const LEGAL_BASIS: Self = Self(1 << 4);
    /// The targeted countries.
    pub const COUNTRIES: Self = Self(1 << 5);
    /// When it was first and last seen. Until when it holds stays: a reader must know when to
    /// forget it.
    pub const TIMES: Self = Self(1 << 6);

    /// The fields by the names that policies use.
    pub const FIELDS: [(&'static str, Self); 7] = [
        ("description", Self::DESCRIPTION),
        ("loss", Self::LOSS),
        ("references", Self::REFERENCES),
        ("tags", Self::TAGS),
        ("legal_basis", Self::LEGAL_BASIS),
        ("countries", Self::COUNTRIES),
        ("times", Self::TIMES),
    ];

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits, if each of them is a field.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 1 << 7 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Takes the set's fields out of a draft.
    pub(super) fn strip(self, draft: &mut Fields) {
        if self.contains(Self::DESCRIPTION) {
            draft.description = None;
        }
        if self.contains(Self::LOSS) {
            draft.loss = None;
        }
        if self.contains(Self::REFERENCES) {
            draft.references = BoundedVec::default();
        }
        if self.contains(Self::TAGS) {
            draft.tags = BoundedVec::default();
        }
        if self.contains(Self::LEGAL_BASIS) {
            draft.legal_basis = None;
        }
        if self.contains(Self::COUNTRIES) {
            draft.countries = BoundedVec::default();
        }
        if self.contains(Self::TIMES) {
            draft.first_seen = None;
            draft.last_seen = None;
        }
    }
}

impl BitOr for Projection {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromStr for Projection {
    type Err = UnknownField;

    /// Reads names with commas between them: `description,loss`.
    fn from_str(text: &str) -> Result<Self, UnknownField> {
        text.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .try_fold(Self::NOTHING, |set, name| {
                Self::FIELDS
                    .iter()
                    .find(|(field, _)| *field == name)
                    .map(|(_, field)| set | *field)
                    .ok_or(UnknownField)
            })
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Self::FIELDS
            .iter()
            .filter(|(_, field)| self.contains(*field))
            .map(|(name, _)| *name)
            .collect();
        f.pad(&names.join(","))
    }
}

impl fmt::Debug for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// The text names no field that can be stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a field that can be stripped; they are description, loss, references, tags, legal_basis, \
     countries and times"
)]
pub struct UnknownField;
