//! How much at once: of what is asked for, what is pushed, and what one message carries.

use super::member::{Member, at};
use super::pair::Pair;
use crate::feed::{FeedId, Leaf};
use crate::sync::{Input, Ledger as _, Limits, Output, Session, Task, leaves_message};
use crate::wire::{Claim, MAX_LEAVES, MAX_LEAVES_BYTES, Message};

/// SG, by these limits, hears of a feed of MY with this many batches, and gets no body.
fn asked(limits: Limits, batches: u32) -> (Pair, FeedId, Vec<Vec<u64>>) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    (0..batches).for_each(|i| my.add(feed, &i.to_be_bytes()));
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    let mut local = pair.b.0.local();
    local.limits = limits;
    pair.b.1 = Session::begin(local, pair.a.0.as_peer(), at(0)).0;
    let hello = pair.a.2.pop_front().unwrap();
    pair.give_b(Input::Frame(&hello));
    pair.a.2.clear();
    let read = |i: u64| Some(pair.a.0.feeds[&feed].leaves.get(i as usize)?.1.clone());
    let view = pair.a.0.feed(&feed).unwrap();
    let made = leaves_message(feed, &view, 0, &[], read).unwrap();
    let frame = Message::Leaves(Box::new(made)).encode();
    pair.b.0.log.clear();
    pair.give_b(Input::Frame(&frame));
    let wants = wants(&pair);
    (pair, feed, wants)
}

/// The bodies that SG asked for, by request.
fn wants(pair: &Pair) -> Vec<Vec<u64>> {
    let wants = pair.b.0.log.iter().filter_map(|output| match output {
        Output::Do(Task::Send(Message::WantBodies { indexes, .. })) => {
            Some(indexes.clone().into_vec())
        }
        _ => None,
    });
    wants.collect()
}

fn no_body(pair: &mut Pair, feed: FeedId, index: u64) {
    pair.b.0.log.clear();
    let message = Message::NoBody { feed, index };
    pair.give_b(Input::Frame(&message.encode()));
    pair.give_b(Input::Changed);
}

#[test]
fn bodies_are_asked_for_as_far_as_there_is_room() {
    let limits = |bodies_in_flight, bytes_in_flight| Limits {
        bodies_in_flight,
        bytes_in_flight,
        ..Limits::default()
    };
    let all = u64::MAX;
    let (mut pair, feed, first) = asked(limits(8, all), 20);
    assert_eq!(first, [(2..10).collect::<Vec<_>>()]);
    pair.give_b(Input::Changed);
    assert_eq!(wants(&pair).len(), 1, "there is no room");
    // One comes and there is room for one, but requests of one each would double the messages.
    no_body(&mut pair, feed, 2);
    assert_eq!(wants(&pair), [[0_u64; 0]; 0]);
    // What is withheld is not asked for again; it does not take the place of others.
    no_body(&mut pair, feed, 3);
    assert_eq!(wants(&pair), [[10, 11]]);
    // Bodies of one statement have 1,040 bytes.
    let (pair, _, first) = asked(limits(8, 3 * 1040), 20);
    assert_eq!(pair.a.0.feeds.len(), 1);
    assert_eq!(first, [[2, 3, 4]]);
    let (_, _, first) = asked(limits(8, 1040 * 5 / 2), 20);
    assert_eq!(first, [[2, 3]]);
    let (_, _, first) = asked(limits(8, 10), 20);
    assert_eq!(
        first,
        [[2]],
        "one that is too long for all of it comes alone"
    );
}

#[test]
fn bodies_that_are_withheld_are_looked_up_once() {
    let (mut pair, feed, mut wanted) = asked(Limits::default(), 300);
    while let Some(indexes) = wanted.pop() {
        for index in indexes {
            no_body(&mut pair, feed, index);
            wanted.extend(wants(&pair));
        }
    }
    let lost = pair.b.0.lacks(&feed, 2) && pair.b.0.lacks(&feed, 301);
    assert!(lost && pair.b.1.is_open());
    assert_eq!(pair.b.0.read.get(), 300, "or a publisher could hold us up");
}

