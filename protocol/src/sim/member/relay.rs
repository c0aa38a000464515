//! Serving and fetching the feeds of others, as a real node does: who shows what, who vouches for it,
//! who has two histories.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, KeyType, MemberName, PublicKey, Role, VerifierKey, key_name};

use crate::charter::Papers;
use crate::feed::{BatchLeaf, Checkpoint, FeedId};
use crate::member::sessions::Input;
use crate::sync::{Evidence, FeedView, Ledger, Showing, Sources, WantedBody};

use super::super::cast::Person;
use super::super::founding::FEDERATION;
use super::{Cast, Effect, Feeds, Ground, LinkId, Member};

/// Milliseconds from one look of a real node at its clock to the next.
const TICK: u64 = 1_000;

/// What is known of feeds beside what is on disk.
#[derive(Debug, Default)]
pub(super) struct Relay {
    pub(super) sources: Sources,
    /// The newest checkpoint of each feed of another, with the own cosignature.
    cosigned: BTreeMap<FeedId, (u64, Vec<u8>)>,
    /// When the newest checkpoint of a feed is to be cosigned and shown.
    showing: Showing,
    /// Feeds of which two histories are signed.
    forked: BTreeMap<FeedId, Evidence>,
    /// Feeds of which somebody did not give a body: others are asked.
    refused: BTreeSet<FeedId>,
    /// When others are asked.
    ask_others: u64,
}

impl Relay {
    /// A newer checkpoint of a feed of another is stored.
    pub(super) fn stored(&mut self, feed: FeedId, now: u64) {
        self.showing.stored(feed, now);
    }

    /// A member does not give a body that it shows.
    pub(super) fn refuse(&mut self, member: &MemberName, feed: FeedId, index: u64, now: u64) {
        self.sources.refuse(member, feed, index);
        self.ask_others(feed, now);
    }

    /// A member gave leaves that do not go with those that are held.
    pub(super) fn other_leaves(&mut self, member: &MemberName, feed: FeedId, now: u64) {
        self.sources.other_leaves(member, feed);
        self.ask_others(feed, now);
    }

    fn ask_others(&mut self, feed: FeedId, now: u64) {
        if self.refused.is_empty() {
            self.ask_others = now + TICK;
        }
        self.refused.insert(feed);
    }

    /// The session with a member ended.
    pub(super) fn gone(&mut self, member: &MemberName) {
        self.sources.gone(member);
    }

    /// When there is something to do at the latest.
    pub(super) fn wake_at(&self) -> u64 {
        let others = (!self.refused.is_empty()).then_some(self.ask_others);
        let all = [self.showing.next_at(), others, self.sources.ask_again_at()];
        all.into_iter().flatten().min().unwrap_or(u64::MAX)
    }
}

/// The node as a session sees it.
pub(super) struct View<'a> {
    pub(super) feeds: &'a Feeds,
    pub(super) relay: &'a Relay,
    pub(super) cast: &'a Cast,
    pub(super) papers: &'a Papers,
}

impl View<'_> {
    /// Somebody whom the charter lists: of others no keys are known.
    fn listed(&self, member: &MemberName) -> Option<&Person> {
        self.papers.chain().in_force().member(member)?;
        Some(self.cast.person(self.cast.who(member)?))
    }
}

