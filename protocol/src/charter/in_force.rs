//! A charter whose signatures have been counted.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, MemberName, Note};

use super::signatures::CheckedNote;
use super::{
    CharterError, FederationId, FederationName, GroupName, Member, Quota, Terms, Thresholds,
    UnverifiedCharter,
};
use crate::time::Timestamp;

/// A charter in force, of whichever version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charter {
    id: FederationId,
    terms: Terms,
    hash: Digest,
    note: CheckedNote,
}

impl Charter {
    /// The caller has counted the signatures.
    pub(super) const fn new(
        id: FederationId,
        terms: Terms,
        hash: Digest,
        note: CheckedNote,
    ) -> Self {
        Self {
            id,
            terms,
            hash,
            note,
        }
    }

    /// Reads the first charter of a federation and counts its signatures.
    pub fn open(bytes: &[u8]) -> Result<Self, CharterError> {
        UnverifiedCharter::parse(bytes)?.verify()
    }

    /// What identifies the federation for good.
    #[must_use]
    pub const fn id(&self) -> FederationId {
        self.id
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
    pub fn note(&self) -> &Note {
        self.note.note()
    }

    /// The document that was counted, and what is known of its signatures.
    pub(super) fn document(&self) -> UnverifiedCharter {
        UnverifiedCharter::counted(self.terms.clone(), self.note.clone())
    }
}
