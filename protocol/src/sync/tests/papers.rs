//! Documents travel: a node that lacks some asks for them, and none gets more than it asked for.

use std::collections::{BTreeMap, VecDeque};

use kentong_keys::{Digest, MemberName, SigningKey};

use super::faults::sg_refuses;
use super::member::{Member, at};
use super::pair::Pair;
use crate::bounded::{BoundedBytes, BoundedVec};
use crate::charter::{
    Chain, Draft, Notices, OpenNotices, Paper, Papers, Says, UnverifiedCharter, UnverifiedNotice,
};
use crate::sync::{Fault, Input, News, Output, Session, Task};
use crate::time::Timestamp;
use crate::wire::Message;

const MEMBERS: [&str; 4] = ["MY", "SG", "TH", "VN"];

fn root(name: &str) -> SigningKey {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_seed(seed)
}

fn named(name: &str) -> MemberName {
    name.parse().unwrap()
}

fn signed(draft: Draft, names: &[&str]) -> UnverifiedCharter {
    let draft = draft.build().unwrap();
    names.iter().fold(draft, |charter, name| {
        charter.sign(&named(name), &root(name)).unwrap()
    })
}

pub(super) fn chain() -> Chain {
    let draft = Draft::new("TEST".parse().unwrap(), [1; 16], Timestamp::EPOCH);
    let draft = MEMBERS.iter().fold(draft, |draft, name| {
        draft.member(named(name), *name, root(name).public_key(), [])
    });
    Chain::begin(signed(draft, &MEMBERS).bytes()).unwrap()
}

/// The next version, in which MY has another name, with these votes.
fn renaming(chain: &Chain, to: &str, votes: &[&str]) -> UnverifiedCharter {
    let draft = Draft::after(chain.in_force(), Timestamp::EPOCH);
    signed(draft.rename(&named("MY"), to), votes)
}

pub(super) fn papers(chain: Chain) -> Papers {
    Papers::new(
        chain,
        crate::charter::Ballots::default(),
        Notices::default(),
        OpenNotices::default(),
    )
}

fn pair(my: Papers, sg: Papers) -> Pair {
    let (mut a, mut b) = (Member::new("MY", 1), Member::new("SG", 2));
    (a.papers, b.papers) = (Some(my), Some(sg));
    Pair::connect(a, b)
}

fn held(member: &Member) -> &Papers {
    member.papers.as_ref().unwrap()
}

fn asked(member: &Member) -> usize {
    let asks = member.log.iter().map(|output| match output {
        Output::Do(Task::Send(Message::WantPapers { papers, members })) => {
            papers.len() + members.len()
        }
        _ => 0,
    });
    asks.sum()
}

#[test]
fn votes_are_joined_wherever_they_were_cast() {
    let mut pair = pair(papers(chain()), papers(chain()));
    pair.settle();
    assert_eq!((asked(&pair.a.0), asked(&pair.b.0)), (0, 0));
    let mine = renaming(&chain(), "x", &["MY", "TH"]);
    let theirs = renaming(&chain(), "x", &["SG"]);
    pair.a.0.take_paper(Paper::Charter(Box::new(mine)));
    pair.b.0.take_paper(Paper::Charter(Box::new(theirs)));
    pair.give_a(Input::Papers);
    pair.give_b(Input::Papers);
    pair.settle();
    // Three of four suffice to amend. A node that has both uses the new version.
    for member in [&pair.a.0, &pair.b.0] {
        assert_eq!(held(member).in_force().0, 2, "{}", member.name);
    }
    assert_eq!(held(&pair.a.0).in_force(), held(&pair.b.0).in_force());
    let goes_by = |member: &Member| {
        let said = member.log.iter().rev().find_map(|output| match output {
            Output::Learnt(News::GoesBy { version, hash }) => Some((*version, *hash)),
            _ => None,
        });
        said.unwrap()
    };
    assert_eq!(goes_by(&pair.a.0), held(&pair.b.0).in_force());
    assert_eq!(goes_by(&pair.b.0), held(&pair.a.0).in_force());
}

