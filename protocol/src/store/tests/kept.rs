//! What counts of a publisher's quota, and what takes back something.

use crate::bounded::BoundedText;
use crate::feed::EraseLeaf;
use crate::quota::LEAF_COST;

use super::*;

fn kept(store: &Store, feed: &Feed) -> u64 {
    store.feeds().get(feed.id).unwrap().kept_bytes()
}

/// Appends a leaf by itself; answers what it counts.
fn leaf(store: &mut Store, feed: &mut Feed, leaf: &Leaf) -> u64 {
    let step = feed.leaf(leaf, Step::new());
    commit(store, step);
    leaf.encode().len() as u64 + LEAF_COST
}

#[test]
fn leaves_count_and_bodies_that_are_or_were_held() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("TH", &["MY"], 1);
    let begun = feed.begin(Step::new());
    commit(&mut store, begun);
    let mut expected = kept(&store, &feed);
    assert!(expected > 2 * LEAF_COST, "{expected}");
    let mut batches = Vec::new();
    for number in 0..3 {
        let sealed = feed.seal([said(number, 1, Said::Ceased)]);
        expected += leaf(&mut store, &mut feed, &Leaf::Batch(sealed.leaf));
        assert_eq!(kept(&store, &feed), expected, "a body that is missing");
        batches.push((feed.size - 1, sealed.body));
    }
    let held = store.feeds().get(feed.id).unwrap();
    let missing: Vec<_> = held.not_held().collect();
    let expect = |(index, body): &(u64, Vec<u8>)| (*index, 1, u32::try_from(body.len()).unwrap());
    assert_eq!(missing, batches.iter().map(expect).collect::<Vec<_>>());
    assert_eq!(held.extent(0), (0, 0));
    for (index, body) in &batches[..2] {
        let step = Step::new().body(feed.id, *index, body.clone());
        commit(&mut store, step);
        expected += body.len() as u64;
        assert_eq!(kept(&store, &feed), expected, "a body that is held");
    }
    // One that was held and one that never came are erased, and overwritten once that is signed.
    for (index, _) in &batches[1..] {
        let erase = Leaf::Erase(EraseLeaf {
            index: *index,
            reason: 1,
        });
        expected += leaf(&mut store, &mut feed, &erase);
        assert_eq!(kept(&store, &feed), expected);
    }
    let signed = Step::new().checkpoint(feed.id, b"a note".to_vec(), feed.size);
    commit(&mut store, signed);
    assert_eq!(kept(&store, &feed), expected, "its place is not given back");
    drop(store);
    assert_eq!(kept(&home.open().0, &feed), expected, "after a start");
    home.rows.lose();
    assert_eq!(kept(&home.open().0, &feed), expected, "from the log alone");
}

#[test]
fn what_takes_back_is_told_from_what_is_new() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let asserts = |number, revision| {
        let assertion = Box::new(assertion("a scam", None));
        let stripped = Projection::NOTHING;
        let asserted = Said::Asserted {
            assertion,
            stripped,
        };
        said(number, revision, asserted)
    };
    let reason = BoundedText::new("wrong".to_owned()).unwrap();
    let withdrawn = said(9, 2, Said::Withdrawn { reason });
    let mut feed = Feed::new("TH", &["MY"], 1);
    let begun = feed.begin(Step::new());
    let step = feed.batch([asserts(1, 3)], begun);
    commit(&mut store, step);
    let mut other = Feed::new("VN", &["MY"], 2);
    let begun = other.begin(Step::new());
    let step = other.batch([asserts(2, 1)], begun);
    commit(&mut store, step);
    for (what, statements, expected) in [
        ("new", vec![asserts(3, 1)], false),
        ("what another publisher says", vec![asserts(2, 2)], false),
        ("a later revision", vec![asserts(1, 4)], true),
        ("said again", vec![asserts(1, 3)], true),
        ("an older revision", vec![asserts(1, 2)], false),
        ("a withdrawal", vec![withdrawn.clone()], true),
        ("the end", vec![said(9, 2, Said::Ceased)], true),
        ("in company", vec![asserts(3, 1), withdrawn.clone()], true),
        ("no statement", vec![b"noise".to_vec()], false),
    ] {
        let (step, body) = feed.batch_apart(statements, Step::new());
        commit(&mut store, step);
        let takes_back = store.takes_back(feed.id, feed.size - 1, body).unwrap();
        assert_eq!(takes_back, expected, "{what}");
    }
    // Without its key nothing is known of it.
    let step = feed.next_epoch(Step::new());
    commit(&mut store, step);
    let (step, body) = feed.batch_apart([withdrawn], Step::new());
    commit(&mut store, step);
    assert!(!store.takes_back(feed.id, feed.size - 1, body).unwrap());
}
