//! The sessions alone: real ones, of a node that holds one feed's first leaf at most.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kentong_keys::{Digest, PublicKey, SigningKey, VerifierKey};

use super::*;
use crate::charter::Papers;
use crate::feed::{Audience, BatchLeaf, GenesisLeaf, Tree};
use crate::sync::{Ended, Fault, FeedView, Limits, Local, News, Sources, Task, WantedBody};
use crate::time::Timestamp;
use crate::wire::{Hello, Message, PROTOCOL};

/// What the node holds, and what its sessions looked at, in order.
struct Ground {
    genesis: GenesisLeaf,
    tree: Tree,
    sources: Sources,
    seen: RefCell<Vec<String>>,
    /// The lowest and the highest place on the stack from which a session looked.
    stack: RefCell<(usize, usize)>,
}

fn name(number: usize) -> MemberName {
    format!("MY-{number}").parse().unwrap()
}

fn signing() -> PublicKey {
    SigningKey::from_seed([1; 32]).public_key()
}

fn at(millis: u64) -> Now {
    Now {
        wall: Timestamp::EPOCH.plus(1_790_000_000),
        moment: Moment::from_millis(millis),
    }
}

fn feed(byte: u8) -> FeedId {
    FeedId::from_digest(Digest::from_bytes([byte; 32]))
}

impl Ground {
    /// A node that holds one feed, by this member.
    fn of(publisher: usize) -> Self {
        let genesis = GenesisLeaf {
            federation: Digest::from_bytes([0xfe; 32]),
            publisher: name(publisher),
            audience: Audience::of(&name(publisher), [&name(0)]).unwrap(),
            charter_version: 1,
            incarnation: 0,
            nonce: [1; 16],
        };
        Self {
            genesis,
            tree: Tree::default(),
            sources: Sources::default(),
            seen: RefCell::default(),
            stack: RefCell::new((usize::MAX, 0)),
        }
    }

    fn saw(&self, what: &str, member: &MemberName) {
        let here = 0_u8;
        let place = std::ptr::from_ref(&here).addr();
        let (low, high) = *self.stack.borrow();
        *self.stack.borrow_mut() = (low.min(place), high.max(place));
        self.seen.borrow_mut().push(format!("{what} {member}"));
    }

    fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.borrow_mut())
    }
}

impl Ledger for Ground {
    fn feeds_of(&self, publisher: &MemberName, _: &MemberName) -> Vec<FeedId> {
        self.saw("receipt", publisher);
        Vec::new()
    }

    fn feed(&self, id: &FeedId) -> Option<FeedView<'_>> {
        let view = FeedView {
            genesis: &self.genesis,
            tree: &self.tree,
            checkpoint: None,
            former: false,
            epoch: 0,
            closed: false,
            missing: 0,
            unopened: 0,
            erased: 0,
            applied: 0,
        };
        (*id == feed(1)).then_some(view)
    }

    fn shared_with(&self, reader: &MemberName) -> Vec<FeedId> {
        self.saw("fetch", reader);
        Vec::new()
    }

    fn signing(&self, _: &MemberName) -> Option<PublicKey> {
        None
    }

    fn witness(&self, _: &MemberName) -> Option<VerifierKey> {
        None
    }

    fn frozen(&self, _: &FeedId) -> Option<(u64, Digest)> {
        None
    }

    fn cosigned(&self, _: &FeedId) -> Option<&[u8]> {
        None
    }

    fn is_forked(&self, _: &FeedId) -> bool {
        false
    }

    fn papers(&self) -> Option<&Papers> {
        None
    }

    fn credentials(&self) -> Vec<(MemberName, u64, u64)> {
        Vec::new()
    }

    fn sources(&self) -> &Sources {
        &self.sources
    }

    fn missing(&self, _: &FeedId, _: u64, _: usize, _: &dyn Fn(u64) -> bool) -> Vec<WantedBody> {
        Vec::new()
    }

    fn lacks(&self, _: &FeedId, _: u64) -> bool {
        false
    }

    fn batch(&self, _: &FeedId, _: u64) -> Option<BatchLeaf> {
        None
    }

    fn epochs_without_key(&self, _: &FeedId, _: u32, _: usize) -> Vec<u32> {
        Vec::new()
    }
}

