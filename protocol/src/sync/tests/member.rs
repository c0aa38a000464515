//! A member in memory: feeds, and sessions that carry out their outputs at once.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kentong_keys::{
    BodyContext, Digest, EpochKey, KeyName, KeyType, MemberName, PublicKey, SealingSecret,
    SigningKey, VerifierKey,
};

use crate::bounded::BoundedBytes;
use crate::charter::{Paper, Papers};
use crate::feed::{
    Audience, BatchDraft, BatchLeaf, Checkpoint, EpochDraft, FeedId, GenesisLeaf, Leaf, Origin,
    Tree, leaf_hash,
};
use crate::sync::{
    FeedView, Input, Ledger, Limits, Local, News, Now, Output, Peer, Session, Sources, Task,
    WantedBody, leaves_message,
};
use crate::time::{Moment, Timestamp};
use crate::wire::{Holds, Leaves, Message};

pub(super) struct Feed {
    pub(super) genesis: GenesisLeaf,
    pub(super) tree: Tree,
    pub(super) leaves: Vec<(Leaf, Vec<u8>)>,
    pub(super) bodies: BTreeMap<u64, Vec<u8>>,
    pub(super) erased: BTreeSet<u64>,
    pub(super) checkpoint: Option<(u64, Vec<u8>)>,
    pub(super) keys: BTreeMap<u32, EpochKey>,
}

pub(super) struct Member {
    pub(super) name: MemberName,
    pub(super) signing: SigningKey,
    pub(super) sealing: SealingSecret,
    pub(super) feeds: BTreeMap<FeedId, Feed>,
    pub(super) receipts: Vec<Holds>,
    pub(super) log: Vec<Output>,
    /// By which keys the others sign.
    pub(super) others: BTreeMap<MemberName, PublicKey>,
    pub(super) sources: Sources,
    pub(super) forked: BTreeSet<FeedId>,
    /// Feeds whose newest checkpoint is by a former key.
    pub(super) former: BTreeSet<FeedId>,
    /// The heads that this member's warrant names.
    pub(super) frozen: BTreeMap<FeedId, (u64, Digest)>,
    /// Publishers of whom no more leaves are taken.
    pub(super) full: BTreeSet<MemberName>,
    /// How many leaves of missing bodies were read.
    pub(super) read: Cell<usize>,
    /// How many of the last leaves of each feed are not applied yet.
    pub(super) unapplied: u64,
    pub(super) papers: Option<Papers>,
    pub(super) credentials: Vec<(MemberName, u64, u64)>,
}

pub(super) fn federation() -> Digest {
    Digest::from_bytes([0xfe; 32])
}

pub(super) fn at(millis: u64) -> Now {
    let wall = Timestamp::from_seconds(1_790_000_000 + millis / 1000).unwrap();
    Now {
        wall,
        moment: Moment::from_millis(millis),
    }
}

pub(super) fn witness_name(member: &MemberName) -> KeyName {
    format!("kentong/{member}/witness").parse().unwrap()
}

