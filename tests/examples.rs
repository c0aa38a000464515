//! The folder `examples`, executed: what it shows is what happens.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::terminal::{Terminal, console};
use crate::support::{Federation, own_address, program};

/// The ports that the walk-through writes.
const PORTS: [&str; 2] = ["4747", "4748"];

fn folder(name: &str) -> PathBuf {
    let node = Path::new(env!("CARGO_MANIFEST_DIR"));
    node.parent().unwrap().join("examples").join(name)
}

#[test]
fn the_walk_through_happens_as_written() {
    let mut text = fs::read_to_string(folder("two-members.md")).unwrap();
    // Both are held at once, so that they differ.
    let ip = own_address();
    let free = PORTS.map(|_| UdpSocket::bind((ip, 0)).unwrap());
    text = text.replace("/127.0.0.1/", &format!("/{ip}/"));
    for (written, free) in PORTS.iter().zip(&free) {
        let free = free.local_addr().unwrap().port();
        text = text.replace(&format!("/udp/{written}/"), &format!("/udp/{free}/"));
    }
    drop(free);
    let steps = console(&text);
    assert!(steps.len() > 20, "{} commands only", steps.len());
    let folder = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
    let mut terminal = Terminal::new(folder.path(), &[]);
    for step in &steps {
        terminal.run(step);
    }
}

#[test]
fn the_policies_are_valid_beside_the_first_ones() {
    let federation = Federation::new(&["MY", "SG"]);
    let my = federation.node("MY");
    let policies = fs::read_dir(folder("policies")).unwrap();
    let mut names = Vec::new();
    for policy in policies {
        let policy = policy.unwrap();
        fs::copy(
            policy.path(),
            my.home.join("policy").join(policy.file_name()),
        )
        .unwrap();
        my.run(&["policy", "check"]);
        names.push(policy.file_name().into_string().unwrap());
    }
    let index = fs::read_to_string(folder("README.md")).unwrap();
    for name in &names {
        assert!(
            index.contains(&format!("(policies/{name})")),
            "{name} is not in the index"
        );
    }
    assert!(names.len() >= 4, "{names:?}");
}

#[test]
fn the_policies_do_what_they_say() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let my = federation.node_mut("MY");
    for policy in fs::read_dir(folder("policies")).unwrap() {
        let policy = policy.unwrap();
        fs::copy(
            policy.path(),
            my.home.join("policy").join(policy.file_name()),
        )
        .unwrap();
    }
    my.start();
    let check = |arguments: &str, because: &str| {
        let all: Vec<&str> = ["policy", "explain"]
            .into_iter()
            .chain(arguments.split_whitespace())
            .collect();
        let said = String::from_utf8(my.run(&all).stdout).unwrap();
        assert!(said.contains(because), "{arguments}: {said}");
    };
    let sure = "--scheme mule-account --tlp green --confidence 80";
    check(&format!("domain x.example {sure}"), "would be released");
    check(
        &format!("bank-account MY:KNTGMYK0:000006000001 {sure}"),
        "no-own-banks.cedar",
    );
    check(
        &format!("bank-account SG:KNTGSGS0:000006000001 {sure}"),
        "without description,loss",
    );
    check(
        "domain x.example --scheme job --tlp green --confidence 40",
        "sure-only.cedar",
    );
    let named = "domain x.example --scheme job --tlp green --confidence 40 --to SG";
    check(named, "would be released");
}

#[test]
fn the_samples_are_read_as_the_index_says() {
    let index = fs::read_to_string(folder("README.md")).unwrap();
    let federation = Federation::new(&["MY"]);
    let home = federation.node("MY").home.display().to_string();
    let check = |name: &str, says: &[&str]| {
        let start = format!("`kentong import {name} ");
        let (_, rest) = index
            .split_once(&start)
            .unwrap_or_else(|| panic!("{name} is not in the index"));
        let (options, _) = rest.split_once('`').unwrap();
        let mut line = vec![
            "import".to_owned(),
            folder("import").join(name).display().to_string(),
        ];
        line.extend(options.split_whitespace().map(str::to_owned));
        let run = Command::new(program())
            .args(&line)
            .args(["--home", &home])
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        for words in says {
            assert!(said.contains(words), "{name}: no `{words}` in {said}");
        }
    };
    check(
        "hosts",
        &["(hosts): 5 rows", " 4  would be taken", "line 2: localhost"],
    );
    check(
        "list.txt",
        &["(list): 9 rows", " 7  would be taken", "line 10: this line"],
    );
    check(
        "cases.csv",
        &[
            "(csv): 5 rows",
            " 4  would be taken",
            "columns not used: opened",
        ],
    );
    check(
        "phishing.json",
        &["(polkadot): 5 rows", " 3  would be taken", "/allow/0"],
    );
}
