//! `kentong feeds`.

use anyhow::Result;
use clap::Args;

use super::Outcome;
use super::output::{lines, plain, table};
use super::workplace::Workplace;
use crate::control::reply::Reply;
use crate::control::request::Request;

/// List the feeds that are held
///
/// A feed is what one member published for one audience, in order. Of your own feeds it says how
/// much each reader has confirmed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong feeds")]
pub(super) struct FeedsArgs {}

impl FeedsArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let (rows, done) = place.ask(Request::Feeds)?;
        let outcome = if rows.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Done
        };
        if place.json() {
            place.emit_all(&rows, done)?;
        } else if rows.is_empty() {
            place.say("No feeds yet: nothing was published here or received.")?;
        } else {
            place.say(as_table(&rows))?;
        }
        Ok(outcome)
    }
}

fn as_table(rows: &[Reply]) -> String {
    let mut table = table(&[
        "FEED",
        "BY",
        "FOR",
        "LEAVES",
        "INDICATORS",
        "MISSING",
        "UNOPENED",
        "CONFIRMED",
    ]);
    for row in rows {
        let Reply::Feed(feed) = row else { continue };
        let receipts: Vec<_> = feed
            .receipts
            .iter()
            .map(|(member, leaves, _)| format!("{member} {leaves}"))
            .collect();
        table.add_row([
            feed.id.chars().take(8).collect(),
            feed.publisher.clone(),
            plain(&feed.audience.join(",")),
            feed.leaves.to_string(),
            feed.statements.to_string(),
            feed.missing.to_string(),
            feed.unopened.to_string(),
            receipts.join(", "),
        ]);
    }
    lines(&table)
}
