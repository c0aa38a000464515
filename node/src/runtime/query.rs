//! Finding indicators.

use std::collections::BTreeMap;

use kentong_protocol::MemberName;
use kentong_protocol::feed::EraseReason;
use kentong_protocol::indicator::{Assertion, Value};
use kentong_protocol::policy::{Class, LocalAction, Operator, Purpose};
use kentong_protocol::statement::{IndicatorId, Rank, Revision, Said, Statement};
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Erased, Reply, State};
use crate::control::request::{Query, What};
use crate::store::{FeedState, Place, StoreError};

use super::core::Core;
use super::covers::covers;
use super::search::Search;

/// A statement that is in force under its publisher, or the last word on an indicator.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) publisher: MemberName,
    pub(super) place: Place,
    pub(super) statement: Statement,
    /// How it stands among all that its publisher says of the indicator.
    standing: (Revision, bool, Rank),
    /// What was asserted last, where this ends it: it decides who may see the end.
    before: Option<Box<Self>>,
    pub(super) matched: Option<&'static str>,
}

/// Who asks, and what for.
pub(super) struct Asker<'a> {
    pub(super) operator: &'a Operator,
    pub(super) purpose: Purpose,
    pub(super) all: bool,
}

/// The rows of an answer, and its end.
pub(super) type Answer = (Vec<Reply>, Done);

impl Core {
    pub(super) fn query(
        &mut self,
        query: &Query,
        uid: u32,
        replies: &mpsc::Sender<Reply>,
    ) -> Result<Option<Answer>, Refused> {
        let operator = self.operator(uid);
        let purpose = if query.values.is_empty() {
            Purpose::Bulk
        } else {
            Purpose::Look
        };
        let verdict = self
            .policy
            .local(LocalAction::Query(purpose), &operator, None);
        if !verdict.is_permit() {
            return Err(Refused::Denied((*verdict).clone()));
        }
        if query.values.is_empty() {
            let search = Search {
                query: query.clone(),
                id: None,
                operator,
                purpose,
                replies: replies.clone(),
            };
            return self.search(search).map(|()| None);
        }
        let mut found = Vec::new();
        for value in &query.values {
            found.extend(self.find(value)?);
        }
        let asker = Asker {
            operator: &operator,
            purpose,
            all: query.all,
        };
        let (mut rows, mut done) = (Vec::new(), Done::default());
        for one in found.into_iter().filter(|one| fits(query, one)) {
            if !self.take_row(&asker, query, &one, &mut rows, &mut done) {
                break;
            }
        }
        Ok(Some((rows, done)))
    }

    /// Adds what was found to an answer, if it may be shown; false if the answer is full.
    pub(super) fn take_row(
        &mut self,
        asker: &Asker<'_>,
        query: &Query,
        one: &Found,
        rows: &mut Vec<Reply>,
        done: &mut Done,
    ) -> bool {
        let Some(view) = self.shown(asker, one) else {
            done.hidden += 1;
            return true;
        };
        if !query.count && done.count >= query.limit {
            done.more = true;
            return false;
        }
        done.count += 1;
        if !query.count {
            rows.push(Reply::Indicator(Box::new(view)));
        }
        true
    }

