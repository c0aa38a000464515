//! What members decide together: operators draft versions of the charter and suspensions, vote on those
//! of others, and bring a newcomer what it needs.
//!
//! People agree by voice and vote with care: for one document of a ballot; not for an earlier
//! round after a later one; and for no version on top of a document after a vote for one in its place.
//! So of two documents of one version on which something is built only one ever has votes enough. Who
//! goes by a document that leaves out a member with one of a later round is brought that by hand.

use std::collections::BTreeSet;
use std::rc::Rc;

use kentong_keys::Digest;

use crate::charter::{Charter, Draft, Paper, Papers, Says, UnverifiedCharter, UnverifiedNotice};

use super::super::founding::listing;
use super::super::model::Change;
use super::super::node::Node;
use super::actors::Brain;
use super::{Event, Fall, Federation, Grounds, Who};

/// The version, round and document for which somebody voted last.
pub(super) type Voted = (u32, u32, Digest);

impl<M: Grounds> Federation<'_, M> {
    /// An operator proposes that somebody come or go.
    pub(super) fn draft(&mut self, who: Who) -> Result<(), Fall> {
        let member = self.up(who).filter(|member| !member.is_halted());
        let Some(member) = member.filter(|member| member.lists(who)) else {
            if !self.calm {
                let after = self.dice.between(1_000, 5_000);
                self.later(after, Event::Draft(who));
            }
            return Ok(());
        };
        let papers = Rc::clone(member.papers());
        let in_force = papers.chain().in_force();
        // Now and then another document is proposed in the place of the one in force.
        let instead = papers.chain().version(in_force.version() - 1);
        let before = instead
            .filter(|_| self.dice.chance(150))
            .unwrap_or(in_force);
        let same = |charter: &&UnverifiedCharter| charter.terms().previous() == Some(before.hash());
        let rounds = papers.ballots().iter().filter(same);
        let rounds = rounds.map(|ballot| ballot.terms().round());
        let in_its_place = in_force.version() > before.version();
        let known = in_its_place.then(|| in_force.terms().round());
        let round = rounds.chain(known).max().unwrap_or(0) + 1;
        let Some(change) = self.change(who, before) else {
            return Ok(());
        };
        let draft = Draft::after(before, self.time(who).wall).round(round);
        let draft = match change {
            Change::Admit(other) => listing(draft, &self.cast, other),
            Change::Remove(other) => draft.without(self.cast.name(other)),
        };
        let document = draft.build().expect("one more or less is a charter");
        self.model.drafted(document.hash(), before.hash(), change);
        self.changes.insert(document.hash(), change);
        self.report.drafts += 1;
        self.trace.note(
            self.now,
            format_args!(
                "{who} proposes round {round} of {}: {change:?}",
                before.version() + 1
            ),
        );
        self.vote_for(who, &document)
    }

    /// Whom a version could let in or remove. At least two honest members stay.
    fn change(&mut self, who: Who, before: &Charter) -> Option<Change> {
        let listed: BTreeSet<Who> = before
            .members()
            .keys()
            .filter_map(|name| self.cast.who(name))
            .collect();
        let all = (0..self.actors.len()).map(Who);
        let outside: Vec<_> = all.filter(|one| !listed.contains(one)).collect();
        let honest = listed.iter().filter(|one| self.is_honest(**one)).count();
        let may_go = |one: &&Who| **one != who && (honest > 2 || !self.is_honest(**one));
        let inside: Vec<_> = listed.iter().filter(may_go).copied().collect();
        let removes = listed.len() > 2 && !inside.is_empty();
        let admits = !outside.is_empty();
        if removes && (!admits || self.dice.chance(500)) {
            self.dice.pick(&inside).copied().map(Change::Remove)
        } else {
            self.dice.pick(&outside).copied().map(Change::Admit)
        }
    }

    /// An operator votes, unless that would contradict a vote before.
    fn vote_for(&mut self, who: Who, document: &UnverifiedCharter) -> Result<(), Fall> {
        let (terms, hash) = (document.terms(), document.hash());
        let vote = (terms.version(), terms.round(), hash);
        let wall = self.time(who).wall;
        let chain = self.up(who).map(|member| member.papers().chain());
        let Some(chain) = chain.filter(|chain| chain.may_vote(document, wall).is_ok()) else {
            return Ok(());
        };
        let built_on = chain.version(vote.0 - 1);
        let built_on = built_on.map_or(0, |before| before.terms().round());
        if let Some((version, round, other)) = self.voted.get(&who).copied() {
            let later = (vote.0, vote.1) > (version, round) || other == hash;
            let on_top_of_another = version + 1 == vote.0 && built_on < round;
            if !later || on_top_of_another {
                return Ok(());
            }
        }
        let person = self.cast.person(who);
        let Ok(signed) = document.sign(&person.party.name, &person.root) else {
            return Ok(()); // It removes who would sign it.
        };
        self.voted.insert(who, vote);
        self.report.votes += 1;
        self.give(who, &Paper::Charter(Box::new(signed)))
    }

    /// A node takes a paper from its own operator.
    fn give(&mut self, who: Who, paper: &Paper) -> Result<(), Fall> {
        for brain in 0..self.actor(who).brains.len() {
            self.with(who, brain, |member| member.take_paper(paper.clone()))?;
        }
        Ok(())
    }

    /// An operator proposes that somebody be suspended for a while. Only where clocks are right: where
    /// they are not it may be over for one member before it begins for another.
    pub(super) fn suspend(&mut self, who: Who) -> Result<(), Fall> {
        let member = self
            .up(who)
            .filter(|member| member.lists(who) && !self.calm);
        let Some(member) = member.filter(|_| !self.plan.weather.clocks) else {
            return Ok(());
        };
        let papers = Rc::clone(member.papers());
        let charter = papers.chain().in_force();
        let others = charter
            .members()
            .keys()
            .filter_map(|name| self.cast.who(name));
        let others: Vec<_> = others.filter(|other| *other != who).collect();
        let Some(about) = self.dice.pick(&others).copied() else {
            return Ok(());
        };
        let from = self.time(who).wall;
        let until = from.plus(self.dice.between(10, 40));
        let name = self.cast.name(about).clone();
        let notice = UnverifiedNotice::draft(charter, name, Says::Suspended { until }, from);
        let notice = notice.expect("somebody who is listed may be suspended");
        let seconds = (from.seconds(), until.seconds());
        self.model
            .noticed(notice.hash(), *charter.hash(), about, seconds);
        self.trace
            .note(self.now, format_args!("{who} would suspend {about}"));
        self.agree(who, &notice)
    }

    fn agree(&mut self, who: Who, notice: &UnverifiedNotice) -> Result<(), Fall> {
        let person = self.cast.person(who);
        let chain = self.up(who).map(|member| member.papers().chain());
        let signed =
            chain.and_then(|chain| notice.sign(chain, &person.party.name, &person.root).ok());
        match signed {
            Some(signed) => self.give(who, &Paper::Notice(Box::new(signed))),
            None => Ok(()),
        }
    }

    /// An operator looks what waits for its vote, as long as things happen.
    pub(super) fn vote(&mut self, who: Who) -> Result<(), Fall> {
        if self.calm {
            return Ok(());
        }
        let after = self.dice.between(1_000, 8_000);
        self.later(after, Event::Vote(who));
        let Some(member) = self.up(who) else {
            return Ok(());
        };
        let (papers, name) = (Rc::clone(member.papers()), self.cast.name(who).clone());
        for ballot in papers.ballots().iter() {
            let vote = (ballot.terms().version(), ballot.terms().round());
            let voted = self.voted.get(&who);
            let open = voted.is_none_or(|(version, round, _)| (*version, *round) < vote);
            if open && self.dice.chance(600) {
                self.vote_for(who, ballot)?;
            }
        }
        for notice in papers.open_notices().iter() {
            let open = notice.signers(papers.chain());
            if open.is_ok_and(|(_, open)| open.contains(&name)) && self.dice.chance(500) {
                self.agree(who, notice)?;
            }
        }
        Ok(())
    }

    /// A node goes by other papers. Whom its charter lists and who does not know that yet is brought it
    /// by hand.
    pub(super) fn goes_by(&mut self, who: Who, charter: Digest, notices: BTreeSet<Digest>) {
        self.trace.note(
            self.now,
            format_args!("{who} goes by {charter:?} and {} notices", notices.len()),
        );
        let fresh = notices
            .iter()
            .filter(|notice| self.notices.insert(**notice));
        self.report.suspensions += fresh.count() as u64;
        let wall = self.time(who).wall.seconds();
        self.model.goes_by(who, charter, notices, wall);
        if let Some(change) = self.changes.remove(&charter) {
            self.report.versions += 1;
            match change {
                Change::Remove(_) => self.report.removals += 1,
                Change::Admit(other) if self.actor(other).joined => self.report.came_back += 1,
                Change::Admit(_) => self.report.admissions += 1,
            }
        }
        if !self.calm && self.dice.chance(300) {
            // What is said in the same moment must not reach a member that was removed.
            let after = self.dice.between(1, 50);
            self.later(after, Event::Speak(who));
        }
        let Some(papers) = self.up(who).map(|member| Rc::clone(member.papers())) else {
            return;
        };
        let listed: Vec<_> = self.model.listed(&charter).iter().copied().collect();
        for other in listed.into_iter().filter(|other| *other != who) {
            let actor = self.actor(other);
            let knows = actor.brains.first().is_some_and(|brain| {
                let charter = brain.papers().chain().in_force();
                let lists = |one| charter.member(actor.part.cast.name(one)).is_some();
                // Who goes by another version hears of this one from others, or knows better.
                let hears = lists(who) || charter.version() != papers.in_force().0;
                lists(other) && hears
            });
            if !knows {
                self.bring(other, &papers);
            }
        }
        self.compare(who, &papers);
    }

    /// Two members may go by two documents of one version of which each leaves the other out, so that their nodes do not
    /// speak: they find out by voice, and the one with the earlier round is brought the later.
    fn compare(&mut self, who: Who, papers: &Rc<Papers>) {
        let order = |papers: &Papers| papers.chain().in_force().terms().round();
        let name = self.cast.name(who).clone();
        let later = self
            .actors
            .iter()
            .filter(|actor| actor.joined)
            .find_map(|actor| {
                let held = actor.brains.first()?.papers();
                let listed = held.chain().in_force().member(&name).is_some();
                let other = self.cast.name(actor.part.who);
                let apart = papers.chain().in_force().member(other).is_none();
                // A later version comes by way of others.
                let rival = held.in_force().0 == papers.in_force().0 && order(held) > order(papers);
                (listed && apart && rival).then(|| Rc::clone(held))
            });
        if let Some(later) = later {
            self.bring(who, &later);
        }
    }

    fn bring(&mut self, who: Who, papers: &Rc<Papers>) {
        self.handed.insert(who, Rc::clone(papers));
        let after = self.dice.between(500, 10_000);
        self.later(after, Event::Join(who));
    }

    /// Somebody is brought the charter that lists it: a newcomer starts its node with it.
    pub(super) fn join(&mut self, who: Who) -> Result<(), Fall> {
        let Some(papers) = self.handed.get(&who).cloned() else {
            return Ok(());
        };
        let actor = self.actor(who);
        if !std::mem::replace(&mut actor.joined, true) {
            for brain in &mut actor.brains {
                if let Brain::Down(home) = brain {
                    home.papers = Rc::clone(&papers);
                }
            }
            self.later(1, Event::Restart(who));
            self.begins(who, 1);
            return Ok(());
        }
        for brain in 0..self.actor(who).brains.len() {
            self.with(who, brain, |member| member.install(&papers))?;
        }
        let behind = |member: &Node<M::Ground>| {
            let (held, brought) = (member.papers().in_force().0, papers.in_force().0);
            held < brought
        };
        if self.up(who).is_none_or(behind) {
            self.later(3_000, Event::Join(who)); // It is down, or crashed in between.
        }
        Ok(())
    }
}
