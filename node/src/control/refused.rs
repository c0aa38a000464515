//! Why a request was not done: for each reason its code, what is wrong, and what to do next.

use std::path::PathBuf;

use kentong_protocol::feed::FeedId;
use kentong_protocol::policy::Verdict;

use crate::store::StoreError;

use super::VERSION;
use super::reply::{Code, Failure};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Policy does not let this operator do it.
    #[error("{0}")]
    Denied(Verdict),
    /// No charter is installed.
    #[error("this node has no charter yet, so it cannot publish")]
    NoCharter,
    /// Nothing is published until the node is started again.
    #[error("publishing is halted: {0}")]
    Halted(String),
    /// The node does not know what it signed last, and some who read it have not said so yet.
    #[error(
        "this node signs nothing before its readers have said what it signed last: {}", waiting(.silent)
    )]
    Recovering {
        /// Those who have not.
        silent: Vec<String>,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// What was asked to be said could not be stored.
    #[error("{why}")]
    NotStored {
        /// Why.
        why: String,
        /// It is signed, or may be.
        unfinished: bool,
    },
    /// An indicator could not be erased.
    #[error("{0}")]
    NotErased(String),

    /// It is no indicator of this member.
    #[error("{0} is not one of our indicators")]
    NotOurs(String),
    /// The same, where what would be said of it is asked for.
    #[error("{0} is not one of our indicators")]
    NothingToExplain(String),
    /// It is no indicator of this member that is in force.
    #[error("{0} is not one of our indicators in force")]
    NotInForce(String),
    /// It was erased.
    #[error("{0} was erased already")]
    ErasedAlready(String),
    /// It is no other member; or there is none.
    #[error("{} is not another member", .0.as_deref().unwrap_or("nobody else"))]
    NotAnotherMember(Option<String>),
    /// The node does not wait for the root key.
    #[error("this node waits for no go-ahead")]
    NoGoAhead,

    /// It is no id, where one is asked for or a value.
    #[error("{0} is not an indicator's id")]
    NoIdToShow(String),
    /// It is no id, where one is asked for or kind and value.
    #[error("{0} is not an indicator's id")]
    NoIdToErase(String),
    /// More is asserted at once than a request may hold.
    #[error("more than {0} entries in one request")]
    TooManyEntries(usize),
    /// The reason given for a withdrawal is not of a form that can be published.
    #[error("the reason is {0}")]
    Reason(String),
    /// The policies of the home cannot be used.
    #[error("{0}")]
    Policies(String),
    /// This member's own card cannot be read.
    #[error("{0}")]
    OwnCard(String),
    /// The charter or a member file of the home cannot be used.
    #[error("{0}")]
    MemberFiles(String),
    /// The charter of the home is gone.
    #[error("the charter {} is gone", .0.display())]
    CharterGone(PathBuf),
    /// The home has an older version of the charter, or that of another federation.
    #[error("another charter is in force")]
    OtherCharter,
    /// The root key's word does not fit.
    #[error("{0}")]
    GoAhead(String),
    /// The request is longer than a line may be.
    #[error("the request is longer than {} bytes", super::MAX_LINE)]
    TooLong,
    /// The request has not the form of one.
    #[error("the node does not understand the request: {0}")]
    NotUnderstood(serde_json::Error),
    /// The request is of another version.
    #[error("the request has version {0}, the node {VERSION}")]
    Version(u32),

    /// So many searches are under way.
    #[error("{0} searches are under way already")]
    TooManySearches(usize),
    /// So many operators are being answered.
    #[error("the node is answering {0} commands already, as many as it does at a time")]
    TooManyCommands(usize),
    /// The node asks its readers what it said before.
    #[error("the node has just started and first hears what its readers hold of its feeds")]
    JustStarted,
    /// Parts of the member's own feeds are not there.
    #[error("a part of our own feeds is lost here, and may hold the indicator too")]
    PartsAreLost,

    /// A feed that carries it ended otherwise than by a closing leaf.
    #[error(
        "it is also in the feed {feed} for {}, which takes no more leaves: it cannot be erased there",
        .readers.join(", ")
    )]
    FeedEnded {
        /// The feed.
        feed: FeedId,
        /// Who reads it.
        readers: Vec<String>,
    },

    /// The node ended while it was working on it.
    #[error("the node stopped before it answered; what was asked may or may not have been done")]
    Stopping,
    /// Nothing was asked for so many seconds, or for less if another needed the place.
    #[error(
        "the node closed this connection: no request came in {0} s, or another command needed the place"
    )]
    Idle(f32),
}

