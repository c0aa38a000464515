//! Several members, and the sessions between some of them.

use std::collections::{BTreeMap, VecDeque};

use super::member::{Member, at};
use crate::feed::FeedId;
use crate::sync::{Input, News, Output, Session, Task};
use crate::wire::Message;

/// One side of a session, and what it has sent that has not arrived.
pub(super) type Side = (Session, VecDeque<Vec<u8>>);

/// Several members, and the sessions between some of them.
pub(super) struct Web {
    pub(super) members: BTreeMap<&'static str, Member>,
    pub(super) sessions: BTreeMap<(&'static str, &'static str), Side>,
    /// Messages by who sent them, since they were last looked at.
    pub(super) sent: Vec<(&'static str, Message)>,
}

impl Web {
    pub(super) fn of(names: &[&'static str]) -> Self {
        let member = |(seed, name): (u8, &&'static str)| (*name, Member::new(name, seed));
        let mut members: BTreeMap<_, _> = (1..).zip(names).map(member).collect();
        let keys: Vec<_> = members
            .values()
            .map(|member| (member.name.clone(), member.signing.public_key()))
            .collect();
        for member in members.values_mut() {
            member.others = keys.iter().cloned().collect();
        }
        Self {
            members,
            sessions: BTreeMap::new(),
            sent: Vec::new(),
        }
    }

    pub(super) fn get(&mut self, name: &str) -> &mut Member {
        self.members.get_mut(name).unwrap()
    }

    /// `publisher` opens a feed for these readers, with batches of one statement each.
    pub(super) fn publish(
        &mut self,
        publisher: &'static str,
        readers: &[&'static str],
        batches: u32,
    ) -> FeedId {
        let mut one = self.members.remove(publisher).unwrap();
        let readers: Vec<_> = readers.iter().map(|name| &self.members[name]).collect();
        let feed = one.open(&readers, 1);
        (0..batches).for_each(|i| one.add(feed, &i.to_be_bytes()));
        one.publish(feed);
        self.members.insert(publisher, one);
        feed
    }

    pub(super) fn connect(&mut self, a: &'static str, b: &'static str) {
        for (me, peer) in [(a, b), (b, a)] {
            let peer_of = self.members[peer].as_peer();
            let member = self.get(me);
            let (mut session, outputs) = Session::begin(member.local(), peer_of, at(0));
            let frames = member.carry_out(&mut session, outputs, at(0));
            self.sessions.insert((me, peer), (session, frames.into()));
        }
    }

    pub(super) fn part(&mut self, a: &'static str, b: &'static str) {
        for (me, peer) in [(a, b), (b, a)] {
            self.sessions.remove(&(me, peer));
            let peer = self.members[peer].name.clone();
            self.get(me).sources.gone(&peer);
            self.all_of(me, Input::Reassigned(None));
        }
    }

    /// Nobody is connected after that.
    pub(super) fn part_all(&mut self) {
        let pairs: Vec<_> = self.sessions.keys().copied().collect();
        for (a, b) in pairs {
            self.part(a, b);
        }
    }

    pub(super) fn give(
        &mut self,
        me: &'static str,
        peer: &'static str,
        input: Input<'_>,
        now: u64,
    ) {
        let (session, to_peer) = self.sessions.get_mut(&(me, peer)).unwrap();
        let member = self.members.get_mut(me).unwrap();
        let refused = member.sources.refused().count();
        let forked = member.forked.len();
        let stored = |member: &Member| {
            let leaves = |output: &&Output| matches!(output, Output::Do(Task::StoreLeaves { .. }));
            member.log.iter().filter(leaves).count()
        };
        let before = stored(member);
        let outputs = session.handle(input, at(now), member);
        to_peer.extend(member.carry_out(session, outputs, at(now)));
        if member.sources.refused().count() != refused || stored(member) != before {
            self.all_of(me, Input::Reassigned(None));
        }
        let evidence = self.members[me]
            .log
            .iter()
            .rev()
            .find_map(|output| match output {
                Output::Learnt(News::Evidence(evidence)) => Some((**evidence).clone()),
                _ => None,
            });
        if self.members[me].forked.len() != forked
            && let Some(evidence) = evidence
        {
            self.all_of(me, Input::Evidence(&evidence));
        }
    }

    fn all_of(&mut self, me: &'static str, input: Input<'_>) {
        let own = self.sessions.iter_mut().filter(|((of, _), _)| *of == me);
        let member = self.members.get_mut(me).unwrap();
        for (_, (session, to_peer)) in own {
            let input = match &input {
                Input::Evidence(evidence) => Input::Evidence(evidence),
                _ => Input::Reassigned(None),
            };
            let outputs = session.handle(input, at(0), member);
            to_peer.extend(member.carry_out(session, outputs, at(0)));
        }
    }

    /// Lets everything under way arrive, each session's frames in turn.
    pub(super) fn settle(&mut self) {
        for round in 0_u32.. {
            assert!(round < 20_000, "they never come to rest");
            let waiting = self.sessions.iter_mut();
            let mut waiting = waiting.filter(|(_, (_, frames))| !frames.is_empty());
            let skip = round as usize % self.members.len();
            let Some((&(from, to), (_, frames))) = (match waiting.nth(skip) {
                Some(found) => Some(found),
                None => self
                    .sessions
                    .iter_mut()
                    .find(|(_, (_, frames))| !frames.is_empty()),
            }) else {
                return;
            };
            let frame = frames.pop_front().unwrap();
            self.sent.push((from, Message::decode(&frame).unwrap()));
            self.give(to, from, Input::Frame(&frame), 0);
        }
    }

    pub(super) fn is_open(&self, a: &'static str, b: &'static str) -> bool {
        self.sessions[&(a, b)].0.is_open() && self.sessions[&(b, a)].0.is_open()
    }

    pub(super) fn has_all(&self, name: &str, feed: FeedId, of: &str) {
        let (ours, theirs) = (
            &self.members[of].feeds[&feed],
            &self.members[name].feeds[&feed],
        );
        assert_eq!(ours.tree.root(), theirs.tree.root());
        let lacking = ours
            .bodies
            .keys()
            .filter(|at| !theirs.bodies.contains_key(at));
        assert_eq!(lacking.collect::<Vec<_>>(), [&0_u64; 0]);
        assert!(ours.bodies == theirs.bodies);
        assert_eq!(ours.checkpoint, theirs.checkpoint);
        assert_eq!(theirs.keys.len(), ours.keys.len());
    }

    pub(super) fn bodies_sent(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (from, message) in &self.sent {
            if matches!(message, Message::Body { .. }) {
                *counts.entry(*from).or_default() += 1;
            }
        }
        counts
    }

    pub(super) fn said(&self, name: &str, wanted: fn(&Output) -> bool) -> usize {
        self.members[name]
            .log
            .iter()
            .filter(|output| wanted(output))
            .count()
    }
}

pub(super) fn is_fault(output: &Output) -> bool {
    matches!(output, Output::Learnt(News::Fault(_)))
}

pub(super) fn is_evidence(output: &Output) -> bool {
    matches!(output, Output::Learnt(News::Evidence(_)))
}
