//! What a version changes in the one before, and which decisions that takes.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::MemberName;

use super::{Action, GroupName, Member, Quota, Terms, Thresholds};
use crate::time::Timestamp;

/// One difference between two versions of a charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A member was let in.
    Admitted(MemberName),
    /// A member was removed.
    Removed(MemberName),
    /// A member has another root key from now on.
    Rekeyed(MemberName),
    /// A member is shown by another name.
    DisplayName {
        /// Whose.
        member: MemberName,
        /// Before.
        from: Box<str>,
        /// After.
        to: Box<str>,
    },
    /// A member that stays is in other groups.
    Groups {
        /// Who.
        member: MemberName,
        /// In which it was not.
        joined: BTreeSet<GroupName>,
        /// In which it is no more.
        left: BTreeSet<GroupName>,
    },
    /// There is a new group.
    GroupAdded(GroupName),
    /// A group is no more.
    GroupDropped(GroupName),
    /// An action takes another number of signatures.
    Threshold {
        /// Which.
        action: Action,
        /// Before.
        from: u16,
        /// After.
        to: u16,
    },
    /// Publishers have another quota.
    Quota {
        /// Before.
        from: Quota,
        /// After.
        to: Quota,
    },
    /// Admissions stop at another time, or never.
    Expires {
        /// Before.
        from: Option<Timestamp>,
        /// After.
        to: Option<Timestamp>,
    },
}

/// All differences between two versions, in the order of [`Change`], and what they amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    list: Vec<Change>,
    actions: BTreeSet<Action>,
}

impl Changes {
    /// What `after` changes in `before`.
    #[must_use]
    pub fn between(before: &Terms, after: &Terms) -> Self {
        let mut list = of_members(before, after);
        let added = after.groups.difference(&before.groups).cloned();
        list.extend(added.map(Change::GroupAdded));
        let dropped = before.groups.difference(&after.groups).cloned();
        list.extend(dropped.map(Change::GroupDropped));
        for action in Action::ALL {
            let (from, to) = (before.thresholds.of(action), after.thresholds.of(action));
            if from != to {
                list.push(Change::Threshold { action, from, to });
            }
        }
        let (from, to) = (before.quota, after.quota);
        if from != to {
            list.push(Change::Quota { from, to });
        }
        let (from, to) = (before.expires, after.expires);
        if from != to {
            list.push(Change::Expires { from, to });
        }
        let by_formula = follows_formula(before) && follows_formula(after);
        let actions = list
            .iter()
            .flat_map(|change| change.actions(by_formula))
            .copied()
            .collect();
        Self { list, actions }
    }

    /// The differences.
    #[must_use]
    pub fn list(&self) -> &[Change] {
        &self.list
    }

    /// What members decide by voting for the version after; empty if nothing changes.
    #[must_use]
    pub const fn actions(&self) -> &BTreeSet<Action> {
        &self.actions
    }

    /// Those who have no vote on it by the version before: whom it removes, and whose root key it
    /// replaces, for a stolen key must not vote on its own succession.
    pub fn without_vote(&self) -> impl Iterator<Item = &MemberName> {
        self.list.iter().filter_map(|change| match change {
            Change::Removed(name) | Change::Rekeyed(name) => Some(name),
            Change::Admitted(_)
            | Change::DisplayName { .. }
            | Change::Groups { .. }
            | Change::GroupAdded(_)
            | Change::GroupDropped(_)
            | Change::Threshold { .. }
            | Change::Quota { .. }
            | Change::Expires { .. } => None,
        })
    }

    /// Those who come in: new members, and new root keys.
    pub fn newcomers(&self) -> impl Iterator<Item = &MemberName> {
        self.list.iter().filter_map(|change| match change {
            Change::Admitted(name) | Change::Rekeyed(name) => Some(name),
            Change::Removed(_)
            | Change::DisplayName { .. }
            | Change::Groups { .. }
            | Change::GroupAdded(_)
            | Change::GroupDropped(_)
            | Change::Threshold { .. }
            | Change::Quota { .. }
            | Change::Expires { .. } => None,
        })
    }
}

