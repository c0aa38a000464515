//! A run: virtual time, what happens in it, and the checks after each event.

mod detection;
mod effects;
mod figures;
mod nodes;
mod operators;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::feed::FeedId;

use super::cast::{Cast, Who};
use super::dice::Dice;
use super::invariant::{Broken, Invariant, Signed, converged, erased, nothing_lost};
use super::member::{LinkId, Member, Part};
use super::model::Model;
use super::plan::Plan;
use super::report::Report;
use super::rules::Rules;
use super::trace::Trace;

pub use detection::Detection;
pub use figures::{Figure, measure};

use detection::Watch;
use nodes::{Brain, Node};
use wires::Wire;

/// The most events of a run; far more than any needs.
const MOST_STEPS: u64 = 5_000_000;
/// Milliseconds after the storm within which all must agree.
const PATIENCE: u64 = 600_000;
/// Milliseconds for which they are watched after that: whatever waits for an answer gives up in less.
const STEADY: u64 = 70_000;
/// Milliseconds between two looks whether they do.
const LOOK_EVERY: u64 = 5_000;

/// Something that happens at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A message arrives at this end of a link.
    Frame(LinkId, usize),
    /// An end learns that the link is gone.
    Gone(LinkId, usize),
    /// A link breaks.
    Snap(LinkId),
    /// A member tries to reach another.
    Dial(Who, Who),
    /// A link comes about.
    Linked(Who, Who),
    /// A session asked to be woken.
    Wake(Who),
    /// A node goes on looking for what is to be released.
    Sweep(Who),
    /// An operator says something.
    Speak(Who),
    /// A node crashes between two steps.
    Crash(Who),
    Restart(Who),
    /// A clock jumps.
    Jump(Who),
    /// Some members are cut off from the others.
    Part,
    Heal,
    /// Nothing goes wrong from here on.
    Calm,
    /// Do all agree?
    Look,
}

/// Which invariant does not hold, and what was seen.
type Fall = (Invariant, String);

/// A federation in the middle of a run.
#[derive(Debug)]
struct Federation {
    cast: Rc<Cast>,
    plan: Plan,
    dice: Dice,
    now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    serial: u64,
    nodes: Vec<Node>,
    wires: BTreeMap<LinkId, Wire>,
    /// The newest link of each two.
    between: BTreeMap<BTreeSet<Who>, LinkId>,
    /// The members on the one side of a partition, while there is one.
    apart: BTreeSet<Who>,
    calm: bool,
    /// Whether all have agreed once.
    steady: bool,
    model: Model,
    signed: Signed,
    /// What each reader said last that it holds of a feed: leaves, and missing bodies.
    receipts: BTreeMap<(Who, FeedId), (u64, u64)>,
    /// What was shown of feeds with two histories.
    watch: Watch,
    trace: Trace,
    report: Report,
    /// Bytes that the first member sent and was sent.
    first: u64,
}

/// Runs a federation by a seed until all honest members agree, or an invariant does not hold.
pub fn run(cast: &Rc<Cast>, seed: u64, plan: Plan) -> Result<Report, Box<Broken>> {
    let mut federation = Federation::new(cast, seed, plan);
    let fallen = federation.until_agreed().err();
    federation.report.trace = federation.trace.hash();
    federation.report.undetected = federation.undetected();
    let tongues = federation
        .nodes
        .iter()
        .filter_map(|node| node.tongue.as_ref());
    federation.report.lies = tongues.map(|tongue| tongue.lies).sum();
    match fallen {
        None => Ok(federation.report),
        Some((invariant, what)) => Err(Box::new(Broken {
            invariant,
            seed,
            step: federation.report.steps,
            what,
            trace: federation.trace.lines(),
        })),
    }
}

impl Federation {
    fn new(cast: &Rc<Cast>, seed: u64, plan: Plan) -> Self {
        let members = plan.members.min(cast.len());
        let mut federation = Self {
            cast: Rc::clone(cast),
            dice: Dice::new(seed),
            now: 0,
            queue: BTreeMap::new(),
            serial: 0,
            nodes: Vec::new(),
            wires: BTreeMap::new(),
            between: BTreeMap::new(),
            apart: BTreeSet::new(),
            calm: false,
            steady: false,
            model: Model::new(members),
            signed: Signed::default(),
            receipts: BTreeMap::new(),
            watch: Watch::new(),
            trace: Trace::new(),
            report: Report::default(),
            first: 0,
            plan,
        };
        federation.found(members);
        federation
    }

