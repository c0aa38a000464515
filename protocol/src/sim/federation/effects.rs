//! What nodes do, as the world, the reference and the invariants see it.

use kentong_keys::{Digest, MemberName};

use crate::feed::FeedId;
use crate::sync::Fault;
use crate::wire::Message;

use super::super::invariant::{
    no_honest_fault, only_for_me, only_members, only_released, sealed_for_members,
};
use super::super::liar::Liar;
use super::super::node::Effect;
use super::actors::{Actor, Brain};
use super::{Fall, Federation, Grounds, Invariant, LinkId, Who};

impl<M: Grounds> Federation<'_, M> {
    /// What a node did is seen by the world, the reference and the invariants.
    pub(super) fn effect(&mut self, who: Who, brain: usize, effect: Effect) -> Result<(), Fall> {
        let honest = self.is_honest(who);
        let name = |invariant| move |what| (invariant, what);
        match effect {
            Effect::Send(link, message) => self.say_on(who, brain, link, message)?,
            Effect::Close(link) => self.close(link),
            Effect::Signed(feed, size, root) if honest => self.signs(who, (feed, size, root))?,
            Effect::Answered(item) if honest => {
                self.trace
                    .note(self.now, format_args!("{who} answers for {item:?}"));
                self.model.answered(who);
            }
            Effect::Released(items) if honest => self.model.acted(who, Some(&items)),
            Effect::Swept if honest => {
                self.trace
                    .note(self.now, format_args!("{who} has released everything"));
                self.model.acted(who, None);
            }
            Effect::Stored(feed) if honest => {
                if let Some(member) = self.up(who) {
                    only_for_me(member, &feed).map_err(name(Invariant::OnlyReleased))?;
                }
            }
            Effect::Faulted(link, about, fault) => self.faulted(who, link, &about, fault)?,
            Effect::Evidence(evidence) => {
                let about = &evidence.publisher;
                self.report.evidence += 1;
                self.detected(who, &evidence.feed);
                let innocent = self
                    .cast
                    .who(about)
                    .is_some_and(|about| self.is_honest(about));
                if honest && innocent {
                    let what = format!("{who} has evidence against {about}: {evidence}");
                    return Err((Invariant::NoHonestFault, what));
                }
            }
            Effect::Halted(why) if honest => {
                return Err((Invariant::NoHonestFault, format!("{who} halts: {why}")));
            }
            Effect::Opened { spoilt, rebuilt } => self.opened(who, spoilt, rebuilt)?,
            // Only an older copy may hold less than was signed.
            Effect::Behind(what) if honest && !self.model.is_restored(who) => {
                return Err((Invariant::NoHonestFault, what));
            }
            Effect::Receipt(reader, holds) if honest => {
                self.report.receipts += 1;
                let reader = self.cast.who(&reader);
                if let Some(reader) = reader.filter(|reader| self.is_honest(*reader)) {
                    let said = (holds.size, holds.missing);
                    self.receipts.insert((reader, holds.feed), said);
                }
            }
            Effect::GoesBy { charter, notices } if honest => self.goes_by(who, charter, notices),
            Effect::WentOn { feeds, ended } if honest => self.goes_on(who, feeds, ended),
            Effect::TakenIn(statements) if honest => self.report.taken_in += statements,
            Effect::Closed if honest => self.report.closed += 1,
            Effect::VotedTwice(voter) => {
                let what = format!("{who} says that {voter} voted twice");
                return Err((Invariant::NoHonestFault, what));
            }
            Effect::Withheld => self.report.withheld += 1,
            Effect::Cosigned => self.report.cosigned += 1,
            Effect::Signed(..)
            | Effect::Answered(_)
            | Effect::Released(_)
            | Effect::Swept
            | Effect::Stored(_)
            | Effect::Halted(_)
            | Effect::Behind(_)
            | Effect::Receipt(..)
            | Effect::GoesBy { .. }
            | Effect::Closed
            | Effect::WentOn { .. }
            | Effect::TakenIn(_)
            | Effect::ClockAhead => {}
        }
        Ok(())
    }

    /// A node opened its store: rows that somebody changed are never believed.
    fn opened(&mut self, who: Who, spoilt: bool, rebuilt: bool) -> Result<(), Fall> {
        if spoilt && !rebuilt {
            let what = format!("{who} believes rows that somebody changed");
            return Err((Invariant::NothingLost, what));
        }
        self.report.rebuilt += u64::from(rebuilt);
        Ok(())
    }

    /// A node says that another broke a rule.
    fn faulted(
        &mut self,
        who: Who,
        link: Option<LinkId>,
        about: &MemberName,
        fault: Fault,
    ) -> Result<(), Fall> {
        let about = self.cast.who(about).unwrap_or(who);
        self.trace
            .note(self.now, format_args!("{who} says that {about} {fault}"));
        let honest = self.is_honest(who);
        if honest && self.is_honest(about) {
            let hindered = link.and_then(|link| self.wires.get(&link));
            let hindered = hindered.is_none_or(|wire| wire.hindered);
            let fine = no_honest_fault(who, about, fault, hindered);
            fine.map_err(|what| (Invariant::NoHonestFault, what))?;
        } else if honest {
            self.report.found_out += 1;
        }
        Ok(())
    }

    /// An honest node signs a head: it goes on from those before, and seals to members.
    fn signs(&mut self, who: Who, head: (FeedId, u64, Digest)) -> Result<(), Fall> {
        let (feed, size, _) = head;
        self.trace
            .note(self.now, format_args!("{who} signs {size} of {feed:?}"));
        let Self {
            actors,
            signed,
            cast,
            model,
            ..
        } = self;
        let brain = actors.get(who.0).and_then(|actor| actor.brains.first());
        let Some(Brain::Up(member)) = brain else {
            return Ok(());
        };
        let sealed = sealed_for_members(cast, model, member, feed, signed.up_to(&feed));
        sealed.map_err(|what| (Invariant::OnlyMembers, what))?;
        let one = signed.one_history(member, head);
        one.map_err(|what| (Invariant::OneHistory, what))
    }

    /// A node sends a message: an honest one what it may, a liar what it likes.
    fn say_on(
        &mut self,
        who: Who,
        brain: usize,
        link: LinkId,
        message: Message,
    ) -> Result<(), Fall> {
        let Some(wire) = self.wires.get(&link) else {
            return Ok(());
        };
        let from = usize::from(wire.ends.first() != Some(&who));
        let to = if from == 0 {
            wire.ends[1]
        } else {
            wire.ends[0]
        };
        let wall = self.time(who).wall.seconds();
        let Self {
            actors,
            cast,
            model,
            ..
        } = self;
        let actor = actors.get_mut(who.0).expect("each member has a node");
        let Actor { brains, tongue, .. } = actor;
        let Some(member) = brains.get_mut(brain).and_then(Brain::member) else {
            return Ok(());
        };
        let frames = match tongue {
            Some(tongue) => tongue.distort(member, message),
            None => {
                let fine = only_members(model, who, to, wall, &message);
                fine.map_err(|what| (Invariant::OnlyMembers, what))?;
                let fine = only_released(cast, model, member, to, &message);
                fine.map_err(|what| (Invariant::OnlyReleased, what))?;
                vec![message.encode()]
            }
        };
        for frame in frames {
            let kind = frame.get(1).copied().unwrap_or(0);
            let len = frame.len();
            self.trace.note(
                self.now,
                format_args!("{who}>{to} {kind} {len} on {}", link.0),
            );
            self.transmit(link, from, frame);
        }
        Ok(())
    }

    /// A liar remembers what it is sent, and its accomplices too.
    pub(super) fn hear(&mut self, link: LinkId, end: usize, frame: &[u8]) {
        let wire = self.wires.get(&link);
        let Some(who) = wire.and_then(|wire| wire.ends.get(end).copied()) else {
            return;
        };
        let colludes = match &mut self.actor(who).tongue {
            Some(tongue) => {
                tongue.hear(frame);
                tongue.liar == Liar::Colluder
            }
            None => false,
        };
        if colludes {
            for (other, actor) in self.actors.iter_mut().enumerate() {
                if let Some(tongue) = actor.tongue.as_mut().filter(|_| other != who.0)
                    && tongue.liar == Liar::Colluder
                {
                    tongue.hear(frame);
                }
            }
        }
    }
}
