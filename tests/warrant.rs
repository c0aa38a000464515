//! Keys that were stolen or lost: the root key names others, and what the old ones signed beyond what
//! their owner vouches for is rolled back everywhere.

use std::fs;

use kentong_node::control::reply::State;
use kentong_node::log::RecordKind;
use kentong_protocol::Digest;
use kentong_protocol::feed::{FeedId, Leaf};
use kentong_protocol::indicator::{Tlp, Value};

use crate::rollback::copy;
use crate::support::{Federation, Node, domain, records};

/// A copy of MY's home in the wrong hands, with a port of its own.
fn thief(federation: &Federation) -> Node {
    let my = federation.node("MY");
    let home = my.home.with_file_name("MY.thief");
    copy(&my.home, &home);
    let config = fs::read_to_string(home.join("config.toml")).unwrap();
    let listens = |line: &str| line.starts_with("listen");
    let elsewhere = "listen = [\"/ip4/127.0.0.1/udp/0/quic-v1\"]";
    let lines = config.lines();
    let lines: Vec<_> = lines
        .map(|line| if listens(line) { elsewhere } else { line })
        .collect();
    assert!(lines.contains(&elsewhere), "{config}");
    fs::write(home.join("config.toml"), lines.join("\n")).unwrap();
    Node::found("MY", &home, &my.passphrase)
}

/// Replaces the keys of a stopped member; answers where its new card is.
fn replace_keys(federation: &Federation, member: &str, draft: &[&str]) -> String {
    let my = federation.node(member);
    let path = |what: &str| {
        let name = format!("{member}.{what}");
        my.home.with_file_name(name).to_str().unwrap().to_owned()
    };
    let (drafted, signed, card) = (path("draft"), path("warrant"), path("card.new"));
    let root = my.home.join("root.key").to_str().unwrap().to_owned();
    let secret = my.passphrase.to_str().unwrap();
    let with = ["--passphrase-file", secret];
    my.run(&[&["warrant", "draft", "-o", &drafted], draft, &with].concat());
    let sign = [
        "warrant",
        "sign",
        &drafted,
        "--root-key",
        &root,
        "-o",
        &signed,
    ];
    my.run(&[&sign[..], &with].concat());
    my.run(&[&["warrant", "install", &signed, "-o", &card], &with[..]].concat());
    card
}

fn feeds_of_my(node: &Node) -> Vec<String> {
    let feeds = node.feeds().into_iter();
    let mut feeds: Vec<_> = feeds
        .filter(|feed| feed.publisher == "MY" && !feed.void)
        .map(|feed| feed.id)
        .collect();
    feeds.sort_unstable();
    feeds
}

fn nobody_is_blamed(nodes: &[&Node]) {
    for node in nodes {
        assert!(!node.home.join("evidence").exists(), "{}", node.member);
        let faults: Vec<_> = node
            .peers()
            .into_iter()
            .flat_map(|peer| peer.faults)
            .collect();
        assert!(faults.is_empty(), "{}: {faults:?}", node.member);
    }
}

/// What MY said to all, and to SG; and what a thief says in its name to all, and to TH.
fn theirs() -> [Value; 4] {
    ["before", "aside", "forged", "planted"].map(|name| domain(&format!("{name}.example")))
}

/// MY, SG and TH, of whom MY and TH are stopped, after a thief has signed in MY's name; and the thief.
fn robbed() -> (Federation, Node) {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let [before, aside, forged, planted] = theirs();
    let my = federation.node("MY");
    my.add(&before, Tlp::Green, &[]);
    my.add(&aside, Tlp::Amber, &["SG"]);
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("it arrived", || node.has(&before));
    }
    let sg = federation.node("SG");
    sg.until("what is for SG alone arrived", || sg.has(&aside));
    federation.node_mut("MY").stop();

    let mut thief = thief(&federation);
    thief.start();
    thief.add(&forged, Tlp::Green, &[]);
    thief.add(&planted, Tlp::Amber, &["TH"]);
    thief.withdraw(&before);
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("the forgery is believed", || {
            node.has(&forged) && !node.has(&before)
        });
    }
    let th = federation.node("TH");
    th.until("what was planted is believed", || th.has(&planted));
    thief.stop();
    federation.node_mut("TH").stop();
    (federation, thief)
}

