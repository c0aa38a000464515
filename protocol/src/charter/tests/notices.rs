//! Notices, and who is in force as a member by them.

use super::chain::{chain_of, member, next};
use super::*;
use crate::golden::{Vector, check_made, check_outcomes, check_read, golden, variants};

const HOUR: u64 = 3600;
const MEMBERS: [&str; 4] = ["MY", "SG", "TH", "VN"];

fn leave_of(chain: &Chain, name: &str, from: u64) -> UnverifiedNotice {
    UnverifiedNotice::draft(chain.in_force(), member(name), Says::Leaves, time(from)).unwrap()
}

fn suspension_of(chain: &Chain, name: &str, from: u64, until: u64) -> UnverifiedNotice {
    let says = Says::Suspended { until: time(until) };
    UnverifiedNotice::draft(chain.in_force(), member(name), says, time(from)).unwrap()
}

fn by(chain: &Chain, notice: UnverifiedNotice, names: &[&str]) -> UnverifiedNotice {
    names.iter().fold(notice, |notice, name| {
        notice.sign(chain, &member(name), &root(name)).unwrap()
    })
}

fn verified(chain: &Chain, notice: UnverifiedNotice, names: &[&str]) -> Notice {
    by(chain, notice, names).verify(chain).unwrap()
}

#[test]
fn a_suspension_takes_a_third_and_not_the_one_it_is_about() {
    let chain = chain_of(&MEMBERS);
    let notice = suspension_of(&chain, "TH", NOW, NOW + 72 * HOUR);
    let th = notice.sign(&chain, &member("TH"), &root("TH"));
    let no_vote = NoticeError::Signature(SignatureError::NoVote(member("TH")));
    assert_eq!(th, Err(no_vote));
    let one = by(&chain, notice.clone(), &["MY"]);
    let open = ["SG", "VN"].map(member).to_vec();
    let too_few = NoticeError::TooFew { needed: 1, open };
    assert_eq!(
        too_few.to_string(),
        "it takes the signatures of 1 of SG, VN"
    );
    assert_eq!(one.clone().verify(&chain), Err(too_few));
    let other = by(&chain, notice, &["VN"]);
    let joined = other.merge(&chain, &one).unwrap();
    assert_eq!(joined, one.merge(&chain, &other).unwrap());
    let notice = joined.verify(&chain).unwrap();
    let mut notices = Notices::default();
    assert_eq!(notices.add(notice.clone(), &chain), Ok(true));
    assert_eq!(notices.add(notice, &chain), Ok(false));

    let at = |seconds| notices.membership(&member("TH"), &chain, time(seconds));
    let suspended = Membership::Suspended {
        until: time(NOW + 72 * HOUR),
    };
    for (seconds, expected) in [
        (NOW - 1, Membership::InForce),
        (NOW, suspended),
        (NOW + 72 * HOUR - 1, suspended),
        (NOW + 72 * HOUR, Membership::InForce),
    ] {
        assert_eq!(at(seconds), expected, "{seconds}");
    }
    let change = |seconds| notices.next_change(&chain, time(seconds));
    assert_eq!(change(NOW - 1), Some(time(NOW)));
    assert_eq!(change(NOW), Some(time(NOW + 72 * HOUR)));
    assert_eq!(change(NOW + 72 * HOUR), None);
    let sg = notices.membership(&member("SG"), &chain, time(NOW));
    assert_eq!(sg, Membership::InForce);
    let la = notices.membership(&member("LA"), &chain, time(NOW));
    assert_eq!(la, Membership::Stranger);
}

