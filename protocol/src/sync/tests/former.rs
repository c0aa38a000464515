//! A publisher's keys are replaced: what the former ones signed is dropped, and a member that does
//! not know of it yet is not blamed.

use kentong_keys::{Digest, MemberName, SigningKey};

use super::papers::{chain, papers};
use super::web::{Web, is_evidence, is_fault};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{BatchLeaf, CheckpointError, FeedId, Leaf, UnverifiedCheckpoint};
use crate::guard::{self, Guard};
use crate::sync::{Evidence, Fault, Input, Ledger as _, News, Output, Task};
use crate::wire::{self, Heads, Message};

fn my() -> MemberName {
    "MY".parse().unwrap()
}

/// MY, SG and TH, of whom SG and TH hold a feed of MY of five batches; nobody is connected.
fn three() -> (Web, FeedId) {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    for name in ["MY", "SG", "TH"] {
        let member = web.get(name);
        member.papers = Some(papers(chain()));
        member.credentials = ["MY", "SG", "TH"]
            .map(|name| (name.parse().unwrap(), 1, 1))
            .to_vec();
    }
    let feed = web.publish("MY", &["SG", "TH"], 5);
    for reader in ["SG", "TH"] {
        web.connect("MY", reader);
        web.settle();
        web.part("MY", reader);
    }
    web.sent.clear();
    (web, feed)
}

/// MY gets another key, and signs its feed again with it.
fn new_key(web: &mut Web, feed: FeedId) {
    let my = web.get("MY");
    my.signing = SigningKey::from_seed([0x99; 32]);
    my.publish(feed);
    knows(web, "MY");
}

/// A member hears of MY's new key.
fn knows(web: &mut Web, name: &'static str) {
    let key = web.members["MY"].signing.public_key();
    let member = web.get(name);
    member.others.insert(my(), key);
    member.credentials[0].1 = 2;
    let its: Vec<FeedId> = member.feeds.keys().copied().collect();
    if name != "MY" {
        member.former.extend(its);
    }
}

fn lists_anew(web: &mut Web, me: &'static str, peer: &'static str) {
    web.give(me, peer, Input::Papers, 0);
    web.settle();
}

fn checkpoint(web: &Web, name: &str, feed: FeedId) -> Vec<u8> {
    web.members[name].feeds[&feed].checkpoint.clone().unwrap().1
}

fn heads(note: Vec<u8>) -> Vec<u8> {
    let mine = BoundedVec::new(vec![BoundedBytes::new(note).unwrap()]).unwrap();
    let yours = BoundedVec::default();
    Message::Heads(Heads { mine, yours }).encode()
}

#[test]
fn a_head_that_is_signed_anew_takes_the_place_of_the_old_one() {
    let (mut web, feed) = three();
    let old = checkpoint(&web, "SG", feed);
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    web.connect("MY", "SG");
    web.settle();
    assert_ne!(checkpoint(&web, "SG", feed), old);
    web.has_all("SG", feed, "MY");
    let leaves = |(_, message): &(&str, Message)| matches!(message, Message::Leaves(_));
    assert_eq!(web.sent.iter().filter(|sent| leaves(sent)).count(), 0);
    assert_eq!(web.said("SG", is_fault) + web.said("MY", is_fault), 0);
}

#[test]
fn who_has_not_heard_of_the_new_key_is_not_blamed_and_is_shown_the_head_when_it_has() {
    for (ahead, behind) in [("SG", "TH"), ("TH", "SG")] {
        let (mut web, feed) = three();
        new_key(&mut web, feed);
        knows(&mut web, ahead);
        web.connect("MY", ahead);
        web.settle();
        web.part("MY", ahead);
        // One shows a head by the new key, the other by the old one.
        web.connect("SG", "TH");
        web.settle();
        assert!(web.is_open("SG", "TH"));
        assert_eq!(web.said("SG", is_fault) + web.said("TH", is_fault), 0);
        assert_ne!(checkpoint(&web, behind, feed), checkpoint(&web, "MY", feed));
        knows(&mut web, behind);
        lists_anew(&mut web, behind, ahead);
        web.has_all(behind, feed, "MY");
        assert!(web.is_open("SG", "TH"));
    }
}

