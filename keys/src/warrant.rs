//! Warrants: a member's root key names its online keys.

use std::fmt::Write as _;

use crate::form::{Form, FormError};
use crate::{
    Digest, KeyType, MemberName, Note, NoteError, NoteVerifyError, PublicKey, Role, SigningKey,
    VerifierKey, key_name,
};

const TITLE: &str = "kentong warrant v1";

/// Where the word of a former signing key about one feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenHead {
    /// The feed.
    pub feed: Digest,
    /// How many leaves it had.
    pub size: u64,
    /// The root of its tree at that size.
    pub root: Digest,
}

/// What a warrant says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarrantTerms {
    /// Whose warrant.
    pub member: MemberName,
    /// The highest serial wins.
    pub serial: u64,
    /// Signs checkpoints and cards from now on.
    pub signing: PublicKey,
    /// Cosigns other members' checkpoints from now on.
    pub witness: PublicKey,
    /// The heads at which a former signing key's word ends, ordered by feed.
    pub heads: Vec<FrozenHead>,
    /// When the warrant was issued, in Unix seconds.
    pub issued: u64,
}

/// A warrant whose signature by the root key was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warrant {
    terms: WarrantTerms,
    note: Note,
}

impl Warrant {
    /// The longest warrant, in bytes, with its signatures.
    pub const MAX_LEN: usize = 256 << 10;
    /// The most frozen heads in one warrant.
    pub const MAX_HEADS: usize = 1024;

    /// Writes a warrant and signs it by the root key.
    pub fn issue(terms: WarrantTerms, root: &SigningKey) -> Result<Self, WarrantError> {
        check_terms(&terms, &root.public_key())?;
        let note = Note::sign(
            &terms.text(),
            &[(&key_name(&terms.member, Role::Root), root)],
        )?;
        Ok(Self { terms, note })
    }

    /// Reads `member`'s warrant; `root` is the key that the charter gives for the member.
    pub fn open(bytes: &[u8], member: &MemberName, root: &PublicKey) -> Result<Self, WarrantError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(WarrantError::TooLong);
        }
        let note = Note::parse(bytes)?;
        let key = VerifierKey::new(key_name(member, Role::Root), KeyType::Ed25519, *root);
        note.is_signed_by(&key)?;
        let terms = WarrantTerms::read(note.text())?;
        if terms.member != *member {
            return Err(WarrantError::OtherMember(terms.member));
        }
        check_terms(&terms, root)?;
        Ok(Self { terms, note })
    }

    /// Whose warrant it is.
    #[must_use]
    pub const fn member(&self) -> &MemberName {
        &self.terms.member
    }

    /// The serial; the highest wins.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.terms.serial
    }

    /// The key that signs checkpoints and cards.
    #[must_use]
    pub const fn signing(&self) -> &PublicKey {
        &self.terms.signing
    }

    /// The key that cosigns other members' checkpoints.
    #[must_use]
    pub const fn witness(&self) -> &PublicKey {
        &self.terms.witness
    }

    /// The signing key under its name in notes.
    #[must_use]
    pub fn signing_verifier(&self) -> VerifierKey {
        self.terms.signing_verifier()
    }

    /// The witness key under its name in notes.
    #[must_use]
    pub fn witness_verifier(&self) -> VerifierKey {
        self.terms.witness_verifier()
    }

    /// The heads at which a former signing key's word ends, ordered by feed.
    #[must_use]
    pub fn heads(&self) -> &[FrozenHead] {
        &self.terms.heads
    }

    /// The head at which a former signing key's word about this feed ends, if it has one.
    #[must_use]
    pub fn head(&self, feed: &Digest) -> Option<&FrozenHead> {
        let heads = self.heads();
        let found = heads.binary_search_by(|head| head.feed.cmp(feed));
        heads.get(found.ok()?)
    }

    /// When it was issued, in Unix seconds.
    #[must_use]
    pub const fn issued(&self) -> u64 {
        self.terms.issued
    }

    /// The signed note, as it is passed on.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}

