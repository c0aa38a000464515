//! What two nodes say to each other over `/kentong/1`.
//!
//! A message is canonical CBOR, an array whose first element is the message's number. The edge
//! sends each in a frame of its own: the length (u32, big-endian), then the message.
//! [`protocol/WIRE.md`](https://docs.rs/crate/kentong-protocol) has the table.

mod claim;
#[cfg(test)]
mod tests;

use kentong_keys::{Card, Digest, MemberName, SealedEpochKey, SealingKeyId, Warrant};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::charter::{MAX_LISTED, MAX_MEMBERS};
use crate::encoding::{self, DecodeError};
use crate::feed::{ConsistencyProof, FeedId, MAX_BODY, MAX_LEAF};

pub use claim::{Alive, Claim, ClaimError, Holds, SignedClaim};

/// The longest message in bytes, and so the longest frame's content.
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// The most leaves of one message.
pub const MAX_LEAVES: usize = 4096;
/// The most bytes of leaves that go into one message; leaves room for what surrounds them.
pub const MAX_LEAVES_BYTES: usize = MAX_MESSAGE - 128 * 1024;
/// The most bodies that one request names.
pub const MAX_WANTED: usize = 64;
/// The most feeds that one `Heads` names: a publisher's bound, twice.
pub const MAX_HEADS: usize = 512;
/// The most bytes of checkpoints that go into one `Heads`; leaves room for what surrounds them.
pub const MAX_NOTES_BYTES: usize = MAX_MESSAGE - 128 * 1024;
/// The longest checkpoint in a message.
pub const MAX_NOTE: usize = 4096;
/// The longest document in a message: any that is one.
pub const MAX_PAPER: usize = crate::charter::Paper::MAX_LEN;
/// The most documents that one request names.
pub const MAX_WANTED_PAPERS: usize = 64;
/// The longest warrant in a message: any that is one.
pub const MAX_WARRANT: usize = Warrant::MAX_LEN;
/// The longest card in a message: any that is one.
pub const MAX_CARD: usize = Card::MAX_LEN;
/// The version of the protocol that this release speaks.
pub const PROTOCOL: u16 = 1;

/// The first message of each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the protocol.
    pub protocol: u16,
    /// What the sender can do beyond the version, a bit each; none is given out yet.
    pub features: u64,
    /// The federation's id.
    pub federation: Digest,
    /// The version of the charter that the sender uses.
    pub charter_version: u32,
    /// That charter's hash.
    pub charter: Digest,
    /// Who the sender is.
    pub member: MemberName,
    /// The serial of the sender's newest warrant.
    pub warrant: u64,
    /// The serial of the sender's newest card.
    pub card: u64,
    /// The serial of the receiver's warrant, as the sender knows it; 0 for none.
    pub your_warrant: u64,
    /// The serial of the receiver's card, as the sender knows it; 0 for none.
    pub your_card: u64,
}

/// What the sender holds of the feeds that both may read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Heads {
    /// The newest checkpoints that the sender holds: of the feeds that it publishes, and of the receiver's, which
    /// so learns it if it has lost a part of its history.
    pub mine: BoundedVec<BoundedBytes<MAX_NOTE>, MAX_HEADS>,
    /// How many leaves of each of the receiver's feeds the sender holds.
    pub yours: BoundedVec<(FeedId, u64), MAX_HEADS>,
}

/// Leaves of a feed, in order, with what proves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// Which feed.
    pub feed: FeedId,
    /// The index of the first.
    pub from: u64,
    /// The leaves' bytes.
    pub leaves: BoundedVec<BoundedBytes<MAX_LEAF>, MAX_LEAVES>,
    /// A checkpoint that covers them.
    pub checkpoint: BoundedBytes<MAX_NOTE>,
    /// That the tree up to the last of them is a prefix of the checkpoint's.
    pub proof: ConsistencyProof,
    /// The indexes whose bodies the sender sends right after this, unasked.
    pub following: BoundedVec<u64, MAX_WANTED>,
}

