//! Reading what is sealed: epoch keys and bodies, from the log.
//!
//! What was opened last is kept: a few keys, and bodies up to a bound. A body in the cache is
//! decrypted and still compressed; of one frame at a time the statements are kept as well, for
//! look-ups that follow each other.

use std::cell::RefCell;
use std::sync::Arc;

use crate::feed::{BatchLeaf, BodyError, EpochLeaf, FRAME_STATEMENTS, FeedId, Leaf, OpenBody};
use kentong_keys::{BodyContext, EpochKey, Secret, StoreKey};

use super::position::Position;
use super::record::Payload;

use super::error::StoreError;
use super::feeds::FeedState;
use super::ground::{GroundError, Log};
use super::place::Place;
use super::recent::Recent;

/// How many epoch keys are kept open.
const KEYS: usize = 64;
/// How many frames are kept with their statements.
const FRAMES: usize = 8;

/// The key to what the log holds sealed, and what was opened last.
#[derive(Debug)]
pub(super) struct Vault {
    store_key: StoreKey,
    keys: RefCell<Recent<Position, EpochKey>>,
    bodies: RefCell<Recent<Position, OpenBody>>,
    frames: RefCell<Recent<(Position, usize), Statements>>,
}

/// Opens what a log holds sealed.
#[derive(Debug)]
pub(super) struct OpenVault<'a, L> {
    vault: &'a Vault,
    log: &'a L,
}

impl<L> Clone for OpenVault<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for OpenVault<'_, L> {}

/// The bytes of the statements of a batch or a frame.
pub(super) type Statements = Vec<Vec<u8>>;

impl Vault {
    /// Keeps at most so many bytes of opened bodies.
    pub(super) fn new(store_key: StoreKey, cache_bytes: usize) -> Self {
        Self {
            store_key,
            keys: RefCell::new(Recent::new(KEYS)),
            bodies: RefCell::new(Recent::new(cache_bytes)),
            frames: RefCell::new(Recent::new(FRAMES)),
        }
    }

    /// The vault with its log, which is always the same one.
    pub(super) const fn over<'a, L: Log>(&'a self, log: &'a L) -> OpenVault<'a, L> {
        OpenVault { vault: self, log }
    }

    /// Forgets everything that was opened.
    pub(super) fn forget(&self) {
        self.keys.borrow_mut().clear();
        self.bodies.borrow_mut().clear();
        self.frames.borrow_mut().clear();
    }
}

