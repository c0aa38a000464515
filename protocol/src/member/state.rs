//! What a node holds and knows, to be read.

use std::sync::Arc;

use kentong_keys::MemberName;

use crate::directory::Bundle;
#[cfg(doc)]
use crate::policy::Engine;
use crate::policy::{Class, LocalAction, Operator, Party, Verdict};
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

    /// The cards that the home is to keep next, if it is time to.
    pub fn next_card_to_keep(&self, now: Now) -> Option<&Bundle> {
        self.members.next_to_keep(now.moment)
    }

    /// The home holds what is known of this member.
    pub fn card_kept(&mut self, member: &MemberName) {
        self.members.kept(member);
    }

    /// The home takes nothing now: that is tried again in a while.
    pub fn keep_cards_later(&mut self, now: Now) {
        self.members.keep_later(now.moment);
    }

    /// May a local user do this? See [`Engine::local`].
    pub fn local(
        &mut self,
        action: LocalAction,
        operator: &Operator,
        subject: Option<(&Party, &Class)>,
    ) -> Arc<Verdict> {
        self.policy.local(action, operator, subject)
    }

    /// May a member have an indicator? See [`Engine::share`].
    pub fn share(&mut self, class: &Class, publisher: &Party, to: &Party) -> Arc<Verdict> {
        self.policy.share(class, publisher, to)
    }

    /// Is an indicator of a member believed? See [`Engine::accept`].
    pub fn accept(&mut self, class: &Class, from: &Party) -> Arc<Verdict> {
        self.policy.accept(class, from)
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
