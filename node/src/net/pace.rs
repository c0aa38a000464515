//! How often a thing may happen.

use std::time::Duration;

use tokio::time::Instant;

/// Lets some happen at once, then one per `every`; what is not used is saved up to `at_once`.
#[derive(Debug)]
pub(super) struct Pace {
    at_once: u32,
    every: Duration,
    left: u32,
    refilled: Instant,
}

impl Pace {
    pub(super) fn new(at_once: u32, every: Duration, now: Instant) -> Self {
        Self {
            at_once,
            every,
            left: at_once,
            refilled: now,
        }
    }

    /// Whether one more may happen now; if so it counts.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let one = self.left.checked_sub(1);
        self.left = one.unwrap_or_default();
        one.is_some()
    }

    /// Whether nothing has happened for so long that a new one would be the same.
    pub(super) fn is_rested(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.left == self.at_once
    }

    fn refill(&mut self, now: Instant) {
        let missing = self.at_once - self.left;
        let passed = now.duration_since(self.refilled);
        let due = passed.as_nanos() / self.every.as_nanos().max(1);
        match u32::try_from(due) {
            Ok(due) if due < missing => {
                self.left += due;
                self.refilled += self.every * due;
            }
            _ => {
                self.left = self.at_once;
                self.refilled = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_at_once_then_one_by_one() {
        let start = Instant::now();
        let mut pace = Pace::new(2, Duration::from_secs(1), start);
        let mut check = |after_ms: u64, expected: bool| {
            let now = start + Duration::from_millis(after_ms);
            assert_eq!(pace.take(now), expected, "after {after_ms} ms");
        };
        check(0, true);
        check(0, true);
        check(10, false);
        check(999, false);
        check(1000, true);
        check(1001, false);
        check(1999, false);
        check(2000, true);
        check(60_000, true);
        check(60_000, true);
        check(60_000, false);
    }

    #[test]
    fn it_rests() {
        let start = Instant::now();
        let mut pace = Pace::new(2, Duration::from_secs(1), start);
        assert!(pace.is_rested(start));
        assert!(pace.take(start));
        assert!(!pace.is_rested(start + Duration::from_millis(999)));
        assert!(pace.is_rested(start + Duration::from_secs(1)));
    }
}
