//! It is not known what was signed last: who must be heard, what must be back, and what is settled on.

use super::*;

const WHY: &str = "the signer state is missing";
const READERS: [&str; 6] = ["AA", "BB", "CC", "DD", "EE", "FF"];

fn recovery() -> RecoveryId {
    "00112233445566778899aabbccddeeff".parse().unwrap()
}

pub(super) fn asking() -> History {
    let mut history = open_since(EARLY);
    history.ask(recovery(), WHY.to_owned(), at(EARLY));
    history
}

/// One feed for us alone, and one that six read.
fn home() -> Home {
    Home::new(vec![feed(1, &[], 3), feed(2, &READERS, 4)])
}

fn hear(history: &mut History, home: &Home, names: &[&str], now: u64) {
    for name in names {
        assert_eq!(history.compared(&member(name), at(now), home), []);
    }
}

fn entries(settlement: &Settlement) -> BTreeMap<Digest, Signed> {
    settlement.heads.clone().unwrap()
}

fn terms(recovery: RecoveryId, federation: Digest) -> GoAheadTerms {
    GoAheadTerms {
        member: member("MY"),
        federation,
        recovery,
        issued: 0,
    }
}

#[test]
fn nothing_is_signed_said_or_released_meanwhile() {
    let home = home();
    let mut history = asking();
    assert_eq!(history.may_publish(), Err(Why::Unknown));
    assert_eq!(history.may_say(), Err(Why::Unknown));
    let late = 100 * RECOVERY;
    assert_eq!(history.may_release(at(late), &home), Err(Why::Unknown));
    assert!(!history.is_complete() && !history.is_loading());
    let asking = history.asking().unwrap();
    assert_eq!((asking.why(), asking.recovery()), (WHY, recovery()));
}

#[test]
fn exactly_two_thirds_are_not_enough() {
    let (home, asked) = (home(), members(&READERS));
    let mut history = asking();
    hear(&mut history, &home, &READERS[..4], 1);
    assert_eq!(
        history.look_for_settlement(at(1), &asked, &home),
        None,
        "4 of 6"
    );
    hear(&mut history, &home, &READERS[..4], 1);
    assert_eq!(
        history.look_for_settlement(at(1), &asked, &home),
        None,
        "again"
    );
    hear(&mut history, &home, &["ZZ"], 1);
    assert_eq!(
        history.look_for_settlement(at(1), &asked, &home),
        None,
        "not asked"
    );
    hear(&mut history, &home, &READERS[4..5], 1);
    let settlement = history.look_for_settlement(at(1), &asked, &home).unwrap();
    assert_eq!((settlement.by, settlement.gone), (By::Readers, 0));
    // One was not heard, so the feed ends; what is for us alone does in any case.
    let ended = [1, 2].map(|feed| (*id(feed).digest(), Signed::ENDED));
    assert_eq!(entries(&settlement), BTreeMap::from(ended));
}

#[test]
fn each_feed_needs_its_own_readers() {
    let few = feed(3, &["AA"], 2);
    let home = Home::new(vec![feed(2, &READERS, 4), few]);
    let asked = members(&READERS);
    let mut history = asking();
    hear(&mut history, &home, &READERS[1..], 1);
    assert_eq!(history.look_for_settlement(at(1), &asked, &home), None);
    let waits = |history: &History| {
        let quorums = history.asking().unwrap().quorums(&asked, &home);
        let unmet = quorums.into_iter().filter(|(_, quorum)| !quorum.is_met());
        unmet.map(|(feed, _)| feed).collect::<Vec<_>>()
    };
    assert_eq!(waits(&history), [Some(id(3))]);
    hear(&mut history, &home, &["AA"], 1);
    assert_eq!(waits(&history), []);
    assert!(history.look_for_settlement(at(1), &asked, &home).is_some());
}

#[test]
fn all_members_must_be_heard_about_feeds_that_are_not_known() {
    let (home, asked) = (Home::new(Vec::new()), members(&READERS));
    let mut history = asking();
    hear(&mut history, &home, &READERS[..4], 1);
    assert_eq!(history.look_for_settlement(at(1), &asked, &home), None);
    hear(&mut history, &home, &READERS[4..5], 1);
    assert!(history.look_for_settlement(at(1), &asked, &home).is_some());
}

