//! How a new member and the others come to each other's keys and addresses: by the draft, and by the file
//! with all versions. And what is said of files that are not in order.

use std::fs;

use kentong_node::turn::{self, Wait};
use kentong_protocol::directory::{Bundle, Enclosing};
use kentong_protocol::indicator::Tlp;

use crate::papers::{file, text, with_root};
use crate::support::{Federation, Node, domain};

/// What a command says, and whether it went well.
fn said(node: &Node, arguments: &[&str]) -> (bool, String) {
    let output = node.command(arguments);
    let all = [output.stdout, output.stderr].concat();
    (output.status.success(), text(&all))
}

fn check(node: &Node, arguments: &[&str], goes_well: bool, says: &[&str]) {
    let (so, said) = said(node, arguments);
    assert_eq!(so, goes_well, "{arguments:?}: {said}");
    for words in says {
        assert!(
            said.contains(words),
            "{arguments:?}: no `{words}` in {said}"
        );
    }
}

fn card(federation: &Federation, member: &str) -> (String, Bundle) {
    let bytes = federation.node(member).run(&["card"]).stdout;
    let path = federation.file(&format!("{member}.new.card"), &text(&bytes));
    let bundle = Bundle::parse(&bytes).unwrap();
    (path.to_str().unwrap().to_owned(), bundle)
}

