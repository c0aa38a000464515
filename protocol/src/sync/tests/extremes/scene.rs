//! Who is there, and what happens among them.

use kentong_keys::SigningKey;

use super::super::member::Member;
use super::super::papers::{chain, papers};
use super::super::web::{Side, Web};
use super::{Drawn, Happens};
use crate::bounded::BoundedVec;
use crate::feed::{CloseLeaf, EraseLeaf, FeedId, Leaf};
use crate::sync::Input;
use crate::wire::Message;

/// MY, SG and TH, with MY's feed for SG and that for both.
pub(super) struct Scene {
    pub(super) web: Web,
    pub(super) feeds: [FeedId; 2],
}

impl Scene {
    pub(super) fn new() -> Self {
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

    pub(super) fn my(&self) -> &Member {
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

    pub(super) fn happens(&mut self, what: Happens) {
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
                my.signing = SigningKey::from_seed([seed; 32]);
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
    pub(super) fn comes(&mut self, mut drawn: Drawn) {
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
}
