//! A reader's side of the charter's quota: how much of one publisher is taken and kept.
//!
//! A member that obeys never comes here. Of the others no more bodies are fetched, those that they push
//! are dropped, and nobody is blamed for a body that is not wanted: it stays missing, as if nobody had it,
//! and is fetched when there is room. What corrects has room of its own. Which bodies do, only opening
//! tells, so beyond the quota those that are fetched or come are opened, the newest first, and what
//! corrects nothing is dropped and not fetched for that again. A flood can so use up the time that it takes
//! to look through it, but not the room for the withdrawals that follow it.

mod over_quota;

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::charter::Quota;
use crate::feed::FeedId;
use crate::member::{Ground, World};
use crate::quota::{Day, Takes, Used};
use crate::store::{FeedState, Log, Rows, Store, StoreError};
use crate::sync::WantedBody;
use crate::time::Moment;

use super::{Output, Reader};

pub use over_quota::{NotTaken, OverQuota};

/// How many bodies of a feed are fetched at once to see whether they correct something.
const LOOKS: usize = 64;
/// The most bodies of which it is remembered that they correct nothing: beyond, only those are looked at
/// that are pushed.
const MAX_PASSED_OVER: usize = 65_536;

/// The most bytes of bodies that are fetched and opened in vain, for as long as one charter is in force and
/// the process lasts: beyond, only those are looked at that are pushed.
const MAX_IN_VAIN: u64 = 256 << 20;

/// What came in the last day, and what was looked at.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The statements taken of each publisher in the last day, since this process began.
    came: BTreeMap<MemberName, Day>,
    /// Bodies that were opened and not kept.
    passed_over: BTreeMap<FeedId, BTreeSet<u64>>,
    /// How many these are, and their bytes.
    passed: usize,
    in_vain: u64,
    /// Feeds of which more is to be looked at.
    look_on: BTreeSet<FeedId>,
    /// When a count of a day goes down next.
    eases_at: Option<Moment>,
}

/// Which bodies of a feed a session asks about.
pub(super) struct BodyQuery<'a> {
    pub(super) feed: FeedId,
    pub(super) from: u64,
    pub(super) most: usize,
    pub(super) wanted: &'a dyn Fn(u64) -> bool,
}

impl Intake {
    /// Counts what was taken of a publisher.
    fn took(&mut self, publisher: &MemberName, statements: u64, now: Moment) {
        let day = self.came.entry(publisher.clone()).or_default();
        day.add(now, statements);
        let eases = day.eases_at(now);
        self.eases_at = self.eases_at.into_iter().chain(eases).min();
    }

    /// Whether a day's count has gone down since this was asked last, or since something was taken.
    fn eased(&mut self, now: Moment) -> bool {
        let eased = self.eases_at.is_some_and(|at| at <= now);
        if eased {
            let days = self.came.values();
            self.eases_at = days.filter_map(|day| day.eases_at(now)).min();
        }
        eased
    }

    fn pass_over(&mut self, feed: FeedId, index: u64, bytes: u64) {
        self.in_vain = self.in_vain.saturating_add(bytes);
        let full = self.passed >= MAX_PASSED_OVER;
        if !full && self.passed_over.entry(feed).or_default().insert(index) {
            self.passed += 1;
        }
    }

    /// Whether bodies are still fetched to look at them.
    const fn looks(&self) -> bool {
        self.passed < MAX_PASSED_OVER && self.in_vain < MAX_IN_VAIN
    }

    fn is_passed_over(&self, feed: &FeedId, index: u64) -> bool {
        let passed = self.passed_over.get(feed);
        passed.is_some_and(|passed| passed.contains(&index))
    }

    /// What is used of a publisher's quota.
    fn used(
        &self,
        store: &Store<impl Log, impl Rows>,
        publisher: &MemberName,
        now: Moment,
    ) -> Used {
        let day = self.came.get(publisher);
        Used {
            statements: day.map_or(0, |day| day.count(now)),
            bytes: kept(store, publisher),
        }
    }

