//! Operators: they assert, revise, withdraw, import again, and change their policies.

use std::collections::BTreeSet;

use crate::bounded::BoundedText;
use crate::indicator::Projection;
use crate::statement::Said;

use super::super::model::Word;
use super::super::said::{Content, Item, Mark};
use super::{Event, Fall, Federation, Grounds, Node, Rules, Who};

/// How many indicators a publisher speaks of: few, so that it speaks of each more than once.
const ITEMS: u64 = 5;

impl<M: Grounds> Federation<'_, M> {
    /// An operator says or changes something, or waits until its node runs.
    pub(super) fn speak(&mut self, who: Who) -> Result<(), Fall> {
        if self.steady {
            return Ok(()); // All have agreed: it is looked whether that lasts.
        }
        if !self.may_speak(who) {
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
        let word = self.word(who, item);
        let mut words = vec![(item, word)];
        if words.iter().all(|(_, word)| *word != Word::Erase) && self.dice.chance(400) {
            // Another thing at once: it comes into the same batch.
            let other = Item((item.0 + 1) % ITEMS);
            let word = self.word(who, other);
            words.extend(Some((other, word)).filter(|(_, word)| *word != Word::Erase));
        }
        if let [(item, Word::Erase)] = words[..]
            && self.with(who, 0, |member| member.may_erase(item))? != Some(true)
        {
            self.later(1_000, Event::Speak(who));
            return Ok(()); // It would refuse: it has just started.
        }
        self.trace
            .note(self.now, format_args!("{who} is asked for {words:?}"));
        let at = self.time(who).wall.seconds();
        self.model.ask(who, words.clone(), at);
        let brains = self.actor(who).brains.len();
        if let [(item, Word::Erase)] = words[..] {
            self.report.erased += 1;
            for brain in 0..brains {
                self.with(who, brain, |member| member.erase(item))?;
            }
            return Ok(());
        }
        for brain in 0..brains {
            let mut said = Vec::new();
            for (item, word) in &words {
                // An equivocator tells its other half something else.
                let word = if brain == 0 {
                    word.clone()
                } else {
                    Word::Assert(self.content(who, *item))
                };
                said.push((*item, self.said(&word)));
            }
            self.with(who, brain, |member| member.say(said))?;
        }
        Ok(())
    }

    /// Whether a node runs that takes what its operator says.
    pub(super) fn may_speak(&self, who: Who) -> bool {
        let waits = |member: &Node<M::Ground>| member.is_halted() || member.is_restored();
        !self.up(who).is_none_or(waits)
    }

    /// What an operator says next of an indicator.
    fn word(&mut self, who: Who, item: Item) -> Word {
        let stands = self.model.stands(who, item);
        match self.dice.below(10) {
            0..=2 if stands => Word::Withdraw,
            // What an older copy brings back of erased things is for the tests with real processes.
            8..=9 if self.restored == Some(who) => Word::Assert(self.content(who, item)),
            8..=9 if self.model.is_held(who, item) => Word::Erase,
            // The same list is imported again.
            3..=4 if stands => match self.model.last(who, item) {
                Some(content) => Word::Assert(content.clone()),
                None => Word::Assert(self.content(who, item)),
            },
            _ => Word::Assert(self.content(who, item)),
        }
    }

    /// Other rules come into force.
    fn rule(&mut self, who: Who) -> Result<(), Fall> {
        let rules = self.dice.pick(&Rules::ALL).copied().unwrap_or(Rules::Open);
        self.trace
            .note(self.now, format_args!("{who} goes by {rules:?}"));
        self.model.rule(who, rules);
        for brain in 0..self.actor(who).brains.len() {
            self.with(who, brain, |member| member.set_rules(rules))?;
        }
        Ok(())
    }

    /// An operator shares with everybody, and says something for everybody.
    pub(super) fn tell_all(&mut self, who: Who) -> Result<(), Fall> {
        if !self.may_speak(who) {
            if !self.calm {
                self.later(100, Event::TellAll(who));
            }
            return Ok(());
        }
        let item = Item(self.dice.below(ITEMS));
        let word = Word::Assert(Content {
            mark: Mark::Green,
            to: BTreeSet::new(),
            to_delta: false,
            ..self.content(who, item)
        });
        self.trace
            .note(self.now, format_args!("{who} tells all: {word:?}"));
        self.says_openly(who, item, &word)
    }

    /// An operator shares with everybody, and says this.
    pub(super) fn says_openly(&mut self, who: Who, item: Item, word: &Word) -> Result<(), Fall> {
        self.model.rule(who, Rules::Open);
        let at = self.time(who).wall.seconds();
        self.model.ask(who, vec![(item, word.clone())], at);
        let said = self.said(word);
        self.with(who, 0, |member| {
            member.set_rules(Rules::Open)?;
            member.say(vec![(item, said)])
        })?;
        Ok(())
    }

    pub(super) fn said(&self, word: &Word) -> Said {
        match word {
            Word::Assert(content) => Said::Asserted {
                assertion: Box::new(content.assertion(&self.cast)),
                stripped: Projection::NOTHING,
            },
            Word::Withdraw | Word::Erase => Said::Withdrawn {
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
                to.insert(Who(self.dice.place(self.actors.len())));
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
