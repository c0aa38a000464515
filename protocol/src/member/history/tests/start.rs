//! A start: what the log and the heads say of each other.

use super::*;

fn repair(home: &Home, heads: &InMemory) -> Repair {
    let found = compare(home, heads, |_| true);
    let Compared::Repair(repair) = found else {
        panic!("{found:?}");
    };
    repair
}

fn heads(entries: &[(u8, Signed)]) -> InMemory {
    let entries = entries.iter();
    InMemory::of(
        entries
            .map(|(feed, signed)| (*id(*feed).digest(), *signed))
            .collect(),
    )
}

#[test]
fn what_agrees_needs_nothing() {
    let home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 4)]);
    assert_eq!(repair(&home, &home.heads()), Repair::default());
}

#[test]
fn leaves_ahead_of_the_heads_are_cut() {
    let mut home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 4)]);
    home.feed(1).covered = 0;
    home.feed(2).covered = 3;
    let found = repair(&home, &heads(&[(2, head(3))]));
    assert_eq!(found.cut, [(id(1), 0), (id(2), 3)]);
    assert_eq!((found.sign_again, found.behind), (vec![], vec![]));
}

#[test]
fn a_checkpoint_behind_the_heads_or_by_a_former_key_is_signed_again() {
    let mut home = Home::new(vec![feed(2, &["SG"], 4), feed(3, &["TH"], 2)]);
    home.feed(2).covered = 3;
    let heads = home.heads();
    assert_eq!(repair(&home, &heads).sign_again, [(id(2), head(4))]);
    let by_former = compare(&home, &heads, |feed| feed != id(3));
    let Compared::Repair(found) = by_former else {
        panic!("{by_former:?}");
    };
    assert_eq!(found.sign_again, [(id(2), head(4)), (id(3), head(2))]);
}

#[test]
fn less_than_was_signed_is_behind_and_ended_feeds_are_left_alone() {
    let home = Home::new(vec![
        feed(1, &[], 3),
        feed(2, &["SG"], 4),
        feed(3, &["TH"], 2),
    ]);
    let heads = heads(&[
        (1, head(5)),
        (2, head(6)),
        (3, Signed::ENDED),
        (8, head(2)),
        (9, Signed::ENDED),
    ]);
    let found = repair(&home, &heads);
    let behind = |feed, signed, is_private| Behind {
        feed: id(feed),
        signed,
        is_private,
    };
    let expected = [behind(1, 5, true), behind(2, 6, false), behind(8, 2, false)];
    assert_eq!(found.behind, expected);
    assert_eq!((found.cut, found.sign_again), (vec![], vec![]));
}

#[test]
fn older_heads_and_another_history_are_told_apart() {
    let mut home = Home::new(vec![feed(2, &["SG"], 4)]);
    let older = heads(&[(2, head(3))]);
    assert_eq!(compare(&home, &older, |_| true), Compared::OlderHeads);
    let lost = heads(&[]);
    assert_eq!(compare(&home, &lost, |_| true), Compared::OlderHeads);
    let heads = home.heads();
    home.feed(2).history = 2;
    let found = compare(&home, &heads, |_| true);
    assert_eq!(found, Compared::OtherHistory(id(2)));
}

#[test]
fn what_no_checkpoint_covers_is_dropped_before_readers_are_asked() {
    let mut home = Home::new(vec![
        feed(1, &[], 3),
        feed(2, &["SG"], 4),
        feed(3, &["TH"], 2),
    ]);
    home.feed(1).covered = 1;
    home.feed(2).covered = 1;
    assert_eq!(uncovered(&home), [(id(2), 1)], "what is for us alone stays");
}

#[test]
fn a_former_keys_head_is_signed_again_only_where_it_is_what_was_signed() {
    let home = Home::new(vec![feed(2, &["SG"], 4)]);
    let again = |heads: &InMemory, ours: bool| to_sign_again(id(2), &home, heads, |_| ours);
    assert_eq!(again(&home.heads(), false), Some(head(4)));
    assert_eq!(again(&home.heads(), true), None);
    assert_eq!(again(&heads(&[(2, head(5))]), false), None);
    assert_eq!(again(&heads(&[(2, Signed::ENDED)]), false), None);
    assert_eq!(again(&heads(&[]), false), None);
    let other = Signed {
        size: 4,
        root: root(2, 4),
    };
    assert_eq!(again(&heads(&[(2, other)]), false), None);
}

#[test]
fn the_last_open_feed_for_an_audience_grows() {
    let mut home = Home::new(vec![
        feed(1, &[], 3),
        feed(2, &["SG"], 4),
        feed(3, &["SG"], 1),
        feed(4, &["TH"], 1),
        feed(5, &["VN"], 1),
        feed(6, &["ID"], 0),
    ]);
    home.feed(4).is_closed = true;
    let heads = heads(&[(5, Signed::ENDED), (3, head(1))]);
    let open: Vec<_> = open_feeds(&home, &heads).into_values().collect();
    let open: BTreeSet<_> = open.into_iter().collect();
    assert_eq!(open, BTreeSet::from([id(1), id(3)]));
}
