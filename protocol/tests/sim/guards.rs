//! Each invariant notices when the guard that it watches is missing.

use std::rc::Rc;

use kentong_protocol::sim::{Broken, Cast, Invariant, Liar, Plan, Sabotage, Weather, run};

/// Seeds within which a missing guard must be noticed.
const SEEDS: u64 = 40;

fn plan(sabotage: Option<Sabotage>, liars: &[Liar]) -> Plan {
    Plan {
        members: 4,
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

fn first(sabotage: Option<Sabotage>, liars: &[Liar]) -> Option<Box<Broken>> {
    let cast = Rc::new(Cast::of(4));
    (0..SEEDS).find_map(|seed| run(&cast, seed, plan(sabotage, liars)).err())
}

#[test]
fn with_all_guards_nothing_is_noticed() {
    if let Some(broken) = first(None, &[]) {
        panic!("{broken}");
    }
}

#[test]
fn each_missing_guard_is_noticed() {
    use Invariant::{Converged, NoHonestFault, NothingLost, OneHistory, OnlyReleased};
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
        (Sabotage::ServeFromFurtherOn, NoHonestFault),
    ] {
        let broken = first(Some(sabotage), &[]);
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
