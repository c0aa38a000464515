//! What a large federation costs, in the bytes of its messages: `KENTONG_SIM_MEMBERS=200 cargo test
//! --workspace --features kentong-protocol/sim --test sim figures -- --nocapture` prints the table.

use std::rc::Rc;
use std::time::Instant;

use kentong_protocol::sim::{Cast, measure};

/// How many members are measured when nothing else is said: as many as take a second or two.
const MEMBERS: u64 = 40;

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