#[test]
fn a_leave_is_the_leavers_own_and_outlives_versions() {
    let mut chain = chain_of(&MEMBERS);
    let leave = leave_of(&chain, "VN", NOW);
    assert!(leave.sign(&chain, &member("MY"), &root("MY")).is_err());
    let leave = verified(&chain, leave, &["VN"]);
    let suspension = suspension_of(&chain, "TH", NOW, NOW + HOUR);
    let suspension = verified(&chain, suspension, &["MY", "SG"]);
    let mut notices = Notices::default();
    // An earlier word of the same member takes the place of a later one, whichever comes first.
    let later = verified(&chain, leave_of(&chain, "VN", NOW + 1), &["VN"]);
    assert_eq!(notices.add(later.clone(), &chain), Ok(true));
    assert_eq!(notices.add(leave, &chain), Ok(true));
    assert_eq!(notices.add(later, &chain), Ok(false));
    notices.add(suspension, &chain).unwrap();
    let state = |notices: &Notices, chain: &Chain, name: &str| {
        notices.membership(&member(name), chain, time(NOW))
    };
    let left = Membership::Left { since: time(NOW) };
    assert_eq!(state(&notices, &chain, "VN"), left);

    // A version that was drafted before does not bring the leaver back; it ends the suspension.
    let amend = next(&chain, |draft| draft.rename(&member("MY"), "Malaysia"));
    chain.offer(signed_by(amend, &["MY", "SG", "TH"])).unwrap();
    assert_eq!(state(&notices, &chain, "VN"), left);
    assert_eq!(state(&notices, &chain, "TH"), Membership::InForce);
    notices.fold(&chain);
    assert_eq!(notices.iter().count(), 1);

    let remove = next(&chain, |draft| draft.without(&member("VN")));
    chain.offer(signed_by(remove, &["MY", "SG", "TH"])).unwrap();
    assert_eq!(state(&notices, &chain, "VN"), Membership::Stranger);
    let back = next(&chain, |draft| {
        draft.member(member("VN"), "VN", root("VN").public_key(), [])
    });
    chain.offer(signed_by(back, &["MY", "SG", "TH"])).unwrap();
    assert_eq!(state(&notices, &chain, "VN"), Membership::InForce);
}

#[test]
fn suspensions_are_bounded_and_a_leave_needs_no_room() {
    let chain = chain_of(&MEMBERS);
    let mut notices = Notices::default();
    for at in 0..=u64::try_from(MAX_SUSPENSIONS).unwrap() {
        let notice = suspension_of(&chain, "TH", NOW + at, NOW + at + 1);
        let notice = verified(&chain, notice, &["MY", "SG"]);
        let expected = if at < 256 {
            Ok(true)
        } else {
            Err(TooManySuspensions)
        };
        assert_eq!(notices.add(notice, &chain), expected, "{at}");
    }
    let leave = verified(&chain, leave_of(&chain, "VN", NOW), &["VN"]);
    assert_eq!(notices.add(leave, &chain), Ok(true));
}

#[test]
fn notices_of_what_is_not_held_are_refused() {
    let chain = chain_of(&MEMBERS);
    let other = chain_of(&["MY", "SG"]);
    let leave = by(&other, leave_of(&other, "MY", NOW), &["MY"]);
    assert_eq!(leave.verify(&chain), Err(NoticeError::OtherFederation));
    let mut longer = chain.clone();
    let amend = next(&chain, |draft| draft.rename(&member("MY"), "Malaysia"));
    longer.offer(signed_by(amend, &["MY", "SG", "TH"])).unwrap();
    let leave = by(&longer, leave_of(&longer, "MY", NOW), &["MY"]);
    assert_eq!(
        leave.verify(&chain),
        Err(NoticeError::OtherCharter { version: 2 })
    );
    let stranger = UnverifiedNotice::draft(chain.in_force(), member("LA"), Says::Leaves, time(NOW));
    assert_eq!(stranger, Err(NoticeError::NotAMember(member("LA"))));
    let unsigned = leave_of(&chain, "MY", NOW).verify(&chain);
    let open = vec![member("MY")];
    assert_eq!(unsigned, Err(NoticeError::TooFew { needed: 1, open }));
}

