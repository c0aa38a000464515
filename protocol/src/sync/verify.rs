//! Leaves that came: where they may stand, and that they lead to the signed root.

use crate::bounded::BoundedBytes;
use crate::feed::{
    Checkpoint, FeedId, GenesisLeaf, Leaf, MAX_LEAF, UnverifiedCheckpoint, leaf_hash,
};
use crate::guard::{self, Guard};
use crate::wire::{Leaves, MAX_WANTED};

use super::exchange::{News, Task};
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::Now;
use super::session::Session;

/// Leaves that came, of which it is known that there are some, where they end, and that the checkpoint
/// that came with them says that it covers them. Nothing is made of their numbers before that.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) came: Leaves,
    /// The index behind the last of them.
    end: u64,
}

impl Run {
    /// Looks at the numbers of leaves that came under a checkpoint over `size` leaves, which may not be
    /// verified yet: no honest node sends others, whatever warrants it uses.
    fn of(came: Leaves, size: u64) -> Result<Self, Fault> {
        let count = came.leaves.len() as u64;
        let end = if guard::on(Guard::LeavesEnd) {
            came.from.checked_add(count)
        } else {
            Some(came.from.strict_add(count))
        };
        let end = end.filter(|end| *end <= size && count > 0);
        Ok(Self {
            came,
            end: end.ok_or(Fault::LeafCount)?,
        })
    }
}

/// Where a feed stands while leaves are read on.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    index: u64,
    epoch: u32,
    closed: bool,
}

impl Session {
    pub(super) fn leaves(
        &mut self,
        came: Leaves,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let feed = came.feed;
        let until = now.after(self.local.limits.patience);
        let shown = UnverifiedCheckpoint::parse(&came.checkpoint).map_err(Fault::Checkpoint)?;
        if shown.origin().feed != feed {
            return Err(Fault::NotItsFeed);
        }
        let run = Run::of(came, shown.size())?;
        let Some(checkpoint) = self.promise(shown, ledger)? else {
            // Its publisher has two histories, and the peer has the other.
            self.fetch.drop_leaves(&feed);
            return self.pass_over(&run, now, ledger);
        };
        let came = &run.came;
        let view = ledger.feed(&feed);
        let held = view.map_or(0, |view| view.tree.size());
        let Some(again) = held.checked_sub(came.from) else {
            if self.untaken.contains(&feed) {
                return self.pass_over(&run, now, ledger);
            }
            return Err(Fault::LeafGap);
        };
        let again = usize::try_from(again).unwrap_or(usize::MAX);
        let (known, fresh) = came.leaves.split_at(again.min(came.leaves.len()));
        let same = (came.from..).zip(known).all(|(index, bytes)| {
            view.and_then(|view| view.tree.leaf(index)) == Some(leaf_hash(bytes))
        });
        let relayed = checkpoint.origin().publisher != self.peer.member;
        if !same {
            if relayed {
                // Nothing shows yet that they are the publisher's.
                self.other_leaves(feed, ledger);
                return Ok(());
            }
            if let Some(view) = &view {
                if view.former {
                    return self.leaves_give_way(&run, now, ledger);
                }
                self.keep_fork(&checkpoint, view);
            }
            return Err(Fault::TwoHistories);
        }
        let cursor = Cursor {
            index: held,
            epoch: view.map_or(0, |view| view.epoch),
            closed: view.is_some_and(|view| view.closed),
        };
        let mut frontier = view.map(|view| view.tree.frontier()).unwrap_or_default();
        for bytes in fresh {
            frontier.push(leaf_hash(bytes));
        }
        let signed = (checkpoint.size(), checkpoint.root());
        let proof = came
            .proof
            .verify((frontier.size(), &frontier.root()), signed);
        let proven = fresh.is_empty() || proof.is_ok();
        if !proven && relayed {
            self.other_leaves(feed, ledger);
            return Ok(());
        }
        if !proven && view.is_some_and(|view| view.former) {
            return self.leaves_give_way(&run, now, ledger);
        }
        let leaves = self.read_leaves(fresh, &checkpoint, cursor, ledger)?;
        self.expect_following(&run, &leaves, held, now, ledger)?;
        if !proven {
            if let Some(view) = &view {
                self.keep_fork(&checkpoint, view);
            }
            return Err(Fault::LeafProof);
        }
        if leaves.is_empty() {
            self.fetch.held_leaves_came(&feed, came.from);
            return Ok(());
        }
        self.fetch.fresh_leaves_came(&feed, until);
        self.take(held, leaves, &checkpoint, ledger);
        Ok(())
    }

    /// Has verified leaves stored, unless no more of their publisher are taken.
    fn take(
        &mut self,
        from: u64,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: &Checkpoint,
        ledger: &impl Ledger,
    ) {
        let origin = checkpoint.origin();
        if !ledger.takes_leaves(&origin.publisher) {
            self.untaken.insert(origin.feed);
            return;
        }
        self.untaken.remove(&origin.feed);
        let reached = from.checked_add(leaves.len() as u64) == Some(checkpoint.size());
        self.ask(Task::StoreLeaves {
            feed: origin.feed,
            from,
            leaves,
            checkpoint: reached.then(|| (checkpoint.size(), checkpoint.note().to_vec())),
        });
    }

