//! The form of one record.
//!
//! ```text
//!  0  version (1)               1  state: live 0x4c, erased 0xb3
//!  2  kind                      3  flags: bit 0, more records of the same group follow
//!  4  feed, 32 bytes           36  index, u64
//! 44  payload length, u32      48  durable: the position up to which the log was known
//!                                  to be durable when this record was written, u64
//! 56  header checksum          72  payload checksum
//! 88  payload
//! ```
//!
//! Numbers are big-endian, checksums the first 16 bytes of labelled SHA-256 digests.
//!
//! The *header checksum* covers bytes 0–55 without the state, and also the log's random id and the
//! record's position. So a record is valid only where it was written; bytes in a payload can never
//! pass for a record, not even if a peer chose them.
//! The *payload checksum* covers the header checksum and the payload. Erasure turns the state,
//! then zeroes payload checksum and payload; the header still verifies, so the neighbours stay
//! reachable, and not even a digest of what was erased is left. The two states differ in all
//! eight bits: a flipped bit is damage and not an erasure.

use kentong_keys::{Digest, Label};
use kentong_protocol::store::{MAX_PAYLOAD, Position, Record, RecordKey, RecordKind};

use super::segment::LogId;

/// The bytes of a record before its payload.
pub(super) const HEADER_LEN: u32 = 88;
/// Where the state lies.
pub(super) const STATE_AT: u32 = 1;
/// The state of an erased record.
pub(super) const ERASED: u8 = 0xb3;
/// Where the part that erasure zeroes begins.
pub(super) const ERASABLE_AT: u32 = 72;

const LIVE: u8 = 0x4c;
const VERSION: u8 = 1;
const MORE: u8 = 1;
const HEADER: Label = Label::new("kentong/log-header/1");
const PAYLOAD: Label = Label::new("kentong/log-payload/1");

/// A record's header that matched its checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) kind: RecordKind,
    pub(super) key: RecordKey,
    pub(super) payload_len: u32,
    pub(super) more: bool,
    pub(super) durable: Position,
    pub(super) erased: bool,
    header_checksum: [u8; 16],
    payload_checksum: [u8; 16],
}

/// What is wrong with a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeaderFault {
    /// It does not match its checksum, or has no possible state.
    Bad,
    /// It is intact and of a later version.
    Newer,
}

/// Where, and after what, a record is being written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) log: &'a LogId,
    pub(super) at: Position,
    pub(super) durable: Position,
    pub(super) more: bool,
}

impl Header {
    /// The length of the whole record.
    pub(super) fn record_len(&self) -> u32 {
        HEADER_LEN + self.payload_len
    }

    /// Whether these bytes are the payload that was written.
    pub(super) fn matches(&self, payload: &[u8]) -> bool {
        payload_checksum(&self.header_checksum, payload) == self.payload_checksum
    }
}

/// Appends the form of `record` to `out`. The caller has checked the payload's length.
pub(super) fn encode(setting: Setting<'_>, record: &Record<'_>, out: &mut Vec<u8>) {
    let payload_len = u32::try_from(record.payload.len()).expect("the caller bounds the payload");
    let fields = Fields {
        version: VERSION,
        kind: record.kind.to_u8(),
        flags: if setting.more { MORE } else { 0 },
        feed: *record.key.feed.as_bytes(),
        index: record.key.index,
        payload_len,
        durable: setting.durable.to_u64(),
    };
    let header_checksum = header_checksum(setting.log, setting.at, &fields);
    out.extend_from_slice(&[VERSION, LIVE, fields.kind, fields.flags]);
    out.extend_from_slice(&fields.feed);
    out.extend_from_slice(&fields.index.to_be_bytes());
    out.extend_from_slice(&fields.payload_len.to_be_bytes());
    out.extend_from_slice(&fields.durable.to_be_bytes());
    out.extend_from_slice(&header_checksum);
    out.extend_from_slice(&payload_checksum(&header_checksum, record.payload));
    out.extend_from_slice(record.payload);
}

