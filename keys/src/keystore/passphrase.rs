//! Passphrases.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase: overwritten when dropped, shown by nothing.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The fewest characters.
    pub const MIN_CHARS: usize = 8;
    /// The most bytes.
    pub const MAX_LEN: usize = 1024;

    /// Takes a passphrase as it was typed, or as it lies in a file: one line break at the end is
    /// not part of it.
    pub fn new(typed: impl Into<Vec<u8>>) -> Result<Self, PassphraseError> {
        let mut typed = Zeroizing::new(typed.into());
        if typed.last() == Some(&b'\n') {
            typed.pop();
            if typed.last() == Some(&b'\r') {
                typed.pop();
            }
        }
        let text = std::str::from_utf8(&typed).map_err(|_| PassphraseError::NotUtf8)?;
        if text.chars().count() < Self::MIN_CHARS {
            return Err(PassphraseError::TooShort);
        }
        if text.len() > Self::MAX_LEN {
            return Err(PassphraseError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(PassphraseError::Control);
        }
        Ok(Self(typed))
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(redacted)")
    }
}

/// Why a text is not taken as a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Fewer than [`Passphrase::MIN_CHARS`] characters.
    #[error(
        "a passphrase has at least {min} characters: four or five unrelated words are good",
        min = Passphrase::MIN_CHARS
    )]
    TooShort,
    /// More than [`Passphrase::MAX_LEN`] bytes.
    #[error("a passphrase has at most {max} bytes: is this the right file?", max = Passphrase::MAX_LEN)]
    TooLong,
    /// Not UTF-8.
    #[error("a passphrase is UTF-8 text: is this the right file?")]
    NotUtf8,
    /// It has control characters, such as a second line.
    #[error("a passphrase is one line without control characters: is this the right file?")]
    Control,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_and_refused() {
        let check = |typed: &str, expected: Result<&str, PassphraseError>| {
            let passphrase = Passphrase::new(typed);
            let got = passphrase.as_ref().map(Passphrase::expose);
            assert_eq!(
                got,
                expected.as_ref().map(|text| text.as_bytes()),
                "{typed:?}"
            );
        };
        check("12345678", Ok("12345678"));
        check("12345678\n", Ok("12345678"));
        check("12345678\r\n", Ok("12345678"));
        check(" 2345678 ", Ok(" 2345678 "));
        check("กขคงจฉชซ", Ok("กขคงจฉชซ"));
        check("1234567", Err(PassphraseError::TooShort));
        check("1234567\n", Err(PassphraseError::TooShort));
        check("กขคงจฉช", Err(PassphraseError::TooShort));
        check("1234\n5678", Err(PassphraseError::Control));
        check("12345678\n\n", Err(PassphraseError::Control));
        check(&"x".repeat(1025), Err(PassphraseError::TooLong));
        assert_eq!(
            Passphrase::new(vec![0xff; 9]).err(),
            Some(PassphraseError::NotUtf8)
        );
    }

    #[test]
    fn debug_is_redacted() {
        let passphrase = Passphrase::new("correct horse").unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase(redacted)");
    }
}
