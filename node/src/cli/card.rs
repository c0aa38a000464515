//! `kentong card`.

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::directory::Bundle;

use super::Outcome;
use super::passphrase::{Asked, PassphraseArgs};
use super::workplace::{Workplace, read_foreign};
use crate::identity::Identity;
use crate::member_file;
use crate::net::Address;

/// Print what the other members need from you
///
/// Your name, your public keys and the addresses of your node, signed. Nothing in it is secret,
/// but compare the root key with the others by voice or in person before a charter is signed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong card > MY.card
  kentong card --address /dns/kentong.example/udp/4747/quic-v1 > MY.card
                                    after a move: the new file replaces the one that others have")]
pub(super) struct CardArgs {
    /// Say that the node is now reached here. Replaces all addresses that were said before; may be
    /// given several times, the best first.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl CardArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let file = if self.address.is_empty() {
            let Some(member) = place.config()?.member else {
                bail!(
                    "{} does not say whose node this is; write the line `member = \"…\"` there",
                    home.config().display()
                );
            };
            read_foreign(
                &member_file::path(&home.members(), &member),
                Bundle::MAX_LEN,
            )?
        } else {
            let passphrase = self.passphrase.get("the keys of this node", Asked::Once)?;
            let mut identity = Identity::open(&home, &passphrase)?;
            identity.move_to(&home, &self.address)?;
            place.advise("A running node uses and passes on the new card when it is restarted.")?;
            identity.bundle()?.encode().into_bytes()
        };
        if place.json() {
            let text = String::from_utf8_lossy(&file);
            place.emit(&serde_json::json!({ "card": { "text": text } }))?;
        } else {
            place.write(None, &file)?;
        }
        Ok(Outcome::Done)
    }
}
