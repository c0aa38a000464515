//! `kentong charter install`.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::charter::{
    Chain, ChainError, Paper, Step, Terms, UnverifiedCharter, UnverifiedNotice,
};
use kentong_protocol::directory::Bundle;

use super::super::Outcome;
use super::super::workplace::{Workplace, read_foreign};
use super::document::{self, Document};
use super::enclosed::Enclosed;
use super::{accuse, installed, now, show, with_next_step};
use crate::charter_files;
use crate::home::Home;
use crate::member_file;
use crate::turn::Wait;

/// Put a charter in force at this node, or a notice on it
///
/// All members of a first charter must have signed it, and this node's member must be one of them.
/// A later version follows the one in force here, with the votes that it takes; a new member
/// installs all versions at once. A notice says that a member leaves or is suspended. The node
/// passes on to the other members' what it did not have; what still takes signatures is kept and
/// passed on too.
///
/// Member files in it are checked against the root keys that the charter gives, and kept where they are newer
/// than what is here. The answer names the members whose files are missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong charter install charter.txt
  kentong charter install all.txt       what `kentong charter history -o all.txt` wrote elsewhere
  kentong charter install TH.suspended")]
pub(in super::super) struct InstallArgs {
    /// The charter, several versions of it, or a notice, with all signatures.
    file: PathBuf,
    /// This home takes the place of one that was lost: the charter lists the root key that is to sign
    /// its next warrant, and not the one that `kentong init` made. See `kentong warrant --help`.
    #[arg(long)]
    lost_home: bool,
}

