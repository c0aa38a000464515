//! Readers serve each other: what the publisher cannot or will not give, another does.

use super::member::{at, witness_name};
use super::web::{Web, is_evidence, is_fault};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{Checkpoint, FeedId};
use crate::sync::{
    Evidence, Fault, Input, Ledger as _, News, Output, Session, Task, leaves_message,
};
use crate::wire::{Heads, Message};

#[test]
fn a_publisher_that_is_away_delays_nobody() {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 300);
    web.connect("MY", "SG");
    web.settle();
    web.part("MY", "SG");
    web.connect("SG", "TH");
    web.settle();
    web.has_all("TH", feed, "MY");
    assert!(web.is_open("SG", "TH"));
    // And what is newer at one reader reaches the other when it shows it.
    web.connect("MY", "SG");
    web.settle();
    web.get("MY").add(feed, b"more");
    web.get("MY").publish(feed);
    web.give("MY", "SG", Input::Published(feed), 0);
    web.settle();
    web.give("SG", "TH", Input::Head(feed), 0);
    web.settle();
    web.has_all("TH", feed, "MY");
}

#[test]
fn several_serve_at_once_and_each_body_comes_once() {
    let mut web = Web::of(&["MY", "SG", "TH", "VN"]);
    let feed = web.publish("MY", &["SG", "TH", "VN"], 512);
    for reader in ["SG", "VN"] {
        web.connect("MY", reader);
    }
    web.settle();
    web.part("MY", "SG");
    web.part("MY", "VN");
    web.sent.clear();
    web.connect("SG", "TH");
    web.connect("TH", "VN");
    web.settle();
    web.has_all("TH", feed, "MY");
    let sent = web.bodies_sent();
    assert_eq!(sent.values().sum::<usize>(), 512, "{sent:?}");
    assert!(
        sent.values().all(|count| *count > 64) && sent.len() == 2,
        "{sent:?}"
    );
}

#[test]
fn who_withholds_a_body_is_named_with_it_and_another_gives_it() {
    let mut web = Web::of(&["MY", "SG", "TH", "VN"]);
    let feed = web.publish("MY", &["SG", "TH", "VN"], 100);
    for reader in ["SG", "VN"] {
        web.connect("MY", reader);
    }
    web.settle();
    web.part("MY", "SG");
    web.part("MY", "VN");
    web.get("SG")
        .feeds
        .get_mut(&feed)
        .unwrap()
        .bodies
        .remove(&7);
    web.connect("SG", "TH");
    web.connect("TH", "VN");
    web.settle();
    web.has_all("TH", feed, "MY");
    let named = Output::Learnt(News::Withheld { feed, index: 7 });
    assert!(web.members["TH"].log.contains(&named));
    assert_eq!(web.said("TH", is_fault), 0, "and it may have lost it");
    // When nobody has it, it is missing, and everybody was asked once.
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 100);
    web.get("MY")
        .feeds
        .get_mut(&feed)
        .unwrap()
        .bodies
        .remove(&7);
    for (a, b) in [("MY", "SG"), ("MY", "TH"), ("SG", "TH")] {
        web.connect(a, b);
        web.settle();
    }
    for reader in ["SG", "TH"] {
        assert_eq!(web.members[reader].feeds[&feed].bodies.len(), 99);
    }
    let asked = web
        .sent
        .iter()
        .filter(|(_, message)| matches!(message, Message::NoBody { index: 7, .. }));
    assert_eq!(asked.count(), 4);
}

#[test]
fn no_reader_tells_of_a_feed_to_one_who_may_not_read_it() {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG"], 3);
    web.connect("MY", "SG");
    web.connect("SG", "TH");
    web.settle();
    web.give("SG", "TH", Input::Head(feed), 0);
    let evidence = Evidence {
        publisher: "MY".parse().unwrap(),
        feed,
        held: vec![],
        shown: vec![],
        link: None,
    };
    web.give("SG", "TH", Input::Evidence(&evidence), 0);
    web.settle();
    assert!(web.members["TH"].feeds.is_empty());
    let told = format!("{:?}", web.members["TH"].log);
    assert!(!told.contains(&format!("{feed:?}")));
    let want = Message::WantLeaves { feed, from: 0 };
    web.give("SG", "TH", Input::Frame(&want.encode()), 0);
    let refused = Output::Learnt(News::Fault(Fault::NotEntitled));
    assert!(web.members["SG"].log.contains(&refused));
}

