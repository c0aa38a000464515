//! The publisher's side of the charter's quota: what is new waits until each of its readers has room.
//!
//! What is asked for stands in the agency's own feed at once; only its release waits. Nothing is kept
//! about that on disk: what is not released yet is what policy permits and no feed carries, so the next
//! look at an indicator releases it. What takes back never waits: a withdrawal, a `ceased`, what an
//! erasure says again, and a correction, which is a revision that says something else than its readers
//! have, or that ends sooner. A revision that only says that the same still holds waits like what is new.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::MemberName;
use kentong_protocol::charter::Quota;
use kentong_protocol::feed::{Audience, MAX_BATCH_STATEMENTS};
use kentong_protocol::quota::{Bound, Day, LEAF_COST, Used};
use kentong_protocol::release::Carried;
use kentong_protocol::statement::{IndicatorId, Said, Statement};
use kentong_protocol::time::Timestamp;

use crate::store::{CarriedId, FeedState, StoreError};

use super::core::Core;

pub(crate) use words::Waiting;

/// The most bytes that a batch takes beside its statements: leaf, frames and the least padding.
const BATCH_COST: u64 = 2 * 1024 + LEAF_COST;
/// The most bytes for each member of an audience when a feed or an epoch begins.
const SEALED_COST: u64 = 1536;

const HOUR: u64 = 3_600_000;
/// Milliseconds by which the clock of days is ahead of the node's, which begins with the process: what was
/// released in the day before a start has a place on it.
const AHEAD: u64 = 25 * HOUR;

/// What was released to others of late, and what waits.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The statements released to each reader in the last day, by a clock that is [`AHEAD`].
    sent: BTreeMap<MemberName, Day>,
    /// Own indicators of which something waits, each with the bound that it waits for. About 50 bytes
    /// each, and not more than there are.
    waiting: BTreeMap<IndicatorId, Bound>,
    /// The readers for whom some of these wait for time.
    for_time: BTreeSet<MemberName>,
    /// When they are looked at again, in the milliseconds of the node.
    look_at: Option<u64>,
}

/// A statement that is due to an audience.
#[derive(Debug)]
pub(super) struct Due<'s> {
    pub(super) id: IndicatorId,
    /// As the private feed has it.
    pub(super) statement: &'s Statement,
    pub(super) carried: CarriedId,
    /// As the audience gets it.
    pub(super) bytes: Vec<u8>,
    /// It is a withdrawal, or says that nothing more follows.
    pub(super) takes_back: bool,
}

impl Outgoing {
    /// Counts what was released to an audience.
    pub(super) fn released(&mut self, audience: &Audience, statements: u64, now: u64) {
        self.count(audience, statements, now + AHEAD);
    }

    fn count(&mut self, audience: &Audience, statements: u64, ahead: u64) {
        for reader in audience.members() {
            let day = self.sent.entry(reader.clone()).or_default();
            day.add(ahead, statements);
        }
    }

    fn waits(&mut self, id: IndicatorId, bound: Bound, audience: &Audience) {
        self.waiting.insert(id, bound);
        if bound == Bound::Day {
            self.for_time.extend(audience.members().iter().cloned());
        }
    }

    /// When a reader may have room next for what waits for time.
    fn eases_at(&self, now: u64, me: &MemberName) -> Option<u64> {
        let readers = self.for_time.iter().filter(|reader| *reader != me);
        let days = readers.filter_map(|reader| self.sent.get(reader));
        let eases = days.filter_map(|day| day.eases_at(now + AHEAD));
        eases.min().map(|at| at.saturating_sub(AHEAD))
    }

    /// Nothing of an own indicator waits any more.
    pub(super) fn forget(&mut self, id: &IndicatorId) {
        self.waiting.remove(id);
    }
}

impl Core {
    /// Takes from what is due as much as the quota of each reader has room for. The rest waits.
    pub(super) fn within_quota(
        &mut self,
        due: BTreeMap<Audience, Vec<Due<'_>>>,
    ) -> Result<BTreeMap<Audience, Vec<Vec<u8>>>, StoreError> {
        let quota = self.members.charter().map(|charter| *charter.quota());
        let now = self.now().millis;
        let (mut lists, mut used) = (BTreeMap::new(), BTreeMap::new());
        for (audience, due) in due {
            let readers = audience.members().iter().filter(|name| **name != self.me);
            let readers: Vec<&MemberName> = readers.collect();
            for reader in &readers {
                if !used.contains_key(*reader) {
                    used.insert((*reader).clone(), self.used_by(reader, now));
                }
            }
            let most = |of: fn(&Used) -> u64| {
                let readers = readers.iter().filter_map(|reader| used.get(*reader));
                readers.map(of).max().unwrap_or(0)
            };
            let before = Used {
                statements: most(|used| used.statements),
                bytes: most(|used| used.bytes),
            };
            let (taken, after) = match quota {
                Some(quota) => self.taken(&quota, &audience, before, due)?,
                None => (due.into_iter().map(|due| due.bytes).collect(), before),
            };
            for reader in readers {
                if let Some(used) = used.get_mut(reader) {
                    used.statements += after.statements - before.statements;
                    used.bytes += after.bytes - before.bytes;
                }
            }
            lists.insert(audience, taken);
        }
        Ok(lists)
    }

