//! Statements: the unit inside a feed.
//!
//! A statement says something about one indicator of the feed's publisher. Of several about the
//! same indicator one is in force, whatever order they arrived in: see [`Rank`].

mod erasure;
mod later_word;
mod numbering;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod vectors;

use std::fmt;

use kentong_keys::{Digest, Label, MemberName};
use serde::{Deserialize, Serialize};

use crate::bounded::BoundedText;
use crate::encoding::{self, DecodeError};
use crate::guard::{self, Guard};
use crate::indicator::{Assertion, Projection, Value};
use crate::time::Timestamp;

pub use erasure::{ErasedMark, Erasure};
pub use later_word::later_word;
pub use numbering::{Numbered, SaidBefore, says_nothing_new};

/// The longest statement in canonical form, in bytes.
pub const MAX_STATEMENT: usize = 16 * 1024;

const ID: Label = Label::new("kentong/indicator/1");
const RANK: Label = Label::new("kentong/rank/1");
const VERSION: u8 = 1;

/// An indicator's name: 16 bytes of the labelled hash of publisher, kind and comparison key. The
/// same value always has the same id under one publisher, so importing it twice changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndicatorId([u8; 16]);

impl IndicatorId {
    /// The id of this value under this publisher.
    #[must_use]
    pub fn of(publisher: &MemberName, value: &Value) -> Self {
        let digest = Digest::labelled(
            ID,
            &[
                publisher.as_str().as_bytes(),
                &[value.kind().number()],
                value.comparison_key().as_bytes(),
            ],
        );
        let mut id = [0; 16];
        id.copy_from_slice(digest.as_bytes().split_at(16).0);
        Self(id)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let id = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
        (Self(id).to_string() == text).then_some(Self(id))
    }
}

impl fmt::Display for IndicatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for IndicatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The count of what its publisher has said about an indicator; the first is 1. A withdrawal and
/// a `ceased` take a number of their own.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Revision(u32);

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after it; none after four billion.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This is so: an indicator revision.
    Asserted {
        /// What the publisher says about the value.
        assertion: Box<Assertion>,
        /// The fields that this audience does not get.
        stripped: Projection,
    },
    /// The indicator no longer holds; it was wrong, or it is over.
    Withdrawn {
        /// Why, for people.
        reason: BoundedText<256>,
    },
    /// There are newer revisions, which this audience no longer gets.
    Ceased,
}

/// A statement of a kind that this release knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it is about.
    pub value: Value,
    /// Where it stands among the statements about this value.
    pub revision: Revision,
    /// When it was made, by the publisher's clock; orders nothing.
    pub made: Timestamp,
    /// What it says.
    pub said: Said,
}

/// A statement as a batch carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyStatement {
    /// Of a kind that this release knows.
    Known(Box<Statement>),
    /// That an indicator was erased.
    Erased(Erasure),
    /// Of a later kind: kept and counted, never a fault.
    Unknown {
        /// Its kind's number.
        kind: u8,
    },
}

/// Why bytes are not a statement. It spoils that statement only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum StatementError {
    /// More than [`MAX_STATEMENT`] bytes.
    #[error("a statement of more than {MAX_STATEMENT} bytes")]
    TooLong,
    /// Not canonical CBOR of a statement's form, or a value or field that breaks its rules.
    #[error("not a statement in canonical form")]
    Malformed,
}

type AssertedWire = (u8, u8, Value, Revision, Timestamp, Assertion, Projection);
type WithdrawnWire = (u8, u8, Value, Revision, Timestamp, BoundedText<256>);
type CeasedWire = (u8, u8, Value, Revision, Timestamp);

const ASSERTED: u8 = 1;
const WITHDRAWN: u8 = 2;
const CEASED: u8 = 3;

impl Statement {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Self {
            value,
            revision,
            made,
            said,
        } = self;
        let value = value.clone();
        match said {
            Said::Asserted {
                assertion,
                stripped,
            } => encoding::encode::<AssertedWire>(&(
                VERSION,
                ASSERTED,
                value,
                *revision,
                *made,
                (**assertion).clone(),
                *stripped,
            )),
            Said::Withdrawn { reason } => encoding::encode::<WithdrawnWire>(&(
                VERSION,
                WITHDRAWN,
                value,
                *revision,
                *made,
                reason.clone(),
            )),
            Said::Ceased => {
                encoding::encode::<CeasedWire>(&(VERSION, CEASED, value, *revision, *made))
            }
        }
    }

    /// The number by which it comes before or after others; no clock has a say in it.
    fn place(&self) -> Revision {
        if !guard::on(Guard::NumberedNotTimed) {
            let made = u32::try_from(self.made.seconds()).unwrap_or(u32::MAX);
            return Revision::new(made);
        }
        if guard::on(Guard::LaterWordCounts) {
            self.revision
        } else {
            Revision::default()
        }
    }

    /// Where it stands among the statements about its indicator.
    #[must_use]
    pub fn rank(&self, bytes: &[u8]) -> Rank {
        let (class, fullness) = match &self.said {
            Said::Ceased => (0, 0),
            Said::Asserted { stripped, .. } => (1, 8 - stripped.bits().count_ones().min(8)),
            Said::Withdrawn { .. } => (2, 0),
        };
        Rank {
            revision: self.place(),
            class,
            fullness,
            tie: Digest::labelled(RANK, &[bytes]),
        }
    }
}

