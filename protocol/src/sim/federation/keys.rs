//! A member whose keys are replaced, after they were lost or stolen: its root key names others, and for each
//! feed the head up to which the word of the former ones counts.
//!
//! The others hear of it as in the world: the operator gives the new card to one member, and the nodes tell each
//! other. Who does not know it yet turns the member away. What a thief signed with the former keys, and
//! what a lost home said that no honest reader holds, is gone in the end at everybody.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::feed::FeedId;

use super::super::node::Frozen;
use super::actors::Brain;
use super::{Event, Fall, Federation, Grounds, Home, Who};

/// Milliseconds for which a thief speaks at the most.
const THEFT: u64 = 40_000;
/// Milliseconds after which an operator looks again whether the others know its card.
const LOOK_AGAIN: u64 = 5_000;

/// What happened to the keys of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// They may be known to somebody; nothing was done with them.
    Doubted,
    /// A thief goes on with a copy of the home.
    Stolen,
    /// The home is lost, and the keys with it.
    Home,
}

/// What a member whose keys were stolen still has.
#[derive(Debug)]
pub(super) struct Rightful<G> {
    home: Home<G>,
    frozen: Frozen,
}

impl<M: Grounds> Federation<'_, M> {
    /// A member's node is stopped, and gets other keys; those who stole them may go on for a while first.
    pub(super) fn replace_keys(&mut self, who: Who, loss: Loss) {
        if self.calm {
            return;
        }
        if !self.may_speak(who) {
            self.later(1_000, Event::Replace(who, loss));
            return;
        }
        self.stop_cleanly(who);
        let cast = Rc::clone(&self.cast);
        let Some(Brain::Down(home)) = self.actor(who).brains.first_mut() else {
            return;
        };
        let own = home.backup();
        let Some(frozen) = Frozen::of(home, &cast, who) else {
            // It starts again, and may know by then.
            self.later(1_000, Event::Replace(who, loss));
            return;
        };
        self.trace
            .note(self.now, format_args!("{who} loses its keys: {loss:?}"));
        match loss {
            Loss::Doubted => self.renew(who, &frozen),
            Loss::Stolen => {
                self.rightful = Some(Rightful { home: own, frozen });
                self.report.thefts += 1;
                self.may_lose(who);
                self.later(500, Event::TellAll(who));
                for _ in 0..4 {
                    let at = self.dice.below(THEFT);
                    self.later(at, Event::Speak(who));
                }
                self.later(THEFT, Event::Regain(who));
            }
            Loss::Home => self.lose_home(who),
        }
    }

    /// The member has its node again, from what it was when the thief took a copy.
    pub(super) fn regain(&mut self, who: Who) {
        if self.up(who).is_none() {
            self.later(500, Event::Regain(who));
            return;
        }
        let Some(Rightful { home: own, frozen }) = self.rightful.take() else {
            return;
        };
        self.stop_cleanly(who);
        self.forget_above(who, &frozen);
        if let Some(Brain::Down(home)) = self.actor(who).brains.first_mut() {
            home.replace(own);
        }
        self.renew(who, &frozen);
    }

    /// The home is empty now. Its operator asks all honest readers what they hold.
    fn lose_home(&mut self, who: Who) {
        self.may_lose(who);
        let mut frozen = Frozen::default();
        let name = self.cast.name(who);
        for actor in self.actors.iter().filter(|actor| actor.part.who != who) {
            if actor.tongue.is_some() {
                continue;
            }
            match actor.brains.first() {
                Some(Brain::Up(member)) => frozen.add(member.feeds_of(name)),
                Some(Brain::Down(home)) => {
                    let contents = home.read(&self.cast, actor.part.who);
                    let its = contents.feeds().filter(|held| held.publisher() == name);
                    frozen.add(its);
                }
                None => {}
            }
        }
        self.forget_above(who, &frozen);
        let ground = self.grounds.make(who.0);
        if let Some(Brain::Down(home)) = self.actor(who).brains.first_mut() {
            let (papers, keys) = (Rc::clone(&home.papers), Rc::clone(&home.keys));
            *home = Home::new(ground, home.rules, papers, keys);
        }
        self.report.lost_homes += 1;
        self.renew(who, &frozen);
    }

    /// From here on a member may lose what it says.
    fn may_lose(&mut self, who: Who) {
        self.restored = Some(who);
        self.model.is_older_copy(who);
    }

    fn stop_cleanly(&mut self, who: Who) {
        if let Some(Brain::Up(member)) = self.actor(who).brains.first_mut() {
            member.finish();
        }
        self.crash(who, 0);
        let wires = self.wires.values_mut();
        wires
            .filter(|wire| wire.ends.contains(&who))
            .for_each(super::wires::Wire::drain);
    }

    /// What was signed above these heads counts for nothing, and who has a receipt for it has none.
    fn forget_above(&mut self, who: Who, frozen: &Frozen) {
        let Some(Brain::Down(home)) = self
            .actors
            .get(who.0)
            .and_then(|actor| actor.brains.first())
        else {
            return;
        };
        let contents = home.read(&self.cast, who);
        let name = self.cast.name(who);
        let own = contents.feeds().filter(|held| held.publisher() == name);
        let own: BTreeSet<FeedId> = own.map(|held| held.id()).collect();
        self.signed.up_to_heads(&own, |feed| frozen.size(feed));
        self.receipts.retain(|(reader, feed), (size, _)| {
            *reader != who && (!own.contains(feed) || *size <= frozen.size(feed))
        });
    }

    /// The root key names other keys, and these heads.
    fn renew(&mut self, who: Who, frozen: &Frozen) {
        let online = self.cast.renewed(who, frozen.heads(), self.time(who).wall);
        let online = Rc::new(online);
        if let Some(Brain::Down(home)) = self.actor(who).brains.first_mut() {
            home.keys = Rc::clone(&online);
            frozen.settle(home);
        }
        self.trace
            .note(self.now, format_args!("{who} has other keys"));
        self.report.replaced += 1;
        self.renewed = Some((who, online));
        let after = self.dice.between(100, 10_000);
        self.later(after, Event::Hand(who));
    }

    /// An operator gives the new card to one member, as long as none of those knows it who belong.
    pub(super) fn hand_card(&mut self, who: Who) -> Result<(), Fall> {
        self.later(LOOK_AGAIN, Event::Hand(who));
        let Some((_, online)) = self.renewed.clone() else {
            return Ok(());
        };
        let listed = self.up(who).map(|member| member.papers().in_force().1);
        let listed = listed.map(|charter| self.model.listed(&charter).clone());
        let others = listed.into_iter().flatten().filter(|other| *other != who);
        let others = others.filter(|other| self.is_honest(*other));
        let lists = |other: &Who| self.up(*other).is_some_and(|member| member.lists(who));
        let others: Vec<_> = others.filter(lists).collect();
        if others.iter().any(|other| self.knows_keys(*other, who)) {
            return Ok(());
        }
        if let Some(other) = self.dice.pick(&others).copied() {
            self.trace
                .note(self.now, format_args!("{other} is given the card of {who}"));
            self.with(other, 0, |member| member.take_card(online.bundle()))?;
        }
        Ok(())
    }

    /// Whether one member's node knows by which keys another's speaks now.
    pub(super) fn knows_keys(&self, one: Who, other: Who) -> bool {
        let Some((renewed, online)) = &self.renewed else {
            return true;
        };
        let member = self.up(one).filter(|_| *renewed == other);
        member.is_none_or(|member| {
            let serial = member.serial_of(other);
            serial.is_none_or(|serial| serial == online.serial())
        })
    }
}