#[test]
fn who_goes_back_and_forth_is_not_shown_the_same_heads_each_time() {
    let (mut web, feed) = three();
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    web.connect("MY", "SG");
    web.settle();
    web.connect("SG", "TH");
    web.settle();
    let heads_of_sg = |web: &mut Web, serial: u64| {
        let list = wire::Papers {
            charter_version: 1,
            charter: web.members["TH"].papers.as_ref().unwrap().in_force().1,
            papers: BoundedVec::default(),
            credentials: BoundedVec::new(vec![(my(), serial, 1)]).unwrap(),
        };
        web.sent.clear();
        let frame = Message::Papers(Box::new(list)).encode();
        web.give("SG", "TH", Input::Frame(&frame), 0);
        web.settle();
        let shown = |(from, message): &(&str, Message)| {
            *from == "SG" && matches!(message, Message::Heads(_))
        };
        web.sent.iter().filter(|sent| shown(sent)).count()
    };
    let shown = [2, 1, 2, 1, 2].map(|serial| heads_of_sg(&mut web, serial));
    assert_eq!(shown, [1, 0, 0, 0, 0]);
    assert!(web.is_open("SG", "TH"));
}

#[test]
fn a_head_by_another_key_is_a_fault_of_who_goes_by_the_same_warrant() {
    let (mut web, feed) = three();
    let old = checkpoint(&web, "SG", feed);
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    knows(&mut web, "TH");
    web.connect("SG", "TH");
    web.settle();
    assert_eq!(web.said("TH", is_fault), 0, "a former head is not shown");
    web.give("TH", "SG", Input::Frame(&heads(old.clone())), 0);
    let refused = Output::Learnt(News::Fault(Fault::Checkpoint(CheckpointError::Signature)));
    assert!(web.members["TH"].log.contains(&refused));

    // And of the publisher itself, which sends its warrant before all else.
    let (mut web, feed) = three();
    web.connect("MY", "TH");
    web.settle();
    let key = SigningKey::from_seed([0x77; 32]);
    let origin = UnverifiedCheckpoint::parse(&old).unwrap().origin().clone();
    let root = web.members["MY"].feeds[&feed].tree.root();
    let forged = crate::feed::Checkpoint::sign(origin, 7, root, &key);
    web.give("TH", "MY", Input::Frame(&heads(forged.note().to_vec())), 0);
    assert!(web.members["TH"].log.contains(&refused));
}

#[test]
fn who_goes_by_another_charter_and_lists_no_warrant_of_the_publisher_is_not_blamed() {
    let (mut web, feed) = three();
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    let th = web.get("TH");
    th.papers = None;
    th.credentials.clear();
    web.connect("SG", "TH");
    web.settle();
    assert_eq!(web.said("SG", is_fault), 0);
    assert!(web.is_open("SG", "TH"));
}

#[test]
fn what_was_listed_of_a_stranger_is_wanted_once_it_is_a_member() {
    let (mut web, feed) = three();
    new_key(&mut web, feed);
    knows(&mut web, "TH");
    let sg = web.get("SG");
    sg.void(feed, 0);
    sg.credentials.remove(0);
    web.connect("SG", "TH");
    web.settle();
    let wants = |web: &Web| {
        let wants = |(from, message): &(&str, Message)| {
            *from == "SG"
                && matches!(message, Message::WantPapers { members, .. } if members.contains(&my()))
        };
        web.sent.iter().filter(|sent| wants(sent)).count()
    };
    assert_eq!(wants(&web), 0);
    web.get("SG").credentials.insert(0, (my(), 1, 1));
    lists_anew(&mut web, "SG", "TH");
    web.give("SG", "TH", Input::Tick, 0);
    web.settle();
    assert_eq!(wants(&web), 1);
}

