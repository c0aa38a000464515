//! What the columns of a table mean.

use std::fmt;
use std::str::FromStr;

use super::refused::RowRefused;

/// The most columns that a table may have.
const MAX_COLUMNS: usize = 256;

/// What a column says of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// The value itself.
    Value,
    /// The kind of the value.
    Kind,
    /// The country by whose rules a national telephone number is read.
    Region,
    /// The scam it belongs to.
    Scheme,
    /// How sure the publisher is, 0 to 100.
    Confidence,
    /// The TLP marking.
    Tlp,
    /// The members and groups that may have it.
    ReleasableTo,
    /// When it was first seen.
    FirstSeen,
    /// When it was last seen.
    LastSeen,
    /// Until when it holds.
    ValidUntil,
    /// The countries whose people it aims at.
    Targets,
    /// Words to sort by.
    Tags,
    /// A sentence about it.
    Description,
    /// Reported or predicted.
    Basis,
    /// The loss that victims report: `1200.50 MYR`.
    Loss,
    /// The law under which it is shared.
    LegalBasis,
    /// Where more can be read.
    References,
    /// The agency's case number, which never leaves the node.
    CaseNumber,
    /// The analyst's notes, which never leave the node.
    Notes,
    /// Who or what reported it, which never leaves the node.
    Source,
}

impl Column {
    /// All columns and the names that people type and read.
    const NAMES: [(Self, &'static str); 20] = [
        (Self::Value, "value"),
        (Self::Kind, "kind"),
        (Self::Region, "region"),
        (Self::Scheme, "scheme"),
        (Self::Confidence, "confidence"),
        (Self::Tlp, "tlp"),
        (Self::ReleasableTo, "releasable-to"),
        (Self::FirstSeen, "first-seen"),
        (Self::LastSeen, "last-seen"),
        (Self::ValidUntil, "valid-until"),
        (Self::Targets, "targets"),
        (Self::Tags, "tags"),
        (Self::Description, "description"),
        (Self::Basis, "basis"),
        (Self::Loss, "loss"),
        (Self::LegalBasis, "legal-basis"),
        (Self::References, "references"),
        (Self::CaseNumber, "case-number"),
        (Self::Notes, "notes"),
        (Self::Source, "source"),
    ];

    /// The name that people type and read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(column, _)| *column == self)
            .map_or("", |(_, name)| name)
    }

    /// The column that a table's own header means, if it says so plainly: our name in any case,
    /// with blanks or underscores for hyphens, or `indicator` for the value.
    #[must_use]
    pub fn named(header: &str) -> Option<Self> {
        let name = header.trim().to_ascii_lowercase().replace(['_', ' '], "-");
        if name == "indicator" {
            return Some(Self::Value);
        }
        name.parse().ok()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Column {
    type Err = UnknownColumn;

    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        Self::NAMES
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(column, _)| *column)
            .ok_or(UnknownColumn)
    }
}

/// The text names nothing that a column can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a column can be value, kind, region, scheme, confidence, tlp, releasable-to, first-seen, \
     last-seen, valid-until, targets, tags, description, basis, loss, legal-basis, references, \
     case-number, notes or source"
)]
pub struct UnknownColumn;

/// How the columns of a table are told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Columns {
    /// By the header, as far as it speaks plainly.
    #[default]
    ByHeader,
    /// By the header, after this mapping: `value=pattern,description=note`.
    Mapped(Vec<(Column, String)>),
    /// By position, in a table without a header: `value,-,description`.
    Positions(Vec<Option<Column>>),
}

/// Why an operator's words about columns cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// No `=` in a part of a mapping.
    #[error("`{part}` is no mapping; write OURS=THEIRS, as in value=pattern")]
    NoEquals {
        /// The part.
        part: String,
    },
    /// A name that is not ours.
    #[error("`{name}`: {source}")]
    Unknown {
        /// The name.
        name: String,
        /// Which there are.
        source: UnknownColumn,
    },
    /// One of our names twice.
    #[error("`{0}` is given twice; a column can be used once")]
    Twice(Column),
    /// Nothing says where the value is.
    #[error("nothing says which column holds the value; name it, as in value=pattern")]
    NoValue,
}

