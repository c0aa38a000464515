//! What every format gives: a place, the text that stands there, and its cells.

use super::columns::Column;
use super::lines::{Line, LineFault, MAX_LINE};
use super::place::Place;
use super::refused::RowRefused;

/// How much of a row's text is kept for a report, in bytes.
const SHOWN: usize = 256;

/// What columns say in one row; empty cells are left out.
pub(super) type Cells = Vec<(Column, String)>;

/// One row as its format gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// The beginning of the row as written, for a report.
    pub(super) text: String,
    pub(super) cells: Result<Cells, RowRefused>,
}

impl Entry {
    /// An entry whose only cell is the value.
    pub(super) fn value(place: Place, value: &str) -> Self {
        Self {
            place,
            text: beginning(value),
            cells: Ok(vec![(Column::Value, value.to_owned())]),
        }
    }

    pub(super) fn refused(place: Place, text: &str, why: RowRefused) -> Self {
        Self {
            place,
            text: beginning(text),
            cells: Err(why),
        }
    }

    /// The line's number and text, or the entry that says why there is none.
    pub(super) fn text_of(line: Line) -> Result<(Place, String), Self> {
        let place = Place::Line(line.number);
        line.text
            .map(|text| (place, text))
            .map_err(|(fault, shown)| {
                let why = match fault {
                    LineFault::TooLong => RowRefused::TooLong { limit: MAX_LINE },
                    LineFault::NotUtf8 => RowRefused::NotUtf8,
                };
                Self::refused(place, &shown, why)
            })
    }
}

fn beginning(text: &str) -> String {
    let mut end = text.len().min(SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_ends_between_characters() {
        assert_eq!(beginning("abc"), "abc");
        assert_eq!(beginning(&"é".repeat(200)), "é".repeat(128));
        assert_eq!(beginning(&format!("a{}", "é".repeat(200))).len(), 255);
    }
}
