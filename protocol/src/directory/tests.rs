use kentong_keys::{
    CardTerms, NoteVerifyError, Role, SealingSecret, SigningKey, WarrantTerms, key_name,
};

use super::*;
use crate::charter::{Draft, GroupName};
use crate::time::Timestamp;

mod bundles;
mod enclosed;

/// A key of a member, by a number of its own.
fn key(name: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(seed)
}

const ROOT: u8 = 1;
const SIGNING: u8 = 2;
const WITNESS: u8 = 3;
/// A signing key that replaces another.
const SECOND: u8 = 4;

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn directory() -> Directory {
    let members = ["MY", "SG"];
    let now = Timestamp::from_seconds(1_790_000_000).unwrap();
    let draft = Draft::new("asean-test".parse().unwrap(), [7; 16], now);
    let draft = members.iter().fold(draft, |draft, member| {
        let groups = (*member == "MY").then(|| "banks".parse().unwrap());
        let root = key(member, ROOT).public_key();
        draft.member(name(member), *member, root, groups)
    });
    let charter = members
        .iter()
        .fold(draft.build().unwrap(), |charter, member| {
            charter.sign(&name(member), &key(member, ROOT)).unwrap()
        });
    Directory::new(charter.verify().unwrap())
}

fn warrant(member: &str, serial: u64, signing: u8) -> Warrant {
    let terms = WarrantTerms {
        member: name(member),
        serial,
        signing: key(member, signing).public_key(),
        witness: key(member, WITNESS).public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    Warrant::issue(terms, &key(member, ROOT)).unwrap()
}

/// The transport key that a test calls so.
fn transport(peer: &str) -> SigningKey {
    let mut seed = [b'.'; 32];
    seed[..peer.len()].copy_from_slice(peer.as_bytes());
    SigningKey::from_seed(seed)
}

fn peer_id(peer: &str) -> PeerIdText {
    PeerIdText::of(&transport(peer).public_key())
}

fn card(member: &str, serial: u64, signing: u8, peer: &str, next: Option<&str>) -> Card {
    let terms = CardTerms {
        member: name(member),
        serial,
        sealing: SealingSecret::from_seed([9; 32]).public().clone(),
        peer: peer_id(peer),
        next_peer: next.map(peer_id),
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap()],
        issued: 0,
    };
    let transport = [transport(peer), transport(next.unwrap_or(peer))];
    let keys: Vec<_> = transport.iter().collect();
    Card::issue(terms, &key(member, signing), &keys).unwrap()
}

impl Directory {
    fn warrant(&mut self, warrant: &Warrant) -> Result<Offered, CredentialError> {
        self.offer_warrant(warrant.note().bytes())
    }

    fn holder(&self, peer: &str) -> Option<&MemberName> {
        self.by_peer(peer_id(peer).as_str())
    }

    fn card(&mut self, card: &Card) -> Result<Offered, CredentialError> {
        self.offer_card(card.note().bytes())
    }
}

#[test]
fn the_newest_counts_in_any_order() {
    let (my, first, second) = (
        name("MY"),
        warrant("MY", 1, SIGNING),
        warrant("MY", 2, SIGNING),
    );
    let mut directory = directory();
    assert_eq!(directory.member(&my), Some(&Credentials::default()));
    assert_eq!(directory.signing_key(&my), None);
    assert_eq!(directory.warrant(&second), Ok(Offered::New));
    assert_eq!(directory.warrant(&first), Ok(Offered::Older));
    assert_eq!(directory.warrant(&second), Ok(Offered::Known));

    let (old, new) = (
        card("MY", 7, SIGNING, "old", Some("new")),
        card("MY", 8, SIGNING, "new", None),
    );
    assert_eq!(directory.card(&old), Ok(Offered::New));
    assert_eq!(directory.holder("old"), Some(&my));
    assert_eq!(directory.holder("new"), Some(&my));
    assert_eq!(directory.card(&new), Ok(Offered::New));
    assert_eq!(directory.holder("old"), None);
    assert_eq!(directory.holder("new"), Some(&my));
    assert_eq!(directory.card(&old), Ok(Offered::Older));
    assert_eq!(directory.card(&new), Ok(Offered::Known));

    let standing = directory.member(&my).unwrap();
    assert_eq!(standing.serials(), (2, 8));
    assert_eq!(
        directory.signing_key(&my),
        Some(&key("MY", SIGNING).public_key())
    );
    assert_eq!(
        directory.witness_key(&my),
        Some(&key("MY", WITNESS).public_key())
    );
    assert_eq!(directory.sealing_key(&my), Some(new.sealing()));
    assert_eq!(directory.sealing_key(&name("SG")), None);
    let known: Vec<_> = directory
        .members()
        .map(|(name, _, standing)| (name.as_str(), standing.serials()))
        .collect();
    assert_eq!(known, [("MY", (2, 8)), ("SG", (0, 0))]);
}

