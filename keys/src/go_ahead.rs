//! Go-aheads: by its root key a member lets a restored node resume signing before all
//! readers that it waits for have answered.

use std::fmt;
use std::str::FromStr;

use crate::form::{Form, FormError};
use crate::{
    Digest, KeyType, MemberName, Note, NoteError, NoteVerifyError, PublicKey, Role, SigningKey,
    VerifierKey, key_name, random_bytes,
};

const TITLE: &str = "kentong go-ahead v1";

/// Which recovery of a home is meant: drawn when it begins, so that a go-ahead serves once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryId([u8; 16]);

impl RecoveryId {
    /// That of a recovery that begins now.
    #[must_use]
    pub fn random() -> Self {
        Self(random_bytes())
    }
}

impl fmt::Display for RecoveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recovery is named by 32 lower-case hexadecimal digits")]
pub struct NoRecoveryId;

impl FromStr for RecoveryId {
    type Err = NoRecoveryId;

    fn from_str(text: &str) -> Result<Self, NoRecoveryId> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(NoRecoveryId);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| NoRecoveryId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NoRecoveryId)?;
        }
        Ok(Self(bytes))
    }
}

/// What a go-ahead says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoAheadTerms {
    /// Whose node may go on.
    pub member: MemberName,
    /// In which federation: the charter's id.
    pub federation: Digest,
    /// Which recovery is cut short.
    pub recovery: RecoveryId,
    /// When it was issued, in Unix seconds.
    pub issued: u64,
}

/// A go-ahead whose signature by the root key was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoAhead {
    terms: GoAheadTerms,
    note: Note,
}

impl GoAhead {
    /// The longest go-ahead, in bytes, with its signatures.
    pub const MAX_LEN: usize = 4 << 10;

    /// Writes a go-ahead and signs it by the root key.
    pub fn issue(terms: GoAheadTerms, root: &SigningKey) -> Result<Self, GoAheadError> {
        let name = key_name(&terms.member, Role::Root);
        let note = Note::sign(&terms.text(), &[(&name, root)])?;
        Ok(Self { terms, note })
    }

    /// Reads `member`'s go-ahead; `root` is the key that the charter gives for the member.
    pub fn open(bytes: &[u8], member: &MemberName, root: &PublicKey) -> Result<Self, GoAheadError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(GoAheadError::TooLong);
        }
        let note = Note::parse(bytes)?;
        let key = VerifierKey::new(key_name(member, Role::Root), KeyType::Ed25519, *root);
        note.is_signed_by(&key)?;
        let terms = GoAheadTerms::read(note.text())?;
        if terms.member != *member {
            return Err(GoAheadError::OtherMember(terms.member));
        }
        Ok(Self { terms, note })
    }

    /// What it says.
    #[must_use]
    pub const fn terms(&self) -> &GoAheadTerms {
        &self.terms
    }

    /// The signed note.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}

impl GoAheadTerms {
    /// What is to be signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{TITLE}\nmember: {}\nfederation: {}\nrecovery: {}\nissued: {}\n",
            self.member, self.federation, self.recovery, self.issued
        )
    }

    /// Reads what is to be signed.
    pub fn read(text: &str) -> Result<Self, GoAheadError> {
        let mut form = Form::read(text, TITLE)?;
        let member = form.parsed("member")?;
        let federation = form.field("federation")?;
        let terms = Self {
            member,
            federation: Digest::from_hex(federation).ok_or(FormError::Value("federation"))?,
            recovery: form.parsed("recovery")?,
            issued: form.parsed("issued")?,
        };
        form.end()?;
        if terms.text() != text {
            return Err(FormError::NotCanonical.into());
        }
        Ok(terms)
    }
}

/// Why a note is not a member's go-ahead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoAheadError {
    /// More than [`GoAhead::MAX_LEN`] bytes.
    #[error("a go-ahead has at most {max} bytes", max = GoAhead::MAX_LEN)]
    TooLong,
    /// The bytes are not a signed note.
    #[error("the go-ahead is no signed note: {0}")]
    Note(#[from] NoteError),
    /// The root key of the member did not sign it.
    #[error("the member's root key does not vouch for the go-ahead: {0}")]
    Signature(#[from] NoteVerifyError),
    /// The text is not that of a go-ahead.
    #[error("the text is not that of a go-ahead: {0}")]
    Form(#[from] FormError),
    /// The member's root key signed one for somebody else.
    #[error("the go-ahead is that of {0}")]
    OtherMember(MemberName),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root seed 1. The signature was computed with Python's `cryptography`.
    const GOLDEN: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/keys/go-ahead.txt"
    ));

    const TEXT: &str = "kentong go-ahead v1\nmember: MY\n\
        federation: 0909090909090909090909090909090909090909090909090909090909090909\n\
        recovery: 000102030405060708090a0b0c0d0e0f\nissued: 1763895600\n";

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32])
    }

    fn terms() -> GoAheadTerms {
        GoAheadTerms {
            member: "MY".parse().unwrap(),
            federation: Digest::from_bytes([9; 32]),
            recovery: "000102030405060708090a0b0c0d0e0f".parse().unwrap(),
            issued: 1_763_895_600,
        }
    }

    fn open(bytes: &[u8]) -> Result<GoAhead, GoAheadError> {
        GoAhead::open(bytes, &"MY".parse().unwrap(), &key(1).public_key())
    }

    #[test]
    fn one_form() {
        assert_eq!(terms().text(), TEXT);
        let issued = GoAhead::issue(terms(), &key(1)).unwrap();
        assert_eq!(issued.note().as_str(), GOLDEN);
        let opened = open(GOLDEN.as_bytes()).unwrap();
        assert_eq!((opened.terms(), &opened), (&terms(), &issued));
        assert_ne!(RecoveryId::random(), RecoveryId::random());
        for bad in [
            "",
            "00",
            "000102030405060708090A0B0C0D0E0F",
            &"é".repeat(16),
        ] {
            assert_eq!(bad.parse::<RecoveryId>(), Err(NoRecoveryId), "{bad}");
        }
    }

    #[test]
    fn refused() {
        let by_other = GoAhead::issue(terms(), &key(2)).unwrap();
        let refused = open(by_other.note().bytes());
        assert!(
            matches!(refused, Err(GoAheadError::Signature(_))),
            "{refused:?}"
        );
        let refused = open(&[b'x'; GoAhead::MAX_LEN + 1]);
        assert_eq!(refused, Err(GoAheadError::TooLong));
        let refused = open(TEXT.as_bytes());
        assert!(matches!(refused, Err(GoAheadError::Note(_))), "{refused:?}");
        // Signed by the right key, under the right name, and of another text.
        let name = key_name(&"MY".parse().unwrap(), Role::Root);
        for (from, to, error) in [
            ("v1", "v2", GoAheadError::Form(FormError::Title(TITLE))),
            ("MY", "SG", GoAheadError::OtherMember("SG".parse().unwrap())),
            ("0909", "09", FormError::Value("federation").into()),
            ("0001", "01", FormError::Value("recovery").into()),
            ("issued: 1", "issued: 01", FormError::NotCanonical.into()),
            ("00\n", "00\nmore\n", FormError::Extra(6).into()),
        ] {
            let text = TEXT.replacen(from, to, 1);
            let note = Note::sign(&text, &[(&name, &key(1))]).unwrap();
            assert_eq!(open(note.bytes()), Err(error), "{text}");
        }
    }
}
