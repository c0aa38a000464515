//! Whole nodes over memory, linked to each other, and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kentong_keys::{FrozenHead, RecoveryId, StoreKey};

use super::heads::InMemory;
use super::publisher::Saying;
use super::sample::{Person, chain, members, wall, without};
use super::*;
use crate::feed::EraseReason;
use crate::indicator::{Projection, Value};
use crate::policy::{DEFAULT_FILES, PolicySet};
use crate::statement::{IndicatorId, Said};
use crate::store::memory::{MemoryLog, MemoryPlace, MemoryRows};
use crate::store::sample::{Feed, assertion, commit, name, value};
use crate::store::{Step, Store};

#[derive(Debug)]
enum InMemoryOnly {}

impl World for InMemoryOnly {
    type Log = MemoryLog;
    type Rows = MemoryRows;
    type Heads = InMemory;
}

type Node = Member<InMemoryOnly, u64, &'static str>;

/// Bytes that are never the same twice.
struct Counted(u64);

impl Chance for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            self.0 += 1;
            part.copy_from_slice(&self.0.to_be_bytes()[..part.len()]);
        }
    }
}

/// A home and the node that runs over it.
struct Home {
    person: Person,
    node: Node,
    log: MemoryLog,
    rows: MemoryPlace,
    chance: Counted,
    told: Vec<Told>,
    said: Vec<&'static str>,
}

/// Members whose nodes are linked: the link from the one to the other has both their numbers.
struct Federation {
    homes: BTreeMap<&'static str, Home>,
    links: BTreeMap<u64, [&'static str; 2]>,
    millis: u64,
}

impl Home {
    fn open(member: &'static str, log: MemoryLog, rows: MemoryPlace, heads: InMemory) -> Self {
        let person = Person::new(member);
        let key = StoreKey::from_secret([7; 32]);
        let (store, _) = Store::open(log.clone(), &rows, key, name(member), 1 << 20).unwrap();
        let policies = PolicySet::parse(&DEFAULT_FILES).unwrap();
        let engine = Engine::new(policies, BTreeSet::new());
        let node = Member::new(store, heads, Members::none(name(member)), engine);
        let number = u64::from(member.as_bytes()[0]) << 32;
        Self {
            person,
            node,
            log,
            rows,
            chance: Counted(number),
            told: Vec::new(),
            said: Vec::new(),
        }
    }

