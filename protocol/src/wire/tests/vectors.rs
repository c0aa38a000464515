//! The golden files under `tests/vectors/wire`.

use kentong_keys::{Digest, Label, SealedEpochKey, SealingKeyId, SigningKey};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::encoding::{DecodeError, encode};
use crate::feed::{ConsistencyProof, FeedId, Tree, leaf_hash};
use crate::golden::{Vector, check_made, check_outcomes, check_read, golden, replaced, variants};
use crate::time::Timestamp;
use crate::wire::{
    Alive, Bye, Claim, ClaimError, Evidence, Heads, Hello, Holds, Leaves, Message, MessageError,
    Papers, SignedClaim,
};

variants!(MESSAGES, name_of, Message, {
    Message::Hello(_) => "hello",
    Message::Credentials { .. } => "credentials",
    Message::Heads(_) => "heads",
    Message::WantLeaves { .. } => "want-leaves",
    Message::Leaves(_) => "leaves",
    Message::WantBodies { .. } => "want-bodies",
    Message::Body { .. } => "body",
    Message::NoBody { .. } => "no-body",
    Message::WantEpoch { .. } => "want-epoch",
    Message::Rewrap { .. } => "rewrap",
    Message::Claim(_) => "claim",
    Message::Bye(_) => "bye",
    Message::Evidence(_) => "evidence",
    Message::Papers(_) => "papers",
    Message::WantPapers { .. } => "want-papers",
    Message::Paper(_) => "paper",
});
variants!(MESSAGE_ERRORS, name_of_error, MessageError, {
    MessageError::Decode(DecodeError::Malformed) => "Decode(Malformed)",
    MessageError::Decode(DecodeError::NotCanonical) => "Decode(NotCanonical)",
    MessageError::Unknown => "Unknown",
    // Too long for a file.
    MessageError::Decode(DecodeError::TooLong { .. }) => "",
});
variants!(CLAIMS, name_of_claim, Claim, {
    Claim::Alive(_) => "alive",
    Claim::Holds(_) => "holds",
});
variants!(CLAIM_ERRORS, name_of_claim_error, ClaimError, {
    ClaimError::Signature => "Signature",
    ClaimError::Form => "Form",
});
variants!(BYES, name_of_bye, Bye, {
    Bye::Stopping => "bye-stopping",
    Bye::Version => "bye-version",
    Bye::Federation => "bye-federation",
    Bye::Charter => "bye-charter",
    Bye::Fault => "bye-fault",
    Bye::Unwell => "bye-unwell",
});

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn feed() -> FeedId {
    FeedId::from_digest(digest(0xfd))
}

fn bytes<const N: usize>(bytes: &[u8]) -> BoundedBytes<N> {
    BoundedBytes::new(bytes.to_vec()).unwrap()
}