#[test]
fn a_warrant_with_another_key_ends_the_card() {
    let my = name("MY");
    let mut directory = directory();
    directory.warrant(&warrant("MY", 1, SIGNING)).unwrap();
    directory
        .card(&card("MY", 7, SIGNING, "a", Some("b")))
        .unwrap();
    // With the same signing key the card stays.
    assert_eq!(
        directory.warrant(&warrant("MY", 2, SIGNING)),
        Ok(Offered::New)
    );
    assert_eq!(directory.member(&my).unwrap().serials(), (2, 7));
    // With another one the card, and with it its peer ids, are void; serials begin again.
    assert_eq!(
        directory.warrant(&warrant("MY", 3, SECOND)),
        Ok(Offered::New)
    );
    assert_eq!(directory.member(&my).unwrap().serials(), (3, 0));
    assert_eq!(directory.holder("a"), None);
    assert_eq!(directory.holder("b"), None);
    assert_eq!(
        directory.card(&card("MY", 8, SIGNING, "a", None)),
        // The old key has another key id, so its line is a stranger's.
        Err(CredentialError::Card(
            my,
            CardError::Signature(NoteVerifyError::NotSigned)
        ))
    );
    assert_eq!(
        directory.card(&card("MY", 1, SECOND, "a", None)),
        Ok(Offered::New)
    );
}

#[test]
fn two_versions_with_one_serial_are_a_conflict() {
    let mut directory = directory();
    let conflict = |credential, serial| {
        Err(CredentialError::Conflict {
            member: name("MY"),
            credential,
            serial,
        })
    };
    directory.warrant(&warrant("MY", 1, SIGNING)).unwrap();
    assert_eq!(
        directory.warrant(&warrant("MY", 1, SECOND)),
        conflict(Credential::Warrant, 1)
    );
    directory.card(&card("MY", 7, SIGNING, "a", None)).unwrap();
    assert_eq!(
        directory.card(&card("MY", 7, SIGNING, "b", None)),
        conflict(Credential::Card, 7)
    );
    // The first ones stay.
    assert_eq!(
        directory.signing_key(&name("MY")),
        Some(&key("MY", SIGNING).public_key())
    );
    assert_eq!(directory.holder("a"), Some(&name("MY")));
    assert_eq!(directory.holder("b"), None);
}

#[test]
fn a_peer_id_has_one_holder() {
    let mut directory = directory();
    directory.warrant(&warrant("MY", 1, SIGNING)).unwrap();
    directory.warrant(&warrant("SG", 1, SIGNING)).unwrap();
    directory
        .card(&card("MY", 1, SIGNING, "a", Some("b")))
        .unwrap();
    for (peer, next) in [("a", None), ("b", None), ("c", Some("b"))] {
        let taken = if peer == "a" { "a" } else { "b" };
        assert_eq!(
            directory.card(&card("SG", 1, SIGNING, peer, next)),
            Err(CredentialError::PeerTaken {
                peer: peer_id(taken),
                holder: name("MY"),
                claimant: name("SG"),
            })
        );
        assert_eq!(directory.member(&name("SG")).unwrap().card(), None);
        assert_eq!(directory.holder("c"), None);
    }
    // Given up by its holder, it is free.
    directory.card(&card("MY", 2, SIGNING, "d", None)).unwrap();
    assert_eq!(
        directory.card(&card("SG", 1, SIGNING, "a", None)),
        Ok(Offered::New)
    );
    assert_eq!(directory.holder("a"), Some(&name("SG")));
    assert_eq!(directory.by_peer(""), None);
    assert_eq!(directory.by_peer("a"), None);
}

