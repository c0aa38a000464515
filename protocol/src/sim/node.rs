//! The seam between a run and the node that it judges: whatever the federation, the liars and the
//! invariants want of a node they ask here, and of nothing else.
//!
//! Behind it stands the simulation's own copy of a node (`sim::member`, `feeds`, `own`). To put
//! another in its place means to write this file and its folder again, and nothing beside it. The node
//! must then have what follows.
//!
//! **A beginning.** [`Node::open`] over a [`Home`], and [`Node::start`], which brings log and signer
//! state together. Nothing is asked of it in between. A home is made empty, given the charter, copied
//! as a backup, replaced by one, and loses in a crash what was not synced. It stands on a
//! [`Ground`], of which a maker is handed to the run.
//!
//! **Inputs.** The time ([`Node::at`], before each other input); a link that comes about, with the
//! answer whether the node wants it, and one that is gone; a frame; a tick, for which
//! [`Node::wake_at`] says the time; [`Node::go_on`] with work that is done piece by piece, for which
//! [`Node::has_work`] says whether there is any; the operator's words: `say`, `erase`, `set_rules`,
//! `take_paper`, `install`. An input may end in [`Crashed`]: the node stopped at a [`Point`], and is
//! given up; its home is what [`Node::stop`] gives.
//!
//! **Outputs.** [`Effect`]s, in the order in which they happened, drained after each input, also after one
//! that ended in a crash. Those that name a durable step (`Signed`, `Answered`, `Receipt`) come when it
//! is done, not before. While one of them is looked at the questions below answer by what the node
//! is after the whole input; so an invariant that is checked on `Signed` sees a tree of at least that size.
//!
//! **Questions about what it holds.** Its feeds, one by one, those of a publisher, or all
//! ([`Node::feed`], [`Node::feeds_of`], [`Node::feeds`]). Of a [`Feed`]: publisher and audience; size, root,
//! and root at any smaller size; leaves from an index on; the newest signed head; how many bodies below a size are
//! missing; what its batches say, all or one; which were erased, and whether a body is in memory.
//! Whether the log still holds a body ([`Node::is_on_disk`]). The same of a home at rest ([`Home::read`]).
//!
//! **Questions about what it says.** What is in force, by publisher and value ([`Node::in_force`]); what it says
//! itself of an indicator, and which number that or its erasure took.
//!
//! **Questions about how it is.** Whether it has stopped publishing, and whether it waits for its history;
//! its charter and papers, whom they list, whom it speaks to, whom it has cut off, whom it has a link with.
//!
//! **Chance.** It is handed a stream of its own at each start. Two nodes of one name
//! ([`Node::twin`]) must write the same first leaf for the same audience, or an equivocator has two
//! feeds and not two histories.
//!
//! **Guards.** A [`Sabotage`](super::Sabotage) in its [`Part`] takes one guard out.

mod effect;
mod feed;
mod home;

use std::collections::BTreeMap;
use std::rc::Rc;

use kentong_keys::MemberName;

use crate::charter::{Paper, Papers};
use crate::feed::FeedId;
use crate::indicator::Value;
use crate::statement::{Said, Statement};
use crate::sync::Now;

use super::cast::{Cast, Who};
use super::dice::Dice;
use super::ground::Ground;
use super::member::Member;
use super::rules::Rules;
use super::sabotage::Sabotage;
use super::said::Item;

pub(super) use effect::Effect;
pub use effect::Point;
pub(super) use feed::Feed;
pub(super) use home::Home;

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
    pub(super) sabotage: Option<Sabotage>,
}

/// A node that runs.
#[derive(Debug)]
pub(super) struct Node<G>(Member<G>);

/// Its beginning and its end.
impl<G: Ground> Node<G> {
    /// A node over its home, before its start.
    pub(super) fn open(part: &Part, home: Home<G>, dice: Dice, now: Now) -> Self {
        Self(Member::open(part, home, dice, now))
    }

    /// It is one of two nodes of one name.
    pub(super) const fn twin(&mut self) {
        self.0.twin = true;
    }

    /// The node crashes after so many more durable steps; none for never.
    pub(super) const fn crash_after(&mut self, points: Option<u64>) {
        self.0.crash_in = points;
    }

    /// Finishes or drops what was left half done.
    pub(super) fn start(&mut self) -> Result<(), Crashed> {
        self.0.recover()
    }

    /// The node is gone: what is left of it, before the power fails, and where it was.
    pub(super) fn stop(self) -> (Home<G>, Point) {
        let at = self.0.crashed_at.unwrap_or(Point::Idle);
        (self.0.home, at)
    }

    /// A backup of its home while it runs.
    pub(super) fn backup(&self) -> Home<G> {
        self.0.home.backup()
    }
}

/// What is put into it, and what comes out.
impl<G: Ground> Node<G> {
    /// The time went on.
    pub(super) const fn at(&mut self, now: Now) {
        self.0.at(now);
    }

