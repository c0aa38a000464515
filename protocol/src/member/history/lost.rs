//! What is lost of a feed.

use super::{Held, RECOVERY};
use crate::time::Moment;

/// What is lost of one of our feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// How many leaves were signed.
    signed: u64,
    /// From which leaf on what it says may not be in our answers.
    from: u64,
    /// Until when releases wait for them.
    until: Moment,
}

impl Lost {
    /// Releases wait for it, for a minute.
    pub(super) fn awaited(signed: u64, from: u64, now: Moment) -> Self {
        Self {
            signed,
            from,
            until: now.after(RECOVERY),
        }
    }

    /// It is loaded if it comes back; nothing waits for it.
    pub(super) const fn not_awaited(signed: u64, from: u64) -> Self {
        Self {
            signed,
            from,
            until: Moment::START,
        }
    }

    /// A reader shows this many leaves. The deadline stays: readers one after another do not move it.
    pub(super) fn grow(&mut self, signed: u64) {
        self.signed = self.signed.max(signed);
    }

    pub(super) fn is_awaited(self, now: Moment) -> bool {
        now < self.until
    }

    pub(super) const fn from(self) -> u64 {
        self.from
    }

    /// Whether all of it is held, and decrypted.
    pub(super) const fn is_back(self, held: &Held<'_>) -> bool {
        held.size >= self.signed && !held.lacks_bodies()
    }
}
