//! The reference: who must end with what, from what operators said and which rules were in force
//! when; sets and nothing else. Shares no code with release, feeds or sessions.
//!
//! A node acts on what was said only after it has answered, and a crash or a new rule may come in
//! between. Until the node has acted the model therefore keeps every outcome that may be: the one
//! as if it had acted, and the one as if it had not.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Who;
use super::rules::Rules;
use super::said::{Content, Item, Seen};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Assert(Content),
    Withdraw,
    Erase,
}

/// What a reader knows of an indicator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    Nothing,
    /// A revision, and without which fields it came: each time anew.
    Holds(u32, BTreeSet<u8>),
    /// That there are revisions up to this, which it does not get.
    Ceased(u32),
    Withdrawn(u32),
}

/// An indicator, as its publisher said it.
#[derive(Debug, Default)]
struct Indicator {
    revision: u32,
    /// The number that its erasure took, if it was erased.
    erased: Option<u32>,
    /// What each asserted revision says.
    contents: BTreeMap<u32, Content>,
    /// What each reader may know.
    views: BTreeMap<Who, BTreeSet<View>>,
    /// Whether the publisher has acted on the last word.
    settled: bool,
    /// Which revisions each reader was ever permitted, and without which fields.
    permitted: BTreeMap<Who, BTreeSet<(u32, u8)>>,
}

#[derive(Debug)]
struct Publisher {
    rules: Rules,
    indicators: BTreeMap<Item, Indicator>,
    /// What was asked for at once, and neither answered nor known to be lost.
    in_doubt: Vec<(Item, Word)>,
}

/// The federation as it should be.
#[derive(Debug)]
pub(super) struct Model {
    members: usize,
    publishers: BTreeMap<Who, Publisher>,
}

impl Model {
    pub(super) const fn new(members: usize) -> Self {
        Self {
            members,
            publishers: BTreeMap::new(),
        }
    }

    /// A member joins with these rules.
    pub(super) fn publisher(&mut self, who: Who, rules: Rules) {
        let indicators = BTreeMap::new();
        self.publishers.insert(
            who,
            Publisher {
                rules,
                indicators,
                in_doubt: Vec::new(),
            },
        );
    }

    /// An operator asks for something, or for several things at once: all of it is so, or none.
    pub(super) fn ask(&mut self, who: Who, words: Vec<(Item, Word)>) {
        if let Some(publisher) = self.publishers.get_mut(&who) {
            publisher.in_doubt = words;
        }
    }

    /// The node answered that it is so.
    pub(super) fn answered(&mut self, who: Who) {
        let members = self.members;
        let Some(publisher) = self.publishers.get_mut(&who) else {
            return;
        };
        let rules = publisher.rules;
        for (item, word) in std::mem::take(&mut publisher.in_doubt) {
            let indicator = publisher.indicators.entry(item).or_default();
            if indicator.says_nothing_new(&word) {
                continue;
            }
            indicator.may_have_acted(who, members, rules);
            indicator.revision += 1;
            match word {
                Word::Assert(content) => {
                    indicator.contents.insert(indicator.revision, content);
                }
                Word::Withdraw => {}
                Word::Erase => {
                    indicator.erase();
                    continue;
                }
            }
            indicator.settled = false;
            indicator.permit(who, members, rules);
        }
    }

    /// The node restarted. What it was asked and did not answer is so if it is there now.
    pub(super) fn restarted(&mut self, who: Who, revision: impl Fn(Item) -> u32) {
        let Some(publisher) = self.publishers.get_mut(&who) else {
            return;
        };
        let mut doubt = publisher.in_doubt.iter();
        let is_there = doubt.any(|(item, _)| {
            let known = publisher.indicators.get(item);
            revision(*item) > known.map_or(0, |known| known.revision)
        });
        if is_there {
            self.answered(who);
        } else {
            publisher.in_doubt.clear();
        }
    }

    /// Other rules are in force from now on.
    pub(super) fn rule(&mut self, who: Who, rules: Rules) {
        let members = self.members;
        if let Some(publisher) = self.publishers.get_mut(&who) {
            for indicator in publisher.indicators.values_mut() {
                indicator.may_have_acted(who, members, publisher.rules);
                indicator.settled = false;
                indicator.permit(who, members, rules);
            }
            publisher.rules = rules;
        }
    }

    /// The node has acted on what it said of these, or of all.
    pub(super) fn acted(&mut self, who: Who, items: Option<&[Item]>) {
        let members = self.members;
        if let Some(publisher) = self.publishers.get_mut(&who) {
            for (item, indicator) in &mut publisher.indicators {
                if items.is_none_or(|items| items.contains(item)) {
                    indicator.act(who, members, publisher.rules);
                }
            }
        }
    }

    /// Whether a reader may have this revision with all but these fields.
    pub(super) fn may_have(&self, who: Who, reader: Who, item: Item, said: (u32, u8)) -> bool {
        let permitted = self.permitted(who, reader, item);
        permitted.is_some_and(|permitted| permitted.contains(&said))
    }