    /// A link came about; false if the node does not want it.
    pub(super) fn connected(&mut self, id: LinkId, peer: Who) -> bool {
        self.0.connected(id, peer)
    }

    pub(super) fn disconnected(&mut self, id: LinkId) {
        self.0.disconnected(id);
    }

    pub(super) fn frame(&mut self, id: LinkId, bytes: Vec<u8>) {
        self.0.frame(id, bytes);
    }

    /// Does what follows from all that was put in, before anything else is.
    pub(super) fn drain(&mut self) -> Result<(), Crashed> {
        self.0.drain()
    }

    /// When it is to be woken at the latest, in milliseconds.
    pub(super) fn wake_at(&self) -> u64 {
        self.0.wake_at()
    }

    pub(super) fn tick(&mut self) -> Result<(), Crashed> {
        self.0.tick()
    }

    /// Whether something waits that is done piece by piece.
    pub(super) fn has_work(&self) -> bool {
        self.0.is_sweeping()
    }

    /// Does the next piece.
    pub(super) fn go_on(&mut self) -> Result<(), Crashed> {
        self.0.sweep_on()
    }

    /// The operator says something, or several things at once.
    pub(super) fn say(&mut self, words: Vec<(Item, Said)>) -> Result<(), Crashed> {
        self.0.say(words)
    }

    /// The operator has an indicator erased.
    pub(super) fn erase(&mut self, item: Item) -> Result<(), Crashed> {
        self.0.erase(item)
    }

    /// The operator puts another policy in force.
    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.0.set_rules(rules);
    }

    /// The operator gives it a document.
    pub(super) fn take_paper(&mut self, paper: Paper) -> Result<(), Crashed> {
        self.0.take_paper(paper)
    }

    /// The operator gives it all versions of a charter that somebody brought.
    pub(super) fn install(&mut self, papers: &Papers) -> Result<(), Crashed> {
        self.0.install(papers)
    }

    /// What it did since this was asked last.
    pub(super) fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.0.effects)
    }
}

/// What it holds and says.
impl<G: Ground> Node<G> {
    pub(super) fn feed(&self, id: &FeedId) -> Option<Feed<'_>> {
        feed::one(&self.0.feeds, id)
    }

    /// All feeds that it holds.
    pub(super) fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        feed::all(&self.0.feeds)
    }

    /// The feeds that it holds of a publisher.
    pub(super) fn feeds_of(&self, publisher: &MemberName) -> impl Iterator<Item = Feed<'_>> {
        feed::of(&self.0.feeds, publisher)
    }

    /// Whether the log still holds the body of a batch.
    pub(super) fn is_on_disk(&self, feed: &FeedId, index: u64) -> bool {
        self.0.home.has_body(feed, index)
    }

    /// What is in force of all that others released to it and that it says itself.
    pub(super) fn in_force(&self) -> BTreeMap<(MemberName, Value), Statement> {
        self.0.in_force()
    }

    /// The newest revision that it says itself of an indicator, or its erasure took; 0 if none.
    pub(super) fn newest(&self, item: Item) -> u32 {
        self.0.newest(item)
    }

    /// What it says itself of an indicator; nothing if it never did, or erased it.
    pub(super) fn says(&self, item: Item) -> Option<&Statement> {
        self.0.says(item)
    }

    /// The number that the erasure of an indicator took; 0 if it was never erased.
    pub(super) fn erased(&self, item: Item) -> u32 {
        self.0.erased(item)
    }
}

/// How it is, and whom it knows.
impl<G: Ground> Node<G> {
    pub(super) const fn who(&self) -> Who {
        self.0.who
    }

    pub(super) fn name(&self) -> &MemberName {
        self.0.me()
    }

    /// Whether it has stopped publishing.
    pub(super) const fn is_halted(&self) -> bool {
        self.0.is_halted()
    }

    /// Whether it waits to hear how much of its own history there is.
    pub(super) const fn is_restored(&self) -> bool {
        self.0.is_restored()
    }

    /// Its charter and all that belongs to it.
    pub(super) const fn papers(&self) -> &Rc<Papers> {
        &self.0.home.papers
    }

    /// Whether the version in force lists somebody.
    pub(super) fn lists(&self, who: Who) -> bool {
        self.0.lists(who)
    }

    /// Whether it would speak with somebody, as far as charter and notices go.
    pub(super) fn admits(&self, who: Who) -> bool {
        self.0.admits(who)
    }

    /// Whether somebody broke a rule and is not spoken to for now.
    pub(super) fn is_cut_off(&self, peer: Who) -> bool {
        self.0.is_cut_off(peer)
    }

    /// Whether it believes that it has a link with somebody.
    pub(super) fn is_linked(&self, peer: Who) -> bool {
        self.0.is_linked(peer)
    }
}
