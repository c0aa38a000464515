//! The messages, made of what was drawn.

use kentong_keys::{Digest, SealedEpochKey, SealingKeyId};

use super::super::member::{at, federation};
use super::scene::Scene;
use super::{Drawn, Following, Number};
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{
    BatchLeaf, Checkpoint, CloseLeaf, ConsistencyProof, EpochLeaf, EraseLeaf, FeedId, Leaf, Origin,
};
use crate::time::Timestamp;
use crate::wire::{self, Alive, Bye, Claim, Heads, Hello, Holds, Message, PROTOCOL};

impl Scene {
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

    pub(super) fn message(&self, drawn: &Drawn) -> Message {
        let feed = if drawn.unknown {
            FeedId::from_digest(Digest::from_bytes([0x77; 32]))
        } else {
            self.feeds[usize::from(drawn.to_both)]
        };
        let numbers = drawn.numbers.map(|number| self.number(feed, number));
        let [a, b, c, _] = numbers;
        let one = |number: u64| BoundedVec::new(vec![number]).unwrap();
        match drawn.which {
            0 => self.hello(numbers),
            1 => Message::Heads(Heads {
                mine: BoundedVec::new(vec![self.head(feed, a, drawn.true_root)]).unwrap(),
                yours: BoundedVec::new(vec![(feed, b)]).unwrap(),
            }),
            2 => Message::WantLeaves { feed, from: a },
            3..7 | 16.. => self.leaves(feed, numbers, drawn),
            7 => Message::WantBodies {
                feed,
                indexes: one(a),
            },
            8 => self.body(feed, a),
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
            12 | 13 => self.claim(feed, numbers, drawn),
            14 => Message::Evidence(Box::new(wire::Evidence {
                publisher: self.my().name.clone(),
                feed,
                held: self.head(feed, a, true),
                shown: self.head(feed, b, drawn.true_root),
                link: (c != 1).then(|| (c, OTHER, ConsistencyProof::default())),
            })),
            15 => self.of_papers(numbers),
        }
    }

    fn hello(&self, [a, b, c, d]: [u64; 4]) -> Message {
        Message::Hello(Box::new(Hello {
            protocol: PROTOCOL,
            features: a,
            federation: federation(),
            charter_version: narrow(b),
            charter: OTHER,
            member: self.my().name.clone(),
            warrant: c,
            card: d,
            your_warrant: b,
            your_card: a,
        }))
    }

    fn leaves(&self, feed: FeedId, [a, b, c, _]: [u64; 4], drawn: &Drawn) -> Message {
        let leaves = drawn.leaves.iter();
        let leaves = leaves.map(|sort| self.leaf(feed, *sort, c).encode());
        let leaves = leaves.map(|bytes| BoundedBytes::new(bytes).unwrap());
        let leaves: Vec<_> = leaves.collect();
        let size = self.number(feed, Number::NearSize(0));
        let (from, covers) = if drawn.fits {
            (size.saturating_sub(leaves.len() as u64), size)
        } else {
            (a, b)
        };
        let end = from.checked_add(leaves.len() as u64);
        let held = self.my().feeds.get(&feed);
        let proof = held.and_then(|held| held.tree.consistency(end?, covers));
        let following = drawn.following.iter().map(|one| match one {
            Following::Behind(by) => from.saturating_add(*by),
            Following::Of(number) => self.number(feed, *number),
        });
        Message::Leaves(Box::new(wire::Leaves {
            feed,
            from,
            leaves: BoundedVec::new(leaves).unwrap(),
            checkpoint: self.head(feed, covers, drawn.true_root),
            proof: proof.unwrap_or_default(),
            following: BoundedVec::new(following.collect()).unwrap(),
        }))
    }

    /// The body at an index, or one that fits none.
    fn body(&self, feed: FeedId, index: u64) -> Message {
        let held = self.my().feeds.get(&feed);
        let body = held.and_then(|held| held.bodies.get(&index));
        let body = body.cloned().unwrap_or_else(|| vec![0; 1024]);
        let body = BoundedBytes::new(body).unwrap();
        Message::Body { feed, index, body }
    }

    fn claim(&self, feed: FeedId, [a, b, c, d]: [u64; 4], drawn: &Drawn) -> Message {
        let my = self.my();
        let time = Timestamp::from_seconds(d).unwrap_or_else(|| at(0).wall);
        let claim = if drawn.which == 12 {
            Claim::Alive(Alive {
                time,
                charter_version: narrow(a),
                heads: OTHER,
            })
        } else {
            let held = my.feeds.get(&feed).and_then(|held| held.tree.root_at(a));
            Claim::Holds(Holds {
                feed,
                size: a,
                root: held.filter(|_| drawn.true_root).unwrap_or(OTHER),
                missing: b,
                unopened: c,
                erased: d,
                applied: b,
                time,
            })
        };
        Message::Claim(claim.sign(&my.signing))
    }

    fn of_papers(&self, [a, b, c, d]: [u64; 4]) -> Message {
        let name = self.my().name.clone();
        match (a, b) {
            (0, _) => Message::Bye(Bye::Stopping),
            (1, _) => Message::WantPapers {
                papers: BoundedVec::new(vec![OTHER]).unwrap(),
                members: BoundedVec::new(vec![name]).unwrap(),
            },
            (_, 0) => Message::Paper(BoundedBytes::new(vec![0; 9]).unwrap()),
            _ => Message::Papers(Box::new(wire::Papers {
                charter_version: narrow(b),
                charter: OTHER,
                papers: BoundedVec::new(vec![OTHER]).unwrap(),
                credentials: BoundedVec::new(vec![(name, c, d)]).unwrap(),
            })),
        }
    }
}

/// A hash of nothing that there is.
const OTHER: Digest = Digest::from_bytes([0x33; 32]);

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
