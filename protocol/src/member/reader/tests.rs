//! A reader over a store in memory, and nothing else.

use kentong_keys::{
    Card, CardTerms, Digest, FrozenHead, PeerIdText, SealingSecret, SigningKey, StoreKey, Warrant,
    WarrantTerms,
};

use super::evidence::MAX_FORKED;
use super::*;
use crate::charter::{Ballots, Chain, Draft, Notices, OpenNotices, Papers, Quota};
use crate::directory::Bundle;
use crate::feed::{Checkpoint, Leaf, Origin};
use crate::member::heads::InMemory;
use crate::member::{Ground, Held, Keys, World};
use crate::store::memory::{MemoryLog, MemoryPlace, MemoryRows};
use crate::store::sample::{Feed, asserted, commit, name, withdrawn};
use crate::store::{Step, Store};
use crate::sync::Ledger as _;
use crate::time::{Moment, Timestamp};

enum Memory {}

impl World for Memory {
    type Log = MemoryLog;
    type Rows = MemoryRows;
    type Heads = InMemory;
}

fn key(member: &str, number: u8) -> SigningKey {
    let mut seed = [number; 32];
    seed[..member.len()].copy_from_slice(member.as_bytes());
    SigningKey::from_seed(seed)
}

fn now(millis: u64) -> Now {
    let wall = Timestamp::from_seconds(1_790_000_000).unwrap();
    let wall = wall.plus(millis / 1000);
    Now {
        wall,
        moment: Moment::from_millis(millis),
    }
}

/// A member's warrant of this serial, whose signing key is the number after it, and its card.
fn credentials(member: &str, serial: u64, heads: Vec<FrozenHead>) -> (Warrant, Card) {
    let number = 10 + u8::try_from(serial).unwrap();
    let (signing, transport) = (key(member, number), key(member, 4));
    let warrant = WarrantTerms {
        member: name(member),
        serial,
        signing: signing.public_key(),
        witness: key(member, 3).public_key(),
        heads,
        issued: 0,
    };
    let card = CardTerms {
        member: name(member),
        serial,
        sealing: SealingSecret::from_seed([9; 32]).public().clone(),
        peer: PeerIdText::of(&transport.public_key()),
        next_peer: None,
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap()],
        issued: 0,
    };
    let warrant = Warrant::issue(warrant, &key(member, 1)).unwrap();
    let card = Card::issue(card, &signing, &[&transport, &transport]).unwrap();
    (warrant, card)
}

/// MY's node, which reads a feed of SG.
struct Node {
    store: Store<MemoryLog, MemoryRows>,
    members: Members,
    signing: SigningKey,
    witness: SigningKey,
    own: (Warrant, Card),
    reader: Reader,
    feed: Feed,
}

impl Node {
    /// With the first two leaves of the feed.
    fn new(quota: Quota) -> Self {
        let store_key = StoreKey::from_secret([7; 32]);
        let (log, rows) = (MemoryLog::new(), MemoryPlace::new());
        let (mut store, _) = Store::open(log, &rows, store_key, name("MY"), 1 << 20).unwrap();
        let mut feed = Feed::new("SG", &["MY"], 3);
        commit(&mut store, feed.begin(Step::new()));
        let own = credentials("MY", 1, Vec::new());
        Self {
            members: members(quota, &own),
            store,
            signing: key("MY", 11),
            witness: key("MY", 3),
            own,
            reader: Reader::default(),
            feed,
        }
    }

