//! The node as a session sees it.

use kentong_keys::{Digest, MemberName, PublicKey, VerifierKey};

use crate::charter::{Charter, Papers, Quota};
use crate::feed::{BatchLeaf, FeedId};
use crate::store::{Log, Rows, Store};
use crate::sync::{FeedView, Ledger, Now, Sources, WantedBody};

use super::Reader;
use super::intake::{BodyQuery, Intake};
use crate::member::Members;

/// What sessions read of a node.
#[derive(Debug)]
pub struct View<'a, L, R> {
    pub(super) store: &'a Store<L, R>,
    pub(super) members: &'a Members,
    pub(super) reader: &'a Reader,
    pub(super) now: Now,
}

impl<L, R> View<'_, L, R> {
    /// How much is taken of each publisher.
    pub(super) fn quota(&self) -> Option<&Quota> {
        self.members.charter().map(Charter::quota)
    }
}

impl<L: Log, R: Rows> Ledger for View<'_, L, R> {
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        self.store.feeds_of(publisher, reader)
    }

    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        self.store.shared_with(reader)
    }

    fn signing(&self, member: &MemberName) -> Option<PublicKey> {
        let (warrant, _) = self.members.credentials(member)?;
        Some(*warrant.signing())
    }

    fn witness(&self, member: &MemberName) -> Option<VerifierKey> {
        let (warrant, _) = self.members.credentials(member)?;
        Some(warrant.witness_verifier())
    }

    fn frozen(&self, id: &FeedId) -> Option<(u64, Digest)> {
        let (warrant, _) = self.members.credentials(self.store.me())?;
        let head = warrant.head(id.digest())?;
        Some((head.size, head.root))
    }

    fn cosigned(&self, id: &FeedId) -> Option<&[u8]> {
        let newest = self.store.view(id)?.checkpoint?.0;
        self.reader.relay.cosigned(id, newest)
    }

    fn is_forked(&self, id: &FeedId) -> bool {
        self.reader.relay.is_forked(id)
    }

    fn takes_leaves(&self, publisher: &MemberName) -> bool {
        let quota = self.quota();
        quota.is_none_or(|quota| Intake::takes_leaves(self.store, quota, publisher))
    }

    fn papers(&self) -> Option<&Papers> {
        self.members.papers()
    }

    fn credentials(&self) -> Vec<(MemberName, u64, u64)> {
        self.members.serials()
    }

    fn sources(&self) -> &Sources {
        self.reader.relay.sources()
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        self.store.view(id)
    }

    fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        let asked = BodyQuery {
            feed: *id,
            from,
            most,
            wanted,
        };
        let (intake, quota) = (&self.reader.intake, self.quota());
        intake.wanted(self.store, quota, &asked, self.now.moment)
    }

    fn lacks(&self, id: &FeedId, index: u64) -> bool {
        self.store.lacks(id, index)
    }

    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        self.store.batch(*id, index).ok()
    }

    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        self.store.epochs_without_key(id, above, most)
    }
}
