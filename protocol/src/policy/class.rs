//! What policies can see of an indicator.

use crate::bounded::{BoundedText, BoundedVec};
use crate::indicator::{Assertion, Basis, Country, Kind, Recipient, Scheme, Tlp, Value};

use super::Party;

/// Everything that policies can see of an indicator, and never its value.
///
/// Indicators of one class get one verdict, which is why a million of them need only as many
/// evaluations as there are classes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// What sort of value it is.
    pub kind: Kind,
    /// What the scam is.
    pub scheme: Scheme,
    /// How far the publisher lets it travel.
    pub tlp: Tlp,
    /// How sure the publisher is: 0 to 100.
    pub confidence: u8,
    /// The recipients that the publisher named.
    pub releasable_to: BoundedVec<Recipient, 64>,
    /// The countries whose people are targeted.
    pub countries: BoundedVec<Country, 32>,
    /// The country that the value itself belongs to.
    pub value_country: Option<Country>,
    /// Whether somebody reported it or the publisher foresaw it.
    pub basis: Basis,
    /// Whether somebody lost money.
    pub has_loss: bool,
    /// The publisher's tags.
    pub tags: BoundedVec<BoundedText<64>, 32>,
}

impl Class {
    /// What policies can see of an indicator.
    #[must_use]
    pub fn of(value: &Value, assertion: &Assertion) -> Self {
        Self {
            kind: value.kind(),
            scheme: assertion.scheme,
            tlp: assertion.tlp,
            confidence: assertion.confidence.percent(),
            releasable_to: assertion.releasable_to.clone(),
            countries: assertion.countries.clone(),
            value_country: value.country(),
            basis: assertion.basis,
            has_loss: assertion.loss.is_some(),
            tags: assertion.tags.clone(),
        }
    }

    /// Whether the publisher named this member as a recipient: itself or one of its groups.
    #[must_use]
    pub fn names(&self, party: &Party) -> bool {
        self.releasable_to.iter().any(|recipient| match recipient {
            Recipient::Member(name) => *name == party.name,
            Recipient::Group(group) => party.groups.contains(group),
        })
    }

    /// Whether the publisher named this very member, not only a group that it is in.
    #[must_use]
    pub fn names_itself(&self, party: &Party) -> bool {
        self.releasable_to
            .iter()
            .any(|recipient| matches!(recipient, Recipient::Member(name) if *name == party.name))
    }

    /// The class with everything that no policy looks at set to one and the same value.
    ///
    /// Two indicators that differ only in a tag need one evaluation when no policy reads tags.
    pub(super) fn as_seen(&self, seen: Seen) -> Self {
        /// The value where it is looked at, one fixed value elsewhere.
        fn pick<T>(looked_at: bool, value: impl FnOnce() -> T, otherwise: T) -> T {
            if looked_at { value() } else { otherwise }
        }
        let (members, groups) = (seen.has(Attribute::Members), seen.has(Attribute::Groups));
        let recipients = self
            .releasable_to
            .iter()
            .filter(|recipient| match recipient {
                Recipient::Member(_) => members,
                Recipient::Group(_) => groups,
            })
            .cloned()
            .collect();
        Self {
            kind: pick(seen.has(Attribute::Kind), || self.kind, Kind::Phone),
            scheme: pick(seen.has(Attribute::Scheme), || self.scheme, Scheme::Other),
            tlp: pick(seen.has(Attribute::Tlp), || self.tlp, Tlp::Red),
            confidence: pick(seen.has(Attribute::Confidence), || self.confidence, 0),
            releasable_to: BoundedVec::new(recipients).expect("a part of a list is no longer"),
            countries: pick(
                seen.has(Attribute::Countries),
                || self.countries.clone(),
                BoundedVec::default(),
            ),
            value_country: pick(
                seen.has(Attribute::ValueCountry),
                || self.value_country,
                None,
            ),
            basis: pick(
                seen.has(Attribute::Predicted),
                || self.basis,
                Basis::Reported,
            ),
            has_loss: pick(seen.has(Attribute::Loss), || self.has_loss, false),
            tags: pick(
                seen.has(Attribute::Tags),
                || self.tags.clone(),
                BoundedVec::default(),
            ),
        }
    }
}

/// What policies may look at in a class, by the names in the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Attribute {
    Kind,
    Scheme,
    Tlp,
    Confidence,
    Members,
    Groups,
    Countries,
    ValueCountry,
    Predicted,
    Loss,
    Tags,
}

impl Attribute {
    pub(super) const ALL: [Self; 11] = [
        Self::Kind,
        Self::Scheme,
        Self::Tlp,
        Self::Confidence,
        Self::Members,
        Self::Groups,
        Self::Countries,
        Self::ValueCountry,
        Self::Predicted,
        Self::Loss,
        Self::Tags,
    ];

    /// The name in the schema.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Scheme => "scheme",
            Self::Tlp => "tlp",
            Self::Confidence => "confidence",
            Self::Members => "members",
            Self::Groups => "groups",
            Self::Countries => "countries",
            Self::ValueCountry => "value_country",
            Self::Predicted => "predicted",
            Self::Loss => "loss",
            Self::Tags => "tags",
        }
    }
}

/// The attributes that at least one policy of a set looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Seen(u16);

impl Seen {
    const ALL: Self = Self(u16::MAX);

    /// Adds every attribute that the policy looks at.
    pub(super) fn add_all(&mut self, policy: &cedar_policy::Policy) {
        match policy.to_json() {
            Ok(json) => self.walk(&json, false),
            // Better one evaluation too many than a verdict that belongs to another class.
            Err(_) => *self = Self::ALL,
        }
    }

    /// Looks for the names of attributes in a policy's JSON form, where each stands as `attr`.
    fn walk(&mut self, json: &serde_json::Value, name: bool) {
        use serde_json::Value as Json;
        match json {
            Json::String(text) if name => self.add(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
            Json::Array(items) => items.iter().for_each(|item| self.walk(item, name)),
            Json::Object(fields) => fields
                .iter()
                .for_each(|(key, value)| self.walk(value, name || key == "attr")),
        }
    }

    /// Adds the attribute of this name, if it is one that classes differ in.
    fn add(&mut self, name: &str) {
        for attribute in Attribute::ALL {
            if attribute.as_str() == name {
                self.0 |= 1 << attribute as u8;
            }
        }
    }

    pub(super) const fn has(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u8) != 0
    }
}
