//! Who does not belong is kept out, under its own name, and disturbs nobody.

use kentong_keys::Digest;
use kentong_node::control::reply::{BrokenRule, PeerState};
use kentong_protocol::bounded::{BoundedText, BoundedVec};
use kentong_protocol::feed::{FeedId, leaf_hash};
use kentong_protocol::indicator::Tlp;
use kentong_protocol::wire::{Bye, Message};

use crate::recorder::Recorder;
use crate::support::{Federation, domain, entry};

#[test]
fn a_member_with_a_foreign_charter_is_named_and_the_others_go_on() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.recharter("TH", "ELSEWHERE");
    federation
        .nodes
        .iter_mut()
        .for_each(crate::support::Node::start);
    let my = federation.node("MY");
    my.until("MY names what is wrong", || {
        let peers = my.peers();
        let th = peers.iter().find(|peer| peer.member == "TH").unwrap();
        th.state != PeerState::Connected
            && th
                .faults
                .iter()
                .any(|fault| fault.rule.contains("another federation"))
    });
    let value = domain("goes-on.example");
    my.add(&value, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has it", || sg.has(&value));
    assert!(federation.node("TH").about(&value).is_empty());
}

#[test]
fn who_breaks_a_rule_is_told_so_before_it_is_cut_off() {
    let others = ["ID", "PH", "SG", "TH", "VN"];
    let mut federation = Federation::new(&[&["MY"], &others[..]].concat());
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    for other in others {
        let mut peer = Recorder::start(federation.node(other), my);
        peer.until("it is greeted", |peer| !peer.frames.is_empty());
        peer.say(&Message::WantEpoch {
            feed: FeedId::from_digest(Digest::from_bytes([1; 32])),
            epoch: 1,
        });
        peer.until("it is sent away", |peer| !peer.is_connected());
        let last = Message::decode(peer.frames.last().unwrap()).unwrap();
        assert_eq!(last, Message::Bye(Bye::Fault), "{other}");
        my.until("MY names it", || {
            let peers = my.peers();
            let named = peers.iter().find(|peer| peer.member == other).unwrap();
            let cut_off = named
                .why
                .as_ref()
                .is_some_and(|why| why.contains("cut off"));
            let fault = BrokenRule {
                rule: "asked for a feed that is not for it".to_owned(),
                times: 1,
            };
            cut_off && named.faults == [fault]
        });
    }
}

#[test]
fn who_does_not_read_is_given_up_and_nobody_else() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let mut sg = Recorder::start(federation.node("SG"), my);
    let mut th = Recorder::start(federation.node("TH"), my);
    let long = |i: u32| {
        let value = domain(&format!("long-{i}.example"));
        let mut entry = entry(&value, Tlp::Amber, &["SG"]);
        let noise = |n: u32| leaf_hash(&[i.to_be_bytes(), n.to_be_bytes()].concat()).to_string();
        let mut draft = entry.assertion.into_draft();
        let text: String = (0..15).map(noise).collect();
        draft.description = Some(BoundedText::new(text).unwrap());
        entry.assertion = draft.try_into().unwrap();
        entry
    };
    my.assert((0..400).map(long).collect());
    sg.until("SG has a long body", |sg| {
        sg.frames.iter().any(|frame| frame.len() > 64 * 1024)
    });
    let long = sg.frames.iter().rfind(|frame| frame.len() > 64 * 1024);
    let Message::Body { feed, index, .. } = Message::decode(long.unwrap()).unwrap() else {
        panic!("only bodies are that long");
    };
    // From here on nothing is read at SG.
    for _ in 0..1000 {
        let indexes = BoundedVec::new(vec![index]).unwrap();
        sg.say(&Message::WantBodies { feed, indexes });
    }
    my.until("MY says why", || {
        my.log_text().contains("it does not read what it is sent")
    });
    my.add(&domain("goes-on.example"), Tlp::Green, &[]);
    th.until("TH is served", |th| {
        th.bodies.values().any(|b| !b.is_empty())
    });
}
