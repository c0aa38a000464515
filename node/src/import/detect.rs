//! Which format a file is in, by its beginning.

use std::fmt;
use std::str::FromStr;

use super::hosts;
use super::lines::BYTE_ORDER_MARK;

/// How much of a file [`detect`] wants to see, in bytes.
pub const HEAD: usize = 64 << 10;

/// How many lines are looked at.
const LINES: usize = 200;

/// A format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One value per line.
    List,
    /// A hosts file: an address that leads nowhere, then the names sent there.
    Hosts,
    /// A table with one value per row.
    Csv,
    /// `all.json` of polkadot-js/phishing: `{"allow": […], "deny": […]}`.
    Polkadot,
    /// The dated lists of polkadot-js/phishing: `[{"date": …, "url": …}]`.
    PolkadotDated,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [
        Self::List,
        Self::Hosts,
        Self::Csv,
        Self::Polkadot,
        Self::PolkadotDated,
    ];

    /// The name that people type and read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Hosts => "hosts",
            Self::Csv => "csv",
            Self::Polkadot => "polkadot",
            Self::PolkadotDated => "polkadot-dated",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or(UnknownFormat)
    }
}

/// The text names no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a format; the formats are list, hosts, csv, polkadot and polkadot-dated")]
pub struct UnknownFormat;

/// Why a beginning is of no format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DetectError {
    /// Nothing in it, or only blank lines and comments.
    #[error("there is nothing in it; check that its download finished")]
    Empty,
    /// Packed, by its first bytes.
    #[error("it is packed ({packing}); unpack it first, with {unpack}, and import what comes out")]
    Packed {
        /// The packing.
        packing: &'static str,
        /// What unpacks it.
        unpack: &'static str,
    },
    /// A document of an office program.
    #[error("it is {what}, not text; save it as CSV (UTF-8) and import that")]
    Document {
        /// What it is.
        what: &'static str,
    },
    /// Text, but two bytes a character.
    #[error("it is UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8) and import that")]
    Utf16,
    /// Bytes that no text has.
    #[error("it is not text; lists, hosts files, CSV and JSON can be imported")]
    Binary,
    /// JSON of a shape that is not known.
    #[error(
        "it is JSON, but not of a known shape; those are {{\"allow\": […], \"deny\": […]}} and \
         [{{\"date\": …, \"url\": …}}]; for others, write the values into a list or a CSV file"
    )]
    UnknownJson,
}

/// First bytes and the fault that they show.
const MAGIC: [(&[u8], DetectError); 10] = [
    (b"\x1f\x8b", packed("gzip", "gunzip")),
    (b"BZh", packed("bzip2", "bunzip2")),
    (b"\xfd7zXZ\0", packed("xz", "unxz")),
    (b"\x28\xb5\x2f\xfd", packed("zstd", "unzstd")),
    (b"7z\xbc\xaf\x27\x1c", packed("7z", "7z x")),
    // Also what .xlsx is, hence the longer word.
    (
        b"PK\x03\x04",
        packed(
            "zip, or an .xlsx table",
            "unzip, or saving the table as CSV",
        ),
    ),
    (b"%PDF-", DetectError::Document { what: "a PDF" }),
    (
        b"\xd0\xcf\x11\xe0",
        DetectError::Document {
            what: "an old Office document",
        },
    ),
    (b"\xff\xfe", DetectError::Utf16),
    (b"\xfe\xff", DetectError::Utf16),
];

const fn packed(packing: &'static str, unpack: &'static str) -> DetectError {
    DetectError::Packed { packing, unpack }
}

/// What no import can read, whatever format it is said to have.
pub(super) fn check_readable(head: &[u8]) -> Result<(), DetectError> {
    if let Some((_, fault)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err(*fault);
    }
    if head.contains(&0) {
        return Err(DetectError::Binary);
    }
    if head
        .strip_prefix(BYTE_ORDER_MARK)
        .unwrap_or(head)
        .trim_ascii()
        .is_empty()
    {
        return Err(DetectError::Empty);
    }
    Ok(())
}

/// The format of a file by its first [`HEAD`] bytes (all of a shorter file) and its name.
pub fn detect(head: &[u8], name: &str) -> Result<Format, DetectError> {
    check_readable(head)?;
    // Foreign bytes: one bad line is that line's fault, so the rest is looked at all the same.
    let text = String::from_utf8_lossy(head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head));
    if let Some(json) = detect_json(text.trim_start()) {
        return json;
    }
    let name = name.to_ascii_lowercase();
    let table_name = [".csv", ".tsv"].iter().any(|end| name.ends_with(end));
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| is_data(line))
        .take(LINES)
        .peekable();
    let Some(first) = lines.peek().copied() else {
        return Err(DetectError::Empty);
    };
    if table_name || is_header(first) {
        return Ok(Format::Csv);
    }
    let (mut sent_nowhere, mut others) = (0, 0);
    for line in lines {
        if hosts::is_entry(line) {
            sent_nowhere += 1;
        } else {
            others += 1;
        }
    }
    if sent_nowhere > others {
        Ok(Format::Hosts)
    } else {
        Ok(Format::List)
    }
}

