//! History alone: each state, what leads from one to the next, and what may be done in each.

mod asking;
mod loading;
mod lost;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, GoAheadTerms, MemberName, RecoveryId};

use crate::feed::{Audience, FeedId};

use super::super::heads::{Heads as _, InMemory, Signed, Swap};
use super::*;

const EARLY: u64 = 0;
const PATIENCE: u64 = millis(super::PATIENCE);
const RECOVERY: u64 = millis(super::RECOVERY);
const STALLED: u64 = millis(super::STALLED);

const fn millis(wait: Duration) -> u64 {
    wait.as_secs() * 1000
}

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

/// What is held of our feeds, without a store.
struct Home {
    me: MemberName,
    feeds: Vec<Feed>,
}

/// A feed that is held; `history` tells apart feeds that grew otherwise.
struct Feed {
    id: FeedId,
    audience: Audience,
    history: u8,
    size: u64,
    covered: u64,
    missing: u64,
    undecrypted: u64,
    is_closed: bool,
}

fn member(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn members(names: &[&str]) -> BTreeSet<MemberName> {
    names.iter().map(|name| member(name)).collect()
}

fn id(number: u8) -> FeedId {
    FeedId::from_digest(Digest::from_bytes([number; 32]))
}

fn root(history: u8, size: u64) -> Digest {
    let mut bytes = [history; 32];
    bytes[..8].copy_from_slice(&size.to_be_bytes());
    Digest::from_bytes(bytes)
}

fn head(size: u64) -> Signed {
    Signed {
        size,
        root: root(1, size),
    }
}

impl Home {
    fn new(feeds: Vec<Feed>) -> Self {
        Self {
            me: member("MY"),
            feeds,
        }
    }

    fn feed(&mut self, number: u8) -> &mut Feed {
        let feed = self.feeds.iter_mut().find(|feed| feed.id == id(number));
        feed.unwrap()
    }

    /// The heads that go with what is held.
    fn heads(&self) -> InMemory {
        let entry = |feed: &Feed| {
            let root = root(feed.history, feed.size);
            let size = feed.size;
            (*feed.id.digest(), Signed { size, root })
        };
        InMemory::of(self.feeds.iter().map(entry).collect())
    }
}

/// A feed that is whole, for these readers; for us alone without any.
fn feed(number: u8, readers: &[&str], size: u64) -> Feed {
    Feed {
        id: id(number),
        audience: Audience::of(&member("MY"), &members(readers)).unwrap(),
        history: 1,
        size,
        covered: size,
        missing: 0,
        undecrypted: 0,
        is_closed: false,
    }
}

impl OurFeeds for Home {
    fn me(&self) -> &MemberName {
        &self.me
    }

    fn all(&self) -> impl Iterator<Item = Held<'_>> {
        self.feeds.iter().map(|feed| Held {
            feed: feed.id,
            audience: &feed.audience,
            size: feed.size,
            covered: feed.covered,
            missing: feed.missing,
            undecrypted: feed.undecrypted,
            is_private: feed.audience.members().len() == 1,
            is_closed: feed.is_closed,
        })
    }

    fn get(&self, feed: FeedId) -> Option<Held<'_>> {
        self.all().find(|held| held.feed == feed)
    }

    fn root_at(&self, feed: FeedId, size: u64) -> Option<Digest> {
        let held = self.feeds.iter().find(|held| held.id == feed)?;
        (size <= held.size).then(|| root(held.history, size))
    }
}

fn unconfirmed() -> Vec<Output> {
    vec![Output::Warn(Warning::Unconfirmed)]
}

/// A node to which readers can come since then.
fn open_since(begun: u64) -> History {
    let mut history = History::begin();
    history.readers_may_come(at(begun));
    history
}

#[test]
fn as_long_as_no_reader_can_come_the_wait_does_not_pass() {
    let home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 3)]);
    let mut history = History::begin();
    let late = 100 * PATIENCE;
    assert_eq!(history.may_release(at(late), &home), Err(Why::NoReaderYet));
    history.readers_may_come(at(late));
    let last = late + PATIENCE - 1;
    assert_eq!(history.may_release(at(last), &home), Err(Why::NoReaderYet));
    assert_eq!(history.may_release(at(last + 1), &home), Ok(unconfirmed()));
}

