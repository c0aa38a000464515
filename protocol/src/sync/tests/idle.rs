//! What two members cost each other when there is nothing to say, and when there is one thing.

use super::member::Member;
use super::pair::Pair;
use crate::feed::FeedId;
use crate::sync::Input;

/// Batches of a thousand indicators that a million take.
const MILLION: u32 = 1_000;

/// MY and SG after MY has released so many batches, spread over so many feeds, and SG has all.
fn settled(feeds: u8, batches: u32) -> (Pair, Vec<FeedId>) {
    let (mut my, sg) = (Member::new("MY", 1), Member::new("SG", 2));
    let ids: Vec<_> = (0..=feeds).map(|nonce| my.open(&[&sg], nonce)).collect();
    for (number, id) in (0..batches).zip(ids.iter().cycle()) {
        my.add(*id, &number.to_be_bytes());
    }
    ids.iter().for_each(|id| my.publish(*id));
    let mut pair = Pair::connect(my, sg);
    pair.settle();
    // What was put off for a while is said too.
    minute(&mut pair);
    ids.iter().for_each(|id| pair.assert_equal(*id));
    (pair, ids)
}

/// Bytes and frames of a minute.
fn minute(pair: &mut Pair) -> (usize, usize) {
    let before = pair.crossed;
    for _ in 0..60 {
        pair.now += 1_000;
        pair.give_a(Input::Tick);
        pair.give_b(Input::Tick);
        pair.settle();
    }
    (pair.crossed.0 - before.0, pair.crossed.1 - before.1)
}

#[test]
fn an_idle_minute_costs_the_same_whatever_is_held() {
    let (mut idle, mut busy) = (Vec::new(), Vec::new());
    for (feeds, batches) in [(1, 1), (1, MILLION), (50, MILLION), (256, MILLION)] {
        let (mut pair, ids) = settled(u8::try_from(feeds - 1).unwrap(), batches);
        idle.push(minute(&mut pair));
        // One release, its receipt, and the signs of life.
        pair.a.0.add(ids[0], b"news");
        pair.a.0.publish(ids[0]);
        pair.give_a(Input::Published(ids[0]));
        busy.push(minute(&mut pair));
        pair.assert_equal(ids[0]);
        println!(
            "{feeds} feeds, {batches} batches: {:?} bytes and frames when idle, {:?} with a release",
            idle.last(),
            busy.last()
        );
    }
    let (bytes, frames) = idle[0];
    assert_eq!(frames, 2, "a sign of life each way");
    assert!(bytes < 300, "{bytes} bytes");
    assert!(idle.iter().all(|one| *one == idle[0]), "{idle:?}");
    // What grows is the proof that ties a new head to the old one: with the logarithm.
    let most = busy[0].0 + 32 * 2 * usize::try_from(MILLION.ilog2()).unwrap();
    let fine = |one: &(usize, usize)| one.1 == busy[0].1 && one.0 <= most;
    assert!(busy.iter().all(fine), "{busy:?}");
}
