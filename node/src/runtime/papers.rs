//! The federation's papers as they come from other nodes, and what a change of members means here.

use std::collections::BTreeSet;

use kentong_protocol::MemberName;
use kentong_protocol::charter::{Charter, Paper, Papers, Says, UnverifiedCharter};
use kentong_protocol::member::sessions::{Input, Whom};

use crate::charter_files::{self, CharterFilesError, Taken};
use crate::turn::Wait;

use super::core::Core;
use super::members::{self, Found};
use super::warnings::Subject;

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
            let warning = format!(
                "{member} signed two charters of version {version} in round {round}: both are in {}; \
                 tell the other members",
                self.home.evidence().display()
            );
            self.warn(Subject::Evidence(member.clone()), warning);
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
                let warning = format!("the members stay as they were: {error}");
                self.warn(Subject::Papers, warning);
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
            // Who belonged before holds the keys of the epochs that are open.
            self.epochs.clear();
        }
        let was_in_force = self.members.is_in_force(&self.me);
        let warrants = self.warrants();
        self.members = members;
        self.look_for_new_keys(&warrants);
        let parties = self.members.parties().iter();
        let members_in_force: BTreeSet<_> = parties.map(|party| party.name.clone()).collect();
        if let Some(charter) = self.members.charter().filter(|_| before != after) {
            let (version, members) = (charter.version(), charter.members().len());
            tracing::info!(version, members, "a charter is in force");
        }
        self.tell(Input::Papers(Whom::Members(members_in_force)));
        if was_in_force && !self.members.is_in_force(&self.me) {
            // Whoever leaves says so before it goes.
            self.farewell = Some(self.now().millis + FAREWELL);
        } else {
            self.admit();
            self.cut_off_strangers();
        }
        self.sweep_all();
        if before != after {
            self.take_anew(); // The quota may be another.
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
                standing.why = Some("it is no member in force".to_owned());
            }
        }
    }

    /// What waits for this member's root key, or shows that members do not go by one charter.
    pub(super) fn governance_warnings(&self) -> Vec<String> {
        let Some(papers) = self.members.papers() else {
            return Vec::new();
        };
        let votes = papers.ballots().iter().filter_map(|vote| {
            let by = waits_for(papers, vote, &self.me)?;
            let (version, round) = (vote.terms().version(), vote.terms().round());
            Some(format!(
                "version {version} of the charter, round {round}, waits for votes, and {} signed it: \
                 see `kentong charter votes`",
                names(by.iter())
            ))
        });
        let unsettled = self.unsettled.as_ref().map(|why| {
            format!(
                "the file of a new member cannot be put with the others yet, and that is tried again: {why}"
            )
        });
        let now = self.wall();
        let notices = papers.open_notices().iter().filter_map(|notice| {
            let (signed, open) = notice.signers(papers.chain()).ok()?;
            let terms = notice.terms();
            match terms.says {
                Says::Suspended { until } if until > now && open.contains(&self.me) => {
                    Some(format!(
                        "{} would suspend {}, which takes more signatures: see `kentong charter \
                         votes`",
                        names(signed.iter()),
                        terms.member
                    ))
                }
                Says::Suspended { .. } | Says::Leaves => None,
            }
        });
        let (version, hash) = papers.in_force();
        let other = self.standing.iter().filter_map(|(member, standing)| {
            let (theirs, their_hash) = standing.goes_by?;
            (theirs == version && their_hash != hash).then(|| {
                format!(
                    "{member} goes by another charter of version {version}: compare `kentong \
                     charter history` with theirs, by voice"
                )
            })
        });
        let all = unsettled.into_iter().chain(votes).chain(notices);
        all.chain(other).collect()
    }
}

/// Who signed a version that may follow and that `me` has not signed.
fn waits_for(
    papers: &Papers,
    vote: &UnverifiedCharter,
    me: &MemberName,
) -> Option<BTreeSet<MemberName>> {
    let in_force: &Charter = papers.chain().in_force();
    let terms = vote.terms();
    let later = terms.version() > in_force.version() || terms.round() > in_force.terms().round();
    let signers = vote.signers();
    let open = later && !signers.contains(me) && terms.member(me).is_some();
    let tally = papers.chain().tally(vote).ok()?;
    (open && tally.unmet().is_some()).then_some(signers)
}

fn names<'a>(names: impl Iterator<Item = &'a MemberName>) -> String {
    names.map(MemberName::as_str).collect::<Vec<_>>().join(", ")
}
