//! Erasing an own indicator, everywhere.
//!
//! What else its batches say that is in force is said again first, to the same readers. Then one step
//! appends to each feed that an indicator was erased, and the leaves that name the batches; only when
//! that is signed are they overwritten here. Readers overwrite theirs when the leaves reach them. A
//! crash before the signature costs nothing but that it is to be asked for again; one after it leaves
//! to the next start what is not overwritten yet.
//!
//! No withdrawal goes out: of what nobody holds nothing is in force. So nothing is erased by halves
//! either: where a feed that others read ended, and not by a closing leaf, the withdrawal that ends the
//! indicator there must stay. From a closed feed it is erased like from others; what else its batches say
//! is said again in the feed for those who stayed.

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::MemberName;
use kentong_protocol::feed::{Audience, EraseLeaf, EraseReason, FeedId};
use kentong_protocol::indicator::Value;
use kentong_protocol::statement::{Erasure, IndicatorId};

use crate::control::refused::Refused;
use crate::control::reply;
use crate::control::request::Which;
use crate::store::{Durably, FeedErasure, FeedState, Place, Step, StoreError};

use super::core::Core;
use super::publish::PublishError;

/// How an indicator is to be erased.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Erasing {
    pub(crate) reason: EraseReason,
    /// Only say what would happen.
    pub(crate) dry_run: bool,
}

/// A feed from which an indicator is erased.
struct Target {
    feed: FeedId,
    audience: Audience,
    /// It takes leaves.
    open: bool,
    /// It is closed, and takes leaves that erase.
    closed: bool,
    /// Those of a closed feed's readers who stayed, if anybody did.
    staying: Option<Audience>,
    private: bool,
    plan: FeedErasure,
}

/// An own indicator that somebody asks for.
pub(crate) struct Named {
    pub(crate) id: IndicatorId,
    /// Its value, unless only the id was given and nothing of it is left.
    pub(crate) value: Option<Value>,
}

fn hindered(error: &PublishError) -> Refused {
    Refused::NotErased(error.to_string())
}

impl Core {
    /// The own indicator that is to be erased.
    pub(super) fn named_for_erasing(&mut self, which: &Which) -> Result<Named, Refused> {
        self.may_publish()?;
        self.commit_pending(); // What was asked before is said before.
        self.named(which)
    }

    /// Erases an own indicator; answers when nothing of it is left here.
    pub(super) fn erase(&mut self, named: &Named, how: Erasing) -> Result<reply::Erasure, Refused> {
        self.may_publish()?;
        self.is_history_whole()?;
        if !how.dry_run {
            self.close_due().map_err(|error| hindered(&error))?;
        }
        let own = self.store.own()?;
        let entry = own.get(&named.id).ok_or_else(|| unknown(named))?;
        let plan = self.store.erasure(&named.id)?;
        if plan.is_empty() {
            return Err(Refused::ErasedAlready(in_words(named)));
        }
        let targets = self.targets(plan);
        refuse_closed(&targets)?;
        let extent = self.extent(named, &targets, how);
        if !how.dry_run {
            let revision = entry.highest.next().unwrap_or(entry.highest);
            let erasure = Erasure {
                mark: self.store.mark_of(&named.id),
                revision,
                made: self.wall(),
                reason: how.reason.number(),
            };
            self.erase_from(&targets, &erasure)
                .map_err(|error| hindered(&error))?;
            self.outgoing.forget(&named.id);
            tracing::info!(feeds = targets.len(), "an own indicator was erased");
        }
        Ok(extent)
    }

    /// The own indicator that an operator names.
    fn named(&self, which: &Which) -> Result<Named, Refused> {
        let own = self.store.own()?;
        match which {
            Which::Value(value) => {
                let named = Named {
                    id: IndicatorId::of(&self.me, value),
                    value: Some(value.clone()),
                };
                own.get(&named.id).ok_or_else(|| unknown(&named))?;
                Ok(named)
            }
            Which::Id(text) => {
                let Some(id) = IndicatorId::from_hex(text) else {
                    return Err(Refused::NoIdToErase(text.clone()));
                };
                let mut named = Named { id, value: None };
                let entry = own.get(&id).ok_or_else(|| unknown(&named))?;
                let said = entry.at.map(|place| self.store.statement(place));
                let said = said.transpose()?;
                named.value = said.map(|(statement, _)| statement.value);
                Ok(named)
            }
        }
    }

