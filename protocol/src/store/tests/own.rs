//! The own table: what was said last, to whom, and the same after a restart.

use crate::indicator::Assertion;
use crate::release::Carried;
use crate::statement::{IndicatorId, Revision};

use super::*;

/// How the own feeds carry indicator `number`, and its entry.
fn entry(store: &Store, number: usize) -> Option<(OwnEntry, Vec<Carried>)> {
    let own = store.own().unwrap();
    let entry = own.get(&IndicatorId::of(&name("MY"), &value(number)))?;
    Some((
        entry,
        own.carried(entry.carried)
            .iter()
            .map(|(_, how)| *how)
            .collect(),
    ))
}

fn stripped(number: usize, revision: u32, stripped: Projection) -> Vec<u8> {
    let assertion = Box::new(assertion("x", None).released(stripped));
    said(
        number,
        revision,
        Said::Asserted {
            assertion,
            stripped,
        },
    )
}

#[test]
fn follows_what_is_said_and_to_whom() {
    use Carried::Current;
    let older = |number| Carried::Older(Revision::new(number));
    let ceased = Carried::Ceased(Revision::new(3));
    let gone = Carried::Withdrawn(Revision::new(4));
    let all = Current(Projection::NOTHING);
    let less = Current(Projection::DESCRIPTION);
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feeds = [
        Feed::new("MY", &[], 1),
        Feed::new("MY", &["SG"], 2),
        Feed::new("MY", &["TH"], 3),
    ];
    let step = feeds
        .iter_mut()
        .fold(Step::new(), |step, feed| feed.begin(step));
    commit(&mut store, step);
    assert!(store.own().unwrap().is_empty());
    // Which feed says what next; then revision, highest number, withdrawn, and who carries it how.
    let script = [
        (0, asserted(1, 1), (1, 1, false), vec![]),
        (1, asserted(1, 1), (1, 1, false), vec![all]),
        (
            2,
            stripped(1, 1, Projection::DESCRIPTION),
            (1, 1, false),
            vec![all, less],
        ),
        (2, asserted(1, 1), (1, 1, false), vec![all, all]),
        (0, asserted(1, 2), (2, 2, false), vec![older(1), older(1)]),
        (1, asserted(1, 2), (2, 2, false), vec![all, older(1)]),
        (
            2,
            said(1, 3, Said::Ceased),
            (2, 3, false),
            vec![all, ceased],
        ),
        (0, withdrawn(1, 4), (4, 4, true), vec![older(2), ceased]),
        (1, withdrawn(1, 4), (4, 4, true), vec![gone, ceased]),
        (2, withdrawn(1, 4), (4, 4, true), vec![gone, gone]),
        (0, asserted(1, 5), (5, 5, false), vec![gone, gone]),
        (2, asserted(1, 5), (5, 5, false), vec![gone, all]),
    ];
    for (row, (feed, statement, expected, carriers)) in script.into_iter().enumerate() {
        commit(
            &mut store,
            feeds[feed].batch([statement, asserted(100 + row, 1)], Step::new()),
        );
        let (entry, carried) = entry(&store, 1).unwrap();
        let found = (
            entry.revision.number(),
            entry.highest.number(),
            entry.withdrawn,
        );
        assert_eq!((found, carried), (expected, carriers), "row {row}");
        let live = answers(&store);
        // Read from the rows, it is the same table.
        let (again, _) = home.copy().open();
        assert_eq!(answers(&again), live, "row {row}");
    }
    assert_eq!(entry(&store, 2), None);
    let foreign = Feed::new("SG", &["MY"], 9);
    let mut foreign = foreign;
    let step = foreign.begin(Step::new());
    commit(&mut store, foreign.batch([asserted(2, 1)], step));
    assert_eq!(entry(&store, 2), None);
}

#[test]
fn bodies_that_come_back_out_of_order_give_the_same_table() {
    let build = |order: [u64; 3]| {
        let home = Home::new();
        let (mut store, _) = home.open();
        let mut feeds = [Feed::new("MY", &[], 1), Feed::new("MY", &["SG"], 2)];
        let mut bodies = Vec::new();
        for feed in &mut feeds {
            let mut step = feed.begin(Step::new());
            for revision in 1..4 {
                let (next, body) = feed.batch_apart([asserted(1, revision)], step);
                step = next;
                bodies.push((feed.id, feed.size - 1, body));
            }
            commit(&mut store, step);
        }
        for at in order {
            for (feed, index, body) in bodies.iter().filter(|(_, index, _)| *index == at) {
                // Asked for, the table is kept up from here on.
                assert_eq!(
                    store.own().unwrap().len(),
                    usize::from(store.lookup_size().0 > 0)
                );
                commit(&mut store, Step::new().body(*feed, *index, body.clone()));
            }
        }
        answers(&store)
    };
    let in_order = build([2, 3, 4]);
    for order in [[4, 3, 2], [3, 4, 2], [2, 4, 3]] {
        assert_eq!(build(order), in_order, "{order:?}");
    }
}

#[test]
fn of_two_private_feeds_the_later_counts() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feeds = [Feed::new("MY", &[], 1), Feed::new("MY", &[], 2)];
    let step = feeds
        .iter_mut()
        .fold(Step::new(), |step, feed| feed.begin(step));
    commit(&mut store, step);
    assert!(store.own().unwrap().is_empty());
    for feed in [1, 0] {
        commit(&mut store, feeds[feed].batch([asserted(1, 1)], Step::new()));
    }
    assert_eq!(entry(&store, 1).unwrap().0.at.unwrap().feed.number(), 1);
    let live = answers(&store);
    assert_eq!(answers(&home.copy().open().0), live);
}

#[test]
fn content_is_the_assertion_but_for_its_times() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("MY", &[], 1);
    let begin = feed.begin(Step::new());
    let day = 1_700_000_000;
    let first = assertion("pays never", Some(day));
    let say = |assertion: &Assertion| {
        let assertion = Box::new(assertion.clone());
        said(
            1,
            1,
            Said::Asserted {
                assertion,
                stripped: Projection::NOTHING,
            },
        )
    };
    commit(&mut store, feed.batch([say(&first)], begin));
    let (entry, _) = entry(&store, 1).unwrap();
    let own = store.own().unwrap();
    assert_eq!(entry.last_seen, Timestamp::from_seconds(day));
    assert_eq!(entry.content, own.content(&first));
    assert_eq!(
        entry.content,
        own.content(&assertion("pays never", Some(day + 999)))
    );
    assert_ne!(
        entry.content,
        own.content(&assertion("pays late", Some(day)))
    );
}
