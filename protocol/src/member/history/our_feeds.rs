//! What the store holds of our feeds, as far as history asks.

use kentong_keys::{Digest, MemberName};

use crate::feed::{Audience, FeedId};

/// What is held of one of our feeds.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Which feed it is.
    pub feed: FeedId,
    /// Its readers, and we.
    pub audience: &'a Audience,
    /// How many leaves are held.
    pub size: u64,
    /// How many of them its newest checkpoint covers; 0 without one.
    pub covered: u64,
    /// How many bodies are missing.
    pub missing: u64,
    /// How many bodies wait for their key.
    pub undecrypted: u64,
    /// Whether nobody else reads it.
    pub is_private: bool,
    /// Whether its last leaf closes it.
    pub is_closed: bool,
}

impl Held<'_> {
    /// Whether others read it and it has begun.
    pub(super) const fn is_shared(&self) -> bool {
        self.size > 0 && !self.is_private
    }

    pub(super) const fn lacks_bodies(&self) -> bool {
        self.missing > 0 || self.undecrypted > 0
    }
}

/// What the store holds of our feeds.
pub trait OurFeeds {
    /// Our name.
    fn me(&self) -> &MemberName;

    /// All our feeds, in the order in which they began here.
    fn all(&self) -> impl Iterator<Item = Held<'_>>;

    /// One of our feeds; none if nothing of it is held, or if it is not ours.
    fn get(&self, feed: FeedId) -> Option<Held<'_>>;

    /// The root of a feed's tree when it had this many leaves; none if fewer are held.
    fn root_at(&self, feed: FeedId, size: u64) -> Option<Digest>;
}
