//! What was released of late, read from the log: a start does not forget it.
//!
//! No record has a time. But what the agency says is appended to the feed for itself alone at once, with
//! the moment when it was made, and the log keeps the order of all feeds: what stands behind a statement
//! that was made at a moment was appended after it, and before the next that it says to itself.

use crate::statement::AnyStatement;
use crate::time::Timestamp;

use super::position::Position;

use super::feeds::{FeedState, LeafKind};
use super::ground::{Log, Rows};
use super::place::{FeedNo, Place};
use super::{BodyState, Store};

impl<L: Log, R: Rows> Store<L, R> {
    /// How many statements each own feed that others read was given since some moments, the latest first:
    /// for each moment those that were not since the one before it. Reckoned from above, as what was last
    /// said to oneself tells: a quiet hour may count as the next one.
    #[must_use]
    pub fn released_since(&self, moments: &[Timestamp]) -> Vec<(FeedNo, Vec<u64>)> {
        let own = || self.state.feeds.of(&self.state.me);
        let private = || own().filter(|feed| feed.is_private());
        let cuts = moments.iter().map(|moment| {
            let last = private().filter_map(|feed| self.last_made_before(feed, *moment));
            last.max().unwrap_or(Position::START)
        });
        let cuts: Vec<Position> = cuts.collect();
        let released = own().filter(|feed| !feed.is_private()).map(|feed| {
            let mut counts = vec![0; cuts.len()];
            for leaf in feed.leaves.iter().rev() {
                let Some(since) = cuts.iter().position(|cut| leaf.at > *cut) else {
                    break;
                };
                if let Some(count) = counts
                    .get_mut(since)
                    .filter(|_| leaf.kind == LeafKind::Batch)
                {
                    *count += u64::from(leaf.count);
                }
            }
            (feed.number(), counts)
        });
        released.collect()
    }

    /// Where the log has the last batch of a private feed that was made before a moment.
    fn last_made_before(&self, feed: &FeedState, moment: Timestamp) -> Option<Position> {
        let opened = (0..).zip(&feed.leaves);
        let opened = opened.filter(|(_, leaf)| leaf.state == BodyState::Held { opened: true });
        let opened: Vec<(u64, Position)> = opened.map(|(index, leaf)| (index, leaf.at)).collect();
        let before = opened.partition_point(|(index, _)| {
            let made = self.made(feed, *index);
            made.is_some_and(|made| made < moment)
        });
        let (_, at) = opened.get(before.checked_sub(1)?)?;
        Some(*at)
    }

    /// When the first statement of a batch was made.
    fn made(&self, feed: &FeedState, index: u64) -> Option<Timestamp> {
        let place = Place {
            feed: feed.number(),
            index,
            place: 0,
        };
        match self.any_statement(place).ok()? {
            AnyStatement::Known(statement) => Some(statement.made),
            AnyStatement::Erased(erasure) => Some(erasure.made),
            AnyStatement::Unknown { .. } => None,
        }
    }
}
