//! Random values of what travels, and random damage to their bytes, for property tests.

use std::collections::BTreeSet;

use kentong_keys::{Digest, MemberName, SealedEpochKey, SealingKeyId, SigningKey};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::bounded::{BoundedBytes, BoundedText, BoundedVec};
use crate::feed::{
    Audience, BatchLeaf, CloseLeaf, EpochLeaf, EraseLeaf, FeedId, GenesisLeaf, Leaf, SealedFor,
};
use crate::indicator::{
    Assertion, Basis, Confidence, Fields, Kind, Local, Loss, Projection, Scheme, Tlp, Value,
};
use crate::statement::{Revision, Said, Statement};
use crate::time::Timestamp;
use crate::wire::{Alive, Bye, Claim, Heads, Hello, Holds, Leaves, Message};

fn member() -> impl Strategy<Value = MemberName> {
    "[A-Z]{2}(-[A-Z0-9]{1,8})?".prop_map(|name| name.parse().unwrap())
}

fn members(least: usize) -> impl Strategy<Value = BTreeSet<MemberName>> {
    btree_set(member(), least..5)
}

pub(crate) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn feed_id() -> impl Strategy<Value = FeedId> {
    digest().prop_map(FeedId::from_digest)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_207_201_u64).prop_map(|seconds| Timestamp::from_seconds(seconds).unwrap())
}

fn sealed() -> impl Strategy<Value = SealedEpochKey> {
    any::<u8>().prop_map(|byte| SealedEpochKey::from_bytes([byte; 1168]))
}

fn key_id() -> impl Strategy<Value = SealingKeyId> {
    any::<[u8; 8]>().prop_map(SealingKeyId::from_bytes)
}

fn bounded<T, const N: usize>(elements: Vec<T>) -> BoundedVec<T, N> {
    BoundedVec::new(elements).unwrap()
}

fn bytes<const N: usize>(most: usize) -> impl Strategy<Value = BoundedBytes<N>> {
    vec(any::<u8>(), 0..most).prop_map(|bytes| BoundedBytes::new(bytes).unwrap())
}

fn text<const N: usize>() -> impl Strategy<Value = BoundedText<N>> {
    "[a-zA-Z \u{e9}\u{4e2d}]{0,12}".prop_map(|text| BoundedText::new(text).unwrap())
}

pub(crate) fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![genesis(), epoch(), batch(), erase(), close()]
}

fn genesis() -> impl Strategy<Value = Leaf> {
    let parts = (
        digest(),
        member(),
        members(0),
        any::<(u32, u32)>(),
        any::<[u8; 16]>(),
    );
    parts.prop_map(|(federation, publisher, readers, numbers, nonce)| {
        Leaf::Genesis(GenesisLeaf {
            federation,
            audience: Audience::of(&publisher, &readers).unwrap(),
            publisher,
            charter_version: numbers.0,
            incarnation: numbers.1,
            nonce,
        })
    })
}

fn epoch() -> impl Strategy<Value = Leaf> {
    let parts = (
        1..=u32::MAX,
        any::<u32>(),
        digest(),
        members(0),
        members(0),
        key_id(),
        sealed(),
    );
    parts.prop_map(
        |(epoch, charter_version, commitment, readers, others, key_id, sealed)| {
            let left_out = others.difference(&readers).cloned().collect();
            let to = |member| SealedFor {
                member,
                key_id,
                sealed: sealed.clone(),
            };
            Leaf::Epoch(EpochLeaf {
                epoch,
                charter_version,
                commitment,
                left_out: bounded(left_out),
                sealed: bounded(readers.into_iter().map(to).collect()),
            })
        },
    )
}

fn batch() -> impl Strategy<Value = Leaf> {
    let numbers = (
        1..=u32::MAX,
        any::<(u8, u32)>(),
        1..=1024_u16,
        0..=640 * 1024_u32,
    );
    (numbers, any::<[u8; 32]>(), digest(), digest()).prop_map(
        |((epoch, (codec, dictionary), count, body_len), salt, statements_root, body_hash)| {
            Leaf::Batch(BatchLeaf {
                epoch,
                codec,
                dictionary,
                salt,
                count,
                statements_root,
                body_hash,
                body_len,
            })
        },
    )
}

