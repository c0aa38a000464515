//! Member files: golden files under `tests/vectors/bundle`, and how they reach a directory.

use kentong_keys::{KeyType, VerifierKey, VerifierKeyError};
use proptest::prelude::*;

use super::*;
use crate::bounded::TextError;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/bundle/", $name, ".card"
        )))),*]
    };
}

const FILES: [(&str, &str); 14] = files![
    "card-by-another-key",
    "cut-short",
    "display-name-control",
    "display-name-empty",
    "not-a-bundle",
    "peer-id-unproven",
    "root-key",
    "root-key-of-another",
    "root-key-for-another-use",
    "root-key-named-otherwise",
    "separator-missing",
    "valid",
    "valid-without-next-peer",
    "warrant-by-another-key",
];

pub(super) fn bundle(member: &str) -> Bundle {
    bundle_with(member, &card(member, 1, SIGNING, "first", Some("second")))
}

fn bundle_with(member: &str, card: &Card) -> Bundle {
    Bundle::new(
        "Agensi “Ujian”",
        key(member, ROOT).public_key(),
        &warrant(member, 1, SIGNING),
        card,
    )
    .unwrap()
}

/// `from` must occur, so that no fault goes untested in silence.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[expect(clippy::too_many_lines, reason = "a table, one row per fault")]
fn cases() -> Vec<(&'static str, String, Result<(), BundleError>)> {
    let valid = bundle("MY").encode();
    let of_sg = bundle("SG").encode();
    let part = |text: &str, number: usize| {
        let parts: Vec<&str> = text.split("=====\n").collect();
        parts[number].to_owned()
    };
    let root_key = bundle("MY").root_key().to_string();
    let root_key_as = |role, key_type| {
        let key = key("MY", ROOT).public_key();
        VerifierKey::new(key_name(&name("MY"), role), key_type, key).to_string()
    };
    let not_signed = NoteVerifyError::NotSigned;
    let second = card("MY", 1, SECOND, "first", None);
    let signing_name = key_name(&name("MY"), Role::Signing);
    let text = bundle("MY").card().note().text().to_owned();
    let unproven = Note::sign(&text, &[(&signing_name, &key("MY", SIGNING))]).unwrap();
    vec![
        ("valid", valid.clone(), Ok(())),
        (
            "valid-without-next-peer",
            bundle_with("MY", &card("MY", 1, SIGNING, "first", None)).encode(),
            Ok(()),
        ),
        (
            "not-a-bundle",
            replace(&valid, "bundle v1", "bundle v2"),
            Err(BundleError::NotABundle),
        ),
        (
            "cut-short",
            valid[..valid.len() - 1].to_owned(),
            Err(BundleError::Card(CardError::Note(NoteError::Unfinished))),
        ),
        (
            "separator-missing",
            replace(&valid, "\n=====\n", "\n"),
            Err(BundleError::NotABundle),
        ),
        (
            "display-name-empty",
            replace(&valid, "Agensi “Ujian”", " "),
            Err(BundleError::NoDisplayName),
        ),
        (
            "display-name-control",
            replace(&valid, "Ujian", "\u{1b}[2J"),
            Err(BundleError::DisplayName(TextError::Control)),
        ),
        (
            "root-key",
            replace(&valid, "kentong/MY/root+", "kentong/SG/root+"),
            Err(BundleError::RootKey(VerifierKeyError::KeyId)),
        ),
        (
            "root-key-of-another",
            replace(&valid, &root_key, &bundle("SG").root_key().to_string()),
            Err(BundleError::Warrant(WarrantError::Signature(not_signed))),
        ),
        (
            "root-key-for-another-use",
            replace(
                &valid,
                &root_key,
                &root_key_as(Role::Root, KeyType::Cosignature),
            ),
            Err(BundleError::NotARootKey),
        ),
        (
            "root-key-named-otherwise",
            replace(
                &valid,
                &root_key,
                &root_key_as(Role::Signing, KeyType::Ed25519),
            ),
            Err(BundleError::NotARootKey),
        ),
        (
            "warrant-by-another-key",
            replace(&valid, &part(&valid, 1), &part(&of_sg, 1)),
            Err(BundleError::Warrant(WarrantError::Signature(not_signed))),
        ),
        (
            "card-by-another-key",
            replace(&valid, &part(&valid, 2), second.note().as_str()),
            Err(BundleError::Card(CardError::Signature(not_signed))),
        ),
        (
            "peer-id-unproven",
            replace(&valid, &part(&valid, 2), unproven.as_str()),
            Err(BundleError::Card(CardError::Unproven {
                peer: peer_id("first"),
                why: not_signed,
            })),
        ),
    ]
}

