//! Messages with numbers from both ends of what their types hold, given to sessions in whatever states
//! valid histories lead to: none of them ends a node.

use kentong_keys::{Digest, SealedEpochKey, SealingKeyId};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::member::{Member, at, federation};
use super::papers::{chain, papers};
use super::web::{Side, Web};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{
    BatchLeaf, Checkpoint, CloseLeaf, ConsistencyProof, EpochLeaf, EraseLeaf, FeedId, Leaf, Origin,
};
use crate::guard::{self, Guard};
use crate::sync::Input;
use crate::time::Timestamp;
use crate::wire::{self, Alive, Bye, Claim, Heads, Hello, Holds, Message, PROTOCOL};

/// How many sorts of leaves are drawn from.
const SORTS: u8 = 24;

/// What happens before the message comes.
#[derive(Clone, Debug)]
enum Happens {
    /// MY says something, to SG alone or to TH too.
    Says { to_both: bool },
    /// MY erases the batch at an index, if one is there.
    Erases { to_both: bool, index: u64 },
    /// MY closes a feed.
    Closes { to_both: bool },
    /// Two members meet, and so many of the frames between all members arrive.
    Meet { with_th: bool, frames: usize },
    /// They part.
    Part { with_th: bool },
    /// MY has another key, and SG hears of it.
    NewKey,
    /// SG takes no more leaves of MY, or takes them again.
    Full { so: bool },
    /// SG knows that MY has two histories of a feed.
    Forked { to_both: bool },
}

/// A number in a message.
#[derive(Clone, Copy, Debug)]
enum Number {
    /// This one.
    Is(u64),
    /// The size of the feed, and so much more or less.
    NearSize(i8),
}

/// What of a message is drawn. A message takes as much of it as it has fields.
#[derive(Clone, Debug)]
struct Drawn {
    which: u8,
    to_both: bool,
    /// Of a feed that nobody has.
    unknown: bool,
    numbers: [Number; 4],
    /// Which of the feed's leaves, or what sort of another.
    leaves: Vec<u8>,
    /// Whether leaves end where the feed does, so that only what they are is wrong.
    fits: bool,
    /// Whether a root is that of the publisher's history, where there is one at this size.
    true_root: bool,
    following: Vec<Following>,
    /// How often the bodies that follow are said not to be there.
    refused: u8,
    /// The same again, each time with one other leaf in the place of all.
    again: Vec<u8>,
}

/// Which body follows leaves.
#[derive(Clone, Copy, Debug)]
enum Following {
    /// Of so many leaves behind the first.
    Behind(u64),
    /// Of any.
    Of(Number),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => any::<bool>().prop_map(|to_both| Happens::Says { to_both }),
        1 => (any::<bool>(), 0..8_u64)
            .prop_map(|(to_both, index)| Happens::Erases { to_both, index }),
        1 => any::<bool>().prop_map(|to_both| Happens::Closes { to_both }),
        4 => (any::<bool>(), 0..40_usize)
            .prop_map(|(with_th, frames)| Happens::Meet { with_th, frames }),
        1 => any::<bool>().prop_map(|with_th| Happens::Part { with_th }),
        2 => Just(Happens::NewKey),
        1 => any::<bool>().prop_map(|so| Happens::Full { so }),
        1 => any::<bool>().prop_map(|to_both| Happens::Forked { to_both }),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX]).prop_map(Number::Is),
        1 => prop::sample::select(vec![u64::from(u32::MAX), 1 << 63]).prop_map(Number::Is),
        2 => (2..4_u64).prop_map(Number::Is),
        3 => (-1..2_i8).prop_map(Number::NearSize),
    ]
}

fn following() -> impl Strategy<Value = Following> {
    prop_oneof![
        4 => (0..3_u64).prop_map(Following::Behind),
        1 => number().prop_map(Following::Of),
    ]
}

/// A sort of leaf, batches more often than others.
fn leaf() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 2..8_u8, 2 => 0..SORTS]
}

prop_compose! {
    fn drawn()(
        which in 0..20_u8,
        to_both: bool,
        unknown in prop::bool::weighted(0.1),
        numbers in [number(), number(), number(), number()],
        leaves in prop::collection::vec(leaf(), 0..3),
        fits: bool,
        true_root: bool,
        following in prop::collection::vec(following(), 0..3),
        refused in 0..4_u8,
        again in prop::collection::vec(leaf(), 0..3),
    ) -> Drawn {
        Drawn { which, to_both, unknown, numbers, leaves, fits, true_root, following, refused, again }
    }
}

/// MY, SG and TH, with MY's feed for SG and that for both.
struct Scene {
    web: Web,
    feeds: [FeedId; 2],
}

