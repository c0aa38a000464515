//! Real networks on the loopback: ports are the kernel's choice, and events are waited for.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

mod flood;
mod hostile;
mod raw;
mod tcp;

/// Far more than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Node {
    network: Network,
    events: mpsc::Receiver<Event>,
    /// Where it listens; of several addresses the first one.
    address: Address,
}

const BOTH: [Transport; 2] = [Transport::Quic, Transport::Tcp];

fn loopback(transport: Transport, port: u16) -> Address {
    Address::of(Ipv4Addr::LOCALHOST.into(), transport, port)
}

/// The seed of the `rank`-th of some transport keys, ordered by their peers' names.
fn seed(rank: usize) -> [u8; 32] {
    let mut seeds: Vec<[u8; 32]> = (0..64).map(|n| [n; 32]).collect();
    seeds.sort_by_key(PeerName::of);
    seeds[rank]
}

impl Node {
    async fn start(rank: usize) -> Self {
        Self::start_over(Transport::Quic, rank).await
    }

    async fn start_over(transport: Transport, rank: usize) -> Self {
        Self::start_with(rank, loopback(transport, 0), 64, Limits::default()).await
    }

    async fn start_with(rank: usize, listen: Address, channel: usize, limits: Limits) -> Self {
        let (sender, mut events) = mpsc::channel(channel);
        let transport_seed = Secret::new(seed(rank));
        let settings = Settings {
            transport_seed,
            listen: vec![listen],
            limits,
        };
        let network = Network::start(settings, sender).unwrap();
        let address = match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            Event::Listening(address) => address,
            other => panic!("{other:?}"),
        };
        Self {
            network,
            events,
            address,
        }
    }

    fn name(&self) -> PeerName {
        *self.network.name()
    }

    fn entry(&self) -> (PeerName, Vec<Address>) {
        (self.name(), vec![self.address.clone()])
    }

    /// Lets a node in without knowing where it is.
    fn let_in(&self, other: &Self) {
        self.network
            .allow(BTreeMap::from([(other.name(), Vec::new())]));
    }

    fn allow(&self, others: &[&Self]) {
        self.network
            .allow(others.iter().map(|other| other.entry()).collect());
    }

    /// The next event that is not about a failed dial.
    async fn next(&mut self) -> Event {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            match event.expect("no event").expect("the network has ended") {
                Event::DialFailed { .. } => {}
                event => return event,
            }
        }
    }

    async fn connected(&mut self, to: &PeerName) -> LinkId {
        match self.next().await {
            Event::Connected { peer, link } if peer == *to => link,
            other => panic!("{other:?}"),
        }
    }

    async fn disconnected(&mut self, from: LinkId) -> Closed {
        match self.next().await {
            Event::Disconnected { link, why, .. } if link == from => why,
            other => panic!("{other:?}"),
        }
    }

    async fn frame(&mut self, from: LinkId) -> Vec<u8> {
        match self.next().await {
            Event::Frame { link, bytes, .. } if link == from => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Ends the network, and tells all its events to the end.
    async fn finish(mut self) -> Vec<Event> {
        let network = self.network;
        let shutdown = tokio::spawn(async move { network.shutdown().await });
        let mut rest = Vec::new();
        while let Some(event) = timeout(PATIENCE, self.events.recv()).await.unwrap() {
            rest.push(event);
        }
        shutdown.await.unwrap();
        rest
    }
}

/// Two nodes with a link; the first one has dialled.
async fn pair(mut dialler: Node, mut listener: Node) -> (Node, LinkId, Node, LinkId) {
    listener.let_in(&dialler);
    dialler.allow(&[&listener]);
    let there = dialler.connected(&listener.name()).await;
    let back = listener.connected(&dialler.name()).await;
    (dialler, there, listener, back)
}

/// A frame whose content tells its number.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut frame = vec![number.to_le_bytes()[0]; len];
    frame[..4].copy_from_slice(&number.to_le_bytes());
    frame
}

