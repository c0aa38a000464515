//! Simulated power cuts: what the log did is replayed up to some moment, as the disk may then be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::file::trace::{self, Fault, Step};
use super::{SMALL, contents, leaf};
use crate::log::{Log, Position, record, segment};

const PAGE: usize = 4096;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What becomes of writes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Model {
    /// All are lost.
    Drop,
    /// Each page of each survives or does not, in any order.
    Pages,
}

/// A file as it is in memory: durable content, and changes that are not synced.
#[derive(Default)]
struct Cached {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Cached {
    fn apply(content: &mut Vec<u8>, change: &Change) {
        match change {
            Change::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Change::SetLen(len) => content.resize(*len, 0),
        }
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            Self::apply(&mut self.durable, &change);
        }
    }

    fn after_cut(mut self, model: Model, dice: &mut Dice) -> Vec<u8> {
        if matches!(model, Model::Pages) {
            for change in &self.pending {
                match change {
                    Change::SetLen(_) if dice.roll(2) == 0 => {}
                    Change::SetLen(_) => Self::apply(&mut self.durable, change),
                    Change::Write(offset, bytes) => {
                        let mut from = 0;
                        while from < bytes.len() {
                            let to = ((offset + from) / PAGE + 1) * PAGE - offset;
                            let to = to.min(bytes.len());
                            if dice.roll(2) == 0 {
                                let page = Change::Write(offset + from, bytes[from..to].into());
                                Self::apply(&mut self.durable, &page);
                            }
                            from = to;
                        }
                    }
                }
            }
        }
        self.durable
    }
}

/// What the log syncs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Synced {
    /// A segment before it gets its name.
    Draft,
    Segment,
    Names,
}

impl Synced {
    fn by(step: &Step) -> Option<Self> {
        match step {
            Step::Sync(path) if path.extension().is_some_and(|end| end == "new") => {
                Some(Self::Draft)
            }
            Step::Sync(_) => Some(Self::Segment),
            Step::SyncDir(_) => Some(Self::Names),
            Step::Create(_) | Step::Write(..) | Step::SetLen(..) | Step::Rename(..) => None,
        }
    }
}

/// The files after a cut behind `steps`; syncs of the kind `without` do nothing.
fn disk_after(
    steps: &[Step],
    model: Model,
    without: Option<Synced>,
    dice: &mut Dice,
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files: Vec<Cached> = Vec::new();
    let mut names: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut durable_names = names.clone();
    let done = |step: &&Step| without.is_none() || Synced::by(step) != without;
    for step in steps.iter().filter(done) {
        match step {
            Step::Create(path) => {
                names.insert(path.clone(), files.len());
                files.push(Cached::default());
            }
            Step::Write(path, offset, bytes) => {
                let change = Change::Write(*offset as usize, bytes.clone());
                files[names[path]].pending.push(change);
            }
            Step::SetLen(path, len) => {
                let change = Change::SetLen(*len as usize);
                files[names[path]].pending.push(change);
            }
            Step::Sync(path) => files[names[path]].sync(),
            Step::Rename(from, to) => {
                let file = names.remove(from).unwrap();
                names.insert(to.clone(), file);
            }
            Step::SyncDir(_) => durable_names = names.clone(),
        }
    }
    if matches!(model, Model::Pages) && dice.roll(2) == 0 {
        durable_names = names;
    }
    let mut files: Vec<_> = files.into_iter().map(Some).collect();
    durable_names
        .into_iter()
        .map(|(path, file)| {
            let content = files[file].take().unwrap().after_cut(model, dice);
            (path, content)
        })
        .collect()
}

/// What was acknowledged when so many steps had been done.
struct Acknowledged {
    steps: usize,
    records: usize,
    erased: BTreeSet<u64>,
}

/// What was done with a log.
struct Work {
    /// Index and length of the records that were appended, in groups.
    groups: Vec<Vec<(u64, usize)>>,
    positions: Vec<Position>,
    steps: Vec<Step>,
    acknowledged: Vec<Acknowledged>,
}