    fn told(&self, is: impl Fn(&Told) -> bool) -> bool {
        self.told.iter().any(is)
    }
}

impl Federation {
    fn of(all: &[&'static str]) -> Self {
        let mut federation = Self {
            homes: BTreeMap::new(),
            links: BTreeMap::new(),
            millis: 0,
        };
        for member in all {
            let (log, rows) = (MemoryLog::new(), MemoryPlace::new());
            let home = Home::open(member, log, rows, InMemory::new());
            federation.homes.insert(member, home);
        }
        for member in all {
            federation.install(member, &[]);
            federation.starts(member);
        }
        federation
    }

    /// A member uses the charter, or the next one without some of its members.
    fn install(&mut self, member: &'static str, removed: &[&str]) {
        let all: Vec<_> = self
            .homes
            .keys()
            .map(|member| Person::new(member))
            .collect();
        let all: Vec<_> = all.iter().collect();
        let first = chain(&all, None);
        let chain = removed
            .iter()
            .fold(first, |chain, one| without(chain, one, &all));
        let known = members(chain, &self.homes[member].person, &all);
        self.does(member, |node, lent| node.use_members(known, lent));
    }

    /// Its start, when its home is whole.
    fn starts(&mut self, member: &'static str) {
        let home = &self.homes[member];
        let Compared::Repair(repair) = home.node.compare(home.person.keys()) else {
            panic!("the home is whole");
        };
        self.does(member, |node, lent| {
            node.repair(repair, false, lent).unwrap();
            node.readers_may_come(lent);
        });
    }

    /// Has a node do something, and takes note of what follows. What it sends arrives at once.
    fn does<A>(
        &mut self,
        member: &'static str,
        act: impl FnOnce(&mut Node, &mut Lent<'_>) -> A,
    ) -> A {
        let (answer, outputs) = self.alone(member, act);
        let mut all: VecDeque<_> = outputs.into_iter().map(|output| (member, output)).collect();
        while let Some((member, output)) = all.pop_front() {
            let follows = match output {
                Output::Send(link, message) => {
                    let Some(ends) = self.links.get(&link) else {
                        continue;
                    };
                    let other = ends[usize::from(ends[0] == member)];
                    let frame = message.encode();
                    self.fed(other, |node, lent| node.frame(link, frame, lent.now))
                }
                Output::Close(link) => match self.links.remove(&link) {
                    Some(ends) => {
                        let end = |node: &mut Node, lent: &mut Lent<'_>| {
                            drop(node.ended(link, lent.now));
                        };
                        let mut follows = self.fed(ends[0], end);
                        follows.extend(self.fed(ends[1], end));
                        follows
                    }
                    None => continue,
                },
                Output::Said(ticket) => {
                    self.homes.get_mut(member).unwrap().said.push(ticket);
                    continue;
                }
                Output::Told(told) => {
                    self.homes.get_mut(member).unwrap().told.push(told);
                    continue;
                }
                Output::NotSaid { why, .. } => panic!("{why}"),
                Output::Admit
                | Output::KeepCards
                | Output::KeepPaper(..)
                | Output::KeepEvidence(_)
                | Output::Mark
                | Output::Unmark => continue,
            };
            all.extend(follows);
        }
        answer
    }

    /// What follows when a node is given something, until it has nothing more to do.
    fn fed(
        &mut self,
        member: &'static str,
        give: impl FnOnce(&mut Node, &mut Lent<'_>),
    ) -> Vec<(&'static str, Output<u64, &'static str>)> {
        let ((), outputs) = self.alone(member, |node, lent| {
            give(node, lent);
            while node.step(lent).is_continue() {}
        });
        outputs.into_iter().map(|output| (member, output)).collect()
    }

    fn alone<A>(
        &mut self,
        member: &'static str,
        act: impl FnOnce(&mut Node, &mut Lent<'_>) -> A,
    ) -> (A, Vec<Output<u64, &'static str>>) {
        let now = Now {
            wall: wall().plus(self.millis / 1000),
            moment: Moment::from_millis(self.millis),
        };
        let home = self.homes.get_mut(member).unwrap();
        let Home {
            person,
            node,
            chance,
            ..
        } = home;
        let mut lent = Lent {
            keys: person.keys(),
            chance,
            now,
        };
        let answer = act(node, &mut lent);
        (answer, node.take_outputs())
    }

    fn link(&mut self, one: &'static str, other: &'static str) -> bool {
        let link = self.millis * 1000 + self.links.len() as u64;
        self.links.insert(link, [one, other]);
        let mut both = true;
        for (here, there) in [(one, other), (other, one)] {
            let there = name(there);
            both &= self.does(here, |node, lent| node.connected(link, &there, lent));
        }
        for here in [one, other] {
            self.does(here, |node, lent| while node.step(lent).is_continue() {});
        }
        both
    }

    /// So many seconds pass.
    fn pass(&mut self, seconds: u64) {
        let all: Vec<_> = self.homes.keys().copied().collect();
        for _ in 0..seconds {
            self.millis += 1000;
            for member in &all {
                self.does(member, |node, lent| {
                    node.tick(lent);
                    while node.step(lent).is_continue() {}
                    loop {
                        node.go_on(lent);
                        node.open_on(lent);
                        while node.step(lent).is_continue() {}
                        if node.is_idle() {
                            break;
                        }
                    }
                });
            }
        }
    }

    fn says(&mut self, member: &'static str, value: Value, said: Said) {
        let how = Saying {
            dry_run: false,
            again: false,
        };
        let ticket = self.does(member, |node, lent| {
            node.request(lent, |mut request| {
                request.say(value, said, how).unwrap();
                request.answer("operator");
            });
            node.commit(lent)
        });
        let said = ticket.unwrap();
        self.does(member, |node, lent| {
            node.release(&said, lent);
            while node.step(lent).is_continue() {}
        });
    }

    /// The values of which a member holds a statement of another.
    fn holds_of(&self, member: &str, publisher: &str) -> BTreeSet<String> {
        let (store, publisher) = (self.homes[member].node.store(), name(publisher));
        let said = store.scan(|feed| feed.genesis().publisher == publisher);
        said.map(|found| found.unwrap().1.value.as_str().to_owned())
            .collect()
    }
}

fn asserted() -> Said {
    Said::Asserted {
        assertion: Box::new(assertion("seen", None)),
        stripped: Projection::NOTHING,
    }
}

fn text(number: usize) -> String {
    value(number).as_str().to_owned()
}

#[test]
fn what_one_says_another_holds_and_gives_a_receipt_for() {
    let mut all = Federation::of(&["MY", "SG"]);
    assert!(all.link("MY", "SG"));
    all.says("MY", value(1), asserted());
    assert_eq!(all.homes["MY"].said, ["operator"]);
    all.pass(2);
    assert_eq!(all.holds_of("SG", "MY"), BTreeSet::from([text(1)]));
    let node = &all.homes["MY"].node;
    let mut feeds = node.store().feeds().iter();
    let shared = feeds.find(|feed| !feed.is_private()).unwrap();
    let holds = node.holds(shared.id(), &name("SG")).unwrap();
    assert_eq!((holds.size, holds.missing), (shared.size(), 0));
}

#[test]
fn without_a_reader_a_start_waits_ten_seconds_and_then_says_so() {
    let mut all = Federation::of(&["MY", "SG"]);
    all.link("MY", "SG");
    all.says("MY", value(1), asserted());
    let (log, rows) = (all.homes["MY"].log.copy(), all.homes["MY"].rows.copy());
    let heads = all.homes["MY"].node.heads().clone().restart();
    all.homes.insert("MY", Home::open("MY", log, rows, heads));
    all.install("MY", &[]);
    all.starts("MY");
    all.says("MY", value(2), asserted());
    all.pass(9);
    let unconfirmed = |told: &Told| matches!(told, Told::History(history::Warning::Unconfirmed));
    assert!(!all.homes["MY"].told(unconfirmed));
    let leaves = |all: &Federation| {
        let node = &all.homes["MY"].node;
        let feeds = node.store().feeds().iter();
        let shared = feeds.filter(|feed| !feed.is_private());
        shared.map(|feed| feed.size()).sum::<u64>()
    };
    let before = leaves(&all);
    all.pass(2);
    assert!(all.homes["MY"].told(unconfirmed));
    assert!(leaves(&all) > before, "then it is released");
}

#[test]
fn who_is_removed_is_cut_off_and_its_feeds_are_closed() {
    let mut all = Federation::of(&["MY", "SG", "TH"]);
    all.link("MY", "SG");
    all.link("MY", "TH");
    all.says("MY", value(1), asserted());
    all.pass(2);
    assert_eq!(all.holds_of("TH", "MY"), BTreeSet::from([text(1)]));
    all.install("MY", &["TH"]);
    all.pass(2);
    assert!(all.homes["MY"].told(|told| matches!(told, Told::Closed(_))));
    let gone = |told: &Told| matches!(told, Told::NotInForce(who) if *who == name("TH"));
    assert!(all.homes["MY"].told(gone));
    assert!(!all.link("MY", "TH"), "nor does it come back");
    all.says("MY", value(2), asserted());
    all.pass(2);
    assert_eq!(all.holds_of("SG", "MY"), BTreeSet::from([text(1), text(2)]));
    assert_eq!(all.holds_of("TH", "MY"), BTreeSet::from([text(1)]));
}

#[test]
fn a_member_that_leaves_is_reached_for_five_seconds_and_then_by_nobody() {
    let mut all = Federation::of(&["MY", "SG", "TH"]);
    let admits = |all: &Federation| {
        let now = Now {
            wall: wall(),
            moment: Moment::from_millis(all.millis),
        };
        all.homes["TH"].node.admitted(now).count()
    };
    assert_eq!(admits(&all), 2);
    assert!(all.link("MY", "TH"));
    all.install("TH", &["TH"]);
    all.pass(4);
    assert_eq!(admits(&all), 2, "it says farewell");
    assert_eq!(all.homes["TH"].node.sessions().links().count(), 1);
    all.pass(2);
    assert_eq!(admits(&all), 0);
    assert_eq!(all.homes["TH"].node.sessions().links().count(), 0);
}

#[test]
fn a_member_that_is_cut_off_is_let_in_until_its_goodbye_has_been_sent() {
    let mut all = Federation::of(&["MY", "SG"]);
    all.link("MY", "SG");
    let now = Now {
        wall: wall(),
        moment: Moment::START,
    };
    let node = &mut all.homes.get_mut("MY").unwrap().node;
    node.cut_off(name("SG"), Some(Vec::new()), now);
    assert_eq!(node.admitted(now).count(), 1, "the link is there still");
    let (link, _) = node.sessions().links().next().unwrap();
    node.ended(link, now);
    let admits = |output: &Output<_, _>| matches!(output, Output::Admit);
    assert!(node.take_outputs().iter().any(admits));
    assert_eq!(node.admitted(now).count(), 0);
    assert!(!node.speaks_to(&name("SG"), now));
}

#[test]
fn nothing_is_said_before_log_and_heads_were_compared() {
    let (log, rows) = (MemoryLog::new(), MemoryPlace::new());
    let home = Home::open("MY", log, rows, InMemory::new());
    let now = Now {
        wall: wall(),
        moment: Moment::START,
    };
    assert_eq!(home.node.permit(now), publisher::Permit::Nothing);
    let begun = Federation::of(&["MY"]);
    let node = &begun.homes["MY"].node;
    assert_eq!(node.permit(now), publisher::Permit::Release);
}

#[test]
fn one_that_does_not_know_what_it_signed_goes_on_when_its_reader_was_heard() {
    let mut all = Federation::of(&["MY", "SG"]);
    all.link("MY", "SG");
    all.says("MY", value(1), asserted());
    all.pass(2);
    let (log, rows) = (MemoryLog::new(), MemoryPlace::new());
    let home = Home::open("MY", log, rows, InMemory::unknown());
    all.homes.insert("MY", home);
    all.install("MY", &[]);
    let home = &all.homes["MY"];
    let Compared::Unknown(why) = home.node.compare(home.person.keys()) else {
        panic!("nothing is known");
    };
    all.does("MY", |node, lent| {
        let recovery = RecoveryId::random();
        node.ask(recovery, why, lent).unwrap();
        node.readers_may_come(lent);
    });
    all.pass(5);
    let id = IndicatorId::of(&name("MY"), &value(1));
    let erased = all.does("MY", |node, lent| {
        node.erase(&id, EraseReason::Mistake, true, lent)
    });
    assert!(
        matches!(erased, Err(NotErasedNow::NoReaderYet)),
        "{erased:?}"
    );
    assert!(all.homes["MY"].node.history().may_publish().is_err());
    all.links.clear();
    all.link("MY", "SG");
    all.pass(3);
    assert!(all.homes["MY"].told(|told| matches!(told, Told::GoesOn { gone: 0, .. })));
    let own = all.homes["MY"].node.store().own_statement(&value(1));
    assert!(own.unwrap().is_some(), "what came back is in its answers");
    all.says("MY", value(2), asserted());
    all.pass(2);
    assert_eq!(all.holds_of("SG", "MY"), BTreeSet::from([text(1), text(2)]));
}

#[test]
fn what_a_member_showed_over_an_earlier_link_it_is_not_asked_for_over_the_next() {
    let mut all = Federation::of(&["MY", "SG", "TH"]);
    // MY holds a leaf of SG and lacks its body.
    let mut feed = Feed::new("SG", &["MY", "TH"], 3);
    let node = &mut all.homes.get_mut("MY").unwrap().node;
    commit(&mut node.store, feed.begin(Step::new()));
    let statement = crate::store::sample::asserted(1, 1);
    let (leaf, _) = feed.batch_apart([statement], Step::new());
    commit(&mut node.store, leaf);
    // TH showed both before a crash took them, and the end of that link is not known yet.
    node.reader.show(&name("TH"), feed.id, feed.size);
    all.link("TH", "MY");
    all.pass(2);
    let told = &all.homes["TH"].told;
    let broke = |told: &Told| matches!(told, Told::Broke { .. });
    assert!(!all.homes["TH"].told(broke), "{told:?}");
}

#[test]
fn a_new_warrant_ends_the_sessions_of_the_former_keys() {
    let mut all = Federation::of(&["MY", "SG"]);
    all.link("MY", "SG");
    all.says("MY", value(1), asserted());
    all.pass(2);
    let feeds = all.homes["SG"].node.store().feeds().iter();
    let head = |feed: &crate::store::FeedState| FrozenHead {
        feed: *feed.id().digest(),
        size: feed.size() - 1,
        root: feed.tree().root_at(feed.size() - 1).unwrap(),
    };
    let heads: Vec<_> = feeds.map(head).collect();
    let next = Person::under("MY", 2, heads);
    let everybody = [&next, &Person::new("SG")];
    let listed = [&Person::new("MY"), &Person::new("SG")];
    let known = members(chain(&listed, None), &all.homes["SG"].person, &everybody);
    all.does("SG", |node, lent| node.use_members(known, lent));
    assert_eq!(all.homes["SG"].node.sessions().links().count(), 0);
    let cut = |told: &Told| matches!(told, Told::Former(_, former) if former.leaves() == 1);
    assert!(all.homes["SG"].told(cut));
    assert_eq!(
        all.holds_of("SG", "MY"),
        BTreeSet::new(),
        "it was above the head"
    );
}
