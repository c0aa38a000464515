//! Who would get an indicator, and why.

use kentong_protocol::MemberName;
use kentong_protocol::indicator::{Assertion, Value};
use kentong_protocol::policy::{Class, LocalAction, Purpose, Verdict};
use kentong_protocol::statement::{IndicatorId, Said};

use crate::control::reply::{self, Done, Failure, Reply};

use super::answer::{denied, failure, storage};
use super::core::Core;

impl Core {
    pub(super) fn explain(
        &mut self,
        value: &Value,
        draft: Option<&Assertion>,
        member: Option<&MemberName>,
        uid: u32,
        rows: &mut Vec<Reply>,
    ) -> Result<Done, Failure> {
        let operator = self.operator(uid);
        let own = self.own_word(value).map_err(|error| storage(&error))?;
        let held = own.and_then(|statement| match statement.said {
            Said::Asserted { assertion, .. } => Some(*assertion),
            Said::Withdrawn { .. } | Said::Ceased => None,
        });
        let has = match (draft, &held) {
            (None, Some(_)) => self.released_to(&IndicatorId::of(&self.me, value)),
            _ => Vec::new(),
        };
        let Some(assertion) = draft.cloned().or(held) else {
            return Err(failure(
                "not-found",
                format!(
                    "{} {} is not one of our indicators",
                    value.kind(),
                    value.as_str()
                ),
                "to try one out before adding it, give its fields too (--tlp, --scheme, --to …)",
            ));
        };
        let class = Class::of(value, &assertion);
        let me = self.members.as_party(&self.me);
        let subject = Some((&me, &class));
        let verdict = self
            .policy
            .local(LocalAction::Query(Purpose::Look), &operator, subject);
        if !verdict.is_permit() {
            return Err(denied(&verdict));
        }
        let mut done = Done::default();
        for party in self.members.parties().to_vec() {
            if party.name == self.me || member.is_some_and(|wanted| *wanted != party.name) {
                continue;
            }
            let verdict = self.policy.share(&class, &me, &party);
            let released = has.iter().any(|name| name == party.name.as_str());
            let held = matches!(&*verdict, Verdict::Permit { hold, .. } if !hold.is_empty());
            let outcome = match (verdict.is_permit(), released) {
                (_, true) => "released",
                (true, false) if held => "held back",
                (true, false) => "would be released",
                (false, false) => "not released",
            };
            let mut because = verdict.to_string();
            if held {
                because.push_str(
                    ". Nobody can confirm yet in this version, so nothing goes: take @hold away \
                     to release it",
                );
            }
            done.count += 1;
            rows.push(Reply::Verdict(reply::Verdict {
                member: party.name.to_string(),
                outcome: outcome.to_owned(),
                because,
            }));
        }
        if done.count == 0 {
            let who = member.map_or_else(|| "nobody else".to_owned(), ToString::to_string);
            let next = "see `kentong charter show` for the members";
            return Err(failure(
                "not-found",
                format!("{who} is not another member"),
                next,
            ));
        }
        Ok(done)
    }
}
