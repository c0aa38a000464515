//! Federations of real processes for the tests: homes in a temporary folder, the true binary,
//! kernel-picked ports, waiting by looking at the nodes and never by a fixed sleep.

pub(crate) mod shim;
pub(crate) mod terminal;

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kentong_node::control::client::Client;
use kentong_node::control::reply::{Done, Feed, Indicator, Peer, Reply, State, Status, Verdict};
use kentong_node::control::request::{Entry, Query, Request};
use kentong_node::log::{Log, Options, Payload, Position, RecordKind};
use kentong_protocol::feed::FeedId;
use kentong_protocol::indicator::{
    Assertion, Confidence, Fields, Kind, Reading, Recipient, Scheme, Tlp, Value,
};

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const PASSPHRASE: &str = "a passphrase for tests only";

/// The program that is tested: the one that was built with the tests, or the one that
/// `KENTONG_PROGRAM` names. The file is called `kentong` in either case.
pub(crate) fn program() -> String {
    let built = || env!("CARGO_BIN_EXE_kentong").to_owned();
    std::env::var("KENTONG_PROGRAM").unwrap_or_else(|_| built())
}

pub(crate) struct Federation {
    pub(crate) nodes: Vec<Node>,
    /// Where its nodes listen.
    pub(crate) ip: Ipv4Addr,
    dir: tempfile::TempDir,
}

/// A loopback address that no other federation of the tests has: the ports of a node that is stopped for a
/// while are not taken by those of another test meanwhile. Only Linux has more than one.
pub(crate) fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if cfg!(not(target_os = "linux")) {
        return Ipv4Addr::LOCALHOST;
    }
    let [.., of_process] = std::process::id().to_be_bytes();
    let [_, _, high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    // Neither 127.0.0.1 nor near it, where everybody else is.
    Ipv4Addr::new(127, of_process | 1, high, low)
}

pub(crate) struct Node {
    pub(crate) member: String,
    pub(crate) home: PathBuf,
    pub(crate) passphrase: PathBuf,
    /// What its process is started by, with arguments; nothing as a rule.
    pub(crate) within: Vec<String>,
    /// What its processes find in their environment besides what this one has.
    pub(crate) environment: Vec<(&'static str, OsString)>,
    process: Option<Child>,
}

impl Federation {
    /// Homes with one charter, nothing running.
    pub(crate) fn new(members: &[&str]) -> Self {
        Self::within(members, |_, _| Vec::new())
    }

