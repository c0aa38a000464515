//! Members with their keys, and the charter that lists them, for tests of a node and its parts.

use std::collections::BTreeSet;

use kentong_keys::{
    Card, CardTerms, FrozenHead, MemberName, PeerIdText, SealingSecret, SigningKey, Warrant,
    WarrantTerms,
};

use crate::charter::{Ballots, Chain, Draft, Notices, OpenNotices, Papers, Quota};
use crate::directory::Bundle;
use crate::store::sample::name;
use crate::time::Timestamp;

use super::{Held, Keys, Members};

/// When all of this happens.
pub(crate) fn wall() -> Timestamp {
    Timestamp::from_seconds(1_790_000_000).expect("a moment of this century")
}

/// A member's key of this number.
fn key(member: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    for (to, from) in seed.iter_mut().zip(member.bytes()) {
        *to = from;
    }
    SigningKey::from_seed(seed)
}

/// What a member signs and decrypts with, under one warrant.
pub(crate) struct Person {
    me: MemberName,
    pub(crate) root: SigningKey,
    pub(crate) signing: SigningKey,
    witness: SigningKey,
    sealing: Vec<SealingSecret>,
    pub(crate) warrant: Warrant,
    pub(crate) card: Card,
}

impl Person {
    /// A member under its first warrant.
    pub(crate) fn new(member: &str) -> Self {
        Self::under(member, 1, Vec::new())
    }

    /// A member under the warrant of this serial, which names these heads of what its former keys signed.
    pub(crate) fn under(member: &str, serial: u64, heads: Vec<FrozenHead>) -> Self {
        let number = 10 + u8::try_from(serial).expect("a sample has few warrants");
        let (root, signing) = (key(member, 1), key(member, number));
        let (witness, transport) = (key(member, 3), key(member, 4));
        let sealing = SealingSecret::from_seed([number; 32]);
        let warrant = WarrantTerms {
            member: name(member),
            serial,
            signing: signing.public_key(),
            witness: witness.public_key(),
            heads,
            issued: 0,
        };
        let address = "/ip4/192.0.2.1/udp/4001/quic-v1".parse();
        let card = CardTerms {
            member: name(member),
            serial,
            sealing: sealing.public().clone(),
            peer: PeerIdText::of(&transport.public_key()),
            next_peer: None,
            addresses: vec![address.expect("a sample is well formed")],
            issued: 0,
        };
        let warrant = Warrant::issue(warrant, &root).expect("a sample is well formed");
        let card = Card::issue(card, &signing, &[&transport, &transport]);
        Self {
            me: name(member),
            root,
            signing,
            witness,
            sealing: vec![sealing],
            warrant,
            card: card.expect("a sample is well formed"),
        }
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys {
            me: &self.me,
            signing: &self.signing,
            witness: &self.witness,
            sealing: &self.sealing,
            warrant: &self.warrant,
            card: &self.card,
        }
    }

    fn bundle(&self) -> Bundle {
        let (root, name) = (self.root.public_key(), self.me.to_string());
        let bundle = Bundle::new(&name, root, &self.warrant, &self.card);
        bundle.expect("a sample is well formed")
    }
}

/// The first charter, which lists and was signed by all of these.
pub(crate) fn chain(all: &[&Person], quota: Option<Quota>) -> Chain {
    let draft = Draft::new(name_of_federation(), [7; 16], wall());
    let draft = all.iter().fold(draft, |draft, person| {
        let name = person.me.clone();
        draft.member(name.clone(), name.as_str(), person.root.public_key(), [])
    });
    let draft = quota.into_iter().fold(draft, Draft::quota);
    let charter = draft.build().expect("a sample is well formed");
    let signed = all.iter().fold(charter, |charter, person| {
        let signed = charter.sign(&person.me, &person.root);
        signed.expect("a sample is well formed")
    });
    Chain::begin(signed.bytes()).expect("a sample is well formed")
}

/// The charter after a member was removed from it, as all others signed.
pub(crate) fn without(mut chain: Chain, member: &str, all: &[&Person]) -> Chain {
    let draft = Draft::after(chain.in_force(), wall()).without(&name(member));
    let charter = draft.build().expect("a sample is well formed");
    let others = all.iter().filter(|person| person.me.as_str() != member);
    let signed = others.fold(charter, |charter, person| {
        let signed = charter.sign(&person.me, &person.root);
        signed.expect("a sample is well formed")
    });
    chain.offer(signed).expect("a sample is well formed");
    chain
}

/// The members as the first of these knows them.
pub(crate) fn members(chain: Chain, me: &Person, others: &[&Person]) -> Members {
    let (ballots, notices) = (Ballots::default(), Notices::default());
    let (warrant, card) = (me.warrant.note(), me.card.note());
    let others = others.iter().filter(|person| person.me != me.me);
    let held = Held {
        papers: Papers::new(chain, ballots, notices, OpenNotices::default()),
        severed: BTreeSet::new(),
        own: (warrant.bytes().to_vec(), card.bytes().to_vec()),
        bundles: others.map(|person| person.bundle()).collect(),
    };
    Members::of(me.me.clone(), held, wall()).0
}

fn name_of_federation() -> crate::charter::FederationName {
    "asean-test".parse().expect("a sample is well formed")
}
