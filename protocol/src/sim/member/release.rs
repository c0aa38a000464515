//! Releasing, as a real node does it: what is said at once, everything else batch by batch.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId};
use crate::indicator::Projection;
use crate::policy::{Class, Verdict};
use crate::release::{Action, Now, plan};
use crate::statement::{IndicatorId, Said, Statement};

use super::{Crashed, Effect, Item, Member, Sabotage};

impl Member {
    /// Looks through all own indicators, batch by batch.
    pub(super) fn sweep_all(&mut self) {
        let private = Audience::of(self.me(), []).expect("one member is an audience");
        let held = self.by_audience.get(&private);
        let held = held.and_then(|id| Some((*id, self.feeds.get(id)?)));
        let batches = held.map(|(id, held)| held.opened.keys().map(move |index| (id, *index)));
        self.sweep = batches.into_iter().flatten().collect();
        if self.sweep.is_empty() {
            self.effects.push(Effect::Swept);
        }
    }

    /// Whether something is still to be looked through.
    pub(in crate::sim) fn is_sweeping(&self) -> bool {
        !self.sweep.is_empty()
    }

    /// Looks through the next batch.
    pub(in crate::sim) fn sweep_on(&mut self) -> Result<(), Crashed> {
        let Some((feed, index)) = self.sweep.front().copied() else {
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
        let mut lists: BTreeMap<Audience, Vec<Statement>> = BTreeMap::new();
        let mut released = Vec::new();
        for statement in statements {
            let id = IndicatorId::of(self.me(), &statement.value);
            let entry = self.own.0.get(&id);
            let Some(entry) = entry.filter(|entry| entry.revision == statement.revision) else {
                continue; // A newer one is on its way.
            };
            let carried = entry.carried.clone();
            let carried: Vec<_> = carried
                .iter()
                .filter_map(|(id, how)| {
                    Some((*id, self.feeds.get(id)?.genesis.audience.clone(), *how))
                })
                .collect();
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
            let held = BTreeSet::new(); // No rule of the simulation waits for a second person.
            let now = match &permitted {
                Some(permitted) => Now::Holds {
                    permitted,
                    held: &held,
                },
                None => Now::Withdrawn,
            };
            for action in plan(self.cast.name(self.who), now, &carried) {
                if let Some((audience, statement)) = self.carry(&action, statement) {
                    lists.entry(audience).or_default().push(statement);
                }
            }
            released.extend(Item::of(&statement.value));
        }
        self.publish(lists)?;
        if !self.halted {
            self.effects.push(Effect::Released(released));
        }
        Ok(())
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
                let audience = self.feeds.get(feed)?.genesis.audience.clone();
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

fn released(statement: &Statement, stripped: Projection) -> Option<Said> {
    match &statement.said {
        Said::Asserted { assertion, .. } => Some(Said::Asserted {
            assertion: Box::new(assertion.released(stripped)),
            stripped,
        }),
        Said::Withdrawn { .. } | Said::Ceased => None,
    }
}
