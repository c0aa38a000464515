//! What follows from what a reader was told or asked.

use kentong_keys::MemberName;

use crate::feed::{BodyError, EpochError, FeedId};
use crate::store::StoreError;
use crate::sync::Evidence;
use crate::wire::Message;

/// What is to be done or known, in the order given.
#[derive(Debug)]
pub enum Output {
    /// Send this to the member that asked.
    Serve(Message),
    /// Tell the session that leaves of a feed up to here were sent.
    SentLeaves {
        /// The feed.
        feed: FeedId,
        /// The index behind the last leaf.
        until: u64,
    },
    /// Tell all sessions to look again at what to fetch from whom: of one feed, or of all.
    Reassigned(Option<FeedId>),
    /// Tell all sessions to show the newest head of a feed.
    Head(FeedId),
    /// Tell all sessions that there may be receipts to give.
    Changed,
    /// Tell all sessions of two histories of one feed.
    PassOn(Evidence),
    /// Keep evidence for people, for good.
    KeepEvidence(Evidence),
    /// A person may want to know this of what came.
    Found(Found),
    /// Publish nothing until the next start.
    Stop(String),
}

/// What was found out about what members sent.
#[derive(Debug)]
pub enum Found {
    /// A body is not what its leaf says: its publisher broke a rule.
    BadBody {
        /// Who published it.
        publisher: MemberName,
        /// In which feed.
        feed: FeedId,
        /// At which index.
        index: u64,
        /// What is wrong.
        error: BodyError,
    },
    /// Statements of a body were refused.
    Refused {
        /// Who published it.
        publisher: MemberName,
        /// In which feed.
        feed: FeedId,
        /// At which index.
        index: u64,
        /// How many.
        statements: usize,
    },
    /// A body was dropped: its publisher's quota has no room for it.
    Dropped {
        /// In which feed.
        feed: FeedId,
        /// At which index.
        index: u64,
    },
    /// The key of an epoch could not be decrypted, and is asked for again.
    NoKey {
        /// Of which feed.
        feed: FeedId,
        /// Of which epoch.
        epoch: u32,
        /// Why.
        error: EpochError,
    },
    /// Bodies that wait for their key could not be decrypted.
    NotOpened(StoreError),
}
