//! A member is removed: the feeds that it read are closed and followed, what they carried can still
//! be corrected, and nothing of it all reaches the one who was removed.

use kentong_node::control::reply::Feed;
use kentong_protocol::indicator::{Tlp, Value};

use crate::papers::{file, sign_what_waits, text, version, with_root};
use crate::support::{Federation, Node, domain, entry};

/// The feeds that `publisher` publishes to more than itself, as `node` holds them.
fn shared(node: &Node, publisher: &str) -> Vec<Feed> {
    let mut feeds = node.feeds();
    feeds.retain(|feed| feed.publisher == publisher && feed.audience.len() > 1);
    feeds
}

fn audience(feed: &Feed) -> String {
    feed.audience.join(" ")
}

/// Removes TH by the votes of the other three, who all run.
fn remove_th(federation: &Federation) {
    let [my, sg, vn] = ["MY", "SG", "VN"].map(|name| federation.node(name));
    let draft = file(federation, "draft");
    my.run(&["charter", "draft", "--remove", "TH", "-o", &draft]);
    with_root(
        my,
        &["charter", "sign", &draft, "-o", &file(federation, "x")],
    );
    sign_what_waits(federation, sg, "It removes TH.");
    sign_what_waits(federation, vn, "signed by MY, SG");
    for node in [my, sg, vn] {
        node.until("TH is removed", || version(node) == 2);
    }
}

#[test]
fn feeds_with_a_removed_member_are_closed_and_followed() {
    let mut federation = Federation::running(&["MY", "SG", "TH", "VN"]);
    let [my, sg, th, vn] = ["MY", "SG", "TH", "VN"].map(|name| federation.node(name));
    let (kept, wrong, to_th) = (
        domain("kept.example"),
        domain("wrong.example"),
        domain("to-th.example"),
    );
    let beside = domain("beside.example");
    // In one batch, so that erasing one says the others again, but not what was corrected since.
    let all = [&kept, &beside, &wrong].map(|value| entry(value, Tlp::Green, &[]));
    my.assert(all.to_vec());
    my.add(&to_th, Tlp::Amber, &["TH"]);
    for node in [sg, th, vn] {
        node.until("both arrived", || node.has(&kept) && node.has(&wrong));
    }
    th.until("its own arrived", || th.has(&to_th));
    remove_th(&federation);

    my.until("what TH read is closed", || {
        let feeds = shared(my, "MY");
        feeds.len() == 3 && feeds.iter().filter(|feed| feed.closed).count() == 2
    });
    let feeds = shared(my, "MY");
    let open: Vec<_> = feeds.iter().filter(|feed| !feed.closed).collect();
    assert_eq!(audience(open[0]), "MY SG VN");
    for node in [sg, vn] {
        node.until("readers see it closed and followed", || {
            let feeds = shared(node, "MY");
            feeds.len() == 2 && feeds.iter().filter(|feed| feed.closed).count() == 1
        });
        assert!(node.has(&kept), "what was released stays");
    }
    // A correction goes to the feed that follows. That of what TH alone had goes nowhere.
    my.withdraw(&wrong);
    my.withdraw(&to_th);
    for node in [sg, vn] {
        node.until("it is withdrawn", || !node.has(&wrong));
    }
    let receipts = |word: &str| {
        let receipts = my.run(&["receipts", "domain", "wrong.example"]);
        text(&receipts.stdout).matches(word).count()
    };
    my.until("both confirm it", || receipts("in force") == 2);
    assert_eq!(receipts("no member any more"), 1);
    assert!(th.has(&wrong) && th.has(&to_th), "TH hears of nothing");
    assert_eq!(shared(th, "MY").len(), 2);
    assert_eq!(th.feeds().iter().filter(|feed| feed.closed).count(), 0);

    erase_from_closed_feeds(&federation, &kept);
    // It stays so: nothing is published again by a start, and nothing is opened again.
    let leaves = |node: &Node| {
        shared(node, "MY")
            .iter()
            .map(|feed| feed.leaves)
            .sum::<u64>()
    };
    let before = leaves(my);
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    my.until("it looked through all", || {
        my.status().connected.members == 2 && my.status().to_release == 0
    });
    let after = domain("after.example");
    my.add(&after, Tlp::Green, &[]);
    sg.until("the follower goes on", || sg.has(&after));
    assert_eq!(shared(my, "MY").len(), 3);
    assert_eq!(leaves(my), before + 2, "an epoch and a batch");
}

