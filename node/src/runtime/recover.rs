//! The start: what was left half done is finished or dropped.

use std::collections::BTreeMap;

use kentong_protocol::feed::{Audience, FeedId, UnverifiedCheckpoint};
use kentong_protocol::member::heads::Heads as _;

use kentong_protocol::sync::Input as SessionInput;

use crate::recovery_file;
use crate::signer::{Signed, Signer};
use crate::store::{Durably, Opening, Step, StoreError, Vouched};

use super::RunError;
use super::core::Core;
use super::warnings::Subject;

impl Core {
    /// Brings log and signer state together. Own leaves ahead of the signer state were never
    /// acknowledged: they are dropped, and new epochs begin. A checkpoint that is behind it is
    /// signed again, with the same words, and so is one by a former key. Leaves behind it are lost, and asked of readers.
    pub(super) fn recover(&mut self) -> Result<(), RunError> {
        if !self.signer.is_unknown() && self.signer_is_behind() {
            self.signer = Signer::unknown(&self.home.signer_state());
            let why =
                "the log holds more than the signer state says was signed: that is an older copy";
            return self.begin_restored(why.to_owned());
        }
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
            if self.is_ended(feed) {
                continue;
            }
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
            if held
                .checkpoint()
                .is_none_or(|(at, note)| at < size || !self.is_signed_by_us(note))
            {
                resign.push((feed, size, root));
            }
        }
        for (feed, signed) in self.signer.iter() {
            let id = FeedId::from_digest(*feed);
            if self.store.feeds().get(id).is_none() && !signed.is_ended() {
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
        self.feeds = self.open_feeds();
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
        if recovery_file::has_begun(&self.home) {
            self.take_in_all();
        }
        Ok(())
    }

    /// Signs the head of an own feed that came back under a former key, as far as the signer state has it.
    pub(super) fn sign_anew(&mut self, feed: FeedId) -> Result<(), StoreError> {
        let Some(held) = self.store.feeds().get(feed) else {
            return Ok(());
        };
        let ours = held
            .checkpoint()
            .is_some_and(|(_, note)| self.is_signed_by_us(note));
        let signed = self
            .signer
            .get(feed.digest())
            .filter(|signed| !signed.is_ended());
        let whole =
            signed.filter(|signed| held.size() == signed.size && held.tree().root() == signed.root);
        if let Some(Signed { size, root }) = whole
            && !ours
            && let Some(checkpoint) = self.checkpoint(feed, size, root)
        {
            let step = Step::new().checkpoint(feed, checkpoint.note().to_vec(), size);
            self.store.commit(step, Durably::Synced)?;
            self.store.set_vouched(feed, Vouched::Present);
            self.each_link(|_| true, |_| SessionInput::Published(feed));
        }
        Ok(())
    }

    /// Whether this node's present key signed a checkpoint: after a new warrant all are signed anew.
    pub(super) fn is_signed_by_us(&self, note: &[u8]) -> bool {
        let key = self.identity.signing.public_key();
        let note = UnverifiedCheckpoint::parse(note);
        note.is_ok_and(|note| note.verify(&key).is_ok())
    }

    /// The own feeds in which publishing goes on; of several for one audience the one that began last.
    pub(super) fn open_feeds(&self) -> BTreeMap<Audience, FeedId> {
        let own = self.store.feeds().of(&self.me);
        let open =
            own.filter(|held| held.size() > 0 && !held.is_closed() && !self.is_ended(held.id()));
        open.map(|held| (held.genesis().audience.clone(), held.id()))
            .collect()
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