/// Two checkpoints by which a publisher shows two histories of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who signed them.
    pub publisher: MemberName,
    /// Which feed.
    pub feed: FeedId,
    /// The one.
    pub held: BoundedBytes<MAX_NOTE>,
    /// The other: of the same size, or of fewer leaves.
    pub shown: BoundedBytes<MAX_NOTE>,
    /// Of fewer leaves: how many, the first one's root at that size, and the proof of that.
    pub link: Option<(u64, Digest, ConsistencyProof)>,
}

/// What the sender holds of the federation's documents, and how new its members' cards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// The version of the charter that the sender uses.
    pub charter_version: u32,
    /// That charter's hash.
    pub charter: Digest,
    /// By their hashes: the versions of the charter that the receiver lacks, in their order, then
    /// all notices, votes and open notices.
    pub papers: BoundedVec<Digest, MAX_LISTED>,
    /// The serials of the warrant and the card of each member, as the sender knows them.
    pub credentials: BoundedVec<(MemberName, u64, u64), MAX_MEMBERS>,
}

/// Why a session ends, as the peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Bye {
    /// The node stops.
    Stopping = 0,
    /// The peer speaks another version of the protocol.
    Version = 1,
    /// The peer is of another federation.
    Federation = 2,
    /// The peer uses another charter.
    Charter = 3,
    /// The peer broke a rule of the protocol.
    Fault = 4,
    /// The node cannot serve now: its disk is full, say.
    Unwell = 5,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Opens a session.
    Hello(Box<Hello>),
    /// A newer warrant and card than the receiver has, of the sender or of another member.
    Credentials {
        /// The warrant, a signed note.
        warrant: BoundedBytes<MAX_WARRANT>,
        /// The card, a signed note.
        card: BoundedBytes<MAX_CARD>,
    },
    /// What the two share.
    Heads(Heads),
    /// Asks for leaves from an index on.
    WantLeaves {
        /// Which feed.
        feed: FeedId,
        /// The first index that is wanted.
        from: u64,
    },
    /// Leaves, asked for or pushed.
    Leaves(Box<Leaves>),
    /// Asks for bodies.
    WantBodies {
        /// Which feed.
        feed: FeedId,
        /// The indexes of their leaves.
        indexes: BoundedVec<u64, MAX_WANTED>,
    },
    /// A body.
    Body {
        /// Which feed.
        feed: FeedId,
        /// The index of its leaf.
        index: u64,
        /// The sealed body.
        body: BoundedBytes<MAX_BODY>,
    },
    /// The sender does not hold a body that was asked for.
    NoBody {
        /// Which feed.
        feed: FeedId,
        /// The index of its leaf.
        index: u64,
    },
    /// Asks for an epoch's key, sealed to the sender's present sealing key.
    WantEpoch {
        /// Which feed.
        feed: FeedId,
        /// The epoch's number.
        epoch: u32,
    },
    /// An epoch's key, sealed again.
    Rewrap {
        /// Which feed.
        feed: FeedId,
        /// The epoch's number.
        epoch: u32,
        /// Which of the receiver's sealing keys opens it.
        key_id: SealingKeyId,
        /// The key, sealed by HPKE.
        sealed: SealedEpochKey,
    },
    /// A signed word on what the sender sees and holds.
    Claim(SignedClaim),
    /// The last message.
    Bye(Bye),
    /// What shows that a publisher signed two histories.
    Evidence(Box<Evidence>),
    /// What the sender holds of the federation's documents.
    Papers(Box<Papers>),
    /// Asks for documents, and for warrants and cards. What the other no longer holds it
    /// leaves out.
    WantPapers {
        /// The documents' hashes.
        papers: BoundedVec<Digest, MAX_WANTED_PAPERS>,
        /// Whose warrant and card.
        members: BoundedVec<MemberName, MAX_WANTED_PAPERS>,
    },
    /// A document that was asked for.
    Paper(BoundedBytes<MAX_PAPER>),
}

