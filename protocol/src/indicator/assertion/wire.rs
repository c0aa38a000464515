//! The wire form of an assertion: one array of fifteen.

use serde::{Deserialize, Serialize};

use super::{Assertion, AssertionError, Basis, Confidence, Fields, Local, Loss, Recipient};
use crate::bounded::{BoundedText, BoundedVec};
use crate::indicator::{Country, Scheme, Tlp};
use crate::time::Timestamp;

/// The fields in the order of [`Fields`]; a tuple, because structs would be written as maps.
#[derive(Serialize, Deserialize)]
pub(super) struct Wire(
    u8,
    Confidence,
    u8,
    BoundedVec<Recipient, 64>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Timestamp>,
    u8,
    Option<Loss>,
    BoundedVec<Country, 32>,
    Option<BoundedText<128>>,
    BoundedVec<BoundedText<64>, 32>,
    Option<BoundedText<1024>>,
    BoundedVec<BoundedText<512>, 16>,
    Option<Local>,
);

/// Why a wire form is no assertion.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("a number that stands for nothing")]
    Number,
    #[error("a list out of order, or something empty")]
    NotCanonical,
    #[error(transparent)]
    Assertion(#[from] AssertionError),
}

impl TryFrom<Wire> for Assertion {
    type Error = WireError;

    fn try_from(wire: Wire) -> Result<Self, WireError> {
        let draft = Fields {
            scheme: Scheme::from_number(wire.0).ok_or(WireError::Number)?,
            confidence: wire.1,
            tlp: Tlp::from_number(wire.2).ok_or(WireError::Number)?,
            releasable_to: wire.3,
            first_seen: wire.4,
            last_seen: wire.5,
            valid_until: wire.6,
            basis: Basis::from_number(wire.7).ok_or(WireError::Number)?,
            loss: wire.8,
            countries: wire.9,
            legal_basis: wire.10,
            tags: wire.11,
            description: wire.12,
            references: wire.13,
            local: wire.14,
        };
        let assertion = Self::try_from(draft.clone())?;
        if *assertion == draft {
            Ok(assertion)
        } else {
            Err(WireError::NotCanonical)
        }
    }
}

impl From<Assertion> for Wire {
    fn from(assertion: Assertion) -> Self {
        let draft = assertion.0;
        Self(
            draft.scheme.number(),
            draft.confidence,
            draft.tlp.number(),
            draft.releasable_to,
            draft.first_seen,
            draft.last_seen,
            draft.valid_until,
            draft.basis.number(),
            draft.loss,
            draft.countries,
            draft.legal_basis,
            draft.tags,
            draft.description,
            draft.references,
            draft.local,
        )
    }
}
