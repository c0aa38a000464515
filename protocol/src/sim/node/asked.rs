//! What a run asks of a node.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_keys::MemberName;

use crate::charter::Papers;
use crate::feed::{EraseReason, FeedId};
use crate::indicator::Value;
use crate::statement::{IndicatorId, Statement};
use crate::store::{FeedState, RecordKind};

use super::super::cast::Who;
use super::super::ground::Ground;
use super::super::said::Item;
use super::{Crashed, Feed, Node, doing_without, feed};

/// What it holds and says.
impl<G: Ground> Node<G> {
    pub(in crate::sim) fn feed(&self, id: &FeedId) -> Option<Feed<'_>> {
        feed::one(self.member.store(), id)
    }

    /// All feeds that it holds.
    pub(in crate::sim) fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        feed::all(self.member.store())
    }

    /// The feeds that it holds of a publisher.
    pub(in crate::sim) fn feeds_of(
        &self,
        publisher: &MemberName,
    ) -> impl Iterator<Item = Feed<'_>> {
        feed::of(self.member.store(), publisher)
    }

    /// The bodies that lie on disk, by feed and index.
    pub(in crate::sim) fn bodies_on_disk(&self) -> BTreeSet<(FeedId, u64)> {
        let records = self.home.ground.on_disk();
        let is_body = |kind| kind == RecordKind::Body;
        let bodies = records.filter(|record| is_body(record.kind) && record.bytes().is_some());
        bodies
            .map(|body| (FeedId::from_digest(body.key.feed), body.key.index))
            .collect()
    }

    /// What is in force of all that others released to it and that it says itself.
    pub(in crate::sim) fn in_force(&self) -> BTreeMap<(MemberName, Value), Statement> {
        let mut best = BTreeMap::new();
        let store = self.member.store();
        let counts =
            |held: &FeedState| held.genesis().publisher != *store.me() || held.is_private();
        for found in store.scan(counts) {
            let (place, statement) = found.expect("an opened batch can be read again");
            let held = store.feeds().by_number(place.feed);
            let held = held.expect("a statement stands in a feed");
            let rank = || statement.rank(&statement.encode());
            let rank = doing_without(self.without(), rank);
            let key = (held.genesis().publisher.clone(), statement.value.clone());
            let before = best.get(&key);
            if before.is_none_or(|(_, before)| *before < rank) {
                best.insert(key, (statement, rank));
            }
        }
        let only = |(key, (statement, _))| (key, statement);
        best.into_iter().map(only).collect()
    }

    /// The newest revision that it says itself of an indicator, or its erasure took; 0 if none.
    pub(in crate::sim) fn newest(&self, item: Item) -> u32 {
        let newest = self.says(item);
        let newest = newest.map_or(0, |newest| newest.revision.number());
        newest.max(self.erased(item))
    }

    /// What it says itself of an indicator; nothing if it never did, or erased it.
    pub(in crate::sim) fn says(&self, item: Item) -> Option<Statement> {
        let store = self.member.store();
        let own = store.own().expect("the rows of our feeds can be read");
        let at = own.get(&self.id_of(item))?.at?;
        let read = store.statement(at);
        Some(read.expect("a statement of its own can be read again").0)
    }

    /// The number that the erasure of an indicator took; 0 if it was never erased.
    pub(in crate::sim) fn erased(&self, item: Item) -> u32 {
        let store = self.member.store();
        let own = store.own().expect("the rows of our feeds can be read");
        let erased = own.erased(&store.mark_of(&self.id_of(item)));
        erased.map_or(0, |erased| erased.number())
    }

    fn id_of(&self, item: Item) -> IndicatorId {
        IndicatorId::of(self.name(), &item.value())
    }
}

/// How it is, and whom it knows.
impl<G: Ground> Node<G> {
    pub(in crate::sim) const fn who(&self) -> Who {
        self.part.who
    }

    pub(in crate::sim) fn name(&self) -> &MemberName {
        self.part.cast.name(self.part.who)
    }

    /// Whether it has stopped publishing.
    pub(in crate::sim) fn is_halted(&self) -> bool {
        self.member.history().stopped().is_some()
    }

    /// Whether it waits for what its readers hold, or for what of that is still to be loaded.
    pub(in crate::sim) fn is_restored(&self) -> bool {
        let history = self.member.history();
        history.asking().is_some() || history.to_load_first() > 0
    }

    /// Whether it would erase something: it must know all that it says.
    pub(in crate::sim) fn may_erase(&mut self, item: Item) -> Result<bool, Crashed> {
        let (id, reason) = (self.id_of(item), EraseReason::PersonalData);
        let extent = self.doing(|member, lent| member.erase(&id, reason, true, lent))?;
        Ok(extent.is_ok())
    }

    /// Its charter and all that belongs to it.
    pub(in crate::sim) const fn papers(&self) -> &Rc<Papers> {
        &self.home.papers
    }

    /// Which generation of somebody's keys it knows; none of whom its charter does not list.
    pub(in crate::sim) fn serial_of(&self, who: Who) -> Option<u64> {
        let known = self.member.members();
        let (warrant, _) = known.credentials(self.part.cast.name(who))?;
        Some(warrant.serial())
    }

    /// Whether the version in force lists somebody.
    pub(in crate::sim) fn lists(&self, who: Who) -> bool {
        let charter = self.papers().chain().in_force();
        charter.member(self.part.cast.name(who)).is_some()
    }

    /// Whether it would speak with somebody, as far as charter and notices go.
    pub(in crate::sim) fn admits(&self, who: Who) -> bool {
        self.member.admits(self.part.cast.name(who))
    }

    /// Whether somebody broke a rule and is not spoken to for now.
    pub(in crate::sim) fn is_cut_off(&self, peer: Who) -> bool {
        self.member.is_cut_off(self.part.cast.name(peer), self.now)
    }

    /// Whether it believes that it has a link with somebody.
    pub(in crate::sim) fn is_linked(&self, peer: Who) -> bool {
        self.member.sessions().is_linked(self.part.cast.name(peer))
    }
}
