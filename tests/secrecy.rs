//! What is for one member leaves nothing at another: not in its files, not in what it was sent.
//!
//! Every search is made at the member who may have it too, where it must hit.

use std::collections::HashMap;

use kentong_keys::Digest;
use kentong_node::log::RecordKind;
use kentong_protocol::feed::{FeedId, Leaf, UnverifiedCheckpoint, leaf_hash};
use kentong_protocol::indicator::Tlp;
use kentong_protocol::wire::{Bye, Message};

use crate::recorder::Recorder;
use crate::support::{Federation, Node, domain, records};

/// How long a piece of a needle is looked for.
const WINDOW: usize = 16;

/// Finds pieces of secrets in heaps of bytes.
#[derive(Default)]
struct Search {
    /// Each window with the number of its needle.
    windows: HashMap<[u8; WINDOW], usize>,
    needles: Vec<String>,
}

impl Search {
    /// Looks for every window of these bytes.
    fn bytes(&mut self, name: String, bytes: &[u8]) {
        assert!(bytes.len() >= WINDOW, "{name}");
        for window in bytes.windows(WINDOW) {
            self.windows
                .insert(window.try_into().unwrap(), self.needles.len());
        }
        self.needles.push(name);
    }

    /// Looks for a digest as it is and as people and notes write it.
    fn digest(&mut self, name: &str, digest: &Digest) {
        self.bytes(format!("{name}, raw"), digest.as_bytes());
        self.bytes(format!("{name}, in hex"), digest.to_string().as_bytes());
    }

    /// Looks for what of these leaves is like nothing else: names and numbers other feeds have too.
    fn leaves(&mut self, leaves: &[Vec<u8>]) {
        for (index, leaf) in leaves.iter().enumerate() {
            match Leaf::decode(leaf).unwrap() {
                Leaf::Genesis(genesis) => self.bytes("the nonce".into(), &genesis.nonce),
                Leaf::Epoch(epoch) => {
                    let commitment = epoch.commitment.as_bytes();
                    self.bytes(format!("commitment {index}"), commitment);
                    for reader in epoch.sealed.iter() {
                        let name = format!("the key of {index} for {}", reader.member);
                        self.bytes(name, reader.sealed.as_bytes());
                    }
                }
                Leaf::Batch(batch) => {
                    self.bytes(format!("salt {index}"), &batch.salt);
                    self.bytes(format!("root {index}"), batch.statements_root.as_bytes());
                    self.bytes(format!("hash of body {index}"), batch.body_hash.as_bytes());
                }
                Leaf::Erase(_) | Leaf::Close(_) => panic!("nothing was erased or closed"),
            }
        }
    }

    /// The names of the needles of which a piece lies in one of these heaps.
    fn hits<'h>(&self, heaps: impl IntoIterator<Item = &'h [u8]>) -> Vec<&str> {
        let mut begin = vec![false; 1 << 16];
        let short = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
        self.windows.keys().for_each(|key| begin[short(key)] = true);
        let mut hit = vec![false; self.needles.len()];
        for heap in heaps {
            for window in heap.windows(WINDOW).filter(|window| begin[short(window)]) {
                if let Some(needle) = self.windows.get(window) {
                    hit[*needle] = true;
                }
            }
        }
        let names = self.needles.iter().zip(hit);
        names
            .filter(|(_, hit)| *hit)
            .map(|(name, _)| name.as_str())
            .collect()
    }

    fn names(&self) -> Vec<&str> {
        self.needles.iter().map(String::as_str).collect()
    }
}

/// The feed that `node` publishes for exactly these members.
fn feed_for(node: &Node, audience: &[&str]) -> FeedId {
    let feeds = node.feeds();
    let feed = feeds.iter().find(|feed| feed.audience == audience);
    let id = &feed.unwrap().id;
    let bytes: Vec<u8> = (0..id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap())
        .collect();
    FeedId::from_digest(Digest::from_bytes(bytes.try_into().unwrap()))
}

/// The feed's leaves and sealed bodies, as they lie in a stopped node's log.
fn leaves_and_bodies(node: &Node, feed: FeedId) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let leaves = records(node, RecordKind::Leaf, feed);
    let bodies = records(node, RecordKind::Body, feed);
    assert!(leaves.len() > 2 && !bodies.is_empty());
    (leaves, bodies)
}

#[test]
fn nothing_of_it_lies_in_the_files_of_another() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let my = federation.node("MY");
    my.add(&domain("for-singapore-only.example"), Tlp::Red, &["SG"]);
    my.add(&domain("for-all.example"), Tlp::Green, &[]);
    let secret = feed_for(my, &["MY", "SG"]);
    my.until("SG says that it holds it", || {
        let id = secret.to_string();
        let feeds = my.feeds();
        let held = feeds.iter().find(|feed| feed.id == id).unwrap();
        held.receipts.iter().any(|r| r.leaves > 2 && r.missing == 0)
    });
    let th = federation.node("TH");
    th.until("TH has what is for all", || {
        th.has(&domain("for-all.example"))
    });
    assert_eq!(th.feeds().len(), 1);
    federation.nodes.iter_mut().for_each(Node::stop);
    let mut search = Search::default();
    search.digest("the feed's id", secret.digest());
    let (leaves, bodies) = leaves_and_bodies(federation.node("SG"), secret);
    for (index, leaf) in leaves.iter().enumerate() {
        let hash = leaf_hash(leaf);
        search.bytes(format!("the hash of leaf {index}"), hash.as_bytes());
    }
    for (number, body) in bodies.iter().enumerate() {
        search.bytes(format!("body {number}"), body);
    }
    let hits = |member: &str| {
        let files = federation.node(member).files();
        let hits = search.hits(files.iter().map(|(_, bytes)| bytes.as_slice()));
        hits.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(hits("SG"), search.names(), "the search finds what is there");
    assert_eq!(hits("TH"), [""; 0]);
}

