//! How the rows of a file were read, for those who check it before it is published.

use std::collections::BTreeMap;
use std::fmt;

use kentong_protocol::indicator::Kind;
use serde::{Serialize, Serializer};

use crate::terminal::plain;

use super::change::{self, Change};
use super::place::Place;
use super::report::{beginning, grouped};
use super::{Candidate, Row};

/// Counts of the rows that were read as values. It does not grow with the file: there are no more sorts
/// than kinds and things that are done to values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// By kind.
    #[serde(serialize_with = "by_name")]
    pub kinds: BTreeMap<Kind, u64>,
    /// By kind and by what was done to the text.
    #[serde(serialize_with = "sorts")]
    pub sorts: BTreeMap<(Kind, Vec<Change>), Sort>,
}

impl Readings {
    pub(super) fn count(&mut self, place: Place, draft: &Candidate) {
        let kind = draft.value.kind();
        *self.kinds.entry(kind).or_default() += 1;
        let changes = change::between(&draft.written, &draft.value);
        let sort = self.sorts.entry((kind, changes)).or_insert_with(|| Sort {
            rows: 0,
            place: place.to_string(),
            written: plain(beginning(draft.written.trim())),
            value: plain(beginning(draft.value.as_str())),
        });
        sort.rows += 1;
    }
}

impl fmt::Display for Readings {
    /// The number of each kind, and the first row of each sort.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, rows) in &self.kinds {
            writeln!(f, "{:>12}  read as {kind}", grouped(*rows))?;
            for ((_, changes), sort) in self.sorts.iter().filter(|((of, _), _)| of == kind) {
                let done: Vec<_> = changes.iter().map(ToString::to_string).collect();
                let done = if done.is_empty() {
                    "as written".to_owned()
                } else {
                    done.join(", ")
                };
                writeln!(f, "{:>16}  {done}", grouped(sort.rows))?;
                let Sort {
                    place,
                    written,
                    value,
                    ..
                } = sort;
                writeln!(f, "{:20}{place}: {written} → {value}", "")?;
            }
        }
        Ok(())
    }
}

/// The rows of one kind to whose text the same was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sort {
    /// How many they are.
    pub rows: u64,
    /// Where the first stands: `line 7`, or a JSON pointer.
    pub place: String,
    /// The beginning of what is written there, without what could rewrite a terminal.
    pub written: String,
    /// What it was read as, likewise.
    pub value: String,
}

/// How one row was read, for programs: each is written as soon as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadRow<'a> {
    /// The file, as the operator named it.
    pub file: &'a str,
    /// Where the row stands: `line 7`, or a JSON pointer.
    pub place: String,
    /// The value as written; the row, if no value was read.
    pub written: &'a str,
    /// What came of it.
    #[serde(flatten)]
    pub read: Read<'a>,
}

/// What came of reading a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Read<'a> {
    /// A value.
    Value {
        /// Its kind.
        kind: &'static str,
        /// Its canonical form.
        value: &'a str,
        /// What was done to the text.
        changes: Vec<Change>,
    },
    /// Nothing to import, though nothing is wrong.
    Skipped {
        /// Why.
        skipped: String,
    },
    /// Nothing that can be imported.
    Refused {
        /// Why.
        refused: String,
    },
}

impl<'a> ReadRow<'a> {
    /// How a row of this file was read.
    #[must_use]
    pub fn new(file: &'a str, row: &'a Row) -> Self {
        let (written, read) = match &row.outcome {
            Ok(draft) => (
                &draft.written,
                Read::Value {
                    kind: draft.value.kind().as_str(),
                    value: draft.value.as_str(),
                    changes: change::between(&draft.written, &draft.value),
                },
            ),
            Err(why) if why.is_skipped() => (
                &row.text,
                Read::Skipped {
                    skipped: why.to_string(),
                },
            ),
            Err(why) => (
                &row.text,
                Read::Refused {
                    refused: why.to_string(),
                },
            ),
        };
        Self {
            file,
            place: row.place.to_string(),
            written,
            read,
        }
    }
}

