//! Publishing, in the order of a real node: seal, write, make durable, move the signer state, sign,
//! announce.

use std::collections::BTreeMap;
use std::rc::Rc;

use kentong_keys::{BodyContext, Digest, EpochKey, Label, MemberName, SealingChance};

use crate::feed::{
    Audience, BatchDraft, Checkpoint, EpochDraft, EraseLeaf, FeedId, Frontier, GenesisLeaf, Leaf,
    OpenEpoch, Origin, leaf_hash,
};
use crate::member::sessions::Input;
use crate::statement::Statement;

use super::super::founding::FEDERATION;
use super::{Crashed, Effect, Ground, Member, Point, Record, Sabotage};

const TWIN: Label = Label::new("kentong/simulation-twin/1");

/// A feed while a publication is put together.
pub(super) struct Growing {
    pub(super) audience: Audience,
    pub(super) feed: FeedId,
    tree: Frontier,
    /// It is the feed for its audience from now on.
    open: bool,
    new_epoch: Option<OpenEpoch>,
    statements: u64,
}

impl Growing {
    /// A feed that ends, or has ended and is erased from.
    pub(super) const fn closed(audience: Audience, feed: FeedId, tree: Frontier) -> Self {
        Self {
            audience,
            feed,
            tree,
            open: false,
            new_epoch: None,
            statements: 0,
        }
    }
}

impl<G: Ground> Member<G> {
    /// Publishes statements, each list to its audience.
    pub(super) fn publish(
        &mut self,
        lists: BTreeMap<Audience, Vec<Statement>>,
    ) -> Result<(), Crashed> {
        let encode = |list: Vec<Statement>| list.iter().map(Statement::encode).collect();
        let lists = lists.into_iter();
        let lists = lists.map(|(audience, list)| (audience, encode(list)));
        self.publish_bytes(lists.collect())
    }

