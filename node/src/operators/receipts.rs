//! Who has confirmed what was said to it, and who has erased what was erased.

use std::collections::BTreeMap;

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::indicator::Value;
use kentong_protocol::policy::{Class, LocalAction, Operator, Purpose};
use kentong_protocol::statement::{Erasure, IndicatorId, Rank, Said};

use crate::control::refused::Refused;
use crate::control::reply::{self, Done, Reply, There};
use crate::runtime::Node;
use crate::store::{FeedState, Place, StoreError};

use super::counted;

/// What was said to a reader.
struct Told {
    /// The newest has the highest.
    rank: Rank,
    said: reply::Told,
    feed: FeedId,
    index: u64,
}

impl Node<'_> {
    /// Who has confirmed what was said last to it of an own indicator.
    pub(super) fn receipts_for(
        &mut self,
        value: &Value,
        who: &Operator,
        rows: &mut Vec<Reply>,
    ) -> Result<Done, Refused> {
        let own = self.own_found(value)?;
        let class = own.as_ref().and_then(|own| own.asserted());
        let id = IndicatorId::of(self.me(), value);
        if class.is_none()
            && let Some(erasures) = self.erased(&id, who)
        {
            self.erased_with(&erasures, rows)?;
            return Ok(counted(rows));
        }
        let Some(class) = class.map(|assertion| Class::of(value, assertion)) else {
            let what = format!("{} {}", value.kind(), value.as_str());
            return Err(Refused::NotOurs(what));
        };
        self.may_with_ours(LocalAction::Query(Purpose::Look), who, &class)?;
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
            let member = self.party(&reader).is_some();
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
        Ok(counted(rows))
    }

    /// For each reader of feeds that carry an own indicator what was said last to it, and where.
    fn newest_to_each(&self, value: &Value) -> Result<BTreeMap<MemberName, Told>, StoreError> {
        let mut newest: BTreeMap<MemberName, Told> = BTreeMap::new();
        let key = value.comparison_key();
        for place in self.store().find(value.kind(), &key) {
            let feed = self.store().feeds().by_number(place.feed);
            let ours =
                |feed: &&FeedState| feed.genesis().publisher == *self.me() && !feed.is_private();
            let Some(feed) = feed.filter(ours) else {
                continue;
            };
            let (statement, bytes) = self.store().statement(place)?;
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
            for reader in audience.filter(|reader| **reader != *self.me()) {
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

    /// The erasures of an own indicator, if the last that is known of it is that it was erased. One who
    /// administers the node may know.
    pub(super) fn erased(
        &mut self,
        id: &IndicatorId,
        who: &Operator,
    ) -> Option<Vec<(Place, Erasure)>> {
        let erasures = self.erasures(id)?;
        self.may_administer(who).ok()?;
        Some(erasures)
    }

    /// Who has erased an own indicator.
    fn erased_with(
        &self,
        erasures: &[(Place, Erasure)],
        rows: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let mut by_reader: BTreeMap<MemberName, (u8, reply::Receipt)> = BTreeMap::new();
        for (place, erasure) in erasures {
            let feed = self.store().feeds().by_number(place.feed);
            let Some(feed) = feed.filter(|feed| !feed.is_private()) else {
                continue;
            };
            let last = self.store().erased_up_to(place.feed, place.index);
            let audience = feed.genesis().audience.members().iter();
            for reader in audience.filter(|reader| **reader != *self.me()) {
                let (rank, row) = self.erased_by(reader, feed, (last, erasure))?;
                let known = by_reader.get(reader);
                // As long as one of the feeds is not done the reader is not.
                if known.is_none_or(|(known, _)| rank < *known) {
                    by_reader.insert(reader.clone(), (rank, row));
                }
            }
        }
        // Closed feeds do not say which indicator was erased from them, so all that was counts.
        let Some((_, erasure)) = erasures.last() else {
            return Ok(());
        };
        let own = self.store().feeds().of(self.me());
        for feed in own.filter(|feed| feed.is_closed()) {
            if self.store().erase_targets(feed.id(), feed.size())? == 0 {
                continue;
            }
            let last = feed.size().saturating_sub(1);
            for (reader, known) in &mut by_reader {
                if feed.genesis().audience.holds(reader) {
                    let (rank, row) = self.erased_by(reader, feed, (last, erasure))?;
                    if rank < known.0 {
                        *known = (rank, row);
                    }
                }
            }
        }
        let all = by_reader.into_values();
        rows.extend(all.map(|(_, row)| Reply::Receipt(row)));
        Ok(())
    }

    fn erased_by(
        &self,
        reader: &MemberName,
        feed: &FeedState,
        (last, erasure): (u64, &Erasure),
    ) -> Result<(u8, reply::Receipt), StoreError> {
        let holds = self.holds(feed.id(), reader);
        let holds = holds.filter(|holds| holds.size > last);
        let (rank, state) = match &holds {
            None => (0, There::NotConfirmed),
            Some(holds) if holds.erased >= self.store().erase_targets(feed.id(), holds.size)? => {
                (2, There::Erased)
            }
            Some(_) => (1, There::Received),
        };
        let row = reply::Receipt {
            reader: reader.to_string(),
            said: reply::Told::Erased,
            revision: erasure.revision.number(),
            state,
            confirmed: holds.map(|holds| holds.time.to_string()),
            feed: feed.id().to_string(),
            index: last,
        };
        Ok((rank, row))
    }
}
