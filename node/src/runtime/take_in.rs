//! Loading what came back into the feed for this member alone, from which its own answers come. What is
//! loaded when, history knows; here one batch is read and said again.

use std::collections::BTreeMap;

use kentong_protocol::feed::Audience;
use kentong_protocol::member::history::to_load;
use kentong_protocol::statement::{IndicatorId, Statement};

use crate::store::FeedNo;

use super::core::Core;
use super::publish::PublishError;

impl Core {
    /// Loads the next batch.
    pub(super) fn take_in_on(&mut self) {
        let Some((feed, index)) = self.history.next_to_load() else {
            return;
        };
        let number = self.store.feeds().get(feed).map(|held| held.number());
        let loaded = number.map_or(Ok(0), |feed| self.load(feed, index));
        let loaded = match loaded {
            Ok(count) => Some(count),
            Err(error) => {
                self.release_failed(&error);
                None
            }
        };
        let outputs = self.history.loaded(loaded);
        self.follow(outputs);
    }

    fn load(&mut self, feed: FeedNo, index: u64) -> Result<usize, PublishError> {
        let statements = self.store.batch_statements(feed, index)?;
        let count = self.adopt(statements)?;
        // What this node erased after the copy was made that is its home now it erases again.
        for erasure in self.store.erasures_in(feed, index)? {
            self.erase_again(&erasure)?;
        }
        Ok(count)
    }

    /// Says what this node is known to have said in the feed for itself alone, where that has only what
    /// was said before.
    fn adopt(&mut self, statements: Vec<Statement>) -> Result<usize, PublishError> {
        let mut newer = Vec::new();
        for statement in statements {
            let id = IndicatorId::of(&self.me, &statement.value);
            let entry = self.store.own()?.get(&id).filter(|entry| entry.erased);
            let known = |back: &Statement| self.own_statement(&back.value);
            let next = to_load(statement, entry.map(|entry| entry.revision), known)?;
            newer.extend(next.map(|next| next.encode()));
        }
        let count = newer.len();
        if let Ok(private) = Audience::of(&self.me, []) {
            self.publish(BTreeMap::from([(private, newer)]))?;
        }
        Ok(count)
    }
}
