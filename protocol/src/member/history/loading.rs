//! Loading what came back into the feed for us alone, from which our answers come.
//!
//! Batch by batch, so that the node goes on speaking to others meanwhile. What is released waits for it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::feed::FeedId;
use crate::time::Moment;

use super::lost::Lost;
use super::{Held, History, OurFeeds, Output, Past};

/// What is still to be loaded, in this order.
#[derive(Debug, Default)]
pub(super) struct Loading {
    batches: VecDeque<(FeedId, Range<u64>)>,
    /// Nothing new is said before: it could get a lower number than what is still to be loaded.
    first: bool,
    /// Something could not be loaded.
    failed: bool,
    statements: usize,
}

impl Loading {
    /// Nothing new is said before all of this is loaded.
    pub(super) const fn is_first(&mut self) {
        self.first = true;
    }

    /// Adds the leaves of a feed.
    pub(super) fn add(&mut self, feed: FeedId, leaves: Range<u64>) {
        if !leaves.is_empty() {
            self.batches.push_back((feed, leaves));
        }
    }

    /// Takes the next leaf.
    pub(super) fn next(&mut self) -> Option<(FeedId, u64)> {
        let (feed, leaves) = self.batches.front_mut()?;
        let next = (*feed, leaves.next()?);
        if leaves.is_empty() {
            self.batches.pop_front();
        }
        Some(next)
    }

    /// The leaf that was taken is loaded, with so many statements; none if that failed.
    pub(super) const fn done(&mut self, statements: Option<usize>) {
        match statements {
            Some(count) => self.statements = self.statements.saturating_add(count),
            None => self.failed = true,
        }
    }

    pub(super) fn is_going_on(&self) -> bool {
        !self.batches.is_empty()
    }

    pub(super) fn left(&self) -> u64 {
        let leaves = self.batches.iter();
        leaves
            .map(|(_, leaves)| leaves.end.saturating_sub(leaves.start))
            .fold(0, u64::saturating_add)
    }

    pub(super) fn left_first(&self) -> u64 {
        if self.first { self.left() } else { 0 }
    }

    /// Begins again with nothing; how many statements were loaded, and whether something failed.
    pub(super) fn end(&mut self) -> (usize, bool) {
        let Self {
            failed, statements, ..
        } = std::mem::take(self);
        (statements, failed)
    }
}

impl History {
    /// At a start that came upon the note of a recovery: all that our shared feeds say is to be loaded,
    /// before anything new is said. A crash may have taken bodies that had come back: those are lost again, until a
    /// reader gives them.
    pub fn load_again(&mut self, now: Moment, feeds: &impl OurFeeds) -> Vec<Output> {
        let shared = feeds.all().filter(|held| !held.is_private);
        for held in shared.filter(Held::lacks_bodies) {
            let lost = Lost::awaited(held.size, 0, now);
            self.lost.entry(held.feed).or_insert(lost);
        }
        self.load_all(feeds)
    }

    /// All that our shared feeds say is to be loaded, before anything new is said.
    pub(super) fn load_all(&mut self, feeds: &impl OurFeeds) -> Vec<Output> {
        let Past::Known { loading, .. } = &mut self.past else {
            return Vec::new();
        };
        loading.is_first();
        for held in feeds.all().filter(|held| !held.is_private) {
            loading.add(held.feed, 0..held.size);
        }
        self.look_whether_loaded()
    }

    /// Whether there is something left to load.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        matches!(&self.past, Past::Known { loading, .. } if loading.is_going_on())
    }

    /// How many batches are to be loaded before anything new is said.
    #[must_use]
    pub fn to_load_first(&self) -> u64 {
        match &self.past {
            Past::Known { loading, .. } => loading.left_first(),
            Past::Unknown(_) => 0,
        }
    }

    /// The batch that is to be loaded now: its feed and its leaf.
    pub fn next_to_load(&mut self) -> Option<(FeedId, u64)> {
        match &mut self.past {
            Past::Known { loading, .. } => loading.next(),
            Past::Unknown(_) => None,
        }
    }

    /// That batch was loaded, and how many of its statements were news; none if it failed.
    pub fn loaded(&mut self, statements: Option<usize>) -> Vec<Output> {
        if let Past::Known { loading, .. } = &mut self.past {
            loading.done(statements);
        }
        self.look_whether_loaded()
    }

    fn look_whether_loaded(&mut self) -> Vec<Output> {
        let Past::Known { loading, .. } = &mut self.past else {
            return Vec::new();
        };
        if loading.is_going_on() {
            return Vec::new();
        }
        let (statements, failed) = loading.end();
        let mut outputs = vec![Output::Loaded { statements, failed }];
        // What failed, or is lost, the next start looks for again.
        if self.lost.is_empty() && !failed {
            outputs.push(Output::Unmark);
        }
        outputs.push(Output::ReleaseAll);
        outputs
    }
}
