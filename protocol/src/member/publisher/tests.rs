//! The publisher alone, over a log, rows and heads in memory.

use std::collections::BTreeSet;

use kentong_keys::{
    Card, CardTerms, PeerIdText, SealingSecret, SigningKey, StoreKey, Warrant, WarrantTerms,
};

use super::*;
use crate::charter::{Ballots, Chain, Draft, Notices, OpenNotices, Papers, Quota};
use crate::directory::Bundle;
use crate::feed::{EraseReason, Leaf};
use crate::indicator::{Projection, Value};
use crate::member::heads::{Heads as _, InMemory, NextWrite, Signed};
use crate::member::{Chance, Ground, Held, Keys, Members};
use crate::policy::{DEFAULT_FILES, Engine, PolicySet};
use crate::quota::Bound;
use crate::statement::{IndicatorId, Said, Statement};
use crate::store::FeedState;
use crate::store::memory::{MemoryLog, MemoryPlace, MemoryRows};
use crate::store::sample::{assertion, name, value};
use crate::sync::Now;
use crate::time::Timestamp;

const DAY: u64 = 24 * 3_600_000;
const ALL: [&str; 3] = ["MY", "SG", "TH"];

#[derive(Debug)]
enum InTests {}

impl World for InTests {
    type Log = MemoryLog;
    type Rows = MemoryRows;
    type Heads = InMemory;
}

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

fn key(member: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    seed[..member.len()].copy_from_slice(member.as_bytes());
    SigningKey::from_seed(seed)
}

fn wall() -> Timestamp {
    Timestamp::from_seconds(1_790_000_000).unwrap()
}

fn sealing() -> SealingSecret {
    SealingSecret::from_seed([9; 32])
}

fn warrant(member: &str) -> Warrant {
    let terms = WarrantTerms {
        member: name(member),
        serial: 1,
        signing: key(member, 2).public_key(),
        witness: key(member, 3).public_key(),
        heads: Vec::new(),
        issued: 0,
    };
    Warrant::issue(terms, &key(member, 1)).unwrap()
}

fn card(member: &str) -> Card {
    let transport = key(member, 4);
    let terms = CardTerms {
        member: name(member),
        serial: 1,
        sealing: sealing().public().clone(),
        peer: PeerIdText::of(&transport.public_key()),
        next_peer: None,
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap()],
        issued: 0,
    };
    Card::issue(terms, &key(member, 2), &[&transport, &transport]).unwrap()
}

fn chain(quota: Option<Quota>) -> Chain {
    let draft = Draft::new("asean-test".parse().unwrap(), [7; 16], wall());
    let draft = ALL.iter().fold(draft, |draft, member| {
        draft.member(name(member), *member, key(member, 1).public_key(), [])
    });
    let draft = quota.into_iter().fold(draft, Draft::quota);
    let charter = ALL.iter().fold(draft.build().unwrap(), |charter, member| {
        charter.sign(&name(member), &key(member, 1)).unwrap()
    });
    Chain::begin(charter.bytes()).unwrap()
}

/// The charter after a member was removed from it.
fn without(mut chain: Chain, member: &str) -> Chain {
    let draft = Draft::after(chain.in_force(), wall()).without(&name(member));
    let charter = ALL.iter().fold(draft.build().unwrap(), |charter, by| {
        if *by == member {
            return charter;
        }
        charter.sign(&name(by), &key(by, 1)).unwrap()
    });
    chain.offer(charter).unwrap();
    chain
}

fn members(chain: Chain) -> Members {
    let open = OpenNotices::default();
    let (ballots, notices) = (Ballots::default(), Notices::default());
    let others = ["SG", "TH"].into_iter().map(|member| {
        let root = key(member, 1).public_key();
        Bundle::new(member, root, &warrant(member), &card(member)).unwrap()
    });
    let held = Held {
        papers: Papers::new(chain, ballots, notices, open),
        severed: BTreeSet::new(),
        own: (
            warrant("MY").note().bytes().to_vec(),
            card("MY").note().bytes().to_vec(),
        ),
        bundles: others.collect(),
    };
    Members::of(name("MY"), held, wall()).0
}

struct Home {
    publisher: Publisher<&'static str>,
    store: Store<MemoryLog, MemoryRows>,
    log: MemoryLog,
    members: Members,
    heads: InMemory,
    policy: Engine,
    chance: Counted,
    millis: u64,
    permit: Permit,
}

