//! Who belongs, in plain words: what each version of the charter and each notice that operators drafted
//! says, and by which of them a publisher goes.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::Digest;

use super::super::cast::Who;
use super::Model;

/// What a version changes in the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Change {
    Admit(Who),
    Remove(Who),
}

/// A suspension.
#[derive(Clone, Copy, Debug)]
struct Suspension {
    /// Whom the version names.
    charter: Digest,
    about: Who,
    /// Seconds since 1970.
    from: u64,
    until: u64,
}

/// What operators drafted; known by the hash only, which says nothing.
#[derive(Debug)]
pub(super) struct Documents {
    first: Digest,
    /// Each with its number, and whom it lists.
    versions: BTreeMap<Digest, (u32, BTreeSet<Who>)>,
    suspensions: BTreeMap<Digest, Suspension>,
    /// By which version, and by which notices, each goes.
    goes_by: BTreeMap<Who, (Digest, BTreeSet<Digest>)>,
}

impl Documents {
    pub(super) fn new(first: Digest, members: BTreeSet<Who>) -> Self {
        Self {
            first,
            versions: BTreeMap::from([(first, (1, members))]),
            suspensions: BTreeMap::new(),
            goes_by: BTreeMap::new(),
        }
    }

    pub(super) fn founders(&self) -> &BTreeSet<Who> {
        self.members(&self.first)
    }

    fn members(&self, charter: &Digest) -> &BTreeSet<Who> {
        const NOBODY: &BTreeSet<Who> = &BTreeSet::new();
        self.versions
            .get(charter)
            .map_or(NOBODY, |(_, members)| members)
    }

    fn number(&self, charter: &Digest) -> u32 {
        self.versions.get(charter).map_or(0, |(number, _)| *number)
    }

    /// Whom the version by which somebody goes lists, and who of them is suspended at this time.
    fn of(&self, who: Who, wall: u64) -> (&BTreeSet<Who>, BTreeSet<Who>) {
        let none = (self.first, BTreeSet::new());
        let (charter, notices) = self.goes_by.get(&who).unwrap_or(&none);
        let suspensions = notices.iter().filter_map(|hash| self.suspensions.get(hash));
        let suspended = suspensions
            .filter(|one| one.charter == *charter && one.from <= wall && wall < one.until);
        let suspended = suspended.map(|one| one.about).collect();
        (self.members(charter), suspended)
    }
}

/// What operators draft and nodes come to know.
impl Model {
    /// Somebody drafts a version that follows another.
    pub(in crate::sim) fn drafted(&mut self, version: Digest, before: &Digest, change: Change) {
        let mut members = self.documents.members(before).clone();
        match change {
            Change::Admit(who) => drop(members.insert(who)),
            Change::Remove(who) => drop(members.remove(&who)),
        }
        let number = self.documents.number(before) + 1;
        self.documents.versions.insert(version, (number, members));
    }

    /// Somebody drafts a suspension, by a version, for these seconds.
    pub(in crate::sim) fn noticed(
        &mut self,
        notice: Digest,
        charter: Digest,
        about: Who,
        (from, until): (u64, u64),
    ) {
        let suspension = Suspension {
            charter,
            about,
            from,
            until,
        };
        self.documents.suspensions.insert(notice, suspension);
    }

    /// A node goes by this version and these notices from now on.
    pub(in crate::sim) fn goes_by(
        &mut self,
        who: Who,
        charter: Digest,
        notices: BTreeSet<Digest>,
        wall: u64,
    ) {
        self.documents.goes_by.insert(who, (charter, notices));
        let (members, held) = self.documents.of(who, wall);
        let Some(publisher) = self.publishers.get_mut(&who) else {
            return;
        };
        let mut members = members.clone();
        members.remove(&who);
        let before = publisher.readers.clone();
        let come = members.difference(&before.members);
        for indicator in publisher.indicators.values_mut() {
            indicator.may_have_acted(&before, publisher.rules);
            indicator.settled = false;
            let mut come = come.clone();
            publisher.readers.returned |= come.any(|who| indicator.views.contains_key(who));
        }
        publisher.readers.members = members;
        publisher.readers.held = held;
        for indicator in publisher.indicators.values_mut() {
            if !indicator.is_erased() {
                indicator.permit(&publisher.readers, publisher.rules);
            }
        }
    }

    /// Whom a version lists.
    pub(in crate::sim) fn listed(&self, charter: &Digest) -> &BTreeSet<Who> {
        self.documents.members(charter)
    }

    /// Whether a node knows another as a member, by the version by which it goes.
    pub(in crate::sim) fn knows(&self, who: Who, other: Who) -> bool {
        self.documents.of(who, 0).0.contains(&other)
    }

    /// The number of the version by which a node goes.
    pub(in crate::sim) fn version(&self, who: Who) -> u32 {
        let goes_by = self.documents.goes_by.get(&who);
        let charter = goes_by.map_or(self.documents.first, |(charter, _)| *charter);
        self.documents.number(&charter)
    }

    /// Whether a node may speak to another at this time.
    pub(in crate::sim) fn may_speak(&self, who: Who, to: Who, wall: u64) -> bool {
        let (members, suspended) = self.documents.of(who, wall);
        members.contains(&to) && !suspended.contains(&to)
    }
}
