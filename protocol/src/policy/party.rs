//! Who asks: members, local users, and what they want to do.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::MemberName;

use crate::bounded::BoundedText;
use crate::charter::GroupName;

/// The longest name of a local account or group that policies see, in bytes.
pub const LOCAL_NAME_MAX: usize = 64;

/// The name of an account or a group of the operating system.
pub type LocalName = BoundedText<LOCAL_NAME_MAX>;

/// A member of the federation, as policies see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    /// Its name in the charter.
    pub name: MemberName,
    /// The groups that the charter puts it in.
    pub groups: BTreeSet<GroupName>,
}

/// A local user, as the control socket names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operator {
    /// The number of the account, read from the socket.
    pub uid: u32,
    /// The account's name, if it has one.
    pub name: Option<LocalName>,
    /// The account's groups in the operating system.
    pub groups: BTreeSet<LocalName>,
    /// Whether the node runs as this very account.
    pub runs_node: bool,
}

/// What a local user wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LocalAction {
    /// Read indicators.
    Query(Purpose),
    /// Add or change an indicator of ours.
    Publish,
    /// Withdraw an indicator of ours.
    Withdraw,
    /// Change the node itself: policies, charter, peers.
    Administer,
}

/// What somebody reads indicators for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A person looks at one indicator.
    Look,
    /// Many at a time: lists, `watch`, `match`.
    Bulk,
    /// Out of Kentong, into something else.
    Export(Sink),
}

/// Where an export goes, as the administrator configured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sink {
    /// A system of the agency's own.
    Own,
    /// A system of those whom the agency serves, such as banks and carriers.
    Clients,
    /// A list that anybody may end up reading: hosts files, response policy zones.
    Public,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 5] = [
        Self::Look,
        Self::Bulk,
        Self::Export(Sink::Own),
        Self::Export(Sink::Clients),
        Self::Export(Sink::Public),
    ];

    /// The name that policies use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Bulk => "bulk",
            Self::Export(Sink::Own) => "own-sink",
            Self::Export(Sink::Clients) => "client-sink",
            Self::Export(Sink::Public) => "public-list",
        }
    }
}

/// The question that a verdict answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuestionKind {
    /// May a member have an indicator of ours?
    Share,
    /// Do we believe a member's indicator?
    Accept,
    /// May a local user do this?
    Local(LocalAction),
}

impl QuestionKind {
    /// The action's name in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Accept => "accept",
            Self::Local(LocalAction::Query(_)) => "query",
            Self::Local(LocalAction::Publish) => "publish",
            Self::Local(LocalAction::Withdraw) => "withdraw",
            Self::Local(LocalAction::Administer) => "administer",
        }
    }

    /// What happens on a permit, in one word for an analyst.
    const fn done(self) -> &'static str {
        match self {
            Self::Share => "released",
            Self::Accept => "accepted",
            Self::Local(_) => "allowed",
        }
    }

    /// The one word for a permit, preceded by `not` for a denial.
    pub(super) fn outcome(self, permitted: bool) -> impl fmt::Display {
        let not = if permitted { "" } else { "not " };
        fmt::from_fn(move |f| write!(f, "{not}{}", self.done()))
    }
}

/// Who asks what: with a [`Class`](super::Class), everything that a verdict depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asker {
    /// `to` would receive an indicator of `publisher`.
    Share { publisher: Party, to: Party },
    /// `from` published the indicator.
    Accept { from: Party },
    /// `operator` wants to do something with an indicator of `publisher`, or with the node.
    Local {
        action: LocalAction,
        operator: Operator,
        publisher: Option<Party>,
    },
}

impl Asker {
    /// The question, without who asks it.
    pub(super) const fn asked(&self) -> QuestionKind {
        match self {
            Self::Share { .. } => QuestionKind::Share,
            Self::Accept { .. } => QuestionKind::Accept,
            Self::Local { action, .. } => QuestionKind::Local(*action),
        }
    }
}
