//! Which values a file has given already.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use kentong_protocol::indicator::Value;
use kentong_protocol::{Digest, Label};

use super::place::Place;

/// In how many values of one file the same value is looked for, to bound the memory that this
/// takes (about 50 bytes each). Beyond, a repeated value is given again; the node then knows it.
pub(super) const MAX_SEEN: usize = 8_000_000;

const SEEN: Label = Label::new("kentong/import-seen/1");

/// The values that a file has given, and where each stands first.
#[derive(Debug)]
pub(super) struct Seen {
    places: HashMap<[u8; 16], Place>,
    most: usize,
}

impl Seen {
    /// Remembers at most so many values.
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: HashMap::new(),
            most,
        }
    }

    /// Where the value stood before; none, and it is remembered, if this is the first time.
    pub(super) fn before(&mut self, value: &Value, place: Place) -> Option<Place> {
        let kind = [value.kind().number()];
        let digest = Digest::labelled(SEEN, &[&kind, value.comparison_key().as_bytes()]);
        let mut short = [0; 16];
        short.copy_from_slice(digest.as_bytes().split_at(16).0);
        let full = self.places.len() >= self.most;
        match self.places.entry(short) {
            Entry::Occupied(slot) => Some(*slot.get()),
            Entry::Vacant(slot) => {
                if !full {
                    slot.insert(place);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::{Kind, Reading};

    use super::*;

    #[test]
    fn a_full_memory_forgets_no_earlier_value() {
        let mut seen = Seen::new(2);
        let mut check = |kind, text, line, before: Option<u64>| {
            let value = Value::parse(kind, text, &Reading::default()).unwrap();
            let found = seen.before(&value, Place::Line(line));
            assert_eq!(found, before.map(Place::Line), "{text} at {line}");
        };
        check(Kind::SmsSender, "BANK", 1, None);
        check(Kind::SmsSender, "bank", 2, Some(1));
        check(Kind::Domain, "a.example", 3, None);
        check(Kind::Domain, "b.example", 4, None);
        check(Kind::Domain, "b.example", 5, None);
        check(Kind::Domain, "A.example.", 6, Some(3));
    }
}
