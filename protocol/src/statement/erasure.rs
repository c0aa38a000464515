//! That an indicator was erased: what its publisher says of it when nothing else is left.
//!
//! It does not name the value, which is to be gone. Its publisher knows the indicator again by a
//! keyed hash, so that a list which still holds the value does not bring it back, and a home that was
//! put back to what it was learns from its readers what it had erased. To readers the hash says
//! nothing.

use crate::encoding;
use crate::time::Timestamp;

use super::{MAX_STATEMENT, Revision, StatementError, VERSION, read_error};

/// The kind's number. Those between are left for what is said of the indicators of others.
pub(super) const ERASED: u8 = 8;

/// By which a publisher, and nobody else, knows an erased indicator again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErasedMark([u8; 16]);

impl ErasedMark {
    /// A mark of these bytes: a keyed hash whose key only the publisher has.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// All that was said of one indicator is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which indicator.
    pub mark: ErasedMark,
    /// Where this stands among the statements about it: all below it are erased.
    pub revision: Revision,
    /// When it was erased, by the publisher's clock.
    pub made: Timestamp,
    /// Why: an [`EraseReason`](crate::feed::EraseReason) as a number.
    pub reason: u8,
}

type ErasureWire = (u8, u8, serde_bytes::ByteArray<16>, Revision, Timestamp, u8);

impl Erasure {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode::<ErasureWire>(&(
            VERSION,
            ERASED,
            serde_bytes::ByteArray::new(self.mark.0),
            self.revision,
            self.made,
            self.reason,
        ))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let (_, _, mark, revision, made, reason): ErasureWire =
            encoding::decode(bytes, MAX_STATEMENT).map_err(read_error)?;
        Ok(Self {
            mark: ErasedMark(mark.into_array()),
            revision,
            made,
            reason,
        })
    }
}
