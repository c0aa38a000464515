//! The log: append-only segment files that are the truth of the node.
//!
//! All else under the data directory that is stored for reading is derived from here. Records are
//! written in order, in groups; a group is on disk entirely or, after a crash, not at all. Nothing
//! may be acknowledged before [`Log::sync`] has returned.
//!
//! **Trusted for** every leaf, sealed body, checkpoint, epoch key (encrypted), receipt and
//! disposition that the node holds. **May it be lost?** No: a node whose log is gone or behind the
//! signer state does not start by itself; leaves and bodies can be fetched back from readers, local
//! dispositions cannot. **Who can write it** can make the node forget or disbelieve what it had
//! received, and can roll it back; checksums only guard against accidents. It cannot forge
//! anything: leaves are covered by signed checkpoints, bodies by leaves. **Who can read it** sees
//! ciphertext, sizes, times of writing and, from leaves, who shares with whom.
//!
//! Erasure overwrites a record in place. On a file system that copies on write, in a snapshot, and
//! in the spare cells of a flash disk the old bytes may outlive it; they are ciphertext.

mod error;
mod file;
mod ground;
mod reader;
mod record;
mod recover;
mod segment;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::rand::{GetRandomFlags, getrandom};

pub use error::LogError;
pub use kentong_protocol::store::{
    MAX_PAYLOAD, OwnedRecord, Payload, Position, Record, RecordKey, RecordKind, UnknownKind,
};
pub use reader::{Reader, Scan};
pub use recover::Recovery;

use file::LogFile;
use reader::Shared;
use segment::LogId;

/// The largest group that is written at once, in bytes on disk.
pub const MAX_GROUP: usize = 64 << 20;
/// The largest segment, in bytes: offsets fit in 32 bits with room to spare.
pub(crate) const MAX_SEGMENT: u32 = 1 << 30;
const DEFAULT_SEGMENT: u32 = 64 << 20;

/// How a log is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Create the directory and the first segment if there is no log yet. Only `init` does: a
    /// running node that finds no log must stop rather than begin an empty one.
    pub create: bool,
    /// A group that would make the current segment longer than this begins the next, in bytes.
    pub segment_bytes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            create: false,
            segment_bytes: DEFAULT_SEGMENT,
        }
    }
}

/// The log's one writer. The caller holds the lock of the home, so that there is no other.
pub struct Log {
    shared: Arc<Shared>,
    /// The last segment.
    file: LogFile,
    segment_bytes: u32,
    /// Up to where everything is known to be durable.
    durable: Position,
}

