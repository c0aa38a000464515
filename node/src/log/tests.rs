//! The log against torn tails, flipped bits, full disks and failing syncs.

mod golden;
mod power;

use std::fs;
use std::path::PathBuf;

use kentong_keys::Digest;
use proptest::prelude::*;
use tempfile::TempDir;

use super::file::trace::{self, Fault};
use super::*;

const CREATE: Options = Options {
    create: true,
    segment_bytes: DEFAULT_SEGMENT,
};
const SMALL: Options = Options {
    create: true,
    segment_bytes: 600,
};

fn leaf(index: u64, payload: &[u8]) -> Record<'_> {
    Record {
        kind: RecordKind::Leaf,
        key: RecordKey {
            feed: Digest::from_bytes([1; 32]),
            index,
        },
        payload,
    }
}

fn open(dir: &TempDir, options: Options) -> (Log, Recovery) {
    Log::open(&dir.path().join("log"), options).unwrap()
}

fn segment_path(dir: &TempDir, number: u32) -> PathBuf {
    segment::path(&dir.path().join("log"), number)
}

/// Index and payload of every record; an erased one has no payload.
fn contents(log: &Log) -> Vec<(u64, Option<Vec<u8>>)> {
    log.scan(Position::START)
        .map(|item| {
            let (position, record) = item.unwrap();
            assert_eq!(log.read(position).unwrap(), record);
            (record.key.index, record.bytes().map(<[u8]>::to_vec))
        })
        .collect()
}

fn indexes(log: &Log) -> Vec<u64> {
    contents(log).into_iter().map(|(index, _)| index).collect()
}

#[test]
fn records_come_back_as_written_and_survive_reopening() {
    let dir = TempDir::new().unwrap();
    let (mut log, recovery) = open(&dir, CREATE);
    assert_eq!((recovery.records, recovery.cut_bytes), (0, 0));
    let strange = Record {
        kind: RecordKind::from_u8(200),
        ..leaf(7, b"of a later version")
    };
    let big = vec![5; MAX_PAYLOAD];
    let at = log
        .append(&[leaf(0, b""), strange, leaf(u64::MAX, &big)])
        .unwrap();
    log.sync().unwrap();
    let end = log.end();
    assert_eq!(at[0], Position::START);
    drop(log);

    let (log, recovery) = open(&dir, Options::default());
    assert_eq!((recovery.records, recovery.end), (3, end));
    for (position, written) in at.iter().zip([leaf(0, b""), strange, leaf(u64::MAX, &big)]) {
        let read = log.read(*position).unwrap();
        assert_eq!((read.kind, read.key), (written.kind, written.key));
        assert_eq!(read.bytes(), Some(written.payload));
    }
    assert_eq!(
        log.scan(at[1])
            .map(|item| item.unwrap().0)
            .collect::<Vec<_>>(),
        at[1..]
    );
}

#[test]
fn wrong_uses_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let missing = Log::open(&path, Options::default());
    assert!(matches!(missing, Err(LogError::Missing(_))));
    assert!(!path.exists());

    let (mut log, _) = open(&dir, CREATE);
    let big = vec![0; MAX_PAYLOAD + 1];
    let group: Vec<_> = (0..17).map(|index| leaf(index, &big[1..])).collect();
    for records in [&[leaf(0, &big)][..], &group] {
        let refused = log.append(records);
        assert!(matches!(refused, Err(LogError::TooLarge { .. })));
    }
    assert_eq!(log.append(&[]).unwrap(), []);
    let end = log.append(&[leaf(0, b"x")]).map(|_| log.end()).unwrap();
    for position in [Position::from_u64(0), end, Position::from_u64(u64::MAX)] {
        assert!(matches!(log.read(position), Err(LogError::NoRecord(_))));
        assert!(matches!(log.erase(position), Err(LogError::NoRecord(_))));
    }
    let between = Position::from_u64(Position::START.to_u64() + 1);
    assert!(matches!(log.read(between), Err(LogError::Damaged { .. })));
    assert_eq!(indexes(&log), [0]);
}

#[test]
fn the_directory_and_its_files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = TempDir::new().unwrap();
    drop(open(&dir, CREATE));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir.path().join("log")), 0o700);
    assert_eq!(mode(segment_path(&dir, 1)), 0o600);
}

#[test]
fn segments_follow_each_other() {
    let dir = TempDir::new().unwrap();
    let (mut log, _) = open(&dir, SMALL);
    let reader = log.reader();
    let mut seen = Position::START;
    for index in 0..40 {
        let payload = vec![1; usize::try_from(index * 7).unwrap()];
        let at = log.append(&[leaf(index, &payload)]).unwrap();
        // A position that was the end once is a place to go on from.
        let new: Vec<_> = reader.scan(seen).map(|item| item.unwrap().0).collect();
        assert_eq!(new, at);
        seen = log.end();
    }
    log.sync().unwrap();
    assert!(log.end().segment() > 10);
    let before = contents(&log);
    drop(log);
    let (log, recovery) = open(&dir, SMALL);
    assert_eq!((recovery.records, recovery.cut_bytes), (40, 0));
    assert_eq!(contents(&log), before);
}

