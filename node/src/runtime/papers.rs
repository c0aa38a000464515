//! The federation's papers as they come from other nodes, and what a change of members means here.

use std::collections::BTreeSet;

use kentong_protocol::MemberName;
use kentong_protocol::charter::Paper;
use kentong_protocol::member::reader::Warrants;
use kentong_protocol::member::sessions::{Input, Whom};

use crate::charter_files::{self, CharterFilesError, Taken};
use crate::turn::Wait;

use super::core::Core;
use super::members::{self, Found};
use super::regard::NoLink;
use super::warnings::{Subject, Warning};

/// Milliseconds that a member that leaves has to tell the others.
const FAREWELL: u64 = 5_000;
/// Milliseconds after which it is tried again to put the file of a new member with the others.
const SETTLE_AGAIN: u64 = 1_000;

impl Core {
    /// Looks into a paper that a member passed on, and uses it if it is in force. One that `waited` was
    /// tried before. Without a turn to write nothing is written, and the event loop does not wait for one.
    pub(super) fn keep_paper(
        &mut self,
        from: &MemberName,
        paper: &Paper,
        waited: bool,
    ) -> Result<(), CharterFilesError> {
        let (paper, now) = (paper.clone(), self.wall());
        let taken = charter_files::take_paper(&self.home, paper, now, Wait::NotAtAll)?;
        let Taken { news, found, waits } = taken;
        for vote in found {
            let (member, version, round) = (vote.member(), vote.version(), vote.round());
            tracing::warn!(%member, version, round, "a member voted twice");
            self.warn(Warning::VotedTwice {
                member: member.clone(),
                version,
                round,
                folder: self.home.evidence(),
            });
        }
        if let Some(why) = waits {
            tracing::info!(peer = %from, %why, news, "a paper is not in force");
        }
        // One that was written by halves the last time is no news, and may be in force.
        if news || waited {
            self.read_members_again();
        }
        Ok(())
    }

    /// Goes by what the home holds now.
    pub(super) fn read_members_again(&mut self) {
        match members::read(&self.home, &self.identity, self.wall()) {
            Ok(found) => {
                self.warnings.settle(&Subject::Papers);
                self.go_by(found);
            }
            Err(error) => {
                tracing::error!(%error, "the charter could not be read again");
                let error = error.to_string();
                self.warn(Warning::Papers { error });
            }
        }
    }

    /// Puts the file of a new member with the others, if that could not be done when it became one.
    pub(super) fn settle_on(&mut self, now: u64) {
        if self.unsettled.is_some() && now >= self.settle_at {
            self.settle_at = now.saturating_add(SETTLE_AGAIN);
            self.read_members_again();
        }
    }

    /// Goes by other members, cards or papers. Who is no member any more is cut off before
    /// anything else is done.
    pub(super) fn go_by(&mut self, found: Found) {
        let Found {
            mut members,
            unsettled,
        } = found;
        self.unsettled = unsettled;
        members.inherit_unkept(&mut self.members);
        let before = self.members.charter().map(|charter| *charter.hash());
        let after = members.charter().map(|charter| *charter.hash());
        if before != after || self.members.parties() != members.parties() {
            self.publisher.end_epochs();
        }
        let was_in_force = self.members.is_in_force(&self.me);
        let warrants = Warrants::of(&self.members);
        self.members = members;
        self.look_for_new_keys(&warrants);
        let parties = self.members.parties().iter();
        let members_in_force: BTreeSet<_> = parties.map(|party| party.name.clone()).collect();
        if let Some(charter) = self.members.charter().filter(|_| before != after) {
            let (version, members) = (charter.version(), charter.members().len());
            tracing::info!(version, members, "a charter is in force");
        }
        self.tell(Input::Papers(Whom::Members(members_in_force)));
        let leaves = was_in_force || self.farewell.is_some();
        if leaves && !self.members.is_in_force(&self.me) {
            // A member that leaves says so before it goes, also if another document follows at once.
            let until = self.now().millis + FAREWELL;
            self.farewell.get_or_insert(until);
        } else {
            self.farewell = None;
            self.admit();
            self.cut_off_strangers();
        }
        self.sweep_all();
        if before != after {
            self.quota_changed(); // The quota may be another.
        }
    }

    /// Ends what a member that has left still had to say.
    pub(super) fn leave(&mut self, now: u64) {
        if self.farewell.is_some_and(|at| at <= now) {
            self.farewell = None;
            self.admit();
            self.cut_off_strangers();
        }
    }

    /// Ends the sessions with those who are not, or not now, members in force.
    pub(super) fn cut_off_strangers(&mut self) {
        let in_force = |name: &MemberName| self.members.is_in_force(name);
        let links = self.sessions.links();
        let gone = links.filter(|(_, member)| !in_force(member) || !in_force(&self.me));
        let gone: Vec<_> = gone.map(|(link, _)| link).collect();
        for link in gone {
            self.close(link);
            if let Some(member) = self.end(link) {
                tracing::info!(peer = %member, "no longer a member in force");
                let standing = self.standing.entry(member).or_default();
                standing.why = Some(NoLink::NotInForce);
            }
        }
    }
}
