//! Garbage at the doors of real nodes: the work goes on.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kentong_keys::{Digest, SigningKey};
use kentong_node::control::reply::BrokenRule;
use kentong_protocol::bounded::{BoundedBytes, BoundedVec};
use kentong_protocol::feed::{Checkpoint, ConsistencyProof, EraseLeaf, FeedId, Leaf, Origin};
use kentong_protocol::guard::Guard;
use kentong_protocol::indicator::Tlp;
use kentong_protocol::wire::{Leaves, Message};

use crate::recorder::Recorder;
use crate::support::{Federation, Node, domain};

/// Datagrams thrown at each node.
const DATAGRAMS: u32 = 20_000;

/// Where a node hears others, on loopback.
fn port(node: &Node) -> SocketAddr {
    let status = node.status();
    let address = status.listening.first().unwrap();
    let part = |name: &str| {
        let mut parts = address.split('/').skip_while(|part| *part != name);
        parts.nth(1).unwrap().to_owned()
    };
    format!("{}:{}", part("ip4"), part("udp")).parse().unwrap()
}

/// Bytes without meaning, the same in every run; some begin as packets of QUIC do.
fn garbage(number: u32) -> Vec<u8> {
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut bytes: Vec<u8> = (0..number % 1400 + 1)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    if number.is_multiple_of(3) && bytes.len() > 5 {
        bytes[..5].copy_from_slice(&[0xc3, 0, 0, 0, 1]);
    }
    bytes
}

