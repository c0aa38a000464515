//! A process that the system stops and lets go on much later, as a suspended machine does: the others
//! go on without it, and it catches up by itself.

use std::fs;

use kentong_node::control::reply::{PeerState, State};
use kentong_node::control::request::Request;
use kentong_protocol::indicator::{Tlp, Value};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Federation, Node, domain, entry};

const MANY: usize = 5_000;

/// A process that stands still; goes on when dropped.
struct Stopped(u32);

impl Stopped {
    fn stop(node: &Node) -> Self {
        let stopped = Self(node.pid());
        stopped.send(Signal::STOP);
        node.until("it stands still", || stopped.stands_still());
        stopped
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    fn stands_still(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        after_name.starts_with('T')
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.send(Signal::CONT);
    }
}

fn name(number: usize) -> Value {
    domain(&format!("host-{number}.example"))
}

fn state_of(peer: &str, at: &Node) -> PeerState {
    let peers = at.peers().into_iter();
    let mut found = peers.filter(|row| row.member == peer);
    found.next().unwrap().state
}

fn counts(node: &Node, expected: &[(&str, u64)]) -> bool {
    let count = |(publisher, many): &(&str, u64)| node.count(publisher, None) == *many;
    expected.iter().all(count)
}

/// Nobody is blamed for having stood still, or for having gone on without it.
fn nobody_is_blamed(federation: &Federation) {
    for node in &federation.nodes {
        let faults = node.peers().into_iter().map(|peer| peer.faults);
        let faults: Vec<_> = faults.flatten().collect();
        assert!(faults.is_empty(), "{}: {faults:?}", node.member);
        node.until("nothing needs a person", || node.warnings().is_empty());
    }
}

#[test]
fn a_reader_that_stands_still_holds_up_nobody_and_catches_up() {
    let federation = Federation::running(&["MY", "SG", "TH"]);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    let goes = domain("goes.example");
    my.add(&goes, Tlp::Green, &[]);
    for reader in [sg, th] {
        reader.until("it has the first", || reader.has(&goes));
    }
    let pid = sg.pid();
    let stopped = Stopped::stop(sg);

    my.withdraw(&goes);
    th.until("TH knows", || !th.has(&goes));
    // Nobody had to find out first that SG is gone.
    assert_eq!(state_of("SG", my), PeerState::Connected);
    for some in (0..MANY).collect::<Vec<_>>().chunks(500) {
        let entries = some.iter().map(|n| entry(&name(*n), Tlp::Green, &[]));
        my.assert(entries.collect());
    }
    let many = MANY as u64;
    th.until("TH has all", || counts(th, &[("MY", many)]));
    for other in [my, th] {
        other.until("SG is given up", || {
            state_of("SG", other) != PeerState::Connected
        });
    }
    // Both ways, after it was given up.
    for (from, to, late) in [(my, th, "late-my.example"), (th, my, "late-th.example")] {
        let late = domain(late);
        from.add(&late, Tlp::Green, &[]);
        to.until("it arrives", || to.has(&late));
    }

    drop(stopped);
    sg.until("SG has caught up", || {
        counts(sg, &[("MY", many + 1), ("TH", 1)]) && sg.about(&goes)[0].state == State::Withdrawn
    });
    my.until("SG has said so", || {
        let feeds = my.feeds().into_iter();
        let shared = feeds.filter(|feed| feed.audience.len() > 1);
        let mut receipts = shared.flat_map(|feed| {
            let leaves = feed.leaves;
            feed.receipts
                .into_iter()
                .map(move |receipt| (leaves, receipt))
        });
        receipts.all(|(leaves, receipt)| (receipt.leaves, receipt.missing) == (leaves, 0))
    });
    assert_eq!(sg.pid(), pid);
    federation.connected();
    nobody_is_blamed(&federation);
}

#[test]
fn a_publisher_that_stands_still_answers_when_it_goes_on() {
    let federation = Federation::running(&["MY", "SG", "TH"]);
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    let before = domain("before.example");
    my.add(&before, Tlp::Green, &[]);
    sg.until("SG has it", || sg.has(&before));
    let stopped = Stopped::stop(my);
    let (asked, others) = (domain("asked.example"), domain("others.example"));
    std::thread::scope(|scope| {
        // An operator who asks it now waits for a while, and is told then.
        let operator = scope.spawn(|| {
            let request = Request::Assert {
                entries: vec![entry(&asked, Tlp::Green, &[])],
                dry_run: false,
                again: false,
            };
            my.try_ask(request, |_| {})
        });
        sg.add(&others, Tlp::Green, &[]);
        th.until("TH has what SG released", || th.has(&others));
        assert_eq!(state_of("MY", sg), PeerState::Connected);
        for other in [sg, th] {
            other.until("MY is given up", || {
                state_of("MY", other) != PeerState::Connected
            });
        }
        my.until("the operator gives up", || operator.is_finished());
        let refused = operator.join().unwrap().unwrap_err();
        assert!(refused.contains("does not answer"), "{refused}");
        drop(stopped);
    });
    assert!(!my.has(&asked), "who had given up is not obeyed");
    my.add(&asked, Tlp::Green, &[]);
    for reader in [sg, th] {
        reader.until("it has what was asked", || reader.has(&asked));
    }
    my.until("MY has what SG released", || my.has(&others));
    federation.connected();
    nobody_is_blamed(&federation);
}

#[test]
fn an_operator_of_a_node_that_stands_still_is_told_so() {
    let mut federation = Federation::new(&["MY"]);
    federation.node_mut("MY").start();
    let my = federation.node("MY");
    let stopped = Stopped::stop(my);
    let pid = my.pid();
    for command in [&["status"][..], &["query", "a.example"], &["stop"]] {
        let output = my.command(command);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for words in [
            "does not answer",
            "said nothing for 10 s",
            &format!("Its process {pid} is stopped"),
            &format!("kill -CONT {pid}"),
        ] {
            assert!(said.contains(words), "no `{words}` in {said}");
        }
    }
    drop(stopped);
    // Who gave up is not obeyed later.
    assert_eq!(my.status().pid, pid);
    my.run(&["status"]);
}
