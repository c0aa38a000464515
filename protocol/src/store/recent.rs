//! What was opened last, up to a bound.

use std::collections::VecDeque;
use std::sync::Arc;

/// A few things by their key; the one that was put in first goes first.
#[derive(Debug)]
pub(super) struct Recent<K, T> {
    held: VecDeque<(K, usize, Arc<T>)>,
    weight: usize,
    most: usize,
}

impl<K: PartialEq, T> Recent<K, T> {
    /// Holds things of this weight together.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            held: VecDeque::new(),
            weight: 0,
            most,
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<T>> {
        let found = self.held.iter().find(|(held, ..)| held == key);
        found.map(|(.., thing)| Arc::clone(thing))
    }

    /// Puts a thing in, and gives it back.
    pub(super) fn put(&mut self, key: K, weight: usize, thing: T) -> Arc<T> {
        let thing = Arc::new(thing);
        self.held.push_back((key, weight, Arc::clone(&thing)));
        self.weight += weight;
        while self.weight > self.most
            && let Some((_, weight, _)) = self.held.pop_front()
        {
            self.weight -= weight;
        }
        thing
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.weight = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_within_its_bound() {
        let mut recent = Recent::new(10);
        for key in 0..5 {
            assert_eq!(*recent.put(key, 4, key * 10), key * 10);
        }
        assert_eq!(
            (recent.get(&2), recent.get(&3), recent.get(&4)),
            (None, Some(30.into()), Some(40.into()))
        );
        // Too heavy to be held at all.
        assert_eq!(*recent.put(9, 11, 90), 90);
        assert_eq!((recent.get(&9), recent.get(&4)), (None, None));
        recent.put(1, 10, 10);
        assert_eq!(recent.get(&1), Some(10.into()));
        recent.clear();
        assert_eq!(recent.get(&1), None);
    }
}
