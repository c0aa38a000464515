//! The sessions of a node: which there are, and what each is told in which order.
//!
//! All that happens goes through one queue of what each session is to be told. [`Sessions::give`] only puts
//! something into the queue; [`Sessions::next`] takes one entry out, hands it to its session and
//! answers, one after the other, what the session asks for. This is a *turn*. When all of that is done, the
//! same session is shown what it changed, first from whom feeds are fetched now, then that there may be more to
//! fetch. Only then do others hear: members that show more of a feed than the leaves that came, and the
//! publisher of a feed that grew by what another member gave, whose session sends the receipt. They hear by
//! the queue, so no session is handed anything while another's outputs are half done, and nothing here
//! calls itself however many sessions tell one another something.
//!
//! # Why it ends
//!
//! What is given from outside is finite, and each entry that follows from a turn uses up something that does
//! not come again without another frame: a link, which ends once; leaves, bodies and keys that were
//! missing and are stored; a paper, a card or a proof of two histories that is news only once. What says *look
//! again* waits at most once for each session and feed, so the queue is no longer than the sessions times
//! the feeds that they may have, and a few for each session beside.

mod cut_off;
mod exchange;
mod turn;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::guard::{self, Guard};
use crate::sync::{Evidence, Input as SessionInput, Ledger, Now, Output as SessionOutput};
use crate::sync::{Peer, Session};
use crate::time::Moment;
use crate::wire::Bye;

use turn::Turn;

pub use cut_off::CutOffs;
pub use exchange::{Input, Output, Whom};

/// The sessions of a node, by their links.
#[derive(Debug)]
pub struct Sessions<Id> {
    links: BTreeMap<Id, Link>,
    queue: VecDeque<(Id, Told)>,
    turn: Option<Turn<Id>>,
    /// Members whose last link ended, until that is said.
    gone: VecDeque<MemberName>,
}

/// A link and its session.
#[derive(Debug)]
struct Link {
    member: MemberName,
    session: Session,
    wake_at: Moment,
    /// What is in the queue for it, and need not be twice.
    looks: BTreeSet<Look>,
}

/// What a session is to be told.
#[derive(Debug)]
enum Told {
    Begun(Vec<SessionOutput>),
    Frame(Vec<u8>),
    Tick,
    Look(Look),
    Evidence(Arc<Evidence>),
    PeerKeys(Box<Peer>),
    Close(Bye),
}

/// To look again at what the node holds: told twice it is the same as told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Changed,
    Reassigned(Option<FeedId>),
    Published(FeedId),
    Head(FeedId),
    Papers,
}

/// What the node failed on.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed<Id> {
    /// On which link.
    pub link: Id,
    /// With whom.
    pub member: MemberName,
    /// The frame, if it was one.
    pub frame: Option<Vec<u8>>,
}

impl<Id> Default for Sessions<Id> {
    fn default() -> Self {
        Self {
            links: BTreeMap::new(),
            queue: VecDeque::new(),
            turn: None,
            gone: VecDeque::new(),
        }
    }
}

