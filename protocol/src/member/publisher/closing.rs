//! Closing our feeds whose audience holds somebody who is no longer a member, and beginning those
//! that follow them.

use crate::feed::{Audience, CloseLeaf, FeedId};
use crate::guard::{self, Guard};
use crate::store::Step;

use super::super::World;
use super::growing::{Growing, append};
use super::{Output, PublishError, Publisher, Tools};

impl<T> Publisher<T> {
    /// Closes what is due to be closed, before anything else is said in any feed.
    pub(super) fn close_due<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
    ) -> Result<(), PublishError> {
        // What failed is tried again each time, until all is looked through once more.
        if std::mem::take(&mut self.to_close) || self.retry.is_some() {
            self.close_feeds(with)?;
        }
        Ok(())
    }

    /// Closes them. Each names the feed that follows it, for exactly those readers who stay; if
    /// nobody does, nothing follows.
    fn close_feeds<W: World>(&mut self, with: &mut Tools<'_, W>) -> Result<(), PublishError> {
        let Some(charter) = with.ground.members.charter() else {
            return Ok(());
        };
        if charter.member(with.me()).is_none() || !guard::on(Guard::FeedsClosed) {
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
            let next = self.followed_by(with, step, audience, &mut grown)?;
            let (follower, with_it) = next;
            step = with_it;
            let Some(held) = with.ground.store.feeds().get(*feed) else {
                continue;
            };
            let mut tree = held.tree().frontier();
            let close = CloseLeaf::member_removed(follower);
            step = append(step, *feed, &mut tree, &close);
            grown.push((audience.clone(), Growing::closed(*feed, tree)));
        }
        self.publish_step(with, step, grown)?;
        for (audience, feed) in to_close {
            self.outputs.push(Output::Closed(feed));
            self.feeds.remove(&audience);
            self.epochs.remove(&feed);
        }
        Ok(())
    }

    /// The feed for those of an audience who stay members, begun in this step if there is none;
    /// none if nobody stays.
    fn followed_by<W: World>(
        &self,
        with: &mut Tools<'_, W>,
        step: Step,
        audience: &Audience,
        grown: &mut Vec<(Audience, Growing)>,
    ) -> Result<(Option<FeedId>, Step), PublishError> {
        let Some(staying) = with.staying(audience) else {
            return Ok((None, step));
        };
        let begun = grown.iter().find(|(one, _)| *one == staying);
        let begun = begun.map(|(_, growing)| growing.feed);
        if let Some(feed) = self.feeds.get(&staying).copied().or(begun) {
            return Ok((Some(feed), step));
        }
        let (step, growing) = self.grow(with, step, staying.clone(), Vec::new())?;
        let feed = growing.feed;
        grown.push((staying, growing));
        Ok((Some(feed), step))
    }
}
