//! What a session received and verified: leaves, bodies, epoch keys, warrants and cards.

use kentong_keys::{SealedEpochKey, SealingKeyId};
use kentong_protocol::MemberName;
use kentong_protocol::directory::Directory;
use kentong_protocol::feed::{FeedId, Leaf};
use kentong_protocol::member::reader::{Leaves, Reader, Warrants};
use kentong_protocol::member::sessions::{Input, Whom};

use crate::store::StoreError;

use super::core::Core;
use super::regard::Rule;

impl Core {
    pub(super) fn store_leaves(
        &mut self,
        feed: FeedId,
        from: u64,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: Option<(u64, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let came = Leaves {
            feed,
            from,
            leaves,
            checkpoint,
        };
        if let Some(note) = came.head_of_ours(&self.store)
            && let Err(error) = self.own_head_came(note)
        {
            self.halt(error.to_string());
            return Ok(());
        }
        let outputs = self.read(|reader, ground| reader.store_leaves(ground, came))?;
        self.follow_reader(outputs)
    }

    pub(super) fn store_body(
        &mut self,
        feed: FeedId,
        index: u64,
        body: Vec<u8>,
    ) -> Result<(), StoreError> {
        let outputs = self.read(|reader, ground| reader.store_body(ground, (feed, index), body))?;
        self.follow_reader(outputs)
    }

    /// Goes on with opening bodies whose key came after them, for a little.
    pub(super) fn open_on(&mut self) {
        let outputs = self.read(|_, ground| Reader::open_on(ground));
        self.tell_what_reader_says(outputs);
    }

    pub(super) fn store_epoch(
        &mut self,
        feed: FeedId,
        epoch: u32,
        rewrapped: (&SealingKeyId, &SealedEpochKey),
    ) -> Result<(), StoreError> {
        let outputs =
            self.read(|_, ground| Reader::store_epoch(ground, (feed, epoch), rewrapped))?;
        self.follow_reader(outputs)
    }

    /// Accepts a newer warrant and card of any member, and passes them on.
    pub(super) fn offer(&mut self, from: &MemberName, warrant: &[u8], card: &[u8]) {
        let member = Directory::whose(warrant);
        let before = Warrants::of(&self.members);
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