impl Scene {
    fn new() -> Self {
        let mut web = Web::of(&["MY", "SG", "TH"]);
        for name in ["MY", "SG", "TH"] {
            let member = web.get(name);
            member.papers = Some(papers(chain()));
            let all = ["MY", "SG", "TH"].map(|name| (name.parse().unwrap(), 1, 1));
            member.credentials = all.to_vec();
        }
        let feeds = [&["SG"][..], &["SG", "TH"][..]].map(|to| web.publish("MY", to, 1));
        Self { web, feeds }
    }

    fn my(&self) -> &Member {
        &self.web.members["MY"]
    }

    /// MY appends to a feed and signs it, if it is not closed.
    fn append(&mut self, feed: FeedId, leaf: Leaf) {
        let my = self.web.get("MY");
        let held = my.feeds.get_mut(&feed).unwrap();
        let closed = held
            .leaves
            .iter()
            .any(|(leaf, _)| matches!(leaf, Leaf::Close(_)));
        if !closed || matches!(leaf, Leaf::Erase(_)) {
            held.append(leaf);
        }
        my.publish(feed);
        self.tell(feed);
    }

    fn tell(&mut self, feed: FeedId) {
        for reader in ["SG", "TH"] {
            if self.web.sessions.contains_key(&("MY", reader)) {
                self.web.give("MY", reader, Input::Published(feed), 0);
            }
        }
    }

    fn happens(&mut self, what: Happens) {
        let feed = |to_both: bool| self.feeds[usize::from(to_both)];
        match what {
            Happens::Says { to_both } => {
                let id = feed(to_both);
                let my = self.web.get("MY");
                let leaves = &my.feeds[&id].leaves;
                if !leaves
                    .iter()
                    .any(|(leaf, _)| matches!(leaf, Leaf::Close(_)))
                {
                    my.add(id, b"more");
                    my.publish(id);
                    self.tell(id);
                }
            }
            Happens::Erases { to_both, index } => {
                let id = feed(to_both);
                let leaf = self.my().feeds[&id].leaves.get(index as usize);
                if matches!(leaf, Some((Leaf::Batch(_), _))) {
                    self.append(id, Leaf::Erase(EraseLeaf { index, reason: 0 }));
                }
            }
            Happens::Closes { to_both } => {
                let followed_by = BoundedVec::default();
                let reason = 0;
                let close = Leaf::Close(CloseLeaf {
                    reason,
                    followed_by,
                });
                self.append(feed(to_both), close);
            }
            Happens::Meet { with_th, frames } => {
                let pair = if with_th { ("SG", "TH") } else { ("MY", "SG") };
                let one = self.web.sessions.get(&pair);
                let other = self.web.sessions.get(&(pair.1, pair.0));
                let open = |side: Option<&Side>| side.is_some_and(|(one, _)| one.is_open());
                if !open(one) || !open(other) {
                    self.web.connect(pair.0, pair.1);
                }
                (0..frames).for_each(|_| self.arrive());
            }
            Happens::Part { with_th } => {
                let pair = if with_th { ("SG", "TH") } else { ("MY", "SG") };
                if self.web.sessions.contains_key(&pair) {
                    self.web.part(pair.0, pair.1);
                }
            }
            Happens::NewKey => {
                self.web.part_all();
                let seed = self.my().signing.public_key().as_bytes()[0];
                let feeds = self.feeds;
                let my = self.web.get("MY");
                my.signing = kentong_keys::SigningKey::from_seed([seed; 32]);
                feeds.into_iter().for_each(|feed| my.publish(feed));
                let key = my.signing.public_key();
                for name in ["MY", "SG"] {
                    let member = self.web.get(name);
                    member.others.insert("MY".parse().unwrap(), key);
                    member.credentials[0].1 += 1;
                }
                let sg = self.web.get("SG");
                let held: Vec<_> = sg.feeds.keys().copied().collect();
                sg.former.extend(held);
            }
            Happens::Full { so: true } => {
                self.web.get("SG").full.insert("MY".parse().unwrap());
            }
            Happens::Full { so: false } => self.web.get("SG").full.clear(),
            Happens::Forked { to_both } => {
                let feed = feed(to_both);
                self.web.get("SG").forked.insert(feed);
            }
        }
    }

    /// One frame arrives, of those that wait.
    fn arrive(&mut self) {
        let mut waiting = self.web.sessions.iter_mut();
        let found = waiting.find_map(|((from, to), (_, frames))| {
            frames.pop_front().map(|frame| (*from, *to, frame))
        });
        if let Some((from, to, frame)) = found
            && self.web.sessions.contains_key(&(to, from))
        {
            self.web.give(to, from, Input::Frame(&frame), 0);
        }
    }

