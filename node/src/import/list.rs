//! Plain lists: one value per line.

use std::io::{self, BufRead};

use super::entry::Entry;
use super::lines::Lines;

/// Reads a plain list. Blank lines and those that begin with `#`, `;` or `!` are comments; so is
/// what follows a tab (a count, in many lists), or a blank and one of `#` and `;`.
#[derive(Debug)]
pub(super) struct List<R>(Lines<R>);

impl<R: BufRead> List<R> {
    pub(super) const fn new(from: R) -> Self {
        Self(Lines::new(from))
    }

    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        while let Some(line) = self.0.next_line()? {
            let (place, text) = match Entry::text_of(line) {
                Ok(read) => read,
                Err(refused) => return Ok(Some(refused)),
            };
            if let Some(value) = value(&text) {
                return Ok(Some(Entry::value(place, value)));
            }
        }
        Ok(None)
    }
}

/// The value in a line; none in a comment.
fn value(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with(['#', ';', '!']) {
        return None;
    }
    let line = line.split('\t').next().unwrap_or(line);
    let end = [" #", " ;"].iter().filter_map(|mark| line.find(mark)).min();
    Some(
        line.get(..end.unwrap_or(line.len()))
            .unwrap_or(line)
            .trim_end(),
    )
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
        ] {
            assert_eq!(value(line), expected, "{line:?}");
        }
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