#[test]
fn the_longest_head_that_a_reader_showed_counts() {
    let (home, heads) = (home(), InMemory::unknown());
    for sizes in [[5, 7, 6], [7, 6, 5], [5, 6, 7]] {
        let mut history = asking();
        for size in sizes {
            history.shown(&member("AA"), (id(2), head(size)), at(1), &home, &heads);
        }
        history.shown(&member("BB"), (id(2), head(6)), at(1), &home, &heads);
        let unfinished = history.asking().unwrap().unfinished(&home);
        assert_eq!(unfinished[0].shown, 7, "{sizes:?}");
    }
}

#[test]
fn a_feed_continues_only_if_every_reader_was_heard() {
    let home = home();
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    let settlement = history.look_for_settlement(at(1), &members(&READERS), &home);
    let known = entries(&settlement.unwrap());
    assert_eq!(known[id(2).digest()], head(4));
    assert_eq!(known[id(1).digest()], Signed::ENDED, "no reader knows it");

    // One has left: it is not asked, and what it holds was signed all the same.
    let mut history = asking();
    hear(&mut history, &home, &READERS[..5], 1);
    let settlement = history.look_for_settlement(at(1), &members(&READERS[..5]), &home);
    assert_eq!(entries(&settlement.unwrap())[id(2).digest()], Signed::ENDED);
}

#[test]
fn leaves_that_were_shown_must_come_back_and_bodies_are_waited_for() {
    let (mut home, asked) = (home(), members(&READERS));
    let heads = InMemory::unknown();
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    let shown = history.shown(&member("AA"), (id(2), head(6)), at(2), &home, &heads);
    assert_eq!(shown[0], Output::Mark);
    let late = 100 * STALLED;
    assert_eq!(history.look_for_settlement(at(late), &asked, &home), None);
    let unfinished = history.asking().unwrap().unfinished(&home);
    let expected = Unfinished {
        feed: id(2),
        held: 4,
        shown: 6,
        missing: 0,
        undecrypted: 0,
    };
    assert_eq!(unfinished, [expected]);
    let by: Vec<_> = history.asking().unwrap().shown_of(id(2)).collect();
    assert_eq!(by, [&member("AA")]);

    // The leaves are back, a body is not: that is waited for while anything still comes.
    home.feed(2).size = 6;
    home.feed(2).covered = 6;
    home.feed(2).missing = 1;
    let now = 10_000;
    assert_eq!(history.came_back(id(2), at(now), &home, &heads), []);
    history.came_back(id(9), at(now + 9), &home, &heads); // Not ours.
    let before = now + STALLED - 1;
    assert_eq!(history.look_for_settlement(at(before), &asked, &home), None);
    let settlement = history.look_for_settlement(at(now + STALLED), &asked, &home);
    let settlement = settlement.unwrap();
    assert_eq!(settlement.gone, 1);
    assert_eq!(entries(&settlement)[id(2).digest()], head(6));

    // So does it while anybody is heard, or shows something.
    let mut heard = now + STALLED - 1;
    hear(&mut history, &home, &["AA"], heard);
    let before = heard + STALLED - 1;
    assert_eq!(history.look_for_settlement(at(before), &asked, &home), None);
    heard = before;
    history.shown(&member("AA"), (id(2), head(6)), at(heard), &home, &heads);
    let before = heard + STALLED - 1;
    assert_eq!(history.look_for_settlement(at(before), &asked, &home), None);

    home.feed(2).missing = 0;
    let settlement = history.look_for_settlement(at(now), &asked, &home);
    assert_eq!(settlement.unwrap().gone, 0, "at once when all is back");
}

#[test]
fn to_look_for_what_is_lost_is_no_sign_that_it_is_back() {
    let (mut home, asked, heads) = (home(), members(&READERS), InMemory::unknown());
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    history.shown(&member("AA"), (id(2), head(6)), at(1), &home, &heads);
    home.feed(2).size = 6;
    home.feed(2).covered = 6;
    home.feed(2).missing = 1; // Nobody gives it any longer.
    for now in (1..=STALLED).step_by(1_000) {
        assert_eq!(history.look_for_lost(at(now), &home, &heads), []);
        assert_eq!(history.look_for_settlement(at(now), &asked, &home), None);
    }
    let settlement = history.look_for_settlement(at(1 + STALLED), &asked, &home);
    assert_eq!(settlement.unwrap().gone, 1);
}

