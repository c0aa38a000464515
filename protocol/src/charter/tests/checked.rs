//! What is remembered of signatures counts for the same text, signature and key alone.

use kentong_keys::{KeyType, MemberName, NoteSignature, PublicKey, VerifierKey, key_name};

use super::chain::member;
use super::*;
use crate::charter::signatures::{Signed, verified_in};

const TEXT: &str = "{\na text\n}\n";

/// Seeds of two keys that have the same id under MY's name: anybody can find such in seconds.
const TWINS: [u32; 2] = [83_285, 92_409];

fn twin(number: u32) -> SigningKey {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_seed(seed)
}

fn verifier(name: &str, key: &SigningKey) -> VerifierKey {
    let name = key_name(&member(name), Role::Root);
    VerifierKey::new(name, KeyType::Ed25519, key.public_key())
}

/// A text with the line by which a key signed it.
fn signed(text: &str, name: &str, key: &SigningKey) -> (Signed, NoteSignature) {
    let note = Note::sign(text, &[(&key_name(&member(name), Role::Root), key)]).unwrap();
    let line = note.signatures()[0].clone();
    (Signed::parse(note.bytes()).unwrap(), line)
}

/// A text with these lines, as it comes from somebody else.
fn with(text: &str, lines: &[NoteSignature]) -> Signed {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Signed::parse(format!("{text}\n{lines}").as_bytes()).unwrap()
}

/// Another line of the same name and key id.
fn spoilt(line: &NoteSignature) -> NoteSignature {
    let line = line.to_string();
    let end = line.len() - 10;
    let other = if line.as_bytes()[end] == b'A' {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &line[..end], &line[end + 1..])
        .parse()
        .unwrap()
}

/// Whose signature counts, and whose is wrong.
fn look(signed: &Signed, roots: &[(&str, &SigningKey)]) -> (Vec<String>, Vec<String>) {
    let roots = roots
        .iter()
        .map(|(name, key)| (member(name), key.public_key()));
    let roots: Vec<(MemberName, PublicKey)> = roots.collect();
    let voters = roots.iter().map(|(name, root)| (name, root)).collect();
    let names = |members: std::collections::BTreeSet<MemberName>| {
        members.iter().map(MemberName::to_string).collect()
    };
    (names(signed.valid(&voters)), names(signed.wrong(&voters)))
}

fn counts(name: &str) -> (Vec<String>, Vec<String>) {
    (vec![name.to_owned()], Vec::new())
}

fn is_wrong(name: &str) -> (Vec<String>, Vec<String>) {
    (Vec::new(), vec![name.to_owned()])
}

/// A text signed by MY of which that is known, and the line.
fn known() -> (Signed, NoteSignature, SigningKey) {
    let my = root("MY");
    let (good, line) = signed(TEXT, "MY", &my);
    assert_eq!(look(&good, &[("MY", &my)]), counts("MY"));
    (good, line, my)
}

#[test]
fn a_signature_is_not_known_under_another_text() {
    let (good, line, my) = known();
    let moved = with("{\nanother text\n}\n", &[line]);
    moved.learn(&good);
    assert_eq!(look(&moved, &[("MY", &my)]), is_wrong("MY"));
}

#[test]
fn a_changed_signature_is_not_known() {
    let (good, line, my) = known();
    let changed = with(TEXT, &[spoilt(&line)]);
    changed.learn(&good);
    assert_eq!(look(&changed, &[("MY", &my)]), is_wrong("MY"));
}

#[test]
fn a_true_signature_does_not_become_wrong() {
    let (_, line, my) = known();
    let changed = with(TEXT, &[spoilt(&line)]);
    assert_eq!(look(&changed, &[("MY", &my)]), is_wrong("MY"));
    let good = with(TEXT, &[line]);
    good.learn(&changed);
    assert_eq!(look(&good, &[("MY", &my)]), counts("MY"));
}

#[test]
fn a_second_line_is_wrong_whatever_is_known_of_the_first() {
    let (good, line, my) = known();
    for second in [line.clone(), spoilt(&line)] {
        let twice = with(TEXT, &[line.clone(), second]);
        twice.learn(&good);
        assert_eq!(look(&twice, &[("MY", &my)]), is_wrong("MY"));
    }
}

#[test]
fn a_signature_is_not_known_under_another_key() {
    let [one, other] = TWINS.map(twin);
    assert_eq!(
        verifier("MY", &one).key_id(),
        verifier("MY", &other).key_id()
    );
    let (good, line) = signed(TEXT, "MY", &one);
    assert_eq!(look(&good, &[("MY", &one)]), counts("MY"));
    assert_eq!(look(&good, &[("MY", &other)]), is_wrong("MY"));
    let copy = with(TEXT, std::slice::from_ref(&line));
    copy.learn(&good);
    assert_eq!(look(&copy, &[("MY", &other)]), is_wrong("MY"));
    // Nor does the other key make it a wrong one.
    let first_the_other = with(TEXT, &[line]);
    assert_eq!(look(&first_the_other, &[("MY", &other)]), is_wrong("MY"));
    assert_eq!(look(&first_the_other, &[("MY", &one)]), counts("MY"));
}

#[test]
fn a_signature_is_not_known_under_another_name() {
    let (good, line, my) = known();
    let sg = root("SG");
    let (_, theirs) = signed(TEXT, "SG", &sg);
    // The name and key id of SG, and the signature of MY.
    let base64 = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.encode(bytes)
    };
    let bytes = [theirs.key_id().as_slice(), line.bytes()].concat();
    let forged: NoteSignature = format!("\u{2014} {} {}", theirs.name(), base64(&bytes))
        .parse()
        .unwrap();
    let renamed = with(TEXT, &[forged]);
    renamed.learn(&good);
    let both = [("MY", &my), ("SG", &sg)];
    assert_eq!(look(&renamed, &both), is_wrong("SG"));
}

#[test]
fn a_signature_by_the_key_in_another_role_is_no_vote() {
    let (good, line, my) = known();
    let name = key_name(&member("MY"), Role::Signing);
    let note = Note::sign(TEXT, &[(&name, &my)]).unwrap();
    let theirs = note.signatures()[0].clone();
    assert_eq!(theirs.bytes(), line.bytes());
    let other = with(TEXT, &[theirs]);
    other.learn(&good);
    let nothing = (Vec::new(), Vec::new());
    assert_eq!(look(&other, &[("MY", &my)]), nothing);
}

#[test]
fn each_is_verified_once_and_again_when_it_is_read_again() {
    let (good, line, my) = known();
    let of = |signed: &Signed| verified_in(|| look(signed, &[("MY", &my)]));
    assert_eq!(of(&good), (0, counts("MY")));
    let again = Signed::parse(good.bytes()).unwrap();
    // A clone knows what is found of the other one later, too.
    let clone = again.clone();
    assert_eq!(of(&again), (1, counts("MY")));
    assert_eq!(of(&clone), (0, counts("MY")));
    let wrong = with(TEXT, &[spoilt(&line)]);
    assert_eq!(of(&wrong), (1, is_wrong("MY")));
    assert_eq!(of(&wrong), (0, is_wrong("MY")));
}

#[test]
fn what_is_known_makes_no_other_value() {
    let (good, line, _) = known();
    let unknown = with(TEXT, &[line]);
    assert_eq!(good, unknown);
    assert_eq!(format!("{good:?}"), format!("{unknown:?}"));
}

#[test]
fn documents_go_from_thread_to_thread() {
    const fn sent<T: Send + Sync>() {}
    sent::<Papers>();
    sent::<Paper>();
}
