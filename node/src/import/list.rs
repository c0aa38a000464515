//! Plain lists: one value per line.

use std::io::{self, BufRead};
use std::net::IpAddr;

use super::entry::Entry;
use super::lines::Lines;
use super::refused::RowRefused;
use super::rule;

/// Reads a plain list. Blank lines and those that begin with `#`, `;` or `!` are comments; so is
/// what follows a blank and one of `#` and `;`. Behind a tab, many lists have a count or a day, which
/// is left out; anything else there could say the opposite (`bank.example<TAB>allow`), so the line is
/// refused. So it is with a lone 0 or 1, as lists for the training of filters have it, unless larger
/// counts came before.
#[derive(Debug)]
pub(super) struct List<R> {
    lines: Lines<R>,
    /// Whether a number above 1 stood alone behind a value, which makes counts of those that follow.
    counts: bool,
}

impl<R: BufRead> List<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            lines: Lines::new(from),
            counts: false,
        }
    }

    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        while let Some(line) = self.lines.next_line()? {
            let (place, text) = match Entry::text_of(line) {
                Ok(read) => read,
                Err(refused) => return Ok(Some(refused)),
            };
            match value(&text, &mut self.counts) {
                None => {}
                Some(Ok(value)) => return Ok(Some(Entry::value(place, value))),
                Some(Err(why)) => return Ok(Some(Entry::refused(place, text.trim(), why))),
            }
        }
        Ok(None)
    }
}

/// The value in a line; none in a comment. Notes whether there was a count that can be no label.
fn value<'l>(line: &'l str, counts: &mut bool) -> Option<Result<&'l str, RowRefused>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';', '!']) {
        return None;
    }
    let (value, behind) = line.split_once('\t').unwrap_or((line, ""));
    let behind = without_comment(behind);
    let number = behind.parse::<u64>().ok();
    *counts |= number.is_some_and(|number| number > 1);
    let label = |word: &str| match number {
        Some(1) => !*counts,
        _ => is_label(word),
    };
    if !behind
        .split_whitespace()
        .all(|word| is_count(word) && !label(word))
    {
        let why = rule::of(line).map_or(RowRefused::MoreThanAValue, RowRefused::Rule);
        return Some(Err(why));
    }
    Some(Ok(without_comment(value)))
}

/// The text before a comment. `##.advert` is none, but says what is hidden on a page.
fn without_comment(text: &str) -> &str {
    let mut ends = text.match_indices(['#', ';']).filter(|(at, _)| {
        let (before, comment) = text.split_at(*at);
        let begins = before.is_empty() || before.ends_with(char::is_whitespace);
        begins && !rule::begins_cosmetic(comment)
    });
    let end = ends.next().map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text).trim_end()
}

/// Whether a number could stand for no or yes: `0`, `1`, `0.0`, `1.00`, `0%`.
fn is_label(word: &str) -> bool {
    word.trim_end_matches('%')
        .parse::<f32>()
        .is_ok_and(|number| number == 0.0 || number == 1.0)
}

/// Whether a word is a number, a date or a time of day, and no second value.
fn is_count(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.parse::<IpAddr>().is_err()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".,:-+%TZ".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::place::Place;
    use crate::import::refused::RowRefused;

    #[test]
    fn values_and_comments() {
        for (line, expected) in [
            ("a.example", Some("a.example")),
            ("  a.example\t10 # x", Some("a.example")),
            ("192.0.2.0/24 ; SBL1", Some("192.0.2.0/24")),
            ("a.example # note ; more", Some("a.example")),
            ("https://a.example/;b#c,d", Some("https://a.example/;b#c,d")),
            ("Grab Pay", Some("Grab Pay")),
            ("", None),
            (" \t", None),
            ("# c", None),
            ("; c", None),
            ("! c", None),
            ("a.example\t10", Some("a.example")),
            (
                "a.example\t2026-01-31 12:00:00\t1,000 # x",
                Some("a.example"),
            ),
            ("a.example\t# x y", Some("a.example")),
            ("a.example \t; x", Some("a.example")),
            ("a.example ## note", Some("a.example")),
            ("a.example # see ##.ad", Some("a.example")),
            ("a.example ##.ad", Some("a.example ##.ad")),
            ("a.example #@#.ad # x", Some("a.example #@#.ad")),
        ] {
            let found = value(line, &mut false).transpose();
            assert_eq!(found, Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn what_stands_behind_a_value() {
        let check = |line: &str, why| {
            assert_eq!(value(line, &mut false), Some(Err(why)), "{line:?}");
        };
        for line in [
            "bank.example\tallow",
            "bank.example\t10 benign",
            "203.0.113.7\tbank.example",
            "bank.example\t203.0.113.7",
            "+6561234567\t+6561234568",
            "https://bank.ex\tample/",
            "https://bank.example/\t0",
            "https://evil.example/\t1",
            "bank.example\t0.0",
            "bank.example\t2026-01-31 0",
            "bank.example\t0 # x",
        ] {
            check(line, RowRefused::MoreThanAValue);
        }
        let exception = RowRefused::Rule(rule::Rule::Exception);
        check("bank.example\tCNAME\trpz-passthru.", exception);
        let setting = RowRefused::Rule(rule::Rule::Setting);
        check("scam.example\tIN\tCNAME\t.", setting);
    }

    #[test]
    fn a_one_among_counts_is_a_count() {
        let rows = |content: &str| {
            let mut list = List::new(content.as_bytes());
            let mut taken = Vec::new();
            while let Some(entry) = list.next_entry().unwrap() {
                taken.push(entry.cells.is_ok());
            }
            taken
        };
        assert_eq!(
            rows("203.0.113.7\t3\n203.0.113.8\t1\n203.0.113.9\t0"),
            [true, true, false]
        );
        assert_eq!(rows("203.0.113.8\t1\n203.0.113.7\t3"), [false, true]);
    }

    #[test]
    fn places_count_all_lines() {
        let mut list = List::new(&b"# c\n\na.example\r\n\xff\nb.example"[..]);
        let mut found = Vec::new();
        while let Some(entry) = list.next_entry().unwrap() {
            found.push((entry.place, entry.cells.err()));
        }
        assert_eq!(
            found,
            [
                (Place::Line(3), None),
                (Place::Line(4), Some(RowRefused::NotUtf8)),
                (Place::Line(5), None)
            ]
        );
    }
}
