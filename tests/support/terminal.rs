//! Walk-throughs for people, typed as they stand: a terminal that runs commands, and compares what they
//! say with what is shown.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::program;

/// How long a question may take until its answer is the one that is shown.
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands that change nothing, so that they may be asked until the answer is there.
const QUESTIONS: [&str; 6] = [
    "status",
    "query",
    "show",
    "peers",
    "policy explain",
    "charter votes",
];
/// A typed line and what is shown below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Where it stands in the text.
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) shown: Vec<String>,
}

/// A folder to type in, and what was started in it.
pub(crate) struct Terminal {
    folder: PathBuf,
    /// What is set in it.
    environment: Vec<(&'static str, OsString)>,
    started: Vec<(Child, PathBuf)>,
}

impl Terminal {
    pub(crate) fn new(folder: &Path, environment: &[(&'static str, &OsStr)]) -> Self {
        let environment = environment.iter();
        Self {
            folder: folder.to_owned(),
            environment: environment
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            started: Vec::new(),
        }
    }

    fn shell(&self, command: &str) -> Command {
        let program = PathBuf::from(program());
        let mut path = program.parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(&self.folder);
        shell.env("PATH", path).env_remove("KENTONG_HOME");
        shell.envs(self.environment.clone());
        shell.stdin(Stdio::null());
        shell
    }

    /// Types what stands there; waits until a question is answered as it is shown. A command that ends
    /// in `&` goes on beside the others.
    pub(crate) fn run(&mut self, step: &Step) {
        if let Some(command) = step.command.strip_suffix('&') {
            let log = format!("started-{}.log", self.started.len());
            let log = self.folder.join(log);
            let file = File::create(&log).unwrap();
            let mut shell = self.shell(&format!("exec {command}"));
            shell.stdout(file.try_clone().unwrap()).stderr(file);
            self.started.push((shell.spawn().unwrap(), log));
            return;
        }
        let end = Instant::now() + PATIENCE;
        let question = QUESTIONS
            .iter()
            .any(|what| format!("{} ", step.command).starts_with(&format!("kentong {what} ")));
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
    pub(crate) fn said(&self, command: &str) -> (bool, String) {
        let Output { status, stdout, .. } = self
            .shell(&format!("exec 2>&1\n{command}"))
            .output()
            .unwrap();
        (status.success(), String::from_utf8(stdout).unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for (child, log) in &mut self.started {
            drop(child.kill());
            drop(child.wait());
            if std::thread::panicking() {
                let text = fs::read_to_string(&log).unwrap_or_default();
                eprintln!("--- {} ---\n{text}", log.display());
            }
        }
    }
}

/// The commands of all `console` blocks.
pub(crate) fn console(text: &str) -> Vec<Step> {
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
    let found = console("```console\n$ a\nb\n```\n$ c\n");
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