variants!(FAULTS, fault, NoticeError, {
    NoticeError::TooLarge => "TooLarge",
    NoticeError::NotANote(_) => "NotANote",
    NoticeError::Malformed { .. } => "Malformed",
    NoticeError::UnknownFormat(_) => "UnknownFormat",
    NoticeError::NotCanonical => "NotCanonical",
    NoticeError::Value(..) => "Value",
    NoticeError::End => "End",
    NoticeError::Duration => "Duration",
    NoticeError::OtherFederation => "OtherFederation",
    NoticeError::OtherCharter { .. } => "OtherCharter",
    NoticeError::NotAMember(_) => "NotAMember",
    NoticeError::Signature(_) => "Signature",
    NoticeError::TooFew { .. } => "TooFew",
});

/// Reads a notice as it comes from somebody else, to its end.
fn open(bytes: &[u8]) -> Result<Notice, NoticeError> {
    UnverifiedNotice::parse(bytes)?.verify(&chain_of(&MEMBERS))
}

/// A valid notice with one text in it replaced, and signed again by MY and SG.
fn faulty(text: &str, from: &str, to: &str) -> Vec<u8> {
    assert!(text.contains(from), "{from}");
    signed(&text.replacen(from, to, 1))
}

fn signed(text: &str) -> Vec<u8> {
    let keys =
        ["MY", "SG"].map(|name| (format!("kentong/{name}/root").parse().unwrap(), root(name)));
    let keys = [(&keys[0].0, &keys[0].1), (&keys[1].0, &keys[1].1)];
    Note::sign(text, &keys).unwrap().bytes().to_vec()
}

#[expect(clippy::too_many_lines, reason = "a table, one row per vector")]
fn cases() -> Vec<Vector> {
    let chain = chain_of(&MEMBERS);
    let draft = suspension_of(&chain, "TH", NOW, NOW + 72 * HOUR);
    let text = std::str::from_utf8(draft.bytes()).unwrap().to_owned();
    let suspend = by(&chain, draft.clone(), &["MY", "SG"]);
    let leave = by(&chain, leave_of(&chain, "VN", NOW), &["VN"]);
    let fault = |name: &str, bytes: Vec<u8>| {
        let error = open(&bytes).expect_err(name);
        Vector::fault(name, bytes, error)
    };
    let (hash, id) = (chain.in_force().hash().to_string(), chain.id().to_string());
    let other = "a".repeat(64);
    let twice = [
        suspend.bytes(),
        suspend.bytes().rsplit(|b| *b == b'\n').nth(1).unwrap(),
        b"\n",
    ];
    vec![
        Vector::valid("suspend", suspend.bytes().to_vec()),
        Vector::valid("leave", leave.bytes().to_vec()),
        fault("not-signed", draft.bytes().to_vec()),
        fault(
            "cut-short",
            suspend.bytes()[..suspend.bytes().len() - 1].to_vec(),
        ),
        fault(
            "signature-missing",
            by(&chain, draft, &["MY"]).bytes().to_vec(),
        ),
        fault("signature-twice", twice.concat()),
        fault(
            "field-unknown",
            faulty(&text, "  \"from\"", "  \"hub\": 1,\n  \"from\""),
        ),
        fault("field-missing", faulty(&text, "  \"version\": 1,\n", "")),
        fault("format-unknown", faulty(&text, "notice/1", "notice/2")),
        fault("line-added", faulty(&text, "{\n", "{\n \n")),
        fault("federation", faulty(&text, &id, "")),
        fault("another-federation", faulty(&text, &id, &other)),
        fault(
            "version-zero",
            faulty(&text, "\"version\": 1", "\"version\": 0"),
        ),
        fault(
            "version-not-held",
            faulty(&text, "\"version\": 1", "\"version\": 2"),
        ),
        fault(
            "charter",
            faulty(&text, &format!("\"charter\": \"{hash}"), "\"charter\": \"x"),
        ),
        fault(
            "another-charter",
            faulty(
                &text,
                &format!("\"charter\": \"{hash}"),
                &format!("\"charter\": \"{other}"),
            ),
        ),
        fault("action", faulty(&text, "\"suspend\"", "\"expel\"")),
        fault("member", faulty(&text, "\"TH\"", "\"th\"")),
        fault("not-a-member", faulty(&text, "\"TH\"", "\"LA\"")),
        fault(
            "from",
            faulty(&text, "\"from\": \"2026-", "\"from\": \"26-"),
        ),
        fault(
            "until",
            faulty(&text, "\"until\": \"2026-", "\"until\": \"26-"),
        ),
        fault(
            "suspend-without-end",
            faulty(
                &text,
                "\"until\": \"2026-09-24T14:13:20Z\"",
                "\"until\": null",
            ),
        ),
        fault("leave-with-end", faulty(&text, "\"suspend\"", "\"leave\"")),
        fault(
            "ends-as-it-begins",
            faulty(&text, "2026-09-24", "2026-09-21"),
        ),
        fault(
            "longer-than-72-hours",
            faulty(&text, "2026-09-24T14:13:20Z", "2026-09-24T14:13:21Z"),
        ),
        fault(
            "time-in-another-zone",
            faulty(&text, "2026-09-21T14:13:20Z", "2026-09-21T22:13:20+08:00"),
        ),
        fault("by-the-one-it-is-about", faulty(&text, "\"TH\"", "\"MY\"")),
        fault("text-changed-after-signing", {
            let text = std::str::from_utf8(suspend.bytes()).unwrap();
            text.replacen("\"TH\"", "\"VN\"", 1).into_bytes()
        }),
    ]
}

