//! Every bound of a session, in one table.

use crate::time::Timestamp;

/// The time, handed in: a clock that people share, and one that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What the clock on the wall says.
    pub wall: Timestamp,
    /// Milliseconds since some moment, never going back.
    pub millis: u64,
}

/// The bounds of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bodies asked for and not yet there.
    pub bodies_in_flight: usize,
    /// Their bytes, as their leaves say.
    pub bytes_in_flight: u64,
    /// Epoch keys asked for and not yet there.
    pub epochs_in_flight: usize,
    /// A body no longer than this is pushed with its leaf.
    pub pushed_body: u32,
    /// Milliseconds in which a request must be answered.
    pub patience: u64,
    /// Milliseconds in which the peer must say `Hello`.
    pub hello_patience: u64,
    /// Milliseconds between two signs of life.
    pub alive_every: u64,
    /// Milliseconds between two receipts for one feed.
    pub holds_every: u64,
    /// Requests that the peer may make at once, each body one; they come back at `requests_per_second`.
    pub requests: u64,
    /// Requests that the peer may make each second in the long run.
    pub requests_per_second: u64,
    /// Seconds by which a peer's clock may be ahead before it is reported.
    pub clock_slack: u64,
    /// The most feeds that one publisher may open towards one reader.
    pub feeds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bodies_in_flight: 64,
            bytes_in_flight: 4 * 1024 * 1024,
            epochs_in_flight: 64,
            pushed_body: 16 * 1024,
            patience: 60_000,
            hello_patience: 10_000,
            alive_every: 60_000,
            holds_every: 1_000,
            requests: 20_000,
            requests_per_second: 10_000,
            clock_slack: 300,
            feeds: 512,
        }
    }
}

/// Requests that a peer may still make now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: u64,
    since: u64,
}

impl Allowance {
    pub(super) const fn full(limits: &Limits, millis: u64) -> Self {
        Self {
            left: limits.requests,
            since: millis,
        }
    }

    /// Takes requests from the allowance; false when there are not as many left.
    pub(super) fn take(&mut self, limits: &Limits, cost: u64, millis: u64) -> bool {
        let gained = millis.saturating_sub(self.since) * limits.requests_per_second / 1000;
        if gained > 0 {
            self.left = (self.left + gained).min(limits.requests);
            self.since = millis;
        }
        let allowed = self.left >= cost;
        self.left = self.left.saturating_sub(cost);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowance_runs_out_and_comes_back() {
        let limits = Limits {
            requests: 3,
            requests_per_second: 2,
            ..Limits::default()
        };
        let mut allowance = Allowance::full(&limits, 0);
        let taken: Vec<_> = (0..4).map(|_| allowance.take(&limits, 1, 0)).collect();
        assert_eq!(taken, [true, true, true, false]);
        assert!(!allowance.take(&limits, 1, 499));
        assert!(allowance.take(&limits, 1, 500));
        assert!(!allowance.take(&limits, 1, 501));
    }
}
