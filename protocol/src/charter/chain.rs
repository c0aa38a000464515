//! Every version of a charter, walked from the first: none is skipped, each is checked against the
//! one before.
//!
//! A version is in force when as many members have signed it as the version before asks for its
//! kind of change, *and* as many as it asks itself. Whom it removes has no vote on it.
//!
//! What makes a version valid are the versions before it and the signatures under it, and nothing
//! else: no clock, no notice, no order of arrival. So members who hold the same documents use
//! the same charter. Of several valid documents of the newest version the one of the highest round
//! is in force. Below it nothing is ever replaced, for a vote of long ago that one more signature
//! completes would otherwise rewrite what the federation has built on since. Two valid documents
//! of one round exist only if members voted twice; the first one stays, and the next round decides.

mod error;
mod tally;

use std::collections::BTreeMap;

use kentong_keys::{MemberName, PublicKey};

use super::signatures::notes;
use super::{Changes, Charter, CharterError, FederationId, Terms, UnverifiedCharter};
use crate::time::Timestamp;

pub use error::ChainError;
pub use tally::{Need, Tally};

/// The most versions of a charter.
pub const MAX_VERSIONS: usize = 4096;

/// The longest file with all versions of a charter, in bytes.
pub const MAX_CHAIN: usize = 64 << 20;

/// All versions of a charter up to the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    first: Charter,
    later: Vec<Charter>,
    register: Register,
}

/// What came of a version that was offered and is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is in force now.
    New,
    /// It is in force now, in the place of the same version of an earlier round.
    Replaced,
    /// It is part of the chain already.
    Known,
    /// The same version of a later round is in force.
    EarlierRound,
}

impl Chain {
    /// Begins with the first charter, which every member listed must have signed.
    pub fn begin(bytes: &[u8]) -> Result<Self, CharterError> {
        let first = Charter::open(bytes)?;
        let mut register = Register::default();
        register.enter(first.terms());
        Ok(Self {
            first,
            later: Vec::new(),
            register,
        })
    }

