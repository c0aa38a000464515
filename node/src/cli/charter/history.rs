//! `kentong charter history`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use kentong_protocol::charter::Change;

use super::super::Outcome;
use super::super::output::{lines, table};
use super::super::workplace::Workplace;
use super::installed;

/// List the versions of the charter, and what each changed
///
/// Every version was checked against the one before, from the first on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter history
  kentong charter history -o all.txt     for a new member, who installs it as it is")]
pub(in super::super) struct HistoryArgs {
    /// Write all versions to this file, for others to install.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl HistoryArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (_, chain) = installed(place)?;
        if let Some(path) = &self.output {
            place.write(Some(path), chain.to_text().as_bytes())?;
            return Ok(Outcome::Done);
        }
        let changed = chain.changes().map(|(_, changes)| {
            let list = changes.list().iter().map(Change::to_string);
            list.collect::<Vec<_>>()
        });
        let changed = std::iter::once(Vec::new()).chain(changed);
        let mut rows = table(&["VERSION", "ROUND", "DRAFTED", "MEMBERS", "HASH", "CHANGES"]);
        for (charter, changes) in chain.history().zip(changed) {
            let terms = charter.terms();
            if place.json() {
                place.emit(&serde_json::json!({ "version": {
                    "version": terms.version(),
                    "round": terms.round(),
                    "drafted": terms.drafted().to_string(),
                    "members": terms.members().keys().map(ToString::to_string).collect::<Vec<_>>(),
                    "hash": charter.hash().to_string(),
                    "changes": changes,
                }}))?;
            } else {
                rows.add_row([
                    terms.version().to_string(),
                    terms.round().to_string(),
                    terms.drafted().to_string(),
                    terms.members().len().to_string(),
                    charter.hash().short().to_string(),
                    changes.join("; "),
                ]);
            }
        }
        if !place.json() {
            place.say(lines(&rows))?;
        }
        Ok(Outcome::Done)
    }
}