#[tokio::test]
async fn frames_arrive_in_order_both_ways() {
    // Whichever peer dials, the lower or the higher.
    let ways = [(0, 1), (1, 0)].map(|ranks| BOTH.map(|transport| (transport, ranks)));
    for (transport, (dialler, listener)) in ways.into_iter().flatten() {
        let dialler = Node::start_over(transport, dialler).await;
        let listener = Node::start_over(transport, listener).await;
        let (mut a, there, mut b, back) = pair(dialler, listener).await;
        let lengths = [4, 5, MAX_FRAME, 100_000, 1024 * 1024, 7];
        for (number, len) in (0..).zip(lengths) {
            a.network.send(there, numbered(number, len)).unwrap();
            b.network.send(back, numbered(number + 100, len)).unwrap();
        }
        for (number, len) in (0..).zip(lengths) {
            assert!(
                b.frame(back).await == numbered(number, len),
                "frame {number}"
            );
            assert!(
                a.frame(there).await == numbered(number + 100, len),
                "frame {number}"
            );
        }
    }
}

#[tokio::test]
async fn simultaneous_dials_lead_to_one_link() {
    for rank in 0..20 {
        let transport = BOTH[rank % 2];
        let mut a = Node::start_over(transport, 2 * rank).await;
        let mut b = Node::start_over(transport, 2 * rank + 1).await;
        a.allow(&[&b]);
        b.allow(&[&a]);
        let there = a.connected(&b.name()).await;
        let back = b.connected(&a.name()).await;
        a.network.send(there, vec![1]).unwrap();
        b.network.send(back, vec![2]).unwrap();
        assert_eq!(a.frame(there).await, [2]);
        assert_eq!(b.frame(back).await, [1]);
        // Any second link would show between here and the end.
        let (a_rest, b_rest) = tokio::join!(a.finish(), b.finish());
        for (rest, link) in [(a_rest, there), (b_rest, back)] {
            let rest: Vec<Event> = rest
                .into_iter()
                .filter(|e| !matches!(e, Event::DialFailed { .. }))
                .collect();
            let [Event::Disconnected { link: ended, .. }] = rest.as_slice() else {
                panic!("{rest:?}");
            };
            assert_eq!(*ended, link);
        }
    }
}

#[tokio::test]
async fn what_is_queued_before_the_end_is_delivered() {
    for transport in BOTH {
        let dialler = Node::start_over(transport, 0).await;
        let listener = Node::start_over(transport, 1).await;
        let (mut a, there, mut b, back) = pair(dialler, listener).await;
        for number in 0..20 {
            a.network.send(there, numbered(number, 300_000)).unwrap();
        }
        a.network.close(there);
        let refused = a.network.send(there, vec![1]).unwrap_err();
        assert_eq!(
            (refused.why, refused.frame),
            (UnsentBecause::LinkGone, vec![1])
        );
        for number in 0..20 {
            assert!(
                b.frame(back).await == numbered(number, 300_000),
                "frame {number}"
            );
        }
        assert_eq!(b.disconnected(back).await, Closed::ByPeer);
        assert_eq!(a.disconnected(there).await, Closed::ByUs);
    }
}

