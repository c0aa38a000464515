//! Honest members: everything that is released arrives, and nothing else.

use kentong_keys::Digest;

use super::member::{Member, at};
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{Checkpoint, FeedId, Origin, UnverifiedCheckpoint};
use crate::sync::{Input, Ledger as _, News, Output, Session, Task};
use crate::wire::{Alive, Claim, Heads, MAX_HEADS, Message};

fn two() -> (Member, Member) {
    (Member::new("MY", 1), Member::new("SG", 2))
}

#[test]
fn a_reader_catches_up_and_then_gets_pushes() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    (0..300).for_each(|i: u32| my.add(feed, &i.to_be_bytes()));
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.assert_equal(feed);
    for i in 0..5_u8 {
        pair.a.0.add(feed, &[i]);
        pair.a.0.publish(feed);
        let before = pair.crossed.1;
        pair.now += 5000;
        pair.give_a(Input::Published(feed));
        pair.settle();
        pair.assert_equal(feed);
        assert_eq!(
            pair.crossed.1 - before,
            3,
            "a push: leaves, body, and the receipt back"
        );
    }
    let last = pair.a.0.receipts.last().unwrap();
    assert_eq!((last.feed, last.size, last.missing), (feed, 307, 0));
}

#[test]
fn a_burst_of_publications_is_not_pushed_whole() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    for i in 0..100_u8 {
        pair.a.0.add(feed, &[i]);
        pair.a.0.publish(feed);
        pair.give_a(Input::Published(feed));
    }
    pair.settle();
    pair.assert_equal(feed);
}

#[test]
fn what_is_for_another_leaves_no_trace() {
    let (mut my, sg) = two();
    let th = Member::new("TH", 3);
    let (for_th, for_me) = (my.open(&[&th], 1), my.open(&[], 2));
    for feed in [for_th, for_me] {
        my.add(feed, b"not for SG");
        my.publish(feed);
    }
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.give_a(Input::Published(for_th));
    pair.settle();
    assert!(pair.b.0.feeds.is_empty());
    let told = format!("{:?}", pair.b.0.log);
    assert!(told.contains("Opened") && !told.contains(&format!("{for_th:?}")));
}

#[test]
fn nothing_unpublished_is_shown() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    my.add(feed, b"signed later");
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    assert_eq!(pair.b.0.feeds[&feed].tree.size(), 2);
    assert!(pair.b.0.feeds[&feed].bodies.is_empty());
}

#[test]
fn an_idle_minute_costs_two_claims_whatever_is_shared() {
    let idle = |batches: u32| {
        let (mut my, sg) = two();
        let feed = my.open(&[&sg], 1);
        (0..batches).for_each(|i| my.add(feed, &i.to_be_bytes()));
        my.publish(feed);
        let mut pair = Pair::connect(my, sg);
        pair.settle();
        pair.now += 5000;
        pair.give_b(Input::Tick);
        pair.settle();
        pair.now = 60_000;
        let before = pair.crossed;
        pair.give_a(Input::Tick);
        pair.give_b(Input::Tick);
        pair.settle();
        (pair.crossed.0 - before.0, pair.crossed.1 - before.1)
    };
    assert_eq!(idle(1).1, 2);
    assert_eq!(idle(1), idle(200));
}

#[test]
fn a_head_that_got_lost_is_noticed_by_the_next_sign_of_life() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.a.0.add(feed, b"published, and nobody was told");
    pair.a.0.publish(feed);
    pair.now = 60_000;
    pair.give_b(Input::Tick);
    pair.settle();
    pair.assert_equal(feed);
}

#[test]
fn a_body_that_the_publisher_lost_is_named_and_the_rest_arrives() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    (0..3_u8).for_each(|i| my.add(feed, &[i]));
    my.publish(feed);
    let lost = my.feeds.get_mut(&feed).unwrap().bodies.remove(&3).unwrap();
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::Withheld { feed, index: 3 }))
    );
    assert_eq!(pair.b.0.feeds[&feed].bodies.len(), 2);
    assert!(!lost.is_empty());
    assert!(pair.b.1.is_open());
}

#[test]
fn clocks_ahead_are_reported_and_order_nothing() {
    let (my, sg) = two();
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let (a, sa) = (&mut pair.a.0, &mut pair.a.1);
    let ahead = at(60_000 + 3_600_000);
    let outputs = sa.handle(Input::Tick, ahead, a);
    let frames = a.carry_out(sa, outputs, ahead);
    pair.a.2.extend(frames);
    pair.settle();
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::ClockAhead(3660)))
    );
    assert!(pair.b.1.is_open());
    assert!(
        pair.b
            .0
            .feeds_of(&"MY".parse().unwrap(), &"SG".parse().unwrap())
            .is_empty()
    );
}

