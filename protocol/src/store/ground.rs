//! What a store stands on: a log, which is the truth, and rows, which follow from it.
//!
//! A node has segment files and sled; the simulation has memory that loses what was not durable. The
//! store is compiled for the one or the other, so a look-up costs no more for it.

use std::error::Error;
use std::fmt;

use super::position::Position;
use super::record::{OwnedRecord, Record};

/// Records in the order in which they were written: all else is derived from them.
///
/// There is one writer, which has the log to itself while it is open.
///
/// **May it be lost?** No. Whatever is lost of what was durable, a node no longer knows by itself.
///
/// **After a crash** the log opens with all that was durable and, of the groups appended since, with the
/// first few or none: never with a part of a group, never with a group but not the one before it, and
/// never with anything that was not written. What it finds otherwise is damage, and it does not open.
pub trait Log {
    /// Writes a group behind all others, and answers where each record lies.
    ///
    /// *Atomic*: after a crash all of the group is there or nothing. *Visible* to reads and scans when
    /// this returns, and not before. *Durable* after a [`sync`](Log::sync), not yet now. Nothing is
    /// written of a group of no records.
    ///
    /// An error means that nothing of the group is held, and the caller may go on: whatever is in the
    /// way, such as a full disk, may pass. A log that cannot tell what it holds now fails from then on
    /// in all that it is asked.
    fn append(&mut self, records: &[Record<'_>]) -> Result<Vec<Position>, GroundError>;

    /// Makes everything that was appended durable. Only then may it be acknowledged to anybody.
    ///
    /// An error means that nobody knows what is durable; the log fails from then on in all that it is
    /// asked, and is to be opened again.
    fn sync(&mut self) -> Result<(), GroundError>;

    /// Reads the record at a position, durable or not.
    ///
    /// What comes back was written there: a record that is damaged is an error and never another
    /// record. So is a position at which nothing was written.
    fn read(&self, at: Position) -> Result<OwnedRecord, GroundError>;

    /// Reads the records from a position on, up to what is the end now, in the order in which they were
    /// written. The position is that of a record or an earlier end; 0 is before everything.
    ///
    /// Records may be appended and erased meanwhile: the former it does not show, the latter it shows
    /// with or without their content. After an error it ends.
    fn scan(
        &self,
        from: Position,
    ) -> impl Iterator<Item = Result<(Position, OwnedRecord), GroundError>> + use<Self>;

    /// Overwrites the payloads of these records, durable when it returns. The records stay, and no other
    /// changes. One that is erased already, or was never written, is passed over.
    ///
    /// *Not atomic*: after an error or a crash some are erased and some are not, and none is half. The
    /// caller asks again, which does no harm.
    fn erase(&mut self, at: &[Position]) -> Result<(), GroundError>;

    /// Where the next record will lie, or later.
    fn end(&self) -> Position;

    /// Up to where everything is durable.
    fn durable(&self) -> Position;
}

/// Bytes by key, in the order of keys: what the store lays out for a quick start.
///
/// What a value means, and whether it is whole, the store knows by itself: every value has a checksum
/// and all of them a sum.
///
/// **May they be lost?** Yes, wholly or in part, and at any time: the store notices, has them set aside
/// and makes them again from the log.
///
/// **After a crash** the rows open as they were after any one of the writes, be it long ago, or empty.
/// Nothing has to be durable. Rows that open otherwise, mixed of several writes or changed, are
/// noticed, and cost a rebuild.
pub trait Rows: Sized {
    /// Where rows lie while nobody has them open.
    type Place: ?Sized;

    /// Opens the rows at a place, which need not exist yet, and gives `row` each with its value, in the
    /// order of keys.
    ///
    /// An error says that they are not to be believed, be it this implementation's word or that of
    /// `row`. Then they are closed again, and can be [set aside](Rows::set_aside).
    fn open(
        place: &Self::Place,
        row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(Self, Opened), Damage>;

    /// Moves the rows at a place, which nobody has open, out of the way: those that are opened there
    /// next are empty. Answers where they are now, for a person to read; none if there were none.
    ///
    /// An error leaves the store closed.
    fn set_aside(place: &Self::Place) -> Result<Option<String>, GroundError>;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<impl AsRef<[u8]>>, Damage>;

    /// Gives keys these values, or takes them away where there is none. No key is longer
    /// than 24 bytes, and no value than [`MAX_VALUE`].
    ///
    /// *Atomic*: a read, and the next start, sees all of it or nothing. *Visible* when it returns.
    /// *Not durable*, nor are the writes before it.
    ///
    /// An error ends the store: it takes nothing more until it is opened again.
    fn write(
        &mut self,
        changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Damage>;

    /// Gives `row` each row whose key begins with `prefix`, in the order of keys.
    fn scan(
        &self,
        prefix: &[u8],
        row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(), Damage>;

    /// Lets a start after an orderly end find all writes. A crash may undo them all the same.
    fn flush(&mut self) -> Result<(), Damage>;
}

/// The longest value of a row, in bytes.
pub const MAX_VALUE: usize = 15 * 1024 + 9;

/// Whether there was anything at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// There was, though perhaps without any row.
    Existing,
    /// There was nothing.
    New,
}

/// Why rows are not believed, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(pub String);

impl Damage {
    /// What is wrong.
    #[must_use]
    pub fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// What a log, or the place of rows, said when it failed.
///
/// The store treats every failure alike; [`GroundError::inner`] tells more to code that knows the
/// implementation.
pub struct GroundError(Box<dyn Error + Send + Sync>);

impl GroundError {
    /// Of an implementation's own error, whose text is this one's too.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// The implementation's own error.
    #[must_use]
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for GroundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GroundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for GroundError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
