//! Closing own feeds whose audience holds somebody who is no member any more, and beginning those
//! that follow them.

use kentong_protocol::feed::{Audience, CloseLeaf, FeedId};

use crate::store::Step;

use super::core::Core;
use super::publish::{Growing, PublishError, append};

impl Core {
    /// Closes what is due to be closed, before anything else is said in any feed.
    pub(super) fn close_due(&mut self) -> Result<(), PublishError> {
        // What failed is tried again each time, until all is looked through anew.
        if std::mem::take(&mut self.to_close) || self.retry.is_some() {
            self.close_feeds()?;
        }
        Ok(())
    }

    /// Closes them. Each names the feed that follows it, for exactly those readers who stay; if
    /// nobody does, nothing follows.
    pub(super) fn close_feeds(&mut self) -> Result<(), PublishError> {
        let Some(charter) = self.members.charter() else {
            return Ok(());
        };
        if charter.member(&self.me).is_none() {
            return Ok(()); // Others decide about us, not we about them.
        }
        let to_close: Vec<(Audience, FeedId)> = self
            .feeds
            .iter()
            .filter(|(audience, _)| audience.is_to_close(|name| charter.member(name).is_some()))
            .map(|(audience, feed)| (audience.clone(), *feed))
            .collect();
        if to_close.is_empty() {
            return Ok(());
        }
        let (mut step, mut grown) = (Step::new(), Vec::new());
        for (audience, feed) in &to_close {
            let next = self.followed_by(step, audience, &mut grown)?;
            let (follower, with) = next;
            step = with;
            let Some(held) = self.store.feeds().get(*feed) else {
                continue;
            };
            let mut tree = held.tree().frontier();
            let close = CloseLeaf::member_removed(follower);
            step = append(step, *feed, &mut tree, &close);
            grown.push((audience.clone(), Growing::closed(*feed, tree)));
        }
        self.publish_step(step, grown)?;
        for (audience, feed) in to_close {
            tracing::info!(
                ?feed,
                "closed a feed that somebody read who is no member any more"
            );
            self.feeds.remove(&audience);
            self.epochs.remove(&feed);
        }
        Ok(())
    }

    /// The feed for those of an audience who stay members, begun in this step if there is none;
    /// none if nobody stays.
    fn followed_by(
        &self,
        step: Step,
        audience: &Audience,
        grown: &mut Vec<(Audience, Growing)>,
    ) -> Result<(Option<FeedId>, Step), PublishError> {
        let Some(staying) = self.staying(audience) else {
            return Ok((None, step));
        };
        let begun = grown.iter().find(|(one, _)| *one == staying);
        let begun = begun.map(|(_, growing)| growing.feed());
        if let Some(feed) = self.feeds.get(&staying).copied().or(begun) {
            return Ok((Some(feed), step));
        }
        let (step, growing) = self.grow(step, staying.clone(), Vec::new())?;
        let feed = growing.feed();
        grown.push((staying, growing));
        Ok((Some(feed), step))
    }

    /// Those of an audience whom the charter lists, if there is a reader among them.
    pub(super) fn staying(&self, audience: &Audience) -> Option<Audience> {
        let charter = self.members.charter()?;
        audience.staying(&self.me, |name| charter.member(name).is_some())
    }
}
