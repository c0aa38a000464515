//! Checkpoints: a publisher's signed word on its feed's size and root.
//!
//! The form is C2SP tlog-checkpoint: three lines (origin, size in decimal, root in base64) in a
//! signed note. The note's key name is the publisher's signing key's, the same for all its feeds,
//! rather than the origin, which C2SP recommends but does not require.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kentong_keys::{
    Digest, KeyName, KeyType, MemberName, Note, NoteSignature, PublicKey, SigningKey, VerifierKey,
};

use crate::time::Timestamp;

use super::leaf::FeedId;

/// The longest checkpoint: an origin, two short lines and a few cosignatures.
const MAX_CHECKPOINT: usize = 64 * 1024;

/// Which feed a checkpoint is of: `kentong/FEDERATION/PUBLISHER/FEEDID/INCARNATION`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The federation's name, as its charter has it.
    pub federation: String,
    /// Whose feed it is.
    pub publisher: MemberName,
    /// The feed.
    pub feed: FeedId,
    /// The publisher's count of lost histories.
    pub incarnation: u32,
}

/// A checkpoint whose signature was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Origin,
    size: u64,
    root: Digest,
    note: Vec<u8>,
}

/// A checkpoint as it came: well-formed, of unknown truth.
#[derive(Clone)]
pub struct UnverifiedCheckpoint {
    origin: Origin,
    size: u64,
    root: Digest,
    note: Note,
}

/// Why bytes are no checkpoint, or not a true one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or too long for a checkpoint.
    #[error("not a signed note")]
    Note,
    /// Not the three lines of a checkpoint in their one form.
    #[error("not a checkpoint")]
    Form,
    /// Not signed by the publisher's signing key.
    #[error("not signed by the publisher's signing key")]
    Signature,
}

impl Origin {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split('/');
        let origin = match (parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
            ("kentong", federation, publisher, feed) => Self {
                federation: federation.to_owned(),
                publisher: publisher.parse().ok()?,
                feed: FeedId::from_digest(Digest::from_hex(feed)?),
                incarnation: parts.next()?.parse().ok()?,
            },
            _ => return None,
        };
        (origin.to_string() == line).then_some(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            federation,
            publisher,
            feed,
            incarnation,
        } = self;
        write!(f, "kentong/{federation}/{publisher}/{feed}/{incarnation}")
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}/{}", self.publisher, self.feed, self.incarnation)
    }
}

impl Checkpoint {
    /// Signs a size and a root. The caller has made leaves, bodies and signer state durable.
    #[must_use]
    pub fn sign(origin: Origin, size: u64, root: Digest, key: &SigningKey) -> Self {
        let text = text(&origin, size, &root);
        let note = Note::sign(&text, &[(&key_of(&origin.publisher), key)])
            .expect("three lines of text without control characters are a note");
        Self {
            origin,
            size,
            root,
            note: note.bytes().to_vec(),
        }
    }

    /// Which feed it is of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many leaves it covers.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    /// The signed bytes.
    #[must_use]
    pub fn note(&self) -> &[u8] {
        &self.note
    }

    /// A checkpoint's bytes with a witness's cosignature added, none if they are no checkpoint or have
    /// too many signatures. The caller has verified and persisted it.
    #[must_use]
    pub fn cosign(
        note: &[u8],
        name: &KeyName,
        key: &SigningKey,
        now: Timestamp,
    ) -> Option<Vec<u8>> {
        let note = UnverifiedCheckpoint::parse(note).ok()?.note;
        let signature = note.cosign(name, key, now.seconds());
        Some(note.with_signature(signature).ok()?.bytes().to_vec())
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{} {}", self.origin, self.size, self.root.short())
    }
}