#[test]
fn golden_notices() {
    let file = golden!("charter/notices.tsv");
    check_made(&file, &cases());
    check_read(&file, open, |notice| notice.note().bytes().to_vec());
    let faults = FAULTS
        .iter()
        .filter(|name| **name != fault(&NoticeError::TooLarge));
    check_outcomes(&file, &Vec::from_iter(faults.copied()));
    let long = vec![b' '; MAX_NOTICE + 1];
    assert_eq!(UnverifiedNotice::parse(&long), Err(NoticeError::TooLarge));
}

proptest! {
    #[test]
    fn any_change_of_a_notice_is_noticed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let chain = chain_of(&MEMBERS);
        let notice = suspension_of(&chain, "TH", NOW, NOW + HOUR);
        let mut bytes = by(&chain, notice, &["MY", "SG"]).bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(open(&bytes).is_err());
    }
}

#[test]
fn open_notices_wait_for_signatures_and_no_longer_than_they_may() {
    let chain = chain_of(&MEMBERS);
    let (now, until) = (time(NOW), NOW + HOUR);
    let draft = suspension_of(&chain, "TH", NOW, until);
    let mut open = OpenNotices::default();
    let unsigned = open.add(draft.clone(), &chain, now);
    assert_eq!(unsigned, Ok(Collected::Waits(false)));
    let mine = by(&chain, draft.clone(), &["MY"]);
    let news = |open: &mut OpenNotices, notice: &UnverifiedNotice| {
        open.add(notice.clone(), &chain, now).unwrap()
    };
    assert_eq!(news(&mut open, &mine), Collected::Waits(true));
    assert_eq!(news(&mut open, &mine), Collected::Waits(false));
    let read = OpenNotices::parse(open.to_text().as_bytes()).unwrap();
    assert_eq!(read, open);
    for n in 0..MAX_OPEN_NOTICES as u64 + 3 {
        let other = suspension_of(&chain, "VN", NOW, until + n);
        news(&mut open, &by(&chain, other, &["SG"]));
    }
    assert_eq!(open.iter().count(), MAX_OPEN_NOTICES);
    assert!(open.iter().any(|held| held.hash() == mine.hash()));
    let complete = news(&mut open, &by(&chain, draft, &["VN"]));
    assert!(matches!(complete, Collected::Complete(_)), "{complete:?}");
    assert!(!open.iter().any(|held| held.hash() == mine.hash()));
    open.fold(&chain, time(until + 100));
    assert_eq!(open.iter().count(), 0);
}
