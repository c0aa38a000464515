//! What this node receives of others and serves. [`Reader`] decides; here it is handed what it stands on,
//! and what follows is done.

use kentong_protocol::MemberName;
use kentong_protocol::member::reader::{Output, OverQuota, Reader, View};
use kentong_protocol::member::sessions::Input;
use kentong_protocol::member::{Ground, Keys};
use kentong_protocol::sync::Evidence;

use crate::log::Log;
use crate::net::LinkId;
use crate::store::{Derived, StoreError};

use super::core::{Core, Shipped};
use super::regard::Rule;
use super::warnings::Warning;

impl Core {
    /// Has the reader do something, on what this node holds.
    pub(super) fn read<T>(
        &mut self,
        act: impl FnOnce(&mut Reader, &mut Ground<'_, Shipped>) -> T,
    ) -> T {
        let now = self.now();
        let mut ground = Ground {
            store: &mut self.store,
            members: &self.members,
            keys: self.identity.keys(),
            now,
        };
        act(&mut self.reader, &mut ground)
    }

    /// The node as a session sees it.
    pub(super) fn view(&self) -> View<'_, Log, Derived> {
        self.reader.view(&self.store, &self.members, self.now())
    }

    /// What of the above is this node's own.
    pub(super) fn keys(&self) -> Keys<'_> {
        self.identity.keys()
    }

    /// Does what the reader says, where nobody asked for it.
    pub(super) fn follow_reader(&mut self, outputs: Vec<Output>) -> Result<(), StoreError> {
        self.answer_reader(None, outputs)
    }

    /// Does what the reader says, on the link that asked for it if one did.
    pub(super) fn answer_reader(
        &mut self,
        link: Option<LinkId>,
        outputs: Vec<Output>,
    ) -> Result<(), StoreError> {
        for output in outputs {
            match output {
                Output::Serve(message) => {
                    if let Some(link) = link {
                        self.send(link, &message);
                    }
                }
                Output::SentLeaves { feed, until } => {
                    if let Some(link) = link {
                        self.tell(Input::SentLeaves { link, feed, until });
                    }
                }
                Output::Reassigned(feed) => self.tell(Input::Reassigned(feed)),
                Output::Head(feed) => self.tell(Input::Head(feed)),
                Output::Changed => self.tell(Input::Changed),
                Output::PassOn(evidence) => self.tell(Input::Evidence(evidence)),
                Output::KeepEvidence(evidence) => self.evidence(&evidence),
                Output::BackOfOurs { feed, reached } => {
                    if reached {
                        self.sign_anew(feed)?;
                    }
                    self.came_back(feed);
                }
                Output::BadBody {
                    publisher,
                    feed,
                    index,
                    error,
                } => {
                    tracing::warn!(peer = %publisher, ?feed, index, %error, "a body is not what it should be");
                    let wall = self.wall();
                    let standing = self.standing.entry(publisher).or_default();
                    standing.blame(Rule::Body(error), wall);
                }
                Output::Refused {
                    publisher,
                    feed,
                    index,
                    statements,
                } => {
                    tracing::warn!(peer = %publisher, ?feed, index, refused = statements, "statements were refused");
                }
                Output::Dropped { feed, index } => {
                    tracing::debug!(?feed, index, "a body beyond the quota is not kept");
                }
                Output::NoKey { feed, epoch, error } => {
                    tracing::warn!(?feed, epoch, %error, "a key cannot be used: it is asked for again");
                }
                Output::NotOpened(error) => {
                    tracing::error!(%error, "bodies that wait for their key could not be decrypted");
                    let error = error.to_string();
                    self.warn(Warning::NotOpened { error });
                }
                Output::Stop(why) => self.halt(why),
            }
        }
        Ok(())
    }

    /// The same for what can only concern sessions.
    pub(super) fn tell_what_reader_says(&mut self, outputs: Vec<Output>) {
        if let Err(error) = self.follow_reader(outputs) {
            tracing::error!(%error, "what a reader found could not be followed");
        }
    }

    /// Cosigns and shows the heads that are due, and asks again for what nobody gave.
    pub(super) fn relay_on(&mut self) {
        // While readers are asked what was signed last it is not known what was cosigned either.
        let may_cosign = self.history.asking().is_none();
        let outputs = self.read(|reader, ground| reader.relay_on(ground, may_cosign));
        self.tell_what_reader_says(outputs);
    }

    /// Cosigns all heads of others that are held, if it is known what was cosigned last.
    pub(super) fn cosign_all(&mut self) {
        if self.history.asking().is_none() {
            self.read(|reader, ground| reader.cosign_all(ground));
        }
    }

    /// Looks on through what is beyond a quota.
    pub(super) fn take_on(&mut self) {
        let outputs = self.read(|reader, ground| reader.take_on(ground));
        self.tell_what_reader_says(outputs);
    }

    /// The quota may be another: all that is missing is looked through again.
    pub(super) fn quota_changed(&mut self) {
        let outputs = self.reader.quota_changed();
        self.tell_what_reader_says(outputs);
    }

    /// Has evidence kept and, if it is conclusive, passed on.
    pub(super) fn take_evidence(&mut self, evidence: Evidence) {
        let outputs = self.read(|reader, ground| reader.evidence(ground, evidence));
        self.tell_what_reader_says(outputs);
    }

    /// Passes on to a member that has just come what is known of two histories.
    pub(super) fn pass_evidence(&mut self, link: LinkId) {
        let known: Vec<_> = self.reader.forked().cloned().collect();
        for evidence in known {
            self.tell(Input::PassOn(link, evidence));
        }
    }

    /// How many bodies of a publisher are missing that this node would take.
    pub(super) fn wanted_of(&self, publisher: &MemberName) -> u64 {
        self.view().wanted_of(publisher)
    }

    /// Who is over its quota here, what was not taken, and until when.
    pub(super) fn over_quota(&self) -> Vec<OverQuota> {
        self.view().over_quota()
    }
}
