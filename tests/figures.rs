//! Figures of `node/FIGURES.md`, measured with two real nodes: not a test of anything, so asked
//! for:
//!
//! ```text
//! KENTONG_FIGURES=1 cargo test --release -p kentong-node --test federation figures -- --nocapture
//! ```

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kentong_protocol::indicator::{Tlp, Value};

use crate::bad_line::{Quality, over_lines, runtime};
use crate::support::{Federation, Node, domain};

/// Indicators that are imported and released to the other node: domains, telephone numbers, mail addresses and
/// wallets in turn.
const MANY: u64 = 1_000_000;
/// Indicators that idle nodes hold.
const IDLE_MANY: u64 = 1_000_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Indicators that a restored node fetches from its readers.
const RESTORED: u64 = 100_000;
/// Indicators that are added one at a time.
const SINGLE: usize = 300;

#[test]
fn figures() {
    if std::env::var_os("KENTONG_FIGURES").is_none() {
        println!("skipped: it measures for minutes; KENTONG_FIGURES=1 asks for it");
        return;
    }
    let mut federation = Federation::running(&["MY", "SG"]);
    let list = federation.file("list.txt", &mixed(MANY));
    let list = list.to_str().unwrap();
    row("what", "figure");
    row("---", "---:");

    let began = Instant::now();
    let my = federation.node("MY");
    let said = ["--scheme", "phishing", "--tlp", "green"];
    my.run(&[&["import", list][..], &said].concat());
    let imported = began.elapsed();
    let sg = federation.node("SG");
    sg.until("SG has all", || sg.status().received >= MANY);
    let arrived = began.elapsed();
    assert_eq!(sg.count("MY", None), MANY);
    rate("import, durable at the publisher", imported);
    rate("import to held and indexed by the reader", arrived);
    for (who, node) in [("publisher", my), ("reader", sg)] {
        row(&format!("CPU time of the {who} until then"), &cpu(node));
    }

    let began = Instant::now();
    my.run(&[&["import", list][..], &said].concat());
    rate("the same file again, nothing new", began.elapsed());

    let mut elsewhere: Vec<_> = (0..SINGLE).map(|n| until_found(my, sg, n)).collect();
    elsewhere.sort();
    let percent = |percent: usize| elsewhere[(SINGLE - 1) * percent / 100];
    row("`add` to `query` elsewhere, median", &millis(percent(50)));
    row("the same, 99th percentile", &millis(percent(99)));

    for (who, node) in [("publisher", my), ("reader", sg)] {
        let memory = format!("{} MiB", resident(node) >> 20);
        row(&format!("memory of the {who}"), &memory);
    }

    for (who, name) in [("publisher", "MY"), ("reader", "SG")] {
        federation.node_mut(name).stop();
        for part in ["log", "sled"] {
            let bytes = size(&federation.node(name).home.join(part));
            row(
                &format!("disk of the {who}, `{part}`, for each indicator"),
                &format!("{} B", bytes / MANY),
            );
        }
        let began = Instant::now();
        federation.node_mut(name).start();
        row(&format!("start of the {who}"), &millis(began.elapsed()));
        row(
            &format!("CPU time of the {who}'s start"),
            &cpu(federation.node(name)),
        );
        federation.node_mut(name).stop();
        fs::remove_dir_all(federation.node(name).home.join("sled")).unwrap();
        let began = Instant::now();
        federation.node_mut(name).start();
        row(
            &format!("start of the {who} without `sled`, rebuilt from the log"),
            &millis(began.elapsed()),
        );
    }
    let sg = federation.node("SG");
    assert_eq!(sg.count("MY", None), MANY + SINGLE as u64);
}

