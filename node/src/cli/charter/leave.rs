//! `kentong charter leave`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use kentong_protocol::charter::{Says, UnverifiedNotice};

use super::super::Outcome;
use super::super::root_key::RootKeyArgs;
use super::super::workplace::Workplace;
use super::{installed, now};
use crate::charter_files;

/// Leave the federation
///
/// Takes nobody else's word. A running node tells those it is connected to, who tell the others, and
/// then no longer speaks to anybody, nor do they speak to it. It holds whatever versions of the charter follow;
/// the next one takes your name off the list. To come back, be admitted again.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong charter leave --root-key /media/stick/root.key -o MY.leaves
If no node runs, give the file to another member to install.")]
pub(in super::super) struct LeaveArgs {
    #[command(flatten)]
    root_key: RootKeyArgs,
    /// Where to write the notice for the other members; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl LeaveArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = installed(place)?;
        let (member, root) = self.root_key.read()?;
        let notice =
            UnverifiedNotice::draft(chain.in_force(), member.clone(), Says::Leaves, now()?)
                .and_then(|notice| notice.sign(&chain, &member, &root));
        let notice = notice.map_err(|error| anyhow!("{error}; see `kentong charter show`"))?;
        let verified = notice
            .clone()
            .verify(&chain)
            .map_err(|error| anyhow!("{error}; see `kentong charter show`"))?;
        // Before it is handed out: where it could not be kept nobody has left.
        charter_files::keep_notice(&home, &chain, verified)?;
        let told = place.reload_members();
        place.write(self.output.as_deref(), notice.bytes())?;
        place.advise(format_args!(
            "{member} has left {}. This node tells those it is connected to, which tell the others; \
             if it does not run, one other member installs the notice with `kentong charter install`.",
            chain.in_force().federation()
        ))?;
        told?;
        Ok(Outcome::Done)
    }
}
