//! Where a statement stands: its feed, its batch and its place therein, in eight bytes.

use std::fmt;

/// A feed's number in this store: the count of feeds that its log began before it. Short where an
/// id is long; another node gives the same feed another number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedNo(u32);

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The feed.
    pub feed: FeedNo,
    /// The index of the batch's leaf.
    pub index: u64,
    /// The place in the batch.
    pub place: u16,
}

/// The most feeds of a store, closed ones too.
pub const MAX_FEEDS: u32 = 1 << FEED_BITS;
/// The most leaves of a feed.
pub const MAX_LEAVES: u64 = 1 << INDEX_BITS;

const FEED_BITS: u32 = 18;
const INDEX_BITS: u32 = 36;
const PLACE_BITS: u32 = 10;
const _: () = assert!(FEED_BITS + INDEX_BITS + PLACE_BITS == u64::BITS);
const _: () = assert!(1 << PLACE_BITS == crate::feed::MAX_BATCH_STATEMENTS);

impl FeedNo {
    pub(super) fn new(number: usize) -> Option<Self> {
        u32::try_from(number)
            .ok()
            .filter(|number| *number < MAX_FEEDS)
            .map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(super) const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for FeedNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl Place {
    /// Eight bytes that keep the order. The bounds hold for whatever the store has accepted.
    pub(super) fn pack(self) -> u64 {
        let Self { feed, index, place } = self;
        debug_assert!(
            index < MAX_LEAVES && u32::from(place) < 1 << PLACE_BITS,
            "{self:?}"
        );
        u64::from(feed.0) << (INDEX_BITS + PLACE_BITS) | index << PLACE_BITS | u64::from(place)
    }

    pub(super) const fn unpack(packed: u64) -> Self {
        Self {
            feed: FeedNo((packed >> (INDEX_BITS + PLACE_BITS)) as u32),
            index: (packed >> PLACE_BITS) & (MAX_LEAVES - 1),
            place: (packed & ((1 << PLACE_BITS) - 1)) as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_value_and_order() {
        let mut last = None;
        for feed in [0, 1, MAX_FEEDS - 1] {
            for index in [0, 1, MAX_LEAVES - 1] {
                for place in [0, 1, 1023] {
                    let here = Place {
                        feed: FeedNo(feed),
                        index,
                        place,
                    };
                    assert_eq!(Place::unpack(here.pack()), here);
                    assert!(last < Some(here.pack()), "{here:?}");
                    last = Some(here.pack());
                }
            }
        }
        assert_eq!(FeedNo::new(MAX_FEEDS as usize), None);
    }
}
