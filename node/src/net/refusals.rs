//! Keeps a flood of strangers out of the log.

use std::time::Duration;

use tokio::time::Instant;

/// Decides which refusals are reported: some at once, then one per `pace`.
#[derive(Debug)]
pub(super) struct Refusals {
    at_once: u32,
    pace: Duration,
    left: u32,
    refilled: Instant,
    unreported: u64,
}

impl Refusals {
    pub(super) fn new(at_once: u32, pace: Duration, now: Instant) -> Self {
        Self {
            at_once,
            pace,
            left: at_once,
            refilled: now,
            unreported: 0,
        }
    }

    /// Takes note of a refusal. If it is to be reported, says how many were not since the last.
    pub(super) fn report(&mut self, now: Instant) -> Option<u64> {
        while self.left < self.at_once && now.duration_since(self.refilled) >= self.pace {
            self.left += 1;
            self.refilled += self.pace;
        }
        if self.left == self.at_once {
            self.refilled = now;
        }
        if self.left == 0 {
            self.unreported = self.unreported.saturating_add(1);
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_and_counted() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut refusals = Refusals::new(2, second, start);
        let mut check = |after_ms: u64, expected: Option<u64>| {
            let now = start + Duration::from_millis(after_ms);
            assert_eq!(refusals.report(now), expected, "after {after_ms} ms");
        };
        check(0, Some(0));
        check(0, Some(0));
        check(10, None);
        check(999, None);
        check(1000, Some(2));
        check(1001, None);
        check(60_000, Some(1));
        check(60_000, Some(0));
        check(60_000, None);
    }
}
