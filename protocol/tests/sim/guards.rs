//! Each invariant notices when the guard that it watches is missing.

use std::rc::Rc;

use kentong_protocol::guard::Guard;
use kentong_protocol::sim::{Broken, Cast, Invariant, Liar, Light, Plan, Report, Weather, run};

/// Seeds within which a missing guard must be noticed.
const SEEDS: u64 = 40;

fn plan(without: Option<Guard>, liars: &[Liar]) -> Plan {
    if matches!(without, Some(Guard::ReadersAnswered | Guard::AllAnswered)) {
        return stranded(without);
    }
    if matches!(without, Some(Guard::ReaderAwaited | Guard::LostAwaited)) {
        return rolled_back(without);
    }
    Plan {
        members: 4,
        outsiders: 1,
        // Removals are few where nodes crash all the time.
        changes: if without == Some(Guard::FeedsClosed) {
            6
        } else {
            2
        },
        restores: without.is_none_or(of_a_restore),
        rolls_back: false,
        strands: false,
        replaces_keys: false,
        liars: liars.to_vec(),
        weather: Weather {
            clocks: without == Some(Guard::NumberedNotTimed),
            years: without == Some(Guard::NumberedNotTimed),
            breaks: 10,
            crash_every: 20,
            partitions: 1,
            ..Weather::FAIR
        },
        storm: 60_000,
        words: 6,
        without,
    }
}

/// A run in which little happens but that a home is put back while the only reader is away who holds what was said
/// last.
fn stranded(without: Option<Guard>) -> Plan {
    Plan {
        restores: true,
        strands: true,
        storm: 120_000,
        words: 6,
        without,
        ..Plan::fair(5)
    }
}

/// A run in which little happens but that the disk of a member is replaced by a snapshot.
fn rolled_back(without: Option<Guard>) -> Plan {
    Plan {
        restores: true,
        rolls_back: true,
        storm: 120_000,
        words: 6,
        without,
        ..Plan::fair(5)
    }
}

/// Whether a guard is one of those that only a restored member has.
const fn of_a_restore(without: Guard) -> bool {
    matches!(
        without,
        Guard::ReadersAnswered | Guard::AllAnswered | Guard::BackIsLoaded
    )
}

/// What the first seeds show that do not hold; `enough` says whether that is what is looked for.
fn first(
    without: Option<Guard>,
    liars: &[Liar],
    enough: impl Fn(&Broken) -> bool,
) -> Option<Box<Broken>> {
    let cast = Rc::new(Cast::of(5));
    let mut broken =
        (0..SEEDS).filter_map(|seed| run(&Light, &cast, seed, plan(without, liars)).err());
    broken.find(|broken| enough(broken))
}

#[test]
fn with_all_guards_nothing_is_noticed() {
    if let Some(broken) = first(None, &[], |_| true) {
        panic!("{broken}");
    }
    let cast = Rc::new(Cast::of(5));
    for seed in 0..SEEDS {
        let stormy = Plan {
            strands: true,
            ..plan(None, &[])
        };
        for plan in [stormy, stranded(None), rolled_back(None)] {
            if let Err(broken) = run(&Light, &cast, seed, plan) {
                panic!("{broken}");
            }
        }
    }
}

/// A run in which little happens but that keys are replaced.
fn replaced() -> Plan {
    Plan {
        replaces_keys: true,
        storm: 90_000,
        words: 6,
        ..Plan::fair(5)
    }
}

#[test]
fn keys_are_replaced_and_nothing_is_noticed() {
    let cast = Rc::new(Cast::of(5));
    let mut all = Report::default();
    for seed in 0..SEEDS {
        match run(&Light, &cast, seed, replaced()) {
            Ok(report) => all.add(&report),
            Err(broken) => panic!("{broken}"),
        }
    }
    assert_eq!(all.replaced, SEEDS);
    assert!(all.lost_homes > 0 && all.thefts > 0 && all.turned_away > 0);
}

#[test]
fn each_missing_guard_is_noticed() {
    use Invariant::{
        Converged, Erased, NoHonestFault, NothingLost, OneHistory, OnlyMembers, OnlyReleased,
    };
    let mut unexpected = Vec::new();
    for (without, expected) in [
        (Guard::DurableBeforeSigned, OneHistory),
        (Guard::HeadsAsked, NothingLost),
        (Guard::ReadersOnly, OnlyReleased),
        (Guard::PolicyAsked, OnlyReleased),
        (Guard::WithdrawalsReleased, Converged),
        (Guard::LaterWordCounts, Converged),
        (Guard::NumberedNotTimed, Converged),
        (Guard::CheckedAtStart, Converged),
        (Guard::DurableBeforeAnswer, NothingLost),
        (Guard::ReceiptDurable, NothingLost),
        (Guard::ErasedOverwritten, Erased),
        (Guard::ErasedWhenSigned, NothingLost),
        (Guard::OthersSaidAgain, NothingLost),
        (Guard::ServedFromAsked, NoHonestFault),
        (Guard::FeedsClosed, OnlyMembers),
        (Guard::StrangersCutOff, OnlyMembers),
        (Guard::ClosedCounts, Converged),
        (Guard::CheckedForNewcomers, Converged),
        (Guard::ReadersAnswered, OneHistory),
        (Guard::AllAnswered, OneHistory),
        (Guard::BackIsLoaded, NothingLost),
        (Guard::ReaderAwaited, OneHistory),
        (Guard::LostAwaited, OneHistory),
    ] {
        // A missing guard may show in more than one way, and in another one first.
        let broken = first(Some(without), &[], |broken| broken.invariant == expected);
        let found = broken.as_ref().map(|broken| broken.invariant);
        let what = broken.map(|broken| format!("seed {}: {}", broken.seed, broken.what));
        println!("{without:?}: {found:?}, {what:?}");
        if found != Some(expected) {
            unexpected.push(without);
        }
    }
    assert_eq!(
        unexpected,
        [],
        "these were not noticed by the invariant that should"
    );
}
