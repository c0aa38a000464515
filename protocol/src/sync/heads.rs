//! Comparing what two members share, and the receipts for it.

use kentong_keys::{Digest, Label};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::wire::{Claim, Heads, Holds, MAX_HEADS, Message};

use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::limits::Now;
use super::session::{Output, Session};

const HEADS: Label = Label::new("kentong/heads/1");

impl Session {
    /// Tells the peer the newest checkpoints of our feeds, and how much of its own we hold.
    pub(super) fn send_heads(&mut self, ledger: &impl Ledger) {
        let ours = ledger.feeds_of(&self.local.me, &self.peer.member);
        let mine = ours.iter().filter_map(|id| {
            let (_, note) = ledger.feed(id)?.checkpoint?;
            BoundedBytes::new(note.to_vec()).ok()
        });
        let mine = BoundedVec::new(mine.take(MAX_HEADS).collect()).unwrap_or_default();
        let theirs = ledger.feeds_of(&self.peer.member, &self.local.me);
        let yours = theirs
            .iter()
            .filter_map(|id| Some((*id, ledger.feed(id)?.tree.size())));
        let yours = BoundedVec::new(yours.take(MAX_HEADS).collect()).unwrap_or_default();
        self.out
            .push(Output::Send(Message::Heads(Heads { mine, yours })));
    }

    pub(super) fn heads(
        &mut self,
        heads: &Heads,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        for (feed, size) in heads.yours.iter() {
            // A feed that we do not publish (any more), or that is not for the peer, is ignored:
            // it may be of an incarnation that is gone.
            let Some(view) = ledger.feed(feed) else {
                continue;
            };
            if self.may_serve(&view) {
                if *size > view.tree.size() {
                    self.out.push(Output::Behind {
                        feed: *feed,
                        size: *size,
                    });
                }
                let size = (*size).min(published(&view));
                // What was sent meanwhile is on its way, whatever the peer held when it wrote.
                let sent = self.sent.entry(*feed).or_insert(size);
                *sent = (*sent).max(size);
            }
        }
        // An announcement of single heads asks for nothing; answering it with another would go on
        // for as long as both sides are behind.
        let whole = !self.greeted || !heads.yours.is_empty();
        self.greeted = true;
        for note in heads.mine.iter() {
            let checkpoint = UnverifiedCheckpoint::parse(note).map_err(Fault::Checkpoint)?;
            self.promise(checkpoint, ledger)?;
        }
        if whole {
            let ours = ledger.feeds_of(&self.local.me, &self.peer.member);
            ours.into_iter().for_each(|id| self.push(id, ledger));
        }
        self.pull(now, ledger);
        self.receipt(now, ledger);
        Ok(())
    }

    /// The hash over the heads that the two share: our feeds as published, the peer's as held.
    pub(super) fn shared_heads(&self, ledger: &impl Ledger) -> Digest {
        let mut heads = Vec::new();
        let (me, peer) = (&self.local.me, &self.peer.member);
        for (publisher, reader) in [(me, peer), (peer, me)] {
            for id in ledger.feeds_of(publisher, reader) {
                let Some(view) = ledger.feed(&id) else {
                    continue;
                };
                let size = if publisher == me {
                    published(&view)
                } else {
                    view.tree.size()
                };
                if size > 0 {
                    heads.push((
                        id,
                        size,
                        view.tree.root_at(size).unwrap_or(self.local.charter),
                    ));
                }
            }
        }
        heads.sort_unstable();
        let mut bytes = Vec::with_capacity(heads.len() * 72);
        for (id, size, root) in heads {
            bytes.extend_from_slice(id.digest().as_bytes());
            bytes.extend_from_slice(&size.to_be_bytes());
            bytes.extend_from_slice(root.as_bytes());
        }
        Digest::labelled(HEADS, &[&bytes])
    }

    /// Sends a receipt for each of the peer's feeds about which there is something new to say. While
    /// more is under way there will be.
    pub(super) fn receipt(&mut self, now: Now, ledger: &impl Ledger) {
        self.receipt_due = None;
        for id in ledger.feeds_of(&self.peer.member, &self.local.me) {
            let Some(view) = ledger.feed(&id) else {
                continue;
            };
            let state = (view.tree.size(), view.missing, view.unopened);
            let said = self.receipts.get(&id);
            let known = said.is_some_and(|(_, before)| *before == state);
            let early = said.is_some_and(|(at, _)| now.millis < at + self.local.limits.holds_every);
            if known || view.tree.size() == 0 || self.fetch.awaits(id) {
                continue;
            }
            if early {
                self.receipt_due = Some(now.millis + self.local.limits.holds_every);
                continue;
            }
            self.receipts.insert(id, (now.millis, state));
            self.out
                .push(Output::SendClaim(Claim::Holds(holds(id, &view, now))));
        }
    }

    /// Whether a feed is one of ours that the peer may read.
    pub(super) fn may_serve(&self, view: &FeedView<'_>) -> bool {
        view.genesis.publisher == self.local.me && view.genesis.audience.holds(&self.peer.member)
    }
}

/// How many leaves of a feed of one's own are published.
pub(super) fn published(view: &FeedView<'_>) -> u64 {
    view.checkpoint.map_or(0, |(size, _)| size)
}

fn holds(feed: FeedId, view: &FeedView<'_>, now: Now) -> Holds {
    Holds {
        feed,
        size: view.tree.size(),
        root: view.tree.root(),
        missing: view.missing,
        unopened: view.unopened,
        erased: view.erased,
        applied: view.applied,
        time: now.wall,
    }
}
