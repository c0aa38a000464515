//! Each way of breaking the rules is refused under its own name.

use kentong_keys::{Digest, SigningKey};

use super::member::{Feed, Member, at};
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::encoding::DecodeError;
use crate::feed::{CheckpointError, EraseLeaf, FeedId, Leaf, LeafError, Tree};
use crate::sync::{Fault, Input, News, Output, Session, Task, leaves_message};
use crate::wire::{Bye, Claim, Holds, Leaves, Message, MessageError};

/// MY with one published batch for SG, connected, before anything crossed.
pub(super) fn published() -> (Pair, FeedId) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.add(feed, b"one");
    my.publish(feed);
    (Pair::connect(my, sg), feed)
}

/// What SG makes of a message from MY, once the two have settled.
pub(super) fn sg_refuses(pair: &mut Pair, message: &Message) -> Option<Fault> {
    pair.settle();
    sg_refuses_at_once(pair, message)
}

fn sg_refuses_at_once(pair: &mut Pair, message: &Message) -> Option<Fault> {
    pair.b.0.log.clear();
    pair.give_b(Input::Frame(&message.encode()));
    let fault = pair.b.0.log.iter().find_map(|output| match output {
        Output::Learnt(News::Fault(fault)) => Some(*fault),
        _ => None,
    });
    assert_eq!(
        fault.is_some(),
        !pair.b.1.is_open(),
        "a fault ends the session, and only that"
    );
    fault
}

pub(super) fn honest(pair: &Pair, feed: FeedId, from: u64) -> Leaves {
    use crate::sync::Ledger as _;
    let my = &pair.a.0;
    let view = my.feed(&feed).unwrap();
    leaves_message(feed, &view, from, &[], |i| {
        my.feeds[&feed]
            .leaves
            .get(i as usize)
            .map(|(_, bytes)| bytes.clone())
    })
    .unwrap()
}

pub(super) fn leaves(message: Leaves) -> Message {
    Message::Leaves(Box::new(message))
}

/// MY appends `leaf` to its feed and signs; what does SG make of the leaves?
fn signed_leaf(leaf: Leaf) -> Option<Fault> {
    signed_leaves(vec![leaf])
}

fn signed_leaves(appended: Vec<Leaf>) -> Option<Fault> {
    let (mut pair, feed) = published();
    pair.settle();
    let Member { feeds, signing, .. } = &mut pair.a.0;
    let held: &mut Feed = feeds.get_mut(&feed).unwrap();
    let from = held.tree.size();
    appended.into_iter().for_each(|leaf| held.append(leaf));
    held.sign(signing);
    let message = leaves(honest(&pair, feed, from));
    sg_refuses(&mut pair, &message)
}

#[test]
fn honest_leaves_are_taken() {
    let (mut pair, feed) = published();
    let message = leaves(honest(&pair, feed, 0));
    assert_eq!(sg_refuses(&mut pair, &message), None, "twice is once");
    let epoch = pair.a.0.feeds[&feed].leaves[1].0.clone();
    let Leaf::Epoch(mut epoch) = epoch else {
        panic!("an epoch follows the genesis")
    };
    epoch.epoch = 2;
    assert_eq!(signed_leaf(Leaf::Epoch(epoch)), None);
}

#[test]
fn greeting() {
    let (mut pair, _) = published();
    let hello = Message::decode(&pair.a.2[0]).unwrap();
    let Message::Hello(good) = hello.clone() else {
        panic!("a session begins with Hello")
    };
    let with = |change: &dyn Fn(&mut crate::wire::Hello)| {
        let mut hello = good.clone();
        change(&mut hello);
        sg_refuses_at_once(&mut published().0, &Message::Hello(hello))
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|h| h.protocol = 2), Some(Fault::Version));
    let other = Digest::from_bytes([1; 32]);
    assert_eq!(
        with(&|h| h.federation = other),
        Some(Fault::ForeignFederation)
    );
    assert_eq!(with(&|h| h.charter = other), None, "documents will tell");
    assert_eq!(
        with(&|h| h.member = "TH".parse().unwrap()),
        Some(Fault::WrongMember)
    );
    assert_eq!(sg_refuses(&mut pair, &hello), Some(Fault::SecondHello));
    let early = Message::Heads(crate::wire::Heads::default());
    assert_eq!(
        sg_refuses_at_once(&mut published().0, &early),
        Some(Fault::NoHello)
    );
    let (my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let (mut session, _) = Session::begin(sg.local(), my.as_peer(), at(0));
    assert_eq!(session.wake_at().millis(), 10_000);
    assert_eq!(session.handle(Input::Tick, at(9_999), &sg), []);
    let silent = session.handle(Input::Tick, at(10_000), &sg);
    assert_eq!(silent[0], Output::Learnt(News::Fault(Fault::Silent)));
    assert_eq!(
        silent[1],
        Output::Do(Task::Send(Message::Bye(Bye::Fault))),
        "the peer learns no more"
    );
}

