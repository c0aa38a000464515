//! Who is in force as a member at a time: the charter, and the notices attached to it.

use std::collections::BTreeMap;

use kentong_keys::{Digest, MemberName};

use super::signatures::notes;
use super::{Chain, MAX_NOTICE, Notice, NoticeError, Says, UnverifiedNotice};
use crate::time::Timestamp;

/// The most suspensions that are kept. A hostile third of the members can make as many as it
/// likes; a leave needs no room, for there is one of each member at most.
pub const MAX_SUSPENSIONS: usize = 256;

/// How a name stands in the federation at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// A member like any other.
    InForce,
    /// Listed, but suspended.
    Suspended {
        /// Until when.
        until: Timestamp,
    },
    /// Listed, but it has left.
    Left {
        /// From when on.
        since: Timestamp,
    },
    /// Not listed.
    Stranger,
}

/// The notices of a federation, each once, whatever the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    by_hash: BTreeMap<Digest, Notice>,
}

/// There is no room for another suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {MAX_SUSPENSIONS} suspensions on this charter already, and no more are kept")]
pub struct TooManySuspensions;

impl Notices {
    /// Takes a notice in and drops what is settled; false if it says nothing new.
    pub fn add(&mut self, notice: Notice, chain: &Chain) -> Result<bool, TooManySuspensions> {
        self.fold(chain);
        if !counts(&notice, chain) || self.by_hash.contains_key(notice.hash()) {
            return Ok(false);
        }
        let count = |notice: &&Notice| matches!(notice.terms().says, Says::Suspended { .. });
        match notice.terms().says {
            Says::Suspended { .. } if self.iter().filter(count).count() >= MAX_SUSPENSIONS => {
                return Err(TooManySuspensions);
            }
            Says::Suspended { .. } => {}
            Says::Leaves => {
                // Of several of one member the earliest says it all.
                let order = |leave: &Notice| (leave.terms().from, *leave.hash());
                let earlier = self.iter().find(|held| {
                    held.terms().says == Says::Leaves
                        && held.terms().member == notice.terms().member
                });
                match earlier.map(order) {
                    Some(held) if held < order(&notice) => return Ok(false),
                    Some((_, hash)) => drop(self.by_hash.remove(&hash)),
                    None => {}
                }
            }
        }
        self.by_hash.insert(*notice.hash(), notice);
        Ok(true)
    }

    /// The longest file of notices, in bytes: room for a leave of every member too.
    pub const MAX_LEN: usize = (MAX_SUSPENSIONS + super::MAX_MEMBERS) * (MAX_NOTICE + 1);

    /// Reads what [`Notices::to_text`] wrote, and verifies each. What is settled by now, or
    /// attached to a charter that a later round replaced, is passed over.
    pub fn parse(bytes: &[u8], chain: &Chain) -> Result<Self, NoticeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| kentong_keys::NoteError::NotUtf8)?;
        let mut notices = Self::default();
        for note in notes(text).into_iter().filter(|note| !note.is_empty()) {
            let notice = UnverifiedNotice::parse(note.as_bytes())?;
            match notice.verify(chain) {
                // There is room for whatever this program once wrote.
                Ok(notice) => drop(notices.add(notice, chain)),
                Err(NoticeError::OtherCharter { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(notices)
    }

    /// All notices as one file: the signed notes, with an empty line between.
    #[must_use]
    pub fn to_text(&self) -> String {
        let notes: Vec<&str> = self.iter().map(|notice| notice.note().as_str()).collect();
        notes.join("\n")
    }

    /// The notice whose text has this hash.
    pub(super) fn get(&self, hash: &Digest) -> Option<&Notice> {
        self.by_hash.get(hash)
    }

    /// All notices, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.by_hash.values()
    }

    /// Drops what a next version has settled, for good.
    pub fn fold(&mut self, chain: &Chain) {
        self.by_hash.retain(|_, notice| counts(notice, chain));
    }

    /// How a name stands by the charter in force and the notices on it.
    ///
    /// A suspension holds for the version that it names and ends with it: the members that vote for the
    /// next version have decided whether the member stays. A leave holds as long as the leaver is
    /// listed without a break and by the same root key, whatever versions follow: nobody is kept
    /// in by a vote. Who comes back after it is removed first and admitted again.
    #[must_use]
    pub fn membership(&self, member: &MemberName, chain: &Chain, now: Timestamp) -> Membership {
        if chain.in_force().member(member).is_none() {
            return Membership::Stranger;
        }
        let mut membership = Membership::InForce;
        let about = self
            .iter()
            .filter(|notice| notice.terms().member == *member);
        for notice in about.filter(|notice| counts(notice, chain)) {
            let from = notice.terms().from;
            let next = match notice.terms().says {
                Says::Leaves if from <= now => Membership::Left { since: from },
                Says::Suspended { until } if from <= now && now < until => {
                    Membership::Suspended { until }
                }
                Says::Leaves | Says::Suspended { .. } => continue,
            };
            membership = membership.or(next);
        }
        membership
    }

    /// When the next notice begins or ends to count, after `now`: until then all stays as it is.
    #[must_use]
    pub fn next_change(&self, chain: &Chain, now: Timestamp) -> Option<Timestamp> {
        let counting = self.iter().filter(|notice| counts(notice, chain));
        counting
            .flat_map(|notice| {
                let until = match notice.terms().says {
                    Says::Leaves => None,
                    Says::Suspended { until } => Some(until),
                };
                [Some(notice.terms().from), until]
            })
            .flatten()
            .filter(|time| *time > now)
            .min()
    }
}

impl Membership {
    /// Whether data flows to and from it.
    #[must_use]
    pub const fn is_in_force(&self) -> bool {
        matches!(self, Self::InForce)
    }

    /// What weighs more: to have left, and of several notices the one that lasts longest.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Left { since: a }, Self::Left { since: b }) => Self::Left { since: a.min(b) },
            (left @ Self::Left { .. }, _) | (_, left @ Self::Left { .. }) => left,
            (Self::Suspended { until: a }, Self::Suspended { until: b }) => {
                Self::Suspended { until: a.max(b) }
            }
            (Self::InForce | Self::Stranger, other) => other,
            (suspended @ Self::Suspended { .. }, Self::InForce | Self::Stranger) => suspended,
        }
    }
}

/// Whether a notice has not been settled by a later version.
fn counts(notice: &Notice, chain: &Chain) -> bool {
    let terms = notice.terms();
    let Some(attached) = chain.version(terms.version) else {
        return false;
    };
    if *attached.hash() != terms.charter {
        return false;
    }
    match terms.says {
        Says::Suspended { .. } => attached.version() == chain.in_force().version(),
        Says::Leaves => {
            let root = attached.member(&terms.member).map(super::Member::root);
            let since = chain
                .history()
                .skip_while(|one| one.version() < terms.version);
            root.is_some()
                && since
                    .map(|charter| charter.member(&terms.member).map(super::Member::root))
                    .all(|later| later == root)
        }
    }
}
