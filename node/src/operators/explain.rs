//! Who would get an indicator, and why.

use kentong_protocol::MemberName;
use kentong_protocol::indicator::{Assertion, Value};
use kentong_protocol::policy::{Class, LocalAction, Operator, Purpose, Verdict};
use kentong_protocol::statement::{IndicatorId, Said};

use crate::control::refused::Refused;
use crate::control::reply::{self, Done, Release, Reply};

use crate::runtime::Node;

impl Node<'_> {
    pub(super) fn explain(
        &mut self,
        value: &Value,
        draft: Option<&Assertion>,
        member: Option<&MemberName>,
        who: &Operator,
        rows: &mut Vec<Reply>,
    ) -> Result<Done, Refused> {
        let own = self.own_word(value)?;
        let held = own.and_then(|statement| match statement.said {
            Said::Asserted { assertion, .. } => Some(*assertion),
            Said::Withdrawn { .. } | Said::Ceased => None,
        });
        let has = match (draft, &held) {
            (None, Some(_)) => self.released_to(&IndicatorId::of(self.me(), value)),
            _ => Vec::new(),
        };
        let Some(assertion) = draft.cloned().or(held) else {
            let what = format!("{} {}", value.kind(), value.as_str());
            return Err(Refused::NothingToExplain(what));
        };
        let class = Class::of(value, &assertion);
        self.may_with_ours(LocalAction::Query(Purpose::Look), who, &class)?;
        let me = self.as_party(self.me());
        let mut done = Done::default();
        for party in self.parties().to_vec() {
            if party.name == *self.me() || member.is_some_and(|wanted| *wanted != party.name) {
                continue;
            }
            let verdict = self.share(&class, &me, &party);
            let released = has.iter().any(|name| name == party.name.as_str());
            let held = matches!(&*verdict, Verdict::Permit { hold, .. } if !hold.is_empty());
            let outcome = match (verdict.is_permit(), released) {
                (_, true) => Release::Released,
                (true, false) if held => Release::HeldBack,
                (true, false) => Release::WouldBeReleased,
                (false, false) => Release::NotReleased,
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
                outcome,
                because,
            }));
        }
        if done.count == 0 {
            let who = member.map(ToString::to_string);
            return Err(Refused::NotAnotherMember(who));
        }
        Ok(done)
    }
}
