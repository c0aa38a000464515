//! Where in a foreign file something stands.

use std::fmt;

/// Where a row stands in its file, as an editor or a JSON tool finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A line, counted from one.
    Line(u64),
    /// An item of a JSON array, counted from zero: the pointer (RFC 6901) `/deny/7`.
    Item {
        /// The pointer to the array: `/deny`, or empty if the document is the array.
        array: &'static str,
        /// The item's number.
        index: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => f.pad(&format!("line {number}")),
            Self::Item { array, index } => f.pad(&format!("{array}/{index}")),
        }
    }
}
