//! What a crash loses: of the log what was not durable, of the rows whatever it likes.

use super::*;

#[test]
fn a_crash_loses_whole_steps_from_the_end_and_none_that_was_synced() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    let mut after = vec![answers(&store)];
    for number in 0..4 {
        let statements = [asserted(number, 1), asserted(number + 100, 1)];
        let step = sample.private.batch(statements, Step::new());
        store.commit(step, Durably::Later).unwrap();
        after.push(answers(&store));
    }
    assert_eq!(home.log.unsynced(), 4);
    for (kept, expected) in after.iter().enumerate() {
        let home = home.copy();
        home.log.crash(kept);
        let (store, opening) = home.open();
        // The rows are ahead of the log, or just as far.
        assert_eq!(opening.rebuilt.is_some(), kept < 4, "{kept}");
        assert_eq!(&answers(&store), expected, "{kept}");
    }
    store.sync().unwrap();
    drop(store);
    home.log.crash(0);
    assert_eq!(Some(&answers(&home.open().0)), after.last());
}

#[test]
fn rows_of_any_earlier_mark_are_brought_up_to_date() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    (0..2).for_each(|round| sample.round(&mut store, round));
    let expected = answers(&store);
    let writes = home.rows.writes();
    assert!(writes > 8, "{writes}");
    for undone in 0..=writes {
        let home = home.copy();
        home.rows.undo(undone);
        let (store, opening) = home.open();
        assert_eq!(opening.replayed > 0, undone > 0, "{undone}");
        assert_eq!(opening.rebuilt.is_some(), undone == writes, "{undone}");
        assert_eq!(answers(&store), expected, "{undone}");
        assert_eq!(home.rows.aside(), 0);
    }
}

#[test]
fn a_row_that_is_changed_or_gone_is_noticed() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    sample.round(&mut store, 0);
    let expected = answers(&store);
    let mut keys = Vec::new();
    home.rows.spoil(|rows| keys.extend(rows.keys().cloned()));
    let count = keys.len();
    assert!(count > 20, "{count}");
    for key in keys {
        for is_gone in [false, true] {
            let home = home.copy();
            home.rows.spoil(|rows| {
                if is_gone {
                    drop(rows.remove(&key));
                } else if let Some(byte) = rows.get_mut(&key).and_then(|row| row.last_mut()) {
                    *byte ^= 1;
                }
            });
            let (store, opening) = home.open();
            assert!(
                opening
                    .rebuilt
                    .is_some_and(|rebuilt| rebuilt.set_aside.is_some()),
                "{key:?} {is_gone}"
            );
            assert_eq!(answers(&store), expected);
            assert_eq!(home.rows.aside(), 1);
        }
    }
}