type Outputs = Vec<Output<usize>>;

fn hello(number: usize) -> Vec<u8> {
    Message::Hello(Box::new(Hello {
        protocol: PROTOCOL,
        features: 0,
        federation: Digest::from_bytes([0xfe; 32]),
        charter_version: 1,
        charter: Digest::from_bytes([0xcc; 32]),
        member: name(number),
        warrant: 1,
        card: 1,
        your_warrant: 1,
        your_card: 1,
    }))
    .encode()
}

fn connect(sessions: &mut Sessions<usize>, link: usize, member: usize) {
    let local = Local {
        me: name(0),
        signing: signing(),
        federation: Digest::from_bytes([0xfe; 32]),
        federation_name: "TEST".into(),
        charter_version: 1,
        charter: Digest::from_bytes([0xcc; 32]),
        serials: (1, 1),
        limits: Limits::default(),
    };
    let peer = Peer {
        member: name(member),
        signing: signing(),
        serials: (1, 1),
    };
    let local = Box::new(local);
    sessions.give(Input::Connected { link, local, peer }, at(0));
}

/// Open sessions on the links from 1 on, each with the member of its number.
fn open(count: usize, ground: &Ground) -> Sessions<usize> {
    let mut sessions = Sessions::default();
    for number in 1..=count {
        connect(&mut sessions, number, number);
        let (link, bytes) = (number, hello(number));
        sessions.give(Input::Frame { link, bytes }, at(0));
    }
    assert!(drain(&mut sessions, ground).len() >= 2 * count);
    assert!(sessions.links.values().all(|link| link.session.is_open()));
    ground.take_seen();
    sessions
}

fn drain(sessions: &mut Sessions<usize>, ground: &Ground) -> Outputs {
    std::iter::from_fn(|| sessions.next(at(0), ground)).collect()
}

/// Has the session of a link ask for this, as if a frame had led to it.
fn asks(sessions: &mut Sessions<usize>, link: usize, outputs: &[SessionOutput]) {
    let told = Told::Begun(outputs.to_vec());
    sessions.queue.push_back((link, told));
}

fn learns(news: News) -> SessionOutput {
    SessionOutput::Learnt(news)
}

fn stores_leaves(from: u64) -> SessionOutput {
    SessionOutput::Do(Task::StoreLeaves {
        feed: feed(1),
        from,
        leaves: Vec::new(),
        checkpoint: None,
    })
}

fn stores_body() -> SessionOutput {
    SessionOutput::Do(Task::StoreBody {
        feed: feed(1),
        index: 3,
        body: Vec::new(),
    })
}

#[test]
fn a_session_is_shown_what_it_changed_before_others_hear() {
    let mut ground = Ground::of(3);
    for (member, size) in [(1, 9), (2, 9), (4, 5)] {
        ground.sources.show(&name(member), feed(1), size);
    }
    let mut sessions = open(4, &ground);
    let shows = |byte| {
        let (feed, size) = (feed(byte), 9);
        learns(News::Shows { feed, size })
    };
    asks(
        &mut sessions,
        1,
        &[
            stores_body(),
            shows(2),
            stores_leaves(7),
            stores_leaves(5),
            shows(3),
        ],
    );
    let outputs = drain(&mut sessions, &ground);
    let seen = ground.take_seen();
    assert_eq!(outputs.len(), 5, "{outputs:?}");
    assert_eq!(
        seen,
        [
            "fetch MY-1", // From whom feed 2 comes now,
            "fetch MY-1", // and feed 3.
            "fetch MY-1", // What is stored.
            "receipt MY-1",
            "fetch MY-2", // It shows more than the leaves that came; MY-4 does not.
            "fetch MY-3", // The publisher is owed a receipt.
            "receipt MY-3",
        ]
    );
    // What only one of these changed nobody else hears.
    let sealed = SessionOutput::Do(Task::Void {
        feed: feed(1),
        from: 1,
    });
    asks(&mut sessions, 2, &[sealed]);
    drain(&mut sessions, &ground);
    assert_eq!(ground.take_seen(), ["fetch MY-2", "receipt MY-2"]);
}