impl<Id: Copy + Ord> Sessions<Id> {
    /// Takes note of what happened. What follows from it [`Sessions::next`] answers.
    pub fn give(&mut self, input: Input<Id>, now: Now) {
        match input {
            Input::Connected { link, local, peer } => {
                let member = peer.member.clone();
                let (session, outputs) = Session::begin(*local, peer, now);
                let begun = Link {
                    member,
                    wake_at: session.wake_at(),
                    session,
                    looks: BTreeSet::new(),
                };
                self.links.insert(link, begun);
                self.queue.push_back((link, Told::Begun(outputs)));
            }
            Input::Frame { link, bytes } => self.queue.push_back((link, Told::Frame(bytes))),
            Input::Drained(link) => self.look(link, Look::Changed),
            Input::Ended(link) => self.end(link),
            Input::SentLeaves { link, feed, until } => {
                if let Some(link) = self.links.get_mut(&link) {
                    link.session.sent_leaves(feed, until);
                }
            }
            Input::Tick => {
                let links = self.links.iter();
                let due = links.filter(|(_, link)| link.wake_at <= now.moment);
                self.queue.extend(due.map(|(id, _)| (*id, Told::Tick)));
            }
            Input::Published(feed) => self.each_looks(&Whom::All, Look::Published(feed)),
            Input::Head(feed) => self.each_looks(&Whom::All, Look::Head(feed)),
            Input::Changed => self.each_looks(&Whom::All, Look::Changed),
            Input::Reassigned(feed) => self.each_looks(&Whom::All, Look::Reassigned(feed)),
            Input::Papers(whom) => self.each_looks(&whom, Look::Papers),
            Input::Evidence(evidence) => {
                let evidence = Arc::new(evidence);
                self.each(&Whom::All, || Told::Evidence(Arc::clone(&evidence)));
            }
            Input::PassOn(link, evidence) => {
                let told = Told::Evidence(Arc::new(evidence));
                self.queue.push_back((link, told));
            }
            Input::PeerKeys(peer) => {
                let whom = Whom::Members(BTreeSet::from([peer.member.clone()]));
                for link in self.links.values_mut() {
                    if whom.holds(&link.member) {
                        // What was to be looked at before is looked at with the new keys again.
                        link.looks.clear();
                    }
                }
                self.each(&whom, || Told::PeerKeys(Box::new(peer.clone())));
            }
            Input::Close(whom, bye) => self.each(&whom, || Told::Close(bye)),
        }
    }

    /// What to do next; none when all that was given is done. The one before it must be done.
    pub fn next(&mut self, now: Now, ledger: &impl Ledger) -> Option<Output<Id>> {
        loop {
            if let Some(member) = self.gone.pop_front() {
                return Some(Output::Gone(member));
            }
            if let Some(turn) = &mut self.turn {
                if let Some(output) = turn.next() {
                    let (link, member) = (turn.link, turn.member.clone());
                    return Some(match output {
                        SessionOutput::Do(task) => Output::Do { link, member, task },
                        SessionOutput::Learnt(news) => Output::Learnt { link, member, news },
                    });
                }
                if let Some(input) = turn.look_again() {
                    let link = turn.link;
                    self.handle(link, input, now, ledger);
                    continue;
                }
                self.others_hear(ledger);
                self.turn = None;
            }
            let (link, told) = self.queue.pop_front()?;
            self.begin(link, told, now, ledger);
        }
    }

    /// The node failed in the middle of what [`Sessions::next`] answered last, or in it. The link of
    /// that turn ends. None if no link was being worked for.
    pub fn failed(&mut self) -> Option<Failed<Id>> {
        let Turn {
            link,
            member,
            frame,
            ..
        } = self.turn.take()?;
        self.end(link);
        Some(Failed {
            link,
            member,
            frame,
        })
    }

