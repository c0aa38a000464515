//! The release rule: which feeds carry a statement next.
//!
//! What was released to whom is read from the feeds themselves. An indicator's current revision
//! goes to everyone whom policy permits now and who does not have it yet; whoever had an earlier
//! revision and is not permitted the current one gets `ceased`, once, together only with those who
//! read the same feeds that carry it; a withdrawal goes into every
//! feed that ever carried the indicator, each by itself, so that no reader learns who else had it.

use std::collections::{BTreeMap, BTreeSet};

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

/// What the publisher now says of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now<'a> {
    /// It holds.
    Holds {
        /// Whom policy permits to have it, each without the fields named.
        permitted: &'a BTreeMap<MemberName, Projection>,
        /// Whom policy permits to have it once a second person agrees: until then they are sent
        /// nothing, neither this revision nor that there will be none.
        held: &'a BTreeSet<MemberName>,
    },
    /// It is withdrawn.
    Withdrawn,
}

/// A statement to append, and the feed to append it to. The members are readers: the publisher,
/// which reads all its feeds, is not among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action<F> {
    /// The current revision without these fields, to the feed for exactly these readers.
    Release(BTreeSet<MemberName>, Projection),
    /// That there are newer revisions, to the feed for exactly these readers.
    /// They all read the same feeds that carry it: nobody learns of another who had it.
    Cease(BTreeSet<MemberName>),
    /// The withdrawal, to a feed that carried the indicator.
    Withdraw(F),
}

/// What feeds carry, each for those of its readers who are members still, without what is settled:
/// a closed feed (`true`) takes no withdrawal, and needs none once it is in a feed for the same
/// readers.
#[must_use]
pub fn still_open<F: Copy>(
    carried: Vec<(F, Audience, bool, Carried)>,
) -> Vec<(F, Audience, Carried)> {
    let mut withdrawn: BTreeMap<Vec<MemberName>, Revision> = BTreeMap::new();
    for (_, audience, _, how) in &carried {
        if let Carried::Withdrawn(revision) = how {
            let newest = withdrawn.entry(audience.members().to_vec());
            let newest = newest.or_insert(*revision);
            *newest = (*newest).max(*revision);
        }
    }
    let settled = |audience: &Audience, how: Carried| match how {
        Carried::Older(said) | Carried::Ceased(said) => {
            let end = withdrawn.get(audience.members());
            end.is_some_and(|end| *end > said)
        }
        Carried::Current(_) | Carried::Withdrawn(_) => false,
    };
    carried
        .into_iter()
        .filter(|(_, audience, closed, how)| !(*closed && settled(audience, *how)))
        .map(|(feed, audience, _, how)| (feed, audience, how))
        .collect()
}

