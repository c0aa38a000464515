//! The heads that a next warrant names.

use std::collections::BTreeMap;

use kentong_keys::{SigningKey, Warrant, WarrantTerms};
use kentong_protocol::feed::{Checkpoint, HeldHeads, Origin};
use kentong_protocol::member::heads::Heads as _;
use kentong_protocol::member::{Frozen, FrozenError};

use super::erased::{signed, two_rounds};
use super::*;
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
    let frozen = Frozen::of(&store, Some(&known), &[], false).unwrap();
    let heads = frozen.heads();
    // Of the feed for oneself alone nobody is told, nor of another publisher's.
    assert_eq!(heads.len(), 1);
    assert_eq!(heads[0].feed, *shared.id.digest());
    assert_eq!((heads[0].size, heads[0].root), (head.size, head.root));
    let entries = [(*private.id.digest(), own), (*shared.id.digest(), head)];
    assert_eq!(frozen.signed, BTreeMap::from(entries));
    assert_eq!((frozen.lost, frozen.resumed), (0, 0));
    // What was never signed is not named.
    let known = signer(&folder, &[(private, own)]);
    assert!(
        Frozen::of(&store, Some(&known), &[], false)
            .unwrap()
            .heads()
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
    let unknown = Frozen::of(&store, None::<&Signer>, &[], false);
    assert_eq!(unknown, Err(FrozenError::Unknown));
    let behind = signer(&folder, &[(private, own), (shared, more)]);
    let refused = Frozen::of(&store, Some(&behind), &[], false);
    assert_eq!(refused, Err(FrozenError::Behind(1)));
    for signer in [None, Some(&behind)] {
        let frozen = Frozen::of(&store, signer, &[], true).unwrap();
        assert_eq!(frozen.signed[shared.id.digest()], covered);
    }
    // What no checkpoint covers was answered for all the same, as an addition to oneself is.
    let mut sample = sample;
    let step = sample.private.batch([asserted(9000, 1)], Step::new());
    commit(&mut store, step);
    let (private, shared) = (&sample.private, &sample.shared);
    let frozen = Frozen::of(&store, None::<&Signer>, &[], true).unwrap();
    assert_eq!(frozen.signed[private.id.digest()].size, private.size);
    // A feed that is not here at all.
    let elsewhere = Feed::new("MY", &["SG"], 9);
    let known = [(private, own), (shared, covered), (&elsewhere, covered)];
    let known = signer(&folder, &known);
    let refused = Frozen::of(&store, Some(&known), &[], false);
    assert_eq!(refused, Err(FrozenError::Behind(1)));
    let frozen = Frozen::of(&store, Some(&known), &[], true).unwrap();
    assert_eq!((frozen.lost, frozen.heads().len()), (1, 1));
    // One that ended goes on from where it is held.
    let known = signer(&folder, &[(private, own), (shared, Signed::ENDED)]);
    let frozen = Frozen::of(&store, Some(&known), &[], false).unwrap();
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
    let refused = Frozen::of(&store, Some(&known), &[], true);
    assert_eq!(refused, Err(FrozenError::Other(*shared.id.digest())));
}

/// A reader's file with this head of a feed.
fn file(feed: &Feed, head: Signed) -> HeldHeads {
    let key = |seed| SigningKey::from_seed([seed; 32]);
    let terms = WarrantTerms {
        member: name("MY"),
        serial: 3,
        signing: key(2).public_key(),
        witness: key(3).public_key(),
        heads: Vec::new(),
        issued: 1,
    };
    let warrant = Warrant::issue(terms, &key(1)).unwrap();
    let origin = Origin {
        federation: "TEST".to_owned(),
        publisher: name("MY"),
        feed: feed.id,
        incarnation: 0,
    };
    let signed = Checkpoint::sign(origin, head.size, head.root, &key(2));
    let note = std::str::from_utf8(signed.note()).unwrap();
    let text = HeldHeads::write(&warrant, [note]);
    let root = key(1).public_key();
    HeldHeads::read(text.as_bytes(), "TEST", &name("MY"), &root).unwrap()
}

fn warrant(frozen: &Frozen) -> Warrant {
    let key = |seed| SigningKey::from_seed([seed; 32]);
    let terms = WarrantTerms {
        member: name("MY"),
        serial: 4,
        signing: key(4).public_key(),
        witness: key(5).public_key(),
        heads: frozen.heads(),
        issued: 1,
    };
    Warrant::issue(terms, &key(1)).unwrap()
}

#[test]
fn what_readers_hold_beyond_is_named_and_taken_back_from_them() {
    let (home, folder) = (Home::new(), TempDir::new().unwrap());
    let (mut store, sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.shared));
    let shared = &sample.shared;
    let covered = at(&store, shared, shared.size);
    let other = Digest::from_bytes([8; 32]);
    let beyond = Signed {
        size: shared.size + 3,
        root: other,
    };
    let gone = Feed::new("MY", &["SG"], 9);
    let files = [file(shared, beyond), file(&gone, covered)];
    // Nothing of this home is known to have been signed, and the readers say how far it went.
    let frozen = Frozen::of(&store, None::<&Signer>, &files, false).unwrap();
    assert_eq!((frozen.heads().len(), frozen.from_readers), (2, 2));
    assert_eq!(frozen.signed[shared.id.digest()], beyond);
    let warrant_of_all = warrant(&frozen);
    let under = Frozen::under(&store, None::<&Signer>, &warrant_of_all)
        .unwrap()
        .unwrap();
    assert_eq!(under.signed, frozen.signed);
    // A reader that holds less changes nothing.
    let less = file(shared, at(&store, shared, 2));
    let signer_state = signer(&folder, &[(shared, covered)]);
    let frozen = Frozen::of(&store, Some(&signer_state), &[less], false).unwrap();
    assert_eq!(frozen.signed[shared.id.digest()], covered);
    assert_eq!(frozen.from_readers, 0);
    // What was signed since a warrant was drafted, or is not named, is above it.
    let short = at(&store, shared, shared.size - 1);
    let before = signer(&folder, &[(shared, short)]);
    let earlier = warrant(&Frozen::of(&store, Some(&before), &[], false).unwrap());
    let under = Frozen::under(&store, Some(&signer_state), &earlier).unwrap();
    assert_eq!(under, None);
    let none = warrant(&Frozen::default());
    assert_eq!(
        Frozen::under(&store, Some(&signer_state), &none).unwrap(),
        None
    );
    // Two histories are nothing to go on from.
    let forked = Signed {
        root: other,
        ..covered
    };
    for files in [
        vec![file(shared, forked)],
        vec![file(&gone, covered), file(&gone, forked)],
    ] {
        let refused = Frozen::of(&store, Some(&signer_state), &files, true);
        assert!(
            matches!(refused, Err(FrozenError::TwoHistories(_))),
            "{refused:?}"
        );
    }
}
