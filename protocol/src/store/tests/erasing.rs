//! Bodies that are no longer to be held: gone from the log once that is signed, and no sooner.

use crate::bounded::BoundedVec;
use crate::feed::{CloseLeaf, EraseLeaf, FeedId};
use crate::statement::{Erasure, IndicatorId, Revision};

use super::commit::find;
use super::refuse::check_refused;
use super::*;

fn erase(index: u64) -> Leaf {
    Leaf::Erase(EraseLeaf { index, reason: 1 })
}

fn note(feed: &Feed) -> Vec<u8> {
    format!("a note over {} of {}", feed.size, feed.id).into_bytes()
}

pub(super) fn signed(feed: &Feed) -> Step {
    Step::new().checkpoint(feed.id, note(feed), feed.size)
}

/// Whether a piece of these bytes lies in the log or in a row.
pub(super) fn lies_in(home: &Home, body: &[u8]) -> bool {
    let mut all = home.log.payloads();
    home.rows.spoil(|rows| all.extend(rows.values().cloned()));
    let piece = &body[100..164];
    let holds = |bytes: Vec<u8>| bytes.windows(piece.len()).any(|window| window == piece);
    all.into_iter().any(holds)
}

pub(super) fn two_rounds(home: &Home) -> (Store, Sample) {
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    (0..2).for_each(|round| sample.round(&mut store, round));
    (store, sample)
}

fn erased(store: &Store, id: FeedId) -> u64 {
    store.view(&id).unwrap().erased
}

/// The same after a start, and after one without derived state.
pub(super) fn stays(home: &Home, store: Store) {
    let before = answers(&store);
    drop(store);
    assert_eq!(answers(&home.open().0), before);
    home.rows.lose();
    assert_eq!(answers(&home.open().0), before);
}

#[test]
fn an_erased_body_is_gone_from_everywhere_once_that_is_signed() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    drop(answers(&store));
    let (id, index) = (sample.foreign.id, 2);
    let body = store.body(id, index).unwrap();
    assert!(lies_in(&home, &body));
    assert_eq!(find(&store, 1).len(), 3);
    let step = sample.foreign.leaf(&erase(index), Step::new());
    let applied = commit(&mut store, step);
    assert_eq!(applied.erased, [(id, index)]);
    // Nobody is given it any more, though it is still there.
    assert!(lies_in(&home, &body));
    assert_eq!((erased(&store, id), find(&store, 1).len()), (0, 2));
    assert!(matches!(
        store.body(id, index),
        Err(StoreError::NoBody { .. })
    ));
    assert!(!store.lacks(&id, index));
    commit(&mut store, signed(&sample.foreign));
    assert!(!lies_in(&home, &body));
    assert_eq!((erased(&store, id), find(&store, 1).len()), (1, 2));
    check_refused(
        &mut store,
        Step::new().body(id, index, body),
        "BodyNotWanted",
    );
    stays(&home, store);
}

#[test]
fn a_closed_feed_takes_what_erases_and_stays_closed() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let id = sample.foreign.id;
    let body = store.body(id, 2).unwrap();
    let close = Leaf::Close(CloseLeaf {
        reason: 1,
        followed_by: BoundedVec::default(),
    });
    let step = sample.foreign.leaf(&close, Step::new());
    commit(&mut store, step);
    commit(&mut store, signed(&sample.foreign));
    let closed = sample.foreign.size;
    let step = sample.foreign.leaf(&erase(2), Step::new());
    commit(&mut store, step);
    // It is dropped, as a start drops what was not signed.
    let again = sample.foreign.size;
    commit(&mut store, Step::new().truncate(id, closed));
    assert!(store.feeds().get(id).unwrap().is_closed());
    assert_eq!(store.body(id, 2).unwrap(), body);
    sample.foreign.size = again;
    let leaf = erase(2).encode();
    commit(&mut store, Step::new().leaf(id, closed, leaf));
    let (step, _) = sample.foreign.batch_apart([asserted(9999, 1)], Step::new());
    check_refused(&mut store, step, "Closed");
    stays(&home, store);
}

