//! `kentong init`.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use kentong_keys::{MemberName, Passphrase};
use kentong_protocol::policy::DEFAULT_FILES;
use serde::Serialize;

use super::Outcome;
use super::passphrase::{PassphraseArgs, RootPassphraseArgs, Typed};
use super::workplace::Workplace;
use crate::config::Config;
use crate::home::Home;
use crate::identity::{Identity, RootFile};
use crate::log::{self, Log};
use crate::net::Address;
use crate::signer::Signer;
use crate::whole_file;

/// Make the home of a new node
///
/// Creates the folder with new keys under a passphrase, a policy to begin with, which shares
/// little, and a configuration. Nothing is sent anywhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong init --member MY --name \"Malaysia\" \\
      --listen /ip4/0.0.0.0/udp/4747/quic-v1 --address /dns/kentong.example/udp/4747/quic-v1

Next: move the root key file to a stick, and send the output of `kentong card` to the others.")]
pub(super) struct InitArgs {
    /// The short name of your agency: capitals, digits and a hyphen, as in MY or PH-CICC.
    #[arg(long, value_name = "NAME")]
    member: MemberName,
    /// The name for people. Otherwise the short one.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the node is to listen for others. May be given several times, as for TCP besides:
    /// /ip4/0.0.0.0/tcp/4747 serves those whose networks let no UDP through.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,
    /// Where others reach the node, if it is another address than it listens on, as behind a
    /// router. May be given several times, the best first.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    /// Where to write the root key, which signs for your agency. Otherwise root.key in the home.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    root_passphrase: RootPassphraseArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Row<'a> {
    Home {
        path: &'a Path,
        member: &'a MemberName,
        root_key: &'a Path,
    },
}

impl InitArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let root_key = match &self.root_key {
            Some(path) => std::path::absolute(path)?,
            None => place.root().join("root.key"),
        };
        let is_home = place
            .root()
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some());
        if is_home {
            bail!(
                "{} is not empty; name another folder with --home",
                place.root().display()
            );
        }
        if root_key.symlink_metadata().is_ok() {
            bail!(
                "{} is there already; name another file with --root-key",
                root_key.display()
            );
        }
        let passphrase = self.passphrase.get("the keys of the node", Typed::Twice)?;
        let own = self.root_passphrase.get(&self.passphrase)?;
        let root_file = RootFile {
            path: &root_key,
            passphrase: own.as_ref().unwrap_or(&passphrase),
        };
        let home = Home::create(place.root())?;
        if let Err(error) = self.fill(&home, &passphrase, root_file) {
            // A home without its keys is none, and all that lies in it was made just now.
            drop(std::fs::remove_dir_all(home.root()));
            return Err(error);
        }
        if place.json() {
            let row = Row::Home {
                path: home.root(),
                member: &self.member,
                root_key: &root_key,
            };
            place.emit(&row)?;
            return Ok(Outcome::Done);
        }
        place.say(format_args!(
            "The home of {} is {}.",
            self.member,
            home.root().display()
        ))?;
        place.say(format_args!(
            "The root key is {}. Move it to a stick and keep that in a safe: it signs charters, \
             and anyone who has it and its passphrase is {}.",
            root_key.display(),
            self.member
        ))?;
        place.say(match own {
            Some(_) => "Its passphrase is its own: do not keep that where the node is.",
            None => {
                "Its passphrase is that of the node: anyone who reads both has the agency. \
                 --root-passphrase-file gives it one of its own."
            }
        })?;
        place.say("Next: `kentong card` prints what the other members need from you.")?;
        Ok(Outcome::Done)
    }

    fn fill(&self, home: &Home, passphrase: &Passphrase, root_file: RootFile<'_>) -> Result<()> {
        let name = self.name.as_deref().unwrap_or(self.member.as_str());
        let dialable = self
            .listen
            .iter()
            .filter(|address| address.is_dialable())
            .cloned();
        let addresses = if self.address.is_empty() {
            dialable.collect()
        } else {
            self.address.clone()
        };
        for (name, text) in DEFAULT_FILES {
            write_private(&home.policy().join(name), text)?;
        }
        write_private(&home.config(), &Config::first(&self.member, &self.listen))?;
        drop(Log::open(
            &home.log(),
            log::Options {
                create: true,
                ..log::Options::default()
            },
        )?);
        drop(Signer::create(&home.signer_state())?);
        // Last, so that no root key is left behind by a failure before it.
        Identity::create(home, passphrase, &self.member, name, root_file, &addresses)?;
        Ok(())
    }
}

/// Writes a new file that only its owner may read, durably.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let written = whole_file::create(path, text.as_bytes());
    written.map_err(|error| anyhow!("cannot write {}: {error}; check the disk", path.display()))
}
