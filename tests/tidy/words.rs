//! Plain English, one word for each thing: what comments, documents and messages do not say, and what to
//! say instead. Most readers learnt English at school.
//!
//! `tests/old-words.txt` lists the files that still have some of these words, and how many. It may only
//! get shorter: when you clean a file, take its line away.

use std::collections::BTreeMap;
use std::fs;

use super::{files_below, repository};

/// Of the files that are listed, the most words in all. Lower it when the list gets shorter.
const MOST: usize = 269;

const LIST: &str = "tests/old-words.txt";
const THIS: &str = "tests/tidy/words.rs";

/// What is not said, as words one after another: `a|b` is one of several, `?` any word or none. Then what
/// is said instead.
const WORDS: [(&str, &str); 29] = [
    ("own feed|feeds", "our feed, this member's feed"),
    (
        "go|goes|going|went|gone by",
        "uses (a version), follows (a rule)",
    ),
    ("anew", "again"),
    ("whoever|whomever", "anyone who, a member that"),
    ("any more", "no longer (before the verb)"),
    (
        "take|takes|took|taken|taking ? back",
        "withdraw (an indicator), revoke (a key), roll back (a feed), fetch again (what was lost)",
    ),
    ("sign|signs|signed|signing on", "resume signing"),
    (
        "put|puts|putting together",
        "join (two copies), fix (a fault), make",
    ),
    ("parted", "split"),
    ("mend|mends|mended|mending", "fix"),
    (
        "take|takes|took|taken|taking in",
        "receive, accept, load, install",
    ),
    (
        "paper|papers",
        "document (of a charter: a vote, a version, a notice)",
    ),
    ("hold|holds|held|holding to", "keep"),
    ("give|gives|gave|given|giving way", "make room, drop, yield"),
    (
        "bundle|bundles",
        "member file (what `kentong card` prints), card (the part in it)",
    ),
    ("unheard", "incomplete, or name who has not answered"),
    (
        "not|is|are|was|were|be|been heard",
        "answered: name who has answered, or has not",
    ),
    ("not all open", "could not be decrypted"),
    ("of late", "lately, or say since when"),
    ("thereby", "so"),
    ("an own", "a … of its own"),
    ("is|are|was|were hindered", "cannot, and what it cannot do"),
    ("open whether", "may or may not"),
    ("not given by", "did not send, with the doer before it"),
    ("waits for no", "is not waiting for"),
    ("believed nowhere", "nobody believes"),
    ("1 times", "once"),
    ("say how the node is", "show the node's status"),
    ("1 feeds|members|indicators|rows", "the singular"),
];

/// Where the words mean something else: an app's bundle id, and the title of a promised format.
const FINE: [&str; 5] = [
    "ios bundle",
    "bundle id|ids|identifier|identifiers|name|names",
    "kentong bundle",
    "bundle v1|v2",
    "what is held to",
];

/// A word, in small letters, and its line.
type Word = (usize, String);

#[test]
fn what_people_read_is_plain() {
    let root = repository();
    let list = fs::read_to_string(root.join(LIST)).unwrap_or_default();
    let mut found = BTreeMap::new();
    for file in files_below(&root) {
        let read = reads(&file).then(|| fs::read_to_string(root.join(&file)));
        if let Some(Ok(text)) = read {
            found.insert(file.clone(), hits(&file, &text));
        }
    }
    assert!(found.contains_key("README.md"), "the walk missed the pages");
    let faults = compare(&list, &found);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let listed: usize = listed(&list).map(|(count, _)| count).sum();
    assert_eq!(
        listed, MOST,
        "{LIST} counts {listed} words in all; set MOST in {THIS} to that if they have become fewer"
    );
}

/// What is wrong with the list, or with the files that it does not excuse.
fn compare(list: &str, found: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let excused: BTreeMap<&str, usize> = listed(list).map(|(count, file)| (file, count)).collect();
    let mut faults = Vec::new();
    for (file, hits) in found {
        let most = excused.get(file.as_str()).copied().unwrap_or(0);
        if hits.len() > most {
            faults.extend(hits.iter().map(|hit| format!("{file}: {hit}")));
            if most > 0 {
                faults.push(format!(
                    "{file}: {} of them, and {LIST} excuses {most}; fix the new ones",
                    hits.len()
                ));
            }
        }
    }
    for (file, count) in &excused {
        match found.get(*file) {
            None => faults.push(format!(
                "{LIST}: there is no file {file}; take `{count} {file}` away, or name where it moved to"
            )),
            Some(hits) if hits.is_empty() => faults.push(format!(
                "{LIST}: {file} is clean now; take `{count} {file}` away"
            )),
            Some(_) => {}
        }
    }
    faults
}

