//! SHA-256 digests, possible only under a domain label.

use std::fmt;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// What a hash, signature, seal or derived key is for. Every label is written
/// `kentong/PURPOSE/VERSION`, and no two purposes share one.
///
/// RFC 6962 tree hashes and C2SP notes have a separation of their own and take none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// Makes a label; `name` must begin with `kentong/`, which is checked when a constant is
    /// compiled. That no two purposes have one name is checked by `tests/tidy.rs`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let named = matches!(
            name.as_bytes(),
            [b'k', b'e', b'n', b't', b'o', b'n', b'g', b'/', _, ..]
        );
        assert!(
            named && name.len() < 64,
            "a label is kentong/PURPOSE/VERSION"
        );
        Self(name)
    }

    /// The label's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Gives label and parts to `take`, each after its length: the labelled input of everything
    /// that is hashed, signed, sealed or derived.
    pub(crate) fn frame(self, parts: &[&[u8]], mut take: impl FnMut(&[u8])) {
        for part in std::iter::once(&self.0.as_bytes()).chain(parts) {
            take(&(part.len() as u64).to_be_bytes());
            take(part);
        }
    }

    /// The labelled input in one piece.
    pub(crate) fn framed(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.frame(parts, |bytes| out.extend_from_slice(bytes));
        out
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "bytes32")] [u8; 32]);

impl Digest {
    /// The length in bytes.
    pub const LEN: usize = 32;

    /// Hashes `parts` under `label`. Label and every part are preceded by their length (u64,
    /// big-endian), so that no two sequences of parts share an input.
    #[must_use]
    pub fn labelled(label: Label, parts: &[&[u8]]) -> Self {
        let mut hasher = Hasher::plain();
        label.frame(parts, |bytes| hasher.update(bytes));
        hasher.finish()
    }

    /// Takes bytes that are a digest already.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hexadecimal digits, for logs and tables.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).ok()?;
            if digits
                .bytes()
                .any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            {
                return None;
            }
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// SHA-256 without a label: for RFC 6962 trees and C2SP formats, which prescribe their input.
pub struct Hasher(Context);

impl Hasher {
    /// An empty input.
    #[must_use]
    pub fn plain() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Appends to the input.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was appended.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        Digest(bytes)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// A digest in CBOR is a byte string of 32 bytes.
mod bytes32 {
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = [u8; 32];

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("32 bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                bytes
                    .try_into()
                    .map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        from.deserialize_bytes(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Label = Label::new("kentong/test-a/1");
    const B: Label = Label::new("kentong/test-b/1");

    #[test]
    fn plain_is_sha256() {
        let mut hasher = Hasher::plain();
        hasher.update(b"abc");
        assert_eq!(
            hasher.finish().to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn labels_begin_with_the_name_of_the_project() {
        let long = "kentong/test-of-a-name-that-is-longer-than-a-label-needs-to-be/1";
        for bad in ["", "kentong/", "kentong-test/1", "other/test/1", long] {
            assert!(
                std::panic::catch_unwind(|| Label::new(bad)).is_err(),
                "{bad}"
            );
        }
        assert_eq!(Label::new("kentong/x").as_str(), "kentong/x");
    }

    #[test]
    fn labels_and_boundaries_separate() {
        assert_ne!(Digest::labelled(A, &[b"x"]), Digest::labelled(B, &[b"x"]));
        assert_ne!(
            Digest::labelled(A, &[b"ab", b"c"]),
            Digest::labelled(A, &[b"a", b"bc"])
        );
        assert_ne!(Digest::labelled(A, &[b""]), Digest::labelled(A, &[]));
    }

    #[test]
    fn hex_round_trip() {
        let digest = Digest::labelled(A, &[b"x"]);
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex(&digest.to_string().to_uppercase()), None);
        assert_eq!(Digest::from_hex("00"), None);
        assert_eq!(digest.short().len(), 8);
    }
}
