//! Serving and fetching the feeds of others: who shows what, who vouches for it, who lies.
//!
//! Any reader serves a feed to any other reader. What a session asks beside the store it finds here,
//! by way of [`View`].

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{PublicKey, Role, VerifierKey, key_name};
use kentong_protocol::charter::{Charter, Papers};
use kentong_protocol::feed::{BatchLeaf, Checkpoint, FeedId};
use kentong_protocol::member::Members;
use kentong_protocol::member::sessions::Input;
use kentong_protocol::sync::{Evidence, FeedView, Ledger, Showing, Sources, WantedBody};
use kentong_protocol::time::Timestamp;
use kentong_protocol::{Digest, MemberName};

use crate::net::LinkId;
use crate::store::{FeedState, Store};

use super::core::Core;
use super::intake::{BodyQuery, Intake};

/// The most feeds with two histories whose evidence is at hand to be passed on.
const MAX_FORKED: usize = 1024;

/// What is known of feeds beside what the store holds.
#[derive(Debug, Default)]
pub(super) struct Relay {
    sources: Sources,
    /// The newest checkpoint of each feed of another, with our cosignature: its size and note.
    cosigned: BTreeMap<FeedId, (u64, Vec<u8>)>,
    /// When the newest checkpoint of a feed is to be cosigned and shown.
    showing: Showing,
    /// Feeds of which two histories are signed.
    forked: BTreeMap<FeedId, Evidence>,
    /// What other members cosigned last of each feed.
    witnessed: BTreeMap<FeedId, BTreeMap<MemberName, Witnessed>>,
    /// Feeds of which somebody did not give a body: others are asked.
    refused: BTreeSet<FeedId>,
}

/// A head that a member cosigned.
#[derive(Clone, Copy, Debug)]
struct Witnessed {
    size: u64,
    root: Digest,
}

/// The node as a sync session sees it.
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) members: &'a Members,
    pub(super) relay: &'a Relay,
    pub(super) intake: &'a Intake,
    /// In the milliseconds of the node.
    pub(super) now: u64,
}

impl Ledger for View<'_> {
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        self.store.feeds_of(publisher, reader)
    }

    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        self.store.shared_with(reader)
    }

    fn signing(&self, member: &MemberName) -> Option<PublicKey> {
        let (warrant, _) = self.members.credentials(member)?;
        Some(*warrant.signing())
    }

    fn witness(&self, member: &MemberName) -> Option<VerifierKey> {
        let (warrant, _) = self.members.credentials(member)?;
        Some(warrant.witness_verifier())
    }

    fn frozen(&self, id: &FeedId) -> Option<(u64, Digest)> {
        let (warrant, _) = self.members.credentials(self.store.me())?;
        let head = warrant.head(id.digest())?;
        Some((head.size, head.root))
    }

    fn cosigned(&self, id: &FeedId) -> Option<&[u8]> {
        let (size, note) = self.relay.cosigned.get(id)?;
        let newest = self.store.view(id)?.checkpoint?.0;
        (*size == newest).then_some(note)
    }

    fn is_forked(&self, id: &FeedId) -> bool {
        self.relay.forked.contains_key(id)
    }

    fn takes_leaves(&self, publisher: &MemberName) -> bool {
        let quota = self.members.charter().map(Charter::quota);
        quota.is_none_or(|quota| Intake::takes_leaves(self.store, quota, publisher))
    }

    fn papers(&self) -> Option<&Papers> {
        self.members.papers()
    }

    fn credentials(&self) -> Vec<(MemberName, u64, u64)> {
        self.members.serials()
    }

    fn sources(&self) -> &Sources {
        &self.relay.sources
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        self.store.view(id)
    }

    fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        let asked = BodyQuery {
            feed: *id,
            from,
            most,
            wanted,
        };
        let quota = self.members.charter().map(Charter::quota);
        self.intake.wanted(self.store, quota, &asked, self.now)
    }

    fn lacks(&self, id: &FeedId, index: u64) -> bool {
        self.store.lacks(id, index)
    }

    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        self.store.batch(*id, index).ok()
    }

    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        self.store.epochs_without_key(id, above, most)
    }
}

impl Relay {
    /// A member shows a feed up to a size.
    pub(super) fn show(&mut self, member: &MemberName, feed: FeedId, size: u64) {
        self.sources.show(member, feed, size);
    }

    /// A member does not give a body that it shows.
    pub(super) fn refuse(&mut self, member: &MemberName, feed: FeedId, index: u64) {
        self.sources.refuse(member, feed, index);
        self.refused.insert(feed);
    }

    /// A member gave leaves that do not go with those that are held.
    pub(super) fn other_leaves(&mut self, member: &MemberName, feed: FeedId) {
        self.sources.other_leaves(member, feed);
        self.refused.insert(feed);
    }

    /// The session with a member ended.
    pub(super) fn gone(&mut self, member: &MemberName) {
        self.sources.gone(member);
    }

    /// What nobody gave so far though somebody shows it: the feed, the index, who refused it.
    pub(super) fn refused(&self) -> impl Iterator<Item = (FeedId, u64, &BTreeSet<MemberName>)> {
        self.sources.refused()
    }

