//! The federation's papers as they come from other nodes, and what a change of members means here, in
//! the order of a real node.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kentong_keys::Digest;

use crate::bounded::BoundedBytes;
use crate::charter::{Paper, Papers, UnverifiedCharter};
use crate::member::sessions::{Input, Whom};
use crate::time::Timestamp;
use crate::wire::Message;

use super::{Crashed, Effect, Ground, LinkId, Member, Point, Sabotage, Who};

/// Milliseconds that a member that is none any more has to tell the others, as in a real node.
const FAREWELL: u64 = 5_000;

/// Who belongs, as a node knows it.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The members in force, this one among them as long as it is.
    in_force: BTreeSet<Who>,
    /// When the next notice begins or ends to count.
    until: Option<Timestamp>,
    /// Until when a member that is none any more still speaks.
    farewell: Option<u64>,
}

impl<G: Ground> Member<G> {
    /// What the node holds of the federation's papers.
    pub(in crate::sim) fn papers(&self) -> &Papers {
        &self.home.papers
    }

    /// What identifies the federation.
    pub(super) fn federation(&self) -> Digest {
        *self.papers().chain().id().digest()
    }

    /// Whether the version that the node goes by lists somebody.
    pub(in crate::sim) fn lists(&self, who: Who) -> bool {
        let charter = self.papers().chain().in_force();
        charter.member(self.cast.name(who)).is_some()
    }

    pub(super) fn is_in_force(&self, who: Who) -> bool {
        self.standing.in_force.contains(&who)
    }

    /// Whether the node wants to speak with somebody, as far as the charter goes.
    pub(in crate::sim) fn admits(&self, who: Who) -> bool {
        let here = self.is_in_force(self.who) || self.standing.farewell.is_some();
        here && self.is_in_force(who) || self.is(Sabotage::KeepStrangers)
    }

    /// Other members in force.
    pub(super) fn others(&self) -> impl Iterator<Item = Who> + use<G> {
        let mut others = self.standing.in_force.clone();
        others.remove(&self.who);
        others.into_iter()
    }

    /// Others whom the charter lists and who are not in force: they are sent nothing for now.
    pub(super) fn held_back(&self) -> impl Iterator<Item = Who> {
        let listed = self.papers().chain().in_force().members().keys();
        let listed = listed.filter_map(|name| self.cast.who(name));
        listed.filter(|who| *who != self.who && !self.is_in_force(*who))
    }

    /// Looks into a paper, and goes by it if it is in force.
    pub(in crate::sim) fn take_paper(&mut self, paper: Paper) -> Result<(), Crashed> {
        let held = Rc::clone(&self.home.papers);
        let Ok(received) = held.receive(paper, self.now.wall) else {
            return Ok(()); // No room for another suspension.
        };
        for vote in received.found {
            self.effects.push(Effect::VotedTwice(vote.member().clone()));
        }
        let news = received.news;
        if let Some(papers) = received.papers {
            self.home.papers = Rc::new(papers);
            self.point(Point::Paper)?;
        }
        if news {
            self.go_by();
        }
        Ok(())
    }

    /// Sends a paper, if it is held still.
    pub(super) fn serve_paper(&mut self, id: LinkId, hash: &Digest) {
        let paper = self.papers().get(hash);
        let paper = paper.and_then(|bytes| BoundedBytes::new(bytes.to_vec()).ok());
        if let Some(paper) = paper {
            self.send(id, Message::Paper(paper));
        }
    }

    /// Takes all versions that somebody brings by hand.
    pub(in crate::sim) fn install(&mut self, papers: &Papers) -> Result<(), Crashed> {
        for charter in papers.chain().history() {
            if let Ok(version) = UnverifiedCharter::parse(charter.note().bytes()) {
                self.take_paper(Paper::Charter(Box::new(version)))?;
            }
        }
        Ok(())
    }

    /// Looks who is in force now, and says so.
    pub(super) fn look_who_belongs(&mut self) {
        let (papers, wall) = (Rc::clone(&self.home.papers), self.now.wall);
        let (chain, notices) = (papers.chain(), papers.notices());
        let listed = chain.in_force().members().keys();
        let in_force = listed.filter(|name| notices.membership(name, chain, wall).is_in_force());
        let in_force = in_force.filter_map(|name| self.cast.who(name));
        self.standing.in_force = in_force.collect();
        self.standing.until = notices.next_change(chain, wall);
        self.effects.push(Effect::GoesBy {
            charter: *chain.in_force().hash(),
            notices: notices.iter().map(|notice| *notice.hash()).collect(),
        });
    }

    /// Goes by what is on disk now. Who is no member any more is cut off before anything else is done.
    fn go_by(&mut self) {
        let before = self.standing.in_force.clone();
        self.look_who_belongs();
        // Who belonged before holds the keys of the epochs that are open.
        self.epochs.clear();
        let was_in_force = before.contains(&self.who);
        let in_force = self.standing.in_force.iter();
        let in_force = in_force.map(|who| self.cast.name(*who).clone());
        let in_force = Whom::Members(in_force.collect());
        self.tell(Input::Papers(in_force));
        if was_in_force && !self.is_in_force(self.who) {
            // Whoever leaves says so before it goes.
            self.standing.farewell = Some(self.now.millis + FAREWELL);
        } else {
            self.cut_off_strangers();
        }
        if !self.is(Sabotage::NoSweepForNewcomers) {
            self.sweep_all();
        }
    }

    /// When a notice begins or ends to count, or a farewell is over.
    pub(super) fn belongs_until(&self) -> u64 {
        let until = self.standing.until.map_or(u64::MAX, |until| {
            let left = until.since(self.now.wall).unwrap_or(0);
            self.now.millis + left.max(1) * 1000
        });
        until.min(self.standing.farewell.unwrap_or(u64::MAX))
    }

    /// Ends what a member that is none any more still had to say, and looks anew who is in force if a
    /// notice began or ended to count.
    pub(super) fn keep_up(&mut self) {
        let now = self.now;
        if self.standing.farewell.is_some_and(|at| at <= now.millis) {
            self.standing.farewell = None;
            self.cut_off_strangers();
        }
        if self.standing.until.is_some_and(|until| until <= now.wall) {
            self.look_who_belongs();
            self.cut_off_strangers();
            self.sweep_all();
        }
    }

    /// Ends the sessions with those who are not, or not now, members in force.
    fn cut_off_strangers(&mut self) {
        if self.is(Sabotage::KeepStrangers) {
            return;
        }
        let here = self.is_in_force(self.who);
        let links = self.sessions.links();
        let links = links.map(|(id, member)| (id, self.cast.who(member)));
        let links: BTreeMap<_, _> = links.collect();
        for (id, who) in links {
            if !here || !who.is_some_and(|who| self.is_in_force(who)) {
                self.effects.push(Effect::Close(id));
                self.disconnected(id);
            }
        }
    }
}
