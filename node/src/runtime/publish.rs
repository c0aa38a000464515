//! Publishing: the one place where this node signs a feed.
//!
//! The order (`node/DECISIONS.md#the-order-of-publishing`) is: seal, append leaves and bodies to the log, make them durable,
//! move the signer state forward and make that durable, sign, announce. Whatever stops it between
//! two of these is finished or dropped at the next start.

use std::collections::BTreeMap;

use kentong_keys::BodyContext;
use kentong_protocol::charter::Charter;
use kentong_protocol::feed::{
    Audience, BatchDraft, Checkpoint, EpochDraft, EraseLeaf, FeedId, Frontier, GenesisLeaf, Leaf,
    OpenEpoch, Origin, leaf_hash,
};
use kentong_protocol::member::heads::Heads as _;
use kentong_protocol::member::sessions::Input;

use crate::signer::{Signed, Swap};
use crate::store::{Durably, Step, StoreError};

use super::core::Core;

/// Why nothing was published. What was asked for is not on disk, or will be dropped from it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error("there is no charter yet, so there is no federation to publish in")]
    NoCharter,
    #[error("publishing is halted: {0}")]
    Halted(String),
    #[error("it is not known yet what this node signed last")]
    Recovering,
    /// It failed after the signer state may have moved: the next start finishes it, or drops it.
    #[error("publishing is halted, and it is open whether this was stored: {0}")]
    Unfinished(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("an audience has too many members")]
    Audience,
}

/// A feed while a publication is put together.
pub(super) struct Growing {
    feed: FeedId,
    /// It is the feed for its audience from now on.
    open: bool,
    tree: Frontier,
    new_epoch: Option<OpenEpoch>,
    statements: u64,
}

impl Growing {
    /// A feed that ends, or has ended and is erased from.
    pub(super) const fn closed(feed: FeedId, tree: Frontier) -> Self {
        Self {
            feed,
            open: false,
            tree,
            new_epoch: None,
            statements: 0,
        }
    }

    pub(super) const fn feed(&self) -> FeedId {
        self.feed
    }
}

