//! Versions that follow each other, each with the votes that it takes.

use std::collections::BTreeSet;

use kentong_keys::MemberName;

use super::*;

pub(super) fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

pub(super) fn chain_of(names: &[&str]) -> Chain {
    let charter = signed_by(draft_of(names).build().unwrap(), names);
    Chain::begin(charter.bytes()).unwrap()
}

/// The version after the one in force.
pub(super) fn next(chain: &Chain, change: impl FnOnce(Draft) -> Draft) -> UnverifiedCharter {
    change(Draft::after(chain.in_force(), time(NOW + 1)))
        .build()
        .unwrap()
}

fn admitting<'a>(name: &'a str) -> impl Fn(Draft) -> Draft + 'a {
    move |draft| draft.member(member(name), name, root(name).public_key(), [])
}

fn removing<'a>(name: &'a str) -> impl Fn(Draft) -> Draft + 'a {
    move |draft| draft.without(&member(name))
}

fn too_few(result: Result<Step, ChainError>) -> (u32, u32, Action, usize, u16) {
    match result {
        Err(ChainError::TooFew { version, need }) => (
            version,
            need.by,
            need.action,
            need.signed.len(),
            need.needed,
        ),
        other => panic!("{other:?}"),
    }
}

const ELEVEN: [&str; 11] = [
    "BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN",
];

#[test]
fn a_life_of_eleven() {
    let mut chain = chain_of(&ELEVEN);
    let id = chain.id();
    let admit = next(&chain, admitting("AU"));
    let seven = signed_by(admit, &ELEVEN[..7]);
    assert_eq!(
        too_few(chain.offer(seven.clone())),
        (2, 1, Action::Admit, 7, 8)
    );
    assert_eq!(chain.in_force().version(), 1);
    let eight = signed_by(seven, &["SG"]);
    assert_eq!(chain.offer(eight.clone()), Ok(Step::New));
    assert_eq!(chain.offer(eight), Ok(Step::Known));

    // Of twelve members, eight again; the one to be removed cannot sign.
    let remove = next(&chain, removing("MM"));
    let signers: Vec<&str> = ELEVEN.into_iter().filter(|name| *name != "MM").collect();
    assert_eq!(
        remove.sign(&member("MM"), &root("MM")),
        Err(CharterError::NotAMember(member("MM")))
    );
    let seven = signed_by(remove, &signers[..7]);
    assert_eq!(
        too_few(chain.offer(seven.clone())),
        (3, 2, Action::Remove, 7, 8)
    );
    // The member that came last has a vote like everybody.
    assert_eq!(chain.offer(signed_by(seven, &["AU"])), Ok(Step::New));

    let amend = next(&chain, |draft| {
        draft
            .expires(time(NOW + 2))
            .rename(&member("AU"), "Australia")
    });
    assert_eq!(chain.offer(signed_by(amend, &signers[..8])), Ok(Step::New));
    assert_eq!((chain.id(), chain.in_force().id()), (id, id));
    assert_eq!(chain.in_force().version(), 4);
    let kinds: Vec<Vec<Action>> = chain
        .changes()
        .map(|(_, changes)| changes.actions().iter().copied().collect())
        .collect();
    let expected = [Action::Admit, Action::Remove, Action::Amend].map(|action| vec![action]);
    assert_eq!(kinds, expected);
    let text = chain.to_text();
    assert_eq!(Chain::parse(text.as_bytes()), Ok(chain));
}

#[test]
fn in_a_federation_of_two_nobody_is_removed() {
    let chain = chain_of(&["MY", "SG"]);
    let remove = signed_by(next(&chain, removing("SG")), &["MY"]);
    let tally = chain.tally(&remove).unwrap();
    let need = tally.unmet().unwrap();
    assert_eq!((need.by, need.signed.len(), need.needed), (1, 1, 2));
    assert!(!need.can_be_met());
}

