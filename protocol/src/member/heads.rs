//! What was signed last in each of our feeds, and where that is kept.
//!
//! A publisher that signs two histories of one feed has forked it, for good and for all to see. So every
//! signature comes after [`Heads::swap_all`], which is durable when it returns. What may follow what is
//! decided here alone ([`Table`]), so that every place that keeps heads refuses the same swaps.

#[cfg(any(test, feature = "sim"))]
mod memory;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kentong_keys::Digest;

#[cfg(any(test, feature = "sim"))]
pub use memory::{InMemory, InMemoryError, NextWrite};

/// How many feeds there may be: many times the feeds that a node may have open.
pub const MAX_FEEDS: usize = 65_536;

/// A head that was signed, or is about to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signed {
    /// How many leaves the feed has.
    pub size: u64,
    /// The root of its tree.
    pub root: Digest,
}

impl Signed {
    /// The entry of a feed that has ended: a part of its history is lost, or may be. No head may follow.
    pub const ENDED: Self = Self {
        size: u64::MAX,
        root: Digest::from_bytes([0; Digest::LEN]),
    };

    /// Whether the feed has ended.
    #[must_use]
    pub fn is_ended(self) -> bool {
        self == Self::ENDED
    }

    /// Whether `new` may be signed after this head: it is longer, or the same.
    fn may_be_followed_by(self, new: Self) -> bool {
        new.size > self.size || new == self
    }
}

/// A change of one feed's entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swap {
    /// The feed.
    pub feed: Digest,
    /// What the caller takes the entry to be.
    pub expected: Option<Signed>,
    /// What it is to become.
    pub new: Signed,
}

/// Keeps what was signed last in each of our feeds.
///
/// There is one keeper per home, and nobody else writes what it keeps.
///
/// What it keeps **must never be rolled back**: a node that resumes from an older state signs a second
/// history over what its readers already hold. It may be lost, at a price: the node then asks its readers
/// what they hold before it signs again. Hence it is in no backup, and a keeper that opens without it, or
/// with one that it cannot believe, is *unknown* and refuses [`Heads::swap_all`] until [`Heads::settle`].
///
/// If a change fails and it is not certain that nothing of it was kept, the keeper refuses every later
/// change. Only a new start, which reads what is there, can tell the two outcomes apart.
pub trait Heads {
    /// Why a change was refused, or failed.
    type Error: std::error::Error;

    /// Whether it is not known what was signed last: what is kept was lost, or is not believed.
    fn is_unknown(&self) -> bool;

    /// What is kept is not believed from now on: the log knows of more. The keeper is *unknown* until it is
    /// settled.
    fn disbelieve(&mut self);

    /// The entry of a feed; none if nothing was ever signed in it, or if the keeper is unknown.
    fn get(&self, feed: &Digest) -> Option<Signed>;

    /// All entries, in the order of the feeds' ids.
    fn iter(&self) -> impl Iterator<Item = (&Digest, Signed)>;

    /// Makes all changes, one after another, or none of them.
    ///
    /// Each entry must be what its swap expects, and the new head must be longer or the same
    /// ([`Table::swapped`]). The changes are durable when this returns `Ok`: only then may what they say
    /// be signed. After an error nothing of them may be signed.
    fn swap_all(&mut self, swaps: &[Swap]) -> Result<(), Self::Error>;

    /// Takes these entries for what was signed last: what readers said, who would know.
    ///
    /// Only for a keeper that is unknown. They are durable when this returns `Ok`, and the keeper is no
    /// longer unknown.
    fn settle(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), Self::Error>;

    /// Changes one entry: see [`Heads::swap_all`].
    fn compare_and_swap(
        &mut self,
        feed: Digest,
        expected: Option<Signed>,
        new: Signed,
    ) -> Result<(), Self::Error> {
        self.swap_all(&[Swap {
            feed,
            expected,
            new,
        }])
    }
}