impl<L: Log> OpenVault<'_, L> {
    /// The content of a record; none if it was erased.
    pub(super) fn read(&self, at: Position) -> Result<Option<Vec<u8>>, GroundError> {
        match self.log.read(at)?.payload {
            Payload::Held(bytes) => Ok(Some(bytes)),
            Payload::Erased => Ok(None),
        }
    }

    /// Seals an epoch key for the log.
    pub(super) fn seal_key(&self, feed: FeedId, epoch: u32, key: &EpochKey) -> Vec<u8> {
        self.vault
            .store_key
            .seal_record(&context(feed, epoch), key.secret().expose())
    }

    /// The key of an epoch, if it is held.
    pub(super) fn epoch_key(
        &self,
        feed: &FeedState,
        epoch: u32,
    ) -> Result<Option<Arc<EpochKey>>, StoreError> {
        let Some(at) = feed.epochs.get(&epoch).and_then(|epoch| epoch.key) else {
            return Ok(None);
        };
        if let Some(key) = self.vault.keys.borrow().get(&at) {
            return Ok(Some(key));
        }
        let wrong = || StoreError::StoreKey(feed.id);
        let sealed = self.read(at)?.ok_or_else(wrong)?;
        let opened = self
            .vault
            .store_key
            .open_record(&context(feed.id, epoch), &sealed);
        let opened = opened.map_err(|_| wrong())?;
        let secret = Secret::from_slice(&opened).ok_or_else(wrong)?;
        Ok(Some(self.vault.keys.borrow_mut().put(
            at,
            1,
            EpochKey::from_secret(secret),
        )))
    }

    /// The bytes of the leaf at `index`.
    pub(super) fn leaf(&self, feed: &FeedState, index: u64) -> Result<Vec<u8>, StoreError> {
        let none = || StoreError::NoLeaf {
            feed: feed.id,
            index,
        };
        self.read(feed.entry(index).ok_or_else(none)?.at)?
            .ok_or_else(none)
    }

    /// The batch leaf at `index`.
    pub(super) fn batch(&self, feed: &FeedState, index: u64) -> Result<BatchLeaf, StoreError> {
        match Leaf::decode(&self.leaf(feed, index)?) {
            Ok(Leaf::Batch(leaf)) => Ok(leaf),
            _ => Err(StoreError::NoLeaf {
                feed: feed.id,
                index,
            }),
        }
    }

    /// The epoch leaf at `index`.
    pub(super) fn epoch(&self, feed: &FeedState, index: u64) -> Result<EpochLeaf, StoreError> {
        match Leaf::decode(&self.leaf(feed, index)?) {
            Ok(Leaf::Epoch(leaf)) => Ok(leaf),
            _ => Err(StoreError::NoLeaf {
                feed: feed.id,
                index,
            }),
        }
    }

    /// The index that the erase leaf at `index` names; none if it is no erase leaf.
    pub(super) fn erase_target(
        &self,
        feed: &FeedState,
        index: u64,
    ) -> Result<Option<u64>, StoreError> {
        match Leaf::decode(&self.leaf(feed, index)?) {
            Ok(Leaf::Erase(leaf)) => Ok(Some(leaf.index)),
            Ok(Leaf::Genesis(_) | Leaf::Epoch(_) | Leaf::Batch(_) | Leaf::Close(_)) | Err(_) => {
                Ok(None)
            }
        }
    }

    /// The sealed bytes of the body at `index`.
    pub(super) fn sealed(&self, feed: &FeedState, index: u64) -> Result<Vec<u8>, StoreError> {
        let none = || StoreError::NoBody {
            feed: feed.id,
            index,
        };
        let at = feed.body_at(index).ok_or_else(none)?;
        self.read(at)?.ok_or_else(none)
    }

    /// Opens a body for the first time and checks it against its leaf. None while its key is
    /// missing.
    pub(super) fn open(
        &self,
        feed: &FeedState,
        index: u64,
        sealed: Vec<u8>,
    ) -> Result<Option<Result<Statements, BodyError>>, StoreError> {
        let leaf = self.batch(feed, index)?;
        let Some(key) = self.epoch_key(feed, leaf.epoch)? else {
            return Ok(None);
        };
        let opened = leaf.open(&key, &body_context(feed, index), sealed);
        Ok(Some(opened.map(|(_, statements)| statements)))
    }

    /// A body that was opened before.
    pub(super) fn body(&self, feed: &FeedState, index: u64) -> Result<Arc<OpenBody>, StoreError> {
        let none = || StoreError::NoBody {
            feed: feed.id,
            index,
        };
        let at = feed.body_at(index).ok_or_else(none)?;
        if let Some(body) = self.vault.bodies.borrow().get(&at) {
            return Ok(body);
        }
        let sealed = self.sealed(feed, index)?;
        let leaf = self.batch(feed, index)?;
        let key = self.epoch_key(feed, leaf.epoch)?.ok_or_else(none)?;
        let bytes = sealed.len();
        let opened = leaf.decrypt(&key, &body_context(feed, index), sealed);
        let opened = opened.map_err(|error| StoreError::Body {
            feed: feed.id,
            index,
            error,
        })?;
        Ok(self.vault.bodies.borrow_mut().put(at, bytes, opened))
    }

    /// The bytes of one statement.
    pub(super) fn statement(&self, feed: &FeedState, place: Place) -> Result<Vec<u8>, StoreError> {
        let none = || StoreError::NoBody {
            feed: feed.id,
            index: place.index,
        };
        let at = feed.body_at(place.index).ok_or_else(none)?;
        let place_in_batch = usize::from(place.place);
        let (number, within) = (
            place_in_batch / FRAME_STATEMENTS,
            place_in_batch % FRAME_STATEMENTS,
        );
        let held = self.vault.frames.borrow().get(&(at, number));
        let statements = if let Some(statements) = held {
            statements
        } else {
            let frame = self.body(feed, place.index)?.frame(number);
            let (feed, index) = (feed.id, place.index);
            let frame = frame.map_err(|error| StoreError::Body { feed, index, error })?;
            self.vault.frames.borrow_mut().put((at, number), 1, frame)
        };
        statements
            .get(within)
            .cloned()
            .ok_or(StoreError::NoStatement)
    }
}

/// Under what an epoch key is sealed: it opens as no other epoch's.
fn context(feed: FeedId, epoch: u32) -> Vec<u8> {
    let mut context = b"kentong/stored-epoch-key/1".to_vec();
    context.extend_from_slice(feed.digest().as_bytes());
    context.extend_from_slice(&epoch.to_be_bytes());
    context
}

const fn body_context(feed: &FeedState, index: u64) -> BodyContext<'_> {
    BodyContext {
        federation: &feed.genesis.federation,
        feed: feed.id.digest(),
        incarnation: feed.genesis.incarnation,
        index,
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;

    use super::*;

    #[test]
    fn a_stored_key_opens_for_its_own_epoch_only() {
        let feed = |byte| FeedId::from_digest(Digest::from_bytes([byte; 32]));
        let key = StoreKey::from_secret([1; 32]);
        let sealed = key.seal_record(&context(feed(1), 1), b"key");
        assert!(key.open_record(&context(feed(1), 1), &sealed).is_ok());
        for other in [context(feed(1), 2), context(feed(2), 1)] {
            assert!(key.open_record(&other, &sealed).is_err());
        }
    }
}
