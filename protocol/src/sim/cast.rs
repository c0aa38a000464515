//! Who takes part: members with their keys and groups, and the policies that they may follow. Made
//! once for many runs, since keys and policies are slow to make.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::{
    Card, CardTerms, Digest, Label, MemberName, PeerIdText, SealingSecret, SigningKey, StoreKey,
    Warrant, WarrantTerms,
};

use crate::charter::{GroupName, Papers};
use crate::directory::Bundle;
use crate::member::{Held, Keys, Members};
use crate::policy::{Engine, Party, PolicySet};
use crate::time::Timestamp;

use super::rules::Rules;

const STORE: Label = Label::new("kentong/simulation-store/1");

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
    pub(super) warrant: Warrant,
    pub(super) card: Card,
    /// Both, as others keep them.
    pub(super) bundle: Bundle,
}

impl Person {
    fn new(number: usize) -> Self {
        let mut seed = [0x5e; 32];
        let digits = number.to_be_bytes();
        seed.iter_mut()
            .zip(digits)
            .for_each(|(to, from)| *to = from);
        let name: MemberName = name(number)
            .parse()
            .expect("two capitals are a member's name");
        let root = SigningKey::from_seed(seed.map(|byte| byte ^ 0xa5));
        let (signing, witness) = (
            SigningKey::from_seed(seed),
            SigningKey::from_seed(seed.map(|byte| !byte)),
        );
        let sealing = SealingSecret::from_seed(seed);
        let transport = SigningKey::from_seed(seed.map(|byte| byte ^ 0x3c));
        let warrant = WarrantTerms {
            member: name.clone(),
            serial: 1,
            signing: signing.public_key(),
            witness: witness.public_key(),
            heads: Vec::new(),
            issued: 0,
        };
        let warrant = Warrant::issue(warrant, &root).expect("a root key issues a warrant");
        let card = CardTerms {
            member: name.clone(),
            serial: 1,
            sealing: sealing.public().clone(),
            peer: PeerIdText::of(&transport.public_key()),
            next_peer: None,
            addresses: Vec::new(),
            issued: 0,
        };
        let card = Card::issue(card, &signing, &[&transport, &transport]);
        let card = card.expect("a signing key issues a card");
        let bundle = Bundle::new(name.as_str(), root.public_key(), &warrant, &card);
        Self {
            party: Party {
                name,
                groups: groups(number),
            },
            bundle: bundle.expect("warrant and card fit"),
            root,
            signing,
            witness,
            sealing,
            warrant,
            card,
        }
    }

    /// What its node signs and decrypts with.
    pub(super) fn keys(&self) -> Keys<'_> {
        Keys {
            me: &self.party.name,
            signing: &self.signing,
            witness: &self.witness,
            sealing: std::slice::from_ref(&self.sealing),
            warrant: &self.warrant,
            card: &self.card,
        }
    }
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
        let parse = |rules: Rules| {
            let files = [("share.cedar", rules.text())];
            PolicySet::parse(&files).expect("the policies of the simulation are valid")
        };
        Self {
            people: (0..members.min(676)).map(Person::new).collect(),
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

    /// The key under which a member's node stores.
    pub(super) fn store_key(&self, who: Who) -> StoreKey {
        StoreKey::from_secret(*Digest::labelled(STORE, &[&who.0.to_be_bytes()]).as_bytes())
    }

    pub(super) fn who(&self, name: &MemberName) -> Option<Who> {
        let found = self
            .people
            .binary_search_by(|person| person.party.name.cmp(name));
        found.ok().map(Who)
    }

    /// The members as one of them knows them by these documents. Warrants and cards it has of all whom they
    /// list.
    pub(super) fn members(&self, who: Who, papers: &Papers, now: Timestamp) -> Members {
        let me = self.person(who);
        let listed = papers.chain().in_force().members().keys();
        let others = listed.filter_map(|name| self.who(name));
        let others = others.filter(|other| *other != who);
        let held = Held {
            papers: papers.clone(),
            severed: BTreeSet::new(),
            own: (
                me.warrant.note().bytes().to_vec(),
                me.card.note().bytes().to_vec(),
            ),
            bundles: others
                .map(|other| self.person(other).bundle.clone())
                .collect(),
        };
        Members::of(me.party.name.clone(), held, now).0
    }

    pub(super) fn engine(&self, rules: Rules) -> Engine {
        Engine::new(self.policy(rules).clone(), BTreeSet::new())
    }

    fn policy(&self, rules: Rules) -> &PolicySet {
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