    /// What is not held cannot be searched, and what was lost must not be signed over.
    fn is_history_whole(&mut self) -> Result<(), Refused> {
        if !self.may_release() {
            return Err(Refused::JustStarted);
        }
        let mut own = self.store.feeds().of(&self.me);
        let gap = own.any(|feed| feed.missing_count() > 0 || feed.unopened_count() > 0);
        if gap || !self.history.is_complete() {
            return Err(Refused::PartsAreLost);
        }
        Ok(())
    }

    fn targets(&self, plan: Vec<FeedErasure>) -> Vec<Target> {
        let target = |plan: FeedErasure| {
            let held = self.store.feeds().by_number(plan.feed)?;
            let audience = held.genesis().audience.clone();
            let closed = held.is_closed() && !self.is_ended(held.id());
            let staying = self.staying(&audience).filter(|_| closed);
            Some(Target {
                feed: held.id(),
                open: self.feeds.get(&audience) == Some(&held.id()),
                closed,
                staying,
                private: held.is_private(),
                audience,
                plan,
            })
        };
        plan.into_iter().filter_map(target).collect()
    }

    fn extent(&self, named: &Named, targets: &[Target], how: Erasing) -> reply::Erasure {
        let sum = |count: fn(&Target) -> usize| targets.iter().map(count).sum::<usize>() as u64;
        let readers = targets.iter().flat_map(|target| target.audience.members());
        let readers: BTreeSet<&MemberName> = readers.filter(|name| **name != self.me).collect();
        let value = named.value.as_ref();
        reply::Erasure {
            id: named.id.to_string(),
            kind: value.map(|value| value.kind().to_string()),
            value: value.map(|value| value.as_str().to_owned()),
            reason: how.reason,
            done: !how.dry_run,
            feeds: targets.len() as u64,
            batches: sum(|target| target.plan.batches.len()),
            said_again: sum(|target| target.plan.others.len()),
            readers: readers.into_iter().map(ToString::to_string).collect(),
        }
    }

