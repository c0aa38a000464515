//! Power cuts under real processes. All that the commands and the node of one member do to its home is
//! recorded, together with what they acknowledged and when; the home is then what a disk may hold
//! after a cut at any moment, and a node is started in it.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use kentong_node::control::reply::State;
use kentong_node::control::request::{Query, Request};
use kentong_node::log::{Log, Options, Payload, Position, RecordKind};
use kentong_node::signer::Signer;
use kentong_protocol::feed::{FeedId, Leaf};
use kentong_protocol::indicator::{Tlp, Value};
use kentong_protocol::member::heads::Heads as _;

use self::disk::{Dice, Disk, Entry, Image, Model, Step};
use crate::support::{Federation, Node, domain, entry, shim};

/// Homes in which a node is started.
const STARTS: usize = 100;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// What is asked of the member, one after the other.
const ROUNDS: usize = 60;

/// What was answered, with the length of the record when it was asked and when it was answered.
struct Promise {
    asked: usize,
    answered: usize,
    value: Value,
    state: State,
}

/// Whose home is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// MY's, which publishes.
    Publisher,
    /// SG's, which gives receipts.
    Reader,
}

/// How many leaves of each of MY's feeds are signed; for SG, how many it gave a receipt for.
type Heads = BTreeMap<String, u64>;

/// What was done, and what was said to others.
struct Story {
    whose: Whose,
    root: PathBuf,
    passphrase: PathBuf,
    entries: Vec<Entry>,
    promises: Vec<Promise>,
    /// What a reader or an operator saw signed, by the length of the record then.
    heads: Vec<(usize, Heads)>,
    /// What finished commands had written, by the number of the entry that says that they ended.
    finished: Vec<(usize, BTreeMap<PathBuf, Vec<u8>>)>,
    /// Every sync that happened, in words.
    classes: BTreeSet<String>,
    _federation: Federation,
}

/// Has MY add or withdraw something; the values, and what they are then.
fn say(my: &Node, round: usize) -> Vec<(Value, State)> {
    let name = |round: usize, n: usize| domain(&format!("r{round}-{n}.example"));
    if round % 4 == 3 {
        let value = name(round - 1, 0);
        my.withdraw(&value);
        return vec![(value, State::Withdrawn)];
    }
    let (tlp, to): (_, &[&str]) = match round % 5 {
        0 => (Tlp::AmberStrict, &["SG"]),
        1 => (Tlp::Clear, &[]),
        _ => (Tlp::Green, &[]),
    };
    let many = [1, 1, 20][round % 3];
    let values: Vec<_> = (0..many).map(|n| name(round, n)).collect();
    let entries = values.iter().map(|value| entry(value, tlp, to));
    my.assert(entries.collect());
    let said = values.into_iter().map(|value| (value, State::InForce));
    said.collect()
}

/// Has MY say something that makes the recorded node write, of which it dies. Whether that was
/// answered does not matter.
fn struck_down(
    federation: &mut Federation,
    whose: Whose,
    name: &str,
    fatal: &Path,
    asked: usize,
) -> Promise {
    let value = domain(&format!("{name}.example"));
    fs::write(fatal, "").unwrap();
    let request = Request::Assert {
        entries: vec![entry(&value, Tlp::Green, &[])],
        dry_run: false,
        again: false,
    };
    drop(federation.node("MY").try_ask(request, |_| {}));
    federation.node_mut(whose.name()).killed();
    fs::remove_file(fatal).unwrap();
    Promise {
        asked,
        answered: usize::MAX,
        value,
        state: State::InForce,
    }
}