impl Home {
    fn new(quota: Option<Quota>) -> Self {
        let place = MemoryPlace::new();
        let store_key = StoreKey::from_secret([7; 32]);
        let log = MemoryLog::new();
        let opened = Store::open(log.clone(), &place, store_key, name("MY"), 1 << 20);
        let policies = PolicySet::parse(&DEFAULT_FILES).unwrap();
        Self {
            publisher: Publisher::default(),
            store: opened.unwrap().0,
            log,
            members: members(chain(quota)),
            heads: InMemory::new(),
            policy: Engine::new(policies, BTreeSet::new()),
            chance: Counted(0),
            millis: 0,
            permit: Permit::Release,
        }
    }

    fn does<A>(
        &mut self,
        act: impl FnOnce(&mut Publisher<&'static str>, &mut Tools<'_, InTests>) -> A,
    ) -> (A, Vec<Output<&'static str>>) {
        let me = name("MY");
        let (signing, witness, sealing) = (key("MY", 2), key("MY", 3), [sealing()]);
        let (warrant, card) = (warrant("MY"), card("MY"));
        let keys = Keys {
            me: &me,
            signing: &signing,
            witness: &witness,
            sealing: &sealing,
            warrant: &warrant,
            card: &card,
        };
        let now = Now {
            wall: wall().plus(self.millis / 1000),
            moment: Moment::from_millis(self.millis),
        };
        let mut tools = Tools {
            ground: Ground {
                store: &mut self.store,
                members: &self.members,
                keys,
                now,
            },
            heads: &mut self.heads,
            policy: &mut self.policy,
            chance: &mut self.chance,
            permit: self.permit.clone(),
        };
        let answer = act(&mut self.publisher, &mut tools);
        (answer, self.publisher.take_outputs())
    }

    /// Says these, and has them committed and released.
    fn say(&mut self, all: impl IntoIterator<Item = (Value, Said)>) -> Vec<Output<&'static str>> {
        let how = Saying {
            dry_run: false,
            again: false,
        };
        let ((), outputs) = self.does(|publisher, with| {
            publisher.begin();
            for (value, said) in all {
                publisher.say(with, value, said, how).unwrap();
            }
            publisher.answer("operator");
            if let Some(said) = publisher.commit(with) {
                publisher.release_said(with, &said);
            }
        });
        outputs
    }

    fn assert(&mut self, number: usize) -> Vec<Output<&'static str>> {
        self.say([(value(number), asserted())])
    }

    fn withdraw(&mut self, number: usize) -> Vec<Output<&'static str>> {
        let reason = crate::bounded::BoundedText::new("in error").unwrap();
        self.say([(value(number), Said::Withdrawn { reason })])
    }

    /// Our feed for ourselves and these.
    fn feed(&self, readers: &[&str]) -> Option<&FeedState> {
        let readers: Vec<_> = readers.iter().map(|reader| name(reader)).collect();
        let audience = Audience::of(self.store.me(), &readers).unwrap();
        let mut ours = self.store.feeds().of(self.store.me());
        ours.find(|feed| feed.genesis().audience == audience)
    }

    /// What it says, in order.
    fn said(&self, readers: &[&str]) -> Vec<Statement> {
        let feed = self.feed(readers).map(FeedState::number);
        let said = self.store.scan(|_| true).map(Result::unwrap);
        let mut said: Vec<_> = said.filter(|(at, _)| Some(at.feed) == feed).collect();
        said.sort_by_key(|(at, _)| (at.index, at.place));
        said.into_iter().map(|(_, statement)| statement).collect()
    }

    /// Whether the heads and a checkpoint have all of a feed.
    fn is_signed(&self, feed: &FeedState) -> bool {
        let head = Signed {
            size: feed.size(),
            root: feed.tree().root(),
        };
        self.heads.get(feed.id().digest()) == Some(head)
            && feed.checkpoint().map(|(size, _)| size) == Some(feed.size())
    }
}

fn asserted() -> Said {
    Said::Asserted {
        assertion: Box::new(assertion("a story", None)),
        stripped: Projection::NOTHING,
    }
}

fn is_withdrawal(statement: &Statement) -> bool {
    matches!(statement.said, Said::Withdrawn { .. })
}

