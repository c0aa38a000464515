//! The root key, where a command signs with it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use kentong_keys::{MemberName, SigningKey, read_root};

use super::passphrase::{Asked, PassphraseArgs};

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
    /// The file that was named.
    pub(super) fn path(&self) -> &Path {
        &self.root_key
    }

    /// Opens the key; answers whose it is.
    pub(super) fn read(&self) -> Result<(MemberName, SigningKey)> {
        let passphrase = self.passphrase.get("the root key", Asked::Once)?;
        Ok(read_root(&self.root_key, &passphrase)?)
    }
}
