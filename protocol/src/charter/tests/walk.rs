//! The golden file `tests/vectors/charter/chains.tsv`: files with all versions of a charter, valid
//! ones and one for each way in which a version cannot follow.

use super::chain::{chain_of, member, next};
use super::*;
use crate::golden::{Vector, check_made, check_outcomes, check_read, golden, variants};

const MEMBERS: [&str; 3] = ["MY", "SG", "TH"];

variants!(FAULTS, fault, ChainError, {
    ChainError::Charter(_) => "Charter",
    ChainError::TooLarge => "TooLarge",
    ChainError::TooManyVersions => "TooManyVersions",
    ChainError::VersionTwice { .. } => "VersionTwice",
    ChainError::Skipped { .. } => "Skipped",
    ChainError::OtherFederation => "OtherFederation",
    ChainError::OtherPrevious { .. } => "OtherPrevious",
    ChainError::Settled { .. } => "Settled",
    ChainError::SameRound { .. } => "SameRound",
    ChainError::NothingChanged => "NothingChanged",
    ChainError::NameTaken(_) => "NameTaken",
    ChainError::KeyUsed { .. } => "KeyUsed",
    ChainError::Expired { .. } => "Expired",
    ChainError::TooFew { .. } => "TooFew",
});

/// The chain that MY, SG and TH begin, and which expires soon.
fn begun() -> Chain {
    let charter = draft_of(&MEMBERS).expires(time(NOW + 10)).build().unwrap();
    Chain::begin(signed_by(charter, &MEMBERS).bytes()).unwrap()
}

fn after(chain: &Chain, change: impl FnOnce(Draft) -> Draft) -> UnverifiedCharter {
    signed_by(next(chain, change), &["MY", "SG"])
}

fn admitting(name: &'static str, key: &'static str) -> impl Fn(Draft) -> Draft {
    move |draft| draft.member(member(name), name, root(key).public_key(), [])
}

/// A file with these versions, whether they follow each other or not.
fn file(chain: &Chain, versions: &[&UnverifiedCharter]) -> Vec<u8> {
    let mut text = chain.to_text();
    for version in versions {
        text.push('\n');
        text.push_str(std::str::from_utf8(version.bytes()).unwrap());
    }
    text.into_bytes()
}

/// A version with one text in it replaced, and signed again.
fn altered(charter: &UnverifiedCharter, from: &str, to: &str) -> UnverifiedCharter {
    let text = std::str::from_utf8(charter.bytes()).unwrap();
    let (text, _) = text.split_once("\n\n").unwrap();
    assert!(text.contains(from), "{from}");
    let text = format!("{}\n", text.replacen(from, to, 1));
    let draft = UnverifiedCharter::parse(text.as_bytes()).unwrap();
    signed_by(draft, &["MY", "SG"])
}

fn with(mut chain: Chain, versions: &[&UnverifiedCharter]) -> Chain {
    for version in versions {
        chain.offer((*version).clone()).unwrap();
    }
    chain
}

