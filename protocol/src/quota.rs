//! What the charter's [`Quota`] allows: one way of counting, for the publisher and for each reader.
//!
//! The quota is what *one reader* is ready to take from *one publisher*, so both count over the feeds of
//! that publisher which that reader reads. What is counted stands in leaves: how many statements a batch
//! has, how long leaf and body are. So a reader counts by itself, before it fetches a body, and comes to
//! the publisher's own numbers.
//!
//! **Bytes** are those of leaves and bodies, and [`LEAF_COST`] for each leaf. A body that was erased still
//! counts: it is overwritten in the log, and its place is not given back. Otherwise a member that erases and
//! writes again could fill a disk.
//!
//! **A day** is the last 24 hours by the counting node's own clock, one that only goes forward: no
//! member's time is asked for, and nothing is put into an order by it. It is kept in memory. The publisher
//! counts what it releases and, after a start, what its log shows of the day before; a reader counts what
//! it takes, from its start on.
//!
//! What corrects (withdrawals, `ceased`, corrections, what an erasure says again) protects people and
//! never waits at the publisher. It counts all the same, and so may exceed the quota. That, and that
//! what was released over two days can reach a reader at once that was away, is why a reader's bounds are
//! wider than the publisher's:
//!
//! | | the publisher releases what is new up to | a reader takes all up to | what corrects up to | leaves up to |
//! |---|---:|---:|---:|---:|
//! | statements in a day | 1 | 2 | 3 | |
//! | bytes in all | 1 | 1 | 2 | 3 |
//!
//! in quotas. A reader that was away for longer than a day catches up by two days' quota in a day. Leaves
//! have room of their own: without them nobody knows what the newest head says, or what was erased.

mod outgoing;

use std::collections::VecDeque;

use crate::charter::Quota;
use crate::feed::MAX_BATCH_STATEMENTS;
use crate::time::Moment;

pub use outgoing::{AHEAD, Outgoing};

/// What a leaf counts beside its bytes: about what a reader keeps of it in memory.
pub const LEAF_COST: u64 = 100;
/// The most bytes that a batch takes beside its statements: leaf, frames and the least padding.
const BATCH_COST: u64 = 2 * 1024 + LEAF_COST;
/// The most bytes for each member of an audience when a feed or an epoch begins.
const SEALED_COST: u64 = 1536;

const HOUR: u64 = 3_600_000;
/// The hours whose counts make up a day: the present one, and the 24 before it.
const HOURS: u64 = 24;

/// Statements of the last 24 hours, in steps of an hour: none leaves the count before its time, and each
/// does within an hour of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Hours, each with its count, the oldest first. At most 25.
    hours: VecDeque<(u64, u64)>,
}

/// What is used of a quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Statements of the last day.
    pub statements: u64,
    /// Bytes of leaves and bodies in all, with [`LEAF_COST`] for each leaf.
    pub bytes: u64,
}

/// Which of a quota's bounds is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Statements of a day: time helps.
    Day,
    /// Bytes in all: only another charter helps.
    Bytes,
}

/// What a reader takes of a publisher's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Each.
    All,
    /// Those that correct something.
    TakingBack(Bound),
    /// None.
    Nothing(Bound),
}

impl Day {
    /// Counts statements at a moment.
    pub fn add(&mut self, now: Moment, statements: u64) {
        let hour = hour_of(now);
        while self
            .hours
            .front()
            .is_some_and(|(old, _)| is_over(*old, hour))
        {
            self.hours.pop_front();
        }
        match self.hours.back_mut() {
            Some((last, count)) if *last >= hour => *count = count.saturating_add(statements),
            _ => self.hours.push_back((hour, statements)),
        }
    }

    /// The statements of the day that ends at a moment.
    #[must_use]
    pub fn count(&self, now: Moment) -> u64 {
        let counts = self.hours.iter();
        let counts = counts.filter(|(hour, _)| !is_over(*hour, hour_of(now)));
        counts.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// When the count of the day that ends at a moment goes down next; none if it is 0.
    #[must_use]
    pub fn eases_at(&self, now: Moment) -> Option<Moment> {
        let mut hours = self.hours.iter();
        let oldest = hours.find(|(hour, count)| *count > 0 && !is_over(*hour, hour_of(now)));
        oldest.map(|(hour, _)| Moment::from_millis((hour + HOURS + 1) * HOUR))
    }
}

/// Hours since the clock began.
const fn hour_of(now: Moment) -> u64 {
    now.millis() / HOUR
}

/// Whether all of an hour is more than a day ago.
const fn is_over(hour: u64, now: u64) -> bool {
    hour + HOURS < now
}

impl Used {
    /// With the beginning of a feed or an epoch for an audience of so many members, reckoned from above.
    #[must_use]
    pub const fn with_epoch(self, members: usize) -> Self {
        Self {
            bytes: self
                .bytes
                .saturating_add(SEALED_COST.saturating_mul(members as u64)),
            ..self
        }
    }

    /// With one more statement of `len` bytes, the `nth` that is sealed at once, from 0. Bytes are
    /// reckoned from above: what they are is known when they are sealed.
    #[must_use]
    pub const fn with_statement(self, len: usize, nth: usize) -> Self {
        let batch = if nth.is_multiple_of(MAX_BATCH_STATEMENTS) {
            BATCH_COST
        } else {
            0
        };
        let statement = (len as u64).saturating_add(8).saturating_mul(9) / 8;
        Self {
            statements: self.statements.saturating_add(1),
            bytes: self.bytes.saturating_add(batch).saturating_add(statement),
        }
    }
}

impl Quota {
    /// The bound that a publisher would exceed by having released this much to a reader; none if there is
    /// room for it. Only what is new waits for that.
    #[must_use]
    pub const fn exceeded(&self, used: Used) -> Option<Bound> {
        if used.bytes > self.stored_bytes {
            Some(Bound::Bytes)
        } else if used.statements > self.statements_per_day {
            Some(Bound::Day)
        } else {
            None
        }
    }

