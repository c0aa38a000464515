//! Who may begin a handshake: what is looked at before a peer's name is known.
//!
//! A handshake costs memory while it lasts, and time. Both are rationed by where it comes from, so
//! that a flood from one address takes nothing from another; and addresses of members, which
//! strangers' addresses are not, have room of their own. UDP and TCP are counted apart: the source
//! of a UDP packet can be forged, so that a flood may seem to come from a member, while to TCP the
//! way back must be true.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "of the many variants of libp2p's enums few matter here, and more may come"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::address::Transport;
use super::pace::Pace;
use super::{Limits, RefusedBecause};

/// What counts as one place: an IPv4 address or an IPv6 /64 network, over one transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    place: Place,
    transport: Transport,
}

/// An IPv4 address or an IPv6 /64 network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(IpAddr);

impl Place {
    pub(super) fn of(ip: IpAddr) -> Self {
        const NETWORK: u128 = u128::MAX << 64;
        Self(match ip {
            IpAddr::V4(_) => ip,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & NETWORK)),
        })
    }
}

impl Origin {
    pub(super) fn of(address: &Multiaddr) -> Self {
        let ip = address.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
            _ => None,
        });
        let is_tcp = address.iter().any(|part| matches!(part, Protocol::Tcp(_)));
        Self {
            place: Place::of(ip.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))),
            transport: if is_tcp {
                Transport::Tcp
            } else {
                Transport::Quic
            },
        }
    }

    pub(super) fn place(self) -> Place {
        self.place
    }
}

/// Whose address it seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Member,
    Stranger,
}

/// Where a peer of the table may come from.
#[derive(Debug, Default)]
struct Places {
    /// What its card says, as far as it says addresses.
    card: Vec<Place>,
    /// What the names on its card stand for.
    resolved: Vec<Place>,
    /// Where it was last connected to, whatever its card says.
    proven: Option<Place>,
}

impl Places {
    fn all(&self) -> impl Iterator<Item = Place> {
        let listed = self.card.iter().chain(&self.resolved);
        listed.copied().chain(self.proven)
    }
}

/// The handshakes from outside: those under way, and how often new ones come.
#[derive(Debug)]
pub(super) struct Arrivals {
    limits: Limits,
    peers: BTreeMap<PeerId, Places>,
    members: BTreeSet<Place>,
    under_way: BTreeMap<ConnectionId, (Origin, Side)>,
    /// By place: those of members, and of strangers as long as there are less than
    /// [`Limits::places`].
    paces: BTreeMap<(Side, Origin), Pace>,
    /// That of all strangers together.
    strangers: BTreeMap<Transport, Pace>,
}

impl Arrivals {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            peers: BTreeMap::new(),
            members: BTreeSet::new(),
            under_way: BTreeMap::new(),
            paces: BTreeMap::new(),
            strangers: BTreeMap::new(),
        }
    }

    /// Replaces the peers of members, with the places that their cards name. What was learnt about
    /// those who stay is kept.
    pub(super) fn expect(&mut self, table: BTreeMap<PeerId, Vec<IpAddr>>) {
        let mut before = std::mem::take(&mut self.peers);
        for (peer, card) in table {
            let mut places = before.remove(&peer).unwrap_or_default();
            places.card = card.into_iter().map(Place::of).collect();
            self.peers.insert(peer, places);
        }
        self.collect();
    }

    /// The names on a peer's card stand for these addresses.
    pub(super) fn resolved(&mut self, peer: PeerId, ips: impl Iterator<Item = IpAddr>) {
        if let Some(places) = self.peers.get_mut(&peer) {
            places.resolved = ips.map(Place::of).collect();
            self.collect();
        }
    }

    /// A handshake has shown that a peer is there.
    pub(super) fn proven(&mut self, peer: PeerId, place: Place) {
        if let Some(places) = self.peers.get_mut(&peer)
            && places.proven != Some(place)
        {
            places.proven = Some(place);
            self.collect();
        }
    }

    fn collect(&mut self) {
        self.members = self.peers.values().flat_map(Places::all).collect();
        let members = &self.members;
        self.paces
            .retain(|(side, origin), _| *side == Side::Stranger || members.contains(&origin.place));
    }

    /// Whether a handshake may begin; if so it is under way until [`Arrivals::over`].
    pub(super) fn begin(
        &mut self,
        connection: ConnectionId,
        origin: Origin,
        now: Instant,
    ) -> Result<(), RefusedBecause> {
        let side = if self.members.contains(&origin.place) {
            Side::Member
        } else {
            Side::Stranger
        };
        let (mut same_side, mut same_place) = (0, 0);
        for (other, _) in self
            .under_way
            .values()
            .filter(|(other, of)| *of == side && other.transport == origin.transport)
        {
            same_side += 1;
            same_place += usize::from(other.place == origin.place);
        }
        if same_place >= self.limits.handshakes_per_address {
            return Err(RefusedBecause::TooManyHandshakesFromAddress);
        }
        let most = match side {
            Side::Member => self.limits.handshakes_of_members,
            Side::Stranger => self.limits.handshakes,
        };
        if same_side >= most {
            return Err(RefusedBecause::TooManyHandshakes);
        }
        self.keep_pace(side, origin, now)?;
        self.under_way.insert(connection, (origin, side));
        Ok(())
    }

    fn keep_pace(
        &mut self,
        side: Side,
        origin: Origin,
        now: Instant,
    ) -> Result<(), RefusedBecause> {
        let (at_once, every) = match side {
            Side::Member => self.limits.members_pace,
            Side::Stranger => self.limits.strangers_pace_per_address,
        };
        let key = (side, origin);
        if side == Side::Stranger && !self.paces.contains_key(&key) {
            self.make_room(now);
        }
        // Without room the pace of all strangers together must do.
        if side == Side::Member
            || self.paces.contains_key(&key)
            || self.paces.len() < self.limits.places
        {
            let pace = self.paces.entry(key);
            let pace = pace.or_insert_with(|| Pace::new(at_once, every, now));
            if !pace.take(now) {
                return Err(RefusedBecause::TooOftenFromAddress);
            }
        }
        if side == Side::Member {
            return Ok(());
        }
        let (at_once, every) = self.limits.strangers_pace;
        let all = self.strangers.entry(origin.transport);
        let all = all.or_insert_with(|| Pace::new(at_once, every, now));
        if all.take(now) {
            Ok(())
        } else {
            Err(RefusedBecause::TooOften)
        }
    }

    /// Forgets the places that have been quiet, if there are many.
    fn make_room(&mut self, now: Instant) {
        if self.paces.len() >= self.limits.places {
            self.paces.retain(|_, pace| !pace.is_rested(now));
        }
    }

    /// A handshake has come to an end, good or bad.
    pub(super) fn over(&mut self, connection: ConnectionId) {
        self.under_way.remove(&connection);
    }
}

#[cfg(test)]
mod tests;
