//! How much memory an entry takes, and how fast statements are committed. The rate is printed, not
//! checked: it belongs to a machine.

use std::time::Instant;

use super::*;

#[test]
fn many_statements_take_little_memory_each() {
    const BATCHES: usize = if cfg!(debug_assertions) { 8 } else { 200 };
    const EACH: usize = 1000;
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut feed = Feed::new("MY", &[], 1);
    let begin = feed.begin(Step::new());
    commit(&mut store, begin);
    let steps: Vec<_> = (0..BATCHES)
        .map(|batch| {
            let numbers = batch * EACH..(batch + 1) * EACH;
            feed.batch(numbers.map(lengthy), Step::new())
        })
        .collect();
    assert!(store.own().unwrap().is_empty());
    let started = Instant::now();
    for step in steps {
        drop(commit(&mut store, step));
    }
    let all = BATCHES * EACH;
    let rate = |started: Instant| all as f64 / started.elapsed().as_secs_f64() / 1000.0;
    let committed = rate(started);
    let (entries, lookup) = store.lookup_size();
    let own = store.own().unwrap().memory();
    assert_eq!((entries, store.own().unwrap().len()), (all, all));
    // A table that has just doubled is half empty.
    assert!(
        lookup / all <= 2 * 20 && own / all <= 2 * 56,
        "{lookup} {own}"
    );
    drop(store);
    let started = Instant::now();
    let (store, opening) = home.open();
    let opened = rate(started);
    assert_eq!(opening.rebuilt, None);
    let started = Instant::now();
    let _ = store.own().unwrap();
    let owned = rate(started);
    drop(store);
    let disk: u64 = walk(&home.sled());
    fs::remove_dir_all(home.sled()).unwrap();
    let started = Instant::now();
    let (_, opening) = home.open();
    assert!(opening.rebuilt.is_some());
    println!(
        "{all} statements, thousands a second: committed {committed:.0}, opened {opened:.0}, own \
         table {owned:.0}, rebuilt {:.0}; bytes each: look-up {}, own {}, sled {}, log {}",
        rate(started),
        lookup / all,
        own / all,
        disk / all as u64,
        walk(&home.log()) / all as u64,
    );
}

/// As long as a real statement, and no two alike.
fn lengthy(number: usize) -> Vec<u8> {
    let hash = Digest::from_bytes(kentong_keys::random_bytes());
    let assertion = Box::new(assertion(
        &format!("promises returns, case {hash}"),
        Some(1_700_000_000),
    ));
    said(
        number,
        1,
        Said::Asserted {
            assertion,
            stripped: Projection::NOTHING,
        },
    )
}

fn walk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            of if of.is_dir() => walk(&entry.path()),
            of => of.len(),
        })
        .sum()
}