impl Whose {
    const fn name(self) -> &'static str {
        match self {
            Self::Publisher => "MY",
            Self::Reader => "SG",
        }
    }

    /// What others have seen of it.
    fn seen(self, my: &Node, sg: &Node) -> Heads {
        let mut seen = Heads::new();
        let mut note = |feed: String, size: u64| {
            let most = seen.entry(feed).or_default();
            *most = size.max(*most);
        };
        match self {
            Self::Publisher => {
                let signed = my.feeds().into_iter().chain(sg.feeds());
                let signed = signed.filter(|feed| feed.publisher == "MY");
                signed.for_each(|feed| note(feed.id, feed.signed));
            }
            Self::Reader => {
                for feed in my.feeds() {
                    let whole = feed
                        .receipts
                        .into_iter()
                        .filter(|receipt| receipt.missing == 0);
                    whole.for_each(|receipt| note(feed.id.clone(), receipt.leaves));
                }
            }
        }
        seen
    }
}

impl Story {
    fn live(library: &Path, whose: Whose) -> Self {
        let folder = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
        let [trace, fatal] = ["trace", "fatal"].map(|name| folder.path().join(name));
        let environment = |member: &str, home: &Path| {
            if member == whose.name() {
                shim::recorded(library, home, &trace, &fatal)
            } else {
                Vec::new()
            }
        };
        let mut federation = Federation::within(&["MY", "SG"], environment);
        let root = federation.node(whose.name()).home.clone();
        assert_eq!(root.canonicalize().unwrap(), root, "or nothing is recorded");
        federation.nodes.iter_mut().for_each(Node::start);
        federation.connected();
        let recorded = || usize::try_from(fs::metadata(&trace).unwrap().len()).unwrap();
        let (mut promises, mut heads) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (my, sg) = (federation.node("MY"), federation.node("SG"));
            let asked = recorded();
            let said = say(my, round);
            let answered = recorded();
            promises.extend(said.into_iter().map(|(value, state)| Promise {
                asked,
                answered,
                value,
                state,
            }));
            if round % 2 == 0 {
                let seen = whose.seen(my, sg);
                heads.push((recorded(), seen));
            }
            if round == ROUNDS / 3 {
                promises.push(struck_down(
                    &mut federation,
                    whose,
                    "first",
                    &fatal,
                    recorded(),
                ));
                federation.node_mut(whose.name()).start();
                federation.connected();
            }
            if round == ROUNDS * 2 / 3 {
                federation.node_mut(whose.name()).stop();
                federation.node_mut(whose.name()).start();
                federation.connected();
            }
        }
        promises.push(struck_down(
            &mut federation,
            whose,
            "last",
            &fatal,
            recorded(),
        ));
        // Nobody is there from whom a home could learn what it lost.
        let others = federation.nodes.iter_mut();
        let others = others.filter(|node| node.member != whose.name());
        others.for_each(Node::kill);
        let mut story = Self {
            whose,
            root,
            passphrase: federation.node("MY").passphrase.clone(),
            entries: disk::read(&trace),
            promises,
            heads,
            finished: Vec::new(),
            classes: BTreeSet::new(),
            _federation: federation,
        };
        story.look_back();
        story
    }

    /// Notes what finished commands had written, and what was ever synced.
    fn look_back(&mut self) {
        let mut disk = Disk::new(&self.root);
        for (number, entry) in self.entries.iter().enumerate() {
            self.classes.extend(disk.class(&entry.step));
            disk.take(&entry.step, false);
            if entry.step == Step::End {
                let mut files = disk.now().files;
                files.retain(|path, _| stays(path));
                self.finished.push((number, files));
            }
        }
        let real = |path: &Path| fs::read(self.root.join(path)).unwrap();
        for (path, content) in disk.now().files {
            assert_eq!(
                content,
                real(&path),
                "{}: the record is wrong",
                path.display()
            );
        }
    }

    /// Gives each home after a cut behind so many entries to `found`, until that has seen enough.
    /// Syncs of the class `without` do nothing.
    fn homes(
        &self,
        cuts: &BTreeSet<usize>,
        model: Model,
        without: Option<&str>,
        mut found: impl FnMut(usize, Image) -> ControlFlow<()>,
    ) {
        let (mut disk, mut dice) = (Disk::new(&self.root), Dice(SEED));
        for (number, entry) in self.entries.iter().enumerate() {
            if cuts.contains(&number) && found(number, disk.after_cut(model, &mut dice)).is_break()
            {
                return;
            }
            let void = without.is_some() && disk.class(&entry.step).as_deref() == without;
            disk.take(&entry.step, void);
        }
    }

    /// How long the record was at a cut.
    fn recorded(&self, cut: usize) -> usize {
        self.entries[cut - 1].end
    }

    fn heads(&self, cut: usize) -> Heads {
        let before = self.heads.iter().rfind(|seen| seen.0 <= self.recorded(cut));
        before.map(|seen| seen.1.clone()).unwrap_or_default()
    }

    /// The entry from which on a node runs.
    fn set_up(&self) -> usize {
        let first = self.promises[0].asked;
        self.entries
            .iter()
            .position(|entry| entry.end > first)
            .unwrap()
    }

    /// What can be seen without a start.
    fn check(&self, cut: usize, home: &Image) -> Result<(), String> {
        self.check_files(cut, home)?;
        self.check_heads(cut, home)
    }

    /// What finished commands wrote must be there; or what the next one, under way, put over it.
    fn check_files(&self, cut: usize, home: &Image) -> Result<(), String> {
        let ended = self.finished.partition_point(|(number, _)| *number < cut);
        let Some((_, files)) = ended.checked_sub(1).map(|last| &self.finished[last]) else {
            return Ok(());
        };
        let next = self.finished.get(ended).map(|(_, files)| files);
        for (path, content) in files {
            let found = home.files.get(path);
            let newer = next.is_some_and(|files| files.get(path) == found);
            if found != Some(content) && !newer {
                return Err(format!("{} is lost or damaged", path.display()));
            }
        }
        Ok(())
    }

    /// Neither the signer state nor the log may have forgotten what was seen signed.
    fn check_heads(&self, cut: usize, home: &Image) -> Result<(), String> {
        if cut <= self.finished[0].0 {
            return Ok(());
        }
        let folder = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
        let root = folder.path().join("home");
        home.write(&root);
        let signer = Signer::open(&root.join("signer.state")).map_err(|error| error.to_string())?;
        let signed: Heads = signer
            .iter()
            .map(|(feed, signed)| (FeedId::from_digest(*feed).to_string(), signed.size))
            .collect();
        let held = held(&root.join("log"))?;
        for (feed, size) in &self.heads(cut) {
            let found = signed.get(feed).copied().unwrap_or_default();
            if self.whose == Whose::Publisher && found < *size {
                return Err(format!("the signer state knows {found} of {size} leaves"));
            }
            let lost = (0..*size).find(|index| !held.contains(&(feed.clone(), *index)));
            if let Some(index) = lost {
                return Err(format!("leaf {index} of {size} is lost"));
            }
        }
        Ok(())
    }

    /// A node starts there, answers all that was acknowledged, and knows what it had signed.
    fn check_start(&self, cut: usize, home: &Image) {
        let folder = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
        let root = folder.path().join("home");
        home.write(&root);
        // Beside others, and without a reader that it could learn from.
        let config = fs::read_to_string(root.join("config.toml")).unwrap();
        let line = config.lines().find(|line| line.starts_with("listen = "));
        let elsewhere = r#"listen = ["/ip4/127.0.0.1/udp/0/quic-v1"]"#;
        let config = config.replace(line.unwrap(), elsewhere);
        fs::write(root.join("config.toml"), config).unwrap();
        let mut node = Node::found(self.whose.name(), &root, &self.passphrase);
        node.start();
        let signed = node.feeds().into_iter();
        let signed: Heads = signed.map(|feed| (feed.id, feed.signed)).collect();
        for (feed, size) in self.heads(cut) {
            let knows = signed.get(&feed).is_some_and(|found| *found >= size);
            assert!(knows, "{feed} is forgotten");
        }
        for warning in node.warnings().lines() {
            let fine = warning.contains("unconfirmed start")
                || warning.contains("derived state was rebuilt");
            assert!(fine, "{warning}");
        }
        if self.whose == Whose::Publisher {
            self.check_said(cut, &node);
        }
    }

    /// It answers all that was acknowledged.
    fn check_said(&self, cut: usize, my: &Node) {
        let now = self.recorded(cut);
        let mut due: BTreeMap<&Value, BTreeSet<Option<State>>> = BTreeMap::new();
        for promise in self.promises.iter().filter(|promise| promise.asked <= now) {
            let answers = due.entry(&promise.value).or_insert_with(|| [None].into());
            if promise.answered <= now {
                answers.clear();
            }
            answers.insert(Some(promise.state));
        }
        let values: Vec<Value> = due.keys().copied().cloned().collect();
        let mut states = BTreeMap::new();
        for some in values.chunks(200) {
            let query = Query {
                values: some.to_vec(),
                all: true,
                limit: 1000,
                ..Query::default()
            };
            states.extend(
                my.query(query)
                    .into_iter()
                    .map(|row| (row.value, row.state)),
            );
        }
        for (value, answers) in due {
            let found = states.get(value.as_str()).copied();
            assert!(
                answers.contains(&found),
                "{value:?}: {found:?}, not {answers:?}"
            );
        }
    }
}

