//! The golden files under `tests/vectors/feed` and `tests/vectors/checkpoint`.
//!
//! Leaves and checkpoints are made again and compared. Bodies hang on the release of zstd and
//! sealed keys on chance: of these the stored bytes must open.

use kentong_keys::{
    BodyContext, Digest, EpochKey, SealedEpochKey, SealingKeyId, SealingSecret, SigningKey,
};

use crate::bounded::BoundedVec;
use crate::encoding::{DecodeError, decode, encode};
use crate::feed::body::statements_root;
use crate::feed::{
    Audience, BatchLeaf, BodyError, Checkpoint, CheckpointError, CloseLeaf, EpochError, EpochLeaf,
    EraseLeaf, FeedId, GenesisLeaf, Leaf, LeafError, Origin, SealedFor, Tree, UnverifiedCheckpoint,
    leaf_hash, open_epoch,
};
use crate::golden::{
    Vector, check_made, check_outcomes, check_read, golden, hex, replaced, variants,
};

variants!(LEAVES, name_of, Leaf, {
    Leaf::Genesis(_) => "genesis",
    Leaf::Epoch(_) => "epoch",
    Leaf::Batch(_) => "batch",
    Leaf::Erase(_) => "erase",
    Leaf::Close(_) => "close",
});
variants!(LEAF_ERRORS, name_of_leaf_error, LeafError, {
    LeafError::Decode(DecodeError::Malformed) => "Decode(Malformed)",
    LeafError::Decode(DecodeError::NotCanonical) => "Decode(NotCanonical)",
    LeafError::UnknownKind => "UnknownKind",
    LeafError::Inconsistent => "Inconsistent",
    // Too long for a file.
    LeafError::Decode(DecodeError::TooLong { .. }) => "",
});
variants!(BODY_ERRORS, name_of_body_error, BodyError, {
    BodyError::Hash => "Hash",
    BodyError::Seal => "Seal",
    BodyError::Codec => "Codec",
    BodyError::Form => "Form",
    BodyError::Frame => "Frame",
    BodyError::Count => "Count",
    BodyError::Root => "Root",
});
variants!(EPOCH_ERRORS, name_of_epoch_error, EpochError, {
    EpochError::LeftOut => "LeftOut",
    EpochError::UnknownKey => "UnknownKey",
    EpochError::Seal => "Seal",
    EpochError::Commitment => "Commitment",
});
variants!(CHECKPOINT_ERRORS, name_of_checkpoint_error, CheckpointError, {
    CheckpointError::Note => "Note",
    CheckpointError::Form => "Form",
    CheckpointError::Signature => "Signature",
});

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn bounded<T, const N: usize>(elements: Vec<T>) -> BoundedVec<T, N> {
    BoundedVec::new(elements).unwrap()
}

fn genesis() -> GenesisLeaf {
    let (my, sg) = ("MY".parse().unwrap(), "SG".parse().unwrap());
    GenesisLeaf {
        federation: digest(0xfe),
        audience: Audience::of(&my, [&sg]).unwrap(),
        publisher: my,
        charter_version: 3,
        incarnation: 0,
        nonce: [0x11; 16],
    }
}

fn epoch() -> EpochLeaf {
    let one = |member: &str, byte| SealedFor {
        member: member.parse().unwrap(),
        key_id: SealingKeyId::from_bytes([byte; 8]),
        sealed: SealedEpochKey::from_bytes([byte; 1168]),
    };
    EpochLeaf {
        epoch: 1,
        charter_version: 3,
        commitment: digest(0xc0),
        sealed: bounded(vec![one("MY", 0x21), one("SG", 0x22)]),
        left_out: bounded(vec!["PH-CICC".parse().unwrap(), "TH".parse().unwrap()]),
    }
}

fn batch() -> BatchLeaf {
    BatchLeaf {
        epoch: 1,
        codec: 1,
        dictionary: 0,
        salt: [0x5a; 32],
        count: 1024,
        statements_root: digest(0xa1),
        body_hash: digest(0xa2),
        body_len: 640 * 1024,
    }
}

