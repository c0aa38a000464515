//! Notices: what cannot wait for a next version. A signed note, attached to one version.
//!
//! A notice never makes a version valid or void, so members who have not seen the same notices
//! still use the same charter. What it does is to say who is in force as a member meanwhile:
//! see [`Notices`](super::Notices).
//!
//! A member severs another one for itself alone; that binds nobody else, is signed by nobody, and
//! is no notice.

mod text;

use std::collections::BTreeSet;

use kentong_keys::{Digest, Label, MemberName, Note, NoteError, SigningKey};

use super::signatures::{CheckedNote, SignatureError, Signed, Voters, list};
use super::{Chain, Charter, Excerpt, FederationId};
use crate::time::Timestamp;

const NOTICE: Label = Label::new("kentong/notice/1");

/// The longest notice with its signatures, in bytes.
pub const MAX_NOTICE: usize = 64 * 1024;

/// The longest suspension, in seconds: 72 hours, in which a version that removes the member can be
/// agreed on.
pub const MAX_SUSPENSION: u64 = 72 * 60 * 60;

/// What a notice says, and of which version of which federation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeTerms {
    /// The federation.
    pub federation: FederationId,
    /// The version of the charter that was in force.
    pub version: u32,
    /// The hash of that charter.
    pub charter: Digest,
    /// Whom it is about.
    pub member: MemberName,
    /// What it says.
    pub says: Says,
    /// From when it counts.
    pub from: Timestamp,
}

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// The member leaves the federation; signed by itself alone.
    Leaves,
    /// The member is suspended until then; signed by as many of the others as the charter asks
    /// for.
    Suspended {
        /// The end, at most [`MAX_SUSPENSION`] after the beginning.
        until: Timestamp,
    },
}