    /// What a reader takes when it would have used this much with it.
    #[must_use]
    pub const fn takes(&self, used: Used) -> Takes {
        let (day, all) = (self.statements_per_day, self.stored_bytes);
        if used.bytes > all.saturating_mul(2) {
            Takes::Nothing(Bound::Bytes)
        } else if used.statements > day.saturating_mul(3) {
            Takes::Nothing(Bound::Day)
        } else if used.bytes > all {
            Takes::TakingBack(Bound::Bytes)
        } else if used.statements > day.saturating_mul(2) {
            Takes::TakingBack(Bound::Day)
        } else {
            Takes::All
        }
    }

    /// Whether a reader that keeps so many bytes takes more leaves.
    #[must_use]
    pub const fn takes_leaves(&self, bytes: u64) -> bool {
        bytes <= self.stored_bytes.saturating_mul(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    const QUOTA: Quota = Quota {
        statements_per_day: 10,
        stored_bytes: 1000,
    };

    #[test]
    fn a_day_slides() {
        let mut day = Day::default();
        assert_eq!((day.count(at(0)), day.eases_at(at(0))), (0, None));
        day.add(at(0), 3);
        day.add(at(HOUR - 1), 4);
        day.add(at(5 * HOUR), 1);
        assert_eq!(day.count(at(5 * HOUR)), 8);
        assert_eq!(day.eases_at(at(5 * HOUR)), Some(at(25 * HOUR)));
        // What came at the end of the first hour is a day old at the end of the 25th.
        assert_eq!(day.count(at(25 * HOUR - 1)), 8);
        assert_eq!(day.count(at(25 * HOUR)), 1);
        assert_eq!(day.eases_at(at(25 * HOUR)), Some(at(30 * HOUR)));
        assert_eq!(
            (day.count(at(30 * HOUR)), day.eases_at(at(30 * HOUR))),
            (0, None)
        );
    }

    #[test]
    fn nothing_leaves_a_day_before_its_time() {
        let mut day = Day::default();
        let minute = HOUR / 60;
        for now in (0..72 * 60).map(|n| n * minute) {
            day.add(at(now), 1);
            let exact = (now / minute + 1).min(24 * 60);
            let counted = day.count(at(now));
            assert!((exact..=exact + 60).contains(&counted), "{now} {counted}");
        }
        assert!(day.hours.len() <= 25, "{day:?}");
    }

    #[test]
    fn many_are_no_overflow() {
        let mut day = Day::default();
        day.add(at(0), u64::MAX);
        day.add(at(0), 1);
        day.add(at(HOUR), 1);
        assert_eq!(day.count(at(HOUR)), u64::MAX);
        let most = Quota {
            statements_per_day: Quota::MAX,
            stored_bytes: Quota::MAX,
        };
        let used = Used {
            statements: u64::MAX,
            bytes: u64::MAX,
        };
        assert_eq!(most.takes(used), Takes::Nothing(Bound::Bytes));
    }

    #[test]
    fn what_is_to_be_sealed_is_reckoned_from_above() {
        let used = Used {
            statements: 2,
            bytes: 10,
        };
        let after = |used: Used| (used.statements, used.bytes);
        assert_eq!(after(used.with_epoch(3)), (2, 10 + 3 * 1536));
        for (len, nth, expected) in [
            (56, 0, (3, 10 + 2148 + 72)),
            (56, 1, (3, 10 + 72)),
            (0, MAX_BATCH_STATEMENTS - 1, (3, 10 + 9)),
            (0, MAX_BATCH_STATEMENTS, (3, 10 + 2148 + 9)),
        ] {
            assert_eq!(
                after(used.with_statement(len, nth)),
                expected,
                "{len} {nth}"
            );
        }
    }

    #[test]
    fn a_publisher_stops_at_the_quota_and_a_reader_further_on() {
        let check = |statements, bytes, exceeded, takes| {
            let used = Used { statements, bytes };
            assert_eq!(QUOTA.exceeded(used), exceeded, "{used:?}");
            assert_eq!(QUOTA.takes(used), takes, "{used:?}");
        };
        let (day, bytes) = (Some(Bound::Day), Some(Bound::Bytes));
        check(0, 0, None, Takes::All);
        check(10, 1000, None, Takes::All);
        check(11, 1000, day, Takes::All);
        check(20, 1000, day, Takes::All);
        check(21, 1000, day, Takes::TakingBack(Bound::Day));
        check(30, 1000, day, Takes::TakingBack(Bound::Day));
        check(31, 1000, day, Takes::Nothing(Bound::Day));
        check(10, 1001, bytes, Takes::TakingBack(Bound::Bytes));
        check(10, 2000, bytes, Takes::TakingBack(Bound::Bytes));
        check(10, 2001, bytes, Takes::Nothing(Bound::Bytes));
        check(31, 2001, bytes, Takes::Nothing(Bound::Bytes));
        let leaves = [3000, 3001].map(|bytes| QUOTA.takes_leaves(bytes));
        assert_eq!(leaves, [true, false]);
    }
}