#[expect(clippy::too_many_lines, reason = "a table, one row per vector")]
fn leaves() -> Vec<Vector> {
    let (first, fresh, full) = (genesis(), epoch(), batch());
    let feeds = vec![
        FeedId::from_digest(digest(1)),
        FeedId::from_digest(digest(2)),
    ];
    let bytes = |leaf: Leaf| leaf.encode();
    let erase = bytes(Leaf::Erase(EraseLeaf {
        index: 7,
        reason: 0,
    }));
    let close = |reason, followed_by| {
        bytes(Leaf::Close(CloseLeaf {
            reason,
            followed_by: bounded(followed_by),
        }))
    };
    let bytes_of_first = bytes(Leaf::Genesis(first.clone()));
    let inconsistent = |name: &str, leaf| Vector::fault(name, bytes(leaf), LeafError::Inconsistent);
    let malformed =
        |name: &str, bytes| Vector::fault(name, bytes, LeafError::from(DecodeError::Malformed));
    let another =
        |name: &str, bytes| Vector::fault(name, bytes, LeafError::from(DecodeError::NotCanonical));
    let unknown = |name: &str, bytes| Vector::fault(name, bytes, LeafError::UnknownKind);
    let my = || "MY".parse().unwrap();
    let reversed = |leaf: &EpochLeaf| {
        let mut sealed = leaf.sealed.to_vec();
        sealed.reverse();
        bounded(sealed)
    };
    vec![
        Vector::valid("genesis", bytes_of_first.clone()),
        Vector::valid("epoch", bytes(Leaf::Epoch(fresh.clone()))),
        Vector::valid("batch", bytes(Leaf::Batch(full.clone()))),
        Vector::valid(
            "batch-of-a-later-codec",
            bytes(Leaf::Batch(BatchLeaf { codec: 2, ..full })),
        ),
        Vector::valid("erase", erase.clone()),
        Vector::valid(
            "erase-large-numbers",
            bytes(Leaf::Erase(EraseLeaf {
                index: u64::MAX,
                reason: 255,
            })),
        ),
        Vector::valid(
            "erase-of-the-first-batch",
            bytes(Leaf::Erase(EraseLeaf {
                index: 2,
                reason: 1,
            })),
        ),
        Vector::valid("close", close(0, feeds.clone())),
        Vector::valid("close-for-good", close(1, Vec::new())),
        malformed("empty", Vec::new()),
        malformed("version-alone", vec![0x81, 1]),
        malformed("cut-short", erase[..erase.len() - 1].to_vec()),
        malformed("followed-by-a-byte", [&erase[..], &[0]].concat()),
        malformed("field-missing", vec![0x83, 1, 3, 7]),
        malformed("field-more", vec![0x85, 1, 3, 7, 0, 0]),
        malformed(
            "digest-short",
            replaced(&close(1, feeds[..1].to_vec()), &[0x58, 32, 1], &[0x58, 31]),
        ),
        malformed(
            "publisher-not-a-name",
            replaced(&bytes_of_first, b"\xfebMY", b"\xfebmy"),
        ),
        malformed(
            "audience-empty",
            replaced(&bytes_of_first, b"\x82bMYbSG", b"\x80"),
        ),
        malformed(
            "audience-unsorted",
            replaced(&bytes_of_first, b"\x82bMYbSG", b"\x82bSGbMY"),
        ),
        malformed(
            "audience-twice",
            replaced(&bytes_of_first, b"\x82bMYbSG", b"\x82bMYbMY"),
        ),
        malformed(
            "charter-version-too-large",
            replaced(
                &bytes_of_first,
                &[3, 0, 0x50],
                &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x50],
            ),
        ),
        malformed("too-many-followers", {
            let feeds = vec![FeedId::from_digest(digest(1)); 257];
            encode(&(1_u8, 4_u8, 0_u8, feeds))
        }),
        another(
            "indefinite-array",
            [&[0x9f, 1, 3, 7, 0][..], &[0xff]].concat(),
        ),
        another("long-form-integer", vec![0x84, 1, 3, 0x18, 7, 0]),
        another(
            "long-form-length",
            replaced(&close(1, Vec::new()), &[0x80], &[0x98, 0]),
        ),
        another("tagged", vec![0x84, 1, 3, 0xc1, 7, 0]),
        unknown("kind-unknown", vec![0x84, 1, 5, 7, 0]),
        unknown("version-unknown", vec![0x84, 2, 3, 7, 0]),
        unknown("long-form-kind", vec![0x84, 1, 0x18, 3, 7, 0]),
        inconsistent(
            "audience-without-publisher",
            Leaf::Genesis(GenesisLeaf {
                publisher: "TH".parse().unwrap(),
                ..first
            }),
        ),
        inconsistent(
            "epoch-zero",
            Leaf::Epoch(EpochLeaf {
                epoch: 0,
                ..fresh.clone()
            }),
        ),
        inconsistent(
            "readers-unsorted",
            Leaf::Epoch(EpochLeaf {
                sealed: reversed(&fresh),
                ..fresh.clone()
            }),
        ),
        inconsistent(
            "reader-left-out",
            Leaf::Epoch(EpochLeaf {
                left_out: bounded(vec![my()]),
                ..fresh.clone()
            }),
        ),
        inconsistent(
            "left-out-twice",
            Leaf::Epoch(EpochLeaf {
                sealed: bounded(Vec::new()),
                left_out: bounded(vec![my(), my()]),
                ..fresh
            }),
        ),
        inconsistent(
            "batch-of-epoch-zero",
            Leaf::Batch(BatchLeaf { epoch: 0, ..full }),
        ),
        inconsistent(
            "erase-of-the-genesis",
            Leaf::Erase(EraseLeaf {
                index: 0,
                reason: 0,
            }),
        ),
        inconsistent(
            "erase-of-the-first-epoch",
            Leaf::Erase(EraseLeaf {
                index: 1,
                reason: 0,
            }),
        ),
        inconsistent("batch-empty", Leaf::Batch(BatchLeaf { count: 0, ..full })),
        inconsistent(
            "batch-too-many",
            Leaf::Batch(BatchLeaf {
                count: 1025,
                ..full
            }),
        ),
        inconsistent(
            "body-too-long",
            Leaf::Batch(BatchLeaf {
                body_len: 640 * 1024 + 1,
                ..full
            }),
        ),
    ]
}

