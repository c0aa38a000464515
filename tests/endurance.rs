//! A federation under load, whose nodes are killed and started again at random: nothing is lost,
//! nobody gets what is not for it, nobody is blamed, and memory stays within bounds.
//!
//! Four nodes for two minutes, or as `KENTONG_ENDURANCE` says: `11x600` is 11 nodes for ten minutes.
//! `KENTONG_ENDURANCE_SEED` gives the same load and the same victims again; when which of them is
//! struck is up to the machine.

mod reference;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use kentong_node::control::reply::State as Stands;
use kentong_node::control::request::{Query, Request};
use kentong_protocol::indicator::{Tlp, Value};
use rustix::process::{Pid, Signal, kill_process};

use self::reference::{Reference, State};
use crate::support::{Federation, Node, domain, entry};

const MEMBERS: [&str; 11] = [
    "MY", "SG", "TH", "ID", "PH", "VN", "LA", "KH", "MM", "BN", "TL",
];
/// Between two things that are asked: load, and not as much as the machine bears.
const PACE: Duration = Duration::from_millis(25);
/// The most memory that a node may take.
const MEMORY: u64 = 128 << 20;
/// By how much a node that was never killed may grow in the second half of the run: what it holds
/// more by then, and what its caches take.
const GROWTH: u64 = 32 << 20;

/// Audiences that each member names when it does not say something to all.
const AUDIENCES: usize = 8;
/// What is rightly said of a member that was killed before it could speak.
const SLOW: [&str; 2] = ["connected and said nothing", "did not answer in time"];

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// What one member is asked to do.
#[derive(Clone, Debug)]
enum Deed {
    Add {
        values: Vec<Value>,
        tlp: Tlp,
        to: Vec<usize>,
    },
    Import(PathBuf, Vec<Value>),
    Withdraw(Value),
}

struct Run {
    federation: Federation,
    members: usize,
    dice: Dice,
    reference: Reference,
    /// By member, whom it names.
    audiences: Vec<Vec<Vec<usize>>>,
    number: usize,
    /// When a member that is down starts again, and what was not answered when it was killed.
    down: BTreeMap<usize, (Instant, Option<Deed>)>,
    kills: usize,
    unanswered: usize,
    memory: Vec<Vec<u64>>,
}

/// Members, seconds and the seed of the run.
fn asked_for() -> (usize, u64, u64) {
    let size = std::env::var("KENTONG_ENDURANCE").unwrap_or_else(|_| "4x120".to_owned());
    let (members, seconds) = size.split_once('x').expect("KENTONG_ENDURANCE=11x600");
    let seed = std::env::var("KENTONG_ENDURANCE_SEED").map(|seed| seed.parse().unwrap());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = seed.unwrap_or_else(|_| u64::from(now.unwrap().subsec_nanos()) + 1);
    (members.parse().unwrap(), seconds.parse().unwrap(), seed)
}

/// Some sets of others for each member.
fn audiences(members: usize, dice: &mut Dice) -> Vec<Vec<Vec<usize>>> {
    let mut some_of = |others: Vec<usize>| {
        let mut drawn = others.clone();
        drawn.retain(|_| dice.roll(2) == 0);
        if drawn.is_empty() { others } else { drawn }
    };
    let others = |member| (0..members).filter(move |other| *other != member).collect();
    let sets = |member| (0..AUDIENCES).map(|_| some_of(others(member))).collect();
    (0..members).map(sets).collect()
}

#[test]
fn nothing_is_lost_under_load_with_random_restarts() {
    let (members, seconds, seed) = asked_for();
    println!("KENTONG_ENDURANCE={members}x{seconds} KENTONG_ENDURANCE_SEED={seed}");
    let mut dice = Dice(seed);
    let mut run = Run {
        federation: Federation::running(&MEMBERS[..members]),
        members,
        audiences: audiences(members, &mut dice),
        dice,
        reference: Reference::new(members),
        number: 0,
        down: BTreeMap::new(),
        kills: 0,
        unanswered: 0,
        memory: vec![Vec::new(); members],
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut sample = Instant::now();
    let mut strike = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        run.start_due();
        let struck = Instant::now() >= strike;
        if struck {
            strike = Instant::now() + Duration::from_millis(1000 + run.dice.roll(3000) as u64);
        }
        run.act(struck);
        if Instant::now() >= sample {
            sample += Duration::from_secs(1);
            run.sample();
        }
        std::thread::sleep(PACE);
    }
    run.start_all();
    run.check_answers();
    run.check_blame();
    run.check_memory();
}

impl Run {
    fn node(&self, member: usize) -> &Node {
        &self.federation.nodes[member]
    }

