//! What a session received and verified, and what it serves.

use std::rc::Rc;

use kentong_keys::{MemberName, SealedEpochKey, SealingChance, SealingKeyId};

use crate::bounded::BoundedBytes;
use crate::feed::{FeedId, Leaf, open_epoch, rewrap_with};
use crate::member::sessions::Input;
use crate::sync::leaves_message;
use crate::wire::Message;

use super::{Crashed, Effect, Ground, LinkId, Member, Point, Record, Sabotage};

impl<G: Ground> Member<G> {
    pub(super) fn store_leaves(
        &mut self,
        feed: FeedId,
        leaves: Vec<(Leaf, Vec<u8>)>,
        checkpoint: Option<(u64, Vec<u8>)>,
    ) -> Result<(), Crashed> {
        let federation = self.federation();
        let mut group = Vec::new();
        for (leaf, bytes) in leaves {
            let secrets = std::iter::once(&self.cast.person(self.who).sealing);
            let key = match &leaf {
                Leaf::Epoch(epoch) => {
                    let opened = open_epoch(epoch, &federation, feed, self.me(), secrets);
                    opened.ok().map(|key| (epoch.epoch, *key.secret().expose()))
                }
                Leaf::Genesis(_) | Leaf::Batch(_) | Leaf::Erase(_) | Leaf::Close(_) => None,
            };
            group.push(Record::Leaf(feed, Rc::new((leaf, bytes))));
            group.extend(key.map(|(epoch, key)| Record::EpochKey(feed, epoch, key)));
        }
        let reached = checkpoint.is_some();
        if let Some((size, note)) = checkpoint {
            group.push(Record::Checkpoint(feed, size, Rc::new(note)));
        }
        self.commit(group);
        let held = self.feeds.get(&feed);
        if held.is_some_and(|held| held.genesis.publisher == *self.me()) {
            self.home.ground.sync(); // It came back.
        } else if reached {
            self.relay.stored(feed, self.now.millis);
        }
        self.effects.push(Effect::Stored(feed));
        self.came_back(feed);
        self.point(Point::Received)
    }

    pub(super) fn store_body(
        &mut self,
        feed: FeedId,
        index: u64,
        body: Vec<u8>,
    ) -> Result<(), Crashed> {
        if self.feeds.lacks(&feed, index) {
            self.commit(vec![Record::Body(feed, index, Rc::new(body))]);
        }
        self.came_back(feed);
        self.point(Point::Received)
    }

    pub(super) fn store_epoch(
        &mut self,
        feed: FeedId,
        epoch: u32,
        sealed: (&SealingKeyId, &SealedEpochKey),
    ) {
        let held = self.feeds.get(&feed);
        let leaf = held.and_then(|held| {
            held.leaves.iter().find_map(|leaf| match &leaf.0 {
                Leaf::Epoch(leaf) if leaf.epoch == epoch => Some(leaf),
                Leaf::Genesis(_)
                | Leaf::Epoch(_)
                | Leaf::Batch(_)
                | Leaf::Erase(_)
                | Leaf::Close(_) => None,
            })
        });
        let secrets = std::iter::once(&self.cast.person(self.who).sealing);
        let federation = &self.federation();
        let opened = leaf.and_then(|leaf| {
            let opened = leaf.open_rewrapped(sealed, federation, feed, self.me(), secrets);
            opened.ok()
        });
        if let Some(key) = opened {
            self.commit(vec![Record::EpochKey(feed, epoch, *key.secret().expose())]);
        }
    }

    pub(super) fn serve_leaves(&mut self, id: LinkId, feed: FeedId, from: u64, following: &[u64]) {
        let from = if self.is(Sabotage::ServeFromFurtherOn) {
            from + 1
        } else {
            from
        };
        let Some(view) = self.feeds.view(&feed) else {
            return;
        };
        let held = self.feeds.get(&feed);
        let read = |index: u64| {
            let leaf = held?.leaves.get(usize::try_from(index).ok()?)?;
            Some(leaf.1.clone())
        };
        let Some(made) = leaves_message(feed, &view, from, following, read) else {
            return;
        };
        let until = from + made.leaves.len() as u64;
        let following = made.following.clone();
        self.send(id, Message::Leaves(Box::new(made)));
        for index in following.iter() {
            self.serve_body(id, feed, *index);
        }
        self.tell(Input::SentLeaves {
            link: id,
            feed,
            until,
        });
    }

    pub(super) fn serve_body(&mut self, id: LinkId, feed: FeedId, index: u64) {
        let body = self
            .feeds
            .get(&feed)
            .and_then(|held| held.bodies.get(&index));
        let body = body.and_then(|body| BoundedBytes::new(body.to_vec()).ok());
        let message = match body {
            Some(body) => Message::Body { feed, index, body },
            None => Message::NoBody { feed, index },
        };
        self.send(id, message);
    }

    pub(super) fn serve_epoch(&mut self, id: LinkId, to: &MemberName, feed: FeedId, epoch: u32) {
        let key = self.feeds.get(&feed).and_then(|held| held.keys.get(&epoch));
        let Some((key, who)) = key.zip(self.cast.who(to)) else {
            return;
        };
        let public = self.cast.person(who).sealing.public();
        let (federation, dice) = (self.federation(), &mut self.dice);
        let chance = SealingChance::filled_by(|bytes| dice.fill(bytes));
        let sealed = rewrap_with(key, &federation, (feed, epoch), (to, public), chance);
        if let Some(sealed) = sealed {
            let key_id = public.id();
            self.send(
                id,
                Message::Rewrap {
                    feed,
                    epoch,
                    key_id,
                    sealed,
                },
            );
        }
    }

    pub(super) fn send(&mut self, id: LinkId, message: Message) {
        self.effects.push(Effect::Send(id, message));
    }
}
