//! Connections taken step by step, to stop at any of them or go on in another way.

use std::net::SocketAddr;

use libp2p::core::upgrade::OutboundConnectionUpgrade as _;
use libp2p::futures::StreamExt as _;
use libp2p::futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::tcp::tokio::TcpStream;
use libp2p::tls;
use tokio::net::TcpSocket;

use super::super::driver::swarm;
use super::*;
use crate::net::peer::keypair;

/// Within TLS.
pub(super) type Secured = tls::TlsStream<TcpStream>;

/// Connects from an address of the loopback.
pub(super) async fn connect(from: [u8; 4], to: &Address) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let to = SocketAddr::new(to.ip_or_name().unwrap(), to.port());
    Ok(TcpStream(socket.connect(to).await?))
}

/// Agrees on a protocol in libp2p's way.
pub(super) async fn agree<S>(socket: &mut S, protocol: &str) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for line in ["/multistream/1.0.0", protocol] {
        let text = [
            &[u8::try_from(line.len() + 1).unwrap()],
            line.as_bytes(),
            b"\n",
        ]
        .concat();
        socket.write_all(&text).await?;
        socket.flush().await?;
        let mut answer = vec![0; text.len()];
        socket.read_exact(&mut answer).await?;
        assert_eq!(answer, text);
    }
    Ok(())
}

/// Does the handshake of TLS.
pub(super) async fn secure(mut socket: TcpStream, seed: &[u8; 32]) -> std::io::Result<Secured> {
    agree(&mut socket, "/tls/1.0.0").await?;
    secure_as(socket, &keypair(seed)).await
}

async fn secure_as(socket: TcpStream, key: &Keypair) -> std::io::Result<Secured> {
    let upgrade = tls::Config::new(key).unwrap();
    let done = upgrade.upgrade_outbound(socket, "/tls/1.0.0").await;
    done.map(|(_, secured)| secured)
        .map_err(std::io::Error::other)
}

/// Waits until the other side has closed, reading what it says.
pub(super) async fn closed<S: AsyncRead + Unpin>(mut socket: S) {
    let mut scrap = [0; 1024];
    let reading = async { while matches!(socket.read(&mut scrap).await, Ok(1..)) {} };
    timeout(PATIENCE, reading).await.expect("it is not closed");
}

/// Comes as somebody whom nobody knows, with a good key, and waits to be turned away.
pub(super) async fn knock(seed: &[u8; 32], from: [u8; 4], (name, to): &(PeerName, Address)) {
    match to.transport() {
        Transport::Tcp => {
            let Ok(socket) = connect(from, to).await else {
                return;
            };
            // Refused before the handshake or after it: both are an end.
            if let Ok(mut secured) = secure(socket, seed).await {
                drop(agree(&mut secured, "/yamux/1.0.0").await);
                closed(secured).await;
            }
        }
        Transport::Quic => {
            let mut swarm = swarm(seed, &Limits::default()).unwrap();
            let known = [(name.id(), Vec::new())];
            swarm.behaviour_mut().allow(known.into());
            let here = Address::of(from.into(), Transport::Quic, 0);
            swarm.listen_on(here.to_multiaddr().unwrap()).unwrap();
            let opts = DialOpts::unknown_peer_id().address(to.to_multiaddr().unwrap());
            swarm.dial(opts.build()).unwrap();
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionClosed { .. }
                    | SwarmEvent::OutgoingConnectionError { .. } => return,
                    _ => {}
                }
            }
        }
    }
}