    /// SG has an open session with MY, a new one if the last is over.
    fn meet(&mut self) {
        let open = self.web.sessions.get(&("SG", "MY"));
        if open.is_some_and(|(session, _)| session.is_open()) {
            return;
        }
        self.web.connect("MY", "SG");
        let (_, to_sg) = self.web.sessions.get_mut(&("MY", "SG")).unwrap();
        let hello = to_sg.pop_front().unwrap();
        self.web.give("SG", "MY", Input::Frame(&hello), 0);
    }

    /// A message comes, again with other leaves, and what follows it.
    fn comes(&mut self, mut drawn: Drawn) {
        let mut message = self.message(&drawn);
        self.give(&message);
        for other in std::mem::take(&mut drawn.again) {
            drawn.leaves.fill(other);
            message = self.message(&drawn);
            self.give(&message);
        }
        if let Message::Leaves(leaves) = &message {
            for _ in 0..drawn.refused {
                for index in leaves.following.iter() {
                    let (feed, index) = (leaves.feed, *index);
                    self.give(&Message::NoBody { feed, index });
                }
            }
        }
    }

    fn give(&mut self, message: &Message) {
        self.meet();
        self.web
            .give("SG", "MY", Input::Frame(&message.encode()), 0);
    }

    fn number(&self, feed: FeedId, number: Number) -> u64 {
        let size = self
            .my()
            .feeds
            .get(&feed)
            .map_or(0, |held| held.tree.size());
        match number {
            Number::Is(number) => number,
            Number::NearSize(by) => size.saturating_add_signed(i64::from(by)),
        }
    }

    /// A head of a feed by MY's key.
    fn head(&self, feed: FeedId, size: u64, true_root: bool) -> BoundedBytes<{ wire::MAX_NOTE }> {
        let my = self.my();
        let truly = my.feeds.get(&feed).and_then(|held| held.tree.root_at(size));
        let root = truly.filter(|_| true_root);
        let origin = Origin {
            federation: "TEST".into(),
            publisher: my.name.clone(),
            feed,
            incarnation: 0,
        };
        let root = root.unwrap_or(Digest::from_bytes([0x55; 32]));
        let signed = Checkpoint::sign(origin, size, root, &my.signing);
        BoundedBytes::new(signed.note().to_vec()).unwrap()
    }

    /// One of the feed's leaves, or another with numbers that were drawn.
    fn leaf(&self, feed: FeedId, sort: u8, number: u64) -> Leaf {
        let digest = Digest::from_bytes([sort; 32]);
        let held = self.my().feeds.get(&feed);
        let narrow = u32::try_from(number).unwrap_or(u32::MAX);
        match sort {
            0 => Leaf::Erase(EraseLeaf {
                index: number,
                reason: 0,
            }),
            1 => Leaf::Epoch(EpochLeaf {
                epoch: narrow.max(1),
                charter_version: narrow,
                commitment: digest,
                sealed: BoundedVec::default(),
                left_out: BoundedVec::default(),
            }),
            2..8 => Leaf::Batch(BatchLeaf {
                epoch: 1,
                codec: 1,
                dictionary: narrow,
                salt: [sort; 32],
                count: u16::try_from(narrow).unwrap_or(1024).clamp(1, 1024),
                statements_root: digest,
                body_hash: digest,
                body_len: [1024, 640 * 1024][usize::from(sort % 2)],
            }),
            8 => Leaf::Close(CloseLeaf {
                reason: 0,
                followed_by: BoundedVec::default(),
            }),
            _ => {
                let at = usize::from(sort - 9);
                let leaf = held.and_then(|held| held.leaves.get(at));
                leaf.map_or(
                    Leaf::Erase(EraseLeaf {
                        index: number,
                        reason: 0,
                    }),
                    |(leaf, _)| leaf.clone(),
                )
            }
        }
    }

