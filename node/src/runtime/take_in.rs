//! Taking in what came back: into the feed for the member alone, from which its own answers come.
//!
//! Batch by batch, so that the node goes on speaking to others meanwhile. What is released waits for it.

use std::collections::{BTreeMap, VecDeque};

use kentong_protocol::feed::{Audience, FeedId};
use kentong_protocol::statement::{IndicatorId, Said, Statement};

use crate::recovery_file;
use crate::store::{FeedNo, FeedState};

use super::core::Core;
use super::publish::PublishError;

/// What is still to be taken in.
#[derive(Debug, Default)]
pub(super) struct TakingIn {
    batches: VecDeque<(FeedNo, u64)>,
    /// Nothing new is said before: it could be numbered below what is still to be taken in.
    first: bool,
    /// Something could not be taken in; the next start looks again.
    failed: bool,
    adopted: usize,
}

impl TakingIn {
    /// Whether there is something left.
    pub(super) fn is_going_on(&self) -> bool {
        !self.batches.is_empty()
    }

    /// How many batches are left before anything new is said.
    pub(super) fn before_all_else(&self) -> usize {
        if self.first { self.batches.len() } else { 0 }
    }
}

impl Core {
    /// Takes in what all own feeds say that others read, before anything new is said.
    pub(super) fn take_in_all(&mut self) {
        let own = self.store.feeds().of(&self.me);
        let shared: Vec<_> = own
            .filter(|held| !held.is_private())
            .map(FeedState::id)
            .collect();
        self.taking_in.first = true;
        shared.into_iter().for_each(|feed| self.take_in(feed, 0));
        if !self.taking_in.is_going_on() {
            self.taken_in();
        }
    }

    /// Takes in what an own feed says from a leaf on.
    pub(super) fn take_in(&mut self, feed: FeedId, from: u64) {
        if let Some(held) = self.store.feeds().get(feed) {
            let batches = (from..held.size()).map(|index| (held.number(), index));
            self.taking_in.batches.extend(batches);
        }
    }

    /// Takes in the next batch.
    pub(super) fn take_in_on(&mut self) {
        let Some((feed, index)) = self.taking_in.batches.pop_front() else {
            return;
        };
        let adopted = match self.store.batch_statements(feed, index) {
            Ok(statements) => self.adopt(statements),
            Err(error) => Err(error.into()),
        };
        let adopted = adopted.and_then(|count| {
            self.adopt_erasures(feed, index)?;
            Ok(count)
        });
        match adopted {
            Ok(count) => self.taking_in.adopted += count,
            Err(error) => {
                self.taking_in.failed = true;
                self.release_failed(&error);
            }
        }
        if !self.taking_in.is_going_on() {
            self.taken_in();
        }
    }

    /// All that came back stands in the feed for oneself alone.
    fn taken_in(&mut self) {
        let TakingIn {
            failed, adopted, ..
        } = std::mem::take(&mut self.taking_in);
        tracing::info!(adopted, failed, "what came back is taken in");
        if self.guard.lost.is_empty()
            && !failed
            && let Err(error) = recovery_file::end(&self.home)
        {
            tracing::error!(%error, "the next start looks for lost history again");
        }
        self.sweep_all();
    }

    /// Takes what this node is known to have said into the feed for itself alone, where that has only
    /// what was said before. Fields that never leave the node are gone. What was said meanwhile, by a node
    /// that did not know this, is said again: it is the later word and had too low a number.
    fn adopt(&mut self, statements: Vec<Statement>) -> Result<usize, PublishError> {
        let mut newer = Vec::new();
        for statement in statements {
            let id = IndicatorId::of(&self.me, &statement.value);
            let entry = self.store.own()?.get(&id);
            let erased =
                entry.is_some_and(|entry| entry.erased && entry.revision >= statement.revision);
            if erased || matches!(statement.said, Said::Ceased) {
                continue;
            }
            let known = self.own_statement(&statement.value)?;
            if let Some(next) = later_word(known, statement) {
                newer.push(next.encode());
            }
        }
        let count = newer.len();
        if let Ok(private) = Audience::of(&self.me, []) {
            self.publish(BTreeMap::from([(private, newer)]))?;
        }
        Ok(count)
    }

    /// What this node erased after the copy was made that is its home now it erases again.
    fn adopt_erasures(&mut self, feed: FeedNo, index: u64) -> Result<(), PublishError> {
        for erasure in self.store.erasures_in(feed, index)? {
            self.erase_again(&erasure)?;
        }
        Ok(())
    }
}

/// What the feed for oneself alone is to say next, given what it says and what has come back; nothing if
/// it says enough.
fn later_word(known: Option<Statement>, back: Statement) -> Option<Statement> {
    let Some(known) = known else {
        return Some(back);
    };
    if known.revision > back.revision || known.made == back.made && known.revision == back.revision
    {
        return None; // What it released has the time of what it says itself.
    }
    if known.made > back.made {
        let revision = back.revision.next()?;
        return Some(Statement { revision, ..known });
    }
    (known.revision < back.revision).then_some(back)
}

#[cfg(test)]
mod tests {
    use kentong_protocol::bounded::BoundedText;
    use kentong_protocol::indicator::{Kind, Value};
    use kentong_protocol::statement::Revision;
    use kentong_protocol::time::Timestamp;

    use super::*;

    fn said(revision: u32, made: u64) -> Statement {
        Statement {
            value: Value::parse(Kind::Domain, "a.example", &Default::default()).unwrap(),
            revision: Revision::new(revision),
            made: Timestamp::EPOCH.plus(made),
            said: Said::Withdrawn {
                reason: BoundedText::new(format!("at {made}")).unwrap(),
            },
        }
    }

    #[test]
    fn the_later_word_gets_the_higher_number() {
        for (known, back, next) in [
            (None, (3, 10), Some((3, 10))),
            (Some((1, 5)), (3, 10), Some((3, 10))),
            // The same, as it was released.
            (Some((3, 10)), (3, 10), None),
            (Some((4, 20)), (3, 10), None),
            // Said after a restart by who did not know of what has come back.
            (Some((2, 20)), (3, 10), Some((4, 20))),
            (Some((3, 20)), (3, 10), Some((4, 20))),
            (Some((3, 10)), (3, 20), None),
        ] {
            let found = later_word(known.map(|(r, made)| said(r, made)), said(back.0, back.1));
            let found = found.map(|one| (one.revision, one.made));
            let next = next.map(|(r, made)| (Revision::new(r), Timestamp::EPOCH.plus(made)));
            assert_eq!(found, next, "{known:?} {back:?}");
        }
    }
}
