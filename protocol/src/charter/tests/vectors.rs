//! The golden files under `tests/vectors/charter`: valid charters, and one for each way of being
//! invalid, otherwise in order and signed by both members.

use kentong_keys::{KeyType, VerifierKey};

use super::*;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/charter/", $name, ".charter"
        )))),*]
    };
}

const VALID: [(&str, &str); 2] = files!["draft", "valid"];

const FAULTS: [(&str, &str); 44] = files![
    "cut-short",
    "display-name-control",
    "display-name-empty",
    "display-name-too-long",
    "empty",
    "expires-before-drafted",
    "federation-name",
    "field-missing",
    "field-twice",
    "field-unknown",
    "first-with-previous",
    "format-unknown",
    "group-name",
    "group-twice",
    "group-unknown",
    "later-version",
    "later-without-previous",
    "line-added",
    "member-name",
    "member-twice",
    "members-unsorted",
    "nonce",
    "nonce-upper-case",
    "not-a-note",
    "previous",
    "quota-too-large",
    "quota-zero",
    "root-key",
    "root-key-for-another-use",
    "root-key-of-another",
    "root-key-shared",
    "round-zero",
    "signature-by-another-key",
    "signature-malformed",
    "signature-missing",
    "signature-twice",
    "signature-wrong",
    "text-changed-after-signing",
    "threshold-above-members",
    "threshold-too-low",
    "threshold-zero",
    "time",
    "time-in-another-zone",
    "version-zero",
];

/// The text of `valid.charter`.
fn draft() -> UnverifiedCharter {
    draft_of(&["MY", "SG"])
        .expires(time(NOW + 2 * 365 * 86_400))
        .build()
        .unwrap()
}

fn sign(text: &str) -> String {
    let (my, sg) = (
        "kentong/MY/root".parse().unwrap(),
        "kentong/SG/root".parse().unwrap(),
    );
    Note::sign(text, &[(&my, &root("MY")), (&sg, &root("SG"))])
        .unwrap()
        .to_string()
}

/// `from` must occur, so that no fault goes untested in silence.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

pub(super) fn spoil_signature_of(charter: &UnverifiedCharter, name: &str) -> String {
    let text = std::str::from_utf8(charter.bytes()).unwrap();
    let prefix = format!("\u{2014} kentong/{name}/root ");
    let (before, after) = text.split_once(&prefix).unwrap();
    let (line, rest) = after.split_once('\n').unwrap();
    // The first eight characters hold the key id; the fortieth is in the signature.
    let mut line = line.to_owned();
    let spoilt = if line.as_bytes()[40] == b'A' {
        "B"
    } else {
        "A"
    };
    line.replace_range(40..41, spoilt);
    format!("{before}{prefix}{line}\n{rest}")
}