/// Decides what follows from what is said now and what the feeds carry.
pub fn plan<F: Copy + Ord>(
    publisher: &MemberName,
    now: Now<'_>,
    carried: &[(F, &Audience, Carried)],
) -> Vec<Action<F>> {
    let (permitted, held) = match now {
        Now::Withdrawn => {
            let open = carried
                .iter()
                .filter(|(_, _, how)| !matches!(how, Carried::Withdrawn(_)));
            return open.map(|(feed, ..)| Action::Withdraw(*feed)).collect();
        }
        Now::Holds { permitted, held } => (permitted, held),
    };
    let readers = |audience: &Audience| {
        let readers = audience
            .members()
            .iter()
            .filter(|member| *member != publisher);
        readers.cloned().collect::<Vec<_>>()
    };
    let mut has = BTreeSet::new();
    // For each reader the newest revision that it was given, and the newest end that it was told.
    let mut given: BTreeMap<MemberName, Revision> = BTreeMap::new();
    let mut told: BTreeMap<MemberName, Revision> = BTreeMap::new();
    for (_, audience, how) in carried {
        for reader in readers(audience) {
            let (newest, revision) = match how {
                Carried::Current(stripped) => {
                    has.insert((reader, *stripped));
                    continue;
                }
                Carried::Older(revision) => (&mut given, revision),
                Carried::Ceased(revision) | Carried::Withdrawn(revision) => (&mut told, revision),
            };
            let newest = newest.entry(reader).or_insert(*revision);
            *newest = (*newest).max(*revision);
        }
    }
    let mut groups: BTreeMap<Projection, BTreeSet<MemberName>> = BTreeMap::new();
    for (member, stripped) in permitted {
        // Who has it with more fields cannot be made to forget them: nothing is sent.
        let enough = has
            .iter()
            .any(|(reader, less)| reader == member && stripped.contains(*less));
        if member != publisher && !enough {
            groups.entry(*stripped).or_default().insert(member.clone());
        }
    }
    let current = |member: &MemberName| has.iter().any(|(reader, _)| reader == member);
    let ceased = given.into_iter().filter(|(reader, given)| {
        let knows = told.get(reader).is_some_and(|told| told > given);
        !permitted.contains_key(reader) && !held.contains(reader) && !current(reader) && !knows
    });
    let mut by_feeds: BTreeMap<Vec<F>, BTreeSet<MemberName>> = BTreeMap::new();
    for (reader, _) in ceased {
        let mut feeds: Vec<F> = carried
            .iter()
            .filter(|(_, audience, _)| audience.holds(&reader))
            .map(|(feed, ..)| *feed)
            .collect();
        feeds.sort_unstable();
        by_feeds.entry(feeds).or_default().insert(reader);
    }
    let mut actions: Vec<_> = groups
        .into_iter()
        .map(|(stripped, to)| Action::Release(to, stripped))
        .collect();
    actions.extend(by_feeds.into_values().map(Action::Cease));
    actions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> MemberName {
        text.parse().unwrap()
    }

    fn names(text: &str) -> BTreeSet<MemberName> {
        text.split_whitespace().map(name).collect()
    }

    /// `permitted` and `carried` are written as `SG TH/1` (members and stripped bits) and
    /// `SG=current SG TH=older`.
    fn check(permitted: &str, carried: &[(&str, Carried)], expected: &[Action<usize>]) {
        check_held("", permitted, carried, expected);
    }

    fn check_held(
        held: &str,
        permitted: &str,
        carried: &[(&str, Carried)],
        expected: &[Action<usize>],
    ) {
        let publisher = name("MY");
        let permitted: BTreeMap<_, _> = permitted
            .split_whitespace()
            .map(|one| match one.split_once('/') {
                Some((member, bits)) => (
                    name(member),
                    Projection::from_bits(bits.parse().unwrap()).unwrap(),
                ),
                None => (name(one), Projection::NOTHING),
            })
            .collect();
        let audiences: Vec<_> = carried
            .iter()
            .map(|(readers, _)| Audience::of(&publisher, &names(readers)).unwrap())
            .collect();
        let carried: Vec<_> = carried
            .iter()
            .zip(&audiences)
            .enumerate()
            .map(|(i, ((_, how), audience))| (i, audience, *how))
            .collect();
        let now = Now::Holds {
            permitted: &permitted,
            held: &names(held),
        };
        assert_eq!(plan(&publisher, now, &carried), expected);
    }

    const CURRENT: Carried = Carried::Current(Projection::NOTHING);
    const OLDER: Carried = Carried::Older(Revision::new(1));
    const CEASED: Carried = Carried::Ceased(Revision::new(2));
    const WITHDRAWN: Carried = Carried::Withdrawn(Revision::new(2));

    fn release(to: &str) -> Action<usize> {
        Action::Release(names(to), Projection::NOTHING)
    }

    #[test]
    fn what_is_permitted_and_not_released_is_released() {
        check("", &[], &[]);
        check("MY", &[], &[]);
        check("SG TH", &[], &[release("SG TH")]);
        check("SG TH", &[("SG TH", CURRENT)], &[]);
        check("SG TH VN", &[("SG TH", CURRENT)], &[release("VN")]);
        check("SG TH", &[("SG", CURRENT), ("TH", CURRENT)], &[]);
        check("SG TH", &[("SG TH", OLDER)], &[release("SG TH")]);
        check("SG", &[("SG", WITHDRAWN)], &[release("SG")]);
        check("SG", &[("SG", CEASED)], &[release("SG")]);
    }

    #[test]
    fn who_is_no_longer_permitted_gets_ceased_once() {
        let cease = |to: &str| Action::Cease(names(to));
        check("SG", &[("SG TH", OLDER)], &[release("SG"), cease("TH")]);
        check("SG", &[("SG TH", OLDER), ("TH", CEASED)], &[release("SG")]);
        check("", &[("SG", OLDER)], &[cease("SG")]);
        check("", &[("SG", CURRENT)], &[]);
        check("", &[("SG", WITHDRAWN)], &[]);
    }

    #[test]
    fn who_is_told_that_it_ends_learns_of_nobody_who_had_it_by_another_feed() {
        let cease = |to: &str| Action::Cease(names(to));
        check("", &[("SG TH", OLDER)], &[cease("SG TH")]);
        check(
            "",
            &[("SG", OLDER), ("TH", OLDER)],
            &[cease("SG"), cease("TH")],
        );
        check(
            "",
            &[("SG TH VN", OLDER), ("VN", OLDER)],
            &[cease("SG TH"), cease("VN")],
        );
    }

    #[test]
    fn who_waits_for_a_second_person_is_told_nothing() {
        let cease = |to: &str| Action::Cease(names(to));
        check_held("SG", "", &[("SG TH", OLDER)], &[cease("TH")]);
        check_held("SG", "TH", &[], &[release("TH")]);
    }

    #[test]
    fn who_got_it_again_is_told_again_when_it_ends_again() {
        let older = |revision| Carried::Older(Revision::new(revision));
        let to_th = Action::Cease(names("TH"));
        for end in [CEASED, WITHDRAWN] {
            check(
                "",
                &[("SG TH", older(1)), ("TH", end)],
                &[Action::Cease(names("SG"))],
            );
            let again = [("SG TH", older(3)), ("TH", end)];
            check("SG", &again, &[release("SG"), to_th.clone()]);
            let same = [("SG TH", older(2)), ("TH", end)];
            check("SG", &same, &[release("SG"), to_th.clone()]);
        }
    }

    #[test]
    fn each_projection_has_a_feed_and_more_fields_are_sent_again() {
        let one = Projection::DESCRIPTION;
        let without = |to: &str| Action::Release(names(to), one);
        check("SG TH/1", &[], &[release("SG"), without("TH")]);
        check("SG", &[("SG", Carried::Current(one))], &[release("SG")]);
        check("SG/1", &[("SG", CURRENT)], &[]);
    }

    #[test]
    fn a_closed_feed_needs_no_withdrawal_that_a_follower_has() {
        let publisher = name("MY");
        let of = |readers: &str| Audience::of(&publisher, &names(readers)).unwrap();
        let kept = |carried: &[(&str, bool, Carried)]| {
            let carried = carried.iter().enumerate();
            let carried =
                carried.map(|(i, (readers, closed, how))| (i, of(readers), *closed, *how));
            let kept = still_open(carried.collect()).into_iter();
            kept.map(|(feed, ..)| feed).collect::<Vec<_>>()
        };
        assert_eq!(kept(&[("SG", true, CURRENT)]), [0]);
        assert_eq!(kept(&[("SG", true, OLDER), ("SG", false, WITHDRAWN)]), [1]);
        let newer = Carried::Older(Revision::new(3));
        let again = [("SG", true, newer), ("SG", true, WITHDRAWN)];
        assert_eq!(kept(&again), [0, 1], "it was said again since");
        let others = [("SG", true, CURRENT), ("SG TH", false, WITHDRAWN)];
        assert_eq!(kept(&others), [0, 1], "not for the same readers");
        let open = [("SG", false, OLDER), ("SG", true, WITHDRAWN)];
        assert_eq!(kept(&open), [0, 1], "an open one takes it itself");
    }

    #[test]
    fn a_withdrawal_goes_to_every_feed_that_carried_it() {
        let publisher = name("MY");
        let audience = Audience::of(&publisher, &names("SG")).unwrap();
        let all = [CURRENT, OLDER, CEASED, WITHDRAWN];
        let carried: Vec<_> = all
            .iter()
            .enumerate()
            .map(|(i, how)| (i, &audience, *how))
            .collect();
        let actions = plan(&publisher, Now::Withdrawn, &carried);
        assert_eq!(actions, [0, 1, 2].map(Action::Withdraw));
    }
}
