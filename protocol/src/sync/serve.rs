//! Giving a peer what it may have.

use std::collections::BTreeSet;

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::FeedId;
use crate::wire::{Heads, Leaves, MAX_LEAVES, MAX_LEAVES_BYTES, Message};

use super::exchange::Task;
use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::limits::Now;
use super::session::Session;

/// What sealing a key anew costs of the peer's allowance: a hundred times what reading a leaf does.
const REWRAP_COST: u64 = 16;

/// The bytes of CBOR that say how long a leaf is, at most.
const LEAF_HEAD: usize = 5;

/// The most leaves that are pushed unasked.
const PUSHED_LEAVES: u64 = 8;

/// Makes the message that carries leaves of a feed of one's own from index `from` on: as many of
/// them as fit, the newest checkpoint, and the proof that they are a prefix of it. `leaves` yields
/// the bytes of the published leaves in order. None if the feed has no leaf there.
pub fn leaves_message(
    feed: FeedId,
    view: &FeedView<'_>,
    from: u64,
    following: &[u64],
    mut leaves: impl FnMut(u64) -> Option<Vec<u8>>,
) -> Option<Leaves> {
    let (size, note) = view.checkpoint?;
    let (mut taken, mut bytes, mut end) = (Vec::new(), 0_usize, from);
    while end < size && taken.len() < MAX_LEAVES {
        let leaf = leaves(end)?;
        let with_head = leaf.len().saturating_add(LEAF_HEAD);
        if bytes.saturating_add(leaf.len()) > MAX_LEAVES_BYTES && !taken.is_empty() {
            break;
        }
        bytes = bytes.saturating_add(with_head);
        taken.push(BoundedBytes::new(leaf).ok()?);
        end = end.checked_add(1)?;
    }
    if taken.is_empty() {
        return None;
    }
    let following = following
        .iter()
        .copied()
        .filter(|index| *index < end)
        .collect();
    Some(Leaves {
        feed,
        from,
        leaves: BoundedVec::new(taken).ok()?,
        checkpoint: BoundedBytes::new(note.to_vec()).ok()?,
        proof: view.tree.consistency(end, size)?,
        following: BoundedVec::new(following).ok()?,
    })
}

impl Session {
    /// Pushes what was published since, if it is little; else tells the peer that there is more.
    ///
    /// What the peer was sent is exact, because a stream keeps its order; a push may still cross
    /// a request for the same leaves, which then come twice and do no harm.
    pub(super) fn push(&mut self, feed: FeedId, ledger: &impl Ledger) {
        let ours =
            |view: &FeedView<'_>| view.genesis.publisher == self.local.me && self.may_serve(view);
        let Some(view) = ledger.feed(&feed).filter(ours) else {
            return;
        };
        let Some((size, note)) = view.checkpoint.filter(|_| self.may_show(&view)) else {
            return;
        };
        if !self.greeted {
            return; // Its `Heads` says what it has; then this is asked again.
        }
        let from = self.sent.get(&feed).copied().unwrap_or(0);
        if from >= size {
            return;
        }
        if size.saturating_sub(from) > PUSHED_LEAVES {
            let mine = BoundedBytes::new(note.to_vec()).map(|note| vec![note]);
            let mine = mine
                .ok()
                .and_then(|mine| BoundedVec::new(mine).ok())
                .unwrap_or_default();
            let heads = Heads {
                mine,
                yours: BoundedVec::default(),
            };
            self.ask(Task::Send(Message::Heads(heads)));
            return;
        }
        let small = |index: &u64| {
            let leaf = ledger.batch(&feed, *index);
            leaf.is_some_and(|leaf| leaf.body_len <= self.local.limits.pushed_body)
        };
        let following = (from..size).filter(small).collect();
        self.ask(Task::ServeLeaves {
            feed,
            from,
            following,
        });
    }

    /// Takes note that the leaves of a feed of ours below `until` were sent. Whoever carries out
    /// [`Task::ServeLeaves`] says so.
    pub fn sent_leaves(&mut self, feed: FeedId, until: u64) {
        self.sent.insert(feed, until);
    }

    pub(super) fn serve_leaves(
        &mut self,
        feed: FeedId,
        from: u64,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let view = self.entitled(feed, ledger)?;
        let count = self
            .published(&view)
            .checked_sub(from)
            .filter(|count| *count > 0)
            .ok_or(Fault::BeyondEnd)?;
        let answer = Task::ServeLeaves {
            feed,
            from,
            following: Vec::new(),
        };
        let count = count.min(MAX_LEAVES as u64) / 64;
        self.serve(count.saturating_add(1), answer, now)
    }

    pub(super) fn serve_bodies(
        &mut self,
        feed: FeedId,
        indexes: &[u64],
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let view = self.entitled(feed, ledger)?;
        if indexes.iter().any(|index| *index >= self.published(&view)) {
            return Err(Fault::BeyondEnd);
        }
        // A small request that names one body often would have it sent often.
        let once: BTreeSet<u64> = indexes.iter().copied().collect();
        for index in once {
            let len = ledger.batch(&feed, index).map_or(0, |leaf| leaf.body_len);
            let cost = u64::from(len / (16 * 1024)).saturating_add(1);
            self.serve(cost, Task::ServeBody { feed, index }, now)?;
        }
        Ok(())
    }

    pub(super) fn serve_epoch(
        &mut self,
        feed: FeedId,
        epoch: u32,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let view = self.entitled(feed, ledger)?;
        if epoch > view.epoch {
            return Err(Fault::BeyondEnd);
        }
        // A reader asks for each once, in their order. One that does not gets no second seal.
        let last = self.rewrapped.entry(feed).or_default();
        if epoch <= *last {
            return self.charge(REWRAP_COST, now);
        }
        *last = epoch;
        self.serve(REWRAP_COST, Task::ServeEpoch { feed, epoch }, now)
    }

    /// A feed that the peer asks for, if it may read it.
    fn entitled<'l>(&self, feed: FeedId, ledger: &'l impl Ledger) -> Result<FeedView<'l>, Fault> {
        let view = ledger.feed(&feed).filter(|view| self.may_serve(view));
        view.ok_or(Fault::NotEntitled)
    }
}
