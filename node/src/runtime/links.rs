//! Links to other members' nodes: what the network reports, and what is told to their sessions.

use kentong_protocol::MemberName;
use kentong_protocol::member::publisher::Publisher;
use kentong_protocol::member::sessions::{Input, Whom};
use kentong_protocol::sync::{Local, Peer};
use kentong_protocol::wire::Bye;

use crate::net::{Event, LinkId, PeerName};

use super::core::Core;
use super::outbox::Act;
use super::regard::NoLink;

impl Core {
    /// Tells the network who may come in and where to look for them.
    pub(super) fn admit(&mut self) {
        let mut table = super::members::peers(&self.members);
        table.retain(|peer, _| {
            let member = self.members.by_peer(&peer.to_string());
            !member.is_some_and(|member| self.is_cut_off(&member))
        });
        self.outbox.push(Act::Allow(table));
    }

    /// Whether a member broke a rule and is not spoken to for now.
    fn is_cut_off(&self, member: &MemberName) -> bool {
        self.cut_offs.holds(member, self.now().millis)
    }

    pub(super) fn network(&mut self, event: Event) {
        match event {
            Event::Listening(address) => {
                tracing::info!(%address, "listening");
                self.listening.push(address);
            }
            Event::Connected { peer, link } => self.connected(&peer, link),
            Event::Frame { link, bytes, .. } => self.tell(Input::Frame { link, bytes }),
            Event::Drained { link, .. } => self.tell(Input::Drained(link)),
            Event::Disconnected { peer, link, why } => {
                if let Some(member) = self.end(link) {
                    tracing::info!(peer = %member, %why, "disconnected");
                    let standing = self.standing.entry(member).or_default();
                    standing.why.get_or_insert(NoLink::Ended(why));
                }
                if self
                    .members
                    .by_peer(&peer.to_string())
                    .is_some_and(|m| self.is_cut_off(&m))
                {
                    self.admit(); // Only now: its goodbye has been said.
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
                if let Some(member) = self.members.by_peer(&peer.to_string()) {
                    tracing::debug!(peer = %member, %why, "not reached");
                    self.standing.entry(member).or_default().why = Some(NoLink::NotReached(why));
                }
            }
        }
    }

    fn connected(&mut self, peer: &PeerName, link: LinkId) {
        let known = self.members.by_peer(&peer.to_string());
        let known = known.filter(|member| !self.is_cut_off(member));
        let sides = known.and_then(|member| Some((self.local()?, self.peer(&member)?)));
        let Some((local, peer)) = sides else {
            self.close(link);
            return;
        };
        tracing::info!(peer = %peer.member, "connected");
        self.standing.entry(peer.member.clone()).or_default().why = None;
        let local = Box::new(local);
        self.tell(Input::Connected { link, local, peer });
    }

    fn local(&self) -> Option<Local> {
        let charter = self.members.charter()?;
        Some(Local {
            me: self.me.clone(),
            signing: self.identity.signing.public_key(),
            federation: *charter.id().digest(),
            federation_name: charter.federation().as_str().to_owned(),
            charter_version: charter.version(),
            charter: *charter.hash(),
            serials: (self.identity.warrant.serial(), self.identity.card.serial()),
            limits: kentong_protocol::sync::Limits::default(),
        })
    }

    pub(super) fn peer(&self, member: &MemberName) -> Option<Peer> {
        let (warrant, card) = self.members.credentials(member)?;
        Some(Peer {
            member: member.clone(),
            signing: *warrant.signing(),
            serials: (warrant.serial(), card.map_or(0, kentong_keys::Card::serial)),
        })
    }

    /// The clock moved on.
    pub(super) fn tick(&mut self) {
        let now = self.now().millis;
        self.tell(Input::Tick);
        self.drain();
        self.leave(now);
        self.keep_keys(now);
        self.contained(|core| core.papers_on(now));
        super::members::keep(&mut self.members, &self.home, now);
        self.settle_on(now);
        self.relay_on();
        self.take_on();
        self.publishing(Publisher::release_on);
        self.restored_on();
        self.lost_on();
        if let Err(error) = self.store_receipts(now) {
            tracing::error!(%error, "receipts could not be stored");
        }
        if self.members.keep_up(self.wall()) {
            tracing::info!("a suspension or a leave began or ended");
            self.admit();
            self.cut_off_strangers();
            self.sweep_all();
        }
        self.publishing(Publisher::retry_on);
        if self.cut_offs.lift(now) {
            self.admit();
        }
    }

    /// Puts what happened into the queue of the sessions. They are handed it in [`Core::drain`].
    pub(super) fn tell(&mut self, input: Input<LinkId>) {
        self.sessions.give(input, self.now());
    }

    /// A link ended, or is given up: answers whose it was.
    pub(super) fn end(&mut self, link: LinkId) -> Option<MemberName> {
        let member = self.sessions.member(link).cloned()?;
        self.tell(Input::Ended(link));
        Some(member)
    }

    pub(super) fn say_goodbye(&mut self) {
        self.tell(Input::Close(Whom::All, Bye::Stopping));
        self.drain();
    }
}
