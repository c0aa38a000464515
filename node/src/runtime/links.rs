//! Links to other members' nodes: what the network reports, and what sessions ask for.

use std::collections::{BTreeSet, VecDeque};

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::guard::{self, Guard};
use kentong_protocol::sync::{
    Ended, Fault, Input as SessionInput, Local, News, Now, Output, Peer, Session, Task,
};
use kentong_protocol::wire::{Bye, Claim, Message};

use crate::net::{Event, LinkId, PeerName, UnsentBecause};
use crate::signer::Signed;
use crate::store::StoreError;

use super::core::Core;
use super::relay::View;
use super::standing::Standing;
use super::warnings::Subject;

/// A link and its session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) member: MemberName,
    pub(super) session: Session,
    next: u64,
}

impl Core {
    /// Tells the network who may come in and where to look for them.
    pub(super) fn admit(&self) {
        let mut table = super::members::peers(&self.members);
        table.retain(|peer, _| {
            let member = self.members.by_peer(&peer.to_string());
            !member.is_some_and(|member| self.is_cut_off(&member))
        });
        self.net.allow(table);
    }

    /// Whether a member broke a rule and is not spoken to for now.
    fn is_cut_off(&self, member: &MemberName) -> bool {
        let standing = self.standing.get(member);
        let until = standing.and_then(|standing| standing.cut_off);
        until.is_some_and(|until| until > self.now().millis)
    }

    pub(super) fn network(&mut self, event: Event) {
        match event {
            Event::Listening(address) => {
                tracing::info!(%address, "listening");
                self.listening.push(address);
            }
            Event::Connected { peer, link } => self.connected(&peer, link),
            Event::Frame { link, bytes, .. } => {
                self.with_link(link, SessionInput::Frame(&bytes));
            }
            Event::Drained { link, .. } => self.with_link(link, SessionInput::Changed),
            Event::Disconnected { peer, link, why } => {
                if let Some(gone) = self.end(link) {
                    tracing::info!(peer = %gone.member, %why, "disconnected");
                    let standing = self.standing.entry(gone.member).or_default();
                    standing.why.get_or_insert_with(|| why.to_string());
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
                    self.standing.entry(member).or_default().why = Some(why.to_string());
                }
            }
        }
    }