fn grown(outputs: &[Output<&'static str>]) -> Vec<FeedId> {
    let grown = outputs.iter().filter_map(|output| {
        let Output::Grown(feed) = output else {
            return None;
        };
        Some(*feed)
    });
    grown.collect()
}

#[test]
fn what_is_said_stands_in_our_own_feed_first_and_is_released_to_a_new_audience() {
    let mut home = Home::new(None);
    let outputs = home.assert(1);
    let (private, shared) = (home.feed(&[]).unwrap(), home.feed(&["SG", "TH"]).unwrap());
    let [
        Output::Grown(first),
        Output::Said("operator"),
        Output::Grown(second),
    ] = outputs.as_slice()
    else {
        panic!("{outputs:?}");
    };
    assert_eq!((*first, *second), (private.id(), shared.id()));
    assert!(home.is_signed(private) && home.is_signed(shared));
    assert_eq!(home.said(&["SG", "TH"]).len(), 1);
    let leaf = home.store.leaf(shared.id(), 1).unwrap();
    let Leaf::Epoch(epoch) = Leaf::decode(&leaf).unwrap() else {
        panic!("the second leaf begins an epoch");
    };
    let sealed = epoch.sealed.iter().map(|sealed| sealed.member.clone());
    let sealed: Vec<_> = sealed.collect();
    assert_eq!(sealed, ALL.map(name), "each can decrypt it");

    let again = home.assert(1);
    assert!(grown(&again).is_empty(), "it says nothing new: {again:?}");
}

#[test]
fn an_epoch_ends_after_a_day_or_when_who_belongs_changes() {
    let mut home = Home::new(None);
    let epochs = |home: &Home| home.feed(&[]).unwrap().epochs().len();
    home.assert(1);
    home.millis = DAY - 1;
    home.assert(2);
    assert_eq!(epochs(&home), 1);
    home.millis = DAY;
    home.assert(3);
    assert_eq!(epochs(&home), 2);
    home.publisher.end_epochs();
    home.assert(4);
    assert_eq!(epochs(&home), 3);
    let Home {
        publisher, store, ..
    } = &mut home;
    publisher.end_epochs_of(&name("SG"), store);
    home.assert(5);
    assert_eq!(epochs(&home), 3, "SG does not read it");
    assert_eq!(home.feed(&["SG", "TH"]).unwrap().epochs().len(), 4);
}

#[test]
fn a_feed_is_closed_before_anything_is_said_that_a_removed_member_would_read() {
    let mut home = Home::new(None);
    home.assert(1);
    home.members = members(without(chain(None), "TH"));
    home.does(Publisher::sweep_all);
    // In the same turn, before the sweep came to it.
    let outputs = home.withdraw(1);
    let closed = home.feed(&["SG", "TH"]).unwrap();
    assert!(closed.is_closed() && home.is_signed(closed));
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Closed(feed) if *feed == closed.id()))
    );
    assert!(!home.said(&["SG", "TH"]).iter().any(is_withdrawal));
    let following = home.said(&["SG"]);
    assert_eq!(following.iter().filter(|one| is_withdrawal(one)).count(), 1);

    home.assert(2);
    assert_eq!(home.said(&["SG", "TH"]).len(), 1, "nothing follows there");
    assert_eq!(home.said(&["SG"]).len(), 2);
}

#[test]
fn when_the_heads_cannot_be_moved_nothing_is_announced_and_publishing_stops() {
    let mut home = Home::new(None);
    home.assert(1);
    let covered = home.feed(&[]).unwrap().checkpoint().unwrap().0;
    home.heads.set_next_write(NextWrite::Fails);
    let outputs = home.assert(2);
    let [
        Output::Stop(_),
        Output::NotSaid {
            to: "operator",
            is_open: true,
            ..
        },
    ] = outputs.as_slice()
    else {
        panic!("{outputs:?}");
    };
    let private = home.feed(&[]).unwrap();
    assert!(private.size() > covered, "it was appended");
    assert_eq!(private.checkpoint().unwrap().0, covered, "and not signed");

    // History was told, and says so from now on.
    home.permit = Permit::Stopped("the disk".into());
    let outputs = home.assert(3);
    let [Output::NotSaid { is_open: false, .. }] = outputs.as_slice() else {
        panic!("{outputs:?}");
    };
    let (released, outputs) = home.does(|publisher, with| publisher.release_said(with, &[]));
    assert!(outputs.is_empty(), "{released:?} {outputs:?}");
}

#[test]
fn within_the_call_in_which_publishing_stopped_nothing_more_is_signed() {
    let mut home = Home::new(None);
    home.heads.set_next_write(NextWrite::Fails);
    let (later, _) = home.does(|publisher, with| {
        let private = || Audience::of(&name("MY"), []).unwrap();
        let list = |number| {
            let statement = crate::store::sample::asserted(number, 1);
            BTreeMap::from([(private(), vec![statement])])
        };
        assert!(publisher.publish(with, list(1)).is_err());
        publisher.publish(with, list(2))
    });
    assert!(matches!(later, Err(PublishError::Stopped(_))), "{later:?}");
}

