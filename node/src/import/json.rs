//! The JSON lists of polkadot-js/phishing.

use std::io::Read;
use std::vec;

use serde::Deserialize;
use serde_json::Value as Json;

use super::ReadError;
use super::columns::Column;
use super::entry::Entry;
use super::lines::{BYTE_ORDER_MARK, MAX_LINE};
use super::place::Place;
use super::refused::RowRefused;

/// The largest JSON file, in bytes. It is read whole, as its end decides whether it is JSON.
pub const MAX_JSON: u64 = 256 << 20;

/// `all.json`. Other keys are left alone.
#[derive(Deserialize)]
struct All {
    #[serde(default)]
    allow: Vec<Json>,
    #[serde(default)]
    deny: Vec<Json>,
}

/// The entries of a JSON file that has been read.
#[derive(Debug)]
pub(super) struct Items {
    items: vec::IntoIter<(Place, Json)>,
    /// How an item becomes an entry.
    entry: fn(Place, &Json) -> Entry,
}

impl Items {
    /// Reads `all.json`: what `deny` has is to be imported, what `allow` has is refused by name.
    pub(super) fn polkadot(from: impl Read) -> Result<Self, ReadError> {
        let all: All = parse(from)?;
        let allowed = placed("/allow", all.allow);
        Ok(Self {
            items: allowed
                .into_iter()
                .chain(placed("/deny", all.deny))
                .collect::<Vec<_>>()
                .into_iter(),
            entry: listed,
        })
    }

    /// Reads a dated list: the date is when the value was first seen.
    pub(super) fn dated(from: impl Read) -> Result<Self, ReadError> {
        Ok(Self {
            items: placed("", parse(from)?).into_iter(),
            entry: dated,
        })
    }

    pub(super) fn next_entry(&mut self) -> Option<Entry> {
        self.items
            .next()
            .map(|(place, json)| (self.entry)(place, &json))
    }
}

fn parse<T: for<'de> Deserialize<'de>>(from: impl Read) -> Result<T, ReadError> {
    let mut bytes = Vec::new();
    from.take(MAX_JSON + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_JSON {
        return Err(ReadError::JsonTooLarge { limit: MAX_JSON });
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|error| ReadError::Json {
        line: error.line(),
        column: error.column(),
        // A cut download is the usual case, and has its own next step.
        cut: error.is_eof(),
    })
}

fn placed(array: &'static str, items: Vec<Json>) -> Vec<(Place, Json)> {
    let place = |index| Place::Item { array, index };
    (0..).map(place).zip(items).collect()
}

fn listed(place: Place, json: &Json) -> Entry {
    let Json::String(text) = json else {
        return Entry::refused(place, &json.to_string(), RowRefused::NotAString);
    };
    if matches!(
        place,
        Place::Item {
            array: "/allow",
            ..
        }
    ) {
        Entry::refused(place, text, RowRefused::Allowed)
    } else {
        value(place, text)
    }
}

fn dated(place: Place, json: &Json) -> Entry {
    let text = |key| json.get(key).and_then(Json::as_str);
    let Some(url) = text("url") else {
        return Entry::refused(place, &json.to_string(), RowRefused::NotAString);
    };
    let mut entry = value(place, url);
    if let (Ok(cells), Some(date)) = (&mut entry.cells, text("date")) {
        cells.push((Column::FirstSeen, date.to_owned()));
    }
    entry
}

fn value(place: Place, text: &str) -> Entry {
    if text.len() > MAX_LINE {
        Entry::refused(place, text, RowRefused::TooLong { limit: MAX_LINE })
    } else {
        Entry::value(place, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut items: Items, expected: &[(&str, Result<&str, RowRefused>)]) {
        let mut found = Vec::new();
        while let Some(entry) = items.next_entry() {
            let cells = entry.cells.map(|cells| {
                let cells: Vec<_> = cells.into_iter().map(|(_, text)| text).collect();
                cells.join("|")
            });
            found.push((entry.place.to_string(), cells));
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|(place, cells)| ((*place).to_owned(), cells.clone().map(str::to_owned)))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn all_json() {
        let text = "\u{feff}{\"allow\":[\"pages.dev\"],\"deny\":[\"a.example\",7],\"x\":{}}";
        check(
            Items::polkadot(text.as_bytes()).unwrap(),
            &[
                ("/allow/0", Err(RowRefused::Allowed)),
                ("/deny/0", Ok("a.example")),
                ("/deny/1", Err(RowRefused::NotAString)),
            ],
        );
        let long = format!("{{\"deny\":[\"{}\",\"b\"]}}", "x".repeat(MAX_LINE + 1));
        check(
            Items::polkadot(long.as_bytes()).unwrap(),
            &[
                ("/deny/0", Err(RowRefused::TooLong { limit: MAX_LINE })),
                ("/deny/1", Ok("b")),
            ],
        );
    }

    #[test]
    fn dated_lists() {
        let text = r#"[{"date":"2026-01-01","url":"a.example"},{"url":"b"},{"date":"x"},"c"]"#;
        check(
            Items::dated(text.as_bytes()).unwrap(),
            &[
                ("/0", Ok("a.example|2026-01-01")),
                ("/1", Ok("b")),
                ("/2", Err(RowRefused::NotAString)),
                ("/3", Err(RowRefused::NotAString)),
            ],
        );
    }

    #[test]
    fn broken_json_says_where() {
        for (text, cut_at_end) in [("{\"deny\":[\"a\"", true), ("{\"deny\":\n[,]}", false)] {
            match Items::polkadot(text.as_bytes()) {
                Err(ReadError::Json { line, cut, .. }) => {
                    assert_eq!((line, cut), (text.lines().count(), cut_at_end));
                }
                other => panic!("{other:?}"),
            }
        }
        let endless = std::io::repeat(b' ');
        assert!(matches!(
            Items::dated(endless.take(MAX_JSON + 9)),
            Err(ReadError::JsonTooLarge { .. })
        ));
    }
}
