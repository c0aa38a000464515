//! What sessions ask for is done here.

use kentong_protocol::MemberName;
use kentong_protocol::sync::{Ended, Task};
use kentong_protocol::wire::{Claim, Message};

use crate::net::LinkId;
use crate::store::StoreError;

use super::core::Core;
use super::regard::NoLink;

impl Core {
    /// Does what a session asks for.
    pub(super) fn carry_out(
        &mut self,
        id: LinkId,
        member: &MemberName,
        task: Task,
    ) -> Result<(), StoreError> {
        match task {
            Task::Send(message) => self.send(id, &message),
            Task::SendClaim(claim) => {
                if matches!(claim, Claim::Holds(_)) {
                    self.store.sync()?; // A receipt is for what is on disk.
                }
                self.send(id, &Message::Claim(claim.sign(&self.identity.signing)));
            }
            Task::SendCredentials => self.send_credentials(id),
            Task::ServePaper(hash) => self.serve_paper(id, &hash),
            Task::ServeCredentials(member) => self.serve_credentials(id, &member),
            Task::TakePaper(paper) => self.take_paper(member, paper),
            Task::ServeLeaves {
                feed,
                from,
                following,
            } => {
                self.serve_leaves(id, feed, from, &following)?;
            }
            Task::ServeBody { feed, index } => self.serve_body(id, feed, index),
            Task::ServeEpoch { feed, epoch } => self.serve_epoch(id, member, feed, epoch)?,
            Task::StoreLeaves {
                feed,
                from,
                leaves,
                checkpoint,
            } => {
                self.store_leaves(feed, from, leaves, checkpoint)?;
            }
            Task::Void { feed, from } => {
                self.void(feed, from)?;
            }
            Task::StoreBody { feed, index, body } => {
                self.store_body(feed, index, body)?;
                self.came_back(feed);
                self.no_longer_hindered(member);
            }
            Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                self.store_epoch(feed, epoch, (&key_id, &sealed))?;
            }
            Task::Offer { warrant, card } => self.offer(member, &warrant, &card),
            Task::Close(ended) => {
                if let Ended::ByPeer(bye) = ended {
                    let standing = self.standing.entry(member.clone()).or_default();
                    standing.why = Some(NoLink::Goodbye(bye));
                }
                self.close(id);
            }
        }
        Ok(())
    }
}
