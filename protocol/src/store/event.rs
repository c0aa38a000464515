//! A record of the log, understood: what commits and replays apply alike.

use crate::feed::{FeedId, Leaf, leaf_hash};
use kentong_keys::{Digest, MemberName};

use super::record::{OwnedRecord, Payload, RecordKind};

use super::schema;
use super::step::Disposition;

/// One record's content.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) feed: FeedId,
    /// The index, size or epoch that the record is about.
    pub(super) index: u64,
    pub(super) fact: Fact,
}

#[derive(Debug)]
pub(super) enum Fact {
    Leaf(Leaf, Digest),
    Body(Vec<u8>),
    ErasedBody,
    Checkpoint(Vec<u8>),
    EpochKey,
    Disposition {
        forgotten: bool,
    },
    /// Leaves are dropped; `void` if with checkpoints over them.
    Truncate {
        void: bool,
    },
    Receipt(MemberName),
}

/// The version of the payloads that are neither signed by others nor sealed.
const VERSION: u8 = 1;

/// The payload of a record by which leaves are dropped that a checkpoint covers; one by which unsigned
/// leaves are dropped has none.
pub(super) const VOID: &[u8] = &[VERSION];

impl Event {
    /// Understands a record; none if it is not one of the store's, or of a later version.
    pub(super) fn read(record: OwnedRecord) -> Option<Self> {
        let feed = FeedId::from_digest(record.key.feed);
        let index = record.key.index;
        let fact = match (record.kind, record.payload) {
            (RecordKind::Leaf, Payload::Held(bytes)) => {
                Fact::Leaf(Leaf::decode(&bytes).ok()?, leaf_hash(&bytes))
            }
            (RecordKind::Body, Payload::Held(bytes)) => Fact::Body(bytes),
            (RecordKind::Body, Payload::Erased) => Fact::ErasedBody,
            (RecordKind::Checkpoint, Payload::Held(note)) => Fact::Checkpoint(note),
            (RecordKind::EpochKey, Payload::Held(_)) => Fact::EpochKey,
            (RecordKind::Disposition, Payload::Held(bytes)) => Fact::Disposition {
                forgotten: read_disposition(&bytes)
                    .is_some_and(|read| read.reason == Disposition::FORGOTTEN),
            },
            (RecordKind::Truncate, Payload::Held(bytes)) => Fact::Truncate {
                void: bytes == VOID,
            },
            (RecordKind::Receipt, Payload::Held(bytes)) => Fact::Receipt(read_receipt(&bytes)?.0),
            _ => return None,
        };
        Some(Self { feed, index, fact })
    }
}

/// The payload of a receipt's record.
pub(super) fn write_receipt(peer: &MemberName, bytes: &[u8]) -> Vec<u8> {
    let mut payload = vec![VERSION];
    payload.extend(schema::encode(&(peer, serde_bytes::Bytes::new(bytes))));
    payload
}

/// Reads what [`write_receipt`] wrote.
pub(super) fn read_receipt(payload: &[u8]) -> Option<(MemberName, Vec<u8>)> {
    let (version, rest) = payload.split_first()?;
    let (peer, bytes) = schema::decode::<(MemberName, serde_bytes::ByteBuf)>(rest)?;
    (*version == VERSION).then(|| (peer, bytes.into_vec()))
}

/// The payload of a disposition's record.
pub(super) fn write_disposition(disposition: &Disposition) -> Vec<u8> {
    let mut payload = vec![VERSION];
    payload.extend(schema::encode(&(disposition.reason, &disposition.places)));
    payload
}

/// Reads what [`write_disposition`] wrote.
pub(super) fn read_disposition(payload: &[u8]) -> Option<Disposition> {
    let (version, rest) = payload.split_first()?;
    let (reason, places) = schema::decode::<(u8, Vec<u16>)>(rest)?;
    (*version == VERSION).then_some(Disposition { reason, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing these bytes is a change of format: they lie in the log for good.
    #[test]
    fn payloads_are_what_they_were() {
        let receipt = [&[1, 0x82, 0x62][..], b"SG", &[0x43], b"abc"].concat();
        let sg: MemberName = "SG".parse().unwrap();
        assert_eq!(write_receipt(&sg, b"abc"), receipt);
        assert_eq!(read_receipt(&receipt), Some((sg, b"abc".to_vec())));
        let disposition = Disposition {
            reason: 7,
            places: vec![0, 300],
        };
        let bytes = [1, 0x82, 7, 0x82, 0, 0x19, 1, 44];
        assert_eq!(write_disposition(&disposition), bytes);
        assert_eq!(read_disposition(&bytes), Some(disposition));
        for payload in [&receipt[..], &bytes] {
            let mut later = payload.to_vec();
            later[0] = 2;
            assert_eq!(
                (read_receipt(&later), read_disposition(&later)),
                (None, None)
            );
            let cut = &payload[..payload.len() - 1];
            assert_eq!((read_receipt(cut), read_disposition(cut)), (None, None));
        }
    }
}
