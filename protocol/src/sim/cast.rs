//! Who takes part: members with their keys and groups, and the policies that they may follow. Made
//! once for many runs, since keys and policies are slow to make.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::{MemberName, SealingSecret, SigningKey};

use crate::charter::GroupName;
use crate::policy::{Party, PolicySet};

use super::rules::Rules;

/// The number of a member of the cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who(pub(super) usize);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.0))
    }
}

/// A member of the cast.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) party: Party,
    /// The key by which it votes.
    pub(super) root: SigningKey,
    pub(super) signing: SigningKey,
    pub(super) witness: SigningKey,
    pub(super) sealing: SealingSecret,
}

/// Members and policies, made once for many runs.
#[derive(Debug)]
pub struct Cast {
    people: Vec<Person>,
    policies: Vec<PolicySet>,
}

impl Cast {
    /// A cast of this many members; 676 are the most that have names.
    #[must_use]
    pub fn of(members: usize) -> Self {
        let person = |number: usize| {
            let mut seed = [0x5e; 32];
            let digits = number.to_be_bytes();
            seed.iter_mut()
                .zip(digits)
                .for_each(|(to, from)| *to = from);
            Person {
                party: Party {
                    name: name(number)
                        .parse()
                        .expect("two capitals are a member's name"),
                    groups: groups(number),
                },
                root: SigningKey::from_seed(seed.map(|byte| byte ^ 0xa5)),
                signing: SigningKey::from_seed(seed),
                witness: SigningKey::from_seed(seed.map(|byte| !byte)),
                sealing: SealingSecret::from_seed(seed),
            }
        };
        let parse = |rules: Rules| {
            let files = [("share.cedar", rules.text())];
            PolicySet::parse(&files).expect("the policies of the simulation are valid")
        };
        Self {
            people: (0..members.min(676)).map(person).collect(),
            policies: Rules::ALL.into_iter().map(parse).collect(),
        }
    }

    pub(super) fn person(&self, who: Who) -> &Person {
        self.people
            .get(who.0)
            .expect("a run takes no more members than the cast has")
    }

    pub(super) fn name(&self, who: Who) -> &MemberName {
        &self.person(who).party.name
    }

    pub(super) fn who(&self, name: &MemberName) -> Option<Who> {
        let found = self
            .people
            .binary_search_by(|person| person.party.name.cmp(name));
        found.ok().map(Who)
    }

    pub(super) fn policy(&self, rules: Rules) -> &PolicySet {
        let place = Rules::ALL.iter().position(|known| *known == rules);
        let policy = place.and_then(|place| self.policies.get(place));
        policy.expect("every rule was parsed")
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }
}

/// Whether a member is in the group `delta`: every other one.
pub(super) const fn in_delta(who: Who) -> bool {
    who.0.is_multiple_of(2)
}

fn name(number: usize) -> String {
    let letter = |digit: usize| char::from(b'A' + u8::try_from(digit % 26).unwrap_or(0));
    [letter(number / 26), letter(number)].iter().collect()
}

fn groups(number: usize) -> BTreeSet<GroupName> {
    let delta = in_delta(Who(number)).then(delta);
    delta.into_iter().collect()
}

pub(super) fn delta() -> GroupName {
    "delta".parse().expect("small letters are a group's name")
}
