//! The seam between a run and the node that it judges: whatever the federation, the liars and the
//! invariants want of a node they ask here, and of nothing else.
//!
//! Behind it stands the node that ships: [`crate::member::Member`] over the shipped store. What is played is
//! what it stands on ([`Ground`]), which fails, and what it has the world do ([`Effect`]).
//!
//! **A beginning.** [`Node::open`] over a [`Home`], and [`Node::start`], which brings log and heads
//! together. Nothing is asked of it in between. A home is made empty, given the charter, copied
//! as a backup, replaced by one, and loses in a crash what was not durable; its rows come through as they
//! like.
//!
//! **Inputs.** The time ([`Node::at`], before each other input); a link that comes about, with the
//! answer whether the node wants it, and one that is gone; a frame; a tick, for which
//! [`Node::wake_at`] says the time; [`Node::go_on`] with work that is done piece by piece, for which
//! [`Node::has_work`] says whether there is any; the operator's words. An input may end in [`Crashed`]: the
//! node stopped at a [`Point`], and is given up; its home is what [`Node::stop`] gives.
//!
//! **Outputs.** [`Effect`]s, in the order in which they happened, taken after each input, also after one
//! that ended in a crash: what the node had not handed to the world by then it did not do. While one of them is
//! looked at the questions below answer by what the node is after the whole input; so an invariant that is
//! checked on `Signed` sees a tree of at least that size.
//!
//! **Chance.** It is handed a stream of its own at each start. Two nodes of one name
//! ([`Node::twin`]) write the same first leaf for the same audience, or an equivocator has two
//! feeds and not two histories. They do without the wait for a reader, which would show them to themselves.
//!
//! **Guards.** An honest member's node may do without one ([`Part::without`]).

mod asked;
mod effect;
mod feed;
mod frozen;
mod home;
mod watched;
mod world;

use core::time::Duration;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use kentong_keys::{Digest, Label, RecoveryId};

use crate::charter::{Paper, Papers};
use crate::directory::Bundle;
use crate::feed::{Audience, EraseReason};
use crate::guard::{self, Guard};
use crate::member::publisher::{NotErased, Outcome, Saying};
use crate::member::{Chance, Compared, Lent, Member, NotErasedNow};
use crate::statement::{IndicatorId, Said};
use crate::store::Store;
use crate::sync::Now;

use super::cast::{Cast, Who};
use super::dice::Dice;
use super::ground::{Ground, RowsAfter};
use super::rules::Rules;
use super::said::Item;

use home::CACHE;
use watched::{On, Stopped, Watch, WatchedHeads, WatchedLog};

pub(super) use effect::Effect;
pub use effect::Point;
pub(super) use feed::Feed;
pub(super) use frozen::Frozen;
pub(super) use home::Home;

/// What the first leaves of two nodes of one name have in common.
const TWIN: Label = Label::new("kentong/sim-twin/1");
/// After how long a node is woken at the latest.
const TICK: Duration = Duration::from_secs(1);

/// The number of a link between two members; both ends know it by the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(pub(super) u64);

/// The node stopped in the middle of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crashed;

/// What a node is told of the run that it takes part in.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) cast: Rc<Cast>,
    pub(super) who: Who,
    /// The guard that it does without.
    pub(super) without: Option<Guard>,
}

/// A node that runs.
#[derive(Debug)]
pub(super) struct Node<G: Ground> {
    part: Part,
    home: Home<G>,
    member: Member<On<G>, LinkId, Vec<Item>>,
    watch: Rc<Watch>,
    chance: Drawn,
    now: Now,
}

/// Where a node's random bytes come from.
#[derive(Debug)]
struct Drawn {
    dice: Dice,
    /// Whether it is one of two nodes of one name.
    twin: bool,
}

impl Chance for Drawn {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.dice.fill(bytes);
    }

    fn first_leaf(&mut self, audience: &Audience) -> [u8; 16] {
        let mut nonce = self.dice.bytes();
        if self.twin {
            let names = audience.members().iter();
            let names: Vec<_> = names.map(|name| name.as_str().as_bytes()).collect();
            let digest = Digest::labelled(TWIN, &names);
            nonce.copy_from_slice(digest.as_bytes().split_at(16).0);
        }
        nonce
    }
}

/// Its beginning and its end.
impl<G: Ground> Node<G> {
    /// A node over its home, before its start.
    pub(super) fn open(part: &Part, mut home: Home<G>, mut dice: Dice, now: Now) -> Self {
        let (cast, who) = (&part.cast, part.who);
        let me = cast.name(who).clone();
        let watch = Rc::new(Watch::new(me.clone(), dice.split()));
        let log = WatchedLog::new(home.ground.open_log(), Rc::clone(&watch));
        let opened = Store::open(log, home.ground.rows(), cast.store_key(who), me, CACHE);
        let (store, opening) = opened.expect("whatever a crash leaves of log and rows opens");
        let rows = std::mem::replace(&mut home.rows, RowsAfter::Whole);
        watch.see(Effect::Opened {
            spoilt: rows == RowsAfter::Spoilt,
            rebuilt: opening.rebuilt.is_some(),
        });
        let heads = WatchedHeads::new(home.ground.open_heads(), Rc::clone(&watch));
        let members = cast.members(who, home.known(), now.wall);
        let member = Member::new(store, heads, members, cast.engine(home.rules));
        Self {
            part: part.clone(),
            home,
            member,
            watch,
            chance: Drawn { dice, twin: false },
            now,
        }
    }