#[test]
fn what_a_thief_signed_is_taken_back_and_the_feeds_go_on() {
    let (mut federation, mut thief) = robbed();
    let [before, aside, forged, planted] = theirs();
    let feeds = feeds_of_my(federation.node("SG"));
    let card = replace_keys(&federation, "MY", &[]);
    let sg = federation.node("SG");
    sg.run(&["peers", "add", &card]);
    sg.until("SG has rolled it back", || {
        sg.has(&before) && !sg.has(&forged)
    });
    assert!(
        sg.warnings().contains("MY replaced its keys"),
        "{}",
        sg.warnings()
    );
    federation.node_mut("MY").start();
    let after = domain("after.example");
    federation.node("MY").add(&after, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("MY goes on", || sg.has(&after) && sg.has(&aside));
    assert_eq!(feeds_of_my(sg), feeds, "in the same feeds");

    // Who was away hears it from SG alone, and has from there what MY signed since.
    federation.node_mut("MY").stop();
    federation.node_mut("TH").start();
    let th = federation.node("TH");
    th.until("TH has rolled it back", || {
        th.has(&after) && th.has(&before) && !th.has(&forged) && !th.has(&planted)
    });
    assert!(
        th.warnings().contains("count for nothing"),
        "{}",
        th.warnings()
    );
    federation.node_mut("MY").start();
    federation.connected();

    // The old keys no longer open anything.
    thief.start();
    thief.add(&domain("again.example"), Tlp::Green, &[]);
    federation
        .node("MY")
        .add(&domain("later.example"), Tlp::Green, &[]);
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("MY goes on", || node.has(&domain("later.example")));
        assert!(!node.has(&domain("again.example")));
    }
    assert_eq!(thief.status().connected.members, 0);
    thief.stop();

    // And it stays so, whatever the derived state was built from.
    for name in ["SG", "TH"] {
        federation.node_mut(name).stop();
        if name == "SG" {
            fs::remove_dir_all(federation.node(name).home.join("sled")).unwrap();
        }
        federation.node_mut(name).start();
    }
    federation.connected();
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    for node in [sg, th] {
        assert!(node.has(&before) && node.has(&after));
        assert!(!node.has(&forged) && !node.has(&planted));
    }
    nobody_is_blamed(&[my, sg, th]);
}

#[test]
fn two_histories_under_stolen_keys_end_with_a_new_warrant() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let [before, true_one, forged] =
        ["before", "true", "forged"].map(|name| domain(&format!("{name}.example")));
    federation.node("MY").add(&before, Tlp::Green, &[]);
    let has = |federation: &Federation, name: &str, value: &Value| {
        let node = federation.node(name);
        node.until("it arrived", || node.has(value));
    };
    has(&federation, "SG", &before);
    has(&federation, "TH", &before);
    federation.node_mut("SG").stop();
    federation.node_mut("MY").stop();
    let mut thief = thief(&federation);
    federation.node_mut("MY").start();
    federation.node("MY").add(&true_one, Tlp::Green, &[]);
    has(&federation, "TH", &true_one);
    federation.node_mut("MY").stop();
    federation.node_mut("TH").stop();
    federation.node_mut("SG").start();
    thief.start();
    thief.add(&forged, Tlp::Green, &[]);
    has(&federation, "SG", &forged);
    thief.stop();
    federation.node_mut("TH").start();
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("the two histories are seen", || {
            node.warnings().contains("two histories")
        });
    }

    let card = replace_keys(&federation, "MY", &[]);
    federation.node("TH").run(&["peers", "add", &card]);
    federation.node_mut("MY").start();
    federation.connected();
    let after = domain("after.example");
    federation.node("MY").add(&after, Tlp::Green, &[]);
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("all use the history that the root key names", || {
            node.has(&after) && node.has(&true_one) && node.has(&before) && !node.has(&forged)
        });
    }
}