#[test]
fn each_of_these_is_told_to_whom_it_concerns() {
    let ground = Ground::of(1);
    let check = |input: Input<usize>, expected: &[&str]| {
        let mut sessions = open(3, &ground);
        connect(&mut sessions, 9, 2);
        drain(&mut sessions, &ground); // It has not said hello.
        sessions.give(input, at(0));
        let outputs = drain(&mut sessions, &ground);
        let mut said = ground.take_seen();
        said.extend(outputs.into_iter().map(|output| match output {
            Output::Do { link, task, .. } => {
                if matches!(task, Task::Send(Message::Bye(_))) {
                    format!("bye {link}")
                } else if matches!(task, Task::Close(Ended::ByUs(_))) {
                    format!("close {link}")
                } else {
                    format!("{task:?}")
                }
            }
            Output::Learnt { news, .. } => format!("{news:?}"),
            Output::Gone(member) => format!("gone {member}"),
        }));
        assert_eq!(said, expected);
    };
    let two = || Whom::Members(BTreeSet::from([name(2)]));
    check(Input::Drained(2), &["fetch MY-2", "receipt MY-2"]);
    check(Input::Drained(7), &[]);
    check(
        Input::Reassigned(None),
        &["fetch MY-1", "fetch MY-2", "fetch MY-3"],
    );
    check(Input::Tick, &[]);
    check(
        Input::Close(two(), Bye::Stopping),
        &["bye 2", "close 2", "bye 9", "close 9"],
    );
    // Its other link is still there.
    check(Input::Ended(2), &["fetch MY-1", "fetch MY-3"]);
    check(Input::Ended(3), &["fetch MY-1", "fetch MY-2", "gone MY-3"]);
    check(Input::Papers(two()), &[]);
    check(Input::Published(feed(1)), &[]);
}

#[test]
fn sessions_are_woken_when_they_asked_for_it() {
    let ground = Ground::of(1);
    let mut sessions = open(1, &ground);
    connect(&mut sessions, 2, 2);
    drain(&mut sessions, &ground);
    let patience = Limits::default().hello_patience.as_millis();
    let patience = u64::try_from(patience).unwrap();
    assert_eq!(sessions.wake_at(), at(patience).moment);
    let mut tick = |millis| {
        sessions.give(Input::Tick, at(millis));
        let outputs = std::iter::from_fn(|| sessions.next(at(millis), &ground));
        outputs.collect::<Outputs>()
    };
    assert_eq!(tick(patience - 1), []);
    let outputs = tick(patience);
    let silent = |output: &Output<usize>| {
        let Output::Learnt { link, member, news } = output else {
            return false;
        };
        (*link, member, news) == (2, &name(2), &News::Fault(Fault::Silent))
    };
    assert!(outputs.iter().any(silent), "{outputs:?}");
    assert_eq!(tick(patience + 1), [], "it is over");
}

#[test]
fn what_says_look_again_waits_once_for_each_session() {
    let ground = Ground::of(1);
    let mut sessions = open(20, &ground);
    for number in [0_u8, 1, 2].into_iter().cycle().take(1000) {
        sessions.give(Input::Reassigned(None), at(0));
        sessions.give(Input::Published(feed(number)), at(0));
        sessions.give(Input::Changed, at(0));
    }
    assert_eq!(sessions.queue.len(), 20 * 5);
    drain(&mut sessions, &ground);
    let looked = ground.take_seen();
    let fetches = looked.iter().filter(|seen| seen.starts_with("fetch"));
    assert_eq!(fetches.count(), 20 * 2);
    // What comes when it has looked is looked at again, and so is what comes after other keys.
    sessions.give(Input::Reassigned(None), at(0));
    sessions.give(
        Input::PeerKeys(Peer {
            member: name(7),
            signing: signing(),
            serials: (2, 2),
        }),
        at(0),
    );
    sessions.give(Input::Reassigned(None), at(0));
    drain(&mut sessions, &ground);
    let looked = ground.take_seen();
    assert_eq!(looked.len(), 21, "{looked:?}");
    assert_eq!(looked.last().map(String::as_str), Some("fetch MY-7"));
    assert!(sessions.queue.is_empty() && sessions.links.values().all(|link| link.looks.is_empty()));
}