    /// Says again what else is in force, then erases.
    fn erase_from(&mut self, targets: &[Target], erasure: &Erasure) -> Result<(), PublishError> {
        let private = Audience::of(&self.me, []).map_err(|_| PublishError::Audience)?;
        let mut again: BTreeMap<Audience, Vec<Vec<u8>>> = BTreeMap::new();
        for target in targets {
            let to = match &target.staying {
                Some(staying) => staying,
                None if target.open => &target.audience,
                None => &private,
            };
            for place in &target.plan.others {
                let due = match &target.staying {
                    Some(staying) => !self.is_superseded(*place, staying)?,
                    None if to != &private || target.private && target.open => true,
                    None => self.is_newest(*place)?,
                };
                if due {
                    let bytes = self.store.statement_bytes(*place)?;
                    again.entry(to.clone()).or_default().push(bytes);
                }
            }
        }
        self.publish(again)?;
        let mut leaves = BTreeMap::from([(private, Vec::new())]);
        for target in targets.iter().filter(|target| target.open) {
            let of_feed = target.plan.batches.iter().map(|index| EraseLeaf {
                index: *index,
                reason: erasure.reason,
            });
            let known: &mut Vec<_> = leaves.entry(target.audience.clone()).or_default();
            known.extend(of_feed);
        }
        let mut closed = BTreeMap::new();
        for target in targets.iter().filter(|target| target.closed) {
            let of_feed = target.plan.batches.iter().map(|index| EraseLeaf {
                index: *index,
                reason: erasure.reason,
            });
            closed.insert(target.feed, of_feed.collect());
            if let Some(staying) = &target.staying {
                leaves.entry(staying.clone()).or_default();
            }
        }
        let said = erasure.encode();
        let lists = leaves.into_iter();
        let lists = lists.map(|(audience, erase)| (audience, (vec![said.clone()], erase)));
        self.publish_and_erase(lists.collect(), closed)?;
        let mut step = Step::new();
        let ended = |target: &&Target| !target.open && !target.closed;
        for target in targets.iter().filter(ended) {
            for index in &target.plan.batches {
                step = step.forget(target.feed, *index);
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        if !self.sweep.is_empty() {
            self.sweep_all(); // What was to be checked stands elsewhere now.
        }
        Ok(())
    }

    /// Whether this is the last that the feeds for oneself alone say of an indicator: only that is said
    /// again in a feed that follows another.
    fn is_newest(&self, place: Place) -> Result<bool, StoreError> {
        match self.store.statement(place) {
            Ok((statement, _)) => {
                let entry = self
                    .store
                    .own()?
                    .get(&IndicatorId::of(&self.me, &statement.value));
                Ok(entry.is_some_and(|entry| entry.at == Some(place)))
            }
            Err(StoreError::NoStatement) => Ok(true), // That another was erased.
            Err(error) => Err(error),
        }
    }

    /// Whether the feed for an audience says something later of the same indicator: corrections of what
    /// a closed feed says stand in the one that follows it.
    fn is_superseded(&self, place: Place, audience: &Audience) -> Result<bool, StoreError> {
        let statement = match self.store.statement(place) {
            Ok((statement, _)) => statement,
            Err(StoreError::NoStatement) => return Ok(false), // That another was erased.
            Err(error) => return Err(error),
        };
        let value = &statement.value;
        for at in self.store.find(value.kind(), &value.comparison_key()) {
            let feed = self
                .store
                .feeds()
                .by_number(at.feed)
                .map(FeedState::genesis);
            if feed.is_none_or(|feed| feed.publisher != self.me || feed.audience != *audience) {
                continue;
            }
            match self.store.statement(at) {
                Ok((other, _)) if other.value == *value && other.revision > statement.revision => {
                    return Ok(true);
                }
                Ok(_) | Err(StoreError::NoStatement | StoreError::NoBody { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// What this node is known to have erased is erased from the feed for itself alone, where an older
    /// copy of that still has it. Other feeds say themselves what is erased in them.
    pub(super) fn erase_again(&mut self, erasure: &Erasure) -> Result<(), PublishError> {
        let plan = self.store.erasure_of_mark(&erasure.mark)?;
        let mut targets = self.targets(plan);
        targets.retain(|target| target.private);
        let told = self.store.own()?.erased(&erasure.mark);
        if targets.is_empty() || told.is_none_or(|newest| newest > erasure.revision) {
            return Ok(());
        }
        self.erase_from(&targets, erasure)
    }

    /// The erasures of an own indicator, if the last that is known of it is that it was erased.
    pub(super) fn erasures(&self, id: &IndicatorId) -> Option<Vec<(Place, Erasure)>> {
        let entry = self.store.own().ok()?.get(id)?;
        if !entry.erased {
            return None;
        }
        self.store.erasures(id).ok()
    }
}

/// An indicator stays where a feed that others read ended without a closing leaf.
fn refuse_closed(targets: &[Target]) -> Result<(), Refused> {
    let closed = targets
        .iter()
        .find(|target| !target.open && !target.closed && !target.private);
    let Some(closed) = closed else { return Ok(()) };
    let readers = closed.audience.members().iter();
    Err(Refused::FeedEnded {
        feed: closed.feed,
        readers: readers.map(ToString::to_string).collect(),
    })
}

fn unknown(named: &Named) -> Refused {
    Refused::NotOurs(in_words(named))
}

fn in_words(named: &Named) -> String {
    match &named.value {
        Some(value) => format!("{} {}", value.kind(), value.as_str()),
        None => format!("the indicator {}", named.id),
    }
}
