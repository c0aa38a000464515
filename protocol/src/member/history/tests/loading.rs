//! What is loaded, in which order, and what follows when it is.

use super::*;

fn loaded(statements: usize, failed: bool) -> Output {
    Output::Loaded { statements, failed }
}

#[test]
fn all_shared_feeds_are_loaded_in_their_order_before_anything_new() {
    let home = Home::new(vec![
        feed(3, &["SG"], 2),
        feed(1, &[], 9),
        feed(2, &["TH"], 1),
        feed(4, &["VN"], 0),
    ]);
    let mut history = open_since(EARLY);
    assert_eq!(history.load_all(&home), []);
    assert_eq!(history.to_load_first(), 3);
    let order = [(id(3), 0), (id(3), 1), (id(2), 0)];
    for (nth, batch) in order.into_iter().enumerate() {
        let batches = 3 - nth as u64;
        assert_eq!(history.may_say(), Err(Why::Loading { batches }));
        assert!(history.may_release(at(PATIENCE), &home).is_err());
        assert!(!history.is_complete());
        assert_eq!(history.next_to_load(), Some(batch));
        let outputs = history.loaded(Some(10));
        if nth < 2 {
            assert_eq!(outputs, []);
        } else {
            let expected = [loaded(30, false), Output::Unmark, Output::ReleaseAll];
            assert_eq!(outputs, expected);
        }
    }
    assert_eq!(history.next_to_load(), None);
    assert_eq!(history.may_say(), Ok(()));
    assert!(history.is_complete());
}

#[test]
fn where_there_is_nothing_to_load_it_is_over_at_once() {
    let home = Home::new(vec![feed(1, &[], 9)]);
    let mut history = open_since(EARLY);
    let expected = [loaded(0, false), Output::Unmark, Output::ReleaseAll];
    assert_eq!(history.load_all(&home), expected);
    assert!(history.is_complete());
}

#[test]
fn a_body_that_a_crash_took_again_is_loaded_when_it_is_back() {
    let mut home = Home::new(vec![feed(2, &["SG"], 2)]);
    let heads = home.heads();
    home.feed(2).missing = 1;
    let mut history = open_since(EARLY);
    history.load_again(at(EARLY), &home);
    assert_eq!(history.next_to_load(), Some((id(2), 0)));
    history.loaded(Some(0));
    assert_eq!(history.next_to_load(), Some((id(2), 1)));
    let still = [loaded(0, false), Output::ReleaseAll];
    assert_eq!(history.loaded(Some(0)), still, "the note stays");
    assert!(!history.is_complete());
    assert!(history.may_release(at(PATIENCE), &home).is_err());

    home.feed(2).missing = 0;
    history.came_back(id(2), at(PATIENCE), &home, &heads);
    assert_eq!(history.next_to_load(), Some((id(2), 0)), "all of it again");
    history.loaded(Some(0));
    history.next_to_load();
    let over = [loaded(1, false), Output::Unmark, Output::ReleaseAll];
    assert_eq!(history.loaded(Some(1)), over);
    assert!(history.is_complete());
}

#[test]
fn what_failed_or_is_lost_the_next_start_looks_for_again() {
    let home = Home::new(vec![feed(2, &["SG"], 2)]);
    let heads = home.heads();
    let mut failed = open_since(EARLY);
    failed.load_all(&home);
    failed.next_to_load();
    assert_eq!(failed.loaded(None), []);
    failed.next_to_load();
    let expected = [loaded(1, true), Output::ReleaseAll];
    assert_eq!(failed.loaded(Some(1)), expected);

    let mut lost = open_since(EARLY);
    lost.lost(id(2), 3, at(EARLY), &home, &heads);
    lost.load_all(&home);
    lost.next_to_load();
    lost.next_to_load();
    let expected = [loaded(1, false), Output::ReleaseAll];
    assert_eq!(lost.loaded(Some(1)), expected);
}