#[test]
fn one_message_carries_what_fits_and_what_is_published() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    my.add(feed, b"not published");
    let made = |my: &Member, from| {
        let read = |i: u64| Some(my.feeds[&feed].leaves.get(i as usize)?.1.clone());
        leaves_message(feed, &my.feed(&feed).unwrap(), from, &[0, 9], read)
    };
    let some = made(&my, 0).unwrap();
    assert_eq!((some.leaves.len(), some.following.to_vec()), (2, vec![0]));
    assert_eq!(made(&my, 2), None);
    let batch = my.feeds[&feed].leaves[2].0.clone();
    let held = my.feeds.get_mut(&feed).unwrap();
    (0..MAX_LEAVES).for_each(|_| held.append(batch.clone()));
    my.publish(feed);
    assert_eq!(made(&my, 0).unwrap().leaves.len(), MAX_LEAVES);
    let Leaf::Epoch(mut epoch) = my.feeds[&feed].leaves[1].0.clone() else {
        panic!("an epoch follows the genesis")
    };
    let one = epoch.sealed[0].clone();
    epoch.sealed = crate::bounded::BoundedVec::new(vec![one; 100]).unwrap();
    let held = my.feeds.get_mut(&feed).unwrap();
    let from = held.tree.size();
    (0..20).for_each(|_| held.append(Leaf::Epoch(epoch.clone())));
    my.publish(feed);
    let long = made(&my, from).unwrap();
    let bytes: usize = long.leaves.iter().map(|leaf| leaf.len()).sum();
    assert!(bytes <= MAX_LEAVES_BYTES && long.leaves.len() < 20);
    assert!(bytes + long.leaves[0].len() > MAX_LEAVES_BYTES - 1000);
}

#[test]
fn little_is_pushed_and_much_announced() {
    for (batches, pushed) in [(8, true), (9, false)] {
        let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
        let feed = my.open(&[&sg], 1);
        my.publish(feed);
        let mut pair = Pair::connect(my, sg);
        // Before SG has said what it holds, nothing is pushed.
        pair.a.0.log.clear();
        let hello = pair.b.2.pop_front().unwrap();
        pair.give_a(Input::Frame(&hello));
        pair.give_a(Input::Published(feed));
        let serves = |output: &Output| matches!(output, Output::Do(Task::ServeLeaves { .. }));
        assert!(!pair.a.0.log.iter().any(serves));
        pair.settle();
        (0..batches).for_each(|i: u32| pair.a.0.add(feed, &i.to_be_bytes()));
        pair.a.0.publish(feed);
        pair.a.0.log.clear();
        pair.give_a(Input::Published(feed));
        let [output] = &pair.a.0.log[..] else {
            panic!("{:?}", pair.a.0.log)
        };
        assert_eq!(serves(output), pushed, "{output:?}");
    }
}

#[test]
fn only_small_bodies_follow_a_push() {
    for (pushed_body, expected) in [(1040, vec![2]), (1039, vec![])] {
        let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
        let feed = my.open(&[&sg], 1);
        my.publish(feed);
        let mut pair = Pair::connect(my, sg);
        let mut local = pair.a.0.local();
        local.limits.pushed_body = pushed_body;
        pair.a.1 = Session::begin(local, pair.b.0.as_peer(), at(0)).0;
        pair.settle();
        pair.a.0.add(feed, b"one");
        pair.a.0.publish(feed);
        pair.a.0.log.clear();
        pair.give_a(Input::Published(feed));
        let pushed = pair.a.0.log.iter().find_map(|output| match output {
            Output::Do(Task::ServeLeaves { following, .. }) => Some(following.clone()),
            _ => None,
        });
        assert_eq!(pushed, Some(expected));
    }
}

#[test]
fn receipts_come_when_it_is_quiet_and_not_too_often() {
    let receipts =
        |pair: &Pair| {
            let sent =
                pair.b.0.log.iter().filter(|output| {
                    matches!(output, Output::Do(Task::SendClaim(Claim::Holds(_))))
                });
            sent.count()
        };
    let (mut pair, feed, _) = asked(Limits::default(), 3);
    assert_eq!(receipts(&pair), 0, "bodies are under way");
    for index in 2..5 {
        let body = pair.a.0.feeds[&feed].bodies[&index].clone();
        let body = crate::bounded::BoundedBytes::new(body).unwrap();
        let message = Message::Body { feed, index, body };
        pair.give_b(Input::Frame(&message.encode()));
    }
    assert_eq!(receipts(&pair), 1);
    pair.b.0.feeds.get_mut(&feed).unwrap().bodies.remove(&3);
    pair.now = 999;
    pair.b.0.log.clear();
    pair.give_b(Input::Tick);
    assert_eq!(receipts(&pair), 0, "it is news, but too early");
    pair.now = 2000;
    pair.give_b(Input::Tick);
    assert_eq!(receipts(&pair), 1);
    // What is held is one word, what of it is in force another.
    pair.b.0.unapplied = 1;
    pair.now = 4000;
    pair.give_b(Input::Changed);
    assert_eq!(receipts(&pair), 2);
    pair.b.0.unapplied = 0;
    pair.now = 6000;
    pair.give_b(Input::Changed);
    assert_eq!(receipts(&pair), 3);
}

