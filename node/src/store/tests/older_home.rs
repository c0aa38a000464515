//! Store folders and signer state that an earlier program wrote: they open, and answer as they did.
//!
//! What they answer is what a store answers now that is told the same; and, lest both change together, a
//! few things that are written here. How the files were made is said in the
//! README beside them.

use kentong_protocol::member::heads::Heads as _;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use kentong_protocol::feed::{EraseLeaf, FeedId};
use kentong_protocol::statement::{Erasure, IndicatorId, Revision};

use super::*;
use crate::signer::{Signed, Signer};

/// All that a store can hold, in little: bodies that are missing, wait for their key, are bad, erased
/// and forgotten; words that were revised, withdrawn and erased; receipts and dispositions.
fn write(store: &mut Store) -> [FeedId; 3] {
    let mut sample = Sample::begin(store);
    let Sample {
        private,
        shared,
        foreign,
    } = &mut sample;
    let batch = |store: &mut Store, feed: &mut Feed, said: Vec<Vec<u8>>| {
        commit(store, feed.batch(said, Step::new()));
    };
    let numbers = |numbers: &[usize]| numbers.iter().map(|n| asserted(*n, 1)).collect::<Vec<_>>();
    batch(store, private, numbers(&[1, 2, 3]));
    batch(store, private, numbers(&[4, 5]));
    batch(store, shared, numbers(&[1, 2]));
    batch(store, foreign, numbers(&[1, 7]));
    batch(store, foreign, numbers(&[8]));
    batch(store, private, vec![withdrawn(2, 2), asserted(4, 2)]);
    batch(store, shared, vec![withdrawn(2, 2)]);
    // The first indicator is erased, and what else its batch says is said again.
    let erasure = Erasure {
        mark: store.mark_of(&IndicatorId::of(&name("MY"), &value(1))),
        revision: Revision::new(2),
        made: Timestamp::EPOCH,
        reason: 1,
    };
    let erase = Leaf::Erase(EraseLeaf {
        index: 2,
        reason: 1,
    });
    for feed in [&mut *private, &mut *shared] {
        let said = vec![
            erasure.encode(),
            asserted(2, 1),
            withdrawn(2, 2),
            asserted(3, 1),
        ];
        let step = feed.batch(said, Step::new());
        commit(store, feed.leaf(&erase, step));
        let note = format!("a note over {}", feed.size).into_bytes();
        commit(store, Step::new().checkpoint(feed.id, note, feed.size));
    }
    // Not signed yet, so the body is still there.
    let later = Leaf::Erase(EraseLeaf {
        index: 3,
        reason: 2,
    });
    commit(store, foreign.leaf(&later, Step::new()));
    commit(store, Step::new().forget(private.id, 4));
    for (peer, word) in [("SG", b"first".to_vec()), ("TH", b"other".to_vec())] {
        commit(store, Step::new().receipt(name(peer), shared.id, word));
    }
    let newer = Step::new().receipt(name("SG"), shared.id, b"newer".to_vec());
    let disposition = Disposition {
        reason: 3,
        places: vec![0, 1],
    };
    commit(store, newer.disposition(foreign.id, 2, disposition));
    let mut lying = foreign.seal([asserted(9, 1)]);
    lying.leaf.statements_root = FEDERATION;
    let step = foreign.leaf(&Leaf::Batch(lying.leaf), Step::new());
    commit(store, step.body(foreign.id, foreign.size - 1, lying.body));
    let (step, _) = foreign.batch_apart([asserted(10, 1)], Step::new());
    let step = foreign.next_epoch(step);
    commit(store, foreign.batch([asserted(11, 1)], step));
    [private.id, shared.id, foreign.id]
}

/// What was signed last of the own feeds.
fn signed(store: &Store, own: &[FeedId]) -> BTreeMap<Digest, Signed> {
    let heads = own.iter().map(|feed| {
        let held = store.feeds().get(*feed).unwrap();
        let (size, _) = held.checkpoint().unwrap();
        let root = held.tree().root_at(size).unwrap();
        (*feed.digest(), Signed { size, root })
    });
    heads.collect()
}

const LOG: &[u8] = include_bytes!("../../../../tests/vectors/older-home/log/00000001.seg");
const SIGNER: &[u8] = include_bytes!("../../../../tests/vectors/older-home/signer.state");
const SLED: [(&str, &[u8]); 2] = [
    (
        "conf",
        include_bytes!("../../../../tests/vectors/older-home/sled/conf"),
    ),
    (
        "db",
        include_bytes!("../../../../tests/vectors/older-home/sled/db"),
    ),
];

fn older_home() -> Home {
    let home = Home::new();
    fs::create_dir(home.log()).unwrap();
    fs::write(home.log().join("00000001.seg"), LOG).unwrap();
    fs::create_dir(home.sled()).unwrap();
    for (name, bytes) in SLED {
        fs::write(home.sled().join(name), bytes).unwrap();
    }
    home
}

#[test]
fn what_an_earlier_program_wrote_opens_and_answers_as_it_did() {
    let (new, home) = (Home::new(), older_home());
    let (mut told, _) = new.open();
    let [private, shared, foreign] = write(&mut told);
    let expected = answers(&told);
    let (store, opening) = home.open();
    assert_eq!(
        (opening.cut_bytes, opening.replayed, opening.rebuilt),
        (0, 0, None),
        "its rows are believed as they are"
    );
    assert_eq!(answers(&store), expected);
    let held = |feed| store.feeds().get(feed).unwrap();
    let roots = [private, shared, foreign].map(|feed| {
        let held = held(feed);
        format!("{} {}", held.size(), held.tree().root().short())
    });
    assert_eq!(roots, ["7 4f90284d", "6 48cfd28e", "9 ad85835e"]);
    assert_eq!(
        store.receipt(shared, &name("SG")).unwrap(),
        Some(b"newer".to_vec())
    );
    let own = store.own().unwrap();
    let entry = |number| own.get(&IndicatorId::of(&name("MY"), &value(number)));
    assert!(entry(1).unwrap().erased && entry(2).unwrap().withdrawn);
    // Its second revision is in the batch that was forgotten.
    assert_eq!(entry(4).unwrap().revision, Revision::new(1));
    assert!(store.body(private, 2).is_err() && store.body(shared, 2).is_err());

    let state = home.0.path().join("signer.state");
    fs::write(&state, SIGNER).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o600)).unwrap();
    let signer = Signer::open(&state).unwrap();
    let heads: BTreeMap<_, _> = signer.iter().map(|(feed, head)| (*feed, head)).collect();
    assert_eq!(heads, signed(&told, &[private, shared]));

    drop(store);
    fs::remove_dir_all(home.sled()).unwrap();
    let (store, opening) = home.open();
    assert!(opening.rebuilt.is_some());
    assert_eq!(answers(&store), expected, "from the log alone");
}
