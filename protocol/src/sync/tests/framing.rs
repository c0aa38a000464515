//! An honest publisher cannot be framed: what it signed in one history is no evidence, however it is
//! combined. Each test changes one thing of what would be conclusive otherwise.

use kentong_keys::{Digest, SigningKey};

use super::web::{Web, is_evidence};
use crate::feed::{Checkpoint, FeedId, Origin, Tree, leaf_hash};
use crate::sync::{Evidence, Fault, Input, News, Output};

const FEDERATION: &str = "TEST";
/// Leaves of the longest history.
const LONGEST: u64 = 7;
/// How many leaves two histories of one feed have in common.
const COMMON: u64 = 2;

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn origin() -> Origin {
    Origin {
        federation: FEDERATION.to_owned(),
        publisher: "MY".parse().unwrap(),
        feed: FeedId::from_digest(Digest::from_bytes([3; 32])),
        incarnation: 0,
    }
}

/// The one history of an honest publisher.
fn honest() -> Tree {
    Tree::over((0..LONGEST).map(|leaf| leaf_hash(&[0, leaf as u8])))
}

/// Another, which is the same up to [`COMMON`] leaves.
fn other() -> Tree {
    let leaf = |leaf| leaf_hash(&[u8::from(leaf >= COMMON), leaf as u8]);
    Tree::over((0..LONGEST).map(leaf))
}

/// The head of a history's first leaves, signed as `origin` says.
fn signed(origin: Origin, tree: &Tree, size: u64, key: &SigningKey) -> Vec<u8> {
    let root = tree.root_at(size).unwrap();
    Checkpoint::sign(origin, size, root, key).note().to_vec()
}

fn head(tree: &Tree, size: u64) -> Vec<u8> {
    signed(origin(), tree, size, &key())
}

fn evidence(held: Vec<u8>, shown: Vec<u8>) -> Evidence {
    let Origin {
        publisher, feed, ..
    } = origin();
    Evidence {
        publisher,
        feed,
        held,
        shown,
        link: None,
    }
}

/// Two heads of one size and different roots: nothing else is needed.
fn of_one_size() -> Evidence {
    evidence(head(&honest(), 5), head(&other(), 5))
}

/// A longer head, a shorter one of another history, and the proof that the longer one's history has
/// another root there.
fn of_two_sizes() -> Evidence {
    let mut evidence = evidence(head(&honest(), 7), head(&other(), 5));
    evidence.link = Evidence::link(&honest(), 7, 5);
    assert!(evidence.link.is_some());
    evidence
}

fn is_conclusive(evidence: &Evidence) -> bool {
    evidence.is_conclusive(FEDERATION, &key().public_key())
}

#[test]
fn two_histories_are_evidence() {
    for held in 1..=LONGEST {
        for shown in 1..=held {
            let mut evidence = evidence(head(&honest(), held), head(&other(), shown));
            evidence.link = Evidence::link(&honest(), held, shown);
            let parted = shown > COMMON;
            assert_eq!(is_conclusive(&evidence), parted, "{held} {shown}");
        }
    }
}

#[test]
fn no_two_heads_of_one_history_are_evidence() {
    let tree = honest();
    // Any two, either way round, without a link and with each true one, wherever it leads.
    for held in 0..=LONGEST {
        for shown in 0..=LONGEST {
            let mut evidence = evidence(head(&tree, held), head(&tree, shown));
            assert!(!is_conclusive(&evidence), "{held} {shown}");
            for from in 0..=LONGEST {
                for at in 0..=from {
                    let root = tree.root_at(at).unwrap();
                    let proof = tree.consistency(at, from).unwrap();
                    evidence.link = Some((at, root, proof));
                    assert!(!is_conclusive(&evidence), "{held} {shown} {at} of {from}");
                }
            }
        }
    }
}

#[test]
fn a_link_that_is_made_up_frames_nobody() {
    let (tree, invented) = (honest(), other());
    for held in 0..=LONGEST {
        for shown in 0..=LONGEST {
            let mut evidence = evidence(head(&tree, held), head(&tree, shown));
            for from in 0..=LONGEST {
                for at in 0..=from {
                    // The root of a history that nobody signed, with its own proof and with the true one.
                    let root = invented.root_at(at).unwrap();
                    for proof in [&invented, &tree] {
                        let proof = proof.consistency(at, from).unwrap();
                        evidence.link = Some((at, root, proof));
                        assert!(!is_conclusive(&evidence), "{held} {shown} {at} of {from}");
                    }
                }
            }
        }
    }
}

#[test]
fn one_head_in_two_notes_is_no_evidence() {
    let held = head(&honest(), 5);
    let witness = "kentong/SG/witness".parse().unwrap();
    let cosigned = Checkpoint::cosign(&held, &witness, &key(), super::member::at(0).wall).unwrap();
    assert_ne!(held, cosigned);
    for (held, shown) in [(&held, &cosigned), (&cosigned, &held)] {
        assert!(!is_conclusive(&evidence(held.clone(), shown.clone())));
    }
}

