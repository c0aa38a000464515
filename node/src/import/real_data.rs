//! Real lists, where they are at hand.

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::indicator::{NotRecognised, ValueError};

use super::tests::options;
use super::*;

/// Anybody may have a name under it.
const SUFFIX: RowRefused = RowRefused::Value {
    kind: Kind::Domain,
    error: ValueError::DomainSuffix,
};
/// The name of a file, by its ending.
const UNLISTED: RowRefused = RowRefused::Unrecognised {
    why: NotRecognised::UnlistedEnding,
};

/// What a file gives.
#[derive(Debug, Default)]
struct Found {
    rows: u64,
    values: BTreeMap<Kind, u64>,
    duplicates: u64,
    allowed: u64,
    refused: Vec<(String, RowRefused)>,
    /// Rows that were read as a web address though they have no path.
    without_path: Vec<String>,
}

/// Reads a file of the folder of real lists; none, and a word about it, if there is no such folder.
fn read(file: &str, options: &Options) -> Option<Found> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        println!("no ../shared/data beside the repository: {file} is not tested");
        return None;
    }
    let mut found = Found::default();
    for row in Import::open(&data.join(file), options).unwrap() {
        let row = row.unwrap();
        found.rows += 1;
        match row.outcome {
            Ok(draft) => {
                let kind = draft.value.kind();
                *found.values.entry(kind).or_default() += 1;
                if kind == Kind::Url && !row.text.contains('/') {
                    found.without_path.push(row.text);
                }
            }
            Err(RowRefused::Duplicate { .. }) => found.duplicates += 1,
            Err(RowRefused::Allowed) => found.allowed += 1,
            Err(why) => found.refused.push((row.text, why)),
        }
    }
    Some(found)
}

impl Found {
    fn of(&self, kind: Kind) -> u64 {
        self.values.get(&kind).copied().unwrap_or(0)
    }

