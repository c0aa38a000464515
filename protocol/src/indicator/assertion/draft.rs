//! The fields of an assertion, before they are checked against each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Loss, Recipient};
use crate::bounded::{BoundedText, BoundedVec};
use crate::indicator::{Country, Scheme, Tlp};
use crate::time::Timestamp;

/// The fields of an [`Assertion`](super::Assertion), each valid by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The scam that it belongs to.
    pub scheme: Scheme,
    /// How sure the publisher is.
    pub confidence: Confidence,
    /// How far it may travel.
    pub tlp: Tlp,
    /// To whom, if the marking asks for names.
    pub releasable_to: BoundedVec<Recipient, 64>,
    /// When it was seen first.
    pub first_seen: Option<Timestamp>,
    /// When it was seen last.
    pub last_seen: Option<Timestamp>,
    /// Until when it holds.
    pub valid_until: Option<Timestamp>,
    /// What it rests on.
    pub basis: Basis,
    /// The loss that victims report.
    pub loss: Option<Loss>,
    /// The countries whose people are targeted.
    pub countries: BoundedVec<Country, 32>,
    /// The law under which it is shared.
    pub legal_basis: Option<BoundedText<128>>,
    /// Free labels.
    pub tags: BoundedVec<BoundedText<64>, 32>,
    /// A short description for the reader.
    pub description: Option<BoundedText<1024>>,
    /// Where more can be read.
    pub references: BoundedVec<BoundedText<512>, 16>,
    /// What never leaves the node.
    pub local: Option<Local>,
}

impl Fields {
    /// An assertion of these three, with nothing else said: reported, not predicted.
    #[must_use]
    pub fn new(scheme: Scheme, confidence: Confidence, tlp: Tlp) -> Self {
        Self {
            scheme,
            confidence,
            tlp,
            releasable_to: BoundedVec::default(),
            first_seen: None,
            last_seen: None,
            valid_until: None,
            basis: Basis::Reported,
            loss: None,
            countries: BoundedVec::default(),
            legal_basis: None,
            tags: BoundedVec::default(),
            description: None,
            references: BoundedVec::default(),
            local: None,
        }
    }

    /// The same, said in the one canonical way.
    pub(super) fn in_order(self) -> Self {
        Self {
            releasable_to: sorted(self.releasable_to),
            countries: sorted(self.countries),
            tags: sorted(without_empty(self.tags)),
            references: sorted(without_empty(self.references)),
            legal_basis: self.legal_basis.filter(|text| !text.is_empty()),
            description: self.description.filter(|text| !text.is_empty()),
            local: self.local.and_then(Local::in_order),
            ..self
        }
    }
}

/// What the publisher keeps to itself: no release carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "LocalWire", into = "LocalWire")]
pub struct Local {
    /// The agency's own case number.
    pub case_number: Option<BoundedText<128>>,
    /// The analyst's notes.
    pub notes: Option<BoundedText<4096>>,
    /// Who or what reported it.
    pub source: Option<BoundedText<256>>,
}

type LocalWire = (
    Option<BoundedText<128>>,
    Option<BoundedText<4096>>,
    Option<BoundedText<256>>,
);

impl Local {
    fn in_order(self) -> Option<Self> {
        let tidy = Self {
            case_number: self.case_number.filter(|text| !text.is_empty()),
            notes: self.notes.filter(|text| !text.is_empty()),
            source: self.source.filter(|text| !text.is_empty()),
        };
        (tidy != Self::default()).then_some(tidy)
    }
}

impl From<LocalWire> for Local {
    fn from((case_number, notes, source): LocalWire) -> Self {
        Self {
            case_number,
            notes,
            source,
        }
    }
}

impl From<Local> for LocalWire {
    fn from(local: Local) -> Self {
        (local.case_number, local.notes, local.source)
    }
}

/// How sure the publisher is, from 0 to 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Confidence(u8);

impl Confidence {
    /// The confidence as a number.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Confidence {
    type Error = NotAConfidence;

    fn try_from(percent: u8) -> Result<Self, NotAConfidence> {
        if percent <= 100 {
            Ok(Self(percent))
        } else {
            Err(NotAConfidence)
        }
    }
}

impl From<Confidence> for u8 {
    fn from(confidence: Confidence) -> Self {
        confidence.0
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number is no confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a confidence; write a number from 0 to 100")]
pub struct NotAConfidence;

/// What an assertion rests on. The number is the wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Basis {
    /// A victim, an institution or an officer saw it.
    Reported = 0,
    /// It was derived, for example from a series of registrations.
    Predicted = 1,
}

impl Basis {
    /// The name that people type and read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Predicted => "predicted",
        }
    }

    /// The number in the wire form.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The basis with this number in the wire form.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Reported, Self::Predicted]
            .into_iter()
            .find(|basis| basis.number() == number)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn sorted<T: Ord, const N: usize>(list: BoundedVec<T, N>) -> BoundedVec<T, N> {
    let mut elements = list.into_vec();
    elements.sort();
    elements.dedup();
    BoundedVec::new(elements).expect("dropping elements keeps a list within its bound")
}

fn without_empty<const M: usize, const N: usize>(
    list: BoundedVec<BoundedText<M>, N>,
) -> BoundedVec<BoundedText<M>, N> {
    let mut elements = list.into_vec();
    elements.retain(|text| !text.is_empty());
    BoundedVec::new(elements).expect("dropping elements keeps a list within its bound")
}