/// MY shows one history to SG and another to TH, which meet then.
fn equivocator(to_sg: u32, to_th: u32) -> (Web, FeedId) {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 2);
    web.connect("MY", "SG");
    web.connect("MY", "TH");
    web.settle();
    web.part("MY", "SG");
    web.part("MY", "TH");
    for (reader, batches) in [("SG", to_sg), ("TH", to_th)] {
        let my = web.get("MY");
        let held = my.feeds.get_mut(&feed).unwrap();
        held.tree.truncate(4);
        held.leaves.truncate(4);
        held.bodies.retain(|index, _| *index < 4);
        (0..batches).for_each(|i| my.add(feed, format!("{reader} {i}").as_bytes()));
        my.publish(feed);
        web.connect("MY", reader);
        web.settle();
        web.part("MY", reader);
        web.has_all(reader, feed, "MY");
    }
    web.members
        .values_mut()
        .for_each(|member| member.log.clear());
    web.connect("SG", "TH");
    web.settle();
    (web, feed)
}

#[test]
fn a_publisher_with_two_histories_is_caught_when_its_readers_meet() {
    for (to_sg, to_th) in [(1, 1), (3, 1), (1, 4), (5, 4)] {
        let (web, feed) = equivocator(to_sg, to_th);
        for name in ["SG", "TH"] {
            let member = &web.members[name];
            assert!(member.forked.contains(&feed), "{name} {to_sg} {to_th}");
            let faults: Vec<_> = member.log.iter().filter(|o| is_fault(o)).collect();
            assert!(faults.is_empty(), "{name} {to_sg} {to_th} {faults:?}");
            let key = web.members["MY"].signing.public_key();
            let proven = member.log.iter().any(|output| match output {
                Output::Learnt(News::Evidence(evidence)) => evidence.is_conclusive("TEST", &key),
                _ => false,
            });
            assert!(proven, "{name} {to_sg} {to_th}");
        }
        assert!(web.is_open("SG", "TH"));
        assert_eq!(
            web.members["SG"].feeds[&feed].tree.size(),
            4 + u64::from(to_sg)
        );
        assert_eq!(
            web.members["TH"].feeds[&feed].tree.size(),
            4 + u64::from(to_th)
        );
    }
}

/// TH asks SG for leaves and bodies of what it holds another history of, before either has seen the
/// other's head: SG is honest, and stays so in TH's eyes.
#[test]
fn who_has_the_other_history_is_not_taken_for_the_liar() {
    let (mut web, feed) = equivocator(5, 1);
    // As if nothing of it were known yet.
    for name in ["SG", "TH"] {
        web.get(name).forked.clear();
    }
    web.part("SG", "TH");
    web.members.values_mut().for_each(|one| one.log.clear());
    let (mut session, _) = {
        let (th, sg) = (&web.members["TH"], &web.members["SG"]);
        Session::begin(th.local(), sg.as_peer(), at(0))
    };
    let (sg, hello) = {
        let sg = &web.members["SG"];
        let (_, outputs) = Session::begin(sg.local(), web.members["TH"].as_peer(), at(0));
        let hello = outputs.into_iter().find_map(|output| match output {
            Output::Do(Task::Send(message)) => Some(message),
            _ => None,
        });
        (sg, hello.unwrap())
    };
    let view = sg.feed(&feed).unwrap();
    let read = |index: u64| {
        let leaf = sg.feeds[&feed].leaves.get(index as usize);
        leaf.map(|leaf| leaf.1.clone())
    };
    let made = leaves_message(feed, &view, 5, &[], read).unwrap();
    let th = &web.members["TH"];
    let mut outputs = session.handle(Input::Frame(&hello.encode()), at(0), th);
    let leaves = Message::Leaves(Box::new(made)).encode();
    outputs.extend(session.handle(Input::Frame(&leaves), at(0), th));
    assert!(
        outputs.contains(&Output::Learnt(News::OtherLeaves(feed))),
        "{outputs:?}"
    );
    assert!(!outputs.iter().any(is_fault));
    let shown = outputs.iter().any(|output| match output {
        Output::Do(Task::Send(Message::Heads(heads))) => !heads.mine.is_empty(),
        _ => false,
    });
    assert!(shown, "so that SG can show what it is");
    assert!(session.is_open());
}

