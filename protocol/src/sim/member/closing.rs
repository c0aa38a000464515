//! Closing own feeds whose audience holds somebody who is no member any more, and beginning those that
//! follow them, in the order of a real node.

use crate::feed::{Audience, CloseLeaf, FeedId};

use super::publish::{Growing, append};
use super::{Crashed, Effect, Ground, Member, Record, Sabotage};

impl<G: Ground> Member<G> {
    /// Closes them, if members have changed since. Each names the feed that follows it, for exactly
    /// those readers who stay; if nobody does, nothing follows.
    pub(super) fn close_feeds(&mut self) -> Result<(), Crashed> {
        if self.is_restored() || !std::mem::take(&mut self.to_close) || self.halted {
            return Ok(());
        }
        // Others decide about us, not we about them.
        if !self.lists(self.who) || self.is(Sabotage::KeepFeedsOpen) {
            return Ok(());
        }
        let charter = self.papers().chain().in_force();
        let open = self.by_audience.iter();
        let open = open.filter(|(one, _)| one.is_to_close(|name| charter.member(name).is_some()));
        let to_close: Vec<(Audience, FeedId)> = open
            .map(|(audience, feed)| (audience.clone(), *feed))
            .collect();
        if to_close.is_empty() {
            return Ok(());
        }
        let (mut group, mut grown) = (Vec::new(), Vec::new());
        for (audience, feed) in &to_close {
            let follower = self.followed_by(&mut group, audience, &mut grown);
            let Some(held) = self.feeds.get(feed) else {
                continue;
            };
            let mut tree = held.tree.frontier();
            let close = CloseLeaf::member_removed(follower);
            append(&mut group, *feed, &mut tree, close);
            grown.push(Growing::closed(audience.clone(), *feed, tree));
        }
        self.publish_group(group, grown)?;
        for (audience, feed) in to_close {
            self.by_audience.remove(&audience);
            self.epochs.remove(&feed);
            self.effects.push(Effect::Closed);
        }
        Ok(())
    }

    /// The feed for those of an audience who stay members, begun in this group if there is none; none
    /// if nobody stays.
    fn followed_by(
        &mut self,
        group: &mut Vec<Record>,
        audience: &Audience,
        grown: &mut Vec<Growing>,
    ) -> Option<FeedId> {
        let staying = self.staying(audience)?;
        let begun = grown.iter().find(|growing| growing.audience == staying);
        let known = begun.map(|growing| growing.feed);
        if let Some(feed) = self.by_audience.get(&staying).copied().or(known) {
            return Some(feed);
        }
        let growing = self.grow(group, staying, Vec::new());
        let feed = growing.feed;
        grown.push(growing);
        Some(feed)
    }

    /// Those of an audience whom the charter lists, if there is a reader among them.
    pub(super) fn staying(&self, audience: &Audience) -> Option<Audience> {
        let charter = self.papers().chain().in_force();
        audience.staying(self.me(), |name| charter.member(name).is_some())
    }
}
