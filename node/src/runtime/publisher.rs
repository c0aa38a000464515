//! What this node says and releases is decided by [`Publisher`]. Here it is lent what it works with, and what
//! follows is done.

use kentong_protocol::feed::{Checkpoint, FeedId};
use kentong_protocol::member::Ground;
use kentong_protocol::member::history::Why;
use kentong_protocol::member::publisher::{Output, Permit, Publisher, Tools, checkpoint};
use kentong_protocol::member::sessions::Input;
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Failure, Reply};

use super::core::{Core, Shipped};
use super::guard::Ours;
use super::warnings::{Subject, Warning};

/// Who is answered when something is durable, and what.
pub(super) type Ticket = (mpsc::Sender<Reply>, Done);

impl Core {
    /// Has the publisher do something, and does what follows.
    pub(super) fn publishing<A>(
        &mut self,
        act: impl FnOnce(&mut Publisher<Ticket>, &mut Tools<'_, Shipped>) -> A,
    ) -> A {
        let (permit, now) = (self.permit(), self.now());
        let keys = self.identity.keys();
        let mut tools = Tools {
            ground: Ground {
                store: &mut self.store,
                members: &self.members,
                keys,
                now,
            },
            heads: &mut self.signer,
            policy: &mut self.policy,
            chance: &mut self.random,
            permit,
        };
        let answer = act(&mut self.publisher, &mut tools);
        for output in self.publisher.take_outputs() {
            self.publisher_did(output);
        }
        answer
    }

    /// What may be published and released now, as history says.
    fn permit(&self) -> Permit {
        match self.history.may_publish() {
            Err(Why::Stopped(why)) => return Permit::Stopped(why.to_owned()),
            Err(_) => return Permit::Nothing,
            Ok(()) => {}
        }
        let ours = Ours::of(&self.store, &self.me);
        if self.history.could_release(self.now().millis, &ours).is_ok() {
            Permit::Release
        } else {
            Permit::Publish
        }
    }

    fn publisher_did(&mut self, output: Output<Ticket>) {
        match output {
            Output::Grown(feed) => self.tell(Input::Published(feed)),
            Output::Closed(feed) => {
                tracing::info!(
                    ?feed,
                    "closed a feed that somebody read who is no longer a member"
                );
            }
            Output::Said((replies, done)) => reply(&replies, Reply::Done(done)),
            Output::NotSaid {
                to: (replies, _),
                why,
                is_open,
            } => {
                let failure = Failure::from(Refused::NotStored {
                    why,
                    unfinished: is_open,
                });
                reply(&replies, Reply::Error(failure));
            }
            Output::Stop(why) => self.halt(why),
            Output::HeldBack => self.history.hold_back(),
            Output::Resumed => drop(self.history.take_held_back()),
            Output::NotReleased(error) => {
                tracing::error!(%error, "own indicators could not be released; it is tried again");
                self.warn(Warning::NotReleased { error });
            }
            Output::AllChecked => self.warnings.settle(&Subject::Release),
        }
    }

    /// Makes durable what waits, answers, and releases it.
    pub(super) fn commit_pending(&mut self) {
        if let Some(said) = self.publishing(Publisher::commit) {
            self.may_release();
            self.publishing(|publisher, with| publisher.release_said(with, &said));
        }
    }

    /// Checks all own indicators for release, batch by batch.
    pub(super) fn sweep_all(&mut self) {
        self.publishing(Publisher::sweep_all);
    }

    /// Checks the next batch of those that are still to be checked.
    pub(super) fn sweep_on(&mut self) {
        self.may_release();
        let held_back = self.history.is_held_back();
        self.publishing(|publisher, with| publisher.sweep_on(with, held_back));
    }

    /// Loads the next batch of what came back.
    pub(super) fn take_in_on(&mut self) {
        let Some((feed, index)) = self.history.next_to_load() else {
            return;
        };
        let loaded = self.publishing(|publisher, with| publisher.load(with, feed, index));
        let outputs = self.history.loaded(loaded);
        self.follow(outputs);
    }

    /// Signs a checkpoint of a feed of ours. The signer state says so already.
    pub(super) fn checkpoint(
        &self,
        feed: FeedId,
        size: u64,
        root: kentong_protocol::Digest,
    ) -> Option<Checkpoint> {
        checkpoint(&self.members, self.identity.keys(), feed, size, root)
    }
}

/// Gives a reply to the one who still waits for it.
fn reply(replies: &mpsc::Sender<Reply>, reply: Reply) {
    // An operator who went away, or reads nothing, does not stop the node.
    drop(replies.try_send(reply));
}