#[test]
fn both_versions_count_the_votes() {
    let mut chain = chain_of(&["MY", "SG", "TH"]);
    // Version 1 asks for two, version 2 asks for all of its four.
    let strict = Thresholds {
        admit: 4,
        amend: 4,
        remove: 4,
        suspend: 1,
    };
    let admit = next(&chain, |draft| admitting("VN")(draft).thresholds(strict));
    let three = signed_by(admit, &["MY", "SG", "TH"]);
    let (_, by, _, signed, needed) = too_few(chain.offer(three.clone()));
    assert_eq!((by, signed, needed), (2, 3, 4));
    assert_eq!(chain.offer(signed_by(three, &["VN"])), Ok(Step::New));
}

#[test]
fn thresholds_that_follow_the_formula_are_no_amendment() {
    let mut chain = chain_of(&["MY", "SG", "TH"]);
    let admit = next(&chain, admitting("VN"));
    assert_eq!(*admit.terms().thresholds(), Thresholds::default_of(4));
    let tally = chain.tally(&admit).unwrap();
    assert_eq!(*tally.changes().actions(), BTreeSet::from([Action::Admit]));
    let kept = Thresholds {
        admit: 3,
        ..Thresholds::default_of(3)
    };
    let amend = next(&chain, |draft| draft.thresholds(kept));
    let tally = chain.tally(&amend).unwrap();
    assert_eq!(*tally.changes().actions(), BTreeSet::from([Action::Amend]));
    chain.offer(signed_by(amend, &["MY", "SG", "TH"])).unwrap();
    // Written ones stay as they are, and so may have to be written again.
    let draft = admitting("VN")(Draft::after(chain.in_force(), time(NOW)));
    assert!(matches!(
        draft.build(),
        Err(CharterError::ThresholdTooLow { .. })
    ));
}

#[test]
fn a_root_key_is_replaced_without_its_own_vote() {
    let mut chain = chain_of(&["MY", "SG", "TH", "VN"]);
    let rekey = next(&chain, |draft| {
        draft.rekey(&member("TH"), root("TH-2").public_key())
    });
    assert_eq!(
        rekey.sign(&member("TH"), &root("TH")),
        Err(CharterError::NotTheirKey(member("TH")))
    );
    // The new key counts by the new version only.
    let three = signed_by(rekey, &["MY", "SG"]);
    let three = three.sign(&member("TH"), &root("TH-2")).unwrap();
    let (_, by, action, signed, needed) = too_few(chain.offer(three.clone()));
    assert_eq!((by, signed, needed), (1, 2, 3));
    assert!(matches!(action, Action::Admit | Action::Remove));
    assert_eq!(chain.offer(signed_by(three, &["VN"])), Ok(Step::New));

    // The key that was replaced is gone for good, under whichever name.
    let back = next(&chain, |draft| {
        draft.rekey(&member("TH"), root("TH").public_key())
    });
    let used = |name: &str, holder: &str| ChainError::KeyUsed {
        member: member(name),
        holder: member(holder),
    };
    assert_eq!(chain.tally(&back), Err(used("TH", "TH")));
    let other = next(&chain, |draft| {
        draft.member(member("LA"), "Laos", root("TH").public_key(), [])
    });
    assert_eq!(chain.tally(&other), Err(used("LA", "TH")));
}

#[test]
fn a_name_is_given_once() {
    let mut chain = chain_of(&["MY", "SG", "TH", "VN"]);
    let remove = next(&chain, removing("VN"));
    chain.offer(signed_by(remove, &["MY", "SG", "TH"])).unwrap();
    let other = next(&chain, |draft| {
        draft.member(member("VN"), "Viet Nam", root("other").public_key(), [])
    });
    assert_eq!(
        chain.tally(&other),
        Err(ChainError::NameTaken(member("VN")))
    );
    let renamed = next(&chain, |draft| {
        draft.member(member("LA"), "Laos", root("VN").public_key(), [])
    });
    assert!(matches!(
        chain.tally(&renamed),
        Err(ChainError::KeyUsed { .. })
    ));
    // The same agency by the same key may come back.
    let back = next(&chain, admitting("VN"));
    assert_eq!(
        chain.offer(signed_by(back, &["MY", "SG", "TH"])),
        Ok(Step::New)
    );
}

