//! Garbage at the doors of real nodes: the work goes on.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, domain};

/// Datagrams thrown at each node.
const DATAGRAMS: u32 = 20_000;

/// Where a node hears others, on loopback.
fn port(node: &Node) -> SocketAddr {
    let status = node.status();
    let address = status.listening.first().unwrap();
    let mut parts = address.split('/').skip_while(|part| *part != "udp");
    let port: u16 = parts.nth(1).unwrap().parse().unwrap();
    SocketAddr::from(([127, 0, 0, 1], port))
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
