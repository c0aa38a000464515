//! A federation that agrees by its nodes alone: votes, notices, versions and cards travel, and
//! nobody hands a file to anybody but the newcomer.

use std::fs;

use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain};

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn file(federation: &Federation, name: &str) -> String {
    let path = federation.file(name, "");
    path.to_str().unwrap().to_owned()
}

/// Runs a command that takes the root key of the node's member.
pub(crate) fn with_root(node: &Node, arguments: &[&str]) {
    let root = node.home.join("root.key");
    let root = ["--root-key", root.to_str().unwrap()];
    let secret = ["--passphrase-file", node.passphrase.to_str().unwrap()];
    node.run(&[arguments, &root, &secret].concat());
}

/// What waits for signatures at a node.
fn waiting(node: &Node) -> String {
    text(&node.command(&["charter", "votes"]).stdout)
}

/// Signs what waits at the node, which holds `word`.
pub(crate) fn sign_what_waits(federation: &Federation, node: &Node, word: &str) {
    node.until("there is something to sign", || {
        waiting(node).contains(word)
    });
    let shown = waiting(node);
    let hash = shown.split_whitespace().next().unwrap();
    let (draft, signed) = (
        file(federation, &format!("{}.draft", node.member)),
        file(federation, &format!("{}.signed", node.member)),
    );
    node.run(&["charter", "votes", &hash[..8], "-o", &draft]);
    with_root(node, &["charter", "sign", &draft, "-o", &signed]);
}

pub(crate) fn version(node: &Node) -> u32 {
    node.status().charter_version.unwrap()
}

#[test]
fn a_newcomer_is_admitted_by_votes_that_travel() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    federation.newcomer("VN");
    let [my, sg, th, vn] = ["MY", "SG", "TH", "VN"].map(|name| federation.node(name));
    let before = domain("before-vn.example");
    my.add(&before, Tlp::Green, &[]);
    let card = file(&federation, "VN.card");
    fs::write(&card, vn.run(&["card"]).stdout).unwrap();
    let draft = file(&federation, "draft");
    my.run(&["charter", "draft", "--admit", &card, "-o", &draft]);
    with_root(
        my,
        &["charter", "sign", &draft, "-o", &file(&federation, "x")],
    );
    sg.until("SG is told", || sg.warnings().contains("and MY signed it"));
    sign_what_waits(&federation, sg, "It admits VN.");
    assert_eq!(version(my), 1, "two of four are too few");
    sign_what_waits(&federation, th, "signed by MY, SG");
    for node in [my, sg, th] {
        node.until("the version is in force", || version(node) == 2);
        assert_eq!(waiting(node), "Nothing waits for signatures.\n");
    }
    // MY's node kept the newcomer's card and passes it on; the newcomer is handed charter and cards.
    let all = file(&federation, "all");
    sg.run(&["charter", "history", "-o", &all]);
    vn.run(&["charter", "install", &all]);
    federation.node_mut("VN").start();
    federation.connected();
    let vn = federation.node("VN");
    vn.until("history came too", || vn.has(&before));
}

#[test]
fn who_was_away_learns_of_every_version_from_any_other() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    federation.node_mut("TH").stop();
    for round in 0..3 {
        let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
        let draft = file(&federation, "draft");
        let name = format!("MY=Number {round}");
        my.run(&["charter", "draft", "--rename", &name, "-o", &draft]);
        with_root(
            my,
            &["charter", "sign", &draft, "-o", &file(&federation, "x")],
        );
        sign_what_waits(&federation, sg, &format!("Number {round}"));
        my.until("it is in force", || version(my) == round + 2);
    }
    federation.node_mut("MY").stop();
    federation.node_mut("TH").start();
    let [sg, th] = ["SG", "TH"].map(|name| federation.node(name));
    th.until("TH has walked them", || version(th) == 4);
    assert_eq!(version(sg), 4);
}

#[test]
fn a_suspension_and_a_leave_travel() {
    let federation = Federation::running(&["MY", "SG", "TH", "VN"]);
    let [my, sg, th, vn] = ["MY", "SG", "TH", "VN"].map(|name| federation.node(name));
    with_root(
        my,
        &["charter", "suspend", "TH", "-o", &file(&federation, "x")],
    );
    vn.until("VN is told", || {
        vn.warnings().contains("MY would suspend TH")
    });
    assert_eq!(my.status().connected.members, 3, "one is too few");
    sign_what_waits(&federation, sg, "TH is suspended");
    for node in [my, sg, vn] {
        node.until("TH is let go", || node.status().connected == (2, 2).into());
    }
    let without = domain("without-th.example");
    my.add(&without, Tlp::Green, &[]);
    vn.until("VN has it", || vn.has(&without));
    assert!(!th.has(&without));

    with_root(vn, &["charter", "leave", "-o", &file(&federation, "y")]);
    for node in [my, sg] {
        node.until("VN is let go", || node.status().connected == (1, 1).into());
    }
    vn.until("VN speaks to nobody", || vn.status().connected.members == 0);
    let after = domain("after-vn.example");
    my.add(&after, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&after));
    assert!(!vn.has(&after) && !th.has(&after));
}
