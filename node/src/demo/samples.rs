//! Synthetic indicators: what the demo publishes. `node/samples/README.md` says where each sort of
//! value comes from, and why it is nobody's.

/// The tag that every sample carries.
pub const TAG: &str = "synthetic";

/// The description that every sample carries.
pub const DESCRIPTION: &str = "synthetic sample";

/// The value that stands in every member's samples.
pub const SHARED_DOMAIN: &str = "shared-scheme.example";

/// The samples of one member.
#[derive(Debug, Clone, Copy)]
pub struct Samples {
    /// The member's name.
    pub member: &'static str,
    /// A table that `kentong import` reads as it is.
    pub csv: &'static str,
}

/// The samples of ASEAN's eleven states, in the order of their codes.
pub const ALL: [Samples; 11] = [
    of("BN", include_str!("../../samples/bn.csv")),
    of("KH", include_str!("../../samples/kh.csv")),
    of("ID", include_str!("../../samples/id.csv")),
    of("LA", include_str!("../../samples/la.csv")),
    of("MM", include_str!("../../samples/mm.csv")),
    of("MY", include_str!("../../samples/my.csv")),
    of("PH", include_str!("../../samples/ph.csv")),
    of("SG", include_str!("../../samples/sg.csv")),
    of("TH", include_str!("../../samples/th.csv")),
    of("TL", include_str!("../../samples/tl.csv")),
    of("VN", include_str!("../../samples/vn.csv")),
];

const fn of(member: &'static str, csv: &'static str) -> Samples {
    Samples { member, csv }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Cursor;

    use kentong_keys::Hasher;
    use kentong_protocol::indicator::{Confidence, Fields, Kind, Reading, Recipient, Scheme, Tlp};

    use super::*;
    use crate::import::{Candidate, Columns, Import, Options};

    fn read(samples: Samples) -> Vec<Candidate> {
        let sure = Confidence::try_from(0).unwrap();
        let options = Options {
            format: None,
            columns: Columns::ByHeader,
            kind: None,
            reading: Reading::default(),
            said: Fields::new(Scheme::Other, sure, Tlp::Red),
            unsaid: Vec::new(),
        };
        let name = "samples.csv";
        let import = Import::read(Cursor::new(samples.csv), None, name, &options).unwrap();
        assert!(import.ignored_columns().is_empty());
        import
            .map(|row| {
                let row = row.unwrap();
                row.outcome
                    .unwrap_or_else(|why| panic!("{}: {why}", row.text))
            })
            .collect()
    }

    #[test]
    fn all_are_marked_and_nobodys() {
        let mut values = BTreeSet::new();
        for samples in ALL {
            let drafts = read(samples);
            assert!(drafts.len() >= 20, "{}", samples.member);
            for draft in &drafts {
                let said = &draft.assertion;
                assert!(said.tags.iter().any(|tag| &**tag == TAG));
                assert_eq!(said.description.as_deref(), Some(DESCRIPTION));
                let (kind, value) = (draft.value.kind(), draft.value.as_str());
                assert!(nobodys(kind, value, samples.member), "{}", draft.value);
                let shared = value == SHARED_DOMAIN;
                assert!(
                    values.insert(draft.value.clone()) || shared,
                    "{} twice",
                    draft.value
                );
            }
            assert!(
                drafts
                    .iter()
                    .any(|draft| draft.value.as_str() == SHARED_DOMAIN)
            );
        }
    }

    #[test]
    fn each_member_has_all_kinds_and_markings() {
        for samples in ALL {
            let me: Recipient = samples.member.parse().unwrap();
            let drafts = read(samples);
            for kind in Kind::ALL {
                assert!(
                    drafts.iter().any(|draft| draft.value.kind() == kind),
                    "{kind}"
                );
            }
            for tlp in Tlp::ALL {
                let mut marked = drafts.iter().filter(|draft| draft.assertion.tlp == tlp);
                assert!(
                    marked.next().is_some(),
                    "{} has no TLP:{tlp}",
                    samples.member
                );
            }
            let to_itself = |draft: &&Candidate| draft.assertion.releasable_to.contains(&me);
            assert_eq!(drafts.iter().find(to_itself), None);
        }
    }

    /// Whether the value lies where `node/samples/README.md` says.
    fn nobodys(kind: Kind, value: &str, member: &str) -> bool {
        let reserved_name = |host: &str| {
            [".example", ".test", ".invalid"]
                .iter()
                .any(|end| host.ends_with(end))
        };
        let fiction = |number: &str| {
            let digits = number.len() == 12 && number.starts_with("+120255501");
            digits || number.len() == 12 && number.starts_with("+3319900")
        };
        match kind {
            Kind::Domain => reserved_name(value),
            Kind::Url => value
                .strip_prefix("https://")
                .and_then(|rest| rest.split('/').next())
                .is_some_and(reserved_name),
            Kind::Email => reserved_name(value),
            Kind::Ip => {
                let networks = ["192.0.2.", "203.0.113.", "2001:db8:"];
                networks.iter().any(|network| value.starts_with(network))
            }
            Kind::Phone => fiction(value),
            Kind::Handle => value.strip_prefix("whatsapp:").is_some_and(fiction),
            Kind::BankAccount => value.starts_with(&format!("{member}:KNTG{member}K0:")),
            Kind::SmsSender => value.ends_with(member),
            Kind::App => value.starts_with("android:example."),
            Kind::File => value.strip_prefix("sha256:") == Some(&hex(&hash(member, 3))),
            Kind::Wallet => match value.split_once(':') {
                Some(("eth", address)) => {
                    address.to_lowercase() == format!("0x{}", hex(&hash(member, 1)[..20]))
                }
                // A version, the hash, and four bytes of checksum.
                Some(("btc", address)) => from_base58(address)[1..21] == hash(member, 2)[..20],
                _ => false,
            },
        }
    }

    fn hash(member: &str, number: u8) -> [u8; 32] {
        let mut hasher = Hasher::plain();
        hasher.update(format!("kentong sample {member} {number}").as_bytes());
        *hasher.finish().as_bytes()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The 25 bytes of an address.
    fn from_base58(text: &str) -> [u8; 25] {
        const DIGITS: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut bytes = [0_u8; 25];
        for digit in text.chars() {
            let mut carry = DIGITS.find(digit).unwrap();
            for byte in bytes.iter_mut().rev() {
                carry += usize::from(*byte) * 58;
                *byte = u8::try_from(carry % 256).unwrap();
                carry /= 256;
            }
        }
        bytes
    }
}