#[test]
fn every_kind_of_leaf_and_every_fault() {
    let file = golden!("feed/leaves.tsv");
    check_made(&file, &leaves());
    check_read(&file, Leaf::decode, Leaf::encode);
    check_outcomes(&file, LEAF_ERRORS);
    for name in LEAVES {
        let found = file.iter().filter(|vector| vector.is_valid());
        let named = |vector: &Vector| name_of(&Leaf::decode(&vector.bytes).unwrap()) == *name;
        assert!(found.clone().any(named), "no vector for {name}");
    }
}

#[test]
fn the_manual_has_every_kind_of_leaf() {
    let manual = include_str!("../../../WIRE.md");
    for (kind, name) in (0..).zip(LEAVES) {
        let row = format!("\n| {kind} {name} | `[1, {kind}, ");
        assert!(manual.contains(&row), "no row {row}");
    }
}

/// What is computed from leaves and statements, and never sent by itself.
#[test]
fn names_and_roots() {
    let tree = Tree::over((0_u8..7).map(|i| leaf_hash(&[i])));
    let root = |tree: &Tree| tree.root().as_bytes().to_vec();
    let statements = |count: u8| -> Vec<_> { (0..count).map(|i| vec![i]).collect() };
    let statements_root = |count| statements_root(&[2; 32], &statements(count));
    check_made(
        &golden!("feed/derived.tsv"),
        &[
            Vector::valid(
                "id-of-feed",
                genesis().feed_id().digest().as_bytes().to_vec(),
            ),
            Vector::valid("root-of-none", root(&Tree::default())),
            Vector::valid("root-of-seven", root(&tree)),
            Vector::valid("inclusion-3-of-7", encode(&tree.inclusion(3, 7).unwrap())),
            Vector::valid(
                "consistency-3-to-7",
                encode(&tree.consistency(3, 7).unwrap()),
            ),
            Vector::valid("statements-root-1", statements_root(1).as_bytes().to_vec()),
            Vector::valid("statements-root-3", statements_root(3).as_bytes().to_vec()),
        ],
    );
}

const EPOCH_KEY: [u8; 32] = [3; 32];

/// A stored pair of a batch's leaf and its sealed body.
type Pair = (serde_bytes::ByteBuf, serde_bytes::ByteBuf);

/// Seventy statements, so that there are two frames.
fn sealed_statements() -> Vec<Vec<u8>> {
    (0..70)
        .map(|i| format!("statement number {i}").into_bytes())
        .collect()
}

