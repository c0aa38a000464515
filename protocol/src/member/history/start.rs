//! A start: the log and the heads are compared, and what was left half done is finished or dropped.

use std::collections::BTreeMap;

use crate::feed::{Audience, FeedId};
use crate::guard::{self, Guard};

use super::super::heads::{Heads, Signed};
use super::{OurFeeds, goes_on, is_ended};

/// What the log and the heads say when they are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The log holds a checkpoint that the heads do not know: they are an older copy, not to be believed.
    OlderHeads,
    /// The log has another history of this feed than was signed.
    OtherHistory(FeedId),
    /// What is to be done.
    Repair(Repair),
}

/// What brings the log to what the heads say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Feeds that are to be cut to so many leaves: what is above was never acknowledged.
    pub cut: Vec<(FeedId, u64)>,
    /// Heads that are to be signed again, with the same words: the checkpoint is behind them, or by a
    /// former key.
    pub sign_again: Vec<(FeedId, Signed)>,
    /// Feeds of which less is held than was signed.
    pub behind: Vec<Behind>,
}

/// A feed of which less is held than was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// The feed.
    pub feed: FeedId,
    /// How many leaves were signed.
    pub signed: u64,
    /// Whether nobody else reads it: then nobody can give back what is lost.
    pub is_private: bool,
}

/// Compares them. `is_by_present_key` says whether our present key signed a feed's newest checkpoint.
pub fn compare(
    feeds: &impl OurFeeds,
    heads: &impl Heads,
    is_by_present_key: impl Fn(FeedId) -> bool,
) -> Compared {
    let is_newer = |held: super::Held<'_>| {
        let signed = heads.get(held.feed.digest());
        held.covered > signed.map_or(0, |signed| signed.size)
    };
    if !guard::on(Guard::HeadsAsked) || !guard::on(Guard::DurableBeforeSigned) {
        let all = feeds.all().map(|held| (held.feed, held.covered));
        let cut = all.filter(|_| !guard::on(Guard::HeadsAsked)).collect();
        return Compared::Repair(Repair {
            cut,
            ..Repair::default()
        });
    }
    if feeds.all().any(is_newer) {
        return Compared::OlderHeads;
    }
    let mut repair = Repair::default();
    for held in feeds.all() {
        let feed = held.feed;
        let Some(signed) = heads.get(feed.digest()) else {
            repair.cut.push((feed, 0));
            continue;
        };
        if signed.is_ended() {
            continue;
        }
        let Some(root) = feeds.root_at(feed, signed.size) else {
            repair.behind.push(Behind {
                feed,
                signed: signed.size,
                is_private: held.is_private,
            });
            continue;
        };
        if root != signed.root {
            return Compared::OtherHistory(feed);
        }
        if held.size > signed.size {
            repair.cut.push((feed, signed.size));
        }
        if held.covered < signed.size || !is_by_present_key(feed) {
            repair.sign_again.push((feed, signed));
        }
    }
    let gone = heads.iter().filter(|(feed, signed)| {
        !signed.is_ended() && feeds.get(FeedId::from_digest(**feed)).is_none()
    });
    repair.behind.extend(gone.map(|(feed, signed)| Behind {
        feed: FeedId::from_digest(*feed),
        signed: signed.size,
        is_private: false,
    }));
    Compared::Repair(repair)
}

/// When readers are to be asked: shared feeds that are to be cut to so many leaves, since no checkpoint
/// covers what is above. Whether that was signed, readers know.
pub fn uncovered(feeds: &impl OurFeeds) -> Vec<(FeedId, u64)> {
    let all = feeds.all();
    all.filter(|held| !held.is_private && held.size > held.covered)
        .map(|held| (held.feed, held.covered))
        .collect()
}

/// The head of a feed that came back under a former key, if it is to be signed again: as far as it was
/// signed, no more and no less.
pub fn to_sign_again(
    feed: FeedId,
    feeds: &impl OurFeeds,
    heads: &impl Heads,
    is_by_present_key: impl Fn(FeedId) -> bool,
) -> Option<Signed> {
    let signed = heads.get(feed.digest());
    let signed = signed.filter(|signed| goes_on(Some(*signed)))?;
    let held = feeds.get(feed)?;
    let is_whole = held.size == signed.size && feeds.root_at(feed, held.size) == Some(signed.root);
    (is_whole && !is_by_present_key(feed)).then_some(signed)
}

/// Our feeds that grow; of several for one audience the one that began last.
pub fn open_feeds(feeds: &impl OurFeeds, heads: &impl Heads) -> BTreeMap<Audience, FeedId> {
    let all = feeds.all();
    all.filter(|held| held.size > 0 && !held.is_closed && !is_ended(heads, held.feed))
        .map(|held| (held.audience.clone(), held.feed))
        .collect()
}
