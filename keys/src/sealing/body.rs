//! Epoch keys, and the bodies of batches that are sealed under them.

use std::fmt;

use super::OpenError;
use super::algorithm::{AeadKey, MacKey, NONCE, TAG};
use crate::{Digest, Label, Secret};

const BODY: Label = Label::new("kentong/body/1");
const COMMITMENT: Label = Label::new("kentong/epoch-commitment/1");
const STATEMENT_SALT: Label = Label::new("kentong/statement-salt/1");

/// The symmetric key of one epoch of one feed: 32 bytes, overwritten when dropped.
pub struct EpochKey(Secret<32>);

impl EpochKey {
    /// Draws a fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::generate())
    }

    /// Takes a key that was opened or stored before.
    #[must_use]
    pub fn from_secret(secret: impl Into<Secret<32>>) -> Self {
        Self(secret.into())
    }

    /// The key itself, to store it under a store key.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }

    /// What the publisher says in public about the key, so that all readers can see they were
    /// given the same one. `context` is a digest of the place (federation, feed and epoch): a
    /// commitment cannot be moved to another.
    #[must_use]
    pub fn commitment(&self, context: &Digest) -> Digest {
        Digest::labelled(COMMITMENT, &[context.as_bytes(), self.0.expose()])
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(redacted)")
    }
}

/// The place of a body: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct BodyContext<'a> {
    /// The federation.
    pub federation: &'a Digest,
    /// The feed.
    pub feed: &'a Digest,
    /// The incarnation of the feed.
    pub incarnation: u32,
    /// The index of the leaf in the feed.
    pub index: u64,
}

fn body_key(key: &EpochKey, salt: &[u8; 32], context: &BodyContext<'_>) -> AeadKey {
    let info = BODY.framed(&[
        context.federation.as_bytes(),
        context.feed.as_bytes(),
        &context.incarnation.to_be_bytes(),
        &context.index.to_be_bytes(),
    ]);
    AeadKey::derive(salt, &key.0, &info)
}

/// Every body has a key of its own (the salt is drawn afresh for each sealing), so the nonce is
/// always zero.
const ONLY_NONCE: [u8; NONCE] = [0; NONCE];

/// Seals a body in place and appends a tag of 16 bytes.
///
/// `salt` must be drawn afresh for each call, also when a leaf that was lost in a crash is
/// written again: with the same salt a key would be used twice.
#[must_use]
pub fn seal_body(
    key: &EpochKey,
    salt: &[u8; 32],
    context: &BodyContext<'_>,
    plaintext: Vec<u8>,
) -> Vec<u8> {
    let mut bytes = plaintext;
    bytes.reserve_exact(TAG);
    body_key(key, salt, context).seal(ONLY_NONCE, BODY.as_str().as_bytes(), &mut bytes);
    bytes
}

/// Opens what [`seal_body`] sealed with the same key, salt and context.
pub fn open_body(
    key: &EpochKey,
    salt: &[u8; 32],
    context: &BodyContext<'_>,
    sealed: Vec<u8>,
) -> Result<Vec<u8>, OpenError> {
    let mut bytes = sealed;
    body_key(key, salt, context).open(ONLY_NONCE, BODY.as_str().as_bytes(), &mut bytes)?;
    Ok(bytes)
}

/// The salt of the statement at `position` of a batch, from the batch's secret seed. Without the
/// seed nobody can test a guess of a statement against its leaf hash.
#[must_use]
pub fn statement_salt(seed: &[u8; 32], position: u32) -> [u8; 32] {
    MacKey::new(seed).mac(STATEMENT_SALT, &[&position.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::shows;

    fn digest(byte: u8) -> Digest {
        Digest::from_bytes([byte; 32])
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn every_part_of_the_place_is_bound() {
        let (key, salt) = (EpochKey::generate(), [5; 32]);
        let (federation, feed) = (&digest(1), &digest(2));
        let here = BodyContext {
            federation,
            feed,
            incarnation: 3,
            index: 4,
        };
        let sealed = seal_body(&key, &salt, &here, b"body".to_vec());
        assert_eq!(sealed.len(), 4 + TAG);
        assert_eq!(
            open_body(&key, &salt, &here, sealed.clone()),
            Ok(b"body".to_vec())
        );

        let check_refused = |key: &EpochKey, salt: [u8; 32], context: BodyContext<'_>| {
            assert_eq!(
                open_body(key, &salt, &context, sealed.clone()),
                Err(OpenError),
                "{context:?}"
            );
        };
        let other = &digest(9);
        check_refused(&EpochKey::generate(), salt, here);
        check_refused(&key, [6; 32], here);
        check_refused(
            &key,
            salt,
            BodyContext {
                federation: other,
                ..here
            },
        );
        check_refused(
            &key,
            salt,
            BodyContext {
                feed: other,
                ..here
            },
        );
        check_refused(
            &key,
            salt,
            BodyContext {
                incarnation: 4,
                ..here
            },
        );
        check_refused(&key, salt, BodyContext { index: 3, ..here });

        for length in 0..sealed.len() {
            let cut = sealed[..length].to_vec();
            assert_eq!(open_body(&key, &salt, &here, cut), Err(OpenError));
        }
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(open_body(&key, &salt, &here, changed), Err(OpenError));
        }
    }

    /// Changing these bytes is a change of format. Computed with Python's `cryptography`.
    #[test]
    fn golden() {
        let key = EpochKey::from_secret([1; 32]);
        let context = BodyContext {
            federation: &digest(2),
            feed: &digest(3),
            incarnation: 4,
            index: 5,
        };
        let sealed = seal_body(&key, &[6; 32], &context, b"a body of statements".to_vec());
        assert_eq!(hex(&sealed), GOLDEN_BODY);
        assert_eq!(key.commitment(&digest(7)).to_string(), GOLDEN_COMMITMENT);
        assert_eq!(hex(&statement_salt(&[8; 32], 9)), GOLDEN_SALT);
    }

    const GOLDEN_BODY: &str =
        "8e258cbe5f98da752c4ea207ccef43ee66b0d8c677c0c468276e7df113b5cc3914b5cee9";
    const GOLDEN_COMMITMENT: &str =
        "63e4347855007f079e51c91c61c575f85d9dd9ad0f4aead6560a612ebf45b9e1";
    const GOLDEN_SALT: &str = "b7155074873bc4b2ce8ba05553bd446b888a90dff9dc030b9b400f9d505113c6";

    #[test]
    fn commitments_tell_keys_and_places_apart() {
        let key = EpochKey::generate();
        assert_eq!(key.commitment(&digest(1)), key.commitment(&digest(1)));
        assert_ne!(key.commitment(&digest(1)), key.commitment(&digest(2)));
        assert_ne!(
            key.commitment(&digest(1)),
            EpochKey::generate().commitment(&digest(1))
        );
    }

    #[test]
    fn debug_is_redacted() {
        let key = EpochKey::generate();
        let text = format!("{key:?} {key:#?}");
        assert_eq!(text, "EpochKey(redacted) EpochKey(redacted)");
        assert!(shows(
            &format!("{:?}", key.secret().expose()),
            key.secret().expose()
        ));
    }

    #[test]
    fn statement_salts_differ() {
        assert_ne!(statement_salt(&[1; 32], 0), statement_salt(&[1; 32], 1));
        assert_ne!(statement_salt(&[1; 32], 0), statement_salt(&[2; 32], 0));
    }
}