fn open_pair(name: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>, BodyError> {
    let (leaf, body): Pair = decode(bytes, 4096).unwrap();
    let Ok(Leaf::Batch(leaf)) = Leaf::decode(&leaf) else {
        panic!("the first is a batch's leaf")
    };
    let (federation, feed) = (digest(0xfe), digest(0xfd));
    let context = BodyContext {
        federation: &federation,
        feed: &feed,
        incarnation: 0,
        index: 7,
    };
    leaf.check_body(&body)?;
    let key = EpochKey::from_secret(EPOCH_KEY);
    let body = body.into_vec();
    if ["frame-missing", "frame-too-many"].contains(&name) {
        let before_inflating = leaf.decrypt(&key, &context, body.clone());
        assert_eq!(
            before_inflating.map(|_| ()),
            Err(BodyError::Count),
            "{name}"
        );
    }
    let (open, statements) = leaf.open(&key, &context, body)?;
    assert_eq!(open.seed(), &[2; 32]);
    Ok(statements)
}

#[test]
fn stored_bodies_open() {
    let file = golden!("feed/bodies.tsv");
    for vector in &file {
        let outcome = match open_pair(&vector.name, &vector.bytes) {
            Ok(statements) => {
                assert_eq!(statements, sealed_statements());
                "valid"
            }
            Err(error) => name_of_body_error(&error),
        };
        assert_eq!(outcome, vector.outcome, "{}", vector.name);
    }
    check_outcomes(&file, &["valid"]);
    check_outcomes(&file, BODY_ERRORS);
}

#[test]
fn stored_epochs_open() {
    let file = golden!("feed/epochs.tsv");
    let secret = SealingSecret::from_seed([2; 32]);
    for vector in &file {
        let Ok(Leaf::Epoch(leaf)) = Leaf::decode(&vector.bytes) else {
            panic!("an epoch's leaf")
        };
        let sg = "SG".parse().unwrap();
        let feed = FeedId::from_digest(digest(0xfd));
        let outcome = match open_epoch(&leaf, &digest(0xfe), feed, &sg, [&secret]) {
            Ok(key) => {
                assert_eq!(hex(key.secret().expose()), hex(&EPOCH_KEY));
                "valid"
            }
            Err(error) => name_of_epoch_error(&error),
        };
        assert_eq!(outcome, vector.outcome, "{}", vector.name);
    }
    check_outcomes(&file, &["valid"]);
    check_outcomes(&file, EPOCH_ERRORS);
}

fn checkpoints() -> Vec<Vector> {
    let origin = |incarnation| Origin {
        federation: "ASEAN".into(),
        publisher: "MY".parse().unwrap(),
        feed: genesis().feed_id(),
        incarnation,
    };
    let sign = |key: u8, incarnation, size| {
        let key = SigningKey::from_seed([key; 32]);
        Checkpoint::sign(origin(incarnation), size, digest(8), &key)
    };
    let good = sign(1, 0, 5).note().to_vec();
    let spoilt = |name: &str, from: &str, to: &str, error| {
        Vector::fault(name, replaced(&good, from.as_bytes(), to.as_bytes()), error)
    };
    let form = |name: &str, from: &str, to: &str| spoilt(name, from, to, CheckpointError::Form);
    vec![
        Vector::valid("valid", good.clone()),
        Vector::valid("valid-largest", sign(1, u32::MAX, u64::MAX).note().to_vec()),
        Vector::fault(
            "signed-by-another",
            sign(2, 0, 5).note().to_vec(),
            CheckpointError::Signature,
        ),
        spoilt(
            "size-changed-after-signing",
            "\n5\n",
            "\n6\n",
            CheckpointError::Signature,
        ),
        form("size-with-leading-zero", "\n5\n", "\n05\n"),
        form("size-signed", "\n5\n", "\n+5\n"),
        form("size-too-large", "\n5\n", "\n18446744073709551616\n"),
        form(
            "root-missing",
            "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=\n",
            "",
        ),
        form(
            "root-short",
            "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=\n",
            "CAgI\n",
        ),
        form("line-added", "\n\n", "\nmore\n\n"),
        form("origin-of-another-kind", "kentong/ASEAN", "gong/ASEAN"),
        form("origin-longer", "/0\n", "/0/1\n"),
        form("origin-without-incarnation", "/0\n", "\n"),
        form("incarnation-with-leading-zero", "/0\n", "/00\n"),
        form(
            "feed-upper-case",
            &genesis().feed_id().to_string(),
            &genesis().feed_id().to_string().to_uppercase(),
        ),
        form("publisher-not-a-name", "ASEAN/MY/", "ASEAN/my/"),
        spoilt("not-a-note", "\n\n", "\n", CheckpointError::Note),
        Vector::fault("empty", Vec::new(), CheckpointError::Note),
    ]
}

#[test]
fn checkpoints_and_every_fault() {
    let file = golden!("checkpoint/checkpoints.tsv");
    check_made(&file, &checkpoints());
    let key = SigningKey::from_seed([1; 32]).public_key();
    check_read(
        &file,
        |bytes| UnverifiedCheckpoint::parse(bytes)?.verify(&key),
        |checkpoint| checkpoint.note().to_vec(),
    );
    check_outcomes(&file, CHECKPOINT_ERRORS);
    assert_eq!(name_of_checkpoint_error(&CheckpointError::Note), "Note");
    assert_eq!(name_of_leaf_error(&LeafError::UnknownKind), "UnknownKind");
}
