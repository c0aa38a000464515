//! The heads at which the word of this node's present signing key is to end, for a next warrant.
//!
//! Who has the old key can sign more from any head. So the root key names for each feed the head up to
//! which all readers are to believe what the old key signed; what is above that they drop. A home that
//! was lost does not know those heads: its readers do, and give them as files ([`HeldHeads`]).

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, FrozenHead, Warrant};

use crate::feed::{FeedId, HeldHeads};
use crate::store::{FeedState, Log, Rows, Store};

use super::heads::{Heads, Signed};

/// The heads, and the signer state that goes with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frozen {
    /// What the new key goes on from.
    pub signed: BTreeMap<Digest, Signed>,
    /// The feeds among them that others read: these a warrant names.
    shared: BTreeSet<Digest>,
    /// Feeds that had ended in a recovery and go on: the root key says now how far they went.
    pub resumed: usize,
    /// Our feeds of which leaves are known to have been signed that nobody gave.
    pub lost: usize,
    /// Feeds that go on from heads that only readers hold: what leads to them is fetched from there.
    pub from_readers: usize,
}

/// Why no heads can be named yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrozenError {
    /// It is not known what was signed last: whatever readers hold beyond would be void for good.
    #[error("it is not known what was signed last")]
    Unknown,
    /// Leaves of so many feeds were signed and are not held: they would be void for good.
    #[error("leaves of {0} feeds were signed and are not held")]
    Behind(usize),
    /// The log has another history of a feed than was signed.
    #[error("feed {0} is another one than was signed")]
    Other(Digest),
    /// A reader's head of a feed is not on the history that is held, or that another reader shows.
    #[error("two histories of feed {0} were signed under the former key")]
    TwoHistories(Digest),
    /// More feeds than a warrant names.
    #[error("{0} feeds, and a warrant names at most {max}", max = Warrant::MAX_HEADS)]
    TooMany(usize),
}

impl Frozen {
    /// The heads of a home whose node does not run, and what its readers hold beyond, as their files
    /// say. `signer` is none if its state is lost. With `as_held` what is not here and in no file is given
    /// up.
    pub fn of(
        store: &Store<impl Log, impl Rows>,
        signer: Option<&impl Heads>,
        readers: &[HeldHeads],
        as_held: bool,
    ) -> Result<Self, FrozenError> {
        let mut frozen = Self::held(store, signer)?;
        for held in readers {
            frozen.add_heads(store, held)?;
        }
        if !as_held && signer.is_none() && readers.is_empty() {
            return Err(FrozenError::Unknown);
        }
        let signed = signer.into_iter().flat_map(Heads::iter);
        let signed = signed.filter(|(_, signed)| !signed.is_ended());
        let lost = signed.filter(|(feed, signed)| {
            let known = frozen.signed.get(feed);
            known.is_none_or(|known| known.size < signed.size)
        });
        frozen.lost = lost.count();
        let away = frozen.signed.iter().filter(|(feed, signed)| {
            let held = store.feeds().get(FeedId::from_digest(**feed));
            held.is_none_or(|held| held.size() < signed.size)
        });
        frozen.from_readers = away.count();
        if !as_held && frozen.lost > 0 {
            return Err(FrozenError::Behind(frozen.lost));
        }
        if frozen.shared.len() > Warrant::MAX_HEADS {
            return Err(FrozenError::TooMany(frozen.shared.len()));
        }
        Ok(frozen)
    }

    /// The heads as a warrant names them. None if this home has signed beyond, or otherwise.
    pub fn under(
        store: &Store<impl Log, impl Rows>,
        signer: Option<&impl Heads>,
        warrant: &Warrant,
    ) -> Result<Option<Self>, FrozenError> {
        let mut frozen = Self::held(store, signer)?;
        for (feed, signed) in &mut frozen.signed {
            if !frozen.shared.contains(feed) {
                continue;
            }
            match warrant.head(feed) {
                Some(head) if head.size == signed.size && head.root == signed.root => {}
                Some(head) if head.size > signed.size => {
                    signed.size = head.size;
                    signed.root = head.root;
                }
                Some(_) | None => return Ok(None),
            }
        }
        for FrozenHead { feed, size, root } in warrant.heads().iter().copied() {
            frozen.signed.insert(feed, Signed { size, root });
            frozen.shared.insert(feed);
        }
        Ok(Some(frozen))
    }

    /// The heads that a warrant is to name, ordered by feed.
    #[must_use]
    pub fn heads(&self) -> Vec<FrozenHead> {
        let shared = self.signed.iter();
        let shared = shared.filter(|(feed, _)| self.shared.contains(feed));
        shared
            .map(|(feed, Signed { size, root })| FrozenHead {
                feed: *feed,
                size: *size,
                root: *root,
            })
            .collect()
    }

    /// What this home knows by itself.
    fn held(
        store: &Store<impl Log, impl Rows>,
        signer: Option<&impl Heads>,
    ) -> Result<Self, FrozenError> {
        let mut frozen = Self::default();
        for held in store.feeds().of(store.me()).filter(|held| held.size() > 0) {
            frozen.add(held, signer)?;
        }
        Ok(frozen)
    }

    fn add(&mut self, held: &FeedState, signer: Option<&impl Heads>) -> Result<(), FrozenError> {
        let feed = *held.id().digest();
        // What no checkpoint covers may have been answered for or given to readers all the same, and the
        // new key has signed nothing that it could contradict.
        let all = held.size();
        let size = match signer.map(|signer| signer.get(&feed)) {
            // Never signed: the next start drops it.
            Some(None) => return Ok(()),
            None => all,
            Some(Some(signed)) if signed.is_ended() => {
                self.resumed += 1;
                all
            }
            Some(Some(Signed { size, root })) => match held.tree().root_at(size) {
                Some(found) if found == root => size,
                Some(_) => return Err(FrozenError::Other(feed)),
                None => all,
            },
        };
        let Some(root) = held.tree().root_at(size).filter(|_| size > 0) else {
            return Ok(());
        };
        self.signed.insert(feed, Signed { size, root });
        if !held.is_private() {
            self.shared.insert(feed);
        }
        Ok(())
    }

    /// Takes from a reader's file what goes beyond what is known.
    fn add_heads(
        &mut self,
        store: &Store<impl Log, impl Rows>,
        readers: &HeldHeads,
    ) -> Result<(), FrozenError> {
        for (id, head) in readers.heads() {
            let feed = *id.digest();
            let (size, root) = (head.size(), *head.root());
            let held = store.feeds().get(*id).map(FeedState::tree);
            let held = held.and_then(|tree| tree.root_at(size));
            let known = self.signed.get(&feed).copied();
            let same = known.filter(|known| known.size == size);
            if held.is_some_and(|held| held != root) || same.is_some_and(|same| same.root != root) {
                return Err(FrozenError::TwoHistories(feed));
            }
            if known.is_none_or(|known| known.size < size) {
                self.signed.insert(feed, Signed { size, root });
                self.shared.insert(feed);
            }
        }
        Ok(())
    }
}
