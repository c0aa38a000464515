//! Bodies and keys in any order, and histories that are cut.

use super::*;

#[test]
fn bodies_and_keys_come_in_any_order() {
    let expected = {
        let home = Home::new();
        let (mut store, _) = home.open();
        let mut feed = Feed::new("SG", &["MY"], 3);
        let step = feed.begin(Step::new());
        let step = feed.batch([asserted(1, 1)], step);
        let step = feed.batch([asserted(2, 1), asserted(1, 2)], step);
        commit(&mut store, step);
        answers(&store)
    };
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let home = Home::new();
        let (mut store, _) = home.open();
        let mut feed = Feed::new("SG", &["MY"], 3);
        let step = feed.begin_without_key(Step::new());
        let (step, first) = feed.batch_apart([asserted(1, 1)], step);
        let (step, second) = feed.batch_apart([asserted(2, 1), asserted(1, 2)], step);
        commit(&mut store, step);
        assert_eq!(
            store
                .feeds()
                .get(feed.id)
                .unwrap()
                .missing(0)
                .collect::<Vec<_>>(),
            [2, 3]
        );
        let mut indexed = 0;
        for item in order {
            let step = match item {
                0 => Step::new().body(feed.id, 2, first.clone()),
                1 => Step::new().body(feed.id, 3, second.clone()),
                _ => Step::new().epoch_key(feed.id, 1, &feed.key),
            };
            let applied = commit(&mut store, step);
            let mut at_once = applied.indexed.len();
            while store.has_waiting() {
                at_once += store.open_waiting().unwrap().indexed.len();
            }
            indexed += at_once;
            let state = store.feeds().get(feed.id).unwrap();
            assert_eq!(state.unopened_count() > 0, at_once == 0 && item < 2);
            // A restart in between loses nothing.
            drop(store);
            store = home.open().0;
        }
        assert_eq!(
            (indexed, store.feeds().get(feed.id).unwrap().applied_to()),
            (2, 4)
        );
        assert_eq!(answers(&store), expected, "{order:?}");
        drop(store);
        home.rows.lose();
        assert_eq!(answers(&home.open().0), expected, "{order:?}");
    }
}

#[test]
fn bodies_whose_key_comes_late_are_opened_by_and_by() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("SG", &["MY"], 3);
    let mut step = feed.begin_without_key(Step::new());
    // Bodies take at least a KiB each.
    let all = 1500;
    for number in 0..all {
        let (next, body) = feed.batch_apart([asserted(number, 1)], step);
        step = next.body(feed.id, number as u64 + 2, body);
    }
    commit(&mut store, step);
    let applied = commit(&mut store, Step::new().epoch_key(feed.id, 1, &feed.key));
    assert_eq!(
        applied.indexed,
        [],
        "or a hostile publisher would hold the node up"
    );
    let copy = home.copy();
    let mut steps = Vec::new();
    while store.has_waiting() {
        steps.push(store.open_waiting().unwrap().indexed.len());
    }
    assert_eq!(steps.iter().sum::<usize>(), all);
    assert!(steps.len() > 1 && steps[0] < 1100, "{steps:?}");
    let expected = answers(&store);
    drop(store);
    assert_eq!(answers(&home.open().0), expected);
    assert_eq!(
        answers(&copy.open().0),
        expected,
        "after a crash before any was opened"
    );
    copy.rows.lose();
    assert_eq!(answers(&copy.open().0), expected);
}

#[test]
fn a_cut_history_is_as_if_it_had_not_been_written() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("MY", &["SG"], 2);
    let begin = feed.begin(Step::new());
    let step = feed.batch([asserted(1, 1), asserted(2, 1)], begin);
    commit(&mut store, step.checkpoint(feed.id, b"note".to_vec(), 3));
    let before = answers(&store);
    let (size, epoch) = (feed.size, feed.epoch);
    let step = feed.batch([asserted(1, 2), asserted(3, 1)], Step::new());
    let step = feed.next_epoch(step);
    let step = step.epoch_key(feed.id, 2, &feed.key);
    commit(&mut store, feed.batch([asserted(2, 2)], step));
    assert_ne!(answers(&store), before);
    let longer = home.copy();
    commit(&mut store, Step::new().truncate(feed.id, size));
    assert_eq!(answers(&store), before);
    drop(store);
    let (mut store, _) = home.open();
    assert_eq!(answers(&store), before);

    // Another history from there on, with another key for the same epoch number, in one step with
    // the cut and apart from it.
    let mut rest = |key: u8, step: Step, store: &mut Store| {
        (feed.size, feed.epoch, feed.key) = (size, epoch, EpochKey::from_secret([key; 32]));
        let step = feed.next_epoch(step);
        let step = step.epoch_key(feed.id, 2, &feed.key);
        let step = feed.batch([asserted(4, 1)], step);
        commit(store, step);
        answers(store)
    };
    let apart = rest(50, Step::new(), &mut store);
    drop(store);
    home.rows.lose();
    assert_eq!(answers(&home.open().0), apart);
    let (mut store, _) = longer.open();
    let id = store.feeds().iter().next().unwrap().id();
    let together = rest(50, Step::new().truncate(id, size), &mut store);
    assert_eq!(together, apart);
    drop(store);
    longer.rows.lose();
    assert_eq!(answers(&longer.open().0), apart);
}
