//! What a publisher says about an indicator.

mod draft;
mod loss;
mod projection;
mod recipient;
mod wire;

use std::ops::Deref;

use serde::{Deserialize, Serialize};

pub use draft::{Basis, Confidence, Fields, Local, NotAConfidence};
pub use loss::{Currency, Loss, LossError, UnknownCurrency};
pub use projection::{Projection, UnknownField};
pub use recipient::{Recipient, RecipientError};

use super::{Kind, Tlp};
use crate::time::{DAY, Timestamp};
use wire::Wire;

/// What a publisher says about an indicator: a [`Fields`] that was checked, whose fields can be read
/// and no longer changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Assertion(Fields);

impl Assertion {
    /// What leaves this node: without the local fields, which never do, and without `stripped`.
    #[must_use]
    pub fn released(&self, stripped: Projection) -> Self {
        let mut draft = self.0.clone();
        draft.local = None;
        stripped.strip(&mut draft);
        // Taking away optional fields breaks none of the rules that `try_from` checks.
        Self(draft)
    }

    /// Whether both say the same, but for when it was seen and how long it holds.
    #[must_use]
    pub fn same_but_for_times(&self, other: &Self) -> bool {
        let timeless = |assertion: &Self| Fields {
            first_seen: None,
            last_seen: None,
            valid_until: None,
            ..assertion.0.clone()
        };
        timeless(self) == timeless(other)
    }

    /// Whether this is worth a new revision after `previous`: it says something else, or when it was
    /// last seen or until when it holds is a day or more away from what `previous` says, or said for
    /// the first time. A list that is imported every day would else release the world again every
    /// day.
    #[must_use]
    pub fn is_news(&self, previous: &Self) -> bool {
        let moved = |before: Option<Timestamp>, now: Option<Timestamp>| match (before, now) {
            (None, Some(_)) => true,
            (_, None) => false,
            (Some(before), Some(now)) => before.seconds().abs_diff(now.seconds()) >= DAY,
        };
        moved(previous.last_seen, self.last_seen)
            || moved(previous.valid_until, self.valid_until)
            || !self.same_but_for_times(previous)
    }

    /// Until when it holds: as its publisher says, else for as long as is usual for its kind from
    /// when it was last seen, or `made` if that is not said.
    #[must_use]
    pub fn holds_until(&self, kind: Kind, made: Timestamp) -> Timestamp {
        let from = self.last_seen.unwrap_or(made);
        self.valid_until
            .unwrap_or_else(|| from.plus(default_validity(kind)))
    }

    /// Whether saying the same at `now` renews it: its publisher does not say until when it holds,
    /// and half of what is usual for its kind has passed since `made`. What a list still holds
    /// would else expire, though it is imported every day.
    #[must_use]
    pub fn is_due_anew(&self, kind: Kind, made: Timestamp, now: Timestamp) -> bool {
        let unsaid = self.valid_until.is_none() && self.last_seen.is_none();
        let half = default_validity(kind) / 2;
        unsaid && now.since(made).is_some_and(|age| age >= half)
    }

    /// The fields, to change them and have them checked again.
    #[must_use]
    pub fn into_draft(self) -> Fields {
        self.0
    }
}

impl Deref for Assertion {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

impl TryFrom<Fields> for Assertion {
    type Error = AssertionError;

    /// Checks the fields against each other, sorts the lists and drops what is empty or repeated,
    /// so that there is one way to say a thing.
    fn try_from(draft: Fields) -> Result<Self, AssertionError> {
        let draft = draft.in_order();
        if draft.tlp >= Tlp::Amber && draft.releasable_to.is_empty() {
            return Err(AssertionError::NoRecipient { tlp: draft.tlp });
        }
        match (draft.first_seen, draft.last_seen) {
            (Some(first), Some(last)) if first > last => Err(AssertionError::SeenBackwards),
            _ => Ok(Self(draft)),
        }
    }
}

/// Why fields don't make an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// AMBER and above go to named recipients only, and none is named.
    #[error(
        "TLP:{} goes to named recipients only, and none is named; name members or groups with \
         --releasable-to",
        tlp.as_str().to_uppercase()
    )]
    NoRecipient {
        /// The marking.
        tlp: Tlp,
    },
    /// Last seen before it was first seen.
    #[error("first seen later than last seen; exchange the two or correct one")]
    SeenBackwards,
}

/// For how many seconds an indicator holds when its publisher doesn't say, from when it was last
/// seen: the faster its kind changes hands, the shorter.
#[must_use]
pub const fn default_validity(kind: Kind) -> u64 {
    DAY * match kind {
        // Addresses of rented machines pass to innocent tenants within weeks.
        Kind::Ip => 30,
        Kind::Url => 90,
        // Numbers are given out again after some months.
        Kind::Phone | Kind::SmsSender | Kind::Domain | Kind::Handle => 180,
        Kind::BankAccount | Kind::Email | Kind::App => 365,
        // Nobody else can ever have the same one.
        Kind::Wallet | Kind::File => 5 * 365,
    }
}

#[cfg(test)]
mod tests;
