//! How much of its own past this node knows, and what it may do with that.
//!
//! A home that was rolled back does not know what it signed since then. Its readers do, and each shows the
//! heads that it holds when it connects. So after a start nothing is released before one reader has
//! answered, or ten seconds have passed. A feed of which leaves are lost is left alone until a reader has
//! given them back: a reader's copy is the publisher's backup.
//!
//! Where it is not even known what was signed last ([`Asking`]), one reader is not enough: nothing is
//! signed before more than two thirds have shown what they hold.
//!
//! Nothing here looks at a clock or at a store: the time, what is held ([`OurFeeds`]) and what was signed
//! ([`Heads`]) are handed in, and what is to be done comes out ([`Output`]). All times are milliseconds
//! since the node's start.

mod asking;
mod loading;
mod lost;
mod news;
mod our_feeds;
mod output;
mod quorum;
mod settling;
mod start;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::BTreeMap;

use kentong_keys::RecoveryId;

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::time::Moment;

use super::heads::{Heads, Signed};

use loading::Loading;
use lost::Lost;

pub use asking::{Asking, By, Contradiction, STALLED, Settlement, Unfinished};
pub use our_feeds::{Held, OurFeeds};
pub use output::{About, Output, Warning, Why};
pub use quorum::{Quorum, can_be_asked};
pub use settling::NoGoAhead;
pub use start::{Behind, Compared, Repair, compare, open_feeds, to_sign_again, uncovered};

/// How long one reader is waited for after a start.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long releases wait until lost history is back. Then they continue, in new feeds.
pub const RECOVERY: Duration = Duration::from_secs(60);

/// What this node knows of its own past.
#[derive(Debug)]
pub struct History {
    past: Past,
    /// Our feeds of which leaves that were signed are not held.
    lost: BTreeMap<FeedId, Lost>,
    /// Why nothing is published until the next start: memory and disk, or we and our readers, may differ.
    stopped: Option<String>,
    /// Something was not released because of what was not known yet.
    is_held_back: bool,
}

/// Whether it is known what was signed last.
#[derive(Debug)]
enum Past {
    /// It is not known: readers are asked.
    Unknown(Asking),
    /// It is known, as far as this home can tell.
    Known { word: Word, loading: Loading },
}

/// Whether a reader has said that it knows nothing newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Not yet; releases wait for it until then, and as long as no reader can come at all.
    Awaited { until: Option<Moment> },
    /// Not yet, and nothing waits for it any longer.
    Overdue,
    /// One has.
    Given,
}

