//! The setting up of nodes in README.md, typed as it stands there, by three members on one machine. What
//! differs from the text is what must: paths, addresses, and what is typed by another member than MY.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use kentong_protocol::indicator::{Tlp, Value};

use crate::support::terminal::{Step, Terminal};
use crate::support::{Node, PASSPHRASE, domain, own_address};

const SECTION: &str = "## Set up two nodes";
/// How far the text of a step is indented, and a command in it.
const TEXT: &str = "   ";
const COMMAND: &str = "       ";
/// What the README writes where each machine has something of its own.
const ROOT_KEY: &str = "/path/to/root.key";
const NEW_HOME: &str = "/path/to/new/home";
const DISK: &str = "/media/disk/";
const HASH: &str = " 5cb1 ";

/// The commands of each numbered step, in the order in which they are typed.
fn commands(readme: &str) -> BTreeMap<u32, VecDeque<Step>> {
    let mut steps: BTreeMap<u32, VecDeque<Step>> = BTreeMap::new();
    let lines = (1..).zip(readme.lines());
    let section = lines.skip_while(|(_, text)| *text != SECTION).skip(1);
    let mut step = 0;
    let mut goes_on = false;
    for (line, text) in section {
        if text.starts_with("## ") {
            break;
        }
        if let Some((number, _)) = text.split_once(". **") {
            step = number.parse().unwrap();
            steps.entry(step).or_default();
        } else if let Some(command) = text.strip_prefix(COMMAND) {
            let list = steps.get_mut(&step).unwrap();
            let (words, more) = match command.strip_suffix('\\') {
                Some(words) => (words, true),
                None => (command, false),
            };
            if goes_on {
                let last = list.back_mut().unwrap();
                last.command.push_str(words.trim_start());
            } else {
                assert!(words.starts_with("kentong "), "line {line}: {words}");
                list.push_back(Step {
                    line,
                    command: words.to_owned(),
                    shown: Vec::new(),
                });
            }
            goes_on = more;
        } else if !text.is_empty() && !text.starts_with(TEXT) && step > 0 {
            break; // The list has ended.
        }
    }
    steps
}

/// A member's machine: a folder in which its people type, with its node's home.
struct Machine {
    terminal: Terminal,
    node: Node,
    folder: PathBuf,
    address: SocketAddr,
}

impl Machine {
    fn new(dir: &Path, member: &str, address: SocketAddr) -> Self {
        let folder = dir.join(member);
        fs::create_dir_all(folder.join("stick")).unwrap();
        // As systemd gives it: so no command needs another argument.
        let secret = folder.join("kentong-passphrase");
        fs::write(&secret, PASSPHRASE).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&secret, mode).unwrap();
        let home = folder.join("home");
        Self {
            terminal: Self::terminal(&folder, &home),
            node: Node::found(member, &home, &secret),
            folder,
            address,
        }
    }

    fn terminal(folder: &Path, home: &Path) -> Terminal {
        Terminal::new(
            folder,
            &[
                ("KENTONG_HOME", home.as_os_str()),
                ("CREDENTIALS_DIRECTORY", folder.as_os_str()),
            ],
        )
    }

    /// Types a command that is the same for everybody, or stands there for this member.
    fn types(&mut self, step: &Step) {
        let path = |name: &str| self.folder.join(name).to_str().unwrap().to_owned();
        let mut step = step.clone();
        for (written, here) in [
            (ROOT_KEY, path("stick/root.key")),
            (NEW_HOME, path("new-home")),
            (DISK, path("")),
            ("/0.0.0.0/", format!("/{}/", self.address.ip())),
            ("/192.0.2.1/", format!("/{}/", self.address.ip())),
            ("/4747/", format!("/{}/", self.address.port())),
        ] {
            step.command = step.command.replace(written, &here);
        }
        if step.command.starts_with("kentong erase ") {
            step.command.push_str(" --yes"); // What a person answers on the terminal.
        }
        if step.command == "kentong run" {
            step.command.push_str(" &");
        }
        self.terminal.run(&step);
    }

    /// Types what stands there for MY in this member's own name.
    fn types_as_my(&mut self, step: &Step) {
        let mut step = step.clone();
        // Only whose it is and what is written: what is read may be MY's.
        for written in ["--member MY", "> MY.card", "-o charter.MY"] {
            let here = written.replace("MY", &self.node.member);
            step.command = step.command.replace(written, &here);
        }
        self.types(&step);
    }

    fn send(&self, file: &str, to: &Self) {
        fs::copy(self.folder.join(file), to.folder.join(file)).unwrap();
    }

    /// The root key goes to the stick, as it says after the first command.
    fn move_root_key(&self) {
        let from = self.node.home.join("root.key");
        fs::rename(from, self.folder.join("stick/root.key")).unwrap();
    }

    fn connected_to(&self, others: u64) {
        let node = &self.node;
        node.until("the node answers", || {
            node.try_ask(kentong_node::control::request::Request::Status, |_| {})
                .is_ok()
        });
        node.until("all are connected", || {
            node.status().connected.members == others
        });
    }

    /// Adds something, which must reach these members.
    fn adds(&self, name: &str, readers: &[&Self]) {
        let value: Value = domain(name);
        self.node.add(&value, Tlp::Green, &[]);
        for reader in readers {
            let reader = &reader.node;
            reader.until(name, || reader.has(&value));
        }
    }
}

