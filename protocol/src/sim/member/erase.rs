//! Erasing an own indicator, and overwriting what was erased, in the order of a real node. From a closed
//! feed it is erased like from others; what else its batches say is said again to those who stayed.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId};
use crate::statement::{Erasure, IndicatorId, Rank, Statement};

use super::super::feeds::Held;
use super::super::own::mark;
use super::{Crashed, Effect, Ground, Item, Member, Point, Sabotage};

impl<G: Ground> Member<G> {
    /// Erases an own indicator everywhere, unless there is nothing to erase. It is answered once it is
    /// signed.
    pub(in crate::sim) fn erase(&mut self, item: Item) -> Result<(), Crashed> {
        let value = item.value();
        let (me, id) = (self.me().clone(), IndicatorId::of(self.me(), &value));
        let Some(entry) = self.own.0.get(&id) else {
            self.effects.push(Effect::Answered(item));
            return Ok(());
        };
        let highest = entry.highest.max(self.own.erased(&id));
        let erasure = Erasure {
            mark: mark(&id),
            revision: highest
                .next()
                .expect("a run says less than four billion things"),
            made: self.now.wall,
            reason: 1,
        };
        self.close_feeds()?; // What is said again is for those who stayed.
        let private = Audience::of(&me, []).expect("one member is an audience");
        let mut again: BTreeMap<Audience, Vec<Vec<u8>>> = BTreeMap::new();
        let mut erased = BTreeMap::from([(private, (vec![erasure.encode()], Vec::new()))]);
        let mut closed = BTreeMap::new();
        for (feed, held) in self.feeds.of(&me) {
            let gone: BTreeSet<u64> = held
                .opened
                .iter()
                .filter(|(_, all)| all.iter().any(|(one, _)| one.value == value))
                .map(|(index, _)| *index)
                .collect();
            if gone.is_empty() {
                continue;
            }
            let others = others(&me, held, &gone, id);
            let of_feed: Vec<u64> = gone.into_iter().collect();
            let audience = held.genesis.audience.clone();
            let (audience, of_open) = if held.is_closed() {
                closed.insert(*feed, of_feed);
                let Some(staying) = self.staying(&audience) else {
                    continue;
                };
                (staying, Vec::new())
            } else {
                (audience, of_feed)
            };
            if !others.is_empty() && !self.is(Sabotage::KeepNothingElse) {
                again.entry(audience.clone()).or_default().extend(others);
            }
            let said = erased.entry(audience);
            let (_, leaves) = said.or_insert_with(|| (vec![erasure.encode()], Vec::new()));
            leaves.extend(of_open);
        }
        self.publish_bytes(again)?;
        self.publish_and_erase(erased, closed)?;
        if self.halted {
            return Ok(());
        }
        self.effects.push(Effect::Answered(item));
        self.point(Point::Answered)?;
        if self.is_sweeping() {
            self.sweep_all(); // What was to be looked through stands elsewhere now.
        }
        Ok(())
    }

    /// Overwrites what is due in these feeds. The leaves that say so are made durable before.
    pub(super) fn overwrite(&mut self, feeds: &[FeedId]) {
        if self.is(Sabotage::KeepErased) {
            return;
        }
        for feed in feeds.iter().copied() {
            let due = match self.feeds.get(&feed) {
                Some(held) if self.is(Sabotage::EraseBeforeSigned) => held.due_below(u64::MAX),
                Some(held) => held.due(),
                None => Vec::new(),
            };
            if !due.is_empty() {
                self.home.ground.sync();
            }
            for index in due {
                self.home.ground.erase(feed, index);
                if let Some(held) = self.feeds.get_mut(&feed) {
                    held.overwritten(index);
                }
            }
        }
    }
}

/// What these batches say that is the last word of their feed on another indicator, and of what they
/// say was erased.
fn others(me: &MemberName, held: &Held, gone: &BTreeSet<u64>, id: IndicatorId) -> Vec<Vec<u8>> {
    let mut newest: BTreeMap<IndicatorId, (Rank, u64, &Statement)> = BTreeMap::new();
    for (index, all) in &held.opened {
        for (statement, rank) in all.iter() {
            let of = IndicatorId::of(me, &statement.value);
            let known = newest.get(&of);
            if of != id && known.is_none_or(|known| (known.0, known.1) <= (*rank, *index)) {
                newest.insert(of, (*rank, *index, statement));
            }
        }
    }
    let again = newest.values().filter(|(_, index, _)| gone.contains(index));
    let told = gone.iter().filter_map(|index| held.told.get(index));
    let told = told.flatten().map(Erasure::encode);
    again
        .map(|(_, _, statement)| statement.encode())
        .chain(told)
        .collect()
}
