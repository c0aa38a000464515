//! What is asked for: how much at once, for how long, and what comes twice.

use kentong_keys::SealedEpochKey;

use super::member::Member;
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{FeedId, Leaf};
use crate::sync::{Fault, Input, Ledger as _, News, Output, Task, leaves_message};
use crate::wire::Message;

/// MY with `batches` published for SG, settled.
fn settled(batches: u8) -> (Pair, FeedId) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    (0..batches).for_each(|i| my.add(feed, &[i]));
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    (pair, feed)
}

fn leaves(pair: &Pair, feed: FeedId, from: u64, following: &[u64]) -> Vec<u8> {
    let my = &pair.a.0;
    let read = |i: u64| {
        let leaf = my.feeds[&feed].leaves.get(i as usize);
        leaf.map(|(_, bytes)| bytes.clone())
    };
    let view = my.feed(&feed).unwrap();
    let made = leaves_message(feed, &view, from, following, read).unwrap();
    Message::Leaves(Box::new(made)).encode()
}

fn body(pair: &Pair, feed: FeedId, index: u64) -> Vec<u8> {
    let body = BoundedBytes::new(pair.a.0.feeds[&feed].bodies[&index].clone()).unwrap();
    Message::Body { feed, index, body }.encode()
}

/// SG's outputs of one kind.
fn said<T>(pair: &Pair, pick: impl Fn(&Output) -> Option<T>) -> Vec<T> {
    pair.b.0.log.iter().filter_map(pick).collect()
}

fn fault(output: &Output) -> Option<Fault> {
    match output {
        Output::Learnt(News::Fault(fault)) => Some(*fault),
        _ => None,
    }
}

/// SG asked for the leaf and the body of index 2 at the moment 0, and has neither.
fn waiting_for(part: &str) -> (Pair, FeedId) {
    let (mut pair, feed) = settled(0);
    pair.a.0.add(feed, b"one");
    pair.a.0.publish(feed);
    let note = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
    let mine = BoundedVec::new(vec![BoundedBytes::new(note).unwrap()]).unwrap();
    let heads = crate::wire::Heads {
        mine,
        yours: BoundedVec::default(),
    };
    pair.give_b(Input::Frame(&Message::Heads(heads).encode()));
    if part == "body" {
        let frame = leaves(&pair, feed, 2, &[]);
        pair.give_b(Input::Frame(&frame));
    }
    pair.b.2.clear();
    pair.b.0.log.clear();
    (pair, feed)
}

#[test]
fn what_is_held_already_gives_no_more_time() {
    for part in ["leaf", "body"] {
        let (mut pair, feed) = waiting_for(part);
        let again = leaves(&pair, feed, 0, &[]);
        for second in 1..60 {
            pair.now = second * 1000;
            // The first two leaves, which SG holds, as if the feed ended there.
            let Ok(Message::Leaves(mut message)) = Message::decode(&again) else {
                panic!("leaves")
            };
            let mut kept = message.leaves.clone().into_vec();
            kept.truncate(2);
            message.leaves = BoundedVec::new(kept).unwrap();
            pair.give_b(Input::Frame(&Message::Leaves(message).encode()));
            if part == "body" {
                // Announcing it once more gives no more time either.
                let frame = leaves(&pair, feed, 2, &[2]);
                pair.give_b(Input::Frame(&frame));
            }
            assert!(pair.b.1.is_open(), "{part} {second}");
        }
        pair.now = 60_000;
        pair.give_b(Input::Tick);
        assert_eq!(said(&pair, fault), [Fault::Stalled], "{part}");
    }
}

#[test]
fn leaves_that_another_was_quicker_to_give_are_waited_for_no_longer() {
    for (from, expected) in [(2, vec![]), (1, vec![Fault::Stalled])] {
        let (mut pair, feed) = waiting_for("leaf");
        // As if it came over another link; its body too.
        let (leaf, body) = {
            let ours = &pair.a.0.feeds[&feed];
            (ours.leaves[2].0.clone(), ours.bodies[&2].clone())
        };
        let theirs = pair.b.0.feeds.get_mut(&feed).unwrap();
        theirs.append(leaf);
        theirs.bodies.insert(2, body);
        // SG asked for leaves from 2 on: those from 1 on are no answer.
        let frame = leaves(&pair, feed, from, &[]);
        pair.give_b(Input::Frame(&frame));
        pair.now = 60_000;
        pair.give_b(Input::Tick);
        assert_eq!(said(&pair, fault), expected, "{from}");
    }
}

#[test]
fn a_body_that_is_held_gives_no_more_time_and_a_fresh_one_does() {
    let (mut pair, feed) = settled(3);
    pair.b.0.feeds.get_mut(&feed).unwrap().bodies.remove(&4);
    let frame = leaves(&pair, feed, 2, &[2, 3, 4]);
    pair.give_b(Input::Frame(&frame));
    pair.now = 30_000;
    let held = body(&pair, feed, 2);
    pair.give_b(Input::Frame(&held));
    assert_eq!(pair.b.1.wake_at().millis(), 60_000);
    let fresh = body(&pair, feed, 4);
    pair.give_b(Input::Frame(&fresh));
    pair.now = 60_000;
    pair.give_b(Input::Tick);
    assert!(pair.b.1.is_open(), "the one of 3 has its time again");
    pair.now = 90_000;
    pair.give_b(Input::Tick);
    assert_eq!(said(&pair, fault), [Fault::Stalled]);
}