/// Steps that are being walked through.
struct Walk {
    steps: BTreeMap<u32, VecDeque<Step>>,
}

impl Walk {
    /// The next command of a step.
    fn next(&mut self, step: u32) -> Step {
        let list = self.steps.get_mut(&step);
        let next = list.and_then(VecDeque::pop_front);
        next.unwrap_or_else(|| panic!("step {step} of the README has a command less"))
    }

    fn is_done(&self, step: u32) -> bool {
        self.steps.get(&step).is_none_or(VecDeque::is_empty)
    }

    /// All further commands of a step.
    fn rest(&mut self, step: u32) -> Vec<Step> {
        let list = self.steps.get_mut(&step);
        list.map(std::mem::take).unwrap_or_default().into()
    }
}

#[test]
fn the_steps_lead_where_they_say() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let steps = commands(&fs::read_to_string(readme).unwrap());
    let numbers: Vec<_> = steps.keys().copied().collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let counts: Vec<_> = steps.values().map(VecDeque::len).collect();
    assert_eq!(counts, [1, 1, 3, 1, 1, 9, 8, 2, 6], "commands in each step");
    let mut walk = Walk { steps };
    // All are held at once, so that they differ.
    let ip = own_address();
    let sockets = [(); 3].map(|()| UdpSocket::bind((ip, 0)).unwrap());
    let address = |at: usize| sockets[at].local_addr().unwrap();
    let dir = tempfile::Builder::new().prefix("kt").tempdir().unwrap();
    let mut my = Machine::new(dir.path(), "MY", address(0));
    let mut sg = Machine::new(dir.path(), "SG", address(1));
    let mut vn = Machine::new(dir.path(), "VN", address(2));
    drop(sockets);

    // The third member does what the first two did, when its time has come.
    let (init, card) = (walk.next(1), walk.next(2));
    set_up(&mut walk, &init, &card, &mut my, &mut sg);
    use_it(&mut walk, &mut my, &sg);
    admit(&mut walk, &init, &card, [&mut my, &mut sg, &mut vn]);
    back_up(&mut walk, &mut my, [&sg, &vn]);
    replace_keys(&mut walk, [&mut my, &mut sg, &mut vn]);
    for step in numbers {
        assert!(walk.is_done(step), "step {step}: {:?}", walk.rest(step));
    }
}

/// Steps 1 to 5.
fn set_up(walk: &mut Walk, init: &Step, card: &Step, my: &mut Machine, sg: &mut Machine) {
    for machine in [&mut *my, &mut *sg] {
        machine.types_as_my(init);
        machine.move_root_key();
        machine.types_as_my(card);
    }
    my.send("MY.card", sg);
    sg.send("SG.card", my);

    let (draft, sign, merge) = (walk.next(3), walk.next(3), walk.next(3));
    my.types(&draft);
    my.send("charter.draft", sg);
    for machine in [&mut *my, &mut *sg] {
        machine.types_as_my(&sign);
    }
    sg.send("charter.SG", my);
    my.types(&merge);
    my.send("charter.txt", sg);

    let (install, run) = (walk.rest(4), walk.next(5));
    for machine in [&mut *my, &mut *sg] {
        install.iter().for_each(|step| machine.types(step));
        machine.types(&run);
    }
    walk.steps.insert(5, VecDeque::from([run]));
    my.connected_to(1);
    sg.connected_to(1);
}

