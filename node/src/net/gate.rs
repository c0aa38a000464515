//! Who is let in: the swarm's behaviour.
//!
//! The identity of a peer is known only after the handshake, so a stranger costs one; addresses
//! and the number of handshakes under way are looked at before.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::arrivals::{Arrivals, Origin, Place};
use super::handler::{Handler, Open, Outcome};
use super::meeting::Side;
use super::{Limits, RefusedBecause};

/// Lets in the peers of the table, within the limits, and hands their streams on.
#[derive(Debug)]
pub(super) struct Gate {
    me: PeerId,
    limits: Limits,
    arrivals: Arrivals,
    /// The peers of the table, with the addresses that their cards name.
    allowed: BTreeMap<PeerId, Vec<IpAddr>>,
    connections: BTreeMap<ConnectionId, (PeerId, Place)>,
    to_swarm: VecDeque<ToSwarm<Report, Open>>,
}

/// What became of the stream of a connection.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) outcome: Outcome,
}

impl Gate {
    pub(super) fn new(me: PeerId, limits: Limits) -> Self {
        Self {
            me,
            arrivals: Arrivals::new(limits.clone()),
            limits,
            allowed: BTreeMap::new(),
            connections: BTreeMap::new(),
            to_swarm: VecDeque::new(),
        }
    }

    /// Replaces the peers that are let in, each with the addresses that its card names; does not
    /// touch those that are in already.
    pub(super) fn allow(&mut self, allowed: BTreeMap<PeerId, Vec<IpAddr>>) {
        self.arrivals.expect(allowed.clone());
        self.allowed = allowed;
    }

    /// The names on a peer's card stand for these addresses.
    pub(super) fn resolved(&mut self, peer: PeerId, ips: impl Iterator<Item = IpAddr>) {
        self.arrivals.resolved(peer, ips);
    }

    /// Opens the stream on a connection.
    pub(super) fn open(&mut self, peer_id: PeerId, connection: ConnectionId) {
        let handler = NotifyHandler::One(connection);
        self.to_swarm.push_back(ToSwarm::NotifyHandler {
            peer_id,
            handler,
            event: Open,
        });
    }

    fn admit(&self, peer: PeerId, place: Place) -> Result<Handler, ConnectionDenied> {
        if !self.allowed.contains_key(&peer) {
            return Err(ConnectionDenied::new(RefusedBecause::NotAMember));
        }
        let of_peer = |of: &&(PeerId, Place)| of.0 == peer;
        let of_place = |of: &&(PeerId, Place)| of.1 == place;
        let connections = self.connections.values();
        let own = connections.clone().filter(of_peer).count();
        let why = if own >= self.limits.connections_per_peer {
            RefusedBecause::TooManyConnections
        } else if own == 0 {
            // Whatever others have: no member can keep another one out.
            return Ok(self.handler(&peer));
        } else if self.connections.len() >= self.limits.connections {
            RefusedBecause::TooManyConnectionsInAll
        } else if connections.filter(of_place).count() >= self.limits.connections_per_address {
            RefusedBecause::TooManyConnectionsFromAddress
        } else {
            return Ok(self.handler(&peer));
        };
        Err(ConnectionDenied::new(why))
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        Handler::new(Side::of(&self.me, peer))
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = Handler;
    type ToSwarm = Report;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.arrivals
            .begin(connection, Origin::of(remote), Instant::now())
            .map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer, Origin::of(remote).place())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer, Origin::of(remote).place())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let place = Origin::of(endpoint.get_remote_address()).place();
                self.arrivals.over(connection_id);
                self.arrivals.proven(peer_id, place);
                self.connections.insert(connection_id, (peer_id, place));
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.connections.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.arrivals.over(connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        outcome: Outcome,
    ) {
        let report = Report {
            peer,
            connection,
            outcome,
        };
        self.to_swarm.push_back(ToSwarm::GenerateEvent(report));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Report, Open>> {
        // The swarm polls after each of the calls above, and the driver polls the swarm after
        // `open`, hence no waker is kept.
        self.to_swarm.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gate: &Gate, peer: PeerId, host: u8, expected: Option<RefusedBecause>) {
        let refused = gate.admit(peer, Place::of([192, 0, 2, host].into())).err();
        assert_eq!(
            refused.map(|why| why.downcast::<RefusedBecause>().unwrap()),
            expected
        );
    }

    fn connect(gate: &mut Gate, peer: PeerId, host: u8) {
        check(gate, peer, host, None);
        let id = ConnectionId::new_unchecked(gate.connections.len());
        let place = Place::of([192, 0, 2, host].into());
        gate.connections.insert(id, (peer, place));
    }

    #[test]
    fn peers_are_admitted_by_name_and_number() {
        let limits = Limits {
            connections: 4,
            connections_per_address: 3,
            connections_per_peer: 2,
            ..Limits::default()
        };
        let mut gate = Gate::new(PeerId::random(), limits);
        let [a, b, c, d] = [(); 4].map(|()| PeerId::random());
        check(&gate, a, 1, Some(RefusedBecause::NotAMember));
        gate.allow([a, b, c].map(|peer| (peer, Vec::new())).into());
        check(&gate, d, 1, Some(RefusedBecause::NotAMember));
        connect(&mut gate, a, 1);
        connect(&mut gate, a, 1);
        check(&gate, a, 1, Some(RefusedBecause::TooManyConnections));
        connect(&mut gate, b, 1);
        let from_there = RefusedBecause::TooManyConnectionsFromAddress;
        check(&gate, b, 1, Some(from_there));
        connect(&mut gate, b, 2);
        // The first connection of a peer always has room, a second one does not.
        connect(&mut gate, c, 1);
        let in_all = RefusedBecause::TooManyConnectionsInAll;
        check(&gate, c, 3, Some(in_all));
    }
}
