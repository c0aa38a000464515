//! The end of the network, in good order.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::futures::StreamExt as _;
use tokio::time::{sleep, timeout};

use super::Driver;
use crate::net::{Closed, Event};

/// How long the links may take to end, the core to hear of it included.
const LINKS: Duration = Duration::from_secs(4);

/// How long the connections may take to close.
const CONNECTIONS: Duration = Duration::from_secs(1);

/// How long the last packets get to leave: QUIC's own tasks send them, unobserved.
const LAST_PACKETS: Duration = Duration::from_millis(50);

impl<E: From<Event> + Send + 'static> Driver<E> {
    /// Ends links, then connections, then itself: [`super::super::Network::shutdown`] waits for
    /// this value to be dropped.
    pub(super) async fn wind_down(mut self) {
        self.swarm.behaviour_mut().allow(BTreeMap::new());
        self.peers.clear();
        self.outboxes.stop_all(Closed::Shutdown);
        let links = async {
            while !self.links.is_empty() {
                tokio::select! {
                    _ = self.links.join_next() => {}
                    event = self.swarm.select_next_some() => drop(event),
                }
            }
        };
        if timeout(LINKS, links).await.is_err() {
            self.links.abort_all();
        }
        let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            // An error says that there is no connection.
            let _: Result<(), ()> = self.swarm.disconnect_peer_id(peer);
        }
        let connections = async {
            while self.swarm.connected_peers().next().is_some() {
                drop(self.swarm.select_next_some().await);
            }
        };
        if timeout(CONNECTIONS, connections).await.is_err() {
            tracing::debug!("connections left open");
        }
        sleep(LAST_PACKETS).await;
    }
}
