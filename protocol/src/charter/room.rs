//! Who gets a place where there are few: documents that wait for further signatures.
//!
//! Anybody who may sign can have as many documents wait as it likes. So a full shelf is not closed to
//! newcomers: the document whose signers have the most others waiting makes room.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, MemberName};

/// Whether there is room for another document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is.
    Free,
    /// If this one goes.
    InPlaceOf(Digest),
    /// No: its signers have as many waiting as anybody.
    None,
}

/// Finds room for a document of these signers beside those that wait, `most` in all.
pub(super) fn find(
    waiting: &BTreeMap<Digest, BTreeSet<MemberName>>,
    signers: &BTreeSet<MemberName>,
    most: usize,
) -> Room {
    if signers.is_empty() {
        return Room::None;
    }
    if waiting.len() < most {
        return Room::Free;
    }
    let mut count: BTreeMap<&MemberName, usize> = BTreeMap::new();
    for signer in waiting.values().chain([signers]).flatten() {
        *count.entry(signer).or_default() += 1;
    }
    // A document counts as its most modest signer's.
    let weight = |signers: &BTreeSet<MemberName>| {
        let counts = signers.iter().filter_map(|signer| count.get(signer));
        counts.min().copied().unwrap_or(usize::MAX)
    };
    let heaviest = waiting
        .iter()
        .map(|(hash, signers)| (weight(signers), *hash))
        .max();
    match heaviest {
        Some((heavy, hash)) if heavy > weight(signers) => Room::InPlaceOf(hash),
        Some(_) | None => Room::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signers(names: &[&str]) -> BTreeSet<MemberName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn who_has_many_waiting_makes_room() {
        let hash = |n: u8| Digest::from_bytes([n; 32]);
        let mut waiting = BTreeMap::from([(hash(0), signers(&["MY", "TH"]))]);
        for n in 1..4 {
            assert_eq!(find(&waiting, &signers(&["MY"]), 4), Room::Free);
            waiting.insert(hash(n), signers(&["MY"]));
        }
        assert_eq!(find(&waiting, &signers(&["MY"]), 4), Room::None);
        assert_eq!(find(&waiting, &signers(&[]), 9), Room::None);
        // TH has signed the first one too, so that one stays.
        assert_eq!(
            find(&waiting, &signers(&["SG"]), 4),
            Room::InPlaceOf(hash(3))
        );
    }
}