#[test]
fn of_what_an_ended_session_asked_for_nothing_more_is_done() {
    let mut ground = Ground::of(2);
    ground.sources.show(&name(1), feed(1), 9);
    let mut sessions = open(2, &ground);
    let serve = SessionOutput::Do(Task::ServeBody {
        feed: feed(2),
        index: 1,
    });
    asks(&mut sessions, 1, &[stores_body(), serve.clone(), serve]);
    sessions.give(Input::Drained(1), at(0));
    let first = sessions.next(at(0), &ground);
    assert!(matches!(first, Some(Output::Do { link: 1, .. })));
    sessions.give(Input::Ended(1), at(0));
    assert_eq!(sessions.member(1), None);
    let rest = drain(&mut sessions, &ground);
    assert_eq!(rest, [Output::Gone(name(1))]);
    // But what was stored is, and its publisher hears of it.
    assert_eq!(
        ground.take_seen(),
        ["fetch MY-2", "fetch MY-2", "receipt MY-2"],
        "of the link that ended, and of the body"
    );
}

#[test]
fn a_failure_ends_the_link_that_it_was_for_and_keeps_the_frame() {
    let ground = Ground::of(1);
    let mut sessions = open(3, &ground);
    let bytes = Message::Bye(Bye::Stopping).encode();
    let frame = |link| Input::Frame {
        link,
        bytes: bytes.clone(),
    };
    sessions.give(frame(2), at(0));
    sessions.give(Input::Drained(3), at(0));
    assert!(sessions.next(at(0), &ground).is_some());
    let failed = Failed {
        link: 2,
        member: name(2),
        frame: Some(bytes.clone()),
    };
    assert_eq!(sessions.failed(), Some(failed));
    assert_eq!(sessions.failed(), None, "nothing is being worked at");
    assert_eq!(drain(&mut sessions, &ground), [Output::Gone(name(2))]);
    assert!(ground.take_seen().contains(&"receipt MY-3".to_owned()));
    // A panic in a session itself, on something else than a frame.
    sessions.give(Input::Published(feed(1)), at(0));
    let panicked = guard::without(Guard::PublishedTold, || {
        catch_unwind(AssertUnwindSafe(|| sessions.next(at(0), &ground).is_some()))
    });
    assert!(panicked.is_err());
    let failed = sessions.failed().unwrap();
    assert_eq!((failed.link, failed.frame), (1, None));
    drain(&mut sessions, &ground);
    assert_eq!(
        sessions.links().map(|(link, _)| link).collect::<Vec<_>>(),
        [3]
    );
}

/// What cannot be sent on one link ends it, all others look again, and that leads to the end of the next one, and so
/// on through all of them. The stack does not grow with it.
#[test]
fn a_chain_of_ends_through_fifty_links_stays_on_one_level() {
    let links = 50;
    let ground = Ground::of(1);
    let mut sessions = open(links, &ground);
    *ground.stack.borrow_mut() = (usize::MAX, 0);
    let close = |member| {
        let whom = Whom::Members(BTreeSet::from([name(member)]));
        Input::Close(whom, Bye::Stopping)
    };
    sessions.give(close(1), at(0));
    let mut ended = Vec::new();
    while let Some(output) = sessions.next(at(0), &ground) {
        match output {
            Output::Do { link, .. } => {
                sessions.give(Input::Ended(link), at(0));
                sessions.give(close(link + 1), at(0));
            }
            Output::Gone(member) => ended.push(member),
            Output::Learnt { .. } => {}
        }
    }
    assert_eq!(ended, (1..=links).map(name).collect::<Vec<_>>());
    assert_eq!(ground.take_seen().len(), links * (links - 1) / 2);
    let (low, high) = ground.stack.take();
    assert!(high - low < 1024, "{} bytes of stack", high - low);
}
