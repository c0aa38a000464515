//! Member files behind charters in one file.

use proptest::prelude::*;

use super::bundles::bundle;
use super::*;
use crate::charter::{Chain, MAX_MEMBERS};

/// Three versions of a charter, as a file: only their bounds matter here.
fn charters() -> String {
    let charter = directory().charter().note().as_str().to_owned();
    [charter.clone(), charter.clone(), charter].join("\n")
}

#[test]
fn what_is_enclosed_comes_out_again() {
    let charters = charters();
    let bundles = [bundle("MY"), bundle("SG")];
    for count in 0..=bundles.len() {
        let text = Enclosing::write(&charters, &bundles[..count]);
        let found = Enclosing::open(text.as_bytes()).unwrap();
        assert_eq!(found.charters, charters.as_bytes(), "{count}");
        let expected: Vec<_> = bundles[..count].iter().cloned().map(Ok).collect();
        assert_eq!(found.bundles, expected);
        assert_eq!(Chain::documents(found.charters).unwrap().len(), 3);
    }
}

/// A draft ends with the empty line before its signatures, which are not there yet.
#[test]
fn a_draft_encloses_too() {
    let draft = Draft::new("x".parse().unwrap(), [7; 16], Timestamp::EPOCH);
    let draft = draft.member(name("MY"), "MY", key("MY", ROOT).public_key(), []);
    let draft = draft.build().unwrap();
    let text = std::str::from_utf8(draft.bytes()).unwrap();
    let text = Enclosing::write(text, &[bundle("MY")]);
    let found = Enclosing::open(text.as_bytes()).unwrap();
    assert_eq!(found.charters, draft.bytes());
    assert_eq!(found.bundles, [Ok(bundle("MY"))]);
}

#[test]
fn one_that_is_damaged_costs_no_other() {
    let text = Enclosing::write(&charters(), &[bundle("MY"), bundle("SG"), bundle("TH")]);
    let check = |from: &str, to: &str, member: Option<&str>, number| {
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        let found = Enclosing::open(text.as_bytes()).unwrap().bundles;
        assert_eq!(found.len(), 3, "{from}");
        let damaged: Vec<_> = found.iter().filter_map(|one| one.as_ref().err()).collect();
        let expected = (member.map(name), number);
        assert_eq!(damaged.len(), 1, "{from}");
        assert_eq!((damaged[0].member.clone(), damaged[0].number), expected);
    };
    let root = |member: &str| format!("root: {}", bundle(member).root_key());
    check(&root("SG"), "root: kentong/SG/root+x", Some("SG"), 2);
    check(&root("SG"), "roof: kentong/SG/root+x", Some("SG"), 2);
    check("member: TH", "member: LA", Some("TH"), 3);
    // What is wrong with the last may be that it was cut off.
    let cut = text.trim_end();
    let found = Enclosing::open(cut.as_bytes()).unwrap().bundles;
    assert!(found[0].is_ok() && found[1].is_ok() && found[2].is_err());
    // Bytes that are no text are nobody's.
    let noise = [text.as_bytes(), b"\nkentong bundle v1\n\xff\xff\n"].concat();
    let found = Enclosing::open(&noise).unwrap().bundles;
    let last = found[3].as_ref().unwrap_err();
    assert_eq!((last.member.clone(), last.number), (None, 4));
}

#[test]
fn no_more_than_a_charter_can_list() {
    let many = |count: usize| "\n\nkentong bundle v1\n".repeat(count);
    let most = many(MAX_MEMBERS);
    assert_eq!(
        Enclosing::open(most.as_bytes()).unwrap().bundles.len(),
        MAX_MEMBERS
    );
    let found = MAX_MEMBERS + 1;
    assert_eq!(
        Enclosing::open(many(found).as_bytes()),
        Err(TooManyBundles { found })
    );
}

#[test]
fn the_newer_one_is_known() {
    let with = |serial| {
        let root = key("MY", ROOT).public_key();
        let card = card("MY", serial, SIGNING, "first", None);
        Bundle::new("MY", root, &warrant("MY", 1, SIGNING), &card).unwrap()
    };
    assert!(with(2).is_newer_than(&with(1)));
    assert!(!with(1).is_newer_than(&with(2)) && !with(1).is_newer_than(&with(1)));
}

proptest! {
    #[test]
    fn anything_is_taken_apart(bytes: Vec<u8>) {
        let found = Enclosing::open(&bytes).unwrap();
        prop_assert!(bytes.starts_with(found.charters));
    }
}
