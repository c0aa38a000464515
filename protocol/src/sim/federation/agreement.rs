//! Whether all have come to agree: who belongs, and who knows what.

use std::collections::BTreeSet;

use kentong_keys::Digest;

use crate::charter::{Paper, UnverifiedCharter};

use super::super::ground::Ground;
use super::super::invariant::{came_back, converged, erased, nothing_lost, strangers_hold};
use super::super::node::Node;
use super::actors::Brain;
use super::{Fall, Federation, Grounds, Invariant, Who};

impl<M: Grounds> Federation<'_, M> {
    /// Whether every honest node is up, has done what it has to, and knows what it should.
    pub(super) fn agreed(&mut self) -> Result<(), Fall> {
        let mut honest: Vec<&Node<M::Ground>> = Vec::new();
        let actors = self.actors.iter().filter(|actor| actor.joined);
        for actor in actors.filter(|actor| actor.tongue.is_none()) {
            match actor.brains.first() {
                Some(Brain::Up(member)) if !member.has_work() => honest.push(member),
                _ => return late(format!("{} is not done", actor.part.who)),
            }
        }
        if self.rightful.is_some() {
            return late("somebody uses the keys of another".to_owned());
        }
        let (newest, listed) = self.belong(&honest)?;
        // Whoever was removed is not told any more what it signed, and waits for its root key.
        let waits = |one: &&&Node<M::Ground>| one.is_restored() && listed.contains(&one.who());
        if let Some(member) = honest.iter().find(waits) {
            return late(format!("{} is not heard out", member.who()));
        }
        for member in &honest {
            self.model.acted(member.who(), None);
            let lost = nothing_lost(&self.model, member, &self.receipts);
            lost.map_err(|what| (Invariant::NothingLost, what))?;
            erased(member).map_err(|what| (Invariant::Erased, what))?;
        }
        let publishers = honest.iter().filter(|one| listed.contains(&one.who()));
        for publisher in publishers {
            for reader in honest
                .iter()
                .filter(|reader| reader.who() != publisher.who())
            {
                if listed.contains(&reader.who()) {
                    if self.model.is_restored(publisher.who()) {
                        let back = came_back(publisher, reader);
                        back.map_err(|what| (Invariant::NothingLost, what))?;
                    }
                    let same = converged(&self.cast, &self.model, publisher, reader);
                    same.map_err(|what| (Invariant::Converged, what))?;
                } else {
                    let holds = strangers_hold(&self.cast, &self.model, publisher, reader);
                    holds.map_err(|what| (Invariant::OnlyMembers, what))?;
                }
            }
        }
        // They hold the same votes and notices.
        let held = waiting(newest);
        let others = honest.iter().filter(|one| listed.contains(&one.who()));
        match others
            .map(|one| (one.who(), waiting(one)))
            .find(|(_, other)| *other != held)
        {
            Some((who, _)) => late(format!("{who} and {} hold other papers", newest.who())),
            None => Ok(()),
        }
    }

    /// Who belongs in the end: whom the newest version lists by which one of them goes. All of these go
    /// by it. And one of them.
    fn belong<'m>(
        &self,
        honest: &[&'m Node<M::Ground>],
    ) -> Result<(&'m Node<M::Ground>, BTreeSet<Who>), Fall> {
        let order = |member: &Node<M::Ground>| {
            let charter = member.papers().chain().in_force();
            (charter.version(), charter.terms().round())
        };
        let themselves = honest.iter().filter(|member| member.lists(member.who()));
        let Some(newest) = themselves.max_by_key(|member| order(member)) else {
            return late("nobody belongs".to_owned());
        };
        let charter = newest.papers().in_force().1;
        let listed = self.model.listed(&charter);
        for who in listed.iter().filter(|who| self.is_honest(**who)) {
            let member = honest.iter().find(|member| member.who() == *who);
            let Some(member) = member else {
                return late(format!("{who} does not know yet that it belongs"));
            };
            if member.papers().in_force().1 != charter {
                return late(format!(
                    "{who} goes by another charter than {}",
                    newest.who()
                ));
            }
            if let Some(other) = listed.iter().find(|other| !self.knows_keys(*who, **other)) {
                return late(format!("{who} does not know the keys of {other}"));
            }
            if let Some(other) = listed.iter().find(|other| !member.admits(**other)) {
                return late(format!("{who} does not speak to {other}"));
            }
        }
        Ok((newest, listed.clone()))
    }
}

fn late<T>(what: String) -> Result<T, Fall> {
    Err((Invariant::Converged, what))
}

/// What of a node's papers may still count beside the versions in force: votes with who gave them, and
/// notices. Settled ones, and those that still take signatures, are dropped by each in its time.
fn waiting<G: Ground>(member: &Node<G>) -> BTreeSet<Digest> {
    let papers = member.papers();
    let (chain, listed) = (papers.chain(), papers.listed_for(papers.in_force()));
    let counts = |ballot: &&UnverifiedCharter| {
        ballot.terms().version() >= chain.in_force().version() && chain.tally(ballot).is_ok()
    };
    let ballots = papers.ballots().iter().filter(counts);
    let ballots = ballots.map(|ballot| Paper::hash(ballot.bytes()));
    let ballots = ballots.filter(|hash| listed.contains(hash));
    // Two members may hold one notice with other signatures, if there are more than it takes.
    let notices = papers.notices().iter().map(|notice| *notice.hash());
    ballots.chain(notices).collect()
}