impl Ledger for Member {
    fn feeds_of(&self, publisher: &MemberName, reader: &MemberName) -> Vec<FeedId> {
        let mine = |feed: &&FeedId| {
            let genesis = &self.feeds[feed].genesis;
            genesis.publisher == *publisher && genesis.audience.holds(reader)
        };
        self.feeds.keys().filter(mine).copied().collect()
    }

    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        let shared = |feed: &&FeedId| self.feeds[feed].genesis.audience.holds(reader);
        self.feeds.keys().filter(shared).copied().collect()
    }

    fn signing(&self, member: &MemberName) -> Option<PublicKey> {
        self.others.get(member).copied()
    }

    fn witness(&self, member: &MemberName) -> Option<VerifierKey> {
        let key = self.others.get(member)?;
        Some(VerifierKey::new(
            witness_name(member),
            KeyType::Cosignature,
            *key,
        ))
    }

    fn frozen(&self, id: &FeedId) -> Option<(u64, Digest)> {
        self.frozen.get(id).copied()
    }

    fn cosigned(&self, _: &FeedId) -> Option<&[u8]> {
        None
    }

    fn is_forked(&self, id: &FeedId) -> bool {
        self.forked.contains(id)
    }

    fn takes_leaves(&self, publisher: &MemberName) -> bool {
        !self.full.contains(publisher)
    }

    fn papers(&self) -> Option<&Papers> {
        self.papers.as_ref()
    }

    fn credentials(&self) -> Vec<(MemberName, u64, u64)> {
        self.credentials.clone()
    }

    fn sources(&self) -> &Sources {
        &self.sources
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        let feed = self.feeds.get(id)?;
        let batches = feed
            .leaves
            .iter()
            .filter(|(leaf, _)| matches!(leaf, Leaf::Batch(_)));
        Some(FeedView {
            genesis: &feed.genesis,
            tree: &feed.tree,
            checkpoint: feed
                .checkpoint
                .as_ref()
                .map(|(size, note)| (*size, note.as_slice())),
            former: self.former.contains(id),
            epoch: feed.epoch(),
            closed: feed
                .leaves
                .iter()
                .any(|(leaf, _)| matches!(leaf, Leaf::Close(_))),
            missing: (batches.count() - feed.bodies.len() - feed.erased.len()) as u64,
            unopened: 0,
            erased: feed.erased.len() as u64,
            applied: feed.tree.size() - self.unapplied,
        })
    }

    fn missing(
        &self,
        id: &FeedId,
        from: u64,
        most: usize,
        wanted: &dyn Fn(u64) -> bool,
    ) -> Vec<WantedBody> {
        let feed = &self.feeds[id];
        let all = (0..)
            .zip(&feed.leaves)
            .filter_map(|(index, (leaf, _))| match leaf {
                Leaf::Batch(leaf) => Some(WantedBody {
                    index,
                    leaf: leaf.clone(),
                }),
                _ => None,
            });
        let missing =
            all.filter(|w| w.index >= from && !feed.has_settled(w.index) && wanted(w.index));
        let missing: Vec<_> = missing.take(most).collect();
        self.read.set(self.read.get() + missing.len());
        missing
    }

    fn lacks(&self, id: &FeedId, index: u64) -> bool {
        let feed = self.feeds.get(id);
        feed.is_some_and(|feed| !feed.has_settled(index)) && self.batch(id, index).is_some()
    }

    fn batch(&self, id: &FeedId, index: u64) -> Option<BatchLeaf> {
        match self.feeds.get(id)?.leaves.get(index as usize)? {
            (Leaf::Batch(leaf), _) => Some(leaf.clone()),
            _ => None,
        }
    }

    fn epochs_without_key(&self, id: &FeedId, above: u32, most: usize) -> Vec<u32> {
        let feed = &self.feeds[id];
        (above + 1..=feed.epoch())
            .filter(|epoch| !feed.keys.contains_key(epoch))
            .take(most)
            .collect()
    }
}

impl Feed {
    fn epoch(&self) -> u32 {
        let epochs = self
            .leaves
            .iter()
            .filter(|(leaf, _)| matches!(leaf, Leaf::Epoch(_)));
        epochs.count() as u32
    }

    pub(super) fn append(&mut self, leaf: Leaf) {
        let bytes = leaf.encode();
        self.push(leaf, bytes);
    }

    fn push(&mut self, leaf: Leaf, bytes: Vec<u8>) {
        if let Leaf::Erase(erase) = &leaf {
            self.bodies.remove(&erase.index);
            let names_batch = usize::try_from(erase.index)
                .is_ok_and(|index| matches!(self.leaves.get(index), Some((Leaf::Batch(_), _))));
            if names_batch {
                self.erased.insert(erase.index);
            }
        }
        self.tree.push(leaf_hash(&bytes));
        self.leaves.push((leaf, bytes));
    }

    /// Whether the body at an index is held, or no longer to be held.
    fn has_settled(&self, index: u64) -> bool {
        self.bodies.contains_key(&index) || self.erased.contains(&index)
    }

    pub(super) fn sign(&mut self, key: &SigningKey) {
        let origin = Origin {
            federation: "TEST".into(),
            publisher: self.genesis.publisher.clone(),
            feed: self.genesis.feed_id(),
            incarnation: self.genesis.incarnation,
        };
        let signed = Checkpoint::sign(origin, self.tree.size(), self.tree.root(), key);
        self.checkpoint = Some((signed.size(), signed.note().to_vec()));
    }
}

impl Member {
    pub(super) fn new(name: &str, seed: u8) -> Self {
        Self {
            name: name.parse().unwrap(),
            signing: SigningKey::from_seed([seed; 32]),
            sealing: SealingSecret::from_seed([seed; 32]),
            feeds: BTreeMap::new(),
            receipts: Vec::new(),
            log: Vec::new(),
            others: BTreeMap::new(),
            sources: Sources::default(),
            forked: BTreeSet::new(),
            former: BTreeSet::new(),
            frozen: BTreeMap::new(),
            full: BTreeSet::new(),
            read: Cell::new(0),
            unapplied: 0,
            papers: None,
            credentials: Vec::new(),
        }
    }

    pub(super) fn local(&self) -> Local {
        Local {
            me: self.name.clone(),
            signing: self.signing.public_key(),
            federation: federation(),
            federation_name: "TEST".into(),
            charter_version: 1,
            charter: Digest::from_bytes([0xcc; 32]),
            serials: (1, 1),
            limits: Limits::default(),
        }
    }

