//! What a member's node decides, without a world: no file, no socket, no clock and no random bytes.
//!
//! [`Member`] only routes. What comes from links, from operators and from the clock it hands to the part that
//! decides on it ([`sessions`], [`reader`], [`publisher`], [`history`]), and what follows to the other parts or,
//! as an [`Output`], to the world. None of the parts names another. The node that ships runs it over files and
//! sled, the simulation over memory that fails.

mod asked;
mod changes;
mod follow;
mod frozen;
mod ground;
pub mod heads;
pub mod history;
mod links;
mod members;
mod news;
mod ours;
mod output;
pub mod publisher;
pub mod reader;
mod receipts;
#[cfg(test)]
mod sample;
pub mod sessions;
mod settling;
mod start;
mod state;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use kentong_keys::MemberName;

use crate::policy::Engine;
use crate::store::StoreError;
use crate::sync::Now;
use crate::time::Moment;

use history::History;
use publisher::{Publisher, Tools};
use reader::Reader;
use receipts::Receipts;
use sessions::{CutOffs, Failed, Input, Sessions};

pub use asked::{NotErasedNow, Request, ToRelease};
pub use changes::FailedOn;
pub use frozen::{Frozen, FrozenError};
pub use ground::{Chance, Ground, Keys, Lent, StoreOf, World};
pub use members::{Held, Members, Stands, Unfit};
pub use ours::Ours;
pub use output::{Output, Told};
pub use start::Compared;

