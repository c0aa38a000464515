//! One session with one member: who is let in, what comes when, when it ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kentong_keys::MemberName;

use crate::feed::{Checkpoint, FeedId};
use crate::time::Moment;
use crate::wire::{Alive, Claim, Hello, Message, PROTOCOL};

use super::exchange::{Ended, Input, Local, News, Output, Peer, Task};
use super::fault::Fault;
use super::fetch::Fetch;
use super::ledger::Ledger;
use super::limits::{Allowance, Now};
use super::papers::PapersExchange;

/// What evidence costs: two signatures and a proof are checked.
const EVIDENCE_COST: u64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for the peer's `Hello` until this moment.
    Greeting {
        until: Moment,
    },
    Open,
    Over,
}

/// A session with one member.
#[derive(Debug)]
pub struct Session {
    pub(super) local: Local,
    pub(super) peer: Peer,
    stage: Stage,
    /// What the peer's messages may cost.
    messages: Allowance,
    /// What answers to its requests may cost, and the answers that wait.
    answers: Allowance,
    waiting: VecDeque<(u64, Task)>,
    /// The newest epoch of each of our feeds whose key was sealed anew for the peer.
    pub(super) rewrapped: BTreeMap<FeedId, u32>,
    /// When the peer's sign of life may lead to a whole list of heads again.
    pub(super) heads_from: Moment,
    /// Own feeds of which the peer showed another history: what it says of them means nothing.
    pub(super) forked: BTreeSet<FeedId>,
    /// Whether the peer has said what it holds of our feeds.
    pub(super) greeted: bool,
    /// Whether it has shown all that it holds of them.
    pub(super) compared: bool,
    /// How far each of our feeds was sent to the peer.
    pub(super) sent: BTreeMap<FeedId, u64>,
    /// Feeds of which leaves were passed over or taken back, so that later ones leave a gap.
    pub(super) untaken: BTreeSet<FeedId>,
    /// The peer's newest checkpoints.
    pub(super) promised: BTreeMap<FeedId, Checkpoint>,
    /// Those before them that no leaves were compared with yet.
    pub(super) unchecked: BTreeMap<FeedId, Vec<Checkpoint>>,
    pub(super) fetch: Fetch,
    pub(super) papers: PapersExchange,
    /// What was last said of each of the peer's feeds: when, and size, missing, unopened, erased and
    /// applied.
    pub(super) receipts: BTreeMap<FeedId, (Moment, [u64; 5])>,
    /// What the peer said last that it holds of our feeds: size, missing, unopened, erased.
    pub(super) acknowledged: BTreeMap<FeedId, (u64, u64, u64, u64)>,
    /// When a receipt that came too soon after another is to be sent.
    pub(super) receipt_due: Option<Moment>,
    next_alive: Moment,
    pub(super) out: Vec<Output>,
    /// What the peer was seen to show, to be told when all else of an input is done.
    pub(super) shows: Vec<(FeedId, u64)>,
}

impl Session {
    /// Begins a session with the member to whom the connection's key belongs.
    #[must_use]
    pub fn begin(local: Local, peer: Peer, now: Now) -> (Self, Vec<Output>) {
        let hello = Message::Hello(Box::new(Hello {
            protocol: PROTOCOL,
            features: 0,
            federation: local.federation,
            charter_version: local.charter_version,
            charter: local.charter,
            member: local.me.clone(),
            warrant: local.serials.0,
            card: local.serials.1,
            your_warrant: peer.serials.0,
            your_card: peer.serials.1,
        }));
        let session = Self {
            stage: Stage::Greeting {
                until: now.after(local.limits.hello_patience),
            },
            messages: Allowance::full(
                local.limits.messages,
                local.limits.messages_per_second,
                now.moment,
            ),
            answers: Allowance::full(
                local.limits.answers,
                local.limits.answers_per_second,
                now.moment,
            ),
            waiting: VecDeque::new(),
            rewrapped: BTreeMap::new(),
            heads_from: Moment::START,
            forked: BTreeSet::new(),
            greeted: false,
            compared: false,
            sent: BTreeMap::new(),
            untaken: BTreeSet::new(),
            promised: BTreeMap::new(),
            unchecked: BTreeMap::new(),
            fetch: Fetch::default(),
            papers: PapersExchange::new(&local.limits, now),
            receipts: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            receipt_due: None,
            next_alive: now.after(local.limits.alive_every),
            out: Vec::new(),
            shows: Vec::new(),
            local,
            peer,
        };
        (session, vec![Output::Do(Task::Send(hello))])
    }

    /// The other side's member.
    #[must_use]
    pub const fn member(&self) -> &MemberName {
        &self.peer.member
    }

