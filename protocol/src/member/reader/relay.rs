//! Who shows what of others' feeds, who cosigned it, and what this node shows of it.
//!
//! Any reader serves a feed to any other reader. What a session asks beside the store it finds here,
//! by way of [`View`](super::View).

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, MemberName, PublicKey, Role, key_name};

use crate::feed::{Checkpoint, FeedId};
use crate::member::{Ground, World};
use crate::store::FeedState;
use crate::sync::{Evidence, Showing, Sources};
use crate::time::Moment;

use super::{Output, Reader};

/// What is known of feeds beside what the store holds.
#[derive(Debug, Default)]
pub(super) struct Relay {
    sources: Sources,
    /// The newest checkpoint of each feed of another, with our cosignature: its size and note.
    cosigned: BTreeMap<FeedId, (u64, Vec<u8>)>,
    /// When the newest checkpoint of a feed is to be cosigned and shown.
    showing: Showing,
    /// Feeds of which two histories are signed.
    pub(super) forked: BTreeMap<FeedId, Evidence>,
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

impl Relay {
    /// From whom is fetched what is missing.
    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The checkpoint of a feed at its newest size with our cosignature, if that is made.
    pub(super) fn cosigned(&self, feed: &FeedId, newest: u64) -> Option<&[u8]> {
        let (size, note) = self.cosigned.get(feed)?;
        (*size == newest).then_some(note)
    }

    /// Whether two histories of a feed are signed.
    pub(super) fn is_forked(&self, feed: &FeedId) -> bool {
        self.forked.contains_key(feed)
    }

    pub(super) fn show(&mut self, member: &MemberName, feed: FeedId, size: u64) {
        self.sources.show(member, feed, size);
    }

    pub(super) fn refuse(&mut self, member: &MemberName, feed: FeedId, index: u64) {
        self.sources.refuse(member, feed, index);
        self.refused.insert(feed);
    }

    pub(super) fn other_leaves(&mut self, member: &MemberName, feed: FeedId) {
        self.sources.other_leaves(member, feed);
        self.refused.insert(feed);
    }

    pub(super) fn gone(&mut self, member: &MemberName) {
        self.sources.gone(member);
    }

    pub(super) fn refused(&self) -> impl Iterator<Item = (FeedId, u64, &BTreeSet<MemberName>)> {
        self.sources.refused()
    }

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
    pub(super) fn stored(&mut self, feed: FeedId, now: Moment) {
        self.cosigned.remove(&feed);
        self.showing.stored(feed, now);
    }

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

    /// Cosigns the newest checkpoint of a feed of another (C2SP tlog-cosignature).
    fn cosign<W: World>(&mut self, ground: &Ground<'_, W>, feed: FeedId) {
        let held = ground.store.feeds().get(feed);
        let Some((size, note)) = held.and_then(FeedState::checkpoint) else {
            return;
        };
        let name = key_name(ground.keys.me, Role::Witness);
        if let Some(note) = Checkpoint::cosign(note, &name, ground.keys.witness, ground.now.wall) {
            self.cosigned.insert(feed, (size, note));
        }
    }
}

impl Reader {
    /// Cosigns and shows the heads that are due, and asks again for what nobody gave. Without
    /// `may_cosign` it is not known what was cosigned last, and no head is cosigned.
    pub fn relay_on<W: World>(
        &mut self,
        ground: &mut Ground<'_, W>,
        may_cosign: bool,
    ) -> Vec<Output> {
        let (relay, now) = (&mut self.relay, ground.now.moment);
        let mut outputs = Vec::new();
        let due = relay.showing.due(now);
        // A cosignature is for what is on disk.
        if !due.is_empty() && ground.store.sync().is_ok() {
            for feed in due {
                relay.showing.shown(feed);
                if may_cosign {
                    relay.cosign(ground, feed);
                }
                outputs.push(Output::Head(feed));
            }
        }
        // Once for all that was refused since: to look through a feed takes time.
        for feed in std::mem::take(&mut relay.refused) {
            outputs.push(Output::Reassigned(Some(feed)));
        }
        if relay.sources.ask_again(now) {
            outputs.push(Output::Reassigned(None));
        }
        outputs
    }

    /// Cosigns all heads of others that are held, to be shown little by little.
    pub fn cosign_all<W: World>(&mut self, ground: &Ground<'_, W>) {
        let others = ground.store.feeds().iter();
        let others =
            others.filter(|feed| feed.genesis().publisher != *ground.keys.me && feed.size() > 0);
        let ids: Vec<_> = others.map(FeedState::id).collect();
        for feed in ids {
            self.relay.cosign(ground, feed);
        }
    }
}
