//! Links to other members, and what their sessions ask for.

use kentong_keys::MemberName;

use crate::member::sessions::{Input, Output};
use crate::sync::{Fault, Limits, Local, News, Peer, Task};
use crate::wire::{Claim, Message};

use super::super::founding::FEDERATION;
use super::relay::View;
use super::{Crashed, Effect, Ground, LinkId, Member, Point, Sabotage, Who};

impl<G: Ground> Member<G> {
    /// A link came about; false if the node does not want it.
    pub(in crate::sim) fn connected(&mut self, id: LinkId, peer: Who) -> bool {
        if self.is_cut_off(peer) || !self.admits(peer) {
            return false;
        }
        let person = self.cast.person(peer);
        let peer = Peer {
            member: person.party.name.clone(),
            signing: person.signing.public_key(),
            serials: (1, 1),
        };
        let local = Box::new(self.local());
        self.tell(Input::Connected {
            link: id,
            local,
            peer,
        });
        true
    }

    /// Whether a member broke a rule and is not spoken to for now.
    pub(in crate::sim) fn is_cut_off(&self, peer: Who) -> bool {
        self.cut_offs.holds(self.cast.name(peer), self.now.millis)
    }

    /// Whether the node believes that it has a link with this member.
    pub(in crate::sim) fn is_linked(&self, peer: Who) -> bool {
        self.sessions.is_linked(self.cast.name(peer))
    }

    pub(in crate::sim) fn disconnected(&mut self, id: LinkId) {
        self.tell(Input::Ended(id));
    }

    pub(in crate::sim) fn frame(&mut self, link: LinkId, bytes: Vec<u8>) {
        self.tell(Input::Frame { link, bytes });
    }

    /// When the node is to be woken at the latest.
    pub(in crate::sim) fn wake_at(&self) -> u64 {
        self.sessions
            .wake_at()
            .min(self.relay.wake_at())
            .min(self.belongs_until())
            .min(self.restored_wakes())
    }

    pub(in crate::sim) fn tick(&mut self) -> Result<(), Crashed> {
        self.tell(Input::Tick);
        self.drain()?;
        self.relay_on();
        self.restored_on()?;
        self.keep_up();
        Ok(())
    }

    /// Puts what happened into the queue of the sessions.
    pub(super) fn tell(&mut self, input: Input<LinkId>) {
        self.sessions.give(input, self.now);
    }

    /// Hands sessions what they are to be told, and does what they ask for, until nothing is left.
    pub(in crate::sim) fn drain(&mut self) -> Result<(), Crashed> {
        loop {
            let view = View {
                feeds: &self.feeds,
                relay: &self.relay,
                cast: &self.cast,
                papers: &self.home.papers,
            };
            match self.sessions.next(self.now, &view) {
                Some(Output::Do { link, member, task }) => self.carry_out(link, &member, task)?,
                Some(Output::Learnt { link, member, news }) => self.learn(link, member, news),
                Some(Output::Gone(member)) => self.relay.gone(&member),
                None => return Ok(()),
            }
        }
    }

    fn local(&self) -> Local {
        let (charter_version, charter) = self.papers().in_force();
        Local {
            me: self.me().clone(),
            signing: self.cast.person(self.who).signing.public_key(),
            federation: self.federation(),
            federation_name: FEDERATION.to_owned(),
            charter_version,
            charter,
            serials: (1, 1),
            limits: Limits::default(),
        }
    }

    /// Does what a session asks for.
    fn carry_out(&mut self, id: LinkId, member: &MemberName, task: Task) -> Result<(), Crashed> {
        match task {
            Task::Send(message) => self.send(id, message),
            Task::SendClaim(claim) => {
                if matches!(claim, Claim::Holds(_)) && !self.is(Sabotage::ReceiptBeforeDurable) {
                    self.home.ground.sync();
                    self.point(Point::Receipt)?;
                }
                let signed = claim.sign(&self.cast.person(self.who).signing);
                self.send(id, Message::Claim(signed));
            }
            Task::ServeLeaves {
                feed,
                from,
                following,
            } => self.serve_leaves(id, feed, from, &following),
            Task::ServeBody { feed, index } => self.serve_body(id, feed, index),
            Task::ServeEpoch { feed, epoch } => self.serve_epoch(id, member, feed, epoch),
            Task::StoreLeaves {
                feed,
                leaves,
                checkpoint,
                ..
            } => {
                self.store_leaves(feed, leaves, checkpoint)?;
            }
            // No member of the simulation gets another warrant.
            Task::Void { .. } => {}
            Task::StoreBody { feed, index, body } => {
                self.store_body(feed, index, body)?;
            }
            Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                self.store_epoch(feed, epoch, (&key_id, &sealed));
            }
            Task::Close(_) => {
                // The world tells when the link has ended.
                self.effects.push(Effect::Close(id));
            }
            Task::ServePaper(hash) => self.serve_paper(id, &hash),
            Task::TakePaper(paper) => self.take_paper(paper)?,
            // A run's members have one warrant and card, which all have by whom the charter lists them.
            Task::SendCredentials | Task::ServeCredentials(_) | Task::Offer { .. } => {}
        }
        Ok(())
    }

    /// Takes note of what a session found out.
    fn learn(&mut self, id: LinkId, member: MemberName, news: News) {
        match news {
            News::Receipt { holds, .. } => self.effects.push(Effect::Receipt(member, holds)),
            News::Withheld { feed, index } => {
                self.effects.push(Effect::Withheld);
                self.relay.refuse(&member, feed, index, self.now.millis);
            }
            News::OtherLeaves(feed) => {
                self.effects.push(Effect::Withheld);
                self.relay.other_leaves(&member, feed, self.now.millis);
            }
            News::Shows { feed, size } => {
                self.relay.sources.show(&member, feed, size);
            }
            News::Cosigned { .. } => self.effects.push(Effect::Cosigned),
            News::Behind { feed, size, root } => self.behind(&member, feed, (size, root)),
            News::Compared => self.compared(&member),
            News::Forked { feed, size } => {
                self.halt(format!("{member} shows another {feed:?} at {size}"));
            }
            News::Evidence(evidence) => self.take_evidence(*evidence),
            News::Opened => self.pass_evidence(id),
            News::ClockAhead(_) => self.effects.push(Effect::ClockAhead),
            News::Fault(fault) => self.fault(id, member, fault),
            News::GoesBy { .. } | News::Heard(_) => {}
        }
    }

    fn fault(&mut self, id: LinkId, member: MemberName, fault: Fault) {
        self.cut_offs.broke(&member, fault, self.now.millis);
        self.effects.push(Effect::Faulted(id, member, fault));
    }
}
