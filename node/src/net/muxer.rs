//! The streams of a TCP connection: yamux, within bounds.
//!
//! Of a connection's streams one is used. libp2p has a wrapper of yamux of its own, under which a
//! peer that delays its answers can have the window of a connection grow to a GiB; and it does not
//! tell a stream that was closed from one whose connection broke.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p::futures::future::{Ready, ready};
use libp2p::futures::{AsyncRead, AsyncWrite};
use yamux::{Connection, ConnectionError, Mode};

use super::Limits;

/// Makes the multiplexer of a connection.
#[derive(Debug, Clone)]
pub(super) struct Multiplexing {
    config: yamux::Config,
    /// Streams that a peer may open on a connection, one after the other too.
    streams: usize,
}

impl Multiplexing {
    pub(super) fn new(limits: &Limits) -> Self {
        let streams = usize::try_from(limits.streams_per_connection).unwrap_or(usize::MAX);
        // Yamux gives each stream this much to begin with.
        let least = streams.saturating_mul(yamux::DEFAULT_CREDIT as usize);
        let window = usize::try_from(limits.connection_window).unwrap_or(usize::MAX);
        let mut config = yamux::Config::default();
        // In this order: yamux wants the window to hold the streams at any time.
        config
            .set_max_num_streams(streams)
            .set_max_connection_receive_window(Some(window.max(least)));
        Self { config, streams }
    }

    fn start<C: AsyncRead + AsyncWrite + Unpin>(self, socket: C, mode: Mode) -> Muxer<C> {
        Muxer {
            connection: Connection::new(socket, self.config, mode),
            opened: VecDeque::new(),
            left: self.streams,
            end: Arc::default(),
        }
    }
}

impl UpgradeInfo for Multiplexing {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<C> for Multiplexing {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Muxer<C>, Infallible>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.start(socket, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<C> for Multiplexing {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Muxer<C>, Infallible>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        ready(Ok(self.start(socket, Mode::Client)))
    }
}

/// What the streams of a connection say that the peer has closed in good order. No socket says it.
pub(super) const CLOSED_BY_PEER: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// Why a connection has ended, for its streams.
type End = Arc<Mutex<Option<io::ErrorKind>>>;

/// The multiplexer of a connection.
#[derive(Debug)]
pub(super) struct Muxer<C> {
    connection: Connection<C>,
    /// Streams that the peer has opened while nobody asked for one.
    opened: VecDeque<Lane>,
    /// How many more the peer may open: it needs one.
    left: usize,
    end: End,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    /// Moves the connection on until the peer opens a stream.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<Lane, ConnectionError>> {
        // Held throughout: a stream that is woken by the end waits for the reason.
        let mut end = lock(&self.end);
        let Poll::Ready(next) = self.connection.poll_next_inbound(cx) else {
            return Poll::Pending;
        };
        let mut next = next.unwrap_or(Err(ConnectionError::Closed));
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None if next.is_ok() => next = Err(ConnectionError::TooManyStreams),
            None => {}
        }
        if let Err(error) = &next {
            end.get_or_insert(kind(error));
        }
        drop(end);
        Poll::Ready(next.map(|stream| Lane::new(stream, &self.end)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = Lane;
    type Error = ConnectionError;

    fn poll_inbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Lane, ConnectionError>> {
        let this = self.get_mut();
        match this.opened.pop_front() {
            Some(stream) => Poll::Ready(Ok(stream)),
            None => this.advance(cx),
        }
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Lane, ConnectionError>> {
        let this = self.get_mut();
        let stream = this.connection.poll_new_outbound(cx);
        stream.map_ok(|stream| Lane::new(stream, &this.end))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.get_mut().connection.poll_close(cx)
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let this = self.get_mut();
        match this.advance(cx) {
            Poll::Ready(Ok(stream)) => {
                this.opened.push_back(stream);
                // Others get their turn before the next one.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What the end of a connection means for a stream that was not closed before.
fn kind(error: &ConnectionError) -> io::ErrorKind {
    match error {
        ConnectionError::Io(error) => error.kind(),
        ConnectionError::Closed => CLOSED_BY_PEER,
        ConnectionError::Decode(_)
        | ConnectionError::NoMoreStreamIds
        | ConnectionError::TooManyStreams
        | ConnectionError::InvalidWindowUpdate
        | _ => io::ErrorKind::InvalidData,
    }
}

/// A stream.
#[derive(Debug)]
pub(super) struct Lane {
    stream: yamux::Stream,
    end: End,
    /// Whether this side has closed it: then the end of reading is a good end.
    closed: bool,
}

impl Lane {
    fn new(stream: yamux::Stream, end: &End) -> Self {
        Self {
            stream,
            end: Arc::clone(end),
            closed: false,
        }
    }

    /// To yamux a stream whose connection broke, or that was reset, has merely ended.
    fn broken(&self) -> Option<io::Error> {
        if self.closed || !self.stream.is_closed() {
            return None;
        }
        let kind = lock(&self.end).unwrap_or(io::ErrorKind::ConnectionReset);
        Some(kind.into())
    }
}

impl AsyncRead for Lane {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_read(cx, bytes) {
            Poll::Ready(Ok(0)) if !bytes.is_empty() => {
                Poll::Ready(this.broken().map_or(Ok(0), Err))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(this.broken().unwrap_or(error))),
            other @ (Poll::Ready(Ok(_)) | Poll::Pending) => other,
        }
    }
}

impl AsyncWrite for Lane {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, bytes);
        result.map_err(|error| this.broken().unwrap_or(error))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_flush(cx);
        result.map_err(|error| this.broken().unwrap_or(error))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_close(cx);
        if let Poll::Ready(Ok(())) = result {
            this.closed = true;
        }
        result.map_err(|error| this.broken().unwrap_or(error))
    }
}

/// Locks what no holder can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
