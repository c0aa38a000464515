//! A node that does not know what it signed last: its heads are lost, or the log holds more than they say
//! was signed.
//!
//! Nothing is signed in any feed before enough readers have shown all heads of our feeds that they hold
//! ([`Quorum`]): for each feed that is known, of its readers; for those that are not known, of all
//! members. What they show is fetched from them. Then the heads are settled, what came back is loaded, and
//! publishing continues.
//!
//! A feed continues only if every reader of it was heard. One that was not may hold a head that reached
//! nobody else; so a feed of which enough and not all were heard ends, and another takes its place, which
//! cannot contradict what anybody holds of the old. The same is done on the root key's go-ahead, and with
//! the feed for us alone, which has no readers who could say how far it went.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, MemberName, RecoveryId};

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::time::Moment;

use super::super::heads::Signed;
use super::{Held, OurFeeds, Quorum};

/// How long nothing came back, after which the bodies that nobody gives are not waited for.
pub const STALLED: Duration = Duration::from_secs(60);

/// What is known since the start of what this node signed before.
#[derive(Debug)]
pub struct Asking {
    recovery: RecoveryId,
    why: String,
    /// Who has shown all heads of our feeds that it holds.
    heard: BTreeSet<MemberName>,
    /// The longest head that each showed of a feed of which this node held less.
    heads: BTreeMap<FeedId, BTreeMap<MemberName, Signed>>,
    /// When something last came back, or was shown.
    moved: Moment,
}

/// By whose word publishing continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Enough readers were heard.
    Readers,
    /// The root key gave its go-ahead.
    RootKey,
}

/// One of our feeds of which not all that was shown is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The feed.
    pub feed: FeedId,
    /// How many leaves are held that a checkpoint covers.
    pub held: u64,
    /// How many leaves somebody showed.
    pub shown: u64,
    /// How many bodies are missing.
    pub missing: u64,
    /// How many bodies wait for their key.
    pub undecrypted: u64,
}

/// What is to be done to settle what was signed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// By whose word.
    pub by: By,
    /// Of how many feeds parts are gone that nobody gave.
    pub gone: usize,
    /// The entries of the heads.
    pub heads: Result<BTreeMap<Digest, Signed>, Contradiction>,
}

/// A member shows that we signed another history of a feed than others hold: another node has run with
/// our keys. Nothing may be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Who shows it.
    pub member: MemberName,
    /// Of which feed.
    pub feed: FeedId,
}

impl Asking {
    pub(super) const fn new(recovery: RecoveryId, why: String, now: Moment) -> Self {
        Self {
            recovery,
            why,
            heard: BTreeSet::new(),
            heads: BTreeMap::new(),
            moved: now,
        }
    }

    /// The name of this recovery, which the root key's go-ahead names.
    #[must_use]
    pub const fn recovery(&self) -> RecoveryId {
        self.recovery
    }

    /// Why it is not known what was signed last.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Who has shown all heads of our feeds that it holds.
    #[must_use]
    pub const fn heard(&self) -> &BTreeSet<MemberName> {
        &self.heard
    }

    /// Who showed leaves of a feed that this node did not hold.
    pub fn shown_of(&self, feed: FeedId) -> impl Iterator<Item = &MemberName> {
        self.heads.get(&feed).into_iter().flat_map(BTreeMap::keys)
    }

    pub(super) fn feeds_shown(&self) -> impl Iterator<Item = FeedId> {
        self.heads.keys().copied()
    }

    /// How many leaves of a feed somebody showed.
    fn shown(&self, feed: FeedId) -> u64 {
        let heads = self.heads.get(&feed).into_iter().flatten();
        heads.map(|(_, head)| head.size).max().unwrap_or(0)
    }

    pub(super) const fn moved(&mut self, now: Moment) {
        self.moved = now;
    }

    pub(super) fn heard_from(&mut self, member: &MemberName, now: Moment) {
        self.moved = now;
        self.heard.insert(member.clone());
    }

    pub(super) fn shown_by(
        &mut self,
        member: &MemberName,
        feed: FeedId,
        head: Signed,
        now: Moment,
    ) {
        self.moved = now;
        let heads = self.heads.entry(feed).or_default();
        let known = heads.entry(member.clone()).or_insert(head);
        if known.size < head.size {
            *known = head;
        }
    }

