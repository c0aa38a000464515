//! What a large federation costs, in the bytes of its messages: `KENTONG_SIM_MEMBERS=200 cargo test
//! --test sim figures -- --nocapture` prints the table.

use std::rc::Rc;
use std::time::Instant;

use kentong_protocol::sim::{Cast, Detection, Liar, Light, Plan, Report, measure, run};

/// How many members are measured when nothing else is said: as many as take a second or two.
const MEMBERS: u64 = 40;

/// Runs with an equivocator among five; a fifth of that among eleven.
const EQUIVOCATORS: u64 = 30;

#[test]
fn of_a_large_federation() {
    let members = crate::number("KENTONG_SIM_MEMBERS").unwrap_or(MEMBERS);
    let members = usize::try_from(members).unwrap();
    let cast = Rc::new(Cast::of(members));
    let mut begun = Instant::now();
    println!("{members} members         messages       bytes  per member   publisher   seconds");
    measure(&cast, members, |figure| {
        let per_member = figure.bytes / members as u64;
        let seconds = begun.elapsed().as_secs_f64();
        let (phase, messages, bytes) = (figure.phase, figure.messages, figure.bytes);
        let publisher = figure.publishers;
        println!(
            "{phase:<22} {messages:>9} {bytes:>11} {per_member:>11} {publisher:>11} {seconds:>9.1}"
        );
        begun = Instant::now();
    })
    .unwrap();
}

/// How long a second history stays hidden: `KENTONG_SIM_SEEDS=1000` takes more runs.
#[test]
fn of_an_equivocator() {
    let seeds = crate::number("KENTONG_SIM_SEEDS").unwrap_or(EQUIVOCATORS);
    println!("members  found   sessions        heads shown     seconds");
    println!("                 median worst    median worst    median worst");
    for members in [5, 11] {
        let cast = Rc::new(Cast::of(members));
        let mut all = Report::default();
        let seeds = if members > 5 { seeds / 5 } else { seeds };
        for seed in 0..seeds {
            let plan = Plan {
                liars: vec![Liar::Equivocator],
                ..Plan::fair(members)
            };
            all.add(&run(&Light, &cast, seed, plan).unwrap_or_else(|broken| panic!("{broken}")));
        }
        let found = all.detections.len();
        assert!(found > 0, "or nothing is measured");
        let row = |of: fn(&Detection) -> u64| {
            let mut counts: Vec<_> = all.detections.iter().map(of).collect();
            counts.sort_unstable();
            (counts[counts.len() / 2], counts[counts.len() - 1])
        };
        let (sessions, heads) = (row(|one| one.sessions), row(|one| one.heads));
        let millis = row(|one| one.millis);
        let seconds = (millis.0 / 1000, millis.1 / 1000);
        println!(
            "{members:>7} {found:>6} {:>8} {:>5} {:>9} {:>5} {:>9} {:>5}",
            sessions.0, sessions.1, heads.0, heads.1, seconds.0, seconds.1
        );
        assert_eq!(all.undetected, 0, "held by honest members, and not found");
        // Readers show heads ten seconds after they came, not when the next sign of life is due.
        assert!(millis.0 <= 15_000 && millis.1 <= 120_000, "{millis:?} ms");
    }
}