    fn connected(&mut self, peer: &PeerName, link: LinkId) {
        let known = self.members.by_peer(&peer.to_string());
        let known = known.filter(|member| !self.is_cut_off(member));
        let sides = known.and_then(|member| Some((self.local()?, self.peer(&member)?)));
        let Some((local, peer)) = sides else {
            self.net.close(link);
            return;
        };
        tracing::info!(peer = %peer.member, "connected");
        let member = peer.member.clone();
        self.standing.entry(member.clone()).or_default().why = None;
        let (session, outputs) = Session::begin(local, peer, self.now());
        let next = session.wake_at();
        self.links.insert(
            link,
            Link {
                member,
                session,
                next,
            },
        );
        self.carry_out(link, outputs);
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

    /// Gives an input to each session that `wanted` names.
    pub(super) fn each_link<'i>(
        &mut self,
        wanted: impl Fn(&MemberName) -> bool,
        input: impl Fn(&MemberName) -> SessionInput<'i>,
    ) {
        let links: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| wanted(&link.member))
            .map(|(id, link)| (*id, link.member.clone()))
            .collect();
        for (id, member) in links {
            self.with_link(id, input(&member));
        }
    }

    /// The clock moved on.
    pub(super) fn tick(&mut self) {
        let now = self.now().millis;
        let due: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.next <= now)
            .map(|(id, _)| *id)
            .collect();
        for link in due {
            self.with_link(link, SessionInput::Tick);
        }
        self.leave(now);
        self.keep_keys(now);
        self.contained(|core| core.papers_on(now));
        super::members::keep(&mut self.members, &self.home, now);
        self.settle_on(now);
        self.relay_on(now);
        self.take_on(now);
        self.release_on(now);
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
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            self.sweep_all();
        }
        let back = |standing: &Standing| standing.cut_off.is_some_and(|until| until <= now);
        if self.standing.values().any(back) {
            for standing in self.standing.values_mut().filter(|standing| back(standing)) {
                standing.cut_off = None;
            }
            self.admit();
        }
    }

    /// Ends a session: what it was to fetch others are asked for.
    pub(super) fn end(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        if self.links.values().all(|other| other.member != link.member) {
            self.relay.gone(&link.member);
        }
        self.each_link(|_| true, |_| SessionInput::Reassigned(None));
        Some(link)
    }

    pub(super) fn say_goodbye(&mut self) {
        self.each_link(|_| true, |_| SessionInput::Close(Bye::Stopping));
    }

    /// Gives an input to a session; answers what it asks for, nothing if there is none any more.
    pub(super) fn handle(&mut self, id: LinkId, input: SessionInput<'_>) -> Vec<Output> {
        let now = self.now();
        let view = View {
            store: &self.store,
            members: &self.members,
            relay: &self.relay,
            intake: &self.intake,
            now: now.millis,
        };
        let Some(link) = self.links.get_mut(&id) else {
            return Vec::new();
        };
        let told = !matches!(input, SessionInput::Published(_)) || guard::on(Guard::PublishedTold);
        assert!(told, "a test took this guard out");
        let outputs = link.session.handle(input, now, &view);
        link.next = link.session.wake_at();
        outputs
    }

    /// Does what a session asks, in order. What all of it changes is shown to the session then.
    pub(super) fn carry_out(&mut self, id: LinkId, outputs: Vec<Output>) {
        let mut outputs = VecDeque::from(outputs);
        let (mut changed, mut reassigned) = (false, BTreeSet::new());
        let mut stored = BTreeSet::new();
        loop {
            let Some(output) = outputs.pop_front() else {
                let next = if let Some(feed) = reassigned.pop_first() {
                    SessionInput::Reassigned(Some(feed))
                } else if std::mem::take(&mut changed) {
                    SessionInput::Changed
                } else {
                    stored
                        .into_iter()
                        .for_each(|feed| self.publisher_hears(id, feed));
                    return;
                };
                outputs.extend(self.handle(id, next));
                continue;
            };
            match self.one(id, output) {
                Ok(Then::Go) => {}
                Ok(Then::Changed) => changed = true,
                Ok(Then::Stored(feed)) => {
                    changed = true;
                    stored.insert(feed);
                }
                Ok(Then::Reassigned(feed)) => drop(reassigned.insert(feed)),
                Err(error) => {
                    tracing::error!(%error, "a peer's data could not be stored or read");
                    if let Some(link) = self.end(id) {
                        let warning = format!("exchange with {} is hindered: {error}", link.member);
                        self.warn(Subject::Exchange(link.member), warning);
                    }
                    self.net.close(id);
                    return;
                }
            }
        }
    }

    fn one(&mut self, id: LinkId, output: Output) -> Result<Then, StoreError> {
        let Some(member) = self.links.get(&id).map(|link| link.member.clone()) else {
            return Ok(Then::Go);
        };
        match output {
            Output::Do(task) => self.carry_out_task(id, member, task),
            Output::Learnt(news) => self.learn(id, member, news),
        }
    }

    /// Does what a session asks for.
    fn carry_out_task(
        &mut self,
        id: LinkId,
        member: MemberName,
        task: Task,
    ) -> Result<Then, StoreError> {
        match task {
            Task::Send(message) => self.send(id, &message),
            Task::SendClaim(claim) => {
                if matches!(claim, Claim::Holds(_)) {
                    self.store.sync()?; // A receipt is for what is on disk.
                }
                self.send(id, &Message::Claim(claim.sign(&self.identity.signing)));
            }
            Task::SendCredentials => self.send_credentials(id),
            Task::ServePaper(hash) => self.serve_paper(id, &hash),
            Task::ServeCredentials(member) => self.serve_credentials(id, &member),
            Task::TakePaper(paper) => self.take_paper(&member, paper),
            Task::ServeLeaves {
                feed,
                from,
                following,
            } => {
                self.serve_leaves(id, feed, from, &following)?;
            }
            Task::ServeBody { feed, index } => self.serve_body(id, feed, index),
            Task::ServeEpoch { feed, epoch } => self.serve_epoch(id, &member, feed, epoch)?,
            Task::StoreLeaves {
                feed,
                from,
                leaves,
                checkpoint,
            } => {
                self.store_leaves(feed, from, leaves, checkpoint)?;
                self.others_give(id, feed, from);
                return Ok(Then::Stored(feed));
            }
            Task::Void { feed, from } => {
                self.give_way(feed, from)?;
                return Ok(Then::Changed);
            }
            Task::StoreBody { feed, index, body } => {
                self.store_body(feed, index, body)?;
                self.came_back(feed);
                self.hindered_no_more(member);
                return Ok(Then::Stored(feed));
            }
            Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                self.store_epoch(&member, feed, epoch, &key_id, &sealed)?;
                return Ok(Then::Changed);
            }
            Task::Offer { warrant, card } => self.offer(&member, &warrant, &card),
            Task::Close(ended) => {
                if let Ended::ByPeer(bye) = ended {
                    let standing = self.standing.entry(member).or_default();
                    standing.why = Some(said_goodbye(bye).to_owned());
                }
                self.net.close(id);
            }
        }
        Ok(Then::Go)
    }

    /// Takes note of what a session says about its member.
    fn learn(&mut self, id: LinkId, member: MemberName, news: News) -> Result<Then, StoreError> {
        match news {
            News::Opened => {
                let wall = self.wall();
                self.standing.entry(member).or_default().heard = Some(wall);
                self.pass_evidence(id);
            }
            News::GoesBy { version, hash } => {
                self.standing.entry(member).or_default().goes_by = Some((version, hash));
            }
            News::Compared => self.compared(&member),
            News::Shows { feed, size } => {
                self.relay.show(&member, feed, size);
                return Ok(Then::Reassigned(feed));
            }
            News::Cosigned {
                feed,
                size,
                root,
                time,
            } => self.cosigned(member, (feed, size), root, time),
            News::Heard(_) => {
                let wall = self.wall();
                self.standing.entry(member).or_default().heard = Some(wall);
            }
            News::Receipt { holds, signed } => self.receipt(member, holds.feed, &signed)?,
            News::Withheld { feed, index } => {
                let withheld = &mut self.standing.entry(member.clone()).or_default().withheld;
                *withheld += 1;
                if withheld.is_power_of_two() {
                    let so_far = *withheld;
                    tracing::warn!(peer = %member, ?feed, index, so_far, "a body is withheld");
                }
                self.relay.refuse(&member, feed, index);
                return Ok(Then::Changed); // There is room for another.
            }
            News::OtherLeaves(feed) => {
                tracing::warn!(peer = %member, ?feed, "leaves that do not go with ours: others are asked");
                self.relay.other_leaves(&member, feed);
            }
            News::Behind { feed, size, root } => {
                tracing::warn!(peer = %member, ?feed, size, "a reader shows more of an own feed");
                self.more_shown(&member, feed, Signed { size, root });
            }
            News::Forked { feed, size } => self.halt(format!(
                "{member} shows that we signed another history of our feed {feed}, at {size} leaves: \
                 another node has run with these keys, or an older copy of this home"
            )),
            News::Evidence(evidence) => self.take_evidence(*evidence),
            News::ClockAhead(seconds) => {
                tracing::warn!(peer = %member, seconds, "a member's clock is ahead of ours");
            }
            News::Fault(fault) => self.fault(&member, fault),
        }
        Ok(Then::Go)
    }

    /// Takes back the warning that what a member sends cannot be stored, when all of it is.
    fn hindered_no_more(&mut self, member: MemberName) {
        let mut feeds = self.store.feeds().of(&member);
        let subject = Subject::Exchange(member.clone());
        if self.warnings.is_about(&subject) && feeds.all(|feed| feed.missing_count() == 0) {
            self.warnings.settle(&subject);
        }
    }

    /// Notes a broken rule, and does not speak to the member for a while. The network learns of it
    /// when the link has ended, or it would cut the connection before the goodbye is written.
    fn fault(&mut self, member: &MemberName, fault: Fault) {
        tracing::warn!(peer = %member, %fault, "a member broke a rule of the protocol");
        let Now { wall, millis } = self.now();
        let standing = self.standing.entry(member.clone()).or_default();
        standing.blame(fault.to_string(), wall);
        standing.why = Some(format!("it {fault}"));
        // Slowness is not malice: the link is closed and may be opened anew.
        if !matches!(fault, Fault::Silent | Fault::Stalled) {
            let minutes = standing.strike(millis);
            standing.why = Some(match minutes {
                1 => format!("it {fault}; cut off for a minute"),
                _ => format!("it {fault}; cut off for {minutes} minutes"),
            });
        }
    }

    /// Sends a message, or gives link and session up if its queue is full: the peer does not read,
    /// and will catch up when it comes back. Nothing more is taken from it or made for it.
    pub(super) fn send(&mut self, id: LinkId, message: &Message) {
        let Err(unsent) = self.net.send(id, message.encode()) else {
            return;
        };
        let why = match unsent.why {
            UnsentBecause::LinkGone => return, // The network tells why, in its turn.
            UnsentBecause::QueueFull => "it does not read what it is sent",
            UnsentBecause::BadLength => "a message to it did not fit a frame",
        };
        self.net.close(id);
        if let Some(link) = self.end(id) {
            tracing::warn!(peer = %link.member, why, "the link is given up");
            self.standing.entry(link.member).or_default().why = Some(why.to_owned());
        }
    }
}

/// What follows from an output.
enum Then {
    Go,
    /// The store changed: the session must look again.
    Changed,
    /// So did this feed: its publisher is owed a receipt, whoever the session is with.
    Stored(FeedId),
    /// So did from whom this feed is fetched.
    Reassigned(FeedId),
}

const fn said_goodbye(bye: Bye) -> &'static str {
    match bye {
        Bye::Stopping => "it stopped",
        Bye::Version => "it speaks another version of the protocol",
        Bye::Federation => "it belongs to another federation",
        Bye::Charter => "it goes by another charter",
        Bye::Fault => "it says that we broke a rule; compare the two nodes' versions",
        Bye::Unwell => "it cannot serve now",
    }
}
