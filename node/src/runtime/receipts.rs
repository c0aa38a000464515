//! What readers say that they hold of the own feeds.
//!
//! The newest word of each is at hand at once; the log gets one a minute at most, however often a
//! reader changes its mind, for it keeps them all. What a crash loses of them the readers say again
//! when they next connect.

use std::collections::BTreeMap;

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::indicator::Value;
use kentong_protocol::policy::{Class, LocalAction, Purpose};
use kentong_protocol::statement::{IndicatorId, Rank, Said};
use kentong_protocol::wire::{Claim, Holds, SignedClaim};

use crate::control::refused::Refused;
use crate::control::reply::{self, Done, Reply, There};
use crate::store::{Durably, FeedState, Step, StoreError};

use super::core::Core;

/// What was said to a reader.
struct Told {
    /// The newest has the highest.
    rank: Rank,
    said: reply::Told,
    feed: FeedId,
    index: u64,
}

/// Milliseconds between two receipts of one reader for one feed that go to the log.
const EVERY: u64 = 60_000;

/// The newest receipts; as many as there are own feeds and readers of them.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    newest: BTreeMap<(FeedId, MemberName), Newest>,
}

#[derive(Debug)]
struct Newest {
    bytes: Vec<u8>,
    /// The log has these bytes.
    stored: bool,
    /// When the log takes another, in the milliseconds of the node.
    from: u64,
}

impl Receipts {
    /// Takes note of a receipt.
    fn note(&mut self, at: (FeedId, MemberName), bytes: Vec<u8>) {
        let newest = self.newest.entry(at).or_insert(Newest {
            bytes: Vec::new(),
            stored: true,
            from: 0,
        });
        newest.stored &= newest.bytes == bytes;
        newest.bytes = bytes;
    }

    /// What the log is to have now; counts as stored.
    fn due(&mut self, now: u64) -> Step {
        let due = self
            .newest
            .iter_mut()
            .filter(|(_, newest)| !newest.stored && newest.from <= now);
        due.fold(Step::new(), |step, ((feed, reader), newest)| {
            newest.stored = true;
            newest.from = now.saturating_add(EVERY);
            step.receipt(reader.clone(), *feed, newest.bytes.clone())
        })
    }
}

impl Core {
    /// Takes in a verified receipt.
    pub(super) fn receipt(
        &mut self,
        reader: MemberName,
        feed: FeedId,
        signed: &SignedClaim,
    ) -> Result<(), StoreError> {
        self.receipts.note((feed, reader), signed.to_bytes());
        self.store_receipts(self.now().millis)
    }

    /// Writes the receipts that are due at this moment.
    pub(super) fn store_receipts(&mut self, now: u64) -> Result<(), StoreError> {
        let step = self.receipts.due(now);
        if !step.is_empty() {
            self.store.commit(step, Durably::Later)?;
        }
        Ok(())
    }

    /// A reader's newest word on an own feed, if its present key signed it.
    pub(super) fn holds(&self, feed: FeedId, reader: &MemberName) -> Option<Holds> {
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

    /// Who has confirmed what was said last to it of an own indicator.
    pub(super) fn receipts_for(
        &mut self,
        value: &Value,
        uid: u32,
        rows: &mut Vec<Reply>,
    ) -> Result<Done, Refused> {
        let found = self.exact(value, None)?;
        let own = found.into_iter().find(|one| one.publisher == self.me);
        let class = own.as_ref().and_then(|own| own.asserted());
        let id = IndicatorId::of(&self.me, value);
        if class.is_none()
            && let Some(erasures) = self.erased(&id, uid)
        {
            self.erased_with(&erasures, rows)?;
            return Ok(Done {
                count: rows.len() as u64,
                ..Done::default()
            });
        }
        let Some(class) = class.map(|assertion| Class::of(value, assertion)) else {
            let what = format!("{} {}", value.kind(), value.as_str());
            return Err(Refused::NotOurs(what));
        };
        let (operator, me) = (self.operator(uid), self.members.as_party(&self.me));
        let look = LocalAction::Query(Purpose::Look);
        let verdict = self.policy.local(look, &operator, Some((&me, &class)));
        if !verdict.is_permit() {
            return Err(Refused::Denied((*verdict).clone()));
        }
        for (reader, told) in self.newest_to_each(value)? {
            let Told {
                rank,
                said,
                feed,
                index,
            } = told;
            let holds = self.holds(feed, &reader);
            let state = match &holds {
                Some(holds) if holds.applied > index => There::InForce,
                Some(holds) if holds.size > index => There::Received,
                Some(_) | None => There::NotConfirmed,
            };
            let member = self.members.party(&reader).is_some();
            let state = if member { state } else { There::NoMember };
            let confirmed = holds.filter(|holds| holds.size > index);
            rows.push(Reply::Receipt(reply::Receipt {
                reader: reader.to_string(),
                said,
                revision: rank.revision().number(),
                state,
                confirmed: confirmed.map(|holds| holds.time.to_string()),
                feed: feed.to_string(),
                index,
            }));
        }
        Ok(Done {
            count: rows.len() as u64,
            ..Done::default()
        })
    }

    /// For each reader of feeds that carry an own indicator what was said last to it, and where.
    fn newest_to_each(&self, value: &Value) -> Result<BTreeMap<MemberName, Told>, StoreError> {
        let mut newest: BTreeMap<MemberName, Told> = BTreeMap::new();
        let key = value.comparison_key();
        for place in self.store.find(value.kind(), &key) {
            let feed = self.store.feeds().by_number(place.feed);
            let ours =
                |feed: &&FeedState| feed.genesis().publisher == self.me && !feed.is_private();
            let Some(feed) = feed.filter(ours) else {
                continue;
            };
            let (statement, bytes) = self.store.statement(place)?;
            if statement.value.comparison_key() != key {
                continue;
            }
            let said = match &statement.said {
                Said::Asserted { .. } => reply::Told::Asserted,
                Said::Withdrawn { .. } => reply::Told::Withdrawn,
                Said::Ceased => reply::Told::Ceased,
            };
            let rank = statement.rank(&bytes);
            let audience = feed.genesis().audience.members().iter();
            for reader in audience.filter(|reader| **reader != self.me) {
                let known = newest.get(reader);
                if known.is_none_or(|known| known.rank < rank) {
                    let told = Told {
                        rank,
                        said,
                        feed: feed.id(),
                        index: place.index,
                    };
                    newest.insert(reader.clone(), told);
                }
            }
        }
        Ok(newest)
    }
}

#[cfg(test)]
mod tests {
    use kentong_protocol::Digest;

    use super::*;

    #[test]
    fn receipts_that_alternate_do_not_fill_the_log() {
        let mut receipts = Receipts::default();
        let feed = FeedId::from_digest(Digest::from_bytes([1; 32]));
        let sg: MemberName = "SG".parse().unwrap();
        let mut written = 0;
        for n in 0..1000_u64 {
            receipts.note((feed, sg.clone()), vec![(n % 2) as u8]);
            written += usize::from(!receipts.due(n).is_empty());
        }
        assert_eq!(written, 1);
        let newest = &receipts.newest[&(feed, sg.clone())];
        assert_eq!(
            newest.bytes,
            [1],
            "what is shown is the newest all the same"
        );
        assert!(receipts.due(EVERY - 1).is_empty());
        assert!(
            !receipts.due(EVERY).is_empty(),
            "and the log has it in the end"
        );
        assert!(receipts.due(u64::MAX).is_empty());
        receipts.note((feed, sg), vec![1]);
        assert!(
            receipts.due(u64::MAX).is_empty(),
            "said again it is no news"
        );
    }
}