/// Why a change of heads is refused, whatever keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Signing this would give the feed two histories.
    #[error(
        "refused to sign feed {} at size {}, after size {} was signed: that would fork it; \
         the log is older than this, so bring back its newest state",
        feed.short(), offered.size, signed.size
    )]
    WouldFork {
        /// The feed.
        feed: Digest,
        /// What was signed last.
        signed: Signed,
        /// What was to be signed.
        offered: Signed,
    },
    /// The entry is not what the caller took it to be.
    #[error(
        "the signer state of feed {} is not the expected one; read it again before signing",
        feed.short()
    )]
    Changed {
        /// The feed.
        feed: Digest,
        /// What the entry is.
        found: Option<Signed>,
    },
    /// It is not known what was signed last.
    #[error(
        "refused to sign before it is known what was signed last; `kentong status` says who is asked"
    )]
    Unknown,
    /// It is known what was signed last, so nothing else may be taken for it.
    #[error("the signer state is known already; it must not be replaced")]
    Known,
    /// No more feeds fit.
    #[error("the signer state is full ({MAX_FEEDS} feeds); start a new node")]
    TooManyFeeds,
    /// An earlier change may or may not be durable.
    #[error(
        "an earlier change of the signer state failed half-way; check the disk and start the \
         node again"
    )]
    Poisoned,
}

/// The entries in memory, and the rule of what may be changed: for those who implement [`Heads`].
///
/// A change is worked out first ([`Table::swapped`], [`Table::may_settle`]), then made durable by the caller,
/// and only then put in place here ([`Table::replace`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    entries: BTreeMap<Digest, Signed>,
    trust: Trust,
}

/// Whether the entries can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Known,
    /// There is no state that can be believed: nothing is signed before one is settled on.
    Unknown,
    /// A change failed, and may have been kept all the same.
    Poisoned,
}

impl Table {
    /// What was signed last is known.
    #[must_use]
    pub const fn known(entries: BTreeMap<Digest, Signed>) -> Self {
        Self {
            entries,
            trust: Trust::Known,
        }
    }

    /// What was signed last is lost, or not to be believed.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            entries: BTreeMap::new(),
            trust: Trust::Unknown,
        }
    }

    /// Whether it is not known what was signed last.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.trust, Trust::Unknown)
    }

    /// All entries.
    #[must_use]
    pub const fn entries(&self) -> &BTreeMap<Digest, Signed> {
        &self.entries
    }

    /// The entries after these swaps; none if they change nothing, so that nothing is to be written.
    pub fn swapped(&self, swaps: &[Swap]) -> Result<Option<BTreeMap<Digest, Signed>>, Refused> {
        match self.trust {
            Trust::Known => {}
            Trust::Unknown => return Err(Refused::Unknown),
            Trust::Poisoned => return Err(Refused::Poisoned),
        }
        let mut entries = self.entries.clone();
        for swap in swaps {
            let found = entries.get(&swap.feed).copied();
            if found != swap.expected {
                return Err(Refused::Changed {
                    feed: swap.feed,
                    found,
                });
            }
            if let Some(signed) = found
                && !signed.may_be_followed_by(swap.new)
            {
                return Err(Refused::WouldFork {
                    feed: swap.feed,
                    signed,
                    offered: swap.new,
                });
            }
            entries.insert(swap.feed, swap.new);
        }
        if entries.len() > MAX_FEEDS {
            return Err(Refused::TooManyFeeds);
        }
        Ok((entries != self.entries).then_some(entries))
    }

    /// Whether these entries may be taken for what was signed last.
    pub fn may_settle(&self, entries: &BTreeMap<Digest, Signed>) -> Result<(), Refused> {
        match self.trust {
            Trust::Known => Err(Refused::Known),
            Trust::Poisoned => Err(Refused::Poisoned),
            Trust::Unknown if entries.len() > MAX_FEEDS => Err(Refused::TooManyFeeds),
            Trust::Unknown => Ok(()),
        }
    }

    /// These entries are durable: they are what was signed last.
    pub fn replace(&mut self, entries: BTreeMap<Digest, Signed>) {
        *self = Self::known(entries);
    }

    /// A change failed, and it is open whether it was kept: no later one is taken.
    pub const fn poison(&mut self) {
        self.trust = Trust::Poisoned;
    }
}