#[test]
fn an_open_notice_gathers_signatures_on_its_way() {
    let mut pair = pair(papers(chain()), papers(chain()));
    let says = Says::Suspended {
        until: at(0).wall.plus(3600),
    };
    let chain = chain();
    let draft = UnverifiedNotice::draft(chain.in_force(), named("TH"), says, at(0).wall);
    let notice = draft.unwrap().sign(&chain, &named("MY"), &root("MY"));
    pair.a
        .0
        .take_paper(Paper::Notice(Box::new(notice.unwrap())));
    pair.give_a(Input::Papers);
    pair.settle();
    let there = held(&pair.b.0).open_notices().iter().next().unwrap();
    let (signers, _) = there.signers(&chain).unwrap();
    assert_eq!(signers.len(), 1);
    assert_eq!(asked(&pair.b.0), 1);
    pair.give_a(Input::Papers);
    pair.settle();
    assert_eq!(asked(&pair.b.0), 1, "what was said is not said again");
}

#[test]
fn every_version_is_walked_by_who_was_away() {
    let mut long = chain();
    for version in 2..=150 {
        let next = renaming(&long, &format!("name {version}"), &["MY", "SG", "TH"]);
        long.offer(next).unwrap();
    }
    let mut pair = pair(papers(long), papers(chain()));
    pair.settle();
    assert_eq!(held(&pair.b.0).in_force(), held(&pair.a.0).in_force());
    assert_eq!(held(&pair.b.0).in_force().0, 150);
    assert_eq!(asked(&pair.b.0), 149, "each once");
    assert!(pair.b.1.is_open() && pair.a.1.is_open());
}

#[test]
fn another_document_of_the_version_in_force_is_shown_to_each_other() {
    let of = |to: &str, round| {
        let draft = Draft::after(chain().in_force(), Timestamp::EPOCH);
        let mut chain = chain();
        let next = draft.rename(&named("MY"), to).round(round);
        chain.offer(signed(next, &["MY", "SG", "TH"])).unwrap();
        chain
    };
    let mut pair = pair(papers(of("x", 1)), papers(of("y", 2)));
    pair.settle();
    assert_eq!(held(&pair.a.0).in_force(), held(&pair.b.0).in_force());
    assert_eq!(held(&pair.a.0).chain().in_force().terms().round(), 2);
    assert!(pair.a.1.is_open() && pair.b.1.is_open());
}

fn listing(pair: &Pair, count: u32) -> Message {
    let (charter_version, charter) = held(&pair.a.0).in_force();
    let hash = |n: u32| {
        Digest::labelled(
            kentong_keys::Label::new("kentong/test/1"),
            &[&n.to_be_bytes()],
        )
    };
    Message::Papers(Box::new(crate::wire::Papers {
        charter_version,
        charter,
        papers: BoundedVec::new((0..count).map(hash).collect()).unwrap(),
        credentials: BoundedVec::default(),
    }))
}

#[test]
fn who_lists_much_and_gives_nothing_is_asked_for_few_at_once() {
    let mut pair = pair(papers(chain()), papers(chain()));
    pair.settle();
    let message = listing(&pair, 1024);
    assert_eq!(sg_refuses(&mut pair, &message), None);
    let limits = pair.b.0.local().limits;
    assert_eq!(asked(&pair.b.0), limits.papers_in_flight);
    let patience = u64::try_from(limits.patience.as_millis()).unwrap();
    assert_eq!(pair.b.1.wake_at().millis(), patience);
    pair.now = patience;
    pair.give_b(Input::Tick);
    assert_eq!(asked(&pair.b.0), 2 * limits.papers_in_flight);
    assert!(pair.b.1.is_open());
}