#[test]
fn a_torn_tail_is_cut_at_whatever_byte_it_tore() {
    let dir = TempDir::new().unwrap();
    let (mut log, _) = open(&dir, CREATE);
    log.append(&[leaf(0, b"kept"), leaf(1, b"kept too")])
        .unwrap();
    log.sync().unwrap();
    let kept = log.end();
    log.append(&[leaf(2, b"one"), leaf(3, b"group")]).unwrap();
    log.append(&[leaf(4, b"another")]).unwrap();
    let path = segment_path(&dir, 1);
    let whole = fs::read(&path).unwrap();
    let second = log.scan(kept).nth(2).unwrap().unwrap().0;
    drop(log);

    for cut in kept.offset()..u32::try_from(whole.len()).unwrap() {
        fs::write(&path, &whole[..cut as usize]).unwrap();
        let (mut log, recovery) = open(&dir, Options::default());
        let (end, expected) = if cut < second.offset() {
            (kept, vec![0, 1])
        } else {
            (second, vec![0, 1, 2, 3])
        };
        assert_eq!(indexes(&log), expected, "cut at {cut}");
        assert_eq!(recovery.cut_bytes, u64::from(cut - end.offset()));
        assert_eq!((recovery.end, log.end()), (end, end));
        log.append(&[leaf(9, b"after")]).unwrap();
        log.sync().unwrap();
        drop(log);
        let (log, recovery) = open(&dir, Options::default());
        assert_eq!(recovery.cut_bytes, 0);
        assert_eq!(indexes(&log).last(), Some(&9));
    }
}

/// Flips one bit of a log of two segments: 0, 1, 2 and 3, 4, 5, the first four of them synced.
fn flip(segment: u32, offset: usize, bit: u8) -> Result<(Recovery, Vec<u64>), LogError> {
    let dir = TempDir::new().unwrap();
    let options = Options {
        create: true,
        segment_bytes: 700,
    };
    let (mut log, _) = open(&dir, options);
    for index in 0..6 {
        log.append(&[leaf(index, &[7; 120])]).unwrap();
        if index < 4 {
            log.sync().unwrap();
        }
    }
    assert_eq!(log.end().segment(), 2);
    drop(log);
    let path = segment_path(&dir, segment);
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset] ^= 1 << bit;
    fs::write(&path, bytes).unwrap();
    let (log, recovery) = Log::open(&dir.path().join("log"), options)?;
    Ok((recovery, indexes(&log)))
}

#[test]
fn a_flipped_bit_in_what_was_durable_is_damage_and_behind_it_a_torn_tail() {
    const RECORD: usize = 88 + 120;
    // Segment, record in it, and what is left if it was cut.
    let rows: [(u32, usize, Option<&[u64]>); 6] = [
        (1, 0, None),
        (1, 1, None),
        (1, 2, None),
        (2, 0, None),
        (2, 1, Some(&[0, 1, 2, 3])),
        (2, 2, Some(&[0, 1, 2, 3, 4])),
    ];
    for (segment, nth, left) in rows {
        let start = segment::HEADER_LEN as usize + nth * RECORD;
        for within in [0, 1, 2, 3, 40, 44, 47, 50, 60, 71, 72, 87, 88, RECORD - 1] {
            let case = format!("segment {segment}, record {nth}, byte {within}");
            match (flip(segment, start + within, 3), left) {
                (Err(LogError::Damaged { segment: s, offset }), None) => {
                    assert_eq!((s, offset as usize), (segment, start), "{case}");
                }
                (Ok((recovery, found)), Some(left)) => {
                    assert_eq!(found, left, "{case}");
                    assert_eq!(recovery.cut_bytes, ((3 - nth) * RECORD) as u64, "{case}");
                }
                (other, _) => panic!("{case}: {other:?}"),
            }
        }
    }
    for within in 0..segment::HEADER_LEN as usize {
        let found = flip(2, within, 0).map(drop).unwrap_err();
        assert!(
            matches!(
                found,
                LogError::Damaged {
                    segment: 2,
                    offset: 0
                }
            ),
            "{within}: {found}"
        );
    }
}

