//! Nodes on machines of their own, as far as the system can play that: each in a network namespace,
//! joined by a bridge in another. It needs leave to make them, and says so where it has none.

use std::process::Command;

use kentong_protocol::indicator::Tlp;

use crate::network::listen;
use crate::support::{Federation, Node, domain, entry};

/// The namespaces, each with a cable to the bridge. They go when this is dropped.
struct Cables {
    hub: String,
    spaces: Vec<String>,
}

/// Runs a command of the system; whether it went well.
fn run(line: &str) -> bool {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    let output = command.args(words).output();
    output.is_ok_and(|output| output.status.success())
}

fn must(line: &str) {
    assert!(run(line), "{line}");
}

impl Cables {
    /// None if that is not allowed here.
    fn lay(name: &str, many: usize) -> Option<Self> {
        let hub = format!("kt{}{name}", std::process::id());
        if !run(&format!("ip netns add {hub}")) {
            println!("skipped: no leave to make network namespaces here, or no `ip`");
            return None;
        }
        let mut cables = Self {
            hub: hub.clone(),
            spaces: Vec::new(),
        };
        if !run(&format!("ip -n {hub} link add bridge type bridge")) {
            println!("skipped: no bridges between network namespaces here");
            return None;
        }
        must(&format!("ip -n {hub} link set bridge up"));
        for number in 1..=many {
            let space = format!("{hub}n{number}");
            must(&format!("ip netns add {space}"));
            cables.spaces.push(space.clone());
            let pair = format!("type veth peer name eth0 netns {space}");
            must(&format!("ip -n {hub} link add cable{number} {pair}"));
            must(&format!("ip -n {hub} link set cable{number} master bridge"));
            must(&format!("ip -n {hub} link set cable{number} up"));
            must(&format!(
                "ip -n {space} addr add 10.77.0.{number}/24 dev eth0"
            ));
            must(&format!("ip -n {space} link set eth0 up"));
        }
        Some(cables)
    }

    /// Pulls or plugs in the cable of one of them.
    fn set(&self, number: usize, plugged: bool) {
        let how = if plugged { "up" } else { "down" };
        must(&format!("ip -n {} link set cable{number} {how}", self.hub));
    }

    /// Moves a federation's nodes into the namespaces, in their order, and starts them.
    fn start(&self, federation: &mut Federation) {
        for (number, space) in (1..).zip(&self.spaces) {
            let node = &mut federation.nodes[number - 1];
            let within = ["ip", "netns", "exec", space];
            node.within = within.map(str::to_owned).to_vec();
            let member = node.member.clone();
            let address = format!("/ip4/10.77.0.{number}/udp/4747/quic-v1");
            listen(node, &[&address]);
            federation.move_to(&member, &address);
        }
        federation.nodes.iter_mut().for_each(Node::start);
        federation.connected();
    }

    /// Makes each cable slow and bad; how, in words.
    fn worsen(&self) -> Option<&'static str> {
        let each = |line: &str| {
            let on = |space: &String| run(&line.replace("SPACE", space));
            self.spaces.iter().all(on)
        };
        if each("tc -n SPACE qdisc add dev eth0 root netem delay 100ms loss 10%") {
            return Some("100 ms of delay each way and a loss of 10 %, by netem");
        }
        println!("no netem in this system: no delay (`bad_line` has it), only loss");
        let filter = "ip netns exec SPACE nft add";
        let lossy = each(&format!("{filter} table inet t"))
            && each(&format!(
                "{filter} chain inet t c {{ type filter hook input priority 0; }}"
            ))
            && each(&format!(
                "{filter} rule inet t c meta l4proto udp numgen random mod 10 0 drop"
            ));
        if !lossy {
            println!("skipped: nothing here can lose packets");
        }
        lossy.then_some("a loss of 10 %, by nft")
    }
}

impl Drop for Cables {
    fn drop(&mut self) {
        for space in self.spaces.iter().chain([&self.hub]) {
            run(&format!("ip netns del {space}"));
        }
    }
}

#[test]
fn who_is_unplugged_goes_on_alone_and_comes_back() {
    let Some(cables) = Cables::lay("a", 3) else {
        return;
    };
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    cables.start(&mut federation);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    let before = domain("before.example");
    my.add(&before, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&before));
    let pids = [my, sg, th].map(Node::pid);

    cables.set(2, false);
    my.withdraw(&before);
    let (of_my, of_sg, of_th) = (
        domain("of-my.example"),
        domain("of-sg.example"),
        domain("of-th.example"),
    );
    my.add(&of_my, Tlp::Green, &[]);
    sg.add(&of_sg, Tlp::Green, &[]);
    assert!(sg.has(&of_sg), "it goes on for itself");
    th.until("TH has it", || th.has(&of_my) && !th.has(&before));
    sg.until("SG misses them", || sg.status().connected.members == 0);
    for other in [my, th] {
        other.until("SG is missed", || other.status().connected.members == 1);
    }
    let many = (0..1_000).map(|n| entry(&domain(&format!("h{n}.example")), Tlp::Green, &[]));
    my.assert(many.collect());
    th.add(&of_th, Tlp::Green, &[]);
    assert!(sg.has(&before) && !sg.has(&of_my), "the cable is out");

    cables.set(2, true);
    sg.until("SG has all", || {
        sg.count("MY", None) == 1_001 && sg.has(&of_th) && !sg.has(&before)
    });
    for other in [my, th] {
        other.until("what SG said arrives", || other.has(&of_sg));
    }
    federation.connected();
    assert_eq!([my, sg, th].map(Node::pid), pids);
    for node in [my, sg, th] {
        let faults = node.peers().into_iter().flat_map(|peer| peer.faults);
        assert_eq!(faults.count(), 0, "{}", node.member);
    }
}

#[test]
fn a_release_arrives_over_bad_cables() {
    let Some(cables) = Cables::lay("b", 2) else {
        return;
    };
    let mut federation = Federation::new(&["MY", "SG"]);
    cables.start(&mut federation);
    let Some(how) = cables.worsen() else { return };
    println!("{how}");
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    for number in 0..10 {
        let value = domain(&format!("single-{number}.example"));
        my.add(&value, Tlp::Green, &[]);
        sg.until("SG has it", || sg.has(&value));
    }
    let many = (0..1_000).map(|n| entry(&domain(&format!("h{n}.example")), Tlp::Green, &[]));
    my.assert(many.collect());
    sg.until("SG has all", || sg.count("MY", None) == 1_010);
}
