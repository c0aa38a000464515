//! `kentong charter suspend`.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::charter::{MAX_SUSPENSION, Says, UnverifiedNotice};
use kentong_protocol::time::Timestamp;

use super::super::Outcome;
use super::super::fields::moment;
use super::super::root_key::RootKeyArgs;
use super::super::workplace::Workplace;
use super::merge::notice_still;
use super::{installed, now, pass_on};

/// Suspend a member at once, for at most 72 hours
///
/// For an emergency, as when a member's node was broken into. It takes as many of the other members
/// as the charter says, by default a third; the one who is suspended has no say. It ends by itself
/// at the time given, or with the next version of the charter, which decides whether the member
/// stays. To stop speaking to a member at your own node alone, see `kentong peers sever`.
#[derive(Debug, Args)]
#[command(after_help = "\
From one member's word to a suspension:
  kentong charter suspend TH --root-key /media/stick/root.key -o MY.suspends   one member
  kentong charter votes                          what waits for signatures, at the others
  kentong charter votes 5cb1 -o TH.suspends      as many of them as it takes
  kentong charter sign TH.suspends --root-key /media/stick/root.key -o SG.suspends
It is in force at every node as soon as enough have signed.")]
pub(in super::super) struct SuspendArgs {
    /// The member, as in TH.
    #[arg(value_name = "MEMBER")]
    member: MemberName,
    /// When it ends, as in 2026-01-31T12:00:00Z; otherwise after 72 hours.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    #[command(flatten)]
    root_key: RootKeyArgs,
    /// Where to write the notice for others to sign; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl SuspendArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (home, chain) = installed(place)?;
        let from = now()?;
        let until = self.until.unwrap_or_else(|| from.plus(MAX_SUSPENSION));
        let says = Says::Suspended { until };
        let notice = UnverifiedNotice::draft(chain.in_force(), self.member.clone(), says, from)
            .map_err(|error| anyhow!("{error}; correct what was given"))?;
        let (member, root) = self.root_key.read()?;
        let notice = notice
            .sign(&chain, &member, &root)
            .map_err(|error| anyhow!("{error}; see `kentong charter show`"))?;
        pass_on(&home, &notice)?;
        let told = place.reload_members();
        place.write(self.output.as_deref(), notice.bytes())?;
        told?;
        place.advise(notice_still(&chain, &notice))?;
        Ok(Outcome::Done)
    }
}
