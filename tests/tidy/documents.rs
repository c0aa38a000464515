//! What the documents name exists: files, sections, constants, functions. One test that reads the
//! repository for each, beside the tests that show what each catches.

use std::fs;
use std::path::Path;

use super::{files_below, has_word, repository, word_char};

/// A map fits in a head. ARCHITECTURE.md has fewer bytes than this.
const LONGEST_MAP: usize = 12 * 1024;

/// The fewest rows of the table that says where things are decided.
const FEWEST_DECIDED: usize = 20;

/// Documents that are not in the repository. What code says stands in the repository, or in a
/// standard that everybody can read.
const ELSEWHERE: [&str; 6] = ["DESIGN", "INTEROP", "SPIKES", "STYLE", "VALUES", "VOICE"];

/// Its tests name what does not exist.
const THIS: &str = "tests/tidy/documents.rs";

/// The keywords that define the name that follows them.
const DEFINES: [&str; 8] = [
    "const", "static", "fn", "struct", "enum", "trait", "type", "mod",
];

#[test]
fn the_map_is_short() {
    let map = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    assert!(
        map.len() < LONGEST_MAP,
        "ARCHITECTURE.md has {} bytes and must have fewer than {LONGEST_MAP}; reasons go to a DECISIONS.md, \
         figures to node/FIGURES.md",
        map.len()
    );
}

#[test]
fn the_map_names_what_is_there() {
    let root = repository();
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let files = files_below(&root);
    let places = places(&map);
    assert!(places.len() > 4, "the tables were missed: {places:?}");
    let faults: Vec<_> = places
        .iter()
        .flat_map(|(folder, named)| unmapped(folder, named, &files))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The tables of the map: each with its folder, and the modules that it names in its first column.
fn places(map: &str) -> Vec<(String, Vec<String>)> {
    let mut places = Vec::new();
    for section in map.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap_or(section);
        let heading = section.lines().next().unwrap_or_default();
        let folder = match heading.split_once(':') {
            Some((name, _)) => format!("{name}/src"),
            None => heading.to_owned(),
        };
        let cells = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split('|').next());
        let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        places.push((folder, named.map(str::to_owned).collect()));
    }
    places
}

/// Modules that the map names and a folder does not have, and those that it has and the map does not name.
fn unmapped(folder: &str, named: &[String], files: &[String]) -> Vec<String> {
    let there: Vec<_> = files
        .iter()
        .filter_map(|file| {
            file.strip_prefix(folder)?
                .strip_prefix('/')?
                .strip_suffix(".rs")
        })
        .filter(|module| !module.contains('/') && !["lib", "main", "tests"].contains(module))
        .collect();
    let gone = named
        .iter()
        .filter(|name| !there.contains(&name.as_str()))
        .map(|name| format!("ARCHITECTURE.md names `{name}`, which {folder} does not have"));
    let new = there
        .iter()
        .filter(|module| !named.iter().any(|name| name == *module))
        .map(|module| {
            format!("ARCHITECTURE.md does not name `{module}` of {folder}: give it a row")
        });
    gone.chain(new).collect()
}

