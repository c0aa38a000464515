//! The member's own word: assertions and withdrawals, durable before they are acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::bounded::BoundedText;
use kentong_protocol::feed::Audience;
use kentong_protocol::indicator::{Projection, Recipient, Value};
use kentong_protocol::policy::{Class, LocalAction, Operator};
use kentong_protocol::statement::{IndicatorId, Numbered, Said, SaidBefore, Statement};
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Failure, Outcome, Reply};
use crate::control::request::{Entry, MAX_ENTRIES};
use crate::store::{OwnEntry, StoreError};

use super::core::Core;
use super::publish::PublishError;

/// Statements that one write to the disk takes in.
const FULL: usize = 4 * MAX_ENTRIES;
/// The most notes on one request.
const MAX_NOTES: usize = 20;

/// How assertions are to be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asserting {
    /// Only say what would happen.
    pub(crate) dry_run: bool,
    /// Assert anew what was withdrawn.
    pub(crate) again: bool,
}

/// What was said and is not yet durable.
#[derive(Debug, Default)]
pub(super) struct Pending {
    statements: Vec<Statement>,
    /// By id, to number what is said twice within one write.
    newest: BTreeMap<IndicatorId, usize>,
    answers: Vec<(mpsc::Sender<Reply>, Done)>,
    /// What the request that is being taken up has changed in `newest`, to undo it.
    before: Vec<(IndicatorId, Option<usize>)>,
}

impl Pending {
    pub(super) const fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.statements.len() >= FULL
    }

    /// A request begins, of which either all is taken up or nothing.
    fn begin(&mut self) {
        self.before.clear();
    }

    fn push(&mut self, id: IndicatorId, statement: Statement) {
        let before = self.newest.insert(id, self.statements.len());
        self.before.push((id, before));
        self.statements.push(statement);
    }

    /// Forgets what was taken up since the request began.
    fn undo(&mut self) {
        let kept = self.statements.len().saturating_sub(self.before.len());
        self.statements.truncate(kept);
        for (id, before) in self.before.drain(..).rev() {
            match before {
                Some(at) => self.newest.insert(id, at),
                None => self.newest.remove(&id),
            };
        }
    }
}