#[test]
fn one_that_is_erased_before_it_comes_is_not_wanted() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let id = sample.foreign.id;
    let (step, body) = sample.foreign.batch_apart([asserted(9999, 1)], Step::new());
    commit(&mut store, step);
    let index = sample.foreign.size - 1;
    assert!(store.lacks(&id, index));
    let step = sample.foreign.leaf(&erase(index), Step::new());
    commit(&mut store, step);
    assert!(!store.lacks(&id, index));
    assert_eq!(store.view(&id).unwrap().missing, 0);
    check_refused(
        &mut store,
        Step::new().body(id, index, body),
        "BodyNotWanted",
    );
    stays(&home, store);
}

#[test]
fn what_a_crash_kept_from_being_overwritten_is_at_the_start() {
    let home = Home::new();
    let (store, mut sample) = two_rounds(&home);
    let (id, index) = (sample.foreign.id, 2);
    let body = store.body(id, index).unwrap();
    let at = sample.foreign.size;
    drop(sample.foreign.leaf(&erase(index), Step::new()));
    // The leaf is on disk, and nothing else happened: not even memory knows.
    drop(store);
    let record = |kind, index, payload| Record {
        kind,
        key: RecordKey {
            feed: *id.digest(),
            index,
        },
        payload,
    };
    let (leaf, note) = (erase(index).encode(), note(&sample.foreign));
    let records = [
        record(RecordKind::Leaf, at, leaf.as_slice()),
        record(RecordKind::Checkpoint, at + 1, note.as_slice()),
    ];
    let mut log = home.log.clone();
    log.append(&records).unwrap();
    log.sync().unwrap();
    drop(log);
    for without_rows in [false, true] {
        let home = home.copy();
        if without_rows {
            home.rows.lose();
        }
        assert!(lies_in(&home, &body));
        let (store, _) = home.open();
        assert!(!lies_in(&home, &body));
        assert_eq!(erased(&store, id), 1);
        stays(&home, store);
    }
    // It was known, and not signed yet: the rows say what is left to do.
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let step = sample.foreign.leaf(&erase(index), Step::new());
    commit(&mut store, step);
    store.flush().unwrap();
    drop(store);
    let (mut store, _) = home.open();
    assert!(lies_in(&home, &body));
    assert_eq!((erased(&store, id), find(&store, 1).len()), (0, 2));
    commit(&mut store, signed(&sample.foreign));
    assert!(!lies_in(&home, &body));
    stays(&home, store);
}

#[test]
fn an_erasure_that_is_dropped_before_it_is_signed_loses_nothing() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let (id, size) = (sample.private.id, sample.private.size);
    let before = answers(&store);
    let body = store.body(id, 2).unwrap();
    let step = sample.private.batch([asserted(7, 1)], Step::new());
    let step = sample.private.leaf(&erase(2), step);
    commit(&mut store, sample.private.leaf(&erase(2), step));
    assert!(store.body(id, 2).is_err());
    let copy = home.copy();
    commit(&mut store, Step::new().truncate(id, size));
    assert_eq!(store.body(id, 2).unwrap(), body);
    assert_eq!(answers(&store), before);
    stays(&home, store);
    // The same if the node was started in between.
    let (mut store, _) = copy.open();
    commit(&mut store, Step::new().truncate(id, size));
    assert_eq!(answers(&store), before);
    stays(&copy, store);
}

#[test]
fn what_one_leaf_erases_is_not_back_when_a_second_is_dropped() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let id = sample.private.id;
    let step = sample.private.leaf(&erase(2), Step::new());
    let kept = sample.private.size;
    commit(&mut store, sample.private.leaf(&erase(2), step));
    commit(&mut store, Step::new().truncate(id, kept));
    sample.private.size = kept;
    assert!(store.body(id, 2).is_err());
    commit(&mut store, signed(&sample.private));
    assert_eq!(erased(&store, id), 1);
    stays(&home, store);
}

