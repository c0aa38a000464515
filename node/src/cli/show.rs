//! `kentong show`.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;
use kentong_protocol::indicator::Kind;

use super::Outcome;
use super::output::plain;
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::client::ClientError;
use crate::control::reply::{Code, Done, Erased, Indicator, Reply, Says};
use crate::control::request::{Request, What};

/// The digits of an indicator's id.
const ID_DIGITS: usize = 32;

/// Show all that is known about one indicator
///
/// What each publisher says of it, whether it still holds, and for your own to whom it went.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong show evil.example
  kentong show 3b0c4417c1d5d0a2a7d9cba0e9f16b57     an id, as `kentong query --json` prints it")]
pub(super) struct ShowArgs {
    /// An id of 32 digits, or a value in any way it is commonly written.
    #[arg(value_name = "ID|VALUE")]
    what: String,
    /// How the value is to be read.
    #[arg(long)]
    kind: Option<Kind>,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl ShowArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let is_id = self.kind.is_none()
            && self.what.len() == ID_DIGITS
            && self.what.bytes().all(|byte| byte.is_ascii_hexdigit());
        let read = value::readings(self.kind, &self.what, &self.reading.reading(place)?);
        let words = match &read {
            Ok(values) => value::in_words(&self.what, values),
            Err(_) => format!("the id {}", self.what),
        };
        let (mut rows, mut done) = (Vec::new(), Done::default());
        if is_id {
            match place.ask(Request::Show {
                what: What::Id(self.what.to_ascii_lowercase()),
            }) {
                Ok(answer) => (rows, done) = answer,
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut notes = std::mem::take(&mut done.notes);
        // The hash of a file has as many digits as an id.
        if rows.is_empty() && !(is_id && read.is_err()) {
            (rows, done) = place.ask(Request::Show {
                what: What::Values(read?),
            })?;
            notes.append(&mut done.notes);
        }
        done.notes = notes;
        let outcome = if rows.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Done
        };
        if place.json() {
            place.emit_all(&rows, done)?;
            return Ok(outcome);
        }
        for row in &rows {
            if let Reply::Indicator(indicator) = row {
                place.say(describe(indicator))?;
            } else if let Reply::Erased(erased) = row {
                place.say(describe_erased(erased))?;
            }
        }
        if rows.is_empty() {
            place.say(format_args!("Nothing is known about {words}."))?;
        }
        if done.hidden > 0 {
            place.advise(format_args!("{} more not shown, by policy.", done.hidden))?;
        }
        place.advise_all(&done.notes)?;
        Ok(outcome)
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ClientError::Refused(failure)) if failure.code == Code::NotFound)
}

/// An indicator over several lines, ending with an empty one.
fn describe(indicator: &Indicator) -> String {
    let mut text = format!("{} {}\n", indicator.kind, plain(&indicator.value));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "  {name:<13} {}", plain(value)).expect("writing text succeeds");
        }
    };
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    let state = match &indicator.reason {
        Some(reason) => format!("{} ({reason})", indicator.state),
        None => indicator.state.to_string(),
    };
    line("state", &state);
    line("found by", &optional(&indicator.matched));
    line("published by", &indicator.publisher);
    line(
        "made",
        &format!("{} (revision {})", indicator.made, indicator.revision),
    );
    if let Some(says) = &indicator.says {
        said(says, &mut line);
    }
    if let Some(members) = &indicator.released_to {
        let members = members.join(", ");
        line(
            "released to",
            if members.is_empty() {
                "nobody yet"
            } else {
                &members
            },
        );
    }
    line("proof", indicator.proof.as_str());
    line("witnesses", &indicator.witnesses.join(", "));
    let Indicator {
        feed, index, place, ..
    } = indicator;
    line("feed", &format!("{feed}, leaf {index}, place {place}"));
    line("id", &indicator.id);
    text
}

/// What is left of an erased indicator, over several lines.
fn describe_erased(erased: &Erased) -> String {
    let named = |part: &Option<String>| part.as_deref().map(plain).unwrap_or_default();
    let name = format!("{} {}", named(&erased.kind), named(&erased.value));
    let Erased {
        publisher,
        reason,
        revision,
        made,
        id,
        ..
    } = erased;
    format!(
        "{}\n  {:<13} erased ({reason})\n  {:<13} {publisher}\n  {:<13} {made} (revision {revision})\n  \
         {:<13} {id}\nNothing that was said of it is kept. `kentong receipts` shows who has erased it.\n",
        if erased.value.is_some() {
            name.as_str()
        } else {
            "an indicator"
        },
        "state",
        "published by",
        "made",
        "id"
    )
}

fn said(says: &Says, line: &mut impl FnMut(&str, &str)) {
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    line("scheme", &says.scheme);
    line("confidence", &format!("{}%", says.confidence));
    line("tlp", &says.tlp);
    line("for", &says.releasable_to.join(", "));
    line("basis", &says.basis);
    line("first seen", &optional(&says.first_seen));
    line("last seen", &optional(&says.last_seen));
    let usual = match says.valid_until {
        Some(_) => "",
        None => " (as usual for its kind)",
    };
    line("valid until", &format!("{}{usual}", says.holds_until));
    line("loss", &optional(&says.loss));
    line("countries", &says.countries.join(", "));
    line("legal basis", &optional(&says.legal_basis));
    line("tags", &says.tags.join(", "));
    line("description", &optional(&says.description));
    line("references", &says.references.join(" "));
    line("case number", &optional(&says.case_number));
    line("notes", &optional(&says.notes));
    line("source", &optional(&says.source));
    line("left out", &says.stripped.join(", "));
}
