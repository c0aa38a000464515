//! What a person should know, in words.

mod present;

use std::path::Path;

use kentong_protocol::MemberName;

use crate::control::reply;
use crate::runtime::{Kept, Node, Noted, Warning};

use super::minutes;

impl Node<'_> {
    /// All that needs a person: what was noted, the newest first, and what is so at this moment.
    pub(super) fn all_warnings(&self) -> Vec<reply::Warning> {
        let noted = self.noted().map(shown);
        noted.chain(self.present_warnings()).collect()
    }
}

fn shown(noted: &Noted) -> reply::Warning {
    reply::Warning {
        text: in_words(&noted.warning),
        since: noted.since.to_string(),
        last: noted.last.to_string(),
        times: noted.times,
    }
}

fn in_words(warning: &Warning) -> String {
    match warning {
        Warning::Rebuilt { why, set_aside } => rebuilt(why, set_aside.as_deref()),
        Warning::PrivateLost { feed, signed } => format!(
            "the log lacks what this node signed for itself alone ({signed} leaves of feed {feed}): it \
             is an older copy. Nobody else has that; it goes on in a new feed"
        ),
        Warning::PartsGone { feeds } => {
            format!("nobody gave all that this node had published: parts of {feeds} feeds are gone")
        }
        Warning::GoneAhead { heard } => format!(
            "publishing goes on by the root key's go-ahead, after {heard} members were heard: what the \
             others hold of our feeds and we do not is missing here until they come"
        ),
        Warning::Halted { why } => format!("publishing is halted: {why}; restart the node"),
        Warning::NotReleased { error } => {
            format!("some indicators are not released yet: {error}")
        }
        Warning::Unconfirmed => {
            "unconfirmed start: no reader has said yet that it knows nothing newer \
                                 of our feeds than this node"
                .to_owned()
        }
        Warning::Lost { feed, signed, held } => format!(
            "{signed} leaves of our feed {feed} are signed and this node holds {held}: its home is an \
             older copy. What a reader has is taken back; keep the readers connected"
        ),
        Warning::NotOpened { error } => {
            format!("what others released is not all open: {error}")
        }
        Warning::Exchange { member, error } => {
            format!("exchange with {member} is hindered: {error}")
        }
        Warning::Failed {
            member,
            minutes,
            message,
        } => failed(member, *minutes, message),
        Warning::FailedBeside { member } => format!(
            "this node failed inside while it worked for the link with {member}, which is opened again \
             in a minute. Tell the developers of Kentong what its log says"
        ),
        Warning::FailedInside => {
            "this node failed inside, on something that another member sent. Tell \
                                  the developers of Kentong what its log says"
                .to_owned()
        }
        Warning::Keys { error } => {
            format!("a key is due to be replaced, and cannot be: {error}")
        }
        Warning::Papers { error } => format!("the members stay as they were: {error}"),
        Warning::WaitingPapers { error } => format!(
            "votes and notices from other members wait to be stored here, and are tried again: {error}"
        ),
        Warning::FormerKept { member, error } => former_kept(member, error),
        Warning::FormerTakenBack { member, leaves } => former_taken_back(member, *leaves),
        Warning::FormerVoid { member, feeds } => former_void(member, *feeds),
        Warning::TwoHistories { member, file } => format!(
            "{member} signed two histories of one feed: see {}",
            file.display()
        ),
        Warning::EvidenceNotKept { member, error } => {
            format!("evidence against {member} could not be kept: {error}")
        }
        Warning::VotedTwice {
            member,
            version,
            round,
            folder,
        } => format!(
            "{member} signed two charters of version {version} in round {round}: both are in {}; tell \
             the other members",
            folder.display()
        ),
    }
}

fn rebuilt(why: &str, set_aside: Option<&Path>) -> String {
    let aside = set_aside.map(|aside| {
        format!(
            "; the old one lies in {} and may be deleted",
            aside.display()
        )
    });
    let aside = aside.unwrap_or_default();
    format!("the derived state was rebuilt from the log: {why}{aside}")
}

fn failed(member: &MemberName, cut_off: u64, message: &Kept) -> String {
    format!(
        "this node failed inside on what {member} sent. The link was ended, and {member} may come back \
         in {}. {}",
        minutes(cut_off),
        kept(member, message)
    )
}

/// What became of a member's message on which the node failed, and what to do with it.
fn kept(member: &MemberName, message: &Kept) -> String {
    match message {
        Kept::File(path) => format!(
            "The message is in {}: send that file to the developers of Kentong",
            path.display()
        ),
        Kept::Already(folder) => format!(
            "The message, or enough others of {member}, is in {} already: send it to the developers of \
             Kentong",
            folder.display()
        ),
        Kept::Not(error) => {
            format!("The message could not be kept ({error}): make room on the disk")
        }
    }
}

fn former_kept(member: &MemberName, error: &str) -> String {
    format!(
        "{member} replaced its keys: what a former key signed beyond could not be taken back ({error}). It \
         is in no answer, with all else in these feeds; mend the disk and restart the node"
    )
}

fn former_taken_back(member: &MemberName, leaves: u64) -> String {
    format!(
        "{member} replaced its keys: {leaves} leaves that a former key signed above what {member} vouches \
         for were taken back, and are in no answer any more; ask {member} what came of it"
    )
}

fn former_void(member: &MemberName, feeds: u64) -> String {
    format!(
        "{feeds} feeds that a former key of {member} signed count for nothing, for its warrant does not \
         name them: they are kept, and in no answer. If {member} says that they are its own, it needs \
         another warrant that names them"
    )
}

#[cfg(test)]
mod tests;
