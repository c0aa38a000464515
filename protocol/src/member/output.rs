//! What a member's node has the world do, and what it tells a person.

use kentong_keys::MemberName;

use crate::charter::Paper;
use crate::feed::FeedId;
use crate::store::StoreError;
use crate::sync::{Ended, Evidence, Fault, News};
use crate::wire::Message;

use super::history::{About, By, Warning};
use super::reader::{Former, Found};

/// What the world is to do, in the order given. `Id` names a link, a `T` one who waits for an answer.
#[derive(Debug)]
pub enum Output<Id, T> {
    /// Send this on a link.
    Send(Id, Message),
    /// Close a link when all before has been sent. Its end is reported as that of any other
    /// ([`super::Member::ended`]).
    Close(Id),
    /// The members that may come in may be others now ([`super::Member::admitted`]).
    Admit,
    /// Cards came that the home is to keep ([`super::Members::next_to_keep`]).
    KeepCards,
    /// A document came that the home is to keep. If it is in force, [`super::Member::use_members`] follows.
    KeepPaper(MemberName, Paper),
    /// Keep evidence for people, for good.
    KeepEvidence(Evidence),
    /// Note durably that lost history is to come back, so that the next start looks for it.
    Mark,
    /// Nothing is lost or to be loaded: that note is to go.
    Unmark,
    /// Answer this request: what it says is durable.
    Said(T),
    /// Answer this request: what it says is not stored.
    NotSaid {
        /// The request.
        to: T,
        /// Why.
        why: String,
        /// It may or may not be stored: the next start finishes it, or drops it.
        is_open: bool,
    },
    /// A person may want to know this.
    Told(Told),
}

/// What a person may want to know.
#[derive(Debug)]
pub enum Told {
    /// A feed was closed that one read that is no longer a member.
    Closed(FeedId),
    /// A release failed, and why. It is tried again.
    NotReleased(String),
    /// All was checked for release, and none failed.
    AllChecked,
    /// Nothing is published until the next start, and why.
    Stopped(String),
    /// All that came back was loaded.
    Loaded {
        /// How many statements were news.
        statements: usize,
        /// Whether a batch could not be loaded.
        failed: bool,
    },
    /// Of the feed for this member alone leaves are gone that were signed. Nobody can give them back.
    PrivateLost {
        /// The feed.
        feed: FeedId,
        /// How many leaves were signed.
        signed: u64,
    },
    /// How it stands with our history.
    History(Warning),
    /// What was told of that is over.
    Over(About),
    /// Publishing goes on after it was not known what was signed last.
    GoesOn {
        /// By whose word.
        by: By,
        /// How many members had answered.
        heard: usize,
        /// Of how many feeds parts are gone that nobody gave.
        gone: usize,
    },
    /// A notice began or ended to count.
    NoticeCounts,
    /// A member is not, or not now, in force: the link with it is closed.
    NotInForce(MemberName),
    /// A link ended as its session says.
    Ended(MemberName, Ended),
    /// In a recovery: this member has said what it holds of our feeds.
    Answers(MemberName),
    /// The session with a member found this out.
    Learnt(MemberName, News),
    /// A member broke a rule.
    Broke {
        /// Who.
        member: MemberName,
        /// Which.
        fault: Fault,
        /// For how many minutes it is not spoken to, if it is more than slowness.
        minutes: Option<u64>,
    },
    /// A member sent a warrant or card that does not fit, and why.
    BadCredentials(MemberName, String),
    /// A newer card of a member, and who sent it.
    NewCard {
        /// Who sent it.
        from: MemberName,
        /// Whose it is.
        member: MemberName,
    },
    /// A member has another warrant: what its former keys signed counts only so far.
    Former(MemberName, Former),
    /// What a former key signed of a feed from there on is removed.
    Void(FeedId, u64),
    /// What a member sent could not be stored, or what it asked for not be read: its link ends.
    Hindered(MemberName, StoreError),
    /// Nothing is missing any longer of this member's feeds, of which something could not be stored before.
    Whole(MemberName),
    /// What a member sent is not what it should be, or not used.
    Received(Found),
    /// Receipts could not be stored.
    ReceiptsNotStored(StoreError),
}
