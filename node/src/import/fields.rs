//! From a row's cells to a value and what is said about it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use kentong_protocol::bounded::{BoundedText, BoundedVec, TextError, TooMany};
use kentong_protocol::indicator::{
    Assertion, Basis, Confidence, Country, Fields, Kind, Local, Loss, LossError, NotAConfidence,
    Reading, RecipientError, UnknownCountry, UnknownKind, UnknownScheme, UnknownTlp, Value,
};
use kentong_protocol::time::Timestamp;

use super::Candidate;
use super::Options;
use super::columns::Column;
use super::entry::Cells;
use super::refused::RowRefused;
use super::rule;

/// Why the text in a cell says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// No kind.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// No scheme.
    #[error(transparent)]
    Scheme(#[from] UnknownScheme),
    /// No TLP marking.
    #[error(transparent)]
    Tlp(#[from] UnknownTlp),
    /// No confidence.
    #[error(transparent)]
    Confidence(#[from] NotAConfidence),
    /// Neither a member nor a group.
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// No country.
    #[error(transparent)]
    Country(#[from] UnknownCountry),
    /// No amount of money.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// No moment.
    #[error("not a time; write 2026-01-31 or 2026-01-31T12:00:00Z")]
    Time,
    /// No basis.
    #[error("neither reported nor predicted")]
    Basis,
    /// A text that is too long or has control characters.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Too long a list.
    #[error("{0} items")]
    TooMany(#[from] TooMany),
}

/// Makes drafts from cells, over what holds for all rows.
#[derive(Debug)]
pub(super) struct Drafter {
    kind: Option<Kind>,
    reading: Reading,
    said: Fields,
    unsaid: Vec<Column>,
    /// What a row says that has a value only; most rows are so.
    plain: Result<Assertion, RowRefused>,
}

impl Drafter {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            kind: options.kind,
            reading: options.reading,
            plain: Assertion::try_from(options.said.clone()).map_err(RowRefused::from),
            said: options.said.clone(),
            unsaid: options.unsaid.clone(),
        }
    }

    /// Whether a text could be a value of the kind that is asked for, or of any. Asked of what may be
    /// a header: a first row that only could be a value must not be lost as one.
    pub(super) fn is_value(&self, text: &str) -> bool {
        match self.kind {
            Some(kind) => Value::parse(kind, text, &self.reading).is_ok(),
            None => !Value::detect(text, &self.reading).is_empty(),
        }
    }

    pub(super) fn draft(&self, cells: &Cells) -> Result<Candidate, RowRefused> {
        let mut kind = self.kind;
        let mut reading = self.reading;
        let mut value = None;
        let mut said = None;
        for (column, text) in cells {
            let refuse = |error| RowRefused::Cell {
                column: *column,
                error,
            };
            if *column == Column::Value {
                value = Some(text);
            } else if *column == Column::Kind {
                kind = Some(
                    text.parse()
                        .map_err(|error: UnknownKind| refuse(error.into()))?,
                );
            } else if *column == Column::Region {
                reading.region = Some(country(text).map_err(refuse)?);
            } else {
                let fields = said.get_or_insert_with(|| self.said.clone());
                set(fields, *column, text).map_err(refuse)?;
            }
        }
        let written = value.ok_or(RowRefused::NoValue)?;
        let value = read(kind, written, &reading)?;
        let says = |wanted: &Column| cells.iter().any(|(column, _)| column == wanted);
        if let Some(column) = self.unsaid.iter().find(|column| !says(column)) {
            return Err(RowRefused::Unsaid { column: *column });
        }
        let assertion = match said {
            Some(fields) => Assertion::try_from(fields)?,
            None => self.plain.clone()?,
        };
        Ok(Candidate {
            written: written.clone(),
            value,
            assertion,
        })
    }
}

/// Reads a value in one way, or not at all: what is published accuses somebody.
fn read(kind: Option<Kind>, text: &str, reading: &Reading) -> Result<Value, RowRefused> {
    use Kind::{Domain, Email, Ip, Url};
    // Other kinds take nothing that a rule could be, or take it because somebody said so.
    if matches!(kind, None | Some(Domain | Email | Ip | Url))
        && let Some(rule) = rule::of(text)
    {
        return Err(RowRefused::Rule(rule));
    }
    match kind {
        Some(kind) => {
            Value::accuse(kind, text, reading).map_err(|error| RowRefused::Value { kind, error })
        }
        None => Ok(Value::recognise(text, reading)?),
    }
}

/// Takes over what a column says.
fn set(fields: &mut Fields, column: Column, text: &str) -> Result<(), CellError> {
    let local = |fields: &mut Fields| fields.local.take().unwrap_or_default();
    match column {
        Column::Value | Column::Kind | Column::Region => {}
        Column::Scheme => fields.scheme = text.to_ascii_lowercase().parse()?,
        Column::Confidence => {
            let percent: u8 = text.parse().map_err(|_| NotAConfidence)?;
            fields.confidence = Confidence::try_from(percent)?;
        }
        Column::Tlp => fields.tlp = text.parse()?,
        Column::ReleasableTo => {
            let names = split(text, &[';', ',', ' ']).map(str::parse);
            fields.releasable_to = BoundedVec::new(names.collect::<Result<_, _>>()?)?;
        }
        Column::FirstSeen => fields.first_seen = Some(time(text)?),
        Column::LastSeen => fields.last_seen = Some(time(text)?),
        Column::ValidUntil => fields.valid_until = Some(time(text)?),
        Column::Targets => {
            let countries = split(text, &[';', ',', ' ']).map(country);
            fields.countries = BoundedVec::new(countries.collect::<Result<_, _>>()?)?;
        }
        Column::Tags => {
            let tags = split(text, &[';', ',']).map(BoundedText::new);
            fields.tags = BoundedVec::new(tags.collect::<Result<_, _>>()?)?;
        }
        Column::Description => fields.description = Some(BoundedText::new(one_line(text))?),
        Column::Basis => {
            fields.basis = [Basis::Reported, Basis::Predicted]
                .into_iter()
                .find(|basis| basis.as_str() == text)
                .ok_or(CellError::Basis)?;
        }
        Column::Loss => fields.loss = Some(text.parse::<Loss>()?),
        Column::LegalBasis => fields.legal_basis = Some(BoundedText::new(one_line(text))?),
        Column::References => {
            let references = text.split_whitespace().map(BoundedText::new);
            fields.references = BoundedVec::new(references.collect::<Result<_, _>>()?)?;
        }
        Column::CaseNumber => {
            let case_number = Some(BoundedText::new(one_line(text))?);
            fields.local = Some(Local {
                case_number,
                ..local(fields)
            });
        }
        Column::Notes => {
            let notes = Some(BoundedText::new(one_line(text))?);
            fields.local = Some(Local {
                notes,
                ..local(fields)
            });
        }
        Column::Source => {
            let source = Some(BoundedText::new(one_line(text))?);
            fields.local = Some(Local {
                source,
                ..local(fields)
            });
        }
    }
    Ok(())
}

/// The text with line breaks and tabs as blanks: tables have them between quotes, and what is said
/// about an indicator has no control characters.
fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ")
}

fn split<'t>(text: &'t str, at: &'t [char]) -> impl Iterator<Item = &'t str> {
    text.split(at)
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn country(text: &str) -> Result<Country, CellError> {
    Ok(text.parse::<Country>()?)
}

/// A moment of RFC 3339; without an offset it is taken as UTC, a bare date as its first second.
fn time(text: &str) -> Result<Timestamp, CellError> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let moment = text
        .parse::<jiff::Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(utc))
        .or_else(|_| {
            text.parse::<Date>()
                .and_then(|date| utc(date.at(0, 0, 0, 0)))
        });
    moment
        .ok()
        .and_then(|moment| u64::try_from(moment.as_second()).ok())
        .and_then(Timestamp::from_seconds)
        .ok_or(CellError::Time)
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::{NotRecognised, Scheme, Tlp, ValueError};

    use super::*;

    fn drafter(kind: Option<Kind>) -> Drafter {
        let sure = Confidence::try_from(50).unwrap();
        let said = Fields::new(Scheme::Other, sure, Tlp::Green);
        let options = Options {
            kind,
            said,
            ..super::super::tests::options()
        };
        Drafter::new(&options)
    }

    fn draft(cells: &[(Column, &str)]) -> Result<Candidate, RowRefused> {
        let cells = cells
            .iter()
            .map(|(column, text)| (*column, (*text).to_owned()))
            .collect();
        drafter(None).draft(&cells)
    }

    #[test]
    fn all_columns() {
        let drafted = draft(&[
            (Column::Value, "+65 6123 4567"),
            (Column::Kind, "phone"),
            (Column::Scheme, "Job"),
            (Column::Confidence, "90"),
            (Column::Tlp, "TLP:AMBER"),
            (Column::ReleasableTo, "SG; my-friends"),
            (Column::FirstSeen, "2026-01-01"),
            (Column::LastSeen, "2026-01-02T03:04:05Z"),
            (Column::ValidUntil, "2026-06-01 12:00:00"),
            (Column::Targets, "my,SG"),
            (Column::Tags, "a b, c"),
            (Column::Description, "two\nlines"),
            (Column::Basis, "predicted"),
            (Column::Loss, "10.5 MYR"),
            (Column::LegalBasis, "an act"),
            (Column::References, "https://a.example https://b.example"),
            (Column::CaseNumber, "1"),
            (Column::Notes, "2"),
            (Column::Source, "3"),
        ])
        .unwrap();
        let said = drafted.assertion;
        assert_eq!(drafted.value.kind(), Kind::Phone);
        assert_eq!(
            (said.scheme, said.confidence.percent(), said.tlp),
            (Scheme::Job, 90, Tlp::Amber)
        );
        assert_eq!(said.releasable_to.len(), 2);
        assert_eq!(said.first_seen.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(said.last_seen.unwrap().to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(
            said.valid_until.unwrap().to_string(),
            "2026-06-01T12:00:00Z"
        );
        assert_eq!(
            (said.countries.len(), said.tags.len(), said.references.len()),
            (2, 2, 2)
        );
        assert_eq!(said.description.as_deref(), Some("two lines"));
        assert_eq!(said.basis, Basis::Predicted);
        assert_eq!(said.loss.unwrap().thousandths, 10_500);
        assert_eq!(said.legal_basis.as_deref(), Some("an act"));
        let local = said.local.as_ref().unwrap();
        assert!(local.case_number.is_some() && local.notes.is_some() && local.source.is_some());
    }

    #[test]
    fn cells_that_say_nothing() {
        for (column, text) in [
            (Column::Kind, "telephone"),
            (Column::Region, "XX"),
            (Column::Scheme, "fraud"),
            (Column::Confidence, "101"),
            (Column::Confidence, "high"),
            (Column::Tlp, "orange"),
            (Column::ReleasableTo, "SG;Nobody At All"),
            (Column::FirstSeen, "yesterday"),
            (Column::FirstSeen, "1969-12-31"),
            (Column::Targets, "Malaysia"),
            (Column::Tags, "bell\u{7}"),
            (Column::Basis, "guessed"),
            (Column::Loss, "much"),
        ] {
            match draft(&[(Column::Value, "a.example.com"), (column, text)]) {
                Err(RowRefused::Cell { column: found, .. }) => assert_eq!(found, column),
                other => panic!("{column}={text}: {other:?}"),
            }
        }
    }

    #[test]
    fn rows_that_contradict_themselves() {
        let value = (Column::Value, "a.example.com");
        assert!(matches!(
            draft(&[value, (Column::Tlp, "red")]),
            Err(RowRefused::Assertion(_))
        ));
        assert_eq!(draft(&[(Column::Tlp, "red")]), Err(RowRefused::NoValue));
        for (text, why) in [
            ("??", NotRecognised::Unknown),
            ("@somebody", NotRecognised::Platform),
            ("012-345 6789", NotRecognised::Number),
        ] {
            let refused = Err(RowRefused::Unrecognised { why });
            assert_eq!(draft(&[(Column::Value, text)]), refused, "{text}");
        }
        // What looks like one kind is told why it is not.
        for (text, kind, error) in [
            ("co.uk", Kind::Domain, ValueError::DomainSuffix),
            ("javascript://a", Kind::Url, ValueError::UrlScheme),
            ("0.0.0.0", Kind::Ip, ValueError::IpUnspecified),
            ("a@", Kind::Email, ValueError::DomainForm),
        ] {
            let refused = Err(RowRefused::Value { kind, error });
            assert_eq!(draft(&[(Column::Value, text)]), refused, "{text}");
        }
        let wrong = drafter(Some(Kind::Ip)).draft(&vec![(Column::Value, "a.example.com".into())]);
        assert!(matches!(
            wrong,
            Err(RowRefused::Value { kind: Kind::Ip, .. })
        ));
    }
}
