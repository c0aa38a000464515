//! The signer state against forks, bad files and failing writes.

use kentong_protocol::member::heads::Refused;
use proptest::prelude::*;
use tempfile::TempDir;

use super::form::{ENTRY_LEN, HEAD_LEN, LABEL};
use super::*;

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn signed(size: u64, root: u8) -> Signed {
    Signed {
        size,
        root: digest(root),
    }
}

fn swap(feed: u8, expected: Option<Signed>, new: Signed) -> Swap {
    Swap {
        feed: digest(feed),
        expected,
        new,
    }
}

fn new() -> (TempDir, PathBuf, Signer) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("signer.state");
    let signer = Signer::create(&path).unwrap();
    (dir, path, signer)
}

#[test]
fn only_what_goes_on_may_be_signed() {
    #[derive(Debug, PartialEq)]
    enum Answer {
        Taken,
        Fork,
        Changed,
    }
    use Answer::*;
    let old = Some(signed(5, 1));
    let rows = [
        (old, signed(6, 2), Taken),
        (old, signed(5, 1), Taken),
        (old, signed(u64::MAX, 1), Taken),
        (old, signed(5, 2), Fork),
        (old, signed(4, 1), Fork),
        (old, signed(0, 1), Fork),
        (None, signed(6, 2), Changed),
        (Some(signed(5, 2)), signed(6, 2), Changed),
        (Some(signed(4, 1)), signed(6, 2), Changed),
    ];
    for (expected, offered, answer) in rows {
        let (_dir, path, mut signer) = new();
        signer
            .compare_and_swap(digest(7), None, signed(5, 1))
            .unwrap();
        let found = match signer.compare_and_swap(digest(7), expected, offered) {
            Ok(()) => Taken,
            Err(SignerError::Refused(Refused::WouldFork { .. })) => Fork,
            Err(SignerError::Refused(Refused::Changed { .. })) => Changed,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, answer, "{expected:?} {offered:?}");
        let now = if answer == Taken {
            offered
        } else {
            signed(5, 1)
        };
        assert_eq!(signer.get(&digest(7)), Some(now));
        let reopened = Signer::open(&path).unwrap();
        assert_eq!(reopened.get(&digest(7)), Some(now));
        assert_eq!(reopened.iter().count(), 1);
    }
}

#[test]
fn a_batch_is_taken_whole_or_not_at_all() {
    let (_dir, path, mut signer) = new();
    let first = swap(1, None, signed(1, 1));
    let again = swap(1, Some(signed(1, 1)), signed(2, 2));
    let other = swap(2, None, signed(9, 9));
    let wrong = swap(2, None, signed(10, 9));
    let refused = signer.swap_all(&[first, again, other, wrong]);
    assert!(matches!(
        refused,
        Err(SignerError::Refused(Refused::Changed { .. }))
    ));
    assert_eq!(Signer::open(&path).unwrap().iter().count(), 0);
    signer.swap_all(&[first, again, other]).unwrap();
    let reopened = Signer::open(&path).unwrap();
    assert_eq!(reopened.get(&digest(1)), Some(signed(2, 2)));
    assert_eq!(reopened.get(&digest(2)), Some(signed(9, 9)));
}

#[test]
fn every_kind_of_bad_file_has_its_own_error() {
    let (_dir, path, mut signer) = new();
    signer
        .swap_all(&[swap(1, None, signed(3, 1)), swap(2, None, signed(4, 1))])
        .unwrap();
    let good = fs::read(&path).unwrap();
    for len in 0..good.len() {
        fs::write(&path, &good[..len]).unwrap();
        let found = Signer::open(&path);
        assert!(matches!(found, Err(SignerError::Truncated(_))), "{len}");
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bad).unwrap();
        let found = Signer::open(&path).map(drop).unwrap_err();
        let fits = match bit / 8 {
            0 => matches!(found, SignerError::Newer(_)),
            1..5 => matches!(found, SignerError::Truncated(_) | SignerError::Tampered(_)),
            _ => matches!(found, SignerError::Tampered(_)),
        };
        assert!(fits, "{bit}: {found}");
    }
    fs::write(&path, [&good[..], &[0]].concat()).unwrap();
    assert!(matches!(Signer::open(&path), Err(SignerError::Tampered(_))));

    // Out of order, with a checksum that fits.
    let entry = |nth: usize| &good[HEAD_LEN + nth * ENTRY_LEN..][..ENTRY_LEN];
    for order in [[1, 0], [0, 0]] {
        let mut bad = [&good[..HEAD_LEN], entry(order[0]), entry(order[1])].concat();
        bad.extend_from_slice(Digest::labelled(LABEL, &[&bad]).as_bytes());
        assert_eq!(decode(&bad), Err(DecodeFault::Tampered));
    }

    fs::write(&path, &good).unwrap();
    assert_eq!(Signer::open(&path).unwrap().iter().count(), 2);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Signer::open(&path), Err(SignerError::TooOpen(_))));
    assert!(matches!(Signer::create(&path), Err(SignerError::Exists(_))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Signer::open(&path), Err(SignerError::Missing(_))));
}

