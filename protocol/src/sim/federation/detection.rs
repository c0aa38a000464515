//! How long a second history stays hidden: from when honest members hold heads of both until one of
//! them holds the evidence.

use std::collections::{BTreeMap, BTreeSet};

use crate::feed::{FeedId, UnverifiedCheckpoint};
use crate::wire::Message;

use super::super::liar::Liar;
use super::actors::Brain;
use super::{Federation, Grounds, LinkId, Who};

/// How a second history came to light. All is zero where the one who was shown both saw it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Detection {
    /// The sessions between honest readers in which a head of the feed was shown meanwhile.
    pub sessions: u64,
    /// How often one was shown there.
    pub heads: u64,
    /// Virtual milliseconds.
    pub millis: u64,
}

/// What honest members know of one feed of an equivocator.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// Whether somebody held a head of the one and of the other history alone.
    held: [bool; 2],
    /// Since when both were.
    since: Option<u64>,
    sessions: BTreeSet<LinkId>,
    heads: u64,
    found: bool,
}

/// The feeds of equivocators.
pub(super) type Watch = BTreeMap<FeedId, Watched>;

impl<M: Grounds> Federation<'_, M> {
    /// An honest member is about to take in a message. The feeds of equivocators of which it shows a
    /// head.
    pub(super) fn shown(&mut self, link: LinkId, end: usize, frame: &[u8]) -> Vec<FeedId> {
        let honest = |who: &Who| self.is_honest(*who);
        let ends = self.wires.get(&link).map(|wire| wire.ends);
        let to = ends.and_then(|ends| ends.get(end).copied());
        if !self.plan.liars.contains(&Liar::Equivocator) || !to.as_ref().is_some_and(honest) {
            return Vec::new();
        }
        let among_readers = ends.is_some_and(|ends| ends.iter().all(honest));
        let notes = match Message::decode(frame) {
            Ok(Message::Heads(heads)) => heads.mine.into_vec(),
            Ok(Message::Leaves(leaves)) => vec![leaves.checkpoint],
            Ok(_) | Err(_) => return Vec::new(),
        };
        let heads = notes.iter().filter_map(|note| self.histories(note));
        let feeds: Vec<_> = heads.map(|(feed, _)| feed).collect();
        for feed in &feeds {
            let watched = self.watch.entry(*feed).or_default();
            if among_readers && watched.since.is_some() && !watched.found {
                watched.sessions.insert(link);
                watched.heads += 1;
            }
        }
        feeds
    }

    /// It has taken it in: which histories of these feeds does it hold now?
    pub(super) fn held(&mut self, link: LinkId, end: usize, feeds: &[FeedId]) {
        let wire = self.wires.get(&link);
        let Some(to) = wire.and_then(|wire| wire.ends.get(end).copied()) else {
            return;
        };
        for feed in feeds {
            let held = self.up(to).and_then(|member| member.feed(feed));
            let note = held.and_then(|held| held.head());
            let Some((_, histories)) = note.and_then(|note| self.histories(note)) else {
                continue;
            };
            let now = self.now;
            let watched = self.watch.entry(*feed).or_default();
            match histories {
                [true, false] => watched.held[0] = true,
                [false, true] => watched.held[1] = true,
                _ => {}
            }
            if watched.since.is_none() && watched.held == [true, true] {
                watched.since = Some(now);
            }
        }
    }

    /// The feed of a head that an equivocator signed, and to which of its histories that belongs.
    fn histories(&self, note: &[u8]) -> Option<(FeedId, [bool; 2])> {
        let head = UnverifiedCheckpoint::parse(note).ok()?;
        let publisher = self.cast.who(&head.origin().publisher)?;
        let [one, other] = &self.actors.get(publisher.0)?.brains[..] else {
            return None;
        };
        let key = self.cast.person(publisher).first.signing.public_key();
        let head = head.verify(&key).ok()?;
        let feed = head.origin().feed;
        let holds = |brain: &Brain<M::Ground>| match brain {
            Brain::Up(member) => {
                let held = member.feed(&feed);
                held.and_then(|held| held.root_at(head.size())) == Some(*head.root())
            }
            Brain::Down(_) => false,
        };
        Some((feed, [holds(one), holds(other)]))
    }

    /// An honest member holds evidence.
    pub(super) fn detected(&mut self, who: Who, feed: &FeedId) {
        let (honest, now) = (self.is_honest(who), self.now);
        let watched = self.watch.get_mut(feed);
        let Some(watched) = watched.filter(|watched| honest && !watched.found) else {
            return;
        };
        watched.found = true;
        self.report.detections.push(Detection {
            sessions: watched.sessions.len() as u64,
            heads: watched.heads,
            millis: now - watched.since.unwrap_or(now),
        });
    }

    /// How many second histories honest members hold beside the first, and nobody has found.
    pub(super) fn undetected(&self) -> u64 {
        let hidden = |watched: &&Watched| watched.since.is_some() && !watched.found;
        self.watch.values().filter(hidden).count() as u64
    }
}
