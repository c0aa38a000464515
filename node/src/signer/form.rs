//! The form of the signer state in its file.
//!
//! ```text
//! 0  version (1)          1  number of entries, u32
//! 5  entries in ascending order of feed: feed 32 bytes, size u64, root 32 bytes
//!    labelled SHA-256 over all before it, 32 bytes
//! ```

use std::collections::BTreeMap;

use kentong_keys::{Digest, Label};

use super::{MAX_FEEDS, Signed};

const VERSION: u8 = 1;
pub(super) const HEAD_LEN: usize = 5;
pub(super) const ENTRY_LEN: usize = 72;
/// The largest file.
pub(super) const MAX_FILE: u64 = (HEAD_LEN + MAX_FEEDS * ENTRY_LEN + Digest::LEN) as u64;
pub(super) const LABEL: Label = Label::new("kentong/signer-state/1");

pub(super) fn encode(entries: &BTreeMap<Digest, Signed>) -> Vec<u8> {
    let count = u32::try_from(entries.len()).expect("the number of feeds is bounded by MAX_FEEDS");
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&count.to_be_bytes());
    for (feed, signed) in entries {
        bytes.extend_from_slice(feed.as_bytes());
        bytes.extend_from_slice(&signed.size.to_be_bytes());
        bytes.extend_from_slice(signed.root.as_bytes());
    }
    let checksum = Digest::labelled(LABEL, &[&bytes]);
    bytes.extend_from_slice(checksum.as_bytes());
    bytes
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DecodeFault {
    Truncated,
    Tampered,
    Newer,
}

pub(super) fn decode(bytes: &[u8]) -> Result<BTreeMap<Digest, Signed>, DecodeFault> {
    let (head, rest) = bytes
        .split_first_chunk::<HEAD_LEN>()
        .ok_or(DecodeFault::Truncated)?;
    let [version, count @ ..] = *head;
    if version != VERSION {
        return Err(DecodeFault::Newer);
    }
    let count = u32::from_be_bytes(count) as usize;
    if count > MAX_FEEDS {
        return Err(DecodeFault::Tampered);
    }
    let (listed, checksum) = rest
        .split_at_checked(count * ENTRY_LEN)
        .ok_or(DecodeFault::Truncated)?;
    if checksum.len() < Digest::LEN {
        return Err(DecodeFault::Truncated);
    }
    let covered = bytes.strip_suffix(checksum).ok_or(DecodeFault::Tampered)?;
    if Digest::labelled(LABEL, &[covered]).as_bytes() != checksum {
        return Err(DecodeFault::Tampered);
    }
    let mut entries = BTreeMap::new();
    for entry in listed.chunks_exact(ENTRY_LEN) {
        let (feed, signed) = decode_entry(entry).ok_or(DecodeFault::Tampered)?;
        let ascends = entries
            .last_key_value()
            .is_none_or(|(last, _)| *last < feed);
        if !ascends {
            return Err(DecodeFault::Tampered);
        }
        entries.insert(feed, signed);
    }
    Ok(entries)
}

fn decode_entry(entry: &[u8]) -> Option<(Digest, Signed)> {
    let (feed, rest) = entry.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let root = rest.first_chunk()?;
    let signed = Signed {
        size: u64::from_be_bytes(*size),
        root: Digest::from_bytes(*root),
    };
    Some((Digest::from_bytes(*feed), signed))
}
