//! How much this node knows of its own past. [`History`] decides; here it is told what came, and what it
//! asks for is done.

use kentong_protocol::feed::{FeedId, UnverifiedCheckpoint};
use kentong_protocol::member::heads::Heads as _;
use kentong_protocol::member::history::{About, Held, History, OurFeeds, Output, Warning};
use kentong_protocol::{Digest, MemberName};

use crate::recovery_file;
use crate::signer::{Signed, SignerError};
use crate::store::{FeedState, Store};

use super::core::Core;
use super::warnings::{Subject, Warning as Warned};

/// What the store holds of our feeds.
pub(super) struct Ours<'a> {
    store: &'a Store,
    me: &'a MemberName,
}

impl<'a> Ours<'a> {
    pub(super) const fn of(store: &'a Store, me: &'a MemberName) -> Self {
        Self { store, me }
    }

    fn state(&self, feed: FeedId) -> Option<&'a FeedState> {
        let held = self.store.feeds().get(feed);
        held.filter(|held| held.genesis().publisher == *self.me)
    }
}

impl OurFeeds for Ours<'_> {
    fn me(&self) -> &MemberName {
        self.me
    }

    fn all(&self) -> impl Iterator<Item = Held<'_>> {
        self.store.feeds().of(self.me).map(held)
    }

    fn get(&self, feed: FeedId) -> Option<Held<'_>> {
        self.state(feed).map(held)
    }

    fn root_at(&self, feed: FeedId, size: u64) -> Option<Digest> {
        self.state(feed)?.tree().root_at(size)
    }
}

fn held(state: &FeedState) -> Held<'_> {
    Held {
        feed: state.id(),
        audience: &state.genesis().audience,
        size: state.size(),
        covered: state.checkpoint().map_or(0, |(size, _)| size),
        missing: state.missing_count(),
        undecrypted: state.unopened_count(),
        is_private: state.is_private(),
        is_closed: state.is_closed(),
    }
}

impl Core {
    /// Asks or tells history something for which it needs what is held and what was signed, and does what
    /// follows.
    pub(super) fn tell_history(
        &mut self,
        tell: impl FnOnce(&mut History, u64, &Ours<'_>, &crate::signer::Signer) -> Vec<Output>,
    ) {
        let now = self.now().millis;
        let ours = Ours::of(&self.store, &self.me);
        let outputs = tell(&mut self.history, now, &ours, &self.signer);
        self.follow(outputs);
    }

    /// Does what history asks for.
    pub(super) fn follow(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Mark => {
                    if let Err(error) = recovery_file::begin(&self.home) {
                        tracing::error!(%error, "it could not be noted that lost history is to come back");
                    }
                }
                Output::Unmark => {
                    if let Err(error) = recovery_file::end(&self.home) {
                        tracing::error!(%error, "the next start looks for lost history again");
                    }
                }
                Output::Leave(feed) => self.publisher.leave(feed),
                Output::Resume { audience, feed } => self.publisher.resume(audience, feed),
                Output::OpenFeeds => self.publisher.open_feeds(self.open_feeds()),
                Output::CosignAll => self.cosign_all(),
                Output::ReleaseAll => self.sweep_all(),
                Output::Loaded { statements, failed } => {
                    tracing::info!(statements, failed, "what came back is loaded");
                }
                Output::Warn(warning) => self.warn_of_history(&warning),
                Output::Settle(About::Unconfirmed) => {
                    self.warnings.settle(&Subject::Unconfirmed);
                }
                Output::Settle(About::Lost(feed)) => {
                    tracing::info!(?feed, "lost history is back");
                    self.warnings.settle(&Subject::Lost(feed));
                }
            }
        }
    }

    fn warn_of_history(&mut self, warning: &Warning) {
        let warning = match *warning {
            Warning::Lost { feed, signed, held } => {
                tracing::warn!(
                    ?feed,
                    signed,
                    held,
                    "signed leaves of our feed are lost here"
                );
                Warned::Lost { feed, signed, held }
            }
            Warning::Unconfirmed => Warned::Unconfirmed,
            Warning::ByRootKey { heard } => Warned::GoneAhead { heard },
        };
        self.warn(warning);
    }

    /// A reader has shown what it holds of our feeds.
    pub(super) fn compared(&mut self, reader: &MemberName) {
        if let Some(asking) = self.history.asking()
            && !asking.heard().contains(reader)
        {
            tracing::info!(peer = %reader, "has said what it holds of our feeds");
        }
        self.tell_history(|history, now, ours, _| history.compared(reader, now, ours));
    }

    /// A reader shows a head of ours beyond what is held.
    pub(super) fn more_shown(&mut self, reader: &MemberName, feed: FeedId, head: Signed) {
        self.tell_history(|history, now, ours, heads| {
            history.shown(reader, (feed, head), now, ours, heads)
        });
    }

    /// Whether releases may continue, which ends the wait for a reader if its time is over. To be asked where
    /// something is released, once all that came before has been looked at.
    pub(super) fn may_release(&mut self) -> bool {
        let now = self.now().millis;
        let ours = Ours::of(&self.store, &self.me);
        match self.history.may_release(now, &ours) {
            Ok(outputs) => {
                self.follow(outputs);
                true
            }
            Err(_) => false,
        }
    }

    /// Before a head of our feed that came back from a reader is stored, the signer state knows it.
    pub(super) fn own_head_came(&mut self, note: &[u8]) -> Result<(), SignerError> {
        let key = self.identity.signing.public_key();
        let checkpoint = UnverifiedCheckpoint::parse(note).and_then(|note| note.verify(&key));
        let Ok(checkpoint) = checkpoint else {
            return Ok(()); // The session has verified it.
        };
        let head = Signed {
            size: checkpoint.size(),
            root: *checkpoint.root(),
        };
        let feed = checkpoint.origin().feed;
        match self.history.head_came(feed, head, &self.signer) {
            Some(swap) => self.signer.swap_all(&[swap]),
            None => Ok(()),
        }
    }

    /// Something of a feed came back.
    pub(super) fn came_back(&mut self, feed: FeedId) {
        self.tell_history(|history, now, ours, heads| history.came_back(feed, now, ours, heads));
    }

    /// Looks whether what came back by itself, as a key does, makes a lost feed whole.
    pub(super) fn lost_on(&mut self) {
        self.tell_history(|history, now, ours, heads| history.look_for_lost(now, ours, heads));
    }
}