#[test]
fn what_is_held_under_a_former_key_is_not_served() {
    let (mut web, feed) = three();
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    web.get("TH").void(feed, 0);
    web.connect("SG", "TH");
    web.settle();
    assert!(web.members["TH"].feeds.is_empty());
    assert!(web.is_open("SG", "TH"));
}

/// TH holds what a thief signed: `extra` statements after `kept` leaves.
fn forged(web: &mut Web, feed: FeedId, kept: u64, extra: u32) {
    let mut thief = web.members.remove("TH").unwrap();
    let key = SigningKey::from_seed([1; 32]);
    thief.void(feed, kept);
    for n in 0..extra {
        thief.add(feed, format!("forged {n}").as_bytes());
    }
    thief.feeds.get_mut(&feed).unwrap().sign(&key);
    web.members.insert("TH", thief);
}

#[test]
fn another_history_under_the_former_key_gives_way_to_that_of_the_present_one() {
    // As long as the true one, shorter, and from the publisher or from who has it from there.
    for (kept, extra) in [(5, 2), (3, 1), (5, 1)] {
        for from in ["MY", "SG"] {
            let (mut web, feed) = three();
            forged(&mut web, feed, kept, extra);
            new_key(&mut web, feed);
            knows(&mut web, "SG");
            knows(&mut web, "TH");
            web.connect("MY", "SG");
            web.settle();
            web.connect(from, "TH");
            web.settle();
            let size = web.members["MY"].feeds[&feed].tree.size();
            if from == "MY" || kept + u64::from(extra) == size {
                web.has_all("TH", feed, "MY");
            }
            let void = Output::Do(Task::Void { feed, from: 0 });
            let gave_way = web.members["TH"].log.contains(&void);
            // Leaves of a relay that do not fit may be its own work: the publisher is waited for.
            let waits = web.members["TH"]
                .log
                .contains(&Output::Learnt(News::OtherLeaves(feed)));
            assert!(gave_way || waits, "{kept} {extra} {from}");
            assert_eq!(web.said("TH", is_fault) + web.said("TH", is_evidence), 0);
        }
    }
}

#[test]
fn evidence_under_keys_that_have_gone_is_not_held_against_who_passes_it_on() {
    let (mut web, feed) = three();
    let held = checkpoint(&web, "SG", feed);
    forged(&mut web, feed, 5, 2);
    let shown = checkpoint(&web, "TH", feed);
    let evidence = Evidence {
        publisher: my(),
        feed,
        held,
        shown,
        link: None,
    };
    let message = evidence.message().unwrap().encode();
    new_key(&mut web, feed);
    knows(&mut web, "TH");
    web.get("TH").void(feed, 0);
    web.connect("SG", "TH");
    web.settle();
    web.give("TH", "SG", Input::Frame(&message), 0);
    assert_eq!(web.said("TH", is_fault) + web.said("TH", is_evidence), 0);
    assert!(!web.members["TH"].is_forked(&feed));
    // Once both use the new warrant it is a fault.
    knows(&mut web, "SG");
    lists_anew(&mut web, "SG", "TH");
    web.give("TH", "SG", Input::Frame(&message), 0);
    assert!(
        web.members["TH"]
            .log
            .contains(&Output::Learnt(News::Fault(Fault::Evidence)))
    );
}

#[test]
fn a_publisher_is_given_back_what_it_lost_up_to_the_head_that_its_warrant_names() {
    let (mut web, feed) = three();
    let old = checkpoint(&web, "SG", feed);
    let held = &web.members["SG"].feeds[&feed].tree;
    let head = (held.size(), held.root());
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    knows(&mut web, "TH");
    for named in [
        None,
        Some((head.0, Digest::from_bytes([3; 32]))),
        Some(head),
    ] {
        let my = web.get("MY");
        my.feeds.remove(&feed);
        my.frozen.clear();
        my.frozen.extend(named.map(|head| (feed, head)));
        web.connect("MY", "SG");
        web.settle();
        assert!(web.is_open("MY", "SG"));
        let back = web.members["MY"].feeds.contains_key(&feed);
        assert_eq!(back, named == Some(head));
        web.part("MY", "SG");
    }
    assert_eq!(checkpoint(&web, "MY", feed), old);
    // It is shown to nobody before it is signed again.
    web.get("MY").former.insert(feed);
    web.connect("MY", "TH");
    web.settle();
    assert!(web.is_open("MY", "TH"));
    let behind = |output: &Output| matches!(output, Output::Learnt(News::Behind { .. }));
    assert!(web.said("MY", behind) > 0);
    assert_eq!(web.said("TH", is_fault) + web.said("SG", is_fault), 0);
}

