//! What holds for every leaf, tree, body and checkpoint, and for any bytes.

use kentong_keys::{BodyContext, Digest, EpochKey, Hasher, SigningKey, seal_body};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::arbitrary::{Damage, damage, damaged, digest, leaf};
use crate::encoding::encode;
use crate::feed::body::{body_hash, plain, statements_root};
use crate::feed::padding::padded;
use crate::feed::{
    BatchLeaf, Checkpoint, Frontier, Leaf, MAX_LEAF, Origin, Tree, UnverifiedCheckpoint, leaf_hash,
};
use crate::golden::hex;

fn canonical_or_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(leaf) = Leaf::decode(bytes) {
        prop_assert_eq!(hex(&leaf.encode()), hex(bytes));
    }
    Ok(())
}

proptest! {
    #[test]
    fn leaves_round_trip(leaf in leaf()) {
        let bytes = leaf.encode();
        prop_assert!(bytes.len() <= MAX_LEAF);
        prop_assert_eq!(Leaf::decode(&bytes), Ok(leaf));
    }

    #[test]
    fn any_bytes_are_a_canonical_leaf_or_refused(
        (head, kind) in (0x80..0x8c_u8, 0..6_u8),
        bytes in vec(any::<u8>(), 0..80),
    ) {
        canonical_or_refused(&bytes)?;
        canonical_or_refused(&[&[head, 1, kind], bytes.as_slice()].concat())?;
    }

    #[test]
    fn damaged_leaves_are_canonical_or_refused(leaf in leaf(), damage in damage()) {
        canonical_or_refused(&damaged(leaf.encode(), &damage))?;
    }
}

fn hash(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::plain();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

/// How many of `width` leaves stand to the left: the largest power of two below it.
fn left_of(width: usize) -> usize {
    let mut left = 1;
    while left * 2 < width {
        left *= 2;
    }
    left
}

/// MTH of RFC 6962 section 2.1, word for word.
fn mth(leaves: &[Vec<u8>]) -> Digest {
    match leaves {
        [] => hash(&[]),
        [leaf] => hash(&[&[0], leaf]),
        more => {
            let (left, right) = more.split_at(left_of(more.len()));
            hash(&[&[1], mth(left).as_bytes(), mth(right).as_bytes()])
        }
    }
}

/// PATH of section 2.1.1.
fn path(index: usize, leaves: &[Vec<u8>]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = left_of(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut path, sibling) = if index < split {
        (path(index, left), mth(right))
    } else {
        (path(index - split, right), mth(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of section 2.1.2.
fn subproof(old: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![mth(leaves)] };
    }
    let split = left_of(leaves.len());
    let (left, right) = leaves.split_at(split);
    let (mut proof, sibling) = if old <= split {
        (subproof(old, left, whole), mth(right))
    } else {
        (subproof(old - split, right, false), mth(left))
    };
    proof.push(sibling);
    proof
}

/// Different leaves: among like ones a proof of one can be a proof of another.
fn some_leaves() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..5), 1..130).prop_map(|leaves| {
        let numbered = (0_u8..).zip(leaves);
        numbered
            .map(|(i, leaf)| [&[i], leaf.as_slice()].concat())
            .collect()
    })
}

fn tree_of(leaves: &[Vec<u8>]) -> Tree {
    Tree::over(leaves.iter().map(|leaf| leaf_hash(leaf)))
}