    /// The values that were refused, with the reasons that are named.
    fn refused_as(&self, reasons: &[RowRefused]) -> BTreeSet<&str> {
        let other = |(_, why): &&(String, RowRefused)| !reasons.contains(why);
        assert_eq!(self.refused.iter().find(other), None);
        self.refused.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// The numbers below are those of the folder's SOURCES.md.
#[test]
fn ipsum() {
    let Some(found) = read("ips/ipsum.txt", &options()) else {
        return;
    };
    assert_eq!((found.rows, found.of(Kind::Ip)), (120_430, 120_430));
}

#[test]
fn polkadot() {
    let Some(found) = read("domains/polkadot-phishing-all.json", &options()) else {
        return;
    };
    // SOURCES.md counts the rows of `deny` only.
    assert_eq!((found.rows - found.allowed, found.allowed), (54_863, 29));
    // Thirteen of its domains are public suffixes, by the list's section of private ones for the
    // most: anybody may have a name under them, and blocking one would block them all. One is the name of a file, and no domain.
    let refused = found.refused_as(&[SUFFIX, UNLISTED]);
    let expected = [
        "16-b.it",
        "4r74h-viaaa-aaaal-qbqna-cai.raw.icp0.io",
        "alwaysdata.net",
        "cechire.com",
        "comimport-wallet.html",
        "degen-tips.eth.limo",
        "fsxzf-hyaaa-aaaad-qflcq-cai.raw.icp0.io",
        "org.im",
        "org.in",
        "servebeer.com",
        "taobridge.eth.limo",
        "xii.jp",
        "za.com",
        "zircuit-staking.eth.limo",
    ];
    assert_eq!(refused, BTreeSet::from(expected));
    assert_eq!(found.of(Kind::Domain), 54_023 - 13 - 1);
    assert_eq!((found.of(Kind::Ip), found.values.len()), (4, 2));
    assert_eq!(found.duplicates, 836);
}

#[test]
fn global_anti_scam() {
    let Some(found) = read("domains/gaso-scam-urls.txt", &options()) else {
        return;
    };
    assert_eq!((found.rows, found.duplicates), (11_221, 5));
    let suffixes = found.refused_as(&[SUFFIX]);
    assert_eq!(suffixes, BTreeSet::from(["US.COM", "myshopify.com"]));
    // SOURCES.md counts these as domains; with a port they are web addresses, and not the host's
    // other services.
    let with_port = [
        "539lucky.com:15888",
        "539luckys.com:18888",
        "app.paxfulin.com:9999",
        "knp10.net:1022",
        "luck539.com:6899",
        "m.amfc.xyz:2233",
        "wk.ldgpnfh.sbs:9001",
    ];
    assert_eq!(found.without_path, with_port);
    assert_eq!(found.of(Kind::Domain), 10_889 - 2 - 7);
    assert_eq!(found.of(Kind::Url), 327 + 7);
    assert_eq!(found.values.len(), 2);
}

#[test]
fn do_not_call() {
    let mut phones = options();
    phones.kind = Some(Kind::Phone);
    phones.reading.region = Some("US".parse().unwrap());
    let Some(found) = read("phones/ftc-dnc-90days-2025-10-28.csv", &phones) else {
        return;
    };
    assert_eq!((found.rows, found.of(Kind::Phone)), (227_566, 199_516));
    let invalid = found.refused_as(&[RowRefused::Value {
        kind: Kind::Phone,
        error: ValueError::PhoneInvalid,
    }]);
    assert_eq!(invalid.len(), 2_764);
}

#[test]
fn lists_that_give_all_they_have() {
    for (file, rows, domains) in [
        ("domains/polkadot-meta-2025-10.json", 1_596, 1_494),
        ("domains/polkadot-meta-2025-11.json", 836, 814),
        ("domains/polkadot-meta-2025-12.json", 1_310, 1_260),
        ("domains/hostsvn-threat.hosts", 4_966, 4_963),
        ("domains/hostsvn-gambling-vn.txt", 3_747, 3_747),
        ("domains/blocklistproject-scam.hosts", 8_527, 8_527),
    ] {
        let Some(found) = read(file, &options()) else {
            return;
        };
        assert_eq!(
            (found.rows, found.of(Kind::Domain)),
            (rows, domains),
            "{file}"
        );
        assert_eq!(found.refused, [], "{file}");
    }
}

/// URLs without their schemes, as a firewall's log has them; some are names alone.
#[test]
fn pages_without_schemes() {
    let Some(found) = read("urls/unit42-scam-js-urls.txt", &options()) else {
        return;
    };
    assert_eq!((found.rows, found.duplicates), (4_457, 0));
    assert_eq!(
        (found.of(Kind::Domain), found.of(Kind::Url)),
        (1_325, 3_132 - 3)
    );
    // Three have slashes side by side, which elsewhere stand between two names.
    let refused = found.refused_as(&[RowRefused::Value {
        kind: Kind::Url,
        error: ValueError::UrlSlashes,
    }]);
    assert_eq!(refused.len(), 3);
}

/// Rules of adblockers are refused, each for what it is. One has neither an anchor nor an end, and
/// begins with a dot, as no name does.
#[test]
fn rules_of_adblockers() {
    let Some(found) = read("domains/durablenapkin-scam.adblock.txt", &options()) else {
        return;
    };
    assert_eq!((found.rows, found.duplicates), (959, 0));
    let form = RowRefused::Value {
        kind: Kind::Domain,
        error: ValueError::DomainForm,
    };
    found.refused_as(&[RowRefused::Rule(Rule::Blocking), form.clone()]);
    let others = found.refused.iter().filter(|(_, why)| *why == form);
    let others: Vec<_> = others.map(|(text, _)| text.as_str()).collect();
    assert_eq!(others, [".avito.www.booking."]);
    assert_eq!((found.values.len(), found.refused.len()), (0, 959));
}

/// Tables whose own column names the kind.
#[test]
fn tables_with_kinds() {
    let mut mapped = options();
    mapped.columns = Columns::mapped("value=indicator,kind=type").unwrap();
    let Some(found) = read("domains/infoblox-csv/usps_cta_20231219.csv", &mapped) else {
        return;
    };
    assert_eq!((found.rows, found.of(Kind::Domain)), (7_444, 7_293));
    let mut wallets = options();
    wallets.columns = Columns::mapped("value=address").unwrap();
    let Some(found) = read("crypto/forta-phishing_scams.csv", &wallets) else {
        return;
    };
    assert_eq!((found.rows, found.of(Kind::Wallet)), (6_726, 6_205));
    // Two of its addresses have capitals that their checksum does not.
    let checksum = RowRefused::Value {
        kind: Kind::Wallet,
        error: ValueError::WalletChecksum,
    };
    assert_eq!(found.refused_as(&[checksum]).len(), 2);
}

/// Three of the addresses are damaged: two have characters that no address has, one was mistyped.
#[test]
fn wallets_that_their_form_tells() {
    let Some(found) = read("crypto/unit42-xmr_wallets.txt", &options()) else {
        return;
    };
    let wrong = |error| RowRefused::Value {
        kind: Kind::Wallet,
        error,
    };
    let damaged = [ValueError::WalletForm, ValueError::WalletChecksum].map(wrong);
    assert_eq!(found.refused_as(&damaged).len(), 3);
    assert_eq!((found.rows, found.of(Kind::Wallet)), (2_341, 2_338));
    assert_eq!(found.values.len(), 1);
}
