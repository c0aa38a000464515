//! Links to other members, and what their sessions ask for.

use std::collections::{BTreeSet, VecDeque};

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::sync::{Fault, Input, Limits, Local, News, Output, Peer, Session, Task};
use crate::wire::{Claim, Message};

use super::publish::FEDERATION;
use super::relay::View;
use super::{Crashed, Effect, LinkId, Member, Point, Sabotage, Who};

/// Milliseconds for which a member that broke a rule is not spoken to, as in a real node.
const CUT_OFF: u64 = 60_000;

/// A link and its session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) member: MemberName,
    pub(super) session: Session,
}

/// What follows from an output.
enum Then {
    Go,
    /// The feeds changed: the session must look again.
    Changed,
    /// So did this feed: its publisher is owed a receipt.
    Stored(FeedId),
    /// So did from whom this feed is fetched.
    Reassigned(FeedId),
}

impl Member {
    /// A link came about; false if the node does not want it.
    pub(in crate::sim) fn connected(&mut self, id: LinkId, peer: Who) -> Result<bool, Crashed> {
        if self.is_cut_off(peer) || !self.admits(peer) {
            return Ok(false);
        }
        let person = self.cast.person(peer);
        let member = person.party.name.clone();
        let signing = person.signing.public_key();
        let peer = Peer {
            member: member.clone(),
            signing,
            serials: (1, 1),
        };
        let (session, outputs) = Session::begin(self.local(), peer, self.now);
        self.links.insert(id, Link { member, session });
        self.carry_out(id, outputs)?;
        Ok(true)
    }

    /// Whether a member broke a rule and is not spoken to for now.
    pub(in crate::sim) fn is_cut_off(&self, peer: Who) -> bool {
        let until = self.cut_off.get(self.cast.name(peer));
        until.is_some_and(|until| *until > self.now.millis)
    }

    /// Whether the node believes that it has a link with this member.
    pub(in crate::sim) fn is_linked(&self, peer: Who) -> bool {
        let name = self.cast.name(peer);
        self.links.values().any(|link| link.member == *name)
    }

    pub(in crate::sim) fn disconnected(&mut self, id: LinkId) -> Result<(), Crashed> {
        let Some(gone) = self.links.remove(&id) else {
            return Ok(());
        };
        self.relay.gone(&gone.member);
        self.each_link(|_| Input::Reassigned(None))
    }

    pub(in crate::sim) fn frame(&mut self, id: LinkId, bytes: &[u8]) -> Result<(), Crashed> {
        self.with_link(id, Input::Frame(bytes))
    }

    /// When the node is to be woken at the latest.
    pub(in crate::sim) fn wake_at(&self) -> u64 {
        let each = self.links.values().map(|link| link.session.wake_at());
        let each = each.min().unwrap_or(u64::MAX);
        each.min(self.relay.wake_at())
            .min(self.belongs_until())
            .min(self.restored_wakes())
    }

    pub(in crate::sim) fn tick(&mut self) -> Result<(), Crashed> {
        let now = self.now.millis;
        let due = self
            .links
            .iter()
            .filter(|(_, link)| link.session.wake_at() <= now);
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        due.into_iter()
            .try_for_each(|id| self.with_link(id, Input::Tick))?;
        self.relay_on()?;
        self.restored_on()?;
        self.keep_up()
    }

