//! A run: virtual time, what happens in it, and the checks after each event.

mod actors;
mod agreement;
mod assembly;
mod backups;
mod detection;
mod effects;
mod figures;
mod keys;
mod operators;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_keys::Digest;

use crate::charter::Papers;
use crate::feed::FeedId;

use super::cast::{Cast, Online, Who};
use super::dice::Dice;
use super::founding;
use super::ground::{Ground, Grounds};
use super::invariant::{Broken, Invariant, Signed, nothing_lost};
use super::model::{Change, Model};
use super::node::{Home, LinkId, Node, Part};
use super::plan::Plan;
use super::report::Report;
use super::rules::Rules;
use super::trace::Trace;

pub use detection::Detection;
pub use figures::{Figure, measure};

use actors::{Actor, Brain};
use assembly::Voted;
use detection::Watch;
use keys::{Loss, Rightful};
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
    /// An operator proposes a version of the charter.
    Draft(Who),
    /// An operator proposes that somebody be suspended.
    Suspend(Who),
    /// An operator looks what there is to vote on.
    Vote(Who),
    /// Somebody is brought the charter that lists it.
    Join(Who),
    /// A node crashes between two steps.
    Crash(Who),
    /// A copy of a node's home is kept.
    Keep(Who),
    /// It and one reader are cut off from all others, and it says something.
    Strand(Who),
    /// It says something for everybody, as soon as it may.
    TellAll(Who),
    /// Its home is replaced by the copy.
    Restore(Who),
    /// Its keys are replaced.
    Replace(Who, Loss),
    /// A thief of its keys has to stop, and they are replaced.
    Regain(Who),
    /// Its operator gives the card with its other keys to a member.
    Hand(Who),
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
struct Federation<'r, M: Grounds> {
    /// What its nodes stand on is made by this.
    grounds: &'r M,
    cast: Rc<Cast>,
    plan: Plan,
    dice: Dice,
    now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    serial: u64,
    actors: Vec<Actor<M::Ground>>,
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
    /// For what each operator voted last.
    voted: BTreeMap<Who, Voted>,
    /// What the versions change that were drafted and that nobody goes by yet.
    changes: BTreeMap<Digest, Change>,
    /// The notices that came into force.
    notices: BTreeSet<Digest>,
    /// What is brought to those whom a charter lists and who do not know.
    handed: BTreeMap<Who, Rc<Papers>>,
    /// The member that is restored, and the copy of its home once it is kept.
    restored: Option<Who>,
    copy: Option<Home<M::Ground>>,
    /// The reader that stays away while that copy is put back.
    stranded: Option<Who>,
    /// The member whose keys were replaced, and those that it has now.
    renewed: Option<(Who, Rc<Online>)>,
    /// What it has itself while a thief uses its keys.
    rightful: Option<Rightful<M::Ground>>,
    /// What each reader said last that it holds of a feed: leaves, and missing bodies.
    receipts: BTreeMap<(Who, FeedId), (u64, u64)>,
    /// What was shown of feeds with two histories.
    watch: Watch,
    trace: Trace,
    report: Report,
    /// Bytes that the first member sent and was sent.
    first: u64,
}