fn list<T, const N: usize>(elements: Vec<T>) -> BoundedVec<T, N> {
    BoundedVec::new(elements).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn alive() -> Claim {
    Claim::Alive(Alive {
        time: Timestamp::from_seconds(1_790_000_000).unwrap(),
        charter_version: 3,
        heads: digest(0x4e),
    })
}

fn holds() -> Claim {
    Claim::Holds(Holds {
        feed: feed(),
        size: 1000,
        root: digest(8),
        missing: 1,
        unopened: 2,
        erased: 3,
        applied: 999,
        time: Timestamp::from_seconds(1_790_000_000).unwrap(),
    })
}

fn evidence(link: Option<(u64, Digest, ConsistencyProof)>) -> Message {
    Message::Evidence(Box::new(Evidence {
        publisher: "MY".parse().unwrap(),
        feed: feed(),
        held: bytes(b"a checkpoint"),
        shown: bytes(b"another"),
        link,
    }))
}

/// Each message at least once.
fn messages() -> Vec<(&'static str, Message)> {
    let feed = feed();
    let tree = Tree::over((0_u8..7).map(|i| leaf_hash(&[i])));
    let body = |body: &[u8]| Message::Body {
        feed,
        index: 7,
        body: bytes(body),
    };
    let mut messages = vec![
        (
            "hello",
            Message::Hello(Box::new(Hello {
                protocol: 1,
                features: 0,
                federation: digest(0xfe),
                charter_version: 3,
                charter: digest(0xcc),
                member: "PH-CICC".parse().unwrap(),
                warrant: 1,
                card: 2,
                your_warrant: 24,
                your_card: u64::MAX,
            })),
        ),
        (
            "credentials",
            Message::Credentials {
                warrant: bytes(b"a warrant"),
                card: bytes(b"a card"),
            },
        ),
        ("heads-none", Message::Heads(Heads::default())),
        (
            "heads",
            Message::Heads(Heads {
                mine: list(vec![bytes(b"a checkpoint"), bytes(b"another")]),
                yours: list(vec![(feed, 1000)]),
            }),
        ),
        ("want-leaves", Message::WantLeaves { feed, from: 256 }),
        (
            "leaves",
            Message::Leaves(Box::new(Leaves {
                feed,
                from: 1,
                leaves: list(vec![bytes(b"a leaf"), bytes(b"another")]),
                checkpoint: bytes(b"a checkpoint"),
                proof: tree.consistency(3, 7).unwrap(),
                following: list(vec![2]),
            })),
        ),
        (
            "want-bodies",
            Message::WantBodies {
                feed,
                indexes: list(vec![2, 300]),
            },
        ),
        ("body", body(b"a sealed body")),
        ("no-body", Message::NoBody { feed, index: 7 }),
        ("want-epoch", Message::WantEpoch { feed, epoch: 1 }),
        (
            "rewrap",
            Message::Rewrap {
                feed,
                epoch: 1,
                key_id: SealingKeyId::from_bytes([0x21; 8]),
                sealed: SealedEpochKey::from_bytes([0x22; 1168]),
            },
        ),
        ("claim-alive", Message::Claim(alive().sign(&key()))),
        ("claim-holds", Message::Claim(holds().sign(&key()))),
    ];
    messages.extend(last_messages());
    messages
}

/// The last of them, by their numbers.
fn last_messages() -> Vec<(&'static str, Message)> {
    let tree = Tree::over((0_u8..7).map(|i| leaf_hash(&[i])));
    vec![
        ("bye-stopping", Message::Bye(Bye::Stopping)),
        ("bye-version", Message::Bye(Bye::Version)),
        ("bye-federation", Message::Bye(Bye::Federation)),
        ("bye-charter", Message::Bye(Bye::Charter)),
        ("bye-fault", Message::Bye(Bye::Fault)),
        ("bye-unwell", Message::Bye(Bye::Unwell)),
        ("evidence-one-size", evidence(None)),
        (
            "evidence-linked",
            evidence(Some((3, digest(0x33), tree.consistency(3, 7).unwrap()))),
        ),
        (
            "papers",
            Message::Papers(Box::new(Papers {
                charter_version: 3,
                charter: digest(0xcc),
                papers: list(vec![digest(0x51), digest(0x52)]),
                credentials: list(vec![("PH-CICC".parse().unwrap(), 1, 24)]),
            })),
        ),
        (
            "want-papers",
            Message::WantPapers {
                papers: list(vec![digest(0x51)]),
                members: list(vec!["PH-CICC".parse().unwrap()]),
            },
        ),
        ("paper", Message::Paper(bytes(b"a paper"))),
    ]
}

fn faults() -> Vec<Vector> {
    let of = |name: &str| {
        let mut all = messages().into_iter();
        let (_, message) = all.find(|(known, _)| *known == name).unwrap();
        message.encode()
    };
    let malformed =
        |name: &str, bytes| Vector::fault(name, bytes, MessageError::from(DecodeError::Malformed));
    let another = |name: &str, bytes| {
        Vector::fault(name, bytes, MessageError::from(DecodeError::NotCanonical))
    };
    let unknown = |name: &str, bytes| Vector::fault(name, bytes, MessageError::Unknown);
    let (hello, want) = (of("hello"), of("want-leaves"));
    let many = |count| encode(&(6_u8, feed(), vec![0_u8; count]));
    let notes = |count| encode(&(3_u8, vec![serde_bytes::Bytes::new(b""); count], [0_u8; 0]));
    let long_note = serde_bytes::ByteBuf::from(vec![0; 4097]);
    let claim = of("claim-alive");
    vec![
        malformed("empty", Vec::new()),
        malformed("head-alone", vec![0x82]),
        malformed("cut-short", want[..want.len() - 1].to_vec()),
        malformed("followed-by-a-byte", [&want[..], &[0]].concat()),
        malformed("field-missing", vec![0x81, 12]),
        malformed("field-more", vec![0x83, 12, 0, 0]),
        malformed("map", vec![0xa1, 12, 0]),
        another("text-for-bytes", replaced(&of("body"), &[0x4d], &[0x6d])),
        malformed(
            "member-not-a-name",
            replaced(&hello, b"PH-CICC", b"ph-cicc"),
        ),
        malformed(
            "epoch-too-large",
            replaced(
                &of("want-epoch"),
                &[0xfd, 0x01],
                &[0xfd, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0],
            ),
        ),
        malformed(
            "feed-short",
            replaced(&want, &[0x58, 32, 0xfd], &[0x58, 31]),
        ),
        malformed(
            "sealed-key-short",
            replaced(
                &of("rewrap"),
                &[0x59, 0x04, 0x90, 0x22],
                &[0x59, 0x04, 0x8f],
            ),
        ),
        malformed(
            "signature-short",
            replaced(&claim, &[0x58, 64], &[0x58, 63]),
        ),
        malformed("too-many-wanted", many(65)),
        malformed("too-many-heads", notes(513)),
        malformed(
            "evidence-link-short",
            replaced(&of("evidence-one-size"), &[0xf6], &[0x81, 0]),
        ),
        malformed(
            "checkpoint-too-long",
            encode(&(3_u8, vec![long_note], [0_u8; 0])),
        ),
        malformed(
            "too-many-papers",
            encode(&(15_u8, vec![digest(1); 65], [0_u8; 0])),
        ),
        another("long-form-number", vec![0x82, 12, 0x18, 0]),
        another("indefinite-array", vec![0x9f, 12, 0, 0xff]),
        another("tagged", vec![0x82, 12, 0xc1, 0]),
        another(
            "long-form-length",
            replaced(&of("heads-none"), &[3, 0x80], &[3, 0x98, 0]),
        ),
        unknown("kind-zero", vec![0x82, 0, 0]),
        unknown("kind-17", vec![0x82, 17, 0]),
        unknown("long-form-kind", vec![0x82, 0x18, 12, 0]),
        unknown("another-protocol", b"GET / HTTP/1.1\r\n".to_vec()),
    ]
}

#[test]
fn every_message_and_every_fault() {
    let file = golden!("wire/messages.tsv");
    let all = messages();
    let made = all
        .iter()
        .map(|(name, message)| Vector::valid(name, message.encode()));
    check_made(&file, &made.chain(faults()).collect::<Vec<_>>());
    check_read(&file, Message::decode, Message::encode);
    for (name, message) in &all {
        assert!(name.starts_with(name_of(message)), "{name}");
        if let Message::Bye(bye) = message {
            assert_eq!(*name, name_of_bye(bye));
        }
    }
    for name in MESSAGES {
        assert!(
            all.iter().any(|(_, one)| name_of(one) == *name),
            "no vector for {name}"
        );
    }
    for name in BYES {
        assert!(
            all.iter().any(|(known, _)| known == name),
            "no vector for {name}"
        );
    }
    check_outcomes(&file, MESSAGE_ERRORS);
    assert_eq!(name_of_error(&MessageError::Unknown), "Unknown");
}

#[test]
fn the_manual_has_every_message() {
    let manual = include_str!("../../../WIRE.md");
    for (_, message) in messages() {
        let text = format!("{message:?}");
        let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        let row = format!("\n| {name} | `[{}, ", message.encode()[1]);
        assert!(manual.contains(&row), "no row {row}");
    }
    for (claim, number) in [(alive(), 1), (holds(), 2)] {
        let text = format!("{claim:?}");
        let name = text.split('(').next().unwrap();
        let row = format!("\n| {name} | `[1, {number}, ");
        assert!(manual.contains(&row), "no row {row}");
    }
}

/// The one exception to what is taken being written as it came.
#[test]
fn a_farewell_of_a_later_version_is_a_stop() {
    let later = Message::decode(&[0x82, 12, 23]);
    assert_eq!(later, Ok(Message::Bye(Bye::Stopping)));
}

const CLAIM: Label = Label::new("kentong/claim/1");

/// What is signed, and each way of being no claim though it is truly signed.
fn claims() -> Vec<Vector> {
    let signed =
        |text: &[u8]| encode(&(0_u8, serde_bytes::Bytes::new(text), key().sign(CLAIM, text)));
    let form = |name: &str, text: &[u8]| Vector::fault(name, signed(text), ClaimError::Form);
    let time = 1_790_000_000_u64;
    let good = encode(&(1_u8, 1_u8, time, 3_u32, digest(0x4e)));
    let kept = alive().sign(&key()).to_bytes();
    assert_eq!(kept, signed(&good), "what is signed is this");
    let stranger = alive().sign(&SigningKey::from_seed([2; 32]));
    vec![
        Vector::valid("alive", kept.clone()),
        Vector::valid("holds", holds().sign(&key()).to_bytes()),
        Vector::fault(
            "signed-by-another",
            stranger.to_bytes(),
            ClaimError::Signature,
        ),
        Vector::fault(
            "changed-after-signing",
            replaced(&kept, &[0x80, 3, 0x58], &[0x80, 4, 0x58]),
            ClaimError::Signature,
        ),
        form("empty", b""),
        form(
            "version-unknown",
            &encode(&(2_u8, 1_u8, time, 3_u32, digest(0x4e))),
        ),
        form(
            "kind-unknown",
            &encode(&(1_u8, 3_u8, time, 3_u32, digest(0x4e))),
        ),
        form("cut-short", &good[..good.len() - 1]),
        form("followed-by-a-byte", &[&good[..], &[0]].concat()),
        form(
            "long-form-integer",
            &replaced(&good, &[3, 0x58], &[0x18, 3, 0x58]),
        ),
        form(
            "time-after-9999",
            &encode(&(1_u8, 1_u8, 253_402_207_201_u64, 3_u32, digest(0x4e))),
        ),
    ]
}

#[test]
fn every_claim_and_every_fault() {
    let file = golden!("wire/claims.tsv");
    check_made(&file, &claims());
    let key = key().public_key();
    check_read(
        &file,
        |bytes| {
            let signed = SignedClaim::from_bytes(bytes).unwrap();
            let claim = signed.verify(&key)?;
            Ok::<_, ClaimError>((claim, signed))
        },
        |(_, signed)| signed.to_bytes(),
    );
    check_outcomes(&file, CLAIM_ERRORS);
    assert_eq!(name_of_claim_error(&ClaimError::Form), "Form");
    for name in CLAIMS {
        let claims = [alive(), holds()];
        assert!(
            claims.iter().any(|claim| name_of_claim(claim) == *name),
            "no vector for {name}"
        );
    }
}
