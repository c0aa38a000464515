//! What a node receives of other members and holds, and what it serves of all that it holds.
//!
//! A [`Reader`] knows no link and no world. Each of its methods is handed what it stands on ([`Ground`])
//! and answers what follows from that ([`Output`]): the router tells it to sessions, keeps it in files, or
//! has our own history look at it.
//!
//! [`Ground`]: super::Ground

mod evidence;
mod former;
mod intake;
mod output;
mod receive;
mod relay;
mod serve;
mod view;

use std::collections::BTreeSet;

use kentong_keys::{Digest, MemberName};

use crate::feed::FeedId;
use crate::sync::{Evidence, Now};

use intake::Intake;
use relay::Relay;

use super::Members;

pub use former::{Former, Warrants};
pub use intake::{NotTaken, OverQuota};
pub use output::{Found, Output};
pub use receive::{Back, Leaves, Stored};
pub use view::View;

/// What a node knows of others' feeds beside what its store holds.
#[derive(Debug, Default)]
pub struct Reader {
    relay: Relay,
    intake: Intake,
}

impl Reader {
    /// The node as a session sees it.
    pub const fn view<'a, L, R>(
        &'a self,
        store: &'a crate::store::Store<L, R>,
        members: &'a Members,
        now: Now,
    ) -> View<'a, L, R> {
        View {
            store,
            members,
            reader: self,
            now,
        }
    }

    /// A member shows a feed up to a size.
    pub fn show(&mut self, member: &MemberName, feed: FeedId, size: u64) {
        self.relay.show(member, feed, size);
    }

    /// A member does not give a body that it shows.
    pub fn refuse(&mut self, member: &MemberName, feed: FeedId, index: u64) {
        self.relay.refuse(member, feed, index);
    }

    /// A member gave leaves that do not go with those that are held.
    pub fn other_leaves(&mut self, member: &MemberName, feed: FeedId) {
        self.relay.other_leaves(member, feed);
    }

    /// A member cosigned a head.
    pub fn cosigned_by(&mut self, member: MemberName, feed: FeedId, size: u64, root: Digest) {
        self.relay.cosigned_by(member, feed, size, root);
    }

    /// The last session with a member ended.
    pub fn gone(&mut self, member: &MemberName) {
        self.relay.gone(member);
    }

    /// The members who cosigned a history of this feed that goes on from its leaf at `index`.
    #[must_use]
    pub fn witnesses(&self, feed: &crate::store::FeedState, index: u64) -> Vec<&MemberName> {
        self.relay.witnesses(feed, index)
    }

    /// What nobody gave so far though somebody shows it: the feed, the index, who refused it.
    pub fn refused(&self) -> impl Iterator<Item = (FeedId, u64, &BTreeSet<MemberName>)> {
        self.relay.refused()
    }

    /// What shows two histories of feeds.
    pub fn forked(&self) -> impl Iterator<Item = &Evidence> {
        self.relay.forked()
    }
}

#[cfg(test)]
mod tests;