/// Why bytes are no notice, or why a notice is not in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// More than [`MAX_NOTICE`] bytes.
    #[error("a notice has at most {MAX_NOTICE} bytes")]
    TooLarge,
    /// Neither a draft nor a signed note.
    #[error("this is not a notice: {0}")]
    NotANote(#[from] NoteError),
    /// The text is not JSON, or has a field missing, unknown or of another type.
    #[error("the notice's text is not of the expected form at line {line}, column {column}")]
    Malformed {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// The field `format` names another format.
    #[error("the notice is of the format {0:?}, which this release does not read")]
    UnknownFormat(Excerpt),
    /// It means something, but is not the one way to write it.
    #[error("the notice's text is not in its one exact form: copy it as it was sent")]
    NotCanonical,
    /// A field whose value is none of the possible ones.
    #[error("the field {0} of the notice holds {1:?}")]
    Value(&'static str, Excerpt),
    /// A suspension without an end, or a leave with one.
    #[error("a suspension has an end, and a leave has none")]
    End,
    /// A suspension that ends before it begins, or lasts too long.
    #[error("a suspension ends within 72 hours after it begins")]
    Duration,

    /// The notice of another federation.
    #[error("it is a notice of another federation")]
    OtherFederation,
    /// It is attached to a version that this node does not have, or to another document of it.
    #[error("it is attached to a charter of version {version} that is not held here")]
    OtherCharter {
        /// The version.
        version: u32,
    },
    /// Whom it is about is not listed.
    #[error("{0} is not a member by the charter to which it is attached")]
    NotAMember(MemberName),
    /// A signature cannot be added, or does not belong to it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Too few have signed.
    #[error("it takes the signatures of {needed} of {}", list(.open))]
    TooFew {
        /// How many more are needed.
        needed: usize,
        /// Who may still sign.
        open: Vec<MemberName>,
    },
}

/// A notice whose text is in order and whose signatures nobody has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedNotice {
    terms: NoticeTerms,
    signed: Signed,
}

impl UnverifiedNotice {
    /// A notice that nobody has signed yet, attached to the charter in force.
    pub fn draft(
        charter: &Charter,
        member: MemberName,
        says: Says,
        from: Timestamp,
    ) -> Result<Self, NoticeError> {
        if charter.member(&member).is_none() {
            return Err(NoticeError::NotAMember(member));
        }
        let terms = NoticeTerms {
            federation: charter.id(),
            version: charter.version(),
            charter: *charter.hash(),
            member,
            says,
            from,
        };
        Self::parse(text::write(&terms).as_bytes())
    }

    /// Reads a notice: the bare text, or a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoticeError> {
        if bytes.len() > MAX_NOTICE {
            return Err(NoticeError::TooLarge);
        }
        let signed = Signed::parse(bytes)?;
        Ok(Self {
            terms: text::read(signed.text())?,
            signed,
        })
    }

    /// Whether bytes are meant to be a notice, and not a charter.
    #[must_use]
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(text::BEGINNING.as_bytes())
    }

    /// What the notice says.
    #[must_use]
    pub const fn terms(&self) -> &NoticeTerms {
        &self.terms
    }

    /// The labelled hash of the text.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::labelled(NOTICE, &[self.signed.text().as_bytes()])
    }

    /// The notice as a file: the bare text, or the signed note.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.signed.bytes()
    }

    /// The notice with the signature of `member` by its root key.
    pub fn sign(
        &self,
        chain: &Chain,
        member: &MemberName,
        root: &SigningKey,
    ) -> Result<Self, NoticeError> {
        let charter = self.charter(chain)?;
        let voters = self.voters(charter);
        self.with(self.signed.sign(&voters, member, root))
    }

    /// The valid signatures of both copies, in the order of the members.
    pub fn merge(&self, chain: &Chain, other: &Self) -> Result<Self, NoticeError> {
        let charter = self.charter(chain)?;
        let voters = self.voters(charter);
        self.with(self.signed.merge(&other.signed, &voters))
    }

    /// Who of those who may sign has signed, and who has not.
    pub fn signers(
        &self,
        chain: &Chain,
    ) -> Result<(BTreeSet<MemberName>, BTreeSet<MemberName>), NoticeError> {
        let charter = self.charter(chain)?;
        let voters = self.voters(charter);
        let signed = self.signed.valid(&voters);
        let open = voters.keys().filter(|name| !signed.contains(**name));
        let open = open.map(|name| (*name).clone()).collect();
        Ok((signed, open))
    }

    /// The notice, if those have signed it whom the charter asks for. It is attached to a version
    /// that the chain holds, not necessarily to the one in force.
    pub fn verify(self, chain: &Chain) -> Result<Notice, NoticeError> {
        let charter = self.charter(chain)?;
        let voters = self.voters(charter);
        let wrong = self.signed.wrong(&voters);
        if !wrong.is_empty() {
            return Err(SignatureError::Wrong(Vec::from_iter(wrong)).into());
        }
        let needed = match self.terms.says {
            Says::Leaves => 1,
            Says::Suspended { .. } => usize::from(charter.thresholds().suspend),
        };
        let (signed, open) = self.signers(chain)?;
        let too_few = NoticeError::TooFew {
            needed: needed.saturating_sub(signed.len()).max(1),
            open: Vec::from_iter(open),
        };
        if signed.len() < needed {
            return Err(too_few);
        }
        let hash = self.hash();
        Ok(Notice {
            hash,
            terms: self.terms,
            note: self.signed.into_note().ok_or(too_few)?,
        })
    }

    /// Remembers what another copy knows of the signatures that both have.
    pub(super) fn learn(&self, other: &Self) {
        self.signed.learn(&other.signed);
    }

    /// The same from a notice that counts.
    pub(super) fn learn_from_counted(&self, held: &Notice) {
        self.signed.learn(&Signed::from(held.note.clone()));
    }

    fn charter<'a>(&self, chain: &'a Chain) -> Result<&'a Charter, NoticeError> {
        if self.terms.federation != chain.id() {
            return Err(NoticeError::OtherFederation);
        }
        let version = self.terms.version;
        let charter = chain
            .version(version)
            .filter(|charter| *charter.hash() == self.terms.charter)
            .ok_or(NoticeError::OtherCharter { version })?;
        if charter.member(&self.terms.member).is_none() {
            return Err(NoticeError::NotAMember(self.terms.member.clone()));
        }
        Ok(charter)
    }

    /// The leaver alone; of a suspension everybody but the one who is to be suspended.
    fn voters<'a>(&self, charter: &'a Charter) -> Voters<'a> {
        let mut voters = charter.terms().voters();
        voters.retain(|name, _| match self.terms.says {
            Says::Leaves => **name == self.terms.member,
            Says::Suspended { .. } => **name != self.terms.member,
        });
        voters
    }

    fn with(&self, signed: Result<Signed, SignatureError>) -> Result<Self, NoticeError> {
        Ok(Self {
            terms: self.terms.clone(),
            signed: signed?,
        })
    }
}

/// A notice whose signatures have been counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    terms: NoticeTerms,
    hash: Digest,
    note: CheckedNote,
}

impl Notice {
    /// What the notice says.
    #[must_use]
    pub const fn terms(&self) -> &NoticeTerms {
        &self.terms
    }

    /// The labelled hash of the text.
    #[must_use]
    pub const fn hash(&self) -> &Digest {
        &self.hash
    }

    /// The signed note.
    #[must_use]
    pub fn note(&self) -> &Note {
        self.note.note()
    }
}