#[test]
fn bodies_of_dropped_leaves_are_overwritten() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let (id, size) = (sample.private.id, sample.private.size);
    let before = answers(&store);
    let step = sample.private.batch([asserted(4444, 1)], Step::new());
    commit(&mut store, step);
    let body = store.body(id, size).unwrap();
    assert!(lies_in(&home, &body));
    commit(&mut store, Step::new().truncate(id, size));
    assert!(!lies_in(&home, &body));
    assert_eq!(answers(&store), before);
    stays(&home, store);
}

#[test]
fn one_is_forgotten_here_alone() {
    let home = Home::new();
    let (mut store, sample) = two_rounds(&home);
    let id = sample.private.id;
    let body = store.body(id, 2).unwrap();
    check_refused(&mut store, Step::new().forget(id, 1), "NoBatch");
    commit(&mut store, Step::new().forget(id, 2));
    assert!(!lies_in(&home, &body));
    assert!(store.body(id, 2).is_err());
    assert!(store.own().unwrap().get(&id_of(7)).unwrap().at.is_none());
    stays(&home, store);
}

#[test]
fn only_batches_before_can_be_erased() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let size = sample.private.size;
    for index in [size, size + 1, u64::MAX] {
        let step = Step::new().leaf(sample.private.id, size, erase(index).encode());
        check_refused(&mut store, step, "NoBatch");
    }
    let step = sample.private.next_epoch(Step::new());
    commit(&mut store, step);
    let step = Step::new().leaf(sample.private.id, size + 1, erase(size).encode());
    check_refused(&mut store, step, "NoBatch");
    let step = sample.private.batch([asserted(1, 2)], Step::new());
    commit(&mut store, sample.private.leaf(&erase(size + 1), step));
}

fn id_of(number: usize) -> IndicatorId {
    IndicatorId::of(&name("MY"), &value(number))
}

fn erasure(store: &Store, number: usize, revision: u32) -> Vec<u8> {
    Erasure {
        mark: store.mark_of(&id_of(number)),
        revision: Revision::new(revision),
        made: Timestamp::EPOCH,
        reason: 1,
    }
    .encode()
}

/// A feed, the batches in it that are to be erased, and what is to be said again, as the numbers and
/// revisions of the indicators.
type Planned = (FeedId, Vec<u64>, Vec<(usize, u32)>);

/// What erasing an indicator takes, for each feed.
fn plan(store: &Store, number: usize) -> Vec<Planned> {
    let plan = store.erasure(&id_of(number)).unwrap();
    let feeds = plan.into_iter().map(|one| {
        let said = one.others.iter().map(|place| {
            let statement = store.statement(*place).unwrap().0;
            let number = statement
                .value
                .as_str()
                .trim_start_matches("telegram:scammer");
            (number.parse().unwrap(), statement.revision.number())
        });
        let feed = store.feeds().by_number(one.feed).unwrap();
        let mut said: Vec<_> = said.collect();
        said.sort_unstable();
        (feed.id(), one.batches, said)
    });
    feeds.collect()
}

#[test]
fn what_erasing_an_indicator_takes() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    let (private, shared) = (sample.private.id, sample.shared.id);
    let numbers = |numbers: &[(usize, u32)]| {
        numbers
            .iter()
            .map(|(n, r)| asserted(*n, *r))
            .collect::<Vec<_>>()
    };
    let say = |store: &mut Store, feed: &mut Feed, what: Vec<Vec<u8>>| {
        commit(store, feed.batch(what, Step::new()));
    };
    say(
        &mut store,
        &mut sample.private,
        numbers(&[(1, 1), (2, 1), (3, 1)]),
    );
    say(&mut store, &mut sample.shared, numbers(&[(1, 1), (2, 1)]));
    say(&mut store, &mut sample.private, numbers(&[(3, 2), (4, 1)]));
    // More revisions than the look-up remembers.
    for revision in 2..40 {
        say(&mut store, &mut sample.private, numbers(&[(1, revision)]));
    }
    say(
        &mut store,
        &mut sample.private,
        vec![withdrawn(1, 40), withdrawn(2, 2)],
    );
    say(
        &mut store,
        &mut sample.shared,
        vec![withdrawn(1, 40), withdrawn(2, 2)],
    );
    assert_eq!(plan(&store, 9), []);
    assert_eq!(plan(&store, 4), [(private, vec![3], vec![(3, 2)])]);
    let all: Vec<u64> = (2..=42).filter(|index| *index != 3).collect();
    let expected = [
        (private, all, vec![(2, 1), (2, 2)]),
        (shared, vec![2, 3], vec![(2, 1), (2, 2)]),
    ];
    assert_eq!(plan(&store, 1), expected);
    drop(store);
    home.rows.lose();
    assert_eq!(plan(&home.open().0, 1), expected);
}

