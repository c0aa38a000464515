//! How the node stands with each member: when it was heard, what it broke, whether it is spoken to.

use std::collections::BTreeMap;

use kentong_protocol::Digest;
use kentong_protocol::time::Timestamp;

/// Milliseconds for which a member that broke a rule is not spoken to, the first time. Each further
/// time doubles it.
const CUT_OFF: u64 = 60_000;
/// The most times that it is doubled: to about an hour.
const MAX_DOUBLED: u32 = 6;
/// Milliseconds without a broken rule after which all is forgotten.
const FORGIVEN: u64 = 24 * 3_600_000;

/// How the node stands with a member.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// When something of it was last verified.
    pub(super) heard: Option<Timestamp>,
    /// Why there is no session, if there was a reason.
    pub(super) why: Option<String>,
    /// The charter that it goes by: its version and hash.
    pub(super) goes_by: Option<(u32, Digest)>,
    /// Rules that it broke, how often, and when last.
    pub(super) faults: BTreeMap<String, (u64, Timestamp)>,
    /// Bodies that it does not have though it published them.
    pub(super) withheld: u64,
    /// Not spoken to until then, in the milliseconds of the node.
    pub(super) cut_off: Option<u64>,
    /// How often it was cut off, and when last.
    strikes: (u32, u64),
}

impl Standing {
    /// Counts a broken rule.
    pub(super) fn blame(&mut self, fault: String, now: Timestamp) {
        let (times, last) = self.faults.entry(fault).or_insert((0, now));
        *times = times.saturating_add(1);
        *last = now;
    }

    /// Does not speak to the member for a while, for no fault of its own that is known.
    pub(super) fn pause(&mut self, now: u64) {
        let until = now.saturating_add(CUT_OFF);
        self.cut_off = Some(self.cut_off.map_or(until, |before| before.max(until)));
    }

    /// Does not speak to the member for a while, the longer the more often that was so of late.
    /// Answers for how many minutes.
    pub(super) fn strike(&mut self, now: u64) -> u64 {
        let (times, last) = self.strikes;
        let times = if now.saturating_sub(last) < FORGIVEN {
            times
        } else {
            0
        };
        self.strikes = (times.saturating_add(1), now);
        let wait = CUT_OFF << times.min(MAX_DOUBLED);
        self.cut_off = Some(now.saturating_add(wait));
        wait / 60_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_on_breaking_rules_is_cut_off_for_longer_and_forgiven_in_the_end() {
        let mut standing = Standing::default();
        let minutes: Vec<_> = (0..9).map(|n| standing.strike(n * 1000)).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        assert_eq!(standing.cut_off, Some(8000 + 64 * 60_000));
        assert_eq!(standing.strike(8000 + FORGIVEN - 1), 64);
        assert_eq!(standing.strike(8000 + 3 * FORGIVEN), 1);
        // A pause is no strike, and shortens nothing.
        standing.pause(8000 + 3 * FORGIVEN - CUT_OFF);
        assert_eq!(standing.cut_off, Some(8000 + 3 * FORGIVEN + CUT_OFF));
        standing.pause(9000 + 3 * FORGIVEN);
        assert_eq!(standing.cut_off, Some(9000 + 3 * FORGIVEN + CUT_OFF));
        assert_eq!(standing.strike(9000 + 3 * FORGIVEN), 2);
    }
}
