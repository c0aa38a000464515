//! The fork guard: before this node signs on, its readers are heard.
//!
//! A home that was rolled back does not know what it signed since; its readers do, and each shows the
//! heads that it holds when it connects. So after a start nothing is released before one reader has
//! answered, or ten seconds have passed. Leaves, bodies and keys that this node lost are taken back from
//! whoever has them: a reader's copy is the publisher's backup. What the agency keeps for itself alone
//! nobody can give back: then that goes on in a new feed, and the old one stays as it is.
//!
//! Where the signer state itself is lost one reader is not enough: see [`super::restored`].

use std::collections::BTreeMap;

use kentong_protocol::MemberName;
use kentong_protocol::feed::{FeedId, UnverifiedCheckpoint};
use kentong_protocol::member::heads::Heads as _;

use crate::recovery_file;
use crate::signer::{Signed, SignerError};
use crate::store::FeedState;

use super::core::Core;
use super::restored::Restored;
use super::warnings::Subject;

/// Milliseconds after a start in which one reader is waited for.
const PATIENCE: u64 = 10_000;
/// Milliseconds for which releases wait until lost history is back. Then they go on, in new feeds.
const RECOVERY: u64 = 60_000;

/// What the guard knows since the start.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// A reader has shown what it holds of our feeds.
    pub(super) confirmed: bool,
    /// The wait is over, be it for a reader's word or for the time.
    open: bool,
    /// Own feeds of which leaves that were signed are lost.
    pub(super) lost: BTreeMap<FeedId, Lost>,
    /// Set as long as it is not known what was signed last.
    pub(super) restored: Option<Restored>,
}

/// What is lost of an own feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    /// How many leaves were signed.
    signed: u64,
    /// From which leaf on what it says may not be in the private feed.
    from: u64,
    /// Until when releases wait for them.
    until: u64,
}

impl Guard {
    /// Whether leaves of an own feed are known to be lost, and not back.
    pub(super) fn lacks_history(&self) -> bool {
        !self.lost.is_empty()
    }

    /// What is lost of a feed is taken in if it comes back; releases do not wait for it.
    pub(super) fn take_in_later(&mut self, feed: FeedId, signed: u64) {
        let until = 0;
        let from = 0;
        self.lost.insert(
            feed,
            Lost {
                signed,
                from,
                until,
            },
        );
    }
}

impl Core {
    /// Leaves of an own feed that were signed are not held. Nothing is appended to it before they are.
    /// A start knows no better than that all of it may be news (`from` 0): an earlier recovery may have
    /// been cut short.
    pub(super) fn lost(&mut self, feed: FeedId, signed: u64, from: u64) {
        if let Err(error) = recovery_file::begin(&self.home) {
            tracing::error!(%error, "it could not be noted that lost history is to come back");
        }
        let held = self.store.feeds().get(feed).map_or(0, FeedState::size);
        let until = if self.is_ended(feed) {
            0 // Another feed has its place.
        } else {
            self.now().millis + RECOVERY
        };
        let lost = self.guard.lost.entry(feed).or_insert(Lost {
            signed,
            from,
            until,
        });
        lost.signed = lost.signed.max(signed);
        self.feeds.retain(|_, open| *open != feed);
        self.epochs.remove(&feed);
        tracing::warn!(
            ?feed,
            signed,
            held,
            "signed leaves of an own feed are lost here"
        );
        let warning = format!(
            "{signed} leaves of our feed {feed} are signed and this node holds {held}: its home is an \
             older copy. What a reader has is taken back; keep the readers connected"
        );
        self.warn(Subject::Lost(feed), warning);
    }

    /// A reader has shown what it holds of our feeds.
    pub(super) fn compared(&mut self, reader: &MemberName) {
        self.restored_heard(reader);
        let mut own = self.store.feeds().of(&self.me);
        if !self.guard.confirmed && own.any(|feed| feed.genesis().audience.holds(reader)) {
            self.guard.confirmed = true;
            self.warnings.settle(&Subject::Unconfirmed);
        }
    }

    /// Whether releases may go on; looks at the time.
    pub(super) fn may_release(&mut self) -> bool {
        if self.guard.restored.is_some() || self.taking_in.is_going_on() {
            return false;
        }
        let now = self.now().millis;
        if self.guard.lost.values().any(|lost| now < lost.until) {
            return false;
        }
        if !self.guard.open {
            let mut own = self.store.feeds().of(&self.me);
            let shared = own.any(|feed| feed.size() > 0 && !feed.is_private());
            drop(own);
            if shared && !self.guard.confirmed && now < PATIENCE {
                return false;
            }
            self.guard.open = true;
            if shared && !self.guard.confirmed {
                let warning = "unconfirmed start: no reader has said yet that it knows nothing newer \
                               of our feeds than this node";
                self.warn(Subject::Unconfirmed, warning.to_owned());
            }
        }
        true
    }

    /// Before a head of an own feed that came back from a reader is stored, the signer state knows it:
    /// it was signed, by this node's key, before it was lost.
    pub(super) fn own_head_came(&mut self, note: &[u8]) -> Result<(), SignerError> {
        let key = self.identity.signing.public_key();
        let checkpoint = UnverifiedCheckpoint::parse(note).and_then(|note| note.verify(&key));
        let Ok(checkpoint) = checkpoint else {
            return Ok(()); // The session has verified it.
        };
        if self.signer.is_unknown() {
            return Ok(()); // It is settled when all is known.
        }
        let feed = *checkpoint.origin().feed.digest();
        let new = Signed {
            size: checkpoint.size(),
            root: *checkpoint.root(),
        };
        let known = self.signer.get(&feed);
        if known.is_some_and(|known| known.size > new.size) {
            return Ok(());
        }
        // One reader shows a feed that this node does not know any more: others may have more of it.
        let new = if known.is_none() { Signed::ENDED } else { new };
        self.signer.compare_and_swap(feed, known, new)
    }

    /// Something of an own feed came back. If it is whole again, publishing goes on from there.
    pub(super) fn came_back(&mut self, feed: FeedId) {
        if self.restored_moved(feed) {
            return;
        }
        let Some(lost) = self.guard.lost.get(&feed).copied() else {
            return;
        };
        let held = self.store.feeds().get(feed).filter(|held| {
            held.size() >= lost.signed && held.missing_count() == 0 && held.unopened_count() == 0
        });
        let Some(held) = held else { return };
        let (audience, closed) = (held.genesis().audience.clone(), held.is_closed());
        let (from, to) = (lost.from, held.size());
        self.guard.lost.remove(&feed);
        if !closed && !self.is_ended(feed) {
            self.feeds.entry(audience).or_insert(feed);
        }
        tracing::info!(?feed, from, to, "lost history is back");
        self.warnings.settle(&Subject::Lost(feed));
        self.take_in(feed, from);
    }

    /// Looks whether what came back by itself, as a key does, makes a lost feed whole.
    pub(super) fn lost_on(&mut self) {
        let lost: Vec<_> = self.guard.lost.keys().copied().collect();
        lost.into_iter().for_each(|feed| self.came_back(feed));
    }

    /// Whether nothing is signed any more in an own feed.
    pub(super) fn is_ended(&self, feed: FeedId) -> bool {
        let signed = self.signer.get(feed.digest());
        signed.is_some_and(Signed::is_ended)
    }
}