    /// Whether a reader may learn that something was said after an earlier revision.
    pub(super) fn may_learn(&self, who: Who, reader: Who, item: Item, revision: u32) -> bool {
        let permitted = self.permitted(who, reader, item);
        permitted.is_some_and(|all| all.iter().any(|(earlier, _)| *earlier < revision))
    }

    fn permitted(&self, who: Who, reader: Who, item: Item) -> Option<&BTreeSet<(u32, u8)>> {
        self.publishers
            .get(&who)?
            .indicators
            .get(&item)?
            .permitted
            .get(&reader)
    }

    /// Everything that operators were answered, with the newest revision and what it says; nothing
    /// if it was withdrawn. And whether a later word is in doubt.
    pub(super) fn answers(
        &self,
        who: Who,
    ) -> impl Iterator<Item = (Item, u32, Option<&Content>, bool)> {
        let publisher = self.publishers.get(&who);
        publisher.into_iter().flat_map(|publisher| {
            publisher.indicators.iter().map(|(item, indicator)| {
                let mut doubt = publisher.in_doubt.iter();
                let doubt = doubt.any(|(other, _)| other == item);
                let content = indicator.contents.get(&indicator.revision);
                (*item, indicator.revision, content, doubt)
            })
        })
    }

    /// What a reader may know of each of a publisher's indicators.
    pub(super) fn views(&self, who: Who, reader: Who) -> impl Iterator<Item = (Item, Vec<View>)> {
        let indicators = self
            .publishers
            .get(&who)
            .map(|publisher| &publisher.indicators);
        indicators
            .into_iter()
            .flatten()
            .map(move |(item, indicator)| {
                let views = indicator.views.get(&reader);
                let views = views.map(|views| views.iter().cloned().collect());
                (*item, views.unwrap_or_else(|| vec![View::Nothing]))
            })
    }

    /// What a revision looks like to a reader who came to it without these fields.
    pub(super) fn seen(&self, who: Who, item: Item, revision: u32, stripped: u8) -> Option<Seen> {
        let indicator = self.publishers.get(&who)?.indicators.get(&item)?;
        Some(indicator.contents.get(&revision)?.seen(stripped))
    }

    pub(super) fn publishers(&self) -> impl Iterator<Item = Who> {
        self.publishers.keys().copied()
    }

    /// What a publisher said last of an indicator, withdrawn ones too.
    pub(super) fn last(&self, who: Who, item: Item) -> Option<&Content> {
        let indicator = self.publishers.get(&who)?.indicators.get(&item)?;
        indicator.contents.values().next_back()
    }

    /// Whether an indicator was said at some time and is not erased.
    pub(super) fn is_held(&self, who: Who, item: Item) -> bool {
        let publisher = self.publishers.get(&who);
        let indicator = publisher.and_then(|publisher| publisher.indicators.get(&item));
        indicator.is_some_and(|indicator| indicator.revision > 0 && !indicator.is_erased())
    }

    /// Whether an indicator is said and not withdrawn.
    pub(super) fn stands(&self, who: Who, item: Item) -> bool {
        let publisher = self.publishers.get(&who);
        let indicator = publisher.and_then(|publisher| publisher.indicators.get(&item));
        indicator.is_some_and(|indicator| indicator.contents.contains_key(&indicator.revision))
    }
}

impl Indicator {
    fn says_nothing_new(&self, word: &Word) -> bool {
        match word {
            Word::Assert(content) => self.contents.get(&self.revision) == Some(content),
            Word::Withdraw => !self.contents.contains_key(&self.revision),
            Word::Erase => self.revision == 0 || self.is_erased(),
        }
    }

    fn is_erased(&self) -> bool {
        self.erased == Some(self.revision)
    }

    /// Nobody has anything of it any more, whatever the publisher had still to do.
    fn erase(&mut self) {
        self.erased = Some(self.revision);
        self.views.clear();
        self.settled = true;
    }

    /// What policy gives a reader of the present revision, if anything.
    fn verdict(&self, reader: Who, rules: Rules) -> Option<u8> {
        rules.verdict(self.contents.get(&self.revision)?, reader)
    }

    fn permit(&mut self, publisher: Who, members: usize, rules: Rules) {
        for reader in (0..members).map(Who).filter(|reader| *reader != publisher) {
            if let Some(stripped) = self.verdict(reader, rules) {
                let permitted = self.permitted.entry(reader).or_default();
                permitted.insert((self.revision, stripped));
            }
        }
    }

    /// Something new comes before the publisher is known to have acted.
    fn may_have_acted(&mut self, publisher: Who, members: usize, rules: Rules) {
        if self.settled || self.revision == 0 {
            return;
        }
        for reader in (0..members).map(Who).filter(|reader| *reader != publisher) {
            let before = self.before(reader);
            let after = before.iter().map(|view| self.after(view, reader, rules));
            let both = after.chain(before.iter().cloned()).collect();
            self.views.insert(reader, both);
        }
    }

    /// The publisher has acted.
    fn act(&mut self, publisher: Who, members: usize, rules: Rules) {
        for reader in (0..members).map(Who).filter(|reader| *reader != publisher) {
            let before = self.before(reader);
            let after = before
                .iter()
                .map(|view| self.after(view, reader, rules))
                .collect();
            self.views.insert(reader, after);
        }
        self.settled = true;
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