    /// What shows two histories of feeds.
    pub(super) fn forked(&self) -> impl Iterator<Item = &Evidence> {
        self.forked.values()
    }

    /// A member has other keys than before: what stands on the former ones goes.
    pub(super) fn keys_replaced(
        &mut self,
        member: &MemberName,
        its_feeds: &BTreeSet<FeedId>,
        federation: &str,
        signing: &PublicKey,
    ) {
        self.cosigned.retain(|feed, _| !its_feeds.contains(feed));
        self.showing.forget(its_feeds);
        for seen in self.witnessed.values_mut() {
            seen.remove(member);
        }
        self.forked.retain(|_, evidence| {
            evidence.publisher != *member || evidence.is_conclusive(federation, signing)
        });
    }

    /// A newer checkpoint of a feed of another is stored.
    pub(super) fn stored(&mut self, feed: FeedId, now: u64) {
        self.cosigned.remove(&feed);
        self.showing.stored(feed, now);
    }

    /// A member cosigned a head.
    pub(super) fn cosigned_by(
        &mut self,
        member: MemberName,
        feed: FeedId,
        size: u64,
        root: Digest,
    ) {
        let newer = |known: &Witnessed| known.size <= size;
        let of_feed = self.witnessed.entry(feed).or_default();
        if of_feed.get(&member).is_none_or(newer) {
            of_feed.insert(member, Witnessed { size, root });
        }
    }

    /// The members who cosigned a history of this feed that goes on from its leaf at `index`.
    pub(super) fn witnesses(&self, feed: &FeedState, index: u64) -> Vec<&MemberName> {
        let publisher = &feed.genesis().publisher;
        let of_feed = self.witnessed.get(&feed.id()).into_iter().flatten();
        of_feed
            .filter(|(member, seen)| {
                *member != publisher
                    && seen.size > index
                    && feed.tree().root_at(seen.size) == Some(seen.root)
            })
            .map(|(member, _)| member)
            .collect()
    }
}

impl Core {
    /// Cosigns and shows the heads that are due, and asks again for what nobody gave.
    pub(super) fn relay_on(&mut self, now: u64) {
        let due = self.relay.showing.due(now);
        // A cosignature is for what is on disk.
        if !due.is_empty() && self.store.sync().is_ok() {
            for feed in due {
                self.relay.showing.shown(feed);
                self.cosign(feed);
                self.tell(Input::Head(feed));
            }
        }
        // Once for all that was refused since: to look through a feed takes time.
        for feed in std::mem::take(&mut self.relay.refused) {
            self.tell(Input::Reassigned(Some(feed)));
        }
        if self.relay.sources.ask_again(now) {
            self.tell(Input::Reassigned(None));
        }
    }

    /// Cosigns the newest checkpoint of a feed of another (C2SP tlog-cosignature).
    fn cosign(&mut self, feed: FeedId) {
        if self.history.asking().is_some() {
            return; // Nor is it known what was cosigned last.
        }
        let held = self.store.feeds().get(feed);
        let Some((size, note)) = held.and_then(FeedState::checkpoint) else {
            return;
        };
        let name = key_name(&self.me, Role::Witness);
        let now = self.wall();
        if let Some(note) = Checkpoint::cosign(note, &name, &self.identity.witness, now) {
            self.relay.cosigned.insert(feed, (size, note));
        }
    }

    /// All heads of others that are held at the start are to be cosigned, little by little.
    pub(super) fn cosign_all(&mut self) {
        let others = self.store.feeds().iter();
        let others = others.filter(|feed| feed.genesis().publisher != self.me && feed.size() > 0);
        let ids: Vec<_> = others.map(FeedState::id).collect();
        ids.into_iter().for_each(|feed| self.cosign(feed));
    }

    /// Keeps evidence. If it shows by itself that a feed has two histories, no more is taken of that
    /// feed, and its other readers are told.
    pub(super) fn take_evidence(&mut self, evidence: Evidence) {
        self.evidence(&evidence);
        let Some(charter) = self.members.charter() else {
            return;
        };
        let federation = charter.federation().as_str().to_owned();
        let key = self.members.credentials(&evidence.publisher);
        let Some(key) = key.map(|(warrant, _)| *warrant.signing()) else {
            return;
        };
        let (feed, known) = (
            evidence.feed,
            self.relay.forked.contains_key(&evidence.feed),
        );
        let full = self.relay.forked.len() >= MAX_FORKED;
        if known || full || !evidence.is_conclusive(&federation, &key) {
            return;
        }
        self.relay.forked.insert(feed, evidence.clone());
        if evidence.publisher == self.me {
            let why = format!("there is proof that two histories of our feed {feed} were signed");
            self.halt(why);
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

    /// What a member cosigned.
    pub(super) fn cosigned(
        &mut self,
        member: MemberName,
        (feed, size): (FeedId, u64),
        root: Digest,
        time: Timestamp,
    ) {
        tracing::debug!(peer = %member, ?feed, size, %time, "cosigned");
        self.relay.cosigned_by(member, feed, size, root);
    }
}
