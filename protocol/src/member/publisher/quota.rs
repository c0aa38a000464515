//! The publisher's side of the charter's quota: what is new waits until each of its readers has room.
//!
//! What is asked for stands in the feed for this member alone at once; only its release waits. Nothing is kept
//! about that on disk: what is not released yet is what policy permits and no feed carries, so the next
//! look at an indicator releases it. What corrects never waits: a withdrawal, a `ceased`, what an
//! erasure says again, and a correction, which is a revision that says something else than its readers
//! have, or that ends sooner. A revision that only says that the same still holds waits like what is new.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::charter::Quota;
use crate::feed::Audience;
use crate::quota::{Bound, Used};
use crate::release::Carried;
use crate::statement::{IndicatorId, Said, Statement};
use crate::store::{CarriedId, FeedState, StoreError};
use crate::time::Timestamp;

use super::super::World;
use super::{Publisher, Tools};

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

impl<T> Publisher<T> {
    /// Takes from what is due as much as the quota of each reader has room for. The rest waits.
    pub(super) fn within_quota<W: World>(
        &mut self,
        with: &Tools<'_, W>,
        due: BTreeMap<Audience, Vec<Due<'_>>>,
    ) -> Result<BTreeMap<Audience, Vec<Vec<u8>>>, StoreError> {
        let quota = with
            .ground
            .members
            .charter()
            .map(|charter| *charter.quota());
        let (mut lists, mut used) = (BTreeMap::new(), BTreeMap::new());
        for (audience, due) in due {
            let readers = audience.members().iter().filter(|name| *name != with.me());
            let readers: Vec<&MemberName> = readers.collect();
            for reader in &readers {
                if !used.contains_key(*reader) {
                    used.insert((*reader).clone(), self.used_by(with, reader));
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
                Some(quota) => self.taken(with, (&quota, &audience), before, due)?,
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
    fn taken<W: World>(
        &mut self,
        with: &Tools<'_, W>,
        (quota, audience): (&Quota, &Audience),
        mut used: Used,
        due: Vec<Due<'_>>,
    ) -> Result<(Vec<Vec<u8>>, Used), StoreError> {
        let (takes_back, new): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.takes_back);
        let open = self.feeds.get(audience);
        if open.is_none_or(|feed| !self.epochs.contains_key(feed)) {
            used = used.with_epoch(audience.members().len());
        }
        let mut taken = Vec::new();
        for due in takes_back.into_iter().chain(new) {
            let then = used.with_statement(due.bytes.len(), taken.len());
            if let Some(bound) = quota.exceeded(then)
                && !due.takes_back
                && !is_correction(with, audience, &due)?
            {
                self.outgoing.waits(due.id, bound, audience);
                continue;
            }
            used = then;
            taken.push(due.bytes);
        }
        Ok((taken, used))
    }

    /// What a reader has used of this publisher's quota.
    fn used_by<W: World>(&self, with: &Tools<'_, W>, reader: &MemberName) -> Used {
        let own = with.ground.store.feeds().of(with.me());
        let read = own.filter(|feed| feed.genesis().audience.holds(reader));
        Used {
            statements: self.outgoing.released_to(reader, with.ground.now.moment),
            bytes: read.map(FeedState::kept_bytes).sum(),
        }
    }

    /// Counts what was released in the day before the start, as the log tells.
    pub fn recount_released<W: World>(&mut self, with: &Tools<'_, W>) {
        let wall = with.ground.now.wall.seconds();
        let ago = |hours: u64| Timestamp::from_seconds(wall.saturating_sub(hours * 3600));
        let moments: Vec<_> = (1..=24).filter_map(ago).collect();
        let mut released = with.ground.store.released_since(&moments);
        let now = with.ground.now.moment;
        // The longest ago first, since a day only goes forward.
        for hours in (0..moments.len()).rev() {
            for (number, counts) in &mut released {
                let count = counts.pop().unwrap_or(0);
                let feed = with.ground.store.feeds().by_number(*number);
                let Some(feed) = feed.filter(|_| count > 0) else {
                    continue;
                };
                let audience = &feed.genesis().audience;
                let outgoing = &mut self.outgoing;
                outgoing.released_before(audience, count, hours as u64, now);
            }
        }
    }

    /// Looks again at what waits for time, when there is room again.
    pub fn release_on<W: World>(&mut self, with: &mut Tools<'_, W>) {
        if !self.outgoing.is_to_look(with.ground.now.moment, with.me()) {
            return;
        }
        let own = match with.ground.store.own() {
            Ok(own) => own,
            Err(error) => return self.stop(with, error.to_string()),
        };
        let waiting = self.outgoing.waiting_for(Bound::Day);
        let places = waiting.filter_map(|id| own.get(id)?.at);
        let batches: BTreeSet<_> = places.map(|at| (at.feed, at.index)).collect();
        self.sweep.extend(batches);
    }
}

/// Whether readers in this audience have an earlier revision that says something else, or that holds
/// for longer. What they have and is not found counts as another.
fn is_correction<W: World>(
    with: &Tools<'_, W>,
    audience: &Audience,
    due: &Due<'_>,
) -> Result<bool, StoreError> {
    let Statement { value, said, .. } = due.statement;
    if !matches!(said, Said::Asserted { .. }) {
        return Ok(true);
    }
    for (number, how) in with.ground.store.own()?.carried(due.carried) {
        let (Carried::Older(revision), Some(feed)) =
            (how, with.ground.store.feeds().by_number(*number))
        else {
            continue;
        };
        let mut readers = feed.genesis().audience.members().iter();
        if !readers.any(|reader| reader != with.me() && audience.holds(reader)) {
            continue;
        }
        let places = with
            .ground
            .store
            .find(value.kind(), &value.comparison_key());
        let mut had = None;
        for place in places.into_iter().filter(|place| place.feed == *number) {
            let (statement, _) = with.ground.store.statement(place)?;
            if statement.value == *value && statement.revision == *revision {
                had = Some(statement);
            }
        }
        if had.is_none_or(|had| due.statement.corrects(&had)) {
            return Ok(true);
        }
    }
    Ok(false)
}
