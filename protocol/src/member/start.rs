//! The start: log and heads are compared, and what was left half done is finished or dropped.

use kentong_keys::RecoveryId;

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::store::{Durably, FeedState, Step, StoreError, Vouched};

use super::heads::{Heads as _, Signed};
use super::history::{self, Behind, Repair, compare, to_sign_again, uncovered};
use super::publisher::{Publisher, checkpoint};
use super::reader::Reader;
use super::sessions::Input;
use super::{Keys, Lent, Member, Ours, Told, World};

/// What a start comes upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It is not known what was signed last, and why: [`Member::ask`] is next.
    Unknown(String),
    /// The log has another history of this feed than was signed: the node must not run.
    OtherHistory(FeedId),
    /// This is to be repaired: [`Member::repair`] is next.
    Repair(Repair),
}

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// The first thing of a start: what log and heads say when they are compared.
    #[must_use]
    pub fn compare(&self, keys: Keys<'_>) -> Compared {
        if self.heads.is_unknown() {
            return Compared::Unknown("it is not known what was signed last".to_owned());
        }
        let is_ours = |feed| self.is_head_signed_by(keys, feed);
        match compare(&self.ours(), &self.heads, is_ours) {
            history::Compared::OlderHeads => Compared::Unknown(
                "the log holds more than the signer state says was signed: that is an older copy"
                    .to_owned(),
            ),
            history::Compared::OtherHistory(feed) => Compared::OtherHistory(feed),
            history::Compared::Repair(repair) => Compared::Repair(repair),
        }
    }

    /// Nothing is signed before readers have said what they hold. Before this is called the world has noted
    /// durably that the recovery began. Leaves of ours that no checkpoint covers are dropped: whether they were signed, readers know.
    /// What is for this member alone stays as it is.
    pub fn ask(
        &mut self,
        recovery: RecoveryId,
        why: String,
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        self.heads.disbelieve();
        let cut = uncovered(&self.ours());
        self.cut(&cut)?;
        self.history.ask(recovery, why, lent.now.moment);
        self.begin(lent);
        Ok(())
    }

    /// Brings the log to what the heads say. `has_begun` says whether a recovery has begun that is not over.
    pub fn repair(
        &mut self,
        repair: Repair,
        has_begun: bool,
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        self.cut(&repair.cut)?;
        let mut step = Step::new();
        for (feed, Signed { size, root }) in repair.sign_again {
            if let Some(head) = checkpoint(&self.members, lent.keys, feed, size, root) {
                step = step.checkpoint(feed, head.note().to_vec(), size);
            }
        }
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        self.open_feeds();
        for behind in repair.behind {
            self.is_behind(behind, lent);
        }
        if has_begun {
            let ours = Ours::of(&self.store);
            let outputs = self.history.load_again(lent.now.moment, &ours);
            self.follow_history(outputs, lent);
        }
        self.begin(lent);
        Ok(())
    }

    fn is_behind(&mut self, behind: Behind, lent: &mut Lent<'_>) {
        let Behind {
            feed,
            signed,
            is_private,
        } = behind;
        if is_private {
            self.publisher.leave(feed);
            self.told(Told::PrivateLost { feed, signed });
            return;
        }
        let (now, ours) = (lent.now.moment, Ours::of(&self.store));
        let outputs = self.history.lost(feed, signed, now, &ours, &self.heads);
        self.follow_history(outputs, lent);
    }

    /// What is held is looked through: how far each member's word goes, what is to be released and cosigned.
    fn begin(&mut self, lent: &mut Lent<'_>) {
        self.has_begun = true;
        let weighed = self.on_ground(lent, |_, ground| Reader::weigh_all(ground));
        for (member, former) in weighed {
            self.told(Told::Former(member, former));
        }
        self.publishing(lent, |publisher, with| publisher.recount_released(with));
        if guard::on(Guard::CheckedAtStart) {
            self.publishing(lent, Publisher::sweep_all);
        }
        self.cosign_all(lent);
    }

    /// Links can come about from now on: the wait for a reader begins.
    pub fn readers_may_come(&mut self, lent: &Lent<'_>) {
        self.history.readers_may_come(lent.now.moment);
    }

    /// Cuts our feeds to so many leaves each.
    fn cut(&mut self, feeds: &[(FeedId, u64)]) -> Result<(), StoreError> {
        let cut = |step: Step, (feed, size): &(FeedId, u64)| step.truncate(*feed, *size);
        let step = feeds.iter().fold(Step::new(), cut);
        if !step.is_empty() {
            self.store.commit(step, Durably::Synced)?;
        }
        Ok(())
    }

    /// Signs the head of our feed that came back under a former key, as far as the heads have it.
    pub(super) fn sign_again(&mut self, feed: FeedId, lent: &Lent<'_>) -> Result<(), StoreError> {
        let is_ours = |feed| self.is_head_signed_by(lent.keys, feed);
        let Some(Signed { size, root }) = to_sign_again(feed, &self.ours(), &self.heads, is_ours)
        else {
            return Ok(());
        };
        let Some(head) = checkpoint(&self.members, lent.keys, feed, size, root) else {
            return Ok(());
        };
        let step = Step::new().checkpoint(feed, head.note().to_vec(), size);
        self.store.commit(step, Durably::Synced)?;
        self.store.set_vouched(feed, Vouched::Present);
        self.tell(Input::Published(feed), lent.now);
        Ok(())
    }

    /// Whether our present key signed the newest checkpoint of a feed.
    fn is_head_signed_by(&self, keys: Keys<'_>, feed: FeedId) -> bool {
        let held = self.store.feeds().get(feed);
        let checkpoint = held.and_then(FeedState::checkpoint);
        checkpoint.is_some_and(|(_, note)| keys.signed(note))
    }

    /// Publishes nothing until the next start, if what is stored and what is signed may differ: a step was
    /// not finished, or history finds so. To be asked after a failure inside.
    pub fn stop_if_midway(&mut self) {
        let is_midway =
            || self.store.is_broken() || self.history.is_midway(&self.ours(), &self.heads);
        if self.history.stopped().is_none() && is_midway() {
            self.stop("this node failed inside while it was storing or signing".to_owned());
        }
    }
}