#[test]
fn undecodable() {
    let (mut pair, _) = published();
    pair.settle();
    for (bytes, error) in [
        (&b""[..], MessageError::Decode(DecodeError::Malformed)),
        (
            b"\x82\x0c\x00 trailing",
            MessageError::Decode(DecodeError::Malformed),
        ),
        (
            b"\x82\x0c\x18\x00",
            MessageError::Decode(DecodeError::NotCanonical),
        ),
        (b"\x82\x17\x00", MessageError::Unknown),
        (b"GET / HTTP/1.1", MessageError::Unknown),
    ] {
        let (mut pair, _) = published();
        pair.settle();
        pair.b.0.log.clear();
        pair.give_b(Input::Frame(bytes));
        assert_eq!(
            pair.b.0.log[0],
            Output::Learnt(News::Fault(Fault::Undecodable(error))),
            "{bytes:?}"
        );
    }
}

#[test]
fn checkpoints() {
    let (mut pair, feed) = published();
    let good = honest(&pair, feed, 0);
    let with = |note: Vec<u8>| {
        let mut pair = Pair::connect(Member::new("MY", 1), Member::new("SG", 2));
        let checkpoint = BoundedBytes::new(note).unwrap();
        sg_refuses(
            &mut pair,
            &leaves(Leaves {
                checkpoint,
                ..good.clone()
            }),
        )
    };
    let text = String::from_utf8(good.checkpoint.to_vec()).unwrap();
    let fault = |error| Some(Fault::Checkpoint(error));
    assert_eq!(with(b"none".to_vec()), fault(CheckpointError::Note));
    assert_eq!(
        with(text.replacen("\n3\n", "\n03\n", 1).into()),
        fault(CheckpointError::Form)
    );
    assert_eq!(
        with(text.replacen("\n3\n", "\n4\n", 1).into()),
        fault(CheckpointError::Signature)
    );
    let Member { feeds, .. } = &mut pair.a.0;
    let mut signed_by = |key: &SigningKey| {
        let feed = feeds.get_mut(&feed).unwrap();
        feed.sign(key);
        feed.checkpoint.clone().unwrap().1
    };
    assert_eq!(with(signed_by(&SigningKey::from_seed([1; 32]))), None);
    let stranger = signed_by(&SigningKey::from_seed([9; 32]));
    assert_eq!(with(stranger), fault(CheckpointError::Signature));
    assert_eq!(
        with(text.replacen("/MY/", "/TH/", 1).into()),
        None,
        "TH is unknown"
    );
    assert_eq!(
        with(text.replacen("/TEST/", "/ELSE/", 1).into()),
        Some(Fault::NotItsFeed)
    );
    let elsewhere = FeedId::from_digest(Digest::from_bytes([5; 32]));
    let elsewhere = leaves(Leaves {
        feed: elsewhere,
        ..good
    });
    assert_eq!(
        sg_refuses(&mut published().0, &elsewhere),
        Some(Fault::NotItsFeed)
    );
}

