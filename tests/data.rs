//! Real lists, imported by the command line, released by policy, found by query.

use std::collections::BTreeSet;
use std::path::Path;

use kentong_node::control::request::Query;
use kentong_node::import::{Columns, Import, Options};
use kentong_protocol::indicator::{Confidence, Fields, Kind, Reading, Scheme, Tlp, Value};

use crate::support::{Federation, Node, real_data};

/// Values that one query asks for.
const AT_ONCE: usize = 500;

/// The values that a file gives, as the import reads them (whose counts are pinned beside it).
fn values(file: &Path, kind: Option<Kind>, region: Option<&str>) -> BTreeSet<Value> {
    let options = Options {
        format: None,
        columns: Columns::ByHeader,
        kind,
        reading: Reading {
            region: region.map(|region| region.parse().unwrap()),
            ..Reading::default()
        },
        said: Fields::new(Scheme::Other, Confidence::try_from(50).unwrap(), Tlp::Green),
        unsaid: Vec::new(),
    };
    let rows = Import::open(file, &options).unwrap();
    rows.filter_map(|row| row.unwrap().outcome.ok())
        .map(|draft| draft.value)
        .collect()
}

fn import(node: &Node, file: &Path, arguments: &[&str]) {
    let file = file.to_str().unwrap();
    node.run(
        &[
            &["import", file, "--scheme", "other", "--confidence", "50"],
            arguments,
        ]
        .concat(),
    );
}

/// That a node answers every one of these values, as MY's.
fn all_found(node: &Node, values: &BTreeSet<Value>) {
    let values: Vec<_> = values.iter().cloned().collect();
    for some in values.chunks(AT_ONCE) {
        let query = Query {
            values: some.to_vec(),
            limit: u64::MAX,
            ..Query::default()
        };
        let exact = node
            .query(query)
            .into_iter()
            .filter(|row| row.matched.is_none());
        let found: BTreeSet<_> = exact.map(|row| (row.kind, row.value)).collect();
        for value in some {
            let key = (value.kind().to_string(), value.as_str().to_owned());
            assert!(found.contains(&key), "{} misses {key:?}", node.member);
        }
    }
}

#[test]
fn real_lists_reach_whom_policy_releases_them_to() {
    let files = [
        "ips/ipsum.txt",
        "domains/polkadot-phishing-all.json",
        "domains/gaso-scam-urls.txt",
        "phones/ftc-dnc-90days-2025-10-28.csv",
    ];
    let [Some(ips), Some(polkadot), Some(gaso), Some(phones)] = files.map(real_data) else {
        return;
    };
    let federation = Federation::running(&["MY", "SG", "TH"]);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    let phone = [
        "--kind", "phone", "--region", "US", "--tlp", "amber", "--to", "TH",
    ];
    let all = || {
        import(my, &ips, &["--tlp", "green"]);
        import(my, &polkadot, &["--tlp", "amber", "--to", "SG"]);
        import(my, &gaso, &["--tlp", "amber", "--to", "SG"]);
        import(my, &phones, &phone);
    };
    all();
    let to_both = values(&ips, None, None);
    assert_eq!(to_both.len(), 120_430);
    let mut to_sg = values(&polkadot, None, None);
    to_sg.extend(values(&gaso, None, None));
    let to_th = values(&phones, Some(Kind::Phone), Some("US"));
    assert_eq!(to_th.len(), 199_516);
    // An address of the domain lists that the first list has too was asserted again, for SG.
    let again: BTreeSet<_> = to_both.intersection(&to_sg).cloned().collect();
    let own: BTreeSet<_> = to_both
        .iter()
        .chain(&to_sg)
        .chain(&to_th)
        .cloned()
        .collect();
    assert_eq!(my.count("MY", None), own.len() as u64);
    let at_sg: BTreeSet<_> = to_both.union(&to_sg).cloned().collect();
    let at_th: BTreeSet<_> = to_both.difference(&again).chain(&to_th).cloned().collect();
    sg.until("SG has all that is for it", || {
        sg.count("MY", None) == at_sg.len() as u64
    });
    th.until("TH has all that is for it", || {
        th.count("MY", None) == at_th.len() as u64
    });
    all_found(sg, &at_sg);
    all_found(th, &at_th);
    all_found(my, &own);
    for value in to_sg.difference(&to_both).take(1000) {
        assert!(th.about(value).is_empty(), "{value:?} is not for TH");
    }
    let size = |node: &Node| (node.status().log_bytes, node.feeds().len());
    my.until("all receipts are in", || {
        my.feeds().iter().all(|feed| {
            feed.receipts
                .iter()
                .all(|r| r.leaves == feed.leaves && r.missing == 0)
        })
    });
    let before = [size(my), size(sg), size(th)];
    all_but_revisions(
        my,
        &[(&ips, &["--tlp", "green"][..]), (&phones, &phone[..])],
        &again,
    );
    assert_eq!(
        [size(my), size(sg), size(th)],
        before,
        "the same files again change nothing"
    );
    let status = my.status();
    println!(
        "MY: {} indicators, {} MB of log, {} MB of memory",
        status.own,
        status.log_bytes >> 20,
        status.memory >> 20
    );
}

/// Imports lists again; those that contradict each other (the same address with two markings) would
/// be revised each time and are left out.
fn all_but_revisions(node: &Node, lists: &[(&Path, &[&str])], again: &BTreeSet<Value>) {
    for (file, arguments) in lists {
        if again.is_empty() || !file.ends_with("ipsum.txt") {
            import(node, file, arguments);
        }
    }
}