    /// The members come in, and all that will go wrong is put on the calendar.
    fn found(&mut self, members: usize) {
        let honest = members.saturating_sub(self.plan.liars.len());
        for who in (0..members).map(Who) {
            let liar = who.0.checked_sub(honest);
            let liar = liar.and_then(|place| self.plan.liars.get(place).copied());
            let rules = self.dice.pick(&Rules::ALL).copied().unwrap_or(Rules::Open);
            let part = Part {
                cast: Rc::clone(&self.cast),
                who,
                members,
                sabotage: self.plan.sabotage.filter(|_| liar.is_none()),
            };
            if liar.is_none() {
                self.model.publisher(who, rules);
            }
            let node = Node::new(part, liar, rules, &mut self.dice);
            self.nodes.push(node);
            let start = self.dice.below(5_000);
            self.later(start, Event::Restart(who));
            for _ in 0..self.plan.words {
                let at = start + self.dice.below(self.plan.storm);
                self.later(at, Event::Speak(who));
            }
            if self.plan.weather.clocks {
                let at = self.dice.below(self.plan.storm);
                self.later(at, Event::Jump(who));
            }
            if self.plan.weather.crash_every > 0 && liar.is_none() {
                let at = self.dice.below(self.plan.storm);
                self.later(at, Event::Crash(who));
            }
        }
        for _ in 0..self.plan.weather.partitions {
            let at = self.dice.below(self.plan.storm);
            self.later(at, Event::Part);
        }
        self.later(self.plan.storm + 6_000, Event::Calm);
    }

    fn later(&mut self, after: u64, event: Event) {
        self.serial += 1;
        self.queue.insert((self.now + after, self.serial), event);
    }

    fn until_agreed(&mut self) -> Result<(), Fall> {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.report.steps += 1;
            if event == Event::Look {
                match self.agreed() {
                    Ok(()) if self.steady => return Ok(()),
                    Ok(()) => {
                        self.steady = true;
                        self.report.settled_in = self.now.saturating_sub(self.plan.storm);
                        self.later(STEADY, Event::Look);
                        continue;
                    }
                    Err(_) if !self.steady && self.now < self.plan.storm + PATIENCE => {
                        self.later(LOOK_EVERY, Event::Look);
                        continue;
                    }
                    Err(fall) => return Err(fall),
                }
            }
            self.happen(event)?;
            if self.report.steps > MOST_STEPS {
                return Err((Invariant::Converged, "it does not come to rest".to_owned()));
            }
        }
        Err((Invariant::Converged, "nothing happens any more".to_owned()))
    }

    fn happen(&mut self, event: Event) -> Result<(), Fall> {
        match event {
            Event::Frame(link, end) => self.arrive(link, end),
            Event::Gone(link, end) => self.gone(link, end),
            Event::Snap(link) => {
                self.snap(link);
                Ok(())
            }
            Event::Dial(from, to) => {
                self.dial(from, to);
                Ok(())
            }
            Event::Linked(from, to) => self.linked(from, to),
            Event::Wake(who) => self.wake(who),
            Event::Sweep(who) => self.sweep(who),
            Event::Speak(who) => self.speak(who),
            Event::Crash(who) => {
                self.idle_crash(who);
                Ok(())
            }
            Event::Restart(who) => self.restart(who),
            Event::Jump(who) => {
                self.jump(who);
                Ok(())
            }
            Event::Part => {
                self.part();
                Ok(())
            }
            Event::Heal => {
                self.heal();
                Ok(())
            }
            Event::Calm => {
                self.calm();
                Ok(())
            }
            Event::Look => Ok(()),
        }
    }

    /// The storm is over: whoever is apart comes together, and nobody crashes any more.
    fn calm(&mut self) {
        self.calm = true;
        self.heal();
        for node in &mut self.nodes {
            for member in node.brains.iter_mut().filter_map(Brain::member) {
                member.crash_in = None;
            }
        }
        self.trace.note(self.now, format_args!("calm"));
        self.later(LOOK_EVERY, Event::Look);
    }

    /// Whether every honest member is up, has done what it has to, and knows what it should.
    fn agreed(&mut self) -> Result<(), Fall> {
        let late = |what: String| Err((Invariant::Converged, what));
        let mut honest: Vec<&Member> = Vec::new();
        for node in self.nodes.iter().filter(|node| node.tongue.is_none()) {
            match node.brains.first() {
                Some(Brain::Up(member)) if !member.is_sweeping() => honest.push(member),
                _ => return late(format!("{} is not done", node.part.who)),
            }
        }
        for member in &honest {
            self.model.acted(member.who, None);
            let lost = nothing_lost(&self.model, member, &self.receipts);
            lost.map_err(|what| (Invariant::NothingLost, what))?;
            erased(member).map_err(|what| (Invariant::Erased, what))?;
        }
        for publisher in &honest {
            for reader in honest.iter().filter(|reader| reader.who != publisher.who) {
                let same = converged(&self.cast, &self.model, publisher, reader);
                same.map_err(|what| (Invariant::Converged, what))?;
            }
        }
        Ok(())
    }
}