#[test]
fn who_lists_much_and_gives_it_is_asked_at_ones_own_pace() {
    let mut pair = pair(papers(chain()), papers(chain()));
    pair.settle();
    let chain = chain();
    // Drafts that nobody signed: each is looked into, and none is kept.
    let drafts: Vec<_> = (1..=1000)
        .map(|seconds| {
            let until = at(0).wall.plus(seconds);
            let says = Says::Suspended { until };
            let draft =
                UnverifiedNotice::draft(chain.in_force(), named("TH"), says, at(0).wall).unwrap();
            draft.bytes().to_vec()
        })
        .collect();
    let hashes: BTreeMap<_, _> = drafts
        .iter()
        .map(|draft| (Paper::hash(draft), draft.clone()))
        .collect();
    let (charter_version, charter) = held(&pair.a.0).in_force();
    let list = Message::Papers(Box::new(crate::wire::Papers {
        charter_version,
        charter,
        papers: BoundedVec::new(hashes.keys().copied().collect()).unwrap(),
        credentials: BoundedVec::default(),
    }));
    assert_eq!(sg_refuses(&mut pair, &list), None);
    let answer_all = |pair: &mut Pair| {
        while let Some(frame) = pair.b.2.pop_front() {
            if let Message::WantPapers { papers, .. } = Message::decode(&frame).unwrap() {
                for hash in papers.iter() {
                    let paper = BoundedBytes::new(hashes[hash].clone()).unwrap();
                    pair.give_b(Input::Frame(&Message::Paper(paper).encode()));
                }
            }
        }
    };
    answer_all(&mut pair);
    let limits = pair.b.0.local().limits;
    assert_eq!(asked(&pair.b.0) as u64, limits.papers);
    assert_eq!(pair.b.1.wake_at().millis(), 1000 / limits.papers_per_second);
    pair.now = 10_000;
    pair.give_b(Input::Tick);
    answer_all(&mut pair);
    let more = 10 * limits.papers_per_second;
    assert_eq!(asked(&pair.b.0) as u64, limits.papers + more);
    assert!(pair.b.1.is_open());
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let unasked = renaming(&chain(), "x", &["MY"]);
    let unasked = Message::Paper(BoundedBytes::new(unasked.bytes().to_vec()).unwrap());
    let mut both = pair(papers(chain()), papers(chain()));
    assert_eq!(sg_refuses(&mut both, &unasked), Some(Fault::UnaskedPaper));

    let mut both = pair(papers(chain()), papers(chain()));
    both.settle();
    let (version, hash) = held(&both.a.0).in_force();
    let list = Message::Papers(Box::new(crate::wire::Papers {
        charter_version: version,
        charter: hash,
        papers: BoundedVec::new(vec![Paper::hash(b"no paper")]).unwrap(),
        credentials: BoundedVec::default(),
    }));
    assert_eq!(sg_refuses(&mut both, &list), None);
    let none = Message::Paper(BoundedBytes::new(b"no paper".to_vec()).unwrap());
    both.a.2.clear();
    both.b.2.clear();
    assert_eq!(sg_refuses(&mut both, &none), Some(Fault::Paper));
}

#[test]
fn only_newer_cards_of_members_are_asked_for() {
    let mut both = pair(papers(chain()), papers(chain()));
    both.settle();
    let of = |name: &str, warrant, card| (named(name), warrant, card);
    both.b.0.credentials = vec![
        of("MY", 1, 1),
        of("SG", 1, 1),
        of("TH", 2, 9),
        of("VN", 0, 0),
    ];
    let (version, hash) = held(&both.a.0).in_force();
    let credentials = [
        of("MY", 1, 1),
        of("SG", 7, 7),
        of("TH", 2, 8),
        of("VN", 1, 1),
        of("LA", 1, 1),
    ];
    let list = Message::Papers(Box::new(crate::wire::Papers {
        charter_version: version,
        charter: hash,
        papers: BoundedVec::default(),
        credentials: BoundedVec::new(credentials.to_vec()).unwrap(),
    }));
    assert_eq!(sg_refuses(&mut both, &list), None);
    let want = both.b.0.log.iter().find_map(|output| match output {
        Output::Do(Task::Send(Message::WantPapers { members, .. })) => Some(members.to_vec()),
        _ => None,
    });
    assert_eq!(want, Some(vec![named("VN")]));
}

/// Members who are all connected with each other.
struct Mesh {
    members: Vec<Member>,
    sessions: BTreeMap<(usize, usize), Session>,
    frames: VecDeque<(usize, usize, Vec<u8>)>,
}

