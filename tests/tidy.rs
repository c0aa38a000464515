//! The house rules that no compiler checks. Each rule is a function over a path and a text, with a
//! test that shows what it catches; one more test applies them all to the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

mod documents;
mod words;

/// A file may not have more lines of code than this.
const MOST_LINES: usize = 600;

/// Names that say nothing about what is inside.
const DRAWERS: [&str; 7] = [
    "util", "utils", "helper", "helpers", "common", "misc", "mod",
];

/// A dependency and the only places that may name it: a file, or a folder with its `/`.
const JOINTS: [(&str, &[&str]); 11] = [
    ("ring", &["keys/src/"]),
    ("hpke", &["keys/src/"]),
    ("serde_cbor", &["protocol/src/encoding.rs"]),
    ("sled", &["node/src/store.rs", "node/src/store/"]),
    ("libp2p", &["node/src/net.rs", "node/src/net/"]),
    ("libp2p_stream", &["node/src/net.rs", "node/src/net/"]),
    ("yamux", &["node/src/net.rs", "node/src/net/"]),
    ("clap", &["node/src/cli.rs", "node/src/cli/"]),
    (
        "cedar_policy",
        &["protocol/src/policy.rs", "protocol/src/policy/"],
    ),
    ("miette", &["protocol/src/policy/"]),
    ("tar", &["node/src/backup/"]),
];

/// What the protocol, a pure function of its inputs, may not reach for.
const WORLD: [&str; 5] = ["fs", "net", "env", "process", "thread"];

/// What the protocol may not depend on.
const WORLDLY_CRATES: [&str; 4] = ["tokio", "sled", "libp2p", "rustix"];

/// The parts of a node. None names another: protocol/src/member.rs routes between them.
const PARTS: [&str; 4] = ["history", "publisher", "reader", "sessions"];

/// The folders at a file system's root that betray the machine on which something was written.
const MACHINE: [&str; 4] = ["work", "root", "home", "Users"];

/// The rules over one file.
const RULES: [Rule; 7] = [
    lines_of_code,
    drawer_name,
    joint,
    pure_protocol,
    pure_manifest,
    parts_apart,
    machine_path,
];

/// From a path within the repository and the file's text to what is wrong with it.
type Rule = fn(&str, &str) -> Vec<String>;

#[test]
fn the_repository_keeps_the_rules() {
    let root = repository();
    let files = files_below(&root);
    assert!(
        files.iter().any(|file| file == "protocol/src/lib.rs"),
        "the walk missed the sources: {files:?}"
    );
    let mut faults = Vec::new();
    for file in &files {
        // Binary vectors are not prose.
        let Ok(text) = fs::read_to_string(root.join(file)) else {
            continue;
        };
        for rule in RULES {
            faults.extend(
                rule(file, &text)
                    .into_iter()
                    .map(|fault| format!("{file}: {fault}")),
            );
        }
    }
    let sources = files.iter().filter_map(|file| {
        let text = fs::read_to_string(root.join(file)).ok()?;
        Some((file.as_str(), text))
    });
    let labels: Vec<_> = sources
        .flat_map(|(file, text)| labels(file, &text))
        .collect();
    assert!(labels.len() > 20, "the labels were missed: {labels:?}");
    faults.extend(repeated_labels(&labels));
    let main = fs::read_to_string(root.join("tests/main.rs")).unwrap();
    faults.extend(forgotten_tests(&files, &main));
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn lines_of_code(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let lines = text.lines().filter(|line| is_code(line)).count();
    if lines > MOST_LINES {
        vec![format!(
            "{lines} lines of code; split it, {MOST_LINES} is the most"
        )]
    } else {
        Vec::new()
    }
}

fn drawer_name(path: &str, _text: &str) -> Vec<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    path.split('/')
        .map(stem)
        .filter(|stem| DRAWERS.contains(&stem.as_str()))
        .map(|stem| format!("`{stem}` says nothing; name the concept"))
        .collect()
}

