//! Who is over its quota here, in words.

use std::collections::BTreeSet;

use kentong_protocol::MemberName;
use kentong_protocol::quota::{Bound, Takes};

use crate::runtime::core::Core;
use crate::store::FeedState;

use super::{Intake, with};

/// What is not taken of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotTaken {
    bound: Bound,
    bodies: u64,
    statements: u64,
}

impl Core {
    /// What is missing of a publisher because it is over its quota.
    fn not_taken(&self, publisher: &MemberName) -> Option<NotTaken> {
        let quota = *self.members.charter()?.quota();
        let feeds = self.store.feeds().of(publisher);
        let used = self.intake.used(&self.store, publisher, self.now().millis);
        let missing = feeds.filter(|feed| feed.missing_count() > 0);
        let missing = missing.flat_map(FeedState::not_held);
        let mut not_taken: Option<NotTaken> = None;
        for (_, count, len) in missing {
            let bound = match quota.takes(with(used, (count, len))) {
                Takes::All => continue,
                Takes::TakingBack(bound) | Takes::Nothing(bound) => bound,
            };
            let so_far = not_taken.get_or_insert(NotTaken {
                bound,
                bodies: 0,
                statements: 0,
            });
            so_far.bound = so_far.bound.max(bound);
            so_far.bodies += 1;
            so_far.statements += u64::from(count);
        }
        not_taken
    }

    /// How many bodies of a publisher are missing that this node would take.
    pub(in crate::runtime) fn wanted_of(&self, publisher: &MemberName) -> u64 {
        let feeds = self.store.feeds().of(publisher);
        let missing: u64 = feeds.map(FeedState::missing_count).sum();
        if missing == 0 || *publisher == self.me {
            return missing;
        }
        let not_taken = self.not_taken(publisher);
        missing.saturating_sub(not_taken.map_or(0, |not| not.bodies))
    }

    /// Who is over its quota here, what was not taken, and until when.
    pub(in crate::runtime) fn over_quota_in_words(&self) -> Vec<String> {
        let Some(charter) = self.members.charter() else {
            return Vec::new();
        };
        let (quota, now) = (*charter.quota(), self.now().millis);
        let publishers: BTreeSet<&MemberName> = self
            .store
            .feeds()
            .iter()
            .map(|feed| &feed.genesis().publisher)
            .filter(|publisher| **publisher != self.me)
            .collect();
        let mut lines = Vec::new();
        for publisher in publishers {
            let leaves = if Intake::takes_leaves(&self.store, &quota, publisher) {
                ""
            } else {
                ", nor are leaves any more"
            };
            let Some(not) = self.not_taken(publisher) else {
                if !leaves.is_empty() {
                    lines.push(format!(
                        "{publisher} is over the charter's quota of {} bytes kept of a publisher: no \
                         leaves of it are taken any more; ask its operators",
                        quota.stored_bytes
                    ));
                }
                continue;
            };
            let NotTaken {
                bodies, statements, ..
            } = not;
            lines.push(match not.bound {
                Bound::Bytes => format!(
                    "{publisher} is over the charter's quota of {} bytes kept of a publisher: {bodies} \
                     bodies with {statements} statements are not taken{leaves}, but for such as take \
                     back something; ask its operators, or allow more by a new version of the charter",
                    quota.stored_bytes
                ),
                Bound::Day => {
                    let day = self.intake.came.get(publisher);
                    let eases = day.and_then(|day| day.eases_at(now)).unwrap_or(now);
                    format!(
                        "{publisher} is over the charter's quota of {} statements a day, twice of which \
                         came within one: {bodies} bodies with {statements} statements are not taken \
                         yet, but for such as take back something; the next are from {} on",
                        quota.statements_per_day,
                        self.wall_at(eases)
                    )
                }
            });
        }
        lines
    }
}
