//! Whether a body that is not stored takes something back: asked where its publisher's quota leaves room
//! for nothing else.

use crate::feed::FeedId;
use crate::statement::{AnyStatement, Said};
use kentong_keys::MemberName;

use super::Store;
use super::error::StoreError;
use super::ground::{Log, Rows};

impl<L: Log, R: Rows> Store<L, R> {
    /// Whether a body that matches its leaf takes something back: it withdraws or ends something, says
    /// that something was erased, or says anew what is held of an indicator. One such statement is
    /// enough, so that none is lost in the company of others. False while the epoch's key is missing.
    pub fn takes_back(&self, id: FeedId, index: u64, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let feed = self.feed(id)?;
        let Some(Ok(statements)) = self.vault().open(feed, index, sealed)? else {
            return Ok(false);
        };
        let publisher = &feed.genesis().publisher;
        Ok(statements.iter().any(|one| self.changes(publisher, one)))
    }

    /// Whether a statement is about what is held of its publisher, or ends it.
    fn changes(&self, publisher: &MemberName, statement: &[u8]) -> bool {
        match AnyStatement::decode(statement) {
            Ok(AnyStatement::Known(statement)) => match statement.said {
                Said::Withdrawn { .. } | Said::Ceased => true,
                Said::Asserted { .. } => {
                    let value = &statement.value;
                    let places = self.find(value.kind(), &value.comparison_key());
                    let mut held = places.into_iter().filter(|place| {
                        let feed = self.state.feeds.by_number(place.feed);
                        feed.is_some_and(|feed| feed.genesis().publisher == *publisher)
                    });
                    // What is older than what is held changes nothing.
                    held.any(|place| {
                        let held = self.statement(place).map(|(held, _)| held);
                        held.is_ok_and(|held| {
                            held.value == *value && held.revision <= statement.revision
                        })
                    })
                }
            },
            Ok(AnyStatement::Erased(_)) => true,
            Ok(AnyStatement::Unknown { .. }) | Err(_) => false,
        }
    }
}
