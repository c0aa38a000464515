//! How the node stands with each member: when it was heard, what it broke, why there is no session.

use kentong_protocol::Digest;
use kentong_protocol::time::Timestamp;

use super::regard::{Broken, NoLink, Rule};

/// How the node stands with a member.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// When something of it was last verified.
    pub(super) heard: Option<Timestamp>,
    /// Why there is no link, if there was a reason.
    pub(super) why: Option<NoLink>,
    /// The charter that it goes by: its version and hash.
    pub(super) goes_by: Option<(u32, Digest)>,
    /// Rules that it broke, each once.
    pub(super) faults: Vec<Broken>,
    /// Bodies that it does not have though it published them.
    pub(super) withheld: u64,
}

impl Standing {
    /// Counts a broken rule.
    pub(super) fn blame(&mut self, rule: Rule, now: Timestamp) {
        match self.faults.iter_mut().find(|known| known.rule == rule) {
            Some(known) => {
                known.times = known.times.saturating_add(1);
                known.last = now;
            }
            None => self.faults.push(Broken {
                rule,
                times: 1,
                last: now,
            }),
        }
    }
}