#[test]
fn the_highest_completed_round_is_in_force() {
    let mut chain = chain_of(&["MY", "SG", "TH"]);
    let first = next(&chain, admitting("VN"));
    let second = next(&chain, |draft| admitting("LA")(draft).round(2));
    let third = next(&chain, |draft| admitting("KH")(draft).round(3));
    let beside = next(&chain, |draft| admitting("PH")(draft).round(2));
    let by = |charter: &UnverifiedCharter| signed_by(charter.clone(), &["MY", "SG", "TH"]);
    // A round that failed does not stand in the way, nor does one that completes late.
    assert_eq!(chain.offer(by(&second)), Ok(Step::New));
    assert_eq!(chain.offer(by(&first)), Ok(Step::EarlierRound));
    assert_eq!(
        chain.offer(by(&beside)),
        Err(ChainError::SameRound {
            version: 2,
            round: 2
        })
    );
    // What is not valid replaces nothing.
    let short = signed_by(third.clone(), &["MY"]);
    assert_eq!(too_few(chain.offer(short)).3, 1);
    assert_eq!(chain.offer(by(&third)), Ok(Step::Replaced));
    assert_eq!(chain.in_force().hash(), &third.hash());
    // The name that only the replaced document gave is free.
    let free = next(&chain, |draft| {
        draft.member(member("LA"), "Laos", root("other").public_key(), [])
    });
    let settled = signed_by(free, &["MY", "SG", "TH"]);
    let settled = signed_by(settled, &["KH"]);
    assert_eq!(chain.offer(settled), Ok(Step::New));
    let late = signed_by(
        Draft::after(chain.version(1).unwrap(), time(NOW))
            .member(member("PH"), "x", root("PH").public_key(), [])
            .round(9)
            .build()
            .unwrap(),
        &["MY", "SG", "TH"],
    );
    assert_eq!(
        chain.offer(late.clone()),
        Err(ChainError::Settled { version: 2 })
    );
    assert_eq!(
        chain.may_vote(&late, time(NOW)),
        Err(ChainError::Settled { version: 2 })
    );
}

#[test]
fn after_the_date_nobody_comes_in() {
    let charter = draft_of(&["MY", "SG"]).expires(time(NOW + 10));
    let charter = signed_by(charter.build().unwrap(), &["MY", "SG"]);
    let mut chain = Chain::begin(charter.bytes()).unwrap();
    let admitting_at = |chain: &Chain, at: u64| {
        let draft = Draft::after(chain.in_force(), time(at)).expires(time(NOW + 1000));
        admitting("VN")(draft).build().unwrap()
    };
    let expired = ChainError::Expired {
        expired: time(NOW + 10),
        newcomer: member("VN"),
    };
    let in_time = admitting_at(&chain, NOW + 9);
    let late = admitting_at(&chain, NOW + 10);
    assert_eq!(chain.tally(&late), Err(expired.clone()));
    assert!(chain.may_vote(&in_time, time(NOW + 9)).is_ok());
    // Drafted in time, but voted on too late; a member that finds it complete follows it all the same.
    assert_eq!(chain.may_vote(&in_time, time(NOW + 10)), Err(expired));
    let complete = signed_by(in_time, &["MY", "SG", "VN"]);
    assert_eq!(chain.clone().offer(complete), Ok(Step::New));

    let renew = Draft::after(chain.in_force(), time(NOW + 20)).expires(time(NOW + 1000));
    let renew = renew.build().unwrap();
    assert!(chain.may_vote(&renew, time(NOW + 20)).is_ok());
    chain.offer(signed_by(renew, &["MY", "SG"])).unwrap();
    let admit = admitting_at(&chain, NOW + 30);
    assert!(chain.may_vote(&admit, time(NOW + 30)).is_ok());
}

