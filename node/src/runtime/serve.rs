//! What a session serves its member is sent on its link.

use kentong_protocol::bounded::BoundedBytes;
use kentong_protocol::feed::FeedId;
use kentong_protocol::member::reader::Reader;
use kentong_protocol::wire::Message;
use kentong_protocol::{Digest, MemberName};

use crate::net::LinkId;
use crate::store::StoreError;

use super::core::Core;

impl Core {
    fn serve(&mut self, link: LinkId, message: Option<Message>) {
        if let Some(message) = message {
            self.send(link, &message);
        }
    }

    pub(super) fn send_credentials(&mut self, link: LinkId) {
        let me = self.me.clone();
        self.serve_credentials(link, &me);
    }

    /// Sends the newest warrant and card of any member.
    pub(super) fn serve_credentials(&mut self, link: LinkId, member: &MemberName) {
        let message = self.read(|_, ground| Reader::serve_credentials(ground, member));
        self.serve(link, message);
    }

    /// Sends a document of the charter, unless it is no longer held.
    pub(super) fn serve_paper(&mut self, link: LinkId, hash: &Digest) {
        let held = self.members.papers();
        let bytes = held.and_then(|held| held.get(hash));
        let bytes = bytes.and_then(|bytes| BoundedBytes::new(bytes.to_vec()).ok());
        self.serve(link, bytes.map(Message::Paper));
    }

    pub(super) fn serve_leaves(
        &mut self,
        link: LinkId,
        feed: FeedId,
        from: u64,
        following: &[u64],
    ) -> Result<(), StoreError> {
        let outputs = self.read(|_, ground| Reader::serve_leaves(ground, feed, from, following));
        self.answer_reader(Some(link), outputs)
    }

    pub(super) fn serve_body(&mut self, link: LinkId, feed: FeedId, index: u64) {
        let message = self.read(|_, ground| Reader::serve_body(ground, feed, index));
        self.send(link, &message);
    }

    pub(super) fn serve_epoch(
        &mut self,
        link: LinkId,
        member: &MemberName,
        feed: FeedId,
        epoch: u32,
    ) -> Result<(), StoreError> {
        let mut chance = self.random;
        let message =
            self.read(|_, ground| Reader::serve_epoch(ground, member, (feed, epoch), &mut chance))?;
        self.serve(link, message);
        Ok(())
    }
}