#[expect(clippy::too_many_lines, reason = "a table, one row per vector")]
fn cases() -> Vec<Vector> {
    let one = begun();
    let rename = after(&one, |draft| draft.rename(&member("MY"), "Malaysia"));
    let two = with(one.clone(), &[&rename]);
    let fault = |name: &str, bytes: Vec<u8>| {
        let error = Chain::parse(&bytes).expect_err(name);
        Vector::fault(name, bytes, error)
    };
    let removed = with(
        one.clone(),
        &[&after(&one, |draft| draft.without(&member("TH")))],
    );
    let rekeyed = with(
        one.clone(),
        &[&after(&one, |draft| {
            draft.rekey(&member("TH"), root("TH-2").public_key())
        })],
    );
    let admit = after(&removed, admitting("VN", "VN"));
    let previous = |chain: &Chain| format!("\"previous\": \"{}\"", chain.in_force().hash());
    let spoilt = vectors::spoil_signature_of(&rename, "SG");
    vec![
        Vector::valid("one-version", one.to_text().into_bytes()),
        Vector::valid("two-versions", two.to_text().into_bytes()),
        Vector::valid("removed-and-admitted", file(&removed, &[&admit])),
        Vector::valid("a-root-key-replaced", rekeyed.to_text().into_bytes()),
        Vector::valid(
            "removed-and-back",
            file(&removed, &[&after(&removed, admitting("TH", "TH"))]),
        ),
        Vector::valid(
            "a-later-round",
            file(
                &one,
                &[&after(&one, |draft| {
                    draft.rename(&member("MY"), "x").round(3)
                })],
            ),
        ),
        fault("empty", Vec::new()),
        fault("second-alone", rename.bytes().to_vec()),
        fault(
            "line-missing-between",
            [one.to_text().as_bytes(), rename.bytes()].concat(),
        ),
        fault("version-twice", file(&two, &[&rename])),
        fault("version-skipped", {
            let third = after(&two, |draft| draft.rename(&member("SG"), "Singapore"));
            file(&one, &[&third])
        }),
        fault(
            "another-name",
            file(&one, &[&altered(&rename, "asean-test", "asean-tent")]),
        ),
        fault(
            "another-nonce",
            file(
                &one,
                &[&altered(&rename, "\"nonce\": \"07", "\"nonce\": \"08")],
            ),
        ),
        fault("another-previous", {
            let other = previous(&two);
            file(&one, &[&altered(&rename, &previous(&one), &other)])
        }),
        fault("a-second-first-charter", {
            let other = chain_of(&["MY", "SG"]);
            file(
                &one,
                &[&UnverifiedCharter::parse(other.to_text().as_bytes()).unwrap()],
            )
        }),
        fault("two-of-one-round", {
            file(
                &two,
                &[&after(&one, |draft| draft.rename(&member("MY"), "x"))],
            )
        }),
        fault("a-round-replaced", {
            file(
                &two,
                &[&after(&one, |draft| {
                    draft.rename(&member("MY"), "x").round(2)
                })],
            )
        }),
        fault(
            "nothing-changed",
            file(&one, &[&after(&one, |draft| draft)]),
        ),
        fault(
            "name-given-again",
            file(&removed, &[&after(&removed, admitting("TH", "other"))]),
        ),
        fault(
            "root-key-back",
            file(
                &rekeyed,
                &[&after(&rekeyed, |draft| {
                    draft.rekey(&member("TH"), root("TH").public_key())
                })],
            ),
        ),
        fault(
            "root-key-under-another-name",
            file(&removed, &[&after(&removed, admitting("VN", "TH"))]),
        ),
        fault("admitted-after-expiry", {
            let late = after(&one, admitting("VN", "VN"));
            let late = altered(
                &late,
                "\"expires\": \"2026-09-21T14:13:30Z\"",
                "\"expires\": null",
            );
            let (in_time, too_late) = (
                "\"drafted\": \"2026-09-21T14:13:21Z\"",
                "\"drafted\": \"2026-09-21T14:13:30Z\"",
            );
            file(&one, &[&altered(&late, in_time, too_late)])
        }),
        fault("signature-missing", {
            let draft = next(&one, |draft| draft.rename(&member("MY"), "Malaysia"));
            file(&one, &[&signed_by(draft, &["MY"])])
        }),
        fault("signature-of-the-removed-alone", {
            let draft = next(&one, |draft| draft.without(&member("TH")));
            let text = std::str::from_utf8(draft.bytes()).unwrap();
            let (my, th) = (
                "kentong/MY/root".parse().unwrap(),
                "kentong/TH/root".parse().unwrap(),
            );
            let note = Note::sign(text, &[(&my, &root("MY")), (&th, &root("TH"))]).unwrap();
            file(&one, &[&UnverifiedCharter::parse(note.bytes()).unwrap()])
        }),
        fault("signature-wrong", {
            file(
                &one,
                &[&UnverifiedCharter::parse(spoilt.as_bytes()).unwrap()],
            )
        }),
        fault(
            "not-signed",
            file(
                &one,
                &[&next(&one, |draft| draft.rename(&member("MY"), "x"))],
            ),
        ),
    ]
}

#[test]
fn golden_chains() {
    let file = golden!("charter/chains.tsv");
    check_made(&file, &cases());
    check_read(&file, Chain::parse, |chain| chain.to_text().into_bytes());
    // Their files would be long, and the bounds are checked below.
    let long = [
        fault(&ChainError::TooLarge),
        fault(&ChainError::TooManyVersions),
    ];
    let short = FAULTS.iter().filter(|name| !long.contains(name));
    check_outcomes(&file, &Vec::from_iter(short.copied()));
    let bytes = vec![b'\n'; MAX_CHAIN + 1];
    assert_eq!(Chain::parse(&bytes), Err(ChainError::TooLarge));
}

#[test]
fn the_number_of_versions_is_bounded() {
    let mut chain = chain_of(&["MY"]);
    let mut grow = |number: usize| {
        let draft = next(&chain, |draft| {
            draft.rename(&member("MY"), &format!("{number}"))
        });
        chain.offer(signed_by(draft, &["MY"]))
    };
    for number in 1..MAX_VERSIONS {
        assert_eq!(grow(number), Ok(Step::New));
    }
    assert_eq!(grow(0), Err(ChainError::TooManyVersions));
}