fn erase() -> impl Strategy<Value = Leaf> {
    (2..=u64::MAX, any::<u8>()).prop_map(|(index, reason)| Leaf::Erase(EraseLeaf { index, reason }))
}

fn close() -> impl Strategy<Value = Leaf> {
    (any::<u8>(), vec(feed_id(), 0..4)).prop_map(|(reason, feeds)| {
        Leaf::Close(CloseLeaf {
            reason,
            followed_by: bounded(feeds),
        })
    })
}

pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        hello(),
        (bytes(40), bytes(40)).prop_map(|(warrant, card)| Message::Credentials { warrant, card }),
        (vec(bytes(40), 0..4), vec((feed_id(), any::<u64>()), 0..4)).prop_map(|(mine, yours)| {
            Message::Heads(Heads {
                mine: bounded(mine),
                yours: bounded(yours),
            })
        }),
        (feed_id(), any::<u64>()).prop_map(|(feed, from)| Message::WantLeaves { feed, from }),
        leaves(),
        (feed_id(), vec(any::<u64>(), 0..64)).prop_map(|(feed, indexes)| {
            let indexes = bounded(indexes);
            Message::WantBodies { feed, indexes }
        }),
        (feed_id(), any::<u64>(), bytes(400)).prop_map(|(feed, index, body)| Message::Body {
            feed,
            index,
            body
        }),
        (feed_id(), any::<u64>()).prop_map(|(feed, index)| Message::NoBody { feed, index }),
        (feed_id(), any::<u32>()).prop_map(|(feed, epoch)| Message::WantEpoch { feed, epoch }),
        (feed_id(), any::<u32>(), key_id(), sealed()).prop_map(|(feed, epoch, key_id, sealed)| {
            Message::Rewrap {
                feed,
                epoch,
                key_id,
                sealed,
            }
        }),
        (claim(), any::<[u8; 32]>())
            .prop_map(|(claim, seed)| Message::Claim(claim.sign(&SigningKey::from_seed(seed)))),
        (
            member(),
            feed_id(),
            bytes(40),
            bytes(40),
            option::of((any::<u64>(), digest(), proof(1..40)))
        )
            .prop_map(|(publisher, feed, held, shown, link)| {
                Message::Evidence(Box::new(crate::wire::Evidence {
                    publisher,
                    feed,
                    held,
                    shown,
                    link,
                }))
            }),
        (
            any::<u32>(),
            digest(),
            vec(digest(), 0..4),
            vec((member(), any::<u64>(), any::<u64>()), 0..4)
        )
            .prop_map(|(charter_version, charter, papers, credentials)| {
                Message::Papers(Box::new(crate::wire::Papers {
                    charter_version,
                    charter,
                    papers: bounded(papers),
                    credentials: bounded(credentials),
                }))
            }),
        (vec(digest(), 0..4), vec(member(), 0..4)).prop_map(|(papers, members)| {
            let (papers, members) = (bounded(papers), bounded(members));
            Message::WantPapers { papers, members }
        }),
        bytes(400).prop_map(Message::Paper),
        select(vec![
            Bye::Stopping,
            Bye::Version,
            Bye::Federation,
            Bye::Charter,
            Bye::Fault,
            Bye::Unwell
        ])
        .prop_map(Message::Bye),
    ]
}

fn hello() -> impl Strategy<Value = Message> {
    let numbers = any::<(u16, u64, u32, [u64; 4])>();
    (numbers, digest(), digest(), member()).prop_map(
        |((protocol, features, charter_version, serials), federation, charter, member)| {
            let [warrant, card, your_warrant, your_card] = serials;
            Message::Hello(Box::new(Hello {
                protocol,
                features,
                federation,
                charter_version,
                charter,
                member,
                warrant,
                card,
                your_warrant,
                your_card,
            }))
        },
    )
}

/// The proof from a size to 40.
fn proof(from: std::ops::Range<u64>) -> impl Strategy<Value = crate::feed::ConsistencyProof> {
    from.prop_map(|old| {
        let tree = crate::feed::Tree::over((0..40_u8).map(|i| Digest::from_bytes([i; 32])));
        tree.consistency(old, 40).unwrap()
    })
}

