//! The reference: who must end with what, from what operators said and which rules were in force
//! when; sets and nothing else. Shares no code with release, feeds or sessions.
//!
//! A node acts on what was said only after it has answered, and a crash or a new rule may come in
//! between. Until the node has acted the model therefore keeps every outcome that may be: the one
//! as if it had acted, and the one as if it had not.

mod belonging;
mod indicator;

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::Digest;

use super::cast::Who;
use super::rules::Rules;
use super::said::{Content, Item, Seen};

use belonging::Documents;
use indicator::Indicator;

pub(super) use belonging::Change;
pub(super) use indicator::View;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Assert(Content),
    Withdraw,
    Erase,
}

#[derive(Debug)]
struct Publisher {
    rules: Rules,
    /// All that were in force at some time.
    rules_ever: BTreeSet<Rules>,
    /// Whether its home was replaced by an older copy: what it says now follows from what came back.
    restored: bool,
    readers: Readers,
    indicators: BTreeMap<Item, Indicator>,
    /// What was asked for at once, and neither answered nor known to be lost.
    in_doubt: Vec<(Item, Word)>,
    /// What its clock said then, in seconds.
    asked_at: u64,
}

/// To whom a publisher releases.
#[derive(Clone, Debug, Default)]
struct Readers {
    members: BTreeSet<Who>,
    /// Those of them who are suspended: what is said is not sent to them for now, only that something
    /// is withdrawn.
    held: BTreeSet<Who>,
    /// Whether somebody was removed and has come back.
    returned: bool,
}

/// The federation as it should be.
#[derive(Debug)]
pub(super) struct Model {
    documents: Documents,
    publishers: BTreeMap<Who, Publisher>,
}

impl Model {
    /// A federation that begins with this version of the charter, and these members.
    pub(super) fn new(first: Digest, members: BTreeSet<Who>) -> Self {
        Self {
            documents: Documents::new(first, members),
            publishers: BTreeMap::new(),
        }
    }

    /// A node with these rules that goes by the first version.
    pub(super) fn publisher(&mut self, who: Who, rules: Rules) {
        let mut members = self.documents.founders().clone();
        members.remove(&who);
        let readers = Readers {
            members,
            ..Readers::default()
        };
        self.publishers.insert(
            who,
            Publisher {
                rules,
                rules_ever: BTreeSet::from([rules]),
                restored: false,
                readers,
                indicators: BTreeMap::new(),
                in_doubt: Vec::new(),
                asked_at: 0,
            },
        );
    }

    /// An operator asks for something, or for several things at once, while the node's clock says this: all of
    /// it is so, or none.
    pub(super) fn ask(&mut self, who: Who, words: Vec<(Item, Word)>, at: u64) {
        if let Some(publisher) = self.publishers.get_mut(&who) {
            publisher.in_doubt = words;
            publisher.asked_at = at;
        }
    }

    /// The node answered that it is so.
    pub(super) fn answered(&mut self, who: Who) {
        let Some(publisher) = self.publishers.get_mut(&who) else {
            return;
        };
        let (rules, readers) = (publisher.rules, publisher.readers.clone());
        let at = publisher.asked_at;
        for (item, word) in std::mem::take(&mut publisher.in_doubt) {
            let indicator = publisher.indicators.entry(item).or_default();
            if indicator.says_nothing_new(&word, at) {
                continue;
            }
            indicator.said_at = at;
            indicator.may_have_acted(&readers, rules);
            indicator.revision += 1;
            match word {
                Word::Assert(content) => {
                    indicator.contents.insert(indicator.revision, content);
                }
                Word::Withdraw => {}
                Word::Erase => {
                    indicator.erase();
                    // What lay beside it is said again to those who stayed members, and is gone with others.
                    let all = publisher.indicators.values_mut();
                    all.for_each(|other| other.may_be_gone(&readers));
                    continue;
                }
            }
            indicator.settled = false;
            indicator.permit(&readers, rules);
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
        if let Some(publisher) = self.publishers.get_mut(&who) {
            for indicator in publisher.indicators.values_mut() {
                indicator.may_have_acted(&publisher.readers, publisher.rules);
                indicator.settled = false;
                indicator.permit(&publisher.readers, rules);
            }
            publisher.rules = rules;
            publisher.rules_ever.insert(rules);
        }
    }

    /// The node has acted on what it said of these, or of all.
    pub(super) fn acted(&mut self, who: Who, items: Option<&[Item]>) {
        if let Some(publisher) = self.publishers.get_mut(&who) {
            for (item, indicator) in &mut publisher.indicators {
                if items.is_none_or(|items| items.contains(item)) {
                    indicator.act(&publisher.readers, publisher.rules);
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

    /// A publisher's home is an older copy from now on.
    pub(super) fn is_older_copy(&mut self, who: Who) {
        if let Some(publisher) = self.publishers.get_mut(&who) {
            publisher.restored = true;
        }
    }

    pub(super) fn is_restored(&self, who: Who) -> bool {
        let publisher = self.publishers.get(&who);
        publisher.is_some_and(|publisher| publisher.restored)
    }

    /// The rules by which a publisher goes.
    pub(super) fn rules(&self, who: Who) -> Rules {
        let publisher = self.publishers.get(&who);
        publisher.map_or(Rules::Open, |publisher| publisher.rules)
    }

    pub(super) fn rules_ever(&self, who: Who) -> impl Iterator<Item = Rules> {
        let publisher = self.publishers.get(&who).into_iter();
        publisher.flat_map(|publisher| publisher.rules_ever.iter().copied())
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
