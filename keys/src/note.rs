//! C2SP signed notes and cosignatures: the envelope of charters, warrants, cards and checkpoints.
//!
//! A note is a text, an empty line, and signature lines `— NAME BASE64`
//! (<https://c2sp.org/signed-note>). The bytes that came in are the bytes that are kept and
//! signed: nothing is written again to be verified. Cosignatures follow
//! <https://c2sp.org/tlog-cosignature>, type `cosignature/v1`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::{KeyName, KeyType, SigningKey, VerifierKey};

const DASH: &str = "\u{2014} ";

/// A text with signature lines. That it parsed says nothing about who signed it: ask
/// [`Note::is_signed_by`] before believing the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// Text, empty line and signature lines.
    whole: Box<str>,
    /// Where the text ends, its last newline included.
    text_len: usize,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// The longest note, in bytes.
    pub const MAX_LEN: usize = 1 << 20;
    /// The most signature lines.
    pub const MAX_SIGNATURES: usize = 256;

    /// Reads a note, without verifying a signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(NoteError::TooLong);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        refuse_control(whole)?;
        // The text may hold empty lines of its own: the last one separates.
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(NoteError::NoSignature)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Unfinished)?;
        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            if number == Self::MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let signature = line
                .parse()
                .map_err(|BadSignatureLine| NoteError::SignatureLine(number + 1))?;
            signatures.push(signature);
        }
        Ok(Self {
            text_len: text.len() + 1,
            whole: whole.into(),
            signatures,
        })
    }

    /// Signs `text`, which must end in a newline, by each of `signers` in turn.
    pub fn sign(text: &str, signers: &[(&KeyName, &SigningKey)]) -> Result<Self, NoteError> {
        refuse_control(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::Unfinished);
        }
        if signers.is_empty() {
            return Err(NoteError::NoSignature);
        }
        let signatures = signers
            .iter()
            .map(|(name, key)| NoteSignature::new(text, name, key))
            .collect();
        Self::assemble(text, signatures)
    }

    /// The note with one more signature; one by the same key that is there already stays.
    pub fn add_signature(&self, name: &KeyName, key: &SigningKey) -> Result<Self, NoteError> {
        self.with_signature(NoteSignature::new(self.text(), name, key))
    }

    /// The note with one more signature line, unless exactly this one is there already.
    pub fn with_signature(&self, signature: NoteSignature) -> Result<Self, NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(self.clone());
        }
        let mut signatures = self.signatures.clone();
        signatures.push(signature);
        Self::assemble(self.text(), signatures)
    }

    /// `text` must be one that a note may have.
    fn assemble(text: &str, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        use fmt::Write as _;

        if signatures.len() > Self::MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        let mut whole = format!("{text}\n");
        for signature in &signatures {
            writeln!(whole, "{signature}").expect("writing to a string succeeds");
        }
        if whole.len() > Self::MAX_LEN {
            return Err(NoteError::TooLong);
        }
        Ok(Self {
            text_len: text.len(),
            whole: whole.into(),
            signatures,
        })
    }

    /// The signed text, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        self.whole.get(..self.text_len).unwrap_or_default()
    }

    /// The signature lines, in the order of the note.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The whole note, byte for byte as it came in.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.whole.as_bytes()
    }

    /// The whole note as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// Checks that `key` signed this text. Lines by other keys are passed over; the key must have
    /// exactly one line, and that one must verify.
    pub fn is_signed_by(&self, key: &VerifierKey) -> Result<(), NoteVerifyError> {
        let line = self.signatures.get(self.line_of(key)?);
        let line = line.ok_or(NoteVerifyError::NotSigned)?;
        key.public_key()
            .verify_plain(self.text().as_bytes(), &line.bytes)
            .map_err(|_| NoteVerifyError::BadSignature)
    }

    /// Which of [`Note::signatures`] claims to be by `key`, counted from zero. The key must have exactly
    /// one line. Nothing is verified: ask [`Note::is_signed_by`].
    pub fn line_of(&self, key: &VerifierKey) -> Result<usize, NoteVerifyError> {
        if key.key_type() != KeyType::Ed25519 {
            return Err(NoteVerifyError::WrongKeyType);
        }
        let id = key.key_id();
        let lines = self.signatures.iter().enumerate();
        let mut matching = lines.filter(|(_, line)| line.is_of(key, id));
        let (line, _) = matching.next().ok_or(NoteVerifyError::NotSigned)?;
        if matching.next().is_some() {
            return Err(NoteVerifyError::Repeated);
        }
        Ok(line)
    }

    /// A witness's cosignature of this checkpoint at `time` (Unix seconds; the format ends at
    /// 2^63 − 1, to which later times are cut). [`Note::with_signature`] attaches it.
    #[must_use]
    pub fn cosign(&self, name: &KeyName, key: &SigningKey, time: u64) -> NoteSignature {
        let time = time.min(MAX_TIME);
        let signature = key.sign_plain(&self.cosigned(time));
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(signature.as_bytes());
        let key = VerifierKey::new(name.clone(), KeyType::Cosignature, key.public_key());
        NoteSignature {
            key_id: key.key_id(),
            name: name.clone(),
            bytes: bytes.into(),
        }
    }

    /// Checks that the witness `key` cosigned this checkpoint, and returns when. A witness may
    /// have cosigned several times: every line of its key must verify, and the latest counts.
    pub fn verify_cosignature(&self, key: &VerifierKey) -> Result<u64, NoteVerifyError> {
        if key.key_type() != KeyType::Cosignature {
            return Err(NoteVerifyError::WrongKeyType);
        }
        let mut latest = None;
        for line in self.lines_of(key) {
            let (time, signature) = line
                .bytes
                .split_first_chunk()
                .ok_or(NoteVerifyError::BadSignature)?;
            let time = u64::from_be_bytes(*time);
            if time > MAX_TIME {
                return Err(NoteVerifyError::BadTime);
            }
            key.public_key()
                .verify_plain(&self.cosigned(time), signature)
                .map_err(|_| NoteVerifyError::BadSignature)?;
            latest = latest.max(Some(time));
        }
        latest.ok_or(NoteVerifyError::NotSigned)
    }

    fn cosigned(&self, time: u64) -> Vec<u8> {
        format!("cosignature/v1\ntime {time}\n{}", self.text()).into_bytes()
    }

    fn lines_of<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a NoteSignature> {
        let id = key.key_id();
        self.signatures
            .iter()
            .filter(move |line| line.is_of(key, id))
    }
}

