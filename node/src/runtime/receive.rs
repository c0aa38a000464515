//! What a session received and verified: leaves, bodies, epoch keys, warrants and cards.

use kentong_protocol::MemberName;
use kentong_protocol::directory::Directory;
use kentong_protocol::feed::{FeedId, Leaf, open_epoch};
use kentong_protocol::member::sessions::{Input, Whom};

use crate::store::{Applied, Durably, Step, StoreError, Vouched};

use super::core::Core;
use super::regard::Rule;
use super::warnings::Warning;

impl Core {
    pub(super) fn store_leaves(
        &mut self,
        feed: FeedId,
        from: u64,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: Option<(u64, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let federation = self.members.charter().map(|charter| *charter.id().digest());
        let mut step = Step::new();
        let mut own = self
            .publisher(feed)
            .is_some_and(|publisher| publisher == self.me);
        for (index, (leaf, bytes)) in (from..).zip(leaves) {
            if let Leaf::Genesis(genesis) = &leaf {
                own = genesis.publisher == self.me;
            }
            step = step.leaf(feed, index, bytes);
            let (Leaf::Epoch(epoch), Some(federation)) = (leaf, federation) else {
                continue;
            };
            let secrets = &self.identity.sealing;
            match open_epoch(&epoch, &federation, feed, &self.me, secrets) {
                Ok(key) => step = step.epoch_key(feed, epoch.epoch, &key),
                Err(error) => {
                    tracing::warn!(?feed, epoch = epoch.epoch, %error, "asking for it anew");
                }
            }
        }
        let reached = checkpoint.is_some();
        if let Some((size, note)) = checkpoint {
            if own && let Err(error) = self.own_head_came(&note) {
                self.halt(error.to_string());
                return Ok(());
            }
            step = step.checkpoint(feed, note, size);
        }
        let durably = if own { Durably::Synced } else { Durably::Later };
        self.store.commit(step, durably)?;
        if reached && own {
            self.weigh_own();
            self.sign_anew(feed)?;
        } else if reached {
            self.store.set_vouched(feed, Vouched::Present);
        }
        if own {
            self.came_back(feed);
        } else if reached {
            self.relay.stored(feed, self.now().millis);
        }
        Ok(())
    }

    pub(super) fn store_body(
        &mut self,
        feed: FeedId,
        index: u64,
        body: Vec<u8>,
    ) -> Result<(), StoreError> {
        if !self.store.lacks(&feed, index) {
            return Ok(()); // Held already: a push crossed a request.
        }
        if !self.is_to_keep(feed, index, &body)? {
            return Ok(()); // It stays missing, and is fetched when there is room.
        }
        let step = Step::new().body(feed, index, body);
        let applied = self.store.commit(step, Durably::Later)?;
        self.opened(&applied);
        Ok(())
    }

    /// Goes on with opening bodies whose key came after them, for a little.
    pub(super) fn open_on(&mut self) {
        if !self.store.has_waiting() {
            return;
        }
        match self.store.open_waiting() {
            Ok(applied) => self.opened(&applied),
            Err(error) => {
                tracing::error!(%error, "bodies that wait for their key could not be opened");
                let error = error.to_string();
                self.warn(Warning::NotOpened { error });
            }
        }
        if !self.store.has_waiting() {
            self.tell(Input::Changed); // There are receipts to give.
        }
    }

    /// Tells what was wrong with bodies that were opened, and whose they were.
    fn opened(&mut self, applied: &Applied) {
        let wall = self.wall();
        for (feed, index, error) in &applied.bad {
            let Some(publisher) = self.publisher(*feed) else {
                continue;
            };
            tracing::warn!(peer = %publisher, ?feed, index, %error, "a body is not what it should be");
            let standing = self.standing.entry(publisher).or_default();
            standing.blame(Rule::Body(*error), wall);
        }
        for batch in &applied.indexed {
            let (feed, index, refused) = (batch.feed, batch.index, batch.refused.len());
            if refused > 0
                && let Some(publisher) = self.publisher(feed)
            {
                tracing::warn!(peer = %publisher, ?feed, index, refused, "statements were refused");
            }
        }
    }

    fn publisher(&self, feed: FeedId) -> Option<MemberName> {
        let held = self.store.feeds().get(feed)?;
        Some(held.genesis().publisher.clone())
    }

    pub(super) fn store_epoch(
        &mut self,
        member: &MemberName,
        feed: FeedId,
        epoch: u32,
        key_id: &kentong_keys::SealingKeyId,
        sealed: &kentong_keys::SealedEpochKey,
    ) -> Result<(), StoreError> {
        let federation = self.members.charter().map(|charter| *charter.id().digest());
        let leaf = self
            .store
            .feeds()
            .get(feed)
            .and_then(|feed| feed.epochs().get(&epoch))
            .copied();
        let (Some(federation), Some(leaf)) = (federation, leaf) else {
            return Ok(());
        };
        let bytes = self.store.leaf(feed, leaf.index)?;
        let Ok(Leaf::Epoch(leaf)) = Leaf::decode(&bytes) else {
            return Ok(());
        };
        let secrets = &self.identity.sealing;
        let opened = leaf.open_rewrapped((key_id, sealed), &federation, feed, &self.me, secrets);
        match opened {
            Ok(key) => {
                let step = Step::new().epoch_key(feed, epoch, &key);
                self.store.commit(step, Durably::Later)?;
            }
            Err(error) => {
                tracing::warn!(peer = %member, ?feed, epoch, %error, "a key that was sealed anew");
            }
        }
        Ok(())
    }

    /// Takes in a newer warrant and card of any member, and passes them on.
    pub(super) fn offer(&mut self, from: &MemberName, warrant: &[u8], card: &[u8]) {
        let member = Directory::whose(warrant);
        let before = self.warrants();
        let offered = member.and_then(|member| {
            let news = self.members.offer(&member, warrant, card)?;
            Ok((member, news))
        });
        match offered {
            Ok((_, false)) => {}
            Ok((member, true)) => {
                tracing::info!(peer = %from, %member, "a newer card");
                let now = self.now().millis;
                super::members::keep(&mut self.members, &self.home, now);
                self.look_for_new_keys(&before);
                if let Some(peer) = self.peer(&member) {
                    self.tell(Input::PeerKeys(peer));
                }
                self.admit();
                self.tell(Input::Papers(Whom::All));
                // Its feeds may have been sealed without it, for want of a card.
                self.sweep_all();
            }
            Err(error) => {
                tracing::warn!(peer = %from, %error, "a warrant or card was refused");
                let wall = self.wall();
                let standing = self.standing.entry(from.clone()).or_default();
                standing.blame(Rule::Credentials, wall);
            }
        }
    }
}