#[test]
fn golden() {
    let cases = cases();
    assert_eq!(cases.len(), FILES.len());
    for (name, text, expected) in cases {
        let parsed = Bundle::parse(text.as_bytes());
        assert_eq!(
            parsed.as_ref().map(|_| ()),
            expected.as_ref().copied(),
            "{name}"
        );
        if let Ok(bundle) = parsed {
            assert_eq!(bundle.encode(), text, "{name}");
            assert_eq!(bundle.member().as_str(), "MY");
            assert_eq!(bundle.display_name(), "Agensi “Ujian”");
            assert_eq!(bundle.root(), &key("MY", ROOT).public_key());
        }
        let file = FILES.iter().find(|(found, _)| *found == name);
        assert_eq!(file.unwrap_or_else(|| panic!("no file {name}")).1, text);
    }
    assert_eq!(
        Bundle::parse(&vec![b' '; Bundle::MAX_LEN + 1]),
        Err(BundleError::TooLong)
    );
}

#[test]
fn a_bundle_enters_the_directory_once() {
    let mut directory = directory();
    let bundle = bundle("MY");
    assert_eq!(
        directory.offer_bundle(&bundle),
        Ok((Offered::New, Offered::New))
    );
    assert_eq!(
        directory.offer_bundle(&bundle),
        Ok((Offered::Known, Offered::Known))
    );
    assert_eq!(directory.holder("second"), Some(&name("MY")));
}

/// The charter decides which root key is whose, whatever a member file says of itself.
#[test]
fn a_bundle_with_a_root_key_of_its_own_is_refused() {
    let root = key("XX", ROOT);
    let terms = WarrantTerms {
        member: name("MY"),
        serial: 1,
        signing: key("XX", SIGNING).public_key(),
        witness: key("XX", WITNESS).public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    let warrant = Warrant::issue(terms, &root).unwrap();
    let mut terms = CardTerms {
        member: name("MY"),
        serial: 1,
        sealing: SealingSecret::from_seed([9; 32]).public().clone(),
        peer: peer_id("first"),
        next_peer: None,
        addresses: Vec::new(),
        issued: 0,
    };
    let card = Card::issue(terms.clone(), &key("XX", SIGNING), &[&transport("first")]).unwrap();
    let bundle = Bundle::new("x", root.public_key(), &warrant, &card).unwrap();
    assert_eq!(
        Bundle::parse(bundle.encode().as_bytes()).as_ref(),
        Ok(&bundle)
    );
    assert!(matches!(
        directory().offer_bundle(&bundle),
        Err(CredentialError::Warrant(_, WarrantError::Signature(_)))
    ));

    terms.member = name("SG");
    let of_sg = Card::issue(terms, &key("XX", SIGNING), &[&transport("first")]).unwrap();
    assert!(matches!(
        Bundle::new("x", root.public_key(), &warrant, &of_sg),
        Err(BundleError::Card(CardError::Signature(_)))
    ));
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Bundle::parse(&bytes));
        drop(directory().offer_warrant(&bytes));
        drop(directory().offer_card(&bytes));
    }

    /// What parses is written back as it was, whatever byte was changed.
    #[test]
    fn canonical_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = bundle("MY").encode().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(bundle) = Bundle::parse(&bytes) {
            prop_assert_eq!(bundle.encode().into_bytes(), bytes);
        }
    }
}
