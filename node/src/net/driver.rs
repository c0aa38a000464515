//! The one task that owns the swarm: dials, chooses among connections, starts and ends links.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use libp2p::futures::StreamExt as _;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, Stream, Swarm};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::address::Host;
use super::attempt::{Attempt, Then};
use super::gate::Gate;
use super::link::Link;
use super::meeting::{Act, Meeting, Side};
use super::outbox::{Outbox, Outboxes};
use super::pace::Pace;
use super::refusals::Refusals;
use super::{Address, Closed, DialFailure, Event, Limits, LinkId, PeerName, Running, Transport};

mod start;
mod swarm_event;
mod wind_down;

#[cfg(test)]
pub(super) use self::start::swarm;

/// Events of the swarm that wait for room in the core's channel. When more would wait, failures
/// and refusals are left out: the core learns from the next.
const WAITING_EVENTS: usize = 64;

/// How long a name server may take.
const RESOLVING: Duration = Duration::from_secs(5);

/// A peer of the table.
#[derive(Debug)]
struct Peer {
    addresses: Vec<Address>,
    meeting: Meeting,
    /// The dial that is under way.
    attempt: Option<Attempt>,
}

impl Peer {
    /// When something is to be done about it.
    fn wake_at(&self) -> Option<Instant> {
        let dial = self
            .meeting
            .dial_at()
            .filter(|_| !self.addresses.is_empty());
        let fallback = self.attempt.as_ref().and_then(Attempt::fallback_at);
        let times = [dial, fallback, self.meeting.grace_at()];
        times.into_iter().flatten().min()
    }
}

/// A link whose task runs.
#[derive(Debug)]
struct LinkTask {
    peer: PeerId,
    connection: ConnectionId,
    id: LinkId,
    outbox: Arc<Outbox>,
}

/// The addresses of a peer, with names replaced by what they stand for.
type Resolved = (PeerId, Vec<Multiaddr>);

/// The state of the network; only its own task touches it, apart from the outboxes.
pub(super) struct Driver<E> {
    swarm: Swarm<Gate>,
    me: PeerId,
    limits: Limits,
    table: watch::Receiver<BTreeMap<PeerName, Vec<Address>>>,
    stop: watch::Receiver<Running>,
    events: mpsc::Sender<E>,
    waiting: VecDeque<Event>,
    peers: BTreeMap<PeerId, Peer>,
    resolving: JoinSet<Resolved>,
    links: JoinSet<()>,
    link_tasks: BTreeMap<task::Id, LinkTask>,
    /// Closes when the last link of the peer has been announced as ended.
    last_links: BTreeMap<PeerId, oneshot::Receiver<()>>,
    next_link: u64,
    outboxes: Outboxes,
    refusals: Refusals,
    /// How often trouble with listening is written to the log: packets of strangers can cause it.
    trouble: Pace,
}

