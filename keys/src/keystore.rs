//! Keys in files, encrypted under a passphrase: the only part of this crate that does files.
//!
//! Argon2id turns the passphrase into a key once per [`Keyring`]; every key file is then sealed
//! with AES-256-GCM under a key derived for its role. Directories are 0700 and files 0600, and
//! nothing is read that others could have read or written. Who can write these files can destroy
//! or roll back keys, but not learn them or put keys of their own in their place without the
//! passphrase.

mod error;
mod file;
mod kdf;
mod keyring;
mod passphrase;
mod root;

pub use error::KeystoreError;
pub use keyring::{KeySlot, Keyring};
pub use passphrase::{Passphrase, PassphraseError};
pub use root::{read_root, write_root};

#[cfg(test)]
mod tests;
