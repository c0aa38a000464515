//! `kentong recover`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use kentong_keys::{Digest, GoAhead, GoAheadTerms, MemberName};

use super::Outcome;
use super::root_key::RootKeyArgs;
use super::workplace::{Workplace, read_foreign};
use crate::control::reply::{Recovery, Reply};
use crate::control::request::Request;

/// Let a restored node resume signing without waiting for every member
///
/// A node that does not know what it signed last waits for its readers to say so, and fetches from
/// them what it lost. `kentong status` says for whom it waits. Where some of them will not come back, the
/// root key can say: go on by what was found.
///
/// The danger: what only those hold who have not answered stays unknown until they come. It is not in your
/// answers, and you cannot withdraw it before. No feed gets two histories by it: feeds of which not all
/// readers have answered end, and go on in new ones. If what was published before comes back later, what you
/// said meanwhile of the same indicators is said again, as the later word by the clock of this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong recover draft -o MY.draft
  kentong recover sign MY.draft --root-key /media/stick/root.key -o MY.go-ahead
  kentong recover install MY.go-ahead")]
pub(super) struct RecoverArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Draft(DraftArgs),
    Sign(SignArgs),
    Install(InstallArgs),
}

/// Write what the root key is to sign
///
/// It holds for the recovery that the running node is in, and for no other.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong recover draft -o MY.draft")]
struct DraftArgs {
    /// Where to write it; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Sign it with your agency's root key, on whatever machine that is used
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong recover sign MY.draft --root-key /media/stick/root.key -o MY.go-ahead")]
struct SignArgs {
    /// The file that `kentong recover draft` wrote.
    file: PathBuf,
    /// Where to write the go-ahead; otherwise to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    root_key: RootKeyArgs,
}

/// Give the go-ahead to the running node
///
/// It resumes signing at once. This cannot be undone.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong recover install MY.go-ahead")]
struct InstallArgs {
    /// The file that `kentong recover sign` wrote.
    file: PathBuf,
}

impl RecoverArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        match self.what {
            What::Draft(args) => args.run(place),
            What::Sign(args) => args.run(place),
            What::Install(args) => args.run(place),
        }
    }
}

impl DraftArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let (rows, _) = place.ask(Request::Status)?;
        let Some(Reply::Status(status)) = rows.first() else {
            bail!("the node did not say how it is; is it of the same release as this program?");
        };
        let Some(recovery) = &status.recovery else {
            bail!("this node is not waiting for a go-ahead; see `kentong status`");
        };
        let member = status.member.parse::<MemberName>()?;
        let text = terms(member, recovery)?.text();
        place.write(self.output.as_deref(), text.as_bytes())?;
        let silent: Vec<_> = recovery
            .waits
            .iter()
            .flat_map(|wait| &wait.silent)
            .collect();
        if silent.is_empty() {
            place.advise(
                "This node is not waiting for anybody; `kentong status` says what is to come.",
            )?;
        }
        place.advise(
            "Next: `kentong recover sign` where the root key is, then `kentong recover install` here.",
        )?;
        Ok(Outcome::Done)
    }
}

fn terms(member: MemberName, recovery: &Recovery) -> Result<GoAheadTerms> {
    let Some(id) = &recovery.id else {
        bail!("this node is not waiting for anybody; see `kentong status`");
    };
    let federation = recovery.federation.as_deref().and_then(Digest::from_hex);
    let Some(federation) = federation else {
        bail!(
            "no charter is installed, so nobody could be asked; see `kentong charter install --help`"
        );
    };
    Ok(GoAheadTerms {
        member,
        federation,
        recovery: id.parse()?,
        issued: super::charter::now()?.seconds(),
    })
}

impl SignArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let draft = read_foreign(&self.file, GoAhead::MAX_LEN)?;
        let text = String::from_utf8_lossy(&draft);
        let terms = GoAheadTerms::read(&text).map_err(|error| {
            anyhow!(
                "{}: {error}; `kentong recover draft` writes what is to be signed",
                self.file.display()
            )
        })?;
        place.advise(format_args!(
            "The node of {} will resume signing by what it has found, without those who have not answered. See `kentong \
             recover --help` for the danger.",
            terms.member
        ))?;
        let root = self.root_key.read_for(&terms.member)?;
        let signed = GoAhead::issue(terms, &root).context("the go-ahead cannot be signed")?;
        place.write(self.output.as_deref(), signed.note().bytes())?;
        Ok(Outcome::Done)
    }
}

impl InstallArgs {
    fn run(self, place: &Workplace) -> Result<Outcome> {
        let note = read_foreign(&self.file, GoAhead::MAX_LEN)?;
        let note = String::from_utf8(note).map_err(|_| {
            anyhow!(
                "{} is not text; name the file that `kentong recover sign` wrote",
                self.file.display()
            )
        })?;
        let (_, done) = place.ask(Request::GoAhead { note })?;
        if place.json() {
            place.emit_all(&[], done)?;
        } else {
            place.say("The node resumes signing. `kentong status` says which feeds ended and which follow them.")?;
        }
        Ok(Outcome::Done)
    }
}