impl Core {
    /// Publishes statements (canonical bytes), each list to its audience. All of it is durable and
    /// signed when this returns, and connected readers are told.
    pub(super) fn publish(
        &mut self,
        lists: BTreeMap<Audience, Vec<Vec<u8>>>,
    ) -> Result<(), PublishError> {
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(audience, list)| (audience, (list, Vec::new())));
        self.publish_and_erase(lists.collect(), BTreeMap::new())
    }

    /// The same, each list followed by what it erases; and what is erased from feeds that are closed.
    /// Nothing is overwritten before that is signed.
    pub(super) fn publish_and_erase(
        &mut self,
        lists: BTreeMap<Audience, (Vec<Vec<u8>>, Vec<EraseLeaf>)>,
        closed: BTreeMap<FeedId, Vec<EraseLeaf>>,
    ) -> Result<(), PublishError> {
        self.history.may_publish()?;
        let mut step = Step::new();
        let mut grown = Vec::new();
        for (audience, (statements, erase)) in lists {
            let (next, mut growing) = self.grow(step, audience.clone(), statements)?;
            step = erase.into_iter().fold(next, |step, leaf| {
                append(step, growing.feed, &mut growing.tree, &Leaf::Erase(leaf))
            });
            grown.push((audience, growing));
        }
        for (feed, erase) in closed {
            let Some(held) = self.store.feeds().get(feed) else {
                continue;
            };
            let mut tree = held.tree().frontier();
            step = erase.into_iter().fold(step, |step, leaf| {
                append(step, feed, &mut tree, &Leaf::Erase(leaf))
            });
            grown.push((held.genesis().audience.clone(), Growing::closed(feed, tree)));
        }
        if grown.is_empty() {
            return Ok(());
        }
        self.publish_step(step, grown)
    }

    /// Makes durable what feeds are to grow by, signs it, and tells connected readers.
    pub(super) fn publish_step(
        &mut self,
        step: Step,
        grown: Vec<(Audience, Growing)>,
    ) -> Result<(), PublishError> {
        self.history.may_publish()?;
        self.store.commit(step, Durably::Synced)?;
        self.sign(&grown)?;
        let now = self.now().millis;
        for (audience, growing) in grown {
            let Growing {
                feed,
                open,
                new_epoch,
                statements,
                ..
            } = growing;
            self.outgoing.released(&audience, statements, now);
            if open {
                self.feeds.insert(audience, feed);
            }
            if let Some(epoch) = new_epoch {
                self.epochs.insert(feed, epoch);
            } else if let Some(epoch) = self.epochs.get_mut(&feed) {
                epoch.seals(statements);
            }
            self.tell(Input::Published(feed));
        }
        Ok(())
    }

    /// Adds to a step what appends `statements` to the feed for `audience`.
    pub(super) fn grow(
        &self,
        mut step: Step,
        audience: Audience,
        statements: Vec<Vec<u8>>,
    ) -> Result<(Step, Growing), PublishError> {
        let charter = self.members.charter().ok_or(PublishError::NoCharter)?;
        let federation = *charter.id().digest();
        let charter_version = charter.version();
        let held = self
            .feeds
            .get(&audience)
            .and_then(|feed| self.store.feeds().get(*feed));
        let (feed, mut tree, last_epoch) = match held {
            Some(held) => {
                let epoch = held
                    .epochs()
                    .last_key_value()
                    .map_or(0, |(epoch, _)| *epoch);
                (held.id(), held.tree().frontier(), epoch)
            }
            None => {
                let genesis = self.genesis(charter, &audience);
                let (feed, mut tree) = (genesis.feed_id(), Frontier::default());
                step = append(step, feed, &mut tree, &Leaf::Genesis(genesis));
                (feed, tree, 0)
            }
        };
        let now = self.now().millis;
        let count = statements.len() as u64;
        let open = self
            .epochs
            .get(&feed)
            .filter(|epoch| epoch.takes(count, now));
        let mut new_epoch = None;
        if open.is_none() {
            let number = last_epoch + 1;
            let key = self.random.epoch_key();
            let draft = EpochDraft {
                federation: &federation,
                feed,
                epoch: number,
                charter_version,
                audience: &audience,
            };
            let leaf = draft.seal(&key, |member| self.sealing_key(member));
            step = append(step, feed, &mut tree, &Leaf::Epoch(leaf));
            step = step.epoch_key(feed, number, &key);
            let mut epoch = OpenEpoch::begin(number, key, now);
            epoch.seals(count);
            new_epoch = Some(epoch);
        }
        let epoch = new_epoch.as_ref().or(open);
        let epoch = epoch.ok_or_else(|| PublishError::Halted("no epoch is open".into()))?;
        for draft in BatchDraft::holding(statements) {
            let index = tree.size();
            let context = BodyContext {
                federation: &federation,
                feed: feed.digest(),
                incarnation: 0,
                index,
            };
            let random = (self.random.bytes(), self.random.bytes());
            let sealed = draft.seal(epoch.number(), epoch.key(), &context, random);
            let sealed = sealed.ok_or_else(|| PublishError::Halted("a batch is empty".into()))?;
            step = append(step, feed, &mut tree, &Leaf::Batch(sealed.leaf));
            step = step.body(feed, index, sealed.body);
        }
        Ok((
            step,
            Growing {
                feed,
                open: true,
                tree,
                new_epoch,
                statements: count,
            },
        ))
    }

    fn genesis(&self, charter: &Charter, audience: &Audience) -> GenesisLeaf {
        GenesisLeaf {
            federation: *charter.id().digest(),
            publisher: self.me.clone(),
            audience: audience.clone(),
            charter_version: charter.version(),
            incarnation: 0,
            nonce: self.random.bytes(),
        }
    }

    /// Moves the signer state forward, then signs. If that fails the node must not go on: the log
    /// is ahead of the signer state, and the next start drops what is.
    fn sign(&mut self, grown: &[(Audience, Growing)]) -> Result<(), PublishError> {
        let swaps: Vec<_> = grown
            .iter()
            .map(|(_, growing)| Swap {
                feed: *growing.feed.digest(),
                expected: self.signer.get(growing.feed.digest()),
                new: Signed {
                    size: growing.tree.size(),
                    root: growing.tree.root(),
                },
            })
            .collect();
        if let Err(error) = self.signer.swap_all(&swaps) {
            self.halt(error.to_string());
            return Err(PublishError::Unfinished(error.to_string()));
        }
        let mut step = Step::new();
        for (_, growing) in grown {
            let (size, root) = (growing.tree.size(), growing.tree.root());
            let signed = self
                .checkpoint(growing.feed, size, root)
                .ok_or(PublishError::NoCharter)?;
            step = step.checkpoint(growing.feed, signed.note().to_vec(), size);
        }
        if let Err(error) = self.store.commit(step, Durably::Later) {
            self.halt(error.to_string());
            return Err(PublishError::Unfinished(error.to_string()));
        }
        Ok(())
    }

    /// Signs a checkpoint of an own feed. The signer state says so already.
    pub(super) fn checkpoint(
        &self,
        feed: FeedId,
        size: u64,
        root: kentong_protocol::Digest,
    ) -> Option<Checkpoint> {
        let origin = Origin {
            federation: self.members.charter()?.federation().as_str().to_owned(),
            publisher: self.me.clone(),
            feed,
            incarnation: 0,
        };
        Some(Checkpoint::sign(origin, size, root, &self.identity.signing))
    }
}

pub(super) fn append(step: Step, feed: FeedId, tree: &mut Frontier, leaf: &Leaf) -> Step {
    let (bytes, index) = (leaf.encode(), tree.size());
    tree.push(leaf_hash(&bytes));
    step.leaf(feed, index, bytes)
}