/// Every fault of the text, as a replacement in a valid one.
#[expect(clippy::too_many_lines, reason = "a table, one row per fault")]
fn text_faults() -> Vec<(&'static str, &'static str, String, CharterError)> {
    let member = |name: &str| name.parse().unwrap();
    let excerpt = |text: &str| Excerpt::of(text);
    let malformed = |line, column| CharterError::Malformed { line, column };
    let threshold = |found| CharterError::ThresholdOutOfRange {
        action: Action::Admit,
        found,
        members: 2,
    };
    let to = str::to_owned;
    vec![
        ("cut-short", "\n}\n", to("\n"), malformed(39, 0)),
        (
            "display-name-control",
            "Anti",
            to("\\u001b"),
            CharterError::DisplayName(member("MY"), TextError::Control),
        ),
        (
            "display-name-empty",
            "Pusat “Anti-Scam” MY",
            to(" "),
            CharterError::NoDisplayName(member("MY")),
        ),
        (
            "display-name-too-long",
            "Pusat “Anti-Scam” MY",
            "n".repeat(MAX_DISPLAY_NAME + 1),
            CharterError::DisplayName(
                member("MY"),
                TextError::TooLong {
                    limit: MAX_DISPLAY_NAME,
                },
            ),
        ),
        (
            "expires-before-drafted",
            "\"2028-",
            to("\"2026-"),
            CharterError::ExpiresBeforeDrafted,
        ),
        (
            "federation-name",
            "asean-test",
            to("asean/test"),
            CharterError::FederationName(NameError::Character('/')),
        ),
        (
            "field-missing",
            "  \"round\": 1,\n",
            to(""),
            malformed(38, 1),
        ),
        (
            "field-twice",
            "  \"round\": 1,\n",
            to("  \"round\": 1,\n  \"round\": 1,\n"),
            malformed(7, 9),
        ),
        (
            "field-unknown",
            "  \"round\": 1,\n",
            to("  \"round\": 1,\n  \"hub\": 1,\n"),
            malformed(7, 7),
        ),
        (
            "first-with-previous",
            "\"previous\": null",
            format!("\"previous\": \"{}\"", "a".repeat(64)),
            CharterError::FirstWithPrevious,
        ),
        (
            "format-unknown",
            "kentong/charter/1",
            to("kentong/charter/2"),
            CharterError::UnknownFormat(excerpt("kentong/charter/2")),
        ),
        (
            "group-name",
            "    \"banks\"\n",
            to("    \"BANKS\"\n"),
            CharterError::GroupName(excerpt("BANKS"), NameError::Character('B')),
        ),
        (
            "group-twice",
            "    \"banks\"\n",
            to("    \"banks\",\n    \"banks\"\n"),
            CharterError::NotCanonical,
        ),
        (
            "group-unknown",
            "    \"banks\"\n",
            to("    \"mekong\"\n"),
            CharterError::UnknownGroup(member("MY"), "banks".parse().unwrap()),
        ),
        (
            "later-version",
            "\"version\": 1,\n  \"round\": 1,\n  \"previous\": null",
            format!(
                "\"version\": 2,\n  \"round\": 1,\n  \"previous\": \"{}\"",
                "a".repeat(64)
            ),
            CharterError::LaterVersion { version: 2 },
        ),
        (
            "later-without-previous",
            "\"version\": 1",
            to("\"version\": 2"),
            CharterError::LaterWithoutPrevious { version: 2 },
        ),
        (
            "line-added",
            "{\n",
            to("{\n \n"),
            CharterError::NotCanonical,
        ),
        (
            "member-name",
            "\"name\": \"SG\"",
            to("\"name\": \"sg\""),
            CharterError::MemberName(excerpt("sg"), MemberNameError::Country),
        ),
        (
            "member-twice",
            "\"name\": \"SG\"",
            to("\"name\": \"MY\""),
            CharterError::MemberTwice(member("MY")),
        ),
        (
            "nonce",
            "\"nonce\": \"07",
            to("\"nonce\": \""),
            CharterError::Nonce,
        ),
        (
            "nonce-upper-case",
            "\"nonce\": \"07",
            to("\"nonce\": \"0A"),
            CharterError::NotCanonical,
        ),
        (
            "previous",
            "\"previous\": null",
            to("\"previous\": \"\""),
            CharterError::Previous,
        ),
        (
            "quota-too-large",
            "5000000",
            to("9007199254740992"),
            CharterError::Quota,
        ),
        ("quota-zero", "5000000", to("0"), CharterError::Quota),
        (
            "root-key",
            "kentong/SG/root+",
            to("kentong/SG/roof+"),
            CharterError::RootKey(member("SG"), VerifierKeyError::KeyId),
        ),
        (
            "round-zero",
            "\"round\": 1",
            to("\"round\": 0"),
            CharterError::RoundZero,
        ),
        (
            "threshold-above-members",
            "\"admit\": 2",
            to("\"admit\": 3"),
            threshold(3),
        ),
        (
            "threshold-too-low",
            "\"remove\": 2",
            to("\"remove\": 1"),
            CharterError::ThresholdTooLow {
                action: Action::Remove,
                found: 1,
                members: 2,
            },
        ),
        (
            "threshold-zero",
            "\"admit\": 2",
            to("\"admit\": 0"),
            threshold(0),
        ),
        (
            "time",
            "\"drafted\": \"2026-",
            to("\"drafted\": \"26-"),
            CharterError::Time(excerpt("26-09-21T14:13:20Z")),
        ),
        (
            "time-in-another-zone",
            "T14:13:20Z\",\n  \"expires",
            to("T22:13:20+08:00\",\n  \"expires"),
            CharterError::NotCanonical,
        ),
        (
            "version-zero",
            "\"version\": 1",
            to("\"version\": 0"),
            CharterError::VersionZero,
        ),
    ]
}