/// A closed feed takes no more statements, but what it carried can be erased.
fn erase_from_closed_feeds(federation: &Federation, value: &Value) {
    let [my, sg, vn] = ["MY", "SG", "VN"].map(|name| federation.node(name));
    let beside = domain("beside.example");
    my.run(&[
        "erase",
        "domain",
        value.as_str(),
        "--reason",
        "mistake",
        "--yes",
    ]);
    let done = || {
        let receipts = text(&my.run(&["receipts", "domain", value.as_str()]).stdout);
        let twice = |line: &&str| line.matches("erased").count() == 2;
        receipts.lines().filter(twice).count()
    };
    for node in [sg, vn] {
        node.until("it is gone", || node.about(value).is_empty());
        let closed = shared(node, "MY").into_iter().find(|feed| feed.closed);
        assert!(closed.unwrap().erased > 0, "the bodies are overwritten");
    }
    my.until("both readers confirm it", || done() == 2);
    for node in [my, sg, vn] {
        assert!(node.has(&beside), "what lay beside it is said again");
    }
}

#[test]
fn who_was_away_gets_a_closed_feed_and_its_follower_from_another_reader() {
    let mut federation = Federation::running(&["MY", "SG", "TH", "VN"]);
    let first = domain("first.example");
    federation.node("MY").add(&first, Tlp::Green, &[]);
    for name in ["SG", "TH", "VN"] {
        let node = federation.node(name);
        node.until("it arrived", || node.has(&first));
    }
    remove_th(&federation);
    federation.node_mut("VN").stop();
    let second = domain("second.example");
    federation.node("MY").withdraw(&first);
    federation.node("MY").add(&second, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has both", || sg.has(&second) && !sg.has(&first));
    federation.node_mut("MY").stop();
    federation.node_mut("VN").start();
    let vn = federation.node("VN");
    vn.until("VN has both too", || vn.has(&second) && !vn.has(&first));
    let closed = shared(vn, "MY").iter().filter(|feed| feed.closed).count();
    assert_eq!(closed, 1);
}

#[test]
fn who_is_suspended_is_sent_nothing_and_told_no_end() {
    let federation = Federation::running(&["MY", "SG", "TH", "VN"]);
    let [my, sg, th, vn] = ["MY", "SG", "TH", "VN"].map(|name| federation.node(name));
    let value = domain("revised.example");
    my.add(&value, Tlp::Green, &[]);
    for node in [sg, th, vn] {
        node.until("it arrived", || node.has(&value));
    }
    with_root(
        my,
        &["charter", "suspend", "TH", "-o", &file(&federation, "x")],
    );
    sign_what_waits(&federation, sg, "TH is suspended");
    my.until("TH is let go", || my.status().connected == (2, 2).into());
    // A new revision: the two others get it in a feed of their own, and TH is not told `ceased`.
    my.run(&[
        "add",
        "domain",
        value.as_str(),
        "--tlp",
        "green",
        "--scheme",
        "phishing",
        "--confidence",
        "99",
    ]);
    let revised = |node: &Node| node.about(&value).iter().any(|row| row.revision > 1);
    vn.until("VN has the revision", || revised(vn));
    my.until("all is looked through", || my.status().to_release == 0);
    let feeds = shared(my, "MY");
    let audiences: Vec<_> = feeds.iter().map(audience).collect();
    assert_eq!(audiences.len(), 2, "{audiences:?}");
    assert!(audiences.contains(&"MY SG VN".to_owned()), "{audiences:?}");
    assert!(feeds.iter().all(|feed| !feed.closed));
}
