//! Charters and their signatures: collected one after the other, then checked all at once.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{
    Digest, Label, MemberName, Note, NoteError, NoteSignature, NoteVerifyError, Role, SigningKey,
    key_name,
};

use super::{
    CharterError, FederationId, FederationName, GroupName, MAX_CHARTER, Member, Quota, Terms,
    Thresholds, text,
};
use crate::time::Timestamp;

const CHARTER: Label = Label::new("kentong/charter/1");

/// A charter whose text is in order and whose signatures nobody has counted: a draft, a copy that
/// some have signed, or one that came from somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedCharter {
    terms: Terms,
    text: Box<str>,
    /// None as long as nobody has signed.
    note: Option<Note>,
}

impl UnverifiedCharter {
    /// Reads a charter: the bare text of a draft, or a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, CharterError> {
        if bytes.len() > MAX_CHARTER {
            return Err(CharterError::TooLarge);
        }
        // The text holds no empty line, so a file with one has signatures.
        let (text, note) = if bytes.windows(2).any(|pair| pair == b"\n\n") {
            let note = Note::parse(bytes)?;
            (Box::from(note.text()), Some(note))
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
            (text.into(), None)
        };
        Ok(Self {
            terms: text::read(&text)?,
            text,
            note,
        })
    }

    /// What the charter says.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The labelled hash of the text: what members compare with each other before they sign.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::labelled(CHARTER, &[self.text.as_bytes()])
    }

    /// The charter as a file: the draft's text, or the signed note.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.note.as_ref().map_or(self.text.as_bytes(), Note::bytes)
    }

    /// The members of whom there is no valid signature yet.
    #[must_use]
    pub fn missing(&self) -> Vec<MemberName> {
        self.members_whose(|signed| *signed != Ok(()))
    }

    /// The members under whose name there is a signature that does not verify, or several.
    #[must_use]
    pub fn wrong(&self) -> Vec<MemberName> {
        self.members_whose(|signed| signed.is_err_and(|error| error != NoteVerifyError::NotSigned))
    }

    /// The charter with the signature of `member` by its root key.
    pub fn sign(&self, member: &MemberName, root: &SigningKey) -> Result<Self, CharterError> {
        let listed = self
            .terms
            .member(member)
            .ok_or_else(|| CharterError::NotAMember(member.clone()))?;
        if *listed.root() != root.public_key() {
            return Err(CharterError::NotTheirKey(member.clone()));
        }
        let signed = Note::sign(&self.text, &[(&key_name(member, Role::Root), root)])?;
        self.merge(&Self {
            terms: self.terms.clone(),
            text: self.text.clone(),
            note: Some(signed),
        })
    }

    /// The valid signatures of both copies, in the order of the members, whatever the order in
    /// which they were collected. Signatures of others than members are left out.
    pub fn merge(&self, other: &Self) -> Result<Self, CharterError> {
        if self.text != other.text {
            return Err(CharterError::DifferentText);
        }
        let mut lines = self.valid_lines();
        lines.append(&mut other.valid_lines());
        // A wrong signature may be replaced by a right one, but is never lost in silence.
        let wrong: Vec<MemberName> =
            BTreeSet::from_iter(self.wrong().into_iter().chain(other.wrong()))
                .into_iter()
                .filter(|member| !lines.contains_key(member))
                .collect();
        if !wrong.is_empty() {
            return Err(CharterError::WrongSignatures(wrong));
        }
        let mut file = self.text.to_string();
        if !lines.is_empty() {
            file.push('\n');
        }
        for line in lines.values() {
            file.push_str(&line.to_string());
            file.push('\n');
        }
        Self::parse(file.as_bytes())
    }

    /// The charter in force: version 1, signed by every member listed.
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
        match self.note {
            Some(note) if missing.is_empty() => Ok(Charter {
                hash: Digest::labelled(CHARTER, &[self.text.as_bytes()]),
                terms: self.terms,
                note,
            }),
            _ => Err(CharterError::MissingSignatures(missing)),
        }
    }

    fn members_whose(&self, chosen: fn(&Result<(), NoteVerifyError>) -> bool) -> Vec<MemberName> {
        let members = self.terms.members.iter();
        members
            .filter(|(name, member)| chosen(&self.signed_by(name, member)))
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn signed_by(&self, name: &MemberName, member: &Member) -> Result<(), NoteVerifyError> {
        match &self.note {
            Some(note) => note.is_signed_by(&member.verifier_key(name)),
            None => Err(NoteVerifyError::NotSigned),
        }
    }

    fn valid_lines(&self) -> BTreeMap<MemberName, NoteSignature> {
        let mut lines = BTreeMap::new();
        let Some(note) = &self.note else {
            return lines;
        };
        for (name, member) in &self.terms.members {
            let key = member.verifier_key(name);
            if note.is_signed_by(&key).is_err() {
                continue;
            }
            let mut signatures = note.signatures().iter();
            let line =
                signatures.find(|line| line.name() == key.name() && line.key_id() == key.key_id());
            if let Some(line) = line {
                lines.insert(name.clone(), line.clone());
            }
        }
        lines
    }
}

/// A charter in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charter {
    terms: Terms,
    hash: Digest,
    note: Note,
}

impl Charter {
    /// Reads a charter and counts its signatures.
    pub fn open(bytes: &[u8]) -> Result<Self, CharterError> {
        UnverifiedCharter::parse(bytes)?.verify()
    }

    /// What identifies the federation for good.
    #[must_use]
    pub const fn id(&self) -> FederationId {
        // A charter in force is a first one: `verify` refuses later versions.
        FederationId::from_first_charter(self.hash)
    }

    /// All that the charter says.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The federation's name.
    #[must_use]
    pub const fn federation(&self) -> &FederationName {
        self.terms.federation()
    }

    /// The version, counted from one.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.terms.version()
    }

    /// The labelled hash of the text.
    #[must_use]
    pub const fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The hash of the version before; version 1 has none.
    #[must_use]
    pub const fn previous(&self) -> Option<&Digest> {
        self.terms.previous()
    }

    /// The members.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<MemberName, Member> {
        self.terms.members()
    }

    /// One member.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.terms.member(name)
    }

    /// The groups that members may be in.
    #[must_use]
    pub const fn groups(&self) -> &BTreeSet<GroupName> {
        self.terms.groups()
    }

    /// How many signatures each action takes.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        self.terms.thresholds()
    }

    /// What every member is ready to take from each publisher.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        self.terms.quota()
    }

    /// When admissions stop; data keeps flowing.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.terms.expires()
    }

    /// The signed note.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }
}