/// Every fault that is more than one replacement, or lies in the signatures.
#[expect(clippy::too_many_lines, reason = "a table, one row per fault")]
fn other_faults() -> Vec<(&'static str, String, CharterError)> {
    let draft = draft();
    let text = std::str::from_utf8(draft.bytes()).unwrap();
    let valid = sign(text);
    let member = |name: &str| vec![name.parse().unwrap()];
    let (head, members) = text.split_once("  \"members\": [\n").unwrap();
    let (members, tail) = members.split_once("\n  ],\n  \"thresholds").unwrap();
    let (my, sg) = members.split_once("    },\n").unwrap();
    let with_members = |members: &str| {
        sign(&format!(
            "{head}  \"members\": [{members}],\n  \"thresholds{tail}"
        ))
    };
    let with_sg_key = |key: String| sign(&replace(text, &root_key("SG", "SG"), &key));
    let cosigning = VerifierKey::new(
        "kentong/SG/root".parse().unwrap(),
        KeyType::Cosignature,
        root("SG").public_key(),
    );
    let lines: Vec<&str> = valid.lines().collect();
    let [.., my_line, sg_line] = lines[..] else {
        panic!("two signature lines");
    };
    let sg_key = "kentong/SG/root".parse().unwrap();
    let without_sg = replace(&valid, &format!("{sg_line}\n"), "");
    let by_another = Note::parse(without_sg.as_bytes())
        .unwrap()
        .add_signature(&sg_key, &root("TH"))
        .unwrap();
    vec![
        ("empty", with_members(""), CharterError::Empty),
        (
            "members-unsorted",
            with_members(&format!("\n{sg},\n{my}    }}\n  ")),
            CharterError::NotCanonical,
        ),
        (
            "not-a-note",
            "{\r\n}\r\n\n\u{2014} x AAAAAAA=\n".to_owned(),
            CharterError::NotANote(NoteError::Control),
        ),
        (
            "root-key-for-another-use",
            with_sg_key(cosigning.to_string()),
            CharterError::NotARootKey("SG".parse().unwrap()),
        ),
        (
            "root-key-of-another",
            with_sg_key(root_key("TH", "SG")),
            CharterError::NotARootKey("SG".parse().unwrap()),
        ),
        (
            "root-key-shared",
            with_sg_key(root_key("SG", "MY")),
            CharterError::SharedRootKey("MY".parse().unwrap(), "SG".parse().unwrap()),
        ),
        (
            "signature-by-another-key",
            by_another.to_string(),
            CharterError::MissingSignatures(member("SG")),
        ),
        (
            "signature-malformed",
            replace(&valid, my_line, "MY"),
            CharterError::NotANote(NoteError::SignatureLine(1)),
        ),
        (
            "signature-missing",
            without_sg,
            CharterError::MissingSignatures(member("SG")),
        ),
        (
            "signature-twice",
            format!("{valid}{sg_line}\n"),
            CharterError::WrongSignatures(member("SG")),
        ),
        (
            "signature-wrong",
            spoil_signature_of(&UnverifiedCharter::parse(valid.as_bytes()).unwrap(), "SG"),
            CharterError::WrongSignatures(member("SG")),
        ),
        (
            "text-changed-after-signing",
            replace(&valid, "Anti-Scam” SG", "Pro-Scam” SG"),
            CharterError::WrongSignatures(["MY", "SG"].map(|name| name.parse().unwrap()).to_vec()),
        ),
    ]
}

fn root_key(name: &str, of: &str) -> String {
    let name = format!("kentong/{name}/root").parse().unwrap();
    VerifierKey::new(name, KeyType::Ed25519, root(of).public_key()).to_string()
}

fn golden<'a>(files: &[(&str, &'a str)], name: &str) -> &'a str {
    let file = files.iter().find(|(found, _)| *found == name);
    file.unwrap_or_else(|| panic!("no golden file {name}")).1
}

#[test]
fn valid_ones() {
    let draft = draft();
    let text = std::str::from_utf8(draft.bytes()).unwrap();
    assert_eq!(golden(&VALID, "draft"), text);
    let valid = golden(&VALID, "valid");
    assert_eq!(valid, sign(text));
    assert_eq!(valid.as_bytes(), signed_by(draft, &["SG", "MY"]).bytes());
    let charter = Charter::open(valid.as_bytes()).unwrap();
    assert_eq!(charter.id().to_string(), ID);
}

const ID: &str = "14cedfe2a015ac7c2873fda780312851d3f3141e40a6eddc68179b79ea334b85";

#[test]
fn every_fault() {
    let draft = draft();
    let text = std::str::from_utf8(draft.bytes()).unwrap();
    let of_text = text_faults()
        .into_iter()
        .map(|(name, from, to, error)| (name, sign(&replace(text, from, &to)), error));
    let faults: Vec<_> = of_text.chain(other_faults()).collect();
    assert_eq!(faults.len(), FAULTS.len());
    for (name, bytes, error) in faults {
        assert_eq!(Charter::open(bytes.as_bytes()), Err(error), "{name}");
        assert_eq!(golden(&FAULTS, name), bytes, "{name}");
    }
}