/// Which members' files a home holds, its own among them.
fn held(node: &Node) -> Vec<String> {
    let names = fs::read_dir(node.home.join("members")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter_map(|name| name.strip_suffix(".card").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn knows(node: &Node, member: &str) -> bool {
    node.peers().iter().any(|peer| peer.member == member)
}

/// Has three members admit VN by signatures that their nodes do not see, and joins them in TH's home.
fn voted_elsewhere(federation: &Federation, draft: &str) -> String {
    let current = file(federation, "current");
    let th = federation.node("TH");
    th.run(&["charter", "history", "-o", &current]);
    let copies = ["MY", "SG", "TH"].map(|member| {
        let copy = file(federation, &format!("{member}.elsewhere"));
        let sign = ["charter", "sign", draft, "--current", &current, "-o", &copy];
        with_root(federation.node(member), &sign);
        copy
    });
    let two = file(federation, "two");
    let copies: Vec<&str> = copies.iter().map(String::as_str).collect();
    th.run(&[&["charter", "merge", "-o", &two], &copies[..]].concat());
    two
}

#[test]
fn who_is_admitted_is_let_in_when_the_version_is_in_force_and_not_before() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.newcomer("VN");
    federation.node_mut("MY").start();
    federation.node_mut("SG").start();
    let (vn_card, _) = card(&federation, "VN");
    let draft = file(&federation, "draft");
    let my = federation.node("MY");
    let admit = ["charter", "draft", "--admit", &vn_card, "-o", &draft];
    check(
        my,
        &admit,
        true,
        &["This node keeps the member file of VN, for when this version is in force."],
    );
    let two = voted_elsewhere(&federation, &draft);

    // VN, and TH, whose node does not run, have the version; the nodes of MY and SG do not.
    let (th, vn) = (federation.node("TH"), federation.node("VN"));
    let all = file(&federation, "all");
    check(
        th,
        &["charter", "install", &two],
        true,
        &["member file of VN"],
    );
    check(
        th,
        &["charter", "history", "-o", &all],
        true,
        &["holds all versions, and the member files of MY, SG, TH, VN. Next"],
    );
    check(
        vn,
        &["charter", "install", &all],
        true,
        &["The member files of MY, SG, TH came with it."],
    );
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    federation.node_mut("VN").start();
    let [my, sg, vn] = ["MY", "SG", "VN"].map(|name| federation.node(name));
    vn.until("VN is turned away", || {
        let peers = vn.peers();
        let why = |name: &str| {
            let peer = peers.iter().find(|peer| peer.member == name).unwrap();
            peer.why.clone()
        };
        why("MY").is_some() && why("SG").is_some()
    });
    for node in [my, sg] {
        node.until("the two are connected", || {
            node.status().connected == (1, 2).into()
        });
        assert!(!knows(node, "VN"));
        assert_eq!(held(node), ["MY", "SG", "TH"]);
    }
    assert_eq!(vn.status().connected.members, 0);

    // SG's people hand the version to their node, and MY's node hears of it from that.
    let two = file(&federation, "two.plain");
    let chain = fs::read(federation.node("TH").home.join("charter.txt")).unwrap();
    fs::write(&two, chain).unwrap();
    check(
        sg,
        &["charter", "install", &two],
        true,
        &["version 2", "The member file of VN is not here."],
    );
    for node in [my, sg, vn] {
        node.until("all three are connected", || {
            node.status().connected.members == 2
        });
    }
    assert!(!my.home.join("newcomers.txt").exists());
    let value = domain("to-vn.example");
    sg.add(&value, Tlp::Green, &[]);
    vn.until("VN has it", || vn.has(&value));
}

#[test]
fn a_card_that_cannot_be_admitted_is_refused() {
    let mut federation = Federation::new(&["MY", "SG"]);
    federation.newcomer("VN");
    let my = federation.node("MY");
    let (vn_card, vn) = card(&federation, "VN");
    let (sg_card, _) = card(&federation, "SG");
    let damaged = vn.encode().replacen("serial: 1", "serial: 2", 1);
    let damaged = federation.file("damaged.card", &damaged);
    let admit = |card: &str, says: &[&str]| {
        check(my, &["charter", "draft", "--admit", card], false, says);
        assert!(!my.home.join("newcomers.txt").exists(), "{card}");
    };
    admit(
        damaged.to_str().unwrap(),
        &["damaged.card: the warrant", "ask for it again"],
    );
    admit(
        &sg_card,
        &[
            "SG is a member already",
            "`kentong peers add` takes a newer card",
        ],
    );
    check(
        my,
        &["peers", "add", &vn_card],
        false,
        &["VN is not a member", "`kentong charter draft --help`"],
    );
    check(
        my,
        &["charter", "install", &vn_card],
        false,
        &["is a member file and no charter", "kentong peers add"],
    );
}

#[test]
fn member_files_are_taken_one_by_one() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.newcomer("LA");
    let my = federation.node("MY");
    let all = file(&federation, "all");
    my.run(&["charter", "history", "-o", &all]);
    let whole = fs::read_to_string(&all).unwrap();
    let [my_file, sg_file, th_file, la_file] =
        ["MY", "SG", "TH", "LA"].map(|member| card(&federation, member).1);
    let (charter, _) = whole.split_once("\nkentong bundle v1\n").unwrap();
    // A home of SG's that lost its charter and what it knew of others.
    let sg = federation.node("SG");
    let forget = || {
        fs::remove_file(sg.home.join("charter.txt")).unwrap();
        for other in ["MY", "TH"] {
            drop(fs::remove_file(
                sg.home.join(format!("members/{other}.card")),
            ));
        }
    };
    let install = |text: &str, says: &[&str]| {
        fs::write(&all, text).unwrap();
        check(sg, &["charter", "install", &all], true, says);
    };
    forget();
    install(&whole, &["The member files of MY, TH came with it."]);
    assert_eq!(held(sg), ["MY", "SG", "TH"]);

    // A file as it was before member files stood in it.
    forget();
    install(
        charter,
        &[
            "3 members is in force here",
            "it cannot reach anyone. Next: get that of MY, TH",
            "kentong peers add FILE",
        ],
    );
    assert_eq!(held(sg), ["SG"]);

    forget();
    let damaged = th_file.encode().replacen("serial: 1", "serial: 2", 1);
    let mut text = Enclosing::write(charter, [&la_file, &my_file, &sg_file]);
    text = format!("{text}\n{damaged}");
    install(
        &text,
        &[
            "The member file of MY came with it.",
            "The member file of LA in it is not used: LA is not a member by the charter; tell",
            "The member file of TH in it is not used: the warrant",
            "ask TH for what `kentong card` prints",
            "The member file of TH is not here. Other members' nodes pass on what they have",
        ],
    );
    assert_eq!(held(sg), ["MY", "SG"]);

    // A home that says it is TH's, by another root key.
    let other = Federation::new(&["TH"]);
    let (_, other) = card(&other, "TH");
    install(
        &Enclosing::write(charter, [&other]),
        &["The member file of TH in it is not used: its root key is not the one"],
    );
    assert_eq!(held(sg), ["MY", "SG"]);

    // For programs: the same.
    let json = sg.command(&["charter", "install", &all, "--json"]);
    let json = text_of_files(&json.stdout);
    assert_eq!(json["came"], serde_json::json!([]));
    assert_eq!(json["missing"], serde_json::json!(["TH"]));
    assert_eq!(json["refused"][0]["member"], "TH");
}

fn text_of_files(output: &[u8]) -> serde_json::Value {
    let row: serde_json::Value = serde_json::from_slice(output).unwrap();
    row["installed"]["member_files"].clone()
}

#[test]
fn an_older_card_replaces_no_newer_one() {
    let federation = Federation::new(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let all = file(&federation, "all");
    my.run(&["charter", "history", "-o", &all]);
    federation.move_to("SG", "/ip4/127.0.0.1/udp/9/quic-v1");
    let serial = || {
        let held = fs::read(my.home.join("members/SG.card")).unwrap();
        Bundle::parse(&held).unwrap().card().serial()
    };
    assert_eq!(serial(), 2);
    check(
        my,
        &["charter", "install", &all],
        true,
        &["The member file of SG came with it."],
    );
    assert_eq!(serial(), 2);
    // This node's own file is never taken from elsewhere.
    let own = fs::read(sg.home.join("members/SG.card")).unwrap();
    sg.run(&["charter", "install", &all]);
    assert_eq!(fs::read(sg.home.join("members/SG.card")).unwrap(), own);
}

/// The version is written before the card is put with the others, and the disk may keep the one alone.
#[test]
fn a_crash_after_the_version_loses_no_card() {
    let mut federation = Federation::new(&["MY", "SG"]);
    federation.newcomer("VN");
    let (vn_card, _) = card(&federation, "VN");
    let my = federation.node("MY");
    let draft = file(&federation, "draft");
    my.run(&["charter", "draft", "--admit", &vn_card, "-o", &draft]);
    let waiting = my.home.join("newcomers.txt");
    let kept = fs::read(&waiting).unwrap();
    let copies = ["MY", "SG"].map(|member| {
        let copy = file(&federation, &format!("{member}.signed"));
        let sign = ["charter", "sign", &draft, "-o", &copy];
        with_root(federation.node(member), &sign);
        copy
    });
    let two = file(&federation, "two");
    my.run(&["charter", "merge", "-o", &two, &copies[0], &copies[1]]);
    my.run(&["charter", "install", &two]);
    assert_eq!(held(my), ["MY", "SG", "VN"]);
    assert!(!waiting.exists());

    fs::remove_file(my.home.join("members/VN.card")).unwrap();
    fs::write(&waiting, kept).unwrap();
    federation.node_mut("MY").start();
    assert_eq!(held(federation.node("MY")), ["MY", "SG", "VN"]);
    assert!(!waiting.exists());
}

/// Somebody is changing the members' files at the very moment at which the version comes into force.
#[test]
fn a_card_that_could_not_be_put_with_the_others_at_once_is_put_there_later() {
    let mut federation = Federation::running(&["MY", "SG"]);
    federation.newcomer("VN");
    let (vn_card, _) = card(&federation, "VN");
    let my = federation.node("MY");
    let draft = file(&federation, "draft");
    my.run(&["charter", "draft", "--admit", &vn_card, "-o", &draft]);
    let turn = turn::take(&my.home.join("members"), Wait::NotAtAll).unwrap();
    for member in ["MY", "SG"] {
        let copy = file(&federation, &format!("{member}.signed"));
        let sign = ["charter", "sign", &draft, "-o", &copy];
        with_root(federation.node(member), &sign);
    }
    my.until("MY says that the file waits", || {
        let warnings = my.status().warnings;
        let waits = "the file of a new member cannot be put with the others yet";
        warnings.iter().any(|w| w.text.contains(waits))
    });
    assert!(!held(my).contains(&"VN".to_owned()));
    drop(turn);
    my.until("it is there", || held(my) == ["MY", "SG", "VN"]);
    my.until("and no warning is left of it", || {
        my.status().warnings.is_empty()
    });
    let all = file(&federation, "all");
    my.run(&["charter", "history", "-o", &all]);
    federation.node("VN").run(&["charter", "install", &all]);
    federation.node_mut("VN").start();
    federation.connected();
}
