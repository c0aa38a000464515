//! Who is let in: the swarm's behaviour.
//!
//! The identity of a peer is known only after the handshake, so a stranger costs one; addresses
//! and the number of handshakes under way are looked at before.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use super::handler::{Handler, Open, Outcome};
use super::meeting::Side;
use super::{Limits, RefusedBecause};

/// Lets in the peers of the table, within the limits, and hands their streams on.
#[derive(Debug)]
pub(super) struct Gate {
    me: PeerId,
    limits: Limits,
    allowed: BTreeSet<PeerId>,
    handshakes: BTreeMap<ConnectionId, Origin>,
    connections: BTreeMap<PeerId, usize>,
    to_swarm: VecDeque<ToSwarm<Report, Open>>,
}

/// What became of the stream of a connection.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) outcome: Outcome,
}

/// What handshakes are counted by: an IPv4 address or an IPv6 /64 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin(IpAddr);

impl Origin {
    fn of(address: &Multiaddr) -> Self {
        let ip = address.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => {
                const NETWORK: u128 = u128::MAX << 64;
                Some(IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & NETWORK)))
            }
            _ => None,
        });
        Self(ip.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
    }
}

impl Gate {
    pub(super) fn new(me: PeerId, limits: Limits) -> Self {
        Self {
            me,
            limits,
            allowed: BTreeSet::new(),
            handshakes: BTreeMap::new(),
            connections: BTreeMap::new(),
            to_swarm: VecDeque::new(),
        }
    }

    /// Replaces the peers that are let in; does not touch those that are in already.
    pub(super) fn allow(&mut self, allowed: BTreeSet<PeerId>) {
        self.allowed = allowed;
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

    fn admit(&self, peer: PeerId) -> Result<Handler, ConnectionDenied> {
        if !self.allowed.contains(&peer) {
            return Err(ConnectionDenied::new(RefusedBecause::NotAMember));
        }
        let connections = self.connections.get(&peer).copied().unwrap_or_default();
        if connections >= self.limits.connections_per_peer {
            return Err(ConnectionDenied::new(RefusedBecause::TooManyConnections));
        }
        Ok(Handler::new(Side::of(&self.me, &peer)))
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
        let origin = Origin::of(remote);
        if self.handshakes.len() >= self.limits.handshakes {
            return Err(ConnectionDenied::new(RefusedBecause::TooManyHandshakes));
        }
        let same = self
            .handshakes
            .values()
            .filter(|other| **other == origin)
            .count();
        if same >= self.limits.handshakes_per_address {
            return Err(ConnectionDenied::new(
                RefusedBecause::TooManyHandshakesFromAddress,
            ));
        }
        self.handshakes.insert(connection, origin);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.admit(peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                other_established,
                ..
            }) => {
                self.handshakes.remove(&connection_id);
                self.connections.insert(peer_id, other_established + 1);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                remaining_established,
                ..
            }) => {
                if remaining_established == 0 {
                    self.connections.remove(&peer_id);
                } else {
                    self.connections.insert(peer_id, remaining_established);
                }
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.handshakes.remove(&connection_id);
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

    fn gate(limits: Limits) -> Gate {
        Gate::new(PeerId::random(), limits)
    }

    #[test]
    fn handshakes_are_bounded_in_all_and_by_origin() {
        let limits = Limits {
            handshakes: 4,
            handshakes_per_address: 2,
            ..Limits::default()
        };
        let mut gate = gate(limits);
        let mut next = 0;
        let mut check = |gate: &mut Gate, from: &str, expected: Result<(), RefusedBecause>| {
            next += 1;
            let id = ConnectionId::new_unchecked(next);
            let remote: Multiaddr = format!("{from}/udp/1/quic-v1").parse().unwrap();
            let result = gate.handle_pending_inbound_connection(id, &remote, &remote);
            let result = result.map_err(|denied| denied.downcast::<RefusedBecause>().unwrap());
            assert_eq!(result, expected, "{from}");
        };
        check(&mut gate, "/ip4/192.0.2.1", Ok(()));
        check(&mut gate, "/ip4/192.0.2.1", Ok(()));
        let too_many = Err(RefusedBecause::TooManyHandshakesFromAddress);
        check(&mut gate, "/ip4/192.0.2.1", too_many);
        check(&mut gate, "/ip6/2001:db8::1", Ok(()));
        check(&mut gate, "/ip6/2001:db8::ffff:1", Ok(()));
        check(
            &mut gate,
            "/ip4/192.0.2.2",
            Err(RefusedBecause::TooManyHandshakes),
        );
        gate.handshakes.pop_first();
        check(&mut gate, "/ip6/2001:db8::2", too_many);
        check(&mut gate, "/ip4/192.0.2.1", Ok(()));
    }

    #[test]
    fn peers_are_admitted_by_name_and_number() {
        let mut gate = gate(Limits {
            connections_per_peer: 1,
            ..Limits::default()
        });
        let peer = PeerId::random();
        let check = |gate: &Gate, expected: Option<RefusedBecause>| {
            let refused = gate.admit(peer).err();
            assert_eq!(
                refused.map(|why| why.downcast::<RefusedBecause>().unwrap()),
                expected
            );
        };
        check(&gate, Some(RefusedBecause::NotAMember));
        gate.allow([peer].into());
        check(&gate, None);
        gate.connections.insert(peer, 1);
        check(&gate, Some(RefusedBecause::TooManyConnections));
    }
}
