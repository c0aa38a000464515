//! The five kinds of leaf. A leaf's bytes are what the tree hashes, so they are kept as received.

use std::fmt;
use std::str::FromStr;

use kentong_keys::{Digest, Label, MemberName, SealedEpochKey, SealingKeyId};
use serde::{Deserialize, Serialize};

use crate::bounded::BoundedVec;
use crate::encoding::{self, DecodeError};

use super::audience::{Audience, MAX_AUDIENCE};
use super::body::{MAX_BATCH_STATEMENTS, MAX_BODY};

/// The longest leaf: an epoch key sealed to [`MAX_AUDIENCE`] readers, and room to spare.
pub const MAX_LEAF: usize = 256 * 1024;

/// The most feeds that a closing leaf names as its followers.
pub const MAX_FOLLOWERS: usize = 256;

const FEED: Label = Label::new("kentong/feed/1");

/// A feed's name: the labelled hash of its first leaf, which says whose it is and for whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeedId(Digest);

impl FeedId {
    /// Takes a digest for a feed's name, as a peer or a stored key gives it.
    #[must_use]
    pub const fn from_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.short())
    }
}

/// Index 0: whose feed this is, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisLeaf {
    /// The federation's id.
    pub federation: Digest,
    /// Whose statements it carries.
    pub publisher: MemberName,
    /// Who may read it; holds the publisher.
    pub audience: Audience,
    /// The charter version in force when it began.
    pub charter_version: u32,
    /// The publisher's count of lost histories; 0 for its first.
    pub incarnation: u32,
    /// Makes two feeds for one audience two feeds.
    pub nonce: [u8; 16],
}

/// An epoch key for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFor {
    /// The reader.
    pub member: MemberName,
    /// Which of its sealing keys opens it.
    pub key_id: SealingKeyId,
    /// The epoch key, sealed by HPKE.
    pub sealed: SealedEpochKey,
}

/// A fresh key seals the batches from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochLeaf {
    /// Its number; the first is 1, and each is one more than that before.
    pub epoch: u32,
    /// The charter version by which the readers were chosen.
    pub charter_version: u32,
    /// Which key the readers must find: two of them cannot be given two.
    pub commitment: Digest,
    /// The key for each reader, in the order of their names.
    pub sealed: BoundedVec<SealedFor, MAX_AUDIENCE>,
    /// Readers without a valid sealing key, in order; they ask for a `Rewrap` later.
    pub left_out: BoundedVec<MemberName, MAX_AUDIENCE>,
}

/// Up to 1,024 statements, sealed together; the body travels apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchLeaf {
    /// The epoch whose key seals it.
    pub epoch: u32,
    /// How the body's frames are compressed; 1 is zstd.
    pub codec: u8,
    /// The dictionary they are compressed with; 0 is none.
    pub dictionary: u32,
    /// Drawn afresh for each attempt at sealing.
    pub salt: [u8; 32],
    /// How many statements it holds; at least one.
    pub count: u16,
    /// The Merkle root over the salted hashes of the statements.
    pub statements_root: Digest,
    /// SHA-256 (labelled) of the sealed body.
    pub body_hash: Digest,
    /// Length of the sealed body in bytes.
    pub body_len: u32,
}

/// A body that is no longer to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraseLeaf {
    /// Where its batch leaf stands: before this leaf, in the same feed.
    pub index: u64,
    /// Why: an [`EraseReason`] as a number, of a list that later versions extend; 0 is unsaid.
    pub reason: u8,
}

/// Why a body is no longer to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EraseReason {
    /// It is not said, or for a reason of a later version.
    Unsaid,
    /// Personal data that may no longer be kept.
    PersonalData,
    /// A court or another authority ordered it.
    Order,
    /// It should never have been published.
    Mistake,
}

impl EraseReason {
    /// All, each with its number and its name.
    pub const ALL: [(Self, u8, &'static str); 4] = [
        (Self::Unsaid, 0, "unsaid"),
        (Self::PersonalData, 1, "personal-data"),
        (Self::Order, 2, "order"),
        (Self::Mistake, 3, "mistake"),
    ];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unsaid => 0,
            Self::PersonalData => 1,
            Self::Order => 2,
            Self::Mistake => 3,
        }
    }

    /// The reason of this number.
    #[must_use]
    pub fn of(number: u8) -> Self {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == number);
        found.map_or(Self::Unsaid, |(reason, ..)| *reason)
    }
}

