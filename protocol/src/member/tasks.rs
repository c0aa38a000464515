//! What sessions ask for.

use kentong_keys::{Digest, MemberName};

use crate::bounded::BoundedBytes;
use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::guard::{self, Guard};
use crate::store::StoreError;
use crate::sync::{Now, Task};
use crate::wire::{Claim, Message};

use super::heads::{Heads as _, Signed};
use super::reader::{Back, Leaves, Reader};
use super::{Ground, Lent, Member, Output, Told, World};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// Does what a session asks for.
    pub(super) fn carry_out(
        &mut self,
        link: Id,
        member: &MemberName,
        task: Task,
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        match task {
            Task::Send(message) => self.send(link, Some(message)),
            Task::SendClaim(claim) => {
                if matches!(claim, Claim::Holds(_)) && guard::on(Guard::ReceiptDurable) {
                    self.store.sync()?; // A receipt is for what is on disk.
                }
                self.send(link, Some(Message::Claim(claim.sign(lent.keys.signing))));
            }
            Task::SendCredentials => self.serve_credentials(link, lent.keys.me, lent),
            Task::ServeCredentials(member) => self.serve_credentials(link, &member, lent),
            Task::ServePaper(hash) => self.serve_paper(link, &hash),
            Task::TakePaper(paper) => {
                self.outputs.push(Output::KeepPaper(member.clone(), paper));
            }
            Task::ServeLeaves {
                feed,
                from,
                following,
            } => {
                let outputs = self.on_ground(lent, |_, ground| {
                    Reader::serve_leaves(ground, feed, from, &following)
                });
                self.follow_reader(Some(link), outputs, lent.now);
            }
            Task::ServeBody { feed, index } => {
                let message =
                    self.on_ground(lent, |_, ground| Reader::serve_body(ground, feed, index));
                self.send(link, Some(message));
            }
            Task::ServeEpoch { feed, epoch } => {
                self.serve_epoch(link, member, (feed, epoch), lent)?;
            }
            Task::StoreLeaves {
                feed,
                from,
                leaves,
                checkpoint,
            } => {
                let came = Leaves {
                    feed,
                    from,
                    leaves,
                    checkpoint,
                };
                self.store_leaves(came, lent)?;
            }
            Task::Void { feed, from } => {
                self.told(Told::Void(feed, from));
                self.on_ground(lent, |_, ground| Reader::void(ground, feed, from))?;
            }
            Task::StoreBody { feed, index, body } => {
                self.store_body(member, (feed, index), body, lent)?;
            }
            Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                let outputs = self.on_ground(lent, |_, ground| {
                    Reader::store_epoch(ground, (feed, epoch), (&key_id, &sealed))
                })?;
                self.follow_reader(None, outputs, lent.now);
            }
            Task::Offer { warrant, card } => self.offered(member, &warrant, &card, lent),
            Task::Close(ended) => {
                self.told(Told::Ended(member.clone(), ended));
                self.outputs.push(Output::Close(link));
            }
        }
        Ok(())
    }

    pub(super) fn send(&mut self, link: Id, message: Option<Message>) {
        let output = message.map(|message| Output::Send(link, message));
        self.outputs.extend(output);
    }

    fn serve_credentials(&mut self, link: Id, member: &MemberName, lent: &Lent<'_>) {
        let message = self.on_ground(lent, |_, ground| Reader::serve_credentials(ground, member));
        self.send(link, message);
    }

    /// Sends a document of the charter, unless it is no longer held.
    fn serve_paper(&mut self, link: Id, hash: &Digest) {
        let held = self.members.papers();
        let bytes = held.and_then(|held| held.get(hash));
        let bytes = bytes.and_then(|bytes| BoundedBytes::new(bytes.to_vec()).ok());
        self.send(link, bytes.map(Message::Paper));
    }

    fn serve_epoch(
        &mut self,
        link: Id,
        member: &MemberName,
        epoch: (FeedId, u32),
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        let ground = Ground::<W> {
            store: &mut self.store,
            members: &self.members,
            keys: lent.keys,
            now: lent.now,
        };
        let message = Reader::serve_epoch(&ground, member, epoch, &mut *lent.chance)?;
        self.send(link, message);
        Ok(())
    }

    fn store_body(
        &mut self,
        from: &MemberName,
        (feed, index): (FeedId, u64),
        body: Vec<u8>,
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        let outputs = self.on_ground(lent, |reader, ground| {
            reader.store_body(ground, (feed, index), body)
        })?;
        self.follow_reader(None, outputs, lent.now);
        self.came_back(feed, lent);
        self.told_if_whole(from);
        Ok(())
    }

    /// Before a head of our feed that came back from a reader is stored, the heads know it.
    fn store_leaves(&mut self, came: Leaves, lent: &mut Lent<'_>) -> Result<(), StoreError> {
        if let Some(note) = came.head_of_ours(&self.store)
            && let Err(error) = self.head_of_ours_came(note, lent)
        {
            self.stop(error);
            return Ok(());
        }
        let stored = self.on_ground(lent, |reader, ground| reader.store_leaves(ground, came))?;
        self.follow_reader(None, stored.outputs, lent.now);
        if let Some(Back { feed, reached }) = stored.back {
            if reached {
                self.sign_again(feed, lent)?;
            }
            self.came_back(feed, lent);
        }
        Ok(())
    }

    fn head_of_ours_came(&mut self, note: &[u8], lent: &Lent<'_>) -> Result<(), String> {
        let key = lent.keys.signing.public_key();
        let checkpoint = UnverifiedCheckpoint::parse(note).and_then(|note| note.verify(&key));
        let Ok(checkpoint) = checkpoint else {
            return Ok(()); // The session has verified it.
        };
        let head = Signed {
            size: checkpoint.size(),
            root: *checkpoint.root(),
        };
        let feed = checkpoint.origin().feed;
        match self.history.head_came(feed, head, &self.heads) {
            Some(swap) => self.heads.swap_all(&[swap]).map_err(|why| why.to_string()),
            None => Ok(()),
        }
    }

    /// A member's data could not be stored or read: its link ends.
    pub(super) fn or_hindered(
        &mut self,
        (link, member): (Id, MemberName),
        done: Result<(), StoreError>,
        now: Now,
    ) {
        let Err(error) = done else { return };
        self.ended(link, now);
        self.hindered.insert(member.clone());
        self.told(Told::Hindered(member, error));
        self.outputs.push(Output::Close(link));
    }

    fn told_if_whole(&mut self, member: &MemberName) {
        if !self.hindered.contains(member) {
            return;
        }
        let mut feeds = self.store.feeds().of(member);
        let lacks = feeds.any(|feed| feed.missing_count() > 0);
        drop(feeds);
        if !lacks && self.hindered.remove(member) {
            self.told(Told::Whole(member.clone()));
        }
    }
}