#[test]
fn only_what_is_covered_and_not_short_is_a_head() {
    let (mut home, asked) = (home(), members(&READERS));
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    let go_ahead = |history: &History, home: &Home| {
        let terms = terms(recovery(), root(9, 9));
        entries(&history.go_ahead(&terms, &root(9, 9), home).unwrap())
    };
    assert_eq!(go_ahead(&history, &home)[id(2).digest()], head(4));
    home.feed(2).covered = 3;
    let late = 100 * STALLED;
    assert_eq!(history.look_for_settlement(at(late), &asked, &home), None);
    assert_eq!(go_ahead(&history, &home)[id(2).digest()], Signed::ENDED);
    // Nor is what is short of what somebody showed.
    home.feed(2).covered = 4;
    history.shown(
        &member("AA"),
        (id(2), head(5)),
        at(2),
        &home,
        &InMemory::unknown(),
    );
    assert_eq!(go_ahead(&history, &home)[id(2).digest()], Signed::ENDED);
}

#[test]
fn a_head_of_another_history_settles_nothing() {
    let (home, asked) = (home(), members(&READERS));
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    let other = Signed {
        size: 3,
        root: root(7, 3),
    };
    history.shown(
        &member("BB"),
        (id(2), other),
        at(1),
        &home,
        &InMemory::unknown(),
    );
    let settlement = history.look_for_settlement(at(1), &asked, &home).unwrap();
    let contradiction = Contradiction {
        member: member("BB"),
        feed: id(2),
    };
    assert_eq!(settlement.heads, Err(contradiction));
}

#[test]
fn settled_it_loads_all_first_and_then_publishes() {
    let (home, asked) = (home(), members(&READERS));
    let mut heads = InMemory::unknown();
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    let settlement = history.look_for_settlement(at(1), &asked, &home).unwrap();
    heads.settle(entries(&settlement)).unwrap();
    let outputs = history.settled(settlement.by, &home, &heads);
    let expected = [Output::OpenFeeds, Output::CosignAll, Output::ReleaseAll];
    assert_eq!(outputs, expected);
    assert_eq!(history.settled(By::Readers, &home, &heads), [], "once");
    assert!(history.asking().is_none());
    assert_eq!(history.may_publish(), Ok(()));
    let loading = Err(Why::Loading { batches: 4 });
    assert_eq!(history.may_say(), loading);
    assert_eq!(
        history.may_release(at(1), &home),
        Err(Why::Loading { batches: 4 })
    );
    for leaf in 0..4 {
        assert_eq!(history.next_to_load(), Some((id(2), leaf)));
        history.loaded(Some(1));
    }
    assert!(history.is_complete());
    assert_eq!(history.may_say(), Ok(()));
    assert_eq!(
        history.may_release(at(1), &home),
        Ok(Vec::new()),
        "confirmed"
    );
}

#[test]
fn the_root_key_needs_no_reader_but_names_this_recovery() {
    let home = home();
    let federation = root(9, 9);
    let mut history = asking();
    hear(&mut history, &home, &READERS[..1], 1);
    let other = "ff112233445566778899aabbccddeeff".parse().unwrap();
    for (terms, federation) in [
        (terms(other, federation), federation),
        (terms(recovery(), root(8, 8)), federation),
    ] {
        let refused = history.go_ahead(&terms, &federation, &home);
        assert_eq!(refused, Err(NoGoAhead::Other(recovery())));
    }
    let terms = terms(recovery(), federation);
    let known = open_since(EARLY);
    let refused = known.go_ahead(&terms, &federation, &home);
    assert_eq!(refused, Err(NoGoAhead::NotAsked));

    let settlement = history.go_ahead(&terms, &federation, &home).unwrap();
    assert_eq!(settlement.by, By::RootKey);
    assert_eq!(entries(&settlement)[id(2).digest()], Signed::ENDED);
    let mut heads = InMemory::unknown();
    heads.settle(entries(&settlement)).unwrap();
    let outputs = history.settled(settlement.by, &home, &heads);
    let warning = Output::Warn(Warning::ByRootKey { heard: 1 });
    assert_eq!(outputs[0], warning);

    let mut stopped = asking();
    stopped.stop("so".to_owned());
    let refused = stopped.go_ahead(&terms, &federation, &home);
    assert_eq!(refused, Err(NoGoAhead::Stopped("so".to_owned())));
}

