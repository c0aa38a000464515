//! For how long the node does not speak to a member that broke a rule.

use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::sync::Fault;

/// Milliseconds for which a member that broke a rule is not spoken to, the first time. Each further
/// time doubles it.
const CUT_OFF: u64 = 60_000;
/// The most times that it is doubled: to about an hour.
const MAX_DOUBLED: u32 = 6;
/// Milliseconds without a broken rule after which all is forgotten.
const FORGIVEN: u64 = 24 * 3_600_000;

/// Which members the node does not speak to, and until when. All times are in the milliseconds of
/// [`Now`](crate::sync::Now).
#[derive(Debug, Default)]
pub struct CutOffs(BTreeMap<MemberName, CutOff>);

/// How it stands with one member.
#[derive(Clone, Copy, Debug, Default)]
struct CutOff {
    until: Option<u64>,
    /// How often it was cut off, and when last.
    strikes: (u32, u64),
}

impl CutOffs {
    /// Whether the node does not speak to a member now.
    #[must_use]
    pub fn holds(&self, member: &MemberName, now: u64) -> bool {
        let until = self.0.get(member).and_then(|of| of.until);
        until.is_some_and(|until| until > now)
    }

    /// A member broke a rule. Answers for how many minutes it is cut off; none if it was only slow:
    /// slowness is not malice, and its link may be opened again at once.
    pub fn broke(&mut self, member: &MemberName, fault: Fault, now: u64) -> Option<u64> {
        let slow = matches!(fault, Fault::Silent | Fault::Stalled);
        (!slow).then(|| self.strike(member, now))
    }

    /// Does not speak to a member for a while, the longer the more often that was so in the last day.
    /// Answers for how many minutes.
    pub fn strike(&mut self, member: &MemberName, now: u64) -> u64 {
        let of = self.0.entry(member.clone()).or_default();
        let (times, last) = of.strikes;
        let times = if now.saturating_sub(last) < FORGIVEN {
            times
        } else {
            0
        };
        of.strikes = (times.saturating_add(1), now);
        let wait = CUT_OFF << times.min(MAX_DOUBLED);
        of.until = Some(now.saturating_add(wait));
        wait / 60_000
    }

    /// Does not speak to a member for a while, for no fault of its own that is known.
    pub fn pause(&mut self, member: &MemberName, now: u64) {
        let until = now.saturating_add(CUT_OFF);
        let of = self.0.entry(member.clone()).or_default();
        of.until = Some(of.until.map_or(until, |before| before.max(until)));
    }

    /// Forgets what a member broke: its keys were replaced, and others may have used the former ones.
    pub fn forget(&mut self, member: &MemberName) {
        self.0.remove(member);
    }

    /// Lets those in again whose time is over; true if there are any.
    pub fn lift(&mut self, now: u64) -> bool {
        let mut any = false;
        for of in self.0.values_mut() {
            any |= of.until.take_if(|until| *until <= now).is_some();
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn my() -> MemberName {
        "MY".parse().unwrap()
    }

    #[test]
    fn a_member_that_goes_on_breaking_rules_is_cut_off_for_longer_and_forgiven_in_the_end() {
        let mut all = CutOffs::default();
        let minutes: Vec<_> = (0..9).map(|n| all.strike(&my(), n * 1000)).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        let until = |all: &CutOffs| all.0[&my()].until;
        assert_eq!(until(&all), Some(8000 + 64 * 60_000));
        assert_eq!(all.strike(&my(), 8000 + FORGIVEN - 1), 64);
        assert_eq!(all.strike(&my(), 8000 + 3 * FORGIVEN), 1);
        // A pause is no strike, and shortens nothing.
        all.pause(&my(), 8000 + 3 * FORGIVEN - CUT_OFF);
        assert_eq!(until(&all), Some(8000 + 3 * FORGIVEN + CUT_OFF));
        all.pause(&my(), 9000 + 3 * FORGIVEN);
        assert_eq!(until(&all), Some(9000 + 3 * FORGIVEN + CUT_OFF));
        assert_eq!(all.strike(&my(), 9000 + 3 * FORGIVEN), 2);
    }

    #[test]
    fn it_ends_by_itself_and_with_new_keys_and_slowness_does_not_begin_it() {
        let mut all = CutOffs::default();
        for slow in [Fault::Silent, Fault::Stalled] {
            assert_eq!(all.broke(&my(), slow, 5), None);
            assert!(!all.holds(&my(), 5));
        }
        assert_eq!(all.broke(&my(), Fault::TooFast, 5), Some(1));
        assert!(all.holds(&my(), 5 + CUT_OFF - 1) && !all.holds(&my(), 5 + CUT_OFF));
        assert!(
            !all.holds(&"SG".parse().unwrap(), 5),
            "others are spoken to"
        );
        assert!(!all.lift(5 + CUT_OFF - 1));
        assert!(all.lift(5 + CUT_OFF) && !all.lift(5 + CUT_OFF), "said once");
        assert_eq!(all.broke(&my(), Fault::TooFast, 6 + CUT_OFF), Some(2));
        all.forget(&my());
        assert!(!all.holds(&my(), 6 + CUT_OFF));
        assert_eq!(all.broke(&my(), Fault::TooFast, 7 + CUT_OFF), Some(1));
    }
}