    /// When to give [`Input::Tick`] at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Moment {
        let each = self.links.values().map(|link| link.wake_at);
        each.min().unwrap_or(Moment::NEVER)
    }

    /// Each link and its member.
    pub fn links(&self) -> impl Iterator<Item = (Id, &MemberName)> {
        self.links.iter().map(|(id, link)| (*id, &link.member))
    }

    /// With whom a link is.
    #[must_use]
    pub fn member(&self, link: Id) -> Option<&MemberName> {
        self.links.get(&link).map(|link| &link.member)
    }

    /// Whether there is a link with this member.
    #[must_use]
    pub fn is_linked(&self, member: &MemberName) -> bool {
        self.links.values().any(|link| link.member == *member)
    }

    /// Hands a session what it is to be told, and begins a turn with what it asks for.
    fn begin(&mut self, link: Id, told: Told, now: Now, ledger: &impl Ledger) {
        let Some(known) = self.links.get_mut(&link) else {
            return; // It ended meanwhile.
        };
        let turn = Turn::new(link, known.member.clone(), None);
        let turn = self.turn.insert(turn);
        match told {
            Told::Begun(outputs) => turn.outputs.extend(outputs),
            Told::Frame(bytes) => {
                // Kept until all that follows is done: if the node fails on it, somebody will ask for it.
                let frame = turn.frame.insert(bytes);
                let outputs = known.handle(SessionInput::Frame(frame), now, ledger);
                turn.outputs.extend(outputs);
            }
            Told::Tick => self.handle(link, SessionInput::Tick, now, ledger),
            Told::Look(look) => {
                known.looks.remove(&look);
                self.handle(link, look.into(), now, ledger);
            }
            Told::Evidence(evidence) => {
                self.handle(link, SessionInput::Evidence(&evidence), now, ledger);
            }
            Told::PeerKeys(peer) => self.handle(link, SessionInput::PeerKeys(*peer), now, ledger),
            Told::Close(bye) => self.handle(link, SessionInput::Close(bye), now, ledger),
        }
    }

    /// Gives an input to the session whose turn it is.
    fn handle(&mut self, link: Id, input: SessionInput<'_>, now: Now, ledger: &impl Ledger) {
        if let (Some(link), Some(turn)) = (self.links.get_mut(&link), &mut self.turn) {
            let outputs = link.handle(input, now, ledger);
            turn.outputs.extend(outputs);
        }
    }

    /// What grew in this turn others hear of.
    fn others_hear(&mut self, ledger: &impl Ledger) {
        let Some(turn) = &mut self.turn else {
            return;
        };
        let (link, leaves) = (turn.link, std::mem::take(&mut turn.leaves));
        let stored = std::mem::take(&mut turn.stored);
        for (feed, from) in leaves {
            // Its bodies may come from those who show more of it, too.
            let ahead = ledger.sources().ahead(&feed, from);
            let ahead = Whom::Members(ahead.cloned().collect());
            self.others_look(link, &ahead, Look::Reassigned(Some(feed)));
        }
        for feed in stored {
            if let Some(view) = ledger.feed(&feed) {
                let publisher = view.genesis.publisher.clone();
                let publisher = Whom::Members(BTreeSet::from([publisher]));
                self.others_look(link, &publisher, Look::Changed);
            }
        }
    }

    /// A link is no more: what it was to fetch others are asked for.
    fn end(&mut self, id: Id) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.link == id) {
            turn.cut_short();
        }
        if !self.is_linked(&link.member) {
            self.gone.push_back(link.member);
        }
        self.each_looks(&Whom::All, Look::Reassigned(None));
    }

    fn each(&mut self, whom: &Whom, told: impl Fn() -> Told) {
        let links = self.links.iter();
        let meant = links.filter(|(_, link)| whom.holds(&link.member));
        self.queue.extend(meant.map(|(id, _)| (*id, told())));
    }

    fn each_looks(&mut self, whom: &Whom, look: Look) {
        for (id, link) in &mut self.links {
            if whom.holds(&link.member) && link.looks.insert(look) {
                self.queue.push_back((*id, Told::Look(look)));
            }
        }
    }

    fn others_look(&mut self, except: Id, whom: &Whom, look: Look) {
        for (id, link) in &mut self.links {
            if *id != except && whom.holds(&link.member) && link.looks.insert(look) {
                self.queue.push_back((*id, Told::Look(look)));
            }
        }
    }

    fn look(&mut self, id: Id, look: Look) {
        if let Some(link) = self.links.get_mut(&id)
            && link.looks.insert(look)
        {
            self.queue.push_back((id, Told::Look(look)));
        }
    }
}

impl Link {
    fn handle(
        &mut self,
        input: SessionInput<'_>,
        now: Now,
        ledger: &impl Ledger,
    ) -> Vec<SessionOutput> {
        let told = !matches!(input, SessionInput::Published(_)) || guard::on(Guard::PublishedTold);
        assert!(told, "a test took this guard out");
        let outputs = self.session.handle(input, now, ledger);
        self.wake_at = self.session.wake_at();
        outputs
    }
}

impl From<Look> for SessionInput<'_> {
    fn from(look: Look) -> Self {
        match look {
            Look::Changed => Self::Changed,
            Look::Reassigned(feed) => Self::Reassigned(feed),
            Look::Published(feed) => Self::Published(feed),
            Look::Head(feed) => Self::Head(feed),
            Look::Papers => Self::Papers,
        }
    }
}

#[cfg(test)]
mod tests;
