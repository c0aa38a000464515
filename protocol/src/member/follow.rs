//! What follows from what one part did, at the others and in the world.

use crate::feed::FeedId;
use crate::store::StoreError;
use crate::sync::Now;
use crate::time::Moment;

use super::history::{self, Why, open_feeds};
use super::publisher::{self, Permit, Publisher};
use super::sessions::Input;
use super::{Lent, Member, Ours, Output, Told, World, reader};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// What may be published and released now, as history says.
    pub(super) fn permit(&self, now: Now) -> Permit {
        if !self.has_begun {
            return Permit::Nothing; // Log and heads were not compared yet.
        }
        match self.history.may_publish() {
            Err(Why::Stopped(why)) => return Permit::Stopped(why.to_owned()),
            Err(_) => return Permit::Nothing,
            Ok(()) => {}
        }
        match self.history.could_release(now.moment, &self.ours()) {
            Ok(()) => Permit::Release,
            Err(_) => Permit::Publish,
        }
    }

    /// Whether releases may continue, which ends the wait for a reader if its time is over. To be asked where
    /// something is released, once all that came before has been looked at.
    pub(super) fn may_release(&mut self, lent: &mut Lent<'_>) -> bool {
        let ours = Ours::of(&self.store);
        match self.history.may_release(lent.now.moment, &ours) {
            Ok(outputs) => {
                self.follow_history(outputs, lent);
                true
            }
            Err(_) => false,
        }
    }

    pub(super) fn follow_publisher(&mut self, output: publisher::Output<T>, now: Now) {
        match output {
            publisher::Output::Grown(feed) => self.tell(Input::Published(feed), now),
            publisher::Output::Closed(feed) => self.told(Told::Closed(feed)),
            publisher::Output::Said(to) => self.outputs.push(Output::Said(to)),
            publisher::Output::NotSaid { to, why, is_open } => {
                self.outputs.push(Output::NotSaid { to, why, is_open });
            }
            publisher::Output::Stop(why) => self.stop(why),
            publisher::Output::HeldBack => self.history.hold_back(),
            publisher::Output::Resumed => drop(self.history.take_held_back()),
            publisher::Output::NotReleased(why) => self.told(Told::NotReleased(why)),
            publisher::Output::AllChecked => self.told(Told::AllChecked),
        }
    }

    /// Does what the reader says, on the link that asked for it if one did.
    pub(super) fn follow_reader(
        &mut self,
        link: Option<Id>,
        outputs: Vec<reader::Output>,
        now: Now,
    ) {
        for output in outputs {
            match output {
                reader::Output::Serve(message) => {
                    if let Some(link) = link {
                        self.send(link, Some(message));
                    }
                }
                reader::Output::SentLeaves { feed, until } => {
                    if let Some(link) = link {
                        self.tell(Input::SentLeaves { link, feed, until }, now);
                    }
                }
                reader::Output::Reassigned(feed) => self.tell(Input::Reassigned(feed), now),
                reader::Output::Head(feed) => self.tell(Input::Head(feed), now),
                reader::Output::Changed => self.tell(Input::Changed, now),
                reader::Output::PassOn(evidence) => self.tell(Input::Evidence(evidence), now),
                reader::Output::KeepEvidence(evidence) => {
                    self.outputs.push(Output::KeepEvidence(evidence));
                }
                reader::Output::Found(found) => self.told(Told::Received(found)),
                reader::Output::Stop(why) => self.stop(why),
            }
        }
    }

    pub(super) fn follow_history(&mut self, outputs: Vec<history::Output>, lent: &mut Lent<'_>) {
        for output in outputs {
            match output {
                history::Output::Mark => self.outputs.push(Output::Mark),
                history::Output::Unmark => self.outputs.push(Output::Unmark),
                history::Output::Leave(feed) => self.publisher.leave(feed),
                history::Output::Resume { audience, feed } => {
                    self.publisher.resume(audience, feed);
                }
                history::Output::OpenFeeds => self.open_feeds(),
                history::Output::CosignAll => self.cosign_all(lent),
                history::Output::ReleaseAll => self.publishing(lent, Publisher::sweep_all),
                history::Output::Loaded { statements, failed } => {
                    self.told(Told::Loaded { statements, failed });
                }
                history::Output::Warn(warning) => self.told(Told::History(warning)),
                history::Output::Settle(about) => self.told(Told::Over(about)),
            }
        }
    }

    /// Our feeds that grow are those that history says.
    pub(super) fn open_feeds(&mut self) {
        let open = open_feeds(&self.ours(), &self.heads);
        self.publisher.open_feeds(open);
    }

    /// Something of a feed came back.
    pub(super) fn came_back(&mut self, feed: FeedId, lent: &mut Lent<'_>) {
        let ours = Ours::of(&self.store);
        let outputs = self
            .history
            .came_back(feed, lent.now.moment, &ours, &self.heads);
        self.follow_history(outputs, lent);
    }

    /// Nothing is published until the next start: what is stored and what is signed may differ.
    pub(super) fn stop(&mut self, why: String) {
        self.history.stop(why.clone());
        self.told(Told::Stopped(why));
    }

    /// Cosigns and shows the heads that are due, and asks again for what nobody gave.
    pub(super) fn relay_on(&mut self, lent: &Lent<'_>) {
        // While readers are asked what was signed last it is not known what was cosigned either.
        let may_cosign = self.history.asking().is_none();
        self.reading(lent, |reader, ground| reader.relay_on(ground, may_cosign));
    }

    /// Cosigns all heads of others that are held, if it is known what was cosigned last.
    pub(super) fn cosign_all(&mut self, lent: &Lent<'_>) {
        if self.history.asking().is_none() {
            self.on_ground(lent, |reader, ground| reader.cosign_all(ground));
        }
    }

    /// Loads the next batch of what came back.
    pub(super) fn load_on(&mut self, lent: &mut Lent<'_>) {
        if let Some((feed, index)) = self.history.next_to_load() {
            let loaded = self.publishing(lent, |publisher, with| publisher.load(with, feed, index));
            let outputs = self.history.loaded(loaded);
            self.follow_history(outputs, lent);
        }
    }

    /// Writes the receipts that are due at this moment.
    pub(super) fn store_receipts(&mut self, now: Moment) -> Result<(), StoreError> {
        self.receipts.store(&mut self.store, now)
    }

    /// The same, tried again at the next tick if it fails.
    pub(super) fn keep_receipts(&mut self, now: Moment) {
        if let Err(error) = self.store_receipts(now) {
            self.told(Told::ReceiptsNotStored(error));
        }
    }
}
