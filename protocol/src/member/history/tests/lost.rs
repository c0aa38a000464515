//! Feeds of which leaves that were signed are lost: how long they are waited for, and when they are back.

use super::*;

/// A feed of which four of six leaves are held, and the heads know six.
fn behind() -> (Home, InMemory) {
    let home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 4)]);
    let mut heads = home.heads();
    let shared = *id(2).digest();
    heads
        .compare_and_swap(shared, Some(head(4)), head(6))
        .unwrap();
    (home, heads)
}

fn confirmed(home: &Home) -> History {
    let mut history = open_since(EARLY);
    history.compared(&member("SG"), at(EARLY), home);
    history
}

fn set(home: &mut Home, size: u64) {
    home.feed(2).size = size;
    home.feed(2).covered = size;
}

#[test]
fn releases_wait_for_a_minute_and_no_longer() {
    let (home, heads) = behind();
    let mut history = confirmed(&home);
    let now = 5_000;
    let outputs = history.lost(id(2), 6, at(now), &home, &heads);
    let warning = Warning::Lost {
        feed: id(2),
        signed: 6,
        held: 4,
    };
    let expected = [Output::Mark, Output::Leave(id(2)), Output::Warn(warning)];
    assert_eq!(outputs, expected, "noted before anything else");
    assert!(!history.is_complete());
    assert_eq!(history.may_publish(), Ok(()), "in other feeds");
    for moment in [now, now + RECOVERY - 1] {
        assert_eq!(history.may_release(at(moment), &home), Err(Why::Incomplete));
    }
    // Another who shows it later does not move the deadline.
    history.shown(
        &member("TH"),
        (id(2), head(6)),
        at(now + 1_000),
        &home,
        &heads,
    );
    assert_eq!(
        history.may_release(at(now + RECOVERY), &home),
        Ok(Vec::new())
    );
    assert!(history.comes_back(id(2)), "it may still come");
}

#[test]
fn nothing_waits_for_a_feed_that_has_ended() {
    let home = Home::new(vec![feed(2, &["SG"], 4)]);
    let heads = InMemory::of(BTreeMap::from([(*id(2).digest(), Signed::ENDED)]));
    let mut history = confirmed(&home);
    history.shown(&member("SG"), (id(2), head(6)), at(1), &home, &heads);
    assert!(history.comes_back(id(2)));
    assert_eq!(history.may_release(at(1), &home), Ok(Vec::new()));
}

#[test]
fn a_feed_is_back_when_all_that_was_shown_is_held_and_decrypted() {
    let (mut home, heads) = behind();
    let mut history = confirmed(&home);
    history.shown(&member("SG"), (id(2), head(5)), at(1), &home, &heads);
    history.shown(&member("TH"), (id(2), head(6)), at(2), &home, &heads);
    history.shown(&member("VN"), (id(2), head(5)), at(2), &home, &heads);
    set(&mut home, 5);
    assert_eq!(history.came_back(id(2), at(3), &home, &heads), [], "5 of 6");
    set(&mut home, 6);
    home.feed(2).missing = 1;
    assert_eq!(history.came_back(id(2), at(3), &home, &heads), []);
    home.feed(2).missing = 0;
    home.feed(2).undecrypted = 1;
    assert_eq!(history.came_back(id(2), at(3), &home, &heads), []);
    home.feed(2).undecrypted = 0;
    assert_eq!(
        history.came_back(id(9), at(3), &home, &heads),
        [],
        "another"
    );
    // As when the key comes by itself.
    let outputs = history.look_for_lost(at(3), &home, &heads);
    let resume = Output::Resume {
        audience: feed(2, &["SG"], 0).audience,
        feed: id(2),
    };
    assert_eq!(outputs, [resume, Output::Settle(About::Lost(id(2)))]);
    assert!(!history.comes_back(id(2)));
    // It showed what was held: only the rest is loaded, and releases wait for it.
    assert_eq!(
        history.may_release(at(3), &home),
        Err(Why::Loading { batches: 2 })
    );
    assert_eq!(history.may_say(), Ok(()), "nothing new waits for it");
    assert_eq!(history.next_to_load(), Some((id(2), 4)));
    assert_eq!(history.next_to_load(), Some((id(2), 5)));
}

#[test]
fn what_a_start_found_lost_is_loaded_from_the_beginning() {
    let (mut home, heads) = behind();
    let mut history = open_since(EARLY);
    history.lost(id(2), 6, at(EARLY), &home, &heads);
    set(&mut home, 6);
    history.came_back(id(2), at(1), &home, &heads);
    let loaded: Vec<_> = std::iter::from_fn(|| history.next_to_load()).collect();
    let all: Vec<_> = (0..6).map(|leaf| (id(2), leaf)).collect();
    assert_eq!(loaded, all);
}

#[test]
fn a_closed_or_ended_feed_does_not_grow_again() {
    let (mut home, heads) = behind();
    home.feed(2).is_closed = true;
    let ended = InMemory::of(BTreeMap::from([(*id(2).digest(), Signed::ENDED)]));
    for heads in [&heads, &ended] {
        let mut history = confirmed(&home);
        set(&mut home, 4);
        history.shown(&member("SG"), (id(2), head(6)), at(1), &home, heads);
        set(&mut home, 6);
        let outputs = history.came_back(id(2), at(2), &home, heads);
        assert_eq!(outputs, [Output::Settle(About::Lost(id(2)))]);
        assert!(history.is_loading(), "what it says is loaded all the same");
        home.feed(2).is_closed = false;
    }
}

#[test]
fn a_head_that_comes_back_is_known_before_it_is_stored() {
    let (home, heads) = behind();
    let history = confirmed(&home);
    let feed = *id(2).digest();
    let swap = |expected, new| {
        Some(Swap {
            feed,
            expected,
            new,
        })
    };
    for (came, expected) in [
        (5, None), // The heads know more.
        (6, swap(Some(head(6)), head(6))),
        (7, swap(Some(head(6)), head(7))),
    ] {
        assert_eq!(history.head_came(id(2), head(came), &heads), expected);
    }
    // Not known at all: others may have more of it, so it ends.
    let unknown = history.head_came(id(8), head(3), &heads).unwrap();
    assert_eq!((unknown.expected, unknown.new), (None, Signed::ENDED));
    // Nothing follows the end.
    let ended = InMemory::of(BTreeMap::from([(feed, Signed::ENDED)]));
    assert_eq!(history.head_came(id(2), head(7), &ended), None);
    let asking = asking::asking();
    assert_eq!(asking.head_came(id(2), head(7), &heads), None);
}
