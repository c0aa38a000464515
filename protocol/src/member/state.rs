//! What a node holds and knows, to be read.

use crate::policy::Engine;
use crate::sync::Now;

use super::history::History;
use super::publisher::Publisher;
use super::reader::{Reader, View};
use super::sessions::Sessions;
use super::{Member, Members, Ours, StoreOf, World};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// What it holds.
    pub const fn store(&self) -> &StoreOf<W> {
        &self.store
    }

    /// The node is gone: what it signed last is left.
    pub fn into_heads(self) -> W::Heads {
        self.heads
    }

    /// What it signed last.
    pub const fn heads(&self) -> &W::Heads {
        &self.heads
    }

    /// Who belongs.
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// The same, for the home to say what it keeps.
    pub const fn members_mut(&mut self) -> &mut Members {
        &mut self.members
    }

    /// Who may have what. It remembers verdicts, so it is changed by being asked.
    pub const fn policy(&mut self) -> &mut Engine {
        &mut self.policy
    }

    /// How much it knows of its own past.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// What it says and releases.
    pub const fn publisher(&self) -> &Publisher<T> {
        &self.publisher
    }

    /// What it receives and serves.
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Its sessions.
    pub const fn sessions(&self) -> &Sessions<Id> {
        &self.sessions
    }

    /// Our feeds.
    pub const fn ours(&self) -> Ours<'_, W::Log, W::Rows> {
        Ours::of(&self.store)
    }

    /// The node as a session sees it.
    pub const fn view(&self, now: Now) -> View<'_, W::Log, W::Rows> {
        self.reader.view(&self.store, &self.members, now)
    }
}