type HelloWire = (
    u8,
    u16,
    u64,
    Digest,
    u32,
    Digest,
    MemberName,
    u64,
    u64,
    u64,
    u64,
);
type CredentialsWire = (u8, BoundedBytes<MAX_WARRANT>, BoundedBytes<MAX_CARD>);
type HeadsWire = (
    u8,
    BoundedVec<BoundedBytes<MAX_NOTE>, MAX_HEADS>,
    BoundedVec<(FeedId, u64), MAX_HEADS>,
);
type LeavesWire = (
    u8,
    FeedId,
    u64,
    BoundedVec<BoundedBytes<MAX_LEAF>, MAX_LEAVES>,
    BoundedBytes<MAX_NOTE>,
    ConsistencyProof,
    BoundedVec<u64, MAX_WANTED>,
);
type WantBodiesWire = (u8, FeedId, BoundedVec<u64, MAX_WANTED>);
type BodyWire = (u8, FeedId, u64, BoundedBytes<MAX_BODY>);
type RewrapWire = (u8, FeedId, u32, SealingKeyId, SealedEpochKey);

type EvidenceWire = (
    u8,
    MemberName,
    FeedId,
    BoundedBytes<MAX_NOTE>,
    BoundedBytes<MAX_NOTE>,
    Option<(u64, Digest, ConsistencyProof)>,
);

type PapersWire = (
    u8,
    u32,
    Digest,
    BoundedVec<Digest, MAX_LISTED>,
    BoundedVec<(MemberName, u64, u64), MAX_MEMBERS>,
);
type WantPapersWire = (
    u8,
    BoundedVec<Digest, MAX_WANTED_PAPERS>,
    BoundedVec<MemberName, MAX_WANTED_PAPERS>,
);

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not canonical CBOR of the message's form, or past a bound.
    #[error("a message that is {0}")]
    Decode(#[from] DecodeError),
    /// A number that this version gives to no message.
    #[error("a message of an unknown kind")]
    Unknown,
}

