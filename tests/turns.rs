//! One at a time changes the files of a home. A command that gets no turn writes nothing and says so, and
//! what came from another member waits until it can be kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

use kentong_node::control::reply::PeerState;
use kentong_node::control::request::Request;

use crate::papers::{file, text, version, with_root};
use crate::support::{Federation, Node, domain};
use kentong_protocol::indicator::Tlp;

/// The turn of a process that does not let go of it, as of a command that was stopped.
fn held(folder: &Path) -> File {
    let turn = File::open(folder).unwrap();
    turn.lock().unwrap();
    turn
}

/// The files that commands beside a node change, with their bytes.
fn files(node: &Node) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = node.files();
    files.retain(|(path, _)| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.ends_with(".txt") || name.ends_with(".card") || name.ends_with(".new")
    });
    files
}

fn refused(output: &Output) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
    assert!(said.contains("then try again"), "{said}");
    if Path::new("/proc/locks").exists() {
        let me = format!("process {} ", std::process::id());
        assert!(said.contains(&me), "{said}");
    }
}

/// A draft that removes TH, and the same signed by these members elsewhere.
fn draft(federation: &Federation) -> String {
    let draft = file(federation, "draft");
    fs::remove_file(&draft).unwrap();
    let sg = federation.node("SG");
    sg.run(&["charter", "draft", "--remove", "TH", "-o", &draft]);
    draft
}

fn root_of(node: &Node) -> Vec<String> {
    let root = node.home.join("root.key").to_str().unwrap().to_owned();
    let secret = node.passphrase.to_str().unwrap().to_owned();
    vec![
        "--root-key".into(),
        root,
        "--passphrase-file".into(),
        secret,
    ]
}

#[test]
fn a_command_that_does_not_get_its_turn_writes_nothing_and_says_so() {
    let federation = Federation::new(&["MY", "SG", "TH"]);
    let my = federation.node("MY");
    let draft = draft(&federation);
    let signed = federation.file("signed", "");
    fs::remove_file(&signed).unwrap();
    let out = signed.to_str().unwrap().to_owned();
    let root = root_of(my);
    let root: Vec<&str> = root.iter().map(String::as_str).collect();
    let by_sg = file(&federation, "SG.signed");
    let sg = federation.node("SG");
    with_root(sg, &["charter", "sign", &draft, "-o", &by_sg]);
    let suspends = file(&federation, "SG.suspends");
    with_root(sg, &["charter", "suspend", "TH", "-o", &suspends]);

    let before = files(my);
    let turn = held(&my.home);
    let vote = [&["charter", "sign", &draft, "-o", &out][..], &root].concat();
    for command in [
        vote.clone(),
        [&["charter", "suspend", "TH", "-o", &out][..], &root].concat(),
        [&["charter", "leave", "-o", &out][..], &root].concat(),
        vec!["charter", "install", &by_sg],
        vec!["charter", "install", &suspends],
        vec!["charter", "merge", &by_sg, "-o", &out],
        vec!["peers", "sever", "TH"],
    ] {
        refused(&my.command(&command));
        assert_eq!(files(my), before, "{command:?}");
        assert!(!signed.exists(), "nothing is handed out: {command:?}");
    }
    drop(turn);
    let turn = held(&my.home.join("members"));
    let secret = my.passphrase.to_str().unwrap();
    let moved = "/ip4/127.0.0.1/udp/9/quic-v1";
    let newer = text(
        &sg.run(&["card", "--address", moved, "--passphrase-file", secret])
            .stdout,
    );
    let newer = federation.file("SG.newer.card", &newer);
    for command in [
        vec!["peers", "add", newer.to_str().unwrap()],
        vec!["card", "--address", moved, "--passphrase-file", secret],
        vec!["card", "--next-peer", "--passphrase-file", secret],
    ] {
        refused(&my.command(&command));
        assert_eq!(files(my), before, "{command:?}");
    }
    drop(turn);

    // Its turn comes: each is done as if nothing had been.
    my.run(&["card", "--next-peer", "--passphrase-file", secret]);
    my.run(&["peers", "add", newer.to_str().unwrap()]);
    my.run(&vote);
    assert!(signed.exists());
    let votes = text(&my.run(&["charter", "votes"]).stdout);
    assert!(votes.contains("signed by MY"), "{votes}");
}

#[test]
fn a_vote_that_comes_while_another_writes_is_not_lost() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let draft = draft(&federation);
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    let turn = held(&my.home);
    let by_sg = file(&federation, "SG.signed");
    with_root(sg, &["charter", "sign", &draft, "-o", &by_sg]);
    with_root(
        sg,
        &["charter", "suspend", "TH", "-o", &file(&federation, "x")],
    );
    my.until("it is told that they wait", || {
        my.warnings()
            .contains("votes and notices from other members wait")
    });
    assert!(!my.home.join("ballots.txt").exists(), "nothing was written");
    // Meanwhile the node works: it says and hears.
    let (ours, theirs) = (domain("ours.example"), domain("theirs.example"));
    my.add(&ours, Tlp::Green, &[]);
    sg.add(&theirs, Tlp::Green, &[]);
    my.until("it hears", || my.has(&theirs));
    sg.until("SG has it", || sg.has(&ours));
    // Nobody is left who could send them again.
    for gone in ["SG", "TH"] {
        federation.node_mut(gone).kill();
    }
    let my = federation.node("MY");
    let said = || text(&my.command(&["charter", "votes"]).stdout);
    assert!(!said().contains("SG"), "{}", said());
    drop(turn);
    my.until("the vote is there", || said().contains("signed by SG"));
    my.until("the suspension is in force", || {
        let mut peers = my.peers().into_iter();
        peers.any(|peer| peer.member == "TH" && peer.state == PeerState::Suspended)
    });
    my.until("the warning is over", || {
        !my.warnings().contains("wait to be stored")
    });
    assert_eq!(version(my), 1, "it takes MY's vote too");
    with_root(
        my,
        &[
            "charter",
            "sign",
            &draft,
            "-o",
            &file(&federation, "MY.signed"),
        ],
    );
    assert_eq!(version(my), 2, "SG's vote counts");
}

#[test]
fn a_card_that_comes_while_another_writes_is_not_lost() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    let turn = held(&my.home.join("members"));
    let moved = "/ip4/127.0.0.1/udp/9/quic-v1";
    let secret = sg.passphrase.to_str().unwrap();
    sg.run(&["card", "--address", moved, "--passphrase-file", secret]);
    let known = |my: &Node| {
        let sg = my.peers().into_iter().find(|peer| peer.member == "SG");
        sg.unwrap().addresses.iter().any(|address| address == moved)
    };
    let kept = |my: &Node| {
        let card = fs::read_to_string(my.home.join("members/SG.card")).unwrap();
        card.contains(moved)
    };
    my.until("it knows the card", || known(my));
    assert!(!kept(my), "nothing was written");
    for gone in ["SG", "TH"] {
        federation.node_mut(gone).kill();
    }
    let my = federation.node("MY");
    // What is read again from the home does not take the place of it.
    my.ask(Request::ReloadMembers, |_| {});
    assert!(known(my));
    drop(turn);
    my.until("it is kept", || kept(my));
    let my = federation.node_mut("MY");
    my.stop();
    my.start();
    assert!(known(federation.node("MY")));
}
