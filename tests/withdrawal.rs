//! What was withdrawn stays withdrawn until somebody says otherwise.

use std::fs;
use std::process::Output;

use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, domain};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn importing_or_adding_again_does_not_bring_it_back() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let my = federation.node_mut("MY");
    my.start();
    let list = my.home.join("list.txt");
    fs::write(&list, "stays.example\ngoes.example\n").unwrap();
    let list = list.to_str().unwrap();
    let import = ["import", list, "--scheme", "phishing", "--tlp", "green"];
    my.run(&import);
    let goes = domain("goes.example");
    my.withdraw(&goes);

    let again = said(&my.run(&import));
    let words = "1  withdrawn earlier: left withdrawn; give --again to assert them again (line 2)";
    assert!(again.contains(words), "{again}");
    assert!(!my.has(&goes));

    let add = [
        "add",
        "domain",
        "goes.example",
        "--scheme",
        "job",
        "--tlp",
        "green",
    ];
    let refused = my.command(&add);
    assert_eq!(refused.status.code(), Some(1));
    let words = "withdrawn earlier, and left withdrawn; add --again to publish it again";
    assert!(said(&refused).contains(words), "{}", said(&refused));
    assert!(!my.has(&goes));

    let dry = [&add[..], &["--again", "--dry-run"]].concat();
    assert!(said(&my.run(&dry)).contains("revised (dry run"));
    assert!(!my.has(&goes));

    let again = said(&my.run(&[&import[..], &["--again"]].concat()));
    assert!(again.contains("0 new and 1 revised"), "{again}");
    assert!(my.has(&goes));
    assert_eq!(my.about(&goes)[0].revision, 3);

    my.withdraw(&goes);
    my.run(&[&add[..], &["--again"]].concat());
    assert!(my.has(&goes));
    my.add(&goes, Tlp::Green, &[]);
}

#[test]
fn a_publisher_sees_who_has_confirmed_a_withdrawal() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let value = domain("goes.example");
    federation.node("MY").add(&value, Tlp::Amber, &["SG", "TH"]);
    let receipts = |federation: &Federation| {
        let output = federation
            .node("MY")
            .run(&["receipts", "domain", "goes.example"]);
        let table = said(&output);
        let rows = table.lines().skip(1).map(|line| {
            let words: Vec<_> = line.split("  ").filter(|word| !word.is_empty()).collect();
            words[..4]
                .iter()
                .map(|word| word.trim().to_owned())
                .collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    let row = |reader: &str, what: &str, revision: &str, state: &str| {
        [reader, what, revision, state].map(str::to_owned).to_vec()
    };
    let my = federation.node("MY");
    my.until("both have confirmed it", || {
        let both = ["SG", "TH"].map(|reader| row(reader, "asserted", "1", "in force"));
        receipts(&federation) == both
    });
    federation.node_mut("TH").stop();
    federation.node("MY").withdraw(&value);
    let expected = |th: &str| {
        vec![
            row("SG", "withdrawn", "2", "in force"),
            row("TH", "withdrawn", "2", th),
        ]
    };
    let my = federation.node("MY");
    my.until("SG has confirmed it, and TH not", || {
        receipts(&federation) == expected("not confirmed")
    });
    federation.node_mut("TH").start();
    let my = federation.node("MY");
    my.until("TH has too", || {
        receipts(&federation) == expected("in force")
    });
    let unknown = my.command(&["receipts", "domain", "never.example"]);
    assert_eq!(unknown.status.code(), Some(1));
}
