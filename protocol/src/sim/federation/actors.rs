//! Nodes that start, crash, start again, and what they do meanwhile.

use std::rc::Rc;

use crate::charter::Papers;
use crate::sync::Now;
use crate::time::{Moment, Timestamp};

use super::super::liar::{Liar, Tongue};
use super::super::node::{Crashed, Home};
use super::{
    Dice, Event, Fall, Federation, Ground, Grounds, Invariant, LinkId, Node, Part, Rules, Who,
    nothing_lost,
};

/// When the simulation begins, in seconds since 1970.
const BEGIN: i64 = 1_790_000_000;
/// Seconds by which a clock may be wrong.
const CLOCK_ERROR: u64 = 86_400;
/// Seconds by which one is wrong that is a year off.
const YEAR: i64 = 365 * 86_400;

/// A node that runs, or what is left of it while it does not.
#[derive(Debug)]
pub(super) enum Brain<G: Ground> {
    Up(Box<Node<G>>),
    Down(Home<G>),
}

impl<G: Ground> Brain<G> {
    pub(super) fn member(&mut self) -> Option<&mut Node<G>> {
        match self {
            Self::Up(member) => Some(member),
            Self::Down(_) => None,
        }
    }

    pub(super) fn papers(&self) -> &Rc<Papers> {
        match self {
            Self::Up(member) => member.papers(),
            Self::Down(home) => &home.papers,
        }
    }
}

/// A member's node; an equivocator has two.
#[derive(Debug)]
pub(super) struct Actor<G: Ground> {
    pub(super) part: Part,
    pub(super) brains: Vec<Brain<G>>,
    pub(super) tongue: Option<Tongue>,
    /// Whether it belongs, or did: nobody else's node runs.
    pub(super) joined: bool,
    /// Seconds by which its clock is wrong.
    skew: i64,
    /// For when it is to be woken, and whether it goes on sweeping.
    wake: u64,
    sweeps: bool,
}

impl<G: Ground> Actor<G> {
    pub(super) fn new(
        part: Part,
        liar: Option<Liar>,
        (rules, papers): (Rules, &Rc<Papers>),
        grounds: &impl Grounds<Ground = G>,
        dice: &mut Dice,
    ) -> Self {
        let brains = if liar == Some(Liar::Equivocator) {
            2
        } else {
            1
        };
        let number = part.who.0;
        let first = Rc::clone(&part.cast.person(part.who).first);
        let home = || {
            let (papers, keys) = (Rc::clone(papers), Rc::clone(&first));
            Home::new(grounds.make(number), rules, papers, keys)
        };
        let tongue = liar.map(|liar| Tongue::new(liar, Rc::clone(&part.cast), dice.split()));
        Self {
            part,
            brains: (0..brains).map(|_| Brain::Down(home())).collect(),
            tongue,
            joined: false,
            skew: 0,
            wake: u64::MAX,
            sweeps: false,
        }
    }
}