proptest! {
    #[test]
    fn roots_are_those_of_rfc_6962(leaves in some_leaves(), at in any::<Index>()) {
        let size = at.index(leaves.len() + 1);
        let (tree, before) = (tree_of(&leaves), &leaves[..size]);
        prop_assert_eq!(tree.root(), mth(&leaves));
        prop_assert_eq!(tree.root_at(size as u64), Some(mth(before)));
        prop_assert_eq!(tree.root_at(leaves.len() as u64 + 1), None);
        let mut cut = tree;
        cut.truncate(size as u64);
        prop_assert_eq!(cut.root(), mth(before));
        let mut frontier: Frontier = cut.frontier();
        leaves[size..].iter().for_each(|leaf| frontier.push(leaf_hash(leaf)));
        prop_assert_eq!(frontier.root(), mth(&leaves));
    }

    #[test]
    fn inclusion_is_that_of_rfc_6962_and_of_no_other_leaf(
        leaves in some_leaves(),
        (size, index, other) in any::<(Index, Index, Index)>(),
        strange in digest(),
    ) {
        let tree = tree_of(&leaves);
        let size = size.index(leaves.len()) + 1;
        let (index, other) = (index.index(size), other.index(size));
        let proof = tree.inclusion(index as u64, size as u64).unwrap();
        prop_assert_eq!(proof.path(), path(index, &leaves[..size]));
        let root = mth(&leaves[..size]);
        let verify = |leaf: &Digest, index: usize, size: usize| {
            proof.verify(leaf, index as u64, size as u64, &root).is_ok()
        };
        let leaf = leaf_hash(&leaves[index]);
        prop_assert!(verify(&leaf, index, size));
        prop_assert!(!verify(&strange, index, size), "another leaf");
        prop_assert!(other == index || !verify(&leaf, other, size), "another place");
        prop_assert!(
            other == index || !verify(&leaf_hash(&leaves[other]), index, size),
            "a leaf from elsewhere"
        );
        prop_assert!(
            proof.verify(&leaf, index as u64, size as u64, &strange).is_err(),
            "another root"
        );
    }

    #[test]
    fn consistency_is_that_of_rfc_6962_and_of_no_fork(
        leaves in some_leaves(),
        (new, old, forked) in any::<(Index, Index, Index)>(),
    ) {
        let tree = tree_of(&leaves);
        let new = new.index(leaves.len()) + 1;
        let old = old.index(new) + 1;
        let proof = tree.consistency(old as u64, new as u64).unwrap();
        prop_assert_eq!(proof.path(), subproof(old, &leaves[..new], true));
        let (before, after) = (mth(&leaves[..old]), mth(&leaves[..new]));
        let verify = |before: &Digest, after: &Digest| {
            proof.verify((old as u64, before), (new as u64, after)).is_ok()
        };
        prop_assert!(verify(&before, &after));
        let mut fork = leaves;
        fork[forked.index(old)].push(0);
        prop_assert!(!verify(&mth(&fork[..old]), &after), "another past");
        prop_assert!(!verify(&before, &mth(&fork[..new])), "a rewritten past");
    }
}

const KEY: [u8; 32] = [3; 32];
const SALT: [u8; 32] = [1; 32];

/// Opens `open` as a body whose leaf tells the truth about all but what the body holds, and reads
/// each statement that it might have.
fn opened(open: Vec<u8>, count: u16, root: Digest) -> Option<Vec<Vec<u8>>> {
    let (federation, feed) = (Digest::from_bytes([7; 32]), Digest::from_bytes([8; 32]));
    let here = BodyContext {
        federation: &federation,
        feed: &feed,
        incarnation: 0,
        index: 2,
    };
    let key = EpochKey::from_secret(KEY);
    let body = seal_body(&key, &SALT, &here, open);
    let leaf = BatchLeaf {
        epoch: 1,
        codec: 1,
        dictionary: 0,
        salt: SALT,
        count,
        statements_root: root,
        body_hash: body_hash(&body),
        body_len: u32::try_from(body.len()).unwrap(),
    };
    if let Ok(unchecked) = leaf.decrypt(&key, &here, body.clone()) {
        let places = [0, 1, 63, 64, usize::from(count), usize::MAX];
        let [.., beyond] = places.map(|place| unchecked.statement(place));
        assert!(beyond.is_err() && unchecked.frame(usize::MAX).is_err());
    }
    let (_, statements) = leaf.open(&key, &here, body).ok()?;
    Some(statements)
}

