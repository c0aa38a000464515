//! The life of a federation after its first charter, by the commands that operators give: members
//! come, change, are suspended, leave and are removed, and one of them votes twice.

use std::fs;
use std::process::Output;

use kentong_protocol::charter::DoubleVote;
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain};

/// A file beside the homes.
fn path(federation: &Federation, name: &str) -> String {
    let home = &federation.nodes[0].home;
    let folder = home.parent().unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

fn root_of(node: &Node) -> [String; 4] {
    let root = node.home.join("root.key").to_str().unwrap().to_owned();
    let secret = node.passphrase.to_str().unwrap().to_owned();
    [
        "--root-key".into(),
        root,
        "--passphrase-file".into(),
        secret,
    ]
}

/// A command that takes the root key of the node's member.
fn with_root(node: &Node, arguments: &[&str]) -> Output {
    let root = root_of(node);
    let root: Vec<&str> = root.iter().map(String::as_str).collect();
    node.command(&[arguments, &root].concat())
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

fn check(output: &Output, says: &str) {
    let said = said(output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(says), "{said}");
}

fn refused(output: &Output, says: &str) {
    let said = said(output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(says), "{said}");
}

/// Has these members sign copies of a draft, and joins them.
fn sign(federation: &Federation, draft: &str, members: &[&str]) -> String {
    let copies: Vec<String> = members
        .iter()
        .map(|member| {
            let copy = path(federation, &format!("{member}.signed"));
            let output = with_root(
                federation.node(member),
                &["charter", "sign", draft, "-o", &copy],
            );
            check(&output, "");
            copy
        })
        .collect();
    let joined = path(federation, "joined");
    let copies: Vec<&str> = copies.iter().map(String::as_str).collect();
    let merge = [&["charter", "merge", "-o", &joined], copies.as_slice()].concat();
    federation.node(members[0]).run(&merge);
    joined
}

fn show(node: &Node) -> String {
    said(&node.run(&["charter", "show"]))
}

#[test]
fn members_come_and_go() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.newcomer("VN");
    admit(&federation);
    amend(&federation);
    suspend(&federation);
    leave(&federation);
    let history = said(&federation.node("MY").run(&["charter", "history"]));
    for change in [
        "admits VN",
        "admissions stop: 2040-01-01T00:00:00Z instead of never",
        "removes VN",
    ] {
        assert!(history.contains(change), "{history}");
    }
}

fn four(federation: &Federation) -> [&Node; 4] {
    ["MY", "SG", "TH", "VN"].map(|name| federation.node(name))
}

/// Two of the three have to agree, and three of the four by the version itself.
fn admit(federation: &Federation) {
    let [my, sg, th, vn] = four(federation);
    let file = |name: &str| path(federation, name);
    let card = file("VN.card");
    fs::write(&card, vn.run(&["card"]).stdout).unwrap();

    let draft = file("two.draft");
    check(
        &my.command(&["charter", "draft", "--admit", &card, "-o", &draft]),
        "It admits VN.",
    );
    let short = sign(federation, &draft, &["MY", "SG"]);
    refused(
        &my.command(&["charter", "install", &short]),
        "to admit takes 3 members by version 2, and 2 signed",
    );
    let two = sign(federation, &draft, &["SG", "MY", "TH"]);
    check(&sg.command(&["charter", "diff", &two]), ": enough.");
    for node in [my, sg, th] {
        check(
            &node.command(&["charter", "install", &two]),
            "version 2, with 4 members",
        );
    }
    refused(
        &vn.command(&["charter", "install", &two]),
        "kentong charter history -o FILE",
    );
    let all = file("all");
    my.run(&["charter", "history", "-o", &all]);
    check(&vn.command(&["charter", "install", &all]), "with 4 members");
    refused(
        &my.command(&["charter", "draft", "--admit", &card]),
        "VN is a member already",
    );
}

/// Nobody signs two documents of one round unseen, and a later round goes on.
fn amend(federation: &Federation) {
    let [my, sg, th, vn] = four(federation);
    let file = |name: &str| path(federation, name);
    let all = file("all");
    let (one, other) = (file("three.one"), file("three.other"));
    my.run(&["charter", "draft", "--expires", "2040-01-01", "-o", &one]);
    my.run(&["charter", "draft", "--rename", "VN=Viet Nam", "-o", &other]);
    sign(federation, &one, &["MY", "SG"]);
    refused(
        &with_root(sg, &["charter", "sign", &other]),
        "SG signed another charter of version 3 in round 1",
    );
    // The home of TH does not know what SG signed elsewhere, until it sees both.
    let elsewhere = file("elsewhere");
    let again = with_root(
        sg,
        &[
            "charter",
            "sign",
            &other,
            "--current",
            &all,
            "-o",
            &elsewhere,
        ],
    );
    check(&again, "");
    let (first, second) = (file("SG.signed"), elsewhere);
    let merged = th.command(&["charter", "merge", &first, &second]);
    refused(&merged, "SG signed two charters of version 3 in round 1");
    let kept: Vec<_> = fs::read_dir(th.home.join("evidence")).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let kept = fs::read(kept[0].as_ref().unwrap().path()).unwrap();
    assert_eq!(DoubleVote::parse(&kept).unwrap().member().as_str(), "SG");
    let next = file("three.next");
    my.run(&[
        "charter",
        "draft",
        "--expires",
        "2040-01-01",
        "--round",
        "2",
        "-o",
        &next,
    ]);
    let three = sign(federation, &next, &["MY", "SG", "VN"]);
    for node in [my, sg, th, vn] {
        check(&node.command(&["charter", "install", &three]), "version 3");
    }
    assert!(show(my).contains("version 3, round 2"), "{}", show(my));
}

/// By two of the others, for 72 hours at most.
fn suspend(federation: &Federation) {
    let [my, sg, th, vn] = four(federation);
    let file = |name: &str| path(federation, name);
    let (by_my, by_sg, suspended) = (file("MY.suspends"), file("SG.suspends"), file("suspended"));
    refused(
        &with_root(my, &["charter", "suspend", "TH", "--until", "2040-01-01"]),
        "within 72 hours",
    );
    check(
        &with_root(my, &["charter", "suspend", "TH", "-o", &by_my]),
        "it takes the signatures of 1 of SG, VN",
    );
    refused(
        &with_root(th, &["charter", "sign", &by_my]),
        "TH has no vote on it",
    );
    refused(
        &sg.command(&["charter", "install", &by_my]),
        "signatures of 1 of SG, VN",
    );
    check(
        &with_root(sg, &["charter", "sign", &by_my, "-o", &by_sg]),
        "It has its signatures",
    );
    my.run(&["charter", "merge", &by_my, &by_sg, "-o", &suspended]);
    check(
        &vn.command(&["charter", "install", &suspended]),
        "TH is suspended from",
    );
    check(
        &vn.command(&["charter", "install", &suspended]),
        "Nothing new",
    );
    assert!(show(vn).contains("TH is suspended until"), "{}", show(vn));
}

/// The next version takes the leaver off the list, without its vote.
fn leave(federation: &Federation) {
    let [my, sg, th, vn] = four(federation);
    let file = |name: &str| path(federation, name);
    let left = file("VN.leaves");
    check(
        &with_root(vn, &["charter", "leave", "-o", &left]),
        "VN has left TEST",
    );
    check(
        &my.command(&["charter", "install", &left]),
        "VN leaves the federation",
    );
    assert!(show(my).contains("VN has left"), "{}", show(my));
    let draft = file("four.draft");
    check(
        &my.command(&["charter", "draft", "--remove", "VN", "-o", &draft]),
        "It removes VN.",
    );
    refused(
        &with_root(vn, &["charter", "sign", &draft]),
        "VN is not a member",
    );
    let four = sign(federation, &draft, &["MY", "SG", "TH"]);
    check(
        &vn.command(&["charter", "install", &four]),
        "speaks to nobody",
    );
    for node in [my, sg, th] {
        check(
            &node.command(&["charter", "install", &four]),
            "with 3 members",
        );
        let shown = show(node);
        assert!(
            !shown.contains("VN") && !shown.contains("suspended"),
            "{shown}"
        );
    }
}

#[test]
fn who_is_severed_or_removed_gets_nothing_more() {
    let federation = Federation::running(&["MY", "SG", "TH"]);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    my.run(&["peers", "sever", "TH"]);
    my.until("TH is let go", || my.status().connected.members == 1);
    let value = domain("without-th.example");
    my.add(&value, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&value));
    assert!(!th.has(&value));
    assert!(said(&my.run(&["peers"])).contains("severed"));
    my.run(&["peers", "unsever", "TH"]);
    th.until("TH has it after all", || th.has(&value));

    let draft = path(&federation, "draft");
    sg.run(&["charter", "draft", "--remove", "TH", "-o", &draft]);
    let two = sign(&federation, &draft, &["MY", "SG"]);
    my.run(&["charter", "install", &two]);
    my.until("TH is let go", || my.status().connected == (1, 1).into());
    sg.run(&["charter", "install", &two]);
    sg.until("both go on", || sg.status().connected == (1, 1).into());
    let after = domain("after-th.example");
    my.add(&after, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&after));
    assert!(!th.has(&after));
    assert_eq!(my.status().charter_version, Some(2));
}