    /// Whether both sides have said hello, and neither goodbye.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// When to give [`Input::Tick`] at the latest.
    #[must_use]
    pub fn wake_at(&self) -> Moment {
        match self.stage {
            Stage::Greeting { until } => until,
            Stage::Open => {
                let fetch = self.fetch.wake_at().unwrap_or(Moment::NEVER);
                let receipt = self.receipt_due.unwrap_or(Moment::NEVER);
                let answer = self.waiting.front();
                let answer = answer.map_or(Moment::NEVER, |(cost, _)| self.answers.wait_for(*cost));
                let papers = self.papers.wake_at();
                let all = [self.next_alive, fetch, receipt, answer, papers];
                all.into_iter().min().unwrap_or(Moment::NEVER)
            }
            Stage::Over => Moment::NEVER,
        }
    }

    /// Handles what happened; answers what to do and what was found out.
    pub fn handle(&mut self, input: Input<'_>, now: Now, ledger: &impl Ledger) -> Vec<Output> {
        if self.stage == Stage::Over {
            return Vec::new();
        }
        if let Err(fault) = self.step(input, now, ledger) {
            self.learn(News::Fault(fault));
            self.ask(Task::Send(Message::Bye(fault.bye())));
            self.end(Ended::ByFault);
        }
        // Only now: what came with it is stored first, or it would be asked for.
        let shows = self.shows.drain(..);
        self.out
            .extend(shows.map(|(feed, size)| Output::Learnt(News::Shows { feed, size })));
        std::mem::take(&mut self.out)
    }

    /// Asks for something to be done, after all that was asked for before.
    pub(super) fn ask(&mut self, task: Task) {
        self.out.push(Output::Do(task));
    }

    /// Says what was found out.
    pub(super) fn learn(&mut self, news: News) {
        self.out.push(Output::Learnt(news));
    }

    fn end(&mut self, why: Ended) {
        self.stage = Stage::Over;
        self.ask(Task::Close(why));
    }

    fn step(&mut self, input: Input<'_>, now: Now, ledger: &impl Ledger) -> Result<(), Fault> {
        match input {
            Input::Frame(bytes) => self.message(Message::decode(bytes)?, now, ledger),
            Input::Tick => self.tick(now, ledger),
            Input::Published(feed) => {
                if self.is_open() {
                    self.push(feed, ledger);
                }
                Ok(())
            }
            Input::Changed => {
                if self.is_open() {
                    self.check_promises(ledger)?;
                    self.pull(now, ledger);
                    self.receipt(now, ledger);
                }
                Ok(())
            }
            Input::Reassigned(feed) => {
                self.fetch.look_anew(feed);
                if self.is_open() {
                    self.pull(now, ledger);
                }
                Ok(())
            }
            Input::Head(feed) => {
                if self.greeted {
                    self.show_head(feed, ledger);
                }
                Ok(())
            }
            Input::Evidence(evidence) => {
                if self.is_open() {
                    self.pass_on(evidence, ledger);
                }
                Ok(())
            }
            Input::PeerKeys(peer) => {
                self.peer = peer;
                Ok(())
            }
            Input::Papers => {
                if self.is_open() {
                    self.list_papers(ledger);
                }
                Ok(())
            }
            Input::Close(bye) => {
                self.ask(Task::Send(Message::Bye(bye)));
                self.end(Ended::ByUs(bye));
                Ok(())
            }
        }
    }