#[test]
fn bodies_that_may_not_be_announced() {
    let announced = |from: u64, following: Vec<u64>| {
        let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
        let feed = my.open(&[&sg], 1);
        (0..300_u32).for_each(|i| my.add(feed, &i.to_be_bytes()));
        my.publish(feed);
        let mut pair = Pair::connect(my, sg);
        pair.settle();
        let mut message = honest(&pair, feed, from);
        message.following = BoundedVec::new(following).unwrap();
        (pair, leaves(message))
    };
    let (mut pair, message) = announced(200, vec![200, 201]);
    assert_eq!(sg_refuses(&mut pair, &message), None);
    for beside in [199, 302] {
        let (mut pair, message) = announced(200, vec![beside]);
        assert_eq!(sg_refuses(&mut pair, &message), Some(Fault::Announced));
    }
    // Three times sixty-four are more than an honest peer has on its way.
    let (mut pair, _) = announced(2, vec![]);
    let feed = *pair.a.0.feeds.keys().next().unwrap();
    let faults = (0..3).map(|n| {
        let mut message = honest(&pair, feed, 2);
        let following = (2 + 64 * n..66 + 64 * n).collect();
        message.following = BoundedVec::new(following).unwrap();
        sg_refuses_at_once(&mut pair, &leaves(message))
    });
    let faults: Vec<_> = faults.collect();
    assert_eq!(faults, [None, None, Some(Fault::Announced)]);
}

#[test]
fn leaves_that_do_not_continue() {
    let (pair, feed) = published();
    let good = honest(&pair, feed, 0);
    let refuse = |leaves_: Leaves| {
        sg_refuses(
            &mut Pair::connect(Member::new("MY", 1), Member::new("SG", 2)),
            &leaves(leaves_),
        )
    };
    assert_eq!(refuse(good.clone()), None);
    assert_eq!(refuse(honest(&pair, feed, 1)), Some(Fault::LeafGap));
    let none = Leaves {
        leaves: BoundedVec::default(),
        ..good.clone()
    };
    assert_eq!(refuse(none), Some(Fault::LeafCount));
    let mut list = good.leaves.clone().into_vec();
    list.push(list[2].clone());
    let more = Leaves {
        leaves: BoundedVec::new(list.clone()).unwrap(),
        ..good.clone()
    };
    assert_eq!(refuse(more), Some(Fault::LeafCount));
    list.truncate(3);
    list.swap(1, 2);
    let swapped = Leaves {
        leaves: BoundedVec::new(list.clone()).unwrap(),
        ..good.clone()
    };
    assert_eq!(
        refuse(swapped),
        Some(Fault::LeafOrder),
        "a batch before its epoch"
    );
    list.swap(1, 2);
    list.truncate(2);
    let cut = Leaves {
        leaves: BoundedVec::new(list.clone()).unwrap(),
        ..good.clone()
    };
    assert_eq!(
        refuse(cut),
        Some(Fault::LeafProof),
        "the proof is for three"
    );
    list[1] = BoundedBytes::new(b"\x82\x01\x18\x63".to_vec()).unwrap();
    let garbage = Leaves {
        leaves: BoundedVec::new(list).unwrap(),
        ..good
    };
    assert_eq!(refuse(garbage), Some(Fault::Leaf(LeafError::UnknownKind)));
}

#[test]
fn leaves_where_they_cannot_stand() {
    let (pair, feed) = published();
    let at = |index: usize| pair.a.0.feeds[&feed].leaves[index].0.clone();
    assert_eq!(
        signed_leaf(at(0)),
        Some(Fault::LeafOrder),
        "a second genesis"
    );
    assert_eq!(
        signed_leaf(at(1)),
        Some(Fault::LeafOrder),
        "the first epoch again"
    );
    let Leaf::Batch(mut batch) = at(2) else {
        panic!("a batch is third")
    };
    assert_eq!(signed_leaf(Leaf::Batch(batch.clone())), None);
    batch.epoch = 2;
    assert_eq!(signed_leaf(Leaf::Batch(batch)), Some(Fault::LeafOrder));
}

