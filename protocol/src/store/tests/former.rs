//! What a former key signed is taken back, or counts for nothing.

use crate::feed::EraseLeaf;

use super::commit::find;
use super::erasing::{lies_in, signed, stays, two_rounds};
use super::refuse::check_refused;
use super::*;

#[test]
fn what_is_void_is_gone_with_its_checkpoints_and_what_it_erased_is_missing() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.foreign));
    let (id, kept) = (sample.foreign.id, sample.foreign.size);
    let true_body = store.body(id, 2).unwrap();
    let before = (answers(&store), find(&store, 1));

    // A thief says another thing of one indicator, and has the first batch erased.
    let step = sample.foreign.batch([asserted(301, 2)], Step::new());
    commit(&mut store, step);
    let forged = store.body(id, kept).unwrap();
    let erase = Leaf::Erase(EraseLeaf {
        index: 2,
        reason: 1,
    });
    let step = sample.foreign.leaf(&erase, Step::new());
    commit(&mut store, step);
    commit(&mut store, signed(&sample.foreign));
    assert!(!lies_in(&home, &true_body) && lies_in(&home, &forged));
    assert_eq!(find(&store, 1).len(), before.1.len() - 1);

    check_refused(&mut store, Step::new().truncate(id, kept), "Truncate");
    commit(&mut store, Step::new().void(id, kept));
    let view = store.view(&id).unwrap();
    assert_eq!((view.tree.size(), view.checkpoint), (kept, None));
    assert!(!lies_in(&home, &forged));
    assert!(store.lacks(&id, 2), "whoever has it can give it back");
    commit(&mut store, Step::new().body(id, 2, true_body));
    sample.foreign.size = kept;
    commit(&mut store, signed(&sample.foreign));
    assert_eq!(find(&store, 1), before.1);
    assert_eq!(answers(&store), before.0);
    stays(&home, store);
}

#[test]
fn a_feed_that_was_taken_back_whole_begins_again() {
    let home = Home::new();
    let (mut store, sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.foreign));
    let id = sample.foreign.id;
    let leaves: Vec<_> = (0..sample.foreign.size)
        .map(|index| (store.leaf(id, index).unwrap(), store.body(id, index).ok()))
        .collect();
    let before = answers(&store);
    commit(&mut store, Step::new().void(id, 0));
    assert_eq!(store.view(&id).unwrap().tree.size(), 0);
    assert!(store.feeds_of(&name("SG"), &name("MY")).is_empty());
    stays(&home, store);
    let (mut store, _) = home.open();
    for (index, (leaf, body)) in (0..).zip(leaves) {
        let mut step = Step::new().leaf(id, index, leaf);
        if index == 1 {
            step = step.epoch_key(id, 1, &sample.foreign.key);
        }
        if let Some(body) = body {
            step = step.body(id, index, body);
        }
        commit(&mut store, step);
    }
    commit(&mut store, signed(&sample.foreign));
    assert_eq!(answers(&store), before);
    stays(&home, store);
}

#[test]
fn a_feed_for_which_nobody_vouches_is_kept_and_in_no_answer() {
    let home = Home::new();
    let (mut store, sample) = two_rounds(&home);
    commit(&mut store, signed(&sample.foreign));
    let (id, number) = (
        sample.foreign.id,
        store.feeds().get(sample.foreign.id).unwrap().number(),
    );
    let (sg, my) = (name("SG"), name("MY"));
    let found = |store: &Store| {
        (
            find(store, 1).len(),
            store.scan(|feed| feed.id() == id).count(),
            store.placed_statements(number, 2).unwrap().len(),
            store.feeds_of(&sg, &my).len(),
            store.shared_with(&sg).len(),
        )
    };
    let before = found(&store);
    assert_eq!(before.3, 1);
    store.set_vouched(id, Vouched::Nobody);
    assert_eq!(found(&store), (before.0 - 1, 0, 0, 0, before.4 - 1));
    assert!(store.view(&id).unwrap().former);
    store.set_vouched(id, Vouched::Root);
    assert_eq!(found(&store), before);
    assert!(store.view(&id).unwrap().former);
    store.set_vouched(id, Vouched::Present);
    assert!(!store.view(&id).unwrap().former);
}
