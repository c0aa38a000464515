//! A step: what is committed together, and what came of it.

use crate::feed::{BodyError, FeedId};
use crate::statement::StatementError;
use kentong_keys::{EpochKey, MemberName, Secret};

/// Changes that take effect together or not at all, in this order.
#[derive(Debug, Default)]
#[must_use]
pub struct Step {
    pub(super) items: Vec<Item>,
}

#[derive(Debug)]
pub(super) enum Item {
    Leaf(FeedId, u64, Vec<u8>),
    Body(FeedId, u64, Vec<u8>),
    Checkpoint(FeedId, u64, Vec<u8>),
    EpochKey(FeedId, u32, EpochKey),
    Disposition(FeedId, u64, Disposition),
    Truncate(FeedId, u64),
    Void(FeedId, u64),
    Receipt(FeedId, MemberName, Vec<u8>),
}

/// When a commit may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durably {
    /// It is on disk when the commit returns.
    Synced,
    /// It is on disk after a later synced commit or [`super::Store::sync`].
    Later,
}

/// What this node did with statements of a batch, other than taking them: which, and why, as a
/// number of the caller's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// Why.
    pub reason: u8,
    /// The places in the batch.
    pub places: Vec<u16>,
}

impl Disposition {
    /// The whole body is no longer held here, though no leaf says so: of a feed of one's own that
    /// takes no more leaves.
    pub const FORGOTTEN: u8 = 1;
}

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The batches that were opened and indexed.
    pub indexed: Vec<Indexed>,
    /// The bodies that do not hold what their leaves say. They are kept as evidence.
    pub bad: Vec<(FeedId, u64, BodyError)>,
    /// The bodies that wait for their epoch's key.
    pub waiting: Vec<(FeedId, u64)>,
    /// The bodies that are no longer held; they are overwritten once the leaf that says so is signed.
    pub erased: Vec<(FeedId, u64)>,
}

/// A batch that was opened and indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The feed.
    pub feed: FeedId,
    /// The index of its leaf.
    pub index: u64,
    /// Statements that can be found now.
    pub found: u16,
    /// Statements of a later kind: kept, and left alone.
    pub unknown: u16,
    /// Statements that do not decode, by their place in the batch.
    pub refused: Vec<(u16, StatementError)>,
}

impl Step {
    /// An empty step.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is to be done.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The next leaf of a feed; the first of a feed is its genesis.
    pub fn leaf(self, feed: FeedId, index: u64, bytes: Vec<u8>) -> Self {
        self.with(Item::Leaf(feed, index, bytes))
    }

    /// The sealed body of a batch leaf.
    pub fn body(self, feed: FeedId, index: u64, sealed: Vec<u8>) -> Self {
        self.with(Item::Body(feed, index, sealed))
    }

    /// A verified checkpoint: its note and size.
    pub fn checkpoint(self, feed: FeedId, note: Vec<u8>, size: u64) -> Self {
        self.with(Item::Checkpoint(feed, size, note))
    }

    /// The key of an epoch whose leaf is held. A second time changes nothing.
    pub fn epoch_key(self, feed: FeedId, epoch: u32, key: &EpochKey) -> Self {
        let key = EpochKey::from_secret(Secret::new(*key.secret().expose()));
        self.with(Item::EpochKey(feed, epoch, key))
    }

    /// What this node did with statements of a batch.
    pub fn disposition(self, feed: FeedId, index: u64, disposition: Disposition) -> Self {
        self.with(Item::Disposition(feed, index, disposition))
    }

    /// Overwrites the body of a batch here, and nowhere else.
    pub fn forget(self, feed: FeedId, index: u64) -> Self {
        let disposition = Disposition {
            reason: Disposition::FORGOTTEN,
            places: Vec::new(),
        };
        self.disposition(feed, index, disposition)
    }

    /// Drops the leaves from `size` on, which no checkpoint covers: own leaves ahead of the signer state.
    pub fn truncate(self, feed: FeedId, size: u64) -> Self {
        self.with(Item::Truncate(feed, size))
    }

    /// Drops the leaves from `size` on, with the checkpoints over them: what a former key of the publisher
    /// signed and its warrant does not vouch for.
    pub fn void(self, feed: FeedId, size: u64) -> Self {
        self.with(Item::Void(feed, size))
    }

    /// What a member says it holds of a feed; its newest word is kept at hand.
    pub fn receipt(self, peer: MemberName, feed: FeedId, bytes: Vec<u8>) -> Self {
        self.with(Item::Receipt(feed, peer, bytes))
    }

    fn with(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }
}
