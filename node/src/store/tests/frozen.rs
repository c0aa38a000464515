//! The heads that a next warrant names.

use std::collections::BTreeMap;

use super::erasing::{signed, two_rounds};
use super::*;
use crate::frozen::{Frozen, FrozenError};
use crate::signer::{Signed, Signer};

fn signer(folder: &TempDir, entries: &[(&Feed, Signed)]) -> Signer {
    let entries = entries.iter();
    let entries: BTreeMap<_, _> = entries
        .map(|(feed, signed)| (*feed.id.digest(), *signed))
        .collect();
    let mut signer = Signer::unknown(&folder.path().join("signer.state"));
    signer.settle(entries).unwrap();
    signer
}

fn at(store: &Store, feed: &Feed, size: u64) -> Signed {
    let root = store.view(&feed.id).unwrap().tree.root_at(size).unwrap();
    Signed { size, root }
}

#[test]
fn every_feed_that_others_read_has_the_head_that_was_signed_last() {
    let (home, folder) = (Home::new(), TempDir::new().unwrap());
    let (mut store, sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.shared));
    let (private, shared) = (&sample.private, &sample.shared);
    let (own, head) = (
        at(&store, private, private.size),
        at(&store, shared, shared.size - 1),
    );
    let known = signer(&folder, &[(private, own), (shared, head)]);
    let frozen = Frozen::of(&store, Some(&known), false).unwrap();
    // Of the feed for oneself alone nobody is told, nor of another publisher's.
    assert_eq!(frozen.heads.len(), 1);
    assert_eq!(frozen.heads[0].feed, *shared.id.digest());
    assert_eq!(
        (frozen.heads[0].size, frozen.heads[0].root),
        (head.size, head.root)
    );
    let entries = [(*private.id.digest(), own), (*shared.id.digest(), head)];
    assert_eq!(frozen.signed, BTreeMap::from(entries));
    assert_eq!((frozen.lost, frozen.resumed), (0, 0));
    // What was never signed is not named.
    let known = signer(&folder, &[(private, own)]);
    assert!(
        Frozen::of(&store, Some(&known), false)
            .unwrap()
            .heads
            .is_empty()
    );
}

#[test]
fn what_is_not_known_or_not_held_is_given_up_only_when_that_is_said() {
    let (home, folder) = (Home::new(), TempDir::new().unwrap());
    let (mut store, sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.shared));
    let (private, shared) = (&sample.private, &sample.shared);
    let own = at(&store, private, private.size);
    let covered = at(&store, shared, shared.size);
    let more = Signed {
        size: shared.size + 2,
        ..covered
    };
    let unknown = Frozen::of(&store, None, false);
    assert_eq!(unknown, Err(FrozenError::Unknown));
    let behind = signer(&folder, &[(private, own), (shared, more)]);
    let refused = Frozen::of(&store, Some(&behind), false);
    assert_eq!(refused, Err(FrozenError::Behind(1)));
    for signer in [None, Some(&behind)] {
        let frozen = Frozen::of(&store, signer, true).unwrap();
        assert_eq!(frozen.signed[shared.id.digest()], covered);
    }
    // A feed that is not here at all.
    let elsewhere = Feed::new("MY", &["SG"], 9);
    let known = [(private, own), (shared, covered), (&elsewhere, covered)];
    let known = signer(&folder, &known);
    let refused = Frozen::of(&store, Some(&known), false);
    assert_eq!(refused, Err(FrozenError::Behind(1)));
    let frozen = Frozen::of(&store, Some(&known), true).unwrap();
    assert_eq!((frozen.lost, frozen.heads.len()), (1, 1));
    // One that ended goes on from where it is held.
    let known = signer(&folder, &[(private, own), (shared, Signed::ENDED)]);
    let frozen = Frozen::of(&store, Some(&known), false).unwrap();
    assert_eq!(
        (frozen.resumed, frozen.signed[shared.id.digest()]),
        (1, covered)
    );
    // Another history than was signed is nothing to go on from.
    let other = Signed {
        root: own.root,
        ..covered
    };
    let known = signer(&folder, &[(private, own), (shared, other)]);
    let refused = Frozen::of(&store, Some(&known), true);
    assert_eq!(refused, Err(FrozenError::Other(*shared.id.digest())));
}
