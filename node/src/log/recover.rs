//! Checking the log at the start.
//!
//! What a crash can leave behind is at the end of the last segment only: an earlier one was synced
//! before its successor was created. There, a bad record is a torn tail if nothing shows
//! that it had been durable, and is cut away with the rest of its group and all after it. It had
//! been durable if any later record says so in its field `durable`; that is damage, and nothing is
//! cut. (Pages that were not synced reach the disk in any order, so an intact record behind a
//! bad one proves nothing by itself.)
//!
//! One case cannot be told from a crash: damage to what was synced last, with nothing written
//! since. It is cut, and [`Recovery::cut_bytes`] says so; for a feed of one's own the signer state
//! then knows more than the log, which stops the start.

use std::path::Path;

use super::error::LogError;
use super::file::{self, LogFile};
use super::record;
use super::segment::{self, Fault, LogId};
use super::{MAX_SEGMENT, Position};

/// What was found at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// Bytes of a torn tail that were cut away.
    pub cut_bytes: u64,
    /// Records that are there, erased ones included.
    pub records: u64,
    /// Erasures that a crash had interrupted and that are now finished.
    pub finished_erasures: u64,
    /// Where the next record will lie.
    pub end: Position,
}

/// Checks all segments, cuts a torn tail and leaves everything durable. Returns the last segment.
pub(super) fn recover(dir: &Path, numbers: &[u32]) -> Result<(LogFile, LogId, Recovery), LogError> {
    let mut recovery = Recovery {
        cut_bytes: 0,
        records: 0,
        finished_erasures: 0,
        end: Position::START,
    };
    let mut opened: Option<(LogFile, LogId)> = None;
    let last = numbers.len().saturating_sub(1);
    for (index, (number, expected)) in numbers.iter().zip(1..).enumerate() {
        if *number != expected {
            return Err(LogError::MissingSegment(expected));
        }
        let path = segment::path(dir, *number);
        let file = LogFile::open(&path).map_err(LogError::io("open", &path))?;
        let id = segment::read_header(&file, *number)?;
        if opened.as_ref().is_some_and(|(_, first)| *first != id) {
            return Err(LogError::ForeignSegment(*number));
        }
        let checked = check(&file, &id, *number)?;
        if let Some(tail) = checked.bad {
            tail.settle(&file, &id, index == last, checked.group_end)?;
            recovery.cut_bytes += u64::from(checked.len - checked.group_end);
        }
        recovery.records += checked.records;
        recovery.finished_erasures += checked.finished_erasures;
        recovery.end = Position::new(*number, checked.group_end);
        opened = Some((file, id));
    }
    let (file, id) = opened.ok_or_else(|| LogError::Missing(dir.to_owned()))?;
    // What a killed process had written and not synced counts from here on: make it durable.
    file.sync().map_err(LogError::io("sync", file.path()))?;
    file::sync_dir(dir).map_err(LogError::io("sync", dir))?;
    Ok((file, id, recovery))
}

/// What is in a segment.
struct Checked {
    len: u32,
    /// Records up to `group_end`.
    records: u64,
    finished_erasures: u64,
    /// The end of the last whole group.
    group_end: u32,
    /// What follows it, if anything.
    bad: Option<Tail>,
}

fn check(file: &LogFile, id: &LogId, number: u32) -> Result<Checked, LogError> {
    let len = file.len().map_err(LogError::io("read", file.path()))?;
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    if len > MAX_SEGMENT {
        return Err(Fault::Bad.at(Position::new(number, MAX_SEGMENT), file));
    }
    let mut at = Position::new(number, segment::HEADER_LEN);
    let mut checked = Checked {
        len,
        records: 0,
        finished_erasures: 0,
        group_end: at.offset(),
        bad: None,
    };
    let mut in_group = 0;
    while at.offset() < len {
        let (header, _) = match segment::record(file, id, at, len) {
            Ok(found) => found,
            Err(Fault::Bad) => {
                checked.bad = Some(Tail { at, len });
                return Ok(checked);
            }
            Err(fault) => return Err(fault.at(at, file)),
        };
        if header.erased
            && !segment::is_wiped(file, at, &header).map_err(|fault| fault.at(at, file))?
        {
            segment::wipe(file, at, &header).map_err(LogError::io("erase in", file.path()))?;
            checked.finished_erasures += 1;
        }
        in_group += 1;
        at = Position::new(number, at.offset() + header.record_len());
        if !header.more {
            checked.group_end = at.offset();
            checked.records += in_group;
            in_group = 0;
        }
    }
    if checked.group_end < len {
        checked.bad = Some(Tail { at, len });
    }
    Ok(checked)
}

/// The end of a segment from where it cannot be read as whole groups.
struct Tail {
    /// The first bad record, or the end of the file if a group is cut off between records.
    at: Position,
    len: u32,
}

impl Tail {
    /// Cuts back to `group_end` if that is what a crash can leave behind.
    fn settle(
        &self,
        file: &LogFile,
        id: &LogId,
        is_last: bool,
        group_end: u32,
    ) -> Result<(), LogError> {
        if !is_last || self.was_durable(file, id)? {
            return Err(Fault::Bad.at(self.at, file));
        }
        file.set_len(group_end)
            .and_then(|()| file.sync())
            .map_err(LogError::io("cut the torn end of", file.path()))
    }

    /// Whether any record behind the bad one says that the bad one had been durable.
    fn was_durable(&self, file: &LogFile, id: &LogId) -> Result<bool, LogError> {
        let mut bytes = vec![0; self.len.saturating_sub(self.at.offset()) as usize];
        file.read_exact_at(&mut bytes, self.at.offset())
            .map_err(LogError::io("read", file.path()))?;
        let headers = bytes.windows(record::HEADER_LEN as usize);
        let found = (self.at.offset()..)
            .zip(headers)
            .skip(1)
            .filter_map(|(offset, window)| {
                let at = Position::new(self.at.segment(), offset);
                record::decode_header(id, at, window.first_chunk()?).ok()
            })
            .any(|header| header.durable > self.at);
        Ok(found)
    }
}
