//! `kentong charter diff`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::charter::{Changes, Tally};

use super::super::Outcome;
use super::super::workplace::Workplace;
use super::{document, in_words, installed};

/// Show what a charter changes, and whose votes that takes
///
/// Of a file against the charter in force here; without a file, what the version in force changed
/// in the one before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter diff draft
  kentong charter diff")]
pub(in super::super) struct DiffArgs {
    /// A draft or a charter.
    file: Option<PathBuf>,
}

impl DiffArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (_, chain) = installed(place)?;
        let current = chain.in_force();
        let (changes, tally) = match &self.file {
            Some(path) => {
                let other = document::charter(path)?;
                let changes = Changes::between(current.terms(), other.terms());
                // A version that cannot follow is shown all the same; `sign` says what is wrong.
                let follows = other.terms().previous() == Some(current.hash());
                let tally = chain.tally(&other).ok().filter(|_| follows);
                (changes, tally)
            }
            None => match chain.changes().last() {
                Some((_, changes)) => (changes, None),
                None => bail!(
                    "the first version is in force, which changed nothing; name the file of \
                     another one"
                ),
            },
        };
        if place.json() {
            place.emit(&for_programs(&changes, tally.as_ref()))?;
        } else if changes.list().is_empty() {
            place.say("Nothing is different.")?;
        } else if let Some(tally) = &tally {
            place.say(in_words(tally))?;
        } else {
            let lines = changes.list().iter().map(|change| format!("It {change}."));
            place.say(lines.collect::<Vec<_>>().join("\n"))?;
        }
        Ok(if changes.list().is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Done
        })
    }
}

fn for_programs(changes: &Changes, tally: Option<&Tally>) -> serde_json::Value {
    let needs = tally.map(|tally| {
        let needs = tally.needs().iter().map(|need| {
            serde_json::json!({
                "version": need.by,
                "action": need.action.to_string(),
                "needed": need.needed,
                "signed": need.signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "open": need.open.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        needs.collect::<Vec<_>>()
    });
    serde_json::json!({ "diff": {
        "changes": changes.list().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "actions": changes.actions().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "votes": needs,
    }})
}