#[test]
fn an_announcement_is_not_answered_with_another() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    (0..50_u8).for_each(|i| pair.a.0.add(feed, &[i]));
    pair.a.0.publish(feed);
    pair.a.0.log.clear();
    let announcement = Message::Heads(Heads::default());
    pair.give_a(Input::Frame(&announcement.encode()));
    assert_eq!(
        pair.a.0.log,
        [],
        "else two that are both behind would talk for ever"
    );
}

/// MY and SG, who hold the same of a feed; then MY goes back to `size` leaves, and both meet again.
fn gone_back(size: u64, then: impl FnOnce(&mut Member, FeedId)) -> (Pair, FeedId) {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    (0..3_u8).for_each(|i| my.add(feed, &[i]));
    let mut pair = Pair::connect(my, sg);
    pair.a.0.publish(feed);
    pair.settle();
    pair.assert_equal(feed);
    let (mut my, sg) = (pair.a.0, pair.b.0);
    let held = my.feeds.get_mut(&feed).unwrap();
    held.leaves.truncate(usize::try_from(size).unwrap());
    held.tree.truncate(size);
    held.bodies.retain(|index, _| *index < size);
    then(&mut my, feed);
    my.publish(feed);
    my.log.clear();
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    (pair, feed)
}

#[test]
fn a_publisher_that_lost_history_is_shown_what_it_signed() {
    let (pair, feed) = gone_back(5, |_, _| {});
    let lost = |output: &Output| {
        matches!(
            output,
            Output::Learnt(News::Behind { .. }) | Output::Learnt(News::Forked { .. })
        )
    };
    let shown = |pair: &Pair, of: FeedId| {
        let behind = |output: &Output| matches!(output, Output::Learnt(News::Behind { feed, size: 5, .. }) if *feed == of);
        pair.a.0.log.iter().any(behind)
    };
    assert!(!pair.a.0.log.iter().any(lost), "it has lost nothing");
    for size in 2..5 {
        let (pair, feed) = gone_back(size, |_, _| {});
        assert!(shown(&pair, feed));
        assert!(pair.a.1.is_open(), "and the peer did nothing wrong");
    }
    let (mut my, sg) = (pair.a.0, pair.b.0);
    my.feeds.remove(&feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    assert!(shown(&pair, feed));
}

#[test]
fn a_publisher_that_signed_two_histories_is_shown_the_other() {
    let (pair, feed) = gone_back(4, |my, feed| {
        (0..9_u8).for_each(|i| my.add(feed, &[9, i]));
    });
    let log = &pair.a.0.log;
    assert!(log.contains(&Output::Learnt(News::Forked { feed, size: 5 })));
    let kept = log.iter().any(|output| match output {
        Output::Learnt(News::Evidence(evidence)) => {
            evidence.feed == feed && evidence.link.is_some()
        }
        _ => false,
    });
    assert!(kept);
}

#[test]
fn a_reader_s_word_alone_makes_no_publisher_believe_that_it_lost_history() {
    let (mut my, sg) = two();
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    // A checkpoint in MY's name by SG's key, and one of a feed that MY never had.
    let origin = |feed| Origin {
        federation: "TEST".into(),
        publisher: "MY".parse().unwrap(),
        feed,
        incarnation: 0,
    };
    let other = FeedId::from_digest(Digest::from_bytes([7; 32]));
    let root = Digest::from_bytes([7; 32]);
    let mine = [feed, other]
        .map(|feed| Checkpoint::sign(origin(feed), 9, root, &pair.b.0.signing))
        .map(|checkpoint| BoundedBytes::new(checkpoint.note().to_vec()).unwrap());
    let heads = Heads {
        mine: BoundedVec::new(mine.to_vec()).unwrap(),
        yours: BoundedVec::new(vec![(feed, 9), (other, 9)]).unwrap(),
    };
    pair.a.0.log.clear();
    pair.give_a(Input::Frame(&Message::Heads(heads).encode()));
    assert_eq!(pair.a.0.log, []);
    assert!(pair.a.1.is_open());
}

#[test]
fn heads_that_do_not_fit_one_message_come_in_several() {
    let (mut my, sg) = two();
    let count = MAX_HEADS + 3;
    for nonce in 0..count {
        let feed = my.open(&[&sg], (nonce % 251) as u8);
        let held = my.feeds.remove(&feed).unwrap();
        let id = FeedId::from_digest(Digest::labelled(
            kentong_keys::Label::new("kentong/test/1"),
            &[&nonce.to_be_bytes()],
        ));
        my.feeds.insert(id, held);
        my.publish(id);
    }
    let (mut session, _) = Session::begin(my.local(), sg.as_peer(), at(0));
    let hello = Session::begin(sg.local(), my.as_peer(), at(0)).1;
    let [Output::Do(Task::Send(hello))] = hello.as_slice() else {
        panic!("{hello:?}");
    };
    let said = session.handle(Input::Frame(&hello.encode()), at(0), &my);
    let heads = said.iter().filter_map(|output| match output {
        Output::Do(Task::Send(Message::Heads(heads))) => Some(heads.mine.len()),
        _ => None,
    });
    assert_eq!(heads.collect::<Vec<_>>(), [MAX_HEADS, 3]);
}

/// MY's session with SG, after both have said hello, and what MY said then.
fn greeted(my: &Member, sg: &Member) -> (Session, Vec<Output>) {
    let (mut session, _) = Session::begin(my.local(), sg.as_peer(), at(0));
    let hello = Session::begin(sg.local(), my.as_peer(), at(0)).1;
    let [Output::Do(Task::Send(hello))] = hello.as_slice() else {
        panic!("{hello:?}");
    };
    let said = session.handle(Input::Frame(&hello.encode()), at(0), my);
    (session, said)
}

#[test]
fn a_publisher_is_told_when_it_was_shown_all_its_heads() {
    let (my, sg) = two();
    let note = |n: usize| {
        let label = kentong_keys::Label::new("kentong/test/1");
        let origin = Origin {
            federation: "TEST".into(),
            publisher: my.name.clone(),
            feed: FeedId::from_digest(Digest::labelled(label, &[&n.to_be_bytes()])),
            incarnation: 0,
        };
        let head = Checkpoint::sign(origin, 2, Digest::from_bytes([7; 32]), &my.signing);
        BoundedBytes::new(head.note().to_vec()).unwrap()
    };
    let list = |heads: std::ops::Range<usize>| {
        let mine = BoundedVec::new(heads.map(note).collect()).unwrap();
        let yours = BoundedVec::default();
        Message::Heads(Heads { mine, yours }).encode()
    };
    // How many heads a message taught, and whether they were the last.
    let taught = |session: &mut Session, frame: &[u8]| {
        let outputs = session.handle(Input::Frame(frame), at(0), &my);
        let heads = outputs
            .iter()
            .filter(|o| matches!(o, Output::Learnt(News::Behind { .. })));
        let ended = outputs
            .iter()
            .filter(|o| **o == Output::Learnt(News::Compared));
        (heads.count(), ended.count())
    };
    let (mut session, _) = greeted(&my, &sg);
    assert_eq!(
        taught(&mut session, &list(0..0)),
        (0, 1),
        "it holds nothing"
    );
    assert_eq!(taught(&mut session, &list(0..1)), (1, 0), "told once");
    let (mut session, _) = greeted(&my, &sg);
    assert_eq!(taught(&mut session, &list(0..MAX_HEADS - 1)).1, 1);
    let (mut session, _) = greeted(&my, &sg);
    assert_eq!(taught(&mut session, &list(0..MAX_HEADS)), (MAX_HEADS, 0));
    assert_eq!(
        taught(&mut session, &list(MAX_HEADS..MAX_HEADS + 3)),
        (3, 1)
    );
    // Whatever else comes ends the list too.
    let (mut session, _) = greeted(&my, &sg);
    assert_eq!(taught(&mut session, &list(0..MAX_HEADS)).1, 0);
    let alive = Claim::Alive(Alive {
        time: at(0).wall,
        charter_version: 1,
        heads: Digest::from_bytes([0; 32]),
    });
    let alive = Message::Claim(alive.sign(&sg.signing)).encode();
    assert_eq!(taught(&mut session, &alive), (0, 1));
}

#[test]
fn a_reader_shows_a_publisher_its_own_heads_first() {
    let (mut my, mut sg) = two();
    for nonce in 1..20 {
        let feed = my.open(&[&sg], nonce);
        my.publish(feed);
        let feed = sg.open(&[&my], nonce);
        sg.publish(feed);
    }
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let (_, said) = greeted(&pair.b.0, &pair.a.0);
    let lists = said.iter().filter_map(|output| match output {
        Output::Do(Task::Send(Message::Heads(heads))) => Some(heads.mine.iter()),
        _ => None,
    });
    let publishers: Vec<_> = lists
        .flatten()
        .map(|note| UnverifiedCheckpoint::parse(note).unwrap())
        .map(|note| note.origin().publisher.to_string())
        .collect();
    let expected = [["MY"; 19], ["SG"; 19]].concat();
    assert_eq!(publishers, expected);
}