impl InstallArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        match document::read(&self.file)? {
            Document::Notice(notice) => self.notice(notice, place),
            Document::Charters(charters, enclosed) => match charter_files::chain(&home)? {
                None => self.first(&home, charters, enclosed, place),
                Some(chain) => self.next(&home, chain, charters, enclosed, place),
            },
        }
    }

    /// Begins the chain of this home, with one version or with all of them.
    fn first(
        &self,
        home: &Home,
        mut charters: Vec<UnverifiedCharter>,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        let last = charters
            .last()
            .ok_or_else(|| self.at(&"it is empty; ask for it again"))?;
        let own = own(home, place)?;
        let listed = last.terms().member(own.member()).is_some();
        if !(self.lost_home && listed) {
            check_own(last.terms(), &own).map_err(|error| self.at(&error))?;
        }
        let first = charters.remove(0);
        if first.terms().version() != 1 {
            bail!(
                "{}: it begins with version {}, and this node has no charter yet; ask a member for \
                 the file with all versions, which `kentong charter history -o FILE` writes",
                self.file.display(),
                first.terms().version()
            );
        }
        let mut chain = Chain::begin(first.bytes()).map_err(|error| {
            self.at(&format_args!(
                "{error}; if signatures are missing, `kentong charter merge` joins them, otherwise ask for the file again"
            ))
        })?;
        // All or nothing: with some of the versions only, this node's member may not be listed.
        for next in charters {
            chain
                .offer(next)
                .map_err(|error| self.at(&with_next_step(&error)))?;
        }
        charter_files::begin_chain(home, &chain)?;
        self.say(home, &chain, &own, enclosed, place)
    }

    fn next(
        &self,
        home: &Home,
        mut chain: Chain,
        charters: Vec<UnverifiedCharter>,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        let before = chain.clone();
        let current = before.in_force();
        let first = charters.first();
        let nonce = first.map(|first| first.terms().nonce());
        if nonce.is_some_and(|nonce| nonce != current.terms().nonce()) {
            let federation =
                first.map_or_else(String::new, |first| first.terms().federation().to_string());
            bail!(
                "this node belongs to the federation {} already ({}); make another home for \
                 {federation}",
                current.federation(),
                current.id(),
            );
        }
        let own = own(home, place)?;
        let last = charters.last().map(|last| last.terms().clone());
        let (step, found) = charter_files::take(home, &mut chain, charters)?;
        accuse(place, home, &found)?;
        if step.is_err() {
            // The votes on it are kept, and for the node to pass on.
            place.reload_members()?;
        }
        if let (Err(error @ ChainError::TooFew { .. }), Some(terms)) = (&step, last) {
            let listed = enclosed.listed(&terms);
            listed.advise(place)?;
            listed.await_version(home, &chain, &terms, place)?;
            return Err(self.at(&with_next_step(error)));
        }
        let step = step.map_err(|error| self.at(&with_next_step(&error)))?;
        if step == Step::EarlierRound {
            bail!(
                "{}: a charter of a later round is in force here; see `kentong charter history`",
                self.file.display()
            );
        }
        let outcome = self.say(home, &chain, &own, enclosed, place)?;
        if let Err(error) = check_own(chain.in_force().terms(), &own) {
            place.advise(format_args!(
                "By this version the node speaks to nobody: {error}."
            ))?;
        }
        Ok(outcome)
    }

    fn notice(&self, notice: UnverifiedNotice, place: &Workplace) -> Result<Outcome> {
        let (home, _) = installed(place)?;
        let words = show::notice_in_words(&notice);
        let hash = notice.hash().to_string();
        let notice = Paper::Notice(Box::new(notice));
        let taken = charter_files::take_paper(&home, notice, now()?, Wait::ASecond)?;
        place.reload_members()?;
        if let Some(why) = taken.waits {
            let next = if taken.news {
                "its signatures are kept here and passed on"
            } else {
                "ask for it again, or see `kentong charter votes`"
            };
            return Err(self.at(&format_args!("{why}; {next}")));
        }
        let news = taken.news;
        if place.json() {
            let row = serde_json::json!({ "hash": hash, "news": news });
            place.emit(&serde_json::json!({ "noticed": row }))?;
        } else if news {
            place.say(words)?;
        } else {
            place.say("Nothing new: it is known here, or a later version has settled it.")?;
        }
        Ok(Outcome::Done)
    }

    /// Keeps the member files that came with the charter, and says what is there now.
    fn say(
        &self,
        home: &Home,
        chain: &Chain,
        own: &Bundle,
        enclosed: Enclosed,
        place: &Workplace,
    ) -> Result<Outcome> {
        let charter = chain.in_force();
        let files = enclosed.listed(charter.terms());
        let files = files.take(home, own.member(), charter)?;
        if place.json() {
            let (federation, id) = (charter.federation(), charter.id().to_string());
            let version = charter.version();
            let charter = serde_json::json!({
                "federation": federation, "id": id, "version": version,
                "member_files": files.for_programs(),
            });
            place.emit(&serde_json::json!({ "installed": charter }))?;
        } else {
            let count = charter.members().len();
            let which = match charter.version() {
                1 => String::new(),
                version => format!(", version {version},"),
            };
            place.say(format_args!(
                "The charter of {}{which} with {count} members is in force here.",
                charter.federation()
            ))?;
            files.say(place)?;
        }
        place.reload_members()?;
        Ok(Outcome::Done)
    }

    fn at(&self, error: &dyn std::fmt::Display) -> anyhow::Error {
        anyhow!("{}: {error}", self.file.display())
    }
}

/// What this node's own file says of its member.
fn own(home: &Home, place: &Workplace) -> Result<Bundle> {
    let Some(me) = place.config()?.member else {
        bail!("config.toml does not say whose node this is; write `member = \"…\"` there");
    };
    let own: PathBuf = member_file::path(&home.members(), &me);
    Bundle::parse(&read_foreign(&own, Bundle::MAX_LEN)?)
        .map_err(|error| anyhow!("{}: {error}; put it back from your backup", own.display()))
}

/// The charter must know this node's member by the root key that its own file names.
fn check_own(terms: &Terms, own: &Bundle) -> Result<()> {
    let me: &MemberName = own.member();
    match terms.member(me) {
        None => bail!("{me} is not a member by it; ask for a charter that lists your card"),
        Some(listed) if listed.root() != own.root() => bail!(
            "it lists another root key for {me}; ask for a charter that lists your card of today, or \
             say --lost-home if this home takes the place of one that was lost"
        ),
        Some(_) => Ok(()),
    }
}
