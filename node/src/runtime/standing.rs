//! How the node stands with each member: when it was heard, what it broke, why there is no session.

use std::collections::BTreeMap;

use kentong_protocol::Digest;
use kentong_protocol::time::Timestamp;

/// How the node stands with a member.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// When something of it was last verified.
    pub(super) heard: Option<Timestamp>,
    /// Why there is no session, if there was a reason.
    pub(super) why: Option<String>,
    /// The charter that it goes by: its version and hash.
    pub(super) goes_by: Option<(u32, Digest)>,
    /// Rules that it broke, how often, and when last.
    pub(super) faults: BTreeMap<String, (u64, Timestamp)>,
    /// Bodies that it does not have though it published them.
    pub(super) withheld: u64,
}

impl Standing {
    /// Counts a broken rule.
    pub(super) fn blame(&mut self, fault: String, now: Timestamp) {
        let (times, last) = self.faults.entry(fault).or_insert((0, now));
        *times = times.saturating_add(1);
        *last = now;
    }
}
