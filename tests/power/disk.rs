//! What was recorded of a folder, and the folder as a disk may hold it after a cut.
//!
//! What a sync covers is there: the bytes of a file that was synced, the names in a folder that was.
//! Of what came after, each page of 4 KiB is there or not, and so many of a folder's changes of names
//! as it pleases the disk, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const PAGE: usize = 4096;

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// What becomes of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// All of it is lost.
    Drop,
    /// Chance decides.
    Chance,
}

/// An operation, and where its entry ends in the record.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) end: usize,
    pub(super) step: Step,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Create(u64, PathBuf),
    Write(u64, usize, Vec<u8>),
    SetLen(u64, usize),
    Sync(u64),
    /// With the numbers of its files, by their names.
    SyncFolder(PathBuf, BTreeMap<String, u64>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    MakeFolder(PathBuf),
    /// A process began with this command.
    Begin(String),
    /// It ended by itself.
    End,
}

/// Reads the record that the preloaded library wrote.
pub(super) fn read(trace: &Path) -> Vec<Entry> {
    let bytes = fs::read(trace).unwrap();
    let (mut at, mut entries) = (0, Vec::new());
    while at < bytes.len() {
        let line = bytes[at..].iter().position(|byte| *byte == b'\n').unwrap();
        let line = std::str::from_utf8(&bytes[at..at + line]).unwrap();
        at += line.len() + 1;
        let mut take = |len: usize| {
            at += len;
            bytes[at - len..at].to_vec()
        };
        let mut words = line.split(' ');
        let what = words.next().unwrap();
        let numbers: Vec<u64> = words.map(|word| word.parse().unwrap()).collect();
        let size = |number: usize| usize::try_from(numbers[number]).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let step = match what {
            "C" => Step::Create(numbers[0], text(take(size(1))).into()),
            "W" => Step::Write(numbers[0], size(1), take(size(2))),
            "T" => Step::SetLen(numbers[0], size(1)),
            "S" => Step::Sync(numbers[0]),
            "D" => Step::SyncFolder(text(take(size(0))).into(), names(&text(take(size(1))))),
            "R" => Step::Rename(text(take(size(0))).into(), text(take(size(1))).into()),
            "U" => Step::Remove(text(take(size(0))).into()),
            "M" => Step::MakeFolder(text(take(size(0))).into()),
            "B" => Step::Begin(text(take(size(0)))),
            "E" => Step::End,
            _ => panic!(
                "the record cannot say what was done: {line}, {:?}",
                text(take(size(0)))
            ),
        };
        entries.push(Entry { end: at, step });
    }
    entries
}

fn names(list: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let (number, name) = line.split_once(' ').unwrap();
        (name.to_owned(), number.parse().unwrap())
    };
    list.lines().map(row).collect()
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Node {
    /// The file's place in the list of all.
    File(usize),
    Folder,
}

/// A change of names.
#[derive(Clone, Debug)]
enum Naming {
    Add(PathBuf, Node),
    Move(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

/// A file: what of it is durable, and what is not yet.
#[derive(Default, Clone)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

/// The files and names at some moment.
#[derive(Clone)]
pub(super) struct Disk {
    root: PathBuf,
    /// What runs.
    command: String,
    files: Vec<File>,
    numbers: BTreeMap<u64, usize>,
    names: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// By folder, what was not synced.
    pending: BTreeMap<PathBuf, Vec<Naming>>,
}

/// The files of a folder by their paths below it, and its folders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Image {
    pub(super) files: BTreeMap<PathBuf, Vec<u8>>,
    folders: BTreeSet<PathBuf>,
}

impl Disk {
    /// Nothing is there but the folder that `root` is to be made in.
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            command: String::new(),
            files: Vec::new(),
            numbers: BTreeMap::new(),
            names: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// What is synced by a step, in words that are the same in every run; none if it is no sync.
    pub(super) fn class(&self, step: &Step) -> Option<String> {
        let within = |path: &Path| match path.strip_prefix(&self.root) {
            Ok(path) if path == Path::new("") => "home".to_owned(),
            Ok(path) => path.to_str().unwrap().to_owned(),
            Err(_) => "what the home lies in".to_owned(),
        };
        let what = match step {
            Step::Sync(number) => {
                let file = Node::File(self.numbers[number]);
                let name = self.names.iter().find(|(_, node)| **node == file);
                let name = within(name.expect("what is synced has a name").0);
                match name.split_once('/') {
                    // What comes before `.tmp` is drawn by lot, and sled and the log count.
                    Some(("sled", _)) => "sled/*".to_owned(),
                    Some(("log", _)) => "log/*".to_owned(),
                    _ => {
                        let drawn = name.strip_suffix(".tmp");
                        let name = drawn.map_or(&*name, |drawn| drawn.rsplit_once('.').unwrap().0);
                        // The number of a key is the day on which it was made.
                        let key = name
                            .strip_prefix("keys/")
                            .and_then(|key| key.split_once('-'));
                        key.map_or_else(|| name.to_owned(), |(role, _)| format!("keys/{role}.key"))
                    }
                }
            }
            Step::SyncFolder(path, _) => format!("names in {}", within(path)),
            _ => return None,
        };
        Some(format!("{}: {what}", self.command))
    }

