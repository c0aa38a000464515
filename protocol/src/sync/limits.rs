//! The bounds of a session that who runs it sets. What no node may set otherwise is a constant beside the
//! code that keeps to it; `LIMITS.md` lists all of both.

use core::time::Duration;

use crate::time::{Moment, Timestamp};

/// The time, handed in: a clock that people share, and one that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What the clock on the wall says.
    pub wall: Timestamp,
    /// What a clock says that only goes forward.
    pub moment: Moment,
}

impl Now {
    /// What the clock on the wall will say at a moment, in whole seconds and not too early.
    #[must_use]
    pub fn wall_at(&self, at: Moment) -> Timestamp {
        let wait = at.millis().saturating_sub(self.moment.millis());
        self.wall.plus(wait.div_ceil(1000))
    }

    /// So much later.
    #[must_use]
    pub fn after(&self, wait: Duration) -> Moment {
        self.moment.after(wait)
    }
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
    /// The time in which a request must be answered.
    pub patience: Duration,
    /// The time in which the peer must say `Hello`.
    pub hello_patience: Duration,
    /// The time between two signs of life.
    pub alive_every: Duration,
    /// The time between two receipts for one feed.
    pub holds_every: Duration,
    /// What the peer's messages may cost at once, by what it takes to look into them; it comes back
    /// at `messages_per_second`. Whoever asks for more breaks the rules.
    pub messages: u64,
    /// What the peer's messages may cost each second in the long run.
    pub messages_per_second: u64,
    /// What answers to the peer's requests may cost at once, a unit for each 16 KiB or part of it;
    /// it comes back at `answers_per_second`. What costs more is answered later.
    pub answers: u64,
    /// What answers may cost each second in the long run.
    pub answers_per_second: u64,
    /// Requests that wait to be answered.
    pub waiting_requests: usize,
    /// Papers and cards that are asked for at once, because the peer lists them: each is checked and
    /// written to disk. More come back at `papers_per_second`; what is wanted beyond waits.
    pub papers: u64,
    /// Papers and cards that are asked for each second in the long run.
    pub papers_per_second: u64,
    /// Papers and cards asked for and not yet there.
    pub papers_in_flight: usize,
    /// The time between two whole lists of heads that the peer's signs of life lead to.
    pub heads_every: Duration,
    /// By how much a peer's clock may be ahead before it is reported.
    pub clock_slack: Duration,
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
            patience: Duration::from_secs(60),
            hello_patience: Duration::from_secs(10),
            alive_every: Duration::from_secs(60),
            holds_every: Duration::from_secs(1),
            messages: 20_000,
            messages_per_second: 10_000,
            answers: 20_000,
            answers_per_second: 10_000,
            waiting_requests: 1024,
            papers: 512,
            papers_per_second: 1,
            papers_in_flight: 8,
            heads_every: Duration::from_secs(10),
            clock_slack: Duration::from_secs(300),
            feeds: 512,
        }
    }
}

/// What a peer may still cost now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    most: u64,
    per_second: u64,
    left: u64,
    since: Moment,
}

impl Allowance {
    /// As much as is allowed at once.
    pub(super) const fn full(most: u64, per_second: u64, now: Moment) -> Self {
        Self {
            most,
            per_second,
            left: most,
            since: now,
        }
    }

    /// Takes a cost from what is left; false, and nothing is taken, when that is less. A cost above
    /// what is ever allowed at once counts as that much.
    pub(super) fn take(&mut self, cost: u64, now: Moment) -> bool {
        let passed = now.millis().saturating_sub(self.since.millis());
        let gained = passed.saturating_mul(self.per_second) / 1000;
        if gained > 0 {
            self.left = self.left.saturating_add(gained).min(self.most);
            self.since = now;
        }
        let cost = cost.min(self.most);
        let Some(left) = self.left.checked_sub(cost) else {
            return false;
        };
        self.left = left;
        true
    }

    /// From when on this cost can be taken.
    pub(super) fn wait_for(&self, cost: u64) -> Moment {
        let cost = if cost < self.most { cost } else { self.most };
        let lacking = cost.saturating_sub(self.left);
        if self.per_second == 0 {
            return Moment::NEVER;
        }
        let millis = lacking.saturating_mul(1000).div_ceil(self.per_second);
        self.since.after(Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowance_runs_out_and_comes_back() {
        let at = Moment::from_millis;
        let mut allowance = Allowance::full(3, 2, at(0));
        let taken: Vec<_> = (0..4).map(|_| allowance.take(1, at(0))).collect();
        assert_eq!(taken, [true, true, true, false]);
        let waits = (allowance.wait_for(1), allowance.wait_for(3));
        assert_eq!(waits, (at(500), at(1500)));
        assert!(!allowance.take(1, at(499)));
        assert!(allowance.take(1, at(500)));
        assert!(!allowance.take(1, at(501)));
        assert!(allowance.take(99, at(2000)), "or it would wait for ever");
        assert!(!allowance.take(1, at(2000)));
    }
}
