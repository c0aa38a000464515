//! Rules for the system's packet filter, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use kentong_protocol::MemberName;

use crate::net::Address;

/// From where which ports may be reached.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) udp: BTreeSet<u16>,
    pub(super) tcp: BTreeSet<u16>,
    pub(super) members: Vec<Whereabouts>,
}

/// Where a member's node is.
#[derive(Debug)]
pub(super) struct Whereabouts {
    pub(super) member: MemberName,
    ips: BTreeSet<IpAddr>,
    names: BTreeSet<String>,
}

impl Whereabouts {
    /// What a member's card says.
    pub(super) fn of(member: MemberName, addresses: &[Address]) -> Self {
        let (mut ips, mut names) = (BTreeSet::new(), BTreeSet::new());
        for address in addresses {
            match address.ip_or_name() {
                Ok(ip) => {
                    ips.insert(ip);
                }
                Err(name) => {
                    names.insert(name.to_owned());
                }
            }
        }
        Self { member, ips, names }
    }

    /// Whether the card says anything.
    pub(super) fn is_known(&self) -> bool {
        !self.ips.is_empty() || !self.names.is_empty()
    }
}

/// The kinds of addresses, which filters tell apart.
#[derive(Debug, Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    const ALL: [Self; 2] = [Self::V4, Self::V6];

    const fn holds(self, ip: &IpAddr) -> bool {
        matches!(
            (self, ip),
            (Self::V4, IpAddr::V4(_)) | (Self::V6, IpAddr::V6(_))
        )
    }
}

impl Filter {
    /// A file for `nft -f`. Loading it again replaces what it loaded before, all at once.
    pub(super) fn nft(&self) -> String {
        let mut text = self.head("nft -f");
        text.push_str("\ntable inet kentong\ndelete table inet kentong\ntable inet kentong {\n");
        for (family, set, kind) in [
            (Family::V4, "members4", "ipv4_addr"),
            (Family::V6, "members6", "ipv6_addr"),
        ] {
            line(
                &mut text,
                format_args!("    set {set} {{\n        type {kind}"),
            );
            let elements: Vec<_> = self
                .addresses(family)
                .iter()
                .map(|(ip, who)| format!("            {ip} comment \"{who}\""))
                .collect();
            if !elements.is_empty() {
                let elements = elements.join(",\n");
                line(
                    &mut text,
                    format_args!("        elements = {{\n{elements}\n        }}"),
                );
            }
            line(&mut text, format_args!("    }}\n"));
        }
        text.push_str("    chain input {\n");
        text.push_str("        type filter hook input priority filter; policy accept;\n");
        for (protocol, ports) in self.ports() {
            let these = format!("        {protocol} dport {{ {} }}", listed(ports, ", "));
            line(
                &mut text,
                format_args!("{these} ct state established accept"),
            );
            line(&mut text, format_args!("{these} ip saddr @members4 accept"));
            line(
                &mut text,
                format_args!("{these} ip6 saddr @members6 accept"),
            );
            line(&mut text, format_args!("{these} drop"));
        }
        text.push_str("    }\n}\n");
        text
    }

    /// A script for `sh`. Run again it replaces what it loaded before.
    pub(super) fn iptables(&self) -> String {
        let mut text = self.head("sh");
        text.push_str("set -e\n");
        for family in Family::ALL {
            let program = match family {
                Family::V4 => "iptables",
                Family::V6 => "ip6tables",
            };
            line(
                &mut text,
                format_args!("\n{program}-restore --noflush <<'RULES'"),
            );
            text.push_str("*filter\n:KENTONG - [0:0]\n");
            text.push_str("-A KENTONG -m conntrack --ctstate ESTABLISHED -j ACCEPT\n");
            for (ip, who) in self.addresses(family) {
                line(
                    &mut text,
                    format_args!("-A KENTONG -s {ip} -m comment --comment \"{who}\" -j ACCEPT"),
                );
            }
            text.push_str("-A KENTONG -j DROP\nCOMMIT\nRULES\n");
            for (protocol, ports) in self.ports() {
                for port in ports {
                    let rule = format!("INPUT -p {protocol} --dport {port} -j KENTONG");
                    line(
                        &mut text,
                        format_args!("{program} -C {rule} 2>/dev/null || {program} -I {rule}"),
                    );
                }
            }
        }
        text
    }

    /// What the rules are, and what they cannot say.
    fn head(&self, program: &str) -> String {
        let mut text = format!("# Load with: {program} FILE\n");
        text.push_str("# Only the nodes of members may reach the ports of this one.\n");
        for Whereabouts { member, ips, names } in &self.members {
            for name in names {
                line(
                    &mut text,
                    format_args!("# {member}: resolve {name} by hand and add its addresses."),
                );
            }
            if ips.is_empty() && names.is_empty() {
                line(&mut text, format_args!("# {member}: no address is known."));
            }
        }
        text
    }

    /// The addresses of a family, each with the members that it belongs to.
    fn addresses(&self, family: Family) -> BTreeMap<IpAddr, String> {
        let mut addresses: BTreeMap<IpAddr, String> = BTreeMap::new();
        for Whereabouts { member, ips, .. } in &self.members {
            for ip in ips.iter().filter(|ip| family.holds(ip)) {
                let who = addresses.entry(*ip).or_default();
                // A comment of nftables has 128 bytes at most.
                if who.is_empty() {
                    who.push_str(member.as_str());
                } else if !who.ends_with(MORE) {
                    who.push_str(MORE);
                }
            }
        }
        addresses
    }

    fn ports(&self) -> impl Iterator<Item = (&'static str, &BTreeSet<u16>)> {
        let all = [("udp", &self.udp), ("tcp", &self.tcp)];
        all.into_iter().filter(|(_, ports)| !ports.is_empty())
    }
}

/// After the first member at an address.
const MORE: &str = " and others";

fn listed(ports: &BTreeSet<u16>, between: &str) -> String {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    ports.join(between)
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing text succeeds");
}

#[cfg(test)]
mod tests;
