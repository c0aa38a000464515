//! What follows from what the publisher did, and why it did not.

use crate::feed::FeedId;
use crate::store::StoreError;

/// What is to be done, in the order given.
#[derive(Debug)]
pub enum Output<T> {
    /// A feed of ours has more leaves, durable and signed: its readers are to be told.
    Grown(FeedId),
    /// A feed was closed that somebody read who is no longer a member.
    Closed(FeedId),
    /// What this one said is durable.
    Said(T),
    /// What this one said is not stored.
    NotSaid {
        /// Who said it.
        to: T,
        /// Why.
        why: String,
        /// It may or may not be stored: the next start finishes it, or drops it.
        is_open: bool,
    },
    /// Nothing is to be published until the next start: what is stored and what is signed may differ.
    Stop(String),
    /// Something was not released because of what is not known yet: all is to be looked through when it may
    /// be.
    HeldBack,
    /// What was held back is looked through now.
    Resumed,
    /// A release failed, and why. It is tried again.
    NotReleased(String),
    /// All was checked for release, and none failed.
    AllChecked,
}

/// Why nothing was published. What was asked for is not on disk, or will be dropped from it.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no charter.
    #[error("there is no charter yet, so there is no federation to publish in")]
    NoCharter,
    /// Publishing has stopped until the next start.
    #[error("publishing is halted: {0}")]
    Stopped(String),
    /// History is not known yet.
    #[error("it is not known yet what this node signed last")]
    Recovering,
    /// It failed after the heads may have moved: the next start finishes it, or drops it.
    #[error("publishing is halted, and this may or may not be stored: {0}")]
    Unfinished(String),
    /// The store failed before that.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More members than an audience can have.
    #[error("an audience has too many members")]
    Audience,
}