#[test]
fn what_documents_name_exists() {
    let root = repository();
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let mut faults = Vec::new();
    let mut sections = 0;
    for file in files_below(&root) {
        let is_read = prose_or_code(&file) && file != THIS;
        let Some(text) = is_read.then(|| read(&file)).flatten() else {
            continue;
        };
        for target in targets(&file, &text) {
            sections += usize::from(target.section.is_some());
            if let Some(fault) = missing(&target, &|path| root.join(path).exists(), &read) {
                faults.push(format!("{file}: {fault}"));
            }
        }
        faults.extend(
            elsewhere(&text)
                .into_iter()
                .map(|fault| format!("{file}: {fault}")),
        );
    }
    assert!(sections > 5, "references to sections were missed");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn what_is_decided_is_decided_there() {
    let root = repository();
    let table = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let rows = decided(&table);
    assert!(
        rows.len() >= FEWEST_DECIDED,
        "CONTRIBUTING.md says of {} things where they are decided; of {FEWEST_DECIDED} it must",
        rows.len()
    );
    let faults: Vec<_> = rows
        .iter()
        .filter_map(|row| not_defined(row, fs::read_to_string(root.join(&row.path)).ok()))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A row of the table of CONTRIBUTING.md: what is decided, in which file, by the definition of what.
#[derive(Debug, PartialEq, Eq)]
struct Decided {
    what: String,
    path: String,
    name: String,
}

/// The rows of the table below the heading "Where it is decided".
fn decided(text: &str) -> Vec<Decided> {
    let section = text
        .split_once("## Where it is decided")
        .map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or(section);
    section
        .lines()
        .filter_map(|line| {
            let mut cells = line
                .strip_prefix('|')?
                .strip_suffix('|')?
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').to_owned());
            let row = Decided {
                what: cells.next()?,
                path: cells.next()?,
                name: cells.next()?,
            };
            let heading = row.path == "file" || row.path.starts_with("--");
            (!heading).then_some(row)
        })
        .collect()
}

/// What is wrong with a row, whose file has this text if it exists.
fn not_defined(row: &Decided, text: Option<String>) -> Option<String> {
    let Decided { what, path, name } = row;
    let Some(text) = text else {
        return Some(format!(
            "CONTRIBUTING.md: `{what}` is said to be decided in {path}, which does not exist; find \
             `{name}` and change the row"
        ));
    };
    let found = text.lines().any(|line| {
        let code = line.split("//").next().unwrap_or_default();
        let words: Vec<_> = code
            .split(|c: char| !word_char(c))
            .filter(|word| !word.is_empty())
            .collect();
        words
            .windows(2)
            .any(|pair| DEFINES.contains(&pair[0]) && pair[1] == name)
    });
    (!found).then(|| {
        format!(
            "CONTRIBUTING.md: `{what}` is said to be decided by `{name}`, which {path} does not \
             define; change the row"
        )
    })
}

/// A file that a text names, by its path in the repository, and the section in it if it names one.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    path: String,
    section: Option<String>,
    line: usize,
}

/// The files that a text names: a page by its links, and by paths of sources in backticks; code by
/// paths of pages.
fn targets(file: &str, text: &str) -> Vec<Target> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let mut add = |path: String, section: Option<&str>| {
            found.push(Target {
                path,
                section: section.map(str::to_owned),
                line,
            });
        };
        if file.ends_with(".md") {
            for link in links(content) {
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                let (path, section) = cut(link);
                let path = if path.is_empty() {
                    file.to_owned()
                } else {
                    beside(file, path)
                };
                add(path, section);
            }
        }
        for span in content.split('`').skip(1).step_by(2) {
            let (path, section) = cut(span);
            let is_path = path.contains('/')
                && !path.starts_with(['.', '/', '~'])
                && !path.contains(|c: char| !word_char(c) && !"./-".contains(c));
            let page = path.ends_with(".md");
            if is_path && (page || file.ends_with(".md") && path.ends_with(".rs")) {
                add(path.to_owned(), section);
            }
        }
    }
    found
}

/// What is wrong with a target.
fn missing(
    target: &Target,
    exists: &dyn Fn(&str) -> bool,
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let Target {
        path,
        section,
        line,
    } = target;
    if !exists(path) {
        return Some(format!("line {line} names {path}, which does not exist"));
    }
    let section = section.as_ref()?;
    let text = read(path).unwrap_or_default();
    let known = headings(&text).iter().any(|heading| heading == section);
    (!known).then(|| {
        format!("line {line} names the section #{section} of {path}, which has no such heading")
    })
}

/// A word that names a document which is not in the repository, such as `DESIGN 8`.
fn elsewhere(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for name in ELSEWHERE {
            let page = line.contains(&format!("{name}.md"));
            let chapter = line.split_once(name).is_some_and(|(_, rest)| {
                rest.strip_prefix(' ')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            });
            if (page || chapter || name == "DESIGN") && has_word(line, name) {
                faults.push(format!(
                    "line {number} refers to {name}, which is not in the repository: name a section of a \
                     DECISIONS.md, as in `node/DECISIONS.md#network`, or the standard"
                ));
            }
        }
    }
    faults
}

/// Where links of a line of a page lead: what stands in `](…)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
}

/// A reference without and with its section.
fn cut(reference: &str) -> (&str, Option<&str>) {
    reference
        .split_once('#')
        .map_or((reference, None), |(path, section)| (path, Some(section)))
}

