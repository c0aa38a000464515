//! Real lists give the counts that their sources state. The lists lie beside the repository, in
//! `../shared/data`; where they are missing, one line says so and nothing is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use kentong_protocol::indicator::{Kind, Reading, Value, ValueError};

/// The text of a list, if the lists are there.
fn list(path: &str) -> Option<String> {
    let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    if !data.is_dir() {
        // Past the harness, which hides what passing tests print.
        let line = format!("{path}: not tested, because ../shared/data is not there\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    }
    Some(std::fs::read_to_string(data.join(path)).unwrap())
}

/// What became of a list's rows.
#[derive(Default)]
struct Report<'a> {
    taken: BTreeSet<Value>,
    refused: BTreeMap<&'a str, ValueError>,
}

impl<'a> Report<'a> {
    fn read(&mut self, kind: Kind, row: &'a str, how: &Reading) {
        match Value::parse(kind, row, how) {
            Ok(value) => {
                // What is sent is what is taken.
                let received = Value::from_canonical(kind, value.as_str());
                assert_eq!(received.as_ref(), Ok(&value));
                self.taken.insert(value);
            }
            Err(error) => {
                self.refused.insert(row, error);
            }
        }
    }

    /// Reads a row of a plain list of hosts: with a path (or a port) it is a web address.
    fn read_host(&mut self, row: &'a str) {
        let how = Reading::default();
        let port = row
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let kind = if port || row.contains('/') {
            Kind::Url
        } else if Value::parse(Kind::Ip, row, &how).is_ok() {
            Kind::Ip
        } else {
            Kind::Domain
        };
        self.read(kind, row, &how);
    }

    fn refused_are(&self, expected: &[(&str, ValueError)]) {
        let refused: Vec<_> = self
            .refused
            .iter()
            .map(|(row, error)| (*row, *error))
            .collect();
        assert_eq!(refused, expected);
    }

    fn count(&self, kind: Kind) -> usize {
        self.taken
            .iter()
            .filter(|value| value.kind() == kind)
            .count()
    }
}

#[test]
fn addresses_of_ipsum() {
    let Some(text) = list("ips/ipsum.txt") else {
        return;
    };
    let mut report = Report::default();
    for row in text.lines().filter(|row| !row.starts_with('#')) {
        let address = row.split('\t').next().unwrap();
        report.read(Kind::Ip, address, &Reading::default());
    }
    assert_eq!(report.count(Kind::Ip), 120_430);
    assert_eq!(report.refused, BTreeMap::new());
}

#[test]
fn numbers_of_the_ftc() {
    let Some(text) = list("phones/ftc-dnc-90days-2025-10-28.csv") else {
        return;
    };
    let how = Reading {
        region: "US".parse().ok(),
        ..Reading::default()
    };
    let mut report = Report::default();
    let rows = text.lines().skip(1);
    assert_eq!(rows.clone().count(), 227_566);
    for row in rows {
        report.read(Kind::Phone, row, &how);
    }
    assert_eq!(report.count(Kind::Phone), 199_516);
    assert_eq!(report.refused.len(), 2_764);
}

/// 54,023 unique names and 4 addresses by the source's count, which knows no public suffixes: 13 of
/// the names are suffixes, each of its own. Five are single sites below a wildcard of the public
/// suffix list (`*.eth.limo`, `*.raw.icp0.io`), which the list does not tell from regions of a cloud
/// that everybody shares.
#[test]
fn domains_of_polkadot() {
    let Some(text) = list("domains/polkadot-phishing-all.json") else {
        return;
    };
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut report = Report::default();
    for row in list["deny"].as_array().unwrap() {
        report.read_host(row.as_str().unwrap());
    }
    assert_eq!(report.count(Kind::Ip), 4);
    assert_eq!(report.count(Kind::Domain), 54_023 - 13);
    report.refused_are(&[
        ("16-b.it", ValueError::DomainSuffix),
        (
            "4r74h-viaaa-aaaal-qbqna-cai.raw.icp0.io",
            ValueError::DomainSuffix,
        ),
        ("alwaysdata.net", ValueError::DomainSuffix),
        ("cechire.com", ValueError::DomainSuffix),
        ("degen-tips.eth.limo", ValueError::DomainSuffix),
        (
            "fsxzf-hyaaa-aaaad-qflcq-cai.raw.icp0.io",
            ValueError::DomainSuffix,
        ),
        ("org.im", ValueError::DomainSuffix),
        ("org.in", ValueError::DomainSuffix),
        ("servebeer.com", ValueError::DomainSuffix),
        ("taobridge.eth.limo", ValueError::DomainSuffix),
        ("xii.jp", ValueError::DomainSuffix),
        ("za.com", ValueError::DomainSuffix),
        ("zircuit-staking.eth.limo", ValueError::DomainSuffix),
    ]);
}

/// 10,889 unique hosts and 327 addresses with a path by the source's count. It counts seven rows
/// with a port as their hosts, and knows no public suffixes: two rows are some.
#[test]
fn domains_of_gaso() {
    let Some(text) = list("domains/gaso-scam-urls.txt") else {
        return;
    };
    let mut report = Report::default();
    for row in text.lines() {
        report.read_host(row);
    }
    assert_eq!(report.count(Kind::Url), 327 + 7);
    assert_eq!(report.count(Kind::Domain), 10_889 - 7 - 2);
    report.refused_are(&[
        ("US.COM", ValueError::DomainSuffix),
        ("myshopify.com", ValueError::DomainSuffix),
    ]);
}

/// The source counts 2,341 addresses without looking at checksums, which three rows fail.
#[test]
fn wallets_of_miners() {
    let Some(text) = list("crypto/unit42-xmr_wallets.txt") else {
        return;
    };
    let mut report = Report::default();
    for row in text.lines() {
        report.read(Kind::Wallet, row, &Reading::default());
    }
    assert_eq!(report.count(Kind::Wallet), 2_341 - 3);
    report.refused_are(&[
        (
            "442uo8WrKgVBhDqvGvaUBdhK8Qgm7yYnsZnyNsSGisosFurCE93URqP23HuLBX8yXveb4zWueZ6anHwJAt8DN\
             mdnSt391KF",
            ValueError::WalletChecksum,
        ),
        (
            "47fEcV1OpNKf6bCIblqzg3Fz3LH2P1MSYyVETELVweWRp2UIHOXIKxBvgLN7E6LV3CdV5C68hIFc72yEzfT7O\
             9dQ2k3WN0i",
            ValueError::WalletForm,
        ),
        (
            "4judgzvrmfdwruuwy3tojatsenwjn54lkcnkbprzduhzi5vsephfuckjnxrl2gjknrsqtcoruredagrwsqvvc\
             jzbrwhkbk2uwrj8snedxv",
            ValueError::WalletForm,
        ),
    ]);
}

/// 6,205 unique addresses. Two rows have a wrong checksum in the case of their letters; the list
/// has both addresses in small letters as well.
#[test]
fn wallets_of_forta() {
    let Some(text) = list("crypto/forta-phishing_scams.csv") else {
        return;
    };
    let mut report = Report::default();
    for row in text.lines().skip(1) {
        let address = row.split(',').next().unwrap();
        report.read(Kind::Wallet, address, &Reading::default());
    }
    assert_eq!(report.count(Kind::Wallet), 6_205);
    let [first, second] = [
        "0xA0DF9CA52e8aB5DDE22C55D9B3C2CDF814B9B773",
        "0xf299f6B031Cc4dd1BfcB86A5e5590f99336a29c6",
    ];
    report.refused_are(&[
        (first, ValueError::WalletChecksum),
        (second, ValueError::WalletChecksum),
    ]);
    for address in [first, second] {
        assert!(text.contains(&address.to_ascii_lowercase()));
    }
}

/// The file's name does not tell the chain: XBT holds an address of TRON, USDT those of three. Of
/// six malformed addresses that the source knows, three are here: a Bitcoin address in small
/// letters, one of 35 characters, and a transaction's hash.
#[test]
fn wallets_under_sanctions_and_in_reports() {
    for (file, count) in [
        ("ofac/sanctioned_addresses_XBT.json", 435),
        ("ofac/sanctioned_addresses_USDT.json", 26),
        ("ofac/sanctioned_addresses_TRX.json", 6),
        ("ofac/sanctioned_addresses_LTC.json", 10),
        ("ofac/sanctioned_addresses_ETH.json", 152),
        ("ofac/sanctioned_addresses_DASH.json", 3),
        ("ofac/sanctioned_addresses_ZEC.json", 3),
        ("ofac/sanctioned_addresses_XRP.json", 1),
        ("ofac/sanctioned_addresses_XMR.json", 2),
        ("tagpacks/ransomwhere.yaml", 7_457),
        ("tagpacks/plustoken.yaml", 10),
    ] {
        let Some(text) = list(&format!("crypto/{file}")) else {
            return;
        };
        let mut report = Report::default();
        for line in text.lines() {
            let row = match line.strip_prefix("- address: ") {
                Some(row) => row.trim_matches('\''),
                None if line.starts_with("  \"") => line.trim_matches([' ', ',', '"']),
                None => continue,
            };
            report.read(Kind::Wallet, row, &Reading::default());
        }
        assert_eq!(report.count(Kind::Wallet), count, "{file}");
        report.refused_are(match file {
            "ofac/sanctioned_addresses_XMR.json" => &[(
                "5be5543ff73456ab9f2d207887e2af87322c651ea1a873c5b25b7ffae456c320",
                ValueError::WalletChain,
            )],
            "tagpacks/plustoken.yaml" => &[
                ("14bwh6gmvol5ntwbvxqjkjdtzv4y5ebtvm", ValueError::WalletForm),
                (
                    "1MFgcyJ7ZNSknbTBRaih6zWDE6V1A64tRYs",
                    ValueError::WalletChecksum,
                ),
            ],
            _ => &[],
        });
    }
}

#[test]
fn addresses_of_unit42() {
    let Some(text) = list("urls/unit42-scam-js-urls.txt") else {
        return;
    };
    let mut report = Report::default();
    for row in text.lines() {
        report.read_host(row);
    }
    assert_eq!(report.count(Kind::Url), 3_132);
    assert_eq!(report.count(Kind::Domain), 1_325);
    report.refused_are(&[]);
}