/// A command of MY's operator that must fail, and say why.
fn refused(federation: &Federation, arguments: &[&str], says: &str) {
    let my = federation.node("MY");
    let secret = my.passphrase.to_str().unwrap();
    let output = my.command(&[arguments, &["--passphrase-file", secret]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(says), "{said}");
}

#[test]
fn keys_are_replaced_while_the_node_is_stopped_and_knows_what_it_signed() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let value = domain("one.example");
    federation.node("MY").add(&value, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it arrived", || sg.has(&value));
    let path = |name: &str| {
        let home = &federation.node("MY").home;
        home.with_file_name(name).to_str().unwrap().to_owned()
    };
    let (draft, signed) = (path("MY.draft"), path("MY.warrant"));
    let secret = federation
        .node("MY")
        .passphrase
        .to_str()
        .unwrap()
        .to_owned();
    let root = federation.node("MY").home.join("root.key");
    let root = root.to_str().unwrap().to_owned();
    let install = ["warrant", "install", &signed];
    let sign = [
        "warrant",
        "sign",
        &draft,
        "--root-key",
        &root,
        "-o",
        &signed,
    ];
    let sign = [&sign[..], &["--passphrase-file", &secret]].concat();
    let make = ["warrant", "draft", "-o", &draft];
    refused(&federation, &make, "stop it first");

    // A node that ran since the draft has signed more, and its drafted keys are gone.
    federation.node_mut("MY").stop();
    federation
        .node("MY")
        .run(&[&make[..], &["--passphrase-file", &secret]].concat());
    federation.node("MY").run(&sign);
    federation.node_mut("MY").start();
    federation
        .node("MY")
        .add(&domain("two.example"), Tlp::Green, &[]);
    refused(&federation, &install, "stop it first");
    federation.node_mut("MY").stop();
    refused(&federation, &install, "draft another");
    refused(
        &federation,
        &["warrant", "install", &draft],
        "kentong warrant sign",
    );
    refused(
        &federation,
        &["warrant", "draft", "--serial", "1", "-o", &draft],
        "draft another",
    );

    // What is lost here would be void at the readers.
    let state = federation.node("MY").home.join("signer.state");
    let aside = state.with_extension("aside");
    fs::rename(&state, &aside).unwrap();
    refused(&federation, &make, "does not know what it signed last");
    fs::rename(&aside, &state).unwrap();
    let card = replace_keys(&federation, "MY", &["--serial", "7"]);
    refused(
        &federation,
        &["warrant", "draft", "--serial", "7", "-o", &draft],
        "draft another",
    );
    let sg = federation.node("SG");
    sg.run(&["peers", "add", &card]);
    federation.node_mut("MY").start();
    federation.connected();
    let three = domain("three.example");
    federation.node("MY").add(&three, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("all of it arrived", || {
        sg.has(&three) && sg.has(&value) && sg.has(&domain("two.example"))
    });
    assert!(
        !sg.warnings().contains("replaced its keys"),
        "{}",
        sg.warnings()
    );
    nobody_is_blamed(&[federation.node("MY"), sg]);
}

/// MY's home is gone. All that is left is the root key, and what the others hold. Makes a new home, and
/// answers the files that say what SG and TH hold.
fn lose_home(federation: &Federation) -> [String; 2] {
    let home = federation.node("MY").home.clone();
    let path = |name: &str| home.with_file_name(name).to_str().unwrap().to_owned();
    let (root, charter) = (path("MY.root"), path("all.txt"));
    fs::copy(home.join("root.key"), &root).unwrap();
    let config = fs::read_to_string(home.join("config.toml")).unwrap();
    let listen = config
        .split('"')
        .find(|part| part.starts_with("/ip4/"))
        .unwrap();
    fs::remove_dir_all(&home).unwrap();
    let mut files = Vec::new();
    for name in ["SG", "TH"] {
        let (heads, card) = (
            path(&format!("{name}.heads")),
            path(&format!("{name}.card")),
        );
        let node = federation.node(name);
        node.run(&["peers", "heads", "MY", "-o", &heads]);
        fs::write(&card, node.run(&["card"]).stdout).unwrap();
        files.extend([heads, card]);
    }
    let [heads_sg, card_sg, heads_th, card_th] = &files[..] else {
        panic!("{files:?}");
    };
    federation
        .node("SG")
        .run(&["charter", "history", "-o", &charter]);
    let my = federation.node("MY");
    let secret = my.passphrase.to_str().unwrap();
    let init = ["init", "--member", "MY", "--name", "MY", "--listen", listen];
    my.run(
        &[
            &init[..],
            &["--address", listen, "--passphrase-file", secret],
        ]
        .concat(),
    );
    let refused = my.command(&["charter", "install", &charter]);
    assert!(
        !refused.status.success(),
        "the root key that init made is not MY's"
    );
    my.run(&["charter", "install", "--lost-home", &charter]);
    my.run(&["peers", "add", card_sg, card_th]);
    fs::copy(&root, home.join("root.key")).unwrap();
    [heads_sg.clone(), heads_th.clone()]
}

#[test]
fn a_lost_home_is_regained_from_the_heads_that_its_readers_hold() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let [all, aside, withdrawn] =
        ["all", "aside", "withdrawn"].map(|name| domain(&format!("{name}.example")));
    let my = federation.node("MY");
    my.add(&all, Tlp::Green, &[]);
    my.add(&withdrawn, Tlp::Green, &[]);
    my.add(&aside, Tlp::Amber, &["SG"]);
    my.withdraw(&withdrawn);
    let [sg, th] = ["SG", "TH"].map(|name| federation.node(name));
    sg.until("it arrived", || {
        sg.has(&all) && sg.has(&aside) && !sg.has(&withdrawn)
    });
    th.until("it arrived", || th.has(&all) && !th.has(&withdrawn));
    let feeds = (feeds_of_my(sg), feeds_of_my(th));
    federation.node_mut("MY").kill();

    let [heads_sg, heads_th] = lose_home(&federation);
    let home = federation.node("MY").home.clone();
    let card = replace_keys(
        &federation,
        "MY",
        &["--heads", &heads_sg, "--heads", &heads_th],
    );
    federation.node("TH").run(&["peers", "add", &card]);
    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    my.until("it is back", || {
        my.has(&all) && my.has(&aside) && !home.join("recovering").exists()
    });
    assert_eq!(my.about(&withdrawn)[0].state, State::Withdrawn);
    // It can say what becomes of it, in the same feeds.
    my.withdraw(&all);
    let after = domain("after.example");
    my.add(&after, Tlp::Green, &[]);
    let [sg, th] = ["SG", "TH"].map(|name| federation.node(name));
    for node in [sg, th] {
        node.until("MY goes on", || node.has(&after) && !node.has(&all));
    }
    assert!(sg.has(&aside));
    assert_eq!((feeds_of_my(sg), feeds_of_my(th)), feeds);
    nobody_is_blamed(&[my, sg, th]);
}

#[test]
fn who_has_new_keys_is_sealed_to_under_them_at_once() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let [before, after] = ["before", "after"].map(|name| domain(&format!("{name}.example")));
    federation.node("MY").add(&before, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it arrived", || sg.has(&before));
    let feeds = feeds_of_my(sg);
    federation.node_mut("SG").stop();
    let card = replace_keys(&federation, "SG", &[]);
    federation.node("TH").run(&["peers", "add", &card]);
    federation.node_mut("SG").start();
    federation.connected();
    // MY has run all the while: its epoch of before may be open to anyone who has SG's old keys.
    federation.node("MY").add(&after, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it arrived", || sg.has(&after) && sg.has(&before));
    assert_eq!(feeds_of_my(sg), feeds);
    federation.node_mut("MY").stop();
    let feed = FeedId::from_digest(Digest::from_hex(&feeds[0]).unwrap());
    let leaves = records(federation.node("MY"), RecordKind::Leaf, feed);
    let leaves = leaves.iter().map(|bytes| Leaf::decode(bytes).unwrap());
    let epochs = leaves.filter(|leaf| matches!(leaf, Leaf::Epoch(_)));
    assert_eq!(epochs.count(), 2);
    nobody_is_blamed(&[federation.node("SG"), federation.node("TH")]);
}
