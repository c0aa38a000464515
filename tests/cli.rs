//! What the program says to people: help texts, and the errors that an operator meets. The files in
//! `tests/transcripts` hold it word for word, so that a change of wording is read by a reviewer.
//! `KENTONG_BLESS=1 cargo test cli` writes them again.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{Federation, Node, program};

/// Variables that would change what is said.
const UNSET: [&str; 3] = ["KENTONG_HOME", "COLUMNS", "RUST_BACKTRACE"];

/// Runs the program; answers what it was asked, what it said and how it ended. Paths are replaced.
fn said(line: &str, folder: &Path) -> String {
    let mut command = Command::new(program());
    command.args(line.split_whitespace()).current_dir(folder);
    UNSET.iter().for_each(|name| {
        command.env_remove(name);
    });
    let output = command.stdin(Stdio::null()).output().unwrap();
    let mut text = format!("$ kentong {line}\n");
    for said in [&output.stdout, &output.stderr] {
        text.push_str(&String::from_utf8_lossy(said));
    }
    text.push_str(&format!("[{}]\n\n", output.status.code().unwrap()));
    without_numbers(&text.replace(folder.to_str().unwrap(), "FOLDER"))
}

/// The numbers of processes are not the same twice.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split("(process ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("(process N");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

fn compare(name: &str, said: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path: PathBuf = root.join("tests/transcripts").join(name);
    if std::env::var_os("KENTONG_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, said).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differs = expected.lines().zip(said.lines()).find(|(a, b)| a != b);
    assert!(
        expected == said,
        "{name} says something else, first at {differs:?}; if that is meant, write it again with \
         KENTONG_BLESS=1 and read the difference"
    );
}

/// The names of the commands below this one, from its help.
fn below(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let list = list.take_while(|line| !line.is_empty());
    let named = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn help() {
    let folder = tempfile::tempdir().unwrap();
    let mut todo = VecDeque::from([String::new()]);
    let (mut all, mut count) = (String::new(), 0);
    while let Some(path) = todo.pop_front() {
        let text = said(format!("{path} --help").trim(), folder.path());
        let further = below(&text);
        todo.extend(
            further
                .iter()
                .map(|name| format!("{path} {name}").trim().to_owned()),
        );
        all.push_str(&text);
        count += 1;
    }
    assert!(count > 20, "{count} commands");
    compare("help.txt", &all);
}

/// What is tried in a folder without any node, with a home that was never run.
const WITHOUT_A_NODE: &[&str] = &[
    "",
    "qeury",
    "query a.example --home nowhere",
    "query a.example",
    "card --home nowhere",
    "run --home nowhere",
    "status",
    "init --member MY --name Again --passphrase-file passphrase",
    "init --home new --member my --name Malaysia --passphrase-file passphrase",
    "init --home new --member MY --name Malaysia --listen 0.0.0.0:4747 --passphrase-file passphrase",
    "init --home new --member MY --name Malaysia --passphrase-file nowhere",
    "init --home new --member MY --name Malaysia --passphrase-file empty",
    "run --passphrase-file wrong",
    "run --passphrase-file open",
    "charter show --home new",
    "charter install noise",
    "charter install nowhere",
    "charter draft --federation ASEAN -o draft noise",
    "charter sign noise --root-key noise -o signed --passphrase-file passphrase",
    "charter draft --admit noise",
    "charter draft --remove LA",
    "charter draft --remove SG",
    "charter draft --expires 2040-01-01 --round 0",
    "charter draft --group mekong=LA",
    "charter draft --threshold remove=1",
    "charter draft --home new",
    "charter diff",
    "charter diff noise",
    "charter leave --root-key noise --passphrase-file passphrase",
    "charter suspend LA --root-key noise --passphrase-file passphrase",
    "charter suspend SG --until 2040-01-01 --root-key noise --passphrase-file passphrase",
    "peers add noise",
    "peers sever LA",
    "peers sever MY",
    "peers unsever SG",
    "policy check noise",
    "policy check nowhere",
    "backup --home nowhere MY.backup",
    "backup noise",
    "backup MY",
    "restore noise --home new --passphrase-file passphrase",
    "restore nowhere --home new --passphrase-file passphrase",
    "restore noise --passphrase-file passphrase",
    "recover draft",
    "recover sign noise --root-key noise",
];

/// What is tried against a node that runs.
const WITH_A_NODE: &[&str] = &[
    "run --passphrase-file passphrase",
    "add domain not_a_domain --scheme phishing --tlp green",
    "add phone 12 --scheme phishing --tlp green",
    "add bank-account 1 --scheme phishing --tlp green",
    "add wallet 0x12 --scheme phishing --tlp green",
    "add ip 300.1.1.1 --scheme phishing --tlp green",
    "add url nonsense --scheme phishing --tlp green",
    "add url https://evil.example\\@bank.example/ --scheme phishing --tlp green",
    "add ip 203.0.113.7/24 --scheme phishing --tlp green",
    "add email nonsense --scheme phishing --tlp green",
    "add gizmo a.example --scheme phishing --tlp green",
    "add domain a.example --scheme nonsense --tlp green",
    "add domain a.example --scheme phishing --tlp purple",
    "add domain a.example --scheme phishing",
    "add domain a.example --scheme phishing --tlp amber --to sg",
    "add domain a.example --scheme phishing --tlp amber --to LA",
    "withdraw domain never-said.example --reason wrong",
    "erase domain never-said.example --reason mistake --yes",
    "erase 00000000000000000000000000000000 --reason mistake --yes",
    "erase 123 --reason mistake",
    "erase gizmo a.example --reason mistake",
    "erase domain a.example --reason spite",
    "query never-said.example",
    "query --since yesterday",
    "show 123",
    "import nowhere --scheme phishing --tlp green",
    "import noise --scheme phishing --tlp green",
    "import table.csv --scheme phishing --tlp green",
    "import table.csv --scheme phishing --tlp green --map value=nothing",
    "import table.csv --scheme phishing --tlp amber --to SG,LA --map value=number",
    "import noise --scheme phishing --tlp green --refused noise",
    "policy explain domain never-said.example",
    "policy check broken.cedar",
    "recover draft",
    "recover install noise",
];

#[test]
fn errors() {
    let mut federation = Federation::new(&["MY", "SG"]);
    let folder = federation.node("MY").home.parent().unwrap().to_owned();
    federation.file("noise", "\u{1}nothing that is known\n\u{2}\n");
    federation.file("wrong", "not this passphrase");
    federation.file("open", "a passphrase that everybody can read");
    federation.file("empty", "");
    federation.file("table.csv", "number,what\n+6590000000,x\n");
    federation.file(
        "broken.cedar",
        "permit (principal, action, resource) when { nothing };\n",
    );
    for secret in ["wrong", "empty"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(folder.join(secret), mode).unwrap();
    }
    let at_home = |line: &str| {
        let words = if line.contains("--home") || line.is_empty() {
            ""
        } else {
            " --home MY"
        };
        said(format!("{line}{words}").trim(), &folder)
    };
    let mut all: String = WITHOUT_A_NODE.iter().map(|line| at_home(line)).collect();
    federation.nodes.iter_mut().for_each(Node::start);
    federation.connected();
    all.extend(WITH_A_NODE.iter().map(|line| at_home(line)));
    compare("errors.txt", &all);
}

/// What a dry run is tried on: each file by each line of options.
const READINGS: &[(&str, &str, &[&str])] = &[
    (
        "mixed.txt",
        "evil[.]example\nlogin[.]evil[.]example\nEvil.example\nother.example.com\n*.low.example\n\
         hxxps://evil[.]example/a\nevil.example/a#top\n+60 12-345 6789\n203.0.113.7\t10\n\
         0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\nOTP: 123456\n012-345 6789\n@somebody\n\
         Line: 2\nsetup.exe\nhttps://evil.example/a b\nhttps://evil.example\\@bank.example/\n\
         203.0.113.7/24\n12/05/2026\nbank.example\tallow\n\u{1b}[2J\u{202e}evil.example\n",
        &["", "--json"],
    ),
    (
        "block.txt",
        "[Adblock Plus 2.0]\n! a comment\n||evil.example^\n@@||bank.example^\n##.banner\n\
         bank.example##.ad\nbank.example#@#.ad\n||a.example^$domain=bank.example\n/bank.example/\n\
         address=/evil.example/0.0.0.0\nbank.example CNAME rpz-passthru.\n",
        &["", "--kind url"],
    ),
    (
        "accounts.csv",
        "value,kind\nMY:MAYBANK:114012345678,bank-account\n+65 6123 4567,\nMY:MAYBANK:114012345678,\n",
        &["", "--kind phone --region SG --json"],
    ),
];

#[test]
fn dry_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (name, content, options) in READINGS {
        fs::write(folder.path().join(name), content).unwrap();
        for options in *options {
            let line = format!(
                "import {name} --scheme phishing --tlp green --dry-run {options} --home none"
            );
            let line: Vec<_> = line.split_whitespace().collect();
            all.push_str(&said(&line.join(" "), folder.path()));
        }
    }
    compare("readings.txt", &all);
}

/// Rows come out of a dry run while the file is still being read: it may be longer than the memory.
#[test]
fn a_dry_run_writes_rows_as_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("endless.txt");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut import = Command::new(program())
        .args([
            "import",
            "endless.txt",
            "--dry-run",
            "--json",
            "--home",
            "none",
        ])
        .args(["--scheme", "phishing", "--tlp", "green"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(import.stdout.take().unwrap()).lines();
    let (seen, wait) = mpsc::sync_channel::<()>(1);
    let writer = thread::spawn(move || {
        let mut file = fs::File::create(pipe).unwrap();
        for row in 0..20_000 {
            writeln!(file, "s{row}.example").unwrap();
        }
        // Only a row that came out lets the file end.
        let first = wait.recv_timeout(Duration::from_secs(60));
        assert!(first.is_ok(), "no row before the end");
    });
    let first = lines.next().unwrap().unwrap();
    seen.send(()).unwrap();
    assert!(first.contains("\"value\":\"s0.example\""), "{first}");
    let last = lines.map(Result::unwrap).last().unwrap();
    assert!(last.contains("\"import\":{\"version\":1,"), "{last}");
    writer.join().unwrap();
    assert!(import.wait().unwrap().success());
}