    /// The same in canonical form.
    pub(super) fn publish_bytes(
        &mut self,
        lists: BTreeMap<Audience, Vec<Vec<u8>>>,
    ) -> Result<(), Crashed> {
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(audience, list)| (audience, (list, Vec::new())));
        self.publish_and_erase(lists.collect(), BTreeMap::new())
    }

    /// The same, each list followed by what it erases; and what is erased from feeds that are closed.
    pub(super) fn publish_and_erase(
        &mut self,
        lists: BTreeMap<Audience, (Vec<Vec<u8>>, Vec<u64>)>,
        closed: BTreeMap<FeedId, Vec<u64>>,
    ) -> Result<(), Crashed> {
        if self.halted || self.is_restored() {
            return Ok(());
        }
        let (mut group, mut grown) = (Vec::new(), Vec::new());
        for (audience, (statements, erase)) in lists {
            let mut growing = self.grow(&mut group, audience, statements);
            for index in erase {
                let leaf = Leaf::Erase(EraseLeaf { index, reason: 1 });
                append(&mut group, growing.feed, &mut growing.tree, leaf);
            }
            grown.push(growing);
        }
        for (feed, erase) in closed {
            let Some(held) = self.feeds.get(&feed) else {
                continue;
            };
            let mut tree = held.tree.frontier();
            for index in erase {
                let leaf = Leaf::Erase(EraseLeaf { index, reason: 1 });
                append(&mut group, feed, &mut tree, leaf);
            }
            grown.push(Growing::closed(held.genesis.audience.clone(), feed, tree));
        }
        if grown.is_empty() {
            return Ok(());
        }
        self.publish_group(group, grown)
    }

    /// Makes durable what feeds are to grow by, signs it, and tells connected readers.
    pub(super) fn publish_group(
        &mut self,
        group: Vec<Record>,
        grown: Vec<Growing>,
    ) -> Result<(), Crashed> {
        self.point(Point::Sealed)?;
        self.commit(group);
        let shared = grown
            .iter()
            .all(|growing| growing.audience.members().len() > 1);
        if shared && self.is(Sabotage::SignBeforeDurable) {
            self.sign(&grown);
            self.announce(grown);
            self.drain()?;
            return self.point(Point::Written);
        }
        self.point(Point::Written)?;
        self.home.ground.sync();
        self.point(Point::Durable)?;
        self.home.ground.settle(|state| {
            for growing in &grown {
                let signed = (growing.tree.size(), growing.tree.root());
                state.signed.insert(growing.feed, signed);
            }
        });
        self.point(Point::SignerMoved)?;
        self.sign(&grown);
        self.point(Point::Signed)?;
        self.announce(grown);
        Ok(())
    }

    fn sign(&mut self, grown: &[Growing]) {
        let signed = grown.iter().map(|growing| {
            let (size, root) = (growing.tree.size(), growing.tree.root());
            (growing.feed, size, root)
        });
        let group = signed
            .collect::<Vec<_>>()
            .into_iter()
            .map(|(feed, size, root)| {
                let note = self.checkpoint(feed, size, root);
                Record::Checkpoint(feed, size, Rc::new(note))
            });
        let group = group.collect();
        self.commit(group);
    }

    fn announce(&mut self, grown: Vec<Growing>) {
        for growing in grown {
            let Growing {
                audience,
                feed,
                open,
                new_epoch,
                statements,
                ..
            } = growing;
            if open {
                self.by_audience.insert(audience, feed);
            }
            if let Some(epoch) = new_epoch {
                self.epochs.insert(feed, epoch);
            } else if let Some(epoch) = self.epochs.get_mut(&feed) {
                epoch.seals(statements);
            }
            self.tell(Input::Published(feed));
        }
    }

    /// Signs a checkpoint of an own feed.
    pub(super) fn checkpoint(&mut self, feed: FeedId, size: u64, root: Digest) -> Vec<u8> {
        let origin = Origin {
            federation: FEDERATION.to_owned(),
            publisher: self.me().clone(),
            feed,
            incarnation: 0,
        };
        self.effects.push(Effect::Signed(feed, size, root));
        let key = &self.cast.person(self.who).signing;
        Checkpoint::sign(origin, size, root, key).note().to_vec()
    }

    /// Adds to a group what appends `statements` to the feed for `audience`, or only opens it if there
    /// are none.
    pub(super) fn grow(
        &mut self,
        group: &mut Vec<Record>,
        audience: Audience,
        statements: Vec<Vec<u8>>,
    ) -> Growing {
        let held = self
            .by_audience
            .get(&audience)
            .and_then(|id| self.feeds.get(id));
        // A new epoch begins with each start, so that no key of an attempt that was dropped is used.
        let (count, now) = (statements.len() as u64, self.now.millis);
        let open = held.and_then(|held| {
            let begun = self.epochs.get(&held.genesis.feed_id())?;
            let held = begun.number() == held.epoch && held.keys.contains_key(&held.epoch);
            let secret = *begun.key().secret().expose();
            let usable = held && begun.takes(count, now);
            usable.then(|| (begun.number(), EpochKey::from_secret(secret)))
        });
        let mut new_epoch = None;
        let held = held.map(|held| (held.genesis.feed_id(), held.tree.frontier(), held.epoch));
        let (feed, mut tree, last_epoch) = match held {
            Some(held) => held,
            None => {
                let genesis = self.genesis(&audience);
                let (feed, mut tree) = (genesis.feed_id(), Frontier::default());
                append(group, feed, &mut tree, Leaf::Genesis(genesis));
                (feed, tree, 0)
            }
        };
        let (epoch, key) = match open {
            Some(open) => open,
            None => {
                let (epoch, key) = (last_epoch + 1, EpochKey::from_secret(self.dice.bytes()));
                let draft = EpochDraft {
                    federation: &self.federation(),
                    feed,
                    epoch,
                    charter_version: self.papers().in_force().0,
                    audience: &audience,
                };
                let (cast, dice) = (&self.cast, &mut self.dice);
                let sealing =
                    |name: &MemberName| Some(cast.person(cast.who(name)?).sealing.public());
                let leaf = draft.seal_with(
                    &key,
                    || SealingChance::filled_by(|bytes| dice.fill(bytes)),
                    sealing,
                );
                append(group, feed, &mut tree, Leaf::Epoch(leaf));
                let secret = *key.secret().expose();
                group.push(Record::EpochKey(feed, epoch, secret));
                let mut begun = OpenEpoch::begin(epoch, EpochKey::from_secret(secret), now);
                begun.seals(count);
                new_epoch = Some(begun);
                (epoch, key)
            }
        };
        let mut growing = Growing {
            audience,
            feed,
            tree,
            open: true,
            new_epoch,
            statements: count,
        };
        for draft in BatchDraft::holding(statements) {
            self.seal(group, &mut growing, (epoch, &key), draft);
        }
        growing
    }

    /// Adds a batch to a group.
    fn seal(
        &mut self,
        group: &mut Vec<Record>,
        growing: &mut Growing,
        (epoch, key): (u32, &EpochKey),
        draft: BatchDraft,
    ) {
        let Growing { feed, tree, .. } = growing;
        let feed = *feed;
        let federation = self.federation();
        let index = tree.size();
        let context = BodyContext {
            federation: &federation,
            feed: feed.digest(),
            incarnation: 0,
            index,
        };
        let random = (self.dice.bytes(), self.dice.bytes());
        let sealed = draft.seal(epoch, key, &context, random);
        let sealed = sealed.expect("a batch that is handed out holds a statement");
        append(group, feed, tree, Leaf::Batch(sealed.leaf));
        group.push(Record::Body(feed, index, Rc::new(sealed.body)));
    }

    fn genesis(&mut self, audience: &Audience) -> GenesisLeaf {
        let mut nonce = self.dice.bytes();
        if self.twin {
            let names = audience
                .members()
                .iter()
                .map(|name| name.as_str().as_bytes());
            let digest = Digest::labelled(TWIN, &names.collect::<Vec<_>>());
            nonce.copy_from_slice(digest.as_bytes().split_at(16).0);
        }
        GenesisLeaf {
            federation: self.federation(),
            publisher: self.me().clone(),
            audience: audience.clone(),
            charter_version: self.papers().in_force().0,
            incarnation: 0,
            nonce,
        }
    }
}

pub(super) fn append(group: &mut Vec<Record>, feed: FeedId, tree: &mut Frontier, leaf: Leaf) {
    let bytes = leaf.encode();
    tree.push(leaf_hash(&bytes));
    group.push(Record::Leaf(feed, Rc::new((leaf, bytes))));
}
