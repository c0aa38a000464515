//! Two members with a session each.

use std::collections::VecDeque;

use super::member::{Member, at};
use crate::feed::FeedId;
use crate::sync::{Input, Session};

/// Two members with a session each, and what is under way between them.
pub(super) struct Pair {
    pub(super) a: (Member, Session, VecDeque<Vec<u8>>),
    pub(super) b: (Member, Session, VecDeque<Vec<u8>>),
    pub(super) now: u64,
    /// Bytes and frames that have crossed.
    pub(super) crossed: (usize, usize),
}

impl Pair {
    pub(super) fn connect(mut a: Member, mut b: Member) -> Self {
        let (mut sa, oa) = Session::begin(a.local(), b.as_peer(), at(0));
        let (mut sb, ob) = Session::begin(b.local(), a.as_peer(), at(0));
        let to_b = a.carry_out(&mut sa, oa, at(0)).into();
        let to_a = b.carry_out(&mut sb, ob, at(0)).into();
        Self {
            a: (a, sa, to_b),
            b: (b, sb, to_a),
            now: 0,
            crossed: (0, 0),
        }
    }

    /// Lets everything under way arrive, and what follows from it.
    pub(super) fn settle(&mut self) {
        loop {
            let Self {
                a: (a, sa, to_b),
                b: (b, sb, to_a),
                now,
                crossed,
            } = self;
            if let Some(frame) = to_b.pop_front() {
                *crossed = (crossed.0 + frame.len(), crossed.1 + 1);
                let outputs = sb.handle(Input::Frame(&frame), at(*now), b);
                to_a.extend(b.carry_out(sb, outputs, at(*now)));
            } else if let Some(frame) = to_a.pop_front() {
                *crossed = (crossed.0 + frame.len(), crossed.1 + 1);
                let outputs = sa.handle(Input::Frame(&frame), at(*now), a);
                to_b.extend(a.carry_out(sa, outputs, at(*now)));
            } else {
                return;
            }
        }
    }

    pub(super) fn give_a(&mut self, input: Input<'_>) {
        let Self {
            a: (a, sa, to_b),
            now,
            ..
        } = self;
        let outputs = sa.handle(input, at(*now), a);
        to_b.extend(a.carry_out(sa, outputs, at(*now)));
    }

    pub(super) fn give_b(&mut self, input: Input<'_>) {
        let Self {
            b: (b, sb, to_a),
            now,
            ..
        } = self;
        let outputs = sb.handle(input, at(*now), b);
        to_a.extend(b.carry_out(sb, outputs, at(*now)));
    }

    pub(super) fn assert_equal(&self, feed: FeedId) {
        let (ours, theirs) = (&self.a.0.feeds[&feed], &self.b.0.feeds[&feed]);
        assert_eq!(ours.tree.root(), theirs.tree.root());
        assert_eq!(ours.bodies, theirs.bodies);
        assert_eq!(ours.checkpoint, theirs.checkpoint);
        assert_eq!(theirs.keys.len(), ours.keys.len());
    }
}
