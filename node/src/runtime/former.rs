//! How far the word of a publisher's former keys goes, after its root key named others.
//!
//! What the present signing key vouches for counts. What only a former key signed counts up to the head
//! that the warrant names for its feed: what is above is taken back, for whoever has the old key could
//! have signed it. A feed that the warrant does not name counts for nothing; it is kept, in case that a
//! later warrant names it. Clocks and the order in which things came do not matter: every node comes to
//! the same end.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::Warrant;
use kentong_protocol::MemberName;
use kentong_protocol::feed::{FeedId, UnverifiedCheckpoint};
use kentong_protocol::member::sessions::{Input, Whom};
use kentong_protocol::wire::Bye;

use crate::store::{Durably, FeedState, Step, StoreError, Vouched};

use super::core::Core;
use super::warnings::{Subject, Warning};

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
            // Less is held than that: it goes on from there, or gives way.
            None => Counts::UpTo(head.size),
            Some(root) if root == head.root => Counts::UpTo(head.size),
            Some(_) => Counts::UpTo(0),
        },
    }
}

/// What was taken back under a new warrant.
#[derive(Debug, Default)]
struct TakenBack {
    /// Feeds for which somebody else vouches than before, or nobody.
    feeds: BTreeSet<FeedId>,
    /// Leaves that a former key signed above the heads that the warrant names.
    leaves: u64,
    /// Feeds that it does not name.
    void: u64,
    /// Why the leaves could not be taken back.
    hindered: Option<String>,
}

impl Core {
    /// The serial of each member's newest warrant.
    pub(super) fn warrants(&self) -> BTreeMap<MemberName, u64> {
        let serials = self.members.serials().into_iter();
        serials
            .map(|(member, warrant, _)| (member, warrant))
            .collect()
    }

    /// Looks at the start how far each member's word goes.
    pub(super) fn weigh_all(&mut self) {
        self.weigh_own();
        for member in self.warrants().into_keys() {
            let taken = self.weigh(&member);
            self.tell_taken_back(&member, &taken);
        }
    }

    /// Looks whose keys were replaced since these were the newest warrants.
    pub(super) fn look_for_new_keys(&mut self, before: &BTreeMap<MemberName, u64>) {
        for (member, serial) in self.warrants() {
            let known = before.get(&member).copied().unwrap_or_default();
            if known != serial && member != self.me {
                self.keys_replaced(&member);
            }
        }
    }

    /// A member has a new warrant: what its former keys vouched for is looked at anew.
    fn keys_replaced(&mut self, member: &MemberName) {
        let taken = self.weigh(member);
        let store = &self.store;
        // Its old sealing keys may be in the wrong hands, and open the epochs that are open.
        self.epochs.retain(|feed, _| {
            let held = store.feeds().get(*feed);
            held.is_none_or(|held| !held.genesis().audience.holds(member))
        });
        let signing = self.members.credentials(member);
        if let (Some((warrant, _)), Some(charter)) = (signing, self.members.charter()) {
            let federation = charter.federation().as_str();
            let its = store.feeds().of(member).map(FeedState::id).collect();
            self.relay
                .keys_replaced(member, &its, federation, warrant.signing());
        }
        self.standing.remove(member); // Rules that were broken under keys that have gone.
        self.cut_offs.forget(member);
        let links = self.sessions.links();
        let its = links.filter(|(_, of)| *of == member).map(|(link, _)| link);
        for link in its.collect::<Vec<_>>() {
            // Begun under the keys of before: nothing more of it is looked at.
            self.close(link);
            self.end(link);
        }
        self.tell_taken_back(member, &taken);
        // A session that began before may still ask for what has gone, or be asked for it.
        let feeds = taken.feeds.iter();
        let feeds = feeds.filter_map(|feed| self.store.feeds().get(*feed));
        let readers: BTreeSet<MemberName> = feeds
            .flat_map(|feed| feed.genesis().audience.members().to_vec())
            .collect();
        self.tell(Input::Close(Whom::Members(readers), Bye::Stopping));
    }

    /// Has each feed of a member count as far as its warrant says.
    fn weigh(&mut self, member: &MemberName) -> TakenBack {
        let mut taken = TakenBack::default();
        let Some((warrant, _)) = self.members.credentials(member) else {
            return taken;
        };
        if *member == self.me {
            return taken;
        }
        let feeds = self.store.feeds().of(member);
        let weighed: Vec<_> = feeds
            .filter(|held| held.size() > 0)
            .map(|held| {
                let (size, has_head) = (held.size(), held.checkpoint().is_some());
                let counts = counts(held, warrant);
                (held.id(), size, has_head, held.vouched(), counts)
            })
            .collect();
        let (mut step, mut cut) = (Step::new(), Vec::new());
        for (feed, size, has_head, before, counts) in weighed {
            let vouched = match counts {
                Counts::All => Vouched::Present,
                Counts::UpTo(_) => Vouched::Root,
                Counts::Nothing => Vouched::Nobody,
            };
            self.store.set_vouched(feed, vouched);
            // One without any head may be on its way: it counts when it is whole.
            taken.void += u64::from(vouched == Vouched::Nobody && has_head);
            if vouched != before {
                taken.feeds.insert(feed);
            }
            if let Counts::UpTo(most) = counts
                && size > most
            {
                tracing::warn!(peer = %member, ?feed, size, most, "a former key signed more than counts");
                step = step.void(feed, most);
                cut.push(feed);
                taken.leaves += size - most;
            }
        }
        if !step.is_empty()
            && let Err(error) = self.store.commit(step, Durably::Synced)
        {
            // What cannot be taken back is in no answer all the same, until a start takes it back.
            tracing::error!(peer = %member, %error, "what former keys signed could not be taken back");
            for feed in cut {
                self.store.set_vouched(feed, Vouched::Nobody);
            }
            taken.hindered = Some(error.to_string());
        }
        taken
    }

    /// What this node has not signed anew yet it shows to nobody.
    pub(super) fn weigh_own(&mut self) {
        let signed = |held: &FeedState| match held.checkpoint() {
            Some((_, note)) if !self.is_signed_by_us(note) => Vouched::Root,
            Some(_) | None => Vouched::Present,
        };
        let feeds = self.store.feeds().of(&self.me);
        let weighed: Vec<_> = feeds.map(|held| (held.id(), signed(held))).collect();
        for (feed, vouched) in weighed {
            self.store.set_vouched(feed, vouched);
        }
    }

    fn tell_taken_back(&mut self, member: &MemberName, taken: &TakenBack) {
        let TakenBack {
            leaves,
            void,
            hindered,
            ..
        } = taken;
        self.warnings.settle(&Subject::Former(member.clone()));
        if *leaves == 0 && *void == 0 {
            return;
        }
        tracing::warn!(peer = %member, leaves, void, "what former keys of a member signed does not count");
        if let Some(why) = hindered {
            self.warn(Warning::FormerKept {
                member: member.clone(),
                error: why.clone(),
            });
        } else if *leaves > 0 {
            self.warn(Warning::FormerTakenBack {
                member: member.clone(),
                leaves: *leaves,
            });
        }
        if *void > 0 {
            self.warn(Warning::FormerVoid {
                member: member.clone(),
                feeds: *void,
            });
        }
    }

    /// The present key of the publisher vouches for another history of a feed than a former key did.
    pub(super) fn give_way(&mut self, feed: FeedId, from: u64) -> Result<(), StoreError> {
        tracing::warn!(?feed, from, "what a former key signed gives way");
        self.store
            .commit(Step::new().void(feed, from), Durably::Synced)?;
        Ok(())
    }
}
