//! The rows of the derived state: their keys and contents.
//!
//! | key | content |
//! |---|---|
//! | `0` | the mark: up to which record of the log the rows go, what that record is, the sum of all rows |
//! | `1` feed | the feed's id and its genesis leaf |
//! | `2` feed index | a leaf: kind, hash, where the log holds it and its body, the body's state |
//! | `3` feed | the newest checkpoint: size, signed note |
//! | `4` feed epoch | where the log holds the epoch's key |
//! | `5` feed index part | 256 statements: see `index_row` |
//! | `6` feed index position | nothing: a disposition is at that position of the log |
//! | `7` feed member | where the log holds the member's newest receipt |
//!
//! Feeds (u32), indexes and positions (u64) are big-endian in keys, so that rows come in order.
//! Contents other than index rows are canonical CBOR tuples.

use crate::encoding;
use crate::feed::BodyError;
use kentong_keys::{Digest, MemberName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::position::Position;

use super::feeds::{BodyState, LeafEntry, LeafKind};
use super::place::FeedNo;

/// The form of the rows all together; a folder of another form is rebuilt.
const SCHEMA: u32 = 2;

pub(super) const MARK_KEY: [u8; 1] = [0];

/// What a key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowKey {
    Feed(FeedNo),
    Leaf(FeedNo, u64),
    Checkpoint(FeedNo),
    EpochKey(FeedNo, u32),
    Index(FeedNo, u64, u8),
    Disposition(FeedNo, u64, Position),
    Receipt(FeedNo, MemberName),
}

/// Up to where the rows reflect the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The last record that they reflect; before everything if none.
    pub(super) at: u64,
    /// A keyed hash of that record, by which another log, or one that was rolled back and has
    /// grown since, is noticed.
    pub(super) record: [u8; 16],
    /// The sum of the checksums of all rows.
    pub(super) sum: u64,
}

/// A leaf row.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeafRow {
    pub(super) hash: Digest,
    pub(super) entry: LeafEntry,
    /// Of an epoch leaf: number, charter version, commitment.
    pub(super) epoch: Option<(u32, u32, Digest)>,
}

impl RowKey {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(24);
        let mut start = |kind: u8, feed: FeedNo| {
            key.push(kind);
            key.extend_from_slice(&feed.number().to_be_bytes());
        };
        match self {
            Self::Feed(feed) => start(1, *feed),
            Self::Leaf(feed, index) => {
                start(2, *feed);
                key.extend_from_slice(&index.to_be_bytes());
            }
            Self::Checkpoint(feed) => start(3, *feed),
            Self::EpochKey(feed, epoch) => {
                start(4, *feed);
                key.extend_from_slice(&epoch.to_be_bytes());
            }
            Self::Index(feed, index, part) => {
                start(5, *feed);
                key.extend_from_slice(&index.to_be_bytes());
                key.push(*part);
            }
            Self::Disposition(feed, index, at) => {
                start(6, *feed);
                key.extend_from_slice(&index.to_be_bytes());
                key.extend_from_slice(&at.to_u64().to_be_bytes());
            }
            Self::Receipt(feed, member) => {
                start(7, *feed);
                key.extend_from_slice(member.as_str().as_bytes());
            }
        }
        key
    }

    pub(super) fn decode(key: &[u8]) -> Option<Self> {
        let (kind, rest) = key.split_first()?;
        let (feed, rest) = rest.split_first_chunk()?;
        let feed = FeedNo::new(u32::from_be_bytes(*feed) as usize)?;
        let long = || Some(u64::from_be_bytes(*rest.first_chunk()?));
        let key = match (kind, rest.len()) {
            (1, 0) => Self::Feed(feed),
            (2, 8) => Self::Leaf(feed, long()?),
            (3, 0) => Self::Checkpoint(feed),
            (4, 4) => Self::EpochKey(feed, u32::from_be_bytes(*rest.first_chunk()?)),
            (5, 9) => Self::Index(feed, long()?, *rest.last()?),
            (6, 16) => {
                let at = u64::from_be_bytes(*rest.last_chunk()?);
                Self::Disposition(feed, long()?, Position::from_u64(at))
            }
            (7, _) => Self::Receipt(feed, std::str::from_utf8(rest).ok()?.parse().ok()?),
            _ => return None,
        };
        Some(key)
    }

    /// What the keys of all index rows of a feed begin with.
    pub(super) fn index_rows(feed: FeedNo) -> Vec<u8> {
        let mut key = vec![5];
        key.extend_from_slice(&feed.number().to_be_bytes());
        key
    }

    /// What the keys of the index rows of a batch begin with.
    pub(super) fn index_rows_of(feed: FeedNo, index: u64) -> Vec<u8> {
        let mut key = Self::index_rows(feed);
        key.extend_from_slice(&index.to_be_bytes());
        key
    }

    /// What the keys of the dispositions about a leaf begin with.
    pub(super) fn dispositions_of(feed: FeedNo, index: u64) -> Vec<u8> {
        let mut key = vec![6];
        key.extend_from_slice(&feed.number().to_be_bytes());
        key.extend_from_slice(&index.to_be_bytes());
        key
    }
}

impl Mark {
    pub(super) fn encode(&self) -> Vec<u8> {
        encode(&(
            SCHEMA,
            self.at,
            serde_bytes::ByteArray::new(self.record),
            self.sum,
        ))
    }

    pub(super) fn decode(content: &[u8]) -> Option<Self> {
        type Wire = (u32, u64, serde_bytes::ByteArray<16>, u64);
        let (schema, at, record, sum) = decode::<Wire>(content)?;
        (schema == SCHEMA).then(|| Self {
            at,
            record: record.into_array(),
            sum,
        })
    }
}

