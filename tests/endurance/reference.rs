//! What was answered, and so who has to have it at the end.

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::indicator::Value;

/// What a member's node is to say of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    NotFor,
    InForce,
    Withdrawn,
}

struct Said {
    publisher: usize,
    readers: BTreeSet<usize>,
    withdrawn: bool,
}

pub(super) struct Reference {
    said: BTreeMap<Value, Said>,
    /// By publisher, what it can withdraw.
    in_force: Vec<Vec<Value>>,
}

impl Reference {
    pub(super) fn new(members: usize) -> Self {
        Self {
            said: BTreeMap::new(),
            in_force: vec![Vec::new(); members],
        }
    }

    /// The publisher is a reader of what it says.
    pub(super) fn add(&mut self, publisher: usize, values: &[Value], readers: &[usize]) {
        for value in values {
            let mut readers: BTreeSet<_> = readers.iter().copied().collect();
            readers.insert(publisher);
            let said = Said {
                publisher,
                readers,
                withdrawn: false,
            };
            let before = self.said.insert(value.clone(), said);
            assert!(before.is_none(), "each value is said once");
            self.in_force[publisher].push(value.clone());
        }
    }

    pub(super) fn withdraw(&mut self, publisher: usize, value: &Value) {
        self.said.get_mut(value).unwrap().withdrawn = true;
        self.in_force[publisher].retain(|other| other != value);
    }

    pub(super) fn in_force(&self, publisher: usize) -> &[Value] {
        &self.in_force[publisher]
    }

    /// How many of a publisher's a reader has to have in force.
    pub(super) fn due(&self, publisher: usize, reader: usize) -> u64 {
        let due = self.said.values().filter(|said| {
            said.publisher == publisher && said.readers.contains(&reader) && !said.withdrawn
        });
        due.count() as u64
    }

    pub(super) fn state(&self, value: &Value, reader: usize) -> State {
        let said = &self.said[value];
        match (said.readers.contains(&reader), said.withdrawn) {
            (false, _) => State::NotFor,
            (true, false) => State::InForce,
            (true, true) => State::Withdrawn,
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.said.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.said.len()
    }

    pub(super) fn withdrawn(&self) -> usize {
        self.said.values().filter(|said| said.withdrawn).count()
    }
}
