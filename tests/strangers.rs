//! Who does not belong is kept out, under its own name, and disturbs nobody.

use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, domain};

#[test]
fn a_member_with_a_foreign_charter_is_named_and_the_others_go_on() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.recharter("TH", "ELSEWHERE");
    federation
        .nodes
        .iter_mut()
        .for_each(crate::support::Node::start);
    let my = federation.node("MY");
    my.until("MY names what is wrong", || {
        let peers = my.peers();
        let th = peers.iter().find(|peer| peer.member == "TH").unwrap();
        th.state != "connected"
            && th
                .faults
                .iter()
                .any(|(fault, _)| fault.contains("another federation"))
    });
    let value = domain("goes-on.example");
    my.add(&value, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("SG has it", || sg.has(&value));
    assert!(federation.node("TH").about(&value).is_empty());
}
