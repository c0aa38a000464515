//! Where a record lies in the log.

use std::fmt;

/// The place of a record: its segment's number and the byte offset in that segment.
///
/// Positions are ordered as the records were written. They stay valid for the life of the log:
/// erasure works in place, and a tail that was cut held nothing that had been acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    segment: u32,
    offset: u32,
}

impl Position {
    /// Where the first record of any log lies.
    pub const START: Self = Self::new(1, 48);

    /// The position at an offset of a segment.
    #[must_use]
    pub const fn new(segment: u32, offset: u32) -> Self {
        Self { segment, offset }
    }

    /// The number of the segment file, from 1.
    #[must_use]
    pub const fn segment(self) -> u32 {
        self.segment
    }

    /// The offset in the segment file, in bytes.
    #[must_use]
    pub const fn offset(self) -> u32 {
        self.offset
    }

    /// The form for storing; keeps the order.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        ((self.segment as u64) << 32) | self.offset as u64
    }

    /// Reads the form for storing. Any number is a position, though perhaps one that holds no
    /// record: [`super::Log::read`] then says so. 0 is before everything.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the upper half is shifted down and the lower half is meant to be taken alone"
    )]
    pub const fn from_u64(number: u64) -> Self {
        Self::new((number >> 32) as u32, number as u32)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}.seg:{}", self.segment, self.offset)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_form_keeps_value_and_order() {
        let rows = [
            Position::from_u64(0),
            Position::START,
            Position::new(1, u32::MAX),
            Position::new(2, 0),
            Position::new(u32::MAX, u32::MAX),
        ];
        for pair in rows.windows(2) {
            assert!(pair[0] < pair[1]);
            assert!(pair[0].to_u64() < pair[1].to_u64());
        }
        for row in rows {
            assert_eq!(Position::from_u64(row.to_u64()), row);
        }
    }
}
