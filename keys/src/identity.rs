//! Public keys, their names, and the C2SP text form that joins the two.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::{Hasher, fixed};

/// An Ed25519 verifying key. Bytes that are no point on the curve are accepted, for they verify
/// nothing; the points of small order are refused, for under them anybody can sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey(
    #[serde(
        serialize_with = "fixed::serialize",
        deserialize_with = "not_small_order"
    )]
    [u8; 32],
);

impl PublicKey {
    /// The length in bytes.
    pub const LEN: usize = 32;

    /// Takes the bytes of a key.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, SmallOrderKey> {
        let key = Self(bytes);
        if key.is_small_order() {
            return Err(SmallOrderKey);
        }
        Ok(key)
    }

    /// Takes bytes that came from a key pair, or that the verification is to refuse.
    pub(crate) const fn from_trusted(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Whether this encodes a point of order 1, 2, 4 or 8. `ring` checks only that
    /// R = \[S\]B − \[h\]A, which for such an A anybody can make come true.
    pub(crate) fn is_small_order(&self) -> bool {
        let mut masked = self.0;
        if let Some(last) = masked.last_mut() {
            // The sign of x: both signs of a point have its order.
            *last &= 0x7f;
        }
        SMALL_ORDER.contains(&masked)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The y coordinates of the points of small order without the sign bit, in every encoding that
/// 255 bits have room for: 0, 1, the two of order 8, p − 1, and 0 and 1 once more as p and p + 1.
#[rustfmt::skip]
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

fn not_small_order<'de, D: serde::Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    let bytes = fixed::deserialize(from)?;
    let key = PublicKey::from_bytes(bytes).map_err(serde::de::Error::custom)?;
    Ok(key.0)
}

/// The bytes encode a point of small order, under which anybody can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key is a point of small order, under which anybody can sign: no honest program makes \
     such a key, ask its owner for the true one"
)]
pub struct SmallOrderKey;

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        for byte in self.0.iter().take(4) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

/// The name of a key in a signed note (C2SP signed-note): not empty, without white space, `+` or
/// control characters, at most [`KeyName::MAX_LEN`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 128;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        if text.is_empty() {
            return Err(KeyNameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(KeyNameError::TooLong);
        }
        match text
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || *c == '+')
        {
            Some(found) => Err(KeyNameError::Character(found)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// Why a text is not the name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyNameError {
    /// There is nothing.
    #[error("a key has a name")]
    Empty,
    /// More than [`KeyName::MAX_LEN`] bytes.
    #[error("the name of a key has at most {max} bytes", max = KeyName::MAX_LEN)]
    TooLong,
    /// White space, `+` or a control character.
    #[error("the name of a key has no {0:?}")]
    Character(char),
}

/// What a key in a note signs: the signature type byte of C2SP signed-note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// Ed25519 over the text of the note.
    Ed25519 = 1,
    /// A witness's cosignature with a time (tlog-cosignature, `cosignature/v1`).
    Cosignature = 4,
}

impl KeyType {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Ed25519),
            4 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

/// A C2SP verifier key: who signs (a name), how (a type) and the key itself. The text form is
/// `NAME+KEYID+BASE64(type || key)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifierKey {
    name: KeyName,
    key_type: KeyType,
    key: PublicKey,
}

impl VerifierKey {
    /// Joins a key to its name and use.
    #[must_use]
    pub const fn new(name: KeyName, key_type: KeyType, key: PublicKey) -> Self {
        Self {
            name,
            key_type,
            key,
        }
    }

