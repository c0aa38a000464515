//! `kentong restore`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use kentong_keys::{MemberName, Passphrase};
use kentong_protocol::time::Timestamp;
use serde::Serialize;

use super::Outcome;
use super::passphrase::{PassphraseArgs, Typed};
use super::workplace::Workplace;
use crate::backup::{self, Verified};
use crate::home::Home;
use crate::identity::Identity;
use crate::net::Address;

/// Make a home from a backup
///
/// The whole backup is checked before anything is written. The new home has a new sealing key, and a
/// new card that names it: others get the card from the node when it connects to them. What the node
/// signed last is in no backup, so when it runs it signs nothing of its own before enough of its readers
/// have said what they hold of its feeds. What was published after the backup comes back from them.
///
/// Do not let two nodes run with the same keys: what both sign would contradict each other.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong restore /media/disk/MY.backup --home ~/kentong-MY
  kentong run --home ~/kentong-MY
  kentong status --home ~/kentong-MY      for whom it waits")]
pub(super) struct RestoreArgs {
    /// What `kentong backup` wrote.
    backup: PathBuf,
    /// Say that the node is now reached here, if it moved. May be given several times, the best
    /// first.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row<'a> {
    Restored {
        path: &'a Path,
        member: &'a MemberName,
        files: usize,
        card: u64,
    },
}

impl RestoreArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let root = place.root();
        if root.symlink_metadata().is_ok() {
            bail!(
                "{} is there already; name a folder that is not, with --home",
                root.display()
            );
        }
        Home::check_path(root)?;
        let verified = backup::verify(&self.backup)?;
        let passphrase = self.passphrase.get(
            "the keys in the backup, as it was when that was made",
            Typed::Once,
        )?;
        let unfinished = Unfinished::beside(root)?;
        let identity = self.fill(&unfinished.0, &verified, &passphrase)?;
        unfinished.place(root)?;
        let files = verified.manifest().files.len();
        if place.json() {
            place.emit(&Row::Restored {
                path: root,
                member: &identity.member,
                files,
                card: identity.card.serial(),
            })?;
            return Ok(Outcome::Done);
        }
        place.say(format_args!(
            "The home of {} is {}, from {files} files.",
            identity.member,
            root.display()
        ))?;
        place.say(format_args!(
            "Its policies, charter, cards and list of the severed are those of {}: bring them up to date \
             before it runs, or it releases by what is no longer your policy.",
            made(verified.manifest().made)
        ))?;
        place.say(format_args!(
            "It has a new sealing key, and card {} names it. The other members' nodes get the card \
             when this one connects to them; to those whom it does not reach, send the output of \
             `kentong card`.",
            identity.card.serial()
        ))?;
        place.say(
            "Next: make sure that no other node runs with these keys, then `kentong run`. The node \
             signs nothing of its own before enough of its readers have said what they hold; \
             `kentong status` says for whom it waits.",
        )?;
        Ok(Outcome::Done)
    }

    fn fill(
        &self,
        folder: &Path,
        verified: &Verified,
        passphrase: &Passphrase,
    ) -> Result<Identity> {
        let home = Home::create(folder)?;
        backup::unpack(verified, &home)?;
        let home = Home::open(folder)?;
        Ok(Identity::renew(&home, passphrase, &self.address)?)
    }
}

/// When a backup was made, for people.
fn made(seconds: u64) -> String {
    let made = Timestamp::from_seconds(seconds);
    made.map_or_else(|| "an unknown time".to_owned(), |made| made.to_string())
}

/// A home that is not whole yet. It goes away again unless it is put in its place.
struct Unfinished(PathBuf);

impl Unfinished {
    /// In the folder of the home that is to be, under a name so short that the path is no longer.
    fn beside(root: &Path) -> Result<Self> {
        let Some(parent) = root.parent() else {
            bail!(
                "{} is no place for a home; name another with --home",
                root.display()
            );
        };
        fs::create_dir_all(parent)
            .with_context(|| format!("{}: name another --home", parent.display()))?;
        let path = parent.join(format!(".{}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(anyhow!(
                "{} is in the way, left by a restore that was cut short; delete it",
                path.display()
            )),
            Err(error) => Err(anyhow!(
                "cannot create {}: {error}; check the permissions",
                path.display()
            )),
        }
    }

    fn place(self, root: &Path) -> Result<()> {
        let sync = |path: &Path| File::open(path).and_then(|folder| folder.sync_all());
        let placed = sync(&self.0)
            .and_then(|()| fs::rename(&self.0, root))
            .and_then(|()| root.parent().map_or(Ok(()), sync));
        placed.map_err(|error| {
            anyhow!(
                "cannot put the home in its place, {}: {error}; check the disk",
                root.display()
            )
        })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already if it was put in its place.
        drop(fs::remove_dir_all(&self.0));
    }
}
