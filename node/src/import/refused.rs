//! Why a row is not taken.

use kentong_protocol::indicator::{AssertionError, Kind, NotRecognised, ValueError};

use super::columns::Column;
use super::fields::CellError;
use super::place::Place;
use super::rule::Rule;

/// Why a row gives no indicator. Its neighbours are not touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowRefused {
    /// Over the bound of a line or a value.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 text; save the file as UTF-8")]
    NotUtf8,
    /// A row with other fields than the header.
    #[error("{found} fields where the table has {expected} columns")]
    Fields {
        /// In this row.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// A quote that does not close.
    #[error("a quote opens here and does not close")]
    OpenQuote,
    /// A row whose value is empty.
    #[error("no value in this row")]
    NoValue,
    /// A line of a hosts file without an address and a name.
    #[error("not an address and a name, as a hosts file has")]
    NoHostsLine,
    /// A line of a hosts file that sends a name to a real address.
    #[error("sends the name to a real address rather than nowhere")]
    Redirection,
    /// A name of the machine itself, in a hosts file.
    #[error("a name of the machine itself, not a report")]
    OwnName,
    /// A name that a hosts file may give to the machine itself.
    #[error(
        "sent to the machine itself, whose own name it may be; to report it, write 0.0.0.0 in front"
    )]
    OwnAddress,
    /// An entry of a list of what must not be blocked.
    #[error("on the list of what must not be blocked")]
    Allowed,
    /// An item of JSON that is not of the format.
    #[error("not a text where the format has one")]
    NotAString,
    /// Not a value of its kind.
    #[error("as {kind}: {error}")]
    Value {
        /// The kind that it should be.
        kind: Kind,
        /// What is wrong with it.
        error: ValueError,
    },
    /// No text that any kind could read.
    #[error(transparent)]
    Text(ValueError),
    /// Not plainly a value of one kind, and nothing says its kind.
    #[error("{why}{}", next_step(*.why))]
    Unrecognised {
        /// What is in doubt.
        why: NotRecognised,
    },
    /// A rule of a block list rather than a value.
    #[error(transparent)]
    Rule(Rule),
    /// A line of a list with a tab, and words or a lone 0 or 1 behind it.
    #[error(
        "more behind the value, which could say the opposite; give a file with only the rows that \
         accuse, and nothing behind their values"
    )]
    MoreThanAValue,
    /// What a column says is not to be understood.
    #[error("{column}: {error}")]
    Cell {
        /// The column.
        column: Column,
        /// What is wrong with it.
        error: CellError,
    },
    /// Neither the row nor an option says it.
    #[error("no {column}; fill the column, or say it for all rows with --{column}")]
    Unsaid {
        /// What is not said.
        column: Column,
    },
    /// What the columns and the defaults say does not fit together.
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    /// The same value stands earlier in the file.
    #[error("the same value as at {first}")]
    Duplicate {
        /// Where it stands first.
        first: Place,
    },
}

impl From<NotRecognised> for RowRefused {
    fn from(why: NotRecognised) -> Self {
        match why {
            NotRecognised::Text(error) => Self::Text(error),
            NotRecognised::Value { kind, error } => Self::Value { kind, error },
            NotRecognised::Platform
            | NotRecognised::EverydayWord
            | NotRecognised::Number
            | NotRecognised::WordAndNumber
            | NotRecognised::NoChecksum
            | NotRecognised::UnlistedEnding
            | NotRecognised::Unknown => Self::Unrecognised { why },
        }
    }
}

/// What to do about a value whose kind is in doubt, where its error does not say so itself.
const fn next_step(why: NotRecognised) -> &'static str {
    match why {
        NotRecognised::Text(_)
        | NotRecognised::Value { .. }
        | NotRecognised::Platform
        | NotRecognised::EverydayWord => "",
        NotRecognised::Unknown => "; if it is one, say which with --kind or in a column named kind",
        NotRecognised::Number
        | NotRecognised::WordAndNumber
        | NotRecognised::NoChecksum
        | NotRecognised::UnlistedEnding => {
            "; if it is to be published, say its kind with --kind or in a column named kind"
        }
    }
}

impl RowRefused {
    /// Whether nothing is wrong with the row: it only gives nothing to import.
    #[must_use]
    pub const fn is_skipped(&self) -> bool {
        matches!(self, Self::OwnName | Self::Allowed | Self::Duplicate { .. })
    }

    /// The reason without what is of this row only, to count by.
    #[must_use]
    pub fn reason(&self) -> String {
        if matches!(self, Self::Fields { .. }) {
            "other fields than the header".into()
        } else if matches!(self, Self::Duplicate { .. }) {
            "the same value stands earlier in the file".into()
        } else {
            self.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_reason_count_together() {
        let fields = |found| RowRefused::Fields { found, expected: 2 };
        assert_eq!(fields(1).reason(), fields(3).reason());
        assert_ne!(fields(1).to_string(), fields(3).to_string());
        let twice = |line| RowRefused::Duplicate {
            first: Place::Line(line),
        };
        assert_eq!(twice(1).reason(), twice(2).reason());
        assert_eq!(twice(2).to_string(), "the same value as at line 2");
        assert!(twice(1).is_skipped() && RowRefused::Allowed.is_skipped());
        assert!(!RowRefused::NotUtf8.is_skipped());
    }
}
