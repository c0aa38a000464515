//! A dial of a peer: over QUIC first, over TCP when that fails or lasts. Pure.

use std::collections::BTreeSet;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::DialFailure;

/// What is under way to reach a peer, and what is left to try.
#[derive(Debug)]
pub(super) struct Attempt {
    under_way: BTreeSet<ConnectionId>,
    /// The TCP addresses, for when QUIC has failed or had its time.
    fallback: Option<(Instant, Vec<Multiaddr>)>,
    why: DialFailure,
}

/// What a failure leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Another dial is under way, or it was none of this attempt.
    Wait,
    /// These addresses are to be dialled now.
    Dial(Vec<Multiaddr>),
    /// All has been tried.
    Over(DialFailure),
}

impl Attempt {
    /// What to dial at once, and the attempt. TCP waits until `fallback_at`, unless there is
    /// nothing else.
    pub(super) fn begin(addresses: Vec<Multiaddr>, fallback_at: Instant) -> (Vec<Multiaddr>, Self) {
        let is_tcp = |address: &Multiaddr| address.iter().any(|p| matches!(p, Protocol::Tcp(_)));
        let (tcp, quic): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_tcp);
        let (first, fallback) = match (quic.is_empty(), tcp.is_empty()) {
            (true, _) => (tcp, None),
            (false, true) => (quic, None),
            (false, false) => (quic, Some((fallback_at, tcp))),
        };
        let attempt = Self {
            under_way: BTreeSet::new(),
            fallback,
            why: DialFailure::Unreachable,
        };
        (first, attempt)
    }

    /// A dial has been started.
    pub(super) fn started(&mut self, connection: ConnectionId) {
        self.under_way.insert(connection);
    }

    /// When to call [`Attempt::fall_back`].
    pub(super) fn fallback_at(&self) -> Option<Instant> {
        self.fallback.as_ref().map(|(at, _)| *at)
    }

    /// QUIC has had its time: what to dial besides.
    pub(super) fn fall_back(&mut self) -> Vec<Multiaddr> {
        self.fallback
            .take()
            .map(|(_, addresses)| addresses)
            .unwrap_or_default()
    }

    /// A dial has failed. Of several reasons the one that says most is kept.
    pub(super) fn failed(&mut self, connection: ConnectionId, why: DialFailure) -> Then {
        if !self.under_way.remove(&connection) {
            return Then::Wait;
        }
        if self.why == DialFailure::Unreachable {
            self.why = why;
        }
        match self.fallback.take() {
            Some((_, addresses)) => Then::Dial(addresses),
            None if self.under_way.is_empty() => Then::Over(self.why),
            None => Then::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIC: &str = "/ip4/192.0.2.1/udp/1/quic-v1";
    const TCP: &str = "/ip4/192.0.2.1/tcp/1";

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn check(addresses: &[&str], first: &[&str]) -> Attempt {
        let parse = |texts: &[&str]| -> Vec<Multiaddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let (dialled, mut attempt) = Attempt::begin(parse(addresses), Instant::now());
        assert_eq!(dialled, parse(first));
        attempt.started(id(1));
        attempt
    }

    #[test]
    fn tcp_waits_for_quic_to_fail() {
        let mut attempt = check(&[TCP, QUIC], &[QUIC]);
        assert!(attempt.fallback_at().is_some());
        assert_eq!(attempt.failed(id(7), DialFailure::WrongPeer), Then::Wait);
        let dial = Then::Dial(vec![TCP.parse().unwrap()]);
        assert_eq!(attempt.failed(id(1), DialFailure::WrongPeer), dial);
        assert_eq!(attempt.fallback_at(), None);
        attempt.started(id(2));
        let over = Then::Over(DialFailure::WrongPeer);
        assert_eq!(attempt.failed(id(2), DialFailure::Unreachable), over);
    }

    #[test]
    fn tcp_does_not_wait_for_long() {
        let mut attempt = check(&[QUIC, TCP], &[QUIC]);
        assert_eq!(attempt.fall_back(), [TCP.parse().unwrap()]);
        attempt.started(id(2));
        assert_eq!(attempt.failed(id(1), DialFailure::Unreachable), Then::Wait);
        let over = Then::Over(DialFailure::Unreachable);
        assert_eq!(attempt.failed(id(2), DialFailure::Unreachable), over);
    }

    #[test]
    fn what_stands_alone_is_dialled_at_once() {
        for only in [QUIC, TCP] {
            let mut attempt = check(&[only], &[only]);
            assert_eq!(attempt.fallback_at(), None);
            let over = Then::Over(DialFailure::Unreachable);
            assert_eq!(attempt.failed(id(1), DialFailure::Unreachable), over);
        }
    }
}
