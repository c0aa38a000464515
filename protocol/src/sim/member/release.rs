//! Releasing, as a real node does it: what is said at once, everything else batch by batch.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId};
use crate::indicator::Projection;
use crate::policy::{Class, Verdict};
use crate::release::{Action, Carried, Now, plan, still_open};
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
            let carried = self.carried(entry);
            let carried: Vec<_> = carried
                .iter()
                .map(|(id, to, how)| (*id, to, *how))
                .collect();
            let permitted = match &statement.said {
                Said::Asserted { assertion, .. } => {
                    Some(self.permitted(&Class::of(&statement.value, assertion)))
                }
                Said::Withdrawn { .. } | Said::Ceased => None,
            };
            let held = self.held_back();
            let held = held.map(|who| self.cast.name(who).clone()).collect();
            let now = match &permitted {
                Some(permitted) => Now::Holds {
                    permitted,
                    held: &held,
                },
                None => Now::Withdrawn,
            };
            // Once, though several closed feeds may be followed by one.
            let mut due: Vec<(Audience, Statement)> = Vec::new();
            for action in plan(self.cast.name(self.who), now, &carried) {
                let carry = self.carry(&action, statement);
                due.extend(carry.filter(|one| !due.contains(one)));
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

    /// Which feeds carry an indicator, each for those of its readers who are members still.
    fn carried(&self, entry: &Entry) -> Vec<(FeedId, Audience, Carried)> {
        let carried = entry.carried.iter().filter_map(|(id, how)| {
            let held = self.feeds.get(id)?;
            let audience = self.staying(&held.genesis.audience)?;
            Some((*id, audience, self.is_over(id, held), *how))
        });
        let carried = still_open(carried.collect());
        // What is said to an audience goes into its open feed. Of another for the same audience, which
        // ended, only that counts which the open one does not say anew.
        let is_open = |feed: &FeedId, audience: &Audience| {
            let open = self.by_audience.get(audience);
            open.is_none_or(|open| open == feed)
        };
        let said_anew = |(feed, audience, how): &&(FeedId, Audience, Carried)| {
            let mut others = carried.iter();
            !is_open(feed, audience)
                && others.any(|(other, of, anew)| {
                    of == audience && is_open(other, of) && !is_older(*anew, *how)
                })
        };
        let kept = carried.iter().filter(|one| !said_anew(one));
        kept.cloned().collect()
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

    /// What an action appends, and to the feed for whom.
    fn carry(
        &self,
        action: &Action<FeedId>,
        statement: &Statement,
    ) -> Option<(Audience, Statement)> {
        let (readers, said) = match action {
            Action::Withdraw(_) if self.is(Sabotage::KeepWithdrawals) => return None,
            Action::Withdraw(feed) => {
                // To the feed, or to the one that follows it.
                let held = self.feeds.get(feed)?;
                let audience = held.genesis.audience.clone();
                let audience = if self.is_over(feed, held) {
                    if self.is(Sabotage::ForgetClosed) {
                        return None;
                    }
                    self.staying(&audience)?
                } else {
                    audience
                };
                return Some((audience, statement.clone()));
            }
            Action::Cease(readers) => (readers, Said::Ceased),
            Action::Release(readers, stripped) => (readers, released(statement, *stripped)?),
        };
        let audience = self.audience(readers);
        let said = Statement {
            said,
            ..statement.clone()
        };
        Some((audience, said))
    }

    fn audience(&self, readers: &BTreeSet<MemberName>) -> Audience {
        Audience::of(self.me(), readers).expect("readers are members, of whom there are few enough")
    }
}

/// Whether one feed carries an older revision than another.
fn is_older(one: Carried, other: Carried) -> bool {
    let revision = |carried| match carried {
        Carried::Current(_) => None,
        Carried::Older(at) | Carried::Ceased(at) | Carried::Withdrawn(at) => Some(at),
    };
    match (revision(one), revision(other)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(one), Some(other)) => one < other,
    }
}

fn released(statement: &Statement, stripped: Projection) -> Option<Said> {
    match &statement.said {
        Said::Asserted { assertion, .. } => Some(Said::Asserted {
            assertion: Box::new(assertion.released(stripped)),
            stripped,
        }),
        Said::Withdrawn { .. } | Said::Ceased => None,
    }
}
