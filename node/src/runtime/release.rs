//! Releasing: own indicators into the feeds for those whom policy permits.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_protocol::MemberName;
use kentong_protocol::feed::Audience;
use kentong_protocol::indicator::{Projection, Value};
use kentong_protocol::policy::{Class, Verdict};
use kentong_protocol::release::{Action, Carrier, LastWord, audiences, plan, still_counting};
use kentong_protocol::statement::{IndicatorId, Said, Statement};

use crate::store::{CarriedId, FeedNo, Place, StoreError};

use super::core::Core;
use super::publish::PublishError;
use super::quota::Due;
use super::warnings::Subject;

/// What decides on a release: many indicators share one.
type Case = (Option<Class>, CarriedId);
type Actions = Rc<[Action<FeedNo>]>;

impl Core {
    /// Checks all own indicators for release, batch by batch.
    pub(super) fn sweep_all(&mut self) {
        self.to_close = true;
        match self.store.own() {
            Ok(own) => {
                let places = own.iter().filter_map(|entry| entry.at);
                let batches: BTreeSet<_> = places.map(|at| (at.feed, at.index)).collect();
                self.sweep = batches.into_iter().collect();
            }
            Err(error) => self.halt(error.to_string()),
        }
    }

    /// Checks the next batch of those that are still to be checked.
    pub(super) fn sweep_on(&mut self) {
        if self.members.charter().is_none() || self.history.stopped().is_some() {
            self.sweep.clear();
            self.to_close = false;
        }
        if self.sweep.is_empty() && !self.history.is_held_back() && !self.to_close {
            return;
        }
        if !self.may_release() {
            self.sweep.clear(); // All is looked through when the guard opens.
            self.to_close = false;
            self.history.hold_back();
            return;
        }
        if self.history.take_held_back() {
            self.sweep_all();
        }
        // Before anything is released: what follows a closed feed carries on for it.
        if let Err(error) = self.close_due() {
            self.sweep.clear();
            self.release_failed(&error);
            return;
        }
        let Some((feed, index)) = self.sweep.pop_front() else {
            return;
        };
        let released = match self.store.batch_statements(feed, index) {
            Ok(statements) => self.release(&statements),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = released {
            self.release_failed(&error);
        }
        if self.sweep.is_empty() && self.retry.is_none() {
            self.warnings.settle(&Subject::Release);
        }
    }

    /// Releases own statements (as the private feed has them) to whom they are due. What was asked in the
    /// same turn in which a member was removed goes into no feed that it reads.
    pub(super) fn release(&mut self, statements: &[Statement]) -> Result<(), PublishError> {
        self.close_due()?;
        let mut plans: BTreeMap<Case, Actions> = BTreeMap::new();
        let mut due: BTreeMap<Audience, Vec<Due<'_>>> = BTreeMap::new();
        for statement in statements {
            let id = IndicatorId::of(&self.me, &statement.value);
            let Some(entry) = self.store.own()?.get(&id) else {
                continue;
            };
            if entry.revision != statement.revision {
                continue; // A newer one is on its way.
            }
            self.outgoing.forget(&id); // What still waits is found anew.
            let class = match &statement.said {
                Said::Asserted { assertion, .. } => Some(Class::of(&statement.value, assertion)),
                Said::Withdrawn { .. } | Said::Ceased => None,
            };
            let case = (class, entry.carried);
            let actions = match plans.get(&case) {
                Some(actions) => Rc::clone(actions),
                None => {
                    let actions: Actions = self.decide(&case)?.into();
                    plans.insert(case, Rc::clone(&actions));
                    actions
                }
            };
            // Once, though several closed feeds may be followed by one.
            let mut carried = BTreeSet::new();
            for action in actions.iter() {
                let takes_back = action.takes_back();
                let said = self.carry(action, statement)?.into_iter();
                carried.extend(said.map(|(audience, bytes)| (audience, bytes, takes_back)));
            }
            for (audience, bytes, takes_back) in carried {
                due.entry(audience).or_default().push(Due {
                    id,
                    statement,
                    carried: entry.carried,
                    bytes,
                    takes_back,
                });
            }
        }
        let lists = self.within_quota(due)?;
        self.publish(lists)
    }

    /// Whom policy permits an indicator of this class, each without the fields to strip; and who
    /// is sent nothing for now: until a second person agrees, or until a suspension, a leave or a
    /// severing is over or has become a removal.
    fn permitted(
        &mut self,
        class: &Class,
    ) -> (BTreeMap<MemberName, Projection>, BTreeSet<MemberName>) {
        let (mut permitted, mut held) = (BTreeMap::new(), BTreeSet::new());
        let me = self.members.as_party(&self.me);
        for party in self
            .members
            .parties()
            .iter()
            .filter(|party| party.name != self.me)
        {
            let verdict = self.policy.share(class, &me, party);
            match &*verdict {
                Verdict::Permit { strip, hold, .. } if hold.is_empty() => {
                    permitted.insert(party.name.clone(), *strip);
                }
                Verdict::Permit { .. } => drop(held.insert(party.name.clone())),
                Verdict::Deny { .. } => {}
            }
        }
        if let Some(charter) = self.members.charter() {
            let listed = charter.members().keys();
            held.extend(
                listed
                    .filter(|name| !self.members.is_in_force(name))
                    .cloned(),
            );
        }
        (permitted, held)
    }

    fn decide(&mut self, (class, carried): &Case) -> Result<Vec<Action<FeedNo>>, StoreError> {
        let permitted = class.as_ref().map(|class| self.permitted(class));
        let feeds = self.store.feeds();
        let carried = self.store.own()?.carried(*carried).iter();
        let carriers = carried.filter_map(|(number, how)| {
            let feed = feeds.by_number(*number)?;
            Some(Carrier {
                feed: *number,
                audience: self.staying(&feed.genesis().audience)?,
                over: feed.is_closed() || self.is_ended(feed.id()),
                how: *how,
            })
        });
        let open = |audience: &Audience| {
            let open = feeds.get(*self.feeds.get(audience)?)?;
            Some(open.number())
        };
        let carriers = still_counting(carriers.collect(), open);
        let now = match &permitted {
            Some((permitted, held)) => LastWord::Holds { permitted, held },
            None => LastWord::Withdrawn,
        };
        Ok(plan(&self.me, now, &carriers))
    }

    /// The statements that an action needs, each with the audience whose feed carries it.
    fn carry(
        &self,
        action: &Action<FeedNo>,
        statement: &Statement,
    ) -> Result<Vec<(Audience, Vec<u8>)>, PublishError> {
        let audiences = match action {
            Action::Withdraw(feed) => {
                // To the feed, or to the one that follows it.
                let feed = self.store.feeds().by_number(*feed);
                let audience = feed.and_then(|feed| {
                    let audience = &feed.genesis().audience;
                    if feed.is_closed() || self.is_ended(feed.id()) {
                        return self.staying(audience);
                    }
                    Some(audience.clone())
                });
                audience.into_iter().collect()
            }
            Action::Cease(readers) | Action::Release(readers, _) => {
                audiences(&self.me, readers, &self.feeds).map_err(|_| PublishError::Audience)?
            }
        };
        let Some(said) = action.statement(statement) else {
            return Ok(Vec::new());
        };
        let bytes = said.encode();
        let to = audiences.into_iter();
        Ok(to.map(|audience| (audience, bytes.clone())).collect())
    }

    /// The newest own statement about a value, as the private feed has it.
    pub(super) fn own_statement(&self, value: &Value) -> Result<Option<Statement>, StoreError> {
        let entry = self.store.own()?.get(&IndicatorId::of(&self.me, value));
        let place: Option<Place> = entry.and_then(|entry| entry.at);
        place
            .map(|place| self.store.statement(place).map(|(statement, _)| statement))
            .transpose()
    }
}
