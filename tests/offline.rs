//! A reader that was away, for a day or for a hundred thousand releases.

use std::time::Instant;

use kentong_node::control::reply::State;
use kentong_node::control::request::{MAX_ENTRIES, Query};
use kentong_protocol::indicator::{Kind, Tlp, Value};

use crate::support::{Federation, Node, entry, value};

const MANY: u32 = 100_000;

/// An address of the range that RFC 2544 sets aside for tests of routers.
fn address(number: u32) -> Value {
    let bytes = (0xc612_0000 + number).to_be_bytes();
    value(Kind::Ip, &std::net::Ipv4Addr::from(bytes).to_string())
}

fn release(my: &Node, numbers: std::ops::Range<u32>) {
    let numbers: Vec<_> = numbers.collect();
    for some in numbers.chunks(MAX_ENTRIES) {
        let entries = some.iter().map(|n| entry(&address(*n), Tlp::Green, &[]));
        my.assert(entries.collect());
    }
}

#[test]
fn a_node_that_was_off_catches_up_by_itself() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    // Of what SG holds already, one half is withdrawn while it is away.
    release(my, 0..100);
    sg.until("SG has the first", || sg.count("MY", None) == 100);
    federation.node_mut("SG").stop();

    let my = federation.node("MY");
    let began = Instant::now();
    release(my, 100..MANY / 2);
    let gone = |number: u32| number % 1009 == 7 || (number < 100 && number % 2 == 1);
    let withdrawn: Vec<_> = (0..MANY / 2).filter(|number| gone(*number)).collect();
    // In no order that has to do with theirs; SG meets some of these before it met the revision,
    // and others without ever having had one.
    for number in withdrawn.iter().rev() {
        my.withdraw(&address(*number));
    }
    release(my, MANY / 2..MANY);
    let late: Vec<_> = (MANY / 2..MANY).filter(|number| gone(*number)).collect();
    for number in &late {
        my.withdraw(&address(*number));
    }
    let published = began.elapsed();

    let began = Instant::now();
    federation.node_mut("SG").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let left = u64::from(MANY) - (withdrawn.len() + late.len()) as u64;
    sg.until("SG has caught up", || {
        let status = sg.status();
        status.missing == 0 && sg.count("MY", None) == left
    });
    println!(
        "{MANY} released in {published:?}, caught up with in {:?}",
        began.elapsed()
    );
    let numbers: Vec<_> = (0..MANY).collect();
    for some in numbers.chunks(500) {
        let query = Query {
            values: some.iter().map(|number| address(*number)).collect(),
            all: true,
            limit: u64::MAX,
            ..Query::default()
        };
        let states: std::collections::BTreeMap<_, _> = sg
            .query(query)
            .into_iter()
            .map(|row| (row.value, row.state))
            .collect();
        for number in some {
            let value = address(*number);
            let state = states.get(value.as_str()).copied();
            let expected = if gone(*number) {
                State::Withdrawn
            } else {
                State::InForce
            };
            // What was withdrawn before it was ever released to SG need not be told.
            let never = gone(*number) && *number >= 100 && state.is_none();
            assert!(never || state == Some(expected), "{value:?}: {state:?}");
        }
    }
    my.until("SG has said so", || {
        my.feeds().iter().all(|feed| {
            feed.receipts
                .iter()
                .all(|r| r.leaves == feed.leaves && r.missing == 0)
        })
    });
}
