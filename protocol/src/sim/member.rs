//! A simulated node: the protocol's own code around a disk that can lose what was not synced.
//!
//! Its steps are those of a real node, in the same order; before and after each durable one the
//! node may crash.

mod closing;
mod erase;
mod links;
mod papers;
mod publish;
mod receive;
mod recover;
mod relay;
mod release;
mod restored;

use core::convert::Infallible;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId, Leaf, OpenEpoch};
use crate::indicator::Value;
use crate::member::sessions::{CutOffs, Sessions};
use crate::policy::Engine;
use crate::statement::{IndicatorId, Numbered, Said, SaidBefore, Statement};
use crate::sync::Now;

use super::cast::{Cast, Who};
use super::dice::Dice;
use super::feeds::Feeds;
use super::ground::{Ground, Record};
use super::node::{Crashed, Effect, Home, LinkId, Part, Point};
use super::own::Own;
use super::rules::Rules;
use super::sabotage::Sabotage;
use super::said::Item;

use papers::Standing;
use relay::Relay;
use restored::Restored;

/// A node.
#[derive(Debug)]
pub(super) struct Member<G> {
    cast: Rc<Cast>,
    pub(super) who: Who,
    pub(super) home: Home<G>,
    pub(super) feeds: Feeds,
    pub(super) own: Own,
    /// The open own feeds by audience.
    by_audience: BTreeMap<Audience, FeedId>,
    /// The epochs that this process began.
    epochs: BTreeMap<FeedId, OpenEpoch>,
    engine: Engine,
    standing: Standing,
    sessions: Sessions<LinkId>,
    relay: Relay,
    /// Batches of the private feed that are still to be looked through for release.
    sweep: VecDeque<(FeedId, u64)>,
    /// Whether own feeds may have to be closed before anything is released.
    to_close: bool,
    /// Set as long as it is not known what was signed last.
    restored: Option<Restored>,
    /// Own feeds of which not all that was shown came back in time: it is taken in when it does.
    late: BTreeSet<FeedId>,
    cut_offs: CutOffs,
    halted: bool,
    /// Genesis leaves are the same whoever makes them: for two nodes of one name.
    pub(super) twin: bool,
    sabotage: Option<Sabotage>,
    dice: Dice,
    now: Now,
    /// After so many more points the node crashes.
    pub(super) crash_in: Option<u64>,
    pub(super) crashed_at: Option<Point>,
    pub(super) effects: Vec<Effect>,
}

impl<G: Ground> Member<G> {
    /// A node over a disk, before its start.
    pub(super) fn open(part: &Part, home: Home<G>, dice: Dice, now: Now) -> Self {
        let mut feeds = Feeds::default();
        feeds.for_anybody = part.sabotage == Some(Sabotage::ServeAnybody);
        for record in home.ground.records() {
            feeds.apply(record);
        }
        let engine = engine(&part.cast, home.rules);
        Self {
            cast: Rc::clone(&part.cast),
            who: part.who,
            home,
            feeds,
            own: Own::default(),
            by_audience: BTreeMap::new(),
            epochs: BTreeMap::new(),
            engine,
            standing: Standing::default(),
            sessions: Sessions::default(),
            relay: Relay::default(),
            sweep: VecDeque::new(),
            to_close: false,
            restored: None,
            late: BTreeSet::new(),
            cut_offs: CutOffs::default(),
            halted: false,
            twin: false,
            sabotage: part.sabotage,
            dice,
            now,
            crash_in: None,
            crashed_at: None,
            effects: Vec::new(),
        }
    }

    /// The time went on.
    pub(super) const fn at(&mut self, now: Now) {
        self.now = now;
    }

    pub(super) fn me(&self) -> &MemberName {
        self.cast.name(self.who)
    }

    pub(super) fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    pub(super) const fn is_halted(&self) -> bool {
        self.halted
    }

