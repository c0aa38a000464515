//! Members that lie, built from the same parts as honest ones: what they send is distorted.

use std::rc::Rc;

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::feed::{Checkpoint, Origin};
use crate::wire::{Heads, Message};

use super::cast::Cast;
use super::dice::Dice;
use super::founding::FEDERATION;
use super::ground::Ground;
use super::node::Node;

/// How many messages a liar remembers.
const REMEMBERED: usize = 64;

/// A way of lying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Liar {
    /// Signs two histories of its feeds, for different readers.
    Equivocator,
    /// Says that it does not have what it published.
    Withholder,
    /// Says again what it, or somebody else, said before.
    Replayer,
    /// Speaks in other members' names.
    Forger,
    /// Sends noise, and damaged messages.
    Babbler,
    /// Says that it holds less than it does, or feeds that do not exist.
    Understater,
    /// Says that it holds more than was published.
    Boaster,
    /// Tells its accomplices what it got, and passes on what they got.
    Colluder,
}

impl Liar {
    /// The ways of lying that any run may have.
    pub const USUAL: [Self; 8] = [
        Self::Equivocator,
        Self::Withholder,
        Self::Replayer,
        Self::Forger,
        Self::Babbler,
        Self::Understater,
        Self::Boaster,
        Self::Colluder,
    ];
}

/// A liar's mouth, and what it remembers.
#[derive(Debug)]
pub(super) struct Tongue {
    pub(super) liar: Liar,
    cast: Rc<Cast>,
    dice: Dice,
    said: Vec<Vec<u8>>,
    heard: Vec<Vec<u8>>,
    pub(super) lies: u64,
}

impl Tongue {
    pub(super) fn new(liar: Liar, cast: Rc<Cast>, dice: Dice) -> Self {
        let (said, heard) = (Vec::new(), Vec::new());
        Self {
            liar,
            cast,
            dice,
            said,
            heard,
            lies: 0,
        }
    }

    /// Takes in what it, or an accomplice, was sent.
    pub(super) fn hear(&mut self, frame: &[u8]) {
        remember(&mut self.heard, frame, &mut self.dice);
    }

    /// What is sent in place of a message.
    pub(super) fn distort<G: Ground>(&mut self, me: &Node<G>, message: Message) -> Vec<Vec<u8>> {
        let lies = self.dice.chance(if self.liar == Liar::Withholder {
            500
        } else {
            150
        });
        let honest = message.encode();
        let frames = if lies { self.lie(me, message) } else { None };
        remember(&mut self.said, &honest, &mut self.dice);
        match frames {
            Some(frames) => {
                self.lies += 1;
                frames
            }
            None => vec![honest],
        }
    }

    fn lie<G: Ground>(&mut self, me: &Node<G>, message: Message) -> Option<Vec<Vec<u8>>> {
        let honest = message.encode();
        match self.liar {
            // Its two histories are lie enough.
            Liar::Equivocator => None,
            Liar::Withholder => {
                let Message::Body { feed, index, .. } = message else {
                    return None;
                };
                Some(vec![Message::NoBody { feed, index }.encode()])
            }
            Liar::Replayer => {
                let from = if self.dice.chance(700) {
                    &self.said
                } else {
                    &self.heard
                };
                let again = self.dice.pick(from).cloned()?;
                Some(vec![honest, again])
            }
            Liar::Forger => Some(vec![honest, self.forgery(me)?]),
            Liar::Babbler => Some(vec![self.noise(honest)]),
            Liar::Understater | Liar::Boaster => {
                let Message::Heads(heads) = message else {
                    return None;
                };
                Some(vec![self.claim(heads).encode()])
            }
            Liar::Colluder => {
                let secret = self.dice.pick(&self.heard).cloned()?;
                Some(vec![honest, secret])
            }
        }
    }

    /// A checkpoint of somebody else's feed, or something that somebody else signed.
    fn forgery<G: Ground>(&mut self, me: &Node<G>) -> Option<Vec<u8>> {
        if self.dice.chance(300) {
            return self.dice.pick(&self.heard).cloned();
        }
        let foreign = me.feeds().filter(|held| held.publisher() != me.name());
        let foreign: Vec<_> = foreign.collect();
        let held = *self.dice.pick(&foreign)?;
        let in_its_name = self.dice.chance(500);
        let publisher = if in_its_name {
            held.publisher().clone()
        } else {
            me.name().clone()
        };
        let origin = Origin {
            federation: FEDERATION.to_owned(),
            publisher,
            feed: held.id(),
            incarnation: 0,
        };
        let key = &self.cast.person(me.who()).first.signing;
        let size = held.size() + self.dice.below(2);
        let signed = Checkpoint::sign(origin, size, held.root(), key);
        let note = BoundedBytes::new(signed.note().to_vec()).ok()?;
        let mine = BoundedVec::new(vec![note]).ok()?;
        Some(
            Message::Heads(Heads {
                mine,
                yours: BoundedVec::default(),
            })
            .encode(),
        )
    }

    fn noise(&mut self, mut honest: Vec<u8>) -> Vec<u8> {
        match self.dice.below(3) {
            0 => self.dice.bytes::<40>().to_vec(),
            1 => {
                honest.truncate(self.dice.place(honest.len()));
                honest
            }
            _ => {
                let at = self.dice.place(honest.len());
                if let Some(byte) = honest.get_mut(at) {
                    *byte ^= 1 << self.dice.below(8);
                }
                honest
            }
        }
    }

    /// Says that it holds less or more than it does.
    fn claim(&mut self, mut heads: Heads) -> Message {
        let mut yours = heads.yours.into_vec();
        for (_, size) in &mut yours {
            *size = if self.liar == Liar::Boaster {
                *size + 1 + self.dice.below(5)
            } else {
                self.dice.below(*size + 1)
            };
        }
        if self.dice.chance(300) {
            yours.pop();
        }
        heads.yours = BoundedVec::new(yours).unwrap_or_default();
        Message::Heads(heads)
    }
}

fn remember(memory: &mut Vec<Vec<u8>>, frame: &[u8], dice: &mut Dice) {
    if memory.len() < REMEMBERED {
        memory.push(frame.to_vec());
    } else if let Some(old) = memory.get_mut(dice.place(REMEMBERED)) {
        *old = frame.to_vec();
    }
}
