use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::time::Duration;

use libp2p::futures::{AsyncReadExt as _, AsyncWriteExt as _};
use libp2p::tcp::tokio::TcpStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::*;

/// Far more than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const MIB: usize = 1024 * 1024;

/// Two ends of a connection.
async fn sockets() -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let ends = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
    (ends.0.unwrap(), ends.1.unwrap().0)
}

/// Two ends of a connection whose packets take that long.
async fn far_apart(delay: Duration) -> (TcpStream, TcpStream) {
    let ((near, relay_near), (relay_far, far)) = (sockets().await, sockets().await);
    let (near_in, near_out) = relay_near.into_split();
    let (far_in, far_out) = relay_far.into_split();
    for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
        let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(4096);
        tokio::spawn(async move {
            let mut bytes = vec![0; 64 * 1024];
            while let Ok(len @ 1..) = from.read(&mut bytes).await {
                let sent = (Instant::now() + delay, bytes[..len].to_vec());
                if sender.send(sent).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some((arrives, bytes)) = under_way.recv().await {
                sleep_until(arrives).await;
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
    }
    (TcpStream(near), TcpStream(far))
}

/// Moves a connection on until it ends; what the peer opens goes to the channel.
fn drive<C>(mut muxer: Muxer<C>) -> mpsc::Receiver<Lane>
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, opened) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok(lane) = poll_fn(|cx| Pin::new(&mut muxer).poll_inbound(cx)).await {
            if sender.send(lane).await.is_err() {
                return;
            }
        }
    });
    opened
}

/// Opens a stream and goes on like [`drive`].
async fn open<C>(mut muxer: Muxer<C>) -> Lane
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lane = poll_fn(|cx| Pin::new(&mut muxer).poll_outbound(cx)).await;
    drop(drive(muxer));
    lane.unwrap()
}

fn start<C>(limits: &Limits, socket: C, mode: Mode) -> Muxer<C>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    Multiplexing::new(limits).start(socket, mode)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_read_is_bounded_however_slow_the_peer_answers() {
    // The slower the answers, the wider yamux opens the window of a stream that is read well.
    let (near, far) = far_apart(Duration::from_millis(100)).await;
    let limits = Limits::default();
    let generous = Limits {
        connection_window: 1 << 30,
        ..Limits::default()
    };
    let mut writer = open(start(&generous, near, Mode::Client)).await;
    let mut opened = drive(start(&limits, far, Mode::Server));
    let (written, mut watched) = watch::channel(0);
    tokio::spawn(async move {
        let bytes = vec![7; MIB];
        while let Ok(len) = writer.write(&bytes).await {
            written.send_modify(|written| *written += len);
        }
    });
    let mut reader = timeout(PATIENCE, opened.recv()).await.unwrap().unwrap();
    let mut bytes = vec![0; MIB];
    let mut read = 0;
    while read < 48 * MIB {
        let len = timeout(PATIENCE, reader.read(&mut bytes)).await;
        read += len.unwrap().unwrap();
    }
    // Until nothing more can be written.
    while timeout(Duration::from_secs(1), watched.changed())
        .await
        .is_ok()
    {}
    let unread = *watched.borrow() - read;
    let window = usize::try_from(limits.connection_window).unwrap();
    assert!(unread <= window, "{unread} bytes unread of {window}");
    // The window did grow, or this would show nothing.
    let first = usize::try_from(yamux::DEFAULT_CREDIT).unwrap();
    assert!(unread > 2 * first, "{unread} bytes unread of {window}");
}