    /// The missing bodies of a feed that are to be asked for: those that the quota has room for and, where
    /// it ends, the newest of the others that were not looked at yet.
    pub(super) fn wanted(
        &self,
        store: &Store<impl Log, impl Rows>,
        quota: Option<&Quota>,
        asked: &BodyQuery<'_>,
        now: Moment,
    ) -> Vec<WantedBody> {
        let BodyQuery {
            feed,
            from,
            most,
            wanted,
        } = asked;
        let mut found = store.missing(feed, *from, *most, wanted);
        let held = store.feeds().get(*feed).filter(|_| !found.is_empty());
        let (Some(quota), Some(held)) = (quota, held) else {
            return found;
        };
        let publisher = &held.genesis().publisher;
        if publisher == store.me() {
            return found;
        }
        let before = self.used(store, publisher, now);
        let mut used = before;
        let fits = |body: &&WantedBody| {
            used = with(used, (body.leaf.count, body.leaf.body_len));
            quota.takes(used) == Takes::All
        };
        let within = found.iter().take_while(fits).count();
        if within == found.len() {
            return found;
        }
        found.truncate(within);
        let behind = found.last().map_or(*from, |body| body.index + 1);
        if !self.looks() {
            return found;
        }
        let newest = held.not_held().rev();
        let newest = newest.take_while(|(index, ..)| *index >= behind);
        let newest = newest.filter(|(index, count, len)| {
            let takes = quota.takes(with(before, (*count, *len)));
            wanted(*index)
                && !self.is_passed_over(feed, *index)
                && matches!(takes, Takes::All | Takes::TakingBack(_))
        });
        let room = LOOKS.min(most.saturating_sub(within));
        let mut newest: Vec<u64> = newest.map(|(index, ..)| index).take(room).collect();
        newest.reverse();
        found.extend(newest.into_iter().filter_map(|index| {
            let leaf = store.batch(*feed, index).ok()?;
            Some(WantedBody { index, leaf })
        }));
        found
    }

    /// Whether more leaves of a publisher are taken.
    pub(super) fn takes_leaves(
        store: &Store<impl Log, impl Rows>,
        quota: &Quota,
        publisher: &MemberName,
    ) -> bool {
        publisher == store.me() || quota.takes_leaves(kept(store, publisher))
    }
}

/// The bytes that are kept of a publisher.
fn kept(store: &Store<impl Log, impl Rows>, publisher: &MemberName) -> u64 {
    let feeds = store.feeds().of(publisher);
    feeds.map(FeedState::kept_bytes).sum()
}

/// What is used with a body more.
const fn with(used: Used, (statements, bytes): (u16, u32)) -> Used {
    Used {
        statements: used.statements.saturating_add(statements as u64),
        bytes: used.bytes.saturating_add(bytes as u64),
    }
}

impl Intake {
    /// Whether a body that came is to be kept: its publisher's quota has room for it, or it corrects
    /// something.
    pub(super) fn keeps<W: World>(
        &mut self,
        ground: &Ground<'_, W>,
        (feed, index): (FeedId, u64),
        body: &[u8],
    ) -> Result<bool, StoreError> {
        let held = ground.store.feeds().get(feed);
        let quota = ground.members.charter().map(|charter| *charter.quota());
        let (Some(held), Some(quota)) = (held, quota) else {
            return Ok(true);
        };
        let publisher = &held.genesis().publisher;
        if publisher == ground.keys.me {
            return Ok(true);
        }
        let (extent, now) = (held.extent(index), ground.now.moment);
        let used = self.used(ground.store, publisher, now);
        let keeps = match quota.takes(with(used, extent)) {
            Takes::All => true,
            Takes::TakingBack(_) => {
                let corrects = ground.store.takes_back(feed, index, body.to_vec())?;
                if !corrects {
                    self.pass_over(feed, index, u64::from(extent.1));
                }
                self.look_on.insert(feed);
                corrects
            }
            Takes::Nothing(_) => false,
        };
        if keeps {
            self.took(publisher, u64::from(extent.0), now);
        }
        Ok(keeps)
    }
}

impl Reader {
    /// Looks on through what is beyond a quota, and again at all when a day's count has gone down.
    pub fn take_on<W: World>(&mut self, ground: &Ground<'_, W>) -> Vec<Output> {
        let looked_at = std::mem::take(&mut self.intake.look_on);
        let mut outputs: Vec<_> = looked_at
            .into_iter()
            .map(|feed| Output::Reassigned(Some(feed)))
            .collect();
        let mut feeds = ground.store.feeds().iter();
        if self.intake.eased(ground.now.moment) && feeds.any(|feed| feed.missing_count() > 0) {
            outputs.push(Output::Reassigned(None));
        }
        outputs
    }

    /// The quota is another: all that is missing is looked through again.
    pub fn quota_changed(&mut self) -> Vec<Output> {
        self.intake.passed_over.clear();
        (self.intake.passed, self.intake.in_vain) = (0, 0);
        vec![Output::Reassigned(None)]
    }
}

#[cfg(test)]
mod tests;
