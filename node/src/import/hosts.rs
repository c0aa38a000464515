//! Hosts files: an address that leads nowhere, then the names that are sent there.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::net::{IpAddr, Ipv4Addr};

use kentong_protocol::indicator::{Kind, Reading, Value};

use super::entry::Entry;
use super::lines::Lines;
use super::refused::RowRefused;
use super::rule::{self, Rule};

/// Names that hosts files give to the machine itself and to its network.
const OWN: [&str; 11] = [
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

/// Reads a hosts file.
#[derive(Debug)]
pub(super) struct Hosts<R> {
    lines: Lines<R>,
    /// The further names of the line last read; bounded by the length of a line.
    waiting: VecDeque<Entry>,
}

impl<R: BufRead> Hosts<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            lines: Lines::new(from),
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Ok(Some(entry));
            }
            let Some(line) = self.lines.next_line()? else {
                return Ok(None);
            };
            let (place, text) = match Entry::text_of(line) {
                Ok(read) => read,
                Err(refused) => return Ok(Some(refused)),
            };
            let mut words = words(&text);
            let Some(address) = words.next() else {
                continue;
            };
            let refuse = |why| Ok(Some(Entry::refused(place, text.trim(), why)));
            let nowhere = match address_of(address) {
                Some(address) if leads_nowhere(address) => address,
                // A real redirection: the address is somebody's, and not what is reported.
                Some(_) => return refuse(RowRefused::Redirection),
                None => return refuse(RowRefused::NoHostsLine),
            };
            if rule::is_cosmetic(&text) {
                return refuse(RowRefused::Rule(Rule::Cosmetic));
            }
            let names: Vec<&str> = words.collect();
            if let Some(rule) = rule::of(&names.join(" ")) {
                return refuse(RowRefused::Rule(rule));
            }
            // A piece of something else, cut off at a blank, would be read as the whole of it, and a
            // word between names could say the opposite of them.
            if names.is_empty() || !names.iter().all(|name| is_own(name) || is_host(name)) {
                return refuse(RowRefused::NoHostsLine);
            }
            let machine = is_machine(nowhere);
            self.waiting.extend(names.into_iter().map(|name| {
                if is_own(name) {
                    Entry::refused(place, name, RowRefused::OwnName)
                } else if machine {
                    Entry::refused(place, name, RowRefused::OwnAddress)
                } else {
                    Entry::value(place, name)
                }
            }));
        }
    }
}

/// Whether a line of an unknown file looks like one of a hosts file.
pub(super) fn is_entry(line: &str) -> bool {
    let mut words = words(line);
    let address = words.next().and_then(address_of);
    // `192.0.2.1 10` is an address and a count.
    address.is_some_and(|address| leads_nowhere(address) || address.is_multicast())
        && words
            .next()
            .is_some_and(|name| name.parse::<u64>().is_err())
}

/// Whether a word is one that hosts files give to the machine. `0.0.0.0 0.0.0.0` is customary, and
/// names no host.
fn is_own(word: &str) -> bool {
    word == "0.0.0.0" || OWN.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether a word has the form of a host's name, and of nothing else: a hash or a number is none, and
/// nor is an arrow, a bracket or `NOT`.
fn is_host(word: &str) -> bool {
    let in_names = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-_.".contains(c);
    let other_kind = |value: Value| value.kind() != Kind::Domain;
    word.trim_end_matches('.').contains('.')
        && word.chars().all(in_names)
        && !Value::recognise(word, &Reading::default()).is_ok_and(other_kind)
}

/// Whether an address is where the machine's own name is looked for, as Debian and others write it.
fn is_machine(address: IpAddr) -> bool {
    address.is_loopback() && address != IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// The words of a line before its comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#')
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
}

/// The address without its zone: `fe80::1%lo0`.
fn address_of(word: &str) -> Option<IpAddr> {
    word.split('%').next().unwrap_or(word).parse().ok()
}

fn leads_nowhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_unspecified() || four.is_loopback() || four.is_broadcast(),
        IpAddr::V6(six) => {
            six.is_unspecified()
                || six.is_loopback()
                || six.is_unicast_link_local()
                || six.is_multicast()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::columns::Column;

    fn check(line: &str, expected: &[Result<&str, RowRefused>]) {
        let mut hosts = Hosts::new(line.as_bytes());
        let mut found = Vec::new();
        while let Some(entry) = hosts.next_entry().unwrap() {
            found.push(entry.cells);
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|cell| {
                cell.clone()
                    .map(|name| vec![(Column::Value, name.to_owned())])
            })
            .collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn lines() {
        check("0.0.0.0 a.example", &[Ok("a.example")]);
        check(
            "127.0.0.1\ta.example b.example # c",
            &[Ok("a.example"), Ok("b.example")],
        );
        check(":: a.example\r\n", &[Ok("a.example")]);
        check("# c\n\n0.0.0.0 a.example", &[Ok("a.example")]);
        check("127.0.0.1 localhost", &[Err(RowRefused::OwnName)]);
        check(
            "::1 LocalHost a.example",
            &[Err(RowRefused::OwnName), Err(RowRefused::OwnAddress)],
        );
        check("127.0.1.1 a.example", &[Err(RowRefused::OwnAddress)]);
        check(
            "0.0.0.0 a.example localhost b-1_x.example. \u{9ed1}.example",
            &[
                Ok("a.example"),
                Err(RowRefused::OwnName),
                Ok("b-1_x.example."),
                Ok("\u{9ed1}.example"),
            ],
        );
        check("fe80::1%lo0 localhost", &[Err(RowRefused::OwnName)]);
        check("255.255.255.255 broadcasthost", &[Err(RowRefused::OwnName)]);
        check("ff02::1 ip6-allnodes", &[Err(RowRefused::OwnName)]);
        check("0.0.0.0 0.0.0.0", &[Err(RowRefused::OwnName)]);
        check("192.0.2.1 a.example", &[Err(RowRefused::Redirection)]);
        check("a.example", &[Err(RowRefused::NoHostsLine)]);
        check("0.0.0.0 # a.example", &[Err(RowRefused::NoHostsLine)]);
        for no_names in [
            "0.0.0.0 https://a.example/b c",
            "0.0.0.0 OTP: 123456",
            "0.0.0.0 b.example a.example/c",
            "0.0.0.0 telegram:a",
            "0.0.0.0 NOT a.example",
            "0.0.0.0 a.example allow",
            "0.0.0.0 a.example ; b.example",
            "0.0.0.0 a.example ! b.example",
            "0.0.0.0 a.example (b.example)",
            "0.0.0.0 a.example -> b.example",
            "0.0.0.0 a.example \u{2192} b.example",
            "0.0.0.0 a.example 203.0.113.7",
            "0.0.0.0 a.example 0",
            "0.0.0.0 +60123456789",
            "0.0.0.0 d41d8cd98f00b204e9800998ecf8427e",
            "0.0.0.0 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ] {
            check(no_names, &[Err(RowRefused::NoHostsLine)]);
        }
        // A hard blank parts no words.
        check("0.0.0.0 a.example\u{a0}b", &[Ok("a.example\u{a0}b")]);
        for (line, rule) in [
            ("0.0.0.0 a.example##.ad", Rule::Cosmetic),
            ("0.0.0.0 a.example CNAME rpz-passthru.", Rule::Exception),
            ("0.0.0.0 ||a.example^", Rule::Blocking),
        ] {
            check(line, &[Err(RowRefused::Rule(rule))]);
        }
    }
}
