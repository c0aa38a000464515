//! What shows to others that a publisher signed two histories of one feed.

use std::fmt;

use kentong_keys::{Digest, MemberName, PublicKey};

use crate::bounded::BoundedBytes;
use crate::feed::{ConsistencyProof, FeedId, Tree, UnverifiedCheckpoint};
use crate::wire::{self, Message};

/// Two checkpoints of one feed, both truly signed by its publisher, that cannot both be, or of which
/// the publisher did not show that they can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who signed them.
    pub publisher: MemberName,
    /// Which feed.
    pub feed: FeedId,
    /// The checkpoint that this node went by.
    pub held: Vec<u8>,
    /// The one that was shown now.
    pub shown: Vec<u8>,
    /// That the held one has this root at the shown one's size, which proves it if the sizes differ.
    /// Without it two of different sizes are a reason to ask the publisher for a proof that the one
    /// goes on from the other: it gave none that holds.
    pub link: Option<RootProof>,
}

/// A size, the root of a longer history at that size, and the proof that it has this root there.
pub type RootProof = (u64, Digest, ConsistencyProof);

impl Evidence {
    /// The link from a held checkpoint of `size` leaves to what it implies at the size `at`.
    pub(super) fn link(tree: &Tree, size: u64, at: u64) -> Option<RootProof> {
        if at >= size {
            return None;
        }
        Some((at, tree.root_at(at)?, tree.consistency(at, size)?))
    }

    /// Whether it shows by itself that whoever has this signing key signed two histories of the feed:
    /// two roots at one size, or another root than a longer history has at the shorter one's size.
    #[must_use]
    pub fn is_conclusive(&self, federation: &str, key: &PublicKey) -> bool {
        let read = |note: &[u8]| {
            let note = UnverifiedCheckpoint::parse(note).ok()?.verify(key).ok()?;
            let origin = note.origin();
            let fits = origin.federation == federation
                && origin.publisher == self.publisher
                && origin.feed == self.feed;
            fits.then_some(note)
        };
        let (Some(held), Some(shown)) = (read(&self.held), read(&self.shown)) else {
            return false;
        };
        if held.origin() != shown.origin() {
            return false;
        }
        match &self.link {
            None => held.size() == shown.size() && held.root() != shown.root(),
            Some((at, root, proof)) => {
                *at == shown.size()
                    && root != shown.root()
                    && proof
                        .verify((*at, root), (held.size(), held.root()))
                        .is_ok()
            }
        }
    }

    /// The message that passes it on.
    pub(super) fn message(&self) -> Option<Message> {
        Some(Message::Evidence(Box::new(wire::Evidence {
            publisher: self.publisher.clone(),
            feed: self.feed,
            held: BoundedBytes::new(self.held.clone()).ok()?,
            shown: BoundedBytes::new(self.shown.clone()).ok()?,
            link: self.link.clone(),
        })))
    }
}

impl From<wire::Evidence> for Evidence {
    fn from(came: wire::Evidence) -> Self {
        let wire::Evidence {
            publisher,
            feed,
            held,
            shown,
            link,
        } = came;
        Self {
            publisher,
            feed,
            held: held.into_vec(),
            shown: shown.into_vec(),
            link,
        }
    }
}

/// As it is kept: a few lines of text, then the two notes as they were signed.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "kentong evidence v1: two histories of feed {}",
            self.feed
        )?;
        if let Some((at, root, proof)) = &self.link {
            writeln!(
                f,
                "the first has at size {at} the root {root}, by this RFC 6962 proof:"
            )?;
            for step in proof.path() {
                writeln!(f, "{step}")?;
            }
        }
        if self.link.is_none() {
            writeln!(
                f,
                "unless both have one size, this is proof only if {} cannot show that they go together",
                self.publisher
            )?;
        }
        for note in [&self.held, &self.shown] {
            // A parsed note is text.
            write!(f, "\n{}", String::from_utf8_lossy(note))?;
        }
        Ok(())
    }
}