/// The files of the list, each with how many words it may have.
fn listed(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.lines().filter_map(|line| {
        let (count, file) = line.split_once(' ')?;
        Some((count.parse().ok()?, file))
    })
}

/// Whether people read a file: not vectors, licences, or what cargo writes.
fn reads(file: &str) -> bool {
    let ending = file.rsplit('.').next().unwrap_or_default();
    let prose = matches!(
        ending,
        "rs" | "md" | "toml" | "cedar" | "cedarschema" | "txt" | "c"
    );
    (prose || file == ".ci/run")
        && !file.starts_with("tests/vectors/")
        && file != LIST
        && file != THIS
}

/// The words of a file that are to be replaced, each with what to say instead.
fn hits(file: &str, text: &str) -> Vec<String> {
    let prose = if file.ends_with(".rs") {
        prose_of(text)
    } else {
        text.to_owned()
    };
    let words = words(&prose);
    let mut hits = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let found = WORDS.iter().find_map(|(pattern, instead)| {
            let length = matches(pattern, &words[at..])?;
            (!is_fine(&words, at)).then_some((length, instead))
        });
        let (length, instead) = found.unwrap_or((1, &""));
        if found.is_some() {
            let said = words[at..at + length].iter().map(|(_, word)| word.as_str());
            let said = said.collect::<Vec<_>>().join(" ");
            hits.push(format!("line {} says `{said}`: {instead}", words[at].0));
        }
        at += length;
    }
    hits
}

/// Whether the word here means something else.
fn is_fine(words: &[Word], at: usize) -> bool {
    FINE.iter().any(|fine| {
        let longest = fine.split(' ').count();
        (at.saturating_sub(longest)..=at)
            .any(|from| matches(fine, &words[from..]).is_some_and(|length| from + length > at))
    })
}

/// How many of the words a pattern takes from the beginning, if it fits.
fn matches(pattern: &str, words: &[Word]) -> Option<usize> {
    let mut at = 0;
    let mut parts = pattern.split(' ').peekable();
    while let Some(part) = parts.next() {
        let fits = |at: usize, part: &str| {
            words
                .get(at)
                .is_some_and(|(_, word)| part.split('|').any(|one| one == word))
        };
        if part == "?" {
            let next = parts.peek()?;
            if !fits(at, next) && words.get(at).is_some_and(|(_, word)| !word.is_empty()) {
                at += 1;
            }
        } else if fits(at, part) {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

/// The words of a text in small letters, each with its line. An empty one stands where a sentence or a part of it
/// ends. What is between backticks or braces, and names of code, are no words.
fn words(prose: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (number, line) in (1..).zip(prose.lines()) {
        let line = line
            .trim_start()
            .trim_start_matches(['/', '!', '#', '>', '*'])
            .trim();
        if line.is_empty() {
            words.push((number, String::new()));
        }
        let mut code = false;
        for part in line.split_inclusive(['`', '{', '}']) {
            let (part, mark) = part
                .strip_suffix(['`', '{', '}'])
                .map_or((part, None), |rest| (rest, part.chars().next_back()));
            if code {
                words.push((number, String::new()));
            } else {
                words.extend(plain(part).map(|word| (number, word)));
            }
            code = match mark {
                Some('`') => !code,
                Some('{') => true,
                Some(_) => false,
                None => code,
            };
        }
    }
    words
}

/// The words of a piece of text, an empty one for what is no word.
fn plain(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().flat_map(|piece| {
        let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let whole = bare
            .chars()
            .all(|c| c.is_alphanumeric() || c == '-' || c == '\'');
        let ends = piece.ends_with(['.', ',', ';', ':', '!', '?', ')']);
        let word = if whole {
            bare.to_lowercase()
        } else {
            String::new()
        };
        [Some(word), ends.then(String::new)].into_iter().flatten()
    })
}

/// The comments of a source, and its strings of more than one word, each in the line where it stands.
fn prose_of(source: &str) -> String {
    let mut prose = String::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let (taken, kept) = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            (end, rest[..end].to_owned())
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            (end, rest[..end].to_owned())
        } else if let Some(hashes) = raw_string(rest) {
            let close = format!("\"{}", "#".repeat(hashes));
            let begin = hashes + 2;
            let end = rest[begin..]
                .find(&close)
                .map_or(rest.len(), |end| begin + end + close.len());
            (
                end,
                sentence(&rest[begin..end - close.len().min(end - begin)]),
            )
        } else if next == '"' {
            let end = string_end(rest);
            (end, sentence(&rest[1..end.max(2) - 1]))
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\") {
            (rest[1..].find('\'').map_or(1, |end| end + 2), String::new())
        } else {
            (next.len_utf8(), String::new())
        };
        let newlines = |text: &str| text.matches('\n').count();
        prose.push_str(&kept);
        // What was left out keeps its lines, so that numbers stay right.
        for _ in newlines(&kept)..newlines(&rest[..taken]) {
            prose.push('\n');
        }
        if kept.is_empty() && next == ';' {
            prose.push_str(" . "); // Two strings are no sentence.
        }
        rest = &rest[taken..];
    }
    prose
}

/// The hashes of a raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let rest = after.trim_start_matches('#');
    rest.starts_with('"').then_some(after.len() - rest.len())
}