fn is_data(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(['#', ';', '!'])
}

/// Whether a line names a column of ours and others beside it.
fn is_header(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    [',', ';', '\t'].into_iter().any(|separator| {
        let mut names = line
            .split(separator)
            .map(|name| name.trim().trim_matches('"'));
        line.contains(separator) && names.any(|name| super::columns::Column::named(name).is_some())
    })
}

/// What the JSON that `text` begins is; none if it begins no JSON.
fn detect_json(text: &str) -> Option<Result<Format, DetectError>> {
    let after = |c: char, text: &str| {
        text.strip_prefix(c)
            .map(|rest| rest.trim_start().to_owned())
    };
    let is_key = |text: &str, keys: &[&str]| {
        keys.iter().any(|key| {
            text.strip_prefix('"')
                .and_then(|rest| rest.strip_prefix(key))
                .is_some_and(|rest| rest.starts_with('"'))
        })
    };
    if let Some(object) = after('{', text) {
        let known = is_key(&object, &["allow", "deny"]);
        return Some(if known {
            Ok(Format::Polkadot)
        } else {
            Err(DetectError::UnknownJson)
        });
    }
    // `[2001:db8::1]` begins a list, not JSON.
    let array = after('[', text)?;
    if let Some(object) = after('{', &array) {
        let known = is_key(&object, &["date", "url"]);
        return Some(if known {
            Ok(Format::PolkadotDated)
        } else {
            Err(DetectError::UnknownJson)
        });
    }
    array
        .starts_with(['"', ']', '['])
        .then_some(Err(DetectError::UnknownJson))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: impl AsRef<[u8]>, name: &str, expected: Result<Format, DetectError>) {
        let head = head.as_ref();
        assert_eq!(
            detect(head, name),
            expected,
            "{:?}",
            String::from_utf8_lossy(head)
        );
    }

    #[test]
    fn formats() {
        use Format::{Csv, Hosts, List, Polkadot, PolkadotDated};
        for (head, name, format) in [
            ("a.example\nb.example\n", "x.txt", List),
            ("# c\n192.0.2.1\t10\n", "ipsum.txt", List),
            ("[2001:db8::1]\n", "x", List),
            (
                "https://a.example/?a=1,2,3\nhttps://a.example/b,c\n",
                "x.txt",
                List,
            ),
            (
                "# c\r\n0.0.0.0 a.example\r\n0.0.0.0 b.example\r\n",
                "x",
                Hosts,
            ),
            (
                "127.0.0.1\tlocalhost\n::1 localhost\n0.0.0.0 a.example\n",
                "x",
                Hosts,
            ),
            ("192.0.2.1 10\n192.0.2.2 9\n", "x", List),
            ("value,kind\na.example,domain\n", "x.txt", Csv),
            ("\u{feff}\"Value\";\"Note\"\na.example;x\n", "x", Csv),
            ("pattern\r\n4692576503\r\n", "ftc.CSV", Csv),
            ("{\n\t\"allow\": [", "x", Polkadot),
            ("{\"deny\":[\"a.example\"]}", "x", Polkadot),
            (
                "\u{feff} [ {\"date\": \"2026-01-01\"",
                "x.csv",
                PolkadotDated,
            ),
        ] {
            check(head, name, Ok(format));
        }
    }

    #[test]
    fn refusals() {
        check("", "x", Err(DetectError::Empty));
        check("\u{feff}\r\n \n", "x.csv", Err(DetectError::Empty));
        check("# only\n; comments\n", "x", Err(DetectError::Empty));
        check(b"\x1f\x8b\x08\0", "x.gz", Err(packed("gzip", "gunzip")));
        check(b"a.example\n\0\0", "x", Err(DetectError::Binary));
        check(b"\xff\xfea\0", "x", Err(DetectError::Utf16));
        check(
            b"%PDF-1.7",
            "x",
            Err(DetectError::Document { what: "a PDF" }),
        );
        for json in [
            "{\"type\":\"bundle\"",
            "{}",
            "[]",
            "[\"a\"]",
            "[{\"x\":1}]",
            "[[1]]",
        ] {
            check(json, "x", Err(DetectError::UnknownJson));
        }
    }

    #[test]
    fn names_round() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!("stix".parse::<Format>(), Err(UnknownFormat));
    }
}
