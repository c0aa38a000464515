use proptest::prelude::*;

use super::*;

/// Seeds: root 1, signing 2, witness 3. Signatures computed with Python's `cryptography`.
const GOLDEN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/warrant.txt"
));

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn head(feed: u8) -> FrozenHead {
    FrozenHead {
        feed: Digest::from_bytes([feed; 32]),
        size: 70,
        root: Digest::from_bytes([feed + 1; 32]),
    }
}

fn terms() -> WarrantTerms {
    WarrantTerms {
        member: "MY".parse().unwrap(),
        serial: 7,
        signing: key(2).public_key(),
        witness: key(3).public_key(),
        heads: vec![head(8), head(9)],
        issued: 1_763_895_600,
    }
}

fn open(bytes: &[u8]) -> Result<Warrant, WarrantError> {
    Warrant::open(bytes, &"MY".parse().unwrap(), &key(1).public_key())
}

#[test]
fn golden() {
    let warrant = Warrant::issue(terms(), &key(1)).unwrap();
    assert_eq!(warrant.note().as_str(), GOLDEN);
    let opened = open(GOLDEN.as_bytes()).unwrap();
    assert_eq!(opened, warrant);
    assert_eq!(opened.member().as_str(), "MY");
    assert_eq!(opened.serial(), 7);
    assert_eq!(opened.signing(), &key(2).public_key());
    assert_eq!(opened.witness(), &key(3).public_key());
    assert_eq!(opened.heads(), [head(8), head(9)]);
    assert_eq!(opened.issued(), 1_763_895_600);
    assert_eq!(
        opened.signing_verifier().name().as_str(),
        "kentong/MY/signing"
    );
    let witness = opened.witness_verifier();
    assert_eq!(witness.key_type(), KeyType::Cosignature);
    assert_eq!(witness.public_key(), opened.witness());
}

/// Signs a changed text by the right key, to reach what lies behind the signature check.
fn check_text(change: impl Fn(String) -> String, error: WarrantError) {
    let text = change(terms().text());
    let name = key_name(&"MY".parse().unwrap(), Role::Root);
    let note = Note::sign(&text, &[(&name, &key(1))]).unwrap();
    assert_eq!(open(note.bytes()), Err(error), "{text}");
}

#[test]
fn refused_texts() {
    let replaced = |from: &'static str, to: &'static str, error: FormError| {
        check_text(|text| text.replacen(from, to, 1), error.into());
    };
    replaced("v1", "v2", FormError::Title(TITLE));
    replaced("MY\n", "my\n", FormError::Value("member"));
    replaced("serial: 7", "serial: 07", FormError::NotCanonical);
    replaced("serial: 7", "serial: +7", FormError::NotCanonical);
    replaced("serial: 7", "serial: -7", FormError::Value("serial"));
    replaced(
        "serial: 7\n",
        "",
        FormError::Line {
            line: 3,
            expected: "serial",
        },
    );
    replaced("head: 08", "head: 0X", FormError::Value("head"));
    replaced("issued: 1763895600\n", "", FormError::Ends("issued"));
    replaced(
        "issued",
        "more: 1\nissued",
        FormError::Line {
            line: 8,
            expected: "issued",
        },
    );
    check_text(|text| text + "more: 1\n", FormError::Extra(9).into());

    // The right key under another name, or of another type.
    let witness = terms().witness_verifier().to_string();
    for (name, key_type) in [
        ("kentong/SG/witness", KeyType::Cosignature),
        ("kentong/MY/witness", KeyType::Ed25519),
    ] {
        let other = VerifierKey::new(name.parse().unwrap(), key_type, terms().witness);
        check_text(
            |text| text.replace(&witness, &other.to_string()),
            FormError::NotCanonical.into(),
        );
    }
}

#[test]
fn refused_terms() {
    let check = |change: fn(&mut WarrantTerms), error: WarrantError| {
        let mut terms = terms();
        change(&mut terms);
        let issued = Warrant::issue(terms.clone(), &key(1));
        assert_eq!(issued, Err(error.clone()));
        // The same when somebody else's program wrote it.
        check_text(move |_| terms.text(), error);
    };
    check(
        |terms| terms.signing = terms.witness,
        WarrantError::SharedKey,
    );
    check(
        |terms| terms.signing = key(1).public_key(),
        WarrantError::SharedKey,
    );
    check(
        |terms| terms.witness = key(1).public_key(),
        WarrantError::SharedKey,
    );
    check(|terms| terms.heads.reverse(), WarrantError::HeadOrder);
    check(
        |terms| terms.heads = vec![head(8); 2],
        WarrantError::HeadOrder,
    );
    check(
        |terms| terms.heads = vec![head(8); Warrant::MAX_HEADS + 1],
        WarrantError::TooManyHeads,
    );
}

#[test]
fn refused_signers() {
    let mut terms = terms();
    let by_another = Warrant::issue(terms.clone(), &key(4)).unwrap();
    assert_eq!(
        open(by_another.note().bytes()),
        Err(NoteVerifyError::NotSigned.into())
    );
    let changed = GOLDEN.replace("serial: 7", "serial: 8");
    assert_eq!(
        open(changed.as_bytes()),
        Err(NoteVerifyError::BadSignature.into())
    );
    terms.member = "SG".parse().unwrap();
    let text = terms.text();
    check_text(
        move |_| text.clone(),
        WarrantError::OtherMember("SG".parse().unwrap()),
    );
    assert_eq!(
        open(&GOLDEN.as_bytes()[..100]),
        Err(NoteError::NoSignature.into())
    );
    assert_eq!(
        open(&vec![b'x'; Warrant::MAX_LEN + 1]),
        Err(WarrantError::TooLong)
    );
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_without_panic(at in 0..GOLDEN.len(), to: u8) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(open(&bytes).is_err());
    }

    /// What is read is written again as it was, whatever was changed.
    #[test]
    fn changed_texts_are_canonical_or_refused(
        serial in "[0-9+]{1,2}",
        at: prop::sample::Index,
        to in "[ -~\n]{0,2}",
    ) {
        let mut text = terms().text().replace("serial: 7", &format!("serial: {serial}"));
        if to.len() < 2 {
            let at = at.index(text.len());
            text.replace_range(at..=at, &to);
        }
        if let Ok(terms) = WarrantTerms::read(&text) {
            prop_assert_eq!(terms.text(), text);
        }
    }

    #[test]
    fn round_trip(serial: u64, issued: u64, feeds in prop::collection::btree_set(0_u8..255, 0..5)) {
        let terms = WarrantTerms { serial, issued, heads: feeds.into_iter().map(head).collect(), ..terms() };
        let warrant = Warrant::issue(terms, &key(1)).unwrap();
        prop_assert_eq!(open(warrant.note().bytes()), Ok(warrant));
    }
}