    pub(super) fn show(
        &mut self,
        what: &What,
        uid: u32,
        replies: &mpsc::Sender<Reply>,
    ) -> Result<Option<Answer>, Refused> {
        let operator = self.operator(uid);
        let mut found = Vec::new();
        match what {
            What::Values(values) => {
                for value in values {
                    found.extend(self.exact(value, None)?);
                }
            }
            What::Id(id) => {
                let Some(id) = IndicatorId::from_hex(id) else {
                    return Err(Refused::NoIdToShow(id.clone()));
                };
                if let Some(erased) = self.show_erased(&id, None, uid) {
                    let done = Done {
                        count: 1,
                        ..Done::default()
                    };
                    return Ok(Some((vec![erased], done)));
                }
                // Ids are not indexed: a thief of the disk could test guesses by them.
                let query = Query {
                    all: true,
                    limit: u64::MAX,
                    ..Query::default()
                };
                let search = Search {
                    query,
                    id: Some(id),
                    operator,
                    purpose: Purpose::Look,
                    replies: replies.clone(),
                };
                return self.search(search).map(|()| None);
            }
        }
        let asker = Asker {
            operator: &operator,
            purpose: Purpose::Look,
            all: true,
        };
        let (mut rows, mut done) = (Vec::new(), Done::default());
        if let What::Values(values) = what {
            for value in values {
                let id = IndicatorId::of(&self.me, value);
                let erased = self.show_erased(&id, Some(value), uid);
                done.count += u64::from(erased.is_some());
                rows.extend(erased);
            }
        }
        for one in found {
            match self.shown(&asker, &one) {
                None => done.hidden += 1,
                Some(view) => {
                    done.count += 1;
                    rows.push(Reply::Indicator(Box::new(view)));
                }
            }
        }
        Ok(Some((rows, done)))
    }

    /// What is left of an own indicator that was erased: that it was.
    fn show_erased(&mut self, id: &IndicatorId, value: Option<&Value>, uid: u32) -> Option<Reply> {
        let erasures = self.erased(id, uid)?;
        let erasures = erasures.iter().map(|(_, erasure)| erasure);
        let newest = erasures.max_by_key(|erasure| erasure.revision)?;
        Some(Reply::Erased(Erased {
            id: id.to_string(),
            kind: value.map(|value| value.kind().to_string()),
            value: value.map(|value| value.as_str().to_owned()),
            publisher: self.me.to_string(),
            reason: EraseReason::of(newest.reason).to_string(),
            revision: newest.revision.number(),
            made: newest.made.to_string(),
        }))
    }

    /// Everything that speaks of a value: of the very value, of a domain above it, of a range that
    /// holds it.
    fn find(&self, value: &Value) -> Result<Vec<Found>, StoreError> {
        let mut found = self.exact(value, None)?;
        for (cover, matched) in covers(value) {
            found.extend(self.exact(&cover, Some(matched))?);
        }
        Ok(found)
    }

    /// The last word of each publisher on a value.
    pub(super) fn exact(
        &self,
        value: &Value,
        matched: Option<&'static str>,
    ) -> Result<Vec<Found>, StoreError> {
        let key = value.comparison_key();
        let mut newest: BTreeMap<MemberName, Found> = BTreeMap::new();
        for place in self.store.find(value.kind(), &key) {
            let Some(one) = self.read(place, matched)? else {
                continue;
            };
            let same = one.statement.value.kind() == value.kind()
                && one.statement.value.comparison_key() == key;
            if same {
                keep_newest(&mut newest, one);
            }
        }
        Ok(newest.into_values().collect())
    }

    /// The last word of our own on a value, as answers have it.
    pub(super) fn own_word(&self, value: &Value) -> Result<Option<Statement>, StoreError> {
        if let Some(private) = self.own_statement(value)? {
            return Ok(Some(private));
        }
        let found = self.exact(value, None)?.into_iter();
        let mut own = found.filter(|one| one.publisher == self.me);
        let own = own.find(|one| one.statement.value == *value);
        Ok(own.map(|one| one.statement))
    }

    fn read(
        &self,
        place: Place,
        matched: Option<&'static str>,
    ) -> Result<Option<Found>, StoreError> {
        let Some(feed) = self.store.feeds().by_number(place.feed) else {
            return Ok(None);
        };
        let (statement, _) = self.store.statement(place)?;
        let found = self.found(feed, place, statement);
        Ok(found.map(|found| Found { matched, ..found }))
    }

    /// Whether a feed holds all that its publisher says to us. Our own word is whole in the feed for
    /// ourselves alone: case number, notes and source are in no copy that others may read.
    pub(super) fn is_whole(&self, feed: &FeedState) -> bool {
        feed.genesis().publisher != self.me || feed.is_private()
    }

