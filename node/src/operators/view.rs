//! Indicators in the words that people use.

use kentong_protocol::indicator::{Assertion, Projection};
use kentong_protocol::statement::{IndicatorId, Said};

use crate::control::reply::{Indicator, Proof, Says, State};

use super::found::Found;
use crate::runtime::Node;

/// Seconds by which clocks may differ before an indicator counts as expired.
const CLOCK_SLACK: u64 = 300;

impl Node<'_> {
    /// An indicator for an operator; `not_accepted` is why policy does not believe it, if so.
    pub(super) fn view(&self, found: &Found, not_accepted: Option<String>) -> Indicator {
        let Found {
            publisher,
            place,
            statement,
            matched,
            ..
        } = found;
        let id = IndicatorId::of(publisher, &statement.value);
        let feed = self.store().feeds().by_number(place.feed);
        let own = *publisher == *self.me();
        let (kind, made) = (statement.value.kind(), statement.made);
        let until = |assertion: &Assertion| assertion.holds_until(kind, made);
        let expired = |assertion: &Assertion| until(assertion).plus(CLOCK_SLACK) < self.wall();
        let (state, reason) = match (&statement.said, not_accepted) {
            (Said::Withdrawn { reason }, _) => (State::Withdrawn, Some(reason.to_string())),
            (Said::Ceased, _) => (
                State::Ceased,
                Some("its publisher sends us no newer revisions".to_owned()),
            ),
            (Said::Asserted { .. }, Some(why)) => (State::NotAccepted, Some(why)),
            (Said::Asserted { assertion, .. }, None) if expired(assertion) => {
                (State::Expired, None)
            }
            (Said::Asserted { .. }, None) => (State::InForce, None),
        };
        let signed = feed
            .and_then(|feed| feed.checkpoint())
            .map_or(0, |(size, _)| size);
        let witnesses = match feed {
            Some(feed) if !own => self.witnesses(feed, place.index),
            _ => Vec::new(),
        };
        let witnesses: Vec<_> = witnesses.iter().map(ToString::to_string).collect();
        let proof = match (own, place.index < signed) {
            (true, _) => Proof::Own,
            (false, true) if !witnesses.is_empty() => Proof::Witnessed,
            (false, true) => Proof::Verified,
            (false, false) => Proof::Received,
        };
        Indicator {
            id: id.to_string(),
            kind: statement.value.kind().to_string(),
            value: statement.value.as_str().to_owned(),
            publisher: publisher.to_string(),
            state,
            reason,
            revision: statement.revision.number(),
            made: statement.made.to_string(),
            matched: matched.map(str::to_owned),
            says: match &statement.said {
                Said::Asserted {
                    assertion,
                    stripped,
                } => Some(Says {
                    holds_until: until(assertion).to_string(),
                    ..says(assertion, *stripped)
                }),
                Said::Withdrawn { .. } | Said::Ceased => None,
            },
            proof,
            witnesses,
            feed: feed.map(|feed| feed.id().to_string()).unwrap_or_default(),
            index: place.index,
            place: place.place,
            released_to: own.then(|| self.released_to(&id)),
        }
    }

    /// The members that have an own indicator's current word.
    pub(super) fn released_to(&self, id: &IndicatorId) -> Vec<String> {
        use kentong_protocol::release::Carried;
        let Ok(own) = self.store().own() else {
            return Vec::new();
        };
        let Some(entry) = own.get(id) else {
            return Vec::new();
        };
        let mut names = std::collections::BTreeSet::new();
        for (number, how) in own.carried(entry.carried) {
            let feed = self.store().feeds().by_number(*number);
            let current = match how {
                Carried::Current(_) => true,
                Carried::Withdrawn(revision) => *revision == entry.revision,
                Carried::Older(_) | Carried::Ceased(_) => false,
            };
            if let Some(feed) = feed.filter(|_| current) {
                let audience = feed.genesis().audience.members().iter();
                names.extend(
                    audience
                        .filter(|name| **name != *self.me())
                        .map(ToString::to_string),
                );
            }
        }
        names.into_iter().collect()
    }
}

fn says(assertion: &Assertion, stripped: Projection) -> Says {
    let texts = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let local = assertion.local.as_ref();
    Says {
        scheme: assertion.scheme.to_string(),
        confidence: assertion.confidence.percent(),
        tlp: assertion.tlp.to_string(),
        releasable_to: assertion
            .releasable_to
            .iter()
            .map(ToString::to_string)
            .collect(),
        basis: assertion.basis.to_string(),
        first_seen: assertion.first_seen.map(|time| time.to_string()),
        last_seen: assertion.last_seen.map(|time| time.to_string()),
        valid_until: assertion.valid_until.map(|time| time.to_string()),
        holds_until: String::new(),
        loss: assertion.loss.as_ref().map(ToString::to_string),
        countries: assertion
            .countries
            .iter()
            .map(ToString::to_string)
            .collect(),
        legal_basis: assertion.legal_basis.as_ref().map(ToString::to_string),
        tags: texts(&assertion.tags.iter().map(|tag| &**tag).collect::<Vec<_>>()),
        description: assertion.description.as_ref().map(ToString::to_string),
        references: texts(
            &assertion
                .references
                .iter()
                .map(|r| &**r)
                .collect::<Vec<_>>(),
        ),
        case_number: local
            .and_then(|l| l.case_number.as_ref())
            .map(ToString::to_string),
        notes: local
            .and_then(|l| l.notes.as_ref())
            .map(ToString::to_string),
        source: local
            .and_then(|l| l.source.as_ref())
            .map(ToString::to_string),
        stripped: Projection::FIELDS
            .iter()
            .filter(|(_, field)| stripped.contains(*field))
            .map(|(name, _)| (*name).to_owned())
            .collect(),
    }
}
