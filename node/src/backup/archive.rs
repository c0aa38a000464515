//! The archive: the only file that names `tar`.
//!
//! Entries are plain files with names that fit into a header. Extensions of the format (long names,
//! links, sparse files) are not followed: what is in a backup needs none.

use std::io::{self, Read, Write};

use kentong_keys::{Digest, Hasher};

/// The folder that all entries lie in, so that unpacking one by hand scatters nothing.
const FOLDER: &str = "kentong-backup/";

/// What headers and contents are padded to, in bytes.
pub(super) const BLOCK: u64 = 512;

/// An archive while it is written.
pub(super) struct Writing<W: Write>(tar::Builder<W>);

impl<W: Write> Writing<W> {
    pub(super) fn new(to: W) -> Self {
        Self(tar::Builder::new(to))
    }

    /// Appends a file of exactly `size` bytes, and answers their digest; none if there were fewer.
    pub(super) fn append(
        &mut self,
        name: &str,
        (size, made): (u64, u64),
        content: impl Read,
    ) -> io::Result<Option<Digest>> {
        let mut header = tar::Header::new_ustar();
        header.set_path(format!("{FOLDER}{name}"))?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(made);
        header.set_cksum();
        let mut hashing = Hashing::new(content.take(size));
        self.0.append(&header, &mut hashing)?;
        let (read, digest) = hashing.finish();
        Ok((read == size).then_some(digest))
    }

    /// Ends the archive, and gives back what it was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        self.0.into_inner()
    }
}

/// An entry of an archive that is read.
pub(super) struct Entry<'a, R: Read> {
    /// Its name, without the folder of all; none if it is no plain file there.
    pub(super) name: Option<String>,
    /// As it is written, for people.
    pub(super) shown: String,
    /// Where its header begins, in bytes.
    pub(super) at: u64,
    /// How many bytes it has.
    pub(super) size: u64,
    /// The bytes.
    pub(super) content: tar::Entry<'a, R>,
}

/// Reads an archive, entry by entry, until `each` fails. An error of reading comes with the byte at
/// which the entry began.
pub(super) fn read<R: Read, E>(
    from: R,
    mut failed: impl FnMut(u64, io::Error) -> E,
    mut each: impl FnMut(Entry<'_, R>) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(from);
    let mut at = 0;
    let entries = archive.entries().map_err(|error| failed(at, error))?;
    for entry in entries.raw(true) {
        let content = entry.map_err(|error| failed(at, error))?;
        let header = content.header();
        let size = header.size().map_err(|error| failed(at, error))?;
        let shown: String = String::from_utf8_lossy(&header.path_bytes())
            .chars()
            .take(120)
            .collect();
        let name = std::str::from_utf8(&header.path_bytes())
            .ok()
            .and_then(|name| name.strip_prefix(FOLDER))
            .filter(|_| header.entry_type() == tar::EntryType::Regular)
            .map(str::to_owned);
        let begins = content.raw_header_position();
        let ends = content.raw_file_position().saturating_add(size);
        let ends = ends.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
        each(Entry {
            name,
            shown,
            at: begins,
            size,
            content,
        })?;
        at = ends;
    }
    Ok(())
}

/// Reads on from another reader, and knows what was read.
pub(super) struct Hashing<R> {
    from: R,
    read: u64,
    hasher: Hasher,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            read: 0,
            hasher: Hasher::plain(),
        }
    }

    /// How many bytes were read, and their SHA-256.
    pub(super) fn finish(self) -> (u64, Digest) {
        (self.read, self.hasher.finish())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.read += count as u64;
        Ok(count)
    }
}
