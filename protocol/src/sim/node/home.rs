//! What is left of a node while it does not run: the ground on which it stands, and what its operator
//! gave it.

use std::collections::BTreeMap;
use std::rc::Rc;

use kentong_keys::{MemberName, RecoveryId};

use crate::charter::Papers;
use crate::directory::Bundle;
use crate::store::Store;

use super::super::cast::{Cast, Known, Online, Who};
use super::super::dice::Dice;
use super::super::ground::{Ground, RowsAfter};
use super::super::rules::Rules;
use super::feed::{self, Feed};

/// Bytes of opened bodies that a store keeps: a run's bodies are small.
pub(super) const CACHE: usize = 16 << 10;

/// The home of a node: files that are each replaced as a whole stand beside the ground.
#[derive(Debug)]
pub(in crate::sim) struct Home<G> {
    pub(in crate::sim) ground: G,
    pub(in crate::sim) rules: Rules,
    pub(in crate::sim) papers: Rc<Papers>,
    /// The keys of its node.
    pub(in crate::sim) keys: Rc<Online>,
    /// Warrants and cards of others that are newer than those with which all begin.
    pub(in crate::sim) newer: BTreeMap<MemberName, Bundle>,
    /// The note that lost history is to come back.
    pub(super) recovery: Option<RecoveryId>,
    /// What the last crash did to the rows.
    pub(super) rows: RowsAfter,
}

impl<G: Ground> Home<G> {
    /// A home with nothing in it but what its operator gave it.
    pub(in crate::sim) const fn new(
        ground: G,
        rules: Rules,
        papers: Rc<Papers>,
        keys: Rc<Online>,
    ) -> Self {
        Self {
            ground,
            rules,
            papers,
            keys,
            newer: BTreeMap::new(),
            recovery: None,
            rows: RowsAfter::Whole,
        }
    }

    /// The power fails: of what was not synced a part may remain.
    pub(in crate::sim) fn crash(&mut self, dice: &mut Dice) {
        let rows = self.ground.crash(|bound| dice.place(bound));
        self.rows = rows;
    }

    /// A backup of what is durable: without what was signed last, which is in no backup.
    pub(in crate::sim) fn backup(&self) -> Self {
        Self {
            ground: self.ground.backup(),
            rules: self.rules,
            papers: Rc::clone(&self.papers),
            keys: Rc::clone(&self.keys),
            newer: self.newer.clone(),
            recovery: self.recovery,
            rows: self.rows,
        }
    }

    /// A snapshot of its disk.
    pub(in crate::sim) fn snapshot(&self, heads: Option<&G::Heads>) -> Self {
        Self {
            ground: self.ground.snapshot(heads),
            ..self.backup()
        }
    }

    /// The home is replaced by a backup. The operator has its policy elsewhere, too.
    pub(in crate::sim) fn replace(&mut self, backup: Self) {
        let rules = self.rules;
        *self = Self { rules, ..backup };
    }

    /// What it knows of who belongs.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            papers: &self.papers,
            own: &self.keys,
            newer: &self.newer,
        }
    }

    /// What the log says that is held.
    pub(in crate::sim) fn read(&self, cast: &Cast, who: Who) -> Contents<G> {
        let copy = self.ground.backup();
        let (key, me) = (cast.store_key(who), cast.name(who).clone());
        let opened = Store::open(copy.open_log(), copy.rows(), key, me, CACHE);
        let (store, _) = opened.expect("what a node left behind opens");
        Contents(store)
    }
}

/// What lies in the home of a node that does not run.
#[derive(Debug)]
pub(in crate::sim) struct Contents<G: Ground>(Store<G::Log, G::Rows>);

impl<G: Ground> Contents<G> {
    pub(in crate::sim) fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        feed::all(&self.0)
    }
}
