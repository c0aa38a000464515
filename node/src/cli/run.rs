//! `kentong run`.

use anyhow::Result;
use clap::Args;
use kentong_keys::Keyring;

use super::Outcome;
use super::passphrase::{PassphraseArgs, Typed};
use super::workplace::Workplace;
use crate::identity::Identity;
use crate::net::{self, Address};
use crate::{runtime, telemetry};

/// Run the node
///
/// Stays in the foreground, writes its log to standard error, and ends in good order on Ctrl-C,
/// on SIGTERM, or by `kentong stop`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong run
  kentong run --passphrase-file /run/keys/kentong --listen /ip4/0.0.0.0/udp/4747/quic-v1")]
pub(super) struct RunArgs {
    /// Where to listen, instead of what the configuration says. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl RunArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        net::refuse_key_logging(std::env::var_os(net::KEY_LOG_VARIABLE).as_deref())?;
        let home = place.home()?;
        let config = place.config()?;
        telemetry::start(config.log.as_deref())?;
        let lock = home.lock()?;
        Keyring::sweep(&home.keys())?;
        let passphrase = self.passphrase.get("the keys of this node", Typed::Once)?;
        let identity = Identity::open(&home, &passphrase)?;
        drop(passphrase);
        let listen = if self.listen.is_empty() {
            config.listen
        } else {
            self.listen
        };
        let settings = runtime::Settings {
            home,
            identity,
            listen,
            red_readers: config.red_readers,
        };
        runtime::run(settings, lock)?;
        Ok(Outcome::Done)
    }
}
