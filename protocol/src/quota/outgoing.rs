//! What a publisher released to each reader in the last day, and what waits until there is room.
//!
//! Nothing of it is kept on disk: what waits is what policy permits and no feed carries.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::Audience;
use crate::statement::IndicatorId;
use crate::time::Moment;

use super::{Bound, Day, HOUR};

/// By how much the clock of days is ahead of the one that is handed in, which begins with the process: what
/// was released in the day before a start has a place on it.
pub const AHEAD: Duration = Duration::from_secs(25 * 3600);

/// What was released to others in the last day, and what waits.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// The statements released to each reader in the last day, by a clock that is [`AHEAD`].
    sent: BTreeMap<MemberName, Day>,
    /// Indicators of which something waits, each with the bound that it waits for. About 50 bytes each,
    /// and not more than the publisher has.
    waiting: BTreeMap<IndicatorId, Bound>,
    /// The readers for whom some of these wait for time.
    for_time: BTreeSet<MemberName>,
    /// When they are looked at again.
    look_at: Option<Moment>,
}

impl Outgoing {
    /// Counts what is released to an audience now.
    pub fn released(&mut self, audience: &Audience, statements: u64, now: Moment) {
        self.count(audience, statements, now.after(AHEAD));
    }

    /// Counts what was released to an audience so many hours before now; the longest ago first, since a
    /// day only goes forward.
    pub fn released_before(
        &mut self,
        audience: &Audience,
        statements: u64,
        hours: u64,
        now: Moment,
    ) {
        let ago = Duration::from_millis(hours.saturating_mul(HOUR));
        let at = now.after(AHEAD).before(ago);
        self.count(audience, statements, at);
    }

    fn count(&mut self, audience: &Audience, statements: u64, ahead: Moment) {
        for reader in audience.members() {
            let day = self.sent.entry(reader.clone()).or_default();
            day.add(ahead, statements);
        }
    }

    /// How many statements were released to a reader in the last day.
    #[must_use]
    pub fn released_to(&self, reader: &MemberName, now: Moment) -> u64 {
        let sent = self.sent.get(reader);
        sent.map_or(0, |day| day.count(now.after(AHEAD)))
    }

    /// Something of an indicator waits that is due to an audience.
    pub fn waits(&mut self, id: IndicatorId, bound: Bound, audience: &Audience) {
        self.waiting.insert(id, bound);
        if bound == Bound::Day {
            self.for_time.extend(audience.members().iter().cloned());
        }
    }

    /// Nothing of an indicator waits any longer.
    pub fn forget(&mut self, id: &IndicatorId) {
        self.waiting.remove(id);
    }

    /// The indicators that wait for a bound.
    pub fn waiting_for(&self, bound: Bound) -> impl Iterator<Item = &IndicatorId> {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(move |(_, by)| **by == bound);
        waiting.map(|(id, _)| id)
    }

    /// When there may be room next for what waits for time; none if there is room now.
    #[must_use]
    pub fn next_at(&self, now: Moment, publisher: &MemberName) -> Option<Moment> {
        self.look_at.or_else(|| self.eases_at(now, publisher))
    }

    /// Whether what waits for time is to be looked at now. If so it is forgotten who waits.
    pub fn is_to_look(&mut self, now: Moment, publisher: &MemberName) -> bool {
        if self.for_time.is_empty() {
            return false;
        }
        // What was released when they began to wait is counted by now.
        self.look_at = self.next_at(now, publisher);
        if self.look_at.is_some_and(|at| at > now) {
            return false;
        }
        self.for_time.clear();
        self.look_at = None;
        true
    }

    fn eases_at(&self, now: Moment, publisher: &MemberName) -> Option<Moment> {
        let readers = self.for_time.iter().filter(|reader| *reader != publisher);
        let days = readers.filter_map(|reader| self.sent.get(reader));
        let eases = days.filter_map(|day| day.eases_at(now.after(AHEAD)));
        eases.min().map(|at| at.before(AHEAD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::{Kind, Value};

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn name(text: &str) -> MemberName {
        text.parse().unwrap()
    }

    fn id(text: &str) -> IndicatorId {
        let value = Value::parse(Kind::Domain, text, &Default::default()).unwrap();
        IndicatorId::of(&name("MY"), &value)
    }

    #[test]
    fn what_was_released_before_the_start_counts_for_the_rest_of_its_day() {
        let (me, sg) = (name("MY"), name("SG"));
        let audience = Audience::of(&me, [&sg]).unwrap();
        let mut outgoing = Outgoing::default();
        outgoing.released_before(&audience, 3, 23, at(0));
        outgoing.released_before(&audience, 4, 1, at(0));
        outgoing.released(&audience, 5, at(0));
        let counts = [0, 2, 24, 25].map(|hour| outgoing.released_to(&sg, at(hour * HOUR)));
        assert_eq!(counts, [12, 9, 5, 0]);
        assert_eq!(outgoing.released_to(&name("TH"), at(0)), 0);
    }

    #[test]
    fn what_waits_for_time_is_looked_at_when_there_is_room() {
        let (me, sg) = (name("MY"), name("SG"));
        let audience = Audience::of(&me, [&sg]).unwrap();
        let mut outgoing = Outgoing::default();
        outgoing.released(&audience, 5, at(HOUR));
        assert!(!outgoing.is_to_look(Moment::NEVER, &me), "nothing waits");
        outgoing.waits(id("room.example"), Bound::Bytes, &audience);
        assert!(
            !outgoing.is_to_look(at(100 * HOUR), &me),
            "time does not help"
        );
        outgoing.waits(id("time.example"), Bound::Day, &audience);
        assert_eq!(outgoing.next_at(at(HOUR), &me), Some(at(26 * HOUR)));
        let looked = [HOUR, 26 * HOUR - 1, 26 * HOUR, 26 * HOUR];
        let looked = looked.map(|now| outgoing.is_to_look(at(now), &me));
        assert_eq!(looked, [false, false, true, false]);
        let waiting: Vec<_> = outgoing.waiting_for(Bound::Day).copied().collect();
        assert_eq!(waiting, [id("time.example")]);
        outgoing.forget(&id("time.example"));
        assert_eq!(outgoing.waiting_for(Bound::Day).count(), 0);
    }
}
