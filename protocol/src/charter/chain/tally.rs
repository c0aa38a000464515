//! Counting the votes for a version, by the version before and by the version itself.

use std::collections::BTreeSet;
use std::fmt;

use kentong_keys::MemberName;

use crate::charter::signatures::list;
use crate::charter::{Action, Changes, Terms, UnverifiedCharter};

/// How many signatures one of two versions asks for, and who of its members has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which version asks.
    pub by: u32,
    /// For the action that takes the most.
    pub action: Action,
    /// How many it asks for.
    pub needed: u16,
    /// Who has signed, of those who have a vote.
    pub signed: BTreeSet<MemberName>,
    /// Who has a vote and has not signed.
    pub open: BTreeSet<MemberName>,
}

impl Need {
    /// Whether enough have signed.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.signed.len() >= usize::from(self.needed)
    }

    /// Whether enough could ever sign. Those without a vote may make it impossible.
    #[must_use]
    pub fn can_be_met(&self) -> bool {
        self.signed.len() + self.open.len() >= usize::from(self.needed)
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, action) = (self.by, self.action);
        write!(
            f,
            "to {action} takes {} members by version {by}, and {} signed",
            self.needed,
            match self.signed.len() {
                0 => "nobody".to_owned(),
                count => count.to_string(),
            }
        )?;
        if !self.is_met() && !self.open.is_empty() {
            let open = Vec::from_iter(self.open.iter().cloned());
            write!(f, "; not yet {}", list(&open))?;
        }
        Ok(())
    }
}

/// The votes for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    changes: Changes,
    needs: [Need; 2],
}

impl Tally {
    /// `next` must change something in `before`.
    pub(super) fn new(before: &Terms, next: &UnverifiedCharter, changes: Changes) -> Self {
        let signers = next.signers();
        let silenced: BTreeSet<&MemberName> = changes.without_vote().collect();
        let has_vote = |name: &&MemberName| !silenced.contains(name);
        let by_before = before.members().keys().filter(has_vote).collect();
        let by_itself = next.terms().members().keys().collect();
        let needs = [
            need(before, &changes, by_before, &signers),
            need(next.terms(), &changes, by_itself, &signers),
        ];
        Self { changes, needs }
    }

    /// What the version changes in the one before.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What the version before asks for, and what the version itself does.
    #[must_use]
    pub const fn needs(&self) -> &[Need; 2] {
        &self.needs
    }

    /// What is still missing; none if it is in force.
    #[must_use]
    pub fn unmet(&self) -> Option<Need> {
        self.needs.iter().find(|need| !need.is_met()).cloned()
    }
}

fn need(
    by: &Terms,
    changes: &Changes,
    voters: BTreeSet<&MemberName>,
    signers: &BTreeSet<MemberName>,
) -> Need {
    let of = |action: &Action| by.thresholds().of(*action);
    // No change is refused before votes are counted; an amendment is what else it could be.
    let action = changes.actions().iter().copied().max_by_key(of);
    let action = action.unwrap_or(Action::Amend);
    let (signed, open): (BTreeSet<_>, BTreeSet<_>) = voters
        .into_iter()
        .cloned()
        .partition(|name| signers.contains(name));
    Need {
        by: by.version(),
        action,
        needed: by.thresholds().of(action),
        signed,
        open,
    }
}
