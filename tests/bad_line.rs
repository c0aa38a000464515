//! Nodes whose only line loses one packet in ten and takes its time, in a program of the test's own: so
//! it works on any machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kentong_protocol::indicator::Tlp;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

use crate::support::{Federation, Node, domain, entry};

/// What each packet takes, one way.
const DELAY: Duration = Duration::from_millis(100);
/// One packet in so many is lost.
const LOST: u64 = 10;
/// The longest packet over UDP.
const LONGEST: usize = 65_535;
/// Enough for a release over such a line, with what is lost sent again.
const SECONDS: Duration = Duration::from_secs(20);

/// A line to one node, on an address of its own.
pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<State>,
}

/// How a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    Bad,
}

struct State {
    quality: Quality,
    cut: AtomicBool,
    dice: AtomicU64,
    lost: AtomicU64,
    /// The bytes of the packets that got through, as UDP sees them.
    bytes: AtomicU64,
}

impl State {
    fn new(quality: Quality, seed: u64) -> Self {
        Self {
            quality,
            cut: AtomicBool::new(false),
            dice: AtomicU64::new(seed),
            lost: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn delay(&self) -> Duration {
        match self.quality {
            Quality::Good => Duration::ZERO,
            Quality::Bad => DELAY,
        }
    }

    /// Whether a packet gets through.
    fn carries(&self, packet: &[u8]) -> bool {
        let roll = |dice: u64| {
            let dice = dice ^ (dice << 13);
            let dice = dice ^ (dice >> 7);
            Some(dice ^ (dice << 17))
        };
        let order = Ordering::Relaxed;
        let rolled = self.dice.fetch_update(order, order, roll).unwrap();
        let loses = self.quality == Quality::Bad && rolled.is_multiple_of(LOST);
        let carries = !self.cut.load(order) && !loses;
        if carries {
            self.bytes.fetch_add(packet.len() as u64, order);
        } else {
            self.lost.fetch_add(1, order);
        }
        carries
    }
}

impl Line {
    fn to(node: SocketAddr, quality: Quality, runtime: &Runtime, seed: u64) -> Self {
        let state = Arc::new(State::new(quality, seed));
        let front = runtime.block_on(UdpSocket::bind((node.ip(), 0))).unwrap();
        let address = front.local_addr().unwrap();
        runtime.spawn(carry(Arc::new(front), node, Arc::clone(&state)));
        Self { address, state }
    }

    /// How many bytes it has carried.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::Relaxed)
    }

    fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::Relaxed);
    }
}

/// Carries what callers send to the node, and what it answers each of them.
async fn carry(front: Arc<UdpSocket>, node: SocketAddr, state: Arc<State>) {
    let mut callers: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut packet = vec![0; LONGEST];
    loop {
        // A node that is not there makes the system say so; it may come later.
        let Ok((len, caller)) = front.recv_from(&mut packet).await else {
            continue;
        };
        let back = match callers.get(&caller) {
            Some(back) => Arc::clone(back),
            None => {
                let back = Arc::new(UdpSocket::bind((node.ip(), 0)).await.unwrap());
                callers.insert(caller, Arc::clone(&back));
                tokio::spawn(answer(
                    Arc::clone(&back),
                    Arc::clone(&front),
                    caller,
                    Arc::clone(&state),
                ));
                back
            }
        };
        if state.carries(&packet[..len]) {
            let delay = state.delay();
            tokio::spawn(later(delay, back, packet[..len].to_vec(), node));
        }
    }
}

async fn answer(
    back: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    caller: SocketAddr,
    state: Arc<State>,
) {
    let mut packet = vec![0; LONGEST];
    loop {
        if let Ok((len, _)) = back.recv_from(&mut packet).await
            && state.carries(&packet[..len])
        {
            let delay = state.delay();
            tokio::spawn(later(
                delay,
                Arc::clone(&front),
                packet[..len].to_vec(),
                caller,
            ));
        }
    }
}

async fn later(delay: Duration, socket: Arc<UdpSocket>, packet: Vec<u8>, to: SocketAddr) {
    tokio::time::sleep(delay).await;
    drop(socket.send_to(&packet, to).await);
}

/// Nodes that reach each other over such lines alone.
pub(crate) fn over_lines(
    members: &[&str],
    quality: Quality,
    runtime: &Runtime,
) -> (Federation, Vec<Line>) {
    let mut federation = Federation::new(members);
    let lines = (1..).zip(members).map(|(seed, member)| {
        let config = std::fs::read_to_string(federation.node(member).home.join("config.toml"));
        let config = config.unwrap();
        let port = config
            .split("/udp/")
            .nth(1)
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        let node = SocketAddr::from((federation.ip, port.parse().unwrap()));
        Line::to(node, quality, runtime, seed * 0x9e37_79b9)
    });
    let lines: Vec<_> = lines.collect();
    for (member, line) in members.iter().zip(&lines) {
        let address = format!("/ip4/{}/udp/{}/quic-v1", federation.ip, line.address.port());
        federation.move_to(member, &address);
    }
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    (federation, lines)
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_release_arrives_over_a_line_that_loses_and_delays() {
    let runtime = runtime();
    let (federation, lines) = over_lines(&["MY", "SG"], Quality::Bad, &runtime);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let value = domain(&format!("single-{number}.example"));
        let began = Instant::now();
        my.add(&value, Tlp::Green, &[]);
        sg.until("SG has it", || sg.has(&value));
        let took = began.elapsed();
        assert!(took >= DELAY, "it did not go over the line");
        assert!(took < SECONDS, "{took:?}");
        slowest = slowest.max(took);
    }
    let name = |n: usize| domain(&format!("host-{n}.example"));
    let began = Instant::now();
    for some in (0..3_000).collect::<Vec<_>>().chunks(500) {
        let entries = some.iter().map(|n| entry(&name(*n), Tlp::Green, &[]));
        my.assert(entries.collect());
    }
    sg.until("SG has all", || sg.count("MY", None) == 3_020);
    let lost: u64 = lines
        .iter()
        .map(|line| line.state.lost.load(Ordering::Relaxed))
        .sum();
    println!(
        "slowest of 20: {slowest:?}; 3,000: {:?}; {lost} packets lost",
        began.elapsed()
    );
    assert!(lost > 0);
    for node in [my, sg] {
        let faults = node.peers().into_iter().flat_map(|peer| peer.faults);
        assert_eq!(faults.count(), 0, "{}", node.member);
    }
}

#[test]
fn a_line_that_is_cut_and_mended_is_used_again() {
    let runtime = runtime();
    let (federation, lines) = over_lines(&["MY", "SG"], Quality::Bad, &runtime);
    let [my, sg] = ["MY", "SG"].map(|name| federation.node(name));
    let pids = [my.pid(), sg.pid()];
    lines.iter().for_each(|line| line.cut(true));
    let values = ["of-my.example", "of-sg.example"].map(domain);
    for (node, value) in [my, sg].into_iter().zip(&values) {
        node.add(value, Tlp::Green, &[]);
        assert!(node.has(value), "each goes on for itself");
        node.until("the other is missed", || {
            node.status().connected.members == 0
        });
    }
    lines.iter().for_each(|line| line.cut(false));
    for (node, value) in [sg, my].into_iter().zip(&values) {
        node.until("it arrives", || node.has(value));
    }
    assert_eq!([my.pid(), sg.pid()], pids);
}
