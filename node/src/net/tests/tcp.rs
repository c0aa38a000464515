//! Links over TCP, where QUIC does not come through.

use std::net::{TcpListener, UdpSocket};
use std::pin::Pin;
use std::task::Poll;

use libp2p::futures::future::poll_fn;
use libp2p::futures::{AsyncWrite as _, AsyncWriteExt as _};

use super::*;

/// A UDP port behind which nobody answers, for as long as the socket is held.
fn dead_quic() -> (UdpSocket, Address) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, loopback(Transport::Quic, port))
}

#[tokio::test]
async fn tcp_carries_the_link_when_quic_is_dead() {
    for (dialler, listener) in [(0, 1), (1, 0)] {
        let mut a = Node::start(dialler).await;
        let mut b = Node::start_over(Transport::Tcp, listener).await;
        let (_socket, dead) = dead_quic();
        b.let_in(&a);
        let addresses = vec![dead, b.address.clone()];
        a.network.allow([(b.name(), addresses)].into());
        let there = a.connected(&b.name()).await;
        let back = b.connected(&a.name()).await;
        a.network.send(there, vec![1]).unwrap();
        assert_eq!(b.frame(back).await, [1]);
    }
}

#[tokio::test]
async fn quic_is_taken_when_both_are_there() {
    let limits = Limits {
        quic_head_start: PATIENCE,
        ..Limits::default()
    };
    let any = loopback(Transport::Quic, 0);
    let mut a = Node::start_with(0, any, 64, limits).await;
    let mut b = Node::start(1).await;
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    tcp.set_nonblocking(true).unwrap();
    let port = tcp.local_addr().unwrap().port();
    b.let_in(&a);
    // Whatever the card names first.
    let addresses = vec![loopback(Transport::Tcp, port), b.address.clone()];
    a.network.allow([(b.name(), addresses)].into());
    let there = a.connected(&b.name()).await;
    let back = b.connected(&a.name()).await;
    a.network.send(there, vec![1]).unwrap();
    assert_eq!(b.frame(back).await, [1]);
    let tried = tcp.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(tried, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn garbage_over_tcp_disturbs_nothing() {
    let mut victim = Node::start_over(Transport::Tcp, 9).await;
    let mut friend = Node::start_over(Transport::Tcp, 10).await;
    let member = seed(0);
    let name = PeerName::of(&member);
    victim
        .network
        .allow(BTreeMap::from([friend.entry(), (name, Vec::new())]));
    friend.let_in(&victim);
    let to_friend = victim.connected(&friend.name()).await;
    let to_victim = friend.connected(&victim.name()).await;
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| n.wrapping_mul(31).to_le_bytes()[1])
        .collect();
    for step in 0..4 {
        let from = [127, 0, 0, 2];
        let mut socket = raw::connect(from, &victim.address).await.unwrap();
        // The victim may close at any time.
        if step == 0 {
            drop(socket.write_all(&noise).await);
            raw::closed(socket).await;
        } else if step == 1 {
            raw::agree(&mut socket, "/tls/1.0.0").await.unwrap();
            drop(socket.write_all(&noise).await);
            raw::closed(socket).await;
        } else {
            // A member, by its key.
            let mut secured = raw::secure(socket, &member).await.unwrap();
            if step == 3 {
                raw::agree(&mut secured, "/yamux/1.0.0").await.unwrap();
            }
            drop(secured.write_all(&noise).await);
            drop(secured.flush().await);
            raw::closed(secured).await;
        }
        victim.network.send(to_friend, vec![step]).unwrap();
        assert_eq!(friend.frame(to_victim).await, [step]);
    }
    let rest = victim.finish().await;
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    // Those who said their name were known and came to nothing; the others were not.
    assert_eq!(
        rest.iter().filter(|event| refused(event)).count(),
        3,
        "{rest:?}"
    );
    let links = |event: &Event| matches!(event, Event::Connected { .. } | Event::Frame { .. });
    assert!(!rest.iter().any(links), "{rest:?}");
}

/// A member that opens more streams than the one, and fills them.
#[tokio::test]
async fn streams_that_nobody_expects_are_not_kept() {
    const STREAMS: usize = 100;
    let mut victim = Node::start_over(Transport::Tcp, 9).await;
    let mut friend = Node::start_over(Transport::Tcp, 10).await;
    let member = seed(0);
    let name = PeerName::of(&member);
    victim
        .network
        .allow(BTreeMap::from([friend.entry(), (name, Vec::new())]));
    friend.let_in(&victim);
    let to_friend = victim.connected(&friend.name()).await;
    let to_victim = friend.connected(&victim.name()).await;
    let socket = raw::connect([127, 0, 0, 2], &victim.address).await.unwrap();
    let mut secured = raw::secure(socket, &member).await.unwrap();
    raw::agree(&mut secured, "/yamux/1.0.0").await.unwrap();
    let config = yamux::Config::default();
    let mut connection = yamux::Connection::new(secured, config, yamux::Mode::Client);
    let mut streams = Vec::new();
    // Until the victim closes the connection.
    let flood = poll_fn(|cx| {
        if streams.len() < STREAMS
            && let Poll::Ready(Ok(stream)) = connection.poll_new_outbound(cx)
        {
            streams.push(stream);
            cx.waker().wake_by_ref();
        }
        streams.retain_mut(|stream| match Pin::new(stream).poll_write(cx, &[7; 1024]) {
            Poll::Ready(written) => {
                cx.waker().wake_by_ref();
                written.is_ok()
            }
            Poll::Pending => true,
        });
        connection.poll_next_inbound(cx).map(drop)
    });
    timeout(PATIENCE / 4, flood)
        .await
        .expect("it is not cut off");
    victim.network.send(to_friend, vec![1]).unwrap();
    assert_eq!(friend.frame(to_victim).await, [1]);
}
