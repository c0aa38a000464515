//! Operators: they assert, revise, withdraw, import again, and change their policies.

use std::collections::BTreeSet;

use crate::bounded::BoundedText;
use crate::indicator::Projection;
use crate::statement::Said;

use super::super::model::Word;
use super::super::said::{Content, Item, Mark};
use super::{Event, Fall, Federation, Rules, Who};

/// How many indicators a publisher speaks of: few, so that it speaks of each more than once.
const ITEMS: u64 = 5;

impl Federation {
    /// An operator says or changes something, or waits until its node runs.
    pub(super) fn speak(&mut self, who: Who) -> Result<(), Fall> {
        if self.up(who).is_none_or(super::Member::is_halted) {
            if !self.calm {
                let after = self.dice.between(500, 3_000);
                self.later(after, Event::Speak(who));
            }
            return Ok(());
        }
        self.report.words += 1;
        if self.dice.chance(250) {
            return self.rule(who);
        }
        let item = Item(self.dice.below(ITEMS));
        let stands = self.model.stands(who, item);
        let word = match self.dice.below(10) {
            0..=2 if stands => Word::Withdraw,
            // The same list is imported again.
            3..=4 if stands => match self.model.last(who, item) {
                Some(content) => Word::Assert(content.clone()),
                None => Word::Assert(self.content(who, item)),
            },
            _ => Word::Assert(self.content(who, item)),
        };
        self.trace.note(
            self.now,
            format_args!("{who} is asked for {item:?}: {word:?}"),
        );
        self.model.ask(who, item, word.clone());
        let said = self.said(&word);
        let brains = self.node(who).brains.len();
        for brain in 0..brains {
            // An equivocator tells its other half something else.
            let said = if brain == 0 {
                said.clone()
            } else {
                let content = self.content(who, item);
                self.said(&Word::Assert(content))
            };
            self.with(who, brain, |member| member.say(item, said))?;
        }
        Ok(())
    }

    /// Other rules come into force.
    fn rule(&mut self, who: Who) -> Result<(), Fall> {
        let rules = self.dice.pick(&Rules::ALL).copied().unwrap_or(Rules::Open);
        self.trace
            .note(self.now, format_args!("{who} goes by {rules:?}"));
        self.model.rule(who, rules);
        for brain in 0..self.node(who).brains.len() {
            self.with(who, brain, |member| {
                member.set_rules(rules);
                Ok(())
            })?;
        }
        Ok(())
    }

    pub(super) fn said(&self, word: &Word) -> Said {
        match word {
            Word::Assert(content) => Said::Asserted {
                assertion: Box::new(content.assertion(&self.cast)),
                stripped: Projection::NOTHING,
            },
            Word::Withdraw => Said::Withdrawn {
                reason: BoundedText::new("wrong").expect("five letters are a reason"),
            },
        }
    }

    fn content(&mut self, who: Who, item: Item) -> Content {
        let marks = [
            Mark::Clear,
            Mark::Green,
            Mark::Green,
            Mark::Amber,
            Mark::Red,
        ];
        let mark = self.dice.pick(&marks).copied().unwrap_or(Mark::Green);
        let must = matches!(mark, Mark::Amber | Mark::Red);
        let mut to = BTreeSet::new();
        if must || self.dice.chance(200) {
            for _ in 0..=self.dice.below(3) {
                to.insert(Who(self.dice.place(self.nodes.len())));
            }
        }
        to.remove(&who);
        let to_delta = mark != Mark::Red && (self.dice.chance(200) || (must && to.is_empty()));
        if must && to.is_empty() && !to_delta {
            to.insert(Who(usize::from(who.0 == 0)));
        }
        let confidence = self.dice.below(101);
        Content {
            handle: item.is_handle(),
            mark,
            to,
            to_delta,
            confidence: u8::try_from(confidence).unwrap_or(100),
            description: self.dice.below(4),
            tag: self.dice.below(3),
        }
    }
}
