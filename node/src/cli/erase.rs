//! `kentong erase`.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::feed::EraseReason;
use kentong_protocol::indicator::Kind;

use super::Outcome;
use super::output::{counted, plain};
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::reply::{Erasure, Reply};
use crate::control::request::{Request, Which};

/// Erase an indicator of your own, here and at every member that has it
///
/// All that was ever said of it is overwritten on this node's disk and on those of its readers, as
/// soon as they hear of it; `kentong receipts` shows who has done so. What else lies in the same
/// batches is published again first. It cannot be undone, and needs no withdrawal before. What is kept
/// is a mark by which only this node knows it again, so that a list does not bring it back. A member
/// that does not follow the rules, a backup or a snapshot may keep a copy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong erase phone +60123456789 --reason personal-data
  kentong erase 3b0c4417c1d5d0a2a7d9cba0e9f16b57 --reason order --yes     an id, as `kentong show` \
prints it

Who erases must be allowed to withdraw the indicator and to administer the node.")]
pub(super) struct EraseArgs {
    /// Its id of 32 digits; or what it is, as in `kentong add`, followed by the value.
    #[arg(value_name = "ID|KIND")]
    what: String,
    /// The value.
    value: Option<String>,
    /// Why: personal-data (it may no longer be kept), order (of a court or another authority), mistake
    /// (it should never have been published) or unsaid. Readers are told this word and no more.
    #[arg(long, value_name = "WHY")]
    reason: EraseReason,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether it is meant.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl EraseArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let which = self.which(place)?;
        let ask = |dry_run| {
            place.ask(Request::Erase {
                which: which.clone(),
                reason: self.reason,
                dry_run,
            })
        };
        if self.dry_run || !self.yes {
            let (rows, done) = ask(true)?;
            if self.dry_run && place.json() {
                place.emit_all(&rows, done)?;
                return Ok(Outcome::Done);
            }
            for row in &rows {
                if let Reply::Erasure(erasure) = row {
                    place.advise(in_words(erasure))?;
                }
            }
            if self.dry_run {
                place.say("dry run: nothing was changed")?;
                return Ok(Outcome::Done);
            }
            if !confirmed(place)? {
                place.say("nothing was changed")?;
                return Ok(Outcome::Nothing);
            }
        }
        let (rows, done) = ask(false)?;
        if place.json() {
            place.emit_all(&rows, done)?;
            return Ok(Outcome::Done);
        }
        for row in &rows {
            if let Reply::Erasure(erasure) = row {
                place.say(in_words(erasure))?;
            }
        }
        place.advise_all(&done.notes)?;
        Ok(Outcome::Done)
    }

    fn which(&self, place: &Workplace) -> Result<Which> {
        let Some(value) = &self.value else {
            let id = self.what.to_ascii_lowercase();
            if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Ok(Which::Id(id));
            }
            bail!(
                "`{}` is not an id of 32 digits; give one, or kind and value, as in `kentong erase \
                 phone +60123456789`",
                plain(&self.what)
            );
        };
        let kind: Kind = self
            .what
            .parse()
            .map_err(|error| anyhow!("`{}`: {error}", plain(&self.what)))?;
        let value = value::of_kind(kind, value, &self.reading.reading(place)?)?;
        Ok(Which::Value(value))
    }
}

/// Asks the person at the terminal; a program says so beforehand.
fn confirmed(place: &Workplace) -> Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("it cannot be undone; say that it is meant with --yes");
    }
    place.advise("It cannot be undone. To go on, type yes:")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

fn in_words(erasure: &Erasure) -> String {
    let what = match (&erasure.kind, &erasure.value) {
        (Some(kind), Some(value)) => format!("{kind} {}", plain(value)),
        _ => format!("the indicator {}", erasure.id),
    };
    let readers = match erasure.readers.as_slice() {
        [] => "nobody else has it".to_owned(),
        names => format!("released to {}", names.join(", ")),
    };
    let again = match erasure.said_again {
        0 => String::new(),
        count => format!(
            ", and {} published again",
            counted(count, "other statement", "other statements")
        ),
    };
    format!(
        "{what}: {} ({}; {readers}). {} in {}{again}.",
        if erasure.done {
            "erased"
        } else {
            "would be erased"
        },
        erasure.reason,
        counted(
            erasure.batches,
            "batch is overwritten",
            "batches are overwritten"
        ),
        counted(erasure.feeds, "feed", "feeds"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_is_said() {
        let one = Erasure {
            id: "00".repeat(16),
            kind: Some("domain".into()),
            value: Some("a.example".into()),
            reason: EraseReason::Order,
            done: false,
            feeds: 2,
            batches: 3,
            said_again: 1,
            readers: vec!["SG".into(), "TH".into()],
        };
        assert_eq!(
            in_words(&one),
            "domain a.example: would be erased (order; released to SG, TH). 3 batches are overwritten \
             in 2 feeds, and 1 other statement published again."
        );
        let other = Erasure {
            kind: None,
            value: None,
            done: true,
            feeds: 1,
            batches: 1,
            said_again: 0,
            readers: Vec::new(),
            ..one
        };
        assert_eq!(
            in_words(&other),
            "the indicator 00000000000000000000000000000000: erased (order; nobody else has it). 1 batch \
             is overwritten in 1 feed."
        );
    }
}