    fn at<T>(
        &mut self,
        millis: u64,
        act: impl FnOnce(&mut Reader, &mut Ground<'_, Memory>) -> T,
    ) -> T {
        let me = name("MY");
        let keys = Keys {
            me: &me,
            signing: &self.signing,
            witness: &self.witness,
            sealing: &[],
            warrant: &self.own.0,
            card: &self.own.1,
        };
        let mut ground = Ground {
            store: &mut self.store,
            members: &self.members,
            keys,
            now: now(millis),
        };
        act(&mut self.reader, &mut ground)
    }

    /// A head over all leaves that are held, or another root in its place.
    fn head(&self, number: u8, root: Option<Digest>) -> (u64, Vec<u8>) {
        let held = self.store.feeds().get(self.feed.id).unwrap();
        let origin = Origin {
            federation: "asean-test".to_owned(),
            publisher: name("SG"),
            feed: self.feed.id,
            incarnation: 0,
        };
        let root = root.unwrap_or_else(|| held.tree().root());
        let head = Checkpoint::sign(origin, held.size(), root, &key("SG", number));
        (held.size(), head.note().to_vec())
    }

    /// A batch of one statement comes: first its leaf, then its body.
    fn receive(&mut self, statement: Vec<u8>) -> Vec<Output> {
        let (step, body) = self.feed.batch_apart([statement], Step::new());
        commit(&mut self.store, step);
        let at = (self.feed.id, self.feed.size - 1);
        self.at(0, |reader, ground| {
            reader.store_body(ground, at, body).unwrap()
        })
    }
}

fn members(quota: Quota, own: &(Warrant, Card)) -> Members {
    let draft = Draft::new("asean-test".parse().unwrap(), [7; 16], now(0).wall).quota(quota);
    let all = ["MY", "SG", "TH", "VN"];
    let draft = all.iter().fold(draft, |draft, member| {
        draft.member(name(member), *member, key(member, 1).public_key(), [])
    });
    let charter = all.iter().fold(draft.build().unwrap(), |charter, member| {
        charter.sign(&name(member), &key(member, 1)).unwrap()
    });
    let (ballots, notices, open) = (
        Ballots::default(),
        Notices::default(),
        OpenNotices::default(),
    );
    let chain = Chain::begin(charter.bytes()).unwrap();
    let (warrant, card) = credentials("SG", 1, Vec::new());
    let bundle = Bundle::new("SG", key("SG", 1).public_key(), &warrant, &card).unwrap();
    let held = Held {
        papers: Papers::new(chain, ballots, notices, open),
        severed: BTreeSet::new(),
        own: (own.0.note().bytes().to_vec(), own.1.note().bytes().to_vec()),
        bundles: vec![bundle],
    };
    let (members, unfit) = Members::of(name("MY"), held, now(0).wall);
    assert!(unfit.is_empty(), "{unfit:?}");
    members
}

#[test]
fn a_body_beyond_the_quota_is_dropped_and_one_that_withdraws_is_kept() {
    let mut node = Node::new(Quota {
        statements_per_day: 1,
        ..Quota::default()
    });
    let dropped = |outputs: &[Output]| matches!(outputs, [Output::Found(Found::Dropped { .. })]);
    for number in [1, 2] {
        assert!(node.receive(asserted(number, 1)).is_empty());
    }
    assert!(dropped(&node.receive(asserted(3, 1))));
    assert!(node.store.lacks(&node.feed.id, 4));
    assert!(node.receive(withdrawn(1, 2)).is_empty());
    assert!(
        dropped(&node.receive(withdrawn(2, 2))),
        "even these are bounded"
    );
}

#[test]
fn a_head_is_cosigned_and_shown_ten_seconds_after_it_came() {
    let mut node = Node::new(Quota::default());
    let (feed, head) = (node.feed.id, node.head(11, None));
    let came = Leaves {
        feed,
        from: node.feed.size,
        leaves: Vec::<(Leaf, Vec<u8>)>::new(),
        checkpoint: Some(head),
    };
    assert!(came.head_of_ours(&node.store).is_none());
    let stored = node.at(5_000, |reader, ground| reader.store_leaves(ground, came));
    assert!(stored.unwrap().outputs.is_empty());
    let early = node.at(14_999, |reader, ground| reader.relay_on(ground, true));
    assert!(early.is_empty(), "{early:?}");
    let due = node.at(15_000, |reader, ground| reader.relay_on(ground, true));
    assert!(matches!(due[..], [Output::Head(shown)] if shown == feed));
    let again = node.at(30_000, |reader, ground| reader.relay_on(ground, true));
    assert!(again.is_empty(), "{again:?}");
    let view = node.reader.view(&node.store, &node.members, now(0));
    assert!(view.cosigned(&feed).is_some());
}

#[test]
fn what_a_former_key_signed_above_the_warrant_is_removed() {
    let mut node = Node::new(Quota::default());
    let held = node.store.feeds().get(node.feed.id).unwrap();
    let named = FrozenHead {
        feed: *node.feed.id.digest(),
        size: held.size(),
        root: held.tree().root(),
    };
    node.receive(asserted(1, 1));
    let (size, note) = node.head(11, None);
    commit(
        &mut node.store,
        Step::new().checkpoint(node.feed.id, note, size),
    );
    let before = Warrants::of(&node.members);
    let (warrant, card) = credentials("SG", 2, vec![named]);
    let (warrant, card) = (warrant.note().bytes(), card.note().bytes());
    assert_eq!(node.members.offer(&name("SG"), warrant, card), Ok(true));
    let replaced: Vec<_> = before.replaced(&node.members).collect();
    assert_eq!(replaced, [name("SG")]);
    let former = node.at(0, |reader, ground| {
        reader.keys_replaced(ground, &name("SG"))
    });
    assert_eq!((former.leaves(), former.void), (1, 0));
    assert_eq!(node.store.feeds().get(node.feed.id).unwrap().size(), 2);
}

#[test]
fn a_second_history_is_known_once_and_there_is_room_for_no_end_of_them() {
    let mut node = Node::new(Quota::default());
    let other = Digest::from_bytes([1; 32]);
    let evidence = Evidence {
        publisher: name("SG"),
        feed: node.feed.id,
        held: node.head(11, None).1,
        shown: node.head(11, Some(other)).1,
        link: None,
    };
    let mut told = |evidence: &Evidence, before: usize| {
        node.reader = Reader::default();
        for number in 0..before {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            let feed = FeedId::from_digest(Digest::from_bytes(bytes));
            node.reader.relay.forked.insert(feed, evidence.clone());
        }
        let mut told = || {
            node.at(0, |reader, ground| {
                reader.evidence(ground, evidence.clone())
            })
        };
        let (first, second) = (told().len(), told().len());
        (first, second, node.reader.forked().count() - before)
    };
    assert_eq!(told(&evidence, 0), (2, 1, 1));
    assert_eq!(told(&evidence, MAX_FORKED), (1, 1, 0));
    let same = Evidence {
        shown: evidence.held.clone(),
        ..evidence
    };
    assert_eq!(told(&same, 0), (1, 1, 0), "it shows nothing");
}

#[test]
fn what_nobody_gave_is_asked_for_again_after_a_minute() {
    let mut node = Node::new(Quota::default());
    let (feed, sg) = (node.feed.id, name("SG"));
    assert!(
        node.at(0, |reader, ground| reader.relay_on(ground, true))
            .is_empty()
    );
    node.reader.refuse(&sg, feed, 2);
    let mut asked = |millis| {
        let outputs = node.at(millis, |reader, ground| reader.relay_on(ground, true));
        let asked = outputs.into_iter().map(|output| {
            let Output::Reassigned(feed) = output else {
                panic!("{output:?}");
            };
            feed
        });
        asked.collect::<Vec<_>>()
    };
    assert_eq!(asked(1_000), [Some(feed)], "others at once");
    assert_eq!(asked(59_999), []);
    assert_eq!(asked(60_000), [None]);
    assert_eq!(asked(120_000), []);
}

#[test]
fn of_a_leaf_that_is_not_there_nothing_is_said() {
    let mut node = Node::new(Quota::default());
    let (size, note) = node.head(11, None);
    let feed = node.feed.id;
    commit(&mut node.store, Step::new().checkpoint(feed, note, size));
    let served = |node: &mut Node, feed, from| {
        node.at(0, |_, ground| {
            Reader::serve_leaves(ground, feed, from, &[]).len()
        })
    };
    assert_eq!(
        served(&mut node, feed, 0),
        2,
        "the leaves, and how far they go"
    );
    assert_eq!(served(&mut node, feed, size), 0);
    let unknown = FeedId::from_digest(Digest::from_bytes([8; 32]));
    assert_eq!(served(&mut node, unknown, 0), 0);
}
