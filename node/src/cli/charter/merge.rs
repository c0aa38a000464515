//! `kentong charter merge`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::charter::{Chain, DoubleVote, UnverifiedCharter, UnverifiedNotice};

use super::super::Outcome;
use super::super::workplace::Workplace;
use super::document::{self, Document};
use super::enclosed::Enclosed;
use super::{accuse, in_words, installed, with_next_step};
use crate::charter_files;

/// Join the signatures on several copies of one charter or notice
///
/// Copies of different charters cannot be joined; a member that signed two of one round voted twice, and
/// the evidence is kept in this home. Member files in the copies are put into the new file too.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter merge MY.signed SG.signed TH.signed -o charter.txt")]
pub(in super::super) struct MergeArgs {
    /// The copies, each signed by one member or more.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write what was joined; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl MergeArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let mut charters = Vec::new();
        let mut enclosed = Enclosed::default();
        let mut notices = Vec::new();
        for path in &self.files {
            match document::read(path)? {
                Document::Notice(notice) => notices.push((path.as_path(), notice)),
                Document::Charters(several, files) => {
                    enclosed.append(files);
                    charters.extend(several.into_iter().map(|one| (path.as_path(), one)));
                }
            }
        }
        match (charters.as_slice(), notices.as_slice()) {
            (_, []) => self.charters(charters, enclosed, place),
            ([], _) => self.notices(notices, place),
            ([_, ..], [_, ..]) => {
                bail!("these are charters and notices; join each kind by itself")
            }
        }
    }

    fn charters(
        &self,
        charters: Vec<(&Path, UnverifiedCharter)>,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        // The first version is joined before anybody has installed anything.
        let is_later = charters.iter().any(|(_, one)| one.terms().version() > 1);
        let chain = if is_later {
            Some(installed(place)?)
        } else {
            None
        };
        if let Some((home, chain)) = &chain {
            let mut found: Vec<DoubleVote> = Vec::new();
            for (_, charter) in &charters {
                let more = charter_files::see(home, chain, charter)?;
                found.extend(
                    more.into_iter()
                        .filter(|vote| !found.contains(vote))
                        .collect::<Vec<_>>(),
                );
            }
            accuse(place, home, &found)?;
        }
        let mut charters = charters.into_iter();
        let Some((_, mut merged)) = charters.next() else {
            return Ok(Outcome::Nothing);
        };
        for (path, next) in charters {
            merged = merged.merge(&next).map_err(|error| again(path, &error))?;
        }
        let listed = enclosed.listed(merged.terms());
        listed.advise(place)?;
        let text = listed.behind(&merged)?;
        place.write(self.output.as_deref(), text.as_bytes())?;
        if let Some((home, chain)) = &chain {
            listed.await_version(home, chain, merged.terms(), place)?;
            place.reload_members()?;
        }
        let chain = chain.as_ref().map(|(_, chain)| chain);
        place.advise(charter_still(chain, &merged)?)?;
        Ok(Outcome::Done)
    }

    fn notices(
        &self,
        notices: Vec<(&Path, UnverifiedNotice)>,
        place: &Workplace,
    ) -> Result<Outcome> {
        let (_, chain) = installed(place)?;
        let mut notices = notices.into_iter();
        let Some((_, mut merged)) = notices.next() else {
            return Ok(Outcome::Nothing);
        };
        for (path, next) in notices {
            merged = merged
                .merge(&chain, &next)
                .map_err(|error| again(path, &error))?;
        }
        place.write(self.output.as_deref(), merged.bytes())?;
        place.advise(notice_still(&chain, &merged))?;
        Ok(Outcome::Done)
    }
}

fn again(path: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!("{}: {error}; ask for it again", path.display())
}

/// What a charter still takes to be in force. Only the first needs no chain.
pub(super) fn charter_still(chain: Option<&Chain>, charter: &UnverifiedCharter) -> Result<String> {
    let Some(chain) = chain else {
        let missing: Vec<_> = charter.missing().iter().map(ToString::to_string).collect();
        return Ok(match missing.as_slice() {
            [] => "All members have signed; put it in force with `kentong charter install`."
                .to_owned(),
            names => format!("Still to sign: {}.", names.join(", ")),
        });
    };
    let tally = chain
        .tally(charter)
        .map_err(|error| with_next_step(&error))?;
    Ok(match tally.unmet() {
        None => {
            "Enough have signed: it is in force where a node has it, and any member's `kentong \
                 charter install` passes it on."
                .to_owned()
        }
        Some(_) => in_words(&tally),
    })
}

/// What a notice still takes to be in force.
pub(super) fn notice_still(chain: &Chain, notice: &UnverifiedNotice) -> String {
    match notice.clone().verify(chain) {
        Ok(_) => {
            "It has its signatures: it is in force where a node has it, and any member's `kentong \
                 charter install` passes it on."
                .to_owned()
        }
        Err(error) => format!("Not in force yet: {error}."),
    }
}