    /// It is one of two nodes of one name.
    pub(super) const fn twin(&mut self) {
        self.chance.twin = true;
    }

    /// The node crashes after so many more durable steps; none for never.
    pub(super) fn crash_after(&self, points: Option<u64>) {
        self.watch.stop_after(points);
    }

    /// Finishes or drops what was left half done.
    pub(super) fn start(&mut self) -> Result<(), Crashed> {
        self.goes_by();
        let compared = self.doing(|member, lent| member.compare(lent.keys))?;
        let started = match compared {
            Compared::Unknown(why) => {
                let recovery = *self.home.recovery.get_or_insert_with(RecoveryId::random);
                self.doing(|member, lent| member.ask(recovery, why, lent))?
            }
            Compared::OtherHistory(feed) => {
                let what = format!("feed {feed} does not lead to what was signed");
                self.watch.see(Effect::Halted(what));
                return Ok(());
            }
            Compared::Repair(repair) => {
                let has_begun = self.home.recovery.is_some();
                self.doing(|member, lent| member.repair(repair, has_begun, lent))?
            }
        };
        if let Err(error) = started {
            self.watch.see(Effect::Halted(error.to_string()));
        }
        self.doing(|member, lent| member.readers_may_come(lent))
    }

    /// Makes durable what is not, as a node does that is told to stop.
    pub(super) fn finish(&mut self) {
        self.watch.stop_after(None);
        if let Ok(Err(error)) = self.doing(|member, _| member.finish()) {
            self.watch.see(Effect::Halted(error.to_string()));
        }
    }

    /// The node is gone: what is left of it, before the power fails, and where it was.
    pub(super) fn stop(mut self) -> (Home<G>, Point) {
        let heads = self.member.into_heads().into_heads();
        self.home.ground.close_heads(heads);
        (self.home, self.watch.stopped().unwrap_or(Point::Idle))
    }

    /// A backup of its home while it runs.
    pub(super) fn backup(&self) -> Home<G> {
        self.home.backup()
    }

    /// A snapshot of its disk while it runs.
    pub(super) fn snapshot(&self) -> Home<G> {
        self.home.snapshot(Some(self.member.heads().heads()))
    }
}

/// What is put into it, and what comes out.
impl<G: Ground> Node<G> {
    /// The time went on.
    pub(super) const fn at(&mut self, now: Now) {
        self.now = now;
    }

    /// A link came about; false if the node does not want it.
    pub(super) fn connected(&mut self, id: LinkId, peer: Who) -> Result<bool, Crashed> {
        let cast = Rc::clone(&self.part.cast);
        self.doing(|member, lent| member.connected(id, cast.name(peer), lent))
    }

    pub(super) fn disconnected(&mut self, id: LinkId) -> Result<(), Crashed> {
        self.doing(|member, lent| drop(member.ended(id, lent.now)))
    }

    pub(super) fn frame(&mut self, id: LinkId, bytes: Vec<u8>) -> Result<(), Crashed> {
        self.doing(|member, lent| member.frame(id, bytes, lent.now))
    }

    /// Does what follows from all that was put in, before anything else is.
    pub(super) fn drain(&mut self) -> Result<(), Crashed> {
        while self.doing(Member::step)? == ControlFlow::Continue(()) {}
        Ok(())
    }

    /// When it is to be woken at the latest, in milliseconds.
    pub(super) fn wake_at(&self) -> u64 {
        let sessions = self.member.sessions().wake_at();
        sessions.min(self.now.after(TICK)).millis()
    }

    pub(super) fn tick(&mut self) -> Result<(), Crashed> {
        self.doing(Member::tick)?;
        self.commit()?;
        self.go_on()
    }

    /// Whether something waits that is done piece by piece.
    pub(super) fn has_work(&self) -> bool {
        // While readers are asked all is held back, however long that takes.
        let held_back = self.member.history().is_held_back() && !self.is_restored();
        !self.member.is_idle() || held_back
    }

    /// Does the next piece.
    pub(super) fn go_on(&mut self) -> Result<(), Crashed> {
        self.doing(Member::go_on)?;
        self.doing(|member, lent| member.open_on(lent))
    }

