//! Bounds and lengths of what proves and signs.

use kentong_keys::{Digest, SigningKey};

use crate::feed::proof::{ConsistencyProof, InclusionProof, ProofError};
use crate::feed::{
    Checkpoint, CheckpointError, FeedId, Origin, Tree, UnverifiedCheckpoint, leaf_hash,
};

fn tree(size: u8) -> Tree {
    let mut tree = Tree::default();
    (0..size).for_each(|i| tree.push(leaf_hash(&[i])));
    tree
}

#[test]
fn a_proof_has_no_step_too_many_or_too_few() {
    let tree = tree(9);
    let root = |size| tree.root_at(size).unwrap();
    let more = |path: &[Digest]| [path, &[root(1)]].concat();
    for (old, new) in [(3, 9), (4, 9), (8, 9), (9, 9)] {
        let proof = tree.consistency(old, new).unwrap();
        let check = |proof: ConsistencyProof| proof.verify((old, &root(old)), (new, &root(new)));
        let longer = ConsistencyProof::new(more(proof.path()));
        assert_eq!(check(longer), Err(ProofError::Length), "{old} {new}");
        if let Some((_, rest)) = proof.path().split_last() {
            let shorter = ConsistencyProof::new(rest.to_vec());
            assert_eq!(check(shorter), Err(ProofError::Length), "{old} {new}");
        }
        assert_eq!(check(proof), Ok(()));
    }
    for index in 0..9 {
        let proof = tree.inclusion(index, 9).unwrap();
        let leaf = tree.leaf(index).unwrap();
        let check = |proof: InclusionProof| proof.verify(&leaf, index, 9, &root(9));
        let longer = InclusionProof::new(more(proof.path()));
        assert_eq!(check(longer), Err(ProofError::Length), "{index}");
        assert_eq!(check(proof), Ok(()));
    }
}

#[test]
fn a_checkpoint_has_a_bound_however_many_signed_it() {
    let key = SigningKey::from_seed([1; 32]);
    let origin = Origin {
        federation: "ASEAN".into(),
        publisher: "MY".parse().unwrap(),
        feed: FeedId::from_digest(Digest::from_bytes([7; 32])),
        incarnation: 0,
    };
    let signed = Checkpoint::sign(origin, 5, Digest::from_bytes([8; 32]), &key);
    let with_lines = |lines: usize| {
        let line = format!("— somebody {}\n", "AAAA".repeat(200));
        let note = [signed.note(), line.repeat(lines).as_bytes()].concat();
        UnverifiedCheckpoint::parse(&note).map(|_| ())
    };
    assert_eq!(with_lines(75), Ok(()));
    assert_eq!(with_lines(90), Err(CheckpointError::Note));
}
