//! The first seed that notices a fault: for a fix that is undone to see whether the simulation would have
//! found it. `KENTONG_SIM_FIRST=1000 cargo test --test sim first_seed -- --nocapture` looks through so many
//! seeds, as they are run on every change, and stops at the first that fails.

use std::panic::catch_unwind;
use std::rc::Rc;

use kentong_protocol::guard::Guard;
use kentong_protocol::sim::{Cast, Light, Plan, run};

/// The first of so many seeds that notices something, and what; a panic is something, too.
fn first(seeds: u64, without: Option<Guard>) -> Option<(u64, String)> {
    (0..seeds).find_map(|seed| {
        let run = move || {
            let cast = Rc::new(Cast::of(50));
            let plan = Plan {
                without,
                ..Plan::of_seed(seed)
            };
            let broken = run(&Light, &cast, seed, plan).err();
            broken.map(|broken| format!("{:?}: {}", broken.invariant, broken.what))
        };
        let noticed = catch_unwind(run).unwrap_or_else(|_| Some("it panics".to_owned()));
        noticed.map(|what| (seed, what))
    })
}

#[test]
fn the_first_seed_that_notices() {
    if let Some(seeds) = crate::number("KENTONG_SIM_FIRST") {
        match first(seeds, None) {
            Some((seed, what)) => println!("seed {seed} of the first {seeds} notices: {what}"),
            None => println!("none of the first {seeds} seeds notices anything"),
        }
        return;
    }
    assert_eq!(first(3, None), None);
    assert!(first(40, Some(Guard::PolicyAsked)).is_some());
}
