//! A feed as a node holds it, for those who judge: what it says, not how it is kept.

use kentong_keys::{Digest, MemberName};

use crate::feed::{FeedId, Leaf};
use crate::statement::Statement;

use super::super::feeds::{Feeds, Held};

/// A feed that a node holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Feed<'n> {
    id: FeedId,
    held: &'n Held,
}

impl<'n> Feed<'n> {
    pub(in crate::sim) const fn id(&self) -> FeedId {
        self.id
    }

    pub(in crate::sim) const fn publisher(&self) -> &'n MemberName {
        &self.held.genesis.publisher
    }

    /// Its publisher and its readers.
    pub(in crate::sim) fn audience(&self) -> impl Iterator<Item = &'n MemberName> + use<'n> {
        self.held.genesis.audience.members().iter()
    }

    /// Whether a member publishes or reads it.
    pub(in crate::sim) fn is_for(&self, member: &MemberName) -> bool {
        self.held.genesis.audience.holds(member)
    }

    /// How many leaves are held.
    pub(in crate::sim) fn size(&self) -> u64 {
        self.held.tree.size()
    }

    /// The root over all leaves that are held.
    pub(in crate::sim) fn root(&self) -> Digest {
        self.held.tree.root()
    }

    /// The root over the first so many leaves; none if fewer are held.
    pub(in crate::sim) fn root_at(&self, size: u64) -> Option<Digest> {
        self.held.tree.root_at(size)
    }

    /// The leaves from an index on.
    pub(in crate::sim) fn leaves_from(
        &self,
        from: u64,
    ) -> impl Iterator<Item = &'n Leaf> + use<'n> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        self.held.leaves.iter().skip(from).map(|leaf| &leaf.0)
    }

    /// The newest signed head that is held, as its publisher wrote it.
    pub(in crate::sim) fn head(&self) -> Option<&'n [u8]> {
        let head = self.held.checkpoint.as_ref();
        head.map(|(_, note)| note.as_slice())
    }

    /// How many bodies of the first so many leaves are not held, and should be.
    pub(in crate::sim) fn missing_below(&self, size: u64) -> u64 {
        self.held.missing_below(size)
    }

    /// How many bodies are not held, and should be.
    pub(in crate::sim) fn missing(&self) -> u64 {
        self.held.missing_below(u64::MAX)
    }

    /// All that its batches say, as far as they could be decrypted.
    pub(in crate::sim) fn statements(&self) -> impl Iterator<Item = &'n Statement> + use<'n> {
        let batches = self.held.opened.values();
        batches.flat_map(|all| all.iter().map(|(statement, _)| statement))
    }

    /// What one batch says; nothing if it is not held, or could not be decrypted.
    pub(in crate::sim) fn batch(
        &self,
        index: u64,
    ) -> impl Iterator<Item = &'n Statement> + use<'n> {
        let batch = self.held.opened.get(&index).into_iter();
        batch.flat_map(|all| all.iter().map(|(statement, _)| statement))
    }

    /// The batches that signed leaves say are erased.
    pub(in crate::sim) fn erased(&self) -> impl Iterator<Item = u64> + use<'n> {
        self.held.erased()
    }

    /// Whether the node has the body of a batch in memory.
    pub(in crate::sim) fn has_body(&self, index: u64) -> bool {
        self.held.bodies.contains_key(&index)
    }
}

/// Feeds, however they came to be held.
pub(super) fn all(feeds: &Feeds) -> impl Iterator<Item = Feed<'_>> {
    feeds.iter().map(|(id, held)| Feed { id: *id, held })
}

pub(super) fn of<'n>(
    feeds: &'n Feeds,
    publisher: &MemberName,
) -> impl Iterator<Item = Feed<'n>> + use<'n> {
    let of: Vec<_> = feeds
        .of(publisher)
        .map(|(id, held)| Feed { id: *id, held })
        .collect();
    of.into_iter()
}

pub(super) fn one<'n>(feeds: &'n Feeds, id: &FeedId) -> Option<Feed<'n>> {
    let held = feeds.get(id)?;
    Some(Feed { id: *id, held })
}
