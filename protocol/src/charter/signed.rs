//! Charters and their signatures: collected one after the other, then checked all at once.

use std::collections::BTreeSet;

use kentong_keys::{Digest, Label, MemberName, Note, SigningKey};

use super::signatures::{CheckedNote, Signed, Voters};
use super::{Charter, CharterError, FederationId, MAX_CHARTER, SignatureError, Terms, text};

const CHARTER: Label = Label::new("kentong/charter/1");

/// A charter whose text is in order and whose signatures nobody has counted: a draft, a copy that
/// some have signed, or one that came from somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedCharter {
    terms: Terms,
    signed: Signed,
}

impl UnverifiedCharter {
    /// Reads a charter: the bare text of a draft, or a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, CharterError> {
        if bytes.len() > MAX_CHARTER {
            return Err(CharterError::TooLarge);
        }
        let signed = Signed::parse(bytes)?;
        Ok(Self {
            terms: text::read(signed.text())?,
            signed,
        })
    }

    /// The document that a charter in force was.
    pub(super) fn counted(terms: Terms, note: CheckedNote) -> Self {
        let signed = Signed::from(note);
        Self { terms, signed }
    }

    /// Remembers what another copy knows of the signatures that both have. What each says need not be
    /// compared: nothing is learned from another text.
    pub(super) fn learn(&self, other: &Self) {
        self.signed.learn(&other.signed);
    }

    /// What the charter says.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The labelled hash of the text: what members compare with each other before they sign.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::labelled(CHARTER, &[self.signed.text().as_bytes()])
    }

    /// The charter as a file: the draft's text, or the signed note.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.signed.bytes()
    }

    /// The members of whom there is a valid signature.
    #[must_use]
    pub fn signers(&self) -> BTreeSet<MemberName> {
        self.signed.valid(&self.voters())
    }

    /// The members of whom there is no valid signature yet. Version 1 needs them all, later ones
    /// as many as [`Chain::tally`](super::Chain::tally) says.
    #[must_use]
    pub fn missing(&self) -> Vec<MemberName> {
        let signers = self.signers();
        let members = self.terms.members.keys();
        members
            .filter(|name| !signers.contains(name))
            .cloned()
            .collect()
    }

    /// The members under whose name there is a signature that does not verify, or several.
    #[must_use]
    pub fn wrong(&self) -> Vec<MemberName> {
        Vec::from_iter(self.signed.wrong(&self.voters()))
    }

    /// The charter with the signature of `member` by its root key.
    pub fn sign(&self, member: &MemberName, root: &SigningKey) -> Result<Self, CharterError> {
        self.with(self.signed.sign(&self.voters(), member, root))
    }

    /// The valid signatures of both copies, in the order of the members, whatever the order in
    /// which they were collected. Signatures of others than members are left out.
    pub fn merge(&self, other: &Self) -> Result<Self, CharterError> {
        self.with(self.signed.merge(&other.signed, &self.voters()))
    }

    /// The first charter of a federation, in force if every member listed has signed it. Later
    /// versions count only with those before them: see [`Chain`](super::Chain).
    pub fn verify(self) -> Result<Charter, CharterError> {
        if self.terms.version != 1 {
            return Err(CharterError::LaterVersion {
                version: self.terms.version,
            });
        }
        let wrong = self.wrong();
        if !wrong.is_empty() {
            return Err(CharterError::WrongSignatures(wrong));
        }
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(CharterError::MissingSignatures(missing));
        }
        let id = FederationId::from_first_charter(self.hash());
        self.in_force(id)
            .ok_or(CharterError::MissingSignatures(missing))
    }

    /// The charter, once its signatures have been counted; none if there are no signatures.
    pub(super) fn in_force(self, id: FederationId) -> Option<Charter> {
        let hash = self.hash();
        let note = self.signed.into_note()?;
        Some(Charter::new(id, self.terms, hash, note))
    }

    /// The text with the signature of one member alone.
    pub(super) fn signed_alone(&self, member: &MemberName) -> Option<Note> {
        self.signed.alone(member, &self.voters())
    }

    /// Each member that has a vote on a version is listed in it: the removed have none, nor have root keys
    /// that it replaces.
    fn voters(&self) -> Voters<'_> {
        self.terms.voters()
    }

    fn with(&self, signed: Result<Signed, SignatureError>) -> Result<Self, CharterError> {
        Ok(Self {
            terms: self.terms.clone(),
            signed: signed?,
        })
    }
}
