//! The federation's papers as they come from other nodes, and what a change of members means here.

use std::time::Duration;

use kentong_protocol::MemberName;
use kentong_protocol::charter::Paper;
use kentong_protocol::member::Members;
use kentong_protocol::time::Moment;

use crate::charter_files::{self, CharterFilesError, Taken};
use crate::turn::Wait;

use super::core::Core;
use super::members::{self, Found};
use super::warnings::{Subject, Warning};

/// After how long it is tried again to put the file of a new member with the others.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);

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
    pub(super) fn settle_on(&mut self, now: Moment) {
        if self.unsettled.is_some() && now >= self.settle_at {
            self.settle_at = now.after(SETTLE_AGAIN);
            self.read_members_again();
        }
    }

    /// Other members, cards or documents are in force.
    pub(super) fn go_by(&mut self, found: Found) {
        let Found { members, unsettled } = found;
        self.unsettled = unsettled;
        let charter = |members: &Members| members.charter().map(|charter| *charter.hash());
        let before = charter(self.member.members());
        self.deciding(|member, lent| member.use_members(members, lent));
        let members = self.member.members();
        if let Some(charter) = members.charter().filter(|one| Some(*one.hash()) != before) {
            let (version, members) = (charter.version(), charter.members().len());
            tracing::info!(version, members, "a charter is in force");
        }
    }
}
