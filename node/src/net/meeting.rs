//! How two peers that may both dial come to one link: pure, without sockets and clocks.
//!
//! The peer with the lower id decides alone. It chooses a connection and opens the stream on it;
//! the higher one takes the connection on which a stream arrives. So the two can never choose
//! differently, and a link that has been announced stays when a second dial succeeds.
//! The lower prefers the connection that it has dialled itself: while its dial is under way it keeps
//! the other's connection waiting, though not for longer than [`GRACE`]. Why there is one link:
//! `node/DECISIONS.md#one-connection-for-each-pair-of-members`.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

/// How long the lower peer prefers its own dial to a connection that already stands.
const GRACE: Duration = Duration::from_millis(500);

/// For how long after the choice a further connection is the other half of a simultaneous dial.
/// A later one means that the peer has lost the link, as by a restart: it replaces ours.
const SETTLED: Duration = Duration::from_secs(5);

/// A link that lasted this long was a success; shorter ones let the pause before a dial grow.
const STABLE: Duration = Duration::from_secs(10);

/// The pause before the first dial after a link has ended.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two dials.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Which of two peers this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Higher,
}

impl Side {
    /// The side of `me` towards `other`: both ends must come to opposite answers.
    pub(super) fn of(me: &PeerId, other: &PeerId) -> Self {
        if me < other {
            Self::Lower
        } else {
            Self::Higher
        }
    }
}

/// Who dialled a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialler {
    Us,
    Them,
}

/// What the driver is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Open the stream on this connection.
    Open(ConnectionId),
    /// Close this connection, and a link on it as superseded.
    Cut(ConnectionId),
}

/// Whether a dial is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dial {
    At(Instant),
    UnderWay,
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    connection: ConnectionId,
    since: Instant,
    linked: Option<Instant>,
}

/// The state of affairs with one peer of the table.
#[derive(Debug)]
pub(super) struct Meeting {
    side: Side,
    connections: BTreeMap<ConnectionId, Dialler>,
    choice: Option<Choice>,
    dial: Dial,
    grace: Option<Instant>,
    /// Attempts in a row that led to no lasting link.
    failures: u32,
}

impl Meeting {
    /// Nothing stands; the first dial is due at once.
    pub(super) fn new(side: Side, now: Instant) -> Self {
        Self {
            side,
            connections: BTreeMap::new(),
            choice: None,
            dial: Dial::At(now),
            grace: None,
            failures: 0,
        }
    }

    /// Whether a connection or more stand.
    pub(super) fn is_connected(&self) -> bool {
        !self.connections.is_empty()
    }

    /// When to dial: never while a dial is under way or a connection stands.
    pub(super) fn dial_at(&self) -> Option<Instant> {
        match self.dial {
            Dial::At(at) if self.connections.is_empty() => Some(at),
            Dial::At(_) | Dial::UnderWay => None,
        }
    }

    /// When to call [`Meeting::grace_over`].
    pub(super) fn grace_at(&self) -> Option<Instant> {
        self.grace
    }

    /// There are new addresses to try.
    pub(super) fn try_again(&mut self, now: Instant) {
        self.failures = 0;
        if let Dial::At(_) = self.dial {
            self.dial = Dial::At(now);
        }
    }

    pub(super) fn dial_started(&mut self) {
        self.dial = Dial::UnderWay;
    }

    /// The dial has led to nothing. `jitter` is any random number.
    pub(super) fn dial_failed(&mut self, now: Instant, jitter: u32) -> Option<Act> {
        if self.dial != Dial::UnderWay {
            return None;
        }
        self.pause(now, jitter);
        self.choose_any(now)
    }

    /// A connection stands.
    pub(super) fn established(
        &mut self,
        connection: ConnectionId,
        dialler: Dialler,
        now: Instant,
    ) -> Vec<Act> {
        self.connections.insert(connection, dialler);
        if dialler == Dialler::Us {
            self.dial = Dial::At(now);
        }
        if self.side == Side::Higher {
            return Vec::new();
        }
        match (self.choice, dialler) {
            (Some(choice), Dialler::Them) if now.duration_since(choice.since) >= SETTLED => {
                vec![Act::Cut(choice.connection), self.choose(connection, now)]
            }
            (Some(_), _) => vec![Act::Cut(connection)],
            (None, Dialler::Us) => {
                let others = self
                    .connections
                    .keys()
                    .filter(|other| **other != connection);
                let mut acts: Vec<Act> = others.copied().map(Act::Cut).collect();
                acts.push(self.choose(connection, now));
                acts
            }
            (None, Dialler::Them) if self.dial == Dial::UnderWay => {
                self.grace.get_or_insert(now + GRACE);
                Vec::new()
            }
            (None, Dialler::Them) => vec![self.choose(connection, now)],
        }
    }

    /// Our own dial has had its time.
    pub(super) fn grace_over(&mut self, now: Instant) -> Option<Act> {
        self.choose_any(now)
    }

    /// The stream of a connection is open: from now on it carries the link. None if it is not
    /// wanted; else the connection that it replaces, if it replaces one.
    pub(super) fn opened(&mut self, connection: ConnectionId, now: Instant) -> Option<Vec<Act>> {
        if !self.connections.contains_key(&connection) {
            return None;
        }
        let old = self.choice.filter(|choice| choice.connection != connection);
        if self.side == Side::Lower && old.is_some() {
            return None;
        }
        let since = self.choice.map_or(now, |choice| choice.since);
        self.choice = Some(Choice {
            connection,
            since,
            linked: Some(now),
        });
        Some(
            old.map(|choice| Act::Cut(choice.connection))
                .into_iter()
                .collect(),
        )
    }

    /// A connection, or the link on it, has ended. May be told twice.
    pub(super) fn closed(
        &mut self,
        connection: ConnectionId,
        now: Instant,
        jitter: u32,
    ) -> Option<Act> {
        self.connections.remove(&connection)?;
        let chosen = self.choice.filter(|choice| choice.connection == connection);
        if let Some(choice) = chosen {
            self.choice = None;
            if choice
                .linked
                .is_some_and(|linked| now.duration_since(linked) >= STABLE)
            {
                self.failures = 0;
            }
        }
        if self.choice.is_none() && self.connections.is_empty() && self.dial != Dial::UnderWay {
            self.pause(now, jitter);
        }
        match self.dial {
            Dial::UnderWay => None,
            Dial::At(_) => self.choose_any(now),
        }
    }

    /// The lower peer takes what there is.
    fn choose_any(&mut self, now: Instant) -> Option<Act> {
        self.grace = None;
        if self.side == Side::Higher || self.choice.is_some() {
            return None;
        }
        let connection = *self.connections.keys().next()?;
        Some(self.choose(connection, now))
    }

    fn choose(&mut self, connection: ConnectionId, now: Instant) -> Act {
        self.grace = None;
        self.choice = Some(Choice {
            connection,
            since: now,
            linked: None,
        });
        Act::Open(connection)
    }

    /// Sets the time of the next dial: the pause doubles with each failure, and between half of
    /// it and all of it is waited, so that two nodes do not keep meeting in mid-dial.
    fn pause(&mut self, now: Instant, jitter: u32) {
        let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures));
        let half = doubled.min(LONGEST_PAUSE) / 2;
        let part = half.mul_f64(f64::from(jitter) / f64::from(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        self.dial = Dial::At(now + half + part);
    }
}

#[cfg(test)]
mod tests;
