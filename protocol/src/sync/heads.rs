//! Comparing what two members share, and the receipts for it.

use kentong_keys::{Digest, Label};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::wire::{Claim, Heads, Holds, MAX_HEADS, MAX_NOTE, MAX_NOTES_BYTES, Message};

use super::exchange::{News, Output, Task};
use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::limits::Now;
use super::session::Session;

const HEADS: Label = Label::new("kentong/heads/1");

impl Session {
    /// Tells the peer the newest checkpoints of the feeds that both may read, its own first, and how
    /// many leaves of its own we hold. What does not fit one message follows in others, at once.
    pub(super) fn send_heads(&mut self, ledger: &impl Ledger) {
        let theirs = ledger.feeds_of(&self.peer.member, &self.local.me);
        let yours = theirs
            .iter()
            .filter_map(|id| Some((*id, ledger.feed(id)?.tree.size())));
        let yours = BoundedVec::new(yours.take(MAX_HEADS).collect()).unwrap_or_default();
        let shared = ledger.shared_with(&self.peer.member);
        let others = shared.iter().filter(|id| theirs.binary_search(id).is_err());
        let mine = theirs
            .iter()
            .chain(others)
            .filter_map(|id| self.shown(*id, ledger));
        let heads: Vec<_> = heads_messages(mine, yours).collect();
        let heads = heads
            .into_iter()
            .map(|heads| Output::Do(Task::Send(Message::Heads(heads))));
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
            if view.genesis.publisher == self.local.me && self.may_serve(&view) {
                // A claim to hold more proves nothing: the checkpoint that it shows with it does.
                let size = (*size).min(self.published(&view));
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
        if !self.all_ours(heads) {
            self.list_ended();
        }
        if whole {
            let ours = ledger.feeds_of(&self.local.me, &self.peer.member);
            ours.into_iter().for_each(|id| self.push(id, ledger));
        }
        self.pull(now, ledger);
        self.receipt(now, ledger);
        Ok(())
    }

    /// Whether a message is full of heads of our own feeds, so that the next may hold more of them.
    fn all_ours(&self, heads: &Heads) -> bool {
        let bytes: usize = heads.mine.iter().map(|note| note.len()).sum();
        let full =
            heads.mine.len() == MAX_HEADS || bytes.saturating_add(MAX_NOTE) > MAX_NOTES_BYTES;
        full && heads.mine.iter().all(|note| {
            let publisher = UnverifiedCheckpoint::parse(note).map(|c| c.origin().publisher.clone());
            publisher.is_ok_and(|publisher| publisher == self.local.me)
        })
    }

    /// The peer has shown all heads of our feeds that it holds: they come first, and what comes now
    /// is none of them.
    pub(super) fn list_ended(&mut self) {
        if self.greeted && !std::mem::replace(&mut self.compared, true) {
            self.learn(News::Compared);
        }
    }

    /// The hash over the heads that the two share: the newest checkpoint that is held of each feed.
    pub(super) fn shared_heads(&self, ledger: &impl Ledger) -> Digest {
        let mut heads = Vec::new();
        for id in ledger.shared_with(&self.peer.member) {
            let Some(view) = ledger.feed(&id) else {
                continue;
            };
            let size = self.published(&view);
            if let Some(root) = view.tree.root_at(size).filter(|_| size > 0) {
                heads.push((id, size, root));
            }
        }
        heads.sort_unstable();
        let mut bytes = Vec::new();
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
            let state = [
                view.tree.size(),
                view.missing,
                view.unopened,
                view.erased,
                view.applied,
            ];
            let said = self.receipts.get(&id);
            let known = said.is_some_and(|(_, before)| *before == state);
            let every = self.local.limits.holds_every;
            let early = said.is_some_and(|(at, _)| now.moment < at.after(every));
            // Of what a former key signed it is open whether it is the publisher's.
            if known || view.former || view.tree.size() == 0 || self.fetch.awaits(id) {
                continue;
            }
            if early {
                self.receipt_due = Some(now.after(every));
                continue;
            }
            self.receipts.insert(id, (now.moment, state));
            self.ask(Task::SendClaim(Claim::Holds(holds(id, &view, now))));
        }
    }

    /// Shows the peer the newest checkpoint of a feed that another publishes, if it may read it.
    pub(super) fn show_head(&mut self, feed: FeedId, ledger: &impl Ledger) {
        let view = ledger.feed(&feed).filter(|view| self.may_serve(view));
        let mine = view.and_then(|_| self.shown(feed, ledger));
        let heads = heads_messages(mine.into_iter(), BoundedVec::default());
        self.out.extend(
            heads
                .filter(|heads| !heads.mine.is_empty())
                .map(|heads| Output::Do(Task::Send(Message::Heads(heads)))),
        );
    }

    /// The newest checkpoint of a feed, with our cosignature if there is one.
    fn shown(&self, feed: FeedId, ledger: &impl Ledger) -> Option<BoundedBytes<MAX_NOTE>> {
        let view = ledger.feed(&feed).filter(|view| self.may_show(view))?;
        let note = match ledger.cosigned(&feed).filter(|_| !view.former) {
            Some(note) => note,
            None => view.checkpoint?.1,
        };
        BoundedBytes::new(note.to_vec()).ok()
    }

    /// Up to where leaves of a feed are given to the peer: as far as a checkpoint covers them that it may
    /// be shown.
    pub(super) fn published(&self, view: &FeedView<'_>) -> u64 {
        let shown = view.checkpoint.filter(|_| self.may_show(view));
        shown.map_or(0, |(size, _)| size)
    }

    /// Whether the peer may read a feed, whoever publishes it.
    pub(super) fn may_serve(&self, view: &FeedView<'_>) -> bool {
        view.genesis.audience.holds(&self.peer.member)
    }
}

/// Checkpoints in as few messages as hold them; how much is held of the receiver's feeds is in the
/// first, which is there in any case.
fn heads_messages(
    mine: impl Iterator<Item = BoundedBytes<MAX_NOTE>>,
    yours: BoundedVec<(FeedId, u64), MAX_HEADS>,
) -> impl Iterator<Item = Heads> {
    let (mut lists, mut bytes) = (vec![Vec::new()], 0_usize);
    for note in mine {
        bytes = bytes.saturating_add(note.len());
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