impl AnyStatement {
    /// Decodes one statement of a batch.
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > MAX_STATEMENT {
            return Err(StatementError::TooLong);
        }
        let (value, revision, made, said) = match (bytes.get(1), bytes.get(2)) {
            (Some(&VERSION), Some(&ASSERTED)) => {
                let (_, _, value, revision, made, assertion, stripped): AssertedWire =
                    encoding::decode(bytes, MAX_STATEMENT).map_err(read_error)?;
                let assertion = Box::new(assertion);
                (
                    value,
                    revision,
                    made,
                    Said::Asserted {
                        assertion,
                        stripped,
                    },
                )
            }
            (Some(&VERSION), Some(&WITHDRAWN)) => {
                let (_, _, value, revision, made, reason): WithdrawnWire =
                    encoding::decode(bytes, MAX_STATEMENT).map_err(read_error)?;
                (value, revision, made, Said::Withdrawn { reason })
            }
            (Some(&VERSION), Some(&CEASED)) => {
                let (_, _, value, revision, made): CeasedWire =
                    encoding::decode(bytes, MAX_STATEMENT).map_err(read_error)?;
                (value, revision, made, Said::Ceased)
            }
            (Some(&VERSION), Some(&erasure::ERASED)) => {
                return Ok(Self::Erased(Erasure::decode(bytes)?));
            }
            (Some(&VERSION), Some(&kind @ 4..=23)) => return Ok(Self::Unknown { kind }),
            _ => return Err(StatementError::Malformed),
        };
        Ok(Self::Known(Box::new(Statement {
            value,
            revision,
            made,
            said,
        })))
    }
}

const fn read_error(error: DecodeError) -> StatementError {
    match error {
        DecodeError::TooLong { .. } => StatementError::TooLong,
        DecodeError::Malformed | DecodeError::NotCanonical => StatementError::Malformed,
    }
}

/// The order among statements about one indicator; the highest is in force.
///
/// By revision; then a withdrawal over an assertion over a `ceased` (who is permitted again gets the
/// same revision that it was told it would not get); then what says more (a policy
/// that strips less releases the same revision again); then a hash, so that all agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    revision: Revision,
    class: u8,
    fullness: u32,
    tie: Digest,
}

impl Rank {
    /// The revision of the statement.
    #[must_use]
    pub const fn revision(&self) -> Revision {
        self.revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::{Confidence, Fields, Kind, Scheme, Tlp};

    fn about(revision: u32, said: Said) -> Statement {
        Statement {
            value: Value::from_canonical(Kind::Domain, "scam-login.example").unwrap(),
            revision: Revision::new(revision),
            made: Timestamp::from_seconds(1_790_000_000).unwrap(),
            said,
        }
    }

    fn asserted(revision: u32, stripped: Projection) -> Statement {
        let confidence = Confidence::try_from(80).unwrap();
        let draft = Fields::new(Scheme::Phishing, confidence, Tlp::Green);
        let assertion = Box::new(Assertion::try_from(draft).unwrap());
        about(
            revision,
            Said::Asserted {
                assertion,
                stripped,
            },
        )
    }

    fn withdrawn(revision: u32) -> Statement {
        about(
            revision,
            Said::Withdrawn {
                reason: BoundedText::new("wrong").unwrap(),
            },
        )
    }

    #[test]
    fn round_trips_and_refusals() {
        for statement in [
            asserted(1, Projection::LOSS),
            withdrawn(2),
            about(u32::MAX, Said::Ceased),
        ] {
            let bytes = statement.encode();
            assert_eq!(
                AnyStatement::decode(&bytes),
                Ok(AnyStatement::Known(Box::new(statement)))
            );
            let (cut, mut longer) = (&bytes[..bytes.len() - 1], bytes.clone());
            assert_eq!(AnyStatement::decode(cut), Err(StatementError::Malformed));
            longer.push(0);
            assert_eq!(
                AnyStatement::decode(&longer),
                Err(StatementError::Malformed)
            );
        }
        let later = encoding::encode(&(1_u8, 9_u8, "of a later version"));
        assert_eq!(
            AnyStatement::decode(&later),
            Ok(AnyStatement::Unknown { kind: 9 })
        );
        let version = encoding::encode(&(2_u8, 1_u8));
        assert_eq!(
            AnyStatement::decode(&version),
            Err(StatementError::Malformed)
        );
        let long = vec![0; MAX_STATEMENT + 1];
        assert_eq!(AnyStatement::decode(&long), Err(StatementError::TooLong));
        let mut upper = withdrawn(2).encode();
        let at = upper.windows(4).position(|w| w == b"scam").unwrap();
        upper[at] = b'S';
        assert_eq!(
            AnyStatement::decode(&upper),
            Err(StatementError::Malformed),
            "not canonical"
        );
    }

    #[test]
    fn one_is_in_force_whatever_the_order() {
        let rank = |statement: &Statement| statement.rank(&statement.encode());
        let rising = [
            about(1, Said::Ceased),
            asserted(1, Projection::LOSS),
            asserted(1, Projection::NOTHING),
            withdrawn(1),
            asserted(2, Projection::NOTHING),
            about(3, Said::Ceased),
            withdrawn(3),
        ];
        assert!(rising.iter().map(rank).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn ids_are_of_publisher_kind_and_comparison_key() {
        let (my, sg) = ("MY".parse().unwrap(), "SG".parse().unwrap());
        let value = |text| Value::from_canonical(Kind::SmsSender, text).unwrap();
        let id = IndicatorId::of(&my, &value("MyBank"));
        assert_eq!(
            id,
            IndicatorId::of(&my, &value("MYBANK")),
            "compared without case"
        );
        assert_ne!(id, IndicatorId::of(&sg, &value("MyBank")));
        assert_ne!(id, IndicatorId::of(&my, &value("MyBank2")));
        assert_eq!(IndicatorId::from_hex(&id.to_string()), Some(id));
        assert_eq!(IndicatorId::from_hex(&id.to_string().to_uppercase()), None);
    }
}
