//! A note that remembers which of its signature lines were verified, each under which key.
//!
//! Whether a signature verifies follows from the text, the signature and the key, and from nothing else. So
//! what was found once holds as long as there is this note, and for every copy of it with the same
//! signature under the same text ([`CheckedNote::learn`]). Which line is whose is looked up each time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use kentong_keys::{Note, NoteSignature, NoteVerifyError, PublicKey, VerifierKey};

/// A note, and what verifying its lines has shown. Clones share both. Notes are equal whatever is
/// remembered of their lines.
#[derive(Clone)]
pub(in crate::charter) struct CheckedNote(Arc<Known>);

struct Known {
    note: Note,
    /// For each line of the note, in the same order.
    verdicts: Box<[OnceLock<Verdict>]>,
}

/// What came of verifying a line. One key is remembered for each line: a second one has the same name
/// and id only if somebody made it so, and with that the line is verified each time.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    key: PublicKey,
    verifies: bool,
}

impl CheckedNote {
    /// A note of which nothing is known yet.
    pub(super) fn new(note: Note) -> Self {
        let verdicts = note.signatures().iter().map(|_| OnceLock::new()).collect();
        Self(Arc::new(Known { note, verdicts }))
    }

    pub(in crate::charter) fn note(&self) -> &Note {
        &self.0.note
    }

    /// Says the same as [`Note::is_signed_by`].
    pub(super) fn is_signed_by(&self, key: &VerifierKey) -> Result<(), NoteVerifyError> {
        self.line_by(key).map(drop)
    }

    /// The line by which a key signed this text: its only one, and it verifies.
    pub(super) fn line_by(&self, key: &VerifierKey) -> Result<&NoteSignature, NoteVerifyError> {
        let Known { note, verdicts } = &*self.0;
        // Refuses a second line by the key, whatever is known of either.
        let at = note.line_of(key)?;
        let not_signed = NoteVerifyError::NotSigned;
        let line = note.signatures().get(at).ok_or(not_signed)?;
        let verdict = verdicts.get(at).ok_or(not_signed)?;
        let known = verdict.get().filter(|known| known.key == *key.public_key());
        let verifies = match known {
            Some(known) => known.verifies,
            None => {
                let verifies = self.verify(key);
                let key = *key.public_key();
                // If the line is known under another key already, that stays.
                let _ = verdict.set(Verdict { key, verifies });
                verifies
            }
        };
        if verifies {
            Ok(line)
        } else {
            Err(NoteVerifyError::BadSignature)
        }
    }

    /// Remembers what another note knows of signatures that this one has under the same text.
    pub(super) fn learn(&self, other: &Self) {
        if self.note().text() != other.note().text() {
            return;
        }
        let known = other.lines();
        let known: BTreeMap<_, _> = known
            .filter_map(|(line, verdict)| Some((line.bytes(), *verdict.get()?)))
            .collect();
        for (line, verdict) in self.lines() {
            if let Some(found) = known.get(line.bytes()) {
                // It may be known here, too.
                let _ = verdict.set(*found);
            }
        }
    }

    /// The key must have one line only.
    fn verify(&self, key: &VerifierKey) -> bool {
        #[cfg(test)]
        VERIFIED.set(VERIFIED.get() + 1);
        self.note().is_signed_by(key).is_ok()
    }

    fn lines(&self) -> impl Iterator<Item = (&NoteSignature, &OnceLock<Verdict>)> {
        let Known { note, verdicts } = &*self.0;
        note.signatures().iter().zip(verdicts)
    }
}

impl PartialEq for CheckedNote {
    fn eq(&self, other: &Self) -> bool {
        let Known { note, verdicts: _ } = &*self.0;
        note == other.note()
    }
}

impl Eq for CheckedNote {}

impl fmt::Debug for CheckedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note().fmt(f)
    }
}

#[cfg(test)]
std::thread_local! {
    /// How many signatures were verified on this thread.
    static VERIFIED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many signatures are verified while something is done.
#[cfg(test)]
pub(in crate::charter) fn verified_in<T>(act: impl FnOnce() -> T) -> (usize, T) {
    let before = VERIFIED.get();
    let done = act();
    (VERIFIED.get() - before, done)
}
