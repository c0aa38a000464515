//! Erasing an indicator of ours, everywhere.
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

use kentong_keys::MemberName;

use crate::feed::{Audience, EraseLeaf, EraseReason, FeedId};
use crate::guard::{self, Guard};
use crate::statement::{Erasure, IndicatorId};
use crate::store::{Durably, FeedErasure, FeedState, Place, Step, StoreError};

use super::super::World;
use super::{PublishError, Publisher, Tools};

/// What an erasure does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// In how many feeds.
    pub feeds: usize,
    /// How many batches are overwritten.
    pub batches: usize,
    /// How many statements that share them are said again.
    pub said_again: usize,
    /// Which others read these feeds.
    pub readers: BTreeSet<MemberName>,
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    /// It is no indicator of ours.
    #[error("it is not one of our indicators")]
    NotOurs,
    /// Nothing of it is left.
    #[error("it was erased already")]
    Already,
    /// What is not held cannot be searched, and what was lost must not be signed over.
    #[error("a part of our feeds is lost here, and may hold the indicator too")]
    PartsAreLost,
    /// It stays where a feed that others read ended without a closing leaf.
    #[error("a feed that holds it has ended")]
    FeedEnded {
        /// The feed.
        feed: FeedId,
        /// Who reads it.
        readers: Vec<MemberName>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be published was not.
    #[error(transparent)]
    NotPublished(#[from] PublishError),
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

impl<T> Publisher<T> {
    /// Erases an indicator of ours; nothing of it is left here when this returns. A dry run only says what
    /// that would do. Nothing of this may be asked for before all that this node said is known and held.
    pub fn erase<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        id: &IndicatorId,
        reason: EraseReason,
        dry_run: bool,
    ) -> Result<Extent, NotErased> {
        let lacks = |feed: &FeedState| feed.missing_count() > 0 || feed.unopened_count() > 0;
        if with.ground.store.feeds().of(with.me()).any(lacks) {
            return Err(NotErased::PartsAreLost);
        }
        if !dry_run {
            self.close_due(with)?;
        }
        let store = &*with.ground.store;
        let entry = store.own()?.get(id).ok_or(NotErased::NotOurs)?;
        let plan = store.erasure(id)?;
        if plan.is_empty() {
            return Err(NotErased::Already);
        }
        let targets = self.targets(with, plan);
        refuse_closed(&targets)?;
        if !dry_run {
            let erasure = Erasure {
                mark: store.mark_of(id),
                revision: entry.highest.next().unwrap_or(entry.highest),
                made: with.ground.now.wall,
                reason: reason.number(),
            };
            self.erase_from(with, &targets, &erasure)?;
            self.outgoing.forget(id);
        }
        Ok(extent(with.me(), &targets))
    }

    fn targets<W: World>(&self, with: &Tools<'_, W>, plan: Vec<FeedErasure>) -> Vec<Target> {
        let target = |plan: FeedErasure| {
            let held = with.ground.store.feeds().by_number(plan.feed)?;
            let audience = held.genesis().audience.clone();
            let closed = held.is_closed() && !with.is_ended(held.id());
            let staying = with.staying(&audience).filter(|_| closed);
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

    /// Says again what else is in force, then erases.
    fn erase_from<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        targets: &[Target],
        erasure: &Erasure,
    ) -> Result<(), PublishError> {
        let private = Audience::of(with.me(), []).map_err(|_| PublishError::Audience)?;
        let mut again: BTreeMap<Audience, Vec<Vec<u8>>> = BTreeMap::new();
        for target in targets {
            let to = match &target.staying {
                Some(staying) => staying,
                None if target.open => &target.audience,
                None => &private,
            };
            for place in &target.plan.others {
                let due = match &target.staying {
                    Some(staying) => !is_superseded(with, *place, staying)?,
                    None if to != &private || target.private && target.open => true,
                    None => is_newest(with, *place)?,
                };
                if due {
                    let bytes = with.ground.store.statement_bytes(*place)?;
                    again.entry(to.clone()).or_default().push(bytes);
                }
            }
        }
        if guard::on(Guard::OthersSaidAgain) {
            self.publish(with, again)?;
        }
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
        self.publish_and_erase(with, lists.collect(), closed)?;
        let mut step = Step::new();
        let ended = |target: &&Target| !target.open && !target.closed;
        for target in targets.iter().filter(ended) {
            for index in &target.plan.batches {
                step = step.forget(target.feed, *index);
            }
        }
        if !step.is_empty() {
            with.ground.store.commit(step, Durably::Synced)?;
        }
        if !self.sweep.is_empty() {
            self.sweep_all(with); // What was to be checked stands elsewhere now.
        }
        Ok(())
    }

    /// What this node is known to have erased is erased from the feed for itself alone, where an older
    /// copy of that still has it. Other feeds say themselves what is erased in them.
    pub(super) fn erase_again<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        erasure: &Erasure,
    ) -> Result<(), PublishError> {
        let plan = with.ground.store.erasure_of_mark(&erasure.mark)?;
        let mut targets = self.targets(with, plan);
        targets.retain(|target| target.private);
        let told = with.ground.store.own()?.erased(&erasure.mark);
        if targets.is_empty() || told.is_none_or(|newest| newest > erasure.revision) {
            return Ok(());
        }
        self.erase_from(with, &targets, erasure)
    }
}

/// What erasing from these feeds does.
fn extent(me: &MemberName, targets: &[Target]) -> Extent {
    let sum = |count: fn(&Target) -> usize| targets.iter().map(count).sum::<usize>();
    let readers = targets.iter().flat_map(|target| target.audience.members());
    Extent {
        feeds: targets.len(),
        batches: sum(|target| target.plan.batches.len()),
        said_again: sum(|target| target.plan.others.len()),
        readers: readers.filter(|name| *name != me).cloned().collect(),
    }
}

/// An indicator stays where a feed that others read ended without a closing leaf.
fn refuse_closed(targets: &[Target]) -> Result<(), NotErased> {
    let closed = targets
        .iter()
        .find(|target| !target.open && !target.closed && !target.private);
    let Some(closed) = closed else { return Ok(()) };
    Err(NotErased::FeedEnded {
        feed: closed.feed,
        readers: closed.audience.members().to_vec(),
    })
}

/// Whether this is the last that the feeds for oneself alone say of an indicator: only that is said
/// again in a feed that follows another.
fn is_newest<W: World>(with: &Tools<'_, W>, place: Place) -> Result<bool, StoreError> {
    match with.ground.store.statement(place) {
        Ok((statement, _)) => {
            let entry = with
                .ground
                .store
                .own()?
                .get(&IndicatorId::of(with.me(), &statement.value));
            Ok(entry.is_some_and(|entry| entry.at == Some(place)))
        }
        Err(StoreError::NoStatement) => Ok(true), // That another was erased.
        Err(error) => Err(error),
    }
}

/// Whether the feed for an audience says something later of the same indicator: corrections of what
/// a closed feed says stand in the one that follows it.
fn is_superseded<W: World>(
    with: &Tools<'_, W>,
    place: Place,
    audience: &Audience,
) -> Result<bool, StoreError> {
    let statement = match with.ground.store.statement(place) {
        Ok((statement, _)) => statement,
        Err(StoreError::NoStatement) => return Ok(false), // That another was erased.
        Err(error) => return Err(error),
    };
    let value = &statement.value;
    for at in with
        .ground
        .store
        .find(value.kind(), &value.comparison_key())
    {
        let feed = with
            .ground
            .store
            .feeds()
            .by_number(at.feed)
            .map(FeedState::genesis);
        if feed.is_none_or(|feed| feed.publisher != *with.me() || feed.audience != *audience) {
            continue;
        }
        match with.ground.store.statement(at) {
            Ok((other, _)) if other.value == *value && other.revision > statement.revision => {
                return Ok(true);
            }
            Ok(_) | Err(StoreError::NoStatement | StoreError::NoBody { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}
