//! A disk that fills up: nothing acknowledged is lost, the operator is told, and with space again
//! all goes on. It needs leave to mount a small file system, and says so where it has none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kentong_protocol::bounded::BoundedText;
use kentong_protocol::feed::leaf_hash;
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain, entry};

/// What a home takes when nothing is in it yet fits, and little more.
const SMALL: &str = "6m";
const LARGE: &str = "256m";

/// A file system in memory.
struct Disk(PathBuf);

impl Disk {
    /// Puts a home on a small disk; none if that is not allowed here.
    fn under(home: &Path) -> Option<Self> {
        let real = home.with_extension("real");
        fs::rename(home, &real).unwrap();
        fs::create_dir(home).unwrap();
        let options = format!("size={SMALL},mode=700");
        let may = mount(&["-t", "tmpfs", "-o", &options, "none"], home);
        let disk = may.then(|| Self(home.to_owned()));
        let copied = Command::new("cp")
            .arg("-a")
            .arg(real.join("."))
            .arg(home)
            .status();
        assert!(copied.unwrap().success());
        disk
    }

    fn enlarge(&self) {
        let options = format!("remount,size={LARGE}");
        assert!(mount(&["-o", &options], &self.0));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(arguments).arg(at);
    command.output().is_ok_and(|output| output.status.success())
}

/// Adds indicators of a kilobyte each that do not compress; the name of the last one, or why not.
fn add(node: &Node, round: usize, many: usize) -> Result<String, String> {
    let name = |n: usize| format!("full-{round}-{n}.example");
    let noisy = |n: usize| {
        let mut entry = entry(&domain(&name(n)), Tlp::Green, &[]);
        let noise = |part: u8| leaf_hash(&[name(n).as_bytes(), &[part]].concat()).to_string();
        let mut draft = entry.assertion.into_draft();
        let noise: String = (0..15).map(noise).collect();
        draft.description = Some(BoundedText::new(noise).unwrap());
        entry.assertion = draft.try_into().unwrap();
        entry
    };
    let request = kentong_node::control::request::Request::Assert {
        entries: (0..many).map(noisy).collect(),
        dry_run: false,
        again: false,
    };
    node.try_ask(request, |_| {}).map(|_| name(many - 1))
}

/// Whether a refusal names its cause or says what to do.
fn told(error: &str) -> bool {
    let known = ["is full", "halted", "start the node again"];
    known.iter().any(|words| error.contains(words))
}

#[test]
fn a_publisher_refuses_what_it_cannot_keep_and_goes_on_with_space() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let Some(disk) = Disk::under(&federation.node("MY").home) else {
        println!("skipped: no leave to mount a small file system here");
        return;
    };
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let my = federation.node("MY");
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    // Large requests first, then ever smaller ones, until not even one indicator finds room.
    let mut many = 400;
    for round in 0.. {
        match add(my, round, many) {
            Ok(last) => kept.push(last),
            Err(error) => {
                refused.push(error);
                if many == 1 {
                    break;
                }
                many = (many / 3).max(1);
            }
        }
    }
    assert!(kept.len() > 3);
    for error in &refused {
        assert!(told(error), "{error}");
    }
    let all_at = |node: &Node, kept: &[String]| kept.iter().all(|name| node.has(&domain(name)));
    disk.enlarge();
    federation.node_mut("MY").kill();
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    assert!(all_at(my, &kept), "acknowledged and lost");
    kept.push(add(my, 100_000, 100).unwrap());
    let (sg, count) = (federation.node("SG"), my.count("MY", None));
    sg.until("SG has all", || sg.count("MY", None) == count);
    assert!(all_at(sg, &kept));
}

#[test]
fn a_reader_whose_disk_is_full_says_so_and_catches_up_with_space() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    let Some(disk) = Disk::under(&federation.node("SG").home) else {
        println!("skipped: no leave to mount a small file system here");
        return;
    };
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    let full = |sg: &Node| sg.warnings().contains("hindered");
    let mut round = 0;
    while !full(sg) {
        add(my, round, 400).unwrap();
        round += 1;
        assert!(round < 200, "{:?}", sg.status());
    }
    let count = my.count("MY", None);
    let th = federation.node("TH");
    th.until("TH has all", || th.count("MY", None) == count);
    disk.enlarge();
    // Where it was `sled` that found no room, the node says that it must be started again.
    let asks = |sg: &Node| sg.warnings().contains("start the node again");
    let has_all = |sg: &Node| sg.count("MY", None) == count;
    sg.until("SG has all, or says what to do", || asks(sg) || has_all(sg));
    if asks(sg) {
        federation.node_mut("SG").kill();
        federation.node_mut("SG").start();
    }
    let sg = federation.node("SG");
    sg.until("SG has all", || has_all(sg));
    federation.node_mut("SG").stop();
    federation.node_mut("SG").start();
    assert_eq!(federation.node("SG").count("MY", None), count);
}
