//! Indicators go to whom policy releases them, and to nobody else.

use kentong_node::control::reply::{Release, State};
use kentong_protocol::indicator::{Kind, Tlp};

use crate::support::{Federation, domain, entry, value};

#[test]
fn each_marking_reaches_whom_it_may() {
    let federation = Federation::running(&["MY", "SG", "TH"]);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    let clear = domain("clear.example");
    let green = value(Kind::Phone, "+60 12-345 6789");
    let amber = domain("amber.example");
    let red = domain("red.example");
    my.add(&clear, Tlp::Clear, &[]);
    my.add(&green, Tlp::Green, &[]);
    my.add(&amber, Tlp::Amber, &["SG", "TH"]);
    my.add(&red, Tlp::AmberStrict, &["SG"]);
    for shared in [&clear, &green, &amber] {
        sg.until("SG has it", || sg.has(shared));
        th.until("TH has it", || th.has(shared));
    }
    sg.until("SG has what names it", || sg.has(&red));
    assert!(th.about(&red).is_empty());
    let verdicts = my.explain(&red);
    let of = |member: &str| verdicts.iter().find(|v| v.member == member).unwrap();
    assert_eq!(of("SG").outcome, Release::Released);
    assert_eq!(of("TH").outcome, Release::NotReleased);
    assert!(
        of("TH").because.contains("AMBER+STRICT"),
        "{}",
        of("TH").because
    );
}

#[test]
fn a_withdrawal_reaches_who_was_away() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let (stays, goes) = (domain("stays.example"), domain("goes.example"));
    federation.node("MY").add(&stays, Tlp::Green, &[]);
    federation.node("MY").add(&goes, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has both", || sg.has(&stays) && sg.has(&goes));
    federation.node_mut("SG").kill();
    federation.node("MY").withdraw(&goes);
    federation.node_mut("SG").start();
    let sg = federation.node("SG");
    sg.until("the withdrawal is in force", || !sg.has(&goes));
    assert_eq!(sg.about(&goes)[0].state, State::Withdrawn);
    assert!(sg.has(&stays));
}

#[test]
fn the_same_again_changes_nothing_on_disk_or_wire() {
    let federation = Federation::running(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let entries: Vec<_> = (0..500)
        .map(|i| entry(&domain(&format!("host-{i}.example")), Tlp::Green, &[]))
        .collect();
    my.assert(entries.clone());
    sg.until("SG has all", || sg.count("MY", None) == 500);
    let (feeds, log) = (my.feeds(), my.status().log_bytes);
    let done = my.assert(entries);
    let known = kentong_node::control::reply::Outcome::Known;
    assert!(done.outcomes.iter().all(|outcome| *outcome == known));
    assert_eq!(my.status().log_bytes, log);
    let leaves = |feeds: &[kentong_node::control::reply::Feed]| -> Vec<u64> {
        feeds.iter().map(|feed| feed.leaves).collect()
    };
    assert_eq!(leaves(&my.feeds()), leaves(&feeds));
}

#[test]
fn the_end_of_what_is_for_named_persons_is_for_them_too() {
    let federation = Federation::running(&["MY", "SG"]);
    let secret = domain("red-and-over.example");
    federation.node("MY").add(&secret, Tlp::Red, &["SG"]);
    let sg = federation.node("SG");
    sg.until("SG holds it", || {
        sg.feeds().iter().any(|feed| feed.statements == 1)
    });
    federation.node("MY").withdraw(&secret);
    sg.until("SG holds the end", || {
        sg.feeds().iter().any(|feed| feed.statements == 2)
    });
    assert!(
        sg.about(&secret).is_empty(),
        "nobody is named as a reader of RED here"
    );
}