    /// What goes to an audience of which `used` is the most that one reader has used, and what that is
    /// then. Bytes are reckoned from above: what they are is known when they are sealed.
    fn taken(
        &mut self,
        quota: &Quota,
        audience: &Audience,
        mut used: Used,
        due: Vec<Due<'_>>,
    ) -> Result<(Vec<Vec<u8>>, Used), StoreError> {
        let (takes_back, new): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.takes_back);
        let open = self.feeds.get(audience);
        if open.is_none_or(|feed| !self.epochs.contains_key(feed)) {
            used.bytes += SEALED_COST * audience.members().len() as u64;
        }
        let mut taken = Vec::new();
        for due in takes_back.into_iter().chain(new) {
            let len = due.bytes.len() as u64;
            let batch = if taken.len().is_multiple_of(MAX_BATCH_STATEMENTS) {
                BATCH_COST
            } else {
                0
            };
            let with = Used {
                statements: used.statements + 1,
                bytes: used.bytes + batch + (len + 8) * 9 / 8,
            };
            if let Some(bound) = quota.exceeded(with)
                && !due.takes_back
                && !self.is_correction(audience, &due)?
            {
                self.outgoing.waits(due.id, bound, audience);
                continue;
            }
            used = with;
            taken.push(due.bytes);
        }
        Ok((taken, used))
    }

    /// What a reader has used of this publisher's quota.
    fn used_by(&self, reader: &MemberName, now: u64) -> Used {
        let own = self.store.feeds().of(&self.me);
        let read = own.filter(|feed| feed.genesis().audience.holds(reader));
        let sent = self.outgoing.sent.get(reader);
        Used {
            statements: sent.map_or(0, |day| day.count(now + AHEAD)),
            bytes: read.map(FeedState::kept_bytes).sum(),
        }
    }

    /// Whether readers in this audience have an earlier revision that says something else, or that holds
    /// for longer. What they have and is not found counts as another.
    fn is_correction(&self, audience: &Audience, due: &Due<'_>) -> Result<bool, StoreError> {
        let Statement {
            value, made, said, ..
        } = due.statement;
        let Said::Asserted { assertion, .. } = said else {
            return Ok(true);
        };
        for (number, how) in self.store.own()?.carried(due.carried) {
            let (Carried::Older(revision), Some(feed)) =
                (how, self.store.feeds().by_number(*number))
            else {
                continue;
            };
            let mut readers = feed.genesis().audience.members().iter();
            if !readers.any(|reader| *reader != self.me && audience.holds(reader)) {
                continue;
            }
            let places = self.store.find(value.kind(), &value.comparison_key());
            let mut had = None;
            for place in places.into_iter().filter(|place| place.feed == *number) {
                let (statement, _) = self.store.statement(place)?;
                if statement.value == *value && statement.revision == *revision {
                    had = Some(statement);
                }
            }
            let Some(Statement {
                made: before,
                said:
                    Said::Asserted {
                        assertion: had,
                        stripped,
                    },
                ..
            }) = had
            else {
                return Ok(true);
            };
            let kind = value.kind();
            if !had.same_but_for_times(&assertion.released(stripped))
                || assertion.holds_until(kind, *made) < had.holds_until(kind, before)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Counts what was released in the day before the start, as the log tells.
    pub(super) fn recount_released(&mut self) {
        let wall = self.wall().seconds();
        let ago = |hours: u64| Timestamp::from_seconds(wall.saturating_sub(hours * 3600));
        let moments: Vec<_> = (1..=24).filter_map(ago).collect();
        let mut released = self.store.released_since(&moments);
        let now = self.now().millis + AHEAD;
        // The longest ago first, since a day only goes forward.
        for hours in (0..moments.len()).rev() {
            for (number, counts) in &mut released {
                let count = counts.pop().unwrap_or(0);
                let feed = self.store.feeds().by_number(*number);
                let Some(feed) = feed.filter(|_| count > 0) else {
                    continue;
                };
                let audience = &feed.genesis().audience;
                let at = now - hours as u64 * HOUR;
                self.outgoing.count(audience, count, at);
            }
        }
    }

    /// Looks again at what waits for time, when there is room again.
    pub(super) fn release_on(&mut self, now: u64) {
        let outgoing = &mut self.outgoing;
        if outgoing.for_time.is_empty() {
            return;
        }
        // What was released when they began to wait is counted by now.
        let look_at = outgoing
            .look_at
            .or_else(|| outgoing.eases_at(now, &self.me));
        outgoing.look_at = look_at;
        if look_at.is_some_and(|at| at > now) {
            return;
        }
        outgoing.for_time.clear();
        outgoing.look_at = None;
        let own = match self.store.own() {
            Ok(own) => own,
            Err(error) => return self.halt(error.to_string()),
        };
        let waiting = self.outgoing.waiting.iter();
        let waiting = waiting.filter(|(_, bound)| **bound == Bound::Day);
        let places = waiting.filter_map(|(id, _)| own.get(id)?.at);
        let batches: BTreeSet<_> = places.map(|at| (at.feed, at.index)).collect();
        self.sweep.extend(batches);
    }
}
