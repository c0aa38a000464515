//! What the node answers.

use serde::{Deserialize, Serialize};

/// The word of a [`Failure`] that comes when nothing was asked for a while: the node lets the connection
/// go, and has read no request since its last answer.
pub const IDLE: &str = "idle";

/// One line of the node's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// An indicator that was found.
    Indicator(Box<Indicator>),
    /// A member.
    Peer(Box<Peer>),
    /// A feed.
    Feed(Box<Feed>),
    /// The head of a feed.
    Head(Head),
    /// A verdict on one member.
    Verdict(Verdict),
    /// What a reader has confirmed.
    Receipt(Receipt),
    /// What erasing an indicator does.
    Erasure(Box<Erasure>),
    /// An indicator that was erased.
    Erased(Erased),
    /// The node.
    Status(Box<Status>),
    /// Up to where the log is durable.
    Durable(Durable),
    /// A sign of life: the answer is still to come.
    Working {
        /// For how many seconds the request has waited or been worked on.
        seconds: u64,
    },
    /// The end of an answer.
    Done(Done),
    /// The request failed: why, and what to do.
    Error(Failure),
}

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
    /// `in-force`, `expired`, `withdrawn`, `ceased`, or `not-accepted`.
    pub state: String,
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
    /// How far the word is proven: `own`, `received` or `verified`.
    pub proof: String,
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

/// A member of the federation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Peer {
    /// Its short name.
    pub member: String,
    /// Its display name.
    pub name: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// `this node`, `connected`, `not connected` or `no card`.
    pub state: String,
    /// Why not, where it is not.
    pub why: Option<String>,
    /// When it was last heard, RFC 3339.
    pub heard: Option<String>,
    /// How many of its indicators are held.
    pub statements: u64,
    /// How many bodies of its feeds are still to come.
    pub missing: u64,
    /// Rules of the protocol that it broke since the node started, with their number.
    pub faults: Vec<(String, u64)>,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Feed {
    /// Its id in hexadecimal.
    pub id: String,
    /// Whose it is.
    pub publisher: String,
    /// Who may read it.
    pub audience: Vec<String>,
    /// It takes no more leaves: somebody read it who is no member any more.
    #[serde(default)]
    pub closed: bool,
    /// A former key signed it and its publisher's warrant does not name it: it is in no answer.
    #[serde(default)]
    pub void: bool,
    /// How many leaves are held.
    pub leaves: u64,
    /// How many leaves its newest checkpoint covers.
    pub signed: u64,
    /// How many statements are held.
    pub statements: u64,
    /// Bodies that are missing.
    pub missing: u64,
    /// Bodies that were erased.
    pub erased: u64,
    /// Bodies that are held but could not be opened, or hold what they should not.
    pub unopened: u64,
    /// All that leaves below this number said is in force in this node's answers.
    pub applied: u64,
    /// For one's own: what each reader said last that it holds: member, leaves, missing, unopened,
    /// applied.
    pub receipts: Vec<(String, u64, u64, u64, u64)>,
}

/// The head of a feed, as its publisher signed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The feed's id in hexadecimal.
    pub feed: String,
    /// The checkpoint: a C2SP signed note.
    pub note: String,
}

/// May this member have the indicator, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// The member.
    pub member: String,
    /// `released`, `would be released`, `held back`, `not released`.
    pub outcome: String,
    /// The policy line or the rule that decided, in words.
    pub because: String,
}

/// The node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The release of the program.
    pub version: String,
    /// The member.
    pub member: String,
    /// The federation's name, if there is a charter.
    pub federation: Option<String>,
    /// The charter's version.
    pub charter_version: Option<u32>,
    /// Where it listens.
    pub listening: Vec<String>,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime: u64,
    /// The member's own indicators, withdrawn ones included.
    pub own: u64,
    /// Statements of others that are held.
    pub received: u64,
    /// Feeds held.
    pub feeds: u64,
    /// Members connected, and members in all but this one.
    pub connected: (u64, u64),
    /// Batches of own indicators that are still to be checked for release.
    pub to_release: u64,
    /// Bodies that are still to come.
    pub missing: u64,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes of memory in use (resident).
    pub memory: u64,
    /// Set as long as nothing is signed before readers were heard.
    pub recovery: Option<Recovery>,
    /// What needs a person.
    pub warnings: Vec<Warning>,
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
    pub reason: String,
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
    pub reason: String,
    /// The number that the erasure took.
    pub revision: u32,
    /// When it was erased, RFC 3339.
    pub made: String,
}