/// What TH makes of a body from SG that is not the one of its leaf, where SG shows a head that TH's own
/// leaves lead to, or none.
fn wrong_body(shows_our_head: bool) -> (Web, FeedId) {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 2);
    web.connect("MY", "SG");
    web.connect("MY", "TH");
    web.settle();
    web.part("MY", "SG");
    web.part("MY", "TH");
    // TH lacks a body, and SG has another one.
    web.get("TH")
        .feeds
        .get_mut(&feed)
        .unwrap()
        .bodies
        .remove(&3);
    let other = web.members["SG"].feeds[&feed].bodies[&2].clone();
    let held = web.get("SG").feeds.get_mut(&feed).unwrap();
    held.bodies.insert(3, other);
    if !shows_our_head {
        // It shows one that goes further than TH's leaves.
        let my = web.get("MY");
        my.add(feed, b"more");
        my.publish(feed);
        let (leaf, checkpoint) = {
            let held = &web.members["MY"].feeds[&feed];
            (
                held.leaves.last().unwrap().0.clone(),
                held.checkpoint.clone(),
            )
        };
        let held = web.get("SG").feeds.get_mut(&feed).unwrap();
        held.append(leaf);
        held.checkpoint = checkpoint;
        // And TH takes no leaves of SG, for it gave others before.
        let sg = "SG".parse().unwrap();
        web.get("TH").sources.other_leaves(&sg, feed);
    }
    web.members.values_mut().for_each(|one| one.log.clear());
    web.connect("SG", "TH");
    web.settle();
    (web, feed)
}

#[test]
fn who_gives_a_wrong_body_is_blamed_where_its_history_is_known_to_be_ours() {
    let (web, _) = wrong_body(true);
    let mismatch = Output::Learnt(News::Fault(Fault::BodyMismatch));
    assert!(web.members["TH"].log.contains(&mismatch));
    let (web, feed) = wrong_body(false);
    assert_eq!(web.said("TH", is_fault), 0);
    let withheld = Output::Learnt(News::Withheld { feed, index: 3 });
    assert!(web.members["TH"].log.contains(&withheld));
    assert!(web.is_open("SG", "TH"));
}

#[test]
fn evidence_that_shows_nothing_is_a_fault() {
    let (web, feed) = equivocator(3, 1);
    let kept = web.members["SG"]
        .log
        .iter()
        .find_map(|output| match output {
            Output::Learnt(News::Evidence(evidence)) => Some((**evidence).clone()),
            _ => None,
        });
    let good = kept.unwrap();
    let key = web.members["MY"].signing.public_key();
    let other = FeedId::from_digest(kentong_keys::Digest::from_bytes([5; 32]));
    let changes: [fn(&mut Evidence, FeedId); 6] = [
        |one, _| one.shown = one.held.clone(),
        |one, _| one.held = one.shown.clone(),
        |one, _| one.link = None,
        |one, other| one.feed = other,
        |one, _| one.publisher = "SG".parse().unwrap(),
        |one, _| one.shown = b"no note".to_vec(),
    ];
    assert!(good.is_conclusive("TEST", &key) && !good.is_conclusive("ELSE", &key));
    for (n, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad, other);
        assert!(!bad.is_conclusive("TEST", &key), "{n}");
        let mut web = Web::of(&["MY", "SG", "TH"]);
        web.publish("MY", &["SG", "TH"], 1);
        web.connect("SG", "TH");
        web.settle();
        let message = bad.message().unwrap().encode();
        web.give("TH", "SG", Input::Frame(&message), 0);
        assert_eq!(web.said("TH", is_evidence), 0);
        let refused = Output::Learnt(News::Fault(Fault::Evidence));
        assert!(web.members["TH"].log.contains(&refused), "{n}");
    }
    let mut web = Web::of(&["MY", "SG", "TH"]);
    assert_eq!(web.publish("MY", &["SG", "TH"], 1), feed);
    web.connect("SG", "TH");
    web.settle();
    web.give(
        "TH",
        "SG",
        Input::Frame(&good.message().unwrap().encode()),
        0,
    );
    assert_eq!(
        (web.said("TH", is_evidence), web.said("TH", is_fault)),
        (1, 0)
    );
}

