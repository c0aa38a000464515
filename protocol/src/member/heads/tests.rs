//! What may be signed after what, and what is left when a write fails.

use super::*;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn signed(size: u64, root: u8) -> Signed {
    Signed {
        size,
        root: digest(root),
    }
}

fn swap(feed: u8, expected: Option<Signed>, new: Signed) -> Swap {
    Swap {
        feed: digest(feed),
        expected,
        new,
    }
}

fn refused(found: Result<(), InMemoryError>) -> Refused {
    match found {
        Err(InMemoryError::Refused(refused)) => refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_a_longer_head_or_the_same_may_follow() {
    let old = signed(5, 1);
    let fork = |offered| {
        Some(Refused::WouldFork {
            feed: digest(7),
            signed: old,
            offered,
        })
    };
    let changed = Some(Refused::Changed {
        feed: digest(7),
        found: Some(old),
    });
    for (expected, offered, answer) in [
        (Some(old), signed(6, 2), None),
        (Some(old), old, None),
        (Some(old), Signed::ENDED, None),
        (Some(old), signed(5, 2), fork(signed(5, 2))),
        (Some(old), signed(4, 1), fork(signed(4, 1))),
        (Some(old), signed(0, 1), fork(signed(0, 1))),
        (None, signed(6, 2), changed),
        (Some(signed(5, 2)), signed(6, 2), changed),
    ] {
        let mut heads = InMemory::of(BTreeMap::from([(digest(7), old)]));
        let found = heads.compare_and_swap(digest(7), expected, offered);
        let now = if answer.is_none() { offered } else { old };
        assert_eq!(found.err().map(|e| refused(Err(e))), answer, "{offered:?}");
        assert_eq!(heads.get(&digest(7)), Some(now));
        assert_eq!(heads.restart().get(&digest(7)), Some(now), "durable");
    }
}

#[test]
fn nothing_follows_the_end_of_a_feed() {
    let mut heads = InMemory::of(BTreeMap::from([(digest(7), Signed::ENDED)]));
    for size in [0, 1, u64::MAX] {
        let found = heads.compare_and_swap(digest(7), Some(Signed::ENDED), signed(size, 1));
        assert!(matches!(refused(found), Refused::WouldFork { .. }));
    }
}

#[test]
fn all_swaps_are_made_or_none() {
    let mut heads = InMemory::new();
    let first = swap(1, None, signed(1, 1));
    let again = swap(1, Some(signed(1, 1)), signed(2, 2));
    let wrong = swap(2, Some(signed(1, 1)), signed(2, 2));
    let found = heads.swap_all(&[first, again, wrong]);
    assert!(matches!(refused(found), Refused::Changed { .. }));
    assert_eq!(heads.iter().count(), 0);
    heads.swap_all(&[first, again]).unwrap();
    let all: Vec<_> = heads.iter().collect();
    assert_eq!(all, [(&digest(1), signed(2, 2))]);
}

#[test]
fn an_unknown_state_refuses_all_until_it_is_settled() {
    let mut heads = InMemory::new();
    assert_eq!(refused(heads.settle(BTreeMap::new())), Refused::Known);
    let mut heads = InMemory::unknown();
    assert_eq!(refused(heads.swap_all(&[])), Refused::Unknown);
    let found = BTreeMap::from([(digest(1), signed(7, 1)), (digest(2), Signed::ENDED)]);
    heads.settle(found.clone()).unwrap();
    assert_eq!(refused(heads.settle(found)), Refused::Known);
    let next = swap(1, Some(signed(7, 1)), signed(8, 2));
    heads.swap_all(&[next]).unwrap();
    assert_eq!(heads.restart().get(&digest(1)), Some(signed(8, 2)));
}

#[test]
fn after_an_unknown_outcome_everything_is_refused() {
    let next = swap(1, None, signed(1, 1));
    for (write, kept) in [
        (NextWrite::FailsButIsKept, Some(signed(1, 1))),
        (NextWrite::FailsUnsure, None),
    ] {
        let mut heads = InMemory::new();
        heads.set_next_write(write);
        assert_eq!(heads.swap_all(&[next]), Err(InMemoryError::Failed));
        assert_eq!(heads.get(&digest(1)), None);
        assert_eq!(refused(heads.swap_all(&[next])), Refused::Poisoned);
        assert_eq!(refused(heads.settle(BTreeMap::new())), Refused::Poisoned);
        assert_eq!(heads.restart().get(&digest(1)), kept, "{write:?}");
    }
    // Where it is certain that nothing was kept, it may be tried again.
    let mut heads = InMemory::new();
    heads.set_next_write(NextWrite::Fails);
    assert_eq!(heads.swap_all(&[next]), Err(InMemoryError::Failed));
    heads.swap_all(&[next]).unwrap();
    let mut heads = InMemory::unknown();
    heads.set_next_write(NextWrite::FailsUnsure);
    assert_eq!(heads.settle(BTreeMap::new()), Err(InMemoryError::Failed));
    assert_eq!(refused(heads.settle(BTreeMap::new())), Refused::Poisoned);
}

#[test]
fn there_is_a_most_of_feeds() {
    let entries = |count: usize| -> BTreeMap<Digest, Signed> {
        let id = |n: usize| {
            Digest::labelled(
                kentong_keys::Label::new("kentong/test/1"),
                &[&n.to_be_bytes()],
            )
        };
        (0..count).map(|n| (id(n), signed(1, 1))).collect()
    };
    let mut heads = InMemory::of(entries(MAX_FEEDS));
    let found = heads.compare_and_swap(digest(9), None, signed(1, 1));
    assert_eq!(refused(found), Refused::TooManyFeeds);
    let mut heads = InMemory::unknown();
    let found = heads.settle(entries(MAX_FEEDS + 1));
    assert_eq!(refused(found), Refused::TooManyFeeds);
    heads.settle(entries(MAX_FEEDS)).unwrap();
}