type LeafWire = (
    u8,
    Digest,
    u64,
    u64,
    (u8, u8),
    u32,
    u16,
    (u32, u32),
    Option<(u32, u32, Digest)>,
);

impl LeafRow {
    pub(super) fn encode(&self) -> Vec<u8> {
        let entry = &self.entry;
        let kind = match entry.kind {
            LeafKind::Genesis => 0,
            LeafKind::Epoch => 1,
            LeafKind::Batch => 2,
            LeafKind::Erase => 3,
            LeafKind::Close => 4,
        };
        encode::<LeafWire>(&(
            kind,
            self.hash,
            entry.at.to_u64(),
            entry.body.map_or(0, Position::to_u64),
            state_number(entry.state),
            entry.epoch,
            entry.count,
            (entry.leaf_len, entry.body_len),
            self.epoch,
        ))
    }

    pub(super) fn decode(content: &[u8]) -> Option<Self> {
        let (kind, hash, at, body, state, epoch_no, count, lengths, epoch) =
            decode::<LeafWire>(content)?;
        let kind = match kind {
            0 => LeafKind::Genesis,
            1 => LeafKind::Epoch,
            2 => LeafKind::Batch,
            3 => LeafKind::Erase,
            4 => LeafKind::Close,
            _ => return None,
        };
        let entry = LeafEntry {
            at: Position::from_u64(at),
            body: (body != 0).then(|| Position::from_u64(body)),
            epoch: epoch_no,
            count,
            leaf_len: lengths.0,
            body_len: lengths.1,
            kind,
            state: number_state(state)?,
        };
        Some(Self { hash, entry, epoch })
    }
}

const fn state_number(state: BodyState) -> (u8, u8) {
    match state {
        BodyState::NoBody => (0, 0),
        BodyState::Missing => (1, 0),
        BodyState::Held { opened: false } => (2, 0),
        BodyState::Held { opened: true } => (3, 0),
        BodyState::Erased => (4, 0),
        BodyState::Bad(error) => (5, error_number(error)),
    }
}

fn number_state(number: (u8, u8)) -> Option<BodyState> {
    Some(match number {
        (0, 0) => BodyState::NoBody,
        (1, 0) => BodyState::Missing,
        (2, 0) => BodyState::Held { opened: false },
        (3, 0) => BodyState::Held { opened: true },
        (4, 0) => BodyState::Erased,
        (5, error) => BodyState::Bad(*ERRORS.iter().find(|known| error_number(**known) == error)?),
        _ => return None,
    })
}

const ERRORS: [BodyError; 7] = [
    BodyError::Hash,
    BodyError::Seal,
    BodyError::Codec,
    BodyError::Form,
    BodyError::Frame,
    BodyError::Count,
    BodyError::Root,
];

const fn error_number(error: BodyError) -> u8 {
    match error {
        BodyError::Hash => 0,
        BodyError::Seal => 1,
        BodyError::Codec => 2,
        BodyError::Form => 3,
        BodyError::Frame => 4,
        BodyError::Count => 5,
        BodyError::Root => 6,
    }
}

/// Canonical CBOR, as everywhere.
pub(super) fn encode<T: Serialize>(content: &T) -> Vec<u8> {
    encoding::encode(content)
}

/// Strict CBOR; none if it is not that.
pub(super) fn decode<T: Serialize + DeserializeOwned>(content: &[u8]) -> Option<T> {
    encoding::decode(content, content.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_in_order() {
        let feed = |number| FeedNo::new(number).unwrap();
        let at = Position::START;
        let keys = [
            RowKey::Feed(feed(1)),
            RowKey::Feed(feed(300)),
            RowKey::Leaf(feed(1), 9),
            RowKey::Leaf(feed(1), 256),
            RowKey::Checkpoint(feed(1)),
            RowKey::EpochKey(feed(1), 7),
            RowKey::Index(feed(1), 9, 3),
            RowKey::Index(feed(1), 10, 0),
            RowKey::Disposition(feed(1), 9, at),
            RowKey::Receipt(feed(1), "PH-CICC".parse().unwrap()),
        ];
        for pair in keys.windows(2) {
            assert!(pair[0].encode() < pair[1].encode(), "{pair:?}");
        }
        for key in keys {
            let bytes = key.encode();
            assert_eq!(RowKey::decode(&bytes), Some(key.clone()));
            assert_eq!(RowKey::decode(&bytes[..4]), None);
        }
        assert_eq!(RowKey::decode(&[9, 0, 0, 0, 0]), None);
    }

    #[test]
    fn states_round_trip() {
        let bad = ERRORS.map(BodyState::Bad);
        let others = [
            BodyState::NoBody,
            BodyState::Missing,
            BodyState::Held { opened: false },
            BodyState::Held { opened: true },
            BodyState::Erased,
        ];
        for state in others.into_iter().chain(bad) {
            assert_eq!(number_state(state_number(state)), Some(state));
        }
        assert_eq!(number_state((5, 7)), None);
        assert_eq!(number_state((6, 0)), None);
    }

    #[test]
    fn marks_of_another_schema_are_refused() {
        let mark = Mark {
            at: 1,
            record: [2; 16],
            sum: 3,
        };
        assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        let other = encode(&(
            SCHEMA + 1,
            1_u64,
            serde_bytes::ByteArray::new([2_u8; 16]),
            3_u64,
        ));
        assert_eq!(Mark::decode(&other), None);
    }
}
