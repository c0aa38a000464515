//! A segment file: its name, its header, and reading a record from it.
//!
//! ```text
//!  0  magic "kentong-log"      11  version (1)
//! 12  log id, 16 bytes         28  segment number, u32
//! 32  checksum: the first 16 bytes of a labelled SHA-256 over bytes 0–31
//! 48  records
//! ```
//!
//! A segment is written under a name of its own, synced and then renamed, so that a file with the
//! right name always has a whole header.

use std::io;
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label};

use super::error::LogError;
use super::file::{self, LogFile};
use super::record::{self, Header, HeaderFault};
use super::{OwnedRecord, Payload, Position};

/// The bytes before the first record.
pub(super) const HEADER_LEN: u32 = 48;
const _: () = assert!(HEADER_LEN == Position::START.offset());

const MAGIC: &[u8; 11] = b"kentong-log";
const VERSION: u8 = 1;
const LABEL: Label = Label::new("kentong/log-segment/1");
/// The ending of a segment that is being created.
const UNFINISHED: &str = ".seg.new";

/// The random id that all segments of a log share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LogId([u8; 16]);

impl LogId {
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

pub(super) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

/// The numbers of the segments in `dir`, in order. Removes segments whose creation did not end.
pub(super) fn numbers(dir: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for name in file::names(dir)? {
        if name.ends_with(UNFINISHED) {
            file::remove(&dir.join(name))?;
        } else if let Some(number) = name.strip_suffix(".seg").and_then(|n| n.parse().ok())
            && path(dir, number).ends_with(&name)
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Creates an empty segment, durably.
pub(super) fn create(dir: &Path, log: &LogId, number: u32) -> io::Result<LogFile> {
    let unfinished = dir.join(format!("{number:08}{UNFINISHED}"));
    let written = write_header(&unfinished, log, number);
    if written.is_err() {
        // Removed again at the next start if it cannot be removed now.
        drop(file::remove(&unfinished));
    }
    written?;
    let path = path(dir, number);
    file::rename(&unfinished, &path)?;
    file::sync_dir(dir)?;
    LogFile::open(&path)
}

fn write_header(path: &Path, log: &LogId, number: u32) -> io::Result<()> {
    let mut header = Vec::with_capacity(HEADER_LEN as usize);
    header.extend_from_slice(MAGIC);
    header.push(VERSION);
    header.extend_from_slice(log.as_bytes());
    header.extend_from_slice(&number.to_be_bytes());
    let checksum = record::shorten(&Digest::labelled(LABEL, &[&header]));
    header.extend_from_slice(&checksum);
    let file = LogFile::create(path)?;
    file.write_all_at(&header, 0)?;
    file.sync()
}

/// Reads the header of segment `number`, and says which log it belongs to.
pub(super) fn read_header(file: &LogFile, number: u32) -> Result<LogId, LogError> {
    let damaged = || LogError::Damaged {
        segment: number,
        offset: 0,
    };
    let mut header = [0; HEADER_LEN as usize];
    file.read_exact_at(&mut header, 0).map_err(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return damaged();
        }
        LogError::io("read", file.path())(error)
    })?;
    let (covered, checksum) = header
        .split_last_chunk::<16>()
        .expect("a header is longer than its checksum");
    if record::shorten(&Digest::labelled(LABEL, &[covered])) != *checksum {
        return Err(damaged());
    }
    let mut rest = covered;
    let magic: [u8; 11] = record::take(&mut rest);
    let [version] = record::take(&mut rest);
    if magic != *MAGIC || version != VERSION {
        return Err(LogError::Newer(number));
    }
    let log = LogId(record::take(&mut rest));
    if u32::from_be_bytes(record::take(&mut rest)) != number {
        return Err(LogError::ForeignSegment(number));
    }
    Ok(log)
}

/// Why there is no record at a position.
#[derive(Debug)]
pub(super) enum Fault {
    /// It does not match its checksums, or is cut off.
    Bad,
    /// Written by a later version.
    Newer,
    /// It could not be read.
    Unreadable(io::Error),
}

impl Fault {
    pub(super) fn at(self, position: Position, file: &LogFile) -> LogError {
        match self {
            Self::Bad => LogError::Damaged {
                segment: position.segment(),
                offset: position.offset(),
            },
            Self::Newer => LogError::Newer(position.segment()),
            Self::Unreadable(source) => LogError::io("read", file.path())(source),
        }
    }
}

/// Reads the header at `at` in a segment whose records end at `end`.
pub(super) fn record_header(
    file: &LogFile,
    log: &LogId,
    at: Position,
    end: u32,
) -> Result<Header, Fault> {
    let room = end.saturating_sub(at.offset());
    if room < record::HEADER_LEN {
        return Err(Fault::Bad);
    }
    let mut bytes = [0; record::HEADER_LEN as usize];
    file.read_exact_at(&mut bytes, at.offset())
        .map_err(Fault::Unreadable)?;
    let header = record::decode_header(log, at, &bytes).map_err(|fault| match fault {
        HeaderFault::Bad => Fault::Bad,
        HeaderFault::Newer => Fault::Newer,
    })?;
    if header.record_len() > room {
        return Err(Fault::Bad);
    }
    Ok(header)
}

/// Reads the record at `at` in a segment whose records end at `end`.
pub(super) fn record(
    file: &LogFile,
    log: &LogId,
    at: Position,
    end: u32,
) -> Result<(Header, OwnedRecord), Fault> {
    let header = record_header(file, log, at, end)?;
    let payload = if header.erased {
        Payload::Erased
    } else {
        let bytes = payload(file, at, &header)?;
        if header.matches(&bytes) {
            Payload::Held(bytes)
        } else if record_header(file, log, at, end)?.erased {
            // Erased by the writer between the two reads.
            Payload::Erased
        } else {
            return Err(Fault::Bad);
        }
    };
    let record = OwnedRecord {
        kind: header.kind,
        key: header.key,
        payload,
    };
    Ok((header, record))
}

/// Whether all of an erased record's content is gone, as opposed to erasure having been cut short.
pub(super) fn is_wiped(file: &LogFile, at: Position, header: &Header) -> Result<bool, Fault> {
    let gap = record::HEADER_LEN - record::ERASABLE_AT;
    let mut bytes = vec![0; (gap + header.payload_len) as usize];
    file.read_exact_at(&mut bytes, at.offset() + record::ERASABLE_AT)
        .map_err(Fault::Unreadable)?;
    Ok(bytes.iter().all(|byte| *byte == 0))
}

/// Overwrites the content of an erased record.
pub(super) fn wipe(file: &LogFile, at: Position, header: &Header) -> io::Result<()> {
    let gap = record::HEADER_LEN - record::ERASABLE_AT;
    let zeros = vec![0; (gap + header.payload_len) as usize];
    file.write_all_at(&zeros, at.offset() + record::ERASABLE_AT)?;
    file.sync()
}

fn payload(file: &LogFile, at: Position, header: &Header) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; header.payload_len as usize];
    file.read_exact_at(&mut bytes, at.offset() + record::HEADER_LEN)
        .map_err(Fault::Unreadable)?;
    Ok(bytes)
}
