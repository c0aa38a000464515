//! What operators have this member say, with policy's leave.

use std::collections::BTreeSet;

use kentong_protocol::bounded::BoundedText;
use kentong_protocol::indicator::{Projection, Recipient, Value};
use kentong_protocol::member::Request;
use kentong_protocol::member::publisher::{self, Saying};
use kentong_protocol::policy::{Class, LocalAction, Operator};
use kentong_protocol::statement::Said;
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Outcome, Reply};
use crate::control::request::{Entry, MAX_ENTRIES};

use super::Ticket;
use super::core::{Core, Shipped};

/// Statements that one write to the disk takes in.
const FULL: usize = 4 * MAX_ENTRIES;
/// The most notes on one request.
const MAX_NOTES: usize = 20;

impl Core {
    /// Whether one write to the disk is full.
    pub(super) fn has_said_enough(&self) -> bool {
        self.member.publisher().unsaid() >= FULL
    }

    /// Takes up assertions; they are answered when they are durable.
    pub(super) fn assert(
        &mut self,
        entries: Vec<Entry>,
        how: Saying,
        operator: &Operator,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        if entries.len() > MAX_ENTRIES {
            return Err(Refused::TooManyEntries(MAX_ENTRIES));
        }
        if !how.dry_run {
            self.may_publish()?;
        }
        let me = self.member.members().as_party(&self.me);
        let notes = self.unknown_recipients(&entries);
        self.request(|mut request| {
            let mut outcomes = Vec::with_capacity(entries.len());
            for Entry { value, assertion } in entries {
                let class = Class::of(&value, &assertion);
                let subject = Some((&me, &class));
                let verdict = request.local(LocalAction::Publish, operator, subject);
                if !verdict.is_permit() {
                    outcomes.push(Outcome::Denied);
                    continue;
                }
                let said = Said::Asserted {
                    assertion: Box::new(assertion),
                    stripped: Projection::NOTHING,
                };
                outcomes.push(request.say(value, said, how)?.into());
            }
            let done = Done {
                count: outcomes.len() as u64,
                outcomes,
                notes,
                ..Done::default()
            };
            request.answer((replies, done));
            Ok(())
        })
    }

    /// Takes up a request.
    fn request<A>(&mut self, act: impl FnOnce(Request<'_, '_, Shipped, Ticket>) -> A) -> A {
        self.deciding(|member, lent| member.request(lent, act))
    }

    /// A sentence about each recipient that the charter does not know: whoever wrote it takes the
    /// indicator to have gone to somebody.
    fn unknown_recipients(&self, entries: &[Entry]) -> Vec<String> {
        let Some(charter) = self.member.members().charter() else {
            return Vec::new();
        };
        let unknown = |to: &&Recipient| match to {
            Recipient::Member(name) => charter.member(name).is_none(),
            Recipient::Group(name) => !charter.groups().contains(name),
        };
        let to = entries
            .iter()
            .flat_map(|entry| entry.assertion.releasable_to.iter());
        let names: BTreeSet<_> = to.filter(unknown).map(Recipient::to_string).collect();
        let say = |name: &String| {
            format!(
                "{name} is no member and no group of the charter: nobody has it by that name; see `kentong peers`"
            )
        };
        names.iter().take(MAX_NOTES).map(say).collect()
    }

    /// Takes up a withdrawal.
    pub(super) fn withdraw(
        &mut self,
        value: Value,
        reason: String,
        operator: &Operator,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        self.may_publish()?;
        let reason =
            BoundedText::new(reason).map_err(|error| Refused::Reason(error.to_string()))?;
        let me = self.member.members().as_party(&self.me);
        self.request(|mut request| {
            let Some(assertion) = request.in_force(&value)? else {
                let what = format!("{} {}", value.kind(), value.as_str());
                return Err(Refused::NotInForce(what));
            };
            let class = Class::of(&value, &assertion);
            let subject = Some((&me, &class));
            let verdict = request.local(LocalAction::Withdraw, operator, subject);
            if !verdict.is_permit() {
                return Err(Refused::Denied((*verdict).clone()));
            }
            let how = Saying {
                dry_run: false,
                again: false,
            };
            let outcome = request.say(value, Said::Withdrawn { reason }, how)?;
            let done = Done {
                count: 1,
                outcomes: vec![outcome.into()],
                ..Done::default()
            };
            request.answer((replies, done));
            Ok(())
        })
    }

    pub(super) fn may_publish(&self) -> Result<(), Refused> {
        if self.member.members().charter().is_none() {
            return Err(Refused::NoCharter);
        }
        if let Some(refused) = self.waits_for_readers() {
            return Err(refused);
        }
        match self.member.history().stopped() {
            Some(why) => Err(Refused::Halted(why.to_owned())),
            None => Ok(()),
        }
    }
}

impl From<publisher::Outcome> for Outcome {
    fn from(outcome: publisher::Outcome) -> Self {
        match outcome {
            publisher::Outcome::New => Self::New,
            publisher::Outcome::Revised => Self::Revised,
            publisher::Outcome::Known => Self::Known,
            publisher::Outcome::Withdrawn => Self::Withdrawn,
            publisher::Outcome::Erased => Self::Erased,
        }
    }
}