fn work(dir: &Path, dice: &mut Dice) -> Work {
    trace::record();
    let options = super::Options {
        segment_bytes: 60_000,
        ..SMALL
    };
    let (mut log, _) = Log::open(dir, options).unwrap();
    let mut groups: Vec<Vec<(u64, usize)>> = Vec::new();
    let mut positions: Vec<Position> = Vec::new();
    let mut acknowledged = vec![Acknowledged {
        steps: trace::recorded(),
        records: 0,
        erased: BTreeSet::new(),
    }];
    let mut erased = BTreeSet::new();
    for _ in 0..50 {
        let first = positions.len() as u64;
        let group: Vec<_> = (first..=first + dice.roll(3))
            .map(|index| (index, usize::try_from(dice.roll(9_000)).unwrap()))
            .collect();
        let payloads: Vec<_> = group.iter().map(|row| payload(*row)).collect();
        let records: Vec<_> = group
            .iter()
            .zip(&payloads)
            .map(|((index, _), payload)| leaf(*index, payload))
            .collect();
        if dice.roll(6) == 0 {
            // Short of the whole group: what is whole may survive a cut that comes before the
            // failed append has returned.
            let len: usize = payloads.iter().map(Vec::len).sum();
            trace::fail_next(Fault::Write(
                usize::try_from(dice.roll(len as u64 + 88)).unwrap(),
            ));
        }
        if let Ok(at) = log.append(&records) {
            positions.extend(at);
            groups.push(group);
        }
        let mut done = false;
        if dice.roll(3) == 0 {
            log.sync().unwrap();
            done = true;
        }
        if dice.roll(8) == 0 && !positions.is_empty() {
            let chosen = dice.roll(positions.len() as u64);
            log.erase(positions[usize::try_from(chosen).unwrap()])
                .unwrap();
            erased.insert(chosen);
        }
        if dice.roll(10) == 0 {
            // Killed and started again: what it reads then must be there for good.
            drop(log);
            log = Log::open(dir, options).unwrap().0;
            assert_eq!(contents(&log).len(), positions.len());
            done = true;
        }
        if done {
            acknowledged.push(Acknowledged {
                steps: trace::recorded(),
                records: positions.len(),
                erased: erased.clone(),
            });
        }
    }
    Work {
        groups,
        positions,
        steps: trace::take_record(),
        acknowledged,
    }
}

fn payload((index, len): (u64, usize)) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((index * 31 + at as u64 * 7) % 251).unwrap())
        .collect()
}

/// Does much with a log, and opens it as it may be after a cut behind each second step; what was
/// wrong with it first.
fn cut_everywhere(seed: u64, model: Model, without: Option<Synced>) -> Result<(), String> {
    let mut dice = Dice(seed * 0x9e37_79b9);
    let home = TempDir::new().unwrap();
    let dir = home.path().join("log");
    let work = work(&dir, &mut dice);
    let (steps, acknowledged) = (&work.steps, &work.acknowledged);
    assert!(steps.len() > 100 && acknowledged.len() > 5);
    let first = acknowledged[0].steps + usize::try_from(dice.roll(2)).unwrap();
    for cut in (first..=steps.len()).step_by(2) {
        let done = acknowledged
            .iter()
            .rfind(|ack| ack.steps <= cut)
            .expect("the first is before every cut");
        let disk = disk_after(&steps[..cut], model, without, &mut dice);
        fs::remove_dir_all(&dir).unwrap();
        fs::create_dir(&dir).unwrap();
        for (path, content) in disk {
            fs::write(path, content).unwrap();
        }
        let checked = work.check(&dir, done);
        checked.map_err(|fault| format!("{model:?}, seed {seed}, cut behind {cut}: {fault}"))?;
    }
    Ok(())
}

impl Work {
    fn check(&self, dir: &Path, done: &Acknowledged) -> Result<(), String> {
        let must = |so: bool, fault: &str| if so { Ok(()) } else { Err(fault.to_owned()) };
        let rows = self.groups.concat();
        for index in &done.erased {
            let index = usize::try_from(*index).unwrap();
            let (position, (_, len)) = (self.positions[index], rows[index]);
            let file = fs::read(segment::path(dir, position.segment()));
            let file = file.map_err(|error| error.to_string())?;
            let at = (position.offset() + record::ERASABLE_AT) as usize;
            let content = file
                .get(at..at + 16 + len)
                .ok_or("an erased record is lost")?;
            must(content.iter().all(|byte| *byte == 0), "content is left")?;
        }
        let (log, _) = Log::open(dir, super::Options::default()).map_err(|e| e.to_string())?;
        let found = contents(&log);
        must(found.len() >= done.records, "lost records")?;
        let mut ends = BTreeSet::from([0]);
        ends.extend(self.groups.iter().scan(0, |end, group| {
            *end += group.len();
            Some(*end)
        }));
        must(ends.contains(&found.len()), "a torn group")?;
        for ((index, held), row) in found.iter().zip(&rows) {
            must(*index == row.0, "another record")?;
            match held {
                Some(bytes) => must(*bytes == payload(*row), "another content")?,
                None => must(*index < rows.len() as u64, "an erased record of nobody")?,
            }
        }
        Ok(())
    }
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_or_tears_a_group() {
    for (seed, model) in (1..=3).flat_map(|seed| [(seed, Model::Drop), (seed, Model::Pages)]) {
        assert_eq!(cut_everywhere(seed, model, None), Ok(()));
    }
}

#[test]
fn without_any_kind_of_sync_something_is_lost() {
    for without in [Synced::Draft, Synced::Segment, Synced::Names] {
        let fault = cut_everywhere(1, Model::Drop, Some(without));
        println!("{without:?}: {fault:?}");
        assert!(fault.is_err(), "{without:?}");
    }
}
