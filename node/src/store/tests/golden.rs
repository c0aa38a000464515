//! A log that was written once, and the rows that are derived from it. Nodes hold such bytes: a
//! change that makes these tests fail needs a new version of the form, and a way to read the old.
//!
//! The rows are of their second form, which says how long leaves and bodies are; a folder of the first is
//! set aside and rebuilt from the log.
//!
//! Salts are random, so the log under `tests/vectors/store` cannot be made again byte for byte;
//! its store key is 32 bytes of 7.

use super::commit::find;
use super::*;
use crate::store::derived::Derived;

const LOG: &[u8] = include_bytes!("../../../../tests/vectors/store/00000001.seg");
const ROWS: &str = include_str!("../../../../tests/vectors/store/rows.tsv");

fn golden_home() -> Home {
    let home = Home::new();
    fs::create_dir(home.log()).unwrap();
    fs::write(home.log().join("00000001.seg"), LOG).unwrap();
    home
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All rows but the mark, a line each.
fn rows(home: &Home) -> String {
    let key = StoreKey::from_secret([7; 32]).index_key();
    let mut text = String::new();
    Derived::open(&home.sled(), key.into(), |key, content| {
        writeln!(text, "{}\t{}", hex(key), hex(content)).unwrap();
        Ok(())
    })
    .unwrap();
    text
}

#[test]
fn a_log_of_the_first_version_is_read_and_gives_the_rows_of_this_one() {
    let home = golden_home();
    let (store, opening) = home.open();
    assert_eq!((opening.cut_bytes, home.aside()), (0, vec![]));
    assert_eq!(
        [0, 1, 2].map(|number| find(&store, number).len()),
        [3, 3, 2]
    );
    drop(store);
    assert_eq!(rows(&home), ROWS);
    let kinds: std::collections::BTreeSet<_> = ROWS.lines().map(|row| &row[..2]).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["01", "02", "03", "04", "05", "06", "07"],
        "a row of every kind"
    );
}
