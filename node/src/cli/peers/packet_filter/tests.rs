use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

fn filter(udp: &[u16], tcp: &[u16], members: &[(&str, &[&str])]) -> Filter {
    let members = members.iter().map(|(member, addresses)| {
        let addresses: Vec<Address> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Whereabouts::of(member.parse().unwrap(), &addresses)
    });
    Filter {
        udp: udp.iter().copied().collect(),
        tcp: tcp.iter().copied().collect(),
        members: members.collect(),
    }
}

fn example() -> Filter {
    let sg = [
        "/ip4/192.0.2.1/udp/4747/quic-v1",
        "/ip4/192.0.2.1/tcp/4747",
        "/ip6/2001:db8::7/udp/4747/quic-v1",
    ];
    let th = [
        "/dns/node.example.th/udp/4747/quic-v1",
        "/ip4/192.0.2.1/tcp/4748",
    ];
    filter(
        &[4747],
        &[443, 4747],
        &[("SG", &sg), ("TH", &th), ("VN", &[])],
    )
}

const NFT: &str = r#"# Load with: nft -f FILE
# Only the nodes of members may reach the ports of this one.
# TH: resolve node.example.th by hand and add its addresses.
# VN: no address is known.

table inet kentong
delete table inet kentong
table inet kentong {
    set members4 {
        type ipv4_addr
        elements = {
            192.0.2.1 comment "SG and others"
        }
    }

    set members6 {
        type ipv6_addr
        elements = {
            2001:db8::7 comment "SG"
        }
    }

    chain input {
        type filter hook input priority filter; policy accept;
        udp dport { 4747 } ct state established accept
        udp dport { 4747 } ip saddr @members4 accept
        udp dport { 4747 } ip6 saddr @members6 accept
        udp dport { 4747 } drop
        tcp dport { 443, 4747 } ct state established accept
        tcp dport { 443, 4747 } ip saddr @members4 accept
        tcp dport { 443, 4747 } ip6 saddr @members6 accept
        tcp dport { 443, 4747 } drop
    }
}
"#;

const IPTABLES: &str = r#"# Load with: sh FILE
# Only the nodes of members may reach the ports of this one.
# TH: resolve node.example.th by hand and add its addresses.
# VN: no address is known.
set -e

iptables-restore --noflush <<'RULES'
*filter
:KENTONG - [0:0]
-A KENTONG -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A KENTONG -s 192.0.2.1 -m comment --comment "SG and others" -j ACCEPT
-A KENTONG -j DROP
COMMIT
RULES
iptables -C INPUT -p udp --dport 4747 -j KENTONG 2>/dev/null || iptables -I INPUT -p udp --dport 4747 -j KENTONG
iptables -C INPUT -p tcp --dport 443 -j KENTONG 2>/dev/null || iptables -I INPUT -p tcp --dport 443 -j KENTONG
iptables -C INPUT -p tcp --dport 4747 -j KENTONG 2>/dev/null || iptables -I INPUT -p tcp --dport 4747 -j KENTONG

ip6tables-restore --noflush <<'RULES'
*filter
:KENTONG - [0:0]
-A KENTONG -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A KENTONG -s 2001:db8::7 -m comment --comment "SG" -j ACCEPT
-A KENTONG -j DROP
COMMIT
RULES
ip6tables -C INPUT -p udp --dport 4747 -j KENTONG 2>/dev/null || ip6tables -I INPUT -p udp --dport 4747 -j KENTONG
ip6tables -C INPUT -p tcp --dport 443 -j KENTONG 2>/dev/null || ip6tables -I INPUT -p tcp --dport 443 -j KENTONG
ip6tables -C INPUT -p tcp --dport 4747 -j KENTONG 2>/dev/null || ip6tables -I INPUT -p tcp --dport 4747 -j KENTONG
"#;

#[test]
fn rules() {
    assert_eq!(example().nft(), NFT);
    assert_eq!(example().iptables(), IPTABLES);
}

/// Has a program check a text; none if there is no such program or it may not do it here.
fn checked(program: &str, arguments: &[&str], text: &str) -> Option<Result<(), String>> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.ok()?;
    // A command that does not read to the end says why.
    drop(child.stdin.take().unwrap().write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Some(Ok(()));
    }
    let forbidden = [
        "Operation not permitted",
        "you must be root",
        "Permission denied",
    ];
    if forbidden.iter().any(|words| said.contains(words)) {
        return None;
    }
    Some(Err(said))
}

#[test]
fn nft_takes_the_rules() {
    let few = filter(&[4747], &[], &[("SG", &[])]);
    for text in [example().nft(), few.nft()] {
        match checked("nft", &["--check", "--file", "-"], &text) {
            Some(result) => result.unwrap_or_else(|said| panic!("{said}\n{text}")),
            None => {
                println!("skipped: nft is not here, or may not check rules for this account");
                return;
            }
        }
    }
    // It would say so if something were wrong.
    let broken = example().nft().replace("dport", "dprt");
    assert!(checked("nft", &["--check", "--file", "-"], &broken).is_some_and(|r| r.is_err()));
}

#[test]
fn the_shell_takes_the_script() {
    let few = filter(&[4747], &[], &[("SG", &[])]);
    for text in [example().iptables(), few.iptables()] {
        let result = checked("sh", &["-n"], &text).expect("there is a shell");
        result.unwrap_or_else(|said| panic!("{said}\n{text}"));
    }
}