/// A path that a page names, seen from the root of the repository.
fn beside(file: &str, path: &str) -> String {
    let mut parts: Vec<_> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The anchors of a page's headings, made as forges make them.
fn headings(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || "-_".contains(c) => Some(c),
                    _ => None,
                })
                .collect()
        })
        .collect()
}

fn prose_or_code(file: &str) -> bool {
    let ending = Path::new(file)
        .extension()
        .and_then(|ending| ending.to_str());
    matches!(ending, Some("rs" | "md" | "toml" | "cedar" | "cedarschema"))
}

#[test]
fn a_module_that_is_not_on_the_map_is_caught() {
    let map = "# A\n\n### a: what it is\n\n| module | does |\n|---|---|\n| `b`, `c` (many) | `x` |\n\n\
               ### a/src/b\n\n| `d` | |\n\n## Next\n\n| `y` | |\n";
    let found = |files: &[&str]| {
        let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
        places(map)
            .iter()
            .flat_map(|(folder, named)| unmapped(folder, named, &files))
            .count()
    };
    let all = ["a/src/lib.rs", "a/src/b.rs", "a/src/c.rs", "a/src/b/d.rs"];
    assert_eq!(found(&all), 0);
    assert_eq!(found(&all[..3]), 1);
    assert_eq!(
        found(&[&all[..], &["a/src/e.rs", "a/src/c/f.rs"]].concat()),
        1
    );
}

#[test]
fn a_missing_file_or_section_is_caught() {
    let exists = |path: &str| ["a/B.md", "a/c.rs", "D.md"].contains(&path);
    let read = |_: &str| Some("# One\n\n## `two`: 2, or more\n".to_owned());
    for (file, text, faults) in [
        ("D.md", "[b](a/B.md) and [2](a/B.md#two-2-or-more)", 0),
        ("a/B.md", "[d](../D.md#one), [here](#one), [c](c.rs)", 0),
        ("D.md", "[b](a/E.md)", 1),
        ("D.md", "[b](a/B.md#three)", 1),
        ("D.md", "[b](#three)", 1),
        ("D.md", "[b](https://x.example/E.md#three)", 0),
        ("D.md", "see `a/c.rs`, not `a/e.rs` or `e.rs`", 1),
        ("a/c.rs", "//! Why: `a/B.md#one`.", 0),
        ("a/c.rs", "//! Why: `a/B.md#three`.", 1),
        ("a/c.rs", "//! Why: `a/E.md`.", 1),
        (
            "a/c.rs",
            "//! Not of ours: `a/e.rs`, `~/E.md`, `../E.md`.",
            0,
        ),
    ] {
        let found: Vec<_> = targets(file, text)
            .iter()
            .filter_map(|target| missing(target, &exists, &read))
            .collect();
        assert_eq!(found.len(), faults, "{file}: {text}: {found:?}");
    }
}

#[test]
fn a_document_that_is_elsewhere_is_caught() {
    for (text, faults) in [
        ("//! The order is that of DESIGN 8.", 1),
        ("/// as `DESIGN` promises", 1),
        ("see VALUES.md and STYLE 2", 2),
        ("REDESIGN 8; const VALUES: [u8; 3]", 0),
        ("const STYLE: u8 = 2;", 0),
    ] {
        assert_eq!(elsewhere(text).len(), faults, "{text}");
    }
}

#[test]
fn a_definition_that_moved_is_caught() {
    let table = "## Where it is decided\n\n| what | file | name |\n|---|---|---|\n\
                 | the pause | `a.rs` | `PAUSE` |\n\n## Next\n\n| x | `y` | `z` |\n";
    let rows = decided(table);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let check = |text: Option<&str>| not_defined(&rows[0], text.map(str::to_owned)).is_none();
    for text in [
        "const PAUSE: u64 = 1;",
        "    pub(super) const PAUSE: u64 = 1;",
        "pub const fn PAUSE() {}",
        "pub enum PAUSE {",
    ] {
        assert!(check(Some(text)), "{text}");
    }
    for text in [
        "wait(PAUSE);",
        "// const PAUSE was here",
        "const PAUSES: u64 = 1;",
        "",
    ] {
        assert!(!check(Some(text)), "{text}");
    }
    assert!(!check(None));
}