/// SG's session with MY, of which MY has said Hello under its new key and nothing else.
fn greeted_by_new_key() -> (Web, FeedId) {
    let (mut web, feed) = three();
    new_key(&mut web, feed);
    knows(&mut web, "SG");
    web.connect("MY", "SG");
    let (_, to_sg) = web.sessions.get_mut(&("MY", "SG")).unwrap();
    let hello = to_sg.pop_front().unwrap();
    web.give("SG", "MY", Input::Frame(&hello), 0);
    (web, feed)
}

/// One leaf under a head of another root by MY's new key.
fn one_leaf(web: &Web, feed: FeedId, at: u64, leaf: &Leaf, following: &[u64]) -> Vec<u8> {
    let my = &web.members["MY"];
    let note = my.feeds[&feed].checkpoint.clone().unwrap().1;
    let origin = UnverifiedCheckpoint::parse(&note).unwrap().origin().clone();
    let (size, root) = (my.feeds[&feed].tree.size(), Digest::from_bytes([0x55; 32]));
    let signed = crate::feed::Checkpoint::sign(origin, size, root, &my.signing);
    Message::Leaves(Box::new(wire::Leaves {
        feed,
        from: at,
        leaves: BoundedVec::new(vec![BoundedBytes::new(leaf.encode()).unwrap()]).unwrap(),
        checkpoint: BoundedBytes::new(signed.note().to_vec()).unwrap(),
        proof: crate::feed::ConsistencyProof::default(),
        following: BoundedVec::new(following.to_vec()).unwrap(),
    }))
    .encode()
}

#[test]
fn leaves_at_the_end_of_all_numbers_end_no_node() {
    let send = || {
        let (mut web, feed) = greeted_by_new_key();
        let leaf = web.members["MY"].feeds[&feed].leaves[2].0.clone();
        let frame = one_leaf(&web, feed, u64::MAX, &leaf, &[]);
        web.give("SG", "MY", Input::Frame(&frame), 0);
        web
    };
    let refused = Output::Learnt(News::Fault(Fault::LeafCount));
    assert!(send().members["SG"].log.contains(&refused));
    let without = || guard::without(Guard::LeavesEnd, send);
    let panicked = std::panic::catch_unwind(without).is_err();
    assert!(panicked, "this is what the guard is for");
}

#[test]
fn bodies_of_two_leaves_at_one_place_are_each_taken_off_as_they_were_put_on() {
    let (mut web, feed) = greeted_by_new_key();
    let Leaf::Batch(leaf) = web.members["MY"].feeds[&feed].leaves[2].0.clone() else {
        panic!("a batch stands there")
    };
    for body_len in [640 * 1024, 1024] {
        let leaf = Leaf::Batch(BatchLeaf {
            body_len,
            ..leaf.clone()
        });
        let frame = one_leaf(&web, feed, 2, &leaf, &[2]);
        web.give("SG", "MY", Input::Frame(&frame), 0);
    }
    let none = Message::NoBody { feed, index: 2 }.encode();
    for _ in 0..2 {
        web.give("SG", "MY", Input::Frame(&none), 0);
        assert_eq!(web.said("SG", is_fault), 0);
    }
    web.give("SG", "MY", Input::Frame(&none), 0);
    let refused = Output::Learnt(News::Fault(Fault::UnaskedBody));
    assert!(web.members["SG"].log.contains(&refused), "one too many");
}