/// Which of the two heads is changed: the held one, the shown one.
type Which = (bool, bool);

/// Both forms of evidence with one of their heads changed, or both.
fn changed(change: impl Fn(Origin) -> (Origin, SigningKey)) -> Vec<(Which, Evidence)> {
    let mut all = Vec::new();
    for good in [of_one_size(), of_two_sizes()] {
        assert!(is_conclusive(&good));
        let longer = if good.link.is_some() { 7 } else { 5 };
        let (origin, key) = change(origin());
        let held = signed(origin.clone(), &honest(), longer, &key);
        let shown = signed(origin, &other(), 5, &key);
        for (changes_held, changes_shown) in [(true, false), (false, true), (true, true)] {
            let mut bad = good.clone();
            if changes_held {
                bad.held.clone_from(&held);
            }
            if changes_shown {
                bad.shown.clone_from(&shown);
            }
            all.push(((changes_held, changes_shown), bad));
        }
    }
    all
}

#[test]
fn heads_of_another_feed_member_or_federation_accuse_nobody() {
    type Change = fn(Origin) -> Origin;
    let changes: [(&str, Change); 4] = [
        ("federation", |origin| Origin {
            federation: "ELSE".to_owned(),
            ..origin
        }),
        ("publisher", |origin| Origin {
            publisher: "SG".parse().unwrap(),
            ..origin
        }),
        ("feed", |origin| Origin {
            feed: FeedId::from_digest(Digest::from_bytes([4; 32])),
            ..origin
        }),
        // A history that was lost and the one after it are two; only both in one of them accuse.
        ("incarnation", |origin| Origin {
            incarnation: origin.incarnation + 1,
            ..origin
        }),
    ];
    for (what, change) in changes {
        for (which, bad) in changed(|origin| (change(origin), key())) {
            let accuses = what == "incarnation" && which == (true, true);
            assert_eq!(is_conclusive(&bad), accuses, "{what}: {which:?}");
        }
    }
}

#[test]
fn heads_that_another_key_signed_accuse_nobody() {
    let forger = || SigningKey::from_seed([8; 32]);
    for (which, bad) in changed(|origin| (origin, forger())) {
        assert!(!is_conclusive(&bad), "{which:?}");
    }
    for good in [of_one_size(), of_two_sizes()] {
        assert!(!good.is_conclusive("ELSE", &key().public_key()));
        assert!(!good.is_conclusive(FEDERATION, &forger().public_key()));
    }
}

#[test]
fn evidence_that_is_damaged_accuses_nobody() {
    type Change = fn(&mut Evidence);
    let changes: [(&str, Change); 6] = [
        ("no held note", |one| one.held.clear()),
        ("no shown note", |one| one.shown = b"no note".to_vec()),
        ("the other way round", |one| {
            std::mem::swap(&mut one.held, &mut one.shown);
        }),
        ("without its link", |one| one.link = None),
        ("of another size", |one| {
            if let Some((at, ..)) = &mut one.link {
                *at += 1;
            }
        }),
        ("with the proof of another history", |one| {
            if let Some((.., proof)) = &mut one.link {
                *proof = other().consistency(5, 7).unwrap();
            }
        }),
    ];
    for (what, change) in changes {
        let mut bad = of_two_sizes();
        assert!(is_conclusive(&bad));
        change(&mut bad);
        assert!(!is_conclusive(&bad), "{what}");
    }
}

/// TH brings SG what it makes of MY's heads: SG does not believe it, and blames TH.
#[test]
fn a_member_that_frames_an_honest_one_is_blamed_itself() {
    let frame = |link: bool, longer_first: bool| {
        let mut web = Web::of(&["MY", "SG", "TH"]);
        let feed = web.publish("MY", &["SG", "TH"], 3);
        let my = web.get("MY");
        let (_, shorter) = my.feeds[&feed].checkpoint.clone().unwrap();
        let at = my.feeds[&feed].tree.size();
        my.add(feed, b"more");
        my.publish(feed);
        let (_, longer) = my.feeds[&feed].checkpoint.clone().unwrap();
        let tree = &my.feeds[&feed].tree;
        let link = Evidence::link(tree, tree.size(), at).filter(|_| link);
        let (held, shown) = if longer_first {
            (longer, shorter)
        } else {
            (shorter, longer)
        };
        let framed = Evidence {
            feed,
            link,
            ..evidence(held, shown)
        };
        for reader in ["SG", "TH"] {
            web.connect("MY", reader);
        }
        web.connect("SG", "TH");
        web.settle();
        let message = framed.message().unwrap().encode();
        web.give("SG", "TH", Input::Frame(&message), 0);
        assert_eq!(web.said("SG", is_evidence), 0);
        assert!(!web.members["SG"].forked.contains(&feed));
        let blamed = Output::Learnt(News::Fault(Fault::Evidence));
        assert!(web.members["SG"].log.contains(&blamed));
        assert!(web.is_open("MY", "SG"), "MY is not cut off for it");
    };
    for link in [true, false] {
        for longer_first in [true, false] {
            frame(link, longer_first);
        }
    }
}
