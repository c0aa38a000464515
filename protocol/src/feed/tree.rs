//! The Merkle tree of RFC 6962 section 2.1, kept whole so that any proof costs a walk.

use kentong_keys::{Digest, Hasher};

use super::proof::{ConsistencyProof, InclusionProof};

/// RFC 6962: the hash of a leaf is SHA-256 of a zero byte and the leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    let mut hasher = Hasher::plain();
    hasher.update(&[0]);
    hasher.update(leaf);
    hasher.finish()
}

/// RFC 6962: the hash of a node is SHA-256 of a one byte and its children.
pub(super) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Hasher::plain();
    hasher.update(&[1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.finish()
}

/// The hash of the tree without leaves.
pub(super) fn empty_root() -> Digest {
    Hasher::plain().finish()
}

/// An RFC 6962 tree: for each level the hashes of its perfect subtrees, 64 bytes a leaf in all.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over these leaf hashes.
    #[must_use]
    pub fn over(leaf_hashes: impl IntoIterator<Item = Digest>) -> Self {
        let mut tree = Self::default();
        leaf_hashes.into_iter().for_each(|hash| tree.push(hash));
        tree
    }

    /// How many leaves it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut hash = leaf_hash;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = self
                .levels
                .get_mut(level)
                .expect("pushed above when missing");
            row.push(hash);
            if row.len() % 2 == 1 {
                return;
            }
            let [.., left, right] = row.as_slice() else {
                return;
            };
            hash = node_hash(left, right);
        }
    }

    /// Forgets the leaves from `size` on.
    pub fn truncate(&mut self, size: u64) {
        let mut of_level = size;
        for row in &mut self.levels {
            row.truncate(usize::try_from(of_level).unwrap_or(usize::MAX));
            of_level >>= 1;
        }
        self.levels.retain(|row| !row.is_empty());
    }

    /// The hash of the leaf at `index`.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<Digest> {
        self.levels
            .first()?
            .get(usize::try_from(index).ok()?)
            .copied()
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root_at(self.size()).expect("its own size")
    }

    /// The root over the first `size` leaves, if there are as many.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size > self.size() {
            return None;
        }
        Some(if size == 0 {
            empty_root()
        } else {
            self.range(0, size)
        })
    }

    /// The proof that the leaf at `index` is in the tree of the first `size` leaves
    /// (RFC 6962 section 2.1.1).
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Option<InclusionProof> {
        if index >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while let Some(split) = split_of(start, end) {
            if index < split {
                path.push(self.range(split, end));
                end = split;
            } else {
                path.push(self.range(start, split));
                start = split;
            }
        }
        path.reverse();
        Some(InclusionProof::new(path))
    }

    /// The proof that the tree of the first `old` leaves is a prefix of that of the first `new`
    /// (RFC 6962 section 2.1.2). Empty when `old` is zero or equals `new`.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Option<ConsistencyProof> {
        if old > new || new > self.size() {
            return None;
        }
        let mut path = Vec::new();
        if old > 0 && old < new {
            self.subproof(old, 0, new, true, &mut path);
        }
        Some(ConsistencyProof::new(path))
    }

    /// The part of a consistency proof that lies in `start..end`, which ends behind the first `old` leaves
    /// of the whole tree or holds their end.
    fn subproof(&self, old: u64, start: u64, end: u64, whole: bool, path: &mut Vec<Digest>) {
        let split = match split_of(start, end) {
            Some(split) if old < end => split,
            _ => {
                if !whole {
                    path.push(self.range(start, end));
                }
                return;
            }
        };
        if old <= split {
            self.subproof(old, start, split, whole, path);
            path.push(self.range(split, end));
        } else {
            self.subproof(old, split, end, false, path);
            path.push(self.range(start, split));
        }
    }

    /// What is needed to go on from here without the tree: the roots of its perfect subtrees.
    #[must_use]
    pub fn frontier(&self) -> Frontier {
        let size = self.size();
        let (mut subtrees, mut start) = (Vec::new(), 0);
        while start < size {
            // The largest perfect subtree that begins here: what is split off, if it is not all.
            let end = match split_of(start, size) {
                Some(split) if !size.saturating_sub(start).is_power_of_two() => split,
                _ => size,
            };
            subtrees.push(self.range(start, end));
            start = end;
        }
        Frontier { size, subtrees }
    }

    /// The hash over the leaves `start..end`, of which `start` is a multiple of the largest power
    /// of two in the range.
    fn range(&self, start: u64, end: u64) -> Digest {
        let width = end.saturating_sub(start);
        if let Some(place) = start.checked_div(width).filter(|_| width.is_power_of_two()) {
            let row = self.levels.get(width.trailing_zeros() as usize);
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            if let Some(hash) = row.and_then(|row| row.get(place)) {
                return *hash;
            }
        }
        let split = split_of(start, end).expect("each leaf is in the lowest level");
        node_hash(&self.range(start, split), &self.range(split, end))
    }
}

/// The right edge of a tree: as much of it as appending and the root need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The roots of the perfect subtrees, the largest first: one for each bit of the size.
    subtrees: Vec<Digest>,
}

impl Frontier {
    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut hash = leaf_hash;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.subtrees.pop() else {
                break;
            };
            hash = node_hash(&left, &hash);
        }
        self.subtrees.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut subtrees = self.subtrees.iter().rev();
        let Some(last) = subtrees.next() else {
            return empty_root();
        };
        subtrees.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Where the leaves `start..end` are split (RFC 6962 section 2.1): behind as many as the largest power of
/// two that is less than all of them. None of a single leaf.
fn split_of(start: u64, end: u64) -> Option<u64> {
    let width = end.checked_sub(start).filter(|width| *width > 1)?;
    let first = width.checked_next_power_of_two();
    start.checked_add(first.map_or(1 << 63, |power| power / 2))
}

#[cfg(test)]
pub(in crate::feed) mod tests {
    use super::*;

    /// The leaves of certificate-transparency-go's and RFC 6962 implementations' published tests.
    pub(in crate::feed) const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];

    /// The roots after each of them.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    pub(in crate::feed) fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    pub(in crate::feed) fn published() -> Tree {
        Tree::over(LEAVES.iter().map(|leaf| leaf_hash(&unhex(leaf))))
    }

    #[test]
    fn published_roots() {
        let tree = published();
        for (i, root) in ROOTS.iter().enumerate() {
            assert_eq!(
                tree.root_at(i as u64 + 1).unwrap().to_string(),
                *root,
                "{i}"
            );
        }
        assert_eq!(
            Tree::default().root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_frontier_goes_on_as_the_tree_would() {
        let hashes: Vec<_> = (0_u8..70).map(|i| leaf_hash(&[i])).collect();
        for at in 0..70 {
            let mut frontier = Tree::over(hashes[..at].iter().copied()).frontier();
            for (i, hash) in hashes.iter().enumerate().skip(at) {
                frontier.push(*hash);
                assert_eq!(
                    frontier.root(),
                    Tree::over(hashes[..=i].iter().copied()).root()
                );
            }
        }
        assert_eq!(Tree::default().frontier().root(), Tree::default().root());
    }

    #[test]
    fn truncating_is_never_having_appended() {
        let hashes: Vec<_> = (0_u8..40).map(|i| leaf_hash(&[i])).collect();
        for keep in 0..40 {
            let mut tree = Tree::over(hashes.iter().copied());
            tree.truncate(keep as u64);
            assert_eq!(tree.size(), keep as u64);
            hashes[keep..].iter().for_each(|hash| tree.push(*hash));
            assert_eq!(tree.root(), Tree::over(hashes.iter().copied()).root());
        }
    }
}