fn check_terms(terms: &WarrantTerms, root: &PublicKey) -> Result<(), WarrantError> {
    let (signing, witness) = (&terms.signing, &terms.witness);
    if signing == witness || signing == root || witness == root {
        return Err(WarrantError::SharedKey);
    }
    if terms.heads.len() > Warrant::MAX_HEADS {
        return Err(WarrantError::TooManyHeads);
    }
    if !terms.heads.is_sorted_by(|a, b| a.feed < b.feed) {
        return Err(WarrantError::HeadOrder);
    }
    Ok(())
}

impl WarrantTerms {
    fn signing_verifier(&self) -> VerifierKey {
        let name = key_name(&self.member, Role::Signing);
        VerifierKey::new(name, KeyType::Ed25519, self.signing)
    }

    fn witness_verifier(&self) -> VerifierKey {
        let name = key_name(&self.member, Role::Witness);
        VerifierKey::new(name, KeyType::Cosignature, self.witness)
    }

    /// The text of the note: what the root key signs.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{TITLE}\nmember: {}\nserial: {}\nsigning: {}\nwitness: {}\n",
            self.member,
            self.serial,
            self.signing_verifier(),
            self.witness_verifier()
        );
        for FrozenHead { feed, size, root } in &self.heads {
            writeln!(text, "head: {feed} {size} {root}").expect("writing to a string succeeds");
        }
        writeln!(text, "issued: {}", self.issued).expect("writing to a string succeeds");
        text
    }

    /// Reads the text of a note, or of a draft of one. Nobody vouches for it yet.
    pub fn read(text: &str) -> Result<Self, WarrantError> {
        let mut form = Form::read(text, TITLE)?;
        let member = form.parsed("member")?;
        let serial = form.parsed("serial")?;
        let signing: VerifierKey = form.parsed("signing")?;
        let witness: VerifierKey = form.parsed("witness")?;
        let mut heads = Vec::new();
        while let Some(value) = form.optional("head") {
            if heads.len() == Warrant::MAX_HEADS {
                return Err(WarrantError::TooManyHeads);
            }
            heads.push(FrozenHead::read(value).ok_or(FormError::Value("head"))?);
        }
        let issued = form.parsed("issued")?;
        form.end()?;
        let terms = Self {
            member,
            serial,
            signing: *signing.public_key(),
            witness: *witness.public_key(),
            heads,
            issued,
        };
        // Names and types of the keys follow from member and role: this compares them as well.
        if terms.text() != text {
            return Err(FormError::NotCanonical.into());
        }
        Ok(terms)
    }
}

impl FrozenHead {
    fn read(value: &str) -> Option<Self> {
        let mut parts = value.splitn(3, ' ');
        Some(Self {
            feed: Digest::from_hex(parts.next()?)?,
            size: parts.next()?.parse().ok()?,
            root: Digest::from_hex(parts.next()?)?,
        })
    }
}

/// Why a note is not a member's warrant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarrantError {
    /// More than [`Warrant::MAX_LEN`] bytes.
    #[error("a warrant has at most {max} bytes", max = Warrant::MAX_LEN)]
    TooLong,
    /// The bytes are not a signed note.
    #[error("the warrant is no signed note: {0}")]
    Note(#[from] NoteError),
    /// The root key of the member did not sign it.
    #[error("the member's root key does not vouch for the warrant: {0}")]
    Signature(#[from] NoteVerifyError),
    /// The text is not that of a warrant.
    #[error("the text is not that of a warrant: {0}")]
    Form(#[from] FormError),
    /// The member's root key signed a warrant for somebody else.
    #[error("the warrant is that of {0}")]
    OtherMember(MemberName),
    /// Two of root, signing and witness are the same key.
    #[error("root, signing and witness must be three different keys")]
    SharedKey,
    /// More than [`Warrant::MAX_HEADS`] heads.
    #[error("a warrant names at most {max} heads", max = Warrant::MAX_HEADS)]
    TooManyHeads,
    /// The heads are not ordered by feed, or one feed has two.
    #[error("the heads of a warrant are ordered by feed, one for each")]
    HeadOrder,
}

#[cfg(test)]
mod tests;