#[test]
fn nothing_of_it_comes_over_the_wire_to_another() {
    let mut federation = Federation::new(&["MY", "SG", "TH"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let mut sg = Recorder::start(federation.node("SG"), my);
    let mut th = Recorder::start(federation.node("TH"), my);
    my.add(&domain("before-all.example"), Tlp::Green, &[]);
    my.add(&domain("for-singapore-only.example"), Tlp::Red, &["SG"]);
    let audience = ["MY", "SG"];
    my.until("it is released", || {
        my.feeds().iter().any(|feed| feed.audience == audience)
    });
    let (secret, shared) = (feed_for(my, &audience), feed_for(my, &["MY", "SG", "TH"]));
    let came = |feed, bodies| {
        move |at: &Recorder| {
            at.bodies
                .get(&feed)
                .is_some_and(|held| held.len() == bodies)
        }
    };
    sg.until("SG was shown both", came(secret, 1));
    sg.until("SG was shown both", came(shared, 1));
    th.until("TH was shown what is for all", came(shared, 1));
    // Pushed to who is connected, this time; the last tells TH that all before it was said.
    my.add(&domain("for-singapore-too.example"), Tlp::Red, &["SG"]);
    sg.until("SG was pushed the second", came(secret, 2));
    my.add(&domain("after-all.example"), Tlp::Green, &[]);
    sg.until("SG was pushed the last", came(shared, 2));
    th.until("TH was pushed the last", came(shared, 2));
    assert_eq!(th.bodies.len(), 1);
    // And who guesses the name of a feed is told no more than that it did wrong.
    th.say(&Message::WantLeaves {
        feed: secret,
        from: 0,
    });
    th.until("TH is sent away", |th| !th.is_connected());
    let last = Message::decode(th.frames.last().unwrap()).unwrap();
    assert_eq!(last, Message::Bye(Bye::Fault));
    federation.node_mut("MY").stop();

    let mut search = Search::default();
    let id = secret.digest();
    search.bytes("the feed's id, raw".into(), id.as_bytes());
    search.bytes("the feed's id, in hex".into(), id.to_string().as_bytes());
    let (leaves, bodies) = leaves_and_bodies(federation.node("MY"), secret);
    search.leaves(&leaves);
    for (number, body) in bodies.iter().enumerate() {
        search.bytes(format!("body {number}"), body);
    }
    let frames = |of: &Recorder| of.frames.clone();
    let (at_sg, at_th) = (frames(&sg), frames(&th));
    let found = search.hits(at_sg.iter().map(Vec::as_slice));
    assert_eq!(found, search.names(), "the search finds what is there");
    assert_eq!(search.hits(at_th.iter().map(Vec::as_slice)), [""; 0]);
    // Hashes of leaves stand in no frame by themselves, unless in proofs and, as a root, in
    // checkpoints: those that TH was shown are of the feed that it reads.
    let mut hashes = Search::default();
    for (index, leaf) in leaves.iter().enumerate() {
        hashes.digest(&format!("the hash of leaf {index}"), &leaf_hash(leaf));
    }
    assert_eq!(hashes.hits(at_th.iter().map(Vec::as_slice)), [""; 0]);
    let computed = hashes_of(&at_sg, secret);
    let found = hashes.hits(computed.iter().map(Vec::as_slice));
    assert_eq!(
        found,
        hashes.names(),
        "SG can compute each from what it has"
    );
    all_of_one_feed(&at_th, shared);
}

/// Whether all checkpoints in these frames are of one feed.
fn all_of_one_feed(frames: &[Vec<u8>], feed: FeedId) {
    for frame in frames {
        let notes = match Message::decode(frame).unwrap() {
            Message::Heads(heads) => heads.mine.into_vec(),
            Message::Leaves(leaves) => vec![leaves.checkpoint],
            _ => Vec::new(),
        };
        for note in notes {
            let checkpoint = UnverifiedCheckpoint::parse(&note).unwrap();
            assert_eq!(checkpoint.origin().feed, feed);
        }
    }
}

/// The hashes of the leaves of a feed that came in these frames, raw and in hex.
fn hashes_of(frames: &[Vec<u8>], feed: FeedId) -> Vec<Vec<u8>> {
    let mut computed: Vec<Vec<u8>> = Vec::new();
    for frame in frames {
        let Message::Leaves(sent) = Message::decode(frame).unwrap() else {
            continue;
        };
        if sent.feed == feed {
            for leaf in sent.leaves.iter() {
                let hash = leaf_hash(leaf);
                computed.push([hash.as_bytes(), hash.to_string().as_bytes()].concat());
            }
        }
    }
    computed
}