    /// A place where the node may crash.
    pub(super) const fn point(&mut self, at: Point) -> Result<(), Crashed> {
        match self.crash_in {
            Some(0) => {
                self.crash_in = None;
                self.crashed_at = Some(at);
                Err(Crashed)
            }
            Some(left) => {
                self.crash_in = Some(left - 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Writes a group to the log and takes it in; own batches go into the table.
    fn commit(&mut self, group: Vec<Record>) {
        for record in &group {
            for (feed, index) in self.feeds.apply(record) {
                let me = self.cast.name(self.who);
                let held = self
                    .feeds
                    .get(&feed)
                    .filter(|held| held.genesis.publisher == *me);
                if let Some(held) = held {
                    self.own.take(me, feed, held, index);
                }
            }
        }
        let ours = group.iter().any(|record| {
            let Record::Leaf(feed, leaf) = record else {
                return false;
            };
            let held = self
                .feeds
                .get(feed)
                .filter(|_| matches!(leaf.0, Leaf::Erase(_)));
            held.is_some_and(|held| held.genesis.publisher == *self.cast.name(self.who))
        });
        if ours {
            self.own = Own::of(&self.feeds, self.cast.name(self.who));
        }
        let signed = group.iter().filter_map(|record| match record {
            Record::Checkpoint(feed, ..) => Some(*feed),
            Record::Leaf(feed, _) if self.is(Sabotage::EraseBeforeSigned) => Some(*feed),
            Record::Leaf(..)
            | Record::Body(..)
            | Record::ErasedBody
            | Record::EpochKey(..)
            | Record::Truncate(..) => None,
        });
        let signed: Vec<_> = signed.collect();
        self.home.ground.append(group);
        self.overwrite(&signed);
    }

    fn halt(&mut self, why: String) {
        self.halted = true;
        self.effects.push(Effect::Halted(why));
    }

    /// Puts other rules in force, and looks through everything by them.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.home.rules = rules;
        self.engine = engine(&self.cast, rules);
        self.sweep_all();
    }

    /// Says something of one's own, or several things at once, as far as they are new. It is answered
    /// once it is durable, and released after that.
    pub(super) fn say(&mut self, words: Vec<(Item, Said)>) -> Result<(), Crashed> {
        let Some((first, _)) = words.first().cloned() else {
            return Ok(());
        };
        let words = words.into_iter();
        let statements = words.filter_map(|(item, said)| self.numbered(item, said));
        let statements: Vec<_> = statements.collect();
        if statements.is_empty() {
            self.effects.push(Effect::Answered(first));
            return Ok(());
        }
        if self.is(Sabotage::AckBeforeDurable) {
            self.effects.push(Effect::Answered(first));
        }
        let private = Audience::of(self.me(), []).expect("one member is an audience");
        self.publish(BTreeMap::from([(private, statements.clone())]))?;
        if self.halted {
            return Ok(());
        }
        self.effects.push(Effect::Answered(first));
        self.point(Point::Answered)?;
        self.release(&statements)
    }

    /// Numbers what is said; none if it is nothing new.
    fn numbered(&self, item: Item, said: Said) -> Option<Statement> {
        let value = item.value();
        let id = IndicatorId::of(self.me(), &value);
        let entry = self.own.0.get(&id);
        let newest = entry.and_then(|entry| entry.newest.as_ref());
        let highest = entry.map(|entry| entry.highest).unwrap_or_default();
        let before = SaidBefore {
            highest: highest.max(self.own.erased(&id)),
            withdrawn: newest.is_some_and(|newest| matches!(newest.said, Said::Withdrawn { .. })),
            erased: false,
        };
        // Members of a run mean what they say: also what they withdrew or erased before.
        let newest = || Ok::<_, Infallible>(newest);
        let Ok(numbered) = before.number(&said, true, self.now.wall, newest);
        let Numbered::As(revision) = numbered else {
            return None;
        };
        let made = self.now.wall;
        Some(Statement {
            value,
            revision,
            made,
            said,
        })
    }

    /// Which statements of others' and own private feeds are in force: by publisher and value.
    pub(super) fn in_force(&self) -> BTreeMap<(MemberName, Value), Statement> {
        let mut best = BTreeMap::new();
        for (_, held) in self.feeds.iter() {
            let publisher = &held.genesis.publisher;
            let own = publisher == self.me();
            if own && !super::own::is_private(held) {
                continue;
            }
            for (statement, rank) in held.opened.values().flat_map(|all| all.iter()) {
                let key = (publisher.clone(), statement.value.clone());
                let better = best
                    .get(&key)
                    .is_none_or(|(_, before)| before < rank || self.is(Sabotage::LastArrivalWins));
                if better {
                    best.insert(key, (statement.clone(), *rank));
                }
            }
        }
        let only = |(key, (statement, _))| (key, statement);
        best.into_iter().map(only).collect()
    }

    /// The newest revision that the node itself knows of an indicator; 0 if none.
    pub(super) fn newest(&self, item: Item) -> u32 {
        let id = IndicatorId::of(self.me(), &item.value());
        let newest = self.own.0.get(&id).and_then(|entry| entry.newest.as_ref());
        let newest = newest.map_or(0, |newest| newest.revision.number());
        newest.max(self.own.erased(&id).number())
    }

    /// What the node itself says of an indicator.
    pub(super) fn says(&self, item: Item) -> Option<&Statement> {
        let id = IndicatorId::of(self.me(), &item.value());
        self.own.0.get(&id)?.newest.as_ref()
    }

    /// The number that the erasure of an indicator took; 0 if it was never erased.
    pub(super) fn erased(&self, item: Item) -> u32 {
        let id = IndicatorId::of(self.me(), &item.value());
        self.own.erased(&id).number()
    }

    /// The feeds that the node holds of others.
    pub(super) fn foreign(&self) -> BTreeSet<FeedId> {
        let me = self.me();
        let foreign = self
            .feeds
            .iter()
            .filter(|(_, held)| held.genesis.publisher != *me);
        foreign.map(|(id, _)| *id).collect()
    }
}

fn engine(cast: &Cast, rules: Rules) -> Engine {
    Engine::new(cast.policy(rules).clone(), BTreeSet::new())
}
