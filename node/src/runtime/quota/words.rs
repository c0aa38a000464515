//! What waits for the quota, in words.

use kentong_protocol::quota::Bound;
use kentong_protocol::time::Timestamp;

use crate::runtime::core::Core;

impl Core {
    /// What waits for the quota: how many indicators, until when, and what can be done.
    pub(in crate::runtime) fn waiting_in_words(&self) -> Vec<String> {
        let Some(quota) = self.members.charter().map(|charter| *charter.quota()) else {
            return Vec::new();
        };
        let count = |bound| {
            let waiting = self.outgoing.waiting.values();
            waiting.filter(|by| **by == bound).count()
        };
        let mut lines = Vec::new();
        let (for_time, for_room) = (count(Bound::Day), count(Bound::Bytes));
        if for_time > 0 {
            let now = self.now().millis;
            let look_at = self.outgoing.look_at;
            let next = match look_at.or_else(|| self.outgoing.eases_at(now, &self.me)) {
                Some(at) => format!("the next go at {}", self.wall_at(at)),
                None => "the next go now".to_owned(),
            };
            lines.push(format!(
                "{for_time} own indicators wait to be released, since the charter's quota is {} \
                 statements a day to each reader: {next}, by themselves; withdrawals and corrections do \
                 not wait",
                quota.statements_per_day
            ));
        }
        if for_room > 0 {
            lines.push(format!(
                "{for_room} own indicators wait to be released, since the charter's quota is {} bytes \
                 kept by each reader: they go by themselves once a new version allows more, see \
                 --stored-bytes in `kentong charter draft --help`; withdrawals and corrections do not \
                 wait",
                quota.stored_bytes
            ));
        }
        lines
    }

    /// What the clock on the wall will say at a moment of the node's own.
    pub(in crate::runtime) fn wall_at(&self, millis: u64) -> Timestamp {
        let wait = millis.saturating_sub(self.now().millis);
        self.wall().plus(wait.div_ceil(1000))
    }
}