/// Words that name no reason to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no reason to erase; the reasons are personal-data, order, mistake and unsaid")]
pub struct UnknownReason;

impl FromStr for EraseReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let found = Self::ALL.iter().find(|(.., name)| *name == text);
        found.map(|(reason, ..)| *reason).ok_or(UnknownReason)
    }
}

impl fmt::Display for EraseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(reason, ..)| reason == self);
        f.write_str(found.map_or("", |(.., name)| name))
    }
}

/// The feed takes no more leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseLeaf {
    /// Why, as a number of a list that later versions extend; 0 is unsaid.
    pub reason: u8,
    /// The feeds that follow it.
    pub followed_by: BoundedVec<FeedId, MAX_FOLLOWERS>,
}

impl CloseLeaf {
    /// The reason of a feed that somebody read who is no longer a member.
    pub const MEMBER_REMOVED: u8 = 1;
}

/// One record of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Index 0.
    Genesis(GenesisLeaf),
    /// A fresh key.
    Epoch(EpochLeaf),
    /// Statements.
    Batch(BatchLeaf),
    /// A body that is to be forgotten.
    Erase(EraseLeaf),
    /// The end.
    Close(CloseLeaf),
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not canonical CBOR of a leaf's form, or past a bound.
    #[error("a leaf that is {0}")]
    Decode(#[from] DecodeError),
    /// It begins with a version or a kind that this release does not know.
    #[error("a leaf of an unknown kind")]
    UnknownKind,
    /// Its parts contradict each other: an audience without its publisher, readers out of order,
    /// an empty batch, a body over its bound, the body erased of a leaf that can have none.
    #[error("a leaf whose parts contradict each other")]
    Inconsistent,
}

type B16 = serde_bytes::ByteArray<16>;
type B32 = serde_bytes::ByteArray<32>;
type GenesisWire = (u8, u8, Digest, MemberName, Audience, u32, u32, B16);
type SealedWire = BoundedVec<(MemberName, SealingKeyId, SealedEpochKey), MAX_AUDIENCE>;
type EpochWire = (
    u8,
    u8,
    u32,
    u32,
    Digest,
    SealedWire,
    BoundedVec<MemberName, MAX_AUDIENCE>,
);
type BatchWire = (u8, u8, u32, u8, u32, B32, u16, Digest, Digest, u32);
type EraseWire = (u8, u8, u64, u8);
type CloseWire = (u8, u8, u8, BoundedVec<FeedId, MAX_FOLLOWERS>);

const VERSION: u8 = 1;
/// No batch stands before: the first leaf begins the feed, the second at the earliest an epoch.
const FIRST_BATCH: u64 = 2;