/// Reads the header that lies at `at`.
pub(super) fn decode_header(
    log: &LogId,
    at: Position,
    bytes: &[u8; HEADER_LEN as usize],
) -> Result<Header, HeaderFault> {
    let mut rest = bytes.as_slice();
    let [version, state, kind, flags] = take(&mut rest);
    let fields = Fields {
        version,
        kind,
        flags,
        feed: take(&mut rest),
        index: u64::from_be_bytes(take(&mut rest)),
        payload_len: u32::from_be_bytes(take(&mut rest)),
        durable: u64::from_be_bytes(take(&mut rest)),
    };
    let erased = match state {
        LIVE => false,
        ERASED => true,
        _ => return Err(HeaderFault::Bad),
    };
    let found = take(&mut rest);
    if found != header_checksum(log, at, &fields) {
        return Err(HeaderFault::Bad);
    }
    if version != VERSION || flags & !MORE != 0 || fields.payload_len as usize > MAX_PAYLOAD {
        return Err(HeaderFault::Newer);
    }
    Ok(Header {
        kind: RecordKind::from_u8(kind),
        key: RecordKey {
            feed: Digest::from_bytes(fields.feed),
            index: fields.index,
        },
        payload_len: fields.payload_len,
        more: flags & MORE != 0,
        durable: Position::from_u64(fields.durable),
        erased,
        header_checksum: found,
        payload_checksum: take(&mut rest),
    })
}

/// What the header checksum covers.
struct Fields {
    version: u8,
    kind: u8,
    flags: u8,
    feed: [u8; 32],
    index: u64,
    payload_len: u32,
    durable: u64,
}

fn header_checksum(log: &LogId, at: Position, fields: &Fields) -> [u8; 16] {
    shorten(&Digest::labelled(
        HEADER,
        &[
            log.as_bytes(),
            &at.to_u64().to_be_bytes(),
            &[fields.version, fields.kind, fields.flags],
            &fields.feed,
            &fields.index.to_be_bytes(),
            &fields.payload_len.to_be_bytes(),
            &fields.durable.to_be_bytes(),
        ],
    ))
}

fn payload_checksum(header_checksum: &[u8; 16], payload: &[u8]) -> [u8; 16] {
    shorten(&Digest::labelled(PAYLOAD, &[header_checksum, payload]))
}

/// The first half of a digest: enough against accidents, and against a peer that chooses payloads.
pub(super) fn shorten(digest: &Digest) -> [u8; 16] {
    take(&mut digest.as_bytes().as_slice())
}

/// Takes the next field of a header whose length the type has fixed.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (field, after) = rest
        .split_first_chunk()
        .expect("the fields together are as long as the header");
    *rest = after;
    *field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed_and_a_moved_record_too() {
        let log = LogId::from_bytes([7; 16]);
        let at = Position::START;
        let setting = Setting {
            log: &log,
            at,
            durable: at,
            more: true,
        };
        let key = RecordKey {
            feed: Digest::from_bytes([3; 32]),
            index: 9,
        };
        let record = Record {
            kind: RecordKind::Body,
            key,
            payload: b"content",
        };
        let mut bytes = Vec::new();
        encode(setting, &record, &mut bytes);
        let header: [u8; HEADER_LEN as usize] = *bytes.first_chunk().unwrap();

        let read = decode_header(&log, at, &header).unwrap();
        assert_eq!((read.kind, read.key), (RecordKind::Body, key));
        assert!(read.more && !read.erased && read.matches(b"content"));
        assert!(!read.matches(b"contenT"));

        for bit in 0..header.len() * 8 {
            let mut bad = header;
            bad[bit / 8] ^= 1 << (bit % 8);
            match decode_header(&log, at, &bad) {
                Err(fault) => assert_eq!(fault, HeaderFault::Bad),
                Ok(read) => {
                    assert!(bit / 8 >= ERASABLE_AT as usize);
                    assert!(!read.matches(b"content"));
                }
            }
        }
        let moved = Position::from_u64(at.to_u64() + 1);
        let other = LogId::from_bytes([8; 16]);
        assert_eq!(decode_header(&log, moved, &header), Err(HeaderFault::Bad));
        assert_eq!(decode_header(&other, at, &header), Err(HeaderFault::Bad));
    }
}