    /// The same, with an environment for each member's processes, by its name and its home.
    pub(crate) fn within(
        members: &[&str],
        environment: impl Fn(&str, &Path) -> Vec<(&'static str, OsString)>,
    ) -> Self {
        Self::chartered(members, environment, &[])
    }

    /// The same, by a charter that is drafted with these arguments.
    pub(crate) fn chartered(
        members: &[&str],
        environment: impl Fn(&str, &Path) -> Vec<(&'static str, OsString)>,
        terms: &[&str],
    ) -> Self {
        let dir = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
        let passphrase = dir.path().join("passphrase");
        fs::write(&passphrase, PASSPHRASE).unwrap();
        let mut permissions = fs::metadata(&passphrase).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        fs::set_permissions(&passphrase, permissions).unwrap();
        let ip = own_address();
        let nodes = members.iter().map(|member| {
            let environment = environment(member, &dir.path().join(member));
            Node::init((dir.path(), ip), member, &passphrase, environment)
        });
        let federation = Self {
            nodes: nodes.collect(),
            ip,
            dir,
        };
        federation.charter("TEST", terms);
        federation
    }

    /// Adds a home that has no charter yet.
    pub(crate) fn newcomer(&mut self, member: &str) {
        let passphrase = self.nodes[0].passphrase.clone();
        let place = (self.dir.path(), self.ip);
        let node = Node::init(place, member, &passphrase, Vec::new());
        self.nodes.push(node);
    }

    /// The same, started and connected.
    pub(crate) fn running(members: &[&str]) -> Self {
        let mut federation = Self::new(members);
        federation.nodes.iter_mut().for_each(Node::start);
        federation.connected();
        federation
    }

    /// Gives one member's home a charter of another federation of the same members.
    pub(crate) fn recharter(&self, member: &str, name: &str) {
        let old = self.node(member).home.join("charter.txt");
        let kept = |node: &Node| fs::read(node.home.join("charter.txt")).unwrap();
        let before: Vec<_> = self.nodes.iter().map(kept).collect();
        self.nodes
            .iter()
            .for_each(|n| fs::remove_file(n.home.join("charter.txt")).unwrap());
        self.charter(name, &[]);
        for (node, charter) in self.nodes.iter().zip(before) {
            if node.home.join("charter.txt") != old {
                fs::write(node.home.join("charter.txt"), charter).unwrap();
            }
        }
    }

    fn charter(&self, name: &str, terms: &[&str]) {
        let path = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let mut cards = Vec::new();
        for node in &self.nodes {
            let card = path(&format!("{}.card", node.member));
            fs::write(&card, node.run(&["card"]).stdout).unwrap();
            cards.push(card);
        }
        let cards: Vec<&str> = cards.iter().map(String::as_str).collect();
        let (draft, charter) = (path("draft"), path("charter"));
        let first = &self.nodes[0];
        first.run(
            &[
                &["charter", "draft", "--federation", name, "-o", &draft],
                terms,
                &cards[..],
            ]
            .concat(),
        );
        let mut signed = Vec::new();
        for node in &self.nodes {
            let out = path(&format!("charter.{}", node.member));
            let root = node.home.join("root.key");
            let root = root.to_str().unwrap();
            let secret = node.passphrase.to_str().unwrap();
            node.run(&[
                "charter",
                "sign",
                &draft,
                "--root-key",
                root,
                "-o",
                &out,
                "--passphrase-file",
                secret,
            ]);
            signed.push(out);
        }
        let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
        first.run(&[&["charter", "merge", "-o", &charter], &signed[..]].concat());
        for node in &self.nodes {
            node.run(&["charter", "install", &charter]);
        }
    }

    /// A file beside the homes.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Gives a member a card with this address, and all others that card.
    pub(crate) fn move_to(&self, member: &str, address: &str) {
        let node = self.node(member);
        let secret = node.passphrase.to_str().unwrap();
        let card = node.run(&["card", "--address", address, "--passphrase-file", secret]);
        let card = String::from_utf8(card.stdout).unwrap();
        let card = self.file(&format!("{member}.moved.card"), &card);
        for other in &self.nodes {
            other.run(&["peers", "add", card.to_str().unwrap()]);
        }
    }

    pub(crate) fn connected(&self) {
        let others = self.nodes.len() as u64 - 1;
        for node in &self.nodes {
            node.until("all are connected", || {
                node.status().connected.members == others
            });
        }
    }

    pub(crate) fn node(&self, member: &str) -> &Node {
        self.nodes
            .iter()
            .find(|node| node.member == member)
            .unwrap()
    }

    pub(crate) fn node_mut(&mut self, member: &str) -> &mut Node {
        self.nodes
            .iter_mut()
            .find(|node| node.member == member)
            .unwrap()
    }
}

impl Node {
    fn init(
        (dir, ip): (&Path, Ipv4Addr),
        member: &str,
        passphrase: &Path,
        environment: Vec<(&'static str, OsString)>,
    ) -> Self {
        let home = dir.join(member);
        let port = UdpSocket::bind((ip, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let address = format!("/ip4/{ip}/udp/{port}/quic-v1");
        let mut node = Self::found(member, &home, passphrase);
        node.environment = environment;
        let secret = passphrase.to_str().unwrap();
        node.run(&[
            "init",
            "--member",
            member,
            "--name",
            member,
            "--listen",
            &address,
            "--address",
            &address,
            "--passphrase-file",
            secret,
        ]);
        node
    }

    /// A home that is there already.
    pub(crate) fn found(member: &str, home: &Path, passphrase: &Path) -> Self {
        Self {
            member: member.to_owned(),
            home: home.to_owned(),
            passphrase: passphrase.to_owned(),
            within: Vec::new(),
            environment: Vec::new(),
            process: None,
        }
    }

    /// Runs a command on this home, as an operator would.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(program())
            .args(arguments)
            .arg("--home")
            .arg(&self.home)
            .envs(self.environment.clone())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {arguments:?}: {said}",
            self.member
        );
        output
    }

    /// Starts the node and waits until it answers.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.member);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.join("node.log"));
        let log = log.unwrap();
        let program = [self.within.clone(), vec![program()]];
        let program = program.concat();
        let child = Command::new(&program[0])
            .args(&program[1..])
            .args(["run", "--home"])
            .arg(&self.home)
            .arg("--passphrase-file")
            .arg(&self.passphrase)
            .envs(self.environment.clone())
            .stdin(Stdio::null())
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        self.process = Some(child);
        let member = self.member.clone();
        let end = Instant::now() + PATIENCE;
        while self.try_status().is_none() {
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{member} ended: {}", self.log_text());
            assert!(
                Instant::now() < end,
                "{member} does not answer: {}",
                self.log_text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends the node in good order.
    pub(crate) fn stop(&mut self) {
        self.ask(Request::Stop, |_| {});
        let status = self.process.take().unwrap().wait().unwrap();
        assert!(status.success(), "{}: {}", self.member, self.log_text());
    }

    /// Ends the node as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Waits until the node has been killed by something else.
    pub(crate) fn killed(&mut self) {
        let mut process = self.process.take().unwrap();
        let end = Instant::now() + PATIENCE;
        while process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "{} lives on", self.member);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.home.join("node.log")).unwrap_or_default()
    }

    fn client(&self) -> Option<Client> {
        Client::connect(&self.home, &self.home.join("control.sock")).ok()
    }

    pub(crate) fn try_ask(&self, request: Request, row: impl FnMut(Reply)) -> Result<Done, String> {
        let mut client = self.client().ok_or("not running")?;
        client.ask(request, row).map_err(|error| error.to_string())
    }

    pub(crate) fn ask(&self, request: Request, row: impl FnMut(Reply)) -> Done {
        self.try_ask(request, row)
            .unwrap_or_else(|error| panic!("{}: {error}", self.member))
    }

    fn try_status(&self) -> Option<Status> {
        let mut status = None;
        let row = |reply| match reply {
            Reply::Status(row) => status = Some(*row),
            other => panic!("{other:?}"),
        };
        self.try_ask(Request::Status, row).ok()?;
        status
    }

    pub(crate) fn status(&self) -> Status {
        self.try_status()
            .unwrap_or_else(|| panic!("{} does not answer", self.member))
    }

    /// What its status warns of, a line each.
    pub(crate) fn warnings(&self) -> String {
        let warnings = self.status().warnings.into_iter();
        warnings.map(|warning| warning.text + "\n").collect()
    }

    /// Waits until it is so.
    pub(crate) fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so() {
            assert!(
                Instant::now() < end,
                "{}: not: {what}\n{}",
                self.member,
                self.log_text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn assert(&self, entries: Vec<Entry>) -> Done {
        self.ask(
            Request::Assert {
                entries,
                dry_run: false,
                again: false,
            },
            |_| {},
        )
    }

    pub(crate) fn add(&self, value: &Value, tlp: Tlp, to: &[&str]) -> Done {
        self.assert(vec![entry(value, tlp, to)])
    }

    pub(crate) fn withdraw(&self, value: &Value) {
        let reason = "a test".to_owned();
        self.ask(
            Request::Withdraw {
                value: value.clone(),
                reason,
            },
            |_| {},
        );
    }

    pub(crate) fn query(&self, query: Query) -> Vec<Indicator> {
        let mut rows = Vec::new();
        self.ask(Request::Query(query), |reply| match reply {
            Reply::Indicator(row) => rows.push(*row),
            other => panic!("{other:?}"),
        });
        rows
    }

    /// What this node answers about a value, of whatever state.
    pub(crate) fn about(&self, value: &Value) -> Vec<Indicator> {
        let values = vec![value.clone()];
        self.query(Query {
            values,
            all: true,
            limit: 1000,
            ..Query::default()
        })
    }

    pub(crate) fn has(&self, value: &Value) -> bool {
        self.about(value)
            .iter()
            .any(|row| row.state == State::InForce)
    }

    /// How many indicators of a publisher are in force here.
    pub(crate) fn count(&self, publisher: &str, kind: Option<Kind>) -> u64 {
        let publisher = Some(publisher.parse().unwrap());
        let query = Query {
            publisher,
            kind,
            count: true,
            limit: u64::MAX,
            ..Query::default()
        };
        self.ask(Request::Query(query), |_| {}).count
    }

    pub(crate) fn feeds(&self) -> Vec<Feed> {
        let mut rows = Vec::new();
        self.ask(Request::Feeds, |reply| match reply {
            Reply::Feed(row) => rows.push(*row),
            other => panic!("{other:?}"),
        });
        rows
    }

    pub(crate) fn peers(&self) -> Vec<Peer> {
        let mut rows = Vec::new();
        self.ask(Request::Peers, |reply| match reply {
            Reply::Peer(row) => rows.push(*row),
            other => panic!("{other:?}"),
        });
        rows
    }

    pub(crate) fn explain(&self, value: &Value) -> Vec<Verdict> {
        let mut rows = Vec::new();
        let request = Request::Explain {
            value: value.clone(),
            draft: None,
            member: None,
        };
        self.ask(request, |reply| match reply {
            Reply::Verdict(row) => rows.push(row),
            other => panic!("{other:?}"),
        });
        rows
    }

    /// Every file of the home with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.home.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let about = fs::symlink_metadata(&path).unwrap();
                if about.is_dir() {
                    folders.push(path);
                } else if about.is_file() {
                    let bytes = fs::read(&path).unwrap();
                    files.push((path, bytes));
                }
            }
        }
        files.sort();
        files
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.member, self.log_text());
        }
    }
}

pub(crate) fn value(kind: Kind, text: &str) -> Value {
    Value::parse(kind, text, &Reading::default()).unwrap()
}

pub(crate) fn domain(text: &str) -> Value {
    value(Kind::Domain, text)
}

pub(crate) fn entry(value: &Value, tlp: Tlp, to: &[&str]) -> Entry {
    let mut draft = Fields::new(Scheme::Phishing, Confidence::try_from(80).unwrap(), tlp);
    let to = to
        .iter()
        .map(|name| Recipient::Member(name.parse().unwrap()));
    draft.releasable_to = kentong_protocol::bounded::BoundedVec::new(to.collect()).unwrap();
    Entry {
        value: value.clone(),
        assertion: Assertion::try_from(draft).unwrap(),
    }
}

/// The folder of real data, if it lies beside the repository; else says so.
pub(crate) fn real_data(file: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data")
        .join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the real data is not there (../shared/data/{file})");
    None
}

/// The contents of all records of one kind and feed in a stopped node's log.
pub(crate) fn records(node: &Node, kind: RecordKind, feed: FeedId) -> Vec<Vec<u8>> {
    let (log, _) = Log::open(&node.home.join("log"), Options::default()).unwrap();
    let records = log.scan(Position::START).map(|read| read.unwrap().1);
    let wanted = records.filter(|r| r.kind == kind && r.key.feed == *feed.digest());
    let held = wanted.filter_map(|record| match record.payload {
        Payload::Held(bytes) => Some(bytes),
        Payload::Erased => None,
    });
    held.collect()
}