/// The latest time of a cosignature.
const MAX_TIME: u64 = i64::MAX as u64;

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole)
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Note")
            .field("text", &self.text())
            .field("signatures", &self.signatures)
            .finish()
    }
}

fn refuse_control(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|b| b < 0x20 && b != b'\n') {
        return Err(NoteError::Control);
    }
    Ok(())
}

/// One signature line of a note. Its text form is the line without the newline.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    key_id: [u8; 4],
    bytes: Box<[u8]>,
}

impl NoteSignature {
    fn new(text: &str, name: &KeyName, key: &SigningKey) -> Self {
        let verifier = VerifierKey::new(name.clone(), KeyType::Ed25519, key.public_key());
        Self {
            key_id: verifier.key_id(),
            name: name.clone(),
            bytes: key.sign_plain(text.as_bytes()).as_bytes().as_slice().into(),
        }
    }

    /// Whether the line has the name of a key, and its id.
    fn is_of(&self, key: &VerifierKey, id: [u8; 4]) -> bool {
        self.key_id == id && self.name == *key.name()
    }

    /// The name of the key that claims to have signed.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of that key.
    #[must_use]
    pub const fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What the line holds besides the key id; its form is the key type's own.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromStr for NoteSignature {
    type Err = BadSignatureLine;

    fn from_str(line: &str) -> Result<Self, BadSignatureLine> {
        let (name, encoded) = line
            .strip_prefix(DASH)
            .and_then(|rest| rest.split_once(' '))
            .ok_or(BadSignatureLine)?;
        let decoded = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| BadSignatureLine)?;
        match decoded.split_first_chunk() {
            Some((key_id, bytes)) if !bytes.is_empty() => Ok(Self {
                name: name.parse().map_err(|_| BadSignatureLine)?,
                key_id: *key_id,
                bytes: bytes.into(),
            }),
            _ => Err(BadSignatureLine),
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = BASE64_STANDARD.encode([&self.key_id, self.bytes()].concat());
        write!(f, "{DASH}{} {encoded}", self.name)
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.key_id);
        write!(f, "NoteSignature({} {id:08x})", self.name)
    }
}

/// A line is not `— NAME BASE64` with at least five bytes in the base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature line is an em dash, a key name and base64, with one space between each")]
pub struct BadSignatureLine;

/// Why bytes are no note, or why a note cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`Note::MAX_LEN`] bytes.
    #[error("a note has at most {max} bytes", max = Note::MAX_LEN)]
    TooLong,
    /// More than [`Note::MAX_SIGNATURES`] signature lines.
    #[error("a note has at most {max} signature lines", max = Note::MAX_SIGNATURES)]
    TooManySignatures,
    /// The bytes are not UTF-8.
    #[error("a note is UTF-8 text")]
    NotUtf8,
    /// A byte below 0x20 other than the newline; often a carriage return added on the way. DEL and
    /// the C1 controls are not refused.
    #[error("a note has no control characters, carriage returns included: copy it as it was sent")]
    Control,
    /// There is no empty line with signature lines after it, or nobody to sign.
    #[error("the note has no signature lines: was its end cut off?")]
    NoSignature,
    /// The last newline is missing.
    #[error("the last line has no newline: was the end cut off?")]
    Unfinished,
    /// The signature line of this number, counted from one, is malformed.
    #[error("signature line {0} is not written as an em dash, a key name and base64")]
    SignatureLine(usize),
}

/// Why a note does not count as signed by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteVerifyError {
    /// No line has the key's name and id.
    #[error("the note is not signed by this key")]
    NotSigned,
    /// More than one line has the key's name and id.
    #[error("the note has several signatures by this key")]
    Repeated,
    /// A line of the key does not verify.
    #[error("the signature by this key does not verify: the text or the signature was changed")]
    BadSignature,
    /// A cosignature's time is beyond what the format allows.
    #[error("the time of the cosignature is out of range")]
    BadTime,
    /// A witness key was asked about a plain signature, or the other way round.
    #[error("the key is of a type that does not sign in this way")]
    WrongKeyType,
}

#[cfg(test)]
mod tests;
