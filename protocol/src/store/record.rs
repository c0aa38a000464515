//! What a log holds: records, in the order in which they were written.

use std::fmt;

use kentong_keys::Digest;

/// The largest payload, in bytes.
pub const MAX_PAYLOAD: usize = 4 << 20;

/// What a record holds. A kind that this version does not know is kept, and skipped by readers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordKind {
    /// A leaf of a feed.
    Leaf,
    /// The sealed body of a batch leaf.
    Body,
    /// A signed checkpoint.
    Checkpoint,
    /// An opened epoch key, encrypted under the store key.
    EpochKey,
    /// A cosignature, or what a reader holds.
    Receipt,
    /// What this node did with what it received.
    Disposition,
    /// Leaves of a feed from an index on are dropped.
    Truncate,
    /// A charter.
    Charter,
    /// A warrant or a card.
    Credential,
    /// A kind of a later version.
    Unknown(UnknownKind),
}

/// The number of a kind that this version does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownKind(u8);

impl RecordKind {
    /// The number in the log.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Leaf => 1,
            Self::Body => 2,
            Self::Checkpoint => 3,
            Self::EpochKey => 4,
            Self::Receipt => 5,
            Self::Disposition => 6,
            Self::Truncate => 7,
            Self::Charter => 8,
            Self::Credential => 9,
            Self::Unknown(UnknownKind(number)) => number,
        }
    }

    /// The kind of a number.
    #[must_use]
    pub const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Leaf,
            2 => Self::Body,
            3 => Self::Checkpoint,
            4 => Self::EpochKey,
            5 => Self::Receipt,
            6 => Self::Disposition,
            7 => Self::Truncate,
            8 => Self::Charter,
            9 => Self::Credential,
            _ => Self::Unknown(UnknownKind(number)),
        }
    }
}

/// What a record is about. Kinds that belong to no feed use a feed of their own choosing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordKey {
    /// The feed.
    pub feed: Digest,
    /// The index in the feed.
    pub index: u64,
}

/// A record to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it holds.
    pub kind: RecordKind,
    /// What it is about.
    pub key: RecordKey,
    /// The content: ciphertext or public, never a secret in the clear.
    pub payload: &'a [u8],
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Record({:?}, {}/{}, {} bytes)",
            self.kind,
            self.key.feed.short(),
            self.key.index,
            self.payload.len()
        )
    }
}

/// A record that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// What it holds.
    pub kind: RecordKind,
    /// What it is about.
    pub key: RecordKey,
    /// The content, unless it was erased.
    pub payload: Payload,
}

/// The content of a record that was read.
#[derive(Clone, PartialEq, Eq)]
pub enum Payload {
    /// The content.
    Held(Vec<u8>),
    /// The content was erased.
    Erased,
}

impl OwnedRecord {
    /// The content, or nothing if it was erased.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.payload {
            Payload::Held(bytes) => Some(bytes),
            Payload::Erased => None,
        }
    }
}

impl fmt::Debug for OwnedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OwnedRecord({:?}, {}/{}, {:?})",
            self.kind,
            self.key.feed.short(),
            self.key.index,
            self.payload
        )
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Erased => f.write_str("erased"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_number_round_trips() {
        for number in 0..=u8::MAX {
            assert_eq!(RecordKind::from_u8(number).to_u8(), number);
        }
    }
}