impl Columns {
    /// Reads a mapping from our names to a header's: `value=pattern,description=note`.
    pub fn mapped(text: &str) -> Result<Self, ColumnsError> {
        let mut pairs: Vec<(Column, String)> = Vec::new();
        for part in text.split(',') {
            let (ours, theirs) = part
                .split_once('=')
                .ok_or_else(|| ColumnsError::NoEquals { part: part.into() })?;
            let column = known(ours)?;
            if pairs.iter().any(|(other, _)| *other == column) {
                return Err(ColumnsError::Twice(column));
            }
            pairs.push((column, theirs.trim().to_owned()));
        }
        Ok(Self::Mapped(pairs))
    }

    /// Reads the names of columns in their order, `-` for one to leave out: `value,-,description`.
    pub fn positions(text: &str) -> Result<Self, ColumnsError> {
        let mut positions = Vec::new();
        for name in text.split(',') {
            if name.trim() == "-" {
                positions.push(None);
                continue;
            }
            let column = known(name)?;
            if positions.contains(&Some(column)) {
                return Err(ColumnsError::Twice(column));
            }
            positions.push(Some(column));
        }
        if positions.contains(&Some(Column::Value)) {
            Ok(Self::Positions(positions))
        } else {
            Err(ColumnsError::NoValue)
        }
    }
}

fn known(name: &str) -> Result<Column, ColumnsError> {
    let name = name.trim();
    name.parse().map_err(|source| ColumnsError::Unknown {
        name: name.into(),
        source,
    })
}

/// Why a table's header and what is asked of it do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The mapping names a column that the header does not have.
    #[error("there is no column `{name}`; the columns are: {}", .header.join(", "))]
    Missing {
        /// The name in the mapping.
        name: String,
        /// The header.
        header: Vec<String>,
    },
    /// No column is plainly the value.
    #[error(
        "no column is plainly the value; say which with --map value=COLUMN, or with --columns if \
         there is no header; the first row is: {}",
        .header.join(", ")
    )]
    NoValue {
        /// The first row.
        header: Vec<String>,
    },
    /// More columns than a table may have.
    #[error("the first row has more than {MAX_COLUMNS} columns; is it a table?")]
    TooMany,
    /// The first row cannot be read.
    #[error("the first row cannot be read ({0}); it should name the columns")]
    Unreadable(Box<RowRefused>),
}

/// The columns of one table: for each of its own, what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// By position; none for a column that is left out.
    pub(super) columns: Vec<Option<Column>>,
    /// The header's names of those left out.
    pub(super) ignored: Vec<String>,
    /// Whether the first row is a header rather than data.
    pub(super) has_header: bool,
}