    /// Decodes leaves that follow those that are held, each where it may stand.
    fn read_leaves(
        &self,
        fresh: &[BoundedBytes<MAX_LEAF>],
        checkpoint: &Checkpoint,
        mut cursor: Cursor,
        ledger: &impl Ledger,
    ) -> Result<Vec<(Leaf, Vec<u8>)>, Fault> {
        let (feed, held) = (checkpoint.origin().feed, cursor.index);
        let mut leaves = Vec::with_capacity(fresh.len());
        for bytes in fresh {
            let leaf = Leaf::decode(bytes)?;
            self.place(&leaf, checkpoint, &mut cursor)?;
            if let Leaf::Erase(erase) = &leaf {
                let known = erase.index < held && ledger.batch(&feed, erase.index).is_some();
                if !known && !is_batch_of(&leaves, held, erase.index) {
                    return Err(Fault::NothingToErase);
                }
            }
            leaves.push((leaf, bytes.to_vec()));
        }
        Ok(leaves)
    }

    /// The peer gave leaves of another's feed that do not fit. It is shown the head that is held here:
    /// if the publisher has two histories, whoever holds the longer one can show it now.
    fn other_leaves(&mut self, feed: FeedId, ledger: &impl Ledger) {
        self.fetch.drop_leaves(&feed);
        self.show_head(feed, ledger);
        self.learn(News::OtherLeaves(feed));
    }

    /// Whether a leaf may stand at the cursor; moves the cursor behind it. What an erase leaf names
    /// is looked at apart.
    fn place(
        &self,
        leaf: &Leaf,
        checkpoint: &Checkpoint,
        cursor: &mut Cursor,
    ) -> Result<(), Fault> {
        let first = cursor.index == 0;
        // What a closed feed carried may still be erased.
        let over = cursor.closed && !matches!(leaf, Leaf::Erase(_));
        if over || first != matches!(leaf, Leaf::Genesis(_)) {
            return Err(Fault::LeafOrder);
        }
        match leaf {
            Leaf::Genesis(genesis) => self.genesis(genesis, checkpoint)?,
            Leaf::Epoch(epoch) => {
                if Some(epoch.epoch) != cursor.epoch.checked_add(1) {
                    return Err(Fault::LeafOrder);
                }
                cursor.epoch = epoch.epoch;
            }
            Leaf::Batch(batch) if batch.epoch != cursor.epoch => return Err(Fault::LeafOrder),
            Leaf::Batch(_) | Leaf::Erase(_) => {}
            Leaf::Close(_) => cursor.closed = true,
        }
        cursor.index = cursor.index.saturating_add(1);
        Ok(())
    }

    fn genesis(&self, genesis: &GenesisLeaf, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let origin = checkpoint.origin();
        let its = genesis.feed_id() == origin.feed
            && genesis.federation == self.local.federation
            && genesis.publisher == origin.publisher
            && genesis.incarnation == origin.incarnation;
        if !its {
            return Err(Fault::Genesis);
        }
        let audience = &genesis.audience;
        if audience.holds(&self.local.me) && audience.holds(&self.peer.member) {
            Ok(())
        } else {
            Err(Fault::NotForUs)
        }
    }

    /// Expects the bodies that the peer sends unasked behind these leaves. Some may be held
    /// already, if a push crossed what was said before; they come all the same.
    pub(super) fn expect_following(
        &mut self,
        Run { came, end }: &Run,
        fresh: &[(Leaf, Vec<u8>)],
        held: u64,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let limits = self.local.limits;
        let most = limits.bodies_in_flight.saturating_add(MAX_WANTED);
        for index in came.following.iter() {
            if *index < came.from || index >= end {
                return Err(Fault::Announced); // A push brings the bodies of its own leaves.
            }
            if self.fetch.is_flooded(most) {
                return Err(Fault::Announced);
            }
            let batch = match index
                .checked_sub(held)
                .and_then(|at| usize::try_from(at).ok())
            {
                None => ledger.batch(&came.feed, *index),
                Some(at) => match fresh.get(at) {
                    Some((Leaf::Batch(batch), _)) => Some(batch.clone()),
                    _ => None,
                },
            };
            if let Some(batch) = batch {
                let at = (came.feed, *index);
                self.fetch.expect(at, &batch, now.moment, limits.patience);
            }
        }
        Ok(())
    }
}

/// Whether a batch stands at `index` among leaves of which the first stands at `first`.
fn is_batch_of(leaves: &[(Leaf, Vec<u8>)], first: u64, index: u64) -> bool {
    let at = index.checked_sub(first).map(usize::try_from);
    let leaf = at.and_then(|at| leaves.get(at.ok()?));
    matches!(leaf, Some((Leaf::Batch(_), _)))
}
