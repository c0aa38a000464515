//! `kentong peers heads`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::feed::HeldHeads;

use super::super::Outcome;
use super::super::workplace::Workplace;
use super::{charter_of, held};
use crate::control::reply::Reply;
use crate::control::request::Request;

/// Write what this node holds of a member's feeds, for a member that lost its home
///
/// It names it with `kentong warrant draft --heads`, and fetches from the readers what it lost. The
/// file holds ids and sizes of the feeds that are for this node, as the member signed them, and nothing
/// of what is in them. Write it before you load the member's new file: after that it
/// no longer holds what former keys signed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong peers heads MY -o MY.heads")]
pub(in super::super) struct HeadsArgs {
    /// The member, as in MY.
    #[arg(value_name = "MEMBER")]
    member: MemberName,
    /// Where to write it; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl HeadsArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let charter = charter_of(&home)?;
        let Some(charter) = charter else {
            bail!("no charter is installed; see `kentong charter install --help`");
        };
        let Some(listed) = charter.member(&self.member) else {
            bail!("{} is no member; `kentong peers` lists them", self.member);
        };
        let member = self.member.clone();
        let (rows, done) = place.ask(Request::Heads { member })?;
        let notes: Vec<&str> = rows
            .iter()
            .filter_map(|row| {
                let Reply::Head(head) = row else { return None };
                Some(head.note.as_str())
            })
            .collect();
        if notes.is_empty() {
            place.advise(format_args!("This node holds no feed of {}.", self.member))?;
            return Ok(Outcome::Nothing);
        }
        if place.json() {
            place.emit_all(&rows, done)?;
            return Ok(Outcome::Done);
        }
        let Some(card) = held(&home, &self.member) else {
            bail!(
                "there is no card of {} in this home; ask it for one",
                self.member
            );
        };
        let count = notes.len();
        let text = HeldHeads::write(card.warrant(), notes);
        let federation = charter.federation().as_str();
        // The card may have been replaced in between.
        HeldHeads::read(text.as_bytes(), federation, &self.member, listed.root())
            .context("the card of the member has just changed; try again")?;
        place.write(self.output.as_deref(), text.as_bytes())?;
        place.advise(format_args!("{count} feeds of {}.", self.member))?;
        Ok(Outcome::Done)
    }
}
