//! `kentong feeds`.

use anyhow::Result;
use clap::Args;

use super::Outcome;
use super::output::{lines, plain, table};
use super::workplace::Workplace;
use crate::control::reply::{Confirmed, Feed, Reply};
use crate::control::request::Request;

/// List the feeds that are held
///
/// A feed is what one member published for one audience, in order. What it
/// counts as erased are batches that its publisher has had all readers overwrite. All below the number applied is
/// in force in the answers of this node. Of your feeds it says how much each reader has
/// confirmed. A closed feed takes no more: one of its readers is no longer a member, and another
/// feed goes on for the rest. A void feed was signed by a key that is no longer its publisher's, and
/// the publisher's warrant does not name it: it is kept, and in no answer.
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

fn audience(feed: &Feed) -> String {
    let state = match (feed.void, feed.closed) {
        (true, _) => " (void)",
        (false, true) => " (closed)",
        (false, false) => "",
    };
    format!("{}{state}", plain(&feed.audience.join(",")))
}

fn as_table(rows: &[Reply]) -> String {
    let mut table = table(&[
        "FEED",
        "BY",
        "FOR",
        "LEAVES",
        "INDICATORS",
        "MISSING",
        "ERASED",
        "UNOPENED",
        "APPLIED",
        "CONFIRMED",
    ]);
    for row in rows {
        let Reply::Feed(feed) = row else { continue };
        let receipts: Vec<_> = feed.receipts.iter().map(confirmed).collect();
        table.add_row([
            feed.id.chars().take(8).collect(),
            feed.publisher.clone(),
            audience(feed),
            feed.leaves.to_string(),
            feed.statements.to_string(),
            feed.missing.to_string(),
            feed.erased.to_string(),
            feed.unopened.to_string(),
            feed.applied.to_string(),
            receipts.join(", "),
        ]);
    }
    lines(&table)
}

/// What a reader confirmed: how much it holds, and how much less of it is in force there.
fn confirmed(holds: &Confirmed) -> String {
    let Confirmed {
        reader,
        leaves,
        missing: _,
        unopened,
        applied,
    } = holds;
    match (applied < leaves, unopened) {
        (false, _) => format!("{reader} {leaves}"),
        (true, 0) => format!("{reader} {leaves} (applied {applied})"),
        (true, _) => format!("{reader} {leaves} (applied {applied}, unopened {unopened})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confirmed_and_not_in_force_is_said() {
        let say = |leaves, unopened, applied| {
            confirmed(&Confirmed {
                reader: "SG".into(),
                leaves,
                missing: 0,
                unopened,
                applied,
            })
        };
        assert_eq!(say(9, 0, 9), "SG 9");
        assert_eq!(say(9, 0, 4), "SG 9 (applied 4)");
        assert_eq!(say(9, 2, 4), "SG 9 (applied 4, unopened 2)");
    }
}