#[test]
fn missing_and_foreign_segments_are_named() {
    let dir = TempDir::new().unwrap();
    let (mut log, _) = open(&dir, SMALL);
    for index in 0..9 {
        log.append(&[leaf(index, &[7; 120])]).unwrap();
    }
    drop(log);
    let other = TempDir::new().unwrap();
    drop(open(&other, SMALL));
    let whole = fs::read(segment_path(&dir, 1)).unwrap();

    fs::copy(segment_path(&other, 1), segment_path(&dir, 1)).unwrap();
    let found = Log::open(&dir.path().join("log"), SMALL);
    assert!(matches!(found, Err(LogError::ForeignSegment(2))));
    fs::copy(segment_path(&dir, 3), segment_path(&dir, 1)).unwrap();
    let found = Log::open(&dir.path().join("log"), SMALL);
    assert!(matches!(found, Err(LogError::ForeignSegment(1))));
    fs::remove_file(segment_path(&dir, 1)).unwrap();
    let found = Log::open(&dir.path().join("log"), SMALL);
    assert!(matches!(found, Err(LogError::MissingSegment(1))));

    fs::write(segment_path(&dir, 1), whole).unwrap();
    fs::write(dir.path().join("log/00000009.seg.new"), "unfinished").unwrap();
    assert_eq!(open(&dir, SMALL).1.records, 9);
    assert!(!dir.path().join("log/00000009.seg.new").exists());
}

#[test]
fn erasure_leaves_nothing_in_the_file_and_the_neighbours_whole() {
    let secret = b"the body that must not be held any longer";
    let dir = TempDir::new().unwrap();
    let (mut log, _) = open(&dir, SMALL);
    let at = log
        .append(&[leaf(0, b"before"), leaf(1, secret), leaf(2, b"after")])
        .unwrap();
    log.append(&[leaf(3, &[0; 400])]).unwrap();
    log.sync().unwrap();
    let reader = log.reader();
    let file = || fs::read(segment_path(&dir, 1)).unwrap();
    let holds = |window: &[u8]| file().windows(window.len()).any(|found| found == window);
    let start = at[1].offset() as usize;
    let checksum = file()[start + 72..start + 88].to_vec();
    assert!(holds(secret) && holds(&checksum));

    log.erase(at[1]).unwrap();
    log.erase(at[1]).unwrap();
    assert!(!secret.windows(4).any(holds) && !holds(&checksum));
    let expected = vec![
        (0, Some(b"before".to_vec())),
        (1, None),
        (2, Some(b"after".to_vec())),
        (3, Some(vec![0; 400])),
    ];
    assert_eq!(contents(&log), expected);
    assert_eq!(reader.read(at[1]).unwrap().payload, Payload::Erased);
    drop(log);
    let (log, recovery) = open(&dir, SMALL);
    assert_eq!((recovery.records, recovery.finished_erasures), (4, 0));
    assert_eq!(contents(&log), expected);
}

#[test]
fn an_erasure_that_a_crash_cut_short_is_finished_at_the_start() {
    let dir = TempDir::new().unwrap();
    let (mut log, _) = open(&dir, CREATE);
    let at = log.append(&[leaf(0, b"a secret"), leaf(1, b"b")]).unwrap();
    drop(log);
    let path = segment_path(&dir, 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at[0].offset() as usize + 1] = record::ERASED;
    fs::write(&path, bytes).unwrap();
    let (log, recovery) = open(&dir, CREATE);
    assert_eq!(recovery.finished_erasures, 1);
    assert_eq!(contents(&log), [(0, None), (1, Some(b"b".to_vec()))]);
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"a secret"));
}

#[test]
fn a_full_disk_keeps_nothing_of_the_group_and_the_log_goes_on() {
    for stop in [0, 1, 87, 88, 95, 100, 180] {
        let dir = TempDir::new().unwrap();
        let (mut log, _) = open(&dir, SMALL);
        log.append(&[leaf(0, b"first")]).unwrap();
        let end = log.end();
        trace::fail_next(Fault::Write(stop));
        let full = log.append(&[leaf(1, &[1; 50]), leaf(2, &[2; 50])]);
        assert!(matches!(full, Err(LogError::Full)) && !trace::pending());
        let len = fs::metadata(segment_path(&dir, 1)).unwrap().len();
        assert_eq!((log.end(), len), (end, u64::from(end.offset())));
        assert_eq!(indexes(&log), [0]);
        log.append(&[leaf(3, b"later")]).unwrap();
        log.sync().unwrap();
        drop(log);
        let (log, recovery) = open(&dir, SMALL);
        assert_eq!((indexes(&log), recovery.cut_bytes), (vec![0, 3], 0));
    }
}

#[test]
fn a_full_disk_when_a_segment_begins_leaves_the_old_one_in_use() {
    for fault in [Fault::Create, Fault::Write(10)] {
        let dir = TempDir::new().unwrap();
        let (mut log, _) = open(&dir, SMALL);
        log.append(&[leaf(0, &[1; 500])]).unwrap();
        log.sync().unwrap();
        trace::fail_next(fault);
        let full = log.append(&[leaf(1, &[1; 500])]);
        assert!(matches!(full, Err(LogError::Full)) && !trace::pending());
        assert_eq!(fs::read_dir(dir.path().join("log")).unwrap().count(), 1);
        log.append(&[leaf(2, &[1; 500])]).unwrap();
        log.sync().unwrap();
        assert_eq!(log.end().segment(), 2);
        drop(log);
        assert_eq!(indexes(&open(&dir, SMALL).0), [0, 2]);
    }
}

