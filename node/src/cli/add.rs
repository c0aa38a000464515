//! `kentong add`.

use anyhow::Result;
use clap::Args;
use kentong_protocol::indicator::Kind;

use super::Outcome;
use super::fields::FieldArgs;
use super::output::plain;
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::reply;
use crate::control::request::{Entry, Request};

/// Publish one indicator of your own
///
/// It goes to whom your policy and its marking let it go, and to nobody else; see beforehand with
/// `kentong policy explain`. What was published before about the same value is revised.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong add phone \"012-345 6789\" --scheme loan --tlp green
  kentong add bank-account \"MY 514012345678\" --scheme mule-account --tlp amber --to SG,banks \\
      --confidence 90 --loss \"12500.50 MYR\"")]
pub(super) struct AddArgs {
    /// What it is: phone, sms-sender, bank-account, wallet, domain, url, ip, email, handle, app or
    /// file.
    kind: Kind,
    /// The value, in any way it is commonly written, defanged too.
    value: String,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Publish it even though you withdrew or erased it earlier.
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    fields: FieldArgs,
}

impl AddArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let value = value::to_publish(self.kind, &self.value, &self.reading.reading(place)?)?;
        let assertion = self.fields.assertion(&place.config()?.defaults)?;
        let shown = plain(&value.to_string());
        let entries = vec![Entry { value, assertion }];
        let (rows, done) = place.ask(Request::Assert {
            entries,
            dry_run: self.dry_run,
            again: self.again,
        })?;
        let became = done.outcomes.first().copied();
        if place.json() {
            place.emit_all(&rows, done)?;
        } else {
            let words = match became {
                Some(reply::Outcome::New) => "published",
                Some(reply::Outcome::Revised) => "revised",
                Some(reply::Outcome::Known) => "nothing new: it was published so before",
                Some(reply::Outcome::Denied) => {
                    "denied: policy/local.cedar does not let you publish it; ask who keeps it"
                }
                Some(reply::Outcome::Withdrawn) => {
                    "withdrawn earlier, and left withdrawn; add --again to publish it again"
                }
                Some(reply::Outcome::Erased) => {
                    "erased earlier, and left erased; add --again to publish it again"
                }
                None => "the node did not say what became of it; see `kentong query`",
            };
            let only = if self.dry_run {
                " (dry run: nothing was changed)"
            } else {
                ""
            };
            place.say(format_args!("{shown}: {words}{only}"))?;
            for note in done.notes {
                place.say(note)?;
            }
        }
        Ok(match became {
            Some(reply::Outcome::Denied | reply::Outcome::Withdrawn | reply::Outcome::Erased) => {
                Outcome::Nothing
            }
            Some(reply::Outcome::New | reply::Outcome::Revised | reply::Outcome::Known) | None => {
                Outcome::Done
            }
        })
    }
}
