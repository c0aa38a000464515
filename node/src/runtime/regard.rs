//! What is known of a member beside what it published: the rules that it broke, and why there is no link.
//! `operators` puts both in words.

use kentong_protocol::feed::BodyError;
use kentong_protocol::sync::Fault;
use kentong_protocol::time::Timestamp;
use kentong_protocol::wire::Bye;

use crate::net::{Closed, DialFailure};

/// A rule that a member broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// One of the protocol's, in a session.
    Session(Fault),
    /// A body of its feeds is not what it should be.
    Body(BodyError),
    /// It sent a warrant or card that does not fit. Why is left out: it names what the member chose, which
    /// must not grow a table.
    Credentials,
}

/// How often a member broke a rule since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) times: u64,
    pub(crate) last: Timestamp,
}

/// Why there is no link with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLink {
    /// It could not be reached.
    NotReached(DialFailure),
    /// The link ended.
    Ended(Closed),
    /// It ended the session, and said why.
    Goodbye(Bye),
    /// It broke a rule. It is not spoken to for so many minutes, if that is more than slowness.
    BrokeRule {
        /// Which.
        fault: Fault,
        /// For how long.
        cut_off: Option<u64>,
    },
    /// It does not read what it is sent.
    ReadsNothing,
    /// A message to it did not fit a frame.
    MessageTooLong,
    /// It is not, or not now, a member in force.
    NotInForce,
    /// This node failed on what it sent, and does not speak to it for so many minutes.
    FailedOnMessage {
        /// For how long.
        cut_off: u64,
    },
    /// This node failed while it worked for the link.
    FailedBeside,
}
