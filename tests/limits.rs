//! The table of limits, `LIMITS.md`: it is made from the sources, so it names each bound there is with its
//! value, and the test that follows fails when it does not.
//!
//! A bound is a constant with a bound's name (`MAX_…`, `MOST_…`, `LONGEST_…`), a duration, a number whose
//! documentation says that it is the most of something or for how long, and each field of a `Limits`. It
//! has to say what it bounds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes the table again instead of comparing it.
const WRITE: &str = "KENTONG_WRITE_LIMITS";

const HEAD: &str = "\
# Limits

Every bound of the program, with its value, and what it bounds. This table is made from the sources:

    KENTONG_WRITE_LIMITS=1 cargo test --test federation limits::

What a deployment or a test may set is a field of `Limits`, shown with its default; the rest are constants
beside the code that keeps to them.
";

/// How the documentation of a number begins that bounds something.
const BOUNDS: [&str; 9] = [
    "The most ",
    "The longest ",
    "The largest ",
    "How many ",
    "How long ",
    "How often ",
    "So many ",
    "Milliseconds ",
    "Seconds ",
];

/// A bound of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    name: String,
    value: String,
    why: String,
}

#[test]
fn the_table_names_every_limit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut all = BTreeMap::new();
    for folder in ["keys/src", "protocol/src", "node/src"] {
        sources(root, &root.join(folder), &mut all);
    }
    let found: usize = all.values().map(Vec::len).sum();
    assert!(found > 150, "the walk missed the sources: {found}");
    for (path, bounds) in &all {
        for bound in bounds {
            let name = &bound.name;
            assert!(!bound.why.is_empty(), "{path}: what does {name} bound?");
        }
    }
    let (table, path) = (table(&all), root.join("LIMITS.md"));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = written
        .lines()
        .zip(table.lines())
        .find(|(written, made)| written != made);
    assert!(
        written == table,
        "LIMITS.md is not what the sources say, at {differs:?}; see its head for how to write it again"
    );
}

fn sources(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<Bound>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            // The simulation bounds its own runs.
            if !["tests", "sim"].contains(&name) {
                sources(root, &path, all);
            }
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
            let bounds = bounds(&fs::read_to_string(&path).unwrap());
            if !bounds.is_empty() {
                let path = path.strip_prefix(root).unwrap().to_str().unwrap();
                all.insert(path.to_owned(), bounds);
            }
        }
    }
}

/// The bounds in the text of a source file, its tests left out.
fn bounds(text: &str) -> Vec<Bound> {
    let (code, _) = text.split_once("\nmod tests {").unwrap_or((text, ""));
    let (mut bounds, mut docs) = (Vec::new(), BTreeMap::new());
    let (mut doc, mut block) = (String::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim();
        if let Some(more) = bare.strip_prefix("///") {
            doc = format!("{doc} {}", more.trim()).trim().to_owned();
            continue;
        }
        if !line.starts_with([' ', '}', ')', '#', '/']) && !bare.is_empty() {
            block = bare.to_owned();
        }
        if let Some((name, kind, rest)) = constant(bare) {
            let mut value = rest.to_owned();
            while !value.ends_with(';') {
                let Some(more) = lines.next() else { break };
                value = format!("{value} {}", more.trim());
            }
            let value = value.trim_end_matches(';').trim().to_owned();
            if is_bound(name, kind, &doc) {
                let of = line.starts_with(' ').then(|| owner(&block)).flatten();
                let name = of.map_or_else(|| name.to_owned(), |of| format!("{of}::{name}"));
                let why = first_sentence(&doc);
                bounds.push(Bound { name, value, why });
            }
        } else if block.contains("struct Limits") && bare.starts_with("pub ") {
            let name = bare.trim_start_matches("pub ").split(':').next();
            docs.insert(name.unwrap_or_default().to_owned(), first_sentence(&doc));
        } else if block.contains("Default for Limits")
            && let Some((name, value)) = bare.split_once(": ")
            && let Some(why) = docs.get(name)
        {
            bounds.push(Bound {
                name: format!("Limits::{name}"),
                value: value.trim_end_matches(',').to_owned(),
                why: why.clone(),
            });
        }
        if !bare.starts_with("#[") {
            doc.clear();
        }
    }
    bounds
}

/// The name, type and value of a constant, as far as they are on the line that begins it.
fn constant(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line.strip_prefix("pub").unwrap_or(line).trim_start();
    let rest = match rest.split_once(") ") {
        Some((visible, rest)) if visible.starts_with('(') => rest,
        _ => rest,
    };
    let (name, rest) = rest.strip_prefix("const ")?.split_once(": ")?;
    let (kind, value) = rest.split_once(" =")?;
    Some((name, kind, value))
}

fn is_bound(name: &str, kind: &str, doc: &str) -> bool {
    let number = ["u8", "u16", "u32", "u64", "usize"].contains(&kind);
    let named = ["MAX", "MOST", "LONGEST"].contains(&name.split('_').next().unwrap_or(name));
    let said = BOUNDS.iter().any(|begins| doc.starts_with(begins));
    kind.ends_with("Duration") || number && (named || name.ends_with("_MAX") || said)
}

/// Whose an indented constant is, by the line that began the block.
fn owner(block: &str) -> Option<&str> {
    let of = block.strip_prefix("impl")?.trim_end_matches(['{', ' ']);
    let of = of.rsplit(' ').next()?;
    Some(of.split('<').next().unwrap_or(of))
}

fn first_sentence(doc: &str) -> String {
    let end = doc.find(". ").map_or(doc.len(), |at| at + 1);
    doc[..end].trim_end_matches('.').replace('|', "\\|")
}

fn table(all: &BTreeMap<String, Vec<Bound>>) -> String {
    let mut table = HEAD.to_owned();
    table.push_str("\n| where | name | value | what it bounds |\n|---|---|---|---|\n");
    for (path, bounds) in all {
        for Bound { name, value, why } in bounds {
            table.push_str(&format!("| {path} | `{name}` | `{value}` | {why} |\n"));
        }
    }
    table
}

#[test]
fn every_sort_of_bound_is_found() {
    let found = bounds(
        "\
/// The most members. Beyond, they wait.
pub const MAX_MEMBERS: usize = 200;
/// Milliseconds between two looks.
const LOOK: u64 = 5_000;
/// A version, which bounds nothing.
pub(super) const VERSION: u8 = 1;
const PAUSE: Duration =
    Duration::from_secs(1);
impl<'a> Name<'a> {
    /// The longest name,
    /// in bytes.
    pub(crate) const MAX_LEN: usize = 16;
    pub fn of() {}
}
pub struct Limits {
    /// Frames in a queue.
    pub frames: usize,
}
impl Default for Limits {
    fn default() -> Self {
        Self {
            frames: 4096,
        }
    }
}
#[cfg(test)]
mod tests {
    const MAX_TRIES: usize = 3;
}
",
    );
    let rows: Vec<_> = found
        .iter()
        .map(|Bound { name, value, why }| (name.as_str(), value.as_str(), why.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("MAX_MEMBERS", "200", "The most members"),
            ("LOOK", "5_000", "Milliseconds between two looks"),
            ("PAUSE", "Duration::from_secs(1)", ""),
            ("Name::MAX_LEN", "16", "The longest name, in bytes"),
            ("Limits::frames", "4096", "Frames in a queue"),
        ]
    );
}
