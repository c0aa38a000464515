//! Rules that nothing else would notice the lack of: each alone, with what keeps to it beside it.

use kentong_keys::{Digest, SealedEpochKey};

use super::member::{Feed, Member, at};
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{Checkpoint, CloseLeaf, EraseLeaf, FeedId, GenesisLeaf, Leaf, Origin, Tree};
use crate::sync::{Ended, Fault, Input, Ledger as _, News, Output, Session, Task, leaves_message};
use crate::wire::{Alive, Bye, Claim, Heads, Holds, Leaves, Message};

/// MY with one batch published for SG, settled.
fn settled() -> (Pair, FeedId) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let feed = my.open(&[&sg], 1);
    my.add(feed, b"one");
    my.publish(feed);
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    pair.b.0.log.clear();
    (pair, feed)
}

fn leaves(pair: &Pair, feed: FeedId, from: u64) -> Leaves {
    let my = &pair.a.0;
    let read = |i: u64| Some(my.feeds[&feed].leaves.get(i as usize)?.1.clone());
    leaves_message(feed, &my.feed(&feed).unwrap(), from, &[], read).unwrap()
}

/// Changes MY's feed and signs it.
fn change(pair: &mut Pair, feed: FeedId, change: impl FnOnce(&mut Feed)) {
    let Member { feeds, signing, .. } = &mut pair.a.0;
    let held = feeds.get_mut(&feed).unwrap();
    change(held);
    held.sign(signing);
}

/// What SG makes of a message from MY.
fn refusal(pair: &mut Pair, message: &Message) -> Option<Fault> {
    pair.give_b(Input::Frame(&message.encode()));
    pair.b.0.log.iter().find_map(|output| match output {
        Output::Learnt(News::Fault(fault)) => Some(*fault),
        _ => None,
    })
}

fn refused_leaves(pair: &mut Pair, leaves: Leaves) -> Option<Fault> {
    refusal(pair, &Message::Leaves(Box::new(leaves)))
}

#[test]
fn nothing_follows_a_closing_leaf() {
    for closed in [false, true] {
        let (mut pair, feed) = settled();
        change(&mut pair, feed, |held| {
            let batch = held.leaves[2].0.clone();
            if closed {
                let followed_by = BoundedVec::default();
                let reason = 0;
                held.append(Leaf::Close(CloseLeaf {
                    reason,
                    followed_by,
                }));
            }
            held.append(batch);
        });
        let message = leaves(&pair, feed, 3);
        let expected = closed.then_some(Fault::LeafOrder);
        assert_eq!(refused_leaves(&mut pair, message), expected);
    }
    // Nor does one that comes by itself, later.
    let (mut pair, feed) = settled();
    let close = Leaf::Close(CloseLeaf {
        reason: 0,
        followed_by: BoundedVec::default(),
    });
    change(&mut pair, feed, |held| held.append(close));
    let message = leaves(&pair, feed, 3);
    assert_eq!(refused_leaves(&mut pair, message), None);
    change(&mut pair, feed, |held| {
        let batch = held.leaves[2].0.clone();
        held.append(batch);
    });
    let message = leaves(&pair, feed, 4);
    assert_eq!(refused_leaves(&mut pair, message), Some(Fault::LeafOrder));
    // But what was said before can be erased.
    let (mut pair, feed) = settled();
    let close = Leaf::Close(CloseLeaf {
        reason: 0,
        followed_by: BoundedVec::default(),
    });
    let erase = Leaf::Erase(EraseLeaf {
        index: 2,
        reason: 0,
    });
    change(&mut pair, feed, |held| {
        held.append(close);
        held.append(erase);
    });
    let message = leaves(&pair, feed, 3);
    assert_eq!(refused_leaves(&mut pair, message), None);
}

#[test]
fn leaves_that_are_held_are_the_same_when_they_come_again() {
    let (mut pair, feed) = settled();
    let mut message = leaves(&pair, feed, 1);
    let mut list = message.leaves.clone().into_vec();
    list.swap(0, 1);
    message.leaves = BoundedVec::new(list).unwrap();
    let expected = Some(Fault::TwoHistories);
    assert_eq!(refused_leaves(&mut pair, message), expected);
}

