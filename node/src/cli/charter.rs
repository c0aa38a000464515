//! `kentong charter`.

mod diff;
mod document;
mod draft;
mod enclosed;
mod history;
mod install;
mod leave;
mod merge;
mod show;
mod sign;
mod suspend;
mod votes;

use anyhow::{Result, anyhow, bail};
use clap::{Args, Subcommand};
use kentong_protocol::charter::{Chain, ChainError, DoubleVote, Paper, Tally, UnverifiedNotice};
use kentong_protocol::time::Timestamp;

use super::Outcome;
use super::workplace::Workplace;
use crate::charter_files;
use crate::home::Home;
use crate::turn::Wait;

/// Draft, sign, install or show the charter; leave, or suspend a member
///
/// The charter says who belongs to the federation and by which keys they are known. All members
/// sign the first version. Each later one takes as many of them as the version before and it
/// itself ask for; whom it removes has no vote on it. Nobody can be put in between, and no one
/// member decides alone.
#[derive(Debug, Args)]
#[command(after_help = "\
From cards to a federation:
  kentong charter draft --federation ASEAN MY.card SG.card -o draft    one member, once
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed   every member
  kentong charter merge MY.signed SG.signed -o charter.txt             one member
  kentong charter install charter.txt                                  every member

To change it, with nodes that run:
  kentong charter draft --admit VN.card -o draft                       one member
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed   the same
  kentong charter votes                          what waits for signatures, at every member
  kentong charter votes 5cb1 -o draft            as many others as it takes, and they sign
  kentong charter history -o all.txt             what the new member installs
A signed copy that was made elsewhere is handed to the node with `kentong charter install`. The
version is in force at every node as soon as enough have signed.")]
pub(super) struct CharterArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Draft(draft::DraftArgs),
    Sign(sign::SignArgs),
    Merge(merge::MergeArgs),
    Install(install::InstallArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    History(history::HistoryArgs),
    Leave(leave::LeaveArgs),
    Suspend(suspend::SuspendArgs),
    Votes(votes::VotesArgs),
}

impl CharterArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            What::Draft(args) => args.run(place),
            What::Sign(args) => args.run(place),
            What::Merge(args) => args.run(place),
            What::Install(args) => args.run(place),
            What::Show(args) => args.run(place),
            What::Diff(args) => args.run(place),
            What::History(args) => args.run(place),
            What::Leave(args) => args.run(place),
            What::Suspend(args) => args.run(place),
            What::Votes(args) => args.run(place),
        }
    }
}

/// The clock on the wall, which every signed thing is dated by.
pub(super) fn now() -> Result<Timestamp> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now
        .ok()
        .and_then(|passed| Timestamp::from_seconds(passed.as_secs()));
    match now {
        Some(now) => Ok(now),
        None => bail!("the clock was never set; set it, then try again"),
    }
}

/// The charter installed in this home, all versions of it.
fn installed(place: &Workplace) -> Result<(Home, Chain)> {
    let home = place.home()?;
    match charter_files::chain(&home)? {
        Some(chain) => Ok((home, chain)),
        None => bail!(
            "no charter is installed in {}; install one with `kentong charter install FILE`, or \
             begin one with `kentong charter draft --federation`",
            home.root().display()
        ),
    }
}

/// What to do about a version that does not follow.
fn with_next_step(error: &ChainError) -> anyhow::Error {
    let next = match error {
        ChainError::TooFew { .. } => {
            "its signatures are kept here and passed on; see `kentong charter votes`"
        }
        ChainError::Skipped { .. } | ChainError::OtherPrevious { .. } => {
            "ask a member for the file with all versions, which `kentong charter history -o FILE` \
             writes, and install that"
        }
        ChainError::SameRound { .. } => {
            "see `kentong charter history`, and draft again with a higher --round"
        }
        ChainError::Settled { .. } => {
            "see `kentong charter history`; what it is to change is drafted again from there"
        }
        ChainError::NothingChanged | ChainError::Expired { .. } => "draft it again",
        ChainError::Charter(_) | ChainError::TooLarge | ChainError::VersionTwice { .. } => {
            "ask for the file again"
        }
        ChainError::OtherFederation
        | ChainError::NameTaken(_)
        | ChainError::KeyUsed { .. }
        | ChainError::TooManyVersions => "ask the member that drafted it for another one",
    };
    anyhow!("{error}; {next}")
}

/// What a version changes, and what it still takes, for people.
fn in_words(tally: &Tally) -> String {
    let changes = tally.changes().list().iter();
    let mut lines: Vec<String> = changes.map(|change| format!("It {change}.")).collect();
    for need in tally.needs() {
        let met = if need.is_met() { ": enough" } else { "" };
        lines.push(format!("{}{met}.", capital(&need.to_string())));
        if !need.can_be_met() {
            lines.push("So many cannot sign, since who is removed has no vote.".to_owned());
        }
    }
    lines.join("\n")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Keeps a notice's signatures for the node to pass on, once it has read the charter again.
fn pass_on(home: &Home, notice: &UnverifiedNotice) -> Result<()> {
    let notice = Paper::Notice(Box::new(notice.clone()));
    charter_files::take_paper(home, notice, now()?, Wait::ASecond)?;
    Ok(())
}

/// Says who voted twice; the evidence is kept by then.
fn accuse(place: &Workplace, home: &Home, found: &[DoubleVote]) -> Result<()> {
    for vote in found {
        let (member, version, round) = (vote.member(), vote.version(), vote.round());
        if place.json() {
            let row = serde_json::json!({
                "member": member.to_string(), "version": version, "round": round,
            });
            place.emit(&serde_json::json!({ "double-vote": row }))?;
        }
        place.advise(format_args!(
            "{member} signed two charters of version {version} in round {round}. Both are kept in \
             {}; show them to the other members.",
            home.evidence().display()
        ))?;
    }
    Ok(())
}
