//! A panic while what a member sent is handled costs the link with that member, and nothing else.
//!
//! Nothing that a member sends may cause one: the lints of `protocol::sync` and its property tests see
//! to that. This is the second line, for the slip that they let through. Without it one message would
//! end each node that receives it, again after every restart, and name nobody.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kentong_keys::Label;
use kentong_protocol::MemberName;
use kentong_protocol::member::{FailedOn, Member};

use crate::kept_files::{self, Sort};

use super::core::Core;
use super::regard::NoLink;
use super::warnings::{Kept, Warning};

/// Messages on which the node failed. A message has at most a MiB.
const FAILURES: Sort = Sort {
    label: Label::new("kentong/failure-file/1"),
    extension: "frame",
    most: 4,
};

impl Core {
    /// Hands sessions what they are to be told, and does what they ask for, until nothing is left. If that
    /// panics, the link ends that it was for.
    ///
    /// What may be half changed behind a panic is looked at in `stop_if_midway`: the session goes with its
    /// link, the store refuses to go on from a step that it did not finish, and publishing is halted
    /// if what is signed and what is stored may differ.
    pub(super) fn drain(&mut self) {
        loop {
            let step = || self.deciding(Member::step);
            match catch_unwind(AssertUnwindSafe(step)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(_) => self.failed(),
            }
        }
    }

    /// The node failed in the middle of something. What is to be done still the next step does, within what is
    /// caught here.
    fn failed(&mut self) {
        let now = self.now();
        match self.member.failed(now) {
            Some(FailedOn::Frame {
                member,
                frame,
                minutes,
            }) => self.failed_on(&member, &frame, minutes),
            Some(FailedOn::Beside(member)) => self.failed_beside(&member),
            None => self.failed_inside(),
        }
    }

    /// Does something that follows from what members sent, but from whose is not known. A panic ends that
    /// and no more.
    pub(super) fn contained(&mut self, act: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_err() {
            self.failed_inside();
        }
    }

    /// The node failed on a message of this member: it is kept, and the member does not come back at once.
    fn failed_on(&mut self, member: &MemberName, frame: &[u8], minutes: u64) {
        let folder = self.home.failures();
        let kept = kept_files::keep(&folder, FAILURES, (member, "message"), frame);
        let standing = self.standing.entry(member.clone()).or_default();
        standing.why = Some(NoLink::FailedOnMessage { cut_off: minutes });
        let message = match kept {
            Ok(Some(path)) => Kept::File(path),
            Ok(None) => Kept::Already(folder),
            Err(error) => Kept::Not(error.to_string()),
        };
        tracing::error!(peer = %member, "the node failed on what a member sent; the link is ended");
        self.warn(Warning::Failed {
            member: member.clone(),
            minutes,
            message,
        });
    }

    /// The node failed on something else than a message while it worked for a link: that may be another
    /// member's doing, so nothing is held against this one. The link waits, or it could fail without pause.
    fn failed_beside(&mut self, member: &MemberName) {
        let standing = self.standing.entry(member.clone()).or_default();
        standing.why = Some(NoLink::FailedBeside);
        tracing::error!(peer = %member, "the node failed beside a link, which is ended");
        self.warn(Warning::FailedBeside {
            member: member.clone(),
        });
    }

    /// The node failed on something that members sent, of whom is not known.
    fn failed_inside(&mut self) {
        tracing::error!("the node failed inside; it goes on");
        self.warn(Warning::FailedInside);
        self.member.stop_if_midway();
    }
}
