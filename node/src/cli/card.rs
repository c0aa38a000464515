//! `kentong card`.

use anyhow::{Result, bail};
use clap::Args;
use kentong_protocol::directory::Bundle;

use super::Outcome;
use super::charter::now;
use super::passphrase::{PassphraseArgs, Typed};
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
                                    after a move: the new file replaces the one that others have
  kentong card --next-peer > MY.card
                                    to change the node's peer id, in a week or later")]
pub(super) struct CardArgs {
    /// Say that the node is now reached here. Replaces all addresses that were said before; may be
    /// given several times, the best first.
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    /// Make the key of another peer id and announce it. The node uses it from its first start on
    /// that is at least a week later; by then the others know it.
    #[arg(long)]
    next_peer: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl CardArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let home = place.home()?;
        let file = if self.address.is_empty() && !self.next_peer {
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
            let passphrase = self.passphrase.get("the keys of this node", Typed::Once)?;
            let mut identity = Identity::open(&home, &passphrase)?;
            if !self.address.is_empty() {
                identity.move_to(&home, &self.address)?;
            }
            if self.next_peer && !identity.announce_peer(&home, now()?)? {
                place.advise("Another peer id is announced already, and not in use yet.")?;
            }
            place.reload_members()?;
            place.advise(
                "A running node passes on the new card; otherwise it does when it starts.",
            )?;
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
