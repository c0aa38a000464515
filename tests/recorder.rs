//! A member whose node is this test: it speaks the protocol with the member's own keys, asks for
//! whatever it is told of, and keeps every frame that it was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use kentong_keys::Passphrase;
use kentong_node::home::Home;
use kentong_node::identity::Identity;
use kentong_node::net::{Address, Event, Limits, LinkId, Network, PeerName, Settings};
use kentong_protocol::bounded::BoundedVec;
use kentong_protocol::charter::Charter;
use kentong_protocol::feed::{FeedId, Leaf, UnverifiedCheckpoint};
use kentong_protocol::wire::{Heads, Hello, Message, PROTOCOL};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, channel};

use crate::support::Node;

/// How long the next event may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Recorder {
    runtime: Runtime,
    network: Network,
    events: Receiver<Event>,
    hello: Message,
    link: Option<LinkId>,
    /// Every frame that came, in order, as the transport decrypted it.
    pub(crate) frames: Vec<Vec<u8>>,
    asked: BTreeSet<(FeedId, u64)>,
    /// The feeds that were shown, each with the indexes whose bodies came.
    pub(crate) bodies: BTreeMap<FeedId, BTreeSet<u64>>,
}

impl Recorder {
    /// Takes the place of `member`'s node, which does not run, towards `other`'s.
    pub(crate) fn start(member: &Node, other: &Node) -> Self {
        let identity = open(member);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (sender, events) = channel(64);
        let settings = Settings {
            transport_seed: identity.transport.seed().duplicate(),
            listen: addresses(&identity),
            limits: Limits::default(),
        };
        let network = runtime.block_on(async { Network::start(settings, sender).unwrap() });
        let peer = open(other);
        let name: PeerName = peer.card.peer().as_str().parse().unwrap();
        network.allow(BTreeMap::from([(name, addresses(&peer))]));
        let charter = Charter::open(&fs::read(member.home.join("charter.txt")).unwrap()).unwrap();
        let hello = Hello {
            protocol: PROTOCOL,
            features: 0,
            federation: *charter.id().digest(),
            charter_version: charter.version(),
            charter: *charter.hash(),
            member: identity.member.clone(),
            warrant: identity.warrant.serial(),
            card: identity.card.serial(),
            your_warrant: peer.warrant.serial(),
            your_card: peer.card.serial(),
        };
        Self {
            runtime,
            network,
            events,
            hello: Message::Hello(Box::new(hello)),
            link: None,
            frames: Vec::new(),
            asked: BTreeSet::new(),
            bodies: BTreeMap::new(),
        }
    }

    /// Takes part in the exchange until it is so.
    pub(crate) fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(self) {
            let left = end.saturating_duration_since(Instant::now());
            let next = async { tokio::time::timeout(left, self.events.recv()).await };
            let event = self.runtime.block_on(next);
            let event = event.unwrap_or_else(|_| panic!("not: {what}"));
            self.take(event.expect("the network runs"));
        }
    }

    /// Sends a message of the test's own.
    pub(crate) fn say(&self, message: &Message) {
        let link = self.link.expect("the link stands");
        self.network.send(link, message.encode()).unwrap();
    }

    /// Whether the link stands.
    pub(crate) fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// Sends what follows from what came. The link may have ended: that it has stands behind it in the
    /// queue of events.
    fn reply(&self, message: &Message) {
        if let Some(link) = self.link {
            drop(self.network.send(link, message.encode()));
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected { link, .. } => {
                self.link = Some(link);
                self.reply(&self.hello);
                self.reply(&Message::Heads(Heads::default()));
            }
            Event::Disconnected { .. } => self.link = None,
            Event::Frame { bytes, .. } => {
                let message = Message::decode(&bytes).unwrap();
                self.frames.push(bytes);
                self.answer(message);
            }
            Event::Listening(_)
            | Event::Drained { .. }
            | Event::Refused { .. }
            | Event::DialFailed { .. } => {}
        }
    }

    /// Asks for all that a message tells of.
    fn answer(&mut self, message: Message) {
        match message {
            Message::Heads(heads) => {
                for note in heads.mine.iter() {
                    let checkpoint = UnverifiedCheckpoint::parse(note).unwrap();
                    let feed = checkpoint.origin().feed;
                    self.bodies.entry(feed).or_default();
                    self.reply(&Message::WantLeaves { feed, from: 0 });
                }
            }
            Message::Leaves(leaves) => {
                let mut wanted = Vec::new();
                for (index, bytes) in (leaves.from..).zip(leaves.leaves.iter()) {
                    let batch = matches!(Leaf::decode(bytes).unwrap(), Leaf::Batch(_));
                    if batch && self.asked.insert((leaves.feed, index)) {
                        wanted.push(index);
                    }
                }
                if !wanted.is_empty() {
                    let (feed, indexes) = (leaves.feed, BoundedVec::new(wanted).unwrap());
                    self.reply(&Message::WantBodies { feed, indexes });
                }
            }
            Message::Body { feed, index, .. } => {
                self.bodies.entry(feed).or_default().insert(index);
            }
            _ => {}
        }
    }
}

fn open(node: &Node) -> Identity {
    let secret = fs::read(&node.passphrase).unwrap();
    let passphrase = Passphrase::new(secret).unwrap();
    Identity::open(&Home::open(&node.home).unwrap(), &passphrase).unwrap()
}

fn addresses(identity: &Identity) -> Vec<Address> {
    let addresses = identity.card.addresses().iter();
    addresses
        .map(|text| text.as_str().parse().unwrap())
        .collect()
}
