//! The key of a node's own store: for the few records that are secret at rest, and for look-up
//! rows that must not tell what they are about.

use std::fmt;

use zeroize::Zeroizing;

use super::OpenError;
use super::algorithm::{AeadKey, MacKey, NONCE, TAG, derive};
use crate::{Label, Secret, random};

const RECORD: Label = Label::new("kentong/store-record/1");
const INDEX: Label = Label::new("kentong/store-index/1");

/// The key under which a node keeps secrets at rest.
///
/// Nonces are random, so one key is good for about 2^32 records; a store holds one per epoch and
/// feed.
pub struct StoreKey {
    secret: Secret<32>,
    records: AeadKey,
}

impl StoreKey {
    /// Draws a fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_secret(Secret::generate())
    }

    /// Takes a key from the keystore.
    #[must_use]
    pub fn from_secret(secret: impl Into<Secret<32>>) -> Self {
        let secret = secret.into();
        Self {
            records: AeadKey::derive(&[], &secret, &RECORD.framed(&[])),
            secret,
        }
    }

    /// The key itself, for the keystore.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// Seals a record: nonce, ciphertext, tag. `context` is what the record is kept under; it
    /// opens under nothing else.
    #[must_use]
    pub fn seal_record(&self, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.seal_with(random::random_bytes(), context, plaintext)
    }

    fn seal_with(&self, nonce: [u8; NONCE], context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        // The plaintext must not be left behind by a buffer that grows.
        let mut bytes = Vec::with_capacity(plaintext.len() + TAG);
        bytes.extend_from_slice(plaintext);
        self.records.seal(nonce, context, &mut bytes);
        let mut sealed = Vec::with_capacity(NONCE + bytes.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&bytes);
        sealed
    }

    /// Opens what [`StoreKey::seal_record`] sealed under the same context.
    pub fn open_record(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk().ok_or(OpenError)?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        self.records.open(*nonce, context, &mut bytes)?;
        Ok(bytes)
    }

    /// The key of the look-up rows.
    #[must_use]
    pub fn index_key(&self) -> IndexKey {
        IndexKey(MacKey::new(derive(&self.secret, INDEX).expose()))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(redacted)")
    }
}

/// A keyed hash for look-up rows: who reads the disk without the key cannot test a guess.
pub struct IndexKey(MacKey);

impl IndexKey {
    /// HMAC-SHA256 over the parts, each after its length, cut to 16 bytes.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(self.0.mac(INDEX, parts)) {
            *to = from;
        }
        out
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn records() {
        let key = StoreKey::generate();
        let sealed = key.seal_record(b"epoch 1", b"secret");
        assert_eq!(sealed.len(), NONCE + 6 + TAG);
        assert_eq!(
            key.open_record(b"epoch 1", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert_ne!(key.seal_record(b"epoch 1", b"secret"), sealed);
        assert_eq!(key.open_record(b"epoch 2", &sealed), Err(OpenError));
        let other = StoreKey::generate();
        assert_eq!(other.open_record(b"epoch 1", &sealed), Err(OpenError));
        for length in 0..sealed.len() {
            let cut = &sealed[..length];
            assert_eq!(key.open_record(b"epoch 1", cut), Err(OpenError));
        }
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(key.open_record(b"epoch 1", &changed), Err(OpenError));
        }
    }

    /// Changing these bytes is a change of format. Computed with Python's `cryptography`.
    #[test]
    fn golden() {
        let key = StoreKey::from_secret([1; 32]);
        let sealed = key.seal_with([2; NONCE], b"context", b"record");
        assert_eq!(hex(&sealed), GOLDEN_RECORD);
        assert_eq!(
            hex(&key.index_key().hash(&[b"domain", b"example.com"])),
            GOLDEN_INDEX
        );
    }

    const GOLDEN_RECORD: &str =
        "020202020202020202020202423754efcac98debe12aeb463f98d216ccc4178aeb34";
    const GOLDEN_INDEX: &str = "328def5bf50c25915150107024a91223";

    #[test]
    fn index_hashes_keep_parts_and_keys_apart() {
        let key = StoreKey::from_secret([1; 32]).index_key();
        assert_ne!(key.hash(&[b"ab", b"c"]), key.hash(&[b"a", b"bc"]));
        assert_ne!(key.hash(&[b""]), key.hash(&[]));
        let other = StoreKey::from_secret([2; 32]).index_key();
        assert_ne!(key.hash(&[b"a"]), other.hash(&[b"a"]));
    }

    #[test]
    fn debug_is_redacted() {
        let key = StoreKey::from_secret([0x5a; 32]);
        let text = format!("{key:?} {:?}", key.index_key());
        assert_eq!(text, "StoreKey(redacted) IndexKey(redacted)");
    }
}
