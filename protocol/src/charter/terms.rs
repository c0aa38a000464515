//! What a charter says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kentong_keys::{Digest, KeyType, MemberName, PublicKey, Role, VerifierKey, key_name};

use super::signatures::Voters;
use super::{CharterError, FederationName, GroupName, MAX_DISPLAY_NAME, MAX_GROUPS, MAX_MEMBERS};
use crate::bounded::BoundedText;
use crate::time::Timestamp;

/// What a charter says: consistent in itself, no matter who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub(super) federation: FederationName,
    pub(super) nonce: [u8; 16],
    pub(super) version: u32,
    pub(super) round: u32,
    pub(super) previous: Option<Digest>,
    pub(super) drafted: Timestamp,
    pub(super) expires: Option<Timestamp>,
    pub(super) groups: BTreeSet<GroupName>,
    pub(super) members: BTreeMap<MemberName, Member>,
    pub(super) thresholds: Thresholds,
    pub(super) quota: Quota,
}

impl Terms {
    /// The federation's name.
    #[must_use]
    pub const fn federation(&self) -> &FederationName {
        &self.federation
    }

    /// Sixteen random bytes, so that no two federations share their first charter.
    #[must_use]
    pub const fn nonce(&self) -> &[u8; 16] {
        &self.nonce
    }

    /// The version, counted from one.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The round of voting on this version, counted from one.
    #[must_use]
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// The hash of the version before; version 1 has none.
    #[must_use]
    pub const fn previous(&self) -> Option<&Digest> {
        self.previous.as_ref()
    }

    /// When it was drafted, by the drafter's clock.
    #[must_use]
    pub const fn drafted(&self) -> Timestamp {
        self.drafted
    }

    /// When admissions stop. Data keeps flowing after it, for a hard expiry would let a member
    /// that delays a vote switch the federation off.
    #[must_use]
    pub const fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// The groups that members may be in.
    #[must_use]
    pub const fn groups(&self) -> &BTreeSet<GroupName> {
        &self.groups
    }

    /// The members.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<MemberName, Member> {
        &self.members
    }

    /// One member.
    #[must_use]
    pub fn member(&self, name: &MemberName) -> Option<&Member> {
        self.members.get(name)
    }

    /// How many signatures each action takes.
    #[must_use]
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// What every member is ready to take from each publisher.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Every member with its root key.
    pub(super) fn voters(&self) -> Voters<'_> {
        let members = self.members.iter();
        members.map(|(name, member)| (name, &member.root)).collect()
    }

    /// The rules that concern more than one field.
    pub(super) fn check(self) -> Result<Self, CharterError> {
        match (self.version, self.previous) {
            (0, _) => return Err(CharterError::VersionZero),
            (1, Some(_)) => return Err(CharterError::FirstWithPrevious),
            (1, None) | (_, Some(_)) => {}
            (version, None) => return Err(CharterError::LaterWithoutPrevious { version }),
        }
        if self.round == 0 {
            return Err(CharterError::RoundZero);
        }
        if self.expires.is_some_and(|expires| expires <= self.drafted) {
            return Err(CharterError::ExpiresBeforeDrafted);
        }
        if self.groups.len() > MAX_GROUPS {
            return Err(CharterError::TooManyGroups {
                found: self.groups.len(),
            });
        }
        if self.members.is_empty() {
            return Err(CharterError::Empty);
        }
        if self.members.len() > MAX_MEMBERS {
            return Err(CharterError::TooManyMembers {
                found: self.members.len(),
            });
        }
        let mut keys = BTreeMap::new();
        for (name, member) in &self.members {
            if let Some(first) = keys.insert(member.root, name) {
                return Err(CharterError::SharedRootKey(first.clone(), name.clone()));
            }
            if let Some(unknown) = member.groups.difference(&self.groups).next() {
                return Err(CharterError::UnknownGroup(name.clone(), unknown.clone()));
            }
        }
        self.thresholds.check(self.members.len())?;
        self.quota.check()?;
        Ok(self)
    }
}