fn leaves() -> impl Strategy<Value = Message> {
    let parts = (
        feed_id(),
        any::<u64>(),
        vec(bytes(40), 0..4),
        bytes(80),
        proof(1..40),
        vec(any::<u64>(), 0..4),
    );
    parts.prop_map(|(feed, from, leaves, checkpoint, proof, following)| {
        Message::Leaves(Box::new(Leaves {
            feed,
            from,
            leaves: bounded(leaves),
            checkpoint,
            proof,
            following: bounded(following),
        }))
    })
}

pub(crate) fn claim() -> impl Strategy<Value = Claim> {
    let alive = (time(), any::<u32>(), digest()).prop_map(|(time, charter_version, heads)| {
        Claim::Alive(Alive {
            time,
            charter_version,
            heads,
        })
    });
    let holds = (feed_id(), digest(), any::<[u64; 5]>(), time()).prop_map(
        |(feed, root, [size, missing, unopened, erased, applied], time)| {
            Claim::Holds(Holds {
                feed,
                size,
                root,
                missing,
                unopened,
                erased,
                applied,
                time,
            })
        },
    );
    prop_oneof![alive, holds]
}

fn value() -> impl Strategy<Value = Value> {
    select(vec![
        (Kind::Domain, "scam-login.example"),
        (Kind::Phone, "+60123456789"),
        (Kind::SmsSender, "MyBank"),
        (Kind::Url, "https://scam.example/a?b=c"),
        (Kind::Ip, "192.0.2.7"),
        (Kind::Email, "win@prize.example"),
    ])
    .prop_map(|(kind, text)| Value::from_canonical(kind, text).unwrap())
}

fn assertion() -> impl Strategy<Value = Assertion> {
    let marks = (1..=18_u8, 0..=100_u8, 0..=4_u8, any::<bool>());
    let times = (option::of(time()), option::of(time()), option::of(time()));
    let lists = (
        members(1),
        vec(select(vec!["MY", "SG", "TH"]), 0..4),
        vec(text(), 0..4),
        vec(text(), 0..3),
    );
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    (marks, times, lists, texts, option::of(any::<u64>())).prop_map(
        |(marks, (one, two, until), lists, (legal_basis, description, notes), loss)| {
            let (scheme, confidence, tlp, predicted) = marks;
            let (members, countries, tags, references) = lists;
            let local = Local {
                notes,
                ..Local::default()
            };
            let draft = Fields {
                releasable_to: bounded(
                    members
                        .into_iter()
                        .map(crate::indicator::Recipient::Member)
                        .collect(),
                ),
                first_seen: one.min(two),
                last_seen: one.max(two),
                valid_until: until,
                basis: if predicted {
                    Basis::Predicted
                } else {
                    Basis::Reported
                },
                loss: loss.map(|thousandths| Loss {
                    thousandths,
                    currency: "MYR".parse().unwrap(),
                }),
                countries: bounded(countries.into_iter().map(|c| c.parse().unwrap()).collect()),
                legal_basis,
                tags: bounded(tags),
                description,
                references: bounded(references),
                local: Some(local),
                ..Fields::new(
                    Scheme::from_number(scheme).unwrap(),
                    Confidence::try_from(confidence).unwrap(),
                    Tlp::from_number(tlp).unwrap(),
                )
            };
            Assertion::try_from(draft).unwrap()
        },
    )
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        3 => (assertion(), 0..128_u8).prop_map(|(assertion, bits)| Said::Asserted {
            assertion: Box::new(assertion),
            stripped: Projection::from_bits(bits).unwrap(),
        }),
        1 => text().prop_map(|reason| Said::Withdrawn { reason }),
        1 => Just(Said::Ceased),
    ]
}

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    (value(), any::<u32>(), time(), said()).prop_map(|(value, revision, made, said)| Statement {
        value,
        revision: Revision::new(revision),
        made,
        said,
    })
}

/// One thing that happens to bytes: where, what and with what.
pub(crate) type Damage = (Index, u8, u8);

pub(crate) fn damage() -> impl Strategy<Value = Vec<Damage>> {
    vec((any::<Index>(), 0..5_u8, any::<u8>()), 0..4)
}

/// Bytes with bits turned, cut short, grown or shrunk.
pub(crate) fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for (at, what, byte) in damage {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] ^= 1 << (byte & 7),
            1 => bytes[at] = *byte,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, *byte),
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}
