//! TCP with TLS 1.3, for networks that let no UDP through.
//!
//! TLS is the same as in QUIC, from the same library with the same key exchange; a peer proves its
//! name in its handshake. Before and within TLS two names are exchanged in the clear form of
//! libp2p, `/tls/1.0.0` and `/yamux/1.0.0`: that is all that is read of a peer before its name is
//! looked up.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use libp2p::PeerId;
use libp2p::core::Transport as _;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::tcp::tokio::{TcpStream, Transport};
use libp2p::{tcp, tls};
use rustix::net::sockopt;

use super::muxer::Multiplexing;
use super::{Address, Limits};

/// Connections that the kernel has taken and this node has not yet looked at.
const BACKLOG: u32 = 128;

/// The smallest unit in which the kernel counts the pause before it asks whether a peer is there.
const KERNELS_SECOND: Duration = Duration::from_secs(1);

/// The transport of a transport key.
pub(super) fn transport(
    key: &Keypair,
    limits: &Limits,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, tls::certificate::GenError> {
    let tls = tls::Config::new(key)?;
    let limits = limits.clone();
    let multiplexing = Multiplexing::new(&limits);
    let sockets = Transport::new(tcp::Config::new().listen_backlog(BACKLOG));
    Ok(sockets
        .map(move |socket, _| {
            if let Err(error) = notice_silence(&socket, &limits) {
                tracing::debug!(%error, "a socket cannot watch for silence");
            }
            socket
        })
        .upgrade(Version::V1Lazy)
        .authenticate(tls)
        .multiplex(multiplexing)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed())
}

/// Has the kernel end a connection whose peer acknowledges nothing, as QUIC does by itself.
fn notice_silence(socket: &TcpStream, limits: &Limits) -> io::Result<()> {
    let pause = limits.keep_alive.max(KERNELS_SECOND);
    let probes = limits
        .silence
        .as_millis()
        .div_ceil(pause.as_millis())
        .max(1);
    let probes = u32::try_from(probes).unwrap_or(u32::MAX);
    let silence = u32::try_from(limits.silence.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_socket_keepalive(&socket.0, true)?;
    sockopt::set_tcp_keepidle(&socket.0, pause)?;
    sockopt::set_tcp_keepintvl(&socket.0, pause)?;
    sockopt::set_tcp_keepcnt(&socket.0, probes)?;
    sockopt::set_tcp_user_timeout(&socket.0, silence)?;
    Ok(())
}

/// Whether a port is free. The transport lets several processes of one account share a port, so
/// that a second node would take connections away from the first one, unnoticed.
pub(super) fn probe(address: &Address) -> io::Result<()> {
    match address.ip_or_name() {
        Ok(ip) => TcpListener::bind(SocketAddr::new(ip, address.port())).map(drop),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_notice_silence() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpStream(tokio::net::TcpStream::connect(address).await.unwrap());
        let limits = Limits {
            silence: Duration::from_millis(14_500),
            keep_alive: Duration::from_secs(4),
            ..Limits::default()
        };
        notice_silence(&socket, &limits).unwrap();
        assert!(sockopt::socket_keepalive(&socket.0).unwrap());
        for pause in [
            sockopt::tcp_keepidle(&socket.0),
            sockopt::tcp_keepintvl(&socket.0),
        ] {
            assert_eq!(pause.unwrap(), limits.keep_alive);
        }
        assert_eq!(sockopt::tcp_keepcnt(&socket.0).unwrap(), 4);
        assert_eq!(sockopt::tcp_user_timeout(&socket.0).unwrap(), 14_500);
    }
}