    /// The key's name.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The key itself.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// The first four bytes of SHA-256 over name, newline, type and key. A hint for finding the
    /// right key, too short to stand for it.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        let mut hasher = Hasher::plain();
        hasher.update(self.name.as_str().as_bytes());
        hasher.update(b"\n");
        hasher.update(&self.typed_key());
        let [a, b, c, d, ..] = *hasher.finish().as_bytes();
        [a, b, c, d]
    }

    fn typed_key(&self) -> [u8; 33] {
        let mut bytes = [self.key_type as u8; 33];
        if let Some((_, key)) = bytes.split_first_mut() {
            key.copy_from_slice(self.key.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.key_id());
        let key = BASE64_STANDARD.encode(self.typed_key());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        // The base64 part may hold a `+` of its own, the name may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(VerifierKeyError::Parts);
        };
        let name = name.parse()?;
        // 33 bytes make 44 characters; anything else need not be decoded.
        let bytes = (encoded.len() == 44)
            .then(|| BASE64_STANDARD.decode(encoded).ok())
            .flatten()
            .ok_or(VerifierKeyError::Key)?;
        let (&type_byte, key) = bytes.split_first().ok_or(VerifierKeyError::Key)?;
        let key_type = KeyType::from_byte(type_byte).ok_or(VerifierKeyError::Type(type_byte))?;
        let key = key.try_into().map_err(|_| VerifierKeyError::Key)?;
        let parsed = Self::new(name, key_type, PublicKey::from_bytes(key)?);
        let expected = u32::from_be_bytes(parsed.key_id());
        if format!("{expected:08x}") != id {
            return Err(VerifierKeyError::KeyId);
        }
        Ok(parsed)
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = VerifierKeyError;

    fn try_from(text: String) -> Result<Self, VerifierKeyError> {
        text.parse()
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}

/// Why a text is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// It has not the three parts.
    #[error("a verifier key is written NAME+KEYID+BASE64")]
    Parts,
    /// The part before the first `+` is no name.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The last part is not the base64 of a type byte and 32 bytes.
    #[error("the last part of a verifier key is base64 of 33 bytes")]
    Key,
    /// A signature type that is not used here.
    #[error("signature type {0} is not used here, only 1 (Ed25519) and 4 (cosignature)")]
    Type(u8),
    /// The key is one under which anybody can sign.
    #[error(transparent)]
    SmallOrder(#[from] SmallOrderKey),
    /// The key id does not follow from name, type and key: one of them was changed.
    #[error("the key id does not belong to this name and key: was the text cut or changed?")]
    KeyId,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn key_names() {
        let long = "n".repeat(KeyName::MAX_LEN);
        for good in ["kentong/MY/root", "例え.example", "a", long.as_str()] {
            assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
        }
        let too_long = "n".repeat(KeyName::MAX_LEN + 1);
        for (bad, error) in [
            ("", KeyNameError::Empty),
            (too_long.as_str(), KeyNameError::TooLong),
            ("a b", KeyNameError::Character(' ')),
            ("a\u{a0}b", KeyNameError::Character('\u{a0}')),
            ("a\nb", KeyNameError::Character('\n')),
            ("a+b", KeyNameError::Character('+')),
            ("a\u{1}b", KeyNameError::Character('\u{1}')),
            ("a\u{7f}", KeyNameError::Character('\u{7f}')),
        ] {
            assert_eq!(bad.parse::<KeyName>(), Err(error), "{bad:?}");
        }
    }

    /// The verifier key of the Go note package's documentation.
    #[test]
    fn published_verifier_key() {
        let key: VerifierKey = NEUMANN.parse().unwrap();
        assert_eq!(key.name().as_str(), "PeterNeumann");
        assert_eq!(key.key_id(), [0xc7, 0x4f, 0x20, 0xa3]);
        assert_eq!(key.key_type(), KeyType::Ed25519);
        assert_eq!(key.to_string(), NEUMANN);
    }

    #[test]
    fn cosignature_keys_have_an_id_of_their_own() {
        let plain: VerifierKey = NEUMANN.parse().unwrap();
        let witness = VerifierKey::new(
            plain.name().clone(),
            KeyType::Cosignature,
            *plain.public_key(),
        );
        assert_ne!(plain.key_id(), witness.key_id());
        assert_eq!(witness.to_string().parse(), Ok(witness));
    }

    #[test]
    fn refused_verifier_keys() {
        let type_two = format!("{}{}", "PeterNeumann+c74f20a3+Ah", &NEUMANN[24..]);
        for (bad, error) in [
            ("", VerifierKeyError::Parts),
            ("PeterNeumann+c74f20a3", VerifierKeyError::Parts),
            (
                "+c74f20a3+AAAA",
                VerifierKeyError::Name(KeyNameError::Empty),
            ),
            ("P+c74f20a3+AAAA", VerifierKeyError::Key),
            (&NEUMANN[..NEUMANN.len() - 1], VerifierKeyError::Key),
            (&type_two, VerifierKeyError::Type(2)),
            (&NEUMANN.replace("c74f", "C74F"), VerifierKeyError::KeyId),
            (&NEUMANN.replace("Peter", "Pieter"), VerifierKeyError::KeyId),
            (&NEUMANN.replace("Rpc2", "Rpc3"), VerifierKeyError::KeyId),
        ] {
            assert_eq!(bad.parse::<VerifierKey>(), Err(error), "{bad}");
        }
    }

    /// With either sign of x, as bytes and as a verifier key.
    fn small_order(hex: &str) {
        let mut bytes: [u8; 32] =
            std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
        for _ in 0..2 {
            assert_eq!(PublicKey::from_bytes(bytes), Err(SmallOrderKey), "{hex}");
            let key = VerifierKey::new(
                "P".parse().unwrap(),
                KeyType::Ed25519,
                PublicKey::from_trusted(bytes),
            );
            assert_eq!(
                key.to_string().parse::<VerifierKey>(),
                Err(SmallOrderKey.into())
            );
            bytes[31] ^= 0x80;
        }
        // The next number is another point, or none.
        bytes[16] ^= 1;
        assert!(PublicKey::from_bytes(bytes).is_ok());
    }

    #[test]
    fn small_order_zero() {
        small_order(&"00".repeat(32));
    }

    #[test]
    fn small_order_one() {
        small_order(&format!("01{}", "00".repeat(31)));
    }

    #[test]
    fn small_order_eight() {
        small_order("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    }

    #[test]
    fn small_order_eight_negated() {
        small_order("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    }

    #[test]
    fn small_order_minus_one() {
        small_order(&format!("ec{}7f", "ff".repeat(30)));
    }

    #[test]
    fn small_order_zero_written_as_p() {
        small_order(&format!("ed{}7f", "ff".repeat(30)));
    }

    #[test]
    fn small_order_one_written_as_p_plus_one() {
        small_order(&format!("ee{}7f", "ff".repeat(30)));
    }

    #[test]
    fn serde_forms() {
        use serde_test::{Token, assert_de_tokens_error, assert_tokens};

        let key = PublicKey::from_bytes([7; 32]).unwrap();
        assert_tokens(
            &key,
            &[
                Token::NewtypeStruct { name: "PublicKey" },
                Token::BorrowedBytes(&[7; 32]),
            ],
        );
        assert_de_tokens_error::<PublicKey>(
            &[
                Token::NewtypeStruct { name: "PublicKey" },
                Token::Bytes(&[7; 31]),
            ],
            "invalid length 31, expected a byte string of 32 bytes",
        );
        assert_de_tokens_error::<PublicKey>(
            &[
                Token::NewtypeStruct { name: "PublicKey" },
                Token::Bytes(&[0; 32]),
            ],
            &SmallOrderKey.to_string(),
        );
        let key: VerifierKey = NEUMANN.parse().unwrap();
        assert_tokens(&key, &[Token::Str(NEUMANN)]);
    }

    #[test]
    fn display_and_debug() {
        let key = PublicKey::from_bytes([0xab; 32]).unwrap();
        assert_eq!(key.to_string(), "ab".repeat(32));
        assert_eq!(format!("{key:?}"), "PublicKey(abababab…)");
    }
}
