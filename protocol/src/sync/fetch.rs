//! Getting from a peer what it has and this node may read.

mod expected;

use core::time::Duration;
use std::collections::BTreeMap;

use kentong_keys::{SealedEpochKey, SealingKeyId};

use crate::bounded::BoundedVec;
use crate::feed::{BatchLeaf, FeedId};
use crate::time::Moment;
use crate::wire::{MAX_WANTED, Message};

use super::exchange::{News, Output, Task};
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::Now;
use super::session::Session;

use expected::{Deadline, ExpectedBodies};

/// What was asked for and is not there yet.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Leaves asked for: from which index on, and until when they must come.
    leaves: BTreeMap<FeedId, (u64, Deadline)>,
    /// Bodies asked for or announced.
    bodies: ExpectedBodies,
    /// Below which index of a feed each missing body was asked for in this session: what the peer
    /// says it does not have is not asked for again, nor looked up.
    looked: BTreeMap<FeedId, u64>,
    /// Epoch keys asked for, each with the moment from which no answer is waited for: a peer that
    /// has no key says nothing.
    epochs: BTreeMap<(FeedId, u32), Moment>,
    /// The newest epoch of each feed whose key was asked for: each is, once in a session.
    asked_to: BTreeMap<FeedId, u32>,
    /// Up to which epoch of each feed it was looked which keys are not held.
    looked_at: BTreeMap<FeedId, u32>,
}

impl Fetch {
    /// When the first of the requests is overdue.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        let leaves = self.leaves.values().map(|(_, until)| until.next());
        leaves.chain(self.bodies.wake_at()).min()
    }

    /// Others give what is missing than before: it is looked through anew.
    pub(super) fn look_anew(&mut self, feed: Option<FeedId>) {
        self.looked
            .retain(|of, _| feed.is_some_and(|feed| *of != feed));
    }

    /// The bodies that did not come by now.
    pub(super) fn withheld_at(&self, now: Moment) -> Vec<(FeedId, u64)> {
        self.bodies.withheld_at(now)
    }

    /// The leaves of a feed are not waited for any more.
    pub(super) fn drop_leaves(&mut self, feed: &FeedId) {
        self.leaves.remove(feed);
    }

    /// Whether more bodies are on their way than an honest peer sends.
    pub(super) fn is_flooded(&self, most: usize) -> bool {
        self.bodies.count() >= most
    }

    pub(super) fn overdue(&self, now: Moment) -> bool {
        self.wake_at().is_some_and(|until| until <= now)
    }

    /// Something new came: what is still asked for gets its time anew, since answers come in order.
    fn heard(&mut self, until: Moment) {
        self.leaves
            .values_mut()
            .for_each(|(_, at)| at.put_off(until));
        self.bodies.put_off(until);
    }

    /// Leaves came that were not held. Those that are held answer nothing and renew nothing, or a
    /// peer could hold a session up for ever by saying the same again.
    pub(super) fn fresh_leaves_came(&mut self, feed: &FeedId, until: Moment) {
        self.leaves.remove(feed);
        self.heard(until);
    }

    /// Leaves came that are all held. If they are what was asked for, others were quicker and nothing
    /// is waited for any more; a peer that says the same again meanwhile changes nothing.
    pub(super) fn held_leaves_came(&mut self, feed: &FeedId, from: u64) {
        let asked = self.leaves.get(feed);
        if asked.is_some_and(|(asked, _)| *asked == from) {
            self.leaves.remove(feed);
        }
    }

    /// Whether anything of a feed is under way.
    pub(super) fn awaits(&self, feed: FeedId) -> bool {
        self.leaves.contains_key(&feed) || self.bodies.any_of(feed)
    }

    /// Expects the body of a leaf, once more if it is expected already.
    pub(super) fn expect(
        &mut self,
        at: (FeedId, u64),
        leaf: &BatchLeaf,
        now: Moment,
        patience: Duration,
    ) {
        let until = Deadline::new(now, patience);
        self.bodies.expect(at, leaf.body_id(), until);
    }

    /// Whether an epoch's key was asked for and not given. A later one is no news.
    pub(super) fn epoch_came(&mut self, at: (FeedId, u32)) -> Result<bool, Fault> {
        let asked = self.asked_to.get(&at.0).is_some_and(|to| at.1 <= *to);
        if asked {
            Ok(self.epochs.remove(&at).is_some())
        } else {
            Err(Fault::UnaskedKey)
        }
    }

    /// The next epochs of a feed to ask for, as far as the bound allows. `without_key` gives some
    /// above one, as many as it is asked for; `newest` is the newest of all.
    fn next_epochs(
        &mut self,
        feed: FeedId,
        newest: u32,
        most: usize,
        (now, until): (Moment, Moment),
        without_key: impl FnOnce(u32, usize) -> Vec<u32>,
    ) -> Vec<u32> {
        let looked_at = self.looked_at.entry(feed).or_default();
        if *looked_at >= newest {
            return Vec::new();
        }
        self.epochs.retain(|_, until| *until > now);
        let room = most.saturating_sub(self.epochs.len());
        let next = without_key(*looked_at, room);
        if let Some(last) = next.last() {
            self.asked_to.insert(feed, *last);
            *looked_at = *last;
        }
        if next.len() < room {
            *looked_at = newest;
        }
        self.epochs
            .extend(next.iter().map(|epoch| ((feed, *epoch), until)));
        next
    }
}