    /// The operator says something, or several things at once.
    pub(super) fn say(&mut self, words: Vec<(Item, Said)>) -> Result<(), Crashed> {
        // Members of a run mean what they say: also what they withdrew or erased before.
        let how = Saying {
            dry_run: false,
            again: true,
        };
        let items: Vec<_> = words.iter().map(|(item, _)| *item).collect();
        let said = self.doing(|member, lent| {
            member.request(lent, |mut request| {
                let words = words.into_iter();
                let mut said = words.map(|(item, said)| request.say(item.value(), said, how));
                said.try_for_each(|outcome| outcome.map(|_: Outcome| ()))?;
                request.answer(items);
                Ok::<_, crate::store::StoreError>(())
            })
        })?;
        if let Err(error) = said {
            self.watch.see(Effect::Halted(error.to_string()));
        }
        self.commit()
    }

    /// Makes durable what was said, and releases it.
    fn commit(&mut self) -> Result<(), Crashed> {
        let Some(said) = self.doing(Member::commit)? else {
            return Ok(());
        };
        if said.statements().is_empty() {
            return Ok(());
        }
        self.passes(Point::Answered)?;
        self.doing(|member, lent| member.release(&said, lent))?;
        if !self.member.history().is_held_back() {
            let items = said
                .statements()
                .iter()
                .filter_map(|one| Item::of(&one.value));
            self.watch.see(Effect::Released(items.collect()));
        }
        Ok(())
    }

    /// The operator has an indicator erased.
    pub(super) fn erase(&mut self, item: Item) -> Result<(), Crashed> {
        let id = IndicatorId::of(self.name(), &item.value());
        let reason = EraseReason::PersonalData;
        let erased = self.doing(|member, lent| member.erase(&id, reason, false, lent))?;
        match erased {
            Ok(_) | Err(NotErasedNow::Publisher(NotErased::NotOurs | NotErased::Already)) => {
                self.watch.see(Effect::Answered(item));
            }
            Err(error) => self.watch.see(Effect::Halted(error.to_string())),
        }
        self.passes(Point::Answered)
    }

    /// The operator puts another policy in force.
    pub(super) fn set_rules(&mut self, rules: Rules) -> Result<(), Crashed> {
        self.home.rules = rules;
        let engine = self.part.cast.engine(rules);
        self.doing(|member, lent| member.use_policy(engine, lent))
    }

    /// The operator gives it a document.
    pub(super) fn take_paper(&mut self, paper: Paper) -> Result<(), Crashed> {
        self.keep_paper(paper)
    }

    /// The operator gives it all versions of a charter that somebody brought.
    pub(super) fn install(&mut self, papers: &Papers) -> Result<(), Crashed> {
        for charter in papers.chain().history() {
            let version = crate::charter::UnverifiedCharter::parse(charter.note().bytes());
            if let Ok(version) = version {
                self.keep_paper(Paper::Charter(Box::new(version)))?;
            }
        }
        Ok(())
    }

    /// The operator gives it a card that somebody brought.
    pub(super) fn take_card(&mut self, bundle: &Bundle) -> Result<(), Crashed> {
        self.home
            .newer
            .insert(bundle.member().clone(), bundle.clone());
        let (cast, who) = (&self.part.cast, self.part.who);
        let members = cast.members(who, self.home.known(), self.now.wall);
        self.doing(|member, lent| member.use_members(members, lent))
    }

    /// What it did since this was asked last.
    pub(super) fn effects(&self) -> Vec<Effect> {
        self.watch.take_seen()
    }

    /// Has the node do something, and the world what follows. It may stop in the middle.
    fn doing<A>(
        &mut self,
        act: impl FnOnce(&mut Member<On<G>, LinkId, Vec<Item>>, &mut Lent<'_>) -> A,
    ) -> Result<A, Crashed> {
        let without = self.without();
        let member = &mut self.member;
        let mut lent = Lent {
            keys: self.home.keys.keys(self.part.cast.name(self.part.who)),
            chance: &mut self.chance,
            now: self.now,
        };
        let acts = AssertUnwindSafe(|| act(member, &mut lent));
        let acted = catch_unwind(|| doing_without(without, acts));
        match acted {
            Ok(answer) => {
                for output in self.member.take_outputs() {
                    self.carry_out(output)?;
                }
                Ok(answer)
            }
            Err(why) if why.is::<Stopped>() => Err(Crashed),
            Err(why) => resume_unwind(why),
        }
    }

    /// The guard that this node does without.
    const fn without(&self) -> Option<Guard> {
        if self.chance.twin {
            return Some(Guard::ReaderAwaited);
        }
        self.part.without
    }

    /// A place where the node may stop between two calls.
    fn passes(&self, place: Point) -> Result<(), Crashed> {
        if self.watch.stops_at(place) {
            Err(Crashed)
        } else {
            Ok(())
        }
    }
}

fn doing_without<A>(guard: Option<Guard>, act: impl FnOnce() -> A) -> A {
    match guard {
        Some(guard) => guard::without(guard, act),
        None => act(),
    }
}
