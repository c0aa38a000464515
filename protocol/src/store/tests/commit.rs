//! What a commit takes, what it refuses, and what is found afterwards.

use crate::feed::BodyError;
use crate::statement::StatementError;

use super::*;

pub(super) fn find(store: &Store, number: usize) -> Vec<(MemberName, u32)> {
    let value = value(number);
    let places = store.find(value.kind(), &value.comparison_key());
    let statements = places.into_iter().map(|place| {
        let (statement, bytes) = store.statement(place).unwrap();
        assert_eq!(statement.value, value);
        assert_eq!(statement.encode(), bytes);
        let feed = store.feeds().by_number(place.feed).unwrap();
        (
            feed.genesis().publisher.clone(),
            statement.revision.number(),
        )
    });
    statements.collect()
}

#[test]
fn a_reopened_store_answers_alike_and_replays_nothing() {
    let home = Home::new();
    let (mut store, opening) = home.open();
    assert_eq!((opening.replayed, opening.rebuilt), (0, None));
    let mut sample = Sample::begin(&mut store);
    (0..4).for_each(|round| sample.round(&mut store, round));
    let before = answers(&store);
    store.flush().unwrap();
    drop(store);
    let (store, opening) = home.open();
    assert_eq!((opening.replayed, opening.rebuilt), (0, None));
    assert_eq!(answers(&store), before);
    // The positive control: one more statement is another answer.
    let (mut store, before) = (store, before);
    commit(
        &mut store,
        sample.private.batch([asserted(9999, 1)], Step::new()),
    );
    assert_ne!(answers(&store), before);
}

#[test]
fn a_value_is_found_under_each_publisher() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    sample.round(&mut store, 0);
    let (my, sg) = (name("MY"), name("SG"));
    assert_eq!(
        find(&store, 1),
        [(my.clone(), 1), (my.clone(), 1), (sg.clone(), 1)]
    );
    assert_eq!(find(&store, 0), [(my.clone(), 1), (my.clone(), 1)]);
    assert_eq!(find(&store, 299), [(my.clone(), 1), (sg.clone(), 1)]);
    assert_eq!(find(&store, 300), []);
    commit(
        &mut store,
        sample.foreign.batch([withdrawn(299, 2)], Step::new()),
    );
    assert_eq!(find(&store, 299), [(my, 1), (sg.clone(), 1), (sg, 2)]);
    let mine = store.scan(|feed| feed.genesis().publisher == name("MY"));
    assert_eq!(mine.filter(Result::is_ok).count(), 370);
}

#[test]
fn a_bad_batch_or_statement_stops_nothing() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("SG", &["MY"], 3);
    let begin = feed.begin(Step::new());
    commit(&mut store, begin);
    let mut lying = feed.seal([asserted(1, 1)]);
    lying.leaf.statements_root = FEDERATION;
    let step = feed.leaf(&Leaf::Batch(lying.leaf), Step::new());
    let step = step.body(feed.id, feed.size - 1, lying.body);
    let mut later = asserted(3, 1);
    later[2] = 9;
    let some = [
        asserted(2, 1),
        b"no statement".to_vec(),
        later,
        asserted(4, 1),
    ];
    let step = feed.batch(some, step);
    let applied = commit(&mut store, step);
    let refused = vec![(1, StatementError::Malformed)];
    assert_eq!(applied.bad, [(feed.id, 2, BodyError::Root)]);
    let indexed = Indexed {
        feed: feed.id,
        index: 3,
        found: 2,
        unknown: 1,
        refused: refused.clone(),
    };
    assert_eq!(applied.indexed, [indexed]);
    assert_eq!(store.refused(feed.id, 3).unwrap(), refused);
    let state = store.feeds().get(feed.id).unwrap();
    assert_eq!(state.body(2), Some(BodyState::Bad(BodyError::Root)));
    assert_eq!(state.applied_to(), 2, "what it said is not in force here");
    assert_eq!(state.bad().collect::<Vec<_>>(), [(2, BodyError::Root)]);
    assert_eq!(
        (
            find(&store, 1),
            find(&store, 2).len(),
            find(&store, 4).len()
        ),
        (vec![], 1, 1)
    );
    let before = answers(&store);
    drop(store);
    assert_eq!(answers(&home.open().0), before);
}
