//! What was said and is not yet durable: all of it takes one write.

use std::collections::BTreeMap;

use crate::statement::{IndicatorId, Statement};

/// What was said and is not yet durable.
#[derive(Debug)]
pub(super) struct Pending<T> {
    pub(super) statements: Vec<Statement>,
    /// By id, to number what is said twice within one write.
    newest: BTreeMap<IndicatorId, usize>,
    /// Who is told when it is durable.
    pub(super) tickets: Vec<T>,
    /// What the request that is being taken up has changed in `newest`, to undo it.
    before: Vec<(IndicatorId, Option<usize>)>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self {
            statements: Vec::new(),
            newest: BTreeMap::new(),
            tickets: Vec::new(),
            before: Vec::new(),
        }
    }
}

impl<T> Pending<T> {
    /// What was said last of an indicator, if it waits here.
    pub(super) fn newest(&self, id: &IndicatorId) -> Option<&Statement> {
        self.statements.get(*self.newest.get(id)?)
    }

    /// A request begins, of which either all is taken up or nothing.
    pub(super) fn begin(&mut self) {
        self.before.clear();
    }

    pub(super) fn push(&mut self, id: IndicatorId, statement: Statement) {
        let before = self.newest.insert(id, self.statements.len());
        self.before.push((id, before));
        self.statements.push(statement);
    }

    /// Forgets what was taken up since the request began.
    pub(super) fn undo(&mut self) {
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

#[cfg(test)]
mod tests {
    use crate::indicator::{Kind, Value};
    use crate::statement::{Revision, Said};
    use crate::time::Timestamp;

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
        let mut pending = Pending::<()>::default();
        let push = |pending: &mut Pending<()>, text| {
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
