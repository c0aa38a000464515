//! What waits for the quota.

use kentong_protocol::charter::Quota;
use kentong_protocol::quota::Bound;
use kentong_protocol::time::Timestamp;

use super::core::Core;

/// What waits for the quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) quota: Quota,
    /// Own indicators that wait for time.
    pub(crate) for_time: usize,
    /// Own indicators that wait for room.
    pub(crate) for_room: usize,
    /// When the next of the first go; now if there is no moment.
    pub(crate) next: Option<Timestamp>,
}

impl Core {
    /// What waits to be released until its readers have room; nothing without a charter.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let quota = *self.member.members().charter()?.quota();
        let outgoing = self.member.publisher().outgoing();
        let count = |bound| outgoing.waiting_for(bound).count();
        let next = outgoing.next_at(self.now().moment, &self.me);
        Some(Waiting {
            quota,
            for_time: count(Bound::Day),
            for_room: count(Bound::Bytes),
            next: next.map(|at| self.now().wall_at(at)),
        })
    }
}
