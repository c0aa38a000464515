//! What readers say that they hold of our feeds.
//!
//! The newest word of each is at hand at once; the log gets one a minute at most, however often a
//! reader changes its mind, for it keeps them all. What a crash loses of them the readers say again
//! when they next connect.

use core::time::Duration;
use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::store::{Durably, Log, Rows, Step, Store, StoreError};
use crate::time::Moment;
use crate::wire::{Claim, Holds, SignedClaim};

use super::{Member, World};

/// How long it is from one receipt of a reader for one feed that goes to the log to the next.
const EVERY: Duration = Duration::from_secs(60);

/// The newest receipts; as many as there are feeds of ours and readers of them.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    newest: BTreeMap<(FeedId, MemberName), Newest>,
}

#[derive(Debug)]
struct Newest {
    bytes: Vec<u8>,
    /// The log has these bytes.
    stored: bool,
    /// When the log takes another.
    from: Moment,
}

impl Receipts {
    /// Takes note of a receipt.
    pub(super) fn note(&mut self, at: (FeedId, MemberName), bytes: Vec<u8>) {
        let newest = self.newest.entry(at).or_insert(Newest {
            bytes: Vec::new(),
            stored: true,
            from: Moment::START,
        });
        newest.stored &= newest.bytes == bytes;
        newest.bytes = bytes;
    }

    /// Writes those that are due.
    pub(super) fn store<L: Log, R: Rows>(
        &mut self,
        store: &mut Store<L, R>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let step = self.due(now);
        if !step.is_empty() {
            store.commit(step, Durably::Later)?;
        }
        Ok(())
    }

    /// What the log is to have now; counts as stored.
    fn due(&mut self, now: Moment) -> Step {
        let due = self
            .newest
            .iter_mut()
            .filter(|(_, newest)| !newest.stored && newest.from <= now);
        due.fold(Step::new(), |step, ((feed, reader), newest)| {
            newest.stored = true;
            newest.from = now.after(EVERY);
            step.receipt(reader.clone(), *feed, newest.bytes.clone())
        })
    }
}

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// A reader's newest word on a feed of ours, if its present key signed it.
    pub fn holds(&self, feed: FeedId, reader: &MemberName) -> Option<Holds> {
        let bytes = match self.receipts.newest.get(&(feed, reader.clone())) {
            Some(newest) => newest.bytes.clone(),
            None => self.store.receipt(feed, reader).ok()??,
        };
        let (warrant, _) = self.members.credentials(reader)?;
        let signed = SignedClaim::from_bytes(&bytes).ok()?;
        match signed.verify(warrant.signing()).ok()? {
            Claim::Holds(holds) => Some(holds),
            Claim::Alive(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;

    use super::*;

    #[test]
    fn receipts_that_alternate_do_not_fill_the_log() {
        let mut receipts = Receipts::default();
        let feed = FeedId::from_digest(Digest::from_bytes([1; 32]));
        let sg: MemberName = "SG".parse().unwrap();
        let mut written = 0;
        for n in 0..1000_u64 {
            receipts.note((feed, sg.clone()), vec![(n % 2) as u8]);
            written += usize::from(!receipts.due(Moment::from_millis(n)).is_empty());
        }
        assert_eq!(written, 1);
        let newest = &receipts.newest[&(feed, sg.clone())];
        assert_eq!(
            newest.bytes,
            [1],
            "what is shown is the newest all the same"
        );
        assert!(
            receipts
                .due(Moment::START.after(EVERY - Duration::from_millis(1)))
                .is_empty()
        );
        assert!(
            !receipts.due(Moment::START.after(EVERY)).is_empty(),
            "and the log has it in the end"
        );
        assert!(receipts.due(Moment::NEVER).is_empty());
        receipts.note((feed, sg), vec![1]);
        assert!(
            receipts.due(Moment::NEVER).is_empty(),
            "said again it is no news"
        );
    }
}