fn joint(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") || path == "tests/tidy.rs" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (dependency, places) in JOINTS {
        let inside = places
            .iter()
            .any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)));
        if inside {
            continue;
        }
        for (number, line) in code_lines(text) {
            if names_crate(line, dependency) {
                faults.push(format!(
                    "line {number} names `{dependency}`, which only {} may",
                    places.join(" and ")
                ));
            }
        }
    }
    faults
}

fn pure_protocol(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("protocol/src/") {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in code_lines(text) {
        for module in WORLD {
            // `use std::{collections::BTreeMap, fs};` names it too.
            let grouped = line
                .split_once("std::{")
                .is_some_and(|(_, group)| has_word(group, module));
            if grouped || has_word(line, &format!("std::{module}")) {
                faults.push(format!(
                    "line {number} names std::{module}; the protocol is handed what it needs"
                ));
            }
        }
    }
    faults
}

fn pure_manifest(path: &str, text: &str) -> Vec<String> {
    if path != "protocol/Cargo.toml" {
        return Vec::new();
    }
    text.lines()
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| {
            WORLDLY_CRATES
                .iter()
                .any(|banned| name == banned || name.starts_with(&format!("{banned}-")))
        })
        .map(|name| format!("the protocol may not depend on {name}"))
        .collect()
}

fn parts_apart(path: &str, text: &str) -> Vec<String> {
    let Some(within) = path.strip_prefix("protocol/src/member/") else {
        return Vec::new();
    };
    let own = within.split(['/', '.']).next().unwrap_or_default();
    if !PARTS.contains(&own) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in code_lines(text) {
        let named = |part: &&&str| {
            has_word(line, &format!("super::{part}")) || has_word(line, &format!("member::{part}"))
        };
        let others = PARTS.iter().filter(|part| **part != own);
        for part in others.filter(named) {
            faults.push(format!(
                "line {number}: {own} names {part}; have protocol/src/member.rs route between them"
            ));
        }
    }
    faults
}

fn machine_path(path: &str, text: &str) -> Vec<String> {
    // The lock file is cargo's, and this file names what it looks for.
    if path == "Cargo.lock" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for folder in MACHINE {
            let needle = format!("/{folder}/");
            // A path starts after a space, a quote or a bracket; `https://x.example/work/` does not.
            let absolute = line.match_indices(&needle).any(|(at, _)| {
                line.get(..at)
                    .and_then(|before| before.chars().next_back())
                    .is_none_or(|before| !before.is_alphanumeric() && !"._-~*}/".contains(before))
            });
            if absolute {
                faults.push(format!(
                    "line {number} has a path of one machine, {needle}…"
                ));
            }
        }
    }
    faults
}

/// The domain labels that a source file makes, tests left out, each with the file.
fn labels(path: &str, text: &str) -> Vec<(String, String)> {
    let is_test =
        path.ends_with("/tests.rs") || path.contains("/tests/") || !path.contains("/src/");
    if !path.ends_with(".rs") || is_test {
        return Vec::new();
    }
    let (code, _) = text.split_once("\nmod tests {").unwrap_or((text, ""));
    code_lines(code)
        .filter_map(|(_, line)| line.split_once("Label::new(\"")?.1.split('"').next())
        .map(|label| (label.to_owned(), path.to_owned()))
        .collect()
}

/// Two purposes with one label would let what was made for one pass for the other.
fn repeated_labels(labels: &[(String, String)]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    labels
        .iter()
        .filter_map(|(label, path)| {
            let first = seen.insert(label, path)?;
            Some(format!(
                "{path}: the label {label} is that of {first} already"
            ))
        })
        .collect()
}

fn forgotten_tests(files: &[String], main: &str) -> Vec<String> {
    files
        .iter()
        .filter_map(|file| file.strip_prefix("tests/")?.strip_suffix(".rs"))
        .filter(|module| !module.contains('/') && *module != "main")
        .filter(|module| {
            !main
                .lines()
                .any(|line| line.trim() == format!("mod {module};"))
        })
        .map(|module| format!("tests/main.rs: no `mod {module};`, so tests/{module}.rs never runs"))
        .collect()
}

/// The lines that are code, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| is_code(line))
}

fn is_code(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with("//")
}

