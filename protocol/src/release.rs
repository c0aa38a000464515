//! The release rule: which feeds carry a statement next.
//!
//! What was released to whom is read from the feeds themselves. An indicator's current revision
//! goes to everyone whom policy permits now and who does not have it yet; a member that had an earlier
//! revision and is not permitted the current one gets `ceased`, once, together only with those who
//! read the same feeds that carry it; a withdrawal goes into every
//! feed that ever carried the indicator, each by itself, so that no reader learns who else had it.

mod audiences;
mod carried;

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::Audience;
use crate::indicator::Projection;
use crate::statement::{Revision, Said, Statement};

pub use audiences::{MAX_OPEN_FEEDS, audiences};
pub use carried::{Carried, Carrier, still_counting};

/// What the publisher says last of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastWord<'a> {
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

impl<F> Action<F> {
    /// The statement that it appends, given the newest of the feed for the publisher alone; none if that
    /// holds nothing to release.
    #[must_use]
    pub fn statement(&self, newest: &Statement) -> Option<Statement> {
        let said = match (self, &newest.said) {
            (Self::Withdraw(_), said) => said.clone(),
            (Self::Cease(_), _) => Said::Ceased,
            (Self::Release(_, stripped), Said::Asserted { assertion, .. }) => Said::Asserted {
                assertion: Box::new(assertion.released(*stripped)),
                stripped: *stripped,
            },
            (Self::Release(..), Said::Withdrawn { .. } | Said::Ceased) => return None,
        };
        Some(Statement {
            value: newest.value.clone(),
            revision: newest.revision,
            made: newest.made,
            said,
        })
    }

    /// Whether it takes something back from those who have it.
    #[must_use]
    pub const fn takes_back(&self) -> bool {
        !matches!(self, Self::Release(..))
    }
}

/// Decides what follows from what is said now and what the feeds carry.
pub fn plan<F: Copy + Ord>(
    publisher: &MemberName,
    last: LastWord<'_>,
    carriers: &[Carrier<F>],
) -> Vec<Action<F>> {
    let (permitted, held) = match last {
        LastWord::Withdrawn => {
            let open = carriers
                .iter()
                .filter(|one| !matches!(one.how, Carried::Withdrawn(_)));
            return open.map(|one| Action::Withdraw(one.feed)).collect();
        }
        LastWord::Holds { permitted, held } => (permitted, held),
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
    for one in carriers {
        for reader in readers(&one.audience) {
            let (newest, revision) = match &one.how {
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
        let mut feeds: Vec<F> = carriers
            .iter()
            .filter(|one| one.audience.holds(&reader))
            .map(|one| one.feed)
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
    use crate::bounded::BoundedText;
    use crate::indicator::{Confidence, Fields, Kind, Scheme, Tlp, Value};
    use crate::time::Timestamp;

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
        let carriers: Vec<_> = carried
            .iter()
            .enumerate()
            .map(|(feed, (readers, how))| carrier(feed, readers, *how))
            .collect();
        let last = LastWord::Holds {
            permitted: &permitted,
            held: &names(held),
        };
        assert_eq!(plan(&publisher, last, &carriers), expected);
    }

    fn carrier(feed: usize, readers: &str, how: Carried) -> Carrier<usize> {
        Carrier {
            feed,
            audience: Audience::of(&name("MY"), &names(readers)).unwrap(),
            over: false,
            how,
        }
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
    fn a_withdrawal_goes_to_every_feed_that_carried_it() {
        let all = [CURRENT, OLDER, CEASED, WITHDRAWN];
        let carriers: Vec<_> = all
            .iter()
            .enumerate()
            .map(|(feed, how)| carrier(feed, "SG", *how))
            .collect();
        let actions = plan(&name("MY"), LastWord::Withdrawn, &carriers);
        assert_eq!(actions, [0, 1, 2].map(Action::Withdraw));
    }

    #[test]
    fn each_action_says_what_its_readers_are_to_know() {
        let newest = |said| Statement {
            value: Value::parse(Kind::Domain, "a.example", &Default::default()).unwrap(),
            revision: Revision::new(3),
            made: Timestamp::EPOCH.plus(9),
            said,
        };
        let draft = Fields {
            description: BoundedText::new("story").ok(),
            ..Fields::new(Scheme::Job, Confidence::try_from(80).unwrap(), Tlp::Green)
        };
        let asserted = newest(Said::Asserted {
            assertion: Box::new(draft.try_into().unwrap()),
            stripped: Projection::NOTHING,
        });
        let withdrawn = newest(Said::Withdrawn {
            reason: BoundedText::new("over").unwrap(),
        });
        let said = |action: Action<usize>, newest: &Statement| {
            let said = action.statement(newest)?;
            let place = (&said.value, said.revision, said.made);
            assert_eq!(place, (&newest.value, newest.revision, newest.made));
            Some(said.said)
        };
        let to = Action::Release(names("SG"), Projection::DESCRIPTION);
        let Some(Said::Asserted {
            assertion,
            stripped,
        }) = said(to.clone(), &asserted)
        else {
            panic!("it releases what holds");
        };
        assert_eq!(
            (&assertion.description, stripped),
            (&None, Projection::DESCRIPTION)
        );
        assert_eq!(said(to.clone(), &withdrawn), None);
        let cease = Action::Cease(names("SG"));
        assert_eq!(said(cease.clone(), &asserted), Some(Said::Ceased));
        let withdraw = Action::Withdraw(1);
        let end = said(withdraw.clone(), &withdrawn);
        assert!(matches!(end, Some(Said::Withdrawn { .. })), "{end:?}");
        assert_eq!(
            [to, cease, withdraw].map(|one| one.takes_back()),
            [false, true, true]
        );
    }
}