impl Mesh {
    fn of(names: &[String], chain: &Chain) -> Self {
        let member = |name: &String| {
            let mut member = Member::new(name, 1);
            member.papers = Some(papers(chain.clone()));
            member
        };
        let mut mesh = Self {
            members: names.iter().map(member).collect(),
            sessions: BTreeMap::new(),
            frames: VecDeque::new(),
        };
        for a in 0..names.len() {
            for b in (0..names.len()).filter(|b| *b != a) {
                let (local, peer) = (mesh.members[a].local(), mesh.members[b].as_peer());
                let (mut session, outputs) = Session::begin(local, peer, at(0));
                let sent = mesh.members[a].carry_out(&mut session, outputs, at(0));
                mesh.frames
                    .extend(sent.into_iter().map(|frame| (a, b, frame)));
                mesh.sessions.insert((a, b), session);
            }
        }
        mesh
    }

    fn give(&mut self, to: usize, with: usize, input: Input<'_>) {
        let (member, session) = (
            &mut self.members[to],
            self.sessions.get_mut(&(to, with)).unwrap(),
        );
        let outputs = session.handle(input, at(0), member);
        let sent = member.carry_out(session, outputs, at(0));
        self.frames
            .extend(sent.into_iter().map(|frame| (to, with, frame)));
    }

    fn listed(&self, who: usize) -> Vec<Digest> {
        let zero = Digest::from_bytes([0; 32]);
        held(&self.members[who]).listed_for((0, zero))
    }

    fn tell_all(&mut self, who: usize) {
        for other in (0..self.members.len()).filter(|other| *other != who) {
            self.give(who, other, Input::Papers);
        }
    }

    fn take(&mut self, who: usize, paper: UnverifiedCharter) {
        self.members[who].take_paper(Paper::Charter(Box::new(paper)));
        self.tell_all(who);
    }

    /// Messages and bytes that cross until nothing is under way.
    fn settle(&mut self) -> (usize, usize) {
        let mut crossed = (0, 0);
        while let Some((from, to, frame)) = self.frames.pop_front() {
            crossed = (crossed.0 + 1, crossed.1 + frame.len());
            let before = self.listed(to);
            self.give(to, from, Input::Frame(&frame));
            if self.listed(to) != before {
                self.tell_all(to);
            }
        }
        crossed
    }
}

/// How many members the federation has; 200 gave the figures in `node/FIGURES.md`.
const MANY: usize = 11;

#[test]
fn a_charter_change_reaches_all_and_its_cost_is_known() {
    let count = MANY;
    let names: Vec<_> = (0..count).map(|n| format!("AA-{n}")).collect();
    let draft = Draft::new("TEST".parse().unwrap(), [1; 16], Timestamp::EPOCH);
    let draft = names.iter().fold(draft, |draft, name| {
        draft.member(named(name), name, root(name).public_key(), [])
    });
    let all: Vec<_> = names.iter().map(String::as_str).collect();
    let chain = Chain::begin(signed(draft, &all).bytes()).unwrap();
    let next = |votes: &[&str]| {
        let draft = Draft::after(chain.in_force(), Timestamp::EPOCH);
        signed(draft.rename(&named("AA-0"), "x"), votes)
    };
    let unsigned = next(&[]);
    let enough = usize::from(chain.tally(&unsigned).unwrap().needs()[0].needed);
    let mut mesh = Mesh::of(&names, &chain);
    let opening = mesh.settle();
    mesh.take(0, next(&all[..enough - 2]));
    let votes = mesh.settle();
    mesh.take(1, next(&all[enough - 2..enough - 1]));
    let vote = mesh.settle();
    mesh.take(2, next(&all[enough - 1..enough]));
    let last = mesh.settle();
    for (what, (messages, bytes)) in [
        ("to open all sessions", opening),
        ("most votes at once", votes),
        ("one vote more", vote),
        ("the last vote", last),
    ] {
        let each = bytes / count;
        println!("{count} members, {what}: {messages} messages, {bytes} bytes, {each} for each");
    }
    for member in &mesh.members {
        assert_eq!(held(member).in_force().0, 2, "{}", member.name);
    }
    // Everybody gets the document once, and tells everybody else of it at most once.
    let paper = next(&all[..enough]).bytes().len() + 64;
    let lists = count * count * 2 * 128;
    assert!(vote.1 <= count * paper + lists, "{vote:?}");
    assert!(last.1 <= count * paper + lists, "{last:?}");
}
