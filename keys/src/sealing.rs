//! Sealing: epoch keys to a recipient, bodies under an epoch key, records of the own store.
//!
//! `algorithm` below is the only place that chooses an AEAD, a KDF or a KEM.

pub(crate) mod algorithm;
mod body;
mod recipient;
mod store;

pub use body::{BodyContext, EpochKey, open_body, seal_body, statement_salt};
pub use recipient::{
    SealError, SealedEpochKey, SealingChance, SealingContext, SealingKey, SealingKeyError,
    SealingKeyId, SealingSecret, open_epoch_key, seal_epoch_key, seal_epoch_key_with,
};
pub use store::{IndexKey, StoreKey};

/// Sealed bytes do not open. Which of key, context and bytes is wrong is not told, so that
/// nobody learns from trying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed bytes do not open with this key in this place")]
pub struct OpenError;
