//! What was signed by a key that is not its publisher's any more, or not yet known to be.
//!
//! A new warrant replaces a member's signing key. Members come to know of it one after the other, and
//! until then show each other heads that only one of the two can verify: nobody is blamed for that as
//! long as the two go by different warrants, which each has told the other. What a former key signed
//! gives way to what the present one signs.

use kentong_keys::MemberName;

use crate::charter::Papers;
use crate::feed::{Checkpoint, FeedId, Leaf, UnverifiedCheckpoint};

use super::exchange::Task;
use super::fault::Fault;
use super::ledger::{FeedView, Ledger};
use super::limits::Now;
use super::session::Session;
use super::verify::Run;

impl Session {
    /// Whether the peer may show what a member's key, as it is known here, did not sign: it said that it
    /// uses another warrant of that member, or another charter and listed none. A peer whose charter does not
    /// list a member learns of no warrant of it, and still holds its feeds. Its own warrant a peer sends before all
    /// else.
    pub(super) fn goes_by_another_warrant(
        &self,
        member: &MemberName,
        ledger: &impl Ledger,
    ) -> bool {
        let ours = ledger.credentials();
        let ours = ours.iter().find(|(name, ..)| name == member);
        let theirs = self.papers.warrants.get(member);
        let charter = ledger.papers().map(Papers::in_force);
        let another_charter = charter.is_some_and(|ours| self.papers.charter != ours);
        match (ours, theirs) {
            (Some((_, ours, _)), Some(theirs)) => ours != theirs && *member != self.peer.member,
            (Some(_), None) => another_charter && *member != self.peer.member,
            (None, _) => false,
        }
    }

    /// A head of a feed of our own that a former key signed, if our warrant names just this one.
    pub(super) fn vouched(
        &self,
        shown: UnverifiedCheckpoint,
        ledger: &impl Ledger,
    ) -> Option<Checkpoint> {
        let origin = shown.origin();
        let ours = origin.federation == self.local.federation_name
            && origin.publisher == self.local.me
            && ledger.frozen(&origin.feed) == Some((shown.size(), *shown.root()));
        ours.then(|| shown.vouched())
    }

    /// Whether the peer is shown and given what is held of a feed under its newest checkpoint. One by a
    /// former key only its publisher is shown, who may have lost it.
    pub(super) fn may_show(&self, view: &FeedView<'_>) -> bool {
        !view.former || view.genesis.publisher == self.peer.member
    }

    /// Notes by which warrants the peer goes, and shows it the heads that it can verify only now.
    pub(super) fn learn_warrants(
        &mut self,
        listed: &[(MemberName, u64, u64)],
        ledger: &impl Ledger,
    ) {
        let ours = ledger.credentials();
        let mut caught_up = Vec::new();
        for (member, theirs, _) in listed {
            let Some((_, serial, _)) = ours.iter().find(|(name, ..)| name == member) else {
                continue; // Of who is no member here nothing is kept.
            };
            match self.papers.warrants.get_mut(member) {
                None => drop(self.papers.warrants.insert(member.clone(), *theirs)),
                // Serials only grow: who goes back and forth is not shown the same heads each time.
                Some(before) if *before < *theirs => {
                    *before = *theirs;
                    if theirs == serial {
                        caught_up.push(member.clone());
                    }
                }
                Some(_) => {}
            }
        }
        if !self.greeted {
            return;
        }
        let others = caught_up
            .iter()
            .filter(|member| **member != self.peer.member);
        let feeds = others.flat_map(|member| ledger.feeds_of(member, &self.peer.member));
        let feeds: Vec<FeedId> = feeds.collect();
        for feed in feeds {
            self.show_head(feed, ledger);
        }
    }

    /// Takes back what is held of a feed under a former key, where the present key vouches for another
    /// history. It is fetched anew.
    pub(super) fn give_way(&mut self, feed: FeedId) {
        self.fetch.drop_leaves(&feed);
        self.fetch.look_anew(Some(feed));
        self.untaken.insert(feed);
        self.ask(Task::Void { feed, from: 0 });
    }

    /// Takes back what is held, because the publisher's leaves do not go on from it.
    pub(super) fn leaves_give_way(
        &mut self,
        run: &Run,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        self.give_way(run.came.feed);
        self.pass_over(run, now, ledger)
    }

    /// Takes no leaves; the bodies that follow those of a feed that was taken back come all the same.
    pub(super) fn pass_over(
        &mut self,
        run: &Run,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let came = &run.came;
        if !self.untaken.contains(&came.feed) {
            return Ok(());
        }
        let leaves = came.leaves.iter();
        let leaves = leaves.map(|bytes| Ok((Leaf::decode(bytes)?, Vec::new())));
        let leaves = leaves.collect::<Result<Vec<_>, Fault>>()?;
        self.expect_following(run, &leaves, came.from, now, ledger)
    }
}
