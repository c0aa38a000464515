//! What feeds say of an indicator now, and what of it still counts.

use std::collections::BTreeMap;

use kentong_keys::MemberName;

use crate::feed::Audience;
use crate::indicator::Projection;
use crate::statement::Revision;

/// How a feed carries an indicator: the last that it says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carried {
    /// The current revision, without these fields.
    Current(Projection),
    /// An earlier revision: this one.
    Older(Revision),
    /// That its readers do not get this revision, nor later ones.
    Ceased(Revision),
    /// That the indicator is withdrawn, as of this revision.
    Withdrawn(Revision),
}

/// A feed that carries an indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier<F> {
    /// The feed.
    pub feed: F,
    /// Those of its readers who are still members.
    pub audience: Audience,
    /// It takes no more statements: what it says continues in another feed for the same readers.
    pub over: bool,
    /// The last that it says.
    pub how: Carried,
}

impl Carried {
    /// The revision after which it says nothing; none if what it says is current.
    const fn up_to(self) -> Option<Revision> {
        match self {
            Self::Current(_) => None,
            Self::Older(at) | Self::Ceased(at) | Self::Withdrawn(at) => Some(at),
        }
    }

    /// Whether this is of an older revision than `other`.
    fn is_older(self, other: Self) -> bool {
        match (self.up_to(), other.up_to()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(one), Some(other)) => one < other,
        }
    }
}

/// The feeds whose word still counts, given which feed is open for an audience.
///
/// Two do not: a feed that is over takes no withdrawal, and needs none once a feed for the same readers
/// has it. And what is said to an audience goes into its open feed, so of another feed for the same
/// audience only that counts which the open one does not say again.
#[must_use]
pub fn still_counting<F: Copy + PartialEq>(
    carriers: Vec<Carrier<F>>,
    open: impl Fn(&Audience) -> Option<F>,
) -> Vec<Carrier<F>> {
    let carriers = without_settled(carriers);
    let is_open = |one: &Carrier<F>| open(&one.audience).is_none_or(|open| open == one.feed);
    let said_again = |one: &Carrier<F>| {
        let mut others = carriers.iter();
        !is_open(one)
            && others.any(|other| {
                other.audience == one.audience && is_open(other) && !other.how.is_older(one.how)
            })
    };
    let kept = carriers.iter().filter(|one| !said_again(one));
    kept.cloned().collect()
}

/// All but the feeds that are over and whose readers have the withdrawal from another feed.
fn without_settled<F>(mut carriers: Vec<Carrier<F>>) -> Vec<Carrier<F>> {
    let mut withdrawn: BTreeMap<Vec<MemberName>, Revision> = BTreeMap::new();
    for one in &carriers {
        if let Carried::Withdrawn(revision) = one.how {
            let newest = withdrawn.entry(one.audience.members().to_vec());
            let newest = newest.or_insert(revision);
            *newest = (*newest).max(revision);
        }
    }
    let settled = |one: &Carrier<F>| match one.how {
        Carried::Older(said) | Carried::Ceased(said) => {
            let end = withdrawn.get(one.audience.members());
            end.is_some_and(|end| *end > said)
        }
        Carried::Current(_) | Carried::Withdrawn(_) => false,
    };
    carriers.retain(|one| !(one.over && settled(one)));
    carriers
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: Carried = Carried::Current(Projection::NOTHING);
    const OLDER: Carried = Carried::Older(Revision::new(1));
    const CEASED: Carried = Carried::Ceased(Revision::new(2));
    const WITHDRAWN: Carried = Carried::Withdrawn(Revision::new(2));

    /// Each carrier is its readers, whether it is over, and how it carries; feeds are numbered in order.
    fn kept(carriers: &[(&str, bool, Carried)], open: &[usize]) -> Vec<usize> {
        let publisher: MemberName = "MY".parse().unwrap();
        let of = |readers: &str| {
            let readers: Vec<MemberName> = readers
                .split_whitespace()
                .map(|name| name.parse().unwrap())
                .collect();
            Audience::of(&publisher, &readers).unwrap()
        };
        let carriers = carriers.iter().enumerate();
        let carriers: Vec<_> = carriers
            .map(|(feed, (readers, over, how))| Carrier {
                feed,
                audience: of(readers),
                over: *over,
                how: *how,
            })
            .collect();
        let audiences = carriers.clone();
        let open = |audience: &Audience| {
            let mut open = open.iter().copied();
            open.find(|feed| audiences[*feed].audience == *audience)
        };
        let kept = still_counting(carriers, open).into_iter();
        kept.map(|one| one.feed).collect()
    }

    #[test]
    fn a_closed_feed_needs_no_withdrawal_that_a_follower_has() {
        let check = |carriers: &[(&str, bool, Carried)], expected: &[usize], why: &str| {
            assert_eq!(kept(carriers, &[]), expected, "{why}");
        };
        check(&[("SG", true, CURRENT)], &[0], "it holds");
        let follower = [("SG", true, OLDER), ("SG", false, WITHDRAWN)];
        check(&follower, &[1], "the follower says it");
        let newer = Carried::Older(Revision::new(3));
        let again = [("SG", true, newer), ("SG", true, WITHDRAWN)];
        check(&again, &[0, 1], "it was said again since");
        let others = [("SG", true, CURRENT), ("SG TH", false, WITHDRAWN)];
        check(&others, &[0, 1], "not for the same readers");
        let open = [("SG", false, OLDER), ("SG", true, WITHDRAWN)];
        check(&open, &[0, 1], "an open one takes it itself");
    }

    #[test]
    fn of_an_ended_feed_only_that_counts_which_the_open_one_does_not_say() {
        let check = |ended: Carried, open: Carried, expected: &[usize]| {
            let both = [("SG", true, ended), ("SG", false, open)];
            assert_eq!(kept(&both, &[1]), expected, "{ended:?} {open:?}");
        };
        check(OLDER, CURRENT, &[1]);
        check(CURRENT, CURRENT, &[1]);
        check(OLDER, OLDER, &[1]);
        check(OLDER, CEASED, &[1]);
        check(CURRENT, OLDER, &[0, 1]);
        check(CEASED, OLDER, &[0, 1]);
        let other_readers = [("SG", true, OLDER), ("SG TH", false, CURRENT)];
        assert_eq!(kept(&other_readers, &[1]), [0, 1]);
        // While no feed is open for these readers, all count.
        let none_open = [("SG", true, OLDER), ("SG", true, CURRENT)];
        assert_eq!(kept(&none_open, &[]), [0, 1]);
    }
}
