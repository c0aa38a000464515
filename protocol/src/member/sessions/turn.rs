//! One input of one session, and all that follows from it at that session.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::sync::{Input, News, Output, Task};

/// One input of one session, from when it is handled until all that its session asked for is done.
#[derive(Debug)]
pub(super) struct Turn<Id> {
    pub(super) link: Id,
    pub(super) member: MemberName,
    /// The frame, if that was the input.
    pub(super) frame: Option<Vec<u8>>,
    /// What is still to be done.
    pub(super) outputs: VecDeque<Output>,
    /// The session is to look again at what is missing, when all else is done.
    changed: bool,
    /// So it is at these feeds: there is somebody else to fetch them from.
    reassigned: BTreeSet<FeedId>,
    /// Feeds of which leaves were stored, with the index of the first.
    pub(super) leaves: BTreeMap<FeedId, u64>,
    /// Feeds of which leaves or bodies were stored.
    pub(super) stored: BTreeSet<FeedId>,
}

impl<Id> Turn<Id> {
    pub(super) fn new(link: Id, member: MemberName, frame: Option<Vec<u8>>) -> Self {
        Self {
            link,
            member,
            frame,
            outputs: VecDeque::new(),
            changed: false,
            reassigned: BTreeSet::new(),
            leaves: BTreeMap::new(),
            stored: BTreeSet::new(),
        }
    }

    /// The next output, and takes note of what it changes once it is done.
    pub(super) fn next(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        match &output {
            Output::Do(task) => self.will_do(task),
            Output::Learnt(News::Shows { feed, .. }) => drop(self.reassigned.insert(*feed)),
            // There is room for another body.
            Output::Learnt(News::Withheld { .. }) => self.changed = true,
            Output::Learnt(_) => {}
        }
        Some(output)
    }

    fn will_do(&mut self, task: &Task) {
        match task {
            Task::StoreLeaves { feed, from, .. } => {
                let first = self.leaves.entry(*feed).or_insert(*from);
                *first = (*first).min(*from);
                self.stored.insert(*feed);
                self.changed = true;
            }
            Task::StoreBody { feed, .. } => {
                self.stored.insert(*feed);
                self.changed = true;
            }
            Task::Void { .. } | Task::StoreEpoch { .. } => self.changed = true,
            Task::Send(_)
            | Task::SendClaim(_)
            | Task::SendCredentials
            | Task::ServeCredentials(_)
            | Task::ServePaper(_)
            | Task::ServeLeaves { .. }
            | Task::ServeBody { .. }
            | Task::ServeEpoch { .. }
            | Task::TakePaper(_)
            | Task::Offer { .. }
            | Task::Close(_) => {}
        }
    }

    /// What the session is shown of what its outputs changed, when all of them are done.
    pub(super) fn look_again(&mut self) -> Option<Input<'static>> {
        if let Some(feed) = self.reassigned.pop_first() {
            Some(Input::Reassigned(Some(feed)))
        } else if std::mem::take(&mut self.changed) {
            Some(Input::Changed)
        } else {
            None
        }
    }

    /// The link ended: of what its session still asked for nothing is done.
    pub(super) fn cut_short(&mut self) {
        self.outputs.clear();
        self.reassigned.clear();
        self.changed = false;
    }
}
