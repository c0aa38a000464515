//! Links to other members' nodes: what the network reports, and what is told to their sessions.

use kentong_protocol::MemberName;
use kentong_protocol::member::Member;
use kentong_protocol::wire::Message;

use crate::net::{Event, LinkId, PeerName, UnsentBecause};

use super::core::Core;
use super::regard::NoLink;

impl Core {
    /// Tells the network who may come in and where to look for them.
    pub(super) fn admit(&self) {
        let admitted = self.member.admitted(self.now());
        self.net.allow(super::members::dialled(admitted));
    }

    /// Sends a message. A link whose queue is full is given up: the peer does not read, and will catch up when
    /// it comes back. Nothing more is taken from it or made for it.
    pub(super) fn send(&mut self, link: LinkId, message: &Message) {
        let Err(unsent) = self.net.send(link, message.encode()) else {
            return;
        };
        let (why, said) = match unsent.why {
            UnsentBecause::LinkGone => return, // The network tells why, in its turn.
            UnsentBecause::QueueFull => (NoLink::ReadsNothing, "it does not read what it is sent"),
            UnsentBecause::BadLength => (
                NoLink::MessageTooLong,
                "a message to it did not fit a frame",
            ),
        };
        self.net.close(link);
        if let Some(member) = self.deciding(|member, lent| member.ended(link, lent.now)) {
            tracing::warn!(peer = %member, why = said, "the link is given up");
            self.standing.entry(member).or_default().why = Some(why);
        }
    }

    pub(super) fn network(&mut self, event: Event) {
        match event {
            Event::Listening(address) => {
                tracing::info!(%address, "listening");
                self.listening.push(address);
            }
            Event::Connected { peer, link } => self.connected(&peer, link),
            Event::Frame { link, bytes, .. } => {
                self.deciding(|member, lent| member.frame(link, bytes, lent.now));
            }
            Event::Drained { link, .. } => {
                self.deciding(|member, lent| member.drained(link, lent.now));
            }
            Event::Disconnected { link, why, .. } => {
                if let Some(member) = self.deciding(|member, lent| member.ended(link, lent.now)) {
                    tracing::info!(peer = %member, %why, "disconnected");
                    let standing = self.standing.entry(member).or_default();
                    standing.why.get_or_insert(NoLink::Ended(why));
                }
            }
            Event::Refused {
                from,
                peer,
                why,
                in_all,
                unreported,
            } => {
                let from = from.map(|from| from.to_string()).unwrap_or_default();
                let peer = peer.map(|peer| peer.short()).unwrap_or_default();
                tracing::info!(%peer, %why, in_all, unreported, "somebody was turned away");
                tracing::debug!(%from, %peer, "where the one who was turned away came from");
            }
            Event::DialFailed { peer, why } => {
                if let Some(member) = self.member.members().by_peer(&peer.to_string()) {
                    tracing::debug!(peer = %member, %why, "not reached");
                    self.standing.entry(member).or_default().why = Some(NoLink::NotReached(why));
                }
            }
        }
    }

    fn connected(&mut self, peer: &PeerName, link: LinkId) {
        let member = self.member.members().by_peer(&peer.to_string());
        let mut speaks =
            |name: &MemberName| self.deciding(|member, lent| member.connected(link, name, lent));
        match member.as_ref().filter(|name| speaks(name)) {
            Some(name) => {
                tracing::info!(peer = %name, "connected");
                self.standing.entry(name.clone()).or_default().why = None;
            }
            None => self.net.close(link),
        }
    }

    /// The clock moved on.
    pub(super) fn tick(&mut self) {
        let now = self.now().moment;
        self.keep_keys(now);
        self.contained(|core| core.papers_on(now));
        self.keep_cards();
        self.settle_on(now);
        self.deciding(Member::tick);
    }

    /// Keeps in the home what cards came, as far as that can be done now.
    pub(super) fn keep_cards(&mut self) {
        let now = self.now();
        super::members::keep(&mut self.member, &self.home, now);
    }
}