#[test]
fn a_leaf_does_not_lie_about_the_length_of_its_body() {
    for (lie, expected) in [(0, None), (1, Some(Fault::BodyMismatch))] {
        let (mut pair, feed) = settled();
        pair.a.0.add(feed, b"two");
        change(&mut pair, feed, |held| {
            let Some((Leaf::Batch(mut batch), _)) = held.leaves.pop() else {
                panic!("a batch was added")
            };
            held.tree.truncate(3);
            batch.body_len += lie;
            held.append(Leaf::Batch(batch));
        });
        let message = leaves(&pair, feed, 3);
        assert_eq!(refused_leaves(&mut pair, message), None);
        let body = BoundedBytes::new(pair.a.0.feeds[&feed].bodies[&3].clone()).unwrap();
        let index = 3;
        let message = Message::Body { feed, index, body };
        assert_eq!(refusal(&mut pair, &message), expected);
    }
}

/// What SG makes of a feed with this first leaf, under a checkpoint of MY's feed `named`.
fn first_leaf(change: impl FnOnce(&mut GenesisLeaf), named: Option<FeedId>) -> Option<Fault> {
    let (my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let mut made = Member::new("MY", 1);
    let id = made.open(&[&sg], 1);
    let mut genesis = made.feeds[&id].genesis.clone();
    change(&mut genesis);
    let feed = named.unwrap_or_else(|| genesis.feed_id());
    let leaf = Leaf::Genesis(genesis).encode();
    let mut tree = Tree::default();
    tree.push(crate::feed::leaf_hash(&leaf));
    let origin = Origin {
        federation: "TEST".into(),
        publisher: my.name.clone(),
        feed,
        incarnation: 0,
    };
    let checkpoint = Checkpoint::sign(origin, 1, tree.root(), &my.signing);
    let message = Leaves {
        feed,
        from: 0,
        leaves: BoundedVec::new(vec![BoundedBytes::new(leaf).unwrap()]).unwrap(),
        checkpoint: BoundedBytes::new(checkpoint.note().to_vec()).unwrap(),
        proof: tree.consistency(1, 1).unwrap(),
        following: BoundedVec::default(),
    };
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    refused_leaves(&mut pair, message)
}

#[test]
fn a_first_leaf_says_what_its_checkpoint_says() {
    let elsewhere = FeedId::from_digest(Digest::from_bytes([5; 32]));
    assert_eq!(first_leaf(|_| {}, None), None);
    let of_another = first_leaf(|_| {}, Some(elsewhere));
    assert_eq!(of_another, Some(Fault::Genesis), "another feed");
    let publisher = |g: &mut GenesisLeaf| g.publisher = "SG".parse().unwrap();
    assert_eq!(first_leaf(publisher, None), Some(Fault::Genesis));
    let incarnation = |g: &mut GenesisLeaf| g.incarnation = 1;
    assert_eq!(first_leaf(incarnation, None), Some(Fault::Genesis));
}

#[test]
fn a_checkpoint_of_a_held_feed_is_of_its_incarnation_and_publisher() {
    // SG publishes too: MY signs a checkpoint under its own name for SG's feed.
    let (mut pair, feed) = settled();
    let sg = {
        let Pair { a, b, .. } = &mut pair;
        let id = b.0.open(&[&a.0], 9);
        b.0.publish(id);
        id
    };
    for (feed, incarnation, expected) in [
        (feed, 0, None),
        (feed, 1, Some(Fault::NotItsFeed)),
        (sg, 0, Some(Fault::NotItsFeed)),
    ] {
        let held = &pair.b.0.feeds[&feed];
        let origin = Origin {
            federation: "TEST".into(),
            publisher: "MY".parse().unwrap(),
            feed,
            incarnation,
        };
        let (size, root) = (held.tree.size(), held.tree.root());
        let signed = Checkpoint::sign(origin, size, root, &pair.a.0.signing);
        let note = BoundedBytes::new(signed.note().to_vec()).unwrap();
        let mine = BoundedVec::new(vec![note]).unwrap();
        let yours = BoundedVec::default();
        let heads = Message::Heads(Heads { mine, yours });
        assert_eq!(refusal(&mut pair, &heads), expected, "{incarnation}");
        let (again, _) = settled();
        let b = std::mem::replace(&mut pair.b.0, Member::new("SG", 2));
        pair = again;
        pair.b.0.feeds = b.feeds;
    }
}

#[test]
fn after_the_end_nothing_is_heard() {
    let (mut pair, feed) = settled();
    let bye = Message::Bye(Bye::Stopping);
    assert_eq!(refusal(&mut pair, &bye), None);
    let closed = Output::Do(Task::Close(Ended::ByPeer(Bye::Stopping)));
    assert_eq!(pair.b.0.log, [closed]);
    pair.b.0.log.clear();
    for message in [bye, Message::WantLeaves { feed, from: 0 }] {
        assert_eq!(refusal(&mut pair, &message), None);
    }
    pair.now = 1_000_000;
    pair.give_b(Input::Tick);
    pair.give_b(Input::Close(Bye::Stopping));
    assert_eq!(pair.b.0.log, []);
}

/// SG is told the same `free` times, and once more.
fn costs(message: impl Fn(&Pair, FeedId) -> Message, free: usize) {
    let (mut pair, feed) = settled();
    let message = &message(&pair, feed);
    for time in 0..free {
        assert_eq!(refusal(&mut pair, message), None, "{message:?} {time}");
    }
    pair.b.0.log.clear();
    let too_fast = refusal(&mut pair, message);
    assert_eq!(too_fast, Some(Fault::TooFast), "{message:?}");
}

#[test]
fn what_makes_work_is_counted() {
    // Settling took two: Heads, with one checkpoint.
    let credentials = Message::Credentials {
        warrant: BoundedBytes::new(vec![1]).unwrap(),
        card: BoundedBytes::new(vec![1]).unwrap(),
    };
    costs(|_, _| credentials.clone(), 19);
    let heads = |pair: &Pair, feed| {
        let note = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
        let note = BoundedBytes::new(note).unwrap();
        let mine = BoundedVec::new(vec![note; 99]).unwrap();
        let yours = BoundedVec::default();
        Message::Heads(Heads { mine, yours })
    };
    costs(heads, 199);
    let alive = Alive {
        time: at(0).wall,
        charter_version: 1,
        heads: Digest::from_bytes([0; 32]),
    };
    let (mut pair, _) = settled();
    let mut local = pair.b.0.local();
    local.limits.messages = 3;
    pair.b.1 = Session::begin(local, pair.a.0.as_peer(), at(0)).0;
    let hello = Pair::connect(Member::new("MY", 1), Member::new("SG", 2))
        .a
        .2;
    pair.give_b(Input::Frame(&hello[0]));
    let message = Message::Claim(Claim::Alive(alive).sign(&pair.a.0.signing)).encode();
    for _ in 0..3 {
        pair.b.1.handle(Input::Frame(&message), at(0), &pair.b.0);
    }
    assert!(pair.b.1.is_open());
    let last = pair.b.1.handle(Input::Frame(&message), at(0), &pair.b.0);
    assert_eq!(last[0], Output::Learnt(News::Fault(Fault::TooFast)));
}

#[test]
fn epoch_keys_that_are_no_news_are_counted() {
    let (pair, feed) = settled();
    let (my, mut sg) = (pair.a.0, pair.b.0);
    sg.feeds.get_mut(&feed).unwrap().keys.clear();
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let message = Message::Rewrap {
        feed,
        epoch: 1,
        key_id: pair.b.0.sealing.public().id(),
        sealed: SealedEpochKey::from_bytes([0; 1168]),
    };
    let message = message.encode();
    let mut faults = Vec::new();
    for _ in 0..20_000 {
        faults.extend(pair.b.1.handle(Input::Frame(&message), at(0), &pair.b.0));
    }
    assert!(faults.contains(&Output::Learnt(News::Fault(Fault::TooFast))));
}

#[test]
fn a_receipt_is_for_a_reader_of_a_feed_of_ours() {
    let (mut pair, _) = settled();
    let th = Member::new("TH", 3);
    let Pair { a, b, .. } = &mut pair;
    let (ours, for_another, theirs) = (b.0.open(&[&a.0], 7), b.0.open(&[&th], 8), a.0.open(&[], 9));
    let feeds = a.0.feeds.remove(&theirs).unwrap();
    b.0.feeds.insert(theirs, feeds);
    let unknown = FeedId::from_digest(Digest::from_bytes([5; 32]));
    let wrong = Some(Fault::Receipt);
    // A reader of what we have lost does nothing wrong, and nothing follows from it.
    for (feed, more, expected, receipts) in [
        (ours, 0, None, 1),
        (ours, 1, None, 0),
        (for_another, 0, wrong, 0),
        (theirs, 0, wrong, 0),
        (unknown, 0, None, 0),
    ] {
        let (mut fresh, _) = settled();
        let held = pair.b.0.feeds.get(&feed);
        let (size, root) = held.map_or((0, Digest::from_bytes([0; 32])), |held| {
            (held.tree.size() + more, held.tree.root())
        });
        std::mem::swap(&mut fresh.b.0.feeds, &mut pair.b.0.feeds);
        let holds = Holds {
            feed,
            size,
            root,
            missing: 0,
            unopened: 0,
            erased: 0,
            applied: size,
            time: at(0).wall,
        };
        let message = Message::Claim(Claim::Holds(holds).sign(&fresh.a.0.signing));
        assert_eq!(refusal(&mut fresh, &message), expected, "{feed:?}");
        if expected.is_none() {
            fresh.give_b(Input::Frame(&message.encode()));
            let kept = |output: &&Output| matches!(output, Output::Learnt(News::Receipt { .. }));
            let kept = fresh.b.0.log.iter().filter(kept).count();
            assert_eq!(kept, receipts, "said again: {feed:?}");
        }
        std::mem::swap(&mut fresh.b.0.feeds, &mut pair.b.0.feeds);
    }
}

#[test]
fn a_receipt_for_other_leaves_than_ours_is_a_fault() {
    let (mut pair, _) = settled();
    let feed = pair.b.0.open(&[&pair.a.0], 7);
    let holds = Holds {
        feed,
        size: 1,
        root: Digest::from_bytes([9; 32]),
        missing: 0,
        unopened: 0,
        erased: 0,
        applied: 0,
        time: at(0).wall,
    };
    let message = Message::Claim(Claim::Holds(holds).sign(&pair.a.0.signing));
    assert_eq!(refusal(&mut pair, &message), Some(Fault::Receipt));
}

#[test]
fn a_sign_of_life_leads_to_a_list_of_heads_now_and_then_only() {
    let (mut pair, _) = settled();
    let alive = Alive {
        time: at(0).wall,
        charter_version: 1,
        heads: Digest::from_bytes([0; 32]),
    };
    let frame = Message::Claim(Claim::Alive(alive).sign(&pair.a.0.signing)).encode();
    let heads = |pair: &mut Pair| {
        pair.b.0.log.clear();
        (0..50).for_each(|_| pair.give_b(Input::Frame(&frame)));
        let list = |output: &&Output| matches!(output, Output::Do(Task::Send(Message::Heads(_))));
        pair.b.0.log.iter().filter(list).count()
    };
    assert_eq!((heads(&mut pair), heads(&mut pair)), (1, 0));
    pair.now += 10_000;
    assert_eq!(heads(&mut pair), 1);
}

#[test]
fn feeds_that_are_held_count_against_the_bound() {
    for (limit, expected) in [(2, None), (1, Some(Fault::TooManyFeeds))] {
        let (mut pair, _) = settled();
        let mut local = pair.b.0.local();
        local.limits.feeds = limit;
        let (session, _) = Session::begin(local, pair.a.0.as_peer(), at(0));
        pair.b.1 = session;
        let hello = Pair::connect(Member::new("MY", 1), Member::new("SG", 2))
            .a
            .2;
        pair.give_b(Input::Frame(&hello[0]));
        let second = {
            let Pair { a, b, .. } = &mut pair;
            a.0.open(&[&b.0], 2)
        };
        pair.a.0.publish(second);
        let message = leaves(&pair, second, 0);
        assert_eq!(refused_leaves(&mut pair, message), expected);
    }
}

#[test]
fn an_older_checkpoint_takes_no_promise_back() {
    let (my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    let feed = {
        let Pair { a, b, .. } = &mut pair;
        a.0.open(&[&b.0], 1)
    };
    pair.a.0.publish(feed);
    let old = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
    pair.a.0.add(feed, b"one");
    pair.a.0.publish(feed);
    let new = pair.a.0.feeds[&feed].checkpoint.clone().unwrap().1;
    let notes = [new, old.clone()].map(|note| BoundedBytes::new(note).unwrap());
    let mine = BoundedVec::new(notes.to_vec()).unwrap();
    let yours = BoundedVec::default();
    assert_eq!(
        refusal(&mut pair, &Message::Heads(Heads { mine, yours })),
        None
    );
    pair.b.0.log.clear();
    // Sent before the newer one was signed: these reach the older one, which is not all.
    let mut first = leaves(&pair, feed, 0);
    let mut list = first.leaves.into_vec();
    list.truncate(2);
    first.leaves = BoundedVec::new(list).unwrap();
    first.checkpoint = BoundedBytes::new(old).unwrap();
    first.proof = pair.a.0.feeds[&feed].tree.consistency(2, 2).unwrap();
    assert_eq!(refused_leaves(&mut pair, first), None);
    let want = Output::Do(Task::Send(Message::WantLeaves { feed, from: 2 }));
    assert!(pair.b.0.log.contains(&want), "{:?}", pair.b.0.log);
}
