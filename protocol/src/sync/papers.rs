//! Passing on the federation's papers, and its members' warrants and cards.
//!
//! Each side lists what it holds when a session opens, and then what is new, without what the other
//! listed; the other asks for what it lacks, a few at a time and not faster than it cares to look
//! into them. So a vote that one node was given reaches all, whoever is connected to whom, and a node
//! that was away walks every version of the charter that it missed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kentong_keys::{Digest, MemberName};

use crate::bounded::{BoundedBytes, BoundedVec};
use crate::charter::{MAX_LISTED, MAX_MEMBERS, Paper};
use crate::directory::Directory;
use crate::time::Moment;
use crate::wire::{MAX_CARD, MAX_PAPER, MAX_WANTED_PAPERS, MAX_WARRANT, Message, Papers};

use super::exchange::{News, Task};
use super::fault::Fault;
use super::ledger::Ledger;
use super::limits::{Allowance, Limits, Now};
use super::session::Session;

/// What a warrant and a card that nobody asked for cost of the peer's allowance: they are checked
/// and written to disk.
const CREDENTIALS_COST: u64 = 1_000;
/// What a paper costs of what answers may cost: it may be as long as sixteen pieces.
const PAPER_COST: u64 = 16;

/// The most papers of which it is remembered that the peer listed them.
const MAX_THEIRS: usize = 4 * MAX_LISTED;

/// Something that the peer listed and this side lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Paper(Digest),
    Credentials(MemberName),
}

/// What a session knows of the papers of both sides.
#[derive(Debug)]
pub(super) struct PapersExchange {
    /// The charter that the peer goes by, as it said last.
    pub(super) charter: (u32, Digest),
    /// What was listed to the peer: the charter, the papers that are held, and the serials.
    listed: Listed,
    /// What the peer listed: it need not be told of that.
    theirs: BTreeSet<Digest>,
    /// By which warrants the peer goes, of members of the charter.
    pub(super) warrants: BTreeMap<MemberName, u64>,
    /// The serials that the peer listed of those who are no members here: the charter that is in force here next may
    /// list them, and the peer does not say it twice.
    strangers: BTreeMap<MemberName, (u64, u64)>,
    wanted: VecDeque<Wanted>,
    /// What was asked for, and until when the answer is waited for.
    asked: BTreeMap<Wanted, Moment>,
    /// How much may be asked for.
    asking: Allowance,
}

/// What a peer was told of the papers that are held.
#[derive(Debug)]
struct Listed {
    charter: Option<(u32, Digest)>,
    papers: BTreeSet<Digest>,
    credentials: BTreeMap<MemberName, (u64, u64)>,
}

impl PapersExchange {
    pub(super) const fn new(limits: &Limits, now: Now) -> Self {
        Self {
            charter: (0, Digest::from_bytes([0; 32])),
            listed: Listed {
                charter: None,
                papers: BTreeSet::new(),
                credentials: BTreeMap::new(),
            },
            theirs: BTreeSet::new(),
            warrants: BTreeMap::new(),
            strangers: BTreeMap::new(),
            wanted: VecDeque::new(),
            asked: BTreeMap::new(),
            asking: Allowance::full(limits.papers, limits.papers_per_second, now.moment),
        }
    }

    /// When there is something to do without the peer.
    pub(super) fn wake_at(&self) -> Moment {
        let overdue = self.asked.values().min().copied().unwrap_or(Moment::NEVER);
        if self.wanted.is_empty() || !self.asked.is_empty() {
            return overdue;
        }
        self.asking.wait_for(1)
    }
}

impl Session {
    /// Lists to the peer what is held and was not listed by either.
    pub(super) fn list_papers(&mut self, ledger: &impl Ledger) {
        let Some(papers) = ledger.papers() else {
            return;
        };
        let in_force = papers.in_force();
        (self.local.charter_version, self.local.charter) = in_force;
        let held = papers.listed_for(self.papers.charter);
        let PapersExchange { listed, theirs, .. } = &mut self.papers;
        let news = held
            .iter()
            .filter(|hash| !listed.papers.contains(hash) && !theirs.contains(hash));
        let news: Vec<_> = news.copied().collect();
        let mut credentials = ledger.credentials();
        self.look_for_former_strangers(&credentials);
        let listed = &mut self.papers.listed;
        credentials.retain(|(member, warrant, card)| {
            listed.credentials.get(member) != Some(&(*warrant, *card))
        });
        if listed.charter == Some(in_force) && news.is_empty() && credentials.is_empty() {
            return;
        }
        listed.charter = Some(in_force);
        listed.papers = held.into_iter().collect();
        let told = credentials.iter().cloned().map(serials);
        listed.credentials.extend(told);
        let (charter_version, charter) = in_force;
        let list = Papers {
            charter_version,
            charter,
            papers: BoundedVec::new(news).unwrap_or_default(),
            credentials: BoundedVec::new(credentials).unwrap_or_default(),
        };
        self.ask(Task::Send(Message::Papers(Box::new(list))));
    }

    /// Some may be members now of whom the peer listed a warrant when they were not.
    fn look_for_former_strangers(&mut self, credentials: &[(MemberName, u64, u64)]) {
        let exchange = &mut self.papers;
        for (member, warrant, card) in credentials {
            let Some(theirs) = exchange.strangers.remove(member) else {
                continue;
            };
            exchange.warrants.entry(member.clone()).or_insert(theirs.0);
            let wanted = Wanted::Credentials(member.clone());
            let newer = (*warrant, *card) < theirs && *member != self.local.me;
            let known = exchange.asked.contains_key(&wanted) || exchange.wanted.contains(&wanted);
            if newer && !known && exchange.wanted.len() < MAX_LISTED + MAX_MEMBERS {
                exchange.wanted.push_back(wanted);
            }
        }
    }

