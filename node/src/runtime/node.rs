//! What operators' questions read of the running node. The room [`crate::operators`] sees the core through this
//! alone, so that all it depends on stands in one place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use kentong_keys::Card;
use kentong_protocol::charter::{Charter, Papers};
use kentong_protocol::feed::FeedId;
use kentong_protocol::indicator::Value;
use kentong_protocol::member::Stands;
use kentong_protocol::member::reader::{OverQuota, View};
use kentong_protocol::policy::{Class, LocalAction, Operator, Party, Verdict};
use kentong_protocol::statement::{Erasure, IndicatorId, Statement};
use kentong_protocol::sync::Evidence;
use kentong_protocol::time::{Moment, Timestamp};
use kentong_protocol::wire::Holds;
use kentong_protocol::{Digest, MemberName};

use crate::control::reply;
use crate::log::Log;
use crate::net::Address;
use crate::store::{Derived, FeedState, Place, Store, StoreError};

use super::core::Core;
use super::regard::{Broken, NoLink};
use super::standing::Standing;
use super::waiting::Waiting;
use super::warnings::Noted;

/// The running node, to be read. Only the engine of policies, which remembers verdicts, is changed by that.
pub(crate) struct Node<'c>(&'c mut Core);

/// How the node stands with a member.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Regard<'c> {
    /// When something of it was last verified.
    pub(crate) heard: Option<Timestamp>,
    /// Why there is no link, if there was a reason.
    pub(crate) no_link: Option<NoLink>,
    /// The version of the charter that it uses, and its hash.
    pub(crate) charter: Option<(u32, Digest)>,
    /// Rules that it broke.
    pub(crate) broken: &'c [Broken],
    /// Bodies that it does not have though it published them.
    pub(crate) withheld: u64,
}

impl<'c> Node<'c> {
    pub(super) const fn new(core: &'c mut Core) -> Self {
        Self(core)
    }

    /// This node's own member.
    pub(crate) const fn me(&self) -> &MemberName {
        &self.0.me
    }

    /// What follows from the log.
    pub(crate) const fn store(&self) -> &Store {
        self.0.member.store()
    }

    /// What the clock on the wall says.
    pub(crate) fn wall(&self) -> Timestamp {
        self.0.wall()
    }

