//! Setting up the swarm.

use std::collections::{BTreeMap, VecDeque};

use libp2p::SwarmBuilder;
use libp2p::swarm::Swarm;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Driver;
use crate::net::gate::Gate;
use crate::net::outbox::Outboxes;
use crate::net::pace::Pace;
use crate::net::refusals::Refusals;
use crate::net::{Address, Event, Limits, NetError, PeerName, Running, Settings, Transport};
use crate::net::{peer, tcp};

impl<E: From<Event> + Send + 'static> Driver<E> {
    /// Sets up the transport and starts to listen.
    pub(in crate::net) fn new(
        settings: Settings,
        events: mpsc::Sender<E>,
        table: watch::Receiver<BTreeMap<PeerName, Vec<Address>>>,
        stop: watch::Receiver<Running>,
        outboxes: Outboxes,
    ) -> Result<Self, NetError> {
        let Settings {
            transport_seed,
            listen,
            limits,
        } = settings;
        let mut swarm = swarm(transport_seed.expose(), &limits)?;
        for address in listen {
            let failed = |reason: String| NetError::Listen {
                address: address.clone(),
                reason,
            };
            let multiaddr = address
                .to_multiaddr()
                .ok_or_else(|| failed("a host name; name an IP address of this machine".into()))?;
            if address.transport() == Transport::Tcp {
                tcp::probe(&address).map_err(|error| failed(error.to_string()))?;
            }
            swarm
                .listen_on(multiaddr)
                .map_err(|error| failed(error.to_string()))?;
        }
        let (at_once, pace) = (limits.refusals_at_once, limits.refusal_pace);
        let refusals = Refusals::new(at_once, pace);
        let trouble = Pace::new(at_once, pace, Instant::now());
        Ok(Self {
            me: *swarm.local_peer_id(),
            swarm,
            limits,
            table,
            stop,
            events,
            waiting: VecDeque::new(),
            peers: BTreeMap::new(),
            resolving: JoinSet::new(),
            links: JoinSet::new(),
            link_tasks: BTreeMap::new(),
            last_links: BTreeMap::new(),
            next_link: 0,
            outboxes,
            refusals,
            trouble,
        })
    }
}

/// The swarm of a transport key, not listening yet.
pub(in crate::net) fn swarm(seed: &[u8; 32], limits: &Limits) -> Result<Swarm<Gate>, NetError> {
    let millis = u32::try_from(limits.silence.as_millis()).unwrap_or(u32::MAX);
    let key = peer::keypair(seed);
    let tcp = tcp::transport(&key, limits);
    let tcp = tcp.map_err(|error| NetError::Transport(error.to_string()))?;
    let builder = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_quic_config(|mut quic| {
            quic.handshake_timeout = limits.handshake;
            quic.max_idle_timeout = millis;
            quic.keep_alive_interval = limits.keep_alive;
            quic.max_concurrent_stream_limit = limits.streams_per_connection;
            quic.max_stream_data = limits.stream_window;
            quic.max_connection_data = limits.connection_window;
            quic
        })
        .with_other_transport(|_| tcp)
        .unwrap_or_else(|never| match never {})
        .with_behaviour(|key| Gate::new(key.public().to_peer_id(), limits.clone()))
        .map_err(|error| NetError::Transport(error.to_string()))?;
    let streams = usize::try_from(limits.streams_per_connection).unwrap_or(1);
    Ok(builder
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(limits.without_stream)
                .with_max_negotiating_inbound_streams(streams)
        })
        .with_connection_timeout(limits.handshake)
        .build())
}
