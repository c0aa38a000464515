//! What the network tells the core.

use std::fmt;
use std::io;

use super::{Address, PeerName};

/// One connected link to a peer: never reused within a process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the network tells the core.
#[derive(Debug)]
pub enum Event {
    /// The node listens here; with the real port where port 0 was asked for.
    Listening(Address),
    /// A link to a peer of the table stands.
    Connected {
        /// Who is at the other end, proven by the handshake.
        peer: PeerName,
        /// The new link.
        link: LinkId,
    },
    /// A whole frame has arrived: between 1 and [`super::MAX_FRAME`] bytes.
    Frame {
        /// Who sent it.
        peer: PeerName,
        /// The link that it came over.
        link: LinkId,
        /// The frame without its length.
        bytes: Vec<u8>,
    },
    /// A queue that had refused a frame is down to half of its bound.
    Drained {
        /// Who the queue leads to.
        peer: PeerName,
        /// The link of the queue.
        link: LinkId,
    },
    /// A link has ended; what was still queued on it is lost.
    Disconnected {
        /// Who was at the other end.
        peer: PeerName,
        /// The link that ended.
        link: LinkId,
        /// Why it ended.
        why: Closed,
    },
    /// Somebody who wanted in was turned away. Under a flood only some refusals are reported.
    Refused {
        /// Where the connection came from.
        from: Option<Address>,
        /// Who it was, if the handshake came far enough to tell.
        peer: Option<PeerName>,
        /// Why it was turned away.
        why: RefusedBecause,
        /// How many were turned away for this reason since the network was started.
        in_all: u64,
        /// How many refusals for this reason went unreported since the last reported one.
        unreported: u64,
    },
    /// A peer of the table could not be reached; it will be tried again.
    DialFailed {
        /// Who was dialled.
        peer: PeerName,
        /// Why it failed.
        why: DialFailure,
    },
}

/// Why a link has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The core asked for it.
    #[error("closed by this node")]
    ByUs,
    /// The peer is no longer in the table.
    #[error("the peer is no longer a peer of a charter member")]
    NotAllowed,
    /// The peer has opened a newer link, as it does after a restart.
    #[error("replaced by a newer link to the same peer")]
    Superseded,
    /// This node shuts down.
    #[error("this node shuts down")]
    Shutdown,
    /// The peer closed the link in good order.
    #[error("closed by the peer")]
    ByPeer,
    /// Nothing came from the peer for [`super::Limits::silence`].
    #[error("the peer has fallen silent")]
    Silent,
    /// The transport failed.
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
    /// The peer announced a frame of more than [`super::MAX_FRAME`] bytes.
    #[error("the peer announced a frame of {announced} bytes")]
    FrameTooLong {
        /// The length announced.
        announced: u32,
    },
    /// The peer announced a frame of no bytes.
    #[error("the peer announced an empty frame")]
    EmptyFrame,
    /// The peer ended its stream in the middle of a frame.
    #[error("the peer stopped within a frame")]
    TornFrame,
}

impl Closed {
    /// Whether what is queued is still written before the connection is closed.
    pub(super) fn lets_the_queue_finish(self) -> bool {
        matches!(self, Self::ByUs | Self::Shutdown)
    }
}

/// Why a connection from outside was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RefusedBecause {
    /// The peer is not in the table; closed right after the handshake, nothing of it was decoded.
    #[error("not a peer of a charter member")]
    NotAMember,
    /// The handshake failed or took too long, so nobody knows who it was.
    #[error("the handshake failed")]
    Handshake,
    /// Too many handshakes are under way.
    #[error("too many handshakes are under way")]
    TooManyHandshakes,
    /// Too many handshakes with this address are under way.
    #[error("too many handshakes with this address are under way")]
    TooManyHandshakesFromAddress,
    /// This address begins handshakes too often.
    #[error("this address begins handshakes too often")]
    TooOftenFromAddress,
    /// Addresses that are not of members begin handshakes too often.
    #[error("strangers begin handshakes too often")]
    TooOften,
    /// The peer already has as many connections as one peer may have.
    #[error("the peer has too many connections")]
    TooManyConnections,
    /// The peer has a connection, and there are as many as there may be.
    #[error("there are too many connections")]
    TooManyConnectionsInAll,
    /// The peer has a connection, and its address as many as an address may have.
    #[error("its address has too many connections")]
    TooManyConnectionsFromAddress,
}

/// Why a peer could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialFailure {
    /// None of the peer's host names has an address, or there is no usable address at all.
    #[error("none of its addresses can be resolved")]
    NoAddress,
    /// No address answered.
    #[error("none of its addresses answers")]
    Unreachable,
    /// Somebody else answered.
    #[error("another peer answered at its address")]
    WrongPeer,
    /// It answered and closed the connection without opening a link: it does not know us, or
    /// speaks another protocol.
    #[error("it closed the connection; has it installed a charter and card that name this node?")]
    TurnedAway,
    /// It does not speak this version of the protocol.
    #[error("it does not speak {}", super::handler::PROTOCOL)]
    NoCommonProtocol,
}
