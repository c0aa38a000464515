//! Crash points and damage: whatever happens to the derived state, the answers stay.

use super::*;

#[test]
fn a_power_cut_loses_no_committed_step() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    let mut replays = 0;
    for round in 0..4 {
        sample.round(&mut store, round);
        if round == 1 {
            store.flush().unwrap();
        }
        // Nobody flushed or closed: sled has written what it liked to.
        let (after, opening) = home.copy().open();
        assert_eq!(answers(&after), answers(&store), "{round}");
        replays += opening.replayed;
    }
    assert!(replays > 0);
}

#[test]
fn an_older_or_missing_folder_is_brought_up_to_date() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    sample.round(&mut store, 0);
    drop(store);
    let older = home.copy();
    let (mut store, _) = home.open();
    (1..4).for_each(|round| sample.round(&mut store, round));
    let expected = answers(&store);
    drop(store);

    fs::remove_dir_all(home.sled()).unwrap();
    copy_folder(&older.sled(), &home.sled());
    let (store, opening) = home.open();
    assert!(
        opening.replayed > 3 && opening.rebuilt.is_none(),
        "{opening:?}"
    );
    assert_eq!(answers(&store), expected);
    drop(store);

    fs::remove_dir_all(home.sled()).unwrap();
    let (store, opening) = home.open();
    assert!(
        opening
            .rebuilt
            .is_some_and(|rebuilt| rebuilt.set_aside.is_none())
    );
    assert_eq!(answers(&store), expected);
    drop(store);

    // A log that was rolled back: what the folder knows more of is not believed.
    let newer = home.copy();
    fs::remove_dir_all(home.log()).unwrap();
    copy_folder(&older.log(), &home.log());
    let (store, opening) = home.open();
    assert!(
        opening
            .rebuilt
            .is_some_and(|rebuilt| rebuilt.why.contains("another state"))
    );
    assert_eq!(answers(&store), answers(&older.open().0));
    drop(store);

    // Another store key: nothing of the folder can be believed, and no epoch key opens.
    let folders = Folders {
        log: &newer.log(),
        derived: &newer.sled(),
    };
    let other = StoreKey::from_secret([8; 32]);
    let error = open(folders, other, name("MY"), Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::StoreKey(_)), "{error:?}");
}

/// The files of a folder, with the places at which they hold anything.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<usize>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            let used = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
            files.push((path, used));
        }
    }
    files
}

#[test]
fn a_damaged_folder_is_rebuilt_with_equal_answers() {
    const FLIPS: usize = 24;
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    (0..3).for_each(|round| sample.round(&mut store, round));
    let expected = answers(&store);
    store.flush().unwrap();
    drop(store);
    let (mut noticed, mut tried) = (0, 0);
    for (path, used) in files(&home.sled()) {
        let name = path.strip_prefix(home.sled()).unwrap();
        for at in used.iter().step_by(used.len().div_ceil(FLIPS).max(1)) {
            let damaged = home.copy();
            let path = damaged.sled().join(name);
            let mut bytes = fs::read(&path).unwrap();
            bytes[*at] ^= 0x10;
            fs::write(&path, bytes).unwrap();
            let (store, opening) = damaged.open();
            assert_eq!(answers(&store), expected, "{} {at}", name.display());
            noticed += usize::from(opening.rebuilt.is_some() || opening.replayed > 0);
            tried += 1;
        }
        let damaged = home.copy();
        fs::write(damaged.sled().join(name), b"").unwrap();
        assert_eq!(
            answers(&damaged.open().0),
            expected,
            "{} emptied",
            name.display()
        );
    }
    println!("{noticed} of {tried} flips made a rebuild or a replay");
    assert!(noticed > 0);
}

#[test]
fn a_changed_row_is_noticed_and_the_last_two_folders_are_kept() {
    let home = Home::new();
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    sample.round(&mut store, 0);
    let expected = answers(&store);
    drop(store);
    // The keys of a leaf of the first feed, of the second part of its index, and of the mark.
    let leaf = [&[2, 0, 0, 0, 0][..], &2_u64.to_be_bytes()].concat();
    let index = [&[5, 0, 0, 0, 0][..], &2_u64.to_be_bytes(), &[1]].concat();
    let mark = [0];
    for (round, why) in ["missing", "cannot be", "missing", "checksum"]
        .into_iter()
        .enumerate()
    {
        let config = sled::Config::new().path(home.sled()).segment_size(4 << 20);
        let db = config.open().unwrap();
        let row = db.get(&leaf).unwrap().unwrap();
        match round {
            // A row that nothing else refers to.
            0 => drop(db.remove(&index).unwrap().unwrap()),
            1 => drop(db.remove(&leaf).unwrap()),
            // The mark is gone, and with it the word on how much there should be.
            2 => drop(db.remove(mark).unwrap()),
            _ => {
                let mut row = row.to_vec();
                row[9] ^= 1;
                db.insert(&leaf, row).unwrap();
            }
        }
        db.flush().unwrap();
        drop(db);
        let (store, opening) = home.open();
        let rebuilt = opening.rebuilt.unwrap();
        assert!(
            rebuilt.set_aside.is_some() && rebuilt.why.contains(why),
            "{round} {rebuilt:?}"
        );
        assert_eq!(answers(&store), expected);
    }
    assert_eq!(home.aside(), ["sled.damaged-3", "sled.damaged-4"]);
    fs::write(home.sled().join("snap.0123.generating"), b"half").unwrap();
    assert_eq!(home.open().1.rebuilt, None);
}
