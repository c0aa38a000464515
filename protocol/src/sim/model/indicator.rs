//! One indicator of the reference: what was said of it, and what each reader may know.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cast::Who;
use super::super::rules::Rules;
use super::super::said::Content;
use super::{Readers, Word};

/// Half of the time for which domains and handles hold, in seconds.
const NINETY_DAYS: u64 = 90 * 86_400;

/// What a reader knows of an indicator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum View {
    Nothing,
    /// A revision, and without which fields it came: each time anew.
    Holds(u32, BTreeSet<u8>),
    /// That there are revisions up to this, which it does not get.
    Ceased(u32),
    Withdrawn(u32),
}

/// An indicator, as its publisher said it.
#[derive(Debug, Default)]
pub(super) struct Indicator {
    pub(super) revision: u32,
    /// What the publisher's clock said when it said that, in seconds.
    pub(super) said_at: u64,
    /// The number that its erasure took, if it was erased.
    pub(super) erased: Option<u32>,
    /// What each asserted revision says.
    pub(super) contents: BTreeMap<u32, Content>,
    /// What each reader may know.
    pub(super) views: BTreeMap<Who, BTreeSet<View>>,
    /// Whether the publisher has acted on the last word.
    pub(super) settled: bool,
    /// Which revisions each reader was ever permitted, and without which fields.
    pub(super) permitted: BTreeMap<Who, BTreeSet<(u32, u8)>>,
}

impl Indicator {
    /// What is said once more is news when half of the time has passed for which it holds.
    pub(super) fn says_nothing_new(&self, word: &Word, at: u64) -> bool {
        match word {
            Word::Assert(content) => {
                let same = self.contents.get(&self.revision) == Some(content);
                same && at < self.said_at + NINETY_DAYS
            }
            Word::Withdraw => !self.contents.contains_key(&self.revision),
            Word::Erase => self.revision == 0 || self.is_erased(),
        }
    }

    pub(super) fn is_erased(&self) -> bool {
        self.erased == Some(self.revision)
    }

    /// Nobody has anything of it any more, whatever the publisher had still to do.
    pub(super) fn erase(&mut self) {
        self.erased = Some(self.revision);
        self.views.clear();
        self.settled = true;
    }

    /// What readers have of it who are no members may be gone.
    pub(super) fn may_be_gone(&mut self, readers: &Readers) {
        for (reader, views) in &mut self.views {
            if !readers.members.contains(reader) {
                views.insert(View::Nothing);
            }
        }
    }

    /// What policy gives a reader of the present revision, if anything.
    fn verdict(&self, reader: Who, rules: Rules) -> Option<u8> {
        rules.verdict(self.contents.get(&self.revision)?, reader)
    }

    pub(super) fn permit(&mut self, readers: &Readers, rules: Rules) {
        for reader in readers.members.difference(&readers.held) {
            if let Some(stripped) = self.verdict(*reader, rules) {
                let permitted = self.permitted.entry(*reader).or_default();
                permitted.insert((self.revision, stripped));
            }
        }
    }

    /// Something new comes before the publisher is known to have acted.
    pub(super) fn may_have_acted(&mut self, readers: &Readers, rules: Rules) {
        if self.settled || self.revision == 0 {
            return;
        }
        for reader in &readers.members {
            let before = self.before(*reader);
            let after = self.all_after(&before, *reader, readers, rules);
            self.views.insert(*reader, &before | &after);
        }
    }

    /// The publisher has acted. Of whom it does not know as a member nothing changes.
    pub(super) fn act(&mut self, readers: &Readers, rules: Rules) {
        for reader in &readers.members {
            let before = self.before(*reader);
            let after = self.all_after(&before, *reader, readers, rules);
            self.views.insert(*reader, after);
        }
        self.settled = true;
    }

    fn all_after(
        &self,
        before: &BTreeSet<View>,
        reader: Who,
        readers: &Readers,
        rules: Rules,
    ) -> BTreeSet<View> {
        let held = readers.held.contains(&reader);
        let mut after = BTreeSet::new();
        for view in before {
            if readers.returned
                && matches!(view, View::Withdrawn(_))
                && !self.contents.contains_key(&self.revision)
            {
                // A feed that it reads with who came back carries the later withdrawal, too.
                after.insert(View::Withdrawn(self.revision));
            }
            if held && self.contents.contains_key(&self.revision) {
                after.insert(view.clone());
            } else {
                after.insert(self.after(view, reader, rules));
            }
        }
        after
    }

    fn before(&self, reader: Who) -> BTreeSet<View> {
        let views = self.views.get(&reader).cloned();
        views.unwrap_or_else(|| BTreeSet::from([View::Nothing]))
    }

    /// What a reader knows once the publisher has acted on its last word.
    fn after(&self, view: &View, reader: Who, rules: Rules) -> View {
        let now = self.revision;
        if !self.contents.contains_key(&now) {
            return match view {
                View::Nothing => View::Nothing,
                // It was told that the indicator is over, and of nothing since.
                View::Withdrawn(at) => View::Withdrawn(*at),
                View::Holds(..) | View::Ceased(_) => View::Withdrawn(now),
            };
        }
        match (view, self.verdict(reader, rules)) {
            (View::Holds(at, had), Some(stripped)) if *at == now => {
                // Who has it with more fields gets nothing new.
                let enough = had.iter().any(|less| stripped & less == *less);
                let mut had = had.clone();
                if !enough {
                    had.insert(stripped);
                }
                View::Holds(now, had)
            }
            (_, Some(stripped)) => View::Holds(now, BTreeSet::from([stripped])),
            (View::Holds(at, _), None) if *at < now => View::Ceased(now),
            (before, None) => before.clone(),
        }
    }
}
