//! Backups of a home: one file, and a home made from it.
//!
//! A backup is a tar archive, so that other people's tools can look into it. Its last entry is a
//! manifest that names every file before it with size and SHA-256: one pass writes it, whatever the
//! size of the log, and a backup that was cut off has none. The archive is written beside its place
//! and moved there when it is on disk.
//!
//! | in it | why |
//! |---|---|
//! | the log, as far as it was durable | the truth of the node, encrypted |
//! | the signing, witness, transport and store key, under the passphrase | without them it is another node, and opens nothing of its log |
//! | charter, notices, ballots, severed, members' cards, policies, evidence, configuration | what the node decides by |
//!
//! | not in it | why |
//! |---|---|
//! | the signer state | an older copy would make the node sign a second history of its feeds |
//! | the sealing keys | a key that was destroyed must not live on in old backups; a restored node makes a new one |
//! | `sled`, lock, socket | derived, or of one process |
//! | the root key, if it lies in the home | it stays offline |
//!
//! **Trusted for** all that the home is trusted for, but for what was signed last: a restored node
//! asks its readers that. **May it be lost?** Yes, while the home lives. **Who can write it** gains
//! what one gains who can write the home: the digests guard against accidents, not against people.
//! **Who can read it** sees who shares with whom, sizes and times; with the passphrase besides, all
//! that the member may read, and can pose as the member until a warrant replaces its keys.

mod archive;
mod error;
mod home_part;
mod manifest;
mod read;
mod write;

pub use error::BackupError;
pub use home_part::HomePart;
pub use manifest::{FORMAT, Listed, Manifest};
pub use read::{Verified, unpack, verify};
pub use write::{Existing, LeftOut, LogEnd, Written, write};

/// The most files of a backup.
pub const MAX_FILES: usize = 65_536;

#[cfg(test)]
mod tests;
