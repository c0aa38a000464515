//! The folder `examples`, executed: what it shows is what happens.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::Federation;

/// How long a question may take until its answer is the one that is shown.
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands that change nothing, so that they may be asked until the answer is there.
const QUESTIONS: [&str; 5] = ["status", "query", "show", "peers", "policy explain"];
/// The ports that the walk-through writes.
const PORTS: [&str; 2] = ["4747", "4748"];

/// A typed line and what is shown below it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    command: String,
    shown: Vec<String>,
}

/// A folder to type in, and what was started in it.
struct Terminal {
    folder: tempfile::TempDir,
    started: Vec<Child>,
}

impl Terminal {
    fn shell(&self, command: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_kentong"));
        let mut path = program.parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.folder.path());
        shell.env("PATH", path).env_remove("KENTONG_HOME");
        shell.stdin(Stdio::null());
        shell
    }

    fn run(&mut self, step: &Step) {
        if let Some(command) = step.command.strip_suffix('&') {
            let mut shell = self.shell(&format!("exec {command}"));
            let silent = shell.stdout(Stdio::null()).stderr(Stdio::null());
            self.started.push(silent.spawn().unwrap());
            return;
        }
        let end = Instant::now() + PATIENCE;
        let question = QUESTIONS
            .iter()
            .any(|what| step.command.starts_with(&format!("kentong {what} ")));
        loop {
            let (so, said) = self.said(&step.command);
            // What finds nothing says so by its status, too.
            let fine = so || step.shown.iter().any(|line| line.starts_with("Nothing"));
            let shown: Vec<_> = step.shown.iter().map(String::as_str).collect();
            let said_lines: Vec<_> = said.lines().collect();
            if fine && (step.shown.is_empty() || matches(&shown, &said_lines)) {
                return;
            }
            assert!(
                question && Instant::now() < end,
                "line {}: {}\n--- shown\n{}\n--- said\n{said}",
                step.line,
                step.command,
                shown.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it went well, and what a terminal would show.
    fn said(&self, command: &str) -> (bool, String) {
        let Output { status, stdout, .. } = self
            .shell(&format!("exec 2>&1\n{command}"))
            .output()
            .unwrap();
        (status.success(), String::from_utf8(stdout).unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for child in &mut self.started {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The commands of all `console` blocks.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (line, words) in (1..).zip(text.lines()) {
        match (inside, words.strip_prefix("```")) {
            (false, Some(language)) => {
                assert_eq!(
                    language, "console",
                    "line {line}: a block that nothing runs"
                );
                inside = true;
            }
            (true, Some(_)) => inside = false,
            (false, None) => {}
            (true, None) => match words.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    line,
                    command: command.to_owned(),
                    shown: Vec::new(),
                }),
                None => {
                    let step = steps.last_mut().expect("a block begins with a command");
                    step.shown.push(words.to_owned());
                }
            },
        }
    }
    steps
}

/// Whether the lines are those shown; a line `…` stands for any lines.
fn matches(shown: &[&str], said: &[&str]) -> bool {
    match (shown.split_first(), said.split_first()) {
        (None, said) => said.is_none(),
        (Some((&"…", rest)), _) => (0..=said.len()).any(|skip| matches(rest, &said[skip..])),
        (Some((first, shown)), Some((line, said))) => {
            matches_line(first, line) && matches(shown, said)
        }
        (Some(_), None) => false,
    }
}

/// Whether the line is that shown; `…` in it stands for any text.
fn matches_line(shown: &str, said: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else {
        return shown == said;
    };
    let Some(said) = said.strip_prefix(start) else {
        return false;
    };
    let ends = said.char_indices().map(|(at, _)| at).chain([said.len()]);
    let mut ends = ends.collect::<Vec<_>>().into_iter();
    ends.any(|at| matches_line(rest, &said[at..]))
}

fn folder(name: &str) -> PathBuf {
    let node = Path::new(env!("CARGO_MANIFEST_DIR"));
    node.parent().unwrap().join("examples").join(name)
}

#[test]
fn the_walk_through_happens_as_written() {
    let mut text = fs::read_to_string(folder("two-members.md")).unwrap();
    // Both are held at once, so that they differ.
    let free = PORTS.map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    for (written, free) in PORTS.iter().zip(&free) {
        let free = free.local_addr().unwrap().port();
        text = text.replace(&format!("/udp/{written}/"), &format!("/udp/{free}/"));
    }
    drop(free);
    let steps = steps(&text);
    assert!(steps.len() > 20, "{} commands only", steps.len());
    let mut terminal = Terminal {
        folder: tempfile::Builder::new().prefix("kt").tempdir().unwrap(),
        started: Vec::new(),
    };
    for step in &steps {
        terminal.run(step);
    }
}

#[test]
fn the_policies_are_valid_beside_the_first_ones() {
    let federation = Federation::new(&["MY", "SG"]);
    let my = federation.node("MY");
    let policies = fs::read_dir(folder("policies")).unwrap();
    let mut names = Vec::new();
    for policy in policies {
        let policy = policy.unwrap();
        fs::copy(
            policy.path(),
            my.home.join("policy").join(policy.file_name()),
        )
        .unwrap();
        my.run(&["policy", "check"]);
        names.push(policy.file_name().into_string().unwrap());
    }
    let index = fs::read_to_string(folder("README.md")).unwrap();
    for name in &names {
        assert!(
            index.contains(&format!("(policies/{name})")),
            "{name} is not in the index"
        );
    }
    assert!(names.len() >= 4, "{names:?}");
}

#[test]
fn the_policies_do_what_they_say() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let my = federation.node_mut("MY");
    for policy in fs::read_dir(folder("policies")).unwrap() {
        let policy = policy.unwrap();
        fs::copy(
            policy.path(),
            my.home.join("policy").join(policy.file_name()),
        )
        .unwrap();
    }
    my.start();
    let check = |arguments: &str, because: &str| {
        let all: Vec<&str> = ["policy", "explain"]
            .into_iter()
            .chain(arguments.split_whitespace())
            .collect();
        let said = String::from_utf8(my.run(&all).stdout).unwrap();
        assert!(said.contains(because), "{arguments}: {said}");
    };
    let sure = "--scheme mule-account --tlp green --confidence 80";
    check(&format!("domain x.example {sure}"), "would be released");
    check(
        &format!("bank-account MY:KNTGMYK0:000006000001 {sure}"),
        "no-own-banks.cedar",
    );
    check(
        &format!("bank-account SG:KNTGSGS0:000006000001 {sure}"),
        "without description,loss",
    );
    check(
        "domain x.example --scheme job --tlp green --confidence 40",
        "sure-only.cedar",
    );
    let named = "domain x.example --scheme job --tlp green --confidence 40 --to SG";
    check(named, "would be released");
}

#[test]
fn the_samples_are_read_as_the_index_says() {
    let index = fs::read_to_string(folder("README.md")).unwrap();
    let federation = Federation::new(&["MY"]);
    let home = federation.node("MY").home.display().to_string();
    let check = |name: &str, says: &[&str]| {
        let start = format!("`kentong import {name} ");
        let (_, rest) = index
            .split_once(&start)
            .unwrap_or_else(|| panic!("{name} is not in the index"));
        let (options, _) = rest.split_once('`').unwrap();
        let mut line = vec![
            "import".to_owned(),
            folder("import").join(name).display().to_string(),
        ];
        line.extend(options.split_whitespace().map(str::to_owned));
        let run = Command::new(env!("CARGO_BIN_EXE_kentong"))
            .args(&line)
            .args(["--home", &home])
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        for words in says {
            assert!(said.contains(words), "{name}: no `{words}` in {said}");
        }
    };
    check(
        "hosts",
        &["(hosts): 5 rows", " 4  would be taken", "line 2: localhost"],
    );
    check(
        "list.txt",
        &["(list): 9 rows", " 7  would be taken", "line 10: this line"],
    );
    check(
        "cases.csv",
        &[
            "(csv): 5 rows",
            " 4  would be taken",
            "columns not used: opened",
        ],
    );
    check(
        "phishing.json",
        &["(polkadot): 5 rows", " 3  would be taken", "/allow/0"],
    );
}

#[test]
fn what_is_shown_is_compared() {
    let check = |shown: &[&str], said: &[&str], same| {
        assert_eq!(matches(shown, said), same, "{shown:?} and {said:?}");
    };
    check(&["a", "…", "d"], &["a", "b", "c", "d"], true);
    check(&["a", "…"], &["a"], true);
    check(&["a", "…", "d"], &["a", "b"], false);
    check(&["a"], &["a", "b"], false);
    check(&["x … z"], &["x y z"], true);
    check(&["x … z"], &["x y"], false);
    check(&[], &["a"], false);
    let found = steps("```console\n$ a\nb\n```\n$ c\n");
    let shown = vec!["b".to_owned()];
    assert_eq!(
        found,
        [Step {
            line: 2,
            command: "a".to_owned(),
            shown
        }]
    );
}
