//! Publishing: the one place where this node signs a feed.
//!
//! The order (`node/DECISIONS.md#the-order-of-publishing`) is: seal, append leaves and bodies to the log, make them durable,
//! move the heads forward and make that durable, sign, announce. Whatever stops it between
//! two of these is finished or dropped at the next start.

use std::collections::BTreeMap;

use kentong_keys::Digest;

use crate::feed::{Audience, Checkpoint, EraseLeaf, FeedId, Leaf, Origin};
use crate::guard::{self, Guard};
use crate::store::{Durably, Step};

use super::super::heads::{Heads as _, Signed, Swap};
use super::super::{Keys, Members, World};
use super::growing::{Growing, append};
use super::{Output, PublishError, Publisher, Tools};

impl<T> Publisher<T> {
    /// Publishes statements (canonical bytes), each list to its audience. All of it is durable and
    /// signed when this returns.
    pub(super) fn publish<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        lists: BTreeMap<Audience, Vec<Vec<u8>>>,
    ) -> Result<(), PublishError> {
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(audience, list)| (audience, (list, Vec::new())));
        self.publish_and_erase(with, lists.collect(), BTreeMap::new())
    }

    /// The same, each list followed by what it erases; and what is erased from feeds that are closed.
    /// Nothing is overwritten before that is signed.
    pub(super) fn publish_and_erase<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        lists: BTreeMap<Audience, (Vec<Vec<u8>>, Vec<EraseLeaf>)>,
        closed: BTreeMap<FeedId, Vec<EraseLeaf>>,
    ) -> Result<(), PublishError> {
        with.permit.to_publish()?;
        let mut step = Step::new();
        let mut grown = Vec::new();
        for (audience, (statements, erase)) in lists {
            let (next, mut growing) = self.grow(with, step, audience.clone(), statements)?;
            step = erase.into_iter().fold(next, |step, leaf| {
                append(step, growing.feed, &mut growing.tree, &Leaf::Erase(leaf))
            });
            grown.push((audience, growing));
        }
        for (feed, erase) in closed {
            let Some(held) = with.ground.store.feeds().get(feed) else {
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
        self.publish_step(with, step, grown)
    }

    /// Makes durable what feeds are to grow by, signs it, and has readers told.
    pub(super) fn publish_step<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        step: Step,
        grown: Vec<(Audience, Growing)>,
    ) -> Result<(), PublishError> {
        with.permit.to_publish()?;
        let durably = if guard::on(Guard::DurableBeforeSigned) {
            Durably::Synced
        } else {
            Durably::Later
        };
        with.ground.store.commit(step, durably)?;
        self.sign(with, &grown)?;
        let now = with.ground.now.moment;
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
            self.outputs.push(Output::Grown(feed));
        }
        Ok(())
    }

    /// Moves the heads forward, then signs. If that fails the node must not go on: the log is ahead of
    /// the heads, and the next start drops what is.
    fn sign<W: World>(
        &mut self,
        with: &mut Tools<'_, W>,
        grown: &[(Audience, Growing)],
    ) -> Result<(), PublishError> {
        let swaps: Vec<_> = grown
            .iter()
            .map(|(_, growing)| Swap {
                feed: *growing.feed.digest(),
                expected: with.heads.get(growing.feed.digest()),
                new: Signed {
                    size: growing.tree.size(),
                    root: growing.tree.root(),
                },
            })
            .collect();
        let swaps = if guard::on(Guard::DurableBeforeSigned) {
            swaps
        } else {
            Vec::new()
        };
        if let Err(error) = with.heads.swap_all(&swaps) {
            self.stop(with, error.to_string());
            return Err(PublishError::Unfinished(error.to_string()));
        }
        let mut step = Step::new();
        for (_, growing) in grown {
            let (size, root) = (growing.tree.size(), growing.tree.root());
            let signed = checkpoint(
                with.ground.members,
                with.ground.keys,
                growing.feed,
                size,
                root,
            );
            let signed = signed.ok_or(PublishError::NoCharter)?;
            step = step.checkpoint(growing.feed, signed.note().to_vec(), size);
        }
        if let Err(error) = with.ground.store.commit(step, Durably::Later) {
            self.stop(with, error.to_string());
            return Err(PublishError::Unfinished(error.to_string()));
        }
        Ok(())
    }
}

/// Signs a checkpoint of a feed of ours, unless there is no charter. The heads must say so already.
#[must_use]
pub fn checkpoint(
    members: &Members,
    keys: Keys<'_>,
    feed: FeedId,
    size: u64,
    root: Digest,
) -> Option<Checkpoint> {
    let origin = Origin {
        federation: members.charter()?.federation().as_str().to_owned(),
        publisher: keys.me.clone(),
        feed,
        incarnation: 0,
    };
    Some(Checkpoint::sign(origin, size, root, keys.signing))
}
