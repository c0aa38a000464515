//! What became of the rows of a file, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

use serde::Serialize;

use crate::terminal::plain;

use super::detect::Format;
use super::place::Place;
use super::readings::Readings;
use super::refused::RowRefused;
use super::{Import, Row};

/// How much of a row a report shows, in bytes.
const SHOWN: usize = 256;

/// How many rows are shown for one reason.
const MAX_EXAMPLES: usize = 3;

/// How many reasons are told apart; a file could make up more by what it writes in its columns.
const MAX_REASONS: usize = 64;

/// The reason of rows beyond [`MAX_REASONS`].
const FURTHER: &str = "further reasons";

/// What became of the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of this form.
    version: u8,
    /// The file, as the operator named it.
    pub file: String,
    /// The format that it was read in.
    format: &'static str,
    /// All rows; the sum of those taken, known, skipped and refused once all is settled.
    pub rows: u64,
    /// Rows whose indicator is new to the node, or says something new.
    pub taken: u64,
    /// Rows whose indicator the node has already, saying the same.
    pub known: u64,
    /// Rows that give nothing to import though nothing is wrong with them, by reason.
    pub skipped: BTreeMap<String, Count>,
    /// Rows that cannot be imported, by reason.
    pub refused: BTreeMap<String, Count>,
    /// How rows were read.
    #[serde(flatten)]
    pub readings: Readings,
    /// The columns that nothing was taken from.
    pub ignored_columns: Vec<String>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// The rows of one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// How many they are.
    pub rows: u64,
    /// The first few.
    pub examples: Vec<Example>,
}

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Where it stands: `line 7`, or a JSON pointer.
    pub place: String,
    /// Its beginning, without what could rewrite a terminal.
    pub text: String,
    /// Why it was not taken.
    pub why: String,
}

impl Report {
    /// The report on a file of which nothing has been read yet.
    #[must_use]
    pub fn new(file: &str, import: &Import) -> Self {
        Self::of(file, import.format(), import.ignored_columns())
    }

    fn of(file: &str, format: Format, ignored: &[String]) -> Self {
        Self {
            version: 1,
            file: file.to_owned(),
            format: format.as_str(),
            rows: 0,
            taken: 0,
            known: 0,
            skipped: BTreeMap::new(),
            refused: BTreeMap::new(),
            readings: Readings::default(),
            ignored_columns: ignored.iter().map(|name| plain(name)).collect(),
            dry_run: false,
        }
    }

    /// Counts a row. What becomes of an indicator is told later, by [`Report::settle`].
    pub fn count(&mut self, row: &Row) {
        self.rows += 1;
        let why = match &row.outcome {
            Ok(draft) => return self.readings.count(row.place, draft),
            Err(why) => why,
        };
        let reasons = if why.is_skipped() {
            &mut self.skipped
        } else {
            &mut self.refused
        };
        let mut reason = plain(&why.reason());
        if reasons.len() >= MAX_REASONS && !reasons.contains_key(&reason) {
            reason = FURTHER.to_owned();
        }
        let count = reasons.entry(reason).or_default();
        count.rows += 1;
        if count.examples.len() < MAX_EXAMPLES {
            count.examples.push(Example::new(row.place, &row.text, why));
        }
    }

    /// Counts what the node did with indicators that it was given.
    pub const fn settle(&mut self, taken: u64, known: u64) {
        self.taken += taken;
        self.known += known;
    }

    /// How many rows cannot be imported.
    #[must_use]
    pub fn refused_rows(&self) -> u64 {
        self.refused.values().map(|count| count.rows).sum()
    }

    /// How many rows repeat a value that stands earlier in the file.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        let duplicate = RowRefused::Duplicate {
            first: Place::Line(0),
        };
        self.skipped
            .get(&duplicate.reason())
            .map_or(0, |count| count.rows)
    }
}

impl Example {
    fn new(place: Place, text: &str, why: &RowRefused) -> Self {
        Self {
            place: place.to_string(),
            text: plain(beginning(text)),
            why: plain(&why.to_string()),
        }
    }
}

pub(super) fn beginning(text: &str) -> &str {
    let mut end = text.len().min(SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = if self.rows == 1 { "row" } else { "rows" };
        writeln!(
            f,
            "{} ({}): {} {rows}",
            self.file,
            self.format,
            grouped(self.rows)
        )?;
        let taken = if self.dry_run {
            "would be taken"
        } else {
            "taken"
        };
        writeln!(f, "{:>12}  {taken}", grouped(self.taken))?;
        writeln!(f, "{:>12}  known already", grouped(self.known))?;
        if self.dry_run {
            write!(f, "{}", self.readings)?;
        }
        for (what, reasons) in [("skipped", &self.skipped), ("refused", &self.refused)] {
            for (reason, count) in reasons {
                writeln!(f, "{:>12}  {what}: {reason}", grouped(count.rows))?;
                for example in &count.examples {
                    let of_this_row = if *reason == example.why {
                        String::new()
                    } else {
                        format!("  ({})", example.why)
                    };
                    writeln!(
                        f,
                        "{:16}{}: {}{of_this_row}",
                        "", example.place, example.text
                    )?;
                }
            }
        }
        if !self.ignored_columns.is_empty() {
            writeln!(f, "columns not used: {}", self.ignored_columns.join(", "))?;
        }
        Ok(())
    }
}