#[test]
fn garbage_on_the_wire_disturbs_nothing() {
    let federation = Federation::running(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let doors = [port(my), port(sg)];
    for number in 0..DATAGRAMS {
        for door in doors {
            // A full buffer is the flood doing its work.
            drop(socket.send_to(&garbage(number), door));
        }
        if number.is_multiple_of(4000) {
            let value = domain(&format!("amid-{number}.example"));
            my.add(&value, Tlp::Green, &[]);
            sg.until("SG has it all the same", || sg.has(&value));
        }
    }
    federation.connected();
    for node in &federation.nodes {
        let peers = node.peers();
        assert!(peers.iter().all(|peer| peer.faults.is_empty()), "{peers:?}");
    }
}

/// What the node answers to these bytes, until it closes.
fn said(node: &Node, bytes: &[u8]) -> String {
    let mut socket = UnixStream::connect(node.home.join("control.sock")).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // It may close before it has taken all of it.
    drop(socket.write_all(bytes));
    drop(socket.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    drop(socket.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

#[test]
fn garbage_from_an_operator_is_refused_with_words() {
    let mut federation = Federation::new(&["MY"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let good = domain("good.example");
    my.add(&good, Tlp::Green, &[]);
    let long = [vec![b'['; 64 << 20], b"\n".to_vec()].concat();
    for (what, bytes) in [
        ("no JSON", &b"hello\n"[..]),
        ("no text", &[0xff, 0xfe, 0x00, b'\n'][..]),
        ("an unknown request", b"{\"v\":1,\"request\":\"fly\"}\n"),
        ("another version", b"{\"v\":99,\"request\":\"status\"}\n"),
    ] {
        let answer = said(my, bytes);
        assert!(answer.contains("\"error\""), "{what}: {answer}");
        assert!(answer.contains("\"next\""), "{what}: {answer}");
    }
    let before = my.status().memory;
    let answer = said(my, &long);
    assert!(
        answer.is_empty() || answer.contains("\"error\""),
        "{answer}"
    );
    let grown = my.status().memory.saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes for one line without end");
    assert!(said(my, b"{\"v\":1,\"requ").len() < 1000, "half a line");
    assert!(my.has(&good));
}

/// A message that ended the nodes of an earlier version: its last leaf would stand behind all numbers.
fn at_the_end_of_all_numbers() -> Message {
    let feed = FeedId::from_digest(Digest::from_bytes([7; 32]));
    let origin = Origin {
        federation: "TEST".into(),
        publisher: "TH".parse().unwrap(),
        feed,
        incarnation: 0,
    };
    let key = SigningKey::from_seed([1; 32]);
    let head = Checkpoint::sign(origin, u64::MAX, Digest::from_bytes([8; 32]), &key);
    let leaf = Leaf::Erase(EraseLeaf {
        index: 0,
        reason: 0,
    });
    Message::Leaves(Box::new(Leaves {
        feed,
        from: u64::MAX,
        leaves: BoundedVec::new(vec![BoundedBytes::new(leaf.encode()).unwrap()]).unwrap(),
        checkpoint: BoundedBytes::new(head.note().to_vec()).unwrap(),
        proof: ConsistencyProof::default(),
        following: BoundedVec::default(),
    }))
}

/// Has a node go without a guard from its next start on.
fn leave_out(node: &mut Node, guard: Guard) {
    let name = guard.as_str().into();
    node.environment = vec![("KENTONG_WITHOUT_GUARDS", name)];
}

#[test]
fn a_message_on_which_a_node_fails_costs_its_sender_the_link_and_nobody_else() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    leave_out(federation.node_mut("MY"), Guard::LeavesEnd);
    federation.node_mut("SG").start();
    let message = at_the_end_of_all_numbers();
    for time in 0..2 {
        // The second time MY has just been started again.
        federation.node_mut("MY").start();
        let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
        let mut peer = Recorder::start(th, my);
        peer.until("it is greeted", |peer| !peer.frames.is_empty());
        peer.say(&message);
        peer.until("it is cut off", |peer| !peer.is_connected());
        let status = my.status();
        let named = "this node failed inside on what TH sent";
        let warning = status.warnings.iter().find(|w| w.text.contains(named));
        let warning = warning.unwrap_or_else(|| panic!("{:?}", status.warnings));
        assert!(
            warning.text.contains("come back in 1 minute"),
            "{}",
            warning.text
        );
        assert!(!status.warnings.iter().any(|w| w.text.contains("halted")));
        let peers = my.peers();
        let th = peers.iter().find(|peer| peer.member == "TH").unwrap();
        let why = th.why.as_deref().unwrap_or_default();
        assert!(why.contains("cut off for 1 minute"), "{why}");
        // The message is there for the developers, once, and for nobody else.
        let kept: Vec<_> = fs::read_dir(my.home.join("failures")).unwrap().collect();
        let [Ok(kept)] = &kept[..] else {
            panic!("{kept:?}");
        };
        assert!(
            warning
                .text
                .contains(my.home.join("failures").to_str().unwrap())
        );
        assert_eq!(fs::read(kept.path()).unwrap(), message.encode());
        assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // Nobody else notices.
        let value = domain(&format!("all-the-same-{time}.example"));
        my.add(&value, Tlp::Green, &[]);
        sg.until("SG has it", || sg.has(&value));
        federation.node_mut("MY").stop();
    }
    // With the guard it is a broken rule, and no failure.
    let my = federation.node_mut("MY");
    my.environment.clear();
    fs::remove_dir_all(my.home.join("failures")).unwrap();
    my.start();
    let [my, th] = ["MY", "TH"].map(|name| federation.node(name));
    let mut peer = Recorder::start(th, my);
    peer.until("it is greeted", |peer| !peer.frames.is_empty());
    peer.say(&message);
    peer.until("it is cut off", |peer| !peer.is_connected());
    let peers = my.peers();
    let th = peers.iter().find(|peer| peer.member == "TH").unwrap();
    let fault = BrokenRule {
        rule: "sent another number of leaves than its checkpoint covers".to_owned(),
        times: 1,
    };
    assert_eq!(th.faults, [fault]);
    assert!(!my.home.join("failures").exists());
}

#[test]
fn a_node_that_fails_while_it_stores_publishes_nothing_before_it_is_restarted() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let before = domain("before.example");
    my.add(&before, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&before));
    federation.node_mut("MY").stop();
    leave_out(federation.node_mut("MY"), Guard::StepEnds);
    federation.node_mut("MY").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let theirs = domain("theirs.example");
    sg.add(&theirs, Tlp::Green, &[]);
    my.until(
        "MY says that it failed, and that publishing is halted",
        || {
            let status = my.status();
            let says = |what: &str| status.warnings.iter().any(|w| w.text.contains(what));
            says("this node failed inside on what SG sent") && says("publishing is halted")
        },
    );
    let ours = domain("ours.example");
    let added = my.command(&[
        "add",
        "domain",
        "ours.example",
        "--scheme",
        "phishing",
        "--tlp",
        "green",
    ]);
    let said = String::from_utf8_lossy(&added.stderr).into_owned();
    assert!(!added.status.success(), "{said}");
    assert!(said.contains("halted"), "{said}");
    assert!(my.has(&before), "what is held is answered all the same");
    // The next start finds out what is on disk, and all goes on.
    federation.node_mut("MY").kill();
    federation.node_mut("MY").environment.clear();
    federation.node_mut("MY").start();
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    my.until("MY has what SG said", || my.has(&theirs));
    my.add(&ours, Tlp::Green, &[]);
    sg.until("SG has what MY says", || sg.has(&ours));
    for node in &federation.nodes {
        let peers = node.peers();
        assert!(peers.iter().all(|peer| peer.faults.is_empty()), "{peers:?}");
    }
}

#[test]
fn a_failure_beside_a_link_is_held_against_nobody_and_loses_nothing() {
    let mut federation = Federation::new(&["MY", "SG"]);
    leave_out(federation.node_mut("MY"), Guard::PublishedTold);
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    let my = federation.node("MY");
    let value = domain("beside.example");
    my.add(&value, Tlp::Green, &[]);
    my.until("MY says what happened", || {
        let warnings = my.status().warnings;
        let beside = "while it worked for the link with SG";
        warnings.iter().any(|w| w.text.contains(beside))
    });
    let status = my.status();
    assert!(!status.warnings.iter().any(|w| w.text.contains("halted")));
    let peers = my.peers();
    let sg = peers.iter().find(|peer| peer.member == "SG").unwrap();
    assert!(sg.faults.is_empty(), "{sg:?}");
    assert!(!my.home.join("failures").exists());
    assert!(my.has(&value));
    federation.node_mut("MY").stop();
    federation.node_mut("MY").environment.clear();
    federation.node_mut("MY").start();
    let sg = federation.node("SG");
    sg.until("SG has it", || sg.has(&value));
}