fn by_name<S: Serializer>(kinds: &BTreeMap<Kind, u64>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(kinds.iter().map(|(kind, rows)| (kind.as_str(), rows)))
}

fn sorts<S: Serializer>(
    sorts: &BTreeMap<(Kind, Vec<Change>), Sort>,
    to: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        kind: &'static str,
        changes: &'a [Change],
        #[serde(flatten)]
        sort: &'a Sort,
    }
    to.collect_seq(sorts.iter().map(|((kind, changes), sort)| Named {
        kind: kind.as_str(),
        changes,
        sort,
    }))
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::{Assertion, Confidence, Fields, Reading, Scheme, Tlp, Value};

    use super::super::refused::RowRefused;
    use super::super::rule::Rule;
    use super::*;

    fn refused(line: u64, text: &str, why: RowRefused) -> Row {
        Row {
            place: Place::Line(line),
            text: text.into(),
            outcome: Err(why),
        }
    }

    fn read(line: u64, kind: Kind, written: &str) -> Row {
        let reading = Reading::default();
        let sure = Confidence::try_from(50).unwrap();
        let said = Fields::new(Scheme::Other, sure, Tlp::Green);
        Row {
            place: Place::Line(line),
            text: format!("the row of {written}"),
            outcome: Ok(Candidate {
                written: written.into(),
                value: Value::accuse(kind, written, &reading).unwrap(),
                assertion: Assertion::try_from(said).unwrap(),
            }),
        }
    }

    #[test]
    fn how_rows_were_read() {
        let mut readings = Readings::default();
        for (line, kind, written) in [
            (1, Kind::Url, "Evil.example/"),
            (2, Kind::Domain, "evil[.]example"),
            (3, Kind::Domain, "a[.]example"),
            (4, Kind::Domain, "a.example"),
        ] {
            let Ok(draft) = read(line, kind, written).outcome else {
                panic!("{written} is read");
            };
            readings.count(Place::Line(line), &draft);
        }
        assert_eq!(
            readings.to_string(),
            "           3  read as domain\n\
            \x20              1  as written\n\
            \x20                   line 4: a.example → a.example\n\
            \x20              2  defanging undone\n\
            \x20                   line 2: evil[.]example → evil.example\n\
            \x20          1  read as url\n\
            \x20              1  http:// put in front, in small letters\n\
            \x20                   line 1: Evil.example/ → http://evil.example/\n"
        );
        let json = serde_json::to_value(&readings).unwrap();
        assert_eq!(json["kinds"], serde_json::json!({ "domain": 3, "url": 1 }));
        assert_eq!(
            json["sorts"][1],
            serde_json::json!({
                "kind": "domain", "changes": ["refanged"], "rows": 2, "place": "line 2",
                "written": "evil[.]example", "value": "evil.example",
            })
        );
    }

    #[test]
    fn rows_for_programs() {
        let check = |row: &Row, expected| {
            let json = serde_json::to_value(ReadRow::new("x", row)).unwrap();
            assert_eq!(json, expected);
        };
        check(
            &read(2, Kind::Domain, "Evil[.]example"),
            serde_json::json!({
                "file": "x", "place": "line 2", "written": "Evil[.]example", "kind": "domain",
                "value": "evil.example", "changes": ["refanged", "small-letters"],
            }),
        );
        check(
            &refused(3, "@@||bank.example^", RowRefused::Rule(Rule::Exception)),
            serde_json::json!({
                "file": "x", "place": "line 3", "written": "@@||bank.example^",
                "refused": "an exception of a block list: it names what must not be blocked",
            }),
        );
        check(
            &refused(4, "localhost", RowRefused::OwnName),
            serde_json::json!({
                "file": "x", "place": "line 4", "written": "localhost",
                "skipped": "a name of the machine itself, not a report",
            }),
        );
    }
}
