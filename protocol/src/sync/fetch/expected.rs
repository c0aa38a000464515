//! The bodies that a session waits for.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::feed::{BodyId, FeedId};
use crate::time::Moment;

/// How many times its patience a request is put off at most, while other things come.
const PUT_OFF: u32 = 10;

/// Until when something must come. It is put off while other things come, since answers come in
/// order; but not for ever, or a peer could hide one thing behind all the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    next: Moment,
    last: Moment,
}

impl Deadline {
    pub(super) fn new(now: Moment, patience: Duration) -> Self {
        Self {
            next: now.after(patience),
            last: now.after(patience.saturating_mul(PUT_OFF)),
        }
    }

    /// When the thing is overdue, unless something else comes before.
    pub(super) const fn next(&self) -> Moment {
        self.next
    }

    pub(super) fn put_off(&mut self, until: Moment) {
        self.next = until.min(self.last);
    }
}

/// One body that was asked for or announced.
#[derive(Debug)]
struct Expected {
    body: BodyId,
    until: Deadline,
    /// How often it is to come: a push can cross a request for the same body.
    times: u8,
}

/// Bodies that were asked for or announced and have not come yet, by the place of their leaf.
///
/// One place can have several: the leaves of a feed that was signed by a former key can give way to
/// others. Each is known by what its own leaf says of it, so one that comes, or is given up, takes off
/// just what was put on for it.
#[derive(Debug, Default)]
pub(super) struct ExpectedBodies {
    places: BTreeMap<(FeedId, u64), Vec<Expected>>,
    /// How many there are, each once however often it is to come.
    count: usize,
    /// How many bytes they have together, each as often as it is to come.
    bytes: u64,
}

impl ExpectedBodies {
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Expects a body, once more if it is expected already; that does not give it more time.
    pub(super) fn expect(&mut self, at: (FeedId, u64), body: BodyId, until: Deadline) {
        let place = self.places.entry(at).or_default();
        if let Some(known) = place.iter_mut().find(|known| known.body == body) {
            let Some(times) = known.times.checked_add(1) else {
                return; // More often than anybody has a reason to send it.
            };
            known.times = times;
        } else {
            let times = 1;
            place.push(Expected { body, until, times });
            self.count = self.count.saturating_add(1);
        }
        self.bytes = self.bytes.saturating_add(body.bytes());
    }

    /// Whether just this body is expected.
    pub(super) fn holds(&self, at: &(FeedId, u64), body: &BodyId) -> bool {
        let place = self.places.get(at).into_iter().flatten();
        place.into_iter().any(|known| known.body == *body)
    }

    /// Whether anything of a feed is expected.
    pub(super) fn any_of(&self, feed: FeedId) -> bool {
        let mut places = self.places.range((feed, 0)..=(feed, u64::MAX));
        places.next().is_some()
    }

    /// A body came. Says whether it is one that is expected there; if not it counts for the one that
    /// is expected longest. None if nothing is expected there.
    pub(super) fn came(&mut self, at: &(FeedId, u64), body: &[u8]) -> Option<bool> {
        let place = self.places.get(at)?;
        // A hash is not worked out of what cannot be one of them.
        let may_be = place.iter().any(|known| known.body.fits(body));
        let id = may_be.then(|| BodyId::of(body)).flatten();
        let found = place.iter().position(|known| Some(known.body) == id);
        self.take(at, found.unwrap_or(0));
        Some(found.is_some())
    }

    /// The peer does not have a body. Says whether another, or the same again, is expected there still;
    /// none if nothing was.
    pub(super) fn refused(&mut self, at: &(FeedId, u64)) -> Option<bool> {
        self.places.get(at)?;
        self.take(at, 0);
        Some(self.places.contains_key(at))
    }

    fn take(&mut self, at: &(FeedId, u64), which: usize) {
        let Some(place) = self.places.get_mut(at) else {
            return;
        };
        let Some(known) = place.get_mut(which) else {
            return;
        };
        self.bytes = self.bytes.saturating_sub(known.body.bytes());
        known.times = known.times.saturating_sub(1);
        if known.times == 0 {
            place.remove(which);
            self.count = self.count.saturating_sub(1);
        }
        if place.is_empty() {
            self.places.remove(at);
        }
    }

