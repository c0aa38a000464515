//! A node whose home is an older copy, without the signer state: in the order of a real node nothing is
//! signed before enough readers have shown all heads of its feeds that they hold, and what they show is
//! taken back. A feed goes on only if all its readers were heard; otherwise it ends, and another follows.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, MemberName};

use crate::feed::{Audience, FeedId};
use crate::member::history::{Quorum, STALLED};
use crate::member::publisher::to_load;
use crate::statement::{IndicatorId, Statement};

use super::super::feeds::Held;
use super::super::own::is_private;
use super::{Crashed, Effect, Ground, Member, Own, Point, Record, Sabotage};

/// Milliseconds from one look to the next.
const TICK: u64 = 1_000;

/// What is known since the start of what this node signed before.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// Who has shown all heads of our feeds that it holds.
    heard: BTreeSet<MemberName>,
    /// The longest head that each showed of a feed of which this node held less.
    heads: BTreeMap<FeedId, BTreeMap<MemberName, (u64, Digest)>>,
    /// When something last came back, or was shown.
    moved: u64,
}

impl Restored {
    fn shown(&self, feed: FeedId) -> u64 {
        let heads = self.heads.get(&feed).into_iter().flatten();
        heads.map(|(_, (size, _))| *size).max().unwrap_or(0)
    }
}

impl<G: Ground> Member<G> {
    /// Whether the node waits for what its readers hold.
    pub(in crate::sim) const fn is_restored(&self) -> bool {
        self.restored.is_some()
    }

    /// Whether nothing is signed any more in an own feed.
    pub(super) fn is_ended(&self, feed: &FeedId) -> bool {
        self.home.ground.signer().ended.contains_key(feed)
    }

    /// Begins to ask. Own leaves that no checkpoint covers are dropped: whether they were signed,
    /// readers know.
    pub(super) fn begin_restored(&mut self) -> Result<(), Crashed> {
        let me = self.me().clone();
        let mut group = Vec::new();
        for (feed, held) in self.feeds.of(&me).filter(|(_, held)| !is_private(held)) {
            let signed = held.checkpoint.as_ref().map_or(0, |(size, _)| *size);
            if held.tree.size() > signed {
                group.push(Record::Truncate(*feed, signed));
            }
        }
        if !group.is_empty() {
            self.commit(group);
            self.home.ground.sync();
        }
        self.own = Own::of(&self.feeds, &me);
        self.restored = Some(Restored {
            moved: self.now.millis,
            ..Restored::default()
        });
        self.point(Point::Dropped)
    }

    /// A member has shown all heads of our feeds that it holds.
    pub(super) fn compared(&mut self, member: &MemberName) {
        if let Some(restored) = &mut self.restored {
            restored.moved = self.now.millis;
            restored.heard.insert(member.clone());
        }
    }

    /// A member shows a head of ours beyond what is held.
    pub(super) fn behind(&mut self, member: &MemberName, feed: FeedId, head: (u64, Digest)) {
        if let Some(restored) = &mut self.restored {
            restored.moved = self.now.millis;
            let heads = restored.heads.entry(feed).or_default();
            let known = heads.entry(member.clone()).or_insert(head);
            *known = (*known).max(head);
        } else if self.home.ground.signer().was_restored
            && (self.is_ended(&feed) || self.feeds.get(&feed).is_none())
        {
            // Others may have more of it, too: it is taken in when it is whole.
            self.home.ground.settle(|state| {
                let late = state.ended.entry(feed).or_default();
                *late = (*late).max(head.0);
            });
            self.late.insert(feed);
        } else {
            self.halt(format!("{member} shows more of {feed:?}: {}", head.0));
        }
    }

    /// Something of an own feed came back.
    pub(super) fn came_back(&mut self, feed: FeedId) {
        let held = self.feeds.get(&feed);
        let own = held.is_some_and(|held| held.genesis.publisher == *self.me());
        if let Some(restored) = self.restored.as_mut().filter(|_| own) {
            restored.moved = self.now.millis;
        }
    }

    /// When to look next whether enough came back.
    pub(super) fn restored_wakes(&self) -> u64 {
        if self.restored.is_some() || !self.late.is_empty() {
            self.now.millis + TICK
        } else {
            u64::MAX
        }
    }

    /// Looks whether enough readers were heard and all that they showed is back.
    pub(super) fn restored_on(&mut self) -> Result<(), Crashed> {
        self.late_on()?;
        let Some(restored) = self.restored.take() else {
            return Ok(());
        };
        let heard = self.quorums(&restored) || self.is(Sabotage::GoOnUnheard);
        let stalled = self.now.millis >= restored.moved + STALLED;
        let unfinished = self.unfinished(&restored);
        let mut unfinished = unfinished.iter();
        let back = unfinished.all(|(_, held, shown)| held == shown && stalled);
        if heard && (back || self.is(Sabotage::GoOnUnheard)) && !self.halted {
            return self.settle(restored);
        }
        self.restored = Some(restored);
        Ok(())
    }

    /// Whether more than two thirds are heard: of the readers of each feed that is known, and for those
    /// that are not of all members.
    fn quorums(&self, restored: &Restored) -> bool {
        let charter = self.papers().chain().in_force();
        let others = charter.members().keys().filter(|name| *name != self.me());
        let askable: BTreeSet<_> = others.collect();
        let enough = |readers: BTreeSet<MemberName>| Quorum::of(readers, &restored.heard).is_met();
        let all: BTreeSet<_> = askable.iter().map(|name| (*name).clone()).collect();
        enough(all)
            && self.shared_own().all(|(_, held)| {
                let audience = held.genesis.audience.members().iter();
                let readers = audience.filter(|name| askable.contains(name));
                enough(readers.cloned().collect())
            })
    }

