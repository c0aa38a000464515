//! What a node stands on, with somebody who watches: what is appended is seen, and at each durable step the
//! node may stop.
//!
//! It stops as a process does that is killed: the call in which that happens does not come back. Nothing of
//! what it had not yet handed to the world is done.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::rc::Rc;

use kentong_keys::{Digest, MemberName};

use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::member::World;
use crate::member::heads::{Heads, Signed, Swap};
use crate::store::{GroundError, Log, OwnedRecord, Position, Record, RecordKind};

use super::super::dice::Dice;
use super::super::ground::Ground;
use super::effect::{Effect, Point};

/// The node stopped: what unwinds, through all that it was doing.
pub(super) struct Stopped;

/// Who watches a node.
#[derive(Debug)]
pub(super) struct Watch {
    me: MemberName,
    /// After so many more places the node stops; none for never.
    left: Cell<Option<u64>>,
    stopped: Cell<Option<Point>>,
    dice: RefCell<Dice>,
    seen: RefCell<Vec<Effect>>,
}

impl Watch {
    pub(super) const fn new(me: MemberName, dice: Dice) -> Self {
        Self {
            me,
            left: Cell::new(None),
            stopped: Cell::new(None),
            dice: RefCell::new(dice),
            seen: RefCell::new(Vec::new()),
        }
    }

    /// The node stops after so many more places.
    pub(super) fn stop_after(&self, places: Option<u64>) {
        self.left.set(places);
    }

    /// Where it stopped.
    pub(super) fn stopped(&self) -> Option<Point> {
        self.stopped.get()
    }

    /// Whether it stops at this place.
    pub(super) fn stops_at(&self, place: Point) -> bool {
        let left = self.left.get();
        let stops = left == Some(0);
        self.left.set(left.and_then(|left| left.checked_sub(1)));
        if stops {
            self.stopped.set(Some(place));
        }
        stops
    }

    fn pass(&self, place: Point) {
        if self.stops_at(place) {
            resume_unwind(Box::new(Stopped));
        }
    }

    pub(super) fn see(&self, effect: Effect) {
        self.seen.borrow_mut().push(effect);
    }

    pub(super) fn take_seen(&self) -> Vec<Effect> {
        std::mem::take(&mut self.seen.borrow_mut())
    }

    /// A group was written. A head that stands beside leaves came back with them; one of our own that stands alone
    /// is signed now.
    fn sees(&self, group: &[Record<'_>]) {
        let leaves = group
            .iter()
            .filter(|record| record.kind == RecordKind::Leaf);
        let leaves: BTreeSet<_> = leaves.map(|record| record.key.feed).collect();
        for record in group {
            let feed = FeedId::from_digest(record.key.feed);
            if record.kind != RecordKind::Checkpoint || leaves.contains(&record.key.feed) {
                continue;
            }
            let head = UnverifiedCheckpoint::parse(record.payload).ok();
            if let Some(head) = head.filter(|head| head.origin().publisher == self.me) {
                self.see(Effect::Signed(feed, head.size(), *head.root()));
            }
        }
        for feed in leaves {
            self.see(Effect::Stored(FeedId::from_digest(feed)));
        }
    }
}

/// A log that is watched.
#[derive(Debug)]
pub(in crate::sim) struct WatchedLog<L> {
    log: L,
    watch: Rc<Watch>,
}

impl<L> WatchedLog<L> {
    pub(super) const fn new(log: L, watch: Rc<Watch>) -> Self {
        Self { log, watch }
    }
}

impl<L: Log> Log for WatchedLog<L> {
    fn append(&mut self, records: &[Record<'_>]) -> Result<Vec<Position>, GroundError> {
        self.watch.pass(Point::BeforeWrite);
        let positions = self.log.append(records)?;
        self.watch.sees(records);
        self.watch.pass(Point::Written);
        Ok(positions)
    }

    fn sync(&mut self) -> Result<(), GroundError> {
        self.log.sync()?;
        self.watch.pass(Point::Durable);
        Ok(())
    }

    fn read(&self, at: Position) -> Result<OwnedRecord, GroundError> {
        self.log.read(at)
    }

    fn scan(
        &self,
        from: Position,
    ) -> impl Iterator<Item = Result<(Position, OwnedRecord), GroundError>> + use<L> {
        self.log.scan(from)
    }

    fn erase(&mut self, at: &[Position]) -> Result<(), GroundError> {
        self.watch.pass(Point::BeforeErasing);
        self.log.erase(at)?;
        self.watch.pass(Point::Erased);
        Ok(())
    }

    fn end(&self) -> Position {
        self.log.end()
    }

    fn durable(&self) -> Position {
        self.log.durable()
    }
}

/// Heads that are watched.
#[derive(Debug)]
pub(in crate::sim) struct WatchedHeads<G: Ground> {
    heads: G::Heads,
    watch: Rc<Watch>,
}

impl<G: Ground> WatchedHeads<G> {
    pub(super) const fn new(heads: G::Heads, watch: Rc<Watch>) -> Self {
        Self { heads, watch }
    }

    pub(super) const fn heads(&self) -> &G::Heads {
        &self.heads
    }

    pub(super) fn into_heads(self) -> G::Heads {
        self.heads
    }
}

impl<G: Ground> Heads for WatchedHeads<G> {
    type Error = <G::Heads as Heads>::Error;

    fn is_unknown(&self) -> bool {
        self.heads.is_unknown()
    }

    fn disbelieve(&mut self) {
        self.heads.disbelieve();
    }

    fn get(&self, feed: &Digest) -> Option<Signed> {
        self.heads.get(feed)
    }

    fn iter(&self) -> impl Iterator<Item = (&Digest, Signed)> {
        self.heads.iter()
    }

    fn swap_all(&mut self, swaps: &[Swap]) -> Result<(), Self::Error> {
        if self.watch.stops_at(Point::HeadsFailed) {
            let mut dice = self.watch.dice.borrow_mut();
            G::fail_next(&mut self.heads, &mut |bound| dice.place(bound));
            drop(self.heads.swap_all(swaps));
            drop(dice);
            resume_unwind(Box::new(Stopped));
        }
        self.heads.swap_all(swaps)?;
        self.watch.pass(Point::HeadsMoved);
        Ok(())
    }

    fn settle(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), Self::Error> {
        self.heads.settle(entries)?;
        self.watch.pass(Point::HeadsMoved);
        Ok(())
    }
}

/// The world of a simulated node on this ground.
#[derive(Debug)]
pub(in crate::sim) struct On<G>(std::marker::PhantomData<G>);

impl<G: Ground> World for On<G> {
    type Log = WatchedLog<G::Log>;
    type Rows = G::Rows;
    type Heads = WatchedHeads<G>;
}