impl Session {
    /// Asks for what is missing, as far as the bounds allow.
    pub(super) fn pull(&mut self, now: Now, ledger: &impl Ledger) {
        let patience = self.local.limits.patience;
        let until = now.after(patience);
        for (feed, promised) in &self.promised {
            let from = ledger.feed(feed).map_or(0, |view| view.tree.size());
            let publisher = &promised.origin().publisher;
            let ours = ledger.sources().of_leaves(feed, publisher, from) == Some(&self.peer.member);
            let wanted = from < promised.size() && ours && !ledger.is_forked(feed);
            let asked = self.fetch.leaves.contains_key(feed);
            if wanted && !asked && ledger.takes_leaves(publisher) {
                let deadline = Deadline::new(now.moment, patience);
                self.fetch.leaves.insert(*feed, (from, deadline));
                let want = Message::WantLeaves { feed: *feed, from };
                self.out.push(Output::Do(Task::Send(want)));
            }
        }
        for feed in ledger.shared_with(&self.peer.member) {
            self.pull_bodies(feed, now, ledger);
            let newest = ledger.feed(&feed).map_or(0, |view| view.epoch);
            let most = self.local.limits.epochs_in_flight;
            let epochs =
                self.fetch
                    .next_epochs(feed, newest, most, (now.moment, until), |above, most| {
                        ledger.epochs_without_key(&feed, above, most)
                    });
            let ask = |epoch| Output::Do(Task::Send(Message::WantEpoch { feed, epoch }));
            self.out.extend(epochs.into_iter().map(ask));
        }
    }

    fn pull_bodies(&mut self, feed: FeedId, now: Now, ledger: &impl Ledger) {
        let limits = self.local.limits;
        let room = limits
            .bodies_in_flight
            .saturating_sub(self.fetch.bodies.count());
        // Asking for each body as one comes would double the messages: wait for room for some.
        let bytes = self.fetch.bodies.bytes();
        if room < limits.bodies_in_flight / 4 || bytes >= limits.bytes_in_flight {
            return;
        }
        let Some(size) = ledger.feed(&feed).map(|view| view.tree.size()) else {
            return;
        };
        let from = self.fetch.looked.get(&feed).copied().unwrap_or(0);
        let most = room.min(MAX_WANTED);
        let peer = &self.peer.member;
        let ours = |index| ledger.sources().of_body(&feed, index) == Some(peer);
        let found = ledger.missing(&feed, from, most, &ours);
        let mut looked = if found.len() < most { size } else { from };
        let mut indexes = Vec::new();
        for wanted in found {
            let at = (feed, wanted.index);
            let bytes = self.fetch.bodies.bytes();
            let full = bytes.saturating_add(wanted.leaf.body_id().bytes()) > limits.bytes_in_flight;
            if full && bytes > 0 {
                looked = wanted.index;
                break;
            }
            looked = looked.max(wanted.index.saturating_add(1));
            // What a push announced is on its way.
            if !self.fetch.bodies.holds(&at, &wanted.leaf.body_id()) {
                self.fetch
                    .expect(at, &wanted.leaf, now.moment, limits.patience);
                indexes.push(wanted.index);
            }
        }
        self.fetch.looked.insert(feed, looked);
        if let Some(indexes) = BoundedVec::new(indexes)
            .ok()
            .filter(|list| !list.is_empty())
        {
            self.ask(Task::Send(Message::WantBodies { feed, indexes }));
        }
    }

    pub(super) fn body(
        &mut self,
        feed: FeedId,
        index: u64,
        body: Vec<u8>,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let came = self.fetch.bodies.came(&(feed, index), &body);
        if !came.ok_or(Fault::UnaskedBody)? {
            if self.is_of_our_history(feed, index, ledger) {
                return Err(Fault::BodyMismatch);
            }
            self.learn(News::Withheld { feed, index });
            return Ok(());
        }
        // A push that crossed a request brings it a second time.
        if ledger.lacks(&feed, index) {
            self.fetch.heard(now.after(self.local.limits.patience));
            self.ask(Task::StoreBody { feed, index, body });
        }
        Ok(())
    }

    /// Whether what the peer holds of a feed at an index is known to be what is held here: the feed is
    /// its own, or it shows a head that our leaves lead to. If not, the publisher may have two
    /// histories, and the peer the other one.
    fn is_of_our_history(&self, feed: FeedId, index: u64, ledger: &impl Ledger) -> bool {
        let Some(view) = ledger.feed(&feed) else {
            return false;
        };
        let promised = self.promised.get(&feed);
        view.genesis.publisher == self.peer.member
            || promised.is_some_and(|promised| {
                index < promised.size()
                    && view.tree.root_at(promised.size()).as_ref() == Some(promised.root())
            })
    }

    pub(super) fn no_body(
        &mut self,
        feed: FeedId,
        index: u64,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let again = self.fetch.bodies.refused(&(feed, index));
        if !again.ok_or(Fault::UnaskedBody)? && ledger.lacks(&feed, index) {
            self.learn(News::Withheld { feed, index });
        }
        Ok(())
    }

    /// Takes an epoch's key that was asked for; one that was given already is passed over.
    pub(super) fn epoch_key(
        &mut self,
        feed: FeedId,
        epoch: u32,
        (key_id, sealed): (SealingKeyId, SealedEpochKey),
    ) -> Result<(), Fault> {
        if self.fetch.epoch_came((feed, epoch))? {
            self.ask(Task::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            });
        }
        Ok(())
    }
}
