//! Finding indicators, and showing what an operator may see.

use kentong_protocol::feed::EraseReason;
use kentong_protocol::indicator::Value;
use kentong_protocol::policy::{Class, LocalAction, Operator, Purpose};
use kentong_protocol::statement::{IndicatorId, Said, Statement};

use crate::control::refused::Refused;
use crate::control::reply::{Done, Erased, Indicator, Reply, State};
use crate::control::request::{Query, What};
use crate::runtime::Node;

use super::counted;
use super::found::Found;
use super::search::Search;

/// What an operator asks for is there, or is to be searched for.
pub(super) enum Looked {
    /// The rows of an answer, and its end.
    Found(Vec<Reply>, Done),
    /// All that is held must be read.
    ToSearch(Search),
}

/// Who asks, and what for.
pub(super) struct Asker<'a> {
    pub(super) operator: &'a Operator,
    pub(super) purpose: Purpose,
    pub(super) all: bool,
}

impl Node<'_> {
    pub(super) fn query(&mut self, query: &Query, who: &Operator) -> Result<Looked, Refused> {
        let purpose = if query.values.is_empty() {
            Purpose::Bulk
        } else {
            Purpose::Look
        };
        self.may(LocalAction::Query(purpose), who)?;
        if query.values.is_empty() {
            return Ok(Looked::ToSearch(Search {
                query: query.clone(),
                id: None,
                operator: who.clone(),
                purpose,
            }));
        }
        let mut found = Vec::new();
        for value in &query.values {
            found.extend(self.find(value)?);
        }
        let asker = Asker {
            operator: who,
            purpose,
            all: query.all,
        };
        let (mut rows, mut done) = (Vec::new(), Done::default());
        for one in found.into_iter().filter(|one| fits(query, one)) {
            if !self.take_row(&asker, query, &one, &mut rows, &mut done) {
                break;
            }
        }
        Ok(Looked::Found(rows, done))
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

    /// All that is known of one indicator.
    pub(super) fn show(&mut self, what: &What, who: &Operator) -> Result<Looked, Refused> {
        match what {
            What::Values(values) => self.show_values(values, who),
            What::Id(text) => {
                let Some(id) = IndicatorId::from_hex(text) else {
                    return Err(Refused::NoIdToShow(text.clone()));
                };
                if let Some(erased) = self.show_erased(&id, None, who) {
                    let rows = vec![erased];
                    let done = counted(&rows);
                    return Ok(Looked::Found(rows, done));
                }
                // Ids are not indexed: a thief of the disk could test guesses by them.
                let query = Query {
                    all: true,
                    limit: u64::MAX,
                    ..Query::default()
                };
                Ok(Looked::ToSearch(Search {
                    query,
                    id: Some(id),
                    operator: who.clone(),
                    purpose: Purpose::Look,
                }))
            }
        }
    }

    fn show_values(&mut self, values: &[Value], who: &Operator) -> Result<Looked, Refused> {
        let mut found = Vec::new();
        for value in values {
            found.extend(self.exact(value, None)?);
        }
        let asker = Asker {
            operator: who,
            purpose: Purpose::Look,
            all: true,
        };
        let (mut rows, mut done) = (Vec::new(), Done::default());
        for value in values {
            let id = IndicatorId::of(self.me(), value);
            rows.extend(self.show_erased(&id, Some(value), who));
        }
        for one in found {
            match self.shown(&asker, &one) {
                None => done.hidden += 1,
                Some(view) => rows.push(Reply::Indicator(Box::new(view))),
            }
        }
        done.count = rows.len() as u64;
        Ok(Looked::Found(rows, done))
    }

    /// What is left of an own indicator that was erased: that it was.
    fn show_erased(
        &mut self,
        id: &IndicatorId,
        value: Option<&Value>,
        who: &Operator,
    ) -> Option<Reply> {
        let erasures = self.erased(id, who)?;
        let erasures = erasures.iter().map(|(_, erasure)| erasure);
        let newest = erasures.max_by_key(|erasure| erasure.revision)?;
        Some(Reply::Erased(Erased {
            id: id.to_string(),
            kind: value.map(|value| value.kind().to_string()),
            value: value.map(|value| value.as_str().to_owned()),
            publisher: self.me().to_string(),
            reason: EraseReason::of(newest.reason),
            revision: newest.revision.number(),
            made: newest.made.to_string(),
        }))
    }

    /// What the operator sees of it; nothing if policy, the marking or its state hides it.
    fn shown(&mut self, asker: &Asker<'_>, one: &Found) -> Option<Indicator> {
        // The end of what this node never had has no marking to judge by: nobody is shown it.
        let class = Class::of(&one.statement.value, one.asserted()?);
        let action = LocalAction::Query(asker.purpose);
        let publisher = self.as_party(&one.publisher);
        let subject = Some((&publisher, &class));
        let verdict = self.local(action, asker.operator, subject);
        if !verdict.is_permit() {
            return None;
        }
        let mut not_accepted = None;
        if one.publisher != *self.me() {
            let from = self.party(&one.publisher)?;
            let verdict = self.accept(&class, &from);
            if !verdict.is_permit() {
                not_accepted = Some(verdict.to_string());
            }
        }
        let view = self.view(one, not_accepted);
        (asker.all || view.state == State::InForce).then_some(view)
    }
}

/// Whether what was found is what a query asks for.
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
