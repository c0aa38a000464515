//! Comparing what two members share, and the receipts for it.

use kentong_keys::{Digest, Label};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::wire::{Claim, Heads, Holds, MAX_HEADS, MAX_NOTE, MAX_NOTES_BYTES, Message};

use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::limits::Now;
use super::session::{Output, Session};

const HEADS: Label = Label::new("kentong/heads/1");

impl Session {
    /// Tells the peer the newest checkpoints of the feeds that both may read, and how many leaves of
    /// its own we hold. What does not fit one message follows in others.
    pub(super) fn send_heads(&mut self, ledger: &impl Ledger) {
        let theirs = ledger.feeds_of(&self.peer.member, &self.local.me);
        let yours = theirs
            .iter()
            .filter_map(|id| Some((*id, ledger.feed(id)?.tree.size())));
        let yours = BoundedVec::new(yours.take(MAX_HEADS).collect()).unwrap_or_default();
        let ours = ledger.feeds_of(&self.local.me, &self.peer.member);
        let mine = ours.iter().chain(&theirs).filter_map(|id| {
            let (_, note) = ledger.feed(id)?.checkpoint?;
            BoundedBytes::new(note.to_vec()).ok()
        });
        let heads = heads_messages(mine, yours).map(|heads| Output::Send(Message::Heads(heads)));
        self.out.extend(heads);
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
                // A claim to hold more proves nothing: the checkpoint that it shows with it does.
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
            if checkpoint.origin().publisher == self.local.me {
                self.own_head(checkpoint, ledger);
            } else {
                self.promise(checkpoint, ledger)?;
            }
        }
        if whole {
            let ours = ledger.feeds_of(&self.local.me, &self.peer.member);
            ours.into_iter().for_each(|id| self.push(id, ledger));
        }
        self.pull(now, ledger);
        self.receipt(now, ledger);
        Ok(())
    }

    /// Looks at a checkpoint in our own name. One that we signed and that our history does not lead to
    /// means that we lost a part of it, or have another. One that our present key did not sign means
    /// nothing, whoever made it.
    fn own_head(&mut self, shown: UnverifiedCheckpoint, ledger: &impl Ledger) {
        let Ok(shown) = shown.verify(&self.local.signing) else {
            return;
        };
        let (feed, size) = (shown.origin().feed, shown.size());
        let view = ledger.feed(&feed);
        match view.and_then(|view| view.tree.root_at(size)) {
            Some(root) if root == *shown.root() => {}
            Some(_) => {
                if let Some(view) = &view {
                    self.keep_fork(&shown, view);
                }
                self.forked.insert(feed);
                self.out.push(Output::Forked { feed, size });
            }
            None => self.out.push(Output::Behind { feed, size }),
        }
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

/// Checkpoints in as few messages as hold them; how much is held of the receiver's feeds is in the
/// first, which is there in any case.
fn heads_messages(
    mine: impl Iterator<Item = BoundedBytes<MAX_NOTE>>,
    yours: BoundedVec<(FeedId, u64), MAX_HEADS>,
) -> impl Iterator<Item = Heads> {
    let (mut lists, mut bytes) = (vec![Vec::new()], 0);
    for note in mine {
        bytes += note.len();
        match lists.last_mut() {
            Some(last) if last.len() < MAX_HEADS && bytes <= MAX_NOTES_BYTES => last.push(note),
            _ => {
                bytes = note.len();
                lists.push(vec![note]);
            }
        }
    }
    let mut yours = Some(yours);
    lists.into_iter().map(move |mine| Heads {
        mine: BoundedVec::new(mine).expect("a list is begun anew at the bound"),
        yours: yours.take().unwrap_or_default(),
    })
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
