//! What the swarm reports.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use libp2p::swarm::{ConnectionId, ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::{Driver, dial_failure};
use crate::net::gate::Report;
use crate::net::handler::Outcome;
use crate::net::meeting::Dialler;
use crate::net::refusals::Reported;
use crate::net::{Address, DialFailure, Event, PeerName, RefusedBecause};

impl<E: From<Event> + Send + 'static> Driver<E> {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<Report>) {
        match event {
            SwarmEvent::Behaviour(Report {
                peer,
                connection,
                outcome,
            }) => match outcome {
                Outcome::Opened(stream) => self.on_stream(peer, connection, stream),
                Outcome::Failed(why) => {
                    self.report(Event::DialFailed {
                        peer: PeerName::proven(peer),
                        why,
                    });
                    self.on_closed(peer, connection);
                    self.close_connection(connection);
                }
            },
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                let dialler = if endpoint.is_dialer() {
                    Dialler::Us
                } else {
                    Dialler::Them
                };
                self.on_established(peer_id, connection_id, dialler);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                endpoint,
                cause,
                ..
            } => {
                tracing::debug!(peer = %PeerName::proven(peer_id).short(), ?cause, "closed");
                let linked = self
                    .link_tasks
                    .values()
                    .any(|l| l.connection == connection_id);
                // The task of a link finds out by itself, and ends after its last frame.
                if !linked {
                    self.on_closed_without_link(peer_id, connection_id, endpoint.is_dialer());
                }
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                connection_id,
                error,
            } => {
                tracing::debug!(peer = %PeerName::proven(peer).short(), %error, "dial failed");
                self.on_dial_failed(peer, connection_id, dial_failure(&error));
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                peer_id,
                ..
            } => {
                self.on_refused(&send_back_addr, peer_id, error);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                if let Some(address) = Address::reported(&address) {
                    tracing::info!(%address, "listening");
                    // Few, and not to be done without.
                    self.waiting.push_back(Event::Listening(address));
                }
            }
            SwarmEvent::ListenerClosed {
                addresses, reason, ..
            } => {
                tracing::error!(?addresses, ?reason, "no longer listening");
            }
            SwarmEvent::ListenerError { error, .. } if self.trouble.take(Instant::now()) => {
                tracing::warn!(%error, "listening has trouble");
            }
            _ => {}
        }
    }

    fn on_established(&mut self, id: PeerId, connection: ConnectionId, dialler: Dialler) {
        tracing::debug!(peer = %PeerName::proven(id).short(), ?dialler, "handshake done");
        let Some(peer) = self.peers.get_mut(&id) else {
            // Removed from the table since the gate let it through.
            self.close_connection(connection);
            return;
        };
        if dialler == Dialler::Us {
            peer.attempt = None;
        }
        for act in peer
            .meeting
            .established(connection, dialler, Instant::now())
        {
            self.act(id, act);
        }
    }

    fn on_closed_without_link(&mut self, id: PeerId, connection: ConnectionId, ours: bool) {
        let was_connected = self
            .peers
            .get(&id)
            .is_some_and(|peer| peer.meeting.is_connected());
        self.on_closed(id, connection);
        let still = self
            .peers
            .get(&id)
            .is_some_and(|peer| peer.meeting.is_connected());
        // Of two simultaneous connections one is meant to close.
        if ours && was_connected && !still {
            let why = DialFailure::TurnedAway;
            self.report(Event::DialFailed {
                peer: PeerName::proven(id),
                why,
            });
        }
    }

    fn on_refused(&mut self, from: &Multiaddr, id: Option<PeerId>, error: ListenError) {
        let why = match error {
            ListenError::Denied { cause } => cause.downcast().unwrap_or(RefusedBecause::Handshake),
            ListenError::Aborted
            | ListenError::WrongPeerId { .. }
            | ListenError::LocalPeerId { .. }
            | ListenError::Transport(_) => RefusedBecause::Handshake,
        };
        let peer = id.map(PeerName::proven);
        let Some(Reported { in_all, unreported }) = self.refusals.note(why, Instant::now()) else {
            return;
        };
        tracing::debug!(%from, peer = peer.map(|peer| peer.short()), %why, in_all, "refused");
        self.report(Event::Refused {
            from: Address::reported(from),
            peer,
            why,
            in_all,
            unreported,
        });
    }
}