#[test]
fn nothing_is_released_before_it_may_be_and_all_is_looked_through_then() {
    let mut home = Home::new(None);
    home.permit = Permit::Publish;
    let outputs = home.assert(1);
    assert!(
        matches!(outputs.last(), Some(Output::HeldBack)),
        "{outputs:?}"
    );
    assert!(home.feed(&["SG", "TH"]).is_none());
    home.does(Publisher::sweep_all);
    let ((), outputs) = home.does(|publisher, with| publisher.sweep_on(with, true));
    assert!(matches!(outputs.as_slice(), [Output::HeldBack]));
    assert!(home.feed(&["SG", "TH"]).is_none());

    home.permit = Permit::Release;
    let ((), outputs) = home.does(|publisher, with| publisher.sweep_on(with, true));
    let shared = home.feed(&["SG", "TH"]).unwrap().id();
    assert!(
        matches!(
            outputs.as_slice(),
            [Output::Resumed, Output::Grown(feed), Output::AllChecked] if *feed == shared
        ),
        "{outputs:?}"
    );

    home.permit = Permit::Nothing;
    let outputs = home.assert(2);
    assert!(matches!(outputs.as_slice(), [Output::NotSaid { .. }]));
}

#[test]
fn what_is_new_waits_for_the_quota_and_a_withdrawal_does_not() {
    let mut home = Home::new(Some(Quota {
        statements_per_day: 1,
        stored_bytes: Quota::MAX,
    }));
    home.assert(1);
    home.assert(2);
    let waiting = |home: &Home| home.publisher.outgoing().waiting_for(Bound::Day).count();
    assert_eq!((home.said(&["SG", "TH"]).len(), waiting(&home)), (1, 1));
    assert_eq!(home.said(&[]).len(), 2, "the feed for ourselves has it");
    home.withdraw(1);
    assert!(is_withdrawal(&home.said(&["SG", "TH"])[1]));
    assert_eq!(waiting(&home), 1);

    home.does(Publisher::release_on);
    assert!(home.publisher.is_idle(), "there is no room yet");
    home.millis = 2 * DAY;
    home.does(Publisher::release_on);
    home.does(|publisher, with| publisher.sweep_on(with, false));
    while !home.publisher.is_idle() {
        home.does(|publisher, with| publisher.sweep_on(with, false));
    }
    assert_eq!((home.said(&["SG", "TH"]).len(), waiting(&home)), (3, 0));
}

#[test]
fn an_erasure_is_signed_before_it_overwrites() {
    let erase = |home: &mut Home, dry_run| {
        let id = IndicatorId::of(&name("MY"), &value(1));
        let reason = EraseReason::Unsaid;
        let erase = |publisher: &mut Publisher<_>, with: &mut Tools<'_, InTests>| {
            publisher.erase(with, &id, reason, dry_run)
        };
        home.does(erase).0
    };
    // The batches that carry it, as the log has them.
    let bodies = |home: &Home| {
        let feeds = [home.feed(&[]).unwrap(), home.feed(&["SG", "TH"]).unwrap()];
        feeds.map(|feed| home.store.body(feed.id(), 2).unwrap())
    };
    let in_log = |home: &Home, bodies: &[Vec<u8>; 2]| {
        let payloads = home.log.payloads();
        let has = |body: &&Vec<u8>| payloads.iter().any(|one| one.ends_with(body));
        bodies.iter().filter(has).count()
    };
    let mut home = Home::new(None);
    home.assert(1);
    let before = bodies(&home);
    let extent = erase(&mut home, true).unwrap();
    assert_eq!((extent.feeds, extent.batches), (2, 2));
    assert_eq!(extent.readers, ["SG", "TH"].map(name).into());

    home.heads.set_next_write(NextWrite::Fails);
    let failed = erase(&mut home, false);
    assert!(
        matches!(
            failed,
            Err(NotErased::NotPublished(PublishError::Unfinished(_)))
        ),
        "{failed:?}"
    );
    assert_eq!(in_log(&home, &before), 2, "nothing was overwritten");

    let mut home = Home::new(None);
    home.assert(1);
    let before = bodies(&home);
    assert_eq!(in_log(&home, &before), 2);
    erase(&mut home, false).unwrap();
    assert_eq!(in_log(&home, &before), 0);
    assert!(home.said(&["SG", "TH"]).is_empty() && home.said(&[]).is_empty());
    let again = erase(&mut home, false);
    assert!(matches!(again, Err(NotErased::Already)), "{again:?}");
}
