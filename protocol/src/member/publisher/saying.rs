//! This member's own word: assertions and withdrawals, durable before they are acknowledged.

use std::collections::BTreeMap;

use crate::feed::Audience;
use crate::guard::{self, Guard};
use crate::indicator::{Assertion, Value};
use crate::statement::{IndicatorId, Numbered, Said, SaidBefore, Statement};
use crate::store::{OwnEntry, StoreError};

use super::super::World;
use super::{Output, Permit, PublishError, Publisher, Tools};

/// How something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Only find out what would happen.
    pub dry_run: bool,
    /// Assert once more what was withdrawn or erased.
    pub again: bool,
}

/// What becomes of something that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    New,
    /// It is a new revision of one that was there.
    Revised,
    /// It was there and says nothing new.
    Known,
    /// The member withdrew it earlier, and was not asked to assert it again.
    Withdrawn,
    /// The member erased it earlier, and was not asked to assert it again.
    Erased,
}

impl<T> Publisher<T> {
    /// A request begins: of what it says either all is taken up or nothing.
    pub fn begin(&mut self) {
        self.pending.begin();
    }

    /// Numbers what is said, unless it says nothing new. It is published with [`Publisher::commit`]. If this
    /// fails nothing of the request is.
    pub fn say<W: World>(
        &mut self,
        with: &Tools<'_, W>,
        value: Value,
        said: Said,
        how: Saying,
    ) -> Result<Outcome, StoreError> {
        let outcome = self.number(with, value, said, how);
        if outcome.is_err() {
            // Who asks is told that it failed, so nothing of it may be published.
            self.pending.undo();
        }
        outcome
    }

    /// All of a request is taken up: this one is told when it is durable.
    pub fn answer(&mut self, ticket: T) {
        self.pending.tickets.push(ticket);
    }

    /// Whether nobody waits for an answer.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.pending.tickets.is_empty()
    }

    /// How many statements wait to be made durable.
    #[must_use]
    pub fn unsaid(&self) -> usize {
        self.pending.statements.len()
    }

    /// What a withdrawal of this value would end, if it is in force.
    pub fn in_force<W: World>(
        &self,
        with: &Tools<'_, W>,
        value: &Value,
    ) -> Result<Option<Box<Assertion>>, StoreError> {
        let newest = with.ground.store.own_statement(value)?;
        Ok(newest.and_then(|newest| match newest.said {
            Said::Asserted { assertion, .. } => Some(assertion),
            Said::Withdrawn { .. } | Said::Ceased => None,
        }))
    }

    fn number<W: World>(
        &mut self,
        with: &Tools<'_, W>,
        value: Value,
        said: Said,
        how: Saying,
    ) -> Result<Outcome, StoreError> {
        let store = &*with.ground.store;
        let id = IndicatorId::of(with.me(), &value);
        let (now, again) = (with.ground.now.wall, how.again);
        let (numbered, outcome) = if let Some(newest) = self.pending.newest(&id) {
            let before = SaidBefore {
                highest: newest.revision,
                withdrawn: matches!(newest.said, Said::Withdrawn { .. }),
                erased: false,
            };
            let newest = || Ok::<_, StoreError>(Some(newest));
            (before.number(&said, again, now, newest)?, Outcome::Revised)
        } else {
            let entry = store.own()?.get(&id);
            if let Some(entry) = &entry
                && is_repeated(with, &value, &said, entry)?
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
                Some(_) => store.own_statement(&value),
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
            let statement = Statement {
                value,
                revision,
                made: now,
                said,
            };
            self.pending.push(id, statement);
        }
        Ok(outcome)
    }

    /// Makes durable what waits, and has it answered. What was said is to be released next
    /// ([`Publisher::release_said`]); nothing if it was not stored.
    pub fn commit<W: World>(&mut self, with: &mut Tools<'_, W>) -> Option<Vec<Statement>> {
        if !guard::on(Guard::DurableBeforeAnswer) && !self.pending.tickets.is_empty() {
            let tickets = std::mem::take(&mut self.pending.tickets);
            self.outputs.extend(tickets.into_iter().map(Output::Said));
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        let (statements, tickets) = (pending.statements, pending.tickets);
        if !statements.is_empty() {
            let private = Audience::of(with.me(), []).ok()?;
            let bytes = statements.iter().map(Statement::encode).collect();
            if let Err(error) = self.publish(with, BTreeMap::from([(private, bytes)])) {
                let is_open = matches!(error, PublishError::Unfinished(_));
                let why = error.to_string();
                let not_said = tickets.into_iter().map(|to| Output::NotSaid {
                    to,
                    why: why.clone(),
                    is_open,
                });
                self.outputs.extend(not_said);
                return None;
            }
        }
        self.outputs.extend(tickets.into_iter().map(Output::Said));
        Some(statements)
    }

    /// Releases what was just said, if that may be done now.
    pub fn release_said<W: World>(&mut self, with: &mut Tools<'_, W>, said: &[Statement]) {
        match with.permit {
            Permit::Stopped(_) => {}
            Permit::Nothing | Permit::Publish => self.outputs.push(Output::HeldBack),
            Permit::Release => {
                if let Err(error) = self.release(with, said) {
                    self.release_failed(with, &error);
                }
            }
        }
    }
}

/// Whether the same was said before, as far as the store's table shows that.
fn is_repeated<W: World>(
    with: &Tools<'_, W>,
    value: &Value,
    said: &Said,
    entry: &OwnEntry,
) -> Result<bool, StoreError> {
    let Said::Asserted { assertion, .. } = said else {
        return Ok(false);
    };
    let (seen, now) = (assertion.last_seen, with.ground.now.wall);
    let renews = |made| assertion.is_due_anew(value.kind(), made, now);
    Ok(!entry.withdrawn
        && !entry.erased
        && seen.is_none_or(|seen| entry.last_seen == Some(seen))
        && assertion.valid_until.is_none()
        && !entry.made.is_some_and(renews)
        && with.ground.store.own()?.content(assertion) == entry.content)
}
