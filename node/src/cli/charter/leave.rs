//! `kentong charter leave`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use kentong_keys::read_root;
use kentong_protocol::charter::{Says, UnverifiedNotice};

use super::super::Outcome;
use super::super::passphrase::{Asked, PassphraseArgs};
use super::super::workplace::Workplace;
use super::{installed, now};
use crate::charter_files;

/// Leave the federation
///
/// Takes nobody else's word. From then on this node speaks to no other, and the others speak to it
/// no more once they have installed the notice. It holds whatever versions of the charter follow;
/// the next one takes your name off the list. Whoever wants to come back is admitted anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter leave --root-key /media/stick/root.key -o MY.leaves
                                     then give the file to the other members to install")]
pub(in super::super) struct LeaveArgs {
    /// The file with your root key, which `kentong init` made.
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    /// Where to write the notice for the other members; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl LeaveArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = installed(place)?;
        let passphrase = self.passphrase.get("the root key", Asked::Once)?;
        let (member, root) = read_root(&self.root_key, &passphrase)?;
        let notice =
            UnverifiedNotice::draft(chain.in_force(), member.clone(), Says::Leaves, now()?)
                .and_then(|notice| notice.sign(&chain, &member, &root));
        let notice = notice.map_err(|error| anyhow!("{error}; see `kentong charter show`"))?;
        place.write(self.output.as_deref(), notice.bytes())?;
        let notice = notice
            .verify(&chain)
            .map_err(|error| anyhow!("{error}; see `kentong charter show`"))?;
        charter_files::keep_notice(&home, &chain, notice)?;
        place.advise(format_args!(
            "{member} has left {}. This node tells those it is connected to, which tell the others; \
             if it does not run, one other member installs the notice with `kentong charter install`.",
            chain.in_force().federation()
        ))?;
        place.reload_members()?;
        Ok(Outcome::Done)
    }
}
