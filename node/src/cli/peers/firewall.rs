//! `kentong peers firewall`.

use std::fmt;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use kentong_protocol::directory::Directory;

use super::super::Outcome;
use super::super::workplace::Workplace;
use super::packet_filter::{Filter, Whereabouts};
use super::{charter_of, held};
use crate::net::{Address, Transport};

/// Print packet filter rules that let only members reach the node
///
/// A stranger is turned away by the node itself, but only after a handshake, which costs time; these
/// rules have the system turn it away before. They are made from the charter, the members' cards
/// and `listen` in the configuration, whether the node runs or not, and concern no other port of
/// this machine. Nothing is put in force: read them, and load them as the first line of the output
/// says. Do so again whenever a member's card changes.
///
/// Host names on cards stand in comments: resolve them by hand. A member who comes from another
/// address than its card says, as from behind a router, is shut out; it is still called.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong peers firewall > kentong.nft
  kentong peers firewall --format iptables > kentong-firewall.sh")]
pub(super) struct FirewallArgs {
    /// For which program.
    #[arg(long, value_enum, default_value_t = Format::Nft)]
    format: Format,
}

/// A program that filters packets.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// nftables: a file for nft -f
    Nft,
    /// iptables and ip6tables: a script for sh
    Iptables,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nft => "nft",
            Self::Iptables => "iptables",
        })
    }
}

impl FirewallArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let filter = filter(place)?;
        for whereabouts in &filter.members {
            if !whereabouts.is_known() {
                place.advise(format_args!(
                    "No address of {} is known, so these rules shut it out.",
                    whereabouts.member
                ))?;
            }
        }
        let text = match self.format {
            Format::Nft => filter.nft(),
            Format::Iptables => filter.iptables(),
        };
        if place.json() {
            let format = self.format.to_string();
            place.emit(&serde_json::json!({ "firewall": { "format": format, "rules": text } }))?;
        } else {
            place.write(None, text.as_bytes())?;
        }
        Ok(Outcome::Done)
    }
}

fn filter(place: &Workplace) -> Result<Filter> {
    let home = place.home()?;
    let config = place.config()?;
    let Some(charter) = charter_of(&home)? else {
        bail!("without a charter nobody is a member; install one with `kentong charter install`");
    };
    if config.listen.is_empty() {
        bail!(
            "this node listens nowhere, so there is nothing to guard; name an address after \
             `listen` in {} if it should",
            home.config().display()
        );
    }
    if let Some(address) = config.listen.iter().find(|address| address.port() == 0) {
        bail!(
            "{address} leaves the port to the system, so no rule can name it; write a port in {}",
            home.config().display()
        );
    }
    let mut directory = Directory::new(charter);
    let names: Vec<_> = directory.charter().members().keys().cloned().collect();
    let mut members = Vec::new();
    for member in names {
        if Some(&member) == config.member.as_ref() {
            continue;
        }
        if let Some(bundle) = held(&home, &member)
            && let Err(error) = directory.offer_bundle(&bundle)
        {
            place.advise(format_args!("The card of {member} is not used: {error}."))?;
        }
        let card = directory
            .member(&member)
            .and_then(|standing| standing.card());
        let addresses = card.map(|card| card.addresses()).unwrap_or_default();
        let addresses: Vec<Address> = addresses
            .iter()
            .filter_map(|text| text.as_str().parse().ok())
            .collect();
        members.push(Whereabouts::of(member, &addresses));
    }
    let ports = |transport| {
        let over = config
            .listen
            .iter()
            .filter(move |a| a.transport() == transport);
        over.map(Address::port).collect()
    };
    Ok(Filter {
        udp: ports(Transport::Quic),
        tcp: ports(Transport::Tcp),
        members,
    })
}
