//! Links between members: ordered and reliable while they last, as slow and as short-lived as chance
//! wants.

use std::collections::{BTreeSet, VecDeque};

use super::{Event, Fall, Federation, Grounds, LinkId, Node, Who};

/// A link, and what is under way on it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) ends: [Who; 2],
    /// Which of the nodes of that name stands at each end.
    pub(super) brains: [usize; 2],
    /// Whether new messages get anywhere.
    alive: bool,
    /// What is under way towards each end.
    queues: [VecDeque<Vec<u8>>; 2],
    /// No message arrives before the one that was sent before it.
    arrives: [u64; 2],
    /// Messages that arrived while the ends were apart.
    held: [u64; 2],
    /// Milliseconds that a message takes at least.
    latency: u64,
    /// Whether the world got in its way, so that an end may seem slow.
    pub(super) hindered: bool,
    /// Whether an end did not want it.
    refused: bool,
}

impl Wire {
    /// What is under way is lost.
    pub(super) fn drain(&mut self) {
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.held = [0; 2];
    }
}

impl<M: Grounds> Federation<'_, M> {
    fn are_apart(&self, one: Who, other: Who) -> bool {
        self.apart.contains(&one) != self.apart.contains(&other)
    }

    /// A member tries to reach another, unless it has a link.
    pub(super) fn dial(&mut self, from: Who, to: Who) {
        let not_now = |member: &Node<M::Ground>| member.is_cut_off(to) || !member.admits(to);
        let not_now = self.up(from).is_some_and(not_now);
        let linked = self.up(from).is_none_or(|member| member.is_linked(to));
        if linked || not_now {
            if not_now {
                self.later(10_000, Event::Dial(from, to));
            }
            return;
        }
        let fails = !self.calm && self.dice.chance(self.plan.weather.failed_dials);
        if fails || self.are_apart(from, to) || self.up(to).is_none() {
            self.report.failed_dials += 1;
            let again = self.dice.between(500, 8_000);
            self.later(again, Event::Dial(from, to));
            return;
        }
        let after = self.dice.between(5, 400);
        self.later(after, Event::Linked(from, to));
    }

    /// The handshake is done; both ends learn of it, and one may not want it.
    pub(super) fn linked(&mut self, from: Who, to: Who) -> Result<(), Fall> {
        if self.up(from).is_none() || self.up(to).is_none() || self.are_apart(from, to) {
            self.later(1_000, Event::Dial(from, to));
            return Ok(());
        }
        if !self.knows_keys(from, to) || !self.knows_keys(to, from) {
            self.report.turned_away += 1;
            self.later(1_000, Event::Dial(from, to));
            return Ok(());
        }
        self.serial += 1;
        let id = LinkId(self.serial);
        let older = self.between.insert(BTreeSet::from([from, to]), id);
        let older = older.and_then(|id| self.wires.get_key_value(&id));
        let older = older
            .filter(|(_, wire)| wire.alive)
            .map(|(id, wire)| (*id, wire.ends));
        let brains = [self.brain_for(from, to), self.brain_for(to, from)];
        let latency = self.dice.between(1, 150);
        self.wires.insert(
            id,
            Wire {
                ends: [from, to],
                brains,
                alive: true,
                queues: [VecDeque::new(), VecDeque::new()],
                arrives: [self.now; 2],
                held: [0; 2],
                latency,
                hindered: false,
                refused: false,
            },
        );
        self.trace
            .note(self.now, format_args!("link {} {from}-{to}", id.0));
        if let Some((other, ends)) = older {
            // Of two the one stays that the lower of both dialled.
            self.report.crossed += 1;
            let lower = ends.iter().min() == ends.first();
            let surplus = if lower { id } else { other };
            let after = self.dice.below(2_000);
            self.later(after, Event::Snap(surplus));
        }
        for (end, peer) in [(0, to), (1, from)] {
            let wanted = self.with_end(id, end, |member| member.connected(id, peer))?;
            if wanted == Some(false) {
                self.report.refused += 1;
                if let Some(wire) = self.wires.get_mut(&id) {
                    wire.refused = true;
                }
                self.snap(id);
            }
        }
        Ok(())
    }

    /// Puts a message on a link.
    pub(super) fn transmit(&mut self, id: LinkId, from: usize, frame: Vec<u8>) {
        self.report.messages += 1;
        self.report.bytes += frame.len() as u64;
        let slow = !self.calm && self.dice.chance(self.plan.weather.slow);
        let mut takes = self.dice.below(30);
        if slow {
            takes += self.dice.below(4_000);
            self.report.slow += 1;
        }
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.alive) else {
            return; // It is gone, which the sender does not know yet.
        };
        if wire.ends.contains(&Who(0)) {
            self.first += frame.len() as u64;
        }
        let to = 1 - from;
        let (Some(queue), Some(arrives)) = (wire.queues.get_mut(to), wire.arrives.get_mut(to))
        else {
            return;
        };
        queue.push_back(frame);
        *arrives = (*arrives).max(self.now + wire.latency + takes);
        let after = *arrives - self.now;
        self.later(after, Event::Frame(id, to));
    }

    pub(super) fn arrive(&mut self, id: LinkId, end: usize) -> Result<(), Fall> {
        let Some(wire) = self.wires.get(&id) else {
            return Ok(());
        };
        let [one, other] = wire.ends;
        let apart = self.are_apart(one, other);
        let Some(wire) = self.wires.get_mut(&id) else {
            return Ok(());
        };
        if apart {
            wire.hindered = true;
            if let Some(held) = wire.held.get_mut(end) {
                *held += 1;
            }
            return Ok(());
        }
        let frame = wire.queues.get_mut(end).and_then(VecDeque::pop_front);
        let Some(frame) = frame else {
            return Ok(()); // It was lost with its link.
        };
        let alive = wire.alive;
        self.hear(id, end, &frame);
        let shown = self.shown(id, end, &frame);
        self.with_end(id, end, |member| member.frame(id, frame))?;
        self.held(id, end, &shown);
        if alive && !self.calm && self.dice.chance(self.plan.weather.breaks) {
            self.report.breaks += 1;
            self.snap(id);
        }
        Ok(())
    }

    /// A link breaks: of what is under way some still arrives, and each end learns of it in its time.
    pub(super) fn snap(&mut self, id: LinkId) {
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.alive) else {
            return;
        };
        wire.alive = false;
        wire.hindered = true;
        let mut last = self.now;
        for queue in &mut wire.queues {
            queue.truncate(self.dice.place(queue.len() + 1));
        }
        for arrives in wire.arrives {
            last = last.max(arrives);
        }
        self.trace
            .note(self.now, format_args!("link {} breaks", id.0));
        for end in 0..2 {
            let after = last - self.now + self.dice.below(if self.calm { 500 } else { 9_000 });
            self.later(after, Event::Gone(id, end));
        }
    }

    /// One end closed the link: the other still gets what was said before.
    pub(super) fn close(&mut self, id: LinkId) {
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.alive) else {
            return;
        };
        wire.alive = false;
        wire.hindered = true;
        let last = wire.arrives.iter().max().copied().unwrap_or(self.now);
        let after = last.saturating_sub(self.now) + 1;
        for end in 0..2 {
            self.later(after, Event::Gone(id, end));
        }
    }

    /// An end learns that a link is gone, and tries anew.
    pub(super) fn gone(&mut self, id: LinkId, end: usize) -> Result<(), Fall> {
        let Some(wire) = self.wires.get_mut(&id) else {
            return Ok(());
        };
        let [one, two] = wire.ends;
        let (me, other) = if end == 0 { (one, two) } else { (two, one) };
        let not_at_once = if wire.refused { 10_000 } else { 0 };
        // What was held back by a partition does not outlive the link.
        if let Some(queue) = wire.queues.get_mut(end) {
            queue.clear();
        }
        if self
            .with_end(id, end, |member| member.disconnected(id))?
            .is_some()
        {
            let after = self
                .dice
                .between(10, if me < other { 1_000 } else { 4_000 });
            self.later(not_at_once + after, Event::Dial(me, other));
        }
        Ok(())
    }

    /// Some members are cut off from the others. Links between the two break, sooner or later.
    pub(super) fn part(&mut self) {
        if self.calm || !self.apart.is_empty() {
            return;
        }
        let members: Vec<_> = (0..self.actors.len()).map(Who).collect();
        let apart: BTreeSet<_> = members
            .into_iter()
            .filter(|_| self.dice.chance(400))
            .collect();
        self.report.partitions += 1;
        let lasts = self.dice.between(500, 30_000);
        self.later(lasts, Event::Heal);
        for id in self.cut_off(apart) {
            let after = self.dice.between(1_000, 40_000);
            if after < lasts || self.dice.chance(500) {
                self.later(after, Event::Snap(id));
            }
        }
    }

    /// These are cut off from the others. The links between the two.
    pub(super) fn cut_off(&mut self, apart: BTreeSet<Who>) -> Vec<LinkId> {
        self.trace.note(self.now, format_args!("apart: {apart:?}"));
        self.apart = apart;
        let mut between = Vec::new();
        for (id, wire) in self.wires.iter_mut().filter(|(_, wire)| wire.alive) {
            let [one, other] = wire.ends;
            if self.apart.contains(&one) != self.apart.contains(&other) {
                wire.hindered = true;
                between.push(*id);
            }
        }
        between
    }

    pub(super) fn heal(&mut self) {
        if self.apart.is_empty() {
            return;
        }
        self.trace.note(self.now, format_args!("together again"));
        self.apart.clear();
        let mut again = Vec::new();
        for (id, wire) in &mut self.wires {
            for (end, held) in wire.held.iter_mut().enumerate() {
                let held = std::mem::take(held);
                again.extend((0..held).map(|_| (*id, end)));
                if let Some(arrives) = wire.arrives.get_mut(end) {
                    *arrives = (*arrives).max(self.now + 1);
                }
            }
        }
        for (id, end) in again {
            self.later(1, Event::Frame(id, end));
        }
    }
}
