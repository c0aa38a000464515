//! The network joint: authenticated links to the peers of charter members, over QUIC, or over TCP
//! with TLS where a network lets no UDP through (`node/DECISIONS.md#network`).
//!
//! The only module that names `libp2p`. Between two members there is one connection with one
//! stream of length-prefixed frames, a [`LinkId`] here; what the frames say is the core's affair.
//! The core is told what happens through one bounded channel of [`Event`]s and speaks through
//! [`Network`], whose methods never wait, so that a synchronous thread can call them.
//!
//! For each link the events are exactly one [`Event::Connected`], then any number of
//! [`Event::Frame`] and [`Event::Drained`], then exactly one [`Event::Disconnected`]; and a peer
//! has at most one link at a time. While the channel of events is full nothing more is read from
//! the links, and the peers' writing stalls: frames are never dropped.

mod address;
mod arrivals;
mod attempt;
mod driver;
mod event;
mod frame;
mod gate;
mod handler;
mod limits;
mod link;
mod meeting;
mod muxer;
mod outbox;
mod pace;
mod peer;
mod refusals;
mod tcp;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::sync::Arc;

use kentong_keys::Secret;
use tokio::sync::{mpsc, watch};

pub use self::address::{Address, AddressError, Transport};
pub use self::event::{Closed, DialFailure, Event, LinkId, RefusedBecause};
pub use self::frame::MAX_FRAME;
pub use self::limits::Limits;
pub use self::outbox::{Unsent, UnsentBecause};
pub use self::peer::{PeerName, PeerNameError};

use self::driver::Driver;
use self::outbox::Outboxes;

/// What a network is started with.
pub struct Settings {
    /// The Ed25519 seed of the transport key: this node's identity towards its peers.
    pub transport_seed: Secret<32>,
    /// Where to listen. Port 0 lets the system choose; [`Event::Listening`] says what it chose.
    pub listen: Vec<Address>,
    /// What peers and strangers may make grow, and how far.
    pub limits: Limits,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("transport_seed", &"…")
            .field("listen", &self.listen)
            .field("limits", &self.limits)
            .finish()
    }
}

/// Why a network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Listening failed, most often because another process has the port.
    #[error(
        "cannot listen on {address}: {reason}; is another node running on this port? \
         Choose another one, or port 0 for any free one"
    )]
    Listen {
        /// The address asked for.
        address: Address,
        /// What the system said.
        reason: String,
    },
    /// The transport could not be set up from the key.
    #[error("cannot set up QUIC and TLS with this transport key: {0}")]
    Transport(String),
}

/// The running network: a handle, cheap to clone. It shuts down when the last clone is dropped,
/// though only [`Network::shutdown`] can be waited for.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

struct Inner {
    name: PeerName,
    table: watch::Sender<BTreeMap<PeerName, Vec<Address>>>,
    stop: watch::Sender<Running>,
    outboxes: Outboxes,
}

/// Whether the network should go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Running {
    On,
    Off,
}

impl Network {
    /// Starts listening and returns at once. To be called within a tokio runtime.
    ///
    /// Nobody is let in before [`Network::allow`]. If the receiver of `events` is dropped the
    /// network shuts down.
    pub fn start<E>(settings: Settings, events: mpsc::Sender<E>) -> Result<Self, NetError>
    where
        E: From<Event> + Send + 'static,
    {
        let (table, table_receiver) = watch::channel(BTreeMap::new());
        let (stop, stop_receiver) = watch::channel(Running::On);
        let outboxes = Outboxes::default();
        let name = PeerName::of(settings.transport_seed.expose());
        let driver = Driver::new(
            settings,
            events,
            table_receiver,
            stop_receiver,
            outboxes.clone(),
        )?;
        tokio::spawn(driver.run());
        let inner = Inner {
            name,
            table,
            stop,
            outboxes,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The name by which peers know this node.
    #[must_use]
    pub fn name(&self) -> &PeerName {
        &self.inner.name
    }

    /// Replaces the table of peers that are let in and dialled, with their addresses. Connections
    /// of peers that are no longer in it are cut. A peer without addresses may dial us; of more
    /// than [`Limits::addresses_per_peer`] addresses the first ones are used.
    pub fn allow(&self, table: BTreeMap<PeerName, Vec<Address>>) {
        self.inner.table.send_replace(table);
    }

    /// Queues a frame on a link. Never waits: a queue without room gives the frame back, and
    /// [`Event::Drained`] says when to try again.
    pub fn send(&self, link: LinkId, frame: Vec<u8>) -> Result<(), Unsent> {
        match self.inner.outboxes.find(link) {
            Some(outbox) => outbox.push(frame),
            None => Err(Unsent {
                why: UnsentBecause::LinkGone,
                frame,
            }),
        }
    }

    /// Ends a link after what is queued on it has been written, and closes its connection.
    /// [`Event::Disconnected`] follows. If both sides still allow one another, the next
    /// connection follows too, after a pause that grows.
    pub fn close(&self, link: LinkId) {
        if let Some(outbox) = self.inner.outboxes.find(link) {
            outbox.stop(Closed::ByUs);
        }
    }

    /// Ends all links after what is queued on them has been written, says goodbye to the peers,
    /// and returns when that is done or has taken too long.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(Running::Off);
        self.inner.stop.closed().await;
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}

/// The environment variable that makes the TLS library write session keys to a file.
pub const KEY_LOG_VARIABLE: &str = "SSLKEYLOGFILE";

/// Session keys would be written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{KEY_LOG_VARIABLE} is set: the TLS library would write the session keys of every connection \
     to that file; unset it and start again"
)]
pub struct KeyLogging;

/// Refuses to run with key logging: libp2p installs it without asking. Takes the value of
/// [`KEY_LOG_VARIABLE`] from the environment; any value counts, the empty one too.
pub fn refuse_key_logging(value: Option<&OsStr>) -> Result<(), KeyLogging> {
    match value {
        Some(_) => Err(KeyLogging),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test waits for one event and fails on any other"
)]
mod tests;