impl<M: Grounds> Federation<'_, M> {
    pub(super) fn actor(&mut self, who: Who) -> &mut Actor<M::Ground> {
        self.actors.get_mut(who.0).expect("each member has a node")
    }

    pub(super) fn is_honest(&self, who: Who) -> bool {
        self.actors
            .get(who.0)
            .is_some_and(|actor| actor.tongue.is_none())
    }

    /// A member's node, if it runs.
    pub(super) fn up(&self, who: Who) -> Option<&Node<M::Ground>> {
        match self.actors.get(who.0)?.brains.first()? {
            Brain::Up(member) => Some(member),
            Brain::Down(_) => None,
        }
    }

    pub(super) fn brain(&mut self, who: Who, brain: usize) -> Option<&mut Node<M::Ground>> {
        let now = self.time(who);
        let member = self.actor(who).brains.get_mut(brain)?.member()?;
        member.at(now);
        Some(member)
    }

    /// Which of a member's nodes another reaches. An equivocator mostly keeps them apart.
    pub(super) fn brain_for(&mut self, who: Who, other: Who) -> usize {
        if self.actor(who).brains.len() == 1 {
            return 0;
        }
        let usual = other.0 % 2;
        if self.dice.chance(200) {
            1 - usual
        } else {
            usual
        }
    }

    pub(super) fn time(&self, who: Who) -> Now {
        let skew = self.actors.get(who.0).map_or(0, |actor| actor.skew);
        let seconds = i64::try_from(self.now / 1000).unwrap_or(0) + BEGIN + skew;
        let wall = u64::try_from(seconds)
            .ok()
            .and_then(Timestamp::from_seconds);
        Now {
            wall: wall.unwrap_or(Timestamp::EPOCH),
            moment: Moment::from_millis(self.now),
        }
    }

    /// Lets the node at an end of a link do something; none if it does not run.
    pub(super) fn with_end<T>(
        &mut self,
        id: LinkId,
        end: usize,
        what: impl FnOnce(&mut Node<M::Ground>) -> Result<T, Crashed>,
    ) -> Result<Option<T>, Fall> {
        let wire = self.wires.get(&id);
        let at = wire.and_then(|wire| Some((*wire.ends.get(end)?, *wire.brains.get(end)?)));
        match at {
            Some((who, brain)) => self.with(who, brain, what),
            None => Ok(None),
        }
    }

    /// Lets a node do something, and looks at what it did.
    pub(super) fn with<T>(
        &mut self,
        who: Who,
        brain: usize,
        what: impl FnOnce(&mut Node<M::Ground>) -> Result<T, Crashed>,
    ) -> Result<Option<T>, Fall> {
        let Some(member) = self.brain(who, brain) else {
            return Ok(None);
        };
        let result = what(member).and_then(|made| member.drain().map(|()| made));
        let effects = member.effects();
        for effect in effects {
            self.effect(who, brain, effect)?;
        }
        match result {
            Ok(done) => {
                self.schedule(who);
                Ok(Some(done))
            }
            Err(Crashed) => {
                self.crash(who, brain);
                Ok(None)
            }
        }
    }

    /// A node that was not woken or has more to look through is put on the calendar.
    fn schedule(&mut self, who: Who) {
        let now = self.now;
        let actor = self.actor(who);
        let members = actor.brains.iter_mut().filter_map(Brain::member);
        let (mut wake, mut sweeping) = (u64::MAX, false);
        for member in members {
            wake = wake.min(member.wake_at());
            sweeping |= member.has_work();
        }
        let sooner = wake < actor.wake;
        if sooner {
            actor.wake = wake;
        }
        let sweep = sweeping && !actor.sweeps;
        actor.sweeps |= sweep;
        if sooner {
            self.later(wake.saturating_sub(now).max(1), Event::Wake(who));
        }
        if sweep {
            let after = self.dice.between(1, 400);
            self.later(after, Event::Sweep(who));
        }
    }

    pub(super) fn wake(&mut self, who: Who) -> Result<(), Fall> {
        self.actor(who).wake = u64::MAX;
        for brain in 0..self.actor(who).brains.len() {
            self.with(who, brain, Node::tick)?;
        }
        Ok(())
    }

    pub(super) fn sweep(&mut self, who: Who) -> Result<(), Fall> {
        self.actor(who).sweeps = false;
        for brain in 0..self.actor(who).brains.len() {
            self.with(who, brain, Node::go_on)?;
        }
        Ok(())
    }

    pub(super) fn idle_crash(&mut self, who: Who) {
        if self.calm {
            return;
        }
        if self.up(who).is_some() {
            self.crash(who, 0);
        }
        let after = self.dice.between(5_000, 60_000);
        self.later(after, Event::Crash(who));
    }

    /// A node is gone; of its disk what was not durable may be, too.
    pub(super) fn crash(&mut self, who: Who, brain: usize) {
        let mut dice = self.dice.split();
        let actor = self.actor(who);
        actor.wake = u64::MAX;
        actor.sweeps = false;
        if !matches!(actor.brains.get(brain), Some(Brain::Up(_))) {
            return;
        }
        let Brain::Up(member) = actor.brains.remove(brain) else {
            return;
        };
        let (mut home, at) = member.stop();
        home.crash(&mut dice);
        actor.brains.insert(brain, Brain::Down(home));
        *self.report.crashes.entry(at).or_default() += 1;
        self.trace
            .note(self.now, format_args!("{who} crashes: {at:?}"));
        let mine = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.ends.contains(&who));
        let mine: Vec<_> = mine.map(|(id, _)| *id).collect();
        mine.into_iter().for_each(|id| self.snap(id));
        let after = self.dice.between(100, 15_000);
        self.later(after, Event::Restart(who));
    }

    /// A node starts: for the first time, or after a crash.
    pub(super) fn restart(&mut self, who: Who) -> Result<(), Fall> {
        let now = self.time(who);
        let crashes = self.plan.weather.crash_every > 0 && !self.calm && self.is_honest(who);
        let every = self.plan.weather.crash_every * 2;
        let twin = self.actor(who).brains.len() > 1;
        for brain in 0..self.actor(who).brains.len() {
            let dice = self.dice.split();
            let crash_in = crashes.then(|| self.dice.below(every));
            let actor = self.actor(who);
            if !matches!(actor.brains.get(brain), Some(Brain::Down(_))) {
                continue;
            }
            let Brain::Down(home) = actor.brains.remove(brain) else {
                continue;
            };
            let mut member = Node::open(&actor.part, home, dice, now);
            if twin {
                member.twin();
            }
            member.crash_after(crash_in);
            actor.brains.insert(brain, Brain::Up(Box::new(member)));
            self.trace.note(self.now, format_args!("{who} starts"));
            let started = self.with(who, brain, Node::start)?;
            if started.is_some() && self.is_honest(who) {
                self.has_restarted(who)?;
            }
        }
        let others: Vec<_> = (0..self.actors.len())
            .map(Who)
            .filter(|other| *other != who)
            .collect();
        for other in others {
            let after = self
                .dice
                .between(1, if who < other { 2_000 } else { 6_000 });
            self.later(after, Event::Dial(who, other));
        }
        Ok(())
    }

    /// What was asked and not answered is so, or not; what was answered is there.
    fn has_restarted(&mut self, who: Who) -> Result<(), Fall> {
        let Self {
            actors,
            model,
            receipts,
            ..
        } = self;
        let Some(Brain::Up(member)) = actors.get(who.0).and_then(|actor| actor.brains.first())
        else {
            return Ok(());
        };
        let lost = nothing_lost(model, member, receipts);
        lost.map_err(|what| (Invariant::NothingLost, what))?;
        model.restarted(who, |item| member.newest(item));
        Ok(())
    }

    /// Where clocks were a year off all come right.
    pub(super) fn set_clocks(&mut self) {
        if self.plan.weather.years {
            self.actors.iter_mut().for_each(|actor| actor.skew = 0);
        }
    }

    pub(super) fn jump(&mut self, who: Who) {
        if self.calm {
            return;
        }
        let error = self.dice.below(2 * CLOCK_ERROR + 1);
        let skew = i64::try_from(error).unwrap_or(0) - i64::try_from(CLOCK_ERROR).unwrap_or(0);
        let year = match self.dice.below(6) {
            0 if self.plan.weather.years => YEAR,
            1 if self.plan.weather.years => -YEAR,
            _ => 0,
        };
        self.actor(who).skew = skew + year;
        self.report.jumps += 1;
        let after = self.dice.between(5_000, 60_000);
        self.later(after, Event::Jump(who));
    }
}