    /// What a statement is as an answer; nothing if it says nothing to us. Every answer takes its
    /// statements from here.
    pub(super) fn found(
        &self,
        feed: &FeedState,
        place: Place,
        statement: Statement,
    ) -> Option<Found> {
        let is_whole = self.is_whole(feed);
        if !is_whole && matches!(statement.said, Said::Ceased) {
            return None; // Others get no more of it; with us nothing changed.
        }
        let rank = statement.rank(&statement.encode());
        Some(Found {
            publisher: feed.genesis().publisher.clone(),
            place,
            standing: (statement.revision, is_whole, rank),
            statement,
            before: None,
            matched: None,
        })
    }

    /// What the operator sees of it; nothing if policy, the marking or its state hides it.
    fn shown(
        &mut self,
        asker: &Asker<'_>,
        one: &Found,
    ) -> Option<crate::control::reply::Indicator> {
        // The end of what this node never had has no marking to judge by: nobody is shown it.
        let class = Class::of(&one.statement.value, one.asserted()?);
        let action = LocalAction::Query(asker.purpose);
        let publisher = self.members.as_party(&one.publisher);
        let subject = Some((&publisher, &class));
        let verdict = self.policy.local(action, asker.operator, subject);
        if !verdict.is_permit() {
            return None;
        }
        let mut not_accepted = None;
        if one.publisher != self.me {
            let from = self.members.party(&one.publisher)?;
            let verdict = self.policy.accept(&class, &from);
            if !verdict.is_permit() {
                not_accepted = Some(verdict.to_string());
            }
        }
        let view = self.view(one, not_accepted);
        (asker.all || view.state == State::InForce).then_some(view)
    }
}

impl Found {
    /// What is asserted, or was before the end.
    pub(super) fn asserted(&self) -> Option<&Assertion> {
        match &self.statement.said {
            Said::Asserted { assertion, .. } => Some(assertion),
            Said::Withdrawn { .. } | Said::Ceased => self.before.as_ref()?.asserted(),
        }
    }

    /// The newer of two words on one indicator, and of two copies of one word our own that is whole: where a
    /// restored home lacks that one, the copy that says most. An end keeps what was asserted last.
    pub(super) fn newer(self, other: Self) -> Self {
        let (mut newest, older) = if self.standing >= other.standing {
            (self, other)
        } else {
            (other, self)
        };
        if !matches!(newest.statement.said, Said::Asserted { .. }) {
            let last = match (newest.before.take(), older) {
                (Some(before), older) if before.standing >= older.standing => Some(before),
                (before, older) => older.last_asserted().or(before),
            };
            newest.before = last;
        }
        newest
    }

    fn last_asserted(mut self) -> Option<Box<Self>> {
        match self.statement.said {
            Said::Asserted { .. } => Some(Box::new(self)),
            Said::Withdrawn { .. } | Said::Ceased => self.before.take(),
        }
    }
}

fn keep_newest(newest: &mut BTreeMap<MemberName, Found>, one: Found) {
    let one = match newest.remove(&one.publisher) {
        Some(before) => before.newer(one),
        None => one,
    };
    newest.insert(one.publisher.clone(), one);
}

pub(super) fn fits(query: &Query, one: &Found) -> bool {
    let Statement {
        value, made, said, ..
    } = &one.statement;
    let assertion = match said {
        Said::Asserted { assertion, .. } => Some(assertion),
        Said::Withdrawn { .. } | Said::Ceased => None,
    };
    query.kind.is_none_or(|kind| kind == value.kind())
        && query
            .publisher
            .as_ref()
            .is_none_or(|publisher| *publisher == one.publisher)
        && query.since.is_none_or(|since| *made >= since)
        && query
            .scheme
            .is_none_or(|scheme| assertion.is_some_and(|a| a.scheme == scheme))
        && query
            .tlp
            .is_none_or(|tlp| assertion.is_some_and(|a| a.tlp == tlp))
}