/// Step 6.
fn use_it(walk: &mut Walk, my: &mut Machine, sg: &Machine) {
    fs::write(my.folder.join("list.txt"), "listed.example\n").unwrap();
    for step in walk.rest(6) {
        my.types(&step);
    }
    let (sg, listed) = (&sg.node, domain("listed.example"));
    sg.until("what was imported has come", || sg.has(&listed));
    let erased = domain("scam.example");
    sg.until("what was erased is gone", || !sg.has(&erased));
}

/// Step 7.
fn admit(walk: &mut Walk, init: &Step, card: &Step, [my, sg, vn]: [&mut Machine; 3]) {
    vn.types_as_my(init);
    vn.move_root_key();
    vn.types_as_my(card);
    vn.send("VN.card", my);
    my.types(&walk.next(7));
    my.types(&walk.next(7));
    // Nobody lets the newcomer in, or knows its keys, before enough have signed.
    assert!(!my.node.home.join("members/VN.card").exists());

    sg.types(&walk.next(7));
    let (_, waiting) = sg.terminal.said("kentong charter votes");
    let hash = waiting.get(..4).unwrap();
    let mut write = walk.next(7);
    assert!(write.command.contains(HASH), "{}", write.command);
    write.command = write.command.replace(HASH, &format!(" {hash} "));
    sg.types(&write);
    sg.types(&walk.next(7));
    for node in [&my.node, &sg.node] {
        node.until("it is in force", || {
            node.status().charter_version == Some(2)
        });
    }

    my.types(&walk.next(7));
    my.send("all.txt", vn);
    for step in walk.rest(7) {
        vn.types(&step);
    }
    for machine in [&*my, &*sg, &*vn] {
        machine.connected_to(2);
    }
    my.adds("from-my.example", &[sg, vn]);
    vn.adds("from-vn.example", &[my, sg]);
}

/// Step 8: the home is lost, and what was published after the backup comes back.
fn back_up(walk: &mut Walk, my: &mut Machine, [sg, vn]: [&Machine; 2]) {
    my.types(&walk.next(8));
    my.adds("after-the-backup.example", &[sg, vn]);
    let lost = my.node.home.clone();
    let home = my.folder.join("new-home");
    // The old terminal ends what was started in it.
    my.terminal = Machine::terminal(&my.folder, &home);
    fs::remove_dir_all(&lost).unwrap();
    my.types(&walk.next(8));
    my.node = Node::found("MY", &home, &my.node.passphrase);
    my.types(&walk.next(5));
    my.connected_to(2);
    let came_back = domain("after-the-backup.example");
    let node = &my.node;
    node.until("it is back", || node.has(&came_back));
    node.until("it signs again", || node.status().recovery.is_none());
    my.adds("restored.example", &[sg, vn]);
}

/// Step 9: the last command is another member's.
fn replace_keys(walk: &mut Walk, [my, sg, vn]: [&mut Machine; 3]) {
    let mut steps = walk.rest(9);
    let last = steps.pop().unwrap();
    for step in &steps {
        my.types(step);
    }
    my.send("MY.card", sg);
    sg.types(&last);
    for machine in [&*my, &*sg, &*vn] {
        machine.connected_to(2);
    }
    my.adds("by-new-keys.example", &[sg, vn]);
}

#[test]
fn commands_are_found() {
    let text = "\
# X
       kentong before
## Set up two nodes
Text.
1. **One.** Do

       kentong init --member MY \\
           --listen x

   and

       kentong card > MY.card

2. **Two.**

       kentong run
Behind it.
       kentong after
";
    let found: Vec<_> = commands(text)
        .into_iter()
        .flat_map(|(step, list)| list.into_iter().map(move |one| (step, one.command)))
        .collect();
    let expected = [
        (1, "kentong init --member MY --listen x"),
        (1, "kentong card > MY.card"),
        (2, "kentong run"),
    ];
    assert_eq!(
        found,
        expected.map(|(step, command)| (step, command.to_owned()))
    );
}
