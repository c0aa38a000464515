//! Keeps a flood of strangers out of the log, and counts it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::RefusedBecause;
use super::pace::Pace;

/// Decides which refusals are reported: for each reason some at once, then one per `pace`, so that
/// a flood of one kind does not hide another.
#[derive(Debug)]
pub(super) struct Refusals {
    at_once: u32,
    pace: Duration,
    reasons: BTreeMap<RefusedBecause, Reason>,
}

#[derive(Debug)]
struct Reason {
    pace: Pace,
    in_all: u64,
    unreported: u64,
}

/// A refusal that is to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported {
    /// How many for this reason, this one included.
    pub(super) in_all: u64,
    /// How many for this reason were not reported since the last that was.
    pub(super) unreported: u64,
}

impl Refusals {
    pub(super) fn new(at_once: u32, pace: Duration) -> Self {
        Self {
            at_once,
            pace,
            reasons: BTreeMap::new(),
        }
    }

    /// Takes note of a refusal.
    pub(super) fn note(&mut self, why: RefusedBecause, now: Instant) -> Option<Reported> {
        let reason = self.reasons.entry(why).or_insert_with(|| Reason {
            pace: Pace::new(self.at_once, self.pace, now),
            in_all: 0,
            unreported: 0,
        });
        reason.in_all = reason.in_all.saturating_add(1);
        if !reason.pace.take(now) {
            reason.unreported = reason.unreported.saturating_add(1);
            return None;
        }
        Some(Reported {
            in_all: reason.in_all,
            unreported: std::mem::take(&mut reason.unreported),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_and_counted() {
        let start = Instant::now();
        let mut refusals = Refusals::new(2, Duration::from_secs(1));
        let mut check = |why, after_ms: u64, expected: Option<(u64, u64)>| {
            let now = start + Duration::from_millis(after_ms);
            let reported = refusals.note(why, now);
            let reported = reported.map(|reported| (reported.in_all, reported.unreported));
            assert_eq!(reported, expected, "after {after_ms} ms");
        };
        let flood = RefusedBecause::Handshake;
        check(flood, 0, Some((1, 0)));
        check(flood, 0, Some((2, 0)));
        check(flood, 10, None);
        check(flood, 999, None);
        check(flood, 1000, Some((5, 2)));
        check(flood, 1001, None);
        // Another reason shows in the midst of it.
        check(RefusedBecause::NotAMember, 1001, Some((1, 0)));
        check(flood, 60_000, Some((7, 1)));
        check(flood, 60_000, Some((8, 0)));
        check(flood, 60_000, None);
    }
}
