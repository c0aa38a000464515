//! The start: what was left half done is finished or dropped.

use std::collections::BTreeMap;

use kentong_protocol::feed::{Audience, FeedId};
use kentong_protocol::member::history::{Behind, Compared, compare, open_feeds, to_sign_again};
use kentong_protocol::member::sessions::Input;

use crate::recovery_file;
use crate::signer::Signed;
use crate::store::{Durably, FeedState, Opening, Step, StoreError, Vouched};

use super::RunError;
use super::core::Core;
use super::guard::Ours;
use super::warnings::Warning;

impl Core {
    /// Brings log and signer state together: what is to be done [`compare`] says.
    pub(super) fn recover(&mut self) -> Result<(), RunError> {
        let ours = Ours::of(&self.store, &self.me);
        let repair = match compare(&ours, &self.signer, |feed| self.is_head_signed_by_us(feed)) {
            Compared::OlderHeads => {
                let why = "the log holds more than the signer state says was signed: that is an older copy";
                return self.begin_restored(why.to_owned());
            }
            Compared::OtherHistory(feed) => {
                return Err(RunError::Forked {
                    feed: feed.to_string(),
                });
            }
            Compared::Repair(repair) => repair,
        };
        self.cut(&repair.cut)?;
        let mut step = Step::new();
        for (feed, Signed { size, root }) in repair.sign_again {
            if let Some(checkpoint) = self.checkpoint(feed, size, root) {
                step = step.checkpoint(feed, checkpoint.note().to_vec(), size);
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        self.publisher.open_feeds(self.open_feeds());
        for Behind {
            feed,
            signed,
            is_private,
        } in repair.behind
        {
            if is_private {
                self.publisher.leave(feed);
                self.warn(Warning::PrivateLost { feed, signed });
            } else {
                self.tell_history(|history, now, ours, heads| {
                    history.lost(feed, signed, now, ours, heads)
                });
            }
        }
        if recovery_file::has_begun(&self.home) {
            self.tell_history(|history, _, ours, _| history.load_all(ours));
        }
        Ok(())
    }

    /// Cuts our feeds to so many leaves each.
    pub(super) fn cut(&mut self, feeds: &[(FeedId, u64)]) -> Result<(), StoreError> {
        let cut = |step: Step, (feed, size): &(FeedId, u64)| step.truncate(*feed, *size);
        let step = feeds.iter().fold(Step::new(), cut);
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        Ok(())
    }

    /// Signs the head of our feed that came back under a former key, as far as the signer state has it.
    pub(super) fn sign_anew(&mut self, feed: FeedId) -> Result<(), StoreError> {
        let ours = Ours::of(&self.store, &self.me);
        let signed = to_sign_again(feed, &ours, &self.signer, |feed| {
            self.is_head_signed_by_us(feed)
        });
        if let Some(Signed { size, root }) = signed
            && let Some(checkpoint) = self.checkpoint(feed, size, root)
        {
            let step = Step::new().checkpoint(feed, checkpoint.note().to_vec(), size);
            self.store.commit(step, Durably::Synced)?;
            self.store.set_vouched(feed, Vouched::Present);
            self.tell(Input::Published(feed));
        }
        Ok(())
    }

    /// Whether this node's present key signed the newest checkpoint of a feed.
    fn is_head_signed_by_us(&self, feed: FeedId) -> bool {
        let held = self.store.feeds().get(feed);
        let checkpoint = held.and_then(FeedState::checkpoint);
        checkpoint.is_some_and(|(_, note)| self.keys().signed(note))
    }

    /// Our feeds that grow, for each audience.
    pub(super) fn open_feeds(&self) -> BTreeMap<Audience, FeedId> {
        open_feeds(&Ours::of(&self.store, &self.me), &self.signer)
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
            self.warn(Warning::Rebuilt {
                why: why.clone(),
                set_aside: rebuilt.set_aside.clone(),
            });
        }
    }
}
