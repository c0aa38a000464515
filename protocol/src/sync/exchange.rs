//! What a session is told, and what it asks for.

use kentong_keys::{Digest, MemberName, PublicKey, SealedEpochKey, SealingKeyId};

use crate::charter::Paper;
use crate::feed::{FeedId, Leaf};
use crate::time::Timestamp;
use crate::wire::{Alive, Bye, Claim, Holds, Message, SignedClaim};

use super::evidence::Evidence;
use super::fault::Fault;
use super::limits::Limits;

/// What a session knows of its own side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// This node's member.
    pub me: MemberName,
    /// The key by which this node signs checkpoints.
    pub signing: PublicKey,
    /// The federation's id.
    pub federation: Digest,
    /// The federation's name, which origins carry.
    pub federation_name: String,
    /// The version of the charter in force.
    pub charter_version: u32,
    /// Its hash.
    pub charter: Digest,
    /// The serials of this member's warrant and card.
    pub serials: (u64, u64),
    /// The bounds.
    pub limits: Limits,
}

/// What a session knows of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The member that the connection's key belongs to.
    pub member: MemberName,
    /// The key by which it signs checkpoints and claims.
    pub signing: PublicKey,
    /// The serials of its warrant and card that this node has.
    pub serials: (u64, u64),
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A frame came.
    Frame(&'a [u8]),
    /// Time went by; to be given when the session asked to be woken, or more often.
    Tick,
    /// A feed of this node's own was published up to a new checkpoint.
    Published(FeedId),
    /// What was asked for is stored, or keys came: look again at what is missing.
    Changed,
    /// What is missing is fetched from others than before, of this feed or of all: look again at all
    /// of it. To be given after [`News::Shows`] too.
    Reassigned(Option<FeedId>),
    /// A newer checkpoint of another member's feed is held: show it.
    Head(FeedId),
    /// A publisher has two histories: pass on what shows it.
    Evidence(&'a Evidence),
    /// The peer has a newer warrant.
    PeerKeys(Peer),
    /// Papers of the federation, or a member's card, came: list them.
    Papers,
    /// The node ends the session.
    Close(Bye),
}

/// What follows from an input, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Something to do.
    Do(Task),
    /// Something that the session found out.
    Learnt(News),
}

/// What a session asks for. The node does it before it gives any session another input, so that each sees
/// what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send a message.
    Send(Message),
    /// Sign a claim and send it.
    SendClaim(Claim),
    /// Send this node's own warrant and card.
    SendCredentials,
    /// Send a member's newest warrant and card, if they are known.
    ServeCredentials(MemberName),
    /// Send a paper, by its hash, if it is still held.
    ServePaper(Digest),
    /// Read leaves of a feed from an index on, and send them as [`leaves_message`] makes them,
    /// followed by the bodies that it announces; then say so by [`Session::sent_leaves`](super::Session::sent_leaves).
    ///
    /// [`leaves_message`]: super::leaves_message
    ServeLeaves {
        /// Which feed.
        feed: FeedId,
        /// The first index.
        from: u64,
        /// Bodies of these leaves follow at once.
        following: Vec<u64>,
    },
    /// Read a body and send it, or say that it is not there.
    ServeBody {
        /// Which feed.
        feed: FeedId,
        /// The index of its leaf.
        index: u64,
    },
    /// Seal an epoch's key to the peer's present sealing key and send it.
    ServeEpoch {
        /// Which feed.
        feed: FeedId,
        /// The epoch's number.
        epoch: u32,
    },
    /// Store verified leaves, none if they are held already, and the checkpoint if they reach it. Sessions with others who show more
    /// than these are given [`Input::Reassigned`] then: their bodies may come from those.
    StoreLeaves {
        /// Which feed; it begins with `from` 0.
        feed: FeedId,
        /// The index of the first.
        from: u64,
        /// Each leaf with its bytes.
        leaves: Vec<(Leaf, Vec<u8>)>,
        /// The checkpoint's size and bytes, when the leaves reach its size.
        checkpoint: Option<(u64, Vec<u8>)>,
    },
    /// Take back the leaves of a feed from an index on, with the checkpoints over them: a former key of
    /// its publisher signed them, and the present one vouches for another history.
    Void {
        /// Which feed.
        feed: FeedId,
        /// The index of the first.
        from: u64,
    },
    /// Store a body that matches its leaf.
    StoreBody {
        /// Which feed.
        feed: FeedId,
        /// The index of its leaf.
        index: u64,
        /// The sealed body.
        body: Vec<u8>,
    },
    /// Open an epoch's key that was sealed anew, check it against its leaf, and store it.
    StoreEpoch {
        /// Which feed.
        feed: FeedId,
        /// The epoch's number.
        epoch: u32,
        /// Which sealing key opens it.
        key_id: SealingKeyId,
        /// The sealed key.
        sealed: SealedEpochKey,
    },
    /// Look into a paper, and keep it if it says something new; [`Input::Papers`] to all sessions
    /// follows then.
    TakePaper(Paper),
    /// Offer a warrant and a card, of the peer or of another member, to the directory;
    /// [`Input::Papers`] to all sessions follows if they are new.
    Offer {
        /// The warrant's bytes.
        warrant: Vec<u8>,
        /// The card's bytes.
        card: Vec<u8>,
    },
    /// The session is over: send what is queued and close the connection.
    Close(Ended),
}

