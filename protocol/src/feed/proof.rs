//! Verification of RFC 6962 inclusion and consistency proofs, by the algorithms of RFC 9162
//! sections 2.1.3.2 and 2.1.4.2.

use kentong_keys::Digest;
use serde::{Deserialize, Serialize};

use crate::bounded::BoundedVec;

use super::tree::{empty_root, node_hash};

/// The longest proof: two hashes for each bit of a tree's size.
pub const MAX_PROOF: usize = 128;

/// That a leaf stands at an index of a tree: the hashes beside the way up to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct InclusionProof(BoundedVec<Digest, MAX_PROOF>);

/// That one tree is a prefix of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct ConsistencyProof(BoundedVec<Digest, MAX_PROOF>);

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size, or the older size is above the newer.
    #[error("index or size out of range")]
    Range,
    /// Too few or too many hashes.
    #[error("a proof of the wrong length")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

impl InclusionProof {
    pub(super) fn new(path: Vec<Digest>) -> Self {
        Self(BoundedVec::new(path).expect("a path has one hash for each level, of at most 64"))
    }

    /// The hashes, from the leaf upwards.
    #[must_use]
    pub fn path(&self) -> &[Digest] {
        &self.0
    }

    /// Checks that the leaf hash stands at `index` in the tree of `size` leaves with this root.
    pub fn verify(
        &self,
        leaf: &Digest,
        index: u64,
        size: u64,
        root: &Digest,
    ) -> Result<(), ProofError> {
        if index >= size {
            return Err(ProofError::Range);
        }
        let (mut place, mut last, mut hash) = (index, size.saturating_sub(1), *leaf);
        for step in self.0.iter() {
            if last == 0 {
                return Err(ProofError::Length);
            }
            if place & 1 == 1 || place == last {
                hash = node_hash(step, &hash);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, step);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(ProofError::Length);
        }
        if hash == *root {
            Ok(())
        } else {
            Err(ProofError::Root)
        }
    }
}

impl ConsistencyProof {
    pub(super) fn new(path: Vec<Digest>) -> Self {
        Self(BoundedVec::new(path).expect("at most two hashes for each level, of at most 64"))
    }

    /// The hashes, in the order of RFC 6962.
    #[must_use]
    pub fn path(&self) -> &[Digest] {
        &self.0
    }

    /// Checks that the tree of `old` leaves is a prefix of that of `new` leaves.
    pub fn verify(
        &self,
        (old, old_root): (u64, &Digest),
        (new, new_root): (u64, &Digest),
    ) -> Result<(), ProofError> {
        if old > new {
            return Err(ProofError::Range);
        }
        if old == new || old == 0 {
            if !self.0.is_empty() {
                return Err(ProofError::Length);
            }
            let expected = if old == 0 { empty_root() } else { *new_root };
            return if *old_root == expected {
                Ok(())
            } else {
                Err(ProofError::Root)
            };
        }
        let mut steps = self.0.iter();
        let first = if old.is_power_of_two() {
            Some(old_root)
        } else {
            steps.next()
        };
        let first = first.ok_or(ProofError::Length)?;
        let (mut place, mut last) = (old.saturating_sub(1), new.saturating_sub(1));
        while place & 1 == 1 {
            place >>= 1;
            last >>= 1;
        }
        let (mut from, mut to) = (*first, *first);
        for step in steps {
            if last == 0 {
                return Err(ProofError::Length);
            }
            if place & 1 == 1 || place == last {
                from = node_hash(step, &from);
                to = node_hash(step, &to);
                while place & 1 == 0 && place != 0 {
                    place >>= 1;
                    last >>= 1;
                }
            } else {
                to = node_hash(&to, step);
            }
            place >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(ProofError::Length);
        }
        if from == *old_root && to == *new_root {
            Ok(())
        } else {
            Err(ProofError::Root)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{LEAVES, published, unhex};
    use super::*;
    use crate::feed::{Tree, leaf_hash};

    fn hex(path: &[Digest]) -> Vec<String> {
        path.iter().map(ToString::to_string).collect()
    }

    /// Published with the RFC 6962 reference implementation (certificate-transparency).
    #[test]
    fn published_proofs() {
        let tree = published();
        assert_eq!(
            hex(tree.inclusion(0, 8).unwrap().path()),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            hex(tree.inclusion(5, 8).unwrap().path()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            hex(tree.consistency(6, 8).unwrap().path()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            hex(tree.consistency(2, 5).unwrap().path()),
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ]
        );
    }

    #[test]
    fn every_proof_verifies_and_no_other() {
        let tree = Tree::over((0_u8..33).map(|i| leaf_hash(&[i])));
        for size in 1..=33 {
            let root = tree.root_at(size).unwrap();
            for index in 0..size {
                let (proof, leaf) = (
                    tree.inclusion(index, size).unwrap(),
                    tree.leaf(index).unwrap(),
                );
                assert_eq!(proof.verify(&leaf, index, size, &root), Ok(()));
                let other = leaf_hash(b"other");
                assert_eq!(
                    proof.verify(&other, index, size, &root),
                    Err(ProofError::Root)
                );
                for wrong in (0..size).filter(|wrong| *wrong != index) {
                    assert!(proof.verify(&leaf, wrong, size, &root).is_err());
                }
            }
            for old in 0..=size {
                let proof = tree.consistency(old, size).unwrap();
                let before = tree.root_at(old).unwrap();
                assert_eq!(
                    proof.verify((old, &before), (size, &root)),
                    Ok(()),
                    "{old} {size}"
                );
                let forked = leaf_hash(b"fork");
                assert!(
                    proof.verify((old, &forked), (size, &root)).is_err(),
                    "{old} {size}"
                );
                assert!(old == 0 || proof.verify((old, &before), (size, &forked)).is_err());
            }
        }
    }

    #[test]
    fn wrong_lengths_and_ranges() {
        let tree = published();
        let root = tree.root();
        let leaf = leaf_hash(&unhex(LEAVES[0]));
        let mut path = tree.inclusion(0, 8).unwrap().path().to_vec();
        path.push(root);
        let long = InclusionProof::new(path.clone());
        assert_eq!(long.verify(&leaf, 0, 8, &root), Err(ProofError::Length));
        path.truncate(2);
        assert_eq!(
            InclusionProof::new(path).verify(&leaf, 0, 8, &root),
            Err(ProofError::Length)
        );
        assert_eq!(long.verify(&leaf, 8, 8, &root), Err(ProofError::Range));
        let none = ConsistencyProof::default();
        assert_eq!(none.verify((9, &root), (8, &root)), Err(ProofError::Range));
        assert_eq!(none.verify((3, &root), (8, &root)), Err(ProofError::Length));
    }
}
