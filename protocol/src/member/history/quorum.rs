//! How many readers must have said what they hold before a publisher that does not know what it signed
//! last resumes signing.

use std::collections::BTreeSet;

use kentong_keys::MemberName;

use crate::charter::Membership;

/// Those who may know what was signed, and who of them has been heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quorum {
    readers: BTreeSet<MemberName>,
    heard: BTreeSet<MemberName>,
}

impl Quorum {
    /// Of these readers, those are heard that `heard` names.
    #[must_use]
    pub fn of(readers: BTreeSet<MemberName>, heard: &BTreeSet<MemberName>) -> Self {
        let heard = readers.intersection(heard).cloned().collect();
        Self { readers, heard }
    }

    /// More than two thirds of the readers, so that those who are away or lie are the fewer. Nobody,
    /// where there is nobody to ask.
    #[must_use]
    pub fn needed(&self) -> usize {
        match self.readers.len() {
            0 => 0,
            readers => 1 + 2 * readers / 3,
        }
    }

    /// Whether enough were heard.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.heard.len() >= self.needed()
    }

    /// Those who may know.
    #[must_use]
    pub const fn readers(&self) -> &BTreeSet<MemberName> {
        &self.readers
    }

    /// Those of them who were heard.
    #[must_use]
    pub const fn heard(&self) -> &BTreeSet<MemberName> {
        &self.heard
    }

    /// Those who are not heard.
    pub fn silent(&self) -> impl Iterator<Item = &MemberName> {
        self.readers.difference(&self.heard)
    }
}

/// Whether a member that the charter lists can be asked: one that has left is not let in.
#[must_use]
pub const fn can_be_asked(membership: Membership) -> bool {
    match membership {
        Membership::InForce | Membership::Suspended { .. } => true,
        Membership::Left { .. } | Membership::Stranger => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> BTreeSet<MemberName> {
        let letters = ('A'..='Z').flat_map(|a| ('A'..='Z').map(move |b| format!("{a}{b}")));
        letters
            .take(count)
            .map(|name| name.parse().unwrap())
            .collect()
    }

    #[test]
    fn more_than_two_thirds() {
        for (readers, needed) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (3, 3),
            (4, 3),
            (5, 4),
            (6, 5),
            (7, 5),
            (10, 7),
            (199, 133),
        ] {
            let all = names(readers);
            let quorum = |heard: usize| Quorum::of(all.clone(), &names(heard));
            assert_eq!(quorum(0).needed(), needed, "of {readers}");
            assert!(quorum(needed).is_met() && quorum(readers).is_met());
            assert!(needed == 0 || !quorum(needed - 1).is_met(), "of {readers}");
            assert_eq!(quorum(needed).silent().count(), readers - needed);
        }
    }

    #[test]
    fn only_readers_count() {
        let readers = BTreeSet::from(["SG".parse().unwrap(), "TH".parse().unwrap()]);
        let quorum = Quorum::of(readers, &names(300));
        assert!(!quorum.is_met());
        assert!(quorum.heard().is_empty());
    }
}