#[test]
fn an_erased_indicator_is_known_by_its_mark_alone() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    let step = sample
        .private
        .batch([asserted(1, 1), asserted(2, 1)], Step::new());
    commit(&mut store, step);
    let said = vec![asserted(2, 1), erasure(&store, 1, 2)];
    let step = sample.private.batch(said, Step::new());
    let step = sample.private.leaf(&erase(2), step);
    commit(&mut store, step);
    commit(&mut store, signed(&sample.private));
    let entry = |store: &Store, number| store.own().unwrap().get(&id_of(number));
    let check = |store: &Store| {
        let gone = entry(store, 1).unwrap();
        assert_eq!(
            (gone.erased, gone.at, gone.highest),
            (true, None, Revision::new(2))
        );
        assert!(!entry(store, 2).unwrap().erased);
        assert!(find(store, 1).is_empty());
        assert_eq!(store.erasures(&id_of(1)).unwrap().len(), 1);
        assert_eq!(store.erasures(&id_of(2)).unwrap(), []);
        let private = store.feeds().get(sample.private.id).unwrap().number();
        let mark = store.mark_of(&id_of(1));
        assert_eq!(store.erasures_in(private, 3).unwrap()[0].mark, mark);
        assert_eq!(store.erased_up_to(private, 3), 4);
        assert_eq!(store.erased_up_to(private, 1), 1);
        assert_eq!(store.erasure_of_mark(&mark).unwrap(), []);
    };
    check(&store);
    drop(store);
    home.rows.lose();
    let (mut store, _) = home.open();
    check(&store);
    // What erasing the other takes: the word of the erasure is said again.
    let again = store.erasure(&id_of(2)).unwrap();
    assert_eq!(
        (again[0].batches.as_slice(), again[0].others.len()),
        (&[3][..], 1)
    );
    // Asserted anew it is an indicator like any other; its erasure stays told.
    let step = sample.private.batch([asserted(1, 3)], Step::new());
    commit(&mut store, step);
    assert!(!entry(&store, 1).unwrap().erased);
    assert_eq!(store.erasures(&id_of(1)).unwrap().len(), 1);
    // Said again at a later place it changes nothing.
    let said = erasure(&store, 1, 2);
    let step = sample.private.batch([said], Step::new());
    commit(&mut store, step);
    assert!(!entry(&store, 1).unwrap().erased);
    stays(&home, store);
}

#[test]
fn what_came_back_from_an_older_copy_is_known_to_be_erased() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    let step = sample.private.batch([asserted(1, 1)], Step::new());
    commit(&mut store, step);
    assert!(!store.own().unwrap().get(&id_of(1)).unwrap().erased);
    // The private feed does not say so: a released one, given back by a reader, does.
    let said = erasure(&store, 1, 2);
    let mark = store.mark_of(&id_of(1));
    let step = sample.shared.batch([said], Step::new());
    commit(&mut store, step);
    assert!(store.own().unwrap().get(&id_of(1)).unwrap().erased);
    let plan = store.erasure_of_mark(&mark).unwrap();
    assert_eq!((plan.len(), plan[0].batches.as_slice()), (1, &[2][..]));
    // Of another publisher it means nothing.
    let said = erasure(&store, 2, 2);
    let step = sample.foreign.batch([said], Step::new());
    commit(&mut store, step);
    assert_eq!(store.erasures(&id_of(2)).unwrap(), []);
    assert!(store.own().unwrap().get(&id_of(2)).is_none());
    stays(&home, store);
}
