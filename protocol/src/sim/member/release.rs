//! Releasing, as a real node does it: what is said at once, everything else batch by batch.

use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId};
use crate::indicator::Projection;
use crate::policy::{Class, Verdict};
use crate::release::{Action, Carrier, LastWord, audiences, plan, still_counting};
use crate::statement::{IndicatorId, Said, Statement};

use super::super::feeds::Held;
use super::super::own::{Entry, is_private};
use super::{Crashed, Effect, Ground, Item, Member, Sabotage};

impl<G: Ground> Member<G> {
    /// Looks through all own indicators, batch by batch, and before that whether feeds are to be closed.
    pub(super) fn sweep_all(&mut self) {
        self.to_close = true;
        let own = self.feeds.of(self.me());
        let private = own.filter(|(_, held)| is_private(held));
        let batches =
            private.flat_map(|(id, held)| held.opened.keys().map(move |index| (*id, *index)));
        self.sweep = batches.collect();
    }

    /// Whether something is still to be looked through.
    pub(in crate::sim) fn is_sweeping(&self) -> bool {
        let waits = !self.sweep.is_empty() || self.to_close;
        waits && !self.is_restored()
    }

    /// Looks through the next batch.
    pub(in crate::sim) fn sweep_on(&mut self) -> Result<(), Crashed> {
        if !self.is_sweeping() {
            return Ok(());
        }
        self.close_feeds()?;
        let Some((feed, index)) = self.sweep.front().copied() else {
            self.effects.push(Effect::Swept);
            return Ok(());
        };
        let opened = self
            .feeds
            .get(&feed)
            .and_then(|held| held.opened.get(&index));
        let statements = opened.into_iter().flat_map(|all| all.iter());
        let statements: Vec<_> = statements.map(|(statement, _)| statement.clone()).collect();
        self.release(&statements)?;
        self.sweep.pop_front();
        if self.sweep.is_empty() {
            self.effects.push(Effect::Swept);
        }
        Ok(())
    }

    /// Releases own statements to whom they are due.
    pub(super) fn release(&mut self, statements: &[Statement]) -> Result<(), Crashed> {
        // What follows a closed feed carries on for it.
        self.close_feeds()?;
        let mut lists: BTreeMap<Audience, Vec<Statement>> = BTreeMap::new();
        let mut released = Vec::new();
        for statement in statements {
            let id = IndicatorId::of(self.me(), &statement.value);
            let entry = self.own.0.get(&id);
            let Some(entry) = entry.filter(|entry| entry.revision == statement.revision) else {
                continue; // A newer one is on its way.
            };
            let carriers = self.carriers(entry);
            let permitted = match &statement.said {
                Said::Asserted { assertion, .. } => {
                    Some(self.permitted(&Class::of(&statement.value, assertion)))
                }
                Said::Withdrawn { .. } | Said::Ceased => None,
            };
            let held = self.held_back();
            let held = held.map(|who| self.cast.name(who).clone()).collect();
            let now = match &permitted {
                Some(permitted) => LastWord::Holds {
                    permitted,
                    held: &held,
                },
                None => LastWord::Withdrawn,
            };
            // Once, though several closed feeds may be followed by one.
            let mut due: Vec<(Audience, Statement)> = Vec::new();
            for action in plan(self.cast.name(self.who), now, &carriers) {
                let carry = self.carry(&action, statement);
                let carry = carry.into_iter();
                due.extend(carry.filter(|one| !due.contains(one)).collect::<Vec<_>>());
            }
            for (audience, statement) in due {
                lists.entry(audience).or_default().push(statement);
            }
            released.extend(Item::of(&statement.value));
        }
        self.publish(lists)?;
        if !self.halted {
            self.effects.push(Effect::Released(released));
        }
        Ok(())
    }

    /// Which feeds carry an indicator, as far as that still counts.
    fn carriers(&self, entry: &Entry) -> Vec<Carrier<FeedId>> {
        let carriers = entry.carried.iter().filter_map(|(id, how)| {
            let held = self.feeds.get(id)?;
            Some(Carrier {
                feed: *id,
                audience: self.staying(&held.genesis.audience)?,
                over: self.is_over(id, held),
                how: *how,
            })
        });
        let open = |audience: &Audience| self.by_audience.get(audience).copied();
        still_counting(carriers.collect(), open)
    }

    /// Whether what an own feed says goes on in another.
    fn is_over(&self, feed: &FeedId, held: &Held) -> bool {
        held.is_closed() || self.is_ended(feed)
    }

    fn permitted(&mut self, class: &Class) -> BTreeMap<MemberName, Projection> {
        let mut permitted = BTreeMap::new();
        for who in self.others() {
            let party = &self.cast.person(who).party;
            if self.is(Sabotage::ReleaseToAll) {
                permitted.insert(party.name.clone(), Projection::NOTHING);
                continue;
            }
            let me = &self.cast.person(self.who).party;
            let verdict = self.engine.share(class, me, party);
            if let Verdict::Permit { strip, hold, .. } = &*verdict
                && hold.is_empty()
            {
                permitted.insert(party.name.clone(), *strip);
            }
        }
        permitted
    }

    /// What an action appends, and to the feeds for whom.
    fn carry(&self, action: &Action<FeedId>, statement: &Statement) -> Vec<(Audience, Statement)> {
        let audiences = match action {
            Action::Withdraw(_) if self.is(Sabotage::KeepWithdrawals) => Vec::new(),
            Action::Withdraw(feed) => self.end_to(*feed).into_iter().collect(),
            Action::Cease(readers) | Action::Release(readers, _) => {
                let audiences = audiences(self.me(), readers, &self.by_audience);
                audiences.expect("readers are members, of whom there are few enough")
            }
        };
        let said = action.statement(statement);
        let each = |audience| Some((audience, said.clone()?));
        audiences.into_iter().filter_map(each).collect()
    }

    /// Who is told of a withdrawal by a feed, or by the one that follows it.
    fn end_to(&self, feed: FeedId) -> Option<Audience> {
        let held = self.feeds.get(&feed)?;
        let audience = held.genesis.audience.clone();
        if !self.is_over(&feed, held) {
            return Some(audience);
        }
        if self.is(Sabotage::ForgetClosed) {
            return None;
        }
        self.staying(&audience)
    }
}
