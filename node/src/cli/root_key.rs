//! The root key, where a command signs with it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use kentong_keys::{MemberName, SigningKey, read_root};

use super::passphrase::{PassphraseArgs, Typed};

/// Which root key signs, and what opens it.
#[derive(Debug, Args)]
pub(super) struct RootKeyArgs {
    /// The file with your root key, which `kentong init` made.
    #[arg(long, value_name = "FILE")]
    root_key: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl RootKeyArgs {
    /// Opens the key, which must be that of the member for whom a draft is.
    pub(super) fn read_for(&self, member: &MemberName) -> Result<SigningKey> {
        let (whose, root) = self.read()?;
        if whose != *member {
            bail!(
                "{} is the root key of {whose}, and the draft is for {member}; name the right one",
                self.root_key.display()
            );
        }
        Ok(root)
    }

    /// Opens the key; answers whose it is.
    pub(super) fn read(&self) -> Result<(MemberName, SigningKey)> {
        let passphrase = self.passphrase.get("the root key", Typed::Once)?;
        Ok(read_root(&self.root_key, &passphrase)?)
    }
}