impl Log {
    /// Opens the log in `dir`, checks every record and cuts a torn tail.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovery), LogError> {
        if options.create {
            file::create_dir(dir).map_err(LogError::io("create", dir))?;
        }
        let mut numbers = match segment::numbers(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(LogError::io("read", dir))?,
        };
        if numbers.is_empty() {
            if !options.create {
                return Err(LogError::Missing(dir.to_owned()));
            }
            let file =
                segment::create(dir, &random_id(dir)?, 1).map_err(LogError::io("create", dir))?;
            drop(file);
            numbers.push(1);
        }
        let (file, id, recovery) = recover::recover(dir, &numbers)?;
        let log = Self {
            shared: Arc::new(Shared::new(dir.to_owned(), id, recovery.end)),
            file,
            segment_bytes: options.segment_bytes.min(MAX_SEGMENT),
            durable: recovery.end,
        };
        Ok((log, recovery))
    }

    /// Writes a group, and returns where each record lies. Readers see it at once, but it is not
    /// durable before [`Self::sync`]. If it fails nothing of the group is kept.
    pub fn append(&mut self, records: &[Record<'_>]) -> Result<Vec<Position>, LogError> {
        self.shared.check_poison()?;
        let len = group_len(records)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let end = self.shared.end();
        if end.offset() > segment::HEADER_LEN
            && end.offset().saturating_add(len) > self.segment_bytes
        {
            self.begin_segment()?;
        }
        let start = self.shared.end();
        let mut bytes = Vec::with_capacity(len as usize);
        let mut positions = Vec::with_capacity(records.len());
        let mut at = start;
        for (index, record) in records.iter().enumerate() {
            positions.push(at);
            let setting = record::Setting {
                log: &self.shared.id,
                at,
                durable: self.durable,
                more: index + 1 < records.len(),
            };
            record::encode(setting, record, &mut bytes);
            at = Position::new(at.segment(), start.offset() + written(&bytes));
        }
        if let Err(error) = self.file.write_all_at(&bytes, start.offset()) {
            // Synced, lest a record of this group come back behind a shorter one written here.
            let cut = self.file.set_len(start.offset());
            let cut = cut.and_then(|()| self.file.sync());
            self.poison_on(cut, "cut back a failed write to")?;
            return Err(LogError::io("write to", self.file.path())(error));
        }
        self.shared.set_end(at);
        Ok(positions)
    }

    /// Makes everything that was appended durable. If it fails, the disk may hold anything: the
    /// log is poisoned and the node must start again, which checks what is really there.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.shared.check_poison()?;
        let end = self.shared.end();
        if end != self.durable {
            let synced = self.file.sync();
            self.poison_on(synced, "sync")?;
            self.durable = end;
        }
        Ok(())
    }

    /// Overwrites the payload of a record, durably. Erasing twice does nothing more.
    pub fn erase(&mut self, position: Position) -> Result<(), LogError> {
        self.shared.check_poison()?;
        let end = self.shared.end();
        if position >= end || position < Position::START {
            return Err(LogError::NoRecord(position));
        }
        let path = segment::path(&self.shared.dir, position.segment());
        let file = LogFile::open(&path).map_err(LogError::io("open", &path))?;
        let limit = Shared::segment_end(&file, position, end)?;
        let header = segment::record_header(&file, &self.shared.id, position, limit)
            .map_err(|fault| fault.at(position, &file))?;
        // The state first: a crash in between leaves an erasure to finish, not a damaged record.
        let erased = file
            .write_all_at(&[record::ERASED], position.offset() + record::STATE_AT)
            .and_then(|()| file.sync())
            .and_then(|()| segment::wipe(&file, position, &header));
        self.poison_on(erased, "erase in")
    }

    /// Reads the record at `position` and checks it.
    pub fn read(&self, position: Position) -> Result<OwnedRecord, LogError> {
        self.shared.read(position)
    }

    /// Reads the records from `from` on; see [`Reader::scan`].
    #[must_use]
    pub fn scan(&self, from: Position) -> Scan {
        self.reader().scan(from)
    }

    /// A handle for reading from other threads.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// Where the next record will lie (or the start of the next segment, if that begins first).
    #[must_use]
    pub fn end(&self) -> Position {
        self.shared.end()
    }

    /// Up to where everything is durable.
    #[must_use]
    pub const fn durable(&self) -> Position {
        self.durable
    }

    /// Ends the current segment, durably, and begins the next.
    fn begin_segment(&mut self) -> Result<(), LogError> {
        self.sync()?;
        let number = self.end().segment().checked_add(1);
        let number = number.ok_or(LogError::Exhausted)?;
        let path = segment::path(&self.shared.dir, number);
        match segment::create(&self.shared.dir, &self.shared.id, number) {
            Ok(file) => self.file = file,
            Err(error) => {
                // With the new name in place, the old segment must not be written to again.
                if path.exists() {
                    self.shared.poison();
                }
                return Err(LogError::io("create", &path)(error));
            }
        }
        let start = Position::new(number, segment::HEADER_LEN);
        self.shared.set_end(start);
        self.durable = start;
        Ok(())
    }

    fn poison_on(&self, result: io::Result<()>, action: &'static str) -> Result<(), LogError> {
        result.map_err(|source| {
            self.shared.poison();
            LogError::Failed {
                action,
                path: self.file.path().to_owned(),
                source,
            }
        })
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({}, end {})", self.shared.dir.display(), self.end())
    }
}

/// The bytes that a group takes on disk, if it is not too large.
fn group_len(records: &[Record<'_>]) -> Result<u32, LogError> {
    let too_large = |len, max| LogError::TooLarge { len, max };
    let mut total = 0_usize;
    for record in records {
        let len = record.payload.len();
        if len > MAX_PAYLOAD {
            return Err(too_large(len, MAX_PAYLOAD));
        }
        total += record::HEADER_LEN as usize + len;
        if total > MAX_GROUP {
            return Err(too_large(total, MAX_GROUP));
        }
    }
    Ok(written_len(total))
}

fn written(bytes: &[u8]) -> u32 {
    written_len(bytes.len())
}

fn written_len(len: usize) -> u32 {
    u32::try_from(len).expect("a group is bounded by MAX_GROUP")
}

fn random_id(dir: &Path) -> Result<LogId, LogError> {
    let mut bytes = [0; 16];
    let drawn = getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|error| LogError::io("draw a random id for", dir)(error.into()))?;
    if drawn != bytes.len() {
        return Err(LogError::io("draw a random id for", dir)(
            io::ErrorKind::UnexpectedEof.into(),
        ));
    }
    Ok(LogId::from_bytes(bytes))
}

#[cfg(test)]
mod tests;
