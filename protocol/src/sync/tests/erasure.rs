//! What is erased is asked for no more, kept no more and given to nobody, whatever the order.

use super::member::{Member, at};
use super::pair::Pair;
use super::web::{Web, is_fault};
use crate::feed::{EraseLeaf, FeedId, Leaf};
use crate::sync::{Input, Ledger as _, News, Output, Task};
use crate::wire::Message;

fn erase(member: &mut Member, feed: FeedId, index: u64) {
    let feed = member.feeds.get_mut(&feed).unwrap();
    feed.append(Leaf::Erase(EraseLeaf { index, reason: 1 }));
}

fn withheld(output: &Output) -> bool {
    matches!(output, Output::Learnt(News::Withheld { .. }))
}

/// The indexes of the bodies that were asked for, and of those that were sent.
fn asked_and_sent<'a>(sent: impl Iterator<Item = &'a Message>) -> (Vec<u64>, Vec<u64>) {
    let (mut asked, mut given) = (Vec::new(), Vec::new());
    for message in sent {
        match message {
            Message::WantBodies { indexes, .. } => asked.extend(indexes.iter()),
            Message::Body { index, .. } => given.push(*index),
            _ => {}
        }
    }
    (asked, given)
}

#[test]
fn a_body_that_is_held_goes_when_the_leaf_comes_and_the_receipt_says_so() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    (0..4_u8).for_each(|i| my.add(feed, &[i]));
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let body = pair.b.0.feeds[&feed].bodies[&3].clone();
    erase(&mut pair.a.0, feed, 3);
    pair.a.0.publish(feed);
    pair.now += 5000;
    pair.give_a(Input::Published(feed));
    pair.settle();
    pair.assert_equal(feed);
    assert_eq!(pair.b.0.feeds[&feed].bodies.keys().max(), Some(&5));
    assert!(!pair.b.0.lacks(&feed, 3), "nor is it still wanted");
    let last = pair.a.0.receipts.last().unwrap();
    assert_eq!((last.size, last.missing, last.erased), (7, 0, 1));
    // A body that was on its way when the leaf came is passed over.
    pair.b.0.log.clear();
    let late = Message::Body {
        feed,
        index: 3,
        body: crate::bounded::BoundedBytes::new(body).unwrap(),
    };
    pair.give_b(Input::Frame(&late.encode()));
    let stored = |output: &Output| matches!(output, Output::Do(Task::StoreBody { .. }));
    assert!(!pair.b.0.log.iter().any(stored));
}

#[test]
fn what_was_erased_before_one_came_is_not_asked_for() {
    let mut web = Web::of(&["MY", "SG"]);
    let feed = web.publish("MY", &["SG"], 300);
    for index in [2, 100, 301] {
        erase(web.get("MY"), feed, index);
    }
    web.get("MY").publish(feed);
    web.connect("MY", "SG");
    web.settle();
    let (asked, sent) = asked_and_sent(web.sent.iter().map(|(_, message)| message));
    assert_eq!((asked.len(), sent.len()), (297, 297));
    assert!([2, 100, 301].iter().all(|index| !asked.contains(index)));
    let sg = &web.members["SG"];
    assert_eq!(sg.feed(&feed).unwrap().missing, 0);
    assert_eq!(web.members["MY"].receipts.last().unwrap().erased, 3);
    assert_eq!(web.said("SG", withheld), 0);
}

#[test]
fn a_push_of_what_is_erased_with_it_brings_no_body_and_blames_nobody() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.a.0.add(feed, b"erased");
    pair.a.0.add(feed, b"kept");
    erase(&mut pair.a.0, feed, 2);
    pair.a.0.publish(feed);
    pair.now += 5000;
    pair.give_a(Input::Published(feed));
    pair.settle();
    pair.assert_equal(feed);
    assert!(pair.a.1.is_open() && pair.b.1.is_open());
    let at_sg = &pair.b.0;
    assert_eq!(at_sg.feeds[&feed].bodies.keys().collect::<Vec<_>>(), [&3]);
    assert!(!at_sg.log.iter().any(withheld));
    // Nor is it waited for.
    pair.now += at(0).moment.millis() + 600_000;
    pair.give_b(Input::Tick);
    assert!(!pair.b.0.log.iter().any(is_fault));
}

#[test]
fn a_reader_learns_of_it_from_another_and_a_relay_that_erased_it_gives_it_to_nobody() {
    let mut web = Web::of(&["MY", "SG", "TH", "VN"]);
    let feed = web.publish("MY", &["SG", "TH", "VN"], 40);
    for (a, b) in [("MY", "SG"), ("MY", "TH")] {
        web.connect(a, b);
        web.settle();
        web.part(a, b);
    }
    erase(web.get("MY"), feed, 7);
    web.get("MY").publish(feed);
    web.connect("MY", "SG");
    web.settle();
    web.part("MY", "SG");
    // TH holds the body, and VN nothing; the publisher is away.
    assert!(web.members["TH"].feeds[&feed].bodies.contains_key(&7));
    web.connect("SG", "TH");
    web.settle();
    assert!(!web.members["TH"].feeds[&feed].bodies.contains_key(&7));
    web.sent.clear();
    web.connect("SG", "VN");
    web.settle();
    let (asked, sent) = asked_and_sent(web.sent.iter().map(|(_, message)| message));
    assert_eq!((asked.len(), sent.len()), (39, 39));
    for name in ["SG", "TH", "VN"] {
        let held = web.members[name].feed(&feed).unwrap();
        assert_eq!((held.missing, held.erased), (0, 1), "{name}");
        assert_eq!(web.said(name, is_fault), 0);
    }
    assert!(web.is_open("SG", "TH") && web.is_open("SG", "VN"));
}

#[test]
fn a_relay_that_has_erased_says_no_to_who_does_not_know_of_it_yet() {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 3);
    web.connect("MY", "SG");
    web.settle();
    // TH has the leaves, and no body: it asks SG for all, which has erased one meanwhile.
    let leaves = web.members["SG"].feeds[&feed].leaves.clone();
    let checkpoint = web.members["SG"].feeds[&feed].checkpoint.clone();
    web.get("TH").take(feed, leaves, checkpoint);
    erase(web.get("MY"), feed, 3);
    web.get("MY").publish(feed);
    web.give("MY", "SG", Input::Published(feed), 5000);
    web.settle();
    web.part("MY", "SG");
    web.connect("SG", "TH");
    web.settle();
    let held = web.members["TH"].feed(&feed).unwrap();
    assert_eq!((held.missing, held.erased), (0, 1));
    assert!(web.is_open("SG", "TH"));
    assert_eq!(web.said("TH", is_fault), 0);
}