/// Where a string that begins here ends, its quote included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A string as people read it, or nothing if it is one word, which a program reads.
fn sentence(string: &str) -> String {
    if string.trim().contains(char::is_whitespace) {
        let read = string.replace("\\n", " ").replace("\\\"", " ");
        format!(" . {} . ", read.replace('\\', " "))
    } else {
        "\n".repeat(string.matches('\n').count())
    }
}

#[test]
fn words_are_found_in_prose_and_not_in_code() {
    for (file, text, count) in [
        ("a.md", "All is looked through anew.", 1),
        ("a.md", "Whoever goes\nby it holds to papers.", 4),
        ("a.md", "`anew`, `Papers` and [`goes by`]", 0),
        ("a.md", "It goes. By then all is renewed.", 0),
        ("a.md", "It takes the key back, and took back that.", 1),
        ("a.md", "It takes what it likes back.", 0),
        ("a.md", "It takes a key. Back it comes.", 0),
        ("a.rs", "let papers = anew(whoever);", 0),
        ("a.rs", "// Papers of whoever.\nlet a = 1;", 2),
        ("a.rs", "/// It goes\n/// by that.", 1),
        (
            "a.rs",
            "//! See papers.rs and waiting_papers, Papers::new.",
            0,
        ),
        ("a.rs", "say(\"read it anew\"); f(\"anew\");", 1),
        ("a.rs", "say(\"read it \\\n    anew\", '\"', \"x\");", 1),
        ("a.rs", "say(\"{papers} of {n}\");", 0),
        ("a.rs", "say(r#\"a \"paper\" of two\"#, 'a');", 1),
        ("a.rs", "say(\"it goes\"); say(\"by day\");", 0),
        ("a.rs", "// an iOS bundle, or the bundle id\n", 0),
        ("a.rs", "// a member's bundle\n", 1),
    ] {
        let found = hits(file, text);
        assert_eq!(found.len(), count, "{text}: {found:?}");
    }
    assert_eq!(
        hits("a.rs", "let a = \"x\ny\";\n\n// anew\n"),
        ["line 4 says `anew`: again"]
    );
}

#[test]
fn the_list_may_only_get_shorter() {
    let found = |counts: &[(&str, usize)]| {
        counts
            .iter()
            .map(|(file, count)| ((*file).to_owned(), vec!["x".to_owned(); *count]))
            .collect::<BTreeMap<_, _>>()
    };
    let list = "2 a.rs\n1 b.rs\n";
    for (counts, faults) in [
        (vec![("a.rs", 2), ("b.rs", 1), ("c.rs", 0)], 0),
        (vec![("a.rs", 1), ("b.rs", 1)], 0),
        (vec![("a.rs", 0), ("b.rs", 1)], 1),
        (vec![("b.rs", 1)], 1),
        (vec![("a.rs", 3), ("b.rs", 1)], 4),
        (vec![("a.rs", 2), ("b.rs", 1), ("c.rs", 1)], 1),
    ] {
        let said = compare(list, &found(&counts));
        assert_eq!(said.len(), faults, "{counts:?}: {said:?}");
    }
}