impl<E: From<Event> + Send + 'static> Driver<E> {
    /// Runs until it is told to stop or nobody listens.
    pub(super) async fn run(mut self) {
        let events = self.events.clone();
        loop {
            let wake = self.wake_at();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(ended) = self.links.join_next_with_id() => {
                    let task = match ended {
                        Ok((task, ())) => task,
                        Err(error) => error.id(),
                    };
                    self.on_link_ended(task);
                }
                Some(resolved) = self.resolving.join_next() => {
                    if let Ok(resolved) = resolved {
                        self.on_resolved(resolved);
                    }
                }
                changed = self.table.changed() => match changed {
                    Ok(()) => self.apply_table(),
                    Err(_) => break,
                },
                // Told to stop, or no handle is left.
                _ = self.stop.changed() => break,
                permit = events.reserve(), if !self.waiting.is_empty() => match permit {
                    Ok(permit) => if let Some(event) = self.waiting.pop_front() {
                        permit.send(event.into());
                    },
                    Err(_) => break,
                },
                () = events.closed() => break,
                () = sleep_until(wake) => self.on_wake(),
            }
        }
        self.wind_down().await;
    }

    /// When the next dial or the next end of a grace is due.
    fn wake_at(&self) -> Instant {
        /// How long to sleep when there is nothing to wait for.
        const IDLE: Duration = Duration::from_secs(3600);
        let times = self.peers.values().filter_map(Peer::wake_at);
        times.min().unwrap_or_else(|| Instant::now() + IDLE)
    }

    fn on_wake(&mut self) {
        let now = Instant::now();
        let mut acts = Vec::new();
        let mut fallbacks = Vec::new();
        for (id, peer) in &mut self.peers {
            if peer.meeting.grace_at().is_some_and(|at| at <= now) {
                acts.extend(peer.meeting.grace_over(now).map(|act| (*id, act)));
            }
            let due = peer.meeting.dial_at().is_some_and(|at| at <= now);
            if due && !peer.addresses.is_empty() {
                peer.meeting.dial_started();
                self.resolving.spawn(resolve(*id, peer.addresses.clone()));
            }
            if let Some(attempt) = &mut peer.attempt
                && attempt.fallback_at().is_some_and(|at| at <= now)
            {
                let addresses = attempt.fall_back();
                // The peer's own dial may have come through meanwhile.
                if !peer.meeting.is_connected() {
                    fallbacks.push((*id, addresses));
                }
            }
        }
        for (id, addresses) in fallbacks {
            self.dial(id, addresses);
        }
        for (id, act) in acts {
            self.act(id, act);
        }
    }

    fn on_resolved(&mut self, (id, addresses): Resolved) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if addresses.is_empty() {
            self.on_dial_over(id, DialFailure::NoAddress);
            return;
        }
        let reported = addresses.iter().filter_map(Address::reported);
        let ips = reported.filter_map(|address| address.ip_or_name().ok());
        let ips: Vec<_> = ips.collect();
        self.swarm.behaviour_mut().resolved(id, ips.into_iter());
        let fallback_at = Instant::now() + self.limits.quic_head_start;
        let (first, attempt) = Attempt::begin(addresses, fallback_at);
        peer.attempt = Some(attempt);
        self.dial(id, first);
    }

    /// Dials addresses of one transport, as a part of the peer's attempt.
    fn dial(&mut self, id: PeerId, addresses: Vec<Multiaddr>) {
        tracing::debug!(peer = %PeerName::proven(id).short(), ?addresses, "dialling");
        let at_once = u8::try_from(self.limits.addresses_per_peer)
            .ok()
            .and_then(NonZeroU8::new);
        let is_tcp = addresses
            .iter()
            .filter_map(Address::reported)
            .any(|address| address.transport() == Transport::Tcp);
        let opts = DialOpts::peer_id(id)
            .condition(PeerCondition::Always)
            .override_dial_concurrency_factor(at_once.unwrap_or(NonZeroU8::MIN))
            .addresses(addresses);
        // From the port that both listen on, two simultaneous dials over TCP would be one
        // connection of two clients.
        let opts = if is_tcp {
            opts.allocate_new_port().build()
        } else {
            opts.build()
        };
        let connection = opts.connection_id();
        if let Some(attempt) = self
            .peers
            .get_mut(&id)
            .and_then(|peer| peer.attempt.as_mut())
        {
            attempt.started(connection);
        }
        if let Err(error) = self.swarm.dial(opts) {
            self.on_dial_failed(id, connection, dial_failure(&error));
        }
    }

    fn on_dial_failed(&mut self, id: PeerId, connection: ConnectionId, why: DialFailure) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(attempt) = &mut peer.attempt else {
            return;
        };
        if peer.meeting.is_connected() {
            // The peer's own dial has come through: no other way need be tried.
            drop(attempt.fall_back());
        }
        match attempt.failed(connection, why) {
            Then::Wait => {}
            Then::Dial(addresses) => self.dial(id, addresses),
            Then::Over(why) => self.on_dial_over(id, why),
        }
    }

    fn on_dial_over(&mut self, id: PeerId, why: DialFailure) {
        let now = Instant::now();
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.attempt = None;
        let act = peer.meeting.dial_failed(now, jitter());
        if peer.meeting.is_connected() {
            tracing::debug!(peer = %PeerName::proven(id).short(), %why, "own dial failed");
        } else {
            self.report(Event::DialFailed {
                peer: PeerName::proven(id),
                why,
            });
        }
        if let Some(act) = act {
            self.act(id, act);
        }
    }

    /// Brings peers and connections in line with the table.
    fn apply_table(&mut self) {
        let now = Instant::now();
        let table = self.table.borrow_and_update().clone();
        let mut peers = BTreeMap::new();
        for (name, mut addresses) in table {
            let id = name.id();
            if id == self.me {
                continue;
            }
            addresses.retain(Address::is_dialable);
            addresses.truncate(self.limits.addresses_per_peer);
            let peer = match self.peers.remove(&id) {
                Some(peer) if peer.addresses == addresses => peer,
                Some(mut peer) => {
                    peer.meeting.try_again(now);
                    Peer { addresses, ..peer }
                }
                None => Peer {
                    meeting: Meeting::new(Side::of(&self.me, &id), now),
                    addresses,
                    attempt: None,
                },
            };
            peers.insert(id, peer);
        }
        let removed = std::mem::replace(&mut self.peers, peers);
        let ips = |peer: &Peer| {
            let ips = peer.addresses.iter().map(Address::ip_or_name);
            ips.filter_map(Result::ok).collect()
        };
        let allowed = self.peers.iter().map(|(id, peer)| (*id, ips(peer)));
        let allowed = allowed.collect();
        self.swarm.behaviour_mut().allow(allowed);
        for id in removed.into_keys() {
            for link in self.link_tasks.values().filter(|link| link.peer == id) {
                link.outbox.stop(Closed::NotAllowed);
            }
            // An error says that there is no connection.
            let _: Result<(), ()> = self.swarm.disconnect_peer_id(id);
        }
    }

    fn act(&mut self, peer: PeerId, act: Act) {
        match act {
            Act::Open(connection) => self.swarm.behaviour_mut().open(peer, connection),
            Act::Cut(connection) => {
                let on_it = |link: &&LinkTask| link.connection == connection;
                match self.link_tasks.values().find(on_it) {
                    Some(link) => link.outbox.stop(Closed::Superseded),
                    None => self.close_connection(connection),
                }
            }
        }
    }

    fn on_stream(&mut self, id: PeerId, connection: ConnectionId, stream: Stream) {
        let peer = self.peers.get_mut(&id);
        let Some(acts) = peer.and_then(|peer| peer.meeting.opened(connection, Instant::now()))
        else {
            self.close_connection(connection);
            return;
        };
        for act in acts {
            self.act(id, act);
        }
        self.next_link += 1;
        let link = LinkId(self.next_link);
        let outbox = Arc::new(Outbox::new(&self.limits));
        self.outboxes.insert(link, Arc::clone(&outbox));
        let (done, done_receiver) = oneshot::channel();
        let run = Link {
            peer: PeerName::proven(id),
            id: link,
            outbox: Arc::clone(&outbox),
            events: self.events.clone(),
            before: self.last_links.insert(id, done_receiver),
            done,
        };
        let task = self.links.spawn(run.run(stream)).id();
        self.link_tasks.insert(
            task,
            LinkTask {
                peer: id,
                connection,
                id: link,
                outbox,
            },
        );
    }

    fn on_link_ended(&mut self, task: task::Id) {
        let Some(link) = self.link_tasks.remove(&task) else {
            return;
        };
        self.outboxes.remove(link.id);
        if !self
            .link_tasks
            .values()
            .any(|other| other.peer == link.peer)
        {
            self.last_links.remove(&link.peer);
        }
        self.close_connection(link.connection);
        self.on_closed(link.peer, link.connection);
    }

    /// A connection or the link on it has ended.
    fn on_closed(&mut self, id: PeerId, connection: ConnectionId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if let Some(act) = peer.meeting.closed(connection, Instant::now(), jitter()) {
            self.act(id, act);
        }
    }

    fn close_connection(&mut self, connection: ConnectionId) {
        // False says that it is closed already.
        let _: bool = self.swarm.close_connection(connection);
    }

    /// Tells the core, when its channel has room, of something that it can do without.
    fn report(&mut self, event: Event) {
        if self.waiting.len() < WAITING_EVENTS {
            self.waiting.push_back(event);
        }
    }
}

