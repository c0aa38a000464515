use proptest::prelude::*;

use super::*;
use crate::{SealingSecret, WarrantTerms};

/// Seeds: root 1, signing 2, witness 3, sealing 4, transport 6 and next 7. Peer ids and signatures
/// computed with Python's `cryptography`.
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

fn peer(seed: u8) -> PeerIdText {
    PeerIdText::of(&key(seed).public_key())
}

fn issue(terms: CardTerms) -> Result<Card, CardError> {
    Card::issue(terms, &key(2), &[&key(6), &key(7)])
}

fn address(text: &str) -> AddressText {
    text.parse().unwrap()
}

fn terms() -> CardTerms {
    CardTerms {
        member: "MY".parse().unwrap(),
        serial: 3,
        sealing: SealingSecret::from_seed([4; 32]).public().clone(),
        peer: peer(6),
        next_peer: Some(peer(7)),
        addresses: vec![
            address("/ip4/192.0.2.1/udp/4001/quic-v1"),
            address("/dns4/node.example/udp/4001/quic-v1"),
        ],
        issued: 1_763_895_600,
    }
}

#[test]
fn golden() {
    let card = issue(terms()).unwrap();
    assert_eq!(card.note().as_str(), GOLDEN);
    let opened = Card::open(GOLDEN.as_bytes(), &warrant()).unwrap();
    assert_eq!(opened, card);
    assert_eq!(opened.member().as_str(), "MY");
    assert_eq!(opened.serial(), 3);
    assert_eq!(opened.sealing(), &terms().sealing);
    assert_eq!(opened.peer(), &peer(6));
    assert_eq!(opened.next_peer(), Some(&peer(7)));
    assert_eq!(opened.peer_ids().count(), 2);
    assert_eq!(opened.addresses(), terms().addresses);
    assert_eq!(opened.issued(), 1_763_895_600);
}

/// Signs by the signing key, and by these under the name of a transport key of `member`.
fn sign(text: &str, member: &str, transport: &[u8]) -> Note {
    let name = key_name(&"MY".parse().unwrap(), Role::Signing);
    let peer_name = key_name(&member.parse().unwrap(), Role::Transport);
    let note = Note::sign(text, &[(&name, &key(2))]).unwrap();
    transport.iter().fold(note, |note, seed| {
        note.add_signature(&peer_name, &key(*seed)).unwrap()
    })
}

/// Signs a changed text by the right keys, to reach what lies behind the signature check.
fn check_text(change: impl Fn(String) -> String, error: CardError) {
    let text = change(terms().text());
    let note = sign(&text, "MY", &[6, 7]);
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
    replaced("peer: 12D3", "peer: 12D", FormError::Value("peer"));
    replaced("next-peer: 1", "next-peer: ", FormError::Value("next-peer"));
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
        assert_eq!(issue(terms.clone()), Err(error.clone()));
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
    let by_another = Card::issue(terms(), &key(5), &[&key(6), &key(7)]).unwrap();
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
    terms.addresses = (0..Card::MAX_ADDRESSES)
        .map(|n| address(&long(n, AddressText::MAX_LEN)))
        .collect();
    (terms.serial, terms.issued) = (u64::MAX, u64::MAX);
    let card = issue(terms).unwrap();
    assert_eq!(Card::open(card.note().bytes(), &warrant()), Ok(card));
}

/// A member that cannot sign by the key of a peer id cannot claim it.
#[test]
fn unproven_peer_ids() {
    let text = terms().text();
    let check = |note: &Note, seed: u8, why: NoteVerifyError| {
        let peer = peer(seed);
        assert_eq!(
            Card::open(note.bytes(), &warrant()),
            Err(CardError::Unproven { peer, why }),
            "{note}"
        );
    };
    assert!(Card::open(sign(&text, "MY", &[7, 6]).bytes(), &warrant()).is_ok());
    check(&sign(&text, "MY", &[]), 6, NoteVerifyError::NotSigned);
    check(&sign(&text, "MY", &[7]), 6, NoteVerifyError::NotSigned);
    check(&sign(&text, "MY", &[6]), 7, NoteVerifyError::NotSigned);
    check(&sign(&text, "MY", &[6, 5]), 7, NoteVerifyError::NotSigned);
    // By the right keys, but as somebody else's.
    check(&sign(&text, "SG", &[6, 7]), 6, NoteVerifyError::NotSigned);
    // What the keys signed for another card, as of another serial.
    let other = sign(&text.replace("serial: 3", "serial: 2"), "MY", &[6, 7]);
    let copied = other.signatures()[1..]
        .iter()
        .fold(sign(&text, "MY", &[]), |note, line| {
            note.with_signature(line.clone()).unwrap()
        });
    check(&copied, 6, NoteVerifyError::BadSignature);
    let twice = sign(&text, "MY", &[6, 7])
        .with_signature(other.signatures()[2].clone())
        .unwrap();
    check(&twice, 7, NoteVerifyError::Repeated);

    for (keys, missing) in [(vec![], 6), (vec![&key(7)], 6), (vec![&key(6)], 7)] {
        let unproven = CardError::Unproven {
            peer: peer(missing),
            why: NoteVerifyError::NotSigned,
        };
        assert_eq!(Card::issue(terms(), &key(2), &keys), Err(unproven));
    }
}

#[test]
fn address_texts() {
    for (bad, error) in [
        ("", AddressTextError::Length),
        (&"x".repeat(257), AddressTextError::Length),
        ("a b", AddressTextError::Character),
        ("a\n", AddressTextError::Character),
        ("é", AddressTextError::Character),
    ] {
        assert_eq!(bad.parse::<AddressText>(), Err(error), "{bad:?}");
    }
    assert!("x".repeat(256).parse::<AddressText>().is_ok());
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_without_panic(at in 0..GOLDEN.len(), to: u8) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Card::open(&bytes, &warrant()).is_err());
    }

    /// What is read is written again as it was, whatever was changed outside the sealing key.
    #[test]
    fn changed_texts_are_canonical_or_refused(
        serial in "[0-9+]{1,2}",
        tail in any::<bool>(),
        at: prop::sample::Index,
        to in "[ -~\n]{0,2}",
    ) {
        let mut text = terms().text().replace("serial: 3", &format!("serial: {serial}"));
        let span = if tail { text.find("\npeer: ").unwrap()..text.len() } else { 0..text.len() };
        if to.len() < 2 {
            let at = span.start + at.index(span.len());
            text.replace_range(at..=at, &to);
        }
        if let Ok(terms) = CardTerms::read(&text) {
            prop_assert_eq!(terms.text(), text);
        }
    }

    #[test]
    fn round_trip(serial: u64, issued: u64, transport: [u8; 32], hosts in prop::collection::btree_set("[!-~]{1,256}", 0..8)) {
        let transport = SigningKey::from_seed(transport);
        let terms = CardTerms {
            serial,
            issued,
            peer: PeerIdText::of(&transport.public_key()),
            next_peer: None,
            addresses: hosts.iter().map(|host| address(host)).collect(),
            ..terms()
        };
        let card = Card::issue(terms, &key(2), &[&transport]).unwrap();
        prop_assert_eq!(Card::open(card.note().bytes(), &warrant()), Ok(card));
    }
}
