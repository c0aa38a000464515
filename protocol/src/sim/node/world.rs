//! What a node has the world do, as the world, the reference and the invariants see it.

use std::rc::Rc;

use kentong_keys::{MemberName, RecoveryId};

use crate::charter::Paper;
use crate::member::heads::Heads as _;
use crate::member::history::{OurFeeds as _, Warning};
use crate::member::{Output, Told};
use crate::sync::{Fault, News};

use super::super::ground::Ground;
use super::super::said::Item;
use super::{Crashed, Effect, LinkId, Node, Point};

impl<G: Ground> Node<G> {
    /// Does what the node asks for.
    pub(super) fn carry_out(&mut self, output: Output<LinkId, Vec<Item>>) -> Result<(), Crashed> {
        match output {
            Output::Send(link, message) => self.watch.see(Effect::Send(link, message)),
            Output::Close(link) => self.watch.see(Effect::Close(link)),
            Output::Admit => {}
            Output::KeepCards => self.keep_cards(),
            Output::KeepPaper(_, paper) => self.keep_paper(paper)?,
            Output::KeepEvidence(evidence) => {
                self.watch.see(Effect::Evidence(Box::new(evidence)));
            }
            Output::Mark => {
                self.home.recovery.get_or_insert_with(RecoveryId::random);
            }
            Output::Unmark => self.home.recovery = None,
            Output::Said(items) => {
                if let Some(item) = items.first() {
                    self.watch.see(Effect::Answered(*item));
                }
            }
            Output::NotSaid { why, .. } => self.watch.see(Effect::Halted(why)),
            Output::Told(told) => self.told(told),
        }
        Ok(())
    }

    fn told(&self, told: Told) {
        let seen = match told {
            Told::Closed(_) => Effect::Closed,
            Told::AllChecked => Effect::Swept,
            Told::NotReleased(why) | Told::Stopped(why) => Effect::Halted(why),
            Told::Loaded { statements, failed } => {
                if failed {
                    self.watch
                        .see(Effect::Halted("what came back is not loaded".to_owned()));
                }
                Effect::TakenIn(statements as u64)
            }
            Told::PrivateLost { feed, signed } => Effect::Behind(format!(
                "{signed} leaves of {feed:?} were signed, for itself alone"
            )),
            Told::History(Warning::Lost { feed, signed, held }) => Effect::Behind(format!(
                "{signed} leaves of {feed:?} were signed, and {held} are held"
            )),
            Told::GoesOn { .. } => self.went_on(),
            Told::NoticeCounts => return self.goes_by(),
            Told::Learnt(member, news) => match learnt(member, news) {
                Some(effect) => effect,
                None => return,
            },
            Told::Broke { member, fault, .. } => self.broke(member, fault),
            Told::BadCredentials(member, why) => {
                Effect::Halted(format!("a warrant or card of {member} is refused: {why}"))
            }
            Told::Hindered(member, error) => {
                Effect::Halted(format!("what {member} sent is not stored: {error}"))
            }
            Told::ReceiptsNotStored(error) => Effect::Halted(error.to_string()),
            Told::History(Warning::Unconfirmed | Warning::ByRootKey { .. })
            | Told::Over(_)
            | Told::Answers(_)
            | Told::NotInForce(_)
            | Told::Ended(..)
            | Told::NewCard { .. }
            | Told::Former(..)
            | Told::Void(..)
            | Told::Whole(_)
            | Told::Received(_) => return,
        };
        self.watch.see(seen);
    }

    /// In how many feeds that others read it goes on, and how many ended.
    fn went_on(&self) -> Effect {
        let (mut feeds, mut ended) = (0, 0);
        let ours = self.member.ours();
        for (feed, signed) in self.member.heads().iter() {
            let held = ours.get(crate::feed::FeedId::from_digest(*feed));
            if !signed.is_ended() {
                feeds += 1;
            } else if held.is_none_or(|held| !held.is_private) {
                ended += 1;
            }
        }
        Effect::WentOn { feeds, ended }
    }

    fn broke(&self, member: MemberName, fault: Fault) -> Effect {
        let mut links = self.member.sessions().links();
        let link = links.find(|(_, of)| **of == member).map(|(link, _)| link);
        Effect::Faulted(link, member, fault)
    }

    /// The node uses what its home has of the federation's documents.
    pub(super) fn goes_by(&self) {
        let (chain, notices) = (self.home.papers.chain(), self.home.papers.notices());
        self.watch.see(Effect::GoesBy {
            charter: *chain.in_force().hash(),
            notices: notices.iter().map(|notice| *notice.hash()).collect(),
        });
    }

    /// The home keeps a document; the node uses it if it is in force.
    pub(super) fn keep_paper(&mut self, paper: Paper) -> Result<(), Crashed> {
        let held = Rc::clone(&self.home.papers);
        let Ok(received) = held.receive(paper, self.now.wall) else {
            return Ok(()); // No room for another suspension.
        };
        for vote in received.found {
            self.watch.see(Effect::VotedTwice(vote.member().clone()));
        }
        if let Some(papers) = received.papers {
            self.home.papers = Rc::new(papers);
            self.passes(Point::Paper)?;
        }
        if received.news {
            self.goes_by();
            let (cast, who) = (&self.part.cast, self.part.who);
            let members = cast.members(who, self.home.known(), self.now.wall);
            self.doing(|member, lent| member.use_members(members, lent))?;
        }
        Ok(())
    }

    /// The home keeps what is newer.
    fn keep_cards(&mut self) {
        while let Some(bundle) = self.member.next_card_to_keep(self.now).cloned() {
            self.member.card_kept(bundle.member());
            self.home.newer.insert(bundle.member().clone(), bundle);
        }
    }
}

fn learnt(member: MemberName, news: News) -> Option<Effect> {
    match news {
        News::Receipt { holds, .. } => Some(Effect::Receipt(member, holds)),
        News::Withheld { .. } | News::OtherLeaves(_) => Some(Effect::Withheld),
        News::Cosigned { .. } => Some(Effect::Cosigned),
        News::ClockAhead(_) => Some(Effect::ClockAhead),
        News::GoesBy { .. }
        | News::Opened
        | News::Compared
        | News::Shows { .. }
        | News::Heard(_)
        | News::Behind { .. }
        | News::Forked { .. }
        | News::Evidence(_)
        | News::Fault(_) => None,
    }
}
