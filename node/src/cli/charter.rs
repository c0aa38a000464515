//! `kentong charter`.

mod draft;
mod install;
mod show;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use kentong_keys::read_root;
use kentong_protocol::charter::{MAX_CHARTER, UnverifiedCharter};

use super::Outcome;
use super::passphrase::{Asked, PassphraseArgs};
use super::workplace::{Workplace, read_foreign};

/// Draft, sign, install or show the charter
///
/// The charter says who belongs to the federation and by which keys they are known. All of its
/// members sign it; nobody can be put in between, and no one member decides alone.
#[derive(Debug, Args)]
#[command(after_help = "\
From cards to a federation:
  kentong charter draft --federation ASEAN MY.card SG.card -o draft    one member, once
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed   every member
  kentong charter merge MY.signed SG.signed -o charter.txt             one member
  kentong charter install charter.txt                                  every member")]
pub(super) struct CharterArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Draft(draft::DraftArgs),
    Sign(SignArgs),
    Merge(MergeArgs),
    Install(install::InstallArgs),
    Show(show::ShowArgs),
}

/// Sign a charter with your agency's root key
///
/// Read it first with `kentong charter show`, and compare its hash with the other members.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter sign draft --root-key /media/stick/root.key -o MY.signed")]
struct SignArgs {
    /// The draft, or a copy that others have signed already.
    file: PathBuf,
    /// The file with your root key, which `kentong init` made.
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// Where to write the signed charter; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Join the signatures on several copies of one charter
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter merge MY.signed SG.signed TH.signed -o charter.txt")]
struct MergeArgs {
    /// The copies, each signed by one member or more.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write the charter; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl CharterArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            What::Draft(args) => args.run(place),
            What::Sign(args) => args.run(place),
            What::Merge(args) => args.run(place),
            What::Install(args) => args.run(place),
            What::Show(args) => args.run(place),
        }
    }
}

impl SignArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let charter = read(&self.file)?;
        let terms = charter.terms();
        let members: Vec<_> = terms.members().keys().map(ToString::to_string).collect();
        place.advise(format_args!(
            "The charter of {} with the members {}.\nIts hash, to compare with theirs by voice: {}",
            terms.federation(),
            members.join(", "),
            charter.hash()
        ))?;
        let passphrase = self.passphrase.get("the root key", Asked::Once)?;
        let (member, root) = read_root(&self.root_key, &passphrase)?;
        let signed = charter.sign(&member, &root).map_err(|error| {
            anyhow!(
                "{}: {error}; see it with `kentong charter show`",
                self.file.display()
            )
        })?;
        place.write(self.output.as_deref(), signed.bytes())?;
        place.advise(still_to_sign(&signed))?;
        Ok(Outcome::Done)
    }
}

impl MergeArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let mut merged: Option<UnverifiedCharter> = None;
        for path in &self.files {
            let next = read(path)?;
            merged = Some(match merged {
                None => next,
                Some(before) => before
                    .merge(&next)
                    .map_err(|error| anyhow!("{}: {error}; ask for it again", path.display()))?,
            });
        }
        if let Some(merged) = merged {
            place.write(self.output.as_deref(), merged.bytes())?;
            place.advise(still_to_sign(&merged))?;
        }
        Ok(Outcome::Done)
    }
}

fn read(path: &Path) -> Result<UnverifiedCharter> {
    let bytes = read_foreign(path, MAX_CHARTER)?;
    UnverifiedCharter::parse(&bytes)
        .map_err(|error| anyhow!("{}: {error}; ask for it again", path.display()))
}

fn still_to_sign(charter: &UnverifiedCharter) -> String {
    let missing: Vec<_> = charter.missing().iter().map(ToString::to_string).collect();
    match missing.as_slice() {
        [] => "All members have signed; put it in force with `kentong charter install`.".to_owned(),
        names => format!("Still to sign: {}.", names.join(", ")),
    }
}