    pub(super) fn as_peer(&self) -> Peer {
        let signing = self.signing.public_key();
        Peer {
            member: self.name.clone(),
            signing,
            serials: (1, 1),
        }
    }

    /// Opens a feed for these readers, with its first epoch, unpublished.
    pub(super) fn open(&mut self, readers: &[&Self], nonce: u8) -> FeedId {
        let audience = Audience::of(&self.name, readers.iter().map(|m| &m.name)).unwrap();
        let genesis = GenesisLeaf {
            federation: federation(),
            publisher: self.name.clone(),
            audience: audience.clone(),
            charter_version: 1,
            incarnation: 0,
            nonce: [nonce; 16],
        };
        let id = genesis.feed_id();
        let key = EpochKey::from_secret([nonce; 32]);
        let draft = EpochDraft {
            federation: &federation(),
            feed: id,
            epoch: 1,
            charter_version: 1,
            audience: &audience,
        };
        let members = readers.to_vec();
        let epoch = draft.seal(&key, |name| {
            let reader = members.iter().find(|m| m.name == *name);
            Some(reader.map_or_else(|| self.sealing.public(), |m| m.sealing.public()))
        });
        let mut feed = Feed {
            genesis: genesis.clone(),
            tree: Tree::default(),
            leaves: Vec::new(),
            bodies: BTreeMap::new(),
            erased: BTreeSet::new(),
            checkpoint: None,
            keys: BTreeMap::from([(1, key)]),
        };
        feed.append(Leaf::Genesis(genesis));
        feed.append(Leaf::Epoch(epoch));
        self.feeds.insert(id, feed);
        id
    }

    /// Appends a batch of one statement.
    pub(super) fn add(&mut self, id: FeedId, statement: &[u8]) {
        let feed = self.feeds.get_mut(&id).unwrap();
        let mut draft = BatchDraft::default();
        draft.push(statement.to_vec()).unwrap();
        let index = feed.tree.size();
        let context = BodyContext {
            federation: &federation(),
            feed: id.digest(),
            incarnation: 0,
            index,
        };
        let sealed = draft
            .seal(1, &feed.keys[&1], &context, ([index as u8; 32], [0; 32]))
            .unwrap();
        feed.append(Leaf::Batch(sealed.leaf));
        feed.bodies.insert(index, sealed.body);
    }

    /// Drops the leaves of a feed from an index on, with what was signed over them.
    pub(super) fn void(&mut self, id: FeedId, from: u64) {
        let feed = self.feeds.get_mut(&id).unwrap();
        feed.tree.truncate(from);
        feed.leaves.truncate(from as usize);
        feed.bodies.retain(|index, _| *index < from);
        feed.checkpoint = feed.checkpoint.take().filter(|(size, _)| *size <= from);
        if from == 0 {
            self.feeds.remove(&id);
        }
    }

    pub(super) fn publish(&mut self, id: FeedId) {
        let Self { signing, feeds, .. } = self;
        feeds.get_mut(&id).unwrap().sign(signing);
    }

    fn leaves(&self, feed: FeedId, from: u64, following: &[u64]) -> Leaves {
        let view = self.feed(&feed).unwrap();
        let leaves = &self.feeds[&feed].leaves;
        let read = |i: u64| leaves.get(i as usize).map(|(_, bytes)| bytes.clone());
        leaves_message(feed, &view, from, following, read).unwrap()
    }

