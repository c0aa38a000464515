//! Getting from a peer what it has and this node may read.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, SealedEpochKey, SealingKeyId};

use crate::bounded::BoundedVec;
use crate::feed::{BatchLeaf, Checkpoint, ConsistencyProof, FeedId, UnverifiedCheckpoint};
use crate::wire::{MAX_WANTED, Message};

use super::evidence::Evidence;
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::Now;
use super::session::{Output, Session};

/// What was asked for and is not there yet.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Leaves asked for, each with the moment until which they must come.
    leaves: BTreeMap<FeedId, u64>,
    /// Bodies asked for or announced.
    bodies: BTreeMap<(FeedId, u64), Expected>,
    bytes: u64,
    /// Bodies that the peer says it does not have.
    withheld: BTreeSet<(FeedId, u64)>,
    /// Epoch keys asked for, each with the moment from which no answer is waited for: a peer that
    /// has no key says nothing.
    epochs: BTreeMap<(FeedId, u32), u64>,
    /// The newest epoch of each feed whose key was asked for: each is, once in a session.
    asked_to: BTreeMap<FeedId, u32>,
}

#[derive(Debug)]
struct Expected {
    leaf: BatchLeaf,
    until: u64,
    /// How often: a push can cross a request for the same body.
    times: u8,
}

impl Fetch {
    /// When the first of the requests is overdue.
    pub(super) fn wake_at(&self) -> Option<u64> {
        let bodies = self.bodies.values().map(|expected| expected.until);
        self.leaves.values().copied().chain(bodies).min()
    }

    pub(super) fn overdue(&self, millis: u64) -> bool {
        self.wake_at().is_some_and(|until| until <= millis)
    }

    /// Something new came: what is still asked for gets its time anew, since answers come in order.
    fn heard(&mut self, until: u64) {
        self.leaves.values_mut().for_each(|at| *at = until);
        self.bodies
            .values_mut()
            .for_each(|expected| expected.until = until);
    }

    /// Leaves came that were not held. Those that are held answer nothing and renew nothing, or a
    /// peer could hold a session up for ever by saying the same again.
    pub(super) fn fresh_leaves_came(&mut self, feed: &FeedId, until: u64) {
        self.leaves.remove(feed);
        self.heard(until);
    }

    /// Whether anything of a feed is under way.
    pub(super) fn awaits(&self, feed: FeedId) -> bool {
        let mut bodies = self.bodies.range((feed, 0)..=(feed, u64::MAX));
        self.leaves.contains_key(&feed) || bodies.next().is_some()
    }

    /// Expects a body, once more if it is expected already; that does not give it more time.
    pub(super) fn expect(&mut self, at: (FeedId, u64), leaf: BatchLeaf, until: u64) {
        self.bytes += u64::from(leaf.body_len);
        let expected = self.bodies.entry(at).or_insert(Expected {
            leaf,
            until,
            times: 0,
        });
        if let Some(times) = expected.times.checked_add(1) {
            expected.times = times;
        } else {
            self.bytes -= u64::from(expected.leaf.body_len);
        }
    }

    /// The leaf of a body that is expected, and whether it is expected yet again.
    fn take(&mut self, at: &(FeedId, u64)) -> Option<(BatchLeaf, bool)> {
        let expected = self.bodies.get_mut(at)?;
        let leaf = expected.leaf.clone();
        self.bytes -= u64::from(leaf.body_len);
        expected.times -= 1;
        let again = expected.times > 0;
        if !again {
            self.bodies.remove(at);
        }
        Some((leaf, again))
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

    /// The next of these epochs to ask for, as far as the bound allows.
    fn next_epochs(
        &mut self,
        feed: FeedId,
        without_key: &[u32],
        most: usize,
        now: u64,
        until: u64,
    ) -> Vec<u32> {
        self.epochs.retain(|_, until| *until > now);
        let room = most.saturating_sub(self.epochs.len());
        let asked_to = self.asked_to.entry(feed).or_default();
        let next = without_key.iter().filter(|epoch| **epoch > *asked_to);
        let next: Vec<u32> = next.copied().take(room).collect();
        if let Some(last) = next.last() {
            *asked_to = *last;
        }
        self.epochs
            .extend(next.iter().map(|epoch| ((feed, *epoch), until)));
        next
    }
}

impl Session {
    /// Believes a peer's checkpoint, and remembers what it promises.
    pub(super) fn promise(
        &mut self,
        checkpoint: UnverifiedCheckpoint,
        ledger: &impl Ledger,
    ) -> Result<Checkpoint, Fault> {
        let origin = checkpoint.origin();
        let its =
            origin.publisher == self.peer.member && origin.federation == self.local.federation_name;
        if !its {
            return Err(Fault::NotItsFeed);
        }
        let checkpoint = checkpoint
            .verify(&self.peer.signing)
            .map_err(Fault::Checkpoint)?;
        let feed = checkpoint.origin().feed;
        let (size, root) = (checkpoint.size(), *checkpoint.root());
        if let Some(view) = ledger.feed(&feed) {
            if view.genesis.publisher != self.peer.member
                || view.genesis.incarnation != checkpoint.origin().incarnation
            {
                return Err(Fault::NotItsFeed);
            }
            let held = view.tree.root_at(size);
            if held.is_some_and(|held| held != root) {
                if let Some((at, note)) = view.checkpoint {
                    let link = Evidence::link(view.tree, at, size);
                    self.keep_evidence(&checkpoint, note.to_vec(), link);
                }
                return Err(Fault::TwoHistories);
            }
        }
        let known = self.promised.get(&feed);
        if let Some(known) = known
            && known.size() == size
            && *known.root() != root
        {
            let note = known.note().to_vec();
            self.keep_evidence(&checkpoint, note, None);
            return Err(Fault::TwoHistories);
        }
        let known = known.map(Checkpoint::size);
        if known.is_none() && ledger.feed(&feed).is_none() {
            // What is held counts too, or each session could bring as many again.
            let held = ledger.feeds_of(&self.peer.member, &self.local.me);
            let promised = self.promised.keys().filter(|id| !held.contains(id)).count();
            if held.len() + promised >= self.local.limits.feeds {
                return Err(Fault::TooManyFeeds);
            }
        }
        if known.is_none_or(|at| at < size) {
            self.promised.insert(feed, checkpoint.clone());
        }
        Ok(checkpoint)
    }