/// Whether the line names the crate: as the head of a path, or in a `use`.
fn names_crate(line: &str, name: &str) -> bool {
    let used = line
        .trim_start()
        .trim_start_matches("pub ")
        .strip_prefix("use ")
        .is_some_and(|path| {
            path.trim_start_matches("::")
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', ';', ':']))
        });
    let derived = line.contains(&format!("extern crate {name}"));
    let path = line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        // `crate::ring::x` and `tethering::x` are others'.
        let own_module =
            before.ends_with("::") && before.trim_end_matches(':').ends_with(word_char);
        !before.ends_with(word_char) && !own_module
    });
    used || derived || path
}

/// Whether `needle` stands in `line` as a whole word.
fn has_word(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, found)| {
        let before = line.get(..at).unwrap_or_default();
        let after = line.get(at + found.len()..).unwrap_or_default();
        !before.ends_with(word_char) && !after.starts_with(word_char)
    })
}

fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn repository() -> PathBuf {
    let node = Path::new(env!("CARGO_MANIFEST_DIR"));
    node.parent()
        .expect("node/ lies in the repository")
        .to_owned()
}

/// All files of the repository, by their paths within it; without `.git` and what cargo builds.
fn files_below(root: &Path) -> Vec<String> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let name = entry.file_name();
            if kind.is_dir() {
                let built = entry.path().join("CACHEDIR.TAG").exists();
                if name != ".git" && name != "target" && !built {
                    folders.push(entry.path());
                }
            } else if kind.is_file() && name != ".git" {
                let path = entry.path();
                let inner = path.strip_prefix(root).expect("the walk began at the root");
                files.push(inner.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_long_file_is_caught() {
    let code = "let a = 1;\n".repeat(MOST_LINES);
    let prose = "// why\n\n".repeat(MOST_LINES);
    check(lines_of_code, "a.rs", &format!("{code}{prose}"), 0);
    check(lines_of_code, "a.rs", &format!("{code}let b = 2;\n"), 1);
    check(lines_of_code, "a.md", &format!("{code}let b = 2;\n"), 0);
}

#[test]
fn a_drawer_is_caught() {
    for (path, faults) in [
        ("node/src/utils.rs", 1),
        ("node/src/helpers/time.rs", 1),
        ("node/src/import/mod.rs", 1),
        ("keys/src/Common.rs", 1),
        ("node/src/command.rs", 0),
        ("tests/support/utility_bill.rs", 0),
    ] {
        check(drawer_name, path, "", faults);
    }
}

#[test]
fn a_crate_outside_its_joint_is_caught() {
    for (path, text, faults) in [
        ("node/src/log.rs", "use sled::Db;", 1),
        ("node/src/store.rs", "use sled::Db;", 0),
        ("node/src/store/index.rs", "use sled::Db;", 0),
        ("node/src/store_of_keys.rs", "let db = sled::open(path);", 1),
        ("protocol/src/feed.rs", "pub use ring::digest;", 1),
        (
            "protocol/src/feed.rs",
            "let d = ::ring::digest::digest();",
            1,
        ),
        ("keys/src/signing.rs", "use ring::signature;", 0),
        ("protocol/src/feed.rs", "serde_cbor::to_vec(&leaf)", 1),
        ("protocol/src/encoding.rs", "serde_cbor::to_vec(&leaf)", 0),
        ("node/src/main.rs", "use clap;", 1),
        ("node/src/runtime.rs", "extern crate libp2p;", 1),
        // Not the crate: prose, another word, a module of ours.
        ("node/src/runtime.rs", "// sled::Db is not named here", 0),
        ("node/src/runtime.rs", "use spring::Coil;", 0),
        ("node/src/runtime.rs", "use crate::ring::Coil;", 0),
    ] {
        check(joint, path, text, faults);
    }
}

#[test]
fn an_impure_protocol_is_caught() {
    for (path, text, faults) in [
        ("protocol/src/sync.rs", "use std::fs;", 1),
        ("protocol/src/sync.rs", "use std::net::IpAddr;", 1),
        ("protocol/src/sync.rs", "use std::{fmt, thread};", 1),
        ("protocol/src/sync.rs", "std::env::var(name)", 1),
        ("protocol/src/sync.rs", "std::process::exit(1)", 1),
        ("protocol/src/sync.rs", "use core::net::IpAddr;", 0),
        ("protocol/src/sync.rs", "use std::fmt;", 0),
        ("protocol/src/sync.rs", "/// Never std::fs.", 0),
        ("node/src/home.rs", "use std::fs;", 0),
    ] {
        check(pure_protocol, path, text, faults);
    }
    for (path, text, faults) in [
        ("protocol/Cargo.toml", "tokio.workspace = true", 1),
        ("protocol/Cargo.toml", "sled = \"0.34\"", 1),
        ("protocol/Cargo.toml", "libp2p-stream.workspace = true", 1),
        ("protocol/Cargo.toml", "serde.workspace = true", 0),
        ("node/Cargo.toml", "tokio.workspace = true", 0),
    ] {
        check(pure_manifest, path, text, faults);
    }
}

#[test]
fn a_part_that_names_another_is_caught() {
    let check = |path: &str, line: &str, faults: usize| {
        assert_eq!(parts_apart(path, line).len(), faults, "{path}: {line}");
    };
    let publisher = "protocol/src/member/publisher/closing.rs";
    check(publisher, "use super::super::history::Why;", 1);
    check(publisher, "use crate::member::sessions::Input;", 1);
    check(publisher, "use crate::member::heads::Heads;", 0);
    check(publisher, "// Not `super::history::Why`.", 0);
    check(publisher, "use super::publisher::Grown;", 0);
    check(
        "protocol/src/member/ground.rs",
        "use super::history::Why;",
        0,
    );
    check(
        "protocol/src/member/history.rs",
        "use super::reader::Output;",
        1,
    );
    check("node/src/runtime/core.rs", "use super::history::Why;", 0);
}

#[test]
fn a_machine_path_is_caught() {
    let here = |folder: &str| format!("see /{folder}/notes.txt");
    for folder in MACHINE {
        check(machine_path, "README.md", &here(folder), 1);
    }
    for fine in [
        "see ../shared/data",
        "https://x.example/work/1",
        "~/.cargo",
        "/var/lib/kentong",
    ] {
        check(machine_path, "README.md", fine, 0);
    }
}

#[test]
fn a_repeated_label_is_caught() {
    let made = |label: &str| format!("const A: Label = Label::new(\"kentong/{label}/1\");\n");
    let found = |files: &[(&str, String)]| {
        let labels: Vec<_> = files
            .iter()
            .flat_map(|(path, text)| labels(path, text))
            .collect();
        repeated_labels(&labels)
    };
    let (a, b) = ("keys/src/a.rs", "node/src/b.rs");
    assert_eq!(found(&[(a, made("x")), (b, made("y"))]), [""; 0]);
    assert_eq!(
        found(&[(a, made("x")), (b, made("x"))]),
        ["node/src/b.rs: the label kentong/x/1 is that of keys/src/a.rs already"]
    );
    assert_eq!(found(&[(a, made("x") + &made("x"))]).len(), 1);
    // Tests may say a label again, and so may prose.
    let in_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}", made("x"), made("x"));
    let prose = made("x") + "// " + &made("x");
    for repeated in [
        vec![(a, in_tests)],
        vec![(a, prose)],
        vec![(a, made("x")), ("keys/src/a/tests.rs", made("x"))],
        vec![(a, made("x")), ("node/src/a/tests/b.rs", made("x"))],
    ] {
        assert_eq!(found(&repeated), [""; 0]);
    }
}

#[test]
fn a_forgotten_test_is_caught() {
    let files = [
        "tests/main.rs",
        "tests/tidy.rs",
        "tests/crash.rs",
        "tests/support/node.rs",
    ];
    let files = files.map(str::to_owned);
    let main = "mod tidy;\n// mod crash;\n";
    assert_eq!(forgotten_tests(&files, main).len(), 1);
    assert_eq!(forgotten_tests(&files, "mod tidy;\nmod crash;\n").len(), 0);
}

fn check(rule: Rule, path: &str, text: &str, faults: usize) {
    let found = rule(path, text);
    assert_eq!(found.len(), faults, "{path}: {text:.60}: {found:?}");
}