#[test]
fn what_changed_is_named() {
    let chain = chain_of(&["MY", "SG", "TH"]);
    let banks: GroupName = "banks".parse().unwrap();
    let mekong: GroupName = "mekong".parse().unwrap();
    let after = next(&chain, |draft| {
        admitting("VN")(draft)
            .without(&member("SG"))
            .rekey(&member("TH"), root("TH-2").public_key())
            .rename(&member("MY"), "Malaysia")
            .regroup(&member("MY"), std::slice::from_ref(&mekong))
            .expires(time(NOW + 5))
            .quota(Quota {
                statements_per_day: 1,
                stored_bytes: 2,
            })
    });
    let changes = Changes::between(chain.in_force().terms(), after.terms());
    let shown: Vec<String> = changes.list().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "admits VN",
            "removes SG",
            "replaces the root key of TH",
            "shows MY as “Malaysia” instead of “Pusat “Anti-Scam” MY”",
            "puts MY in mekong, takes MY out of banks",
            "makes the group mekong",
            "a publisher may say 1 statements a day and have 2 bytes kept, instead of 5000000 and \
             68719476736",
            "admissions stop: 2026-09-21T14:13:25Z instead of never",
        ]
    );
    assert_eq!(
        *changes.actions(),
        BTreeSet::from([Action::Admit, Action::Amend, Action::Remove])
    );
    assert!(
        after.terms().groups().contains(&banks),
        "kept until dropped"
    );
    let without: Vec<_> = changes.without_vote().map(MemberName::as_str).collect();
    assert_eq!(without, ["SG", "TH"]);
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Admit,
    Remove,
    Amend,
    Rekey,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A version is in force exactly if enough of those who have a vote signed, no matter which
    /// and in whatever order their copies were joined.
    #[test]
    fn votes_are_counted(
        count in 2_usize..7,
        kind in prop_oneof![
            Just(Kind::Admit), Just(Kind::Remove), Just(Kind::Amend), Just(Kind::Rekey)
        ],
        votes in proptest::collection::vec(any::<bool>(), 7),
        order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let names = &ELEVEN[..count];
        let mut chain = chain_of(names);
        let target = names[0];
        let draft = next(&chain, |draft| match kind {
            Kind::Admit => admitting("AU")(draft),
            Kind::Remove => removing(target)(draft),
            Kind::Amend => draft.expires(time(NOW + 9)),
            Kind::Rekey => draft.rekey(&member(target), root("new").public_key()),
        });
        let silent = matches!(kind, Kind::Remove | Kind::Rekey);
        let voters: Vec<&str> = names
            .iter()
            .zip(&votes)
            .filter(|(name, votes)| **votes && !(silent && **name == target))
            .map(|(name, _)| *name)
            .collect();
        let mut joined = draft.clone();
        for at in order.iter().filter_map(|at| voters.get(*at)) {
            joined = joined.merge(&signed_by(draft.clone(), &[at])).unwrap();
        }
        let in_turn = signed_by(draft.clone(), &voters);
        prop_assert_eq!(&joined, &in_turn);
        let after = match kind {
            Kind::Admit => count + 1,
            Kind::Remove => count - 1,
            Kind::Amend | Kind::Rekey => count,
        };
        let two_thirds = |members: usize| (2 * members).div_ceil(3);
        let enough = voters.len() >= two_thirds(count).max(two_thirds(after));
        let taken = chain.offer(joined);
        prop_assert_eq!(taken.is_ok(), enough, "{:?}", taken);
        prop_assert_eq!(chain.in_force().version(), if enough { 2 } else { 1 });
        if enough {
            // Without one of the signatures on which it hangs it is refused.
            let mut fresh = chain_of(names);
            let short = two_thirds(count).max(two_thirds(after)) - 1;
            prop_assert!(fresh.offer(signed_by(draft, &voters[..short])).is_err());
            let parsed = Chain::parse(chain.to_text().as_bytes());
            prop_assert_eq!(parsed, Ok(chain));
        }
    }

    /// A file of all versions with one byte changed is refused; never does it say something else.
    #[test]
    fn any_change_of_a_chain_is_noticed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut chain = chain_of(&["MY", "SG"]);
        let admit = next(&chain, admitting("TH"));
        chain.offer(signed_by(admit, &["MY", "SG"])).unwrap();
        let mut bytes = chain.to_text().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Chain::parse(&bytes).is_err());
    }

    #[test]
    fn a_chain_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(Chain::parse(&bytes));
        drop(DoubleVote::parse(&bytes));
        drop(UnverifiedNotice::parse(&bytes));
    }
}