    /// Does a step; a sync that is `void` makes nothing durable.
    pub(super) fn take(&mut self, step: &Step, void: bool) {
        match step {
            Step::Create(number, path) => {
                self.numbers.insert(*number, self.files.len());
                let file = Node::File(self.files.len());
                self.files.push(File::default());
                self.name(Naming::Add(path.clone(), file));
            }
            Step::Write(number, at, bytes) => {
                self.change(*number, Change::Write(*at, bytes.clone()));
            }
            Step::SetLen(number, len) => self.change(*number, Change::SetLen(*len)),
            Step::Sync(number) => {
                let file = &mut self.files[self.numbers[number]];
                if !void {
                    for change in std::mem::take(&mut file.pending) {
                        apply(&mut file.durable, &change);
                    }
                }
            }
            Step::Rename(from, to) => self.name(Naming::Move(from.clone(), to.clone())),
            Step::Remove(path) => self.name(Naming::Remove(path.clone())),
            Step::MakeFolder(path) => self.name(Naming::Add(path.clone(), Node::Folder)),
            Step::SyncFolder(folder, found) => {
                self.find_moved(folder, found);
                if !void {
                    for naming in self.pending.remove(folder).unwrap_or_default() {
                        rename(&mut self.durable, &naming);
                    }
                }
            }
            Step::Begin(command) => self.command.clone_from(command),
            Step::End => {}
        }
    }

    fn change(&mut self, number: u64, change: Change) {
        self.files[self.numbers[&number]].pending.push(change);
    }

    fn name(&mut self, naming: Naming) {
        let (Naming::Add(path, _) | Naming::Move(_, path) | Naming::Remove(path)) = &naming;
        let folder = path.parent().unwrap().to_owned();
        if let Naming::Move(from, _) = &naming {
            assert_eq!(from.parent(), Some(&*folder), "files stay in their folder");
        }
        rename(&mut self.names, &naming);
        self.pending.entry(folder).or_default().push(naming);
    }

    /// Files that were given other names past the record.
    fn find_moved(&mut self, folder: &Path, found: &BTreeMap<String, u64>) {
        for (name, number) in found {
            let path = folder.join(name);
            let Some(file) = self.numbers.get(number).map(|file| Node::File(*file)) else {
                continue;
            };
            let old = self.names.iter().find(|(_, node)| **node == file);
            // The number of a file that is gone may be that of a socket now.
            let Some(old) = old.map(|(path, _)| path.clone()) else {
                continue;
            };
            if path.starts_with(&self.root) && old != path {
                self.name(Naming::Move(old, path));
            }
        }
    }

    /// As it looks while the power is on.
    pub(super) fn now(&self) -> Image {
        let mut files = self.files.clone();
        for file in &mut files {
            for change in std::mem::take(&mut file.pending) {
                apply(&mut file.durable, &change);
            }
        }
        let content = |file: usize| files[file].durable.clone();
        self.image(&self.names, content)
    }

    /// As it may be found when the power comes back.
    pub(super) fn after_cut(&self, model: Model, dice: &mut Dice) -> Image {
        let mut names = self.durable.clone();
        let mut files = self.files.clone();
        if model == Model::Chance {
            for changes in self.pending.values() {
                let many = dice.roll(changes.len() + 1);
                for naming in &changes[..many] {
                    rename(&mut names, naming);
                }
            }
            files.iter_mut().for_each(|file| file.survive(dice));
        }
        self.image(&names, |file| files[file].durable.clone())
    }

    fn image(&self, names: &BTreeMap<PathBuf, Node>, content: impl Fn(usize) -> Vec<u8>) -> Image {
        let mut image = Image {
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
        };
        for (path, node) in names {
            // What lies in a folder that was lost is lost.
            let above = path.ancestors().skip(1);
            let mut above = above.take_while(|path| path.starts_with(&self.root));
            if !above.all(|folder| names.get(folder) == Some(&Node::Folder)) {
                continue;
            }
            let within = path.strip_prefix(&self.root).unwrap().to_owned();
            match node {
                Node::File(file) => drop(image.files.insert(within, content(*file))),
                Node::Folder => drop(image.folders.insert(within)),
            }
        }
        image
    }
}

impl File {
    /// Each page of what was not synced survives or does not.
    fn survive(&mut self, dice: &mut Dice) {
        for change in &self.pending {
            match change {
                Change::SetLen(_) if dice.roll(2) == 0 => {}
                Change::SetLen(_) => apply(&mut self.durable, change),
                Change::Write(at, bytes) => {
                    let mut from = 0;
                    while from < bytes.len() {
                        let to = ((at + from) / PAGE + 1) * PAGE - at;
                        let to = to.min(bytes.len());
                        if dice.roll(2) == 0 {
                            let page = Change::Write(at + from, bytes[from..to].into());
                            apply(&mut self.durable, &page);
                        }
                        from = to;
                    }
                }
            }
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, bytes) => {
            let end = at + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*at..end].copy_from_slice(bytes);
        }
        Change::SetLen(len) => content.resize(*len, 0),
    }
}

/// Does a change of names. What it speaks of may never have become durable.
fn rename(names: &mut BTreeMap<PathBuf, Node>, naming: &Naming) {
    match naming {
        Naming::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        Naming::Move(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Naming::Remove(path) => {
            names.remove(path);
        }
    }
}

impl Image {
    /// Puts the files on a real disk.
    pub(super) fn write(&self, to: &Path) {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(to).unwrap();
        for within in &self.folders {
            folder.create(to.join(within)).unwrap();
        }
        for (within, content) in &self.files {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600);
            let mut file = file.open(to.join(within)).unwrap();
            std::io::Write::write_all(&mut file, content).unwrap();
        }
    }
}
