//! A text and the signatures collected under it: what charters and notices have in common.

mod checked;

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{
    KeyType, MemberName, Note, NoteError, NoteSignature, NoteVerifyError, PublicKey, Role,
    SigningKey, VerifierKey, key_name,
};

pub(super) use checked::CheckedNote;
#[cfg(test)]
pub(super) use checked::verified_in;

/// Whose signatures count, and by which root keys.
pub(super) type Voters<'a> = BTreeMap<&'a MemberName, &'a PublicKey>;

/// A text with the signatures found under it. Each is verified when it is first asked for, and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    text: Box<str>,
    /// None as long as nobody has signed.
    note: Option<CheckedNote>,
}

/// Why a signature cannot be added, or two copies cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// What would come of it is no note.
    #[error("this cannot be signed: {0}")]
    NotANote(#[from] NoteError),
    /// Members under whose name there is a signature that does not verify, or several.
    #[error(
        "the signature of {} does not belong to this text: ask for a copy that was not changed",
        list(.0)
    )]
    Wrong(Vec<MemberName>),
    /// Who would sign has no vote on it.
    #[error("{0} has no vote on it")]
    NoVote(MemberName),
    /// The key is not the one that the charter lists.
    #[error("this key is not the root key that the charter lists for {0}")]
    NotTheirKey(MemberName),
    /// Copies of two texts cannot be joined.
    #[error("these are two different texts, so their signatures cannot be joined")]
    DifferentText,
}

impl From<CheckedNote> for Signed {
    fn from(note: CheckedNote) -> Self {
        Self {
            text: note.note().text().into(),
            note: Some(note),
        }
    }
}

impl Signed {
    /// Reads the bare text of a draft, or a signed note. The text must hold no empty line; the
    /// caller bounds the length.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        // The text holds no empty line, so a file with one has signatures.
        if bytes.windows(2).any(|pair| pair == b"\n\n") {
            let note = Note::parse(bytes)?;
            return Ok(Self::from(CheckedNote::new(note)));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        Ok(Self {
            text: text.into(),
            note: None,
        })
    }

    pub(super) const fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn bytes(&self) -> &[u8] {
        let note = self.note.as_ref().map(CheckedNote::note);
        note.map_or(self.text.as_bytes(), Note::bytes)
    }

    pub(super) fn into_note(self) -> Option<CheckedNote> {
        self.note
    }

    /// Remembers what another copy knows of the signatures that both have.
    pub(super) fn learn(&self, other: &Self) {
        if let (Some(note), Some(other)) = (&self.note, &other.note) {
            note.learn(other);
        }
    }

    /// The voters of whom there is a valid signature.
    pub(super) fn valid(&self, voters: &Voters<'_>) -> BTreeSet<MemberName> {
        self.voters_whose(voters, |signed| signed == Ok(()))
    }

    /// The voters under whose name there is a signature that does not verify, or several.
    pub(super) fn wrong(&self, voters: &Voters<'_>) -> BTreeSet<MemberName> {
        self.voters_whose(voters, |signed| {
            signed.is_err_and(|error| error != NoteVerifyError::NotSigned)
        })
    }

    /// The text with the signature of one of the voters.
    pub(super) fn sign(
        &self,
        voters: &Voters<'_>,
        member: &MemberName,
        root: &SigningKey,
    ) -> Result<Self, SignatureError> {
        let listed = voters
            .get(member)
            .ok_or_else(|| SignatureError::NoVote(member.clone()))?;
        if **listed != root.public_key() {
            return Err(SignatureError::NotTheirKey(member.clone()));
        }
        let note = Note::sign(&self.text, &[(&key_name(member, Role::Root), root)])?;
        self.merge(&Self::from(CheckedNote::new(note)), voters)
    }

    /// The valid signatures of both copies, in the order of the members, whatever the order in
    /// which they were collected. Signatures of others than voters are left out.
    pub(super) fn merge(&self, other: &Self, voters: &Voters<'_>) -> Result<Self, SignatureError> {
        if self.text != other.text {
            return Err(SignatureError::DifferentText);
        }
        let mut lines = self.lines(voters);
        lines.append(&mut other.lines(voters));
        // A wrong signature may be replaced by a right one, but is never lost in silence.
        let mut wrong = self.wrong(voters);
        wrong.append(&mut other.wrong(voters));
        wrong.retain(|member| !lines.contains_key(member));
        if !wrong.is_empty() {
            return Err(SignatureError::Wrong(Vec::from_iter(wrong)));
        }
        let joined = Self::parse(assemble(&self.text, lines.values()).as_bytes())?;
        joined.learn(self);
        joined.learn(other);
        Ok(joined)
    }

    /// The text with the signature of one voter alone; none if it did not sign.
    pub(super) fn alone(&self, member: &MemberName, voters: &Voters<'_>) -> Option<Note> {
        let (name, root) = voters.get_key_value(member)?;
        let line = self.note.as_ref()?.line_by(&verifier(name, root)).ok()?;
        Note::parse(assemble(&self.text, [line]).as_bytes()).ok()
    }

    fn voters_whose(
        &self,
        voters: &Voters<'_>,
        chosen: fn(Result<(), NoteVerifyError>) -> bool,
    ) -> BTreeSet<MemberName> {
        let chosen = voters
            .iter()
            .filter(|(name, root)| chosen(self.signed_by(&verifier(name, root))));
        chosen.map(|(name, _)| (*name).clone()).collect()
    }

    fn signed_by(&self, key: &VerifierKey) -> Result<(), NoteVerifyError> {
        match &self.note {
            Some(note) => note.is_signed_by(key),
            None => Err(NoteVerifyError::NotSigned),
        }
    }

    fn lines(&self, voters: &Voters<'_>) -> BTreeMap<MemberName, NoteSignature> {
        let mut lines = BTreeMap::new();
        let Some(note) = &self.note else {
            return lines;
        };
        for (name, root) in voters {
            if let Ok(line) = note.line_by(&verifier(name, root)) {
                lines.insert((*name).clone(), line.clone());
            }
        }
        lines
    }
}

fn verifier(name: &MemberName, root: &PublicKey) -> VerifierKey {
    VerifierKey::new(key_name(name, Role::Root), KeyType::Ed25519, *root)
}

fn assemble<'a>(text: &str, lines: impl IntoIterator<Item = &'a NoteSignature>) -> String {
    let mut file = text.to_owned();
    for (number, line) in lines.into_iter().enumerate() {
        if number == 0 {
            file.push('\n');
        }
        file.push_str(&line.to_string());
        file.push('\n');
    }
    file
}

/// Several notes in one text, as chains and evidence hold them: one after the other, with an
/// empty line before each but the first. Every text of a note begins with a bare `{`.
pub(super) fn notes(text: &str) -> Vec<&str> {
    const BETWEEN: &str = "\n\n{\n";
    let mut notes = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BETWEEN) {
        let end = rest.len() - after.len() - BETWEEN.len();
        // The first newline ends the note before, the second is the empty line.
        let (note, next) = rest.split_at(end + 1);
        notes.push(note);
        rest = next.get(1..).unwrap_or_default();
    }
    notes.push(rest);
    notes
}

pub(super) fn list(members: &[MemberName]) -> String {
    let names: Vec<&str> = members.iter().map(MemberName::as_str).collect();
    names.join(", ")
}