/// A body in the form that it has before it is sealed, of frames as they are given.
fn of_frames(seed: [u8; 32], frames: Vec<Vec<u8>>) -> Vec<u8> {
    let frames: Vec<_> = frames.into_iter().map(serde_bytes::ByteBuf::from).collect();
    let content = encode(&(1_u8, serde_bytes::ByteArray::new(seed), frames));
    let mut open = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
    open.extend(content);
    open.resize(padded(open.len()), 0);
    open
}

fn compressed(frame: &[Vec<u8>], damage: &[Damage]) -> Vec<u8> {
    let frame = frame
        .iter()
        .map(|bytes| serde_bytes::ByteBuf::from(bytes.clone()));
    let bytes = damaged(encode(&frame.collect::<Vec<_>>()), damage);
    zstd::bulk::compress(&bytes, 3).unwrap()
}

fn some_statements() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(any::<u8>(), 0..9), 1..140)
}

proptest! {
    #[test]
    fn bodies_open_to_what_was_sealed(all in some_statements(), seed in any::<[u8; 32]>()) {
        let count = u16::try_from(all.len()).unwrap();
        let root = statements_root(&seed, &all);
        prop_assert_eq!(opened(plain(seed, &all), count, root), Some(all.clone()));
        prop_assert_eq!(opened(plain(seed, &all), count + 1, root), None);
        prop_assert_eq!(opened(plain(seed, &all[1..]), count, root), None);
    }

    #[test]
    fn spoilt_bodies_open_to_the_same_or_not_at_all(
        all in some_statements(),
        (damage, inner, outer) in (damage(), damage(), damage()),
        count in option_of_count(),
    ) {
        let seed = [2; 32];
        let root = statements_root(&seed, &all);
        let count = count.unwrap_or_else(|| u16::try_from(all.len()).unwrap());
        let mut frames: Vec<_> = all.chunks(64).map(|frame| compressed(frame, &inner)).collect();
        let last = frames.pop().unwrap();
        frames.push(damaged(last, &outer));
        for open in [damaged(plain(seed, &all), &damage), of_frames(seed, frames)] {
            if let Some(opened) = opened(open, count, root) {
                prop_assert_eq!(opened, all.clone());
            }
        }
    }

    #[test]
    fn any_plaintext_opens_to_nothing(
        bytes in vec(any::<u8>(), 0..80),
        frames in vec(vec(any::<u8>(), 0..40), 0..4),
    ) {
        let root = Digest::from_bytes([0; 32]);
        prop_assert_eq!(opened(bytes, 1, root), None);
        prop_assert_eq!(opened(of_frames([2; 32], frames), 1, root), None);
    }

    #[test]
    fn checkpoints_are_as_signed_or_not_believed(
        (size, incarnation) in any::<(u64, u32)>(),
        (feed, root) in (digest(), digest()),
        damage in damage(),
    ) {
        let key = SigningKey::from_seed([1; 32]);
        let origin = Origin {
            federation: "ASEAN".into(),
            publisher: "MY".parse().unwrap(),
            feed: crate::feed::FeedId::from_digest(feed),
            incarnation,
        };
        let signed = Checkpoint::sign(origin, size, root, &key);
        let read = |bytes: &[u8]| {
            UnverifiedCheckpoint::parse(bytes).and_then(|read| read.verify(&key.public_key()))
        };
        prop_assert_eq!(read(signed.note()), Ok(signed.clone()));
        let spoilt = damaged(signed.note().to_vec(), &damage);
        if let Ok(believed) = read(&spoilt) {
            prop_assert_eq!(believed.note(), spoilt.as_slice());
            let said = (believed.origin(), believed.size(), believed.root());
            prop_assert_eq!(said, (signed.origin(), size, &root));
        }
    }

    #[test]
    fn any_bytes_are_no_checkpoint(bytes in vec(any::<u8>(), 0..200), text in "\\PC{0,200}") {
        prop_assert!(UnverifiedCheckpoint::parse(&bytes).is_err());
        prop_assert!(UnverifiedCheckpoint::parse(text.as_bytes()).is_err());
    }
}

fn option_of_count() -> impl Strategy<Value = Option<u16>> {
    proptest::option::of(1..=1024_u16)
}