/// What a reader has confirmed of an indicator of the node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who reads it.
    pub reader: String,
    /// What was said to it last: `asserted`, `withdrawn`, `ceased` or `erased`.
    pub said: String,
    /// With which revision.
    pub revision: u32,
    /// `in force` there or, of what is erased, `erased`; `received` and not yet that; `not confirmed`;
    /// or `no member any more`.
    pub state: String,
    /// When it said so, RFC 3339.
    pub confirmed: Option<String>,
    /// The feed that carries it, in hexadecimal.
    pub feed: String,
    /// At which index.
    pub index: u64,
}

/// What a node waits for that does not know what it signed last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recovery {
    /// The recovery's name, which the root key's go-ahead names; none when nobody is waited for any more.
    pub id: Option<String>,
    /// The charter's id in hexadecimal, if there is a charter.
    pub federation: Option<String>,
    /// Why it does not know.
    pub why: String,
    /// The members who have said what they hold, since the start.
    pub heard: Vec<String>,
    /// Those who are waited for; at most 20 groups.
    pub waits: Vec<Wait>,
    /// What was shown and is not back; at most 20 feeds.
    pub to_come: Vec<ToCome>,
    /// Batches that came back and do not stand in the member's own answers yet.
    pub to_take_in: u64,
}

/// Readers of whom not enough have said what they hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wait {
    /// The feeds that they read, in hexadecimal. None: any that this node does not know any more.
    pub feeds: Vec<String>,
    /// How many of them must be heard.
    pub needed: u64,
    /// Who has been.
    pub heard: Vec<String>,
    /// Who has not.
    pub silent: Vec<String>,
}

/// A feed of the member's own of which not all that somebody showed is back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToCome {
    /// Its id in hexadecimal.
    pub feed: String,
    /// How many leaves are held.
    pub leaves: u64,
    /// How many were shown.
    pub shown: u64,
    /// Who showed leaves that this node did not hold.
    pub by: Vec<String>,
    /// How many bodies of those that are held are missing.
    pub missing: u64,
    /// How many are held and wait for their key.
    pub unopened: u64,
}

/// What needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is.
    pub text: String,
    /// When it was first so.
    pub since: String,
    /// When it was last so.
    pub last: String,
    /// How often it came up.
    pub times: u64,
}

/// Up to where the log is durable.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Durable {
    /// The segment in the upper half, the offset in it in bytes in the lower.
    pub position: u64,
}

/// The end of an answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Done {
    /// How many rows there were or, for a count, how many there are.
    pub count: u64,
    /// Whether there was more than the limit.
    pub more: bool,
    /// Whether not all that is held was looked at; a note says why.
    pub partial: bool,
    /// How many found ones were not shown because policy or their state hides them.
    pub hidden: u64,
    /// For what was asserted: an outcome for each entry, in order.
    pub outcomes: Vec<Outcome>,
    /// What else is worth saying, in sentences.
    pub notes: Vec<String>,
}

/// What became of an asserted entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is new.
    New,
    /// It is a new revision of one that was there.
    Revised,
    /// It was there and says nothing new.
    Known,
    /// Policy does not let this operator publish it.
    Denied,
    /// The member withdrew it earlier, and was not asked to assert it again.
    Withdrawn,
    /// The member erased it earlier, and was not asked to assert it again.
    Erased,
}

/// Why a request failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// A word for programs: `denied`, `not-found`, `no-charter`, `invalid`, `busy`, `closed`,
    /// `storage`, `recovering`, `stopping`, [`IDLE`].
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub next: String,
}
