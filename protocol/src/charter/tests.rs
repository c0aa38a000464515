use kentong_keys::{MemberNameError, Note, NoteError, Role, SigningKey, VerifierKeyError};
use proptest::prelude::*;

use super::*;
use crate::bounded::TextError;
use crate::time::Timestamp;

mod chain;
mod checked;
mod fifty;
mod notices;
mod vectors;
mod votes;
mod walk;

const NOW: u64 = 1_790_000_000;

fn root(name: &str) -> SigningKey {
    let mut seed = [0x42; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(seed)
}

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn draft_of(names: &[&str]) -> Draft {
    let draft = Draft::new("asean-test".parse().unwrap(), [7; 16], time(NOW));
    names.iter().fold(draft, |draft, name| {
        let groups = (*name == "MY").then(|| "banks".parse().unwrap());
        let display_name = format!("Pusat “Anti-Scam” {name}");
        draft.member(
            name.parse().unwrap(),
            display_name,
            root(name).public_key(),
            groups,
        )
    })
}

fn signed_by(charter: UnverifiedCharter, names: &[&str]) -> UnverifiedCharter {
    names.iter().fold(charter, |charter, name| {
        charter.sign(&name.parse().unwrap(), &root(name)).unwrap()
    })
}

fn names(charter: &[kentong_keys::MemberName]) -> Vec<&str> {
    charter.iter().map(|name| name.as_str()).collect()
}

#[test]
fn signed_one_after_the_other() {
    let draft = draft_of(&["SG", "MY", "TH"]).build().unwrap();
    assert_eq!(draft.terms().thresholds().admit, 2);
    assert_eq!(names(&draft.missing()), ["MY", "SG", "TH"]);
    // A member that gets the draft as a file sees the same charter.
    let copy = UnverifiedCharter::parse(draft.bytes()).unwrap();
    assert_eq!(copy, draft);

    let two = signed_by(draft.clone(), &["TH", "MY"]);
    assert_eq!(names(&two.missing()), ["SG"]);
    assert_eq!(
        two.clone().verify(),
        Err(CharterError::MissingSignatures(vec!["SG".parse().unwrap()]))
    );
    let all = signed_by(two, &["SG"]);
    let charter = all.clone().verify().unwrap();
    assert_eq!(charter.hash(), &draft.hash());
    assert_eq!(charter.id().digest(), charter.hash());
    assert_eq!(Charter::open(all.bytes()), Ok(charter));
}

#[test]
fn copies_signed_apart_are_joined() {
    let draft = draft_of(&["MY", "SG", "TH"]).build().unwrap();
    let whole = signed_by(draft.clone(), &["MY", "SG", "TH"]);
    let copies = ["TH", "MY", "SG", "MY"].map(|name| signed_by(draft.clone(), &[name]));
    let joined = copies
        .iter()
        .fold(draft.clone(), |all, copy| all.merge(copy).unwrap());
    assert_eq!(joined.bytes(), whole.bytes());
    assert_eq!(whole.merge(&draft).unwrap(), whole);

    let other = draft_of(&["MY", "SG"]).build().unwrap();
    assert_eq!(whole.merge(&other), Err(CharterError::DifferentText));
}

#[test]
fn only_listed_keys_sign() {
    let draft = draft_of(&["MY", "SG"]).build().unwrap();
    let sign = |name: &str, key: &str| draft.sign(&name.parse().unwrap(), &root(key));
    assert_eq!(
        sign("TH", "TH"),
        Err(CharterError::NotAMember("TH".parse().unwrap()))
    );
    assert_eq!(
        sign("MY", "SG"),
        Err(CharterError::NotTheirKey("MY".parse().unwrap()))
    );
}

#[test]
fn a_wrong_signature_is_named_until_it_is_replaced() {
    let draft = draft_of(&["MY", "SG"]).build().unwrap();
    let good = signed_by(draft.clone(), &["MY", "SG"]);
    let forged = vectors::spoil_signature_of(&good, "MY");
    let forged = UnverifiedCharter::parse(forged.as_bytes()).unwrap();
    let wrong = CharterError::WrongSignatures(vec!["MY".parse().unwrap()]);
    assert_eq!(names(&forged.wrong()), ["MY"]);
    assert_eq!(names(&forged.missing()), ["MY"]);
    assert_eq!(forged.clone().verify(), Err(wrong.clone()));
    assert_eq!(draft.merge(&forged), Err(wrong.clone()));
    assert_eq!(forged.sign(&"SG".parse().unwrap(), &root("SG")), Err(wrong));
    let mended = forged.sign(&"MY".parse().unwrap(), &root("MY")).unwrap();
    assert_eq!(mended, good);
}

#[test]
fn strangers_and_order_of_lines_do_not_matter() {
    let charter = signed_by(draft_of(&["MY", "SG"]).build().unwrap(), &["MY", "SG"]);
    let text = std::str::from_utf8(charter.bytes()).unwrap();
    let (body, lines) = text.rsplit_once("\n\n").unwrap();
    let reversed: String = lines
        .lines()
        .rev()
        .map(|line| format!("{line}\n"))
        .collect();
    let reversed = format!("{body}\n\n{reversed}");
    assert_ne!(reversed, text);
    let note = Note::parse(reversed.as_bytes()).unwrap();
    let stranger = "kentong/TH/root".parse().unwrap();
    let witnessed = note.add_signature(&stranger, &root("TH")).unwrap();
    assert!(Charter::open(witnessed.bytes()).is_ok());
    // Merging brings the lines into the order of members, and leaves the stranger out.
    let copy = UnverifiedCharter::parse(witnessed.bytes()).unwrap();
    assert_eq!(copy.merge(&copy).unwrap(), charter);
}

#[test]
fn default_thresholds() {
    for (members, two_thirds, third) in [
        (1, 1, 1),
        (2, 2, 1),
        (3, 2, 1),
        (4, 3, 2),
        (10, 7, 4),
        (11, 8, 4),
        (200, 134, 67),
    ] {
        let expected = Thresholds {
            admit: two_thirds,
            amend: two_thirds,
            remove: two_thirds,
            suspend: third,
        };
        assert_eq!(Thresholds::default_of(members), expected, "{members}");
    }
}

#[test]
fn what_a_draft_says_is_what_the_charter_says() {
    let thresholds = Thresholds {
        admit: 3,
        amend: 2,
        remove: 2,
        suspend: 2,
    };
    let quota = Quota {
        statements_per_day: 1,
        stored_bytes: Quota::MAX,
    };
    let charter = draft_of(&["MY", "SG", "TH"])
        .group("mekong".parse().unwrap())
        .thresholds(thresholds)
        .quota(quota)
        .expires(time(NOW + 1))
        .build()
        .unwrap();
    let charter = signed_by(charter, &["MY", "SG", "TH"]).verify().unwrap();
    assert_eq!(charter.federation().as_str(), "asean-test");
    assert_eq!((charter.version(), charter.terms().round()), (1, 1));
    assert_eq!(charter.previous(), None);
    assert_eq!(charter.terms().nonce(), &[7; 16]);
    assert_eq!(charter.terms().drafted(), time(NOW));
    assert_eq!(charter.expires(), Some(time(NOW + 1)));
    assert_eq!(*charter.thresholds(), thresholds);
    assert_eq!(*charter.quota(), quota);
    let groups: Vec<&str> = charter.groups().iter().map(GroupName::as_str).collect();
    assert_eq!(groups, ["banks", "mekong"]);
    let my = charter.member(&"MY".parse().unwrap()).unwrap();
    assert_eq!(my.root(), &root("MY").public_key());
    assert_eq!(my.display_name(), "Pusat “Anti-Scam” MY");
    assert_eq!(my.groups().len(), 1);
}

/// Faults whose files would be long; the others have golden vectors.
#[test]
fn bounds() {
    let many = |count: usize| {
        let draft = Draft::new("many".parse().unwrap(), [0; 16], time(NOW));
        (0..count).fold(draft, |draft, i| {
            let key = SigningKey::from_seed([u8::try_from(i % 256).unwrap(); 32]);
            let name = format!("MY-{i}").parse().unwrap();
            draft.member(name, "x", key.public_key(), [])
        })
    };
    assert!(many(MAX_MEMBERS).build().is_ok());
    let found = MAX_MEMBERS + 1;
    assert_eq!(
        many(found).build(),
        Err(CharterError::TooManyMembers { found })
    );
    let grouped = |count: usize| {
        (0..count).fold(draft_of(&["SG"]), |draft, i| {
            draft.group(format!("g{i}").parse().unwrap())
        })
    };
    assert!(grouped(MAX_GROUPS).build().is_ok());
    let found = MAX_GROUPS + 1;
    assert_eq!(
        grouped(found).build(),
        Err(CharterError::TooManyGroups { found })
    );
    let long = vec![b' '; MAX_CHARTER + 1];
    assert_eq!(UnverifiedCharter::parse(&long), Err(CharterError::TooLarge));
}

#[test]
fn the_largest_charter_can_be_signed_by_all() {
    let keys: Vec<SigningKey> = (0..MAX_MEMBERS)
        .map(|i| SigningKey::from_seed([u8::try_from(i).unwrap(); 32]))
        .collect();
    let name = |i: usize| format!("MY-AGENCY{i:07}").parse().unwrap();
    let mut draft = Draft::new("large".parse().unwrap(), [0; 16], time(NOW));
    for (i, key) in keys.iter().enumerate() {
        let group = "a-group-with-a-long-name".parse().unwrap();
        draft = draft.member(
            name(i),
            "n".repeat(MAX_DISPLAY_NAME),
            key.public_key(),
            [group],
        );
    }
    let draft = draft.build().unwrap();
    let mut all = Note::sign(
        std::str::from_utf8(draft.bytes()).unwrap(),
        &[(&kentong_keys::key_name(&name(0), Role::Root), &keys[0])],
    )
    .unwrap();
    for (i, key) in keys.iter().enumerate().skip(1) {
        all = all
            .add_signature(&kentong_keys::key_name(&name(i), Role::Root), key)
            .unwrap();
    }
    let charter = Charter::open(all.bytes()).unwrap();
    assert_eq!(charter.members().len(), MAX_MEMBERS);
}

#[test]
fn foreign_text_is_shown_short_and_escaped() {
    let text = format!("\u{1b}[2J{}", "x".repeat(100));
    let shown = format!("{}", CharterError::UnknownFormat(Excerpt::of(&text)));
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    assert!(shown.len() < 120, "{shown}");
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Charter::open(&bytes));
    }

    /// A charter with one byte changed is refused; never does it become another one.
    #[test]
    fn any_change_is_noticed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let charter = signed_by(draft_of(&["MY", "SG"]).build().unwrap(), &["MY", "SG"]);
        let mut bytes = charter.bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Charter::open(&bytes).is_err());
    }
}