/// Whether a file is one that stays as a command wrote it.
fn stays(path: &Path) -> bool {
    let kept = !path.starts_with("log") && !path.starts_with("sled");
    let name = path.file_name().unwrap().to_str().unwrap();
    kept && !["lock", "signer.state"].contains(&name) && !name.ends_with(".new")
}

/// The leaves that a log holds, those of batches with their bodies.
fn held(folder: &Path) -> Result<BTreeSet<(String, u64)>, String> {
    let (log, _) = Log::open(folder, Options::default()).map_err(|error| error.to_string())?;
    let (mut leaves, mut bodies) = (BTreeMap::new(), BTreeSet::new());
    for read in log.scan(Position::START) {
        let (_, record) = read.map_err(|error| error.to_string())?;
        let feed = FeedId::from_digest(record.key.feed).to_string();
        let place = (feed, record.key.index);
        match (record.kind, record.payload) {
            (RecordKind::Leaf, Payload::Held(bytes)) => {
                let leaf = Leaf::decode(&bytes).map_err(|error| error.to_string())?;
                leaves.insert(place, matches!(leaf, Leaf::Batch(_)));
            }
            (RecordKind::Body, _) => drop(bodies.insert(place)),
            _ => {}
        }
    }
    let whole = leaves
        .into_iter()
        .filter(|(place, batch)| !batch || bodies.contains(place));
    Ok(whole.map(|(place, _)| place).collect())
}