impl Ledger for View<'_> {
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        self.feeds.feeds_of(publisher, reader)
    }

    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        self.feeds.shared_with(reader)
    }

    fn signing(&self, member: &MemberName) -> Option<PublicKey> {
        Some(self.listed(member)?.signing.public_key())
    }

    fn witness(&self, member: &MemberName) -> Option<VerifierKey> {
        let key = self.listed(member)?.witness.public_key();
        let name = key_name(member, Role::Witness);
        Some(VerifierKey::new(name, KeyType::Cosignature, key))
    }

    fn frozen(&self, _: &FeedId) -> Option<(u64, Digest)> {
        None
    }

    fn cosigned(&self, id: &FeedId) -> Option<&[u8]> {
        let (size, note) = self.relay.cosigned.get(id)?;
        let newest = self.feeds.view(id)?.checkpoint?.0;
        (*size == newest).then_some(note)
    }

    fn is_forked(&self, id: &FeedId) -> bool {
        self.relay.forked.contains_key(id)
    }

    fn papers(&self) -> Option<&Papers> {
        Some(self.papers)
    }

    fn credentials(&self) -> Vec<(MemberName, u64, u64)> {
        let listed = self.papers.chain().in_force().members().keys();
        listed.map(|name| (name.clone(), 1, 1)).collect()
    }

    fn sources(&self) -> &Sources {
        &self.relay.sources
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        self.feeds.view(id)
    }

    fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        self.feeds.missing(id, from, most, wanted)
    }

    fn lacks(&self, id: &FeedId, index: u64) -> bool {
        self.feeds.lacks(id, index)
    }

    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        self.feeds.batch(id, index)
    }

    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        self.feeds.epochs_without_key(id, above, most)
    }
}

impl<G: Ground> Member<G> {
    /// Cosigns and shows the heads that are due, and asks anew for what nobody gave.
    pub(super) fn relay_on(&mut self) {
        let now = self.now.millis;
        let due = self.relay.showing.due(now);
        // A cosignature is for what is on disk.
        if !due.is_empty() {
            self.home.ground.sync();
        }
        for feed in due {
            self.relay.showing.shown(feed);
            self.cosign(feed);
            self.tell(Input::Head(feed));
        }
        // Once for all that was refused since: to look through a feed takes time.
        if self.relay.ask_others <= now {
            for feed in std::mem::take(&mut self.relay.refused) {
                self.tell(Input::Reassigned(Some(feed)));
            }
        }
        if self.relay.sources.ask_again(now) {
            self.tell(Input::Reassigned(None));
        }
    }

    fn cosign(&mut self, feed: FeedId) {
        let held = self.feeds.get(&feed);
        let Some((size, note)) = held.and_then(|held| held.checkpoint.clone()) else {
            return;
        };
        let name = key_name(self.me(), Role::Witness);
        let key = &self.cast.person(self.who).witness;
        if let Some(note) = Checkpoint::cosign(&note, &name, key, self.now.wall) {
            self.relay.cosigned.insert(feed, (size, note));
        }
    }

    /// All heads of others that are held at the start are cosigned.
    pub(super) fn cosign_all(&mut self) {
        for feed in self.foreign() {
            self.cosign(feed);
        }
    }

    /// Keeps evidence. If it shows by itself that a feed has two histories, no more is taken of that
    /// feed, and its other readers are told.
    pub(super) fn take_evidence(&mut self, evidence: Evidence) {
        self.effects
            .push(Effect::Evidence(Box::new(evidence.clone())));
        let publisher = self.cast.who(&evidence.publisher);
        let Some(publisher) = publisher.filter(|who| self.lists(*who)) else {
            return; // Of whom the charter does not list no key is known.
        };
        let key = self.cast.person(publisher).signing.public_key();
        let known = self.relay.forked.contains_key(&evidence.feed);
        if known || !evidence.is_conclusive(FEDERATION, &key) {
            return;
        }
        self.relay.forked.insert(evidence.feed, evidence.clone());
        if evidence.publisher == *self.me() {
            self.halt(format!(
                "two histories of our feed {} were signed",
                evidence.feed
            ));
        }
        self.tell(Input::Evidence(evidence));
    }

    /// Passes on to a member that has just come what is known of two histories.
    pub(super) fn pass_evidence(&mut self, link: LinkId) {
        let known: Vec<_> = self.relay.forked.values().cloned().collect();
        for evidence in known {
            self.tell(Input::PassOn(link, evidence));
        }
    }
}
