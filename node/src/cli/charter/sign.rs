//! `kentong charter sign`.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::charter::{Chain, UnverifiedCharter, UnverifiedNotice};

use super::super::Outcome;
use super::super::root_key::RootKeyArgs;
use super::super::workplace::Workplace;
use super::document::{self, Document};
use super::enclosed::Enclosed;
use super::merge::{charter_still, notice_still};
use super::{accuse, in_words, installed, now, pass_on, with_next_step};
use crate::charter_files;
use crate::home::Home;

/// Sign a charter or a notice with your agency's root key
///
/// Read it first with `kentong charter show` and `kentong charter diff`, and compare its hash with
/// the other members. A signature under version 2 or later is a vote: it counts for this document
/// in this round, and a vote for another one in the same round is evidence against you. This home
/// remembers what it saw you sign and refuses the second. Its node passes on what you sign; where
/// there is none (--current), hand the signed copy to it with `kentong charter install`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed")]
pub(in super::super) struct SignArgs {
    /// The draft, or a copy that others have signed already.
    file: PathBuf,
    #[command(flatten)]
    root_key: RootKeyArgs,
    /// The charter in force, all versions of it as `kentong charter history -o` writes them, if
    /// you sign where there is no node. What was signed there before is not remembered.
    #[arg(long, value_name = "FILE")]
    current: Option<PathBuf>,
    /// Where to write what was signed; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl SignArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match document::read(&self.file)? {
            Document::Notice(notice) => self.notice(&notice, place),
            Document::Charters(charters, enclosed) => match charters.as_slice() {
                [first] if first.terms().version() == 1 => self.first(first, enclosed, place),
                [later] => self.later(later, enclosed, place),
                _ => bail!(
                    "{} holds several versions; sign the file of the one that is not in force yet",
                    self.file.display()
                ),
            },
        }
    }

    fn first(
        &self,
        charter: &UnverifiedCharter,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        let terms = charter.terms();
        let members: Vec<_> = terms.members().keys().map(ToString::to_string).collect();
        place.advise(format_args!(
            "The charter of {} with the members {}.\nIts hash, to compare with theirs by voice: {}",
            terms.federation(),
            members.join(", "),
            charter.hash()
        ))?;
        let (member, root) = self.root_key.read()?;
        let signed = charter
            .sign(&member, &root)
            .map_err(|error| self.at(&error))?;
        let listed = enclosed.listed(charter.terms());
        listed.advise(place)?;
        let text = listed.behind(&signed)?;
        place.write(self.output.as_deref(), text.as_bytes())?;
        place.advise(charter_still(None, &signed)?)?;
        Ok(Outcome::Done)
    }

    fn later(
        &self,
        charter: &UnverifiedCharter,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        let (home, chain) = self.chain(place)?;
        let tally = chain
            .may_vote(charter, now()?)
            .map_err(|error| with_next_step(&error))?;
        let terms = charter.terms();
        place.advise(format_args!(
            "Version {} of the charter of {}, round {}.\n{}\nIts hash, to compare with the others \
             by voice: {}",
            terms.version(),
            terms.federation(),
            terms.round(),
            in_words(&tally),
            charter.hash()
        ))?;
        let (member, root) = self.root_key.read()?;
        if let Some(home) = &home {
            let seen = charter_files::ballots(home)?;
            if let Some(other) = seen.other_vote(&member, charter) {
                bail!(
                    "{member} signed another charter of version {} in round {} ({other}), and a \
                     second vote would be evidence against it; have this one drafted with --round \
                     {}",
                    terms.version(),
                    terms.round(),
                    terms.round().saturating_add(1)
                );
            }
        }
        let signed = charter
            .sign(&member, &root)
            .map_err(|error| self.at(&error))?;
        let listed = enclosed.listed(charter.terms());
        listed.advise(place)?;
        if let Some(home) = &home {
            // Before the vote that may put the version in force.
            listed.await_version(home, &chain, charter.terms(), place)?;
            // Before it is handed out: a vote that is not remembered could be cast again.
            let (_, found) = charter_files::take(home, &mut chain.clone(), vec![signed.clone()])?;
            accuse(place, home, &found)?;
        }
        let told = Self::tell(home.as_ref(), place);
        let text = listed.behind(&signed)?;
        place.write(self.output.as_deref(), text.as_bytes())?;
        told?;
        place.advise(charter_still(Some(&chain), &signed)?)?;
        Ok(Outcome::Done)
    }

    fn notice(&self, notice: &UnverifiedNotice, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = self.chain(place)?;
        place.advise(super::show::notice_in_words(notice))?;
        let (member, root) = self.root_key.read()?;
        let signed = notice
            .sign(&chain, &member, &root)
            .map_err(|error| self.at(&error))?;
        if let Some(home) = &home {
            pass_on(home, &signed)?;
        }
        let told = Self::tell(home.as_ref(), place);
        place.write(self.output.as_deref(), signed.bytes())?;
        told?;
        place.advise(notice_still(&chain, &signed))?;
        Ok(Outcome::Done)
    }

    /// Has the node read what was signed, if there is one. A node that does not answer keeps nobody from
    /// the copy that was signed: that is written before it is complained of.
    fn tell(home: Option<&Home>, place: &Workplace) -> Result<()> {
        home.map_or(Ok(()), |_| place.reload_members())
    }

    /// The charter in force, and the home that remembers votes, if there is one.
    fn chain(&self, place: &Workplace) -> Result<(Option<Home>, Chain)> {
        let Some(path) = &self.current else {
            let (home, chain) = installed(place)?;
            return Ok((Some(home), chain));
        };
        Ok((None, document::chain(path)?))
    }

    fn at(&self, error: &dyn std::fmt::Display) -> anyhow::Error {
        anyhow!(
            "{}: {error}; see it with `kentong charter show`",
            self.file.display()
        )
    }
}
