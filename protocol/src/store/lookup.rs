//! The look-up index in memory: from a keyed hash of kind and comparison key to places.
//!
//! Sixteen bytes an entry. A value that several feeds carry has several entries; the one probe of
//! [`Lookup::find`] gives them all. A tag is 64 bits, so a place that holds another value is
//! possible and about as likely as a broken disk that nobody notices: whoever shows a statement
//! compares its value.

use crate::statement::ErasedMark;
use hashbrown::HashTable;
use kentong_keys::IndexKey;

use super::place::{FeedNo, Place};

/// Of one value, a feed keeps this many places: the last. Without the bound a publisher that
/// repeats itself would make each of its entries slower to place than the one before.
pub(super) const MAX_PER_FEED: usize = 16;

/// The first half of the keyed hash by which a value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(u64);

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: Tag,
    at: u64,
}

/// From tags to places.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    table: HashTable<Entry>,
}

impl Tag {
    /// The tag of a value of this kind.
    pub(super) fn of(key: &IndexKey, kind: u8, comparison_key: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] =
            key.hash(&[b"value", &[kind], comparison_key.as_bytes()]);
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The tag of an erased indicator, which is a keyed hash itself.
    pub(super) const fn of_mark(mark: &ErasedMark) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *mark.as_bytes();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    pub(super) const fn from_u64(tag: u64) -> Self {
        Self(tag)
    }

    pub(super) const fn to_u64(self) -> u64 {
        self.0
    }
}

impl Lookup {
    /// Where statements about the value stand, in the order of places.
    pub(super) fn find(&self, tag: Tag) -> Vec<Place> {
        let found = self.table.iter_hash(tag.0).filter(|entry| entry.tag == tag);
        let mut places: Vec<_> = found.map(|entry| Place::unpack(entry.at)).collect();
        places.sort_unstable();
        places
    }

    /// Enters a statement. Of those of its feed the last by place stay, in whatever order they
    /// come.
    pub(super) fn insert(&mut self, tag: Tag, place: Place) {
        let (mut count, mut oldest) = (0, u64::MAX);
        for entry in self.table.iter_hash(tag.0) {
            if entry.tag == tag && Place::unpack(entry.at).feed == place.feed {
                count += 1;
                oldest = oldest.min(entry.at);
            }
        }
        let new = Entry {
            tag,
            at: place.pack(),
        };
        if count >= MAX_PER_FEED {
            let same = |entry: &Entry| entry.tag == tag && entry.at == oldest;
            if let Some(entry) = self.table.find_mut(tag.0, same) {
                entry.at = entry.at.max(new.at);
            }
        } else {
            self.table.insert_unique(tag.0, new, |entry| entry.tag.0);
        }
    }

    /// Makes room, so that entering so many more does not move the table again and again.
    pub(super) fn reserve(&mut self, more: usize) {
        self.table.reserve(more, |entry| entry.tag.0);
    }

    /// Forgets the statements of a feed whose index `gone` names.
    pub(super) fn remove(&mut self, feed: FeedNo, gone: impl Fn(u64) -> bool) {
        self.table.retain(|entry| {
            let place = Place::unpack(entry.at);
            place.feed != feed || !gone(place.index)
        });
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// What the table takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.table.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(feed: usize, index: u64) -> Place {
        Place {
            feed: FeedNo::new(feed).unwrap(),
            index,
            place: 7,
        }
    }

    const fn scattered(n: u64) -> Tag {
        Tag::from_u64(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn finds_all_of_a_value_and_nothing_else() {
        let mut lookup = Lookup::default();
        let tag = Tag::from_u64;
        for n in 0..5000 {
            lookup.insert(scattered(n), place(0, n));
        }
        // Another value in the same bucket of the table, and the same value in other feeds.
        lookup.insert(tag(1), place(0, 9));
        lookup.insert(tag(1), place(3, 1));
        lookup.insert(tag(1 << 40 | 1), place(4, 1));
        assert_eq!(lookup.find(tag(1)), [place(0, 9), place(3, 1)]);
        assert_eq!(lookup.find(tag(2)), []);
        lookup.remove(FeedNo::new(0).unwrap(), |index| index >= 9);
        assert_eq!(lookup.find(tag(1)), [place(3, 1)]);
        assert_eq!(lookup.len(), 9 + 2);
    }

    #[test]
    fn a_publisher_that_repeats_itself_keeps_its_last_places() {
        let mut lookup = Lookup::default();
        let tag = Tag::from_u64(5);
        (0..1000).for_each(|index| lookup.insert(tag, place(1, index)));
        lookup.insert(tag, place(2, 1));
        let found = lookup.find(tag);
        assert_eq!(found.len(), MAX_PER_FEED + 1);
        assert_eq!(found[0], place(1, 1000 - MAX_PER_FEED as u64));
    }

    #[test]
    fn an_entry_takes_sixteen_bytes_and_a_little() {
        assert_eq!(size_of::<Entry>(), 16);
        let mut lookup = Lookup::default();
        lookup.reserve(100_000);
        for n in 0..100_000 {
            lookup.insert(scattered(n), place(0, n));
        }
        let each = lookup.memory() / lookup.len();
        assert!(each <= 40, "{each}");
    }
}