#[test]
fn erase_leaves_that_name_no_earlier_batch() {
    let erase = |index| Leaf::Erase(EraseLeaf { index, reason: 0 });
    let nothing = Some(Fault::NothingToErase);
    assert_eq!(signed_leaf(erase(2)), None);
    assert_eq!(signed_leaf(erase(3)), nothing, "itself");
    assert_eq!(signed_leaf(erase(4)), nothing, "a later one");
    assert_eq!(signed_leaf(erase(u64::MAX)), nothing, "none there will be");
    for index in [0, 1] {
        let refused = Some(Fault::Leaf(LeafError::Inconsistent));
        assert_eq!(signed_leaf(erase(index)), refused, "no batch can be there");
    }
    // What it names may be among the leaves that come with it, or be held.
    let epoch = || {
        let (pair, feed) = published();
        let Leaf::Epoch(mut epoch) = pair.a.0.feeds[&feed].leaves[1].0.clone() else {
            panic!("an epoch is second")
        };
        epoch.epoch = 2;
        Leaf::Epoch(epoch)
    };
    let batch = || {
        let (pair, feed) = published();
        let Leaf::Batch(mut batch) = pair.a.0.feeds[&feed].leaves[2].0.clone() else {
            panic!("a batch is third")
        };
        batch.epoch = 2;
        Leaf::Batch(batch)
    };
    assert_eq!(signed_leaves(vec![epoch(), batch(), erase(4)]), None);
    assert_eq!(
        signed_leaves(vec![epoch(), erase(3)]),
        nothing,
        "a second epoch"
    );
    assert_eq!(
        signed_leaves(vec![erase(2), erase(3)]),
        nothing,
        "an erase leaf"
    );
    assert_eq!(signed_leaves(vec![erase(2), erase(2)]), None, "twice");
}

#[test]
fn a_first_leaf_of_another_feed() {
    let refuse = |change: &dyn Fn(&mut crate::feed::GenesisLeaf), rename: bool| {
        let mut my = Member::new("MY", 1);
        let sg = Member::new("SG", 2);
        let id = my.open(&[&sg], 1);
        let mut feed = my.feeds.remove(&id).unwrap();
        change(&mut feed.genesis);
        feed.tree = Tree::default();
        feed.leaves.clear();
        feed.append(Leaf::Genesis(feed.genesis.clone()));
        feed.sign(&my.signing);
        let named = if rename { feed.genesis.feed_id() } else { id };
        my.feeds.insert(named, feed);
        let mut pair = Pair::connect(my, sg);
        let mut message = honest(&pair, named, 0);
        message.feed = named;
        pair.a.0.feeds.clear();
        sg_refuses(&mut pair, &leaves(message))
    };
    assert_eq!(refuse(&|_| {}, true), None);
    let foreign = Digest::from_bytes([3; 32]);
    assert_eq!(
        refuse(&|g| g.federation = foreign, true),
        Some(Fault::Genesis)
    );
    assert_eq!(
        refuse(&|g| g.nonce = [9; 16], false),
        Some(Fault::NotItsFeed)
    );
    let alone = |g: &mut crate::feed::GenesisLeaf| {
        g.audience = crate::feed::Audience::of(&g.publisher, []).unwrap();
    };
    assert_eq!(refuse(&alone, true), Some(Fault::NotForUs));
}

#[test]
fn bodies() {
    let (mut pair, feed) = published();
    let body = pair.a.0.feeds[&feed].bodies[&2].clone();
    let message = |body: Vec<u8>| {
        let body = BoundedBytes::new(body).unwrap();
        Message::Body {
            feed,
            index: 2,
            body,
        }
    };
    assert_eq!(
        sg_refuses(&mut pair, &message(body.clone())),
        Some(Fault::UnaskedBody)
    );
    let none = Message::NoBody { feed, index: 2 };
    assert_eq!(
        sg_refuses(&mut published().0, &none),
        Some(Fault::UnaskedBody)
    );
    let (mut pair, _) = published();
    let mut wrong = body;
    wrong[0] ^= 1;
    pair.a
        .0
        .feeds
        .get_mut(&feed)
        .unwrap()
        .bodies
        .insert(2, wrong);
    pair.settle();
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::Fault(Fault::BodyMismatch)))
    );
    assert!(pair.b.0.feeds[&feed].bodies.is_empty());
}

