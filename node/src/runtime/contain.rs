//! A panic while what a member sent is handled costs the link with that member, and nothing else.
//!
//! Nothing that a member sends may cause one: the lints of `protocol::sync` and its property tests see
//! to that. This is the second line, for the slip that they let through. Without it one message would
//! end each node that receives it, again after every restart, and name nobody.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kentong_keys::Label;
use kentong_protocol::sync::Input as SessionInput;

use crate::kept_files::{self, Sort};
use crate::net::LinkId;

use super::core::Core;
use super::warnings::Subject;

/// Messages on which the node failed. A message has at most a MiB.
const FAILURES: Sort = Sort {
    label: Label::new("kentong/failure-file/1"),
    extension: "frame",
    most: 4,
};

impl Core {
    /// Gives an input to a session, and does what follows from it. If that panics, the link ends.
    pub(super) fn with_link(&mut self, id: LinkId, input: SessionInput<'_>) {
        let frame = if let SessionInput::Frame(bytes) = &input {
            Some(*bytes)
        } else {
            None
        };
        // What may be half changed behind a panic is looked at in `failed`: the session goes with its
        // link, the store refuses to go on from a step that it did not finish, and publishing is halted
        // if what is signed and what is stored may differ.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let outputs = self.handle(id, input);
            self.carry_out(id, outputs);
        }));
        if handled.is_err() {
            self.failed(id, frame);
        }
    }

    /// The node failed while it handled what came over a link, in `frame` if it was a message.
    fn failed(&mut self, id: LinkId, frame: Option<&[u8]>) {
        let midway = self.is_midway();
        let link = self.end(id);
        self.net.close(id);
        let Some(member) = link.map(|link| link.member) else {
            if midway {
                self.halt("this node failed inside while it was storing or signing".to_owned());
            }
            return;
        };
        let kept = frame.map(|frame| {
            let of = (&member, "message");
            kept_files::keep(&self.home.failures(), FAILURES, of, frame)
        });
        let now = self.now().millis;
        let standing = self.standing.entry(member.clone()).or_default();
        let minutes = standing.strike(now);
        let minutes = match minutes {
            1 => "1 minute".to_owned(),
            _ => format!("{minutes} minutes"),
        };
        standing.why = Some(format!(
            "this node failed inside on what it sent; cut off for {minutes}"
        ));
        let file = match kept {
            Some(Ok(Some(path))) => format!(
                "The message is in {}: send that file to the developers of Kentong",
                path.display()
            ),
            Some(Ok(None)) => format!(
                "The message, or enough others of {member}, is in {} already: send it to the developers \
                 of Kentong",
                self.home.failures().display()
            ),
            Some(Err(error)) => {
                format!("The message could not be kept ({error}): make room on the disk")
            }
            None => "Tell the developers of Kentong what the log of this node says".to_owned(),
        };
        tracing::error!(peer = %member, "the node failed on what a member sent; the link is ended");
        let warning = format!(
            "this node failed inside on what {member} sent. The link was ended, and {member} may \
             come back in {minutes}. {file}"
        );
        self.warn(Subject::Failed(member.clone()), warning);
        if midway {
            self.halt(format!(
                "this node failed inside on what {member} sent, while it was storing or signing"
            ));
        }
    }

    /// Whether what is stored and what is signed may differ: a step that was not finished, leaves of our
    /// own that no checkpoint covers, or a signature for leaves that are not there.
    fn is_midway(&self) -> bool {
        let own = || self.store.feeds().of(&self.me);
        let unsigned =
            || own().any(|held| held.checkpoint().map_or(0, |(size, _)| size) != held.size());
        let unstored = || {
            self.signer.iter().any(|(feed, signed)| {
                let id = kentong_protocol::feed::FeedId::from_digest(*feed);
                let size = self.store.feeds().get(id).map_or(0, |held| held.size());
                !signed.is_ended() && signed.size > size && !self.guard.lost.contains_key(&id)
            })
        };
        self.store.is_broken() || unsigned() || unstored()
    }
}
