use kentong_keys::{
    Card, CardTerms, PeerIdText, SealingSecret, SigningKey, Warrant, WarrantTerms, random_bytes,
};
use kentong_protocol::charter::{Chain, Draft, UnverifiedCharter};
use kentong_protocol::time::Timestamp;
use tempfile::TempDir;

use super::*;

/// A root key: of a member's name and a number.
fn root(name: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(seed)
}

/// A member file by that root key, with a card of this serial.
fn bundle(name: &str, number: u8, serial: u64) -> Bundle {
    let [root, key, witness, transport] = [0, 50, 100, 150].map(|more| root(name, number + more));
    let member: MemberName = name.parse().unwrap();
    let terms = WarrantTerms {
        member: member.clone(),
        serial: 1,
        signing: key.public_key(),
        witness: witness.public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    let warrant = Warrant::issue(terms, &root).unwrap();
    let terms = CardTerms {
        member,
        serial,
        sealing: SealingSecret::from_seed(random_bytes()).public().clone(),
        peer: PeerIdText::of(&transport.public_key()),
        next_peer: None,
        addresses: Vec::new(),
        issued: 0,
    };
    let card = Card::issue(terms, &key, &[&transport]).unwrap();
    Bundle::new(name, root.public_key(), &warrant, &card).unwrap()
}

fn name(text: &str) -> MemberName {
    text.parse().unwrap()
}

fn signed(draft: Draft, by: &[&str]) -> UnverifiedCharter {
    by.iter().fold(draft.build().unwrap(), |charter, member| {
        charter.sign(&name(member), &root(member, 1)).unwrap()
    })
}

/// A home in which a charter of MY and SG is in force.
fn chartered() -> (TempDir, Home, Chain) {
    let dir = TempDir::new().unwrap();
    let home = Home::create(&dir.path().join("home")).unwrap();
    let draft = Draft::new("x".parse().unwrap(), [1; 16], Timestamp::EPOCH);
    let draft = ["MY", "SG"].iter().fold(draft, |draft, member| {
        draft.member(name(member), *member, root(member, 1).public_key(), [])
    });
    let first = signed(draft, &["MY", "SG"]);
    let chain = Chain::begin(first.bytes()).unwrap();
    charter_files::begin_chain(&home, &chain).unwrap();
    (dir, home, chain)
}

/// The next version, with VN by its first root key.
fn admitting(chain: &Chain) -> Draft {
    let root = root("VN", 1).public_key();
    Draft::after(chain.in_force(), Timestamp::EPOCH).member(name("VN"), "VN", root, [])
}

fn renaming(chain: &Chain, to: &str) -> UnverifiedCharter {
    let draft = Draft::after(chain.in_force(), Timestamp::EPOCH).rename(&name("MY"), to);
    signed(draft, &["MY", "SG"])
}

/// Keeps these for a draft; answers whose.
fn kept(home: &Home, chain: &Chain, draft: &Draft, bundles: &[Bundle]) -> Vec<MemberName> {
    let draft = draft.clone().build().unwrap();
    keep(
        home,
        Some(&name("MY")),
        chain.in_force(),
        draft.terms(),
        bundles,
    )
    .unwrap()
}

#[test]
fn one_waits_until_a_version_lists_it() {
    let (_dir, home, mut chain) = chartered();
    let vn = bundle("VN", 1, 1);
    let draft = admitting(&chain);
    assert_eq!(
        kept(&home, &chain, &draft, std::slice::from_ref(&vn)),
        [name("VN")]
    );
    settle(&home, chain.in_force(), Wait::ASecond).unwrap();
    assert_eq!(member_file::held(&home.members(), &name("VN")), None);
    assert!(home.newcomers().exists());

    let two = signed(draft, &["MY", "SG"]);
    charter_files::take(&home, &mut chain, vec![two])
        .unwrap()
        .0
        .unwrap();
    assert_eq!(member_file::held(&home.members(), &name("VN")), Some(vn));
    assert!(!home.newcomers().exists());
}

/// As after a crash between the version and the file.
#[test]
fn it_is_settled_when_members_are_read() {
    let (_dir, home, chain) = chartered();
    let draft = admitting(&chain);
    let vn = bundle("VN", 1, 1);
    kept(&home, &chain, &draft, std::slice::from_ref(&vn));
    let mut next = chain;
    next.offer(signed(draft, &["MY", "SG"])).unwrap();
    std::fs::write(home.charter(), next.to_text()).unwrap();
    settle(&home, next.in_force(), Wait::ASecond).unwrap();
    assert_eq!(member_file::held(&home.members(), &name("VN")), Some(vn));
}

#[test]
fn only_what_the_draft_adds_is_kept() {
    let (_dir, home, chain) = chartered();
    let draft = admitting(&chain);
    let check = |bundles: &[Bundle]| {
        assert_eq!(kept(&home, &chain, &draft, bundles), []);
        assert!(!home.newcomers().exists());
    };
    check(&[bundle("TH", 1, 1)]);
    check(&[bundle("VN", 2, 1)]);
    check(&[bundle("SG", 1, 1)]);
    check(&[]);
    // Its own member's file is never replaced from a draft.
    let root = root("MY", 2).public_key();
    let rekeyed = Draft::after(chain.in_force(), Timestamp::EPOCH).rekey(&name("MY"), root);
    assert_eq!(kept(&home, &chain, &rekeyed, &[bundle("MY", 2, 1)]), []);
}

/// The file of a member that gets another root key does not replace the one in use before.
#[test]
fn another_root_key_waits_too() {
    let (_dir, home, mut chain) = chartered();
    let (old, new) = (bundle("SG", 1, 7), bundle("SG", 2, 1));
    member_file::keep(&home.members(), &old, Wait::ASecond).unwrap();
    let root = root("SG", 2).public_key();
    let draft = Draft::after(chain.in_force(), Timestamp::EPOCH)
        .rekey(&name("SG"), root)
        .member(name("TH"), "TH", self::root("TH", 1).public_key(), []);
    assert_eq!(
        kept(&home, &chain, &draft, std::slice::from_ref(&new)),
        [name("SG")]
    );
    settle(&home, chain.in_force(), Wait::ASecond).unwrap();
    assert_eq!(member_file::held(&home.members(), &name("SG")), Some(old));
    chain = Chain::begin(&first_with(&draft)).unwrap();
    settle(&home, chain.in_force(), Wait::ASecond).unwrap();
    assert_eq!(member_file::held(&home.members(), &name("SG")), Some(new));
}

/// A charter that lists whom this draft lists, signed by all.
fn first_with(draft: &Draft) -> Vec<u8> {
    let draft = draft.clone().build().unwrap();
    let first = Draft::new("y".parse().unwrap(), [2; 16], Timestamp::EPOCH);
    let members = draft.terms().members().iter();
    let first = members.fold(first, |first, (member, listed)| {
        first.member(member.clone(), listed.display_name(), *listed.root(), [])
    });
    let first = first.build().unwrap();
    let keys = [("MY", 1), ("SG", 2), ("TH", 1)];
    let first = keys.iter().fold(first, |charter, (member, number)| {
        charter.sign(&name(member), &root(member, *number)).unwrap()
    });
    first.bytes().to_vec()
}

#[test]
fn the_newest_one_waits_once() {
    let (_dir, home, chain) = chartered();
    let draft = admitting(&chain);
    let (old, new) = (bundle("VN", 1, 1), bundle("VN", 1, 2));
    for given in [&old, &new, &old] {
        kept(&home, &chain, &draft, std::slice::from_ref(given));
    }
    let waiting = read(&home).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].version, &waiting[0].bundle), (2, &new));
}

