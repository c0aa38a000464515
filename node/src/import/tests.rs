//! Whole files, tiny ones and real ones.

use std::io::Cursor;

use kentong_protocol::indicator::{Confidence, Scheme, Tlp};

use super::*;

pub(super) fn options() -> Options {
    let sure = Confidence::try_from(50).unwrap();
    Options {
        format: None,
        columns: Columns::ByHeader,
        kind: None,
        reading: Reading::default(),
        said: Fields::new(Scheme::Other, sure, Tlp::Green),
        unsaid: Vec::new(),
    }
}

fn import(content: &[u8], name: &str, options: &Options) -> Result<Import, ReadError> {
    Import::read(Cursor::new(content.to_vec()), None, name, options)
}

/// What a file gives: each row's place, and its kind or the beginning of its refusal.
fn check(content: impl AsRef<[u8]>, name: &str, options: &Options, expected: &[(&str, &str)]) {
    let rows = import(content.as_ref(), name, options).unwrap();
    let found: Vec<(String, String)> = rows
        .map(|row| {
            let row = row.unwrap();
            let outcome = match row.outcome {
                Ok(draft) => draft.value.kind().to_string(),
                Err(why) => why.to_string(),
            };
            (row.place.to_string(), outcome)
        })
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((place, outcome), (expected_place, begins)) in found.iter().zip(expected) {
        assert_eq!(place, expected_place, "{found:?}");
        assert!(outcome.starts_with(begins), "{outcome} is not {begins}");
    }
}

#[test]
fn lists() {
    check(
        "\u{feff}# c\r\nscam.example.com\r\n\r\n203.0.113.7\t10\r\nscam.example.com/pay\r\n\
         SCAM.example.com\r\n??\r\nhttps://scam.example.com/",
        "x.txt",
        &options(),
        &[
            ("line 2", "domain"),
            ("line 4", "ip"),
            ("line 5", "url"),
            ("line 6", "the same value as at line 2"),
            ("line 7", "no kind of indicator"),
            ("line 8", "url"),
        ],
    );
    check(
        b"scam.example.com\n\xff\xfe\nother.example.com",
        "x",
        &options(),
        &[
            ("line 1", "domain"),
            ("line 2", "not UTF-8"),
            ("line 3", "domain"),
        ],
    );
    let long = format!(
        "scam.example.com\n{}\nother.example.com",
        "x".repeat(MAX_LINE + 1)
    );
    check(
        long,
        "x",
        &options(),
        &[
            ("line 1", "domain"),
            ("line 2", "longer than 65536"),
            ("line 3", "domain"),
        ],
    );
}

#[test]
fn a_kind_that_is_asked_for_is_the_only_one() {
    let mut options = options();
    options.kind = Some(Kind::Ip);
    check(
        "203.0.113.7\nscam.example.com\n",
        "x",
        &options,
        &[("line 1", "ip"), ("line 2", "as ip: ")],
    );
}

#[test]
fn hosts_files() {
    check(
        "# t\n127.0.0.1 localhost\n0.0.0.0 scam.example.com # c\n0.0.0.0 other.example.com\n\
         192.0.2.1 real.example.com\n0.0.0.0 scam.example.com\n",
        "hosts",
        &options(),
        &[
            ("line 2", "a name of the machine"),
            ("line 3", "domain"),
            ("line 4", "domain"),
            ("line 5", "sends the name to a real address"),
            ("line 6", "the same value as at line 3"),
        ],
    );
}

#[test]
fn tables() {
    check(
        "value,kind,tlp,note\nscam.example.com,,,x\n203.0.113.7,ip,red,\n1,planet,,\na,b\n",
        "x",
        &options(),
        &[
            ("line 2", "domain"),
            ("line 3", "TLP:RED goes to named recipients only"),
            ("line 4", "kind: not a kind"),
            ("line 5", "2 fields where the table has 4"),
        ],
    );
    let mut phones = options();
    phones.kind = Some(Kind::Phone);
    phones.reading.region = Some("US".parse().unwrap());
    check(
        "pattern\r\n2025550123\r\n(202) 555-0123\r\n123\r\n",
        "90days.csv",
        &phones,
        &[
            ("line 2", "phone"),
            ("line 3", "the same value as at line 2"),
            ("line 4", "as phone: "),
        ],
    );
    check(
        "2025550123\r\n",
        "no-header.csv",
        &phones,
        &[("line 1", "phone")],
    );
    let mut mapped = options();
    mapped.columns = Columns::mapped("value=host,description=note").unwrap();
    let table = "note;host\nx;scam.example.com\n";
    check(table, "x", &mapped, &[("line 2", "domain")]);
    let drafts = import(table.as_bytes(), "x", &mapped).unwrap();
    let drafts: Vec<_> = drafts.map(|row| row.unwrap().outcome.unwrap()).collect();
    assert_eq!(drafts[0].assertion.description.as_deref(), Some("x"));
    mapped.columns = Columns::positions("-,value").unwrap();
    check(
        "x;scam.example.com\n",
        "x",
        &mapped,
        &[("line 1", "domain")],
    );
    assert_eq!(
        import(b"value;more\n", "x", &options())
            .unwrap()
            .ignored_columns(),
        ["more"]
    );
}

#[test]
fn json_lists() {
    check(
        r#"{"allow":["pages.dev"],"deny":["scam.example.com","SCAM.example.com.",1]}"#,
        "all.json",
        &options(),
        &[
            ("/allow/0", "on the list of what must not"),
            ("/deny/0", "domain"),
            ("/deny/1", "the same value as at /deny/0"),
            ("/deny/2", "not a text"),
        ],
    );
    let dated = br#"[{"date":"2025-11-30","url":"scam.example.com"}]"#;
    let row = import(dated, "x", &options())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let seen = row.outcome.unwrap().assertion.first_seen.unwrap();
    assert_eq!(seen.to_string(), "2025-11-30T00:00:00Z");
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    for (path, says) in [
        (folder.path().join("no-such"), "check the spelling"),
        (folder.path().to_owned(), "name the files in it"),
        (file("empty", b""), "nothing in it"),
        (file("comments", b"# c\n"), "nothing in it"),
        (file("x.gz", b"\x1f\x8b\x08\0\0"), "gunzip"),
        (file("binary", b"\x7fELF\0\0"), "not text"),
        (
            file("stix.json", b"{\"type\":\"bundle\"}"),
            "not of a known shape",
        ),
        (file("cut.json", b"{\"deny\":[\"a"), "download it again"),
        (file("table.csv", b"a,b\n1,2\n"), "--map value=COLUMN"),
        (
            file("open.csv", b"\"a,b\n1,2\n"),
            "the first row cannot be read",
        ),
    ] {
        match Import::open(&path, &options()) {
            Err(error) => assert!(error.to_string().contains(says), "{path:?}: {error}"),
            Ok(_) => panic!("{path:?} was opened"),
        }
    }
    // What is said about the format does not make text of a packed file.
    let mut asked = options();
    asked.format = Some(Format::List);
    assert!(Import::open(&folder.path().join("x.gz"), &asked).is_err());
    let list = Import::open(&file("list.json", b"scam.example.com\n"), &asked).unwrap();
    assert_eq!(list.progress().length(), Some(17));
    assert_eq!(list.count(), 1);
}
