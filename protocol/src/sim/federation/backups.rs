//! A member whose home is replaced by an older copy of it, kept without the signer state.
//!
//! A head that it signed since counts as long as any other node holds it: what nobody has any more nobody
//! can show. One member of a run is restored, once, and in such a run nobody lies about which heads it
//! holds: against a feed's only reader that keeps its newest head to itself no rule helps.

use std::collections::BTreeSet;

use kentong_keys::Digest;

use crate::feed::FeedId;

use super::actors::{Actor, Brain};
use super::{Event, Fall, Federation, Grounds, Who};

/// Milliseconds that a reader stays away: longer than a restored node waits for what somebody showed.
const AWAY: u64 = 80_000;

impl<M: Grounds> Federation<'_, M> {
    /// A copy of a home is kept.
    pub(super) fn keep(&mut self, who: Who) {
        let rolls_back = self.plan.rolls_back;
        let copy = self.actor(who).brains.first().map(|brain| match brain {
            Brain::Up(member) if rolls_back => member.snapshot(),
            Brain::Down(home) if rolls_back => home.snapshot(None),
            Brain::Up(member) => member.backup(),
            Brain::Down(home) => home.backup(),
        });
        self.copy = copy;
    }

    /// What a member says next reaches one reader alone, who is away then until long after the copy was put back.
    pub(super) fn strand(&mut self, who: Who) -> Result<(), Fall> {
        if !self.may_speak(who) {
            if !self.calm {
                self.later(1_000, Event::Strand(who));
            }
            return Ok(());
        }
        let readers = (0..self.actors.len()).map(Who);
        let linked = |reader: &Who| {
            let member = self.up(who).filter(|member| member.is_linked(*reader));
            member.is_some() && self.is_honest(*reader)
        };
        let readers: Vec<_> = readers.filter(linked).collect();
        if let Some(reader) = self.dice.pick(&readers).copied() {
            self.trace
                .note(self.now, format_args!("{who} and {reader} are alone"));
            self.cut_off(BTreeSet::from([who, reader]));
            self.stranded = Some(reader);
            self.tell_all(who)?;
        }
        self.later(2_000, Event::Restore(who));
        Ok(())
    }

    /// The node is stopped, and starts again from the copy.
    pub(super) fn restore(&mut self, who: Who) {
        if self.calm {
            return;
        }
        if self.up(who).is_none() {
            self.later(1_000, Event::Restore(who));
            return;
        }
        let Some(copy) = self.copy.take() else {
            return;
        };
        self.crash(who, 0);
        // By the time that a copy is put back nothing is under way any more.
        let wires = self.wires.values_mut();
        wires
            .filter(|wire| wire.ends.contains(&who))
            .for_each(super::wires::Wire::drain);
        if let Some(Brain::Down(home)) = self.actor(who).brains.first_mut() {
            home.replace(copy);
        }
        self.trace
            .note(self.now, format_args!("{who} is an older copy now"));
        self.report.restores += 1;
        self.receipts.retain(|(reader, _), _| *reader != who);
        self.model.is_older_copy(who);
        if self.plan.rolls_back {
            self.counts_as_far_as_held(who);
            self.later(1, Event::TellAll(who));
        }
        if let Some(reader) = self.stranded.take() {
            self.cut_off(BTreeSet::from([reader]));
            self.later(AWAY, Event::Heal);
            self.later(1_000, Event::TellAll(who));
        }
    }

    /// A restored node goes on: what it signed before counts as far as others hold it.
    pub(super) fn goes_on(&mut self, who: Who, feeds: u64, ended: u64) {
        self.trace.note(
            self.now,
            format_args!("{who} goes on in {feeds} feeds, {ended} end"),
        );
        self.report.went_on += feeds;
        self.report.ended += ended;
        self.counts_as_far_as_held(who);
    }

    /// What a member signed counts from now on as far as others hold it.
    fn counts_as_far_as_held(&mut self, who: Who) {
        let mut held: BTreeSet<(FeedId, u64, Digest)> = BTreeSet::new();
        // A snapshot knows itself what was signed by then.
        let itself = self.plan.rolls_back;
        let others = |actor: &&Actor<M::Ground>| itself || actor.part.who != who;
        for actor in self.actors.iter().filter(others) {
            for brain in &actor.brains {
                match brain {
                    Brain::Up(member) => self.signed.held_by(member.feeds(), &mut held),
                    Brain::Down(home) => {
                        let contents = home.read(&self.cast, actor.part.who);
                        self.signed.held_by(contents.feeds(), &mut held);
                    }
                }
            }
        }
        let name = self.cast.name(who);
        let own: BTreeSet<_> = match self.actors.get(who.0).and_then(|of| of.brains.first()) {
            Some(Brain::Up(member)) => member.feeds_of(name).map(|held| held.id()).collect(),
            Some(Brain::Down(home)) => {
                let contents = home.read(&self.cast, who);
                let feeds = contents.feeds().filter(|held| held.publisher() == name);
                feeds.map(|held| held.id()).collect()
            }
            None => BTreeSet::new(),
        };
        self.signed.only(&own, &held);
    }
}
