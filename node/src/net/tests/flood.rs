//! Floods from many sockets, before and after the handshake, while an honest member comes and goes.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;

use super::*;
use crate::net::frame::MAX_FRAME;

/// How long the member may take to connect and to say something, in the midst of it all.
const BOUND: Duration = Duration::from_secs(10);

/// Other addresses of the loopback, as many as floods come from.
const ADDRESSES: u8 = 8;

/// Little room, so that a flood that fills it need not be large.
fn limits() -> Limits {
    Limits {
        handshakes: 8,
        handshakes_per_address: 4,
        ..Limits::default()
    }
}

fn from(number: u8) -> [u8; 4] {
    [127, 0, 0, 2 + number % ADDRESSES]
}

/// The flooded node, that listens over one transport; and a member that it lets in.
async fn victim(transport: Transport) -> (Node, Node) {
    let any = loopback(transport, 0);
    let victim = Node::start_with(9, any, 64, limits()).await;
    let member = Node::start_over(transport, 0).await;
    // It knows from where the member comes, and cannot call it.
    let whereabouts = vec![loopback(transport, 1)];
    victim.network.allow([(member.name(), whereabouts)].into());
    (victim, member)
}

/// The member connects and exchanges, three times.
async fn come_and_go(victim: &mut Node, member: &mut Node) {
    for round in 0..3 {
        let visit = async {
            member.allow(&[victim]);
            let connected = |event: &Event| matches!(event, Event::Connected { .. });
            let there = match until(member, connected).await {
                Event::Connected { link, .. } => link,
                other => panic!("{other:?}"),
            };
            until(victim, connected).await;
            member.network.send(there, vec![round; MAX_FRAME]).unwrap();
            until(victim, |event| matches!(event, Event::Frame { .. })).await;
            member.network.allow(BTreeMap::new());
            let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
            until(member, ended).await;
            until(victim, ended).await;
        };
        timeout(BOUND, visit).await.expect("the member is kept out");
    }
}

/// The next event but for refusals, which must be this one.
async fn until(node: &mut Node, expected: impl Fn(&Event) -> bool) -> Event {
    loop {
        match node.next().await {
            Event::Refused { .. } => {}
            event if expected(&event) => return event,
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until somebody is turned away for this reason: the flood has begun.
async fn refused(victim: &mut Node, reason: RefusedBecause) {
    let waiting = async {
        loop {
            match victim.next().await {
                Event::Refused { why, .. } if why == reason => return,
                Event::Refused { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("there is no flood");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_and_says_nothing_keeps_no_member_out() {
    let (mut victim, mut member) = victim(Transport::Tcp).await;
    let mut flood = JoinSet::new();
    for number in 0..40 {
        let address = victim.address.clone();
        flood.spawn(async move {
            loop {
                if let Ok(socket) = raw::connect(from(number), &address).await {
                    raw::closed(socket).await;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    refused(&mut victim, RefusedBecause::TooManyHandshakes).await;
    come_and_go(&mut victim, &mut member).await;
    flood.shutdown().await;
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let limits = Limits {
        handshake: Duration::from_millis(500),
        ..Limits::default()
    };
    let mut victim = Node::start_with(9, loopback(Transport::Tcp, 0), 64, limits).await;
    let begun = Instant::now();
    let socket = raw::connect(from(0), &victim.address).await.unwrap();
    raw::closed(socket).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    refused(&mut victim, RefusedBecause::Handshake).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_with_good_keys_keep_no_member_out() {
    for transport in BOTH {
        let (mut victim, mut member) = victim(transport).await;
        let mut flood = JoinSet::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        for number in 0..ADDRESSES {
            let to = (victim.name(), victim.address.clone());
            flood.spawn(async move {
                loop {
                    let next = NEXT.fetch_add(1, Ordering::Relaxed);
                    let mut seed = [0xee; 32];
                    seed[..8].copy_from_slice(&next.to_le_bytes());
                    raw::knock(&seed, from(number), &to).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        refused(&mut victim, RefusedBecause::NotAMember).await;
        come_and_go(&mut victim, &mut member).await;
        flood.shutdown().await;
    }
}

/// Prints figures; see with `--nocapture`.
#[test]
fn what_a_stranger_costs() {
    const STRANGERS: u32 = 200;
    for (handshakes, refused) in [(128, "after the handshake"), (0, "before it")] {
        for transport in BOTH {
            let limits = Limits {
                handshakes,
                strangers_pace: (u32::MAX, Duration::from_secs(1)),
                strangers_pace_per_address: (u32::MAX, Duration::from_secs(1)),
                ..Limits::default()
            };
            let cost = cost(transport, limits, STRANGERS) / STRANGERS;
            println!("{cost:?} of CPU for a stranger refused {refused} over {transport:?}");
        }
    }
}

/// The CPU time of a node's thread while strangers come, one after the other.
fn cost(transport: Transport, limits: Limits, strangers: u32) -> Duration {
    let (told, tell) = std::sync::mpsc::sync_channel(1);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let node = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let any = loopback(transport, 0);
            let node = Node::start_with(9, any, 64, limits).await;
            told.send((node.name(), node.address.clone())).unwrap();
            let before = cpu_time();
            stopped.await.unwrap();
            cpu_time() - before
        })
    });
    let to = tell.recv().unwrap();
    Runtime::new().unwrap().block_on(async {
        for number in 0..strangers {
            let mut seed = [0xdd; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            let [.., number] = number.to_be_bytes();
            timeout(PATIENCE, raw::knock(&seed, from(number), &to))
                .await
                .unwrap();
        }
    });
    stop.send(()).unwrap();
    node.join().unwrap()
}

/// The CPU time of this thread.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}