/// Looks up the names among the addresses of a peer.
async fn resolve(id: PeerId, addresses: Vec<Address>) -> Resolved {
    let mut resolved = Vec::new();
    for address in addresses {
        match address.host() {
            Host::V4(_) | Host::V6(_) => resolved.extend(address.to_multiaddr()),
            Host::Name(family, name) => {
                let lookup = tokio::net::lookup_host((&**name, address.port()));
                let Ok(Ok(found)) = timeout(RESOLVING, lookup).await else {
                    tracing::debug!(name = %name, "name not resolved");
                    continue;
                };
                let found = found.map(|found| found.ip()).filter(|ip| family.holds(*ip));
                let found = found.filter_map(|ip| {
                    Address::of(ip, address.transport(), address.port()).to_multiaddr()
                });
                const PER_NAME: usize = 4;
                resolved.extend(found.take(PER_NAME));
            }
        }
    }
    (id, resolved)
}

fn dial_failure(error: &DialError) -> DialFailure {
    match error {
        DialError::NoAddresses => DialFailure::NoAddress,
        DialError::WrongPeerId { .. } | DialError::LocalPeerId { .. } => DialFailure::WrongPeer,
        DialError::DialPeerConditionFalse(_)
        | DialError::Aborted
        | DialError::Denied { .. }
        | DialError::Transport(_) => DialFailure::Unreachable,
    }
}

/// A number for spreading dials in time; nothing depends on its being hard to guess.
fn jitter() -> u32 {
    let random = RandomState::new().hash_one(());
    u32::try_from(random >> 32).unwrap_or_default()
}
