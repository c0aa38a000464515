//! What operators ask of a node, as far as it hangs on more than one part.

use std::sync::Arc;

use crate::feed::EraseReason;
use crate::indicator::{Assertion, Value};
use crate::policy::{Class, LocalAction, Operator, Party, Verdict};
use crate::statement::{IndicatorId, Said, Statement};
use crate::store::StoreError;

use super::publisher::{Extent, NotErased, Outcome, Publisher, Saying, Tools};
use super::{Lent, Member, World};

/// Why nothing is erased now.
#[derive(Debug, thiserror::Error)]
pub enum NotErasedNow {
    /// It is not known yet whether a reader knows anything newer.
    #[error("no reader has said yet whether it knows anything newer")]
    NoReaderYet,
    /// What is not held cannot be searched.
    #[error("a part of our feeds is lost here, and may hold the indicator too")]
    PartsAreLost,
    /// The publisher says why.
    #[error(transparent)]
    Publisher(#[from] NotErased),
}

/// What was said and made durable, and is to be released next.
#[derive(Debug)]
#[must_use]
pub struct ToRelease(pub(super) Vec<Statement>);

impl ToRelease {
    /// What was said.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.0
    }
}

/// A request while it is taken up: of what it says either all is, or nothing.
#[derive(Debug)]
pub struct Request<'r, 'a, W: World, T> {
    publisher: &'r mut Publisher<T>,
    with: &'r mut Tools<'a, W>,
}

impl<W: World, T> Request<'_, '_, W, T> {
    /// What a withdrawal of this value would end, if it is in force.
    pub fn in_force(&self, value: &Value) -> Result<Option<Box<Assertion>>, StoreError> {
        self.publisher.in_force(self.with, value)
    }

    /// May this local user do this with an indicator of this publisher and class?
    pub fn local(
        &mut self,
        action: LocalAction,
        operator: &Operator,
        subject: Option<(&Party, &Class)>,
    ) -> Arc<Verdict> {
        self.with.policy.local(action, operator, subject)
    }

    /// Says something. If that fails nothing of the request is said.
    pub fn say(&mut self, value: Value, said: Said, how: Saying) -> Result<Outcome, StoreError> {
        self.publisher.say(self.with, value, said, how)
    }

    /// All of it is taken up: it is answered when it is durable.
    pub fn answer(self, ticket: T) {
        self.publisher.answer(ticket);
    }
}

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// Takes up a request. What it says is made durable and answered by [`Member::commit`].
    pub fn request<A>(
        &mut self,
        lent: &mut Lent<'_>,
        act: impl FnOnce(Request<'_, '_, W, T>) -> A,
    ) -> A {
        self.publishing(lent, |publisher, with| {
            publisher.begin();
            act(Request { publisher, with })
        })
    }

    /// Erases an indicator of ours, or says what that would do. Whether anything may be said at all
    /// [`History::may_say`](super::history::History::may_say) tells.
    pub fn erase(
        &mut self,
        id: &IndicatorId,
        reason: EraseReason,
        dry_run: bool,
        lent: &mut Lent<'_>,
    ) -> Result<Extent, NotErasedNow> {
        if !self.may_release(lent) {
            return Err(NotErasedNow::NoReaderYet);
        }
        if !self.history.is_complete() {
            return Err(NotErasedNow::PartsAreLost);
        }
        let extent = self.publishing(lent, |publisher, with| {
            publisher.erase(with, id, reason, dry_run)
        });
        Ok(extent?)
    }
}