    fn message(&mut self, message: Message, now: Now, ledger: &impl Ledger) -> Result<(), Fault> {
        if let Stage::Greeting { .. } = self.stage {
            return match message {
                Message::Hello(hello) => self.hello(&hello, ledger),
                Message::Bye(bye) => {
                    self.end(Ended::ByPeer(bye));
                    Ok(())
                }
                Message::Credentials { .. }
                | Message::Heads(_)
                | Message::WantLeaves { .. }
                | Message::Leaves(_)
                | Message::WantBodies { .. }
                | Message::Body { .. }
                | Message::NoBody { .. }
                | Message::WantEpoch { .. }
                | Message::Rewrap { .. }
                | Message::Evidence(_)
                | Message::Papers(_)
                | Message::WantPapers { .. }
                | Message::Paper(_)
                | Message::Claim(_) => Err(Fault::NoHello),
            };
        }
        if !matches!(message, Message::Heads(_)) {
            self.list_ended(); // Messages come in their order.
        }
        match message {
            Message::Hello(_) => Err(Fault::SecondHello),
            Message::Credentials { warrant, card } => self.credentials(warrant, card, now),
            Message::Papers(list) => self.papers(&list, now, ledger),
            Message::WantPapers { papers, members } => {
                self.serve_papers((&papers, &members), now, ledger)
            }
            Message::Paper(paper) => self.paper(&paper, now),
            Message::Heads(heads) => {
                let count = heads.mine.len().saturating_add(heads.yours.len() / 16);
                self.charge((count as u64).saturating_add(1), now)?;
                self.heads(&heads, now, ledger)
            }
            Message::WantLeaves { feed, from } => self.serve_leaves(feed, from, now, ledger),
            Message::Leaves(leaves) => {
                let count = (leaves.leaves.len() / 64).saturating_add(leaves.following.len());
                self.charge((count as u64).saturating_add(1), now)?;
                self.leaves(*leaves, now, ledger)
            }
            Message::WantBodies { feed, indexes } => self.serve_bodies(feed, &indexes, now, ledger),
            Message::Body { feed, index, body } => {
                self.body(feed, index, body.into_vec(), now, ledger)
            }
            Message::NoBody { feed, index } => self.no_body(feed, index, ledger),
            Message::WantEpoch { feed, epoch } => self.serve_epoch(feed, epoch, now, ledger),
            Message::Rewrap {
                feed,
                epoch,
                key_id,
                sealed,
            } => {
                self.charge(1, now)?;
                self.epoch_key(feed, epoch, (key_id, sealed))
            }
            Message::Evidence(evidence) => {
                self.charge(EVIDENCE_COST, now)?;
                self.evidence((*evidence).into(), ledger)
            }
            Message::Claim(signed) => self.claim(signed, now, ledger),
            Message::Bye(bye) => {
                self.end(Ended::ByPeer(bye));
                Ok(())
            }
        }
    }

    fn hello(&mut self, hello: &Hello, ledger: &impl Ledger) -> Result<(), Fault> {
        if hello.protocol != PROTOCOL {
            return Err(Fault::Version);
        }
        if hello.federation != self.local.federation {
            return Err(Fault::ForeignFederation);
        }
        if hello.member != self.peer.member {
            return Err(Fault::WrongMember);
        }
        self.stage = Stage::Open;
        self.goes_by(hello.charter_version, hello.charter);
        let (warrant, card) = self.local.serials;
        if hello.your_warrant < warrant || hello.your_card < card {
            self.ask(Task::SendCredentials);
        }
        // By which warrants this side goes the peer hears before what can be verified by them only.
        self.list_papers(ledger);
        self.learn(News::Opened);
        self.send_heads(ledger);
        Ok(())
    }

    fn tick(&mut self, now: Now, ledger: &impl Ledger) -> Result<(), Fault> {
        match self.stage {
            Stage::Greeting { until } if now.moment >= until => return Err(Fault::Silent),
            Stage::Greeting { .. } | Stage::Over => return Ok(()),
            Stage::Open => {}
        }
        if self.fetch.overdue(now.moment) {
            let withheld = self.fetch.withheld_at(now.moment);
            let name = |(feed, index)| Output::Learnt(News::Withheld { feed, index });
            self.out.extend(withheld.into_iter().map(name));
            return Err(Fault::Stalled);
        }
        self.answer(now);
        self.ask_for_papers(now);
        if now.moment >= self.next_alive {
            self.next_alive = now.after(self.local.limits.alive_every);
            let heads = self.shared_heads(ledger);
            let charter_version = self.local.charter_version;
            self.ask(Task::SendClaim(Claim::Alive(Alive {
                time: now.wall,
                charter_version,
                heads,
            })));
        }
        self.receipt(now, ledger);
        Ok(())
    }

    /// Takes what a message costs to look into from the peer's allowance.
    pub(super) fn charge(&mut self, cost: u64, now: Now) -> Result<(), Fault> {
        if self.messages.take(cost, now.moment) {
            Ok(())
        } else {
            Err(Fault::TooFast)
        }
    }

    /// Answers a request, at once or, if the peer asks faster than it may be answered, later.
    pub(super) fn serve(&mut self, cost: u64, answer: Task, now: Now) -> Result<(), Fault> {
        if self.waiting.len() >= self.local.limits.waiting_requests {
            return Err(Fault::TooFast);
        }
        self.waiting.push_back((cost, answer));
        self.answer(now);
        Ok(())
    }

    /// Answers the requests that waited, as far as the allowance goes.
    fn answer(&mut self, now: Now) {
        while let Some((cost, _)) = self.waiting.front()
            && self.answers.take(*cost, now.moment)
        {
            let answer = self.waiting.pop_front();
            self.out
                .extend(answer.map(|(_, answer)| Output::Do(answer)));
        }
    }
}
