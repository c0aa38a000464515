use kentong_keys::{CardTerms, PeerIdText, SealingSecret, SigningKey, WarrantTerms};

use super::*;
use crate::charter::{
    Ballots, Chain, Draft, Notices, OpenNotices, Paper, Received, Says, UnverifiedNotice,
};

const NOW: u64 = 1_790_000_000;

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW).unwrap()
}

fn key(member: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    seed[..member.len()].copy_from_slice(member.as_bytes());
    SigningKey::from_seed(seed)
}

fn root(member: &str) -> SigningKey {
    key(member, 1)
}

const ALL: [&str; 4] = ["MY", "SG", "TH", "VN"];

fn papers() -> Papers {
    let draft = Draft::new("asean-test".parse().unwrap(), [7; 16], now());
    let draft = ALL.iter().fold(draft, |draft, member| {
        draft.member(name(member), *member, root(member).public_key(), [])
    });
    let charter = ALL.iter().fold(draft.build().unwrap(), |charter, member| {
        charter.sign(&name(member), &root(member)).unwrap()
    });
    let chain = Chain::begin(charter.bytes()).unwrap();
    let (ballots, notices, open) = (
        Ballots::default(),
        Notices::default(),
        OpenNotices::default(),
    );
    Papers::new(chain, ballots, notices, open)
}

/// The warrant and card of a member, with a card of this serial.
fn bundle(member: &str, serial: u64) -> Bundle {
    let warrant = WarrantTerms {
        member: name(member),
        serial: 1,
        signing: key(member, 2).public_key(),
        witness: key(member, 3).public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    let warrant = Warrant::issue(warrant, &root(member)).unwrap();
    let transport = key(member, 4);
    let card = CardTerms {
        member: name(member),
        serial,
        sealing: SealingSecret::from_seed([9; 32]).public().clone(),
        peer: PeerIdText::of(&transport.public_key()),
        next_peer: None,
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap()],
        issued: 0,
    };
    let card = Card::issue(card, &key(member, 2), &[&transport, &transport]).unwrap();
    Bundle::new(member, root(member).public_key(), &warrant, &card).unwrap()
}

fn notes(bundle: &Bundle) -> (Vec<u8>, Vec<u8>) {
    let (warrant, card) = (bundle.warrant().note(), bundle.card().note());
    (warrant.bytes().to_vec(), card.bytes().to_vec())
}

fn members(papers: Papers, severed: &[&str], at: Timestamp) -> Members {
    let held = Held {
        papers,
        severed: severed.iter().map(|member| name(member)).collect(),
        own: notes(&bundle("MY", 1)),
        bundles: ["SG", "TH"].map(|member| bundle(member, 1)).to_vec(),
    };
    let (members, unfit) = Members::of(name("MY"), held, at);
    assert!(unfit.is_empty(), "{unfit:?}");
    members
}

fn in_force(members: &Members) -> Vec<&str> {
    let parties = members.parties().iter();
    parties.map(|party| party.name.as_str()).collect()
}

fn admitted(members: &Members) -> Vec<MemberName> {
    let peers = members.peers().map(|(_, peer, addresses)| {
        assert_eq!(addresses.count(), 1);
        members.by_peer(peer).unwrap()
    });
    peers.collect()
}

/// The papers with a suspension of a member for an hour.
fn with_suspension(papers: &Papers, member: &str) -> Papers {
    let until = now().plus(3600);
    let charter = papers.chain().in_force();
    let notice = UnverifiedNotice::draft(charter, name(member), Says::Suspended { until }, now());
    let others = ALL.iter().filter(|other| **other != member);
    let notice = others.fold(notice.unwrap(), |notice, by| {
        notice.sign(papers.chain(), &name(by), &root(by)).unwrap()
    });
    let Received { papers, news, .. } = papers
        .receive(Paper::Notice(Box::new(notice)), now())
        .unwrap();
    assert!(news);
    papers.unwrap()
}

#[test]
fn without_a_charter_there_is_nobody() {
    let mut nobody = Members::none(name("MY"));
    assert!(nobody.charter().is_none() && nobody.papers().is_none());
    assert_eq!(in_force(&nobody), [""; 0]);
    assert!(nobody.listed(now()).is_empty());
    let offered = bundle("SG", 1);
    let (warrant, card) = notes(&offered);
    assert_eq!(nobody.offer(&name("SG"), &warrant, &card), Ok(false));
    assert!(nobody.next_to_keep(Moment::START).is_none());
}

#[test]
fn who_is_severed_is_listed_and_not_in_force() {
    let members = members(papers(), &["TH"], now());
    assert_eq!(in_force(&members), ["MY", "SG", "VN"]);
    // VN has shown no card, so nobody can come in by its name.
    assert_eq!(admitted(&members), [name("SG")]);
    let stands: Vec<_> = members.listed(now()).into_iter().map(|(_, s)| s).collect();
    let by = Stands::By(Membership::InForce);
    assert_eq!(stands, [by, by, Stands::Severed, by]);
    assert!(members.credentials(&name("TH")).is_some());
}

#[test]
fn a_suspension_ends_by_itself() {
    let mut members = members(with_suspension(&papers(), "SG"), &[], now());
    assert_eq!(in_force(&members), ["MY", "TH", "VN"]);
    assert!(!members.keep_up(now().plus(3599)));
    assert!(members.keep_up(now().plus(3600)));
    assert_eq!(in_force(&members), ["MY", "SG", "TH", "VN"]);
    assert!(!members.keep_up(now().plus(7200)), "no notice is left");
}

#[test]
fn a_card_of_a_member_that_is_not_listed_is_named_and_not_used() {
    let held = Held {
        papers: papers(),
        severed: BTreeSet::new(),
        own: notes(&bundle("MY", 1)),
        bundles: vec![bundle("LA", 1), bundle("SG", 1), bundle("MY", 7)],
    };
    let (members, unfit) = Members::of(name("MY"), held, now());
    let unfit: Vec<_> = unfit.iter().map(|(member, _)| member.as_str()).collect();
    assert_eq!(unfit, ["LA"]);
    let serials: Vec<_> = members.serials().into_iter().map(|(_, _, s)| s).collect();
    assert_eq!(serials, [1, 1, 0, 0], "of MY its own card counts");
}

#[test]
fn a_newer_card_is_kept_once_and_outlives_a_reading() {
    let mut before = members(papers(), &[], now());
    let newer = bundle("SG", 2);
    let (warrant, card) = notes(&newer);
    let sg = name("SG");
    assert_eq!(before.offer(&sg, &warrant, &card), Ok(true));
    assert_eq!(before.offer(&sg, &warrant, &card), Ok(false), "known");
    assert_eq!(before.next_to_keep(Moment::START), Some(&newer));
    before.keep_later(Moment::from_millis(50));
    assert_eq!(
        before.next_to_keep(Moment::from_millis(49).after(KEEP_AGAIN)),
        None
    );
    let mut after = members(papers(), &[], now());
    after.inherit_unkept(&mut before);
    assert_eq!(before.next_to_keep(Moment::NEVER), None);
    assert_eq!(
        after.next_to_keep(Moment::from_millis(49).after(KEEP_AGAIN)),
        None
    );
    assert_eq!(
        after.next_to_keep(Moment::from_millis(50).after(KEEP_AGAIN)),
        Some(&newer)
    );
    after.kept(&sg);
    assert_eq!(after.next_to_keep(Moment::NEVER), None);
    let mut last = members(papers(), &[], now());
    last.inherit_unkept(&mut after);
    assert_eq!(last.next_to_keep(Moment::NEVER), None);
}
