//! What a feed is to grow by: made as a step, and neither stored nor signed yet.

use kentong_keys::{BodyContext, SealingChance};

use crate::charter::Charter;
use crate::feed::{
    Audience, BatchDraft, EpochDraft, FeedId, Frontier, GenesisLeaf, Leaf, OpenEpoch, leaf_hash,
};
use crate::store::Step;

use super::super::World;
use super::{PublishError, Publisher, Tools};

/// A feed while a publication is being made.
pub(super) struct Growing {
    pub(super) feed: FeedId,
    /// It is the feed for its audience from now on.
    pub(super) open: bool,
    pub(super) tree: Frontier,
    pub(super) new_epoch: Option<OpenEpoch>,
    pub(super) statements: u64,
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
}

impl<T> Publisher<T> {
    /// Adds to a step what appends `statements` to the feed for `audience`.
    pub(super) fn grow<W: World>(
        &self,
        with: &mut Tools<'_, W>,
        mut step: Step,
        audience: Audience,
        statements: Vec<Vec<u8>>,
    ) -> Result<(Step, Growing), PublishError> {
        let members = with.ground.members;
        let charter = members.charter().ok_or(PublishError::NoCharter)?;
        let federation = *charter.id().digest();
        let held = self.feeds.get(&audience);
        let held = held.and_then(|feed| with.ground.store.feeds().get(*feed));
        let (feed, mut tree, last_epoch) = match held {
            Some(held) => {
                let last = held.epochs().last_key_value();
                let last = last.map_or(0, |(epoch, _)| *epoch);
                (held.id(), held.tree().frontier(), last)
            }
            None => {
                let genesis = genesis(with, charter, &audience);
                let (feed, mut tree) = (genesis.feed_id(), Frontier::default());
                step = append(step, feed, &mut tree, &Leaf::Genesis(genesis));
                (feed, tree, 0)
            }
        };
        let now = with.ground.now.moment;
        let count = statements.len() as u64;
        let open = self.epochs.get(&feed);
        let open = open.filter(|epoch| epoch.takes(count, now));
        let mut new_epoch = None;
        if open.is_none() {
            let number = last_epoch + 1;
            let key = with.chance.epoch_key();
            let draft = EpochDraft {
                federation: &federation,
                feed,
                epoch: number,
                charter_version: charter.version(),
                audience: &audience,
            };
            let (keys, chance) = (with.ground.keys, &mut *with.chance);
            let leaf = draft.seal_with(
                &key,
                || SealingChance::filled_by(|bytes| chance.fill(bytes)),
                |member| keys.sealing_key(members, member),
            );
            step = append(step, feed, &mut tree, &Leaf::Epoch(leaf));
            step = step.epoch_key(feed, number, &key);
            let mut epoch = OpenEpoch::begin(number, key, now);
            epoch.seals(count);
            new_epoch = Some(epoch);
        }
        let epoch = new_epoch.as_ref().or(open);
        let epoch = epoch.ok_or_else(|| PublishError::Stopped("no epoch is open".into()))?;
        for draft in BatchDraft::holding(statements) {
            let index = tree.size();
            let context = BodyContext {
                federation: &federation,
                feed: feed.digest(),
                incarnation: 0,
                index,
            };
            let random = (with.chance.draw(), with.chance.draw());
            let sealed = draft.seal(epoch.number(), epoch.key(), &context, random);
            let sealed = sealed.ok_or_else(|| PublishError::Stopped("a batch is empty".into()))?;
            step = append(step, feed, &mut tree, &Leaf::Batch(sealed.leaf));
            step = step.body(feed, index, sealed.body);
        }
        let growing = Growing {
            feed,
            open: true,
            tree,
            new_epoch,
            statements: count,
        };
        Ok((step, growing))
    }
}

fn genesis<W: World>(
    with: &mut Tools<'_, W>,
    charter: &Charter,
    audience: &Audience,
) -> GenesisLeaf {
    let nonce = with.chance.first_leaf(audience);
    GenesisLeaf {
        federation: *charter.id().digest(),
        publisher: with.me().clone(),
        audience: audience.clone(),
        charter_version: charter.version(),
        incarnation: 0,
        nonce,
    }
}

/// Adds to a step the next leaf of a feed.
pub(super) fn append(step: Step, feed: FeedId, tree: &mut Frontier, leaf: &Leaf) -> Step {
    let (bytes, index) = (leaf.encode(), tree.size());
    tree.push(leaf_hash(&bytes));
    step.leaf(feed, index, bytes)
}