impl Change {
    /// What it takes to decide this change alone.
    ///
    /// A root key is replaced as if its holder were removed and another admitted: who holds the
    /// new key is exactly what must not be decided more lightly than that.
    const fn actions(&self, thresholds_by_formula: bool) -> &'static [Action] {
        match self {
            Self::Admitted(_) => &[Action::Admit],
            Self::Removed(_) => &[Action::Remove],
            Self::Rekeyed(_) => &[Action::Admit, Action::Remove],
            Self::Threshold { .. } if thresholds_by_formula => &[],
            Self::DisplayName { .. }
            | Self::Groups { .. }
            | Self::GroupAdded(_)
            | Self::GroupDropped(_)
            | Self::Threshold { .. }
            | Self::Quota { .. }
            | Self::Expires { .. } => &[Action::Amend],
        }
    }
}

fn of_members(before: &Terms, after: &Terms) -> Vec<Change> {
    let mut list = Vec::new();
    let stays = |name: &MemberName| before.members.contains_key(name);
    let admitted = after.members.keys().filter(|name| !stays(name)).cloned();
    list.extend(admitted.map(Change::Admitted));
    let listed = |name: &MemberName| after.members.contains_key(name);
    let removed = before.members.keys().filter(|name| !listed(name)).cloned();
    list.extend(removed.map(Change::Removed));
    let both: Vec<(&MemberName, &Member, &Member)> = before
        .members
        .iter()
        .filter_map(|(name, member)| Some((name, member, after.members.get(name)?)))
        .collect();
    for (name, from, to) in &both {
        if from.root != to.root {
            list.push(Change::Rekeyed((*name).clone()));
        }
    }
    for (name, from, to) in &both {
        if from.display_name != to.display_name {
            list.push(Change::DisplayName {
                member: (*name).clone(),
                from: from.display_name().into(),
                to: to.display_name().into(),
            });
        }
    }
    for (name, from, to) in both {
        if from.groups != to.groups {
            list.push(Change::Groups {
                member: name.clone(),
                joined: to.groups.difference(&from.groups).cloned().collect(),
                left: from.groups.difference(&to.groups).cloned().collect(),
            });
        }
    }
    list
}

pub(super) fn follows_formula(terms: &Terms) -> bool {
    terms.thresholds == Thresholds::default_of(terms.members.len())
}

impl fmt::Display for Change {
    /// One line for people. Display names are others' words: the caller makes them fit for a
    /// terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = |time: &Option<Timestamp>| {
            time.map_or_else(|| "never".to_owned(), |time| time.to_string())
        };
        match self {
            Self::Admitted(name) => write!(f, "admits {name}"),
            Self::Removed(name) => write!(f, "removes {name}"),
            Self::Rekeyed(name) => write!(f, "replaces the root key of {name}"),
            Self::DisplayName { member, from, to } => {
                write!(f, "shows {member} as “{to}” instead of “{from}”")
            }
            Self::Groups {
                member,
                joined,
                left,
            } => {
                let joined = joined
                    .iter()
                    .map(|group| format!("puts {member} in {group}"));
                let left = left
                    .iter()
                    .map(|group| format!("takes {member} out of {group}"));
                let parts: Vec<String> = joined.chain(left).collect();
                f.write_str(&parts.join(", "))
            }
            Self::GroupAdded(group) => write!(f, "makes the group {group}"),
            Self::GroupDropped(group) => write!(f, "drops the group {group}"),
            Self::Threshold { action, from, to } => {
                write!(f, "to {action} takes {to} members instead of {from}")
            }
            Self::Quota { from, to } => write!(
                f,
                "a publisher may say {} statements a day and have {} bytes kept, instead of {} and {}",
                to.statements_per_day, to.stored_bytes, from.statements_per_day, from.stored_bytes
            ),
            Self::Expires { from, to } => write!(
                f,
                "admissions stop: {} instead of {}",
                until(to),
                until(from)
            ),
        }
    }
}