    /// Gives an input to each session.
    pub(super) fn each_link<'i>(
        &mut self,
        input: impl Fn(&MemberName) -> Input<'i>,
    ) -> Result<(), Crashed> {
        let links = self
            .links
            .iter()
            .map(|(id, link)| (*id, link.member.clone()));
        let links: Vec<_> = links.collect();
        links
            .into_iter()
            .try_for_each(|(id, member)| self.with_link(id, input(&member)))
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

    pub(super) fn with_link(&mut self, id: LinkId, input: Input<'_>) -> Result<(), Crashed> {
        let outputs = self.handle(id, input);
        self.carry_out(id, outputs)
    }

    /// Gives an input to a session; answers what it asks for, nothing if there is none any more.
    fn handle(&mut self, id: LinkId, input: Input<'_>) -> Vec<Output> {
        let view = View {
            feeds: &self.feeds,
            relay: &self.relay,
            cast: &self.cast,
            papers: &self.disk.papers,
        };
        match self.links.get_mut(&id) {
            Some(link) => link.session.handle(input, self.now, &view),
            None => Vec::new(),
        }
    }

    /// Does what a session asks, in order. What all of it changes is shown to the session then.
    fn carry_out(&mut self, id: LinkId, outputs: Vec<Output>) -> Result<(), Crashed> {
        let mut outputs = VecDeque::from(outputs);
        let (mut changed, mut reassigned) = (false, BTreeSet::new());
        let mut stored = BTreeSet::new();
        loop {
            let Some(output) = outputs.pop_front() else {
                let next = if let Some(feed) = reassigned.pop_first() {
                    Input::Reassigned(Some(feed))
                } else if std::mem::take(&mut changed) {
                    Input::Changed
                } else {
                    let mut stored = stored.into_iter();
                    return stored.try_for_each(|feed| self.publisher_hears(id, feed));
                };
                outputs.extend(self.handle(id, next));
                continue;
            };
            match self.one(id, output)? {
                Then::Go => {}
                Then::Changed => changed = true,
                Then::Stored(feed) => {
                    changed = true;
                    stored.insert(feed);
                }
                Then::Reassigned(feed) => drop(reassigned.insert(feed)),
            }
        }
    }

    fn one(&mut self, id: LinkId, output: Output) -> Result<Then, Crashed> {
        let Some(member) = self.links.get(&id).map(|link| link.member.clone()) else {
            return Ok(Then::Go);
        };
        match output {
            Output::Do(task) => self.carry_out_task(id, &member, task),
            Output::Learnt(news) => self.learn(id, member, news),
        }
    }

    /// Does what a session asks for.
    fn carry_out_task(
        &mut self,
        id: LinkId,
        member: &MemberName,
        task: Task,
    ) -> Result<Then, Crashed> {
        match task {
            Task::Send(message) => self.send(id, message),
            Task::SendClaim(claim) => {
                if matches!(claim, Claim::Holds(_)) && !self.is(Sabotage::ReceiptBeforeDurable) {
                    self.disk.sync();
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
                from,
                leaves,
                checkpoint,
            } => {
                self.store_leaves(feed, leaves, checkpoint)?;
                self.others_give(id, feed, from)?;
                return Ok(Then::Stored(feed));
            }
            // No member of the simulation gets another warrant.
            Task::Void { .. } => {}
            Task::StoreBody { feed, index, body } => {
                self.store_body(feed, index, body)?;
                return Ok(Then::Stored(feed));
            }
            Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                self.store_epoch(feed, epoch, (&key_id, &sealed));
                return Ok(Then::Changed);
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
        Ok(Then::Go)
    }

    /// Takes note of what a session found out.
    fn learn(&mut self, id: LinkId, member: MemberName, news: News) -> Result<Then, Crashed> {
        match news {
            News::Receipt { holds, .. } => self.effects.push(Effect::Receipt(member, holds)),
            News::Withheld { feed, index } => {
                self.effects.push(Effect::Withheld);
                self.relay.refuse(&member, feed, index, self.now.millis);
                return Ok(Then::Changed);
            }
            News::OtherLeaves(feed) => {
                self.effects.push(Effect::Withheld);
                self.relay.other_leaves(&member, feed, self.now.millis);
            }
            News::Shows { feed, size } => {
                self.relay.sources.show(&member, feed, size);
                return Ok(Then::Reassigned(feed));
            }
            News::Cosigned { .. } => self.effects.push(Effect::Cosigned),
            News::Behind { feed, size, root } => self.behind(&member, feed, (size, root)),
            News::Compared => self.compared(&member),
            News::Forked { feed, size } => {
                self.halt(format!("{member} shows another {feed:?} at {size}"));
            }
            News::Evidence(evidence) => self.take_evidence(*evidence)?,
            News::Opened => self.pass_evidence(id)?,
            News::ClockAhead(_) => self.effects.push(Effect::ClockAhead),
            News::Fault(fault) => self.fault(id, member, fault),
            News::GoesBy { .. } | News::Heard(_) => {}
        }
        Ok(Then::Go)
    }

    fn fault(&mut self, id: LinkId, member: MemberName, fault: Fault) {
        // Slowness is not malice: the link is closed and may be opened anew.
        if !matches!(fault, Fault::Silent | Fault::Stalled) {
            self.cut_off
                .insert(member.clone(), self.now.millis + CUT_OFF);
        }
        self.effects.push(Effect::Faulted(id, member, fault));
    }
}