impl Core {
    /// Takes up assertions; they are answered when they are durable.
    pub(super) fn assert(
        &mut self,
        entries: Vec<Entry>,
        how: Asserting,
        operator: &Operator,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        if entries.len() > MAX_ENTRIES {
            return Err(Refused::TooManyEntries(MAX_ENTRIES));
        }
        if !how.dry_run {
            self.may_publish()?;
        }
        let me = self.members.as_party(&self.me);
        let notes = self.unknown_recipients(&entries);
        let mut outcomes = Vec::with_capacity(entries.len());
        self.pending.begin();
        for Entry { value, assertion } in entries {
            let class = Class::of(&value, &assertion);
            let subject = Some((&me, &class));
            if !self
                .policy
                .local(LocalAction::Publish, operator, subject)
                .is_permit()
            {
                outcomes.push(Outcome::Denied);
                continue;
            }
            let said = Said::Asserted {
                assertion: Box::new(assertion),
                stripped: Projection::NOTHING,
            };
            match self.say(value, said, how) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    // The operator is told that it failed, so nothing of it may be published.
                    self.pending.undo();
                    return Err(error.into());
                }
            }
        }
        let done = Done {
            count: outcomes.len() as u64,
            outcomes,
            notes,
            ..Done::default()
        };
        self.pending.answers.push((replies, done));
        Ok(())
    }

    /// A sentence about each recipient that the charter does not know: whoever wrote it takes the
    /// indicator to have gone to somebody.
    fn unknown_recipients(&self, entries: &[Entry]) -> Vec<String> {
        let Some(charter) = self.members.charter() else {
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
        let current = self.own_statement(&value)?;
        let current = current.filter(|s| !matches!(s.said, Said::Withdrawn { .. }));
        let Some(Statement {
            said: Said::Asserted { assertion, .. },
            ..
        }) = current
        else {
            let what = format!("{} {}", value.kind(), value.as_str());
            return Err(Refused::NotInForce(what));
        };
        let class = Class::of(&value, &assertion);
        let me = self.members.as_party(&self.me);
        let subject = Some((&me, &class));
        let verdict = self.policy.local(LocalAction::Withdraw, operator, subject);
        if !verdict.is_permit() {
            return Err(Refused::Denied((*verdict).clone()));
        }
        let how = Asserting {
            dry_run: false,
            again: false,
        };
        self.pending.begin();
        let outcome = self.say(value, Said::Withdrawn { reason }, how)?;
        let done = Done {
            count: 1,
            outcomes: vec![outcome],
            ..Done::default()
        };
        self.pending.answers.push((replies, done));
        Ok(())
    }

    pub(super) fn may_publish(&self) -> Result<(), Refused> {
        if self.members.charter().is_none() {
            return Err(Refused::NoCharter);
        }
        if let Some(refused) = self.waits_for_readers() {
            return Err(refused);
        }
        match self.history.stopped() {
            Some(why) => Err(Refused::Halted(why.to_owned())),
            None => Ok(()),
        }
    }

    /// Numbers what is said, unless it says nothing new.
    fn say(&mut self, value: Value, said: Said, how: Asserting) -> Result<Outcome, StoreError> {
        let id = IndicatorId::of(&self.me, &value);
        let waiting = self.pending.newest.get(&id);
        let waiting = waiting.and_then(|at| self.pending.statements.get(*at));
        let (now, again) = (self.wall(), how.again);
        let (numbered, outcome) = if let Some(newest) = waiting {
            let before = SaidBefore {
                highest: newest.revision,
                withdrawn: matches!(newest.said, Said::Withdrawn { .. }),
                erased: false,
            };
            let newest = || Ok::<_, StoreError>(Some(newest));
            (before.number(&said, again, now, newest)?, Outcome::Revised)
        } else {
            let entry = self.store.own()?.get(&id);
            if let Some(entry) = &entry
                && self.is_repeated(&value, &said, entry)?
            {
                return Ok(Outcome::Known); // Without reading it: a re-import.
            }
            let before = entry.map(|entry| SaidBefore {
                highest: entry.highest,
                withdrawn: entry.withdrawn,
                erased: entry.erased,
            });
            let before = before.unwrap_or_default();
            let newest = || match entry {
                Some(_) => self.own_statement(&value),
                None => Ok(None),
            };
            let numbered = before.number(&said, again, now, newest)?;
            let outcome = entry.map_or(Outcome::New, |_| Outcome::Revised);
            (numbered, outcome)
        };
        let revision = match numbered {
            Numbered::As(revision) => revision,
            Numbered::NothingNew => return Ok(Outcome::Known),
            Numbered::Withdrawn => return Ok(Outcome::Withdrawn),
            Numbered::Erased => return Ok(Outcome::Erased),
        };
        if !how.dry_run {
            let made = self.wall();
            let statement = Statement {
                value,
                revision,
                made,
                said,
            };
            self.pending.push(id, statement);
        }
        Ok(outcome)
    }

    /// Whether the same was said before, as far as the store's table shows that.
    fn is_repeated(
        &self,
        value: &Value,
        said: &Said,
        entry: &OwnEntry,
    ) -> Result<bool, StoreError> {
        let Said::Asserted { assertion, .. } = said else {
            return Ok(false);
        };
        let seen = assertion.last_seen;
        let renews = |made| assertion.is_due_anew(value.kind(), made, self.wall());
        Ok(!entry.withdrawn
            && !entry.erased
            && seen.is_none_or(|seen| entry.last_seen == Some(seen))
            && assertion.valid_until.is_none()
            && !entry.made.is_some_and(renews)
            && self.store.own()?.content(assertion) == entry.content)
    }

    /// Makes durable what waits, answers, and releases it.
    pub(super) fn commit_pending(&mut self) {
        let Pending {
            statements,
            answers,
            ..
        } = std::mem::take(&mut self.pending);
        if !statements.is_empty() {
            let Ok(private) = Audience::of(&self.me, []) else {
                return;
            };
            let bytes = statements.iter().map(Statement::encode).collect();
            if let Err(error) = self.publish(BTreeMap::from([(private, bytes)])) {
                let failure = Failure::from(Refused::NotStored {
                    why: error.to_string(),
                    unfinished: matches!(error, PublishError::Unfinished(_)),
                });
                for (replies, _) in answers {
                    reply(&replies, Reply::Error(failure.clone()));
                }
                return;
            }
        }
        for (replies, done) in answers {
            reply(&replies, Reply::Done(done));
        }
        if !self.may_release() {
            self.history.hold_back();
        } else if let Err(error) = self.release(&statements) {
            self.release_failed(&error);
        }
    }
}

/// Gives a reply to whoever still waits for it.
pub(super) fn reply(replies: &mpsc::Sender<Reply>, reply: Reply) {
    // An operator who went away, or reads nothing, does not stop the node.
    drop(replies.try_send(reply));
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::Kind;
    use kentong_protocol::statement::Revision;
    use kentong_protocol::time::Timestamp;

    use super::*;

    fn statement(text: &str) -> (IndicatorId, Statement) {
        let value = Value::parse(Kind::Domain, text, &Default::default()).unwrap();
        let statement = Statement {
            value: value.clone(),
            revision: Revision::new(1),
            made: Timestamp::EPOCH,
            said: Said::Ceased,
        };
        (IndicatorId::of(&"MY".parse().unwrap(), &value), statement)
    }

    #[test]
    fn a_request_that_fails_leaves_nothing() {
        let mut pending = Pending::default();
        let push = |pending: &mut Pending, text| {
            let (id, statement) = statement(text);
            pending.push(id, statement);
        };
        pending.begin();
        push(&mut pending, "a.example");
        let newest = pending.newest.clone();
        pending.begin();
        for text in ["a.example", "b.example", "b.example"] {
            push(&mut pending, text);
        }
        pending.undo();
        assert_eq!(pending.statements, [statement("a.example").1]);
        assert_eq!(pending.newest, newest);
    }
}