    /// The peer goes by this charter.
    pub(super) fn goes_by(&mut self, version: u32, hash: Digest) {
        if self.papers.charter != (version, hash) {
            self.papers.charter = (version, hash);
            self.learn(News::GoesBy { version, hash });
        }
    }

    pub(super) fn papers(
        &mut self,
        list: &Papers,
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let count = list.papers.len().saturating_add(list.credentials.len());
        self.charge((count as u64).saturating_add(1), now)?; // Each is looked for among those that are wanted.
        self.goes_by(list.charter_version, list.charter);
        let held = ledger.papers();
        let lacking = list
            .papers
            .iter()
            .filter(|hash| held.is_some_and(|papers| !papers.holds(hash)));
        let mine: BTreeMap<_, _> = ledger.credentials().into_iter().map(serials).collect();
        let newer = list.credentials.iter().filter(|(member, warrant, card)| {
            // Of who is no member here nothing is wanted, nor of oneself.
            let known = mine.get(member);
            *member != self.local.me && known.is_some_and(|known| *known < (*warrant, *card))
        });
        let newer = newer.map(|(member, ..)| Wanted::Credentials(member.clone()));
        let strangers = list.credentials.iter().cloned().map(serials);
        let strangers = strangers.filter(|(member, _)| !mine.contains_key(member));
        let strangers: Vec<_> = strangers.collect();
        let wanted = lacking.map(|hash| Wanted::Paper(*hash)).chain(newer);
        let exchange = &mut self.papers;
        for (member, serials) in strangers {
            if exchange.strangers.len() < MAX_MEMBERS || exchange.strangers.contains_key(&member) {
                exchange.strangers.insert(member, serials);
            }
        }
        if exchange.theirs.len().saturating_add(list.papers.len()) > MAX_THEIRS {
            exchange.theirs.clear(); // It is told of some again, and asks for none.
        }
        exchange.theirs.extend(list.papers.iter().copied());
        for wanted in wanted {
            let known = exchange.asked.contains_key(&wanted) || exchange.wanted.contains(&wanted);
            if !known && exchange.wanted.len() < MAX_LISTED + MAX_MEMBERS {
                exchange.wanted.push_back(wanted);
            }
        }
        self.ask_for_papers(now);
        self.learn_warrants(&list.credentials, ledger);
        // Who has come further may lack the next versions now.
        self.list_papers(ledger);
        Ok(())
    }

    /// Asks for what is wanted, as far as little is under way. What was not answered in time the peer
    /// does not hold any more, or holds it with further signatures, and has listed that.
    pub(super) fn ask_for_papers(&mut self, now: Now) {
        let limits = &self.local.limits;
        let exchange = &mut self.papers;
        exchange.asked.retain(|_, until| *until > now.moment);
        let (mut papers, mut members) = (Vec::new(), Vec::new());
        while exchange.asked.len() < limits.papers_in_flight.min(MAX_WANTED_PAPERS)
            && !exchange.wanted.is_empty()
            && exchange.asking.take(1, now.moment)
        {
            let Some(wanted) = exchange.wanted.pop_front() else {
                break;
            };
            match &wanted {
                Wanted::Paper(hash) => papers.push(*hash),
                Wanted::Credentials(member) => members.push(member.clone()),
            }
            let until = now.after(limits.patience);
            exchange.asked.insert(wanted, until);
        }
        if papers.is_empty() && members.is_empty() {
            return;
        }
        if let (Ok(papers), Ok(members)) = (BoundedVec::new(papers), BoundedVec::new(members)) {
            let want = Message::WantPapers { papers, members };
            self.ask(Task::Send(want));
        }
    }

    pub(super) fn serve_papers(
        &mut self,
        (papers, members): (&[Digest], &[MemberName]),
        now: Now,
        ledger: &impl Ledger,
    ) -> Result<(), Fault> {
        let Some(held) = ledger.papers() else {
            return Ok(());
        };
        self.charge(1, now)?;
        // In the order asked for: each version follows the one before.
        let mut sent = BTreeSet::new();
        for hash in papers {
            if held.holds(hash) && sent.insert(hash) {
                self.serve(PAPER_COST, Task::ServePaper(*hash), now)?;
            }
        }
        for member in members.iter().collect::<BTreeSet<_>>() {
            self.serve(PAPER_COST, Task::ServeCredentials(member.clone()), now)?;
        }
        Ok(())
    }

    pub(super) fn paper(&mut self, bytes: &BoundedBytes<MAX_PAPER>, now: Now) -> Result<(), Fault> {
        let wanted = Wanted::Paper(Paper::hash(bytes));
        if self.papers.asked.remove(&wanted).is_none() {
            return Err(Fault::UnaskedPaper);
        }
        let paper = Paper::parse(bytes).map_err(|_| Fault::Paper)?;
        self.ask(Task::TakePaper(paper));
        self.ask_for_papers(now);
        Ok(())
    }

    pub(super) fn credentials(
        &mut self,
        warrant: BoundedBytes<MAX_WARRANT>,
        card: BoundedBytes<MAX_CARD>,
        now: Now,
    ) -> Result<(), Fault> {
        let of = Directory::whose(&warrant).ok();
        let asked = of.and_then(|of| self.papers.asked.remove(&Wanted::Credentials(of)));
        if asked.is_none() {
            self.charge(CREDENTIALS_COST, now)?;
        }
        let (warrant, card) = (warrant.into_vec(), card.into_vec());
        self.ask(Task::Offer { warrant, card });
        self.ask_for_papers(now);
        Ok(())
    }
}

fn serials((member, warrant, card): (MemberName, u64, u64)) -> (MemberName, (u64, u64)) {
    (member, (warrant, card))
}