    /// Reads what [`Chain::to_text`] wrote, and walks it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChainError> {
        let documents = Self::documents(bytes)?;
        let mut documents = documents.iter();
        let first = documents.next().copied().unwrap_or_default();
        let mut chain = Self::begin(first.as_bytes())?;
        for document in documents {
            let next = UnverifiedCharter::parse(document.as_bytes())?;
            match chain.offer(next)? {
                Step::New => {}
                Step::Replaced | Step::Known | Step::EarlierRound => {
                    return Err(ChainError::VersionTwice {
                        version: chain.in_force().version(),
                    });
                }
            }
        }
        Ok(chain)
    }

    /// The charters in a file, which holds one or several; none of them is checked.
    pub fn documents(bytes: &[u8]) -> Result<Vec<&str>, ChainError> {
        if bytes.len() > MAX_CHAIN {
            return Err(ChainError::TooLarge);
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| CharterError::NotANote(kentong_keys::NoteError::NotUtf8))?;
        Ok(notes(text))
    }

    /// All versions as one file: the signed notes, with an empty line between. The file of a
    /// federation that is at its first version is that charter.
    #[must_use]
    pub fn to_text(&self) -> String {
        let notes: Vec<&str> = self
            .history()
            .map(|charter| charter.note().as_str())
            .collect();
        notes.join("\n")
    }

    /// What identifies the federation for good.
    #[must_use]
    pub const fn id(&self) -> FederationId {
        self.first.id()
    }

    /// The charter in force.
    #[must_use]
    pub fn in_force(&self) -> &Charter {
        self.later.last().unwrap_or(&self.first)
    }

    /// Every version, the first one first.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &Charter> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// One version, counted from one.
    #[must_use]
    pub fn version(&self, version: u32) -> Option<&Charter> {
        match version {
            0 => None,
            1 => Some(&self.first),
            later => self.later.get(usize::try_from(later).ok()?.checked_sub(2)?),
        }
    }

    /// What each version changed in the one before, beginning with the second.
    pub fn changes(&self) -> impl Iterator<Item = (&Charter, Changes)> {
        let pairs = self.history().zip(&self.later);
        pairs.map(|(before, after)| (after, Changes::between(before.terms(), after.terms())))
    }

    /// Takes the next version, or the newest one of a later round, if it is valid.
    ///
    /// Before a document is taken that is of another text but of the same round as one held,
    /// [`DoubleVote::between`](super::DoubleVote::between) says who signed both.
    pub fn offer(&mut self, next: UnverifiedCharter) -> Result<Step, ChainError> {
        let terms = next.terms();
        let version = terms.version();
        if let Some(held) = self.version(version) {
            if *held.hash() == next.hash() {
                return Ok(Step::Known);
            }
            if version != self.in_force().version() || version == 1 {
                return Err(ChainError::Settled { version });
            }
            let round = held.terms().round();
            let tally = self.tally(&next)?;
            return match terms.round().cmp(&round) {
                std::cmp::Ordering::Less => Ok(Step::EarlierRound),
                std::cmp::Ordering::Equal => Err(ChainError::SameRound { version, round }),
                std::cmp::Ordering::Greater => {
                    let next = self.count(next, &tally)?;
                    self.later.pop();
                    self.register = Register::of(self.history());
                    self.enter(next);
                    Ok(Step::Replaced)
                }
            };
        }
        let tally = self.tally(&next)?;
        if self.later.len() + 1 >= MAX_VERSIONS {
            return Err(ChainError::TooManyVersions);
        }
        let next = self.count(next, &tally)?;
        self.enter(next);
        Ok(Step::New)
    }

    /// How far a document is from being in force. It must follow the charter in force, or stand
    /// beside it; if it breaks a rule, no number of signatures helps it.
    pub fn tally(&self, next: &UnverifiedCharter) -> Result<Tally, ChainError> {
        let terms = next.terms();
        let version = terms.version();
        let before = version
            .checked_sub(1)
            .and_then(|before| self.version(before));
        let Some(before) = before else {
            return Err(ChainError::Skipped {
                next: self.in_force().version().saturating_add(1),
                found: version,
            });
        };
        if terms.federation() != before.federation() || terms.nonce() != before.terms().nonce() {
            return Err(ChainError::OtherFederation);
        }
        if terms.previous() != Some(before.hash()) {
            return Err(ChainError::OtherPrevious { version });
        }
        let changes = Changes::between(before.terms(), terms);
        if changes.actions().is_empty() {
            return Err(ChainError::NothingChanged);
        }
        let last =
            self.version(version.saturating_add(1)).is_none() && self.version(version).is_none();
        if last {
            self.register.check(terms, before.terms())?;
        } else {
            let earlier = self.history().take_while(|held| held.version() < version);
            Register::of(earlier).check(terms, before.terms())?;
        }
        refuse_after(before, &changes, terms.drafted())?;
        Ok(Tally::new(before.terms(), next, changes))
    }

    /// Whether a member may sign a document now, by its own clock: one whose admissions come too
    /// late must not be voted for, even if it was drafted in time or says so.
    pub fn may_vote(&self, next: &UnverifiedCharter, now: Timestamp) -> Result<Tally, ChainError> {
        let (version, round) = (next.terms().version(), next.terms().round());
        if version <= self.in_force().version() {
            let held = self
                .version(version)
                .ok_or(ChainError::Settled { version })?;
            if version != self.in_force().version() || version == 1 {
                return Err(ChainError::Settled { version });
            }
            if held.terms().round() >= round && *held.hash() != next.hash() {
                let round = held.terms().round();
                return Err(ChainError::SameRound { version, round });
            }
        }
        let tally = self.tally(next)?;
        if let Some(before) = self.version(version.saturating_sub(1)) {
            refuse_after(before, tally.changes(), now)?;
        }
        Ok(tally)
    }

    fn count(&self, next: UnverifiedCharter, tally: &Tally) -> Result<Charter, ChainError> {
        let wrong = next.wrong();
        if !wrong.is_empty() {
            return Err(CharterError::WrongSignatures(wrong).into());
        }
        if let Some(need) = tally.unmet() {
            return Err(ChainError::TooFew {
                version: next.terms().version(),
                need,
            });
        }
        let none = CharterError::MissingSignatures(next.missing());
        Ok(next.in_force(self.id()).ok_or(none)?)
    }

    fn enter(&mut self, next: Charter) {
        self.register.enter(next.terms());
        self.later.push(next);
    }
}

/// Soft expiry: after the date nobody comes in until a version without newcomers moves it.
fn refuse_after(before: &Charter, changes: &Changes, now: Timestamp) -> Result<(), ChainError> {
    match (before.expires(), changes.newcomers().next()) {
        (Some(expired), Some(newcomer)) if expired <= now => Err(ChainError::Expired {
            expired,
            newcomer: newcomer.clone(),
        }),
        _ => Ok(()),
    }
}

/// Every name and root key that the versions of a chain ever gave: names in indicators, policies
/// and feeds outlive their members, so they never come to mean somebody else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Register {
    /// The last root key under each name.
    names: BTreeMap<MemberName, PublicKey>,
    /// Under which name each root key was listed.
    keys: BTreeMap<PublicKey, MemberName>,
}

impl Register {
    fn of<'a>(versions: impl Iterator<Item = &'a Charter>) -> Self {
        let mut register = Self::default();
        versions.for_each(|charter| register.enter(charter.terms()));
        register
    }

    fn enter(&mut self, terms: &Terms) {
        for (name, root) in terms.voters() {
            self.names.insert(name.clone(), *root);
            self.keys.insert(*root, name.clone());
        }
    }

    /// Who was removed comes back under its name by its last root key only. The root key of a
    /// member that stays may be replaced, for that takes the votes of an admission and a removal.
    /// A key that was replaced never comes back.
    fn check(&self, terms: &Terms, before: &Terms) -> Result<(), ChainError> {
        for (name, root) in terms.voters() {
            let last = self.names.get(name);
            if last == Some(root) {
                continue;
            }
            if last.is_some() && before.member(name).is_none() {
                return Err(ChainError::NameTaken(name.clone()));
            }
            if let Some(holder) = self.keys.get(root) {
                return Err(ChainError::KeyUsed {
                    member: name.clone(),
                    holder: holder.clone(),
                });
            }
        }
        Ok(())
    }
}
