//! Ed25519 signatures, possible only under a domain label or inside a C2SP note.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::{Label, PublicKey, Secret, fixed};

/// An Ed25519 signing key.
///
/// The seed is kept for the key file and, for the transport key, for `libp2p`; both copies lie
/// on the heap. `ring` does not overwrite its own expanded copy when that is freed.
pub struct SigningKey {
    seed: Secret<32>,
    pair: Box<Ed25519KeyPair>,
    public: PublicKey,
}

impl SigningKey {
    /// Draws a fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_seed(Secret::generate())
    }

    /// The key of an RFC 8032 seed.
    #[must_use]
    pub fn from_seed(seed: impl Into<Secret<32>>) -> Self {
        let seed = seed.into();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose())
            .expect("every 32 bytes are the seed of a key");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self {
            seed,
            pair: Box::new(pair),
            public: PublicKey::from_trusted(public),
        }
    }

    /// The RFC 8032 seed that the key follows from.
    #[must_use]
    pub const fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs `bytes` for the purpose named by `label`.
    #[must_use]
    pub fn sign(&self, label: Label, bytes: &[u8]) -> Signature {
        self.sign_plain(&label.framed(&[bytes]))
    }

    /// Signs what a C2SP format prescribes to the byte; those formats separate their domains
    /// themselves.
    pub(crate) fn sign_plain(&self, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.pair.sign(message).as_ref());
        Signature(bytes)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Checks a signature made by [`SigningKey::sign`] with the same label and bytes.
    pub fn verify(
        &self,
        label: Label,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.verify_plain(&label.framed(&[bytes]), &signature.0)
    }

    pub(crate) fn verify_plain(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        // Such a key is refused where it is read; this holds even where that is forgotten one day.
        if self.is_small_order() {
            return Err(BadSignature);
        }
        UnparsedPublicKey::new(&ED25519, self.as_bytes())
            .verify(message, signature)
            .map_err(|_| BadSignature)
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature(#[serde(with = "fixed")] [u8; 64]);

impl Signature {
    /// The length in bytes.
    pub const LEN: usize = 64;

    /// Takes bytes that are a signature already.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

/// The signature is not by this key over these bytes and this label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::shows;

    const A: Label = Label::new("kentong/test-a/1");
    const B: Label = Label::new("kentong/test-b/1");

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        assert_eq!(hex.len(), 2 * N);
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    fn check(seed: &str, public: &str, message: &[u8], signature: &str) {
        let key = SigningKey::from_seed(bytes::<32>(seed));
        assert_eq!(key.public_key().to_string(), public);
        assert_eq!(key.seed().expose(), &bytes::<32>(seed));
        let signed = key.sign_plain(message);
        assert_eq!(signed.as_bytes(), &bytes::<64>(signature));
        assert_eq!(key.public_key().verify_plain(message, &signed.0), Ok(()));
    }

    /// RFC 8032, section 7.1, tests 1 to 3.
    #[test]
    fn rfc8032() {
        check(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            b"",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        );
        check(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        check(
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            &[0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
    }

    #[test]
    fn label_key_and_bytes_are_bound() {
        let key = SigningKey::generate();
        let signature = key.sign(A, b"x");
        let public = key.public_key();
        assert_eq!(public.verify(A, b"x", &signature), Ok(()));
        assert_eq!(public.verify(B, b"x", &signature), Err(BadSignature));
        assert_eq!(public.verify(A, b"y", &signature), Err(BadSignature));
        let other = SigningKey::generate().public_key();
        assert_eq!(other.verify(A, b"x", &signature), Err(BadSignature));
        // The labelled message is not the bare one.
        assert!(public.verify_plain(b"x", signature.as_bytes()).is_err());
        assert_eq!(
            A.framed(&[b"x"]),
            b"\0\0\0\0\0\0\0\x10kentong/test-a/1\0\0\0\0\0\0\0\x01x"
        );
    }

    /// With the identity for a key, R = [S]B whatever the message is: S = 0 and R = the identity.
    #[test]
    fn a_signature_under_the_identity_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        // It is indeed one that ring takes.
        let taken = UnparsedPublicKey::new(&ED25519, &identity).verify(b"anything", &forged);
        assert_eq!(taken, Ok(()));
        let key = PublicKey::from_trusted(identity);
        assert_eq!(key.verify_plain(b"anything", &forged), Err(BadSignature));
        let forged = Signature::from_bytes(forged);
        assert_eq!(key.verify(A, b"anything", &forged), Err(BadSignature));
    }

    #[test]
    fn debug_is_redacted() {
        let key = SigningKey::generate();
        let text = format!("{key:?} {key:#?}");
        assert!(!shows(&text, key.seed().expose()), "{text}");
        // Positive control: the same search finds the public half where it is printed in full.
        let public = key.public_key();
        assert!(shows(&public.to_string(), public.as_bytes()));
    }

    #[test]
    fn serde_form() {
        use serde_test::{Token, assert_de_tokens_error, assert_tokens};

        const NAME: Token = Token::NewtypeStruct { name: "Signature" };
        let signature = Signature::from_bytes([9; 64]);
        assert_tokens(&signature, &[NAME, Token::BorrowedBytes(&[9; 64])]);
        assert_de_tokens_error::<Signature>(
            &[NAME, Token::Bytes(&[9; 65])],
            "invalid length 65, expected a byte string of 64 bytes",
        );
    }
}
