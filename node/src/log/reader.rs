//! Reading the log, from any thread, while its one writer goes on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::LogError;
use super::file::LogFile;
use super::segment::{self, LogId};
use super::{MAX_SEGMENT, OwnedRecord, Position};

/// How many segment files are kept open for reading.
const OPEN_FILES: usize = 32;

/// What the writer and all readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    pub(super) id: LogId,
    /// Where the next record will lie; records before it are whole.
    end: AtomicU64,
    poisoned: AtomicBool,
    /// The segments read last, the latest at the end.
    files: Mutex<Vec<(u32, Arc<LogFile>)>>,
}

impl Shared {
    pub(super) fn new(dir: PathBuf, id: LogId, end: Position) -> Self {
        Self {
            dir,
            id,
            end: AtomicU64::new(end.to_u64()),
            poisoned: AtomicBool::new(false),
            files: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn end(&self) -> Position {
        Position::from_u64(self.end.load(Ordering::Acquire))
    }

    pub(super) fn set_end(&self, end: Position) {
        self.end.store(end.to_u64(), Ordering::Release);
    }

    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    pub(super) fn check_poison(&self) -> Result<(), LogError> {
        if self.poisoned.load(Ordering::Acquire) {
            Err(LogError::Poisoned)
        } else {
            Ok(())
        }
    }

    /// Reads the record at `position` and checks it.
    pub(super) fn read(&self, position: Position) -> Result<OwnedRecord, LogError> {
        self.check_poison()?;
        let end = self.end();
        if position >= end || position < Position::START {
            return Err(LogError::NoRecord(position));
        }
        let file = self.file(position.segment())?;
        let limit = Self::segment_end(&file, position, end)?;
        let (_, record) = segment::record(&file, &self.id, position, limit)
            .map_err(|fault| fault.at(position, &file))?;
        Ok(record)
    }

    fn file(&self, number: u32) -> Result<Arc<LogFile>, LogError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match files.iter().position(|(open, _)| *open == number) {
            Some(index) => files.remove(index),
            None => {
                if files.len() >= OPEN_FILES {
                    drop(files.remove(0));
                }
                let path = segment::path(&self.dir, number);
                let file = LogFile::open_to_read(&path).map_err(LogError::io("open", &path))?;
                (number, Arc::new(file))
            }
        };
        let file = Arc::clone(&entry.1);
        files.push(entry);
        Ok(file)
    }

    /// Where the records of the segment of `at` end. `end` is the end of the log.
    pub(super) fn segment_end(
        file: &LogFile,
        at: Position,
        end: Position,
    ) -> Result<u32, LogError> {
        if at.segment() == end.segment() {
            return Ok(end.offset());
        }
        let len = file.len().map_err(LogError::io("read", file.path()))?;
        Ok(u32::try_from(len).unwrap_or(MAX_SEGMENT))
    }
}

/// A handle that reads the log. Cheap to clone; reads see every record whose append returned,
/// synced or not.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Where the next record will lie.
    #[must_use]
    pub fn end(&self) -> Position {
        self.shared.end()
    }

    /// Reads the record at `position` and checks it.
    pub fn read(&self, position: Position) -> Result<OwnedRecord, LogError> {
        self.shared.read(position)
    }

    /// Reads the records from `from` to the present end, in the order in which they were written.
    /// `from` is a record's position or an end of the log that was seen earlier; anything before
    /// [`Position::START`] is the beginning.
    #[must_use]
    pub fn scan(&self, from: Position) -> Scan {
        Scan {
            shared: Arc::clone(&self.shared),
            next: from.max(Position::START),
            end: self.shared.end(),
            current: None,
        }
    }
}

/// The records of a part of the log. After an error it ends.
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    next: Position,
    end: Position,
    /// The file of the segment of `next`, and where its records end.
    current: Option<(Arc<LogFile>, u32)>,
}

impl Scan {
    fn step(&mut self) -> Result<Option<(Position, OwnedRecord)>, LogError> {
        self.shared.check_poison()?;
        while self.next < self.end {
            let (file, limit) = match self.current.take() {
                Some(current) => current,
                None => {
                    let file = self.shared.file(self.next.segment())?;
                    let limit = Shared::segment_end(&file, self.next, self.end)?;
                    (file, limit)
                }
            };
            let at = self.next;
            if at.offset() == limit {
                self.next = Position::new(at.segment() + 1, segment::HEADER_LEN);
                continue;
            }
            let (header, record) = segment::record(&file, &self.shared.id, at, limit)
                .map_err(|fault| fault.at(at, &file))?;
            self.next = Position::new(at.segment(), at.offset() + header.record_len());
            self.current = Some((file, limit));
            return Ok(Some((at, record)));
        }
        Ok(None)
    }
}

impl Iterator for Scan {
    type Item = Result<(Position, OwnedRecord), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.end = self.next;
        }
        step.transpose()
    }
}