impl UnverifiedCheckpoint {
    /// Reads a checkpoint without believing it.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if bytes.len() > MAX_CHECKPOINT {
            return Err(CheckpointError::Note);
        }
        let note = Note::parse(bytes).map_err(|_| CheckpointError::Note)?;
        let mut lines = note.text().lines();
        let parsed = || -> Option<(Origin, u64, Digest)> {
            let origin = Origin::parse(lines.next()?)?;
            let size = lines.next()?.parse().ok()?;
            let root: [u8; 32] = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
            Some((origin, size, Digest::from_bytes(root)))
        };
        let (origin, size, root) = { parsed }().ok_or(CheckpointError::Form)?;
        if text(&origin, size, &root) != note.text() {
            return Err(CheckpointError::Form);
        }
        Ok(Self {
            origin,
            size,
            root,
            note,
        })
    }

    /// Which feed it claims to be of.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many leaves it claims to cover.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// When the witness with this key cosigned it (C2SP tlog-cosignature), if it did. Says nothing about
    /// the publisher's own signature.
    pub fn cosigned_by(&self, witness: &VerifierKey) -> Result<Timestamp, CheckpointError> {
        let time = self.note.verify_cosignature(witness);
        let time = time.map_err(|_| CheckpointError::Signature)?;
        Timestamp::from_seconds(time).ok_or(CheckpointError::Form)
    }

    /// Believes it though no signing key signed it that counts: the caller has the word of the
    /// publisher's root key for just this size and root.
    #[must_use]
    pub fn vouched(self) -> Checkpoint {
        let Self {
            origin,
            size,
            root,
            note,
        } = self;
        let note = note.bytes().to_vec();
        Checkpoint {
            origin,
            size,
            root,
            note,
        }
    }

    /// The root that it claims.
    #[must_use]
    pub const fn root(&self) -> &Digest {
        &self.root
    }

    /// Believes it, if the publisher's signing key signed it. Other signature lines are left behind:
    /// nobody vouches for those.
    pub fn verify(self, key: &PublicKey) -> Result<Checkpoint, CheckpointError> {
        let name = key_of(&self.origin.publisher);
        let key = VerifierKey::new(name, KeyType::Ed25519, *key);
        self.note
            .is_signed_by(&key)
            .map_err(|_| CheckpointError::Signature)?;
        let Self {
            origin,
            size,
            root,
            note,
        } = self;
        let its =
            |line: &&NoteSignature| line.name() == key.name() && line.key_id() == key.key_id();
        let line = note.signatures().iter().find(its);
        let line = line.ok_or(CheckpointError::Signature)?;
        let note = format!("{}\n{line}\n", note.text()).into_bytes();
        Ok(Checkpoint {
            origin,
            size,
            root,
            note,
        })
    }
}

impl fmt::Debug for UnverifiedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unverified {:?}@{}", self.origin, self.size)
    }
}

fn text(origin: &Origin, size: u64, root: &Digest) -> String {
    format!("{origin}\n{size}\n{}\n", STANDARD.encode(root.as_bytes()))
}

fn key_of(publisher: &MemberName) -> KeyName {
    format!("kentong/{publisher}/signing")
        .parse()
        .expect("a member's name fits a key's name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_read_and_refused() {
        let key = SigningKey::from_seed([1; 32]);
        let origin = Origin {
            federation: "ASEAN".into(),
            publisher: "MY".parse().unwrap(),
            feed: FeedId::from_digest(Digest::from_bytes([7; 32])),
            incarnation: 0,
        };
        let signed = Checkpoint::sign(origin, 5, Digest::from_bytes([8; 32]), &key);
        let text = String::from_utf8(signed.note().to_vec()).unwrap();
        assert!(text.starts_with(&format!("kentong/ASEAN/MY/{}/0\n5\nCAgI", "07".repeat(32))));
        let read = |bytes: &[u8]| UnverifiedCheckpoint::parse(bytes);
        assert_eq!(
            read(signed.note()).unwrap().verify(&key.public_key()),
            Ok(signed.clone())
        );
        // A witness's line is read, and not kept: it may be anybody's.
        let witness = SigningKey::from_seed([3; 32]);
        let name: KeyName = "kentong/SG/witness".parse().unwrap();
        let now = Timestamp::from_seconds(1_800_000_000).unwrap();
        let cosigned = Checkpoint::cosign(signed.note(), &name, &witness, now).unwrap();
        assert!(cosigned.len() > signed.note().len());
        let verifier = |key: &SigningKey| {
            VerifierKey::new(name.clone(), KeyType::Cosignature, key.public_key())
        };
        let shown = read(&cosigned).unwrap();
        assert_eq!(shown.cosigned_by(&verifier(&witness)), Ok(now));
        let unsigned = Err(CheckpointError::Signature);
        assert_eq!(shown.cosigned_by(&verifier(&key)), unsigned);
        assert_eq!(
            read(signed.note())
                .unwrap()
                .cosigned_by(&verifier(&witness)),
            unsigned
        );
        assert_eq!(shown.verify(&key.public_key()), Ok(signed.clone()));
        let other = SigningKey::from_seed([2; 32]);
        let stranger = read(signed.note()).unwrap().verify(&other.public_key());
        assert_eq!(stranger, Err(CheckpointError::Signature));
        let forged = text.replacen("\n5\n", "\n6\n", 1);
        let forged = read(forged.as_bytes()).unwrap().verify(&key.public_key());
        assert_eq!(forged, Err(CheckpointError::Signature));
        for (wrong, error) in [
            (text.replacen("\n5\n", "\n05\n", 1), CheckpointError::Form),
            (text.replacen("/MY/", "/my/", 1), CheckpointError::Form),
            (text.replacen("/0\n", "/00\n", 1), CheckpointError::Form),
            (text.replacen("kentong/", "gong/", 1), CheckpointError::Form),
            (
                text.replacen("\n\n", "\nmore\n\n", 1),
                CheckpointError::Form,
            ),
            ("no note".into(), CheckpointError::Note),
            ("x".repeat(MAX_CHECKPOINT + 1), CheckpointError::Note),
        ] {
            assert_eq!(read(wrong.as_bytes()).map(|_| ()), Err(error), "{wrong}");
        }
    }
}