/// What a session found out about its peer, or by way of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The peer uses this charter.
    GoesBy {
        /// The version.
        version: u32,
        /// The charter's hash.
        hash: Digest,
    },
    /// The peer is let in: the session is open.
    Opened,
    /// The peer has shown all heads of this node's own feeds that it holds; once in a session.
    Compared,
    /// The peer shows a feed up to this size, by the publisher's signature: see
    /// [`Sources::show`](super::Sources::show). [`Input::Reassigned`] follows.
    Shows {
        /// Which feed.
        feed: FeedId,
        /// How many leaves it shows.
        size: u64,
    },
    /// The peer cosigned a checkpoint: it sees this history too.
    Cosigned {
        /// Which feed.
        feed: FeedId,
        /// How many leaves the checkpoint covers.
        size: u64,
        /// The root over them.
        root: Digest,
        /// When, as the peer says.
        time: Timestamp,
    },
    /// A sign of life was verified.
    Heard(Alive),
    /// A receipt was verified: keep it.
    Receipt {
        /// What it says.
        holds: Holds,
        /// As it was signed.
        signed: SignedClaim,
    },
    /// The peer does not have a body that its leaf names.
    Withheld {
        /// Which feed.
        feed: FeedId,
        /// The index of its leaf.
        index: u64,
    },
    /// The peer gave leaves of another's feed that do not go together with those that are held and
    /// the checkpoint that its publisher signed. It lies, or the publisher has two histories: nobody is
    /// blamed, and others are asked; see [`Sources::other_leaves`](super::Sources::other_leaves).
    OtherLeaves(FeedId),
    /// The peer shows a checkpoint that we signed over more of a feed than we hold: this node has
    /// lost history. It must not sign on from here, or it would fork the feed. The session asks the peer
    /// for what is lost.
    Behind {
        /// Which feed.
        feed: FeedId,
        /// How many leaves that checkpoint covers.
        size: u64,
        /// The root over them.
        root: Digest,
    },
    /// The peer shows a checkpoint that we signed over another history of a feed than we hold.
    Forked {
        /// Which feed.
        feed: FeedId,
        /// How many leaves that checkpoint covers.
        size: u64,
    },
    /// The publisher signed two histories of one feed: keep what shows it.
    Evidence(Box<Evidence>),
    /// The peer's clock is this many seconds ahead.
    ClockAhead(u64),
    /// The peer broke a rule. [`Task::Close`] follows.
    Fault(Fault),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer broke a rule.
    ByFault,
    /// This node ended it.
    ByUs(Bye),
    /// The peer said goodbye.
    ByPeer(Bye),
}
