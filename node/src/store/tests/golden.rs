//! A log that was written once, and the rows that are derived from it. Nodes hold such bytes: a
//! change that makes these tests fail needs a new version of the form, and a way to read the old.
//!
//! The rows are of their second form, which says how long leaves and bodies are; a folder of the first is
//! set aside and rebuilt from the log.
//!
//! Salts are random, so the log under `tests/vectors/store` cannot be made again byte for byte;
//! its store key is 32 bytes of 7.

use super::*;

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

/// The contents of all rows but the mark, a line each: without the version before and the checksum behind,
/// which the store looks at when it is opened.
fn rows(home: &Home) -> String {
    let mut text = String::new();
    Derived::open(&home.sled(), |key, value| {
        if *key != [0] {
            let content = &value[1..value.len() - 8];
            writeln!(text, "{}\t{}", hex(key), hex(content)).unwrap();
        }
        Ok(())
    })
    .unwrap();
    text
}

/// How many statements are found about an indicator.
fn found(store: &Store, number: usize) -> usize {
    let value = value(number);
    let places = store.find(value.kind(), &value.comparison_key());
    for place in &places {
        assert_eq!(store.statement(*place).unwrap().0.value, value);
    }
    places.len()
}

#[test]
fn a_log_of_the_first_version_is_read_and_gives_the_rows_of_this_one() {
    let home = golden_home();
    let (store, opening) = home.open();
    assert_eq!((opening.cut_bytes, home.aside()), (0, vec![]));
    assert_eq!([0, 1, 2].map(|number| found(&store, number)), [3, 3, 2]);
    drop(store);
    assert_eq!(rows(&home), ROWS);
    let (_, opening) = home.open();
    assert_eq!((opening.replayed, opening.rebuilt), (0, None));
    let kinds: std::collections::BTreeSet<_> = ROWS.lines().map(|row| &row[..2]).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["01", "02", "03", "04", "05", "06", "07"],
        "a row of every kind"
    );
}
