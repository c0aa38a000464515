//! What is left of a node while it does not run: the ground on which it stands, and what its operator
//! gave it.

use std::rc::Rc;

use crate::charter::Papers;
use crate::feed::FeedId;

use super::super::dice::Dice;
use super::super::feeds::Feeds;
use super::super::ground::{Ground, Record};
use super::super::rules::Rules;
use super::feed::{self, Feed};

/// The home of a node: the charter's files and the policy file are each replaced as a whole.
#[derive(Debug)]
pub(in crate::sim) struct Home<G> {
    pub(in crate::sim) ground: G,
    pub(in crate::sim) rules: Rules,
    pub(in crate::sim) papers: Rc<Papers>,
}

impl<G: Ground> Home<G> {
    /// The power fails: of what was not synced a part may remain.
    pub(in crate::sim) fn crash(&mut self, dice: &mut Dice) {
        self.ground.crash(|bound| dice.place(bound));
    }

    /// A backup of what is durable: without what was signed last, which is in no backup.
    pub(in crate::sim) fn backup(&self) -> Self {
        Self {
            ground: self.ground.backup(),
            rules: self.rules,
            papers: Rc::clone(&self.papers),
        }
    }

    /// The home is replaced by a backup. The operator has its policy elsewhere, too.
    pub(in crate::sim) fn replace(&mut self, backup: Self) {
        self.ground = backup.ground;
        self.papers = backup.papers;
    }

    /// Whether the log holds the body of a batch.
    pub(super) fn has_body(&self, feed: &FeedId, index: u64) -> bool {
        let body = |record: &Record| matches!(record, Record::Body(of, at, _) if of == feed && *at == index);
        self.ground.records().any(body)
    }

    /// What the log says that is held.
    pub(in crate::sim) fn read(&self) -> Contents {
        let mut feeds = Feeds::default();
        for record in self.ground.records() {
            feeds.apply(record);
        }
        Contents(feeds)
    }
}

/// What lies in the home of a node that does not run.
#[derive(Debug)]
pub(in crate::sim) struct Contents(Feeds);

impl Contents {
    pub(in crate::sim) fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        feed::all(&self.0)
    }
}
