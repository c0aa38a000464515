//! What a session serves its member: leaves, bodies, epoch keys sealed anew, warrant and card.

use kentong_protocol::bounded::BoundedBytes;
use kentong_protocol::feed::FeedId;
use kentong_protocol::member::sessions::Input;
use kentong_protocol::sync::leaves_message;
use kentong_protocol::wire::Message;
use kentong_protocol::{Digest, MemberName};

use crate::net::LinkId;
use crate::store::StoreError;

use super::core::Core;

impl Core {
    pub(super) fn send_credentials(&mut self, link: LinkId) {
        let warrant = BoundedBytes::new(self.identity.warrant.note().bytes().to_vec());
        let card = BoundedBytes::new(self.identity.card.note().bytes().to_vec());
        if let (Ok(warrant), Ok(card)) = (warrant, card) {
            self.send(link, &Message::Credentials { warrant, card });
        }
    }

    /// Sends the newest warrant and card of any member.
    pub(super) fn serve_credentials(&mut self, link: LinkId, member: &MemberName) {
        if *member == self.me {
            self.send_credentials(link);
            return;
        }
        let Some((warrant, Some(card))) = self.members.credentials(member) else {
            return;
        };
        let warrant = BoundedBytes::new(warrant.note().bytes().to_vec());
        let card = BoundedBytes::new(card.note().bytes().to_vec());
        if let (Ok(warrant), Ok(card)) = (warrant, card) {
            self.send(link, &Message::Credentials { warrant, card });
        }
    }

    /// Sends a paper, unless it is not held any more.
    pub(super) fn serve_paper(&mut self, link: LinkId, hash: &Digest) {
        let papers = self.members.papers();
        let paper = papers.and_then(|papers| papers.get(hash));
        if let Some(Ok(paper)) = paper.map(|paper| BoundedBytes::new(paper.to_vec())) {
            self.send(link, &Message::Paper(paper));
        }
    }

    pub(super) fn serve_leaves(
        &mut self,
        id: LinkId,
        feed: FeedId,
        from: u64,
        following: &[u64],
    ) -> Result<(), StoreError> {
        let Some(view) = self.store.view(&feed) else {
            return Ok(());
        };
        let read = |index| self.store.leaf(feed, index).ok();
        let Some(made) = leaves_message(feed, &view, from, following, read) else {
            return Ok(());
        };
        let until = from + made.leaves.len() as u64;
        let following = made.following.clone();
        self.send(id, &Message::Leaves(Box::new(made)));
        for index in following.iter() {
            self.serve_body(id, feed, *index);
        }
        self.tell(Input::SentLeaves {
            link: id,
            feed,
            until,
        });
        Ok(())
    }

    pub(super) fn serve_body(&mut self, id: LinkId, feed: FeedId, index: u64) {
        let body = self
            .store
            .body(feed, index)
            .ok()
            .and_then(|body| BoundedBytes::new(body).ok());
        let message = match body {
            Some(body) => Message::Body { feed, index, body },
            None => Message::NoBody { feed, index },
        };
        self.send(id, &message);
    }

    pub(super) fn serve_epoch(
        &mut self,
        id: LinkId,
        member: &MemberName,
        feed: FeedId,
        epoch: u32,
    ) -> Result<(), StoreError> {
        let key = self.store.epoch_key(feed, epoch)?;
        let (Some(key), Some(charter)) = (key, self.members.charter()) else {
            return Ok(());
        };
        let Some(to) = self.sealing_key(member) else {
            return Ok(());
        };
        let (federation, key_id) = (*charter.id().digest(), to.id());
        let sealed = kentong_protocol::feed::rewrap(&key, &federation, feed, epoch, member, to);
        if let Some(sealed) = sealed {
            let message = Message::Rewrap {
                feed,
                epoch,
                key_id,
                sealed,
            };
            self.send(id, &message);
        }
        Ok(())
    }

    /// The key to seal to for a member: this node's own newest for itself.
    pub(super) fn sealing_key(&self, member: &MemberName) -> Option<&kentong_keys::SealingKey> {
        if *member == self.me {
            return self
                .identity
                .sealing
                .last()
                .map(kentong_keys::SealingSecret::public);
        }
        self.members.sealing_key(member)
    }
}
