//! `kentong withdraw`.

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::indicator::Kind;

use super::Outcome;
use super::output::plain;
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::request::Request;

/// Withdraw an indicator that you published
///
/// Every member that it was released to is told, and stops using it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong withdraw phone +60123456789 --reason \"the number belongs to a clinic\"")]
pub(super) struct WithdrawArgs {
    /// What it is, as in `kentong add`.
    kind: Kind,
    /// The value.
    value: String,
    /// Why, for those who used it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl WithdrawArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        if self.reason.trim().is_empty() {
            bail!("a withdrawal has a reason; say why with --reason \"…\"");
        }
        let value = value::of_kind(self.kind, &self.value, &self.reading.reading(place)?)?;
        let shown = plain(&value.to_string());
        let (rows, done) = place.ask(Request::Withdraw {
            value,
            reason: self.reason,
        })?;
        if place.json() {
            place.emit_all(&rows, done)?;
        } else {
            place.say(format_args!("{shown}: withdrawn"))?;
            for note in done.notes {
                place.say(note)?;
            }
        }
        Ok(Outcome::Done)
    }
}