/// All refused rows, as a table to correct them by.
#[derive(Debug)]
pub struct RefusedRows<W: Write>(csv::Writer<W>);

impl<W: Write> RefusedRows<W> {
    /// Writes the header.
    pub fn new(to: W) -> Result<Self, csv::Error> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(["place", "why", "row"])?;
        Ok(Self(writer))
    }

    /// Writes the row, if it was refused.
    pub fn write(&mut self, row: &Row) -> Result<(), csv::Error> {
        match &row.outcome {
            Err(why) if !why.is_skipped() => {
                let place = row.place.to_string();
                let (why, text) = (plain(&why.to_string()), plain(&row.text));
                self.0.write_record([place, why, text])
            }
            _ => Ok(()),
        }
    }

    /// Writes what is still in memory.
    pub fn finish(mut self) -> Result<(), csv::Error> {
        Ok(self.0.flush()?)
    }
}

/// The number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::Kind;

    use super::*;

    fn row(line: u64, text: &str, why: RowRefused) -> Row {
        Row {
            place: Place::Line(line),
            text: text.into(),
            outcome: Err(why),
        }
    }

    #[test]
    fn for_people() {
        let mut report = Report::of("x.csv", Format::Csv, &["note".into()]);
        for line in 2..7 {
            report.count(&row(
                line,
                "a,b,c",
                RowRefused::Fields {
                    found: 3,
                    expected: 2,
                },
            ));
        }
        let first = Place::Line(2);
        report.count(&row(
            7,
            "\u{1b}[2Jx\u{202e}",
            RowRefused::Duplicate { first },
        ));
        report.rows += 1_234_560;
        report.settle(1_234_500, 60);
        assert_eq!((report.refused_rows(), report.duplicates()), (5, 1));
        assert_eq!(
            report.to_string(),
            "x.csv (csv): 1,234,566 rows\n\
            \x20  1,234,500  taken\n\
            \x20         60  known already\n\
            \x20          1  skipped: the same value stands earlier in the file\n\
            \x20               line 7: \\u{1b}[2Jx\\u{202e}  (the same value as at line 2)\n\
            \x20          5  refused: other fields than the header\n\
            \x20               line 2: a,b,c  (3 fields where the table has 2 columns)\n\
            \x20               line 3: a,b,c  (3 fields where the table has 2 columns)\n\
            \x20               line 4: a,b,c  (3 fields where the table has 2 columns)\n\
            columns not used: note\n"
        );
    }

    #[test]
    fn readings_stand_in_dry_runs() {
        let mut report = Report::of("x", Format::List, &[]);
        report.readings.kinds.insert(Kind::Domain, 1);
        let read = "           1  read as domain";
        assert!(!report.to_string().contains(read), "{report}");
        report.dry_run = true;
        assert!(report.to_string().contains(read), "{report}");
    }

    #[test]
    fn for_programs() {
        let mut report = Report::of("x", Format::List, &[]);
        report.count(&row(1, "?", RowRefused::NotUtf8));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["version"], 1);
        let count = &json["refused"]["not UTF-8 text; save the file as UTF-8"];
        assert_eq!(
            (&count["rows"], &count["examples"][0]["place"]),
            (&1.into(), &"line 1".into())
        );
    }

    #[test]
    fn what_is_shown_ends_between_characters() {
        assert_eq!(beginning("abc"), "abc");
        assert_eq!(beginning(&"é".repeat(200)), "é".repeat(128));
        assert_eq!(beginning(&format!("a{}", "é".repeat(200))).len(), 255);
    }

    #[test]
    fn reasons_are_bounded() {
        let mut report = Report::of("x", Format::List, &[]);
        for limit in 0..1_000 {
            report.count(&row(1, "x", RowRefused::TooLong { limit }));
        }
        assert_eq!(report.refused.len(), MAX_REASONS + 1);
        assert_eq!(report.refused_rows(), 1_000);
    }

    #[test]
    fn refused_rows_are_a_table() {
        let mut bytes = Vec::new();
        let mut refused = RefusedRows::new(&mut bytes).unwrap();
        refused
            .write(&row(1, "a,\"b", RowRefused::OpenQuote))
            .unwrap();
        refused
            .write(&row(2, "pages.dev", RowRefused::Allowed))
            .unwrap();
        let long = "é".repeat(SHOWN);
        refused.write(&row(3, &long, RowRefused::NoValue)).unwrap();
        refused.finish().unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            format!(
                "place,why,row\nline 1,a quote opens here and does not close,\"a,\"\"b\"\n\
                 line 3,no value in this row,{long}\n"
            ),
            "all of it: it is to be corrected"
        );
    }
}