impl Message {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => encoding::encode::<HelloWire>(&(
                1,
                hello.protocol,
                hello.features,
                hello.federation,
                hello.charter_version,
                hello.charter,
                hello.member.clone(),
                hello.warrant,
                hello.card,
                hello.your_warrant,
                hello.your_card,
            )),
            Self::Credentials { warrant, card } => encoding::encode(&(2_u8, warrant, card)),
            Self::Heads(heads) => encoding::encode(&(3_u8, &heads.mine, &heads.yours)),
            Self::WantLeaves { feed, from } => encoding::encode(&(4_u8, feed, from)),
            Self::Leaves(leaves) => encoding::encode(&(
                5_u8,
                &leaves.feed,
                leaves.from,
                &leaves.leaves,
                &leaves.checkpoint,
                &leaves.proof,
                &leaves.following,
            )),
            Self::WantBodies { feed, indexes } => encoding::encode(&(6_u8, feed, indexes)),
            Self::Body { feed, index, body } => encoding::encode(&(7_u8, feed, index, body)),
            Self::NoBody { feed, index } => encoding::encode(&(8_u8, feed, index)),
            Self::WantEpoch { feed, epoch } => encoding::encode(&(9_u8, feed, epoch)),
            Self::Rewrap {
                feed,
                epoch,
                key_id,
                sealed,
            } => encoding::encode(&(10_u8, feed, epoch, key_id, sealed)),
            Self::Claim(claim) => claim.encode(11),
            Self::Bye(bye) => encoding::encode(&(12_u8, *bye as u8)),
            Self::Evidence(evidence) => encoding::encode(&(
                13_u8,
                &evidence.publisher,
                &evidence.feed,
                &evidence.held,
                &evidence.shown,
                &evidence.link,
            )),
            Self::Papers(papers) => encoding::encode(&(
                14_u8,
                papers.charter_version,
                &papers.charter,
                &papers.papers,
                &papers.credentials,
            )),
            Self::WantPapers { papers, members } => encoding::encode(&(15_u8, papers, members)),
            Self::Paper(paper) => encoding::encode(&(16_u8, paper)),
        }
    }

    /// Decodes a frame's content.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        Ok(match bytes.get(1) {
            Some(1) => Self::hello(wire(bytes)?),
            Some(2) => {
                let (_, warrant, card): CredentialsWire = wire(bytes)?;
                Self::Credentials { warrant, card }
            }
            Some(3) => {
                let (_, mine, yours): HeadsWire = wire(bytes)?;
                Self::Heads(Heads { mine, yours })
            }
            Some(4) => {
                let (_, feed, from): (u8, FeedId, u64) = wire(bytes)?;
                Self::WantLeaves { feed, from }
            }
            Some(5) => {
                let (_, feed, from, leaves, checkpoint, proof, following): LeavesWire =
                    wire(bytes)?;
                let leaves = Leaves {
                    feed,
                    from,
                    leaves,
                    checkpoint,
                    proof,
                    following,
                };
                Self::Leaves(Box::new(leaves))
            }
            Some(6) => {
                let (_, feed, indexes): WantBodiesWire = wire(bytes)?;
                Self::WantBodies { feed, indexes }
            }
            Some(7) => {
                let (_, feed, index, body): BodyWire = wire(bytes)?;
                Self::Body { feed, index, body }
            }
            Some(8) => {
                let (_, feed, index): (u8, FeedId, u64) = wire(bytes)?;
                Self::NoBody { feed, index }
            }
            Some(9) => {
                let (_, feed, epoch): (u8, FeedId, u32) = wire(bytes)?;
                Self::WantEpoch { feed, epoch }
            }
            Some(10) => {
                let (_, feed, epoch, key_id, sealed): RewrapWire = wire(bytes)?;
                Self::Rewrap {
                    feed,
                    epoch,
                    key_id,
                    sealed,
                }
            }
            Some(number @ 11..=16) => Self::decode_later(*number, bytes)?,
            Some(_) => return Err(MessageError::Unknown),
            None => return Err(DecodeError::Malformed.into()),
        })
    }

    /// The second half of them.
    fn decode_later(number: u8, bytes: &[u8]) -> Result<Self, MessageError> {
        Ok(match number {
            11 => Self::Claim(SignedClaim::decode(bytes, 11)?),
            12 => {
                let (_, reason): (u8, u8) = wire(bytes)?;
                Self::Bye(Bye::from_number(reason))
            }
            13 => {
                let (_, publisher, feed, held, shown, link): EvidenceWire = wire(bytes)?;
                Self::Evidence(Box::new(Evidence {
                    publisher,
                    feed,
                    held,
                    shown,
                    link,
                }))
            }
            14 => {
                let (_, charter_version, charter, papers, credentials): PapersWire = wire(bytes)?;
                Self::Papers(Box::new(Papers {
                    charter_version,
                    charter,
                    papers,
                    credentials,
                }))
            }
            15 => {
                let (_, papers, members): WantPapersWire = wire(bytes)?;
                Self::WantPapers { papers, members }
            }
            16 => {
                let (_, paper): (u8, BoundedBytes<MAX_PAPER>) = wire(bytes)?;
                Self::Paper(paper)
            }
            _ => return Err(MessageError::Unknown),
        })
    }

    fn hello(from: HelloWire) -> Self {
        let (_, protocol, features, federation, charter_version, charter, member, ..) =
            from.clone();
        let (.., warrant, card, your_warrant, your_card) = from;
        Self::Hello(Box::new(Hello {
            protocol,
            features,
            federation,
            charter_version,
            charter,
            member,
            warrant,
            card,
            your_warrant,
            your_card,
        }))
    }
}

impl Bye {
    /// A number of a later version counts as the peer's fault-free stop.
    fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Version,
            2 => Self::Federation,
            3 => Self::Charter,
            4 => Self::Fault,
            5 => Self::Unwell,
            _ => Self::Stopping,
        }
    }
}

fn wire<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    encoding::decode(bytes, MAX_MESSAGE)
}