#[test]
fn a_failure_that_leaves_the_disk_unknown_poisons_the_log() {
    type Row = (&'static [Fault], fn(&mut Log) -> Result<(), LogError>);
    let rows: [Row; 5] = [
        (&[Fault::Sync], Log::sync),
        (&[Fault::Sync], |log| log.erase(Position::START)),
        (&[Fault::Write(0)], |log| log.erase(Position::START)),
        (&[Fault::SyncDir], |log| {
            log.append(&[leaf(8, &[1; 590])]).map(drop)
        }),
        (&[Fault::Write(30), Fault::SetLen], |log| {
            log.append(&[leaf(8, b"x")]).map(drop)
        }),
    ];
    for (faults, action) in rows {
        let dir = TempDir::new().unwrap();
        let (mut log, _) = open(&dir, SMALL);
        log.append(&[leaf(0, b"x")]).unwrap();
        for fault in faults {
            trace::fail_next(*fault);
        }
        assert!(action(&mut log).is_err() && !trace::pending(), "{faults:?}");
        let poisoned = [
            log.sync(),
            log.append(&[leaf(9, b"y")]).map(drop),
            log.read(Position::START).map(drop),
            log.erase(Position::START),
            log.scan(Position::START).next().unwrap().map(drop),
            log.reader().read(Position::START).map(drop),
        ];
        for result in poisoned {
            assert!(matches!(result, Err(LogError::Poisoned)), "{faults:?}");
        }
        drop(log);
        assert_eq!(indexes(&open(&dir, SMALL).0).first(), Some(&0));
    }
}

#[test]
fn payloads_stay_out_of_debug_and_errors() {
    let record = leaf(3, b"SECRETSECRET");
    let held = OwnedRecord {
        kind: record.kind,
        key: record.key,
        payload: Payload::Held(record.payload.to_vec()),
    };
    let shown = format!("{record:?} {held:?}");
    assert_eq!(
        shown,
        "Record(Leaf, 01010101/3, 12 bytes) OwnedRecord(Leaf, 01010101/3, 12 bytes)"
    );
}

/// One thing that a user of the log does.
#[derive(Clone, Debug)]
enum Action {
    Append(Vec<usize>),
    Sync,
    Erase(prop::sample::Index),
    Reopen,
    FailedAppend(usize),
}

fn action() -> impl Strategy<Value = Action> {
    let lens = prop::collection::vec(0_usize..300, 1..4);
    prop_oneof![
        6 => lens.prop_map(Action::Append),
        2 => Just(Action::Sync),
        1 => any::<prop::sample::Index>().prop_map(Action::Erase),
        1 => Just(Action::Reopen),
        1 => (0_usize..400).prop_map(Action::FailedAppend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_list(actions in prop::collection::vec(action(), 1..40)) {
        let dir = TempDir::new().unwrap();
        let (mut log, _) = open(&dir, SMALL);
        let mut model: Vec<(u64, Option<Vec<u8>>)> = Vec::new();
        let mut positions = Vec::new();
        for action in actions {
            match action {
                Action::Append(lens) => {
                    let start = model.len();
                    for len in lens {
                        let index = model.len() as u64;
                        let byte = u8::try_from(index % 251).unwrap();
                        model.push((index, Some(vec![byte; len])));
                    }
                    let group: Vec<_> = model[start..]
                        .iter()
                        .map(|(index, payload)| leaf(*index, payload.as_deref().unwrap()))
                        .collect();
                    positions.extend(log.append(&group).unwrap());
                }
                Action::Sync => log.sync().unwrap(),
                Action::Erase(chosen) => {
                    if !model.is_empty() {
                        let chosen = chosen.index(model.len());
                        log.erase(positions[chosen]).unwrap();
                        model[chosen].1 = None;
                    }
                }
                Action::Reopen => {
                    drop(log);
                    let (again, recovery) = open(&dir, SMALL);
                    prop_assert_eq!(recovery.cut_bytes, 0);
                    log = again;
                }
                Action::FailedAppend(stop) => {
                    trace::fail_next(Fault::Write(stop));
                    let result = log.append(&[leaf(999, &[0; 200]), leaf(999, &[0; 200])]);
                    prop_assert!(matches!(result, Err(LogError::Full)));
                }
            }
        }
        prop_assert!(positions.is_sorted());
        prop_assert_eq!(contents(&log), model);
    }
}
