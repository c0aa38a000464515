//! What is left of a node while it does not run: its disk, and what its operator gave it.

use std::rc::Rc;

use crate::charter::Papers;

use super::super::dice::Dice;
use super::super::disk::Disk;
use super::super::feeds::Feeds;
use super::super::rules::Rules;
use super::feed::{self, Feed};

/// The home of a node that does not run.
#[derive(Debug)]
pub(in crate::sim) struct Home(pub(super) Disk);

impl Home {
    /// An empty home.
    pub(in crate::sim) const fn new(rules: Rules, papers: Rc<Papers>) -> Self {
        Self(Disk::new(rules, papers))
    }

    /// The charter and all that belongs to it.
    pub(in crate::sim) const fn papers(&self) -> &Rc<Papers> {
        &self.0.papers
    }

    /// A newcomer's operator brings the charter that lists it.
    pub(in crate::sim) fn bring(&mut self, papers: Rc<Papers>) {
        self.0.papers = papers;
    }

    /// The power fails: of what was not synced a part may remain.
    pub(in crate::sim) fn crash(&mut self, dice: &mut Dice) {
        self.0.crash(dice);
    }

    /// A backup of what is durable: without what was signed last, which is in no backup.
    pub(in crate::sim) fn backup(&self) -> Self {
        Self(self.0.copy())
    }

    /// The home is replaced by a backup. The operator has its policy elsewhere, too.
    pub(in crate::sim) fn replace(&mut self, backup: Self) {
        let rules = self.0.rules;
        self.0 = backup.0;
        self.0.rules = rules;
    }

    /// All of it; an empty one is left.
    pub(in crate::sim) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// What the log says that is held.
    pub(in crate::sim) fn read(&self) -> Contents {
        let mut feeds = Feeds::default();
        for record in self.0.records() {
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