    /// The node as a session sees it.
    fn as_seen(&self) -> View<'_, Log, Derived> {
        self.0.member.view(self.0.now())
    }

    // The federation.

    /// The charter in force.
    pub(crate) fn charter(&self) -> Option<&Charter> {
        self.0.member.members().charter()
    }

    /// The federation's documents.
    pub(crate) fn papers(&self) -> Option<&Papers> {
        self.0.member.members().papers()
    }

    /// Why the file of a new member is not with the others yet, if that is so.
    pub(crate) fn unsettled(&self) -> Option<&str> {
        self.0.unsettled.as_deref()
    }

    /// The members in force, this node's among them.
    pub(crate) fn parties(&self) -> &[Party] {
        self.0.member.members().parties()
    }

    /// Every member that the charter lists, and how it stands.
    pub(crate) fn listed(&self) -> Vec<(Party, Stands)> {
        self.0.member.members().listed(self.wall())
    }

    /// A member that the charter lists, as policies see it.
    pub(crate) fn party(&self, member: &MemberName) -> Option<Party> {
        self.0.member.members().party(member)
    }

    /// A member as policies see it; one that the charter does not list is in no group.
    pub(crate) fn as_party(&self, member: &MemberName) -> Party {
        self.0.member.members().as_party(member)
    }

    /// The name that the charter gives a member for people.
    pub(crate) fn display_name(&self, member: &MemberName) -> String {
        self.0.member.members().display_name(member)
    }

    /// A member's newest card.
    pub(crate) fn card(&self, member: &MemberName) -> Option<&Card> {
        self.0.member.members().credentials(member)?.1
    }

    // Policy.

    /// May a local user do this?
    pub(crate) fn local(
        &mut self,
        action: LocalAction,
        operator: &Operator,
        subject: Option<(&Party, &Class)>,
    ) -> Arc<Verdict> {
        self.0.member.local(action, operator, subject)
    }

    /// May a member have an indicator of ours?
    pub(crate) fn share(&mut self, class: &Class, publisher: &Party, to: &Party) -> Arc<Verdict> {
        self.0.member.share(class, publisher, to)
    }

    /// Do we believe a member's indicator?
    pub(crate) fn accept(&mut self, class: &Class, from: &Party) -> Arc<Verdict> {
        self.0.member.accept(class, from)
    }

    // Indicators and feeds.

    /// The newest own statement about a value, as the feed for ourselves alone has it.
    pub(crate) fn own_statement(&self, value: &Value) -> Result<Option<Statement>, StoreError> {
        self.0.member.store().own_statement(value)
    }

    /// The erasures of an own indicator, if the last that is known of it is that it was erased.
    pub(crate) fn erasures(&self, id: &IndicatorId) -> Option<Vec<(Place, Erasure)>> {
        self.0.erasures(id)
    }

    /// The members who cosigned a history of this feed that goes on from its leaf at `index`.
    pub(crate) fn witnesses(&self, feed: &FeedState, index: u64) -> Vec<&MemberName> {
        self.0.member.reader().witnesses(feed, index)
    }

    /// What a reader said last that it holds of a feed of ours, if its present key signed that.
    pub(crate) fn holds(&self, feed: FeedId, reader: &MemberName) -> Option<Holds> {
        self.0.member.holds(feed, reader)
    }

    /// Bodies that nobody gave so far though somebody shows them: the feed, the index, who did not give it.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (FeedId, u64, &BTreeSet<MemberName>)> {
        self.0.member.reader().refused()
    }

    /// What shows two histories of feeds.
    pub(crate) fn forked(&self) -> impl Iterator<Item = &Evidence> {
        self.0.member.reader().forked()
    }

    /// How many bodies of a publisher are missing that this node would take.
    pub(crate) fn wanted_of(&self, publisher: &MemberName) -> u64 {
        self.as_seen().wanted_of(publisher)
    }

    // Quotas.

    /// What waits to be released until its readers have room.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        self.0.waiting()
    }

    /// The publishers of whom not all is taken.
    pub(crate) fn over_quota(&self) -> Vec<OverQuota> {
        self.as_seen().over_quota()
    }

    // The node itself.

    /// The members with whom there is a link.
    pub(crate) fn connected(&self) -> BTreeSet<&MemberName> {
        self.0
            .member
            .sessions()
            .links()
            .map(|(_, member)| member)
            .collect()
    }

    /// How the node stands with a member of whom it has heard or tried to.
    pub(crate) fn regard(&self, member: &MemberName) -> Option<Regard<'_>> {
        self.0.standing.get(member).map(regard)
    }

    /// All of these.
    pub(crate) fn regards(&self) -> impl Iterator<Item = (&MemberName, Regard<'_>)> {
        let all = self.0.standing.iter();
        all.map(|(member, standing)| (member, regard(standing)))
    }

    /// Where the node listens.
    pub(crate) fn listening(&self) -> &[Address] {
        &self.0.listening
    }

    /// Seconds since the start.
    pub(crate) fn uptime(&self) -> u64 {
        self.0.now().moment.since(Moment::START).as_secs()
    }

    /// Batches of own indicators that are still to be checked for release.
    pub(crate) fn to_release(&self) -> usize {
        self.0.member.publisher().to_release()
    }

    /// What is waited for before anything is signed.
    pub(crate) fn recovery(&self) -> Option<reply::Recovery> {
        self.0.recovery()
    }

    /// The warnings to be shown, the newest first.
    pub(crate) fn noted(&self) -> impl Iterator<Item = &Noted> {
        self.0.warnings.shown()
    }

    /// The folder of the log.
    pub(crate) fn log_folder(&self) -> PathBuf {
        self.0.home.log()
    }

    /// The folder of evidence against members.
    pub(crate) fn evidence_folder(&self) -> PathBuf {
        self.0.home.evidence()
    }
}

fn regard(standing: &Standing) -> Regard<'_> {
    Regard {
        heard: standing.heard,
        no_link: standing.why,
        charter: standing.goes_by,
        broken: &standing.faults,
        withheld: standing.withheld,
    }
}
