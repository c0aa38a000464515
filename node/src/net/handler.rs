//! One connection's part of the gate: gets the one stream opened or accepted.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use std::collections::VecDeque;
use std::task::{Context, Poll};

use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound};
use libp2p::swarm::handler::{FullyNegotiatedOutbound, StreamUpgradeError};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, Stream, StreamProtocol, SubstreamProtocol,
};

use super::DialFailure;
use super::meeting::Side;

/// The protocol of the stream: frames as in [`super::frame`], their content as in `protocol`.
pub(super) const PROTOCOL: &str = "/kentong/1";

/// The lower of two peers opens the stream, on the connection that it has chosen; the higher one
/// accepts it. Any further stream is dropped.
#[derive(Debug)]
pub(super) struct Handler {
    side: Side,
    /// Whether the one stream was asked for or accepted.
    used: bool,
    asked: bool,
    outcome: VecDeque<Outcome>,
}

/// The lower peer's request to open the stream on this connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open;

/// What became of the stream.
#[derive(Debug)]
pub(super) enum Outcome {
    Opened(Stream),
    Failed(DialFailure),
}

impl Handler {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            used: false,
            asked: false,
            outcome: VecDeque::new(),
        }
    }

    fn accept(&mut self, stream: Stream) {
        if self.side == Side::Higher && !std::mem::replace(&mut self.used, true) {
            self.outcome.push_back(Outcome::Opened(stream));
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Outcome;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(StreamProtocol::new(PROTOCOL)), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Outcome>> {
        if std::mem::take(&mut self.asked) {
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: self.listen_protocol(),
            });
        }
        match self.outcome.pop_front() {
            Some(outcome) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(outcome)),
            // The connection polls again after each of the calls below, hence no waker is kept.
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, Open: Open) {
        if !std::mem::replace(&mut self.used, true) {
            self.asked = true;
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: stream,
                ..
            }) => self.accept(stream),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream,
                ..
            }) => self.outcome.push_back(Outcome::Opened(stream)),
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                let why = match error {
                    StreamUpgradeError::NegotiationFailed => DialFailure::NoCommonProtocol,
                    StreamUpgradeError::Timeout
                    | StreamUpgradeError::Apply(_)
                    | StreamUpgradeError::Io(_) => DialFailure::TurnedAway,
                };
                self.outcome.push_back(Outcome::Failed(why));
            }
            _ => {}
        }
    }
}