#[test]
fn a_relay_can_neither_forge_nor_smear() {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 5);
    for (a, b) in [("MY", "SG"), ("MY", "TH"), ("SG", "TH")] {
        web.connect(a, b);
    }
    web.settle();
    // A checkpoint in MY's name by SG's key.
    let held = &web.members["SG"].feeds[&feed];
    let origin = crate::feed::UnverifiedCheckpoint::parse(&held.checkpoint.as_ref().unwrap().1);
    let origin = origin.unwrap().origin().clone();
    let forged = Checkpoint::sign(origin, 99, held.tree.root(), &web.members["SG"].signing);
    let mine = vec![BoundedBytes::new(forged.note().to_vec()).unwrap()];
    let heads = Heads {
        mine: BoundedVec::new(mine).unwrap(),
        yours: BoundedVec::default(),
    };
    web.give("TH", "SG", Input::Frame(&Message::Heads(heads).encode()), 0);
    let error = crate::feed::CheckpointError::Signature;
    let refused = Output::Learnt(News::Fault(Fault::Checkpoint(error)));
    assert!(web.members["TH"].log.contains(&refused));

    // MY's true checkpoint with leaves of SG's own making: SG is at fault, and MY is not.
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 5);
    web.connect("MY", "SG");
    web.settle();
    web.connect("SG", "TH");
    while web.members["TH"]
        .sources
        .of_leaves(&feed, &"MY".parse().unwrap(), 0)
        .is_none()
    {
        let (&(from, to), (_, frames)) = web
            .sessions
            .iter_mut()
            .find(|(_, (_, frames))| !frames.is_empty())
            .unwrap();
        let frame = frames.pop_front().unwrap();
        web.give(to, from, Input::Frame(&frame), 0);
    }
    let sg = &web.members["SG"];
    let read = |index: u64| {
        sg.feeds[&feed]
            .leaves
            .get(index as usize)
            .map(|leaf| leaf.1.clone())
    };
    let mut made = leaves_message(feed, &sg.feed(&feed).unwrap(), 0, &[], read).unwrap();
    let mut leaves = made.leaves.into_vec();
    leaves.swap(3, 4);
    made.leaves = BoundedVec::new(leaves).unwrap();
    let message = Message::Leaves(Box::new(made)).encode();
    web.give("TH", "SG", Input::Frame(&message), 0);
    // For all that TH knows, MY may have two histories, and SG the other one.
    assert!(
        web.members["TH"]
            .log
            .contains(&Output::Learnt(News::OtherLeaves(feed)))
    );
    assert_eq!(web.said("TH", is_fault) + web.said("TH", is_evidence), 0);
    assert!(web.members["TH"].feeds.is_empty());
}

#[test]
fn a_cosignature_is_seen_and_counts_for_who_made_it() {
    let mut web = Web::of(&["MY", "SG", "TH"]);
    let feed = web.publish("MY", &["SG", "TH"], 2);
    for (a, b) in [("MY", "SG"), ("MY", "TH"), ("SG", "TH")] {
        web.connect(a, b);
    }
    web.settle();
    let (size, note) = web.members["SG"].feeds[&feed].checkpoint.clone().unwrap();
    let show = |web: &mut Web, to: &'static str, key: &str| {
        let (name, key) = (
            witness_name(&"SG".parse().unwrap()),
            &web.members[key].signing,
        );
        let note = Checkpoint::cosign(&note, &name, key, at(0).wall).unwrap();
        let mine = BoundedVec::new(vec![BoundedBytes::new(note).unwrap()]).unwrap();
        let heads = Heads {
            mine,
            yours: BoundedVec::default(),
        };
        web.give(to, "SG", Input::Frame(&Message::Heads(heads).encode()), 0);
        let seen = |output: &&Output| matches!(output, Output::Learnt(News::Cosigned { .. }));
        web.members[to].log.iter().filter(seen).count()
    };
    for to in ["MY", "TH"] {
        assert_eq!(show(&mut web, to, "TH"), 0, "by another's key");
        assert_eq!(show(&mut web, to, "SG"), 1);
        let root = web.members["MY"].feeds[&feed].tree.root();
        let time = at(0).wall;
        let cosigned = Output::Learnt(News::Cosigned {
            feed,
            size,
            root,
            time,
        });
        assert!(web.members[to].log.contains(&cosigned));
        assert!(web.is_open("SG", to));
    }
}
