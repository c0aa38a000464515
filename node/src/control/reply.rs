//! What the node answers.

mod indicator;
mod node;
mod recovery;
mod words;

use serde::{Deserialize, Serialize};

pub use indicator::{Erased, Erasure, Indicator, Receipt, Says, Verdict};
pub use node::{BrokenRule, Confirmed, Connected, Feed, Head, Peer, Status, Warning};
pub use recovery::{Recovery, ToCome, Wait};
pub use words::{Code, PeerState, Proof, Release, State, There, Told};

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
    /// For programs.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub next: String,
}

#[cfg(test)]
mod tests;
