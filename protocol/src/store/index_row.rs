//! The index rows: for each statement of an opened batch how it is found and what class it is of.
//!
//! ```text
//! row    tag of entries: plain 0, own 2; then the entries
//! entry  look-up tag u64, class u8, fields stripped u8, revision u32; an own entry then:
//!        keyed hash of the indicator's id, or the mark of an erased one (16), content u64, last seen u32 (all ones: unsaid),
//!        made u32
//! ```
//!
//! Numbers are big-endian. A refused statement has its reason where others have their revision.

use crate::indicator::Projection;
use crate::statement::StatementError;

use super::checked::MAX_CONTENT;
use super::lookup::Tag;
use super::own::OwnKey;

/// The statements of one row: a row of own statements stays under 16 KiB, which is the longest
/// that sled takes safely.
pub(super) const PART: usize = 256;

/// What a statement is, as far as the index cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Asserted,
    Withdrawn,
    Ceased,
    /// An erased indicator, found by its mark; only in feeds of one's own.
    Erased,
    /// Of a later kind: kept, counted, not found.
    Unknown,
    /// It does not decode: kept, counted, not found.
    Refused(StatementError),
}

/// One statement in an index row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) tag: Tag,
    pub(super) class: Class,
    pub(super) stripped: Projection,
    pub(super) revision: u32,
    /// Only in feeds of one's own.
    pub(super) own: Option<OwnPart>,
}

/// What the own table needs beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnPart {
    pub(super) key: OwnKey,
    pub(super) content: u64,
    pub(super) last_seen: Option<u32>,
    pub(super) made: u32,
}

impl IndexEntry {
    /// An entry that is never found.
    pub(super) fn silent(class: Class) -> Self {
        Self {
            tag: Tag::from_u64(0),
            class,
            stripped: Projection::default(),
            revision: 0,
            own: None,
        }
    }

    /// Whether a look-up leads here.
    pub(super) const fn is_found(&self) -> bool {
        match self.class {
            Class::Asserted | Class::Withdrawn | Class::Ceased => true,
            Class::Erased => self.own.is_some(),
            Class::Unknown | Class::Refused(_) => false,
        }
    }
}

const PLAIN_LEN: usize = 8 + 1 + 1 + 4;
const OWN_LEN: usize = PLAIN_LEN + 16 + 8 + 4 + 4;
/// The tags of rows. A row of an earlier form makes the folder be rebuilt.
const PLAIN: u8 = 0;
const OWN: u8 = 2;
const UNSAID: u32 = u32::MAX;
const _: () = assert!(PART * OWN_LEN < MAX_CONTENT);

/// The rows of a batch, in parts.
pub(super) fn encode(entries: &[IndexEntry], own: bool) -> Vec<Vec<u8>> {
    entries
        .chunks(PART)
        .map(|part| encode_part(part, own))
        .collect()
}

fn encode_part(part: &[IndexEntry], own: bool) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + part.len() * if own { OWN_LEN } else { PLAIN_LEN });
    row.push(if own { OWN } else { PLAIN });
    for entry in part {
        let (class, reason) = match entry.class {
            Class::Asserted => (0, None),
            Class::Withdrawn => (1, None),
            Class::Ceased => (2, None),
            Class::Unknown => (3, None),
            Class::Erased => (5, None),
            Class::Refused(StatementError::Malformed) => (4, Some(0)),
            Class::Refused(StatementError::TooLong) => (4, Some(1)),
        };
        row.extend_from_slice(&entry.tag.to_u64().to_be_bytes());
        row.push(class);
        row.push(entry.stripped.bits());
        row.extend_from_slice(&reason.unwrap_or(entry.revision).to_be_bytes());
        if own {
            let part = entry.own.unwrap_or(OwnPart {
                key: [0; 16],
                content: 0,
                last_seen: None,
                made: 0,
            });
            row.extend_from_slice(&part.key);
            row.extend_from_slice(&part.content.to_be_bytes());
            row.extend_from_slice(&part.last_seen.unwrap_or(UNSAID).to_be_bytes());
            row.extend_from_slice(&part.made.to_be_bytes());
        }
    }
    row
}

/// Reads a row; none if it is not one.
pub(super) fn decode(row: &[u8]) -> Option<Vec<IndexEntry>> {
    let (own, rest) = row.split_first()?;
    let len = match *own {
        PLAIN => PLAIN_LEN,
        OWN => OWN_LEN,
        _ => return None,
    };
    let entries = rest.chunks_exact(len);
    if !entries.remainder().is_empty() || entries.len() > PART {
        return None;
    }
    entries.map(decode_entry).collect()
}

fn decode_entry(entry: &[u8]) -> Option<IndexEntry> {
    let (tag, rest) = entry.split_first_chunk()?;
    let (class, rest) = rest.split_first()?;
    let (stripped, rest) = rest.split_first()?;
    let (revision, rest) = rest.split_first_chunk()?;
    let revision = u32::from_be_bytes(*revision);
    let class = match (class, revision) {
        (0, _) => Class::Asserted,
        (1, _) => Class::Withdrawn,
        (2, _) => Class::Ceased,
        (3, _) => Class::Unknown,
        (4, 0) => Class::Refused(StatementError::Malformed),
        (4, 1) => Class::Refused(StatementError::TooLong),
        (5, _) => Class::Erased,
        _ => return None,
    };
    let silent = matches!(class, Class::Unknown | Class::Refused(_));
    let own = match rest.split_first_chunk() {
        None => None,
        Some(_) if silent => None,
        Some((key, rest)) => {
            let (content, rest) = rest.split_first_chunk()?;
            let (last_seen, rest) = rest.split_first_chunk()?;
            let last_seen = u32::from_be_bytes(*last_seen);
            Some(OwnPart {
                key: *key,
                content: u64::from_be_bytes(*content),
                last_seen: (last_seen != UNSAID).then_some(last_seen),
                made: u32::from_be_bytes(*rest.first_chunk()?),
            })
        }
    };
    Some(IndexEntry {
        tag: Tag::from_u64(u64::from_be_bytes(*tag)),
        class,
        stripped: Projection::from_bits(*stripped)?,
        revision: if silent { 0 } else { revision },
        own,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_trip_and_other_lengths_are_refused() {
        let own = OwnPart {
            key: [3; 16],
            content: 4,
            last_seen: Some(5),
            made: 6,
        };
        let classes = [
            Class::Asserted,
            Class::Withdrawn,
            Class::Ceased,
            Class::Erased,
            Class::Unknown,
            Class::Refused(StatementError::Malformed),
            Class::Refused(StatementError::TooLong),
        ];
        for mine in [true, false] {
            let entries = (0..600).map(|n| {
                let class = classes[n % classes.len()];
                let mut entry = IndexEntry::silent(class);
                if entry.is_found() || (class == Class::Erased && mine) {
                    entry.tag = Tag::from_u64(n as u64);
                    entry.revision = 7;
                    let last_seen = (n % 2 == 0).then_some(5);
                    entry.own = mine.then_some(OwnPart { last_seen, ..own });
                }
                entry
            });
            let entries: Vec<_> = entries.collect();
            let rows = encode(&entries, mine);
            assert_eq!(rows.len(), 3);
            let read: Vec<_> = rows.iter().flat_map(|row| decode(row).unwrap()).collect();
            assert_eq!(read, entries);
            for row in &rows {
                assert!(row.len() < 16 << 10);
                assert_eq!(decode(&row[..row.len() - 1]), None);
            }
        }
        assert_eq!(decode(&[1]), None);
        assert_eq!(decode(&[]), None);
    }
}
