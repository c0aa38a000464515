//! For how long the node does not speak to a member that broke a rule.

use core::time::Duration;
use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::sync::Fault;
use crate::time::Moment;

/// How long a member that broke a rule is not spoken to, the first time. Each further time doubles it.
const CUT_OFF: Duration = Duration::from_secs(60);
/// The most times that it is doubled: to about an hour.
const MAX_DOUBLED: u32 = 6;
/// How long no rule must be broken until all is forgotten.
const FORGIVEN: Duration = Duration::from_secs(24 * 3600);

/// Which members the node does not speak to, and until when.
#[derive(Debug, Default)]
pub struct CutOffs(BTreeMap<MemberName, CutOff>);

/// How it stands with one member.
#[derive(Clone, Copy, Debug, Default)]
struct CutOff {
    until: Option<Moment>,
    /// How often it was cut off, and when last.
    strikes: (u32, Moment),
}

impl CutOffs {
    /// Whether the node does not speak to a member now.
    #[must_use]
    pub fn holds(&self, member: &MemberName, now: Moment) -> bool {
        let until = self.0.get(member).and_then(|of| of.until);
        until.is_some_and(|until| until > now)
    }

    /// A member broke a rule. Answers for how many minutes it is cut off; none if it was only slow:
    /// slowness is not malice, and its link may be opened again at once.
    pub fn broke(&mut self, member: &MemberName, fault: Fault, now: Moment) -> Option<u64> {
        let slow = matches!(fault, Fault::Silent | Fault::Stalled);
        (!slow).then(|| self.strike(member, now))
    }

    /// Does not speak to a member for a while, the longer the more often that was so in the last day.
    /// Answers for how many minutes.
    pub fn strike(&mut self, member: &MemberName, now: Moment) -> u64 {
        let of = self.0.entry(member.clone()).or_default();
        let (times, last) = of.strikes;
        let times = if now.since(last) < FORGIVEN { times } else { 0 };
        of.strikes = (times.saturating_add(1), now);
        let wait = CUT_OFF.saturating_mul(1 << times.min(MAX_DOUBLED));
        of.until = Some(now.after(wait));
        wait.as_secs() / 60
    }

    /// Does not speak to a member for a while, for no fault of its own that is known.
    pub fn pause(&mut self, member: &MemberName, now: Moment) {
        let until = now.after(CUT_OFF);
        let of = self.0.entry(member.clone()).or_default();
        of.until = Some(of.until.map_or(until, |before| before.max(until)));
    }

    /// Forgets what a member broke: its keys were replaced, and others may have used the former ones.
    pub fn forget(&mut self, member: &MemberName) {
        self.0.remove(member);
    }

    /// Lets those in again whose time is over; true if there are any.
    pub fn lift(&mut self, now: Moment) -> bool {
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

    const CUT_OFF: u64 = super::CUT_OFF.as_secs() * 1000;
    const FORGIVEN: u64 = super::FORGIVEN.as_secs() * 1000;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn my() -> MemberName {
        "MY".parse().unwrap()
    }

    #[test]
    fn a_member_that_goes_on_breaking_rules_is_cut_off_for_longer_and_forgiven_in_the_end() {
        let mut all = CutOffs::default();
        let minutes: Vec<_> = (0..9).map(|n| all.strike(&my(), at(n * 1000))).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        let until = |all: &CutOffs| all.0[&my()].until;
        assert_eq!(until(&all), Some(at(8000 + 64 * 60_000)));
        assert_eq!(all.strike(&my(), at(8000 + FORGIVEN - 1)), 64);
        assert_eq!(all.strike(&my(), at(8000 + 3 * FORGIVEN)), 1);
        // A pause is no strike, and shortens nothing.
        all.pause(&my(), at(8000 + 3 * FORGIVEN - CUT_OFF));
        assert_eq!(until(&all), Some(at(8000 + 3 * FORGIVEN + CUT_OFF)));
        all.pause(&my(), at(9000 + 3 * FORGIVEN));
        assert_eq!(until(&all), Some(at(9000 + 3 * FORGIVEN + CUT_OFF)));
        assert_eq!(all.strike(&my(), at(9000 + 3 * FORGIVEN)), 2);
    }

    #[test]
    fn it_ends_by_itself_and_with_new_keys_and_slowness_does_not_begin_it() {
        let mut all = CutOffs::default();
        for slow in [Fault::Silent, Fault::Stalled] {
            assert_eq!(all.broke(&my(), slow, at(5)), None);
            assert!(!all.holds(&my(), at(5)));
        }
        assert_eq!(all.broke(&my(), Fault::TooFast, at(5)), Some(1));
        assert!(all.holds(&my(), at(5 + CUT_OFF - 1)) && !all.holds(&my(), at(5 + CUT_OFF)));
        assert!(
            !all.holds(&"SG".parse().unwrap(), at(5)),
            "others are spoken to"
        );
        assert!(!all.lift(at(5 + CUT_OFF - 1)));
        assert!(
            all.lift(at(5 + CUT_OFF)) && !all.lift(at(5 + CUT_OFF)),
            "said once"
        );
        assert_eq!(all.broke(&my(), Fault::TooFast, at(6 + CUT_OFF)), Some(2));
        all.forget(&my());
        assert!(!all.holds(&my(), at(6 + CUT_OFF)));
        assert_eq!(all.broke(&my(), Fault::TooFast, at(7 + CUT_OFF)), Some(1));
    }
}
