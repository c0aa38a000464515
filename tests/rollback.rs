//! A home that is an older copy of itself: the node learns what it signed from its readers, takes back
//! what it lost, and never signs a second history.

use std::fs;
use std::path::Path;

use kentong_protocol::indicator::{Tlp, Value};

use crate::support::{Federation, Node, domain, entry};

fn names(range: std::ops::Range<u32>) -> Vec<Value> {
    range
        .map(|n| domain(&format!("host-{n}.example")))
        .collect()
}

fn add_all(node: &Node, values: &[Value]) {
    let entries = values.iter().map(|value| entry(value, Tlp::Green, &[]));
    node.assert(entries.collect());
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), &target).unwrap();
            let mode = fs::metadata(entry.path()).unwrap().permissions();
            fs::set_permissions(&target, mode).unwrap();
        }
    }
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
}

/// MY and SG; MY's home is put back to what it was an hour ago, as far as `kept` says not to keep.
fn rolled_back(kept: &[&str]) -> Federation {
    let mut federation = Federation::running(&["MY", "SG"]);
    let before = names(0..50);
    add_all(federation.node("MY"), &before);
    let sg = federation.node("SG");
    sg.until("SG has the first", || sg.count("MY", None) == 50);
    federation.node_mut("MY").stop();
    let home = federation.node("MY").home.clone();
    let older = home.with_file_name("MY.older");
    copy(&home, &older);

    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    my.withdraw(&before[7]);
    add_all(my, &names(50..300));
    for value in &names(300..310) {
        my.add(value, Tlp::AmberStrict, &["SG"]);
    }
    let sg = federation.node("SG");
    sg.until("SG has all", || sg.count("MY", None) == 309);
    federation.node_mut("MY").kill();
    for name in kept {
        fs::copy(home.join(name), older.join(name)).unwrap();
    }
    fs::remove_dir_all(&home).unwrap();
    fs::rename(&older, &home).unwrap();
    federation.node_mut("MY").start();
    federation.connected();
    federation
}

fn goes_on(federation: &mut Federation) {
    let (all, newer) = (names(0..310), domain("after.example"));
    let my = federation.node("MY");
    my.until("MY has taken back what it lost", || {
        my.count("MY", None) == 309 && my.has(&all[309])
    });
    let withdrawn = my.about(&all[7]);
    assert_eq!(withdrawn[0].state, "withdrawn");
    // What it says next is new, and revises what it had lost.
    my.add(&newer, Tlp::Green, &[]);
    my.withdraw(&all[200]);
    let sg = federation.node("SG");
    sg.until("SG has what came after", || {
        sg.has(&newer) && !sg.has(&all[200])
    });
    assert_eq!(sg.count("MY", None), 309);
    for node in [my, sg] {
        assert!(!node.home.join("evidence").exists(), "no second history");
        let warnings = node.warnings();
        assert!(!warnings.contains("halted"), "{warnings}");
        assert!(!warnings.contains("two histories"), "{warnings}");
    }
    // Nor after another start.
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    federation.connected();
    let my = federation.node("MY");
    assert_eq!(my.count("MY", None), 309);
    let last = domain("last.example");
    my.add(&last, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has the last", || sg.has(&last));
    assert!(!sg.home.join("evidence").exists());
}

#[test]
fn a_machine_that_was_rolled_back_learns_from_its_readers() {
    goes_on(&mut rolled_back(&[]));
}

#[test]
fn a_log_from_a_backup_is_brought_up_to_what_was_signed() {
    goes_on(&mut rolled_back(&["signer.state"]));
}

#[test]
fn what_is_released_before_a_reader_is_heard_waits_and_is_said_to() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let (before, after) = (domain("before.example"), domain("after.example"));
    federation.node("MY").add(&before, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has the first", || sg.has(&before));
    for name in ["MY", "SG"] {
        federation.node_mut(name).stop();
    }
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    my.add(&after, Tlp::Green, &[]);
    assert!(my.has(&after), "it is durable, and acknowledged");
    let leaves = || {
        let feeds = my.feeds().into_iter();
        let shared = feeds.filter(|feed| feed.audience.len() > 1);
        shared.map(|feed| feed.leaves).sum::<u64>()
    };
    let held = leaves();
    assert!(my.about(&after)[0].released_to.as_ref().unwrap().is_empty());
    my.until("it goes on unconfirmed", || {
        my.warnings().contains("unconfirmed start")
    });
    my.until("and releases", || leaves() > held);
    federation.node_mut("SG").start();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    sg.until("SG has it", || sg.has(&after));
    my.until("and is confirmed", || {
        !my.warnings().contains("unconfirmed start")
    });
}
