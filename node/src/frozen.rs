//! The heads at which the word of this node's present signing key is to end, for a next warrant.
//!
//! Who has the old key can sign on from any head. So the root key names for each feed the head up to
//! which all readers are to believe what the old key signed; what is above that they drop.

use std::collections::BTreeMap;

use kentong_keys::{Digest, FrozenHead, Warrant};

use crate::signer::{Signed, Signer};
use crate::store::{FeedState, Store};

/// The heads, and the signer state that goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// Of each feed that others read, ordered by feed.
    pub heads: Vec<FrozenHead>,
    /// What the new key goes on from, with the feeds that nobody else reads.
    pub signed: BTreeMap<Digest, Signed>,
    /// Feeds that had ended in a recovery and go on: the root key says now how far they went.
    pub resumed: usize,
    /// Own feeds, or leaves of them, that are known to have been signed and are not held.
    pub lost: usize,
}

/// Why no heads can be named yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrozenError {
    /// It is not known what was signed last.
    #[error(
        "this home does not know what it signed last, as after a restore: whatever its readers hold \
         beyond would be void for good. Run the node until `kentong status` says that all is back, stop \
         it, and draft then; or give up what is not here with --as-held"
    )]
    Unknown,
    /// Leaves that were signed are not held.
    #[error(
        "this home lacks leaves of {0} of its own feeds that were signed: they would be void for good. \
         Run the node until `kentong status` says that all is back, stop it, and draft then; or give \
         them up with --as-held"
    )]
    Behind(usize),
    /// The log has another history of a feed than was signed.
    #[error(
        "feed {0} is another one than was signed: the home is damaged; restore it from its backup"
    )]
    Other(Digest),
    /// More feeds than a warrant names.
    #[error(
        "this node has {0} feeds, and a warrant names at most {max}; tell the developers",
        max = Warrant::MAX_HEADS
    )]
    TooMany(usize),
}

impl Frozen {
    /// The heads of a home whose node does not run. `signer` is none if its state is lost. With
    /// `as_held` what is not here is given up.
    pub fn of(store: &Store, signer: Option<&Signer>, as_held: bool) -> Result<Self, FrozenError> {
        let mut frozen = Self {
            heads: Vec::new(),
            signed: BTreeMap::new(),
            resumed: 0,
            lost: 0,
        };
        for held in store.feeds().of(store.me()).filter(|held| held.size() > 0) {
            frozen.add(held, signer)?;
        }
        let signed = signer.into_iter().flat_map(Signer::iter);
        frozen.lost += signed
            .filter(|(feed, signed)| !signed.is_ended() && !frozen.signed.contains_key(feed))
            .count();
        if !as_held && signer.is_none() {
            return Err(FrozenError::Unknown);
        }
        if !as_held && frozen.lost > 0 {
            return Err(FrozenError::Behind(frozen.lost));
        }
        if frozen.heads.len() > Warrant::MAX_HEADS {
            return Err(FrozenError::TooMany(frozen.heads.len()));
        }
        frozen.heads.sort_unstable_by_key(|head| head.feed);
        Ok(frozen)
    }

    fn add(&mut self, held: &FeedState, signer: Option<&Signer>) -> Result<(), FrozenError> {
        let feed = *held.id().digest();
        let covered = held.checkpoint().map_or(0, |(size, _)| size);
        let size = match signer.map(|signer| signer.get(&feed)) {
            // Never signed: the next start drops it.
            Some(None) => return Ok(()),
            None => covered,
            Some(Some(signed)) if signed.is_ended() => {
                self.resumed += 1;
                covered
            }
            Some(Some(Signed { size, root })) => match held.tree().root_at(size) {
                Some(found) if found == root => size,
                Some(_) => return Err(FrozenError::Other(feed)),
                None => {
                    self.lost += 1;
                    covered
                }
            },
        };
        let Some(root) = held.tree().root_at(size).filter(|_| size > 0) else {
            return Ok(());
        };
        self.signed.insert(feed, Signed { size, root });
        if !held.is_private() {
            self.heads.push(FrozenHead { feed, size, root });
        }
        Ok(())
    }
}
