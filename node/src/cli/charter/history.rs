//! `kentong charter history`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use kentong_protocol::charter::Change;
use kentong_protocol::directory::Enclosing;

use super::super::Outcome;
use super::super::output::{lines, table};
use super::super::workplace::Workplace;
use super::enclosed::{self, plural};
use super::installed;
use super::votes::list;

/// List the versions of the charter, and what each changed
///
/// Every version was checked against the one before, from the first on. The file that -o writes also holds
/// the members' files, so that a new member's node can reach them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter history
  kentong charter history -o all.txt     for a new member, who installs it as it is")]
pub(in super::super) struct HistoryArgs {
    /// Write all versions to this file, with the members' files, for others to install.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl HistoryArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = installed(place)?;
        if let Some(path) = &self.output {
            let (bundles, missing) = enclosed::of_home(&home, chain.in_force());
            let text = Enclosing::write(&chain.to_text(), &bundles);
            place.write(Some(path), text.as_bytes())?;
            let whose: Vec<_> = bundles.iter().map(|one| one.member().clone()).collect();
            place.advise(format_args!(
                "{path} holds all versions, and the member file{} of {}. Next: the new member runs \
                 `kentong charter install {path}`.",
                plural(&whose),
                list(whose.iter()),
                path = path.display()
            ))?;
            if !missing.is_empty() {
                place.advise(format_args!(
                    "This node does not have the member file{} of {}.",
                    plural(&missing),
                    list(missing.iter())
                ))?;
            }
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
