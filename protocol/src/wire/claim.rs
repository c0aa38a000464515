//! Signed words between members: what one sees and durably holds of another's feeds.

use kentong_keys::{Digest, Label, PublicKey, Signature, SigningKey};

use crate::bounded::BoundedBytes;
use crate::encoding::{self, DecodeError};
use crate::feed::FeedId;
use crate::time::Timestamp;

use super::{MessageError, wire};

const CLAIM: Label = Label::new("kentong/claim/1");
/// The longest claim, in bytes, without its signature.
const MAX_CLAIM: usize = 512;

/// Said each minute: "I am here, and this is what we share."
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// The sender's clock.
    pub time: Timestamp,
    /// The version of the charter that it uses.
    pub charter_version: u32,
    /// A hash over the sorted heads that the two share: equal when nothing is to be fetched.
    pub heads: Digest,
}

/// A receipt: what of a publisher's feed a reader durably has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Which feed.
    pub feed: FeedId,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
    /// How many bodies below `size` are not held.
    pub missing: u64,
    /// How many are held but could not be opened.
    pub unopened: u64,
    /// How many were erased as the publisher asked.
    pub erased: u64,
    /// All statements below this index are in force in the reader's answers.
    pub applied: u64,
    /// The reader's clock.
    pub time: Timestamp,
}

/// What a member can put its name to, towards another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A sign of life.
    Alive(Alive),
    /// A receipt.
    Holds(Holds),
}

/// A claim with its signature, not yet checked. The bytes are kept as signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedClaim {
    bytes: BoundedBytes<MAX_CLAIM>,
    signature: Signature,
}

/// Why a claim is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not signed by the one who sent it.
    #[error("not signed by its sender's signing key")]
    Signature,
    /// Not of a claim's form.
    #[error("not a claim")]
    Form,
}

type AliveWire = (u8, u8, Timestamp, u32, Digest);
type HoldsWire = (u8, u8, FeedId, u64, Digest, u64, u64, u64, u64, Timestamp);
const VERSION: u8 = 1;
/// Stands where a message has its number, when a claim is kept by itself.
const KEPT: u8 = 0;

impl Claim {
    /// Signs it with the sender's signing key.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> SignedClaim {
        let bytes = match self {
            Self::Alive(alive) => encoding::encode::<AliveWire>(&(
                VERSION,
                1,
                alive.time,
                alive.charter_version,
                alive.heads,
            )),
            Self::Holds(holds) => encoding::encode::<HoldsWire>(&(
                VERSION,
                2,
                holds.feed,
                holds.size,
                holds.root,
                holds.missing,
                holds.unopened,
                holds.erased,
                holds.applied,
                holds.time,
            )),
        };
        let signature = key.sign(CLAIM, &bytes);
        let bytes = BoundedBytes::new(bytes).expect("a claim has a dozen short fields");
        SignedClaim { bytes, signature }
    }
}

impl SignedClaim {
    /// Believes the claim, if this key signed it.
    pub fn verify(&self, key: &PublicKey) -> Result<Claim, ClaimError> {
        key.verify(CLAIM, &self.bytes, &self.signature)
            .map_err(|_| ClaimError::Signature)?;
        let form = |_: DecodeError| ClaimError::Form;
        match (self.bytes.get(1), self.bytes.get(2)) {
            (Some(&VERSION), Some(1)) => {
                let (_, _, time, charter_version, heads): AliveWire =
                    encoding::decode(&self.bytes, MAX_CLAIM).map_err(form)?;
                Ok(Claim::Alive(Alive {
                    time,
                    charter_version,
                    heads,
                }))
            }
            (Some(&VERSION), Some(2)) => {
                let (_, _, feed, size, root, missing, unopened, erased, applied, time): HoldsWire =
                    encoding::decode(&self.bytes, MAX_CLAIM).map_err(form)?;
                let holds = Holds {
                    feed,
                    size,
                    root,
                    missing,
                    unopened,
                    erased,
                    applied,
                    time,
                };
                Ok(Claim::Holds(holds))
            }
            _ => Err(ClaimError::Form),
        }
    }

    pub(super) fn encode(&self, number: u8) -> Vec<u8> {
        encoding::encode(&(number, &self.bytes, &self.signature))
    }

    pub(super) fn decode(bytes: &[u8], number: u8) -> Result<Self, MessageError> {
        let (found, bytes, signature): (u8, BoundedBytes<MAX_CLAIM>, Signature) = wire(bytes)?;
        if found == number {
            Ok(Self { bytes, signature })
        } else {
            Err(MessageError::Unknown)
        }
    }

    /// Reads what [`SignedClaim::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        Self::decode(bytes, KEPT)
    }

    /// The signed bytes and the signature, for keeping as a receipt.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode(KEPT)
    }
}
