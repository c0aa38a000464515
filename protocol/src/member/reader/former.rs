//! How far the word of a publisher's former keys goes, after its root key named others.
//!
//! What the present signing key vouches for counts. What only a former key signed counts up to the head
//! that the warrant names for its feed: what is above is removed, for anyone who has the old key could
//! have signed it. A feed that the warrant does not name counts for nothing; it is kept, in case that a
//! later warrant names it. Clocks and the order in which things came do not matter: every node comes to
//! the same end.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{MemberName, Warrant};

use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::member::{Ground, Members, World};
use crate::store::{Durably, FeedState, Step, StoreError, Vouched};

use super::Reader;

/// What of a feed counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// The present key vouches for it.
    All,
    /// A former key signed it, and the warrant vouches for so many leaves.
    UpTo(u64),
    /// A former key signed it, and the warrant does not name it.
    Nothing,
}

/// What of a feed counts under its publisher's newest warrant.
fn counts(held: &FeedState, warrant: &Warrant) -> Counts {
    let note = held
        .checkpoint()
        .and_then(|(_, note)| UnverifiedCheckpoint::parse(note).ok());
    let none = note.is_none();
    if note.is_some_and(|note| note.verify(warrant.signing()).is_ok()) {
        return Counts::All;
    }
    match warrant.head(held.id().digest()) {
        // Of a first warrant there is no former key: the feed is still on its way.
        None if none && warrant.serial() == 1 => Counts::All,
        None => Counts::Nothing,
        Some(head) => match held.tree().root_at(head.size) {
            // Less is held than that: it continues from there, or is replaced.
            None => Counts::UpTo(head.size),
            Some(root) if root == head.root => Counts::UpTo(head.size),
            Some(_) => Counts::UpTo(0),
        },
    }
}

/// What no longer counts under a member's newest warrant.
#[derive(Debug, Default)]
pub struct Former {
    /// Feeds for which somebody else vouches than before, or nobody.
    feeds: BTreeSet<FeedId>,
    /// The feeds of which a former key signed more than the warrant names: how many leaves were held, and
    /// how many count.
    pub cut: BTreeMap<FeedId, (u64, u64)>,
    /// How many feeds it does not name.
    pub void: u64,
    /// Why the leaves could not be removed.
    pub hindered: Option<StoreError>,
}

impl Former {
    /// How many leaves a former key signed above the heads that the warrant names.
    #[must_use]
    pub fn leaves(&self) -> u64 {
        self.cut.values().map(|(held, counts)| held - counts).sum()
    }

    /// The readers of the feeds for which somebody else vouches than before. A session that began before
    /// may still ask them for what has gone, or be asked for it.
    #[must_use]
    pub fn readers<W: World>(&self, ground: &Ground<'_, W>) -> BTreeSet<MemberName> {
        let feeds = self.feeds.iter();
        let feeds = feeds.filter_map(|feed| ground.store.feeds().get(*feed));
        feeds
            .flat_map(|feed| feed.genesis().audience.members().to_vec())
            .collect()
    }
}

/// The serial of each member's newest warrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warrants(BTreeMap<MemberName, u64>);

impl Warrants {
    /// Those that are known now.
    #[must_use]
    pub fn of(members: &Members) -> Self {
        let serials = members.serials().into_iter();
        Self(serials.map(|(name, warrant, _)| (name, warrant)).collect())
    }

    /// The members whose warrants are others now.
    pub fn replaced(&self, members: &Members) -> impl Iterator<Item = MemberName> + use<> {
        let Self(mut now) = Self::of(members);
        now.retain(|member, serial| self.0.get(member).copied().unwrap_or_default() != *serial);
        now.into_keys()
    }
}

impl Reader {
    /// Has each feed of each member count as far as its warrant says, as at the start.
    pub fn weigh_all<W: World>(ground: &mut Ground<'_, W>) -> Vec<(MemberName, Former)> {
        Self::weigh_ours(ground);
        let Warrants(all) = Warrants::of(ground.members);
        let weighed = all.into_keys().map(|member| {
            let former = weigh(ground, &member);
            (member, former)
        });
        weighed.collect()
    }

    /// A member has a new warrant: it is looked again at what its former keys vouched for.
    pub fn keys_replaced<W: World>(
        &mut self,
        ground: &mut Ground<'_, W>,
        member: &MemberName,
    ) -> Former {
        let former = weigh(ground, member);
        let signing = ground.members.credentials(member);
        if let (Some((warrant, _)), Some(charter)) = (signing, ground.members.charter()) {
            let federation = charter.federation().as_str();
            let its = ground.store.feeds().of(member);
            let its = its.map(FeedState::id).collect();
            self.relay
                .keys_replaced(member, &its, federation, warrant.signing());
        }
        former
    }

    /// What this node has not signed again yet it shows to nobody.
    pub fn weigh_ours<W: World>(ground: &mut Ground<'_, W>) {
        let signed = |held: &FeedState| match held.checkpoint() {
            Some((_, note)) if !ground.keys.signed(note) => Vouched::Root,
            Some(_) | None => Vouched::Present,
        };
        let feeds = ground.store.feeds().of(ground.keys.me);
        let weighed: Vec<_> = feeds.map(|held| (held.id(), signed(held))).collect();
        for (feed, vouched) in weighed {
            ground.store.set_vouched(feed, vouched);
        }
    }

    /// The present key of the publisher vouches for another history of a feed than a former key did: what
    /// is held from there on is removed.
    pub fn void<W: World>(
        ground: &mut Ground<'_, W>,
        feed: FeedId,
        from: u64,
    ) -> Result<(), StoreError> {
        let step = Step::new().void(feed, from);
        ground.store.commit(step, Durably::Synced)?;
        Ok(())
    }
}

/// Has each feed of a member count as far as its warrant says.
fn weigh<W: World>(ground: &mut Ground<'_, W>, member: &MemberName) -> Former {
    let mut former = Former::default();
    let Some((warrant, _)) = ground.members.credentials(member) else {
        return former;
    };
    if member == ground.keys.me {
        return former;
    }
    let feeds = ground.store.feeds().of(member);
    let weighed: Vec<_> = feeds
        .filter(|held| held.size() > 0)
        .map(|held| {
            let (size, has_head) = (held.size(), held.checkpoint().is_some());
            let counts = counts(held, warrant);
            (held.id(), size, has_head, held.vouched(), counts)
        })
        .collect();
    let mut step = Step::new();
    for (feed, size, has_head, before, counts) in weighed {
        let vouched = match counts {
            Counts::All => Vouched::Present,
            Counts::UpTo(_) => Vouched::Root,
            Counts::Nothing => Vouched::Nobody,
        };
        ground.store.set_vouched(feed, vouched);
        // One without any head may be on its way: it counts when it is whole.
        former.void += u64::from(vouched == Vouched::Nobody && has_head);
        if vouched != before {
            former.feeds.insert(feed);
        }
        if let Counts::UpTo(most) = counts
            && size > most
        {
            step = step.void(feed, most);
            former.cut.insert(feed, (size, most));
        }
    }
    if !step.is_empty()
        && let Err(error) = ground.store.commit(step, Durably::Synced)
    {
        // What cannot be removed is in no answer all the same, until a start removes it.
        for feed in former.cut.keys() {
            ground.store.set_vouched(*feed, Vouched::Nobody);
        }
        former.hindered = Some(error);
    }
    former
}
