//! The charter's quota: a publisher waits, and its readers take no more of one that does not.

use std::fs;
use std::path::{Path, PathBuf};

use kentong_node::control::request::Entry;
use kentong_protocol::indicator::{Assertion, Tlp, Value};
use kentong_protocol::time::{DAY, Timestamp};

use crate::support::{Federation, Node, domain, entry, shim};

/// A day and the hour in whose course a count goes down.
const LATER: u64 = DAY + 3601;

fn host(number: usize) -> Value {
    domain(&format!("host-{number}.example"))
}

fn has(node: &Node, numbers: impl IntoIterator<Item = usize>) -> usize {
    let numbers = numbers.into_iter();
    numbers.filter(|number| node.has(&host(*number))).count()
}

/// A release for each.
fn add(node: &Node, numbers: std::ops::Range<usize>) {
    for number in numbers {
        node.add(&host(number), Tlp::Green, &[]);
    }
}

/// The one line of a node's warnings that says this.
fn line(node: &Node, says: &str) -> Option<String> {
    let warnings = node.warnings();
    let mut lines = warnings.lines().filter(|line| line.contains(says));
    let found = lines.next().map(str::to_owned);
    assert_eq!(lines.next(), None, "{warnings}");
    found
}

/// Runs a command that changes documents of a home whose node runs. Both may replace the same file at once,
/// and one of them is then refused.
fn run(node: &Node, arguments: &[&str]) {
    node.until("the command is not in the node's way", || {
        let output = node.command(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        let in_the_way = said.contains("cannot write") && said.contains("os error 2");
        assert!(output.status.success() || in_the_way, "{said}");
        output.status.success()
    });
}

/// A version with other terms, signed by these members, one after the other: its file.
fn version(federation: &Federation, terms: &[&str], by: &[&str]) -> String {
    let folder = federation.nodes[0].home.parent().unwrap().to_owned();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut file = path("next");
    let first = federation.node(by[0]);
    first.run(&[&["charter", "draft", "-o", &file], terms].concat());
    for member in by {
        let (node, signed) = (federation.node(member), path(&format!("next.{member}")));
        let root = node.home.join("root.key");
        let (root, secret) = (root.to_str().unwrap(), node.passphrase.to_str().unwrap());
        let sign = ["charter", "sign", &file, "-o", &signed, "--root-key", root];
        run(node, &[&sign[..], &["--passphrase-file", secret]].concat());
        file = signed;
    }
    file
}

/// The file that says how far a node's clock is ahead.
fn clock(home: &Path) -> PathBuf {
    home.with_extension("later")
}

/// The same indicator with something changed.
fn changed(number: usize, change: impl FnOnce(&mut kentong_protocol::indicator::Fields)) -> Entry {
    let Entry { value, assertion } = entry(&host(number), Tlp::Green, &[]);
    let mut draft = assertion.into_draft();
    change(&mut draft);
    Entry {
        value,
        assertion: Assertion::try_from(draft).unwrap(),
    }
}

fn revision(node: &Node, number: usize) -> u32 {
    node.about(&host(number))[0].revision
}

#[test]
fn a_publisher_waits_for_a_day_but_not_with_what_takes_back() {
    let library = shim::library();
    let environment = |_: &str, home: &Path| match library {
        Some(library) => shim::later(library, &clock(home)),
        None => Vec::new(),
    };
    let terms = ["--statements-per-day", "5"];
    let mut federation = Federation::chartered(&["MY", "SG"], environment, &terms);
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let all = (0..8).map(|number| entry(&host(number), Tlp::Green, &[]));
    assert_eq!(my.assert(all.collect()).count, 8);
    assert_eq!(my.count("MY", None), 8, "stored at once");
    sg.until("as much as the quota allows", || has(sg, 0..8) == 5);
    let said = line(my, "wait to be released").unwrap();
    assert!(said.starts_with("3 own indicators wait"), "{said}");
    assert!(said.contains("quota is 5 statements a day"), "{said}");

    // Corrections go all the same: a withdrawal, other words, and what ends sooner.
    my.withdraw(&host(0));
    let sooner = Timestamp::EPOCH.plus(4_000_000_000);
    my.assert(vec![
        changed(1, |draft| draft.tlp = Tlp::Clear),
        changed(2, |draft| draft.last_seen = Some(sooner)),
    ]);
    sg.until("the withdrawal is there", || !sg.has(&host(0)));
    sg.until("the correction is there", || revision(sg, 1) == 2);
    // That it was seen again since is nothing that must be known today.
    let said = line(my, "wait to be released").unwrap();
    assert!(said.starts_with("4 own indicators wait"), "{said}");
    assert_eq!((revision(my, 2), revision(sg, 2), has(sg, 5..8)), (2, 1, 0));
    assert_eq!(line(sg, "quota"), None);
    // None of those that wait is counted when it no longer does.
    my.withdraw(&host(7));
    let said = line(my, "wait to be released").unwrap();
    assert!(said.starts_with("3 own indicators wait"), "{said}");

    // A start does not begin a new day.
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    federation.connected();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    my.until("it waits again", || {
        line(my, "wait to be released").is_some_and(|said| said.starts_with("3 own"))
    });
    assert_eq!((revision(sg, 2), has(sg, 5..8)), (1, 0));

    if library.is_none() {
        return;
    }
    fs::write(clock(&my.home), LATER.to_string()).unwrap();
    sg.until("the rest comes a day later", || has(sg, 5..7) == 2);
    sg.until("and what was seen again", || revision(sg, 2) == 2);
    assert_eq!(line(my, "wait to be released"), None);
}

#[test]
fn a_publisher_waits_for_room_until_a_new_version_gives_more() {
    let terms = ["--stored-bytes", "30000"];
    let mut federation = Federation::chartered(&["MY", "SG"], |_, _| Vec::new(), &terms);
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    add(my, 0..40);
    let said = line(my, "wait to be released").unwrap();
    assert!(said.contains("quota is 30000 bytes"), "{said}");
    let waits: usize = said.split(' ').next().unwrap().parse().unwrap();
    assert!((10..30).contains(&waits), "{said}");
    sg.until("the others are there", || has(sg, 0..40) == 40 - waits);
    my.withdraw(&host(0));
    sg.until("the withdrawal is there", || !sg.has(&host(0)));
    assert_eq!(line(sg, "quota"), None, "who obeys is not blamed");
    version(&federation, &["--stored-bytes", "1000000"], &["MY", "SG"]);
    sg.until("all are there", || has(sg, 1..40) == 39);
    assert_eq!(line(my, "wait to be released"), None);
}

/// MY uses the first version and fills the feed; then TH and SG agree on a quota that it is far above,
/// and SG, which was off, hears all of it from TH, which has it.
#[test]
fn a_reader_keeps_no_more_of_a_publisher_than_the_quota_and_names_it() {
    const QUOTA: u64 = 40_000;
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    federation.node_mut("SG").stop();
    let [my, th] = ["MY", "TH"].map(|name| federation.node(name));
    add(my, 0..60);
    my.withdraw(&host(58));
    th.until("TH has all", || has(th, 0..60) == 59);
    federation.node_mut("MY").stop();
    let quota = QUOTA.to_string();
    let two = version(&federation, &["--stored-bytes", &quota], &["SG", "TH"]);
    federation.node("SG").run(&["charter", "install", &two]);
    federation.node_mut("SG").start();
    let sg = federation.node("SG");
    let missing = |node: &Node| node.feeds().iter().map(|feed| feed.missing).sum::<u64>();
    let leaves = |node: &Node| node.feeds().iter().map(|feed| feed.leaves).sum::<u64>();
    // The leaves all, bodies as many as there is room for; and the withdrawal behind them, of what is not.
    let held = |node: &Node| node.feeds().iter().map(|feed| feed.statements).sum::<u64>();
    sg.until("SG has what the quota allows", || {
        let in_force = has(sg, 0..60);
        leaves(sg) == 63 && in_force > 15 && held(sg) == in_force as u64 + 1
    });
    sg.until("SG names it", || {
        line(sg, "over the charter's quota").is_some()
    });
    let said = line(sg, "over the charter's quota").unwrap();
    assert!(said.starts_with("MY is over"), "{said}");
    assert!(said.contains("40000 bytes kept of a publisher"), "{said}");
    let not_taken = missing(sg);
    assert!((20..45).contains(&not_taken), "{not_taken}");
    let counted = format!("{not_taken} bodies with {not_taken} statements are not taken");
    assert!(said.contains(&counted), "{said}");
    // Bodies have 1040 bytes here, and leaves no 250.
    let kept = leaves(sg) * 235 + (61 - not_taken) * 1040;
    assert!(kept < QUOTA + 6000, "{kept}");
    let blames_nobody = |node: &Node| {
        let warnings = node.warnings();
        let blamed = ["withholds", "TH"]
            .iter()
            .any(|word| warnings.contains(word));
        assert!(!blamed, "{warnings}");
        assert!(node.peers().iter().all(|peer| peer.faults.is_empty()));
    };
    blames_nobody(sg);

    // The same after a start, when nothing is in memory.
    federation.node_mut("SG").stop();
    federation.node_mut("SG").start();
    let sg = federation.node("SG");
    sg.until("SG is connected", || sg.status().connected.members == 1);
    sg.until("SG names it again", || {
        line(sg, "over the charter's quota").is_some()
    });
    assert_eq!(missing(sg), not_taken);

    // Its publisher comes, hears of the quota, and waits; a withdrawal and a correction pass.
    federation.node_mut("MY").start();
    federation.connected();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    my.until("MY uses the quota", || {
        my.status().charter_version == Some(2)
    });
    add(my, 60..62);
    my.withdraw(&host(1));
    my.assert(vec![changed(2, |draft| draft.tlp = Tlp::Clear)]);
    sg.until("the withdrawal is there", || !sg.has(&host(1)));
    sg.until("the correction is there", || revision(sg, 2) == 2);
    let said = line(my, "wait to be released").unwrap();
    assert!(said.starts_with("2 own indicators wait"), "{said}");
    assert_eq!((missing(sg), has(sg, 60..62)), (not_taken, 0));
    blames_nobody(sg);

    // SG fetches the rest from TH as soon as more is allowed, and what waited comes with its publisher. When
    // TH has shown all heads, nothing else makes SG look again.
    sg.until("TH has shown all heads", || {
        sg.about(&host(2))[0].witnesses == ["TH"]
    });
    federation.node_mut("MY").stop();
    version(&federation, &["--stored-bytes", "1000000"], &["SG", "TH"]);
    let sg = federation.node("SG");
    sg.until("all that is missing comes", || {
        missing(sg) == 0 && has(sg, 0..60) == 58
    });
    assert_eq!(line(sg, "quota"), None);
    federation.node_mut("MY").start();
    for member in ["SG", "TH"] {
        let node = federation.node(member);
        node.until("what waited is there", || has(node, 60..62) == 2);
        blames_nobody(node);
    }
}

/// Two days' worth comes at once, as to a reader that was away; the rest on the days after.
#[test]
fn a_reader_takes_in_days_what_came_in_one() {
    let library = shim::library();
    let environment = |_: &str, home: &Path| match library {
        Some(library) => shim::later(library, &clock(home)),
        None => Vec::new(),
    };
    let mut federation = Federation::chartered(&["MY", "SG"], environment, &[]);
    federation.node_mut("MY").start();
    add(federation.node("MY"), 0..50);
    let terms = ["--statements-per-day", "10"];
    let two = version(&federation, &terms, &["MY", "SG"]);
    run(federation.node("SG"), &["charter", "install", &two]);
    federation.node_mut("SG").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    sg.until("two days' worth is there", || has(sg, 0..50) == 20);
    assert_eq!(has(sg, 0..20), 20, "the oldest first");
    let says = "quota of 10 statements a day, twice of which came within one";
    sg.until("SG names MY", || {
        line(sg, says).is_some_and(|said| said.contains("30 bodies with 30 statements"))
    });
    my.withdraw(&host(3));
    sg.until("a withdrawal passes", || !sg.has(&host(3)));
    assert_eq!(has(sg, 0..50), 19);
    if library.is_none() {
        return;
    }
    fs::write(clock(&sg.home), LATER.to_string()).unwrap();
    sg.until("the next come a day later", || has(sg, 0..50) == 39);
    fs::write(clock(&sg.home), (2 * LATER).to_string()).unwrap();
    sg.until("the last a day after that", || has(sg, 0..50) == 49);
    assert_eq!(line(sg, "quota"), None);
    assert!(sg.peers().iter().all(|peer| peer.faults.is_empty()));
}

/// Leaves have room beyond all bodies; where that ends too, nobody is blamed for those that come.
#[test]
fn a_reader_takes_no_leaves_without_end() {
    let mut federation = Federation::chartered(&["MY", "SG"], |_, _| Vec::new(), &[]);
    federation.node_mut("MY").start();
    add(federation.node("MY"), 0..60);
    let two = version(&federation, &["--stored-bytes", "4000"], &["MY", "SG"]);
    run(federation.node("SG"), &["charter", "install", &two]);
    federation.node_mut("SG").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let leaves = |node: &Node| node.feeds().iter().map(|feed| feed.leaves).sum::<u64>();
    // They come in one message, behind which none is taken.
    sg.until("all leaves are there", || leaves(sg) == 62);
    for number in 0..3 {
        my.withdraw(&host(number));
    }
    sg.until("SG says so", || {
        line(sg, "over the charter's quota").is_some_and(|said| said.contains("nor are leaves"))
    });
    assert_eq!(leaves(sg), 62);
    // Who signs it last has it in force, and passes it on.
    version(&federation, &["--stored-bytes", "1000000"], &["MY", "SG"]);
    sg.until("the rest comes", || {
        leaves(sg) >= 65 && has(sg, 0..60) == 57
    });
    assert_eq!(line(sg, "quota"), None);
    for node in [my, sg] {
        assert!(node.peers().iter().all(|peer| peer.faults.is_empty()));
    }
}
