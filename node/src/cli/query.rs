//! `kentong query`.

use anyhow::Result;
use clap::Args;
use kentong_protocol::MemberName;
use kentong_protocol::indicator::{Kind, Scheme, Tlp, Value};
use kentong_protocol::time::Timestamp;

use super::Outcome;
use super::fields::moment;
use super::output::{counted, lines, plain, table};
use super::value::{self, ReadingArgs};
use super::workplace::Workplace;
use crate::control::reply::{Done, Indicator, Reply};
use crate::control::request::{self, Request};

/// Find indicators, your own and those released to you
///
/// A host is also found by a domain above it, and an address by a range that holds it. Everything
/// given must hold. Without a value or condition, all that is in force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kentong query 012-345-6789
  kentong query --scheme investment --publisher SG --since 2026-01-31 --json")]
pub(super) struct QueryArgs {
    /// What to look for, in any way it is commonly written.
    value: Option<String>,
    /// Of this kind only; also how the value is to be read.
    #[arg(long)]
    kind: Option<Kind>,
    /// By this member only.
    #[arg(long, value_name = "MEMBER")]
    publisher: Option<MemberName>,
    /// Of this scheme only.
    #[arg(long)]
    scheme: Option<Scheme>,
    /// With this marking only.
    #[arg(long)]
    tlp: Option<Tlp>,
    /// Published since, as in 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Also what is withdrawn or expired, or what your policy does not accept.
    #[arg(long)]
    all: bool,
    /// Show at most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
    /// Only say how many there are.
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    reading: ReadingArgs,
}

impl QueryArgs {
    pub(super) fn run(self, place: &Workplace) -> Result<Outcome> {
        let values = match &self.value {
            Some(written) => value::readings(self.kind, written, &self.reading.reading(place)?)?,
            None => Vec::new(),
        };
        let query = request::Query {
            values: values.clone(),
            kind: self.kind,
            publisher: self.publisher.clone(),
            scheme: self.scheme,
            tlp: self.tlp,
            since: self.since,
            all: self.all,
            limit: self.limit,
            count: self.count,
        };
        let found = |done: &Done| match done.count {
            0 => Outcome::Nothing,
            _ => Outcome::Done,
        };
        if place.json() {
            return Ok(found(&place.pass_on(Request::Query(query))?));
        }
        let (rows, done) = place.ask(Request::Query(query))?;
        let outcome = found(&done);
        if self.count {
            place.say(done.count)?;
            place.advise_all(&done.notes)?;
        } else if outcome == Outcome::Nothing {
            place.say(self.nothing(&values, &done))?;
            place.advise_all(&done.notes)?;
        } else {
            place.say(as_table(&rows))?;
            self.tell_the_rest(place, &done)?;
        }
        Ok(outcome)
    }

    fn nothing(&self, values: &[Value], done: &Done) -> String {
        let what = match &self.value {
            Some(written) => value::in_words(written, values),
            None => "what was asked for".to_owned(),
        };
        let hidden = match (done.hidden, self.all) {
            (0, _) => "".to_owned(),
            (hidden, false) => format!(
                ". {} withdrawn, expired or not accepted; add --all",
                counted(hidden, "is", "are")
            ),
            (hidden, true) => {
                format!(". {} not for you to see", counted(hidden, "is", "are"))
            }
        };
        format!("Nothing is known about {what}{hidden}.")
    }

    fn tell_the_rest(&self, place: &Workplace, done: &Done) -> Result<()> {
        if done.more {
            place.advise(format_args!(
                "There are more than {}; raise --limit.",
                self.limit
            ))?;
        }
        if done.hidden > 0 {
            let hidden = counted(done.hidden, "more is hidden", "more are hidden");
            let all = if self.all {
                "by policy"
            } else {
                "by state or policy; see with --all"
            };
            place.advise(format_args!("{hidden} {all}."))?;
        }
        place.advise_all(&done.notes)?;
        Ok(())
    }
}

fn as_table(rows: &[Reply]) -> String {
    let mut table = table(&[
        "KIND", "VALUE", "SCHEME", "TLP", "SURE", "BY", "SEEN", "STATE",
    ]);
    for row in rows {
        if let Reply::Indicator(indicator) = row {
            table.add_row(cells(indicator));
        }
    }
    lines(&table)
}

fn cells(indicator: &Indicator) -> [String; 8] {
    let Indicator {
        kind,
        value,
        publisher,
        state,
        matched,
        says,
        ..
    } = indicator;
    let day = |time: &String| time.get(..10).unwrap_or(time).to_owned();
    let (scheme, tlp, sure, seen) = match says {
        Some(says) => (
            says.scheme.clone(),
            says.tlp.clone(),
            format!("{}%", says.confidence),
            says.last_seen
                .as_ref()
                .or(says.first_seen.as_ref())
                .map(day)
                .unwrap_or_default(),
        ),
        None => Default::default(),
    };
    let found = matched
        .as_ref()
        .map(|how| format!(" ({how})"))
        .unwrap_or_default();
    [
        kind.clone(),
        plain(value),
        scheme,
        tlp,
        sure,
        publisher.clone(),
        seen,
        format!("{state}{found}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(value: Option<&str>, all: bool) -> QueryArgs {
        QueryArgs {
            value: value.map(ToOwned::to_owned),
            kind: None,
            publisher: None,
            scheme: None,
            tlp: None,
            since: None,
            all,
            limit: 1,
            count: false,
            reading: ReadingArgs::default(),
        }
    }

    #[test]
    fn nothing_is_said_in_words() {
        let value = Value::parse(Kind::Domain, "evil.example", &Default::default()).unwrap();
        let check = |all, hidden, expected: &str| {
            let done = Done {
                hidden,
                ..Done::default()
            };
            let found =
                args(Some("EVIL[.]example"), all).nothing(std::slice::from_ref(&value), &done);
            assert_eq!(found, format!("Nothing is known about {expected}."));
        };
        let read = "`EVIL[.]example`, read as domain evil.example";
        check(false, 0, read);
        check(
            false,
            2,
            &format!("{read}. 2 are withdrawn, expired or not accepted; add --all"),
        );
        check(true, 1, &format!("{read}. 1 is not for you to see"));
        let found = args(None, false).nothing(&[], &Done::default());
        assert_eq!(found, "Nothing is known about what was asked for.");
    }
}