/// A member, as the charter lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub(super) display_name: BoundedText<MAX_DISPLAY_NAME>,
    pub(super) root: PublicKey,
    pub(super) groups: BTreeSet<GroupName>,
}

impl Member {
    /// The agency's name, for people.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// The key that votes on charters and signs warrants.
    #[must_use]
    pub const fn root(&self) -> &PublicKey {
        &self.root
    }

    /// The groups that it is in.
    #[must_use]
    pub const fn groups(&self) -> &BTreeSet<GroupName> {
        &self.groups
    }

    pub(super) fn verifier_key(&self, name: &MemberName) -> VerifierKey {
        VerifierKey::new(key_name(name, Role::Root), KeyType::Ed25519, self.root)
    }
}

/// How many members must sign for each action.
///
/// By default two thirds of the members for all that makes a next version, and one third for a
/// suspension, rounded up: of eleven members, 8 and 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// To let a member in.
    pub admit: u16,
    /// To change anything else than the list of members.
    pub amend: u16,
    /// To remove a member, who has no vote on it. Where this takes everybody, as in a federation
    /// of two, nobody can be removed, and who disagrees leaves.
    pub remove: u16,
    /// To suspend a member for 72 hours.
    pub suspend: u16,
}

impl Thresholds {
    /// The thresholds of a federation of `members` that agreed on no others.
    ///
    /// The formula is part of the protocol: thresholds that follow it before and after a change
    /// of members are no amendment.
    #[must_use]
    pub fn default_of(members: usize) -> Self {
        let share = |thirds: usize| {
            let signatures = members.saturating_mul(thirds).div_ceil(3).max(1);
            u16::try_from(signatures).unwrap_or(u16::MAX)
        };
        Self {
            admit: share(2),
            amend: share(2),
            remove: share(2),
            suspend: share(1),
        }
    }

    /// The threshold of one action.
    #[must_use]
    pub const fn of(&self, action: Action) -> u16 {
        match action {
            Action::Admit => self.admit,
            Action::Amend => self.amend,
            Action::Remove => self.remove,
            Action::Suspend => self.suspend,
        }
    }

    fn check(&self, members: usize) -> Result<(), CharterError> {
        for action in Action::ALL {
            let found = self.of(action);
            let signatures = usize::from(found);
            if signatures == 0 || signatures > members {
                return Err(CharterError::ThresholdOutOfRange {
                    action,
                    found,
                    members,
                });
            }
            // A suspension is no version and lapses by itself, so it needs no majority.
            if action != Action::Suspend && signatures * 2 <= members {
                return Err(CharterError::ThresholdTooLow {
                    action,
                    found,
                    members,
                });
            }
        }
        Ok(())
    }
}

/// What members decide together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Letting a member in.
    Admit,
    /// Changing the charter otherwise.
    Amend,
    /// Removing a member.
    Remove,
    /// Suspending a member for 72 hours.
    Suspend,
}

impl Action {
    /// Every action, in the order of a charter.
    pub const ALL: [Self; 4] = [Self::Admit, Self::Amend, Self::Remove, Self::Suspend];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Admit => "admit",
            Self::Amend => "amend",
            Self::Remove => "remove",
            Self::Suspend => "suspend",
        })
    }
}

/// What every member is ready to take from each publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// New statements in a day.
    pub statements_per_day: u64,
    /// Bytes of leaves and bodies kept in all.
    pub stored_bytes: u64,
}

impl Quota {
    /// The largest quota: the largest integer that every JSON reader holds exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    fn check(self) -> Result<(), CharterError> {
        let range = 1..=Self::MAX;
        if range.contains(&self.statements_per_day) && range.contains(&self.stored_bytes) {
            Ok(())
        } else {
            Err(CharterError::Quota)
        }
    }
}

impl Default for Quota {
    /// Five million statements a day and 64 GiB.
    fn default() -> Self {
        Self {
            statements_per_day: 5_000_000,
            stored_bytes: 64 << 30,
        }
    }
}
