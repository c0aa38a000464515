//! What readers show of our feeds, and give back.

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::time::Moment;

use super::super::heads::{Heads, Signed, Swap};
use super::lost::Lost;
use super::output::{About, Output, Warning};
use super::{History, OurFeeds, Past, Word, is_ended};

impl History {
    /// A reader has shown all heads of our feeds that it holds.
    pub fn compared(
        &mut self,
        reader: &MemberName,
        now: Moment,
        feeds: &impl OurFeeds,
    ) -> Vec<Output> {
        match &mut self.past {
            Past::Unknown(asking) => asking.heard_from(reader, now),
            Past::Known { word, .. } => {
                let mut all = feeds.all();
                if *word != Word::Given && all.any(|held| held.audience.holds(reader)) {
                    *word = Word::Given;
                    return vec![Output::Settle(About::Unconfirmed)];
                }
            }
        }
        Vec::new()
    }

    /// A reader shows a head of ours beyond what is held.
    pub fn shown(
        &mut self,
        reader: &MemberName,
        (feed, head): (FeedId, Signed),
        now: Moment,
        feeds: &impl OurFeeds,
        heads: &impl Heads,
    ) -> Vec<Output> {
        if let Past::Unknown(asking) = &mut self.past {
            asking.shown_by(reader, feed, head, now);
        }
        // A node that went on too early would wait here: that is left out with its guards.
        let early = [
            Guard::LostAwaited,
            Guard::ReadersAnswered,
            Guard::AllAnswered,
        ];
        if !early.into_iter().all(guard::on) && self.asking().is_none() {
            return Vec::new();
        }
        let held = feeds.get(feed).map_or(0, |held| held.size);
        self.lose(feed, head.size, held, (now, held), heads)
    }

    /// At the start: leaves of a feed that were signed are not held. A start knows no better than that
    /// all of it may be missing from our answers: an earlier recovery may have been cut short.
    pub fn lost(
        &mut self,
        feed: FeedId,
        signed: u64,
        now: Moment,
        feeds: &impl OurFeeds,
        heads: &impl Heads,
    ) -> Vec<Output> {
        let held = feeds.get(feed).map_or(0, |held| held.size);
        self.lose(feed, signed, 0, (now, held), heads)
    }

    fn lose(
        &mut self,
        feed: FeedId,
        signed: u64,
        from: u64,
        (now, held): (Moment, u64),
        heads: &impl Heads,
    ) -> Vec<Output> {
        let lost = if is_ended(heads, feed) {
            Lost::not_awaited(signed, from) // Another feed has its place.
        } else {
            Lost::awaited(signed, from, now)
        };
        self.lost.entry(feed).or_insert(lost).grow(signed);
        let warning = Warning::Lost { feed, signed, held };
        vec![Output::Mark, Output::Leave(feed), Output::Warn(warning)]
    }

    /// Before a head of ours that a reader gave back is stored: how the heads are to know it, since it was
    /// signed, by our key, before it was lost.
    #[must_use]
    pub fn head_came(&self, feed: FeedId, head: Signed, heads: &impl Heads) -> Option<Swap> {
        if self.asking().is_some() {
            return None; // They are settled when all is known.
        }
        let feed = *feed.digest();
        let expected = heads.get(&feed);
        if expected.is_some_and(|known| known.size > head.size) {
            return None;
        }
        // One reader shows a feed that this node does not know: others may have more of it.
        let new = if expected.is_none() {
            Signed::ENDED
        } else {
            head
        };
        Some(Swap {
            feed,
            expected,
            new,
        })
    }

    /// Something of a feed came back. If it is whole again, publishing continues from there.
    pub fn came_back(
        &mut self,
        feed: FeedId,
        now: Moment,
        feeds: &impl OurFeeds,
        heads: &impl Heads,
    ) -> Vec<Output> {
        let loading = match &mut self.past {
            Past::Unknown(asking) => {
                if feeds.get(feed).is_some() {
                    asking.moved(now);
                }
                return Vec::new();
            }
            Past::Known { loading, .. } => loading,
        };
        let Some(lost) = self.lost.get(&feed).copied() else {
            return Vec::new();
        };
        let Some(held) = feeds.get(feed).filter(|held| lost.is_back(held)) else {
            return Vec::new();
        };
        self.lost.remove(&feed);
        loading.add(feed, lost.from()..held.size);
        let mut outputs = Vec::new();
        if !held.is_closed && !is_ended(heads, feed) {
            let audience = held.audience.clone();
            outputs.push(Output::Resume { audience, feed });
        }
        outputs.push(Output::Settle(About::Lost(feed)));
        outputs
    }

    /// Looks whether what came back by itself, as a key does, makes a lost feed whole.
    pub fn look_for_lost(
        &mut self,
        now: Moment,
        feeds: &impl OurFeeds,
        heads: &impl Heads,
    ) -> Vec<Output> {
        if self.asking().is_some() {
            return Vec::new(); // To look is not to get something back: that would never be waited out.
        }
        let lost: Vec<_> = self.lost.keys().copied().collect();
        let back = lost.into_iter();
        back.flat_map(|feed| self.came_back(feed, now, feeds, heads))
            .collect()
    }
}
