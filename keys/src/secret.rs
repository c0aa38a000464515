//! A container for secret bytes.

use std::fmt;

use zeroize::Zeroizing;

use crate::random;

/// `N` secret bytes, overwritten when dropped.
///
/// They lie on the heap, so that moving the container copies a pointer and not the secret. There
/// is deliberately no `Clone`, `PartialEq` or `Serialize`, and `Debug` shows nothing: code
/// that needs the bytes says so with [`Secret::expose`].
pub struct Secret<const N: usize>(Box<Zeroizing<[u8; N]>>);

impl<const N: usize> Secret<N> {
    /// Takes bytes that were drawn or derived elsewhere; the caller's own copy is the caller's to
    /// overwrite.
    #[must_use]
    pub fn new(bytes: [u8; N]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// Draws a fresh secret.
    #[must_use]
    pub fn generate() -> Self {
        Self::filled(random::fill_random)
    }

    /// A secret that `fill` writes to where it stays, so that no copy is left on the stack.
    pub(crate) fn filled(fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; N]));
        fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// A second container with the same bytes. It has a name of its own, so that it is seen where
    /// a secret comes to lie twice.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self::filled(|bytes| bytes.copy_from_slice(self.expose()))
    }

    /// Copies a slice of exactly `N` bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != N {
            return None;
        }
        Some(Self::filled(|own| own.copy_from_slice(bytes)))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> From<[u8; N]> for Secret<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self::new(bytes)
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(redacted)")
    }
}

/// For tests: whether `text` shows `secret` in one of the forms that formatting produces.
#[cfg(test)]
pub(crate) fn shows(text: &str, secret: &[u8]) -> bool {
    use base64::Engine as _;

    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // Eight bytes in a row are enough to call it a leak.
    let decimal = secret
        .iter()
        .take(8)
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let base64 = base64::prelude::BASE64_STANDARD_NO_PAD.encode(secret);
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    flat.contains(&hex[..16])
        || flat.contains(&hex.to_uppercase()[..16])
        || flat.contains(&decimal)
        || flat.contains(&base64[..10])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_redacted() {
        let bytes: [u8; 32] = random::random_bytes();
        let secret = Secret::new(bytes);
        for text in [format!("{secret:?}"), format!("{secret:#?}")] {
            assert_eq!(text, "Secret<32>(redacted)");
            assert!(!shows(&text, &bytes));
        }
        // The search does find what is not redacted.
        for text in [
            format!("{bytes:?}"),
            format!("{bytes:#?}"),
            crate::Digest::from_bytes(bytes).to_string(),
            format!("{:02X}", u64::from_be_bytes(bytes[..8].try_into().unwrap())),
        ] {
            if text.len() > 15 {
                assert!(shows(&text, &bytes), "{text}");
            }
        }
    }

    #[test]
    fn lengths() {
        assert!(Secret::<4>::from_slice(b"abc").is_none());
        assert_eq!(Secret::<4>::from_slice(b"abcd").unwrap().expose(), b"abcd");
        assert_ne!(Secret::<16>::generate().expose(), &[0; 16]);
        let secret = Secret::<16>::generate();
        assert_eq!(secret.duplicate().expose(), secret.expose());
    }
}
