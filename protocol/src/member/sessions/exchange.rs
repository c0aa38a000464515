//! What the sessions of a node are told, and what they ask for.

use std::collections::BTreeSet;

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::sync::{Evidence, Local, News, Peer, Task};
use crate::wire::Bye;

/// Whose sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Those with all members.
    All,
    /// Those with these members.
    Members(BTreeSet<MemberName>),
}

impl Whom {
    /// Whether a session with this member is meant.
    #[must_use]
    pub fn holds(&self, member: &MemberName) -> bool {
        match self {
            Self::All => true,
            Self::Members(members) => members.contains(member),
        }
    }
}

/// What happened. `Id` names a link.
#[derive(Debug)]
pub enum Input<Id> {
    /// A link with a member came about.
    Connected {
        /// The link; its name is not used again.
        link: Id,
        /// This side, as it is now.
        local: Box<Local>,
        /// The other side.
        peer: Peer,
    },
    /// A frame came.
    Frame {
        /// On which link.
        link: Id,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// What was queued on a link is on its way: there is room for more.
    Drained(Id),
    /// A link ended, or is given up. Of what its session still asked for nothing is done.
    Ended(Id),
    /// Leaves of a feed up to here were sent, as [`Task::ServeLeaves`] asked.
    SentLeaves {
        /// On which link.
        link: Id,
        /// Which feed.
        feed: FeedId,
        /// The index after the last.
        until: u64,
    },
    /// The clock moved on.
    Tick,
    /// A feed of this node was published up to a new checkpoint.
    Published(FeedId),
    /// A newer checkpoint of another member's feed is to be shown.
    Head(FeedId),
    /// Keys came, or bodies were decrypted: what is missing is asked for, and receipts are given.
    Changed,
    /// What is missing of this feed, or of all, is to be fetched from other members than before.
    Reassigned(Option<FeedId>),
    /// A publisher has two histories: what shows it is passed on to all.
    Evidence(Evidence),
    /// The same, to a member that has just come.
    PassOn(Id, Evidence),
    /// A member has a newer warrant.
    PeerKeys(Peer),
    /// Documents of the federation, or a member's card, came: these members are told.
    Papers(Whom),
    /// The sessions with these members end.
    Close(Whom, Bye),
}

/// What follows from it, in order: each is carried out before the next is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<Id> {
    /// Do this for a link.
    Do {
        /// The link.
        link: Id,
        /// With whom.
        member: MemberName,
        /// What.
        task: Task,
    },
    /// The session of a link found this out.
    Learnt {
        /// The link.
        link: Id,
        /// With whom.
        member: MemberName,
        /// What.
        news: News,
    },
    /// The last link with this member ended: it shows nothing.
    Gone(MemberName),
}
