//! Who takes part: members with their keys and groups, and the policies that they may follow. Made
//! once for many runs, since keys and policies are slow to make.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use kentong_keys::{
    Card, CardTerms, Digest, FrozenHead, Label, MemberName, PeerIdText, SealingSecret, SigningKey,
    StoreKey, Warrant, WarrantTerms,
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
    /// The key by which it votes, and which names its other keys.
    pub(super) root: SigningKey,
    /// The keys with which it begins.
    pub(super) first: Rc<Online>,
}

/// One generation of the keys that a member's node has, and what says to others that they are its member's.
pub(super) struct Online {
    pub(super) signing: SigningKey,
    witness: SigningKey,
    /// The oldest first: what was sealed to the former ones can still be opened.
    sealing: Vec<SealingSecret>,
    warrant: Warrant,
    card: Card,
    /// Both, as others keep them.
    bundle: Bundle,
}

impl Online {
    /// The keys of this generation, from the first on, under a warrant that names these heads.
    fn issue(
        number: usize,
        root: &SigningKey,
        (serial, heads): (u8, Vec<FrozenHead>),
        issued: u64,
    ) -> Self {
        let name: MemberName = name(number)
            .parse()
            .expect("two capitals are a member's name");
        let seed = seed(number, serial);
        let (signing, witness) = (
            SigningKey::from_seed(seed),
            SigningKey::from_seed(seed.map(|byte| !byte)),
        );
        let sealing: Vec<_> = (1..=serial)
            .map(|serial| SealingSecret::from_seed(self::seed(number, serial)))
            .collect();
        let transport = SigningKey::from_seed(seed.map(|byte| byte ^ 0x3c));
        let warrant = WarrantTerms {
            member: name.clone(),
            serial: u64::from(serial),
            signing: signing.public_key(),
            witness: witness.public_key(),
            heads,
            issued,
        };
        let warrant = Warrant::issue(warrant, root).expect("a root key issues a warrant");
        let newest = sealing.last().expect("each generation has a sealing key");
        let card = CardTerms {
            member: name.clone(),
            serial: u64::from(serial),
            sealing: newest.public().clone(),
            peer: PeerIdText::of(&transport.public_key()),
            next_peer: None,
            addresses: Vec::new(),
            issued,
        };
        let card = Card::issue(card, &signing, &[&transport, &transport]);
        let card = card.expect("a signing key issues a card");
        let bundle = Bundle::new(name.as_str(), root.public_key(), &warrant, &card);
        Self {
            bundle: bundle.expect("warrant and card fit"),
            signing,
            witness,
            sealing,
            warrant,
            card,
        }
    }

    /// What a node signs and decrypts with.
    pub(super) fn keys<'a>(&'a self, me: &'a MemberName) -> Keys<'a> {
        Keys {
            me,
            signing: &self.signing,
            witness: &self.witness,
            sealing: &self.sealing,
            warrant: &self.warrant,
            card: &self.card,
        }
    }

    /// Which generation this is: 1 for the first.
    pub(super) const fn serial(&self) -> u64 {
        self.warrant.serial()
    }

    pub(super) const fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Online").field(&self.serial()).finish()
    }
}

impl Person {
    fn new(number: usize) -> Self {
        let name: MemberName = name(number)
            .parse()
            .expect("two capitals are a member's name");
        let root = SigningKey::from_seed(seed(number, 1).map(|byte| byte ^ 0xa5));
        Self {
            party: Party {
                name,
                groups: groups(number),
            },
            first: Rc::new(Online::issue(number, &root, (1, Vec::new()), 0)),
            root,
        }
    }
}

/// What the keys of a generation are made from.
fn seed(number: usize, serial: u8) -> [u8; 32] {
    let mut seed = [0x5f ^ serial; 32];
    let digits = number.to_be_bytes();
    seed.iter_mut()
        .zip(digits)
        .for_each(|(to, from)| *to = from);
    seed
}

/// What a home knows of who belongs, and by which keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'h> {
    pub(super) papers: &'h Papers,
    pub(super) own: &'h Online,
    /// Warrants and cards that came later than those that everybody was given.
    pub(super) newer: &'h BTreeMap<MemberName, Bundle>,
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

    /// The second generation of a member's keys, under a warrant that names these heads of its feeds.
    pub(super) fn renewed(&self, who: Who, heads: Vec<FrozenHead>, now: Timestamp) -> Online {
        let root = &self.person(who).root;
        Online::issue(who.0, root, (2, heads), now.seconds())
    }

    /// The members as one of them knows them by what its home holds. Everybody was given the first warrant and card
    /// of everybody.
    pub(super) fn members(&self, who: Who, held: Known<'_>, now: Timestamp) -> Members {
        let listed = held.papers.chain().in_force().members().keys();
        let others = listed.filter_map(|name| self.who(name));
        let others = others.filter(|other| *other != who);
        let bundle = |other: Who| {
            let newer = held.newer.get(self.name(other));
            newer.unwrap_or_else(|| &self.person(other).first.bundle)
        };
        let bundles = others.map(|other| bundle(other).clone()).collect();
        let held = Held {
            papers: held.papers.clone(),
            severed: BTreeSet::new(),
            own: (
                held.own.warrant.note().bytes().to_vec(),
                held.own.card.note().bytes().to_vec(),
            ),
            bundles,
        };
        Members::of(self.name(who).clone(), held, now).0
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