impl History {
    /// At a start: what was signed last is known, if no reader knows better.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            past: Past::Known {
                word: Word::Awaited { until: None },
                loading: Loading::default(),
            },
            lost: BTreeMap::new(),
            stopped: None,
            is_held_back: false,
        }
    }

    /// Readers can come from now on: the wait for one of them begins. What the start took before, to read a
    /// long log for instance, is no part of it.
    pub fn readers_may_come(&mut self, now: Moment) {
        if let Past::Known {
            word: Word::Awaited { until },
            ..
        } = &mut self.past
        {
            *until = Some(now.after(PATIENCE));
        }
    }

    /// It is not known what was signed last, and why. Readers are asked from now on, in this recovery.
    pub fn ask(&mut self, recovery: RecoveryId, why: String, now: Moment) {
        self.past = Past::Unknown(Asking::new(recovery, why, now));
    }

    /// Nothing is published until the next start.
    pub fn stop(&mut self, why: String) {
        self.stopped = Some(why);
    }

    /// Why nothing is published until the next start, if so.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// What is known so far, while it is not known what was signed last.
    #[must_use]
    pub const fn asking(&self) -> Option<&Asking> {
        match &self.past {
            Past::Unknown(asking) => Some(asking),
            Past::Known { .. } => None,
        }
    }

    /// Whether anything may be signed.
    pub fn may_publish(&self) -> Result<(), Why<'_>> {
        match (&self.stopped, &self.past) {
            (Some(why), _) => Err(Why::Stopped(why)),
            (None, Past::Unknown(_)) => Err(Why::Unknown),
            (None, Past::Known { .. }) => Ok(()),
        }
    }

    /// Whether something new may be said. What is still to be loaded comes first, for what is new could
    /// get a lower number than that.
    pub fn may_say(&self) -> Result<(), Why<'_>> {
        if self.asking().is_some() {
            return Err(Why::Unknown);
        }
        match self.to_load_first() {
            0 => self.may_publish(),
            batches => Err(Why::Loading { batches }),
        }
    }

    /// Whether what was said may be released to readers now. To ask changes nothing.
    pub fn could_release(&self, now: Moment, feeds: &impl OurFeeds) -> Result<(), Why<'static>> {
        let Past::Known { word, loading } = &self.past else {
            return Err(Why::Unknown);
        };
        if loading.is_going_on() {
            let batches = loading.left();
            return Err(Why::Loading { batches });
        }
        if self.lost.values().any(|lost| lost.is_awaited(now)) {
            return Err(Why::Incomplete);
        }
        let Word::Awaited { until } = *word else {
            return Ok(());
        };
        let is_shared = feeds.all().any(|held| held.is_shared());
        let waits = guard::on(Guard::ReaderAwaited);
        if is_shared && waits && until.is_none_or(|until| now < until) {
            return Err(Why::NoReaderYet);
        }
        Ok(())
    }

    /// The same, asked by one who releases then. The wait for a reader ends here.
    pub fn may_release(
        &mut self,
        now: Moment,
        feeds: &impl OurFeeds,
    ) -> Result<Vec<Output>, Why<'static>> {
        self.could_release(now, feeds)?;
        let Past::Known {
            word: word @ Word::Awaited { .. },
            ..
        } = &mut self.past
        else {
            return Ok(Vec::new());
        };
        *word = Word::Overdue;
        let is_shared = feeds.all().any(|held| held.is_shared());
        let unconfirmed = is_shared.then_some(Output::Warn(Warning::Unconfirmed));
        Ok(unconfirmed.into_iter().collect())
    }

    /// Whether all that this node is known to have said is held, and in its answers.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.asking().is_none() && self.lost.is_empty() && !self.is_loading()
    }

    /// Whether what is lost of a feed may still come back.
    #[must_use]
    pub fn comes_back(&self, feed: FeedId) -> bool {
        self.lost.contains_key(&feed)
    }

    /// Something is not released now: all is to be looked through when it may be.
    pub const fn hold_back(&mut self) {
        self.is_held_back = true;
    }

    /// Whether something was held back.
    #[must_use]
    pub const fn is_held_back(&self) -> bool {
        self.is_held_back
    }

    /// Whether something was held back; it is no longer.
    pub const fn take_held_back(&mut self) -> bool {
        std::mem::replace(&mut self.is_held_back, false)
    }

    /// Whether what is stored and what is signed differ: leaves of ours that no checkpoint covers, or a
    /// head for leaves that are not held. Of a feed that is coming back from its readers both are so until
    /// all of it is here, and nothing is published in it.
    #[must_use]
    pub fn is_midway(&self, feeds: &impl OurFeeds, heads: &impl Heads) -> bool {
        if self.asking().is_some() {
            return false;
        }
        let mut all = feeds.all();
        let unsigned = all.any(|held| held.covered != held.size && !self.comes_back(held.feed));
        let mut signed = heads.iter();
        let unstored = signed.any(|(feed, signed)| {
            let feed = FeedId::from_digest(*feed);
            let size = feeds.get(feed).map_or(0, |held| held.size);
            !signed.is_ended() && signed.size > size && !self.comes_back(feed)
        });
        unsigned || unstored
    }
}

/// Whether nothing may be signed in a feed any longer.
fn is_ended(heads: &impl Heads, feed: FeedId) -> bool {
    heads.get(feed.digest()).is_some_and(Signed::is_ended)
}

/// Whether a feed may grow from this entry.
fn goes_on(signed: Option<Signed>) -> bool {
    signed.is_some_and(|signed| !signed.is_ended())
}