    fn message(&self, drawn: &Drawn) -> Message {
        let feed = if drawn.unknown {
            FeedId::from_digest(Digest::from_bytes([0x77; 32]))
        } else {
            self.feeds[usize::from(drawn.to_both)]
        };
        let [a, b, c, d] = drawn.numbers.map(|number| self.number(feed, number));
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let time = Timestamp::from_seconds(d).unwrap_or(at(0).wall);
        let digest = Digest::from_bytes([0x33; 32]);
        let my = self.my();
        let one = |number: u64| BoundedVec::new(vec![number]).unwrap();
        match drawn.which {
            0 => Message::Hello(Box::new(Hello {
                protocol: PROTOCOL,
                features: a,
                federation: federation(),
                charter_version: narrow(b),
                charter: digest,
                member: my.name.clone(),
                warrant: c,
                card: d,
                your_warrant: b,
                your_card: a,
            })),
            1 => Message::Heads(Heads {
                mine: BoundedVec::new(vec![self.head(feed, a, drawn.true_root)]).unwrap(),
                yours: BoundedVec::new(vec![(feed, b)]).unwrap(),
            }),
            2 => Message::WantLeaves { feed, from: a },
            3..7 | 16.. => {
                let leaves = drawn.leaves.iter();
                let leaves = leaves.map(|sort| self.leaf(feed, *sort, c).encode());
                let leaves = leaves.map(|bytes| BoundedBytes::new(bytes).unwrap());
                let leaves: Vec<_> = leaves.collect();
                let size = self.number(feed, Number::NearSize(0));
                let (a, b) = if drawn.fits {
                    (size.saturating_sub(leaves.len() as u64), size)
                } else {
                    (a, b)
                };
                let end = a.checked_add(leaves.len() as u64);
                let held = my.feeds.get(&feed);
                let proof = held.and_then(|held| held.tree.consistency(end?, b));
                let following = drawn.following.iter().map(|one| match one {
                    Following::Behind(by) => a.saturating_add(*by),
                    Following::Of(number) => self.number(feed, *number),
                });
                Message::Leaves(Box::new(wire::Leaves {
                    feed,
                    from: a,
                    leaves: BoundedVec::new(leaves).unwrap(),
                    checkpoint: self.head(feed, b, drawn.true_root),
                    proof: proof.unwrap_or_default(),
                    following: BoundedVec::new(following.collect()).unwrap(),
                }))
            }
            7 => Message::WantBodies {
                feed,
                indexes: one(a),
            },
            8 => {
                let held = my.feeds.get(&feed).and_then(|held| held.bodies.get(&a));
                let body = held.cloned().unwrap_or(vec![0; 1024]);
                let body = BoundedBytes::new(body).unwrap();
                Message::Body {
                    feed,
                    index: a,
                    body,
                }
            }
            9 => Message::NoBody { feed, index: a },
            10 => Message::WantEpoch {
                feed,
                epoch: narrow(a),
            },
            11 => Message::Rewrap {
                feed,
                epoch: narrow(a),
                key_id: SealingKeyId::from_bytes([1; 8]),
                sealed: SealedEpochKey::from_bytes([1; SealedEpochKey::LEN]),
            },
            12 => {
                let heads = digest;
                let charter_version = narrow(a);
                let alive = Alive {
                    time,
                    charter_version,
                    heads,
                };
                Message::Claim(Claim::Alive(alive).sign(&my.signing))
            }
            13 => {
                let held = my.feeds.get(&feed).and_then(|held| held.tree.root_at(a));
                let holds = Holds {
                    feed,
                    size: a,
                    root: held.filter(|_| drawn.true_root).unwrap_or(digest),
                    missing: b,
                    unopened: c,
                    erased: d,
                    applied: b,
                    time,
                };
                Message::Claim(Claim::Holds(holds).sign(&my.signing))
            }
            14 => Message::Evidence(Box::new(wire::Evidence {
                publisher: my.name.clone(),
                feed,
                held: self.head(feed, a, true),
                shown: self.head(feed, b, drawn.true_root),
                link: (c != 1).then(|| (c, digest, ConsistencyProof::default())),
            })),
            _ if a == 0 => Message::Bye(Bye::Stopping),
            _ if a == 1 => Message::WantPapers {
                papers: BoundedVec::new(vec![digest]).unwrap(),
                members: BoundedVec::new(vec![my.name.clone()]).unwrap(),
            },
            _ if b == 0 => Message::Paper(BoundedBytes::new(vec![0; 9]).unwrap()),
            _ => Message::Papers(Box::new(wire::Papers {
                charter_version: narrow(b),
                charter: digest,
                papers: BoundedVec::new(vec![digest]).unwrap(),
                credentials: BoundedVec::new(vec![(my.name.clone(), c, d)]).unwrap(),
            })),
        }
    }
}

/// One step of a play.
#[derive(Clone, Debug)]
enum Step {
    Happens(Happens),
    Comes(Drawn),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => happens().prop_map(Step::Happens),
        1 => drawn().prop_map(Step::Comes),
    ];
    prop::collection::vec(step, 1..64)
}

/// Plays a history in which MY gives SG messages now and then, with time going by between them.
fn play(steps: Vec<Step>) {
    let mut scene = Scene::new();
    for (time, step) in (1..).zip(steps) {
        match step {
            Step::Happens(what) => scene.happens(what),
            Step::Comes(drawn) => {
                scene.comes(drawn);
                scene.web.give("SG", "MY", Input::Changed, 0);
                scene.web.give("SG", "MY", Input::Tick, time * 1000);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_number_ends_a_node(steps in steps()) {
        play(steps);
    }
}

/// What the test above would say of a node without the guard.
#[test]
fn a_number_that_is_not_looked_at_is_found() {
    let mut runner = TestRunner::deterministic();
    let found = (0..2000).any(|_| {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let played = || guard::without(Guard::LeavesEnd, || play(steps));
        std::panic::catch_unwind(played).is_err()
    });
    assert!(found);
}