    /// When the first of them is overdue.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        let all = self.places.values().flatten();
        all.map(|expected| expected.until.next()).min()
    }

    /// Where bodies did not come by now.
    pub(super) fn withheld_at(&self, now: Moment) -> Vec<(FeedId, u64)> {
        let late = |expected: &Expected| expected.until.next() <= now;
        let places = self.places.iter();
        let late = places.filter(|(_, place)| place.iter().any(late));
        late.map(|(at, _)| *at).collect()
    }

    /// Something new came: what is still to come gets its time again.
    pub(super) fn put_off(&mut self, until: Moment) {
        let all = self.places.values_mut().flatten();
        all.for_each(|expected| expected.until.put_off(until));
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;
    use proptest::prelude::*;

    use super::*;

    fn at(index: u64) -> (FeedId, u64) {
        (FeedId::from_digest(Digest::from_bytes([7; 32])), index)
    }

    fn body(number: u8) -> Vec<u8> {
        vec![number; usize::from(number) * 1000]
    }

    fn id(number: u8) -> BodyId {
        BodyId::of(&body(number)).unwrap()
    }

    #[test]
    fn each_of_two_leaves_at_one_place_has_its_own_body() {
        let mut expected = ExpectedBodies::default();
        let until = Deadline::new(Moment::START, Duration::from_millis(10));
        expected.expect(at(3), id(9), until);
        expected.expect(at(3), id(1), until);
        assert_eq!((expected.count(), expected.bytes()), (2, 10_000));
        assert_eq!(expected.came(&at(3), &body(1)), Some(true));
        assert_eq!((expected.count(), expected.bytes()), (1, 9_000));
        assert_eq!(expected.came(&at(3), &body(1)), Some(false));
        assert_eq!((expected.count(), expected.bytes()), (0, 0));
        assert_eq!(expected.came(&at(3), &body(1)), None);
        assert!(!expected.any_of(at(3).0));
    }

    #[derive(Clone, Debug)]
    enum Happens {
        Expect(u64, u8),
        Came(u64, u8),
        Refused(u64),
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let (index, number) = (0..3_u64, 0..4_u8);
        prop_oneof![
            3 => (index.clone(), number.clone()).prop_map(|(i, n)| Happens::Expect(i, n)),
            1 => (index.clone(), number).prop_map(|(i, n)| Happens::Came(i, n)),
            1 => index.prop_map(Happens::Refused),
        ]
    }

    proptest! {
        /// Against a plain list of what is expected: what is taken off is what was put on.
        #[test]
        fn counts_and_bytes_are_of_what_is_expected(
            steps in prop::collection::vec(happens(), 0..200),
        ) {
            let mut expected = ExpectedBodies::default();
            let mut list: Vec<(u64, u8)> = Vec::new();
            for step in steps {
                let (index, found) = match step {
                    Happens::Expect(index, number) => {
                        expected.expect(at(index), id(number), Deadline::new(Moment::START, Duration::from_millis(1)));
                        list.push((index, number));
                        continue;
                    }
                    Happens::Came(index, number) => {
                        let came = expected.came(&at(index), &body(number));
                        let known = list.iter().position(|one| *one == (index, number));
                        let any = list.iter().any(|(at, _)| *at == index);
                        prop_assert_eq!(came, any.then_some(known.is_some()));
                        (index, known)
                    }
                    Happens::Refused(index) => {
                        let any = list.iter().filter(|(at, _)| *at == index).count();
                        prop_assert_eq!(
                            expected.refused(&at(index)),
                            (any > 0).then_some(any > 1)
                        );
                        (index, None)
                    }
                };
                // Which of several gives way is its own business, as long as the sums fit.
                if let Some(found) = found {
                    list.remove(found);
                } else if list.iter().any(|(at, _)| *at == index) {
                    let still = |one: &(u64, u8)| {
                        let times = list.iter().filter(|other| *other == one).count();
                        let place = expected.places.get(&at(one.0)).into_iter().flatten();
                        let held = place.into_iter().find(|known| known.body == id(one.1));
                        usize::from(held.map_or(0, |known| known.times)) == times
                    };
                    let gone = list.iter().position(|one| one.0 == index && !still(one));
                    list.remove(gone.unwrap());
                }
                let bytes: u64 = list.iter().map(|(_, number)| id(*number).bytes()).sum();
                let mut distinct = list.clone();
                distinct.sort_unstable();
                distinct.dedup();
                prop_assert_eq!((expected.count(), expected.bytes()), (distinct.len(), bytes));
            }
        }
    }
}
