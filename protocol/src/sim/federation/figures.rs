//! What a large federation costs in fair weather, counted in the bytes of encoded messages.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::disk::Light;
use super::super::model::Word;
use super::super::said::{Content, Item, Mark};
use super::{Cast, Event, Fall, Federation, Grounds, Plan, Who};

/// What a phase cost, all members together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// What was done.
    pub phase: &'static str,
    /// Messages that were sent.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the publisher alone sent and was sent.
    pub publishers: u64,
}

/// Lets a federation of honest members come together, release, release again and be idle; tells
/// `done` what each phase cost, as it ends. A release lasts until its readers have shown each other
/// the new head.
pub fn measure(
    cast: &Rc<Cast>,
    members: usize,
    mut done: impl FnMut(Figure),
) -> Result<(), String> {
    let plan = Plan {
        words: 0,
        ..Plan::fair(members)
    };
    let mut federation = Federation::new(&Light, cast, 0, plan);
    let mut before = Figure::default();
    let phases: [(&'static str, u64, Option<u64>); 5] = [
        ("come together", 15_000, None),
        ("first release to all", 14_000, Some(0)),
        ("next release to all", 14_000, Some(1)),
        ("withdrawal from all", 14_000, Some(0)),
        ("idle minute", 60_000, None),
    ];
    for (phase, lasts, says) in phases {
        if let Some(says) = says {
            let word = if phase.starts_with("withdrawal") {
                Word::Withdraw
            } else {
                Word::Assert(green(says))
            };
            federation
                .says_openly(Who(0), Item(2 * says), &word)
                .map_err(|(_, what)| what)?;
        }
        let until = federation.now + lasts;
        federation.run_until(until).map_err(|(_, what)| what)?;
        let after = Figure {
            phase,
            messages: federation.report.messages,
            bytes: federation.report.bytes,
            publishers: federation.first,
        };
        done(Figure {
            phase,
            messages: after.messages - before.messages,
            bytes: after.bytes - before.bytes,
            publishers: after.publishers - before.publishers,
        });
        before = after;
    }
    federation.agreed().map_err(|(_, what)| what)
}

impl<M: Grounds> Federation<'_, M> {
    fn run_until(&mut self, until: u64) -> Result<(), Fall> {
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at <= until
        {
            let Some(((at, _), event)) = self.queue.pop_first() else {
                break;
            };
            self.now = at;
            if event != Event::Look {
                self.happen(event)?;
            }
        }
        self.now = until;
        Ok(())
    }
}

fn green(number: u64) -> Content {
    Content {
        handle: false,
        mark: Mark::Green,
        to: BTreeSet::new(),
        to_delta: false,
        confidence: 90,
        description: 1 + number,
        tag: 1,
    }
}
