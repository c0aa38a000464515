//! Double votes: found between two documents, kept as text, verified again.

use super::chain::{chain_of, member, next};
use super::*;
use crate::golden::{Vector, check_made, check_outcomes, check_read, golden, variants};

const MEMBERS: [&str; 3] = ["MY", "SG", "TH"];

/// Two documents of version 2, of these rounds, and who signed which.
fn two(rounds: (u32, u32), signed: (&[&str], &[&str])) -> (UnverifiedCharter, UnverifiedCharter) {
    let chain = chain_of(&MEMBERS);
    let admitting = |name: &'static str, round: u32| {
        next(&chain, |draft| {
            let key = root(name).public_key();
            draft.member(member(name), name, key, []).round(round)
        })
    };
    (
        signed_by(admitting("VN", rounds.0), signed.0),
        signed_by(admitting("LA", rounds.1), signed.1),
    )
}

#[test]
fn who_signed_both_is_named() {
    let (one, other) = two((1, 1), (&["MY", "SG"], &["SG", "TH", "MY"]));
    let found = DoubleVote::between(&one, &other);
    let named: Vec<&str> = found.iter().map(|vote| vote.member().as_str()).collect();
    assert_eq!(named, ["MY", "SG"]);
    assert_eq!(DoubleVote::between(&other, &one), found);
    assert_eq!(DoubleVote::between(&one, &one), []);
    let vote = &found[0];
    assert_eq!((vote.version(), vote.round()), (2, 1));
    assert_eq!(
        DoubleVote::parse(vote.to_string().as_bytes()).as_ref(),
        Ok(vote)
    );
    let chain = chain_of(&MEMBERS);
    assert!(vote.concerns(chain.in_force()));
    assert!(!vote.concerns(chain_of(&["SG", "TH"]).in_force()));
}

#[test]
fn a_next_round_is_another_ballot() {
    let (one, other) = two((1, 2), (&["MY"], &["MY"]));
    assert_eq!(DoubleVote::between(&one, &other), []);
    let (one, other) = two((1, 1), (&["MY"], &["SG"]));
    assert_eq!(DoubleVote::between(&one, &other), []);
}

/// A member that lists a name with a key of its own making convicts nobody.
#[test]
fn a_made_up_key_concerns_nobody() {
    let chain = chain_of(&MEMBERS);
    let forged = |name: &str| {
        let draft = next(&chain, |draft| {
            draft
                .rekey(&member("MY"), root("forger").public_key())
                .rename(&member("SG"), name)
        });
        draft.sign(&member("MY"), &root("forger")).unwrap()
    };
    let found = DoubleVote::between(&forged("one"), &forged("two"));
    assert_eq!(found.len(), 1);
    assert!(!found[0].concerns(chain.in_force()));
}

variants!(FAULTS, fault, DoubleVoteError, {
    DoubleVoteError::TooLarge => "TooLarge",
    DoubleVoteError::Form => "Form",
    DoubleVoteError::Charter(_) => "Charter",
    DoubleVoteError::SameText => "SameText",
    DoubleVoteError::OtherBallot => "OtherBallot",
    DoubleVoteError::NoCommonSigner => "NoCommonSigner",
    DoubleVoteError::NotCanonical => "NotCanonical",
});

fn cases() -> Vec<Vector> {
    let text = |(one, other): (UnverifiedCharter, UnverifiedCharter)| {
        let (first, second) = if one.hash() < other.hash() {
            (one, other)
        } else {
            (other, one)
        };
        let text =
            |charter: &UnverifiedCharter| String::from_utf8(charter.bytes().to_vec()).unwrap();
        (text(&first), text(&second))
    };
    let file = |(one, other): (String, String)| {
        format!("kentong double vote v1\n\n{one}\n{other}").into_bytes()
    };
    let (one, other) = text(two((1, 1), (&["MY"], &["MY"])));
    let valid = file((one.clone(), other.clone()));
    let vote = DoubleVote::parse(&valid).unwrap();
    assert_eq!(vote.to_string().into_bytes(), valid);
    let fault = |name: &str, bytes: Vec<u8>| {
        let error = DoubleVote::parse(&bytes).unwrap_err();
        Vector::fault(name, bytes, error)
    };
    vec![
        Vector::valid("valid", valid.clone()),
        fault("another-title", replaced(&valid, "vote v1", "vote v2")),
        fault(
            "one-vote",
            format!("kentong double vote v1\n\n{one}").into_bytes(),
        ),
        fault(
            "three-votes",
            [valid.as_slice(), b"\n", one.as_bytes()].concat(),
        ),
        fault(
            "not-a-charter",
            replaced(&valid, "\"round\": 1", "\"round\": 0"),
        ),
        fault("the-same-vote", file((one.clone(), one.clone()))),
        fault("two-rounds", file(text(two((1, 2), (&["MY"], &["MY"]))))),
        fault("two-signers", file(text(two((1, 1), (&["MY"], &["SG"]))))),
        fault("signature-spoilt", {
            let charter = UnverifiedCharter::parse(one.as_bytes()).unwrap();
            file((vectors::spoil_signature_of(&charter, "MY"), other.clone()))
        }),
        fault("votes-swapped", file((other, one))),
        fault(
            "more-signatures",
            file(text(two((1, 1), (&["MY", "SG"], &["MY"])))),
        ),
    ]
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn golden_double_votes() {
    let file = golden!("charter/double-votes.tsv");
    check_made(&file, &cases());
    check_read(&file, DoubleVote::parse, |vote| {
        vote.to_string().into_bytes()
    });
    let faults = FAULTS
        .iter()
        .filter(|name| **name != fault(&DoubleVoteError::TooLarge));
    check_outcomes(&file, &Vec::from_iter(faults.copied()));
    let long = vec![b' '; DoubleVote::MAX_LEN + 1];
    assert_eq!(DoubleVote::parse(&long), Err(DoubleVoteError::TooLarge));
}

#[test]
fn who_votes_for_everything_leaves_room_for_others() {
    let chain = chain_of(&MEMBERS);
    let renaming = |to: &str, round, by: &[&str]| {
        let draft = next(&chain, |draft| draft.rename(&member("SG"), to).round(round));
        signed_by(draft, by)
    };
    let mut ballots = Ballots::default();
    // Nobody's, or that of a newcomer who signs for itself.
    ballots.see(&chain, &renaming("x", 1, &[]));
    let newcomer = next(&chain, |draft| {
        draft.member(member("VN"), "VN", root("VN").public_key(), [])
    });
    ballots.see(&chain, &signed_by(newcomer, &["VN"]));
    assert_eq!(ballots.iter().count(), 0);
    let many = u32::try_from(MAX_BALLOTS).unwrap() + 10;
    for round in 1..=many {
        ballots.see(&chain, &renaming("x", round, &["MY"]));
    }
    assert_eq!(ballots.iter().count(), MAX_BALLOTS);
    let modest = renaming("y", 1, &["TH"]);
    ballots.see(&chain, &modest);
    assert_eq!(ballots.iter().count(), MAX_BALLOTS);
    assert!(ballots.iter().any(|held| held.hash() == modest.hash()));
    let with_mine = ballots.joined(&renaming("y", 1, &["SG"]));
    assert_eq!(with_mine.signers().len(), 2);
}