#[test]
fn a_push_that_crosses_a_request_brings_a_body_twice() {
    let stored = |output: &Output| match output {
        Output::Do(Task::StoreBody { index, .. }) => Some(*index),
        _ => None,
    };
    // SG asked for body 2; then it is announced too.
    let race = || {
        let (mut pair, feed) = waiting_for("body");
        let frame = leaves(&pair, feed, 2, &[2]);
        pair.give_b(Input::Frame(&frame));
        (pair, feed)
    };
    let (mut pair, feed) = race();
    let frame = body(&pair, feed, 2);
    pair.give_b(Input::Frame(&frame));
    pair.give_b(Input::Frame(&frame));
    assert_eq!((said(&pair, fault), said(&pair, stored)), (vec![], vec![2]));
    pair.give_b(Input::Frame(&frame));
    assert_eq!(said(&pair, fault), [Fault::UnaskedBody], "a third time");

    let none = Message::NoBody { feed, index: 2 }.encode();
    for (first, second) in [(&frame, &none), (&none, &frame)] {
        let (mut pair, _) = race();
        pair.give_b(Input::Frame(first));
        pair.give_b(Input::Frame(second));
        assert_eq!((said(&pair, fault), said(&pair, stored)), (vec![], vec![2]));
        let withheld = said(&pair, |output| {
            matches!(output, Output::Learnt(News::Withheld { .. })).then_some(())
        });
        assert_eq!(withheld.len(), 0, "it came");
        pair.give_b(Input::Frame(&none));
        assert_eq!(said(&pair, fault), [Fault::UnaskedBody], "a third time");
    }
}

#[test]
fn epoch_keys_are_asked_for_by_and_by_and_taken_once() {
    let (mut pair, feed) = settled(0);
    let Leaf::Epoch(mut epoch) = pair.a.0.feeds[&feed].leaves[1].0.clone() else {
        panic!("an epoch follows the genesis")
    };
    epoch.sealed = BoundedVec::default();
    let Member { feeds, signing, .. } = &mut pair.a.0;
    let held = feeds.get_mut(&feed).unwrap();
    for number in 2..=200 {
        epoch.epoch = number;
        held.append(Leaf::Epoch(epoch.clone()));
    }
    held.sign(signing);
    pair.b.0.log.clear();
    let frame = leaves(&pair, feed, 2, &[]);
    pair.give_b(Input::Frame(&frame));
    let asked = |pair: &Pair| {
        said(pair, |output| match output {
            Output::Do(Task::Send(Message::WantEpoch { epoch, .. })) => Some(*epoch),
            _ => None,
        })
    };
    assert_eq!(asked(&pair), (2..=65).collect::<Vec<_>>());
    pair.give_b(Input::Changed);
    assert_eq!(asked(&pair).len(), 64, "no more before an answer");
    let rewrap = |epoch| {
        let key_id = Member::new("SG", 2).sealing.public().id();
        let sealed = SealedEpochKey::from_bytes([0; 1168]);
        let message = Message::Rewrap {
            feed,
            epoch,
            key_id,
            sealed,
        };
        message.encode()
    };
    let stored = |pair: &Pair| {
        said(pair, |output| match output {
            Output::Do(Task::StoreEpoch { epoch, .. }) => Some(*epoch),
            _ => None,
        })
    };
    pair.give_b(Input::Frame(&rewrap(7)));
    pair.give_b(Input::Frame(&rewrap(7)));
    assert_eq!(stored(&pair), [7], "the same again is no news");
    pair.give_b(Input::Changed);
    assert_eq!(
        asked(&pair).last(),
        Some(&66),
        "and one that fits no lock is not asked for again"
    );
    assert_eq!(asked(&pair).len(), 65);
    // A peer that has no key says nothing; it is not waited for.
    pair.now = 60_000;
    pair.give_b(Input::Tick);
    pair.give_b(Input::Changed);
    assert!(pair.b.1.is_open());
    assert_eq!(asked(&pair).last(), Some(&130));
    pair.give_b(Input::Frame(&rewrap(199)));
    assert_eq!(said(&pair, fault), [Fault::UnaskedKey]);
}

#[test]
fn a_body_that_a_request_names_often_is_sent_once() {
    let (mut pair, feed) = settled(2);
    pair.a.0.log.clear();
    let indexes = BoundedVec::new(vec![3, 2, 3, 3]).unwrap();
    let want = Message::WantBodies { feed, indexes };
    pair.give_a(Input::Frame(&want.encode()));
    let served = pair.a.0.log.iter().map(|output| match output {
        Output::Do(Task::ServeBody { index, .. }) => *index,
        other => panic!("{other:?}"),
    });
    assert_eq!(served.collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn one_body_is_not_hidden_behind_all_the_others() {
    let (mut pair, feed) = settled(2);
    for index in [2, 3] {
        pair.b.0.feeds.get_mut(&feed).unwrap().bodies.remove(&index);
    }
    let announced = leaves(&pair, feed, 2, &[2, 3]);
    pair.give_b(Input::Frame(&announced));
    // Others come, again and again, and this one does not.
    let other = body(&pair, feed, 3);
    let mut last = 0;
    while pair.b.1.is_open() {
        last = pair.now;
        pair.now += 30_000;
        assert!(pair.now < 1_000_000, "for ever");
        pair.b.0.feeds.get_mut(&feed).unwrap().bodies.remove(&3);
        let again = leaves(&pair, feed, 3, &[3]);
        pair.give_b(Input::Frame(&again));
        pair.give_b(Input::Frame(&other));
        pair.give_b(Input::Tick);
    }
    assert_eq!(last, 570_000, "ten times its patience");
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::Withheld { feed, index: 2 }))
    );
    assert_eq!(said(&pair, fault), [Fault::Stalled]);
}