    /// Carries out outputs; answers the frames to send.
    pub(super) fn carry_out(
        &mut self,
        session: &mut Session,
        outputs: Vec<Output>,
        now: Now,
    ) -> Vec<Vec<u8>> {
        let (mut frames, mut todo) = (Vec::new(), VecDeque::from(outputs));
        let (mut changed, mut shown) = (false, BTreeSet::new());
        loop {
            let Some(output) = todo.pop_front() else {
                // What was done is shown to the session once all of it is.
                if let Some(feed) = shown.pop_first() {
                    todo.extend(session.handle(Input::Reassigned(Some(feed)), now, self));
                } else if std::mem::take(&mut changed) {
                    todo.extend(session.handle(Input::Changed, now, self));
                } else {
                    break;
                }
                continue;
            };
            match output.clone() {
                Output::Do(Task::Send(message)) => frames.push(message.encode()),
                Output::Do(Task::SendClaim(claim)) => {
                    frames.push(Message::Claim(claim.sign(&self.signing)).encode());
                }
                Output::Do(Task::ServeLeaves {
                    feed,
                    from,
                    following,
                }) => {
                    let made = self.leaves(feed, from, &following);
                    session.sent_leaves(feed, from + made.leaves.len() as u64);
                    let following = made.following.clone();
                    frames.push(Message::Leaves(Box::new(made)).encode());
                    for index in following.iter() {
                        frames.push(self.body_frame(feed, *index));
                    }
                }
                Output::Do(Task::ServeBody { feed, index }) => {
                    frames.push(self.body_frame(feed, index));
                }
                Output::Do(Task::StoreLeaves {
                    feed,
                    from,
                    leaves,
                    checkpoint,
                }) => {
                    self.store_leaves(feed, from, leaves, checkpoint);
                    changed = true;
                }
                Output::Do(Task::Void { feed, from }) => {
                    self.void(feed, from);
                    changed = true;
                }
                Output::Do(Task::StoreBody { feed, index, body }) => {
                    self.store_body(feed, index, body);
                    changed = true;
                }
                Output::Do(Task::ServePaper(hash)) => {
                    let paper = self.papers.as_ref().and_then(|papers| papers.get(&hash));
                    let paper = BoundedBytes::new(paper.unwrap().to_vec()).unwrap();
                    frames.push(Message::Paper(paper).encode());
                }
                Output::Do(Task::TakePaper(paper)) => {
                    self.take_paper(paper);
                    todo.extend(session.handle(Input::Papers, now, self));
                }
                Output::Learnt(News::Receipt { holds, .. }) => self.receipts.push(holds),
                Output::Learnt(News::Shows { feed, size }) => {
                    self.sources.show(session.member(), feed, size);
                    shown.insert(feed);
                }
                Output::Learnt(News::Withheld { feed, index }) => {
                    self.sources.refuse(session.member(), feed, index);
                    changed = true;
                }
                Output::Learnt(News::OtherLeaves(feed)) => {
                    self.sources.other_leaves(session.member(), feed);
                }
                Output::Learnt(News::Evidence(evidence)) => drop(self.forked.insert(evidence.feed)),
                _ => {}
            }
            self.log.push(output);
        }
        frames
    }

    /// Takes a charter or a notice in, as far as it says something new.
    pub(super) fn take_paper(&mut self, paper: Paper) {
        let papers = self.papers.as_ref().unwrap();
        let (mut chain, mut ballots) = (papers.chain().clone(), papers.ballots().clone());
        let mut open = papers.open_notices().clone();
        match paper {
            Paper::Charter(charter) => {
                ballots.see(&chain, &charter);
                drop(chain.offer(ballots.joined(&charter)));
            }
            Paper::Notice(notice) => drop(open.add(*notice, &chain, at(0).wall)),
        }
        let notices = papers.notices().clone();
        self.papers = Some(Papers::new(chain, ballots, notices, open));
    }

    fn body_frame(&self, feed: FeedId, index: u64) -> Vec<u8> {
        match self.feeds[&feed].bodies.get(&index) {
            Some(body) => {
                let body = BoundedBytes::new(body.clone()).unwrap();
                Message::Body { feed, index, body }.encode()
            }
            None => Message::NoBody { feed, index }.encode(),
        }
    }

    fn store_body(&mut self, feed: FeedId, index: u64, body: Vec<u8>) {
        // Its leaves may have been rolled back meanwhile.
        if self.lacks(&feed, index) {
            let held = self.feeds.get_mut(&feed).unwrap();
            held.bodies.entry(index).or_insert(body);
        }
    }

    /// Takes over the leaves of a feed of another, and no body.
    pub(super) fn take(
        &mut self,
        id: FeedId,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: Option<(u64, Vec<u8>)>,
    ) {
        self.store_leaves(id, 0, leaves, checkpoint);
    }

    fn store_leaves(
        &mut self,
        id: FeedId,
        from: u64,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: Option<(u64, Vec<u8>)>,
    ) {
        if let Some((Leaf::Genesis(genesis), _)) = leaves.first() {
            self.feeds.insert(
                id,
                Feed {
                    genesis: genesis.clone(),
                    tree: Tree::default(),
                    leaves: Vec::new(),
                    bodies: BTreeMap::new(),
                    erased: BTreeSet::new(),
                    checkpoint: None,
                    keys: BTreeMap::new(),
                },
            );
        }
        let Self {
            name,
            sealing,
            feeds,
            ..
        } = self;
        let feed = feeds.get_mut(&id).unwrap();
        assert_eq!(from, feed.tree.size());
        for (leaf, bytes) in leaves {
            if let Leaf::Epoch(epoch) = &leaf {
                let secrets = std::iter::once(&*sealing);
                if let Ok(key) = crate::feed::open_epoch(epoch, &federation(), id, name, secrets) {
                    feed.keys.insert(epoch.epoch, key);
                }
            }
            feed.push(leaf, bytes);
        }
        if checkpoint.is_some() {
            feed.checkpoint = checkpoint;
            self.former.remove(&id);
        }
    }
}
