//! What every format gives: a place, the text that stands there, and its cells.

use super::columns::Column;
use super::lines::{Line, LineFault, MAX_LINE};
use super::place::Place;
use super::refused::RowRefused;

/// What columns say in one row; empty cells are left out.
pub(super) type Cells = Vec<(Column, String)>;

/// One row as its format gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// The row as written, to be corrected if it is refused.
    pub(super) text: String,
    pub(super) cells: Result<Cells, RowRefused>,
}

impl Entry {
    /// An entry whose only cell is the value.
    pub(super) fn value(place: Place, value: &str) -> Self {
        Self {
            place,
            text: value.to_owned(),
            cells: Ok(vec![(Column::Value, value.to_owned())]),
        }
    }

    pub(super) fn refused(place: Place, text: &str, why: RowRefused) -> Self {
        Self {
            place,
            text: text.to_owned(),
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