/// A member's node. `Id` names a link, a `T` a request that waits for an answer.
///
/// The world compares log and heads first ([`Member::compare`], then [`Member::ask`] or [`Member::repair`]), and
/// says when links can come about ([`Member::readers_may_come`]). Then it goes round: it hands in what came on
/// links, from operators and, a few times a second, from the clock ([`Member::tick`]); has what was said made
/// durable and released ([`Member::commit`], [`Member::release`]); does the next piece of what is done piece by
/// piece ([`Member::go_on`], [`Member::open_on`]); and calls [`Member::step`] until that breaks. After each call it
/// carries out what [`Member::take_outputs`] gives. At the end it calls [`Member::finish`].
pub struct Member<W: World, Id, T> {
    store: StoreOf<W>,
    heads: W::Heads,
    members: Members,
    policy: Engine,
    sessions: Sessions<Id>,
    cut_offs: CutOffs,
    reader: Reader,
    publisher: Publisher<T>,
    history: History,
    receipts: Receipts,
    /// Log and heads were compared.
    has_begun: bool,
    /// When a member that has left stops speaking.
    farewell: Option<Moment>,
    /// Members of whom something could not be stored, until all that is held of their feeds is whole.
    hindered: BTreeSet<MemberName>,
    outputs: Vec<Output<Id, T>>,
}

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// A node over what its home holds, before its [start](Member::compare).
    #[must_use]
    pub fn new(store: StoreOf<W>, heads: W::Heads, members: Members, policy: Engine) -> Self {
        Self {
            store,
            heads,
            members,
            policy,
            sessions: Sessions::default(),
            cut_offs: CutOffs::default(),
            reader: Reader::default(),
            publisher: Publisher::default(),
            history: History::begin(),
            receipts: Receipts::default(),
            has_begun: false,
            farewell: None,
            hindered: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }

    /// What the world is to do, in this order.
    #[must_use]
    pub fn take_outputs(&mut self) -> Vec<Output<Id, T>> {
        std::mem::take(&mut self.outputs)
    }

    /// Does the next thing that follows from what came on links; breaks when nothing is left.
    pub fn step(&mut self, lent: &mut Lent<'_>) -> ControlFlow<()> {
        let view = self.reader.view(&self.store, &self.members, lent.now);
        match self.sessions.next(lent.now, &view) {
            Some(sessions::Output::Do { link, member, task }) => {
                let done = self.carry_out(link, &member, task, lent);
                self.or_hindered((link, member), done, lent.now);
            }
            Some(sessions::Output::Learnt { link, member, news }) => {
                let done = self.learn(link, &member, news, lent);
                self.or_hindered((link, member), done, lent.now);
            }
            Some(sessions::Output::Gone(member)) => self.reader.gone(&member),
            None => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// The node failed inside [`Member::step`]: the link ends that it was for, and its member is not spoken to
    /// for a while, with the frame in question; without one nothing is held against it. None if it was
    /// for no link. Publishing stops if what is stored and what is signed may differ.
    pub fn failed(&mut self, now: Now) -> Option<FailedOn> {
        self.stop_if_midway();
        let Failed {
            link,
            member,
            frame,
        } = self.sessions.failed()?;
        self.outputs.push(Output::Close(link));
        Some(self.cut_off(member, frame, now))
    }

    /// The clock moved on.
    pub fn tick(&mut self, lent: &mut Lent<'_>) {
        self.tell(Input::Tick, lent.now);
        self.say_farewell(lent);
        self.relay_on(lent);
        self.reading(lent, |reader, ground| reader.take_on(ground));
        self.publishing(lent, Publisher::release_on);
        self.look_for_settlement(lent);
        self.look_for_lost(lent);
        self.keep_receipts(lent.now.moment);
        self.keep_up(lent);
        self.publishing(lent, Publisher::retry_on);
        self.lift_cut_offs(lent.now.moment);
    }

    /// Makes durable what was said, and has it answered. What it gives back is to be
    /// [released](Member::release) next.
    pub fn commit(&mut self, lent: &mut Lent<'_>) -> Option<ToRelease> {
        let said = self.publishing(lent, Publisher::commit)?;
        Some(ToRelease(said))
    }

    /// Releases what was said, if that may be done now.
    pub fn release(&mut self, ToRelease(said): &ToRelease, lent: &mut Lent<'_>) {
        self.may_release(lent);
        self.publishing(lent, |publisher, with| publisher.release_said(with, said));
    }

    /// Does the next piece of what is done piece by piece: loading what came back, checking what is to be
    /// released. To be called after each tick, too: what was held back may be released by then.
    pub fn go_on(&mut self, lent: &mut Lent<'_>) {
        self.load_on(lent);
        self.may_release(lent);
        let held_back = self.history.is_held_back();
        self.publishing(lent, |publisher, with| publisher.sweep_on(with, held_back));
    }

    /// Decrypts some of the bodies whose key came after them.
    pub fn open_on(&mut self, lent: &Lent<'_>) {
        self.reading(lent, |_, ground| Reader::open_on(ground));
    }

    /// Whether there is nothing left that is done piece by piece.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.publisher.is_idle() && !self.history.is_loading() && !self.store.has_waiting()
    }

    /// Writes everything to disk. To be called last.
    pub fn finish(&mut self) -> Result<(), StoreError> {
        self.store_receipts(Moment::NEVER)?; // All of them.
        self.store.sync()?;
        self.store.flush()
    }

    /// Makes the log durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.store.sync()
    }

    /// Has the publisher do something, and does what follows.
    fn publishing<A>(
        &mut self,
        lent: &mut Lent<'_>,
        act: impl FnOnce(&mut Publisher<T>, &mut Tools<'_, W>) -> A,
    ) -> A {
        let permit = self.permit(lent.now);
        let mut tools = Tools {
            ground: Ground {
                store: &mut self.store,
                members: &self.members,
                keys: lent.keys,
                now: lent.now,
            },
            heads: &mut self.heads,
            policy: &mut self.policy,
            chance: &mut *lent.chance,
            permit,
        };
        let answer = act(&mut self.publisher, &mut tools);
        for output in self.publisher.take_outputs() {
            self.follow_publisher(output, lent.now);
        }
        answer
    }

    /// Has the reader do something, and does what follows where nobody asked for it.
    fn reading(
        &mut self,
        lent: &Lent<'_>,
        act: impl FnOnce(&mut Reader, &mut Ground<'_, W>) -> Vec<reader::Output>,
    ) {
        let outputs = self.on_ground(lent, act);
        self.follow_reader(None, outputs, lent.now);
    }

    /// Lends the reader what it stands on.
    fn on_ground<A>(
        &mut self,
        lent: &Lent<'_>,
        act: impl FnOnce(&mut Reader, &mut Ground<'_, W>) -> A,
    ) -> A {
        let mut ground = Ground {
            store: &mut self.store,
            members: &self.members,
            keys: lent.keys,
            now: lent.now,
        };
        act(&mut self.reader, &mut ground)
    }

    /// Puts what happened into the queue of the sessions.
    fn tell(&mut self, input: Input<Id>, now: Now) {
        self.sessions.give(input, now);
    }

    fn told(&mut self, told: Told) {
        self.outputs.push(Output::Told(told));
    }
}

impl<W: World, Id, T> std::fmt::Debug for Member<W, Id, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("me", self.store.me())
            .finish_non_exhaustive()
    }
}
