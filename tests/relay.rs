//! Readers serve each other, so that a publisher that is away delays nobody.

use kentong_node::control::reply::{Proof, State};
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, domain, entry};

const MANY: usize = 3_000;

#[test]
fn a_reader_gets_from_another_what_the_publisher_released_before_it_went() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let name = |n: usize| domain(&format!("host-{n}.example"));
    let first = domain("first.example");
    federation.node("MY").add(&first, Tlp::Green, &[]);
    let th = federation.node("TH");
    th.until("TH has the first", || th.has(&first));
    federation.node_mut("TH").stop();

    let my = federation.node("MY");
    for some in (0..MANY).collect::<Vec<_>>().chunks(500) {
        let entries = some.iter().map(|n| entry(&name(*n), Tlp::Green, &[]));
        my.assert(entries.collect());
    }
    my.withdraw(&first);
    let secret = domain("for-sg-alone.example");
    my.add(&secret, Tlp::AmberStrict, &["SG"]);
    let sg = federation.node("SG");
    sg.until("SG has all", || {
        sg.has(&name(MANY - 1)) && sg.has(&secret) && !sg.has(&first)
    });
    federation.node_mut("MY").kill();

    federation.node_mut("TH").start();
    let th = federation.node("TH");
    th.until("TH has all that is for it", || {
        th.count("MY", None) == MANY as u64 && !th.has(&first)
    });
    assert_eq!(th.about(&first)[0].state, State::Withdrawn);
    assert!(th.about(&secret).is_empty());
    let sg = federation.node("SG");
    let feeds = |node: &crate::support::Node| {
        let feeds = node.feeds().into_iter();
        let feeds = feeds.filter(|feed| feed.publisher == "MY");
        feeds.map(|feed| (feed.id, feed.leaves)).collect::<Vec<_>>()
    };
    let (at_sg, at_th) = (feeds(sg), feeds(th));
    assert_eq!((at_sg.len(), at_th.len()), (2, 1), "one is SG's alone");
    assert!(at_sg.contains(&at_th[0]));
    // SG says that it sees the same history.
    let proof = || th.about(&name(7))[0].clone();
    assert_eq!(proof().state, State::InForce);
    th.until("TH sees that SG vouches for it", || {
        let row = proof();
        row.proof == Proof::Witnessed && row.witnesses == ["SG"]
    });
    assert!(th.warnings().is_empty(), "{}", th.warnings());
}
