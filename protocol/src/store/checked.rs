//! The rows, checked: whatever was lost, kept too long or changed is noticed when the store is opened.
//!
//! Every row carries a keyed checksum, and the row of the mark the sum of them all. Whatever does not fit,
//! all rows are set aside and made again from the log. So a write needs to be atomic and not durable.
//!
//! ```text
//! value  version (1), content, checksum: 8 bytes of a keyed hash over key, version and content
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::{Damage, MAX_VALUE, Opened, Rows};
use kentong_keys::IndexKey;

use super::schema::{MARK_KEY, Mark};

const VERSION: u8 = 1;
const CHECKSUM: usize = 8;
/// The longest content.
pub(super) const MAX_CONTENT: usize = MAX_VALUE - 1 - CHECKSUM;

/// What a step changes: content by key, or nothing where a row goes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

/// Rows that are open, and what is known of all of them.
#[derive(Debug)]
pub(super) struct Checked<R> {
    rows: R,
    key: Arc<IndexKey>,
    /// Up to where the rows reflect the log; its sum is set when it is written.
    mark: Mark,
    /// The wrapping sum of the checksums of all rows but the mark's.
    sum: u64,
}

impl Changes {
    pub(super) fn put(&mut self, key: Vec<u8>, content: Vec<u8>) {
        debug_assert!(content.len() <= MAX_CONTENT, "{} bytes", content.len());
        self.bytes += key.len() + content.len();
        self.changes.insert(key, Some(content));
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.insert(key, None);
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<R: Rows> Checked<R> {
    /// Opens the rows at a place. `row` is given the content of every row but the mark's, in the order
    /// of keys.
    pub(super) fn open(
        place: &R::Place,
        key: Arc<IndexKey>,
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(Self, Opened), Damage> {
        let (mut mark, mut sum) = (None, 0_u64);
        let (rows, opened) = R::open(place, |found, value| {
            let (content, checksum) = check(&key, found, value)?;
            if *found == MARK_KEY {
                mark = Some(Mark::decode(content).ok_or_else(|| Damage::new("a bad mark"))?);
                return Ok(());
            }
            sum = sum.wrapping_add(checksum);
            row(found, content)
        })?;
        let mark = mark.unwrap_or_default();
        if mark.sum != sum {
            return Err(Damage::new("rows are missing or too many"));
        }
        let checked = Self {
            rows,
            key,
            mark,
            sum,
        };
        Ok((checked, opened))
    }

    /// Up to where the rows reflect the log.
    pub(super) const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Writes the rows and the new mark, all or none.
    pub(super) fn commit(&mut self, changes: Changes, mark: Mark) -> Result<(), Damage> {
        self.mark = mark;
        self.add(changes)
    }

    /// Writes rows that follow from the same records of the log as those before.
    pub(super) fn add(&mut self, changes: Changes) -> Result<(), Damage> {
        let mut sum = self.sum;
        let mut sealed = Vec::with_capacity(changes.changes.len() + 1);
        for (key, content) in changes.changes {
            if let Some(old) = self.rows.get(&key)? {
                sum = sum.wrapping_sub(check(&self.key, &key, old.as_ref())?.1);
            }
            let value = content.map(|content| {
                let (value, checksum) = seal(&self.key, &key, &content);
                sum = sum.wrapping_add(checksum);
                value
            });
            sealed.push((key, value));
        }
        let (mark, _) = seal(&self.key, &MARK_KEY, &Mark { sum, ..self.mark }.encode());
        sealed.push((MARK_KEY.to_vec(), Some(mark)));
        self.rows.write(sealed)?;
        self.sum = sum;
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), Damage> {
        self.rows.flush()
    }

    /// The contents of the rows whose keys begin with `prefix`, in the order of keys.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        mut row: impl FnMut(&[u8], &[u8]) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        self.rows.scan(prefix, |key, value| {
            row(key, check(&self.key, key, value)?.0)
        })
    }
}

fn seal(by: &IndexKey, key: &[u8], content: &[u8]) -> (Vec<u8>, u64) {
    let checksum = checksum(by, key, content);
    let mut value = Vec::with_capacity(1 + content.len() + CHECKSUM);
    value.push(VERSION);
    value.extend_from_slice(content);
    value.extend_from_slice(&checksum.to_be_bytes());
    (value, checksum)
}

fn check<'v>(by: &IndexKey, key: &[u8], value: &'v [u8]) -> Result<(&'v [u8], u64), Damage> {
    let (version, rest) = value
        .split_first()
        .ok_or_else(|| Damage::new("an empty row"))?;
    if *version != VERSION {
        return Err(Damage::new("a row of another version"));
    }
    let (content, found) = rest
        .split_last_chunk::<CHECKSUM>()
        .ok_or_else(|| Damage::new("a short row"))?;
    let checksum = checksum(by, key, content);
    if checksum.to_be_bytes() != *found {
        return Err(Damage::new("a row that does not match its checksum"));
    }
    Ok((content, checksum))
}

fn checksum(by: &IndexKey, key: &[u8], content: &[u8]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = by.hash(&[b"row", key, &[VERSION], content]);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
