//! A home that is an older copy of itself: the node learns what it signed from its readers, fetches
//! what it lost, and never signs a second history.

use std::fs;
use std::path::Path;

use kentong_node::control::reply::State;
use kentong_node::log::{Log, Options, Position, Record, RecordKind};
use kentong_node::signer::{Signed, Signer};
use kentong_protocol::Digest;
use kentong_protocol::feed::{Frontier, leaf_hash};
use kentong_protocol::indicator::{Tlp, Value};
use kentong_protocol::member::heads::Heads as _;

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
    my.until("MY has again what it lost", || {
        my.count("MY", None) == 309 && my.has(&all[309])
    });
    let withdrawn = my.about(&all[7]);
    assert_eq!(withdrawn[0].state, State::Withdrawn);
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

/// Leaves of a feed, from the log.
fn private_leaves(log: &Log, feed: Digest) -> Vec<Vec<u8>> {
    let records = log.scan(Position::START).map(|found| found.unwrap().1);
    let leaves =
        records.filter(|record| record.kind == RecordKind::Leaf && record.key.feed == feed);
    leaves.map(|leaf| leaf.bytes().unwrap().to_vec()).collect()
}

/// Puts a stopped node's home into the state in which a crash leaves it that comes when lost history is
/// back and nothing of it stands in the private feed yet: that has its first `kept` leaves, and the
/// signer state says so.
fn not_yet_taken_in(home: &Path, private: Digest, kept: u64) {
    let (old, _) = Log::open(&home.join("log"), Options::default()).unwrap();
    let create = Options {
        create: true,
        ..Options::default()
    };
    let (mut new, _) = Log::open(&home.join("log.new"), create).unwrap();
    for found in old.scan(Position::START) {
        let (_, record) = found.unwrap();
        let index = record.key.index;
        let stays = match record.kind {
            RecordKind::Leaf | RecordKind::Body => index < kept,
            RecordKind::Checkpoint => index <= kept,
            RecordKind::EpochKey => index == 1,
            _ => false,
        };
        if record.key.feed != private || stays {
            let (kind, key) = (record.kind, record.key);
            let payload = record.bytes().unwrap();
            new.append(&[Record { kind, key, payload }]).unwrap();
        }
    }
    new.sync().unwrap();
    let mut tree = Frontier::default();
    let leaves = private_leaves(&old, private);
    let kept = usize::try_from(kept).unwrap();
    leaves[..kept]
        .iter()
        .for_each(|leaf| tree.push(leaf_hash(leaf)));
    drop((old, new));
    fs::remove_dir_all(home.join("log")).unwrap();
    fs::rename(home.join("log.new"), home.join("log")).unwrap();
    fs::remove_dir_all(home.join("sled")).unwrap();
    let state = home.join("signer.state");
    let signed: Vec<_> = Signer::open(&state)
        .unwrap()
        .iter()
        .map(|(feed, signed)| (*feed, signed))
        .collect();
    fs::remove_file(&state).unwrap();
    let mut signer = Signer::create(&state).unwrap();
    for (feed, signed) in signed {
        let new = if feed == private {
            Signed {
                size: tree.size(),
                root: tree.root(),
            }
        } else {
            signed
        };
        signer.compare_and_swap(feed, None, new).unwrap();
    }
}

#[test]
fn what_came_back_before_a_crash_is_taken_in_after_it() {
    let mut federation = rolled_back(&[]);
    let all = names(0..310);
    let my = federation.node("MY");
    my.until("MY has again what it lost", || {
        my.count("MY", None) == 309 && my.has(&all[309])
    });
    let mark = my.home.join("recovering");
    my.until("the recovery has ended", || !mark.exists());
    let feeds = my.feeds();
    let private = feeds.iter().find(|feed| feed.audience.len() == 1).unwrap();
    let private = Digest::from_hex(&private.id).unwrap();
    federation.node_mut("MY").stop();
    let my = federation.node("MY");
    not_yet_taken_in(&my.home, private, 3);
    let id = "00".repeat(16);
    fs::write(&mark, format!("kentong recovery v1\nid: {id}\n")).unwrap();
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    my.until("it is stored", || !mark.exists());
    assert_eq!(my.count("MY", None), 309);
    assert_eq!(my.about(&all[7])[0].state, State::Withdrawn);
}
