//! Loading what came back into the feed for this member alone, from which its own answers come. What is
//! loaded when, history knows; here one batch is read and said again.

use std::collections::BTreeMap;

use crate::feed::{Audience, FeedId};
use crate::guard::{self, Guard};
use crate::statement::{IndicatorId, Statement};
use crate::store::FeedNo;

use super::super::World;
use super::{PublishError, Publisher, Tools, to_load};

impl<T> Publisher<T> {
    /// Loads a batch of a feed of ours; answers how many of its statements were news, or nothing if that
    /// failed.
    pub fn load<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        feed: FeedId,
        index: u64,
    ) -> Option<usize> {
        let held = with.ground.store.feeds().get(feed);
        let number = held.map(|held| held.number());
        match number.map_or(Ok(0), |feed| self.load_batch(with, feed, index)) {
            Ok(count) => Some(count),
            Err(error) => {
                self.release_failed(with, &error);
                None
            }
        }
    }

    fn load_batch<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        feed: FeedNo,
        index: u64,
    ) -> Result<usize, PublishError> {
        let statements = with.ground.store.batch_statements(feed, index)?;
        let count = self.adopt(with, statements)?;
        // What this node erased after the copy was made that is its home now it erases again.
        for erasure in with.ground.store.erasures_in(feed, index)? {
            self.erase_again(with, &erasure)?;
        }
        Ok(count)
    }

    /// Says what this node is known to have said in the feed for itself alone, where that has only what
    /// was said before.
    fn adopt<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        statements: Vec<Statement>,
    ) -> Result<usize, PublishError> {
        let mut newer = Vec::new();
        let store = &*with.ground.store;
        for statement in statements {
            let id = IndicatorId::of(with.me(), &statement.value);
            let entry = store.own()?.get(&id).filter(|entry| entry.erased);
            let known = |back: &Statement| store.own_statement(&back.value);
            let next = to_load(statement, entry.map(|entry| entry.revision), known)?;
            newer.extend(next.map(|next| next.encode()));
        }
        if !guard::on(Guard::BackIsLoaded) {
            newer.clear();
        }
        let count = newer.len();
        if let Ok(private) = Audience::of(with.me(), []) {
            self.publish(with, BTreeMap::from([(private, newer)]))?;
        }
        Ok(count)
    }
}