#[test]
fn a_start_waits_ten_seconds_for_one_reader() {
    let home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 3)]);
    let start = 500;
    let mut history = open_since(start);
    for now in [start, start + PATIENCE - 1] {
        assert_eq!(history.may_release(at(now), &home), Err(Why::NoReaderYet));
        assert_eq!(history.may_publish(), Ok(()), "for itself alone");
        assert_eq!(history.may_say(), Ok(()));
    }
    let now = start + PATIENCE;
    for _ in 0..2 {
        assert_eq!(history.could_release(at(now), &home), Ok(()), "asked only");
    }
    assert_eq!(history.may_release(at(now), &home), Ok(unconfirmed()));
    assert_eq!(history.may_release(at(now), &home), Ok(Vec::new()), "once");
}

#[test]
fn a_reader_that_speaks_ends_the_wait_before_or_after() {
    let home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 3)]);
    let settled = vec![Output::Settle(About::Unconfirmed)];
    let mut before = open_since(EARLY);
    assert_eq!(
        before.compared(&member("TH"), at(1), &home),
        [],
        "reads nothing"
    );
    assert_eq!(before.may_release(at(1), &home), Err(Why::NoReaderYet));
    assert_eq!(before.compared(&member("SG"), at(1), &home), settled);
    assert_eq!(
        before.may_release(at(1), &home),
        Ok(Vec::new()),
        "no warning"
    );
    assert_eq!(before.compared(&member("SG"), at(1), &home), [], "once");

    let mut after = open_since(EARLY);
    assert_eq!(after.may_release(at(PATIENCE), &home), Ok(unconfirmed()));
    assert_eq!(
        after.compared(&member("SG"), at(PATIENCE + 1), &home),
        settled
    );
}

#[test]
fn where_nobody_reads_nobody_is_waited_for() {
    let empty = feed(2, &["SG"], 0);
    let home = Home::new(vec![feed(1, &[], 3), empty]);
    let mut history = open_since(EARLY);
    assert_eq!(history.may_release(at(EARLY), &home), Ok(Vec::new()));
}

#[test]
fn what_was_held_back_is_owed_once() {
    let mut history = open_since(EARLY);
    assert!(!history.is_held_back() && !history.take_held_back());
    history.hold_back();
    assert!(history.is_held_back());
    assert!(history.take_held_back() && !history.take_held_back());
}

#[test]
fn once_stopped_nothing_is_published_in_any_state() {
    let mut home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 3)]);
    let mut history = open_since(EARLY);
    history.stop("the disk is full".to_owned());
    let stopped = Err(Why::Stopped("the disk is full"));
    assert_eq!(history.may_publish(), stopped);
    assert_eq!(history.may_say(), stopped);
    assert_eq!(history.stopped(), Some("the disk is full"));
    // Nor does anything that comes change that.
    let heads = home.heads();
    history.compared(&member("SG"), at(1), &home);
    history.shown(&member("SG"), (id(2), head(5)), at(1), &home, &heads);
    home.feed(2).size = 5;
    home.feed(2).covered = 5;
    history.came_back(id(2), at(2), &home, &heads);
    assert_eq!(history.may_publish(), stopped);

    let mut asking = asking::asking();
    asking.stop("so".to_owned());
    let asked = members(&["SG"]);
    asking.compared(&member("SG"), at(1), &home);
    let settlement = asking.look_for_settlement(at(2), &asked, &home);
    assert_eq!(settlement, None, "heads are not settled");
}

#[test]
fn stored_and_signed_differ_unless_the_feed_is_coming_back() {
    let mut home = Home::new(vec![feed(1, &[], 3), feed(2, &["SG"], 3)]);
    let heads = home.heads();
    let mut history = open_since(EARLY);
    assert!(!history.is_midway(&home, &heads));

    home.feed(2).size = 4;
    assert!(history.is_midway(&home, &heads), "no checkpoint covers it");
    history.shown(&member("SG"), (id(2), head(6)), at(1), &home, &heads);
    assert!(history.comes_back(id(2)) && !history.is_midway(&home, &heads));

    let mut history = open_since(EARLY);
    home.feed(2).size = 2;
    home.feed(2).covered = 2;
    assert!(history.is_midway(&home, &heads), "signed and not stored");
    history.lost(id(2), 3, at(1), &home, &heads);
    assert!(!history.is_midway(&home, &heads));

    let ended = InMemory::of(BTreeMap::from([(*id(2).digest(), Signed::ENDED)]));
    assert!(!open_since(EARLY).is_midway(&home, &ended));
    home.feed(2).size = 9;
    assert!(!asking::asking().is_midway(&home, &heads), "all is open");
}