/// So many different numbers of a range.
fn draw(range: std::ops::Range<usize>, many: usize, dice: &mut Dice) -> BTreeSet<usize> {
    let mut drawn = BTreeSet::new();
    while drawn.len() < many.min(range.len()) {
        drawn.insert(range.start + dice.roll(range.len()));
    }
    drawn
}

#[test]
fn a_node_starts_after_any_cut_and_knows_all_that_it_said() {
    let Some(library) = shim::library() else {
        return;
    };
    let story = Story::live(library, Whose::Publisher);
    let (first, last) = (story.set_up(), story.entries.len());
    println!("{last} operations, {first} of them before the node ran");
    let mut dice = Dice(SEED);
    for (model, starts) in [(Model::Drop, STARTS / 5), (Model::Chance, STARTS * 4 / 5)] {
        // While the home is made nothing is to be started yet.
        let mut chosen: BTreeSet<_> = (1..first).collect();
        chosen.extend(draw(first..last, STARTS, &mut dice));
        story.homes(&chosen, model, None, |cut, home| {
            let found = story.check(cut, &home);
            found.unwrap_or_else(|error| panic!("{model:?}, behind {cut}: {error}"));
            ControlFlow::Continue(())
        });
        start_all(&story, model, None, &draw(first..last, starts, &mut dice));
    }
}

