//! What is to be done in the world, and why something may not be done yet.

use crate::feed::{Audience, FeedId};

/// What is to be done, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Note durably that lost history is to come back, so that the next start looks for it.
    Mark,
    /// Nothing is lost or to be loaded: the note is to go.
    Unmark,
    /// Append nothing to this feed.
    Leave(FeedId),
    /// This feed is whole again: append to it, unless another has its place.
    Resume {
        /// For whom it is.
        audience: Audience,
        /// The feed.
        feed: FeedId,
    },
    /// Append to the feeds that [`super::open_feeds`] says, and to no others.
    OpenFeeds,
    /// Cosign all heads of other members that are held.
    CosignAll,
    /// Look through all that we said for what is to be released.
    ReleaseAll,
    /// All that came back was loaded.
    Loaded {
        /// How many statements were news.
        statements: usize,
        /// Whether a batch could not be loaded.
        failed: bool,
    },
    /// A person should know this.
    Warn(Warning),
    /// What a warning said about this is over.
    Settle(About),
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Leaves of a feed were signed and are not held.
    Lost {
        /// The feed.
        feed: FeedId,
        /// How many leaves were signed.
        signed: u64,
        /// How many are held.
        held: u64,
    },
    /// No reader has confirmed that it knows nothing newer of our feeds.
    Unconfirmed,
    /// Publishing continues by the root key's word.
    ByRootKey {
        /// How many members had been heard.
        heard: usize,
    },
}

/// What a warning is about, as far as it can be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// That no reader has confirmed our history.
    Unconfirmed,
    /// That leaves of this feed are lost.
    Lost(FeedId),
}

/// Why something may not be done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// Nothing is published until the next start.
    Stopped(&'a str),
    /// It is not known what was signed last.
    Unknown,
    /// What came back is still to be loaded.
    Loading {
        /// How many batches.
        batches: u64,
    },
    /// Leaves of our feeds are lost and may come back soon.
    Incomplete,
    /// No reader has said yet whether it knows anything newer.
    NoReaderYet,
}