impl Refused {
    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Denied(_) => Code::Denied,
            Self::NoCharter => Code::NoCharter,
            Self::Recovering { .. } => Code::Recovering,
            Self::Halted(_) | Self::Store(_) | Self::NotStored { .. } | Self::NotErased(_) => {
                Code::Storage
            }
            Self::NotOurs(_)
            | Self::NothingToExplain(_)
            | Self::NotInForce(_)
            | Self::ErasedAlready(_)
            | Self::NotAnotherMember(_)
            | Self::NoGoAhead => Code::NotFound,
            Self::NoIdToShow(_)
            | Self::NoIdToErase(_)
            | Self::TooManyEntries(_)
            | Self::Reason(_)
            | Self::Policies(_)
            | Self::OwnCard(_)
            | Self::MemberFiles(_)
            | Self::CharterGone(_)
            | Self::OtherCharter
            | Self::GoAhead(_)
            | Self::TooLong
            | Self::NotUnderstood(_)
            | Self::Version(_) => Code::Invalid,
            Self::TooManySearches(_)
            | Self::TooManyCommands(_)
            | Self::JustStarted
            | Self::PartsAreLost => Code::Busy,
            Self::FeedEnded { .. } => Code::Closed,
            Self::Stopping => Code::Stopping,
            Self::Idle(_) => Code::Idle,
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Denied(_) => {
                "ask whoever administers the node; the rule is in policy/local.cedar of its home"
            }
            Self::NoCharter => "install one with `kentong charter install FILE`",
            Self::Halted(_) => "free the cause, then restart the node",
            Self::Recovering { .. } => {
                "nothing of this request was stored; `kentong status` says more, and `kentong recover` \
                 what the root key can do"
            }
            Self::Store(_) => "see the node's log and `kentong status`",
            Self::NotStored {
                unfinished: true, ..
            } => "free the cause, restart the node, then see by `kentong query` what is there",
            Self::NotStored {
                unfinished: false, ..
            } => "nothing of this request was stored",
            Self::NotErased(_) => {
                "free the cause, restart the node if publishing is halted, then ask again"
            }
            Self::NotOurs(_) | Self::NotInForce(_) => {
                "see `kentong query --publisher` with your own member's name, and --all"
            }
            Self::NothingToExplain(_) => {
                "to try one out before adding it, give its fields too (--tlp, --scheme, --to …)"
            }
            Self::ErasedAlready(_) => "see `kentong receipts` for who has confirmed that",
            Self::NotAnotherMember(_) => "see `kentong charter show` for the members",
            Self::NoGoAhead => "see `kentong status`",
            Self::NoIdToShow(_) => {
                "give the 32 digits that `kentong query --json` prints, or a value"
            }
            Self::NoIdToErase(_) => {
                "give the 32 digits that `kentong show` prints, or kind and value"
            }
            Self::TooManyEntries(_) => "send them in several requests",
            Self::Reason(_) => "give a shorter, plain reason",
            Self::Policies(_) => {
                "the policies in force stay as they were; mend the file and reload again"
            }
            Self::OwnCard(_) => {
                "the members stay as they were; put back this member's own .card file"
            }
            Self::MemberFiles(_) => "the members stay as they were; mend the file",
            Self::CharterGone(_) => {
                "nothing was changed; put the charter back with `kentong charter install FILE`, or the \
                 node will know nobody after its next start"
            }
            Self::OtherCharter => {
                "nothing was changed; a node stays with its federation, and goes back to no older \
                 version of the charter"
            }
            Self::GoAhead(_) => {
                "nothing was changed; `kentong recover draft` writes what is to be signed"
            }
            Self::TooLong | Self::NotUnderstood(_) | Self::Version(_) => {
                "use the kentong command of the same release as the node"
            }
            Self::TooManySearches(_) => "ask again in a moment",
            Self::TooManyCommands(_) => {
                "try again in a moment; if it stays so, see which programs keep asking it"
            }
            Self::JustStarted => "ask again in a few seconds",
            Self::PartsAreLost => {
                "keep the readers connected until `kentong status` says that it is back, then ask again"
            }
            Self::FeedEnded { .. } => {
                "nothing was erased; end it with `kentong withdraw`, and ask these members to delete it"
            }
            Self::Stopping => {
                "see its log, start it again, and look by `kentong query` or `kentong status`"
            }
            Self::Idle(_) => "connect again; nothing of this connection is left undone",
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self {
            code: refused.code(),
            message: refused.to_string(),
            next: refused.next().to_owned(),
        }
    }
}

/// What a node that recovers is waiting for.
fn waiting(silent: &[String]) -> String {
    match silent {
        [] => "what they hold of it is still to come, or to be taken in".to_owned(),
        names => format!("it waits for {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests;