#[test]
fn what_was_shown_and_did_not_come_is_loaded_when_it_does() {
    let mut home = home();
    let mut heads = InMemory::unknown();
    let mut history = asking();
    history.shown(&member("AA"), (id(2), head(6)), at(1), &home, &heads);
    history.shown(&member("AA"), (id(7), head(5)), at(1), &home, &heads);
    let federation = root(9, 9);
    let settlement = history.go_ahead(&terms(recovery(), federation), &federation, &home);
    let settlement = settlement.unwrap();
    let ended = [1, 2, 7].map(|feed| (*id(feed).digest(), Signed::ENDED));
    assert_eq!(entries(&settlement), BTreeMap::from(ended));
    heads.settle(entries(&settlement)).unwrap();
    let outputs = history.settled(settlement.by, &home, &heads);
    assert!(
        !outputs.contains(&Output::Unmark),
        "the next start looks again"
    );
    while history.next_to_load().is_some() {
        assert!(!history.loaded(Some(0)).contains(&Output::Unmark));
    }
    // Nothing waits for what is still away.
    assert_eq!(history.may_release(at(1), &home), Ok(Vec::new()));
    assert!(history.comes_back(id(2)) && history.comes_back(id(7)));
    assert!(!history.is_complete());

    home.feed(2).size = 6;
    home.feed(2).covered = 6;
    let outputs = history.came_back(id(2), at(9), &home, &heads);
    assert_eq!(
        outputs,
        [Output::Settle(About::Lost(id(2)))],
        "it has ended"
    );
    assert_eq!(history.next_to_load(), Some((id(2), 0)));
    assert_eq!(history.may_say(), Ok(()), "nothing new waits for it either");
}

#[test]
fn what_is_back_when_it_is_settled_is_lost_no_longer() {
    let (mut home, asked) = (home(), members(&READERS));
    let mut heads = InMemory::unknown();
    let mut history = asking();
    hear(&mut history, &home, &READERS, 1);
    history.shown(&member("AA"), (id(2), head(6)), at(1), &home, &heads);
    home.feed(2).size = 6;
    home.feed(2).covered = 6;
    let settlement = history.look_for_settlement(at(2), &asked, &home).unwrap();
    heads.settle(entries(&settlement)).unwrap();
    let outputs = history.settled(settlement.by, &home, &heads);
    assert_eq!(outputs[0], Output::Settle(About::Lost(id(2))));
    assert!(!history.comes_back(id(2)));
}

#[test]
fn what_is_back_of_a_feed_that_ends_is_over_at_the_next_look() {
    let (mut home, asked) = (home(), members(&READERS));
    let mut heads = InMemory::unknown();
    let mut history = asking();
    hear(&mut history, &home, &READERS[..5], 1);
    history.shown(&member("AA"), (id(2), head(6)), at(1), &home, &heads);
    home.feed(2).size = 6;
    home.feed(2).covered = 6;
    let settlement = history.look_for_settlement(at(2), &asked, &home).unwrap();
    heads.settle(entries(&settlement)).unwrap();
    let outputs = history.settled(settlement.by, &home, &heads);
    let over = Output::Settle(About::Lost(id(2)));
    assert!(!outputs.contains(&over) && history.comes_back(id(2)));
    assert_eq!(history.look_for_lost(at(3), &home, &heads), [over]);
    assert!(!history.comes_back(id(2)));
}

#[test]
fn without_anybody_to_ask_it_continues_at_once() {
    let home = home();
    let settlement = asking().look_for_settlement(at(EARLY), &BTreeSet::new(), &home);
    let known = entries(&settlement.unwrap());
    assert!(known.values().all(|signed| signed.is_ended()));
}
