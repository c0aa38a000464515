//! A publisher of whom no more leaves are taken: nobody is blamed, and nothing is lost for good.

use super::member::Member;
use super::pair::Pair;
use crate::sync::{Input, News, Output};

fn faults(member: &Member) -> usize {
    let faults = member.log.iter();
    faults
        .filter(|output| matches!(output, Output::Learnt(News::Fault(_))))
        .count()
}

#[test]
fn leaves_that_are_not_taken_are_passed_over_and_fetched_later() {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.add(feed, b"taken");
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.assert_equal(feed);
    let publisher = pair.a.0.name.clone();
    pair.b.0.full.insert(publisher.clone());
    // Pushed with their bodies: the first follows what is held, the others leave a gap.
    for statement in [b"one", b"two"] {
        pair.a.0.add(feed, statement);
        pair.a.0.publish(feed);
        pair.give_a(Input::Published(feed));
        pair.settle();
    }
    // Too many to push: only the head comes.
    (0..20).for_each(|n| pair.a.0.add(feed, &[n]));
    pair.a.0.publish(feed);
    pair.give_a(Input::Published(feed));
    pair.settle();
    assert_eq!(pair.b.0.feeds[&feed].tree.size(), 3);
    assert_eq!(pair.b.0.feeds[&feed].bodies.len(), 1);
    assert!(pair.a.1.is_open() && pair.b.1.is_open());
    // There is room again, and a push comes before the gap is closed.
    pair.b.0.full.remove(&publisher);
    pair.a.0.add(feed, b"three");
    pair.a.0.publish(feed);
    pair.give_a(Input::Published(feed));
    pair.settle();
    pair.give_b(Input::Reassigned(None));
    pair.settle();
    pair.assert_equal(feed);
    assert_eq!((faults(&pair.a.0), faults(&pair.b.0)), (0, 0));
}