    fn shared_own(&self) -> impl Iterator<Item = (&FeedId, &Held)> {
        let own = self.feeds.of(self.me());
        own.filter(|(_, held)| held.tree.size() > 0 && !is_private(held))
    }

    /// What was shown and is not back: how much is held and signed, and how much was shown.
    fn unfinished(&self, restored: &Restored) -> Vec<(FeedId, u64, u64)> {
        let mut feeds: BTreeSet<FeedId> = restored.heads.keys().copied().collect();
        feeds.extend(self.shared_own().map(|(id, _)| *id));
        let of = |feed: FeedId| {
            let held = self.feeds.get(&feed);
            let signed = held.and_then(|held| held.checkpoint.as_ref());
            let shown = restored
                .shown(feed)
                .max(held.map_or(0, |held| held.tree.size()));
            (feed, signed.map_or(0, |(size, _)| *size), shown)
        };
        let lacks = |feed: &FeedId| self.feeds.get(feed).is_none_or(|held| !held.is_whole());
        let all = feeds.into_iter().map(of);
        all.filter(|(feed, held, shown)| held < shown || lacks(feed))
            .collect()
    }

    /// Writes the signer state by what was found, and goes on from there.
    fn settle(&mut self, restored: Restored) -> Result<(), Crashed> {
        let me = self.me().clone();
        let all_heard = |held: &Held| {
            let mut readers = held.genesis.audience.members().iter();
            self.is(Sabotage::GoOnWhereNotAllHeard)
                || self.is(Sabotage::GoOnUnheard)
                || readers.all(|reader| *reader == me || restored.heard.contains(reader))
        };
        let (mut signer, mut ended) = (BTreeMap::new(), BTreeMap::new());
        for (feed, held) in self.feeds.of(&me).filter(|(_, held)| held.tree.size() > 0) {
            let signed = held.checkpoint.as_ref().map(|(size, _)| *size);
            let is_known = !is_private(held)
                && held.tree.size() >= restored.shown(*feed)
                && signed == Some(held.tree.size())
                && all_heard(held);
            if is_known {
                signer.insert(*feed, (held.tree.size(), held.tree.root()));
            } else {
                ended.insert(*feed, 0);
            }
        }
        for feed in restored
            .heads
            .keys()
            .filter(|feed| !signer.contains_key(feed))
        {
            ended.entry(*feed).or_default();
        }
        for (feed, _, shown) in self.unfinished(&restored) {
            if let Some(late) = ended.get_mut(&feed) {
                *late = shown;
            }
            self.late.insert(feed);
        }
        let shared = |feed: &&FeedId| {
            let held = self.feeds.get(feed);
            held.is_none_or(|held| !is_private(held))
        };
        self.effects.push(Effect::WentOn {
            feeds: signer.len() as u64,
            ended: ended.keys().filter(shared).count() as u64,
        });
        self.home.ground.settle(|state| {
            (state.signed, state.ended) = (signer, ended);
            (state.unknown, state.taking_in) = (false, true);
        });
        self.point(Point::SignerMoved)?;
        self.open_feeds();
        self.take_in_all()?;
        self.cosign_all();
        self.sweep_all();
        Ok(())
    }

    /// After a start it is not known of which own feeds something is still to be taken in.
    pub(super) fn look_what_lacks(&mut self) {
        if self.home.ground.signer().was_restored {
            let lacks = self.shared_own().filter(|(_, held)| !held.is_whole());
            let lacks: BTreeSet<_> = lacks.map(|(id, _)| *id).collect();
            self.late = self
                .home
                .ground
                .signer()
                .ended
                .keys()
                .copied()
                .chain(lacks)
                .collect();
        }
    }

    /// Takes in feeds of which the last came only now.
    fn late_on(&mut self) -> Result<(), Crashed> {
        if self.restored.is_some() {
            return Ok(());
        }
        for feed in self.late.clone() {
            let shown = self
                .home
                .ground
                .signer()
                .ended
                .get(&feed)
                .copied()
                .unwrap_or(0);
            let held = self.feeds.get(&feed);
            if held.is_some_and(|held| held.is_whole() && held.tree.size() >= shown) {
                self.take_in(feed)?;
                self.late.remove(&feed);
                self.sweep_all();
            }
        }
        Ok(())
    }

    /// Takes what all own feeds say that others read into the feed for oneself alone.
    pub(super) fn take_in_all(&mut self) -> Result<(), Crashed> {
        let shared: Vec<_> = self.shared_own().map(|(id, _)| *id).collect();
        shared.into_iter().try_for_each(|feed| self.take_in(feed))?;
        self.home.ground.settle(|state| state.taking_in = false);
        Ok(())
    }

    fn take_in(&mut self, feed: FeedId) -> Result<(), Crashed> {
        let opened = self.feeds.get(&feed).map(|held| held.opened.clone());
        for all in opened.into_iter().flat_map(BTreeMap::into_values) {
            let mut newer = Vec::new();
            for (statement, _) in all.iter() {
                let id = IndicatorId::of(self.me(), &statement.value);
                let known = |_: &Statement| {
                    let entry = self.own.0.get(&id);
                    Ok(entry.and_then(|entry| entry.newest.clone()))
                };
                let erased_to = Some(self.own.erased(&id));
                newer.extend(to_load(statement.clone(), erased_to, known)?);
            }
            if newer.is_empty() || self.is(Sabotage::TakeNothingIn) {
                continue;
            }
            self.effects.push(Effect::TakenIn(newer.len() as u64));
            let private = Audience::of(self.me(), []).expect("one member is an audience");
            self.publish(BTreeMap::from([(private, newer)]))?;
        }
        Ok(())
    }
}
