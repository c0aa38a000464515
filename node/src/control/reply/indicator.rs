//! Indicators in an answer: what is said of them, who gets them, and who has confirmed it.

use kentong_protocol::feed::EraseReason;
use serde::{Deserialize, Serialize};

use crate::control::request::word;

use super::words::{Proof, Release, State, There, Told};

/// An indicator as one publisher has it, in the words that people use.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Indicator {
    /// Its id in hexadecimal.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its canonical value.
    pub value: String,
    /// Whose word it is.
    pub publisher: String,
    /// How it stands.
    pub state: State,
    /// Why, where the state needs a reason.
    pub reason: Option<String>,
    /// The revision.
    pub revision: u32,
    /// When it was made, RFC 3339.
    pub made: String,
    /// How it was found if not by its very value: `parent domain`, `range`.
    pub matched: Option<String>,
    /// What is said, where something is asserted.
    pub says: Option<Says>,
    /// How far the word is proven.
    pub proof: Proof,
    /// Other readers who cosigned a history that holds it.
    pub witnesses: Vec<String>,
    /// The feed that carries it, in hexadecimal.
    pub feed: String,
    /// The index of its leaf.
    pub index: u64,
    /// Its place in the batch.
    pub place: u16,
    /// For one's own: the members that it was released to.
    pub released_to: Option<Vec<String>>,
}

/// What a publisher says of a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Says {
    /// The scheme.
    pub scheme: String,
    /// 0 to 100.
    pub confidence: u8,
    /// The marking.
    pub tlp: String,
    /// The members and groups named.
    pub releasable_to: Vec<String>,
    /// `reported` or `predicted`.
    pub basis: String,
    /// First seen, RFC 3339.
    pub first_seen: Option<String>,
    /// Last seen, RFC 3339.
    pub last_seen: Option<String>,
    /// Until when it holds, as its publisher says; RFC 3339.
    pub valid_until: Option<String>,
    /// Until when it holds, by its publisher's word or by what is usual for its kind.
    pub holds_until: String,
    /// The reported loss with its currency.
    pub loss: Option<String>,
    /// Targeted countries.
    pub countries: Vec<String>,
    /// The legal basis.
    pub legal_basis: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// A short description.
    pub description: Option<String>,
    /// References.
    pub references: Vec<String>,
    /// The case number; never leaves the agency.
    pub case_number: Option<String>,
    /// Notes; never leave the agency.
    pub notes: Option<String>,
    /// The source; never leaves the agency.
    pub source: Option<String>,
    /// The fields that the publisher left out for this audience.
    pub stripped: Vec<String>,
}

/// May this member have the indicator, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// The member.
    pub member: String,
    /// Whether it gets it.
    pub outcome: Release,
    /// The policy line or the rule that decided, in words.
    pub because: String,
}

/// What a reader has confirmed of an indicator of the node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who reads it.
    pub reader: String,
    /// What was said to it last.
    pub said: Told,
    /// With which revision.
    pub revision: u32,
    /// What has become of that there.
    pub state: There,
    /// When it said so, RFC 3339.
    pub confirmed: Option<String>,
    /// The feed that carries it, in hexadecimal.
    pub feed: String,
    /// At which index.
    pub index: u64,
}

/// What erasing an indicator of the node's own does, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Its id in hexadecimal.
    pub id: String,
    /// Its kind, if anything of it is left.
    pub kind: Option<String>,
    /// Its canonical value, if anything of it is left.
    pub value: Option<String>,
    /// Why.
    #[serde(with = "word")]
    pub reason: EraseReason,
    /// Whether it is done, or only said what would be.
    pub done: bool,
    /// The feeds that carry it.
    pub feeds: u64,
    /// The batches of these feeds that are overwritten.
    pub batches: u64,
    /// Statements about other indicators in these batches that are published again.
    pub said_again: u64,
    /// The members who have these batches or may have them.
    pub readers: Vec<String>,
}

/// What is left of an indicator of the node's own that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Its id in hexadecimal.
    pub id: String,
    /// Its kind, if that was asked for.
    pub kind: Option<String>,
    /// Its value, if that was asked for.
    pub value: Option<String>,
    /// Whose it was.
    pub publisher: String,
    /// Why it was erased.
    #[serde(with = "word")]
    pub reason: EraseReason,
    /// The number that the erasure took.
    pub revision: u32,
    /// When it was erased, RFC 3339.
    pub made: String,
}
