//! What a session received and verified: leaves, bodies, epoch keys, warrants and cards.

use kentong_protocol::MemberName;
use kentong_protocol::feed::{FeedId, Leaf, open_epoch};
use kentong_protocol::sync::{Input as SessionInput, Ledger as _};

use crate::store::{Durably, Step, StoreError};

use super::core::Core;

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
        for (index, (leaf, bytes)) in (from..).zip(leaves) {
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
        if let Some((size, note)) = checkpoint {
            step = step.checkpoint(feed, note, size);
        }
        self.store.commit(step, Durably::Later)?;
        Ok(())
    }

    pub(super) fn store_body(
        &mut self,
        member: &MemberName,
        feed: FeedId,
        index: u64,
        body: Vec<u8>,
    ) -> Result<(), StoreError> {
        if !self.store.lacks(&feed, index) {
            return Ok(()); // Held already: a push crossed a request.
        }
        let applied = self
            .store
            .commit(Step::new().body(feed, index, body), Durably::Later)?;
        for (feed, index, error) in &applied.bad {
            tracing::warn!(peer = %member, ?feed, index, %error, "a body is not what it should be");
            let standing = self.standing.entry(member.clone()).or_default();
            *standing.faults.entry(error.to_string()).or_default() += 1;
        }
        for batch in applied
            .indexed
            .iter()
            .filter(|batch| !batch.refused.is_empty())
        {
            let refused = batch.refused.len();
            tracing::warn!(peer = %member, ?feed, index, refused, "statements were refused");
        }
        Ok(())
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

    /// Takes in a member's newer warrant and card.
    pub(super) fn offer(&mut self, member: &MemberName, warrant: &[u8], card: &[u8]) {
        match self.members.offer(member, warrant, card) {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(peer = %member, "a newer card");
                if let Some(peer) = self.peer(member) {
                    self.each_link(
                        |name| name == member,
                        |_| SessionInput::PeerKeys(peer.clone()),
                    );
                }
                self.admit();
            }
            Err(error) => {
                tracing::warn!(peer = %member, %error, "a warrant or card was refused");
                let standing = self.standing.entry(member.clone()).or_default();
                // The error names what the peer chose, which must not grow a table.
                let fault = "sent a warrant or card that does not fit".to_owned();
                *standing.faults.entry(fault).or_default() += 1;
            }
        }
    }
}
