//! What a session received and verified: leaves, bodies and the keys of epochs.

use kentong_keys::{MemberName, SealedEpochKey, SealingKeyId};

use crate::feed::{FeedId, Leaf, open_epoch};
use crate::member::{Ground, World};
use crate::store::{Applied, Durably, Log, Rows, Step, Store, StoreError, Vouched};

use super::{Found, Output, Reader};

/// Leaves that a session verified.
#[derive(Debug)]
pub struct Leaves {
    /// Of which feed.
    pub feed: FeedId,
    /// The index of the first.
    pub from: u64,
    /// Each with its bytes.
    pub leaves: Vec<(Leaf, Vec<u8>)>,
    /// The head that they reach, if they reach one: its size and note.
    pub checkpoint: Option<(u64, Vec<u8>)>,
}

/// What became of leaves.
#[derive(Debug)]
pub struct Stored {
    /// They are of a feed of this member, and came back.
    pub back: Option<Back>,
    /// What follows beside that.
    pub outputs: Vec<Output>,
}

/// Leaves of a feed of this member came back, and are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// The feed.
    pub feed: FeedId,
    /// Whether they reach a head.
    pub reached: bool,
}

impl Leaves {
    /// Whether they are of a feed of this node's member.
    fn are_ours(&self, store: &Store<impl Log, impl Rows>) -> bool {
        let begins = self.leaves.iter().find_map(|(leaf, _)| match leaf {
            Leaf::Genesis(genesis) => Some(&genesis.publisher),
            Leaf::Epoch(_) | Leaf::Batch(_) | Leaf::Erase(_) | Leaf::Close(_) => None,
        });
        begins.or_else(|| publisher(store, self.feed)) == Some(store.me())
    }

    /// The head of a feed of this node's member that comes with them. Before they are stored it is to
    /// be noted durably that so much was signed.
    #[must_use]
    pub fn head_of_ours(&self, store: &Store<impl Log, impl Rows>) -> Option<&[u8]> {
        let (_, note) = self.checkpoint.as_ref()?;
        self.are_ours(store).then_some(note)
    }
}

fn publisher(store: &Store<impl Log, impl Rows>, feed: FeedId) -> Option<&MemberName> {
    Some(&store.feeds().get(feed)?.genesis().publisher)
}

impl Reader {
    /// Stores leaves, and the keys of epochs that they hold for this member.
    pub fn store_leaves<W: World>(
        &mut self,
        ground: &mut Ground<'_, W>,
        came: Leaves,
    ) -> Result<Stored, StoreError> {
        let ours = came.are_ours(ground.store);
        let Leaves {
            feed,
            from,
            leaves,
            checkpoint,
        } = came;
        let federation = ground.members.charter();
        let federation = federation.map(|charter| *charter.id().digest());
        let (mut step, mut outputs) = (Step::new(), Vec::new());
        for (index, (leaf, bytes)) in (from..).zip(leaves) {
            step = step.leaf(feed, index, bytes);
            let (Leaf::Epoch(leaf), Some(federation)) = (leaf, federation) else {
                continue;
            };
            let (me, secrets) = (ground.keys.me, ground.keys.sealing);
            let epoch = leaf.epoch;
            match open_epoch(&leaf, &federation, feed, me, secrets) {
                Ok(key) => step = step.epoch_key(feed, epoch, &key),
                Err(error) => outputs.push(Output::Found(Found::NoKey { feed, epoch, error })),
            }
        }
        let reached = checkpoint.is_some();
        if let Some((size, note)) = checkpoint {
            step = step.checkpoint(feed, note, size);
        }
        let durably = if ours {
            Durably::Synced
        } else {
            Durably::Later
        };
        ground.store.commit(step, durably)?;
        if ours {
            if reached {
                Self::weigh_ours(ground);
            }
        } else if reached {
            ground.store.set_vouched(feed, Vouched::Present);
            self.relay.stored(feed, ground.now.moment);
        }
        let back = ours.then_some(Back { feed, reached });
        Ok(Stored { back, outputs })
    }

    /// Stores a body, if it is missing and its publisher's quota has room for it.
    pub fn store_body<W: World>(
        &mut self,
        ground: &mut Ground<'_, W>,
        (feed, index): (FeedId, u64),
        body: Vec<u8>,
    ) -> Result<Vec<Output>, StoreError> {
        if !ground.store.lacks(&feed, index) {
            return Ok(Vec::new()); // Held already: a push crossed a request.
        }
        if !self.intake.keeps(ground, (feed, index), &body)? {
            // It stays missing, and is fetched when there is room.
            return Ok(vec![Output::Found(Found::Dropped { feed, index })]);
        }
        let step = Step::new().body(feed, index, body);
        let applied = ground.store.commit(step, Durably::Later)?;
        Ok(opened(ground, &applied))
    }

    /// Goes on with opening bodies whose key came after them, for a little.
    pub fn open_on<W: World>(ground: &mut Ground<'_, W>) -> Vec<Output> {
        if !ground.store.has_waiting() {
            return Vec::new();
        }
        let mut outputs = match ground.store.open_waiting() {
            Ok(applied) => opened(ground, &applied),
            Err(error) => vec![Output::Found(Found::NotOpened(error))],
        };
        if !ground.store.has_waiting() {
            outputs.push(Output::Changed); // There are receipts to give.
        }
        outputs
    }

    /// Stores the key of an epoch that a member encrypted again to this node's present key.
    pub fn store_epoch<W: World>(
        ground: &mut Ground<'_, W>,
        (feed, epoch): (FeedId, u32),
        rewrapped: (&SealingKeyId, &SealedEpochKey),
    ) -> Result<Vec<Output>, StoreError> {
        let federation = ground.members.charter();
        let federation = federation.map(|charter| *charter.id().digest());
        let held = ground.store.feeds().get(feed);
        let leaf = held.and_then(|held| held.epochs().get(&epoch)).copied();
        let (Some(federation), Some(leaf)) = (federation, leaf) else {
            return Ok(Vec::new());
        };
        let bytes = ground.store.leaf(feed, leaf.index)?;
        let Ok(Leaf::Epoch(leaf)) = Leaf::decode(&bytes) else {
            return Ok(Vec::new());
        };
        let (me, secrets) = (ground.keys.me, ground.keys.sealing);
        match leaf.open_rewrapped(rewrapped, &federation, feed, me, secrets) {
            Ok(key) => {
                let step = Step::new().epoch_key(feed, epoch, &key);
                ground.store.commit(step, Durably::Later)?;
                Ok(Vec::new())
            }
            Err(error) => Ok(vec![Output::Found(Found::NoKey { feed, epoch, error })]),
        }
    }
}

/// What was wrong with bodies that were opened, and whose they were.
fn opened<W: World>(ground: &Ground<'_, W>, applied: &Applied) -> Vec<Output> {
    let whose = |feed| publisher(ground.store, feed).cloned();
    let bad = applied.bad.iter().filter_map(|(feed, index, error)| {
        Some(Found::BadBody {
            publisher: whose(*feed)?,
            feed: *feed,
            index: *index,
            error: *error,
        })
    });
    let refused = applied.indexed.iter().filter_map(|batch| {
        let statements = batch.refused.len();
        let publisher = (statements > 0).then(|| whose(batch.feed))??;
        Some(Found::Refused {
            publisher,
            feed: batch.feed,
            index: batch.index,
            statements,
        })
    });
    bad.chain(refused).map(Output::Found).collect()
}