#[test]
fn an_unknown_state_signs_nothing_until_one_is_settled_on() {
    let (_dir, path, mut signer) = new();
    signer
        .compare_and_swap(digest(1), None, signed(5, 1))
        .unwrap();
    let refused = signer.settle(BTreeMap::new());
    assert!(
        matches!(refused, Err(SignerError::Refused(Refused::Known))),
        "it is known"
    );
    let before = fs::read(&path).unwrap();
    let mut signer = Signer::unknown(&path);
    let refused = signer.compare_and_swap(digest(1), None, signed(1, 1));
    assert!(matches!(
        refused,
        Err(SignerError::Refused(Refused::Unknown))
    ));
    assert_eq!(fs::read(&path).unwrap(), before, "nothing is written");
    let found = BTreeMap::from([(digest(1), signed(7, 1)), (digest(2), Signed::ENDED)]);
    signer.settle(found.clone()).unwrap();
    assert!(!signer.is_unknown());
    let mut signer = Signer::open(&path).unwrap();
    assert_eq!(*signer.table.entries(), found);
    let goes_on = signer.compare_and_swap(digest(1), Some(signed(7, 1)), signed(8, 2));
    assert!(goes_on.is_ok());
    for size in [0, 1, 8, u64::MAX] {
        let refused = signer.compare_and_swap(digest(2), Some(Signed::ENDED), signed(size, 1));
        assert!(
            matches!(
                refused,
                Err(SignerError::Refused(Refused::WouldFork { .. }))
            ),
            "{size}"
        );
    }
}

#[test]
fn only_a_state_that_is_gone_or_damaged_is_lost() {
    let path = PathBuf::from("signer.state");
    for (error, lost) in [
        (SignerError::Missing(path.clone()), true),
        (SignerError::Truncated(path.clone()), true),
        (SignerError::Tampered(path.clone()), true),
        (SignerError::Newer(path.clone()), false),
        (SignerError::TooOpen(path), false),
        (SignerError::Refused(Refused::Poisoned), false),
    ] {
        assert_eq!(error.is_lost(), lost, "{error}");
    }
}

#[test]
fn a_failed_write_changes_nothing_and_a_half_failed_one_poisons() {
    let (dir, path, mut signer) = new();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A directory in the way of the new file.
    let way = dir.path().join("signer.state.new");
    fs::create_dir(&way).unwrap();
    let failed = signer.compare_and_swap(digest(1), None, signed(1, 1));
    assert!(matches!(failed, Err(SignerError::Io { .. })));
    assert_eq!(signer.get(&digest(1)), None);
    fs::remove_dir(&way).unwrap();
    // What a crash left is replaced.
    fs::write(&way, "half a file").unwrap();
    signer
        .compare_and_swap(digest(1), None, signed(1, 1))
        .unwrap();
    assert!(!way.exists());
    // A directory in the way of the rename.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let next = swap(1, Some(signed(1, 1)), signed(2, 2));
    assert!(matches!(
        signer.swap_all(&[next]),
        Err(SignerError::Io { .. })
    ));
    assert!(matches!(
        signer.swap_all(&[next]),
        Err(SignerError::Refused(Refused::Poisoned))
    ));
}

#[test]
fn the_form_is_pinned() {
    let entries = BTreeMap::from([(digest(0x11), signed(258, 0x22))]);
    let bytes = encode(&entries);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = format!(
        "0100000001{}0000000000000102{}{}",
        "11".repeat(32),
        "22".repeat(32),
        Digest::labelled(LABEL, &[&bytes[..HEAD_LEN + ENTRY_LEN]])
    );
    assert_eq!(hex, expected);
}

proptest! {
    #[test]
    fn any_state_round_trips(rows in prop::collection::btree_map(any::<[u8; 32]>(), (any::<u64>(), any::<u8>()), 0..20)) {
        let entries: BTreeMap<_, _> = rows
            .into_iter()
            .map(|(feed, (size, root))| (Digest::from_bytes(feed), signed(size, root)))
            .collect();
        prop_assert_eq!(decode(&encode(&entries)), Ok(entries));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&bytes).is_err());
    }
}