impl Layout {
    /// The layout of a table with this first row. `is_value` tells whether a text would do as a
    /// value, hence whether a table of one column begins with data.
    pub(super) fn new(
        asked: &Columns,
        first: &[String],
        is_value: impl Fn(&str) -> bool,
    ) -> Result<Self, HeaderError> {
        if first.len() > MAX_COLUMNS {
            return Err(HeaderError::TooMany);
        }
        let mapping: &[(Column, String)] = match asked {
            Columns::Positions(columns) => {
                return Ok(Self {
                    columns: columns.clone(),
                    ignored: Vec::new(),
                    has_header: false,
                });
            }
            Columns::ByHeader => &[],
            Columns::Mapped(pairs) => pairs,
        };
        let mut columns: Vec<Option<Column>> = vec![None; first.len()];
        for (column, theirs) in mapping {
            let at = first.iter().position(|name| name.trim() == theirs);
            let slot = at.and_then(|at| columns.get_mut(at));
            let slot = slot.ok_or_else(|| HeaderError::Missing {
                name: theirs.clone(),
                header: first.to_vec(),
            })?;
            *slot = Some(*column);
        }
        for (at, name) in first.iter().enumerate() {
            // A column that the mapping speaks of is the mapping's alone.
            let plain = Column::named(name).filter(|plain| {
                !columns.contains(&Some(*plain)) && !mapping.iter().any(|(ours, _)| ours == plain)
            });
            if let (Some(plain), Some(slot @ None)) = (plain, columns.get_mut(at)) {
                *slot = Some(plain);
            }
        }
        let mut has_header = true;
        if !columns.contains(&Some(Column::Value)) {
            match (first, columns.as_mut_slice()) {
                ([only], [slot @ None]) => {
                    *slot = Some(Column::Value);
                    has_header = !is_value(only);
                }
                _ => {
                    return Err(HeaderError::NoValue {
                        header: first.to_vec(),
                    });
                }
            }
        }
        let ignored = first
            .iter()
            .zip(&columns)
            .filter(|(_, column)| column.is_none())
            .map(|(name, _)| name.trim().to_owned())
            .collect();
        Ok(Self {
            columns,
            ignored,
            has_header,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_words() {
        use Column::{Description, Value};
        assert_eq!(
            Columns::mapped("value=pattern, description = my note"),
            Ok(Columns::Mapped(vec![
                (Value, "pattern".into()),
                (Description, "my note".into())
            ]))
        );
        assert_eq!(
            Columns::positions("-,value, description"),
            Ok(Columns::Positions(vec![
                None,
                Some(Value),
                Some(Description)
            ]))
        );
        assert_eq!(
            Columns::mapped("pattern"),
            Err(ColumnsError::NoEquals {
                part: "pattern".into()
            })
        );
        assert!(matches!(
            Columns::mapped("val=a"),
            Err(ColumnsError::Unknown { .. })
        ));
        assert_eq!(
            Columns::mapped("value=a,value=b"),
            Err(ColumnsError::Twice(Value))
        );
        assert_eq!(
            Columns::positions("value,value"),
            Err(ColumnsError::Twice(Value))
        );
        assert_eq!(
            Columns::positions("-,description"),
            Err(ColumnsError::NoValue)
        );
        for (column, name) in Column::NAMES {
            assert_eq!((name.parse(), column.as_str()), (Ok(column), name));
        }
    }

    fn check(asked: &Columns, first: &str, expected: Result<(&str, bool), &str>) {
        let first: Vec<String> = first.split('|').map(str::to_owned).collect();
        let found = Layout::new(asked, &first, |text| text.contains('.'));
        let found = found.map(|layout| {
            let names = layout.columns.iter().map(|c| c.map_or("-", Column::as_str));
            (names.collect::<Vec<_>>().join(","), layout.has_header)
        });
        match (found, expected) {
            (Ok((names, header)), Ok(expected)) => assert_eq!((names.as_str(), header), expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn layouts() {
        let plain = Columns::ByHeader;
        let map = |text| Columns::mapped(text).unwrap();
        check(
            &plain,
            "Indicator|x|First Seen",
            Ok(("value,-,first-seen", true)),
        );
        check(&plain, "pattern", Ok(("value", true)));
        check(&plain, "a.example", Ok(("value", false)));
        check(&plain, "kind", Err("no column is plainly the value"));
        check(&plain, "a|b", Err("the first row is: a, b"));
        check(&map("value=b"), "a|b", Ok(("-,value", true)));
        check(&map("value=b"), "value|b", Ok(("-,value", true)));
        check(
            &map("description=value,value=b"),
            "value|b",
            Ok(("description,value", true)),
        );
        check(
            &map("value=c"),
            "a|b",
            Err("no column `c`; the columns are: a, b"),
        );
        check(&map("tlp=a"), "a|value", Ok(("tlp,value", true)));
        let positions = Columns::positions("-,value").unwrap();
        check(&positions, "a|b", Ok(("-,value", false)));
        check(&plain, &"a|".repeat(300), Err("more than 256"));
    }
}