impl Leaf {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Genesis(leaf) => encoding::encode::<GenesisWire>(&(
                VERSION,
                0,
                leaf.federation,
                leaf.publisher.clone(),
                leaf.audience.clone(),
                leaf.charter_version,
                leaf.incarnation,
                B16::new(leaf.nonce),
            )),
            Self::Epoch(leaf) => {
                let sealed = leaf.sealed.iter();
                let sealed = sealed.map(|s| (s.member.clone(), s.key_id, s.sealed.clone()));
                let sealed = BoundedVec::new(sealed.collect()).expect("the same bound");
                encoding::encode::<EpochWire>(&(
                    VERSION,
                    1,
                    leaf.epoch,
                    leaf.charter_version,
                    leaf.commitment,
                    sealed,
                    leaf.left_out.clone(),
                ))
            }
            Self::Batch(leaf) => encoding::encode::<BatchWire>(&(
                VERSION,
                2,
                leaf.epoch,
                leaf.codec,
                leaf.dictionary,
                B32::new(leaf.salt),
                leaf.count,
                leaf.statements_root,
                leaf.body_hash,
                leaf.body_len,
            )),
            Self::Erase(leaf) => {
                encoding::encode::<EraseWire>(&(VERSION, 3, leaf.index, leaf.reason))
            }
            Self::Close(leaf) => {
                encoding::encode::<CloseWire>(&(VERSION, 4, leaf.reason, leaf.followed_by.clone()))
            }
        }
    }

    /// Decodes and checks what can be checked of a leaf alone.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        let leaf = match (bytes.get(1), bytes.get(2)) {
            (Some(&VERSION), Some(0)) => Self::genesis(decode(bytes)?),
            (Some(&VERSION), Some(1)) => Self::epoch(decode(bytes)?),
            (Some(&VERSION), Some(2)) => Self::batch(decode(bytes)?),
            (Some(&VERSION), Some(3)) => {
                let (_, _, index, reason): EraseWire = decode(bytes)?;
                Self::Erase(EraseLeaf { index, reason })
            }
            (Some(&VERSION), Some(4)) => {
                let (_, _, reason, followed_by): CloseWire = decode(bytes)?;
                Self::Close(CloseLeaf {
                    reason,
                    followed_by,
                })
            }
            (Some(_), Some(_)) => return Err(LeafError::UnknownKind),
            _ => return Err(DecodeError::Malformed.into()),
        };
        if leaf.is_consistent() {
            Ok(leaf)
        } else {
            Err(LeafError::Inconsistent)
        }
    }

    fn genesis(wire: GenesisWire) -> Self {
        let (_, _, federation, publisher, audience, charter_version, incarnation, nonce) = wire;
        Self::Genesis(GenesisLeaf {
            federation,
            publisher,
            audience,
            charter_version,
            incarnation,
            nonce: nonce.into_array(),
        })
    }

    fn epoch(wire: EpochWire) -> Self {
        let (_, _, epoch, charter_version, commitment, sealed, left_out) = wire;
        let sealed = sealed.into_vec().into_iter();
        let sealed = sealed
            .map(|(member, key_id, sealed)| SealedFor {
                member,
                key_id,
                sealed,
            })
            .collect();
        Self::Epoch(EpochLeaf {
            epoch,
            charter_version,
            commitment,
            sealed: BoundedVec::new(sealed).expect("the same bound"),
            left_out,
        })
    }

    fn batch(wire: BatchWire) -> Self {
        let (_, _, epoch, codec, dictionary, salt, count, statements_root, body_hash, body_len) =
            wire;
        Self::Batch(BatchLeaf {
            epoch,
            codec,
            dictionary,
            salt: salt.into_array(),
            count,
            statements_root,
            body_hash,
            body_len,
        })
    }

    fn is_consistent(&self) -> bool {
        match self {
            Self::Genesis(leaf) => leaf.audience.holds(&leaf.publisher),
            Self::Epoch(leaf) => {
                leaf.epoch > 0
                    && leaf.sealed.is_sorted_by(|a, b| a.member < b.member)
                    && leaf.left_out.is_sorted_by(|a, b| a < b)
                    && !leaf
                        .sealed
                        .iter()
                        .any(|s| leaf.left_out.contains(&s.member))
            }
            Self::Batch(leaf) => {
                leaf.epoch > 0
                    && (1..=MAX_BATCH_STATEMENTS).contains(&usize::from(leaf.count))
                    && leaf.body_len as usize <= MAX_BODY
            }
            Self::Erase(leaf) => leaf.index >= FIRST_BATCH,
            Self::Close(_) => true,
        }
    }
}

impl GenesisLeaf {
    /// The feed's name.
    #[must_use]
    pub fn feed_id(&self) -> FeedId {
        let bytes = Leaf::Genesis(self.clone()).encode();
        FeedId(Digest::labelled(FEED, &[&bytes]))
    }
}

fn decode<T: Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    encoding::decode(bytes, MAX_LEAF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_numbers_and_names_and_later_ones_are_unsaid() {
        for (reason, number, name) in EraseReason::ALL {
            assert_eq!((reason.number(), EraseReason::of(number)), (number, reason));
            assert_eq!(
                (reason.to_string(), name.parse()),
                (name.to_owned(), Ok(reason))
            );
        }
        assert_eq!(EraseReason::of(200), EraseReason::Unsaid);
        assert_eq!("spite".parse::<EraseReason>(), Err(UnknownReason));
    }
}
