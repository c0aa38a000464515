//! A home on a file system that takes no change: a start is refused and says what to do, and a node
//! under which it happens refuses what it cannot keep, and goes on with what it has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kentong_node::control::reply::Feed;
use kentong_node::control::request::{Query, Request};
use kentong_protocol::indicator::{Tlp, Value};

use crate::support::{Federation, Node, domain, entry, shim};

/// A folder that was mounted over itself, so that nothing in it can be changed.
struct Frozen(PathBuf);

impl Frozen {
    /// None if that is not allowed here.
    fn under(home: &Path) -> Option<Self> {
        let mount = |arguments: &[&str]| {
            let output = Command::new("mount").args(arguments).arg(home).output();
            output.is_ok_and(|output| output.status.success())
        };
        let bound = mount(&["--bind", home.to_str().unwrap()]);
        let frozen = bound.then(|| Self(home.to_owned()));
        if bound {
            assert!(mount(&["-o", "remount,ro,bind"]));
        } else {
            println!("skipped: no leave to mount a folder for reading here");
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn names(range: std::ops::Range<usize>) -> Vec<Value> {
    range
        .map(|n| domain(&format!("host-{n}.example")))
        .collect()
}

fn has_all(node: &Node, values: &[Value]) -> bool {
    values.iter().all(|value| node.has(value))
}

/// Whether it is in force there; or why the node does not answer.
fn answer(node: &Node, value: &Value) -> Result<bool, String> {
    let query = Query {
        values: vec![value.clone()],
        limit: 10,
        ..Query::default()
    };
    let mut found = false;
    node.try_ask(Request::Query(query), |_| found = true)?;
    Ok(found)
}

/// Whether a refusal names its cause or says what to do.
fn told(error: &str) -> bool {
    let known = ["Read-only file system", "start the node again", "halted"];
    known.iter().any(|words| error.contains(words))
}

/// For each feed that others read, its leaves and what its reader confirmed last.
fn confirmed(node: &Node) -> Vec<(u64, Option<u64>)> {
    let feeds = node.feeds().into_iter().filter(|feed| {
        let own = feed.publisher == node.member;
        own && feed.audience.len() > 1
    });
    let row = |feed: Feed| {
        (
            feed.leaves,
            feed.receipts.first().map(|receipt| receipt.leaves),
        )
    };
    feeds.map(row).collect()
}

fn try_add(node: &Node, value: &Value) -> Result<(), String> {
    let request = Request::Assert {
        entries: vec![entry(value, Tlp::Green, &[])],
        dry_run: false,
        again: false,
    };
    node.try_ask(request, |_| {}).map(drop)
}

/// MY and SG, and the files whose being there takes the disk of each away.
fn on_fickle_disks() -> Option<(Federation, [PathBuf; 2])> {
    let library = shim::library()?;
    let switch = |home: &Path| home.with_extension("read-only");
    let environment = |_: &str, home: &Path| shim::read_only(library, home, &switch(home));
    let mut federation = Federation::within(&["MY", "SG"], environment);
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let switches = ["MY", "SG"].map(|name| switch(&federation.node(name).home));
    Some((federation, switches))
}

#[test]
fn a_start_in_a_read_only_home_says_what_to_do() {
    let federation = Federation::new(&["MY"]);
    let my = federation.node("MY");
    let before = my.files();
    let Some(frozen) = Frozen::under(&my.home) else {
        return;
    };
    let passphrase = my.passphrase.to_str().unwrap();
    let output = my.command(&["run", "--passphrase-file", passphrase]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in ["Read-only file system", "check the disk"] {
        assert!(said.contains(words), "{said}");
    }
    // What only reads goes on.
    my.run(&["card"]);
    my.run(&["charter", "show"]);
    drop(frozen);
    assert_eq!(my.files(), before);
}

#[test]
fn a_publisher_whose_disk_takes_no_change_refuses_and_answers() {
    let Some((mut federation, [switch, _])) = on_fickle_disks() else {
        return;
    };
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let kept = names(0..20);
    for value in &kept {
        my.add(value, Tlp::Green, &[]);
    }
    sg.until("SG has them", || has_all(sg, &kept));
    fs::write(&switch, "").unwrap();
    let refused = names(20..25);
    for value in &refused {
        let error = try_add(my, value).unwrap_err();
        assert!(told(&error), "{error}");
    }
    for (values, there) in [(&kept, true), (&refused, false)] {
        for value in values {
            match answer(my, value) {
                Ok(found) => assert_eq!(found, there, "{value:?}"),
                Err(error) => assert!(told(&error), "{error}"),
            }
        }
    }
    let others = domain("of-sg.example");
    sg.add(&others, Tlp::Green, &[]);
    assert!(sg.has(&others));
    my.until("MY says so", || my.warnings().contains("hindered"));
    let [(leaves, confirmed)] = confirmed(sg)[..] else {
        panic!("SG releases in one feed")
    };
    assert!(confirmed < Some(leaves), "MY cannot keep it");
    assert_ne!(answer(my, &others), Ok(true), "it would be forgotten");

    fs::remove_file(&switch).unwrap();
    federation.node_mut("MY").kill();
    federation.node_mut("MY").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    assert!(has_all(my, &kept), "acknowledged and lost");
    for value in &refused {
        assert!(!my.has(value), "refused, and there");
        my.add(value, Tlp::Green, &[]);
    }
    my.until("MY has what SG released", || my.has(&others));
    sg.until("SG has all", || has_all(sg, &refused));
}

#[test]
fn a_reader_whose_disk_takes_no_change_says_so_and_catches_up() {
    let Some((mut federation, [_, switch])) = on_fickle_disks() else {
        return;
    };
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let (before, after) = (domain("before.example"), names(0..50));
    my.add(&before, Tlp::Green, &[]);
    sg.until("SG has the first", || sg.has(&before));
    my.until("SG has said so", || {
        confirmed(my)[0].1 == Some(confirmed(my)[0].0)
    });
    let heard = confirmed(my)[0];
    fs::write(&switch, "").unwrap();
    my.withdraw(&before);
    for value in &after {
        my.add(value, Tlp::Green, &[]);
    }
    sg.until("SG says so", || sg.warnings().contains("hindered"));
    assert!(told(&sg.warnings()), "{}", sg.warnings());
    assert_eq!(confirmed(my)[0].1, heard.1, "SG cannot keep it");
    fs::remove_file(&switch).unwrap();
    let done = |sg: &Node| has_all(sg, &after) && !sg.has(&before);
    let asks = |sg: &Node| sg.warnings().contains("start the node again");
    sg.until("SG has all, or says what to do", || done(sg) || asks(sg));
    if !done(sg) {
        federation.node_mut("SG").kill();
        federation.node_mut("SG").start();
    }
    let sg = federation.node("SG");
    sg.until("SG has all", || done(sg));
}
