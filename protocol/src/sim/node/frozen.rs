//! The heads up to which the word of a member's former keys counts, as its operator finds them: in the home of
//! a node that does not run, or at its readers.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, FrozenHead};

use crate::feed::FeedId;
use crate::member::heads::{Heads as _, Signed};

use super::super::cast::{Cast, Who};
use super::super::ground::Ground;
use super::{Feed, Home};

/// Heads that the next keys go on from.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Frozen {
    signed: BTreeMap<Digest, Signed>,
    /// The feeds among them that others read: these a warrant names.
    shared: BTreeSet<Digest>,
}

impl Frozen {
    /// What a home knows by itself; none as long as it does not know what it signed last, or holds less.
    pub(in crate::sim) fn of<G: Ground>(home: &mut Home<G>, cast: &Cast, who: Who) -> Option<Self> {
        let contents = home.read(cast, who);
        let heads = home.ground.open_heads();
        let known = !heads.is_unknown() && home.recovery.is_none();
        let entries: BTreeMap<_, _> = heads.iter().map(|(feed, head)| (*feed, head)).collect();
        home.ground.close_heads(heads);
        if !known {
            return None;
        }
        let mut frozen = Self::default();
        let me = cast.name(who);
        for held in contents.feeds().filter(|held| held.publisher() == me) {
            let feed = *held.id().digest();
            let size = match entries.get(&feed) {
                None => continue, // Never signed: the next start drops it.
                Some(head) if head.is_ended() => held.size(),
                Some(head) => head.size,
            };
            let root = held.root_at(size)?;
            frozen.signed.insert(feed, Signed { size, root });
            if held.audience().any(|name| name != me) {
                frozen.shared.insert(feed);
            }
        }
        let whole =
            |(feed, head): (&Digest, &Signed)| head.is_ended() || frozen.signed.contains_key(feed);
        entries.iter().all(whole).then_some(frozen)
    }

    /// A reader holds these feeds: what goes further than what is known counts.
    pub(in crate::sim) fn add<'n>(&mut self, held: impl Iterator<Item = Feed<'n>>) {
        for held in held.filter(|held| !held.is_void()) {
            let Some((size, root)) = held.signed() else {
                continue;
            };
            let feed = *held.id().digest();
            let known = self.signed.get(&feed);
            if known.is_none_or(|known| known.size < size) {
                self.signed.insert(feed, Signed { size, root });
                self.shared.insert(feed);
            }
        }
    }

    /// What the warrant names.
    pub(in crate::sim) fn heads(&self) -> Vec<FrozenHead> {
        let shared = self.signed.iter();
        let shared = shared.filter(|(feed, _)| self.shared.contains(*feed));
        let head = |(feed, head): (&Digest, &Signed)| FrozenHead {
            feed: *feed,
            size: head.size,
            root: head.root,
        };
        shared.map(head).collect()
    }

    /// How far the former keys' word about a feed counts.
    pub(in crate::sim) fn size(&self, feed: &FeedId) -> u64 {
        self.signed.get(feed.digest()).map_or(0, |head| head.size)
    }

    /// The home goes on from these heads.
    pub(in crate::sim) fn settle<G: Ground>(&self, home: &mut Home<G>) {
        let mut heads = home.ground.open_heads();
        heads.disbelieve();
        let settled = heads.settle(self.signed.clone());
        settled.expect("heads that nobody believes are settled");
        home.ground.close_heads(heads);
    }
}
