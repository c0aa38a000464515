//! Each invariant notices when the guard that it watches is missing.

use std::rc::Rc;

use kentong_protocol::sim::{Broken, Cast, Invariant, Liar, Light, Plan, Sabotage, Weather, run};

/// Seeds within which a missing guard must be noticed.
const SEEDS: u64 = 40;

fn plan(sabotage: Option<Sabotage>, liars: &[Liar]) -> Plan {
    Plan {
        members: 4,
        outsiders: 1,
        changes: 2,
        restores: sabotage.is_none_or(of_a_restore),
        liars: liars.to_vec(),
        weather: Weather {
            breaks: 10,
            crash_every: 20,
            partitions: 1,
            ..Weather::FAIR
        },
        storm: 60_000,
        words: 6,
        sabotage,
    }
}

/// Whether a guard is one of those that only a restored member has.
const fn of_a_restore(sabotage: Sabotage) -> bool {
    matches!(
        sabotage,
        Sabotage::GoOnUnheard | Sabotage::GoOnWhereNotAllHeard | Sabotage::TakeNothingIn
    )
}

/// What the first seeds show that do not hold; `enough` says whether that is what is looked for.
fn first(
    sabotage: Option<Sabotage>,
    liars: &[Liar],
    enough: impl Fn(&Broken) -> bool,
) -> Option<Box<Broken>> {
    let cast = Rc::new(Cast::of(5));
    let mut broken =
        (0..SEEDS).filter_map(|seed| run(&Light, &cast, seed, plan(sabotage, liars)).err());
    broken.find(|broken| enough(broken))
}

#[test]
fn with_all_guards_nothing_is_noticed() {
    if let Some(broken) = first(None, &[], |_| true) {
        panic!("{broken}");
    }
}

#[test]
fn each_missing_guard_is_noticed() {
    use Invariant::{
        Converged, Erased, NoHonestFault, NothingLost, OneHistory, OnlyMembers, OnlyReleased,
    };
    let mut unexpected = Vec::new();
    for (sabotage, expected) in [
        (Sabotage::SignBeforeDurable, OneHistory),
        (Sabotage::ForgetSignerState, NothingLost),
        (Sabotage::ServeAnybody, OnlyReleased),
        (Sabotage::ReleaseToAll, OnlyReleased),
        (Sabotage::KeepWithdrawals, Converged),
        (Sabotage::LastArrivalWins, Converged),
        (Sabotage::NoSweepAtStart, Converged),
        (Sabotage::AckBeforeDurable, NothingLost),
        (Sabotage::ReceiptBeforeDurable, NothingLost),
        (Sabotage::KeepErased, Erased),
        (Sabotage::EraseBeforeSigned, NothingLost),
        (Sabotage::KeepNothingElse, NothingLost),
        (Sabotage::ServeFromFurtherOn, NoHonestFault),
        (Sabotage::KeepFeedsOpen, OnlyMembers),
        (Sabotage::KeepStrangers, OnlyMembers),
        (Sabotage::ForgetClosed, Converged),
        (Sabotage::NoSweepForNewcomers, Converged),
        (Sabotage::GoOnUnheard, OneHistory),
        (Sabotage::GoOnWhereNotAllHeard, OneHistory),
        (Sabotage::TakeNothingIn, NothingLost),
    ] {
        // A missing guard may show in more than one way, and in another one first.
        let broken = first(Some(sabotage), &[], |broken| broken.invariant == expected);
        let found = broken.as_ref().map(|broken| broken.invariant);
        let what = broken.map(|broken| format!("seed {}: {}", broken.seed, broken.what));
        println!("{sabotage:?}: {found:?}, {what:?}");
        if found != Some(expected) {
            unexpected.push(sabotage);
        }
    }
    assert_eq!(
        unexpected,
        [],
        "these were not noticed by the invariant that should"
    );
}
