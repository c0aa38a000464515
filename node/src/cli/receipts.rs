//! `kentong receipts`.

use anyhow::Result;
use clap::Args;
use kentong_protocol::indicator::Kind;

use super::Outcome;
use super::output::{lines, table};
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::reply::{Receipt, Reply, There, Told};
use crate::control::request::Request;

/// Show which members have confirmed an indicator of your own, or its end
///
/// A reader signs how much of a feed it holds on disk and how much of that is in force in its answers.
/// What is `in force` there its analysts are shown; what is `received` waits, for a key or for what
/// came before it; what is `not confirmed` may not have arrived. Who has `erased` it has overwritten
/// every batch that carried it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  kentong receipts phone +60123456789")]
pub(super) struct ReceiptsArgs {
    /// What it is, as in `kentong add`.
    kind: Kind,
    /// The value.
    value: String,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl ReceiptsArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let value = value::of_kind(self.kind, &self.value, &self.reading.reading(place)?)?;
        let (rows, done) = place.ask(Request::Receipts { value })?;
        let receipts: Vec<_> = rows
            .iter()
            .filter_map(|row| {
                let Reply::Receipt(receipt) = row else {
                    return None;
                };
                Some(receipt)
            })
            .collect();
        let outcome = if receipts.is_empty() {
            Outcome::Nothing
        } else {
            Outcome::Done
        };
        if place.json() {
            place.emit_all(&rows, done)?;
        } else if receipts.is_empty() {
            place.say("It was released to nobody, so there is nobody to confirm it.")?;
        } else {
            place.say(as_table(&receipts))?;
            place.advise(summary(&receipts))?;
        }
        Ok(outcome)
    }
}

fn as_table(receipts: &[&Receipt]) -> String {
    let mut table = table(&[
        "MEMBER",
        "SAID",
        "REVISION",
        "THERE",
        "CONFIRMED",
        "FEED",
        "INDEX",
    ]);
    for receipt in receipts {
        table.add_row([
            receipt.reader.clone(),
            receipt.said.to_string(),
            receipt.revision.to_string(),
            receipt.state.to_string(),
            receipt.confirmed.clone().unwrap_or_default(),
            receipt.feed.chars().take(8).collect(),
            receipt.index.to_string(),
        ]);
    }
    lines(&table)
}

/// Who is still to confirm it.
fn summary(receipts: &[&Receipt]) -> String {
    let is_open = |receipt: &&&Receipt| match receipt.state {
        There::InForce | There::Erased => false,
        There::Received | There::NotConfirmed | There::NoMember => true,
    };
    let open = receipts.iter().filter(is_open);
    let open: Vec<_> = open.map(|receipt| receipt.reader.as_str()).collect();
    let erased = receipts.iter().any(|receipt| match receipt.said {
        Told::Erased => true,
        Told::Asserted | Told::Withdrawn | Told::Ceased => false,
    });
    match (open.as_slice(), erased) {
        ([], false) => "It is in force with all of them.".to_owned(),
        ([], true) => "All of them have erased it.".to_owned(),
        (names, erased) => format!(
            "Not yet {} {}; see `kentong peers` for why.",
            if erased { "erased by" } else { "in force with" },
            names.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_missing_is_named() {
        let receipt = |reader: &str, state: There| Receipt {
            reader: reader.into(),
            said: Told::Withdrawn,
            revision: 2,
            state,
            confirmed: None,
            feed: "00".repeat(32),
            index: 7,
        };
        let all = [
            receipt("SG", There::InForce),
            receipt("TH", There::Received),
            receipt("VN", There::NotConfirmed),
        ];
        let all: Vec<_> = all.iter().collect();
        assert_eq!(summary(&all[..1]), "It is in force with all of them.");
        assert!(summary(&all).starts_with("Not yet in force with TH, VN;"));
        let erased = |state: There| Receipt {
            said: Told::Erased,
            ..receipt("SG", state)
        };
        let (done, open) = (erased(There::Erased), erased(There::Received));
        assert_eq!(summary(&[&done]), "All of them have erased it.");
        assert!(summary(&[&open]).starts_with("Not yet erased by SG;"));
        let shown = as_table(&all);
        assert!(shown.contains("TH") && shown.contains("00000000") && !shown.contains("000000000"));
    }
}
