//! Releasing: own indicators into the feeds for those whom policy permits.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_keys::MemberName;

use crate::feed::Audience;
use crate::guard::{self, Guard};
use crate::indicator::Projection;
use crate::policy::{Class, Verdict};
use crate::release::{Action, Carrier, LastWord, audiences, plan, still_counting};
use crate::statement::{IndicatorId, Said, Statement};
use crate::store::{CarriedId, FeedNo, StoreError};

use super::super::World;
use super::quota::Due;
use super::{Output, Permit, PublishError, Publisher, Tools};

/// What decides on a release: many indicators share one.
type Case = (Option<Class>, CarriedId);
type Actions = Rc<[Action<FeedNo>]>;

impl<T> Publisher<T> {
    /// Checks all own indicators for release, batch by batch.
    pub fn sweep_all<W: World>(&mut self, with: &mut Tools<'_, W>) {
        self.to_close = true;
        match with.ground.store.own() {
            Ok(own) => {
                let places = own.iter().filter_map(|entry| entry.at);
                let batches: BTreeSet<_> = places.map(|at| (at.feed, at.index)).collect();
                self.sweep = batches.into_iter().collect();
            }
            Err(error) => self.stop(with, error.to_string()),
        }
    }

    /// Looks for feeds to close, and checks the next batch of those that are still to be checked. If
    /// something was held back before, all is checked as soon as it may be.
    pub fn sweep_on<W: World>(&mut self, with: &mut Tools<'_, W>, held_back: bool) {
        if with.ground.members.charter().is_none() || matches!(with.permit, Permit::Stopped(_)) {
            self.sweep.clear();
            self.to_close = false;
        }
        if self.is_idle() && !held_back {
            return;
        }
        if with.permit != Permit::Release {
            self.sweep.clear(); // All is looked through when it may be.
            self.to_close = false;
            self.outputs.push(Output::HeldBack);
            return;
        }
        if held_back {
            self.sweep_all(with);
            self.outputs.push(Output::Resumed);
        }
        // Before anything is released: what follows a closed feed carries on for it.
        if let Err(error) = self.close_due(with) {
            self.sweep.clear();
            self.release_failed(with, &error);
            return;
        }
        let Some((feed, index)) = self.sweep.pop_front() else {
            return;
        };
        let released = match with.ground.store.batch_statements(feed, index) {
            Ok(statements) => self.release(with, &statements),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = released {
            self.release_failed(with, &error);
        }
        if self.sweep.is_empty() && self.retry.is_none() {
            self.outputs.push(Output::AllChecked);
        }
    }

    /// Checks all once more, if that is due since a release failed.
    pub fn retry_on<W: World>(&mut self, with: &mut Tools<'_, W>) {
        if self.retry.is_some_and(|at| at <= with.ground.now.moment) {
            self.retry = None;
            self.sweep_all(with);
        }
    }

    /// Releases own statements (as the private feed has them) to whom they are due. What was asked in the
    /// same turn in which a member was removed goes into no feed that it reads.
    pub(super) fn release<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        statements: &[Statement],
    ) -> Result<(), PublishError> {
        self.close_due(with)?;
        let mut plans: BTreeMap<Case, Actions> = BTreeMap::new();
        let mut due: BTreeMap<Audience, Vec<Due<'_>>> = BTreeMap::new();
        for statement in statements {
            let id = IndicatorId::of(with.me(), &statement.value);
            let Some(entry) = with.ground.store.own()?.get(&id) else {
                continue;
            };
            if entry.revision != statement.revision {
                continue; // A newer one is on its way.
            }
            self.outgoing.forget(&id); // What still waits is found again.
            let class = match &statement.said {
                Said::Asserted { assertion, .. } => Some(Class::of(&statement.value, assertion)),
                Said::Withdrawn { .. } | Said::Ceased => None,
            };
            let case = (class, entry.carried);
            let actions = match plans.get(&case) {
                Some(actions) => Rc::clone(actions),
                None => {
                    let actions: Actions = self.decide(with, &case)?.into();
                    plans.insert(case, Rc::clone(&actions));
                    actions
                }
            };
            // Once, though several closed feeds may be followed by one.
            let mut carried = BTreeSet::new();
            for action in actions.iter() {
                let takes_back = action.takes_back();
                let said = self.carry(with, action, statement)?.into_iter();
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
        let lists = self.within_quota(with, due)?;
        self.publish(with, lists)
    }

    /// Whom policy permits an indicator of this class, each without the fields to strip; and who
    /// is sent nothing for now: until a second person agrees, or until a suspension, a leave or a
    /// severing is over or has become a removal.
    fn permitted<W: World>(
        with: &mut Tools<'_, W>,
        class: &Class,
    ) -> (BTreeMap<MemberName, Projection>, BTreeSet<MemberName>) {
        let (mut permitted, mut held) = (BTreeMap::new(), BTreeSet::new());
        let members = with.ground.members;
        let me = members.as_party(with.me());
        for party in members
            .parties()
            .iter()
            .filter(|party| party.name != me.name)
        {
            if !guard::on(Guard::PolicyAsked) {
                permitted.insert(party.name.clone(), Projection::NOTHING);
                continue;
            }
            let verdict = with.policy.share(class, &me, party);
            match &*verdict {
                Verdict::Permit { strip, hold, .. } if hold.is_empty() => {
                    permitted.insert(party.name.clone(), *strip);
                }
                Verdict::Permit { .. } => drop(held.insert(party.name.clone())),
                Verdict::Deny { .. } => {}
            }
        }
        if let Some(charter) = members.charter() {
            let listed = charter.members().keys();
            held.extend(listed.filter(|name| !members.is_in_force(name)).cloned());
        }
        (permitted, held)
    }

    fn decide<W: World>(
        &self,
        with: &mut Tools<'_, W>,
        (class, carried): &Case,
    ) -> Result<Vec<Action<FeedNo>>, StoreError> {
        let permitted = class.as_ref().map(|class| Self::permitted(with, class));
        let feeds = with.ground.store.feeds();
        let carried = with.ground.store.own()?.carried(*carried).iter();
        let carriers = carried.filter_map(|(number, how)| {
            let feed = feeds.by_number(*number)?;
            Some(Carrier {
                feed: *number,
                audience: with.staying(&feed.genesis().audience)?,
                over: feed.is_closed() || with.is_ended(feed.id()),
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
        Ok(plan(with.me(), now, &carriers))
    }

    /// The statements that an action needs, each with the audience whose feed carries it.
    fn carry<W: World>(
        &self,
        with: &Tools<'_, W>,
        action: &Action<FeedNo>,
        statement: &Statement,
    ) -> Result<Vec<(Audience, Vec<u8>)>, PublishError> {
        let audiences = match action {
            Action::Withdraw(_) if !guard::on(Guard::WithdrawalsReleased) => Vec::new(),
            Action::Withdraw(feed) => {
                // To the feed, or to the one that follows it.
                let feed = with.ground.store.feeds().by_number(*feed);
                let audience = feed.and_then(|feed| {
                    let audience = &feed.genesis().audience;
                    if feed.is_closed() || with.is_ended(feed.id()) {
                        return with
                            .staying(audience)
                            .filter(|_| guard::on(Guard::ClosedCounts));
                    }
                    Some(audience.clone())
                });
                audience.into_iter().collect()
            }
            Action::Cease(readers) | Action::Release(readers, _) => {
                audiences(with.me(), readers, &self.feeds).map_err(|_| PublishError::Audience)?
            }
        };
        let Some(said) = action.statement(statement) else {
            return Ok(Vec::new());
        };
        let bytes = said.encode();
        let to = audiences.into_iter();
        Ok(to.map(|audience| (audience, bytes.clone())).collect())
    }
}
