//! The simulated federation, over many seeds.
//!
//! `KENTONG_SIM_SEEDS=100000` runs more of them, `KENTONG_SIM_SEED=7` that one again, in the test
//! `one_seed`; with `-- --nocapture` it shows the plan and the counts.
#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that tests: it takes the time, and says what it found"
)]

mod figures;
mod first;
mod guards;

use std::env;
use std::rc::Rc;
use std::time::Instant;

use kentong_protocol::sim::{Cast, Light, Plan, Report, run};

/// Seeds that every run of the tests goes through.
const SEEDS: u64 = 1_000;
/// Tests among which they are divided: as many as the machine has cores, at the least.
const PARTS: u64 = 2;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

/// Says which seed it was when a run panics.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {} panicked or failed", self.0);
        }
    }
}

fn seed(cast: &Rc<Cast>, seed: u64) -> Report {
    let running = Running(seed);
    let report =
        run(&Light, cast, seed, Plan::of_seed(seed)).unwrap_or_else(|broken| panic!("{broken}"));
    drop(running);
    report
}

fn part(part: u64) {
    let seeds = number("KENTONG_SIM_SEEDS").unwrap_or(SEEDS);
    let cast = Rc::new(Cast::of(50));
    let (begun, mut all, mut runs) = (Instant::now(), Report::default(), 0_u32);
    for number in (0..seeds).filter(|number| number % PARTS == part) {
        all.add(&seed(&cast, number));
        runs += 1;
    }
    let rate = f64::from(runs) / begun.elapsed().as_secs_f64();
    println!("{runs} seeds, {rate:.1} a second: {all:#?}");
}

#[test]
fn the_seeds_with_even_numbers() {
    part(0);
}

#[test]
fn the_seeds_with_odd_numbers() {
    part(1);
}

#[test]
fn one_seed() {
    let number = number("KENTONG_SIM_SEED").unwrap_or(0);
    let report = seed(&Rc::new(Cast::of(50)), number);
    println!("{:#?}\n{report:#?}", Plan::of_seed(number));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let cast = Rc::new(Cast::of(50));
    // In the last three a liar damages what is sealed: whether that is noticed hangs on every byte.
    for number in [1, 2, 7, 11, 42, 180] {
        assert_eq!(seed(&cast, number), seed(&cast, number));
    }
}