    /// Who must be heard about which feed, of those who can be asked; without a feed: about those that
    /// this node does not know.
    #[must_use]
    pub fn quorums(
        &self,
        asked: &BTreeSet<MemberName>,
        feeds: &impl OurFeeds,
    ) -> Vec<(Option<FeedId>, Quorum)> {
        let mut quorums = vec![(None, Quorum::of(asked.clone(), &self.heard))];
        for held in feeds.all().filter(Held::is_shared) {
            let readers = asked.iter().filter(|member| held.audience.holds(member));
            let quorum = Quorum::of(readers.cloned().collect(), &self.heard);
            quorums.push((Some(held.feed), quorum));
        }
        quorums
    }

    /// What was shown and is not back.
    #[must_use]
    pub fn unfinished(&self, feeds: &impl OurFeeds) -> Vec<Unfinished> {
        let mut all: BTreeSet<FeedId> = self.feeds_shown().collect();
        let shared = feeds.all().filter(Held::is_shared);
        all.extend(shared.map(|held| held.feed));
        let of = |feed: FeedId| {
            let held = feeds.get(feed);
            Unfinished {
                feed,
                held: held.map_or(0, |held| held.covered),
                shown: self.shown(feed).max(held.map_or(0, |held| held.size)),
                missing: held.map_or(0, |held| held.missing),
                undecrypted: held.map_or(0, |held| held.undecrypted),
            }
        };
        let all = all.into_iter().map(of);
        all.filter(|one| one.held < one.shown || one.missing > 0 || one.undecrypted > 0)
            .collect()
    }

    /// The settlement, if enough readers were heard and all that they showed is back.
    pub(super) fn settle_by_readers(
        &self,
        now: Moment,
        asked: &BTreeSet<MemberName>,
        feeds: &impl OurFeeds,
    ) -> Option<Settlement> {
        if !guard::on(Guard::ReadersAnswered) {
            return Some(self.settle(By::Readers, 0, feeds));
        }
        let quorums = self.quorums(asked, feeds);
        if !quorums.iter().all(|(_, quorum)| quorum.is_met()) {
            return None;
        }
        let unfinished = self.unfinished(feeds);
        let is_stalled = now >= self.moved.after(STALLED);
        let mut all = unfinished.iter();
        // Leaves must all be back: what was signed over them would be another history. Bodies need not.
        let is_back = all.all(|one| one.held == one.shown && is_stalled);
        is_back.then(|| self.settle(By::Readers, unfinished.len(), feeds))
    }

    /// What was signed last, by what was found.
    pub(super) fn settle(&self, by: By, gone: usize, feeds: &impl OurFeeds) -> Settlement {
        let heads = match self.contradiction(feeds) {
            Some(contradiction) => Err(contradiction),
            None => Ok(self.entries(feeds)),
        };
        Settlement { by, gone, heads }
    }

    fn entries(&self, feeds: &impl OurFeeds) -> BTreeMap<Digest, Signed> {
        let mut entries = BTreeMap::new();
        for held in feeds.all().filter(|held| held.size > 0) {
            let is_known = !held.is_private
                && held.size >= self.shown(held.feed)
                && held.covered == held.size
                && self.all_heard(&held, feeds.me());
            let root = feeds.root_at(held.feed, held.size).filter(|_| is_known);
            let signed = root.map_or(Signed::ENDED, |root| Signed {
                size: held.size,
                root,
            });
            entries.insert(*held.feed.digest(), signed);
        }
        for feed in self.heads.keys() {
            entries.entry(*feed.digest()).or_insert(Signed::ENDED);
        }
        entries
    }

    /// Whether every reader of a feed was heard. Those count too who cannot be asked any longer: what
    /// they hold was signed all the same.
    fn all_heard(&self, held: &Held<'_>, me: &MemberName) -> bool {
        if !guard::on(Guard::AllAnswered) || !guard::on(Guard::ReadersAnswered) {
            return true;
        }
        let mut readers = held.audience.members().iter();
        readers.all(|reader| reader == me || self.heard.contains(reader))
    }

    /// Who showed a head of ours that does not lead to what came back.
    fn contradiction(&self, feeds: &impl OurFeeds) -> Option<Contradiction> {
        self.heads.iter().find_map(|(feed, heads)| {
            let other = |head: &Signed| {
                let root = feeds.root_at(*feed, head.size);
                root.is_some_and(|root| root != head.root)
            };
            let (member, _) = heads.iter().find(|(_, head)| other(head))?;
            Some(Contradiction {
                member: member.clone(),
                feed: *feed,
            })
        })
    }
}