    /// Has some member do something; it may be struck down meanwhile. The first never is.
    fn act(&mut self, struck: bool) {
        let up: Vec<_> = (0..self.members)
            .filter(|m| !self.down.contains_key(m))
            .collect();
        let victims: Vec<_> = up.iter().copied().filter(|member| *member > 0).collect();
        if struck && !victims.is_empty() {
            let victim = victims[self.dice.roll(victims.len())];
            // Half of them while they are asked something.
            let busy = self.dice.roll(2) == 0;
            let deed = busy.then(|| self.choose(victim));
            let delay = Duration::from_micros(self.dice.roll(10_000) as u64);
            let answered = self.kill_during(victim, deed.as_ref(), delay);
            let open = deed.filter(|deed| !self.note(victim, deed, answered));
            let back = Duration::from_millis(self.dice.roll(6_000) as u64);
            self.down.insert(victim, (Instant::now() + back, open));
            self.kills += 1;
        } else {
            let member = up[self.dice.roll(up.len())];
            let deed = self.choose(member);
            let answer = self.ask(member, &deed);
            answer.unwrap_or_else(|error| panic!("{}: {deed:?}: {error}", MEMBERS[member]));
            self.note(member, &deed, true);
        }
    }

    fn choose(&mut self, member: usize) -> Deed {
        let withdrawable = self.reference.in_force(member).len();
        match self.dice.roll(10) {
            0 | 1 if withdrawable > 0 => {
                let chosen = self.dice.roll(withdrawable);
                Deed::Withdraw(self.reference.in_force(member)[chosen].clone())
            }
            2 => {
                let values = self.names(member, 100);
                let list = values.iter().map(|value| format!("{}\n", value.as_str()));
                let name = format!("list-{}", self.number);
                Deed::Import(
                    self.federation.file(&name, &list.collect::<String>()),
                    values,
                )
            }
            _ => {
                let many = 1 + self.dice.roll(10);
                let values = self.names(member, many);
                let tlp = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict];
                let tlp = tlp[self.dice.roll(4)];
                let to = if matches!(tlp, Tlp::Clear | Tlp::Green) {
                    Vec::new()
                } else {
                    self.audiences[member][self.dice.roll(AUDIENCES)].clone()
                };
                Deed::Add { values, tlp, to }
            }
        }
    }

    fn names(&mut self, member: usize, many: usize) -> Vec<Value> {
        self.number += 1;
        let (who, number) = (MEMBERS[member].to_lowercase(), self.number);
        let name = |n| domain(&format!("{who}-{number}-{n}.example"));
        (0..many).map(name).collect()
    }

    fn ask(&self, member: usize, deed: &Deed) -> Result<(), String> {
        let node = self.node(member);
        let request = match deed {
            Deed::Add { values, tlp, to } => {
                let to: Vec<_> = to.iter().map(|member| MEMBERS[*member]).collect();
                Request::Assert {
                    entries: values.iter().map(|value| entry(value, *tlp, &to)).collect(),
                    dry_run: false,
                    again: false,
                }
            }
            Deed::Withdraw(value) => Request::Withdraw {
                value: value.clone(),
                reason: "a test".to_owned(),
            },
            Deed::Import(list, _) => {
                let said = ["--scheme", "phishing", "--tlp", "green"];
                let list = [&["import", list.to_str().unwrap()][..], &said].concat();
                let output = node.command(&list);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                return output.status.success().then_some(()).ok_or(said);
            }
        };
        node.try_ask(request, |_| {}).map(drop)
    }

    /// Kills a node while it is asked something; whether that was answered.
    fn kill_during(&mut self, victim: usize, deed: Option<&Deed>, delay: Duration) -> bool {
        self.check_unblamed(victim);
        let pid = Pid::from_raw(i32::try_from(self.node(victim).pid()).unwrap()).unwrap();
        let answered = std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(delay);
                kill_process(pid, Signal::KILL).unwrap();
            });
            deed.is_some_and(|deed| self.ask(victim, deed).is_ok())
        });
        self.federation.nodes[victim].kill();
        answered
    }

    /// Takes note of what was answered; answers whether it was.
    fn note(&mut self, member: usize, deed: &Deed, answered: bool) -> bool {
        if !answered {
            self.unanswered += 1;
            return false;
        }
        match deed {
            Deed::Add { values, to, tlp } => {
                let all = matches!(tlp, Tlp::Clear | Tlp::Green);
                let readers = (0..self.members).filter(|other| all || to.contains(other));
                self.reference
                    .add(member, values, &readers.collect::<Vec<_>>());
            }
            Deed::Import(_, values) => {
                let readers: Vec<_> = (0..self.members).collect();
                self.reference.add(member, values, &readers);
            }
            Deed::Withdraw(value) => self.reference.withdraw(member, value),
        }
        true
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        let due = self.down.iter().filter(|(_, (when, _))| *when <= now);
        let due: Vec<_> = due.map(|(member, _)| *member).collect();
        due.into_iter().for_each(|member| self.start(member));
    }

    /// Starts a node that was killed, and asks it once more what it did not answer.
    fn start(&mut self, member: usize) {
        let (_, open) = self.down.remove(&member).unwrap();
        self.federation.nodes[member].start();
        if let Some(deed) = open {
            if let Err(error) = self.ask(member, &deed) {
                // It may have been done and not answered; to withdraw twice is refused.
                let done = match &deed {
                    Deed::Withdraw(value) => !self.node(member).has(value),
                    Deed::Add { .. } | Deed::Import(..) => false,
                };
                assert!(done, "{}: {deed:?}: {error}", MEMBERS[member]);
            }
            self.note(member, &deed, true);
        }
    }

    fn start_all(&mut self) {
        let down: Vec<_> = self.down.keys().copied().collect();
        down.into_iter().for_each(|member| self.start(member));
        self.federation.connected();
        println!(
            "{} indicators, {} of them withdrawn; {} kills, {} requests not answered and repeated",
            self.reference.len(),
            self.reference.withdrawn(),
            self.kills,
            self.unanswered
        );
    }

    fn sample(&mut self) {
        for member in 0..self.members {
            if !self.down.contains_key(&member) {
                let resident = resident(self.node(member).pid());
                self.memory[member].push(resident);
            }
        }
    }

    /// Everyone has what is for it, in the right state, and nothing else.
    fn check_answers(&self) {
        let members = || MEMBERS.iter().enumerate().take(self.members);
        for (reader, _) in members() {
            for (publisher, name) in members() {
                let (node, due) = (self.node(reader), self.reference.due(publisher, reader));
                let what = format!("it has the {due} of {name}");
                node.until(&what, || node.count(name, None) == due);
            }
        }
        let values: Vec<_> = self.reference.values().collect();
        for (reader, who) in members() {
            for some in values.chunks(500) {
                let query = Query {
                    values: some.iter().map(|value| (*value).clone()).collect(),
                    all: true,
                    limit: u64::MAX,
                    ..Query::default()
                };
                let rows = self.node(reader).query(query).into_iter();
                let found: BTreeMap<_, _> = rows.map(|row| (row.value, row.state)).collect();
                for value in some {
                    let state = found.get(value.as_str()).copied();
                    let due = self.reference.state(value, reader);
                    let right = match due {
                        State::NotFor => state.is_none(),
                        State::InForce => state == Some(Stands::InForce),
                        // What was withdrawn before it was released need not be told.
                        State::Withdrawn => state.is_none_or(|state| state == Stands::Withdrawn),
                    };
                    assert!(right, "{who}: {value:?} is {state:?}, not {due:?}");
                }
            }
        }
    }

    fn check_unblamed(&self, member: usize) {
        let node = self.node(member);
        for peer in node.peers() {
            let mut faults = peer.faults.iter();
            let broken = faults.find(|fault| !SLOW.contains(&fault.rule.as_str()));
            let (who, whom) = (&node.member, &peer.member);
            assert_eq!(broken, None, "{who} blames {whom}");
        }
    }

    /// Nobody has seen a rule broken, holds evidence, or needs a person.
    fn check_blame(&self) {
        for (member, node) in self.federation.nodes.iter().enumerate() {
            self.check_unblamed(member);
            assert!(!node.home.join("evidence").exists(), "{}", node.member);
            let is_slow = |line: &str| SLOW.iter().any(|slow| line.contains(slow));
            node.until("nothing needs a person", || {
                node.warnings().lines().all(is_slow)
            });
        }
    }

    fn check_memory(&self) {
        let mib = |bytes: u64| bytes >> 20;
        for (member, samples) in self.memory.iter().enumerate() {
            let most = samples.iter().copied().max().unwrap_or_default();
            println!("{}: at most {} MiB", MEMBERS[member], mib(most));
            assert!(most <= MEMORY, "{}: {} MiB", MEMBERS[member], mib(most));
        }
        // The first was never killed.
        let quarter = self.memory[0].len() / 4;
        let median = |part: usize| {
            let mut samples = self.memory[0][part * quarter..(part + 1) * quarter].to_vec();
            samples.sort_unstable();
            samples[quarter / 2]
        };
        let medians = [0, 1, 2, 3].map(median);
        println!("{}, by quarters: {:?} MiB", MEMBERS[0], medians.map(mib));
        let grown = medians[3].saturating_sub(medians[1]);
        assert!(grown <= GROWTH, "it has grown by {} MiB", mib(grown));
    }
}

/// The memory of a process that lies in RAM, in bytes.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<u64>().unwrap() * 1024
}
