//! A publisher that shows two histories: each way is refused, and leaves evidence.

use super::faults::{honest, leaves, published, sg_refuses};
use super::member::{Member, at};
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::UnverifiedCheckpoint;
use crate::sync::{Fault, Input, News, Output, Session};
use crate::wire::Message;

#[test]
fn two_histories() {
    let (mut pair, feed) = published();
    pair.settle();
    let mut liar = Member::new("MY", 1);
    liar.open(&[&pair.b.0], 1);
    liar.add(feed, b"another");
    liar.publish(feed);
    let note = liar.feeds[&feed].checkpoint.clone().unwrap().1;
    let mine = BoundedVec::new(vec![BoundedBytes::new(note).unwrap()]).unwrap();
    let heads = crate::wire::Heads {
        mine,
        yours: BoundedVec::default(),
    };
    let shown = heads.mine[0].to_vec();
    assert_eq!(
        sg_refuses(&mut pair, &Message::Heads(heads)),
        Some(Fault::TwoHistories)
    );
    let held = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
    let kept = |pair: &Pair| match &pair.b.0.log[0] {
        Output::Learnt(News::Evidence(evidence)) => (**evidence).clone(),
        other => panic!("{other:?}"),
    };
    let evidence = kept(&pair);
    assert_eq!((&evidence.held, &evidence.shown), (&held, &shown));
    assert_eq!((evidence.feed, evidence.link), (feed, None));

    // Of another size: then what ties the two together is kept too.
    let (mut pair, _) = published();
    pair.a.0.add(feed, b"two");
    pair.a.0.publish(feed);
    pair.settle();
    let mine = BoundedVec::new(vec![BoundedBytes::new(shown).unwrap()]).unwrap();
    let yours = BoundedVec::default();
    let heads = Message::Heads(crate::wire::Heads { mine, yours });
    assert_eq!(sg_refuses(&mut pair, &heads), Some(Fault::TwoHistories));
    let evidence = kept(&pair);
    let held = UnverifiedCheckpoint::parse(&evidence.held).unwrap();
    let held = held.verify(&pair.a.0.signing.public_key()).unwrap();
    let (size, root, proof) = evidence.link.clone().unwrap();
    assert_eq!((size, held.size()), (3, 4));
    let proven = proof.verify((size, &root), (4, held.root()));
    assert_eq!(proven, Ok(()), "the held one has this root at 3");
    let shown = UnverifiedCheckpoint::parse(&evidence.shown).unwrap();
    assert_eq!(shown.size(), 3);
    let text = evidence.to_string();
    assert!(
        text.contains(&root.to_string()) && text.ends_with("=\n"),
        "{text}"
    );

    // Both only promised, neither fetched yet.
    let (pair, _) = published();
    let (mut session, _) = Session::begin(pair.b.0.local(), pair.a.0.as_peer(), at(0));
    let hello = &pair.a.2[0];
    session.handle(Input::Frame(hello), at(0), &pair.b.0);
    let notes = [
        pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1,
        evidence.shown,
    ];
    let mine = notes.clone().map(|note| BoundedBytes::new(note).unwrap());
    let mine = BoundedVec::new(mine.to_vec()).unwrap();
    let yours = BoundedVec::default();
    let heads = Message::Heads(crate::wire::Heads { mine, yours }).encode();
    let outputs = session.handle(Input::Frame(&heads), at(0), &pair.b.0);
    let Output::Learnt(News::Evidence(evidence)) = &outputs[0] else {
        panic!("{outputs:?}")
    };
    assert_eq!([&evidence.held, &evidence.shown], [&notes[0], &notes[1]]);
    assert_eq!(outputs[1], Output::Learnt(News::Fault(Fault::TwoHistories)));
}

/// MY shows SG, which holds three leaves, a history of `size` leaves that goes another way after the
/// second; SG has promised nothing of it yet.
fn another_way(size: u8) -> (Pair, Vec<u8>, Message) {
    let (mut pair, feed) = published();
    pair.settle();
    let held = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
    let mut liar = Member::new("MY", 1);
    liar.open(&[&pair.b.0], 1);
    (2..size).for_each(|i| liar.add(feed, &[9, i]));
    liar.publish(feed);
    pair.a.0.feeds = liar.feeds;
    let message = leaves(honest(&pair, feed, 3));
    (pair, held, message)
}

#[test]
fn another_history_that_is_longer_leaves_evidence_too() {
    let evidence = |pair: &Pair| match &pair.b.0.log[0] {
        Output::Learnt(News::Evidence(evidence)) => (**evidence).clone(),
        other => panic!("{other:?}"),
    };
    let (mut pair, held, message) = another_way(6);
    assert_eq!(sg_refuses(&mut pair, &message), Some(Fault::LeafProof));
    let kept = evidence(&pair);
    assert_eq!((&kept.held, &kept.link), (&held, &None));
    assert_eq!(UnverifiedCheckpoint::parse(&kept.shown).unwrap().size(), 6);
    assert!(kept.to_string().contains("unless both have one size"));

    // A head that the publisher showed and then did not go on from.
    let (mut pair, feed) = published();
    pair.settle();
    let mut liar = Member::new("MY", 1);
    liar.open(&[&pair.b.0], 1);
    (0..3).for_each(|i| liar.add(feed, &[9, i]));
    liar.publish(feed);
    let shown = liar.feeds[&feed].checkpoint.clone().unwrap().1;
    let mine = BoundedVec::new(vec![BoundedBytes::new(shown.clone()).unwrap()]).unwrap();
    let yours = BoundedVec::default();
    let heads = Message::Heads(crate::wire::Heads { mine, yours });
    assert_eq!(sg_refuses(&mut pair, &heads), None);
    pair.b.2.clear();
    (0..9).for_each(|i| pair.a.0.add(feed, &[i]));
    pair.a.0.publish(feed);
    let message = leaves(honest(&pair, feed, 3));
    assert_eq!(sg_refuses(&mut pair, &message), Some(Fault::TwoHistories));
    let log = pair.b.0.log.iter();
    let kept = log.filter_map(|output| match output {
        Output::Learnt(News::Evidence(evidence)) => Some(evidence.shown.clone()),
        _ => None,
    });
    assert_eq!(kept.collect::<Vec<_>>(), [shown]);
}