#[tokio::test]
async fn a_peer_that_leaves_the_table_is_cut_off() {
    let (mut a, there, mut b, back) = pair(Node::start(0).await, Node::start(1).await).await;
    let mut c = Node::start(2).await;
    c.let_in(&b);
    b.allow(&[&a, &c]);
    let to_c = b.connected(&c.name()).await;
    let from_b = c.connected(&b.name()).await;
    b.allow(&[&c]);
    assert_eq!(b.disconnected(back).await, Closed::NotAllowed);
    assert_eq!(a.disconnected(there).await, Closed::ByPeer);
    match b.next().await {
        Event::Refused { peer, why, .. } => {
            assert_eq!((peer, why), (Some(a.name()), RefusedBecause::NotAMember));
        }
        other => panic!("{other:?}"),
    }
    b.network.send(to_c, vec![3]).unwrap();
    assert_eq!(c.frame(from_b).await, [3]);
    // And back in again.
    b.allow(&[&c, &a]);
    loop {
        match b.next().await {
            Event::Connected { peer, .. } if peer == a.name() => break,
            Event::Refused { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_peer_that_restarts_is_found_again() {
    // As the dialler only the node that stays knows an address; then only the other one does.
    let ways = [true, false].map(|dials| BOTH.map(|transport| (transport, dials)));
    for (transport, the_one_that_stays_dials) in ways.into_iter().flatten() {
        let ours = Runtime::new().unwrap();
        let theirs = Runtime::new().unwrap();
        let stays = ours.block_on(Node::start_over(transport, 0));
        let leaves = theirs.block_on(Node::start_over(transport, 1));
        let (mut stays, link, leaves) = if the_one_that_stays_dials {
            let (stays, link, leaves, _) = ours.block_on(pair(stays, leaves));
            (stays, link, leaves)
        } else {
            let (leaves, _, stays, link) = ours.block_on(pair(leaves, stays));
            (stays, link, leaves)
        };
        let address = leaves.address.clone();
        let ended = theirs.block_on(leaves.finish());
        let why = ended.iter().find_map(|event| match event {
            Event::Disconnected { why, .. } => Some(*why),
            _ => None,
        });
        assert_eq!(why, Some(Closed::Shutdown));
        assert_eq!(ours.block_on(stays.disconnected(link)), Closed::ByPeer);
        // QUIC's own tasks hold the port for a while longer; they end with the process.
        theirs.shutdown_timeout(PATIENCE);
        ours.block_on(async {
            let mut again = Node::start_with(1, address, 64, Limits::default()).await;
            if the_one_that_stays_dials {
                again.let_in(&stays);
            } else {
                again.allow(&[&stays]);
            }
            let there = stays.connected(&again.name()).await;
            let back = again.connected(&stays.name()).await;
            again.network.send(back, vec![5]).unwrap();
            assert_eq!(stays.frame(there).await, [5]);
        });
    }
}

#[test]
fn a_peer_that_vanishes_is_noticed_and_may_come_back() {
    let limits = Limits {
        silence: Duration::from_millis(1500),
        keep_alive: Duration::from_millis(300),
        ..Limits::default()
    };
    for transport in BOTH {
        let ours = Runtime::new().unwrap();
        let theirs = Runtime::new().unwrap();
        let any = loopback(transport, 0);
        let (mut a, b) = (
            ours.block_on(Node::start_with(0, any.clone(), 64, limits.clone())),
            theirs.block_on(Node::start_with(1, any, 64, limits.clone())),
        );
        let address = b.address.clone();
        a.allow(&[&b]);
        b.let_in(&a);
        let link = ours.block_on(a.connected(&b.name()));
        // The process dies: its tasks stop where they are, and nobody says goodbye.
        theirs.shutdown_timeout(PATIENCE);
        let started = Instant::now();
        let why = ours.block_on(a.disconnected(link));
        assert!(matches!(why, Closed::Silent | Closed::Broken(_)), "{why}");
        assert!(started.elapsed() < PATIENCE / 2);
        drop(b);
        ours.block_on(async {
            let mut b = Node::start_with(1, address, 64, limits.clone()).await;
            b.let_in(&a);
            a.connected(&b.name()).await;
            b.connected(&a.name()).await;
        });
    }
}

#[tokio::test]
async fn a_core_that_does_not_keep_up_slows_the_sender_and_loses_nothing() {
    const LEN: usize = 64 * 1024;
    let limits = Limits {
        queue_bytes: 4 * LEN,
        stream_window: 128 * 1024,
        connection_window: 128 * 1024,
        ..Limits::default()
    };
    let any = loopback(Transport::Quic, 0);
    let sender = Node::start_with(0, any.clone(), 64, limits.clone()).await;
    let reader = Node::start_with(1, any, 1, limits).await;
    let (mut sender, there, mut reader, back) = pair(sender, reader).await;
    let mut sent = 0;
    let mut refusals = 0;
    // The channel, both windows and the queue hold some ten frames: thirty cannot all go out.
    while sent < 30 {
        match sender.network.send(there, numbered(sent, LEN)) {
            Ok(()) => sent += 1,
            Err(unsent) => {
                assert_eq!(unsent.why, UnsentBecause::QueueFull);
                refusals += 1;
                // While the reader's core takes nothing only the first ones find their way.
                let quiet = timeout(Duration::from_millis(300), sender.next()).await;
                match quiet {
                    Ok(Event::Drained { link, .. }) => assert_eq!(link, there),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => break,
                }
            }
        }
    }
    assert!(
        refusals > 0 && sent < 30,
        "{refusals} refusals, {sent} sent"
    );
    let mut received = 0;
    let reading = async {
        while received < 60 {
            assert!(
                reader.frame(back).await == numbered(received, LEN),
                "frame {received}"
            );
            received += 1;
        }
    };
    let writing = async {
        while sent < 60 {
            match sender.network.send(there, numbered(sent, LEN)) {
                Ok(()) => sent += 1,
                Err(_) => match sender.next().await {
                    Event::Drained { link, .. } => assert_eq!(link, there),
                    other => panic!("{other:?}"),
                },
            }
        }
    };
    tokio::join!(reading, writing);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_with_its_address() {
    for transport in BOTH {
        let a = Node::start_over(transport, 0).await;
        let (sender, _events) = mpsc::channel::<Event>(8);
        let settings = Settings {
            transport_seed: Secret::new(seed(1)),
            listen: vec![a.address.clone()],
            limits: Limits::default(),
        };
        let error = Network::start(settings, sender).unwrap_err();
        assert!(
            error.to_string().contains(&a.address.to_string()),
            "{error}"
        );
    }
}

#[test]
fn secrets_do_not_show() {
    let settings = Settings {
        transport_seed: Secret::new([7; 32]),
        listen: Vec::new(),
        limits: Limits::default(),
    };
    let shown = format!("{settings:?}");
    assert!(
        shown.contains("transport_seed") && !shown.contains("7, 7"),
        "{shown}"
    );
    assert_eq!(
        refuse_key_logging(Some(OsStr::new("/tmp/keys"))),
        Err(KeyLogging)
    );
    assert_eq!(refuse_key_logging(Some(OsStr::new(""))), Err(KeyLogging));
    assert_eq!(refuse_key_logging(None), Ok(()));
}

/// Prints a figure; see with `--nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throughput() {
    const FRAMES: u32 = 2048;
    for transport in BOTH {
        throughput_over(transport, FRAMES).await;
    }
}

async fn throughput_over(transport: Transport, frames: u32) {
    const LEN: usize = 64 * 1024;
    let dialler = Node::start_over(transport, 0).await;
    let (mut a, there, mut b, back) = pair(dialler, Node::start_over(transport, 1).await).await;
    let started = Instant::now();
    let writing = async {
        let mut sent = 0;
        while sent < frames {
            match a.network.send(there, numbered(sent, LEN)) {
                Ok(()) => sent += 1,
                Err(_) => drop(a.next().await),
            }
        }
    };
    let reading = async {
        for number in 0..frames {
            assert_eq!(b.frame(back).await[..4], number.to_le_bytes());
        }
    };
    tokio::join!(writing, reading);
    let megabytes = f64::from(frames) * 65_536.0 / 1e6;
    let rate = megabytes / started.elapsed().as_secs_f64();
    println!("{rate:.0} MB/s over {transport:?} in frames of 64 KiB");
}
