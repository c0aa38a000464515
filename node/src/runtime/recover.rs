//! The start: what was left half done is finished or dropped.

use kentong_protocol::feed::FeedId;

use crate::signer::Signed;
use crate::store::{Durably, Opening, Step};

use super::RunError;
use super::core::Core;
use super::warnings::Subject;

impl Core {
    /// Brings log and signer state together. Own leaves ahead of the signer state were never
    /// acknowledged: they are dropped, and new epochs begin. A checkpoint that is behind it is
    /// signed again, with the same words. Leaves behind it are lost, and asked of readers.
    pub(super) fn recover(&mut self) -> Result<(), RunError> {
        let mut step = Step::new();
        let mut resign = Vec::new();
        // The log was lost or replaced by an older copy, and the signer state was not.
        let mut behind = Vec::new();
        for held in self.store.feeds().of(&self.me) {
            let feed = held.id();
            let signed = self.signer.get(feed.digest());
            let Some(Signed { size, root }) = signed else {
                step = step.truncate(feed, 0);
                continue;
            };
            match held.tree().root_at(size) {
                None => {
                    behind.push((feed, size, held.is_private()));
                    continue;
                }
                Some(held) if held != root => {
                    return Err(RunError::Forked {
                        feed: feed.to_string(),
                    });
                }
                Some(_) => {}
            }
            if held.size() > size {
                step = step.truncate(feed, size);
            }
            if held.checkpoint().is_none_or(|(at, _)| at < size) {
                resign.push((feed, size, root));
            }
        }
        for (feed, signed) in self.signer.iter() {
            let id = FeedId::from_digest(*feed);
            if self.store.feeds().get(id).is_none() {
                behind.push((id, signed.size, false));
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        let mut step = Step::new();
        for (feed, size, root) in resign {
            if let Some(checkpoint) = self.checkpoint(feed, size, root) {
                step = step.checkpoint(feed, checkpoint.note().to_vec(), size);
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        let open = self.store.feeds().of(&self.me);
        let open = open.filter(|held| held.size() > 0 && !held.is_closed());
        self.feeds = open
            .map(|held| (held.genesis().audience.clone(), held.id()))
            .collect();
        for (feed, signed, private) in behind {
            if private {
                self.feeds.retain(|_, open| *open != feed);
                let warning = format!(
                    "the log lacks what this node signed for itself alone ({signed} leaves of feed \
                     {feed}): it is an older copy. Nobody else has that; it goes on in a new feed"
                );
                self.warn(Subject::Start, warning);
            } else {
                self.lost(feed, signed, 0);
            }
        }
        Ok(())
    }

    /// Tells the operator what the opening of the store came upon.
    pub(super) fn report(&mut self, opening: &Opening) {
        if opening.cut_bytes > 0 {
            tracing::warn!(
                bytes = opening.cut_bytes,
                "cut what a crash had left half written"
            );
        }
        if let Some(rebuilt) = &opening.rebuilt {
            let why = &rebuilt.why;
            tracing::warn!(%why, "the derived state was rebuilt from the log");
            let aside = rebuilt.set_aside.as_ref().map(|aside| {
                format!(
                    "; the old one lies in {} and may be deleted",
                    aside.display()
                )
            });
            let aside = aside.unwrap_or_default();
            let warning = format!("the derived state was rebuilt from the log: {why}{aside}");
            self.warn(Subject::Start, warning);
        }
    }
}