/// What two idle nodes send each other in a minute, as UDP sees it: signs of life, and what QUIC needs
/// to know that the other is there.
#[test]
fn figures_of_an_idle_minute() {
    if std::env::var_os("KENTONG_FIGURES").is_none() {
        println!("skipped: it measures for minutes; KENTONG_FIGURES=1 asks for it");
        return;
    }
    let runtime = runtime();
    let (federation, lines) = over_lines(&["MY", "SG"], Quality::Good, &runtime);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    row("what", "figure");
    row("---", "---:");
    let said = ["--scheme", "phishing", "--tlp", "green"];
    for many in [1_000, IDLE_MANY] {
        let list = federation.file("list.txt", &hosts(many));
        my.run(&[&["import", list.to_str().unwrap()][..], &said].concat());
        sg.until("SG has all", || sg.count("MY", None) == many);
        // Until SG has shown the head it took, and what follows from that.
        std::thread::sleep(MINUTE);
        let before: u64 = lines.iter().map(|line| line.bytes()).sum();
        std::thread::sleep(MINUTE);
        let after: u64 = lines.iter().map(|line| line.bytes()).sum();
        let bytes = format!("{} B", after - before);
        row(&format!("an idle minute, {many} indicators held"), &bytes);
    }
}

/// How long a node that was made from a backup takes until it has what it published since.
#[test]
fn figures_of_a_restored_node() {
    if std::env::var_os("KENTONG_FIGURES").is_none() {
        println!("skipped: it measures for minutes; KENTONG_FIGURES=1 asks for it");
        return;
    }
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let list = federation.file("list.txt", &hosts(RESTORED));
    let backup = federation.file("MY.backup", "");
    let my = federation.node("MY");
    my.add(&domain("before.example"), Tlp::Green, &[]);
    my.run(&["backup", "--replace", backup.to_str().unwrap()]);
    let said = ["--scheme", "phishing", "--tlp", "green"];
    my.run(&[&["import", list.to_str().unwrap()][..], &said].concat());
    for name in ["SG", "TH"] {
        let node = federation.node(name);
        node.until("it has all", || node.count("MY", None) == RESTORED + 1);
    }
    let my = federation.node_mut("MY");
    my.kill();
    fs::remove_dir_all(&my.home).unwrap();
    let secret = my.passphrase.clone();
    let began = Instant::now();
    my.run(&[
        "restore",
        backup.to_str().unwrap(),
        "--passphrase-file",
        secret.to_str().unwrap(),
    ]);
    row("a home from a backup", &millis(began.elapsed()));
    let began = Instant::now();
    my.start();
    let my = federation.node("MY");
    my.until("all is back", || my.status().recovery.is_none());
    let what = format!("start of that node until {RESTORED} indicators are back from two readers");
    row(&what, &millis(began.elapsed()));
    assert_eq!(my.count("MY", None), RESTORED + 1);
}

fn mixed(count: u64) -> String {
    (0..count).fold(String::new(), |mut list, number| {
        let bank = number % 977;
        let line = match number % 4 {
            0 => format!("login-{number:06}.bank-{bank}.example\n"),
            1 => format!("+6591{:06}\n", number / 4),
            2 => format!("help-{number:06}@bank-{bank}.example\n"),
            _ => format!("0x{number:040x}\n"),
        };
        list.push_str(&line);
        list
    })
}

fn hosts(count: u64) -> String {
    (0..count).fold(String::new(), |mut list, number| {
        list.push_str(&format!(
            "login-{number:06}.bank-{}.example\n",
            number % 977
        ));
        list
    })
}

/// How long after the operator asked a new indicator is found at the other node.
fn until_found(at: &Node, elsewhere: &Node, number: usize) -> Duration {
    let value: Value = domain(&format!("single-{number}.example"));
    let began = Instant::now();
    at.add(&value, Tlp::Green, &[]);
    while !elsewhere.has(&value) {
        assert!(began.elapsed() < Duration::from_secs(60), "{value:?}");
    }
    began.elapsed()
}

/// What of a node's memory lies in RAM, in bytes.
fn resident(node: &Node) -> u64 {
    node.status().memory
}

/// The processor time that a node has used since its start.
fn cpu(node: &Node) -> String {
    /// Linux counts it in hundredths of a second.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid())).unwrap();
    // The name of the program may hold spaces; user and system time are the 12th and 13th after it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let used = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = used.map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    format!("{:.2} s", ticks / TICKS)
}

/// The bytes of all files below.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.metadata().unwrap() {
        about if about.is_dir() => size(&entry.path()),
        about => about.len(),
    });
    sizes.sum()
}

fn rate(what: &str, took: Duration) {
    let figure = MANY as f64 / took.as_secs_f64();
    row(what, &format!("{:.0} 000 a second", figure / 1000.0));
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

fn row(what: &str, figure: &str) {
    println!("| {what} | {figure} |");
}
