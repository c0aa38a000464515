use proptest::prelude::*;

use super::*;
use crate::{SealingSecret, WarrantTerms};

/// Seeds: root 1, signing 2, witness 3, sealing 4. The signature computed with Python's
/// `cryptography`.
const GOLDEN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/card.txt"
));

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn warrant() -> Warrant {
    let terms = WarrantTerms {
        member: "MY".parse().unwrap(),
        serial: 1,
        signing: key(2).public_key(),
        witness: key(3).public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    Warrant::issue(terms, &key(1)).unwrap()
}

fn address(text: &str) -> AddressText {
    text.parse().unwrap()
}

fn terms() -> CardTerms {
    CardTerms {
        member: "MY".parse().unwrap(),
        serial: 3,
        sealing: SealingSecret::from_seed([4; 32]).public().clone(),
        peer: "12D3KooWFirst".parse().unwrap(),
        next_peer: Some("12D3KooWSecond".parse().unwrap()),
        addresses: vec![
            address("/ip4/192.0.2.1/udp/4001/quic-v1"),
            address("/dns4/node.example/udp/4001/quic-v1"),
        ],
        issued: 1_763_895_600,
    }
}

#[test]
fn golden() {
    let card = Card::issue(terms(), &key(2)).unwrap();
    assert_eq!(card.note().as_str(), GOLDEN);
    let opened = Card::open(GOLDEN.as_bytes(), &warrant()).unwrap();
    assert_eq!(opened, card);
    assert_eq!(opened.member().as_str(), "MY");
    assert_eq!(opened.serial(), 3);
    assert_eq!(opened.sealing(), &terms().sealing);
    assert_eq!(opened.peer().as_str(), "12D3KooWFirst");
    assert_eq!(opened.next_peer().unwrap().as_str(), "12D3KooWSecond");
    assert_eq!(opened.peer_ids().count(), 2);
    assert_eq!(opened.addresses(), terms().addresses);
    assert_eq!(opened.issued(), 1_763_895_600);
}

/// Signs a changed text by the right key, to reach what lies behind the signature check.
fn check_text(change: impl Fn(String) -> String, error: CardError) {
    let text = change(terms().text());
    let name = key_name(&"MY".parse().unwrap(), Role::Signing);
    let note = Note::sign(&text, &[(&name, &key(2))]).unwrap();
    assert_eq!(Card::open(note.bytes(), &warrant()), Err(error), "{text}");
}

#[test]
fn refused_texts() {
    let replaced = |from: &'static str, to: &'static str, error: FormError| {
        check_text(|text| text.replacen(from, to, 1), error.into());
    };
    replaced("v1", "v2", FormError::Title(TITLE));
    replaced("serial: 3", "serial: 03", FormError::NotCanonical);
    replaced(
        "\npeer: ",
        "\npier: ",
        FormError::Line {
            line: 30,
            expected: "peer",
        },
    );
    replaced("12D3KooWFirst", "12D3 KooW", FormError::Value("peer"));
    replaced("12D3KooWSecond", "", FormError::Value("next-peer"));
    replaced("/ip4/", "/ip\u{e9}/", FormError::Value("address"));
    replaced("issued: 1763895600\n", "", FormError::Ends("issued"));
    check_text(|text| text + "x\n", FormError::Extra(35).into());

    // The same key, folded in another way; not base64; a line too few; a line too many.
    check_text(
        |text| {
            text.replacen("\nsealing: ", "", 2)
                .replacen("serial: 3", "serial: 3\nsealing: ", 1)
        },
        FormError::NotCanonical.into(),
    );
    replaced("sealing: ", "sealing: ?", FormError::Value("sealing"));
    let line = |text: &str| {
        let line = text.lines().nth(4).unwrap();
        format!("{line}\n")
    };
    check_text(
        |text| text.replacen(&line(&text), "", 1),
        SealingKeyError::Length(1168).into(),
    );
    check_text(
        |text| text.replacen(&line(&text), &line(&text).repeat(2), 1),
        SealingKeyError::Length(1264).into(),
    );
    check_text(
        |text| text.replacen(&line(&text), &format!("sealing: {}\n", "/".repeat(64)), 1),
        SealingKeyError::Invalid.into(),
    );
}

#[test]
fn refused_terms() {
    let check = |change: fn(&mut CardTerms), error: CardError| {
        let mut terms = terms();
        change(&mut terms);
        assert_eq!(Card::issue(terms.clone(), &key(2)), Err(error.clone()));
        check_text(move |_| terms.text(), error);
    };
    check(
        |terms| terms.next_peer = Some(terms.peer.clone()),
        CardError::SamePeer,
    );
    check(
        |terms| terms.addresses = vec![address("/a"), address("/b"), address("/a")],
        CardError::RepeatedAddress(address("/a")),
    );
    check(
        |terms| terms.addresses = (0..9).map(|n| address(&format!("/{n}"))).collect(),
        CardError::TooManyAddresses,
    );
}

#[test]
fn refused_signers() {
    let open = |bytes: &[u8]| Card::open(bytes, &warrant());
    let by_another = Card::issue(terms(), &key(5)).unwrap();
    assert_eq!(
        open(by_another.note().bytes()),
        Err(NoteVerifyError::NotSigned.into())
    );
    let changed = GOLDEN.replace("192.0.2.1", "192.0.2.2");
    assert_eq!(
        open(changed.as_bytes()),
        Err(NoteVerifyError::BadSignature.into())
    );
    let mut terms = terms();
    terms.member = "SG".parse().unwrap();
    let text = terms.text();
    check_text(
        move |_| text.clone(),
        CardError::OtherMember("SG".parse().unwrap()),
    );
    assert_eq!(
        open(&GOLDEN.as_bytes()[..900]),
        Err(NoteError::NoSignature.into())
    );
    assert_eq!(
        open(&vec![b'x'; Card::MAX_LEN + 1]),
        Err(CardError::TooLong)
    );
}

#[test]
fn the_longest_card_fits() {
    let mut terms = terms();
    let long = |n: usize, max: usize| format!("{n}{}", "x".repeat(max - 1));
    terms.peer = long(0, PeerIdText::MAX_LEN).parse().unwrap();
    terms.next_peer = Some(long(1, PeerIdText::MAX_LEN).parse().unwrap());
    terms.addresses = (0..Card::MAX_ADDRESSES)
        .map(|n| address(&long(n, AddressText::MAX_LEN)))
        .collect();
    (terms.serial, terms.issued) = (u64::MAX, u64::MAX);
    let card = Card::issue(terms, &key(2)).unwrap();
    assert_eq!(Card::open(card.note().bytes(), &warrant()), Ok(card));
}

#[test]
fn printable_texts() {
    for (bad, error) in [
        ("", PrintableError::Length { max: 128 }),
        (&"x".repeat(129), PrintableError::Length { max: 128 }),
        ("a b", PrintableError::Character),
        ("a\n", PrintableError::Character),
        ("é", PrintableError::Character),
    ] {
        assert_eq!(bad.parse::<PeerIdText>(), Err(error), "{bad:?}");
    }
    assert!("x".repeat(256).parse::<AddressText>().is_ok());
    assert!("x".repeat(257).parse::<AddressText>().is_err());
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_without_panic(at in 0..GOLDEN.len(), to: u8) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Card::open(&bytes, &warrant()).is_err());
    }

    #[test]
    fn texts_never_panic(text in "(kentong card v1\n)?(member: MY\nserial: 1\n)?((sealing|peer|address|issued): [0-9a-zA-Z+/ =]{0,70}\n){0,6}") {
        if let Ok(terms) = CardTerms::read(&text) {
            prop_assert_eq!(terms.text(), text);
        }
    }

    #[test]
    fn round_trip(serial: u64, issued: u64, peer in "[!-~]{1,128}", hosts in prop::collection::btree_set("[!-~]{1,256}", 0..8)) {
        let terms = CardTerms {
            serial,
            issued,
            peer: peer.parse().unwrap(),
            next_peer: None,
            addresses: hosts.iter().map(|host| address(host)).collect(),
            ..terms()
        };
        let card = Card::issue(terms, &key(2)).unwrap();
        prop_assert_eq!(Card::open(card.note().bytes(), &warrant()), Ok(card));
    }
}