#[test]
fn a_reader_keeps_what_it_gave_a_receipt_for() {
    let Some(library) = shim::library() else {
        return;
    };
    let story = Story::live(library, Whose::Reader);
    let (first, last) = (story.set_up(), story.entries.len());
    let receipts: u64 = story.heads.iter().flat_map(|seen| seen.1.values()).sum();
    assert!(receipts > 0, "nothing was confirmed");
    let mut dice = Dice(SEED);
    for model in [Model::Drop, Model::Chance] {
        let chosen = draw(first..last, STARTS, &mut dice);
        story.homes(&chosen, model, None, |cut, home| {
            let found = story.check(cut, &home);
            found.unwrap_or_else(|error| panic!("{model:?}, behind {cut}: {error}"));
            ControlFlow::Continue(())
        });
        let starts = draw(first..last, STARTS / 10, &mut dice);
        start_all(&story, model, None, &starts);
    }
    let mut lost = false;
    let all = (first..last).collect();
    story.homes(&all, Model::Drop, Some("run: log/*"), |cut, home| {
        lost = story.check(cut, &home).is_err();
        if lost {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert!(lost, "without the syncs of the log all is well");
}

/// The syncs of the life that is recorded, by the command and what it syncs. Without any of them
/// something is lost that was acknowledged.
const NEEDED: [&str; 28] = [
    "charter: charter.new",
    "charter: members/SG.new",
    "charter: names in home",
    "charter: names in members",
    "init: config.toml",
    "init: kentong-home",
    "init: keys/keyring.kdf",
    "init: keys/sealing.key",
    "init: keys/signing.key",
    "init: keys/store.key",
    "init: keys/transport.key",
    "init: keys/witness.key",
    "init: log/*",
    "init: members/MY.new",
    "init: names in home",
    "init: names in keys",
    "init: names in log",
    "init: names in members",
    "init: names in policy",
    "init: names in what the home lies in",
    "init: policy/accept.cedar",
    "init: policy/local.cedar",
    "init: policy/share.cedar",
    "init: root.key",
    "init: signer.state.new",
    "run: log/*",
    "run: names in home",
    "run: signer.state.new",
];
/// What nothing rests on in this life: no segment is begun while the node runs (the log has a test of
/// its own for that), and what is derived may be lost at any time.
const UNNEEDED: [&str; 2] = ["run: names in log", "run: sled/*"];

#[test]
fn without_any_one_of_the_syncs_something_is_lost() {
    let Some(library) = shim::library() else {
        return;
    };
    let story = Story::live(library, Whose::Publisher);
    let (first, last) = (story.set_up(), story.entries.len());
    let known: BTreeSet<_> = NEEDED
        .into_iter()
        .chain(UNNEEDED)
        .map(str::to_owned)
        .collect();
    assert_eq!(story.classes, known);
    let mut dice = Dice(SEED);
    for class in &story.classes {
        let mut chosen = draw(first..last, STARTS, &mut dice);
        chosen.extend(1..first);
        let mut noticed = None;
        story.homes(&chosen, Model::Drop, Some(class), |cut, home| {
            noticed = story.check(cut, &home).err().map(|error| (cut, error));
            match noticed {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        println!("without the syncs of {class}: {noticed:?}");
        let needed = NEEDED.contains(&class.as_str());
        assert_eq!(noticed.is_some(), needed, "without the syncs of {class}");
    }
    for class in UNNEEDED {
        let chosen = draw(first..last, STARTS / 20, &mut dice);
        start_all(&story, Model::Drop, Some(class), &chosen);
    }
}

/// Starts a node in each home, two at a time.
fn start_all(story: &Story, model: Model, without: Option<&str>, cuts: &BTreeSet<usize>) {
    let cuts: Vec<_> = cuts.iter().copied().collect();
    std::thread::scope(|scope| {
        for some in cuts.chunks(cuts.len().div_ceil(2)) {
            let some = some.iter().copied().collect();
            scope.spawn(move || {
                story.homes(&some, model, without, |cut, home| {
                    println!("{model:?}, behind {cut}");
                    story.check_start(cut, &home);
                    ControlFlow::Continue(())
                });
            });
        }
    });
}