/// Runs a federation by a seed, on these grounds, until all honest members agree, or an invariant does not hold.
pub fn run(
    grounds: &impl Grounds,
    cast: &Rc<Cast>,
    seed: u64,
    plan: Plan,
) -> Result<Report, Box<Broken>> {
    let mut federation = Federation::new(grounds, cast, seed, plan);
    let fallen = federation.until_agreed().err();
    federation.report.trace = federation.trace.hash();
    federation.report.undetected = federation.undetected();
    let tongues = federation
        .actors
        .iter()
        .filter_map(|actor| actor.tongue.as_ref());
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

impl<'r, M: Grounds> Federation<'r, M> {
    fn new(grounds: &'r M, cast: &Rc<Cast>, seed: u64, plan: Plan) -> Self {
        let members = plan.members.min(cast.len());
        let papers = Rc::new(founding::papers(cast, members));
        let founders = (0..members).map(Who).collect();
        let mut federation = Self {
            grounds,
            cast: Rc::clone(cast),
            dice: Dice::new(seed),
            now: 0,
            queue: BTreeMap::new(),
            serial: 0,
            actors: Vec::new(),
            wires: BTreeMap::new(),
            between: BTreeMap::new(),
            apart: BTreeSet::new(),
            calm: false,
            steady: false,
            model: Model::new(papers.in_force().1, founders),
            signed: Signed::default(),
            voted: BTreeMap::new(),
            changes: BTreeMap::new(),
            notices: BTreeSet::new(),
            handed: BTreeMap::new(),
            restored: None,
            copy: None,
            stranded: None,
            renewed: None,
            rightful: None,
            receipts: BTreeMap::new(),
            watch: Watch::new(),
            trace: Trace::new(),
            report: Report::default(),
            first: 0,
            plan,
        };
        federation.found(members, &papers);
        federation
    }

    /// The members come in, and all that will go wrong is put on the calendar.
    fn found(&mut self, members: usize, papers: &Rc<Papers>) {
        let honest = members.saturating_sub(self.plan.liars.len());
        let all = members + self.plan.outsiders.min(self.cast.len() - members);
        for who in (0..all).map(Who) {
            let liar = who.0.checked_sub(honest).filter(|_| who.0 < members);
            let liar = liar.and_then(|place| self.plan.liars.get(place).copied());
            let rules = self.dice.pick(&Rules::ALL).copied().unwrap_or(Rules::Open);
            let part = Part {
                cast: Rc::clone(&self.cast),
                who,
                without: self.plan.without.filter(|_| liar.is_none()),
            };
            if liar.is_none() {
                self.model.publisher(who, rules);
            }
            let actor = Actor::new(part, liar, (rules, papers), self.grounds, &mut self.dice);
            self.actors.push(actor);
            if who.0 < members {
                let start = self.dice.below(5_000);
                self.actor(who).joined = true;
                self.later(start, Event::Restart(who));
                self.begins(who, start);
            }
        }
        if self.plan.restores {
            let who = Who(self.dice.place(honest));
            self.restored = Some(who);
            let kept = self.dice.below(self.plan.storm / 2);
            self.later(kept, Event::Keep(who));
            let after = self.dice.between(1_000, self.plan.storm / 2);
            let event = if self.plan.strands {
                Event::Strand(who)
            } else {
                Event::Restore(who)
            };
            self.later(kept + after, event);
        }
        if self.plan.replaces_keys {
            let who = Who(self.dice.place(honest));
            let losses = [Loss::Doubted, Loss::Stolen, Loss::Home];
            let loss = self.dice.pick(&losses).copied().unwrap_or(Loss::Doubted);
            let at = self.dice.between(1_000, self.plan.storm / 2);
            self.later(at, Event::Replace(who, loss));
        }
        for _ in 0..self.plan.changes {
            let at = 5_000 + self.dice.below(self.plan.storm);
            let who = Who(self.dice.place(honest));
            self.later(at, Event::Draft(who));
            if self.dice.chance(300) {
                let at = 5_000 + self.dice.below(self.plan.storm);
                self.later(at, Event::Suspend(who));
            }
        }
        for _ in 0..self.plan.weather.partitions {
            let at = self.dice.below(self.plan.storm);
            self.later(at, Event::Part);
        }
        self.later(self.plan.storm + 6_000, Event::Calm);
    }

    /// What a member does, and what happens to it, is put on the calendar.
    fn begins(&mut self, who: Who, start: u64) {
        for _ in 0..self.plan.words {
            let at = start + self.dice.below(self.plan.storm);
            self.later(at, Event::Speak(who));
        }
        if self.plan.weather.clocks {
            let at = self.dice.below(self.plan.storm);
            self.later(at, Event::Jump(who));
        }
        if self.plan.weather.crash_every > 0 && self.is_honest(who) {
            let at = self.dice.below(self.plan.storm);
            self.later(at, Event::Crash(who));
        }
        if self.plan.changes > 0 {
            let at = start + self.dice.below(8_000);
            self.later(at, Event::Vote(who));
        }
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
            Event::Draft(who) => self.draft(who),
            Event::Suspend(who) => self.suspend(who),
            Event::Vote(who) => self.vote(who),
            Event::Join(who) => self.join(who),
            Event::Crash(who) => {
                self.idle_crash(who);
                Ok(())
            }
            Event::Keep(who) => {
                self.keep(who);
                Ok(())
            }
            Event::Strand(who) => self.strand(who),
            Event::TellAll(who) => self.tell_all(who),
            Event::Restore(who) => {
                self.restore(who);
                Ok(())
            }
            Event::Replace(who, loss) => {
                self.replace_keys(who, loss);
                Ok(())
            }
            Event::Regain(who) => {
                self.regain(who);
                Ok(())
            }
            Event::Hand(who) => self.hand_card(who),
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
        self.set_clocks();
        for actor in &mut self.actors {
            for member in actor.brains.iter_mut().filter_map(Brain::member) {
                member.crash_after(None);
            }
        }
        self.trace.note(self.now, format_args!("calm"));
        self.later(LOOK_EVERY, Event::Look);
    }
}