    fn keep_evidence(
        &mut self,
        shown: &Checkpoint,
        held: Vec<u8>,
        link: Option<(u64, Digest, ConsistencyProof)>,
    ) {
        self.out.push(Output::Evidence(Box::new(Evidence {
            feed: shown.origin().feed,
            held,
            shown: shown.note().to_vec(),
            link,
        })));
    }

    /// Asks for what is missing, as far as the bounds allow.
    pub(super) fn pull(&mut self, now: Now, ledger: &impl Ledger) {
        let until = now.millis + self.local.limits.patience;
        for (feed, promised) in &self.promised {
            let from = ledger.feed(feed).map_or(0, |view| view.tree.size());
            if from < promised.size() && !self.fetch.leaves.contains_key(feed) {
                self.fetch.leaves.insert(*feed, until);
                self.out
                    .push(Output::Send(Message::WantLeaves { feed: *feed, from }));
            }
        }
        for feed in ledger.feeds_of(&self.peer.member, &self.local.me) {
            self.pull_bodies(feed, until, ledger);
            let (without_key, most) = (
                ledger.epochs_without_key(&feed),
                self.local.limits.epochs_in_flight,
            );
            let epochs = self
                .fetch
                .next_epochs(feed, &without_key, most, now.millis, until);
            let ask = |epoch| Output::Send(Message::WantEpoch { feed, epoch });
            self.out.extend(epochs.into_iter().map(ask));
        }
    }

    fn pull_bodies(&mut self, feed: FeedId, until: u64, ledger: &impl Ledger) {
        let limits = self.local.limits;
        let room = limits
            .bodies_in_flight
            .saturating_sub(self.fetch.bodies.len());
        // Asking for each body as one comes would double the messages: wait for room for some.
        if room < limits.bodies_in_flight / 4 || self.fetch.bytes >= limits.bytes_in_flight {
            return;
        }
        let skip = |at: &(FeedId, u64), fetch: &Fetch| {
            fetch.bodies.contains_key(at) || fetch.withheld.contains(at)
        };
        let busy = self
            .fetch
            .bodies
            .range((feed, 0)..=(feed, u64::MAX))
            .count()
            + self
                .fetch
                .withheld
                .range((feed, 0)..=(feed, u64::MAX))
                .count();
        let mut indexes = Vec::new();
        for wanted in ledger.missing(&feed, 0, busy + room) {
            let at = (feed, wanted.index);
            let full = self.fetch.bytes + u64::from(wanted.leaf.body_len) > limits.bytes_in_flight;
            if indexes.len() == room.min(MAX_WANTED) || (full && self.fetch.bytes > 0) {
                break;
            }
            if !skip(&at, &self.fetch) {
                self.fetch.expect(at, wanted.leaf, until);
                indexes.push(wanted.index);
            }
        }
        if let Some(indexes) = BoundedVec::new(indexes)
            .ok()
            .filter(|list| !list.is_empty())
        {
            self.out
                .push(Output::Send(Message::WantBodies { feed, indexes }));
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
        let (leaf, _) = self.fetch.take(&(feed, index)).ok_or(Fault::UnaskedBody)?;
        leaf.check_body(&body).map_err(|_| Fault::BodyMismatch)?;
        // A push that crossed a request brings it a second time.
        if ledger.lacks(&feed, index) {
            self.fetch.heard(now.millis + self.local.limits.patience);
            self.out.push(Output::StoreBody { feed, index, body });
        }
        Ok(())
    }

    pub(super) fn no_body(
        &mut self,
        feed: FeedId,
        index: u64,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let (_, again) = self.fetch.take(&(feed, index)).ok_or(Fault::UnaskedBody)?;
        if !again && ledger.lacks(&feed, index) {
            self.fetch.withheld.insert((feed, index));
            self.out.push(Output::Withheld { feed, index });
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
            self.out.push(Output::StoreEpoch {
                feed,
                epoch,
                key_id,
                sealed,
            });
        }
        Ok(())
    }
}