#[test]
fn what_the_peer_claims_to_hold_is_not_believed_beyond_what_is_published() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    my.add(feed, b"signed later");
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let yours = crate::bounded::BoundedVec::new(vec![(feed, 3)]).unwrap();
    let heads = crate::wire::Heads {
        yours,
        ..crate::wire::Heads::default()
    };
    pair.give_a(Input::Frame(&Message::Heads(heads).encode()));
    pair.a.0.publish(feed);
    pair.give_a(Input::Published(feed));
    pair.settle();
    pair.assert_equal(feed);
}

#[test]
fn what_a_peer_says_of_feeds_that_are_not_for_it_means_nothing() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let secret = my.open(&[], 1);
    my.publish(secret);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.a.0.log.clear();
    let yours = crate::bounded::BoundedVec::new(vec![(secret, 99)]).unwrap();
    let heads = crate::wire::Heads {
        yours,
        ..crate::wire::Heads::default()
    };
    pair.give_a(Input::Frame(&Message::Heads(heads).encode()));
    pair.give_a(Input::Published(secret));
    assert_eq!(pair.a.0.log, [], "or anybody could halt us by a guess");
}

/// MY, which answers no more than this at once, and is asked for the bodies of its three batches.
fn asked_for_three(change: impl FnOnce(&mut Limits)) -> (Member, Session, Vec<Output>) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    (0..3_u8).for_each(|i| my.add(feed, &[i]));
    my.publish(feed);
    let mut local = my.local();
    change(&mut local.limits);
    let (mut session, _) = Session::begin(local, sg.as_peer(), at(0));
    let hello = Session::begin(sg.local(), my.as_peer(), at(0)).1;
    let [Output::Do(Task::Send(hello))] = &hello[..] else {
        panic!("a session begins with Hello")
    };
    session.handle(Input::Frame(&hello.encode()), at(0), &my);
    let indexes = crate::bounded::BoundedVec::new(vec![2, 3, 4, 4]).unwrap();
    let want = Message::WantBodies { feed, indexes };
    let outputs = session.handle(Input::Frame(&want.encode()), at(0), &my);
    (my, session, outputs)
}

#[test]
fn who_asks_for_much_is_answered_by_and_by() {
    let served = |outputs: &[Output]| -> Vec<u64> {
        let index = |output: &Output| match output {
            Output::Do(Task::ServeBody { index, .. }) => Some(*index),
            _ => None,
        };
        outputs.iter().filter_map(index).collect()
    };
    let slow = |limits: &mut Limits| {
        (limits.answers, limits.answers_per_second) = (1, 1);
    };
    let (my, mut session, outputs) = asked_for_three(slow);
    assert_eq!(served(&outputs), [2]);
    for (moment, index) in [(1000, 3), (2000, 4)] {
        assert_eq!(session.wake_at().millis(), moment);
        assert_eq!(
            served(&session.handle(Input::Tick, at(moment - 1), &my)),
            [0; 0]
        );
        assert_eq!(
            served(&session.handle(Input::Tick, at(moment), &my)),
            [index]
        );
    }
    assert!(session.is_open() && session.wake_at().millis() == 60_000);
    let (_, session, outputs) = asked_for_three(|_| {});
    assert_eq!((served(&outputs), session.is_open()), (vec![2, 3, 4], true));
    let (_, session, _) = asked_for_three(|limits| {
        slow(limits);
        limits.waiting_requests = 1;
    });
    assert!(!session.is_open(), "more than may wait");
}

#[test]
fn an_epoch_s_key_is_sealed_anew_once() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let want = Message::WantEpoch { feed, epoch: 1 }.encode();
    (0..5).for_each(|_| pair.give_a(Input::Frame(&want)));
    let sealed = |output: &&Output| matches!(output, Output::Do(Task::ServeEpoch { .. }));
    assert_eq!(pair.a.0.log.iter().filter(sealed).count(), 1);
}