#[test]
fn requests() {
    let (mut pair, feed) = published();
    let want = |feed, from| Message::WantLeaves { feed, from };
    let secret = pair.b.0.open(&[], 7);
    pair.b.0.publish(secret);
    assert_eq!(
        sg_refuses(&mut pair, &want(secret, 0)),
        Some(Fault::NotEntitled),
        "SG's own"
    );
    let a_refuses = |message: Message, times: usize| {
        let (mut pair, _) = published();
        pair.settle();
        let other = pair.a.0.open(&[], 7);
        pair.a.0.publish(other);
        let message = match message {
            Message::WantLeaves { from: 99, .. } => want(other, 0),
            message => message,
        };
        (0..times).for_each(|_| pair.give_a(Input::Frame(&message.encode())));
        pair.a.0.log.iter().find_map(|output| match output {
            Output::Learnt(News::Fault(fault)) => Some(*fault),
            _ => None,
        })
    };
    assert_eq!(a_refuses(want(feed, 0), 1), None);
    assert_eq!(
        a_refuses(want(feed, 99), 1),
        Some(Fault::NotEntitled),
        "for MY alone"
    );
    assert_eq!(a_refuses(want(feed, 3), 1), Some(Fault::BeyondEnd));
    let bodies = Message::WantBodies {
        feed,
        indexes: BoundedVec::new(vec![3]).unwrap(),
    };
    assert_eq!(a_refuses(bodies, 1), Some(Fault::BeyondEnd));
    assert_eq!(
        a_refuses(Message::WantEpoch { feed, epoch: 2 }, 1),
        Some(Fault::BeyondEnd)
    );
    assert_eq!(
        a_refuses(Message::WantEpoch { feed, epoch: 1 }, 20_001),
        Some(Fault::TooFast)
    );
}

#[test]
fn answers_that_do_not_come() {
    let (mut pair, _) = published();
    pair.settle();
    pair.a.0.feeds.values_mut().for_each(|feed| {
        feed.bodies.remove(&2);
    });
    let sg = Member::new("SG", 2);
    let my = std::mem::replace(&mut pair.a.0, Member::new("MY", 1));
    let mut pair = Pair::connect(my, sg);
    while let Some(frame) = pair.a.2.pop_front() {
        pair.give_b(Input::Frame(&frame));
        pair.b.2.clear();
    }
    let hello = Message::decode(
        &Pair::connect(Member::new("MY", 1), Member::new("SG", 2))
            .a
            .2[0],
    );
    assert!(hello.is_ok());
    let asked = honest(&pair, *pair.a.0.feeds.keys().next().unwrap(), 0);
    pair.give_b(Input::Frame(&leaves(asked).encode()));
    pair.b.0.log.clear();
    pair.now = 59_999;
    pair.give_b(Input::Tick);
    assert!(pair.b.1.is_open());
    pair.now = 60_000;
    pair.give_b(Input::Tick);
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::Fault(Fault::Stalled)))
    );
}

#[test]
fn claims_and_keys() {
    let (mut pair, feed) = published();
    let holds = |size, root| {
        Claim::Holds(Holds {
            feed,
            size,
            root,
            missing: 0,
            unopened: 0,
            erased: 0,
            applied: size,
            time: at(0).wall,
        })
    };
    let root = Digest::from_bytes([0; 32]);
    let forged = Message::Claim(holds(3, root).sign(&SigningKey::from_seed([9; 32])));
    assert_eq!(sg_refuses(&mut pair, &forged), Some(Fault::Claim));
    let (mut pair, _) = published();
    let wrong = Message::Claim(holds(3, root).sign(&pair.a.0.signing));
    assert_eq!(sg_refuses(&mut pair, &wrong), Some(Fault::Receipt));
    let sealed = kentong_keys::SealedEpochKey::from_bytes([0; 1168]);
    let key_id = pair.a.0.sealing.public().id();
    let rewrap = Message::Rewrap {
        feed,
        epoch: 1,
        key_id,
        sealed,
    };
    assert_eq!(
        sg_refuses(&mut published().0, &rewrap),
        Some(Fault::UnaskedKey)
    );
}

#[test]
fn too_many_feeds() {
    let (my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let mut local = sg.local();
    local.limits.feeds = 1;
    let mut pair = Pair::connect(my, sg);
    let (session, _) = Session::begin(local, pair.a.0.as_peer(), at(0));
    pair.b.1 = session;
    pair.a.0.open(&[&pair.b.0], 1);
    let second = pair.a.0.open(&[&pair.b.0], 2);
    let feeds: Vec<_> = pair.a.0.feeds.keys().copied().collect();
    assert!(feeds.contains(&second));
    feeds.iter().for_each(|feed| pair.a.0.publish(*feed));
    pair.settle();
    assert!(
        pair.b
            .0
            .log
            .contains(&Output::Learnt(News::Fault(Fault::TooManyFeeds)))
    );
}
