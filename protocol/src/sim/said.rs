//! What operators say about indicators, in plain terms: the model's words, and their translation
//! into the protocol's and back.

use std::collections::BTreeSet;

use crate::bounded::{BoundedText, BoundedVec};
use crate::indicator::{Assertion, Confidence, Fields, Kind, Recipient, Scheme, Tlp, Value};

use super::cast::{Cast, Who, delta};

/// One of a publisher's indicators, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item(pub(super) u64);

/// How far an indicator may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Clear,
    Green,
    Amber,
    Red,
}

/// What is said about an indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) handle: bool,
    pub(super) mark: Mark,
    pub(super) to: BTreeSet<Who>,
    /// Whether the group `delta` is named.
    pub(super) to_delta: bool,
    pub(super) confidence: u8,
    /// Numbers that make two contents differ; 0 for none.
    pub(super) description: u64,
    pub(super) tag: u64,
}

/// What a reader sees of a content: confidence, description, tag.
pub(super) type Seen = (u8, Option<String>, Vec<String>);

impl Item {
    /// Handles have odd numbers, domains even ones.
    pub(super) const fn is_handle(self) -> bool {
        self.0 % 2 == 1
    }

    pub(super) fn value(self) -> Value {
        let (kind, text) = if self.is_handle() {
            (Kind::Handle, format!("telegram:scammer{}", self.0))
        } else {
            (Kind::Domain, format!("scam{}.example", self.0))
        };
        Value::from_canonical(kind, &text).expect("the simulation's values are canonical")
    }

    /// The number of a value that [`Self::value`] made.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let text = value.as_str();
        let digits = match value.kind() {
            Kind::Handle => text.strip_prefix("telegram:scammer")?,
            Kind::Domain => text.strip_prefix("scam")?.strip_suffix(".example")?,
            Kind::Phone
            | Kind::SmsSender
            | Kind::BankAccount
            | Kind::Wallet
            | Kind::Url
            | Kind::Ip
            | Kind::Email
            | Kind::App
            | Kind::File => return None,
        };
        digits.parse().ok().map(Self)
    }
}

impl Content {
    /// In the protocol's terms.
    pub(super) fn assertion(&self, cast: &Cast) -> Assertion {
        let tlp = match self.mark {
            Mark::Clear => Tlp::Clear,
            Mark::Green => Tlp::Green,
            Mark::Amber => Tlp::Amber,
            Mark::Red => Tlp::Red,
        };
        let confidence = Confidence::try_from(self.confidence);
        let confidence = confidence.expect("a confidence is drawn from 0 to 100");
        let members = self
            .to
            .iter()
            .map(|who| Recipient::Member(cast.name(*who).clone()));
        let group = self.to_delta.then(|| Recipient::Group(delta()));
        let releasable_to = BoundedVec::new(members.chain(group).collect());
        let tags = (self.tag > 0).then(|| text(&tag(self.tag)));
        let draft = Fields {
            releasable_to: releasable_to.expect("a few recipients are drawn"),
            description: (self.description > 0).then(|| text(&story(self.description))),
            tags: BoundedVec::new(tags.into_iter().collect()).expect("one tag at most"),
            ..Fields::new(Scheme::Phishing, confidence, tlp)
        };
        Assertion::try_from(draft).expect("AMBER and above name somebody")
    }

    /// What an assertion says, as far as a policy looks at it.
    pub(super) fn of(cast: &Cast, value: &Value, assertion: &Assertion) -> Self {
        let recipients = assertion.releasable_to.iter();
        let named = recipients.filter_map(|recipient| match recipient {
            Recipient::Member(name) => cast.who(name),
            Recipient::Group(_) => None,
        });
        let mut groups = assertion.releasable_to.iter();
        Self {
            handle: value.kind() == Kind::Handle,
            mark: match assertion.tlp {
                Tlp::Clear => Mark::Clear,
                Tlp::Green => Mark::Green,
                Tlp::Red => Mark::Red,
                Tlp::Amber | Tlp::AmberStrict => Mark::Amber,
            },
            to: named.collect(),
            to_delta: groups.any(|recipient| matches!(recipient, Recipient::Group(_))),
            confidence: assertion.confidence.percent(),
            description: 0,
            tag: 0,
        }
    }

    /// What a reader sees of it without these fields; in the model's own terms.
    pub(super) fn seen(&self, stripped: u8) -> Seen {
        let (no_story, no_tags) = (stripped & 1 != 0, stripped & 8 != 0);
        let description = (self.description > 0 && !no_story).then(|| story(self.description));
        let tag = (self.tag > 0 && !no_tags).then(|| tag(self.tag));
        (self.confidence, description, tag.into_iter().collect())
    }
}

/// What a reader sees of an assertion.
pub(super) fn seen(assertion: &Assertion) -> Seen {
    let description = assertion.description.as_ref().map(|text| text.to_string());
    let tags = assertion.tags.iter().map(|tag| tag.to_string()).collect();
    (assertion.confidence.percent(), description, tags)
}

fn story(number: u64) -> String {
    format!("story {number}")
}

fn tag(number: u64) -> String {
    format!("tag{number}")
}

fn text<const N: usize>(text: &str) -> BoundedText<N> {
    BoundedText::new(text).expect("a few plain letters")
}