#[test]
fn it_goes_when_the_federation_goes_on_without() {
    let (_dir, home, mut chain) = chartered();
    kept(&home, &chain, &admitting(&chain), &[bundle("VN", 1, 1)]);
    // A later round of version 2 may still admit it.
    for (to, waits) in [("x", true), ("y", false)] {
        let next = renaming(&chain, to);
        charter_files::take(&home, &mut chain, vec![next])
            .unwrap()
            .0
            .unwrap();
        assert_eq!(home.newcomers().exists(), waits, "{to}");
    }
    assert_eq!(member_file::held(&home.members(), &name("VN")), None);
}

#[test]
fn no_more_wait_than_a_charter_lists() {
    let (_dir, home, chain) = chartered();
    let draft = admitting(&chain);
    let vn = bundle("VN", 1, 1);
    let mut waiting: Vec<Newcomer> = (0..MAX_NEWCOMERS)
        .map(|_| Newcomer {
            version: 2,
            bundle: bundle("TH", 1, 1),
        })
        .collect();
    let turn = turn::take(home.root(), Wait::ASecond).unwrap();
    write(&turn, &home, &waiting).unwrap();
    drop(turn);
    kept(&home, &chain, &draft, std::slice::from_ref(&vn));
    waiting.remove(0);
    let found = read(&home).unwrap();
    assert_eq!(found.len(), MAX_NEWCOMERS);
    assert_eq!(found.last().unwrap().bundle, vn);
    assert_eq!(found[..found.len() - 1], waiting[..]);
}

#[test]
fn a_damaged_file_stops_nobody() {
    let (_dir, home, chain) = chartered();
    let draft = admitting(&chain);
    let vn = bundle("VN", 1, 1);
    for damaged in [
        "",
        "x",
        "for version 2\n",
        "for version 2\nkentong bundle v1\n",
    ] {
        std::fs::write(home.newcomers(), damaged).unwrap();
        settle(&home, chain.in_force(), Wait::ASecond).unwrap();
        assert!(!home.newcomers().exists(), "{damaged}");
    }
    kept(&home, &chain, &draft, std::slice::from_ref(&vn));
    let text = std::fs::read_to_string(home.newcomers()).unwrap();
    let twice = format!("{}\n{text}", text.replacen("root: ", "roof: ", 1));
    std::fs::write(home.newcomers(), twice).unwrap();
    let found = read(&home).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].bundle, vn);
}

#[test]
fn an_older_file_replaces_no_newer_one() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path();
    let held = || member_file::held(folder, &name("VN")).unwrap();
    let (old, new, other) = (bundle("VN", 1, 1), bundle("VN", 1, 2), bundle("VN", 2, 1));
    for (given, news, held_then) in [
        (&old, true, &old),
        (&new, true, &new),
        (&old, false, &new),
        (&new, false, &new),
        // By another root key, which is then the one that counts.
        (&other, true, &other),
    ] {
        assert_eq!(
            member_file::keep(folder, given, Wait::ASecond).unwrap(),
            news
        );
        assert_eq!(held(), *held_then);
    }
}