/// Otherwise a member could cut another out, by claiming its peer id before the other's card came.
#[test]
fn a_peer_id_is_not_claimed_without_its_key() {
    let mut directory = directory();
    directory.warrant(&warrant("MY", 1, SIGNING)).unwrap();
    directory.warrant(&warrant("SG", 1, SIGNING)).unwrap();
    let (genuine, other) = (
        card("MY", 1, SIGNING, "a", None),
        card("SG", 1, SIGNING, "c", None),
    );
    let claim = other
        .note()
        .text()
        .replace(peer_id("c").as_str(), peer_id("a").as_str());
    let name_of = |role| key_name(&name("SG"), role);
    let claim = Note::sign(
        &claim,
        &[
            (&name_of(Role::Signing), &key("SG", SIGNING)),
            (&name_of(Role::Transport), &transport("c")),
        ],
    )
    .unwrap();
    assert_eq!(
        directory.offer_card(claim.bytes()),
        Err(CredentialError::Card(
            name("SG"),
            CardError::Unproven {
                peer: peer_id("a"),
                why: NoteVerifyError::NotSigned,
            }
        ))
    );
    assert_eq!(directory.card(&genuine), Ok(Offered::New));
    assert_eq!(directory.holder("a"), Some(&name("MY")));
}

#[test]
fn policies_see_the_groups_of_the_charter() {
    let directory = directory();
    let groups = |member| {
        let party = directory.party(&name(member))?;
        assert_eq!(party.name, name(member));
        Some(party.groups.iter().map(GroupName::to_string).collect())
    };
    assert_eq!(groups("MY"), Some(vec!["banks".to_owned()]));
    assert_eq!(groups("SG"), Some(Vec::new()));
    assert_eq!(groups("TH"), None);
}

#[test]
fn refused_credentials() {
    let mut directory = directory();
    let card_of_my = card("MY", 1, SIGNING, "a", None);
    assert_eq!(
        directory.card(&card_of_my),
        Err(CredentialError::NoWarrant(name("MY")))
    );
    assert_eq!(
        directory.warrant(&warrant("TH", 1, SIGNING)),
        Err(CredentialError::NotAMember(name("TH")))
    );
    assert!(matches!(
        directory.offer_warrant(b"x"),
        Err(CredentialError::NotANote(_))
    ));
    let key_name = "x".parse().unwrap();
    let other = Note::sign("hello\n", &[(&key_name, &key("MY", ROOT))]).unwrap();
    assert_eq!(
        directory.offer_card(other.bytes()),
        Err(CredentialError::NoMember)
    );
    // A card in place of a warrant, and a warrant that its own signing key signed.
    assert!(matches!(
        directory.offer_warrant(card_of_my.note().bytes()),
        Err(CredentialError::Warrant(_, WarrantError::Signature(_)))
    ));
    let root_name = "kentong/MY/root".parse().unwrap();
    let text = warrant("MY", 1, SIGNING).note().text().to_owned();
    let forged = Note::sign(&text, &[(&root_name, &key("MY", SIGNING))]).unwrap();
    assert_eq!(
        directory.offer_warrant(forged.bytes()),
        Err(CredentialError::Warrant(
            name("MY"),
            WarrantError::Signature(NoteVerifyError::NotSigned)
        ))
    );
    assert_eq!(directory.member(&name("MY")), Some(&Credentials::default()));
    assert_eq!(directory.member(&name("TH")), None);
}

#[test]
fn a_refused_card_takes_no_warrant_with_it() {
    let my = name("MY");
    let (old, new) = (warrant("MY", 1, SIGNING), warrant("MY", 2, SECOND));
    let (fits, stale) = (
        card("MY", 2, SECOND, "next", None),
        card("MY", 1, SIGNING, "now", None),
    );
    let mut directory = directory();
    let mut offer = |warrant: &Warrant, card: &Card| {
        let offered = directory.offer_both(warrant.note().bytes(), card.note().bytes());
        let standing = directory.member(&my).unwrap();
        let peers = ["now", "next"].map(|peer| directory.holder(peer).is_some());
        (offered, standing.serials(), peers)
    };
    let both = (Offered::New, Offered::New);
    assert_eq!(offer(&old, &stale), (Ok(both), (1, 1), [true, false]));
    let (refused, serials, peers) = offer(&new, &stale);
    assert!(
        matches!(refused, Err(CredentialError::Card(..))),
        "{refused:?}"
    );
    assert_eq!((serials, peers), ((1, 1), [true, false]));
    assert_eq!(offer(&new, &fits), (Ok(both), (2, 2), [false, true]));
}
