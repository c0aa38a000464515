//! What is erased is no longer in any file.

use kentong_protocol::feed::EraseLeaf;

use super::*;

pub(super) fn signed(feed: &Feed) -> Step {
    let note = format!("a note over {} of {}", feed.size, feed.id);
    Step::new().checkpoint(feed.id, note.into_bytes(), feed.size)
}

pub(super) fn two_rounds(home: &Home) -> (Store, Sample) {
    let (mut store, _) = home.open();
    let mut sample = Sample::begin(&mut store);
    (0..2).for_each(|round| sample.round(&mut store, round));
    (store, sample)
}

/// Whether a piece of these bytes lies in a file of the log or of the derived state.
fn lies_in(home: &Home, body: &[u8]) -> bool {
    let files = [home.log(), home.sled()].into_iter().flat_map(|folder| {
        let files = fs::read_dir(folder).into_iter().flatten();
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .collect::<Vec<_>>()
    });
    let piece = &body[100..164];
    files.into_iter().any(|path| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(piece.len()).any(|window| window == piece)
    })
}

#[test]
fn an_erased_body_is_gone_from_all_files_once_that_is_signed() {
    let home = Home::new();
    let (mut store, mut sample) = two_rounds(&home);
    let (id, index) = (sample.foreign.id, 2);
    let body = store.body(id, index).unwrap();
    assert!(lies_in(&home, &body));
    let erase = Leaf::Erase(EraseLeaf { index, reason: 1 });
    let step = sample.foreign.leaf(&erase, Step::new());
    commit(&mut store, step);
    // The same if it is signed only after a crash, with and without rows.
    let (crashed, without_rows) = (home.copy(), home.copy());
    fs::remove_dir_all(without_rows.sled()).unwrap();
    drop(store);
    for home in [home, crashed, without_rows] {
        let (mut store, _) = home.open();
        assert!(lies_in(&home, &body));
        commit(&mut store, signed(&sample.foreign));
        assert!(!lies_in(&home, &body));
        let before = answers(&store);
        drop(store);
        assert_eq!(answers(&home.open().0), before);
        fs::remove_dir_all(home.sled()).unwrap();
        assert_eq!(answers(&home.open().0), before);
    }
}
