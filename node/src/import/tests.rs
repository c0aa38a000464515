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
            ("line 7", "not recognised as any kind"),
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

/// What is published as nothing, however a file gives it, and how the reason begins.
const UNCLEAR: &[(&str, &str)] = &[
    ("OTP: 123456", "a word and a number"),
    ("OTP:123456", "a word and a number"),
    ("Tel:0123456789", "a word and a number"),
    ("MY:MAYBANK:123456", "a word and a number"),
    ("0123456789", "a number alone"),
    ("123456", "a number alone"),
    ("12/05/2026", "a number alone"),
    (
        "@somebody's",
        "the name of an account, but of which platform?",
    ),
    ("somebody:anybody", "not recognised as any kind"),
    ("https://evil.example/a b", "as url: a blank inside"),
    ("https://evil.example/a\u{a0}b", "as url: a blank inside"),
    (
        "https://evil.example\\@bank.example/",
        "as url: a backslash",
    ),
    ("P.O.Box:1234", "a word and a number"),
    ("Acc.no/114012345678", "a word and a number"),
    (
        "https://signal.group/#CjQK",
        "as url: names its page behind",
    ),
    ("//bank2.example", "as url: two slashes"),
    ("com.bank.app://login", "as url: not a scheme"),
    (
        "https://evil.example/,https://bank.example/",
        "as url: more than one address",
    ),
    ("https://bank.example/,0", "as url: a mark or a word behind"),
    ("\u{2192}evil.example", "as domain: a symbol"),
    ("+49 30 123456 (2)", "as phone: more digits behind"),
    ("203.0.113.7/24", "as ip: the address of one machine"),
    ("@@||bank.example^", "an exception of a block list"),
    ("~bank.example", "an exception of a block list"),
    ("bank.example##.ad", "a rule that hides or changes a part"),
    ("bank.example ##.ad", "a rule that hides or changes a part"),
    ("bank.example#@#.ad", "a rule that hides or changes a part"),
    (
        "bank.example##+js(x)",
        "a rule that hides or changes a part",
    ),
    (
        "bank.example$$script",
        "a rule that hides or changes a part",
    ),
    (
        "https://bank.example/x#@#.ad",
        "a rule that hides or changes a part",
    ),
    ("bank.example/x$_,removeparam=a", "a rule of a block list"),
    ("https://evil.example/*", "a pattern of a block list"),
    ("||evil.example^", "a rule of a block list"),
    (
        "||evil.example^$domain=bank.example",
        "a rule of a block list",
    ),
    (
        "evil.example/a$domain=bank.example",
        "a rule of a block list",
    ),
    ("/bank.example/", "a pattern of a block list"),
    (
        "address=/evil.example/0.0.0.0",
        "a setting of a name server",
    ),
    ("server=/bank.example/8.8.8.8", "a setting of a name server"),
    (
        "local-zone: \"bank.example\" transparent",
        "a setting of a name server",
    ),
    (
        "bank.example CNAME rpz-passthru.",
        "an exception of a block list",
    ),
    ("[Adblock Plus 2.0]", "the first line of a block list"),
];

/// The same values by each way in which a file gives them, each to be refused for the same reason.
#[test]
fn nothing_is_published_that_nobody_saw() {
    let mut malaysian = options();
    malaysian.reading.region = "MY".parse().ok();
    let every_way = |value: &str, says: &str| {
        let json = serde_json::to_string(value).unwrap();
        let cell = value.replace('"', "\"\"");
        for (content, name, place) in [
            (format!("{value}\n"), "x.txt", "line 1"),
            (format!("value\n\"{cell}\"\n"), "x.csv", "line 2"),
            (format!("{{\"deny\":[{json}]}}"), "x.json", "/deny/0"),
            (
                format!("[{{\"date\":\"2026-01-31\",\"url\":{json}}}]"),
                "x.json",
                "/0",
            ),
        ] {
            check(content, name, &malaysian, &[(place, says)]);
        }
        let mut asked = malaysian.clone();
        asked.format = Some(Format::Hosts);
        let line = format!("0.0.0.0 {value}\n");
        for row in import(line.as_bytes(), "hosts", &asked).unwrap() {
            let outcome = row.unwrap().outcome;
            assert!(outcome.is_err(), "{line}: {outcome:?}");
        }
    };
    for (value, says) in UNCLEAR {
        every_way(value, says);
    }
}

/// Line breaks and tabs are inside a value in some formats only.
#[test]
fn values_are_not_cut() {
    let inside = "has a control or invisible character inside";
    for value in ["https://evil.example/a\tb", "https://bank.ex\tample/"] {
        let json = serde_json::to_string(value).unwrap();
        let deny = format!("{{\"deny\":[{json}]}}");
        check(deny, "x.json", &options(), &[("/deny/0", inside)]);
        let table = format!("value\n\"{value}\"\n");
        check(
            table.replace('\t', "\n"),
            "x.csv",
            &options(),
            &[("line 2", inside)],
        );
        let says = "more behind the value";
        check(value, "x.txt", &options(), &[("line 1", says)]);
    }
    check(
        "bank.example\tCNAME\trpz-passthru.\nbank.example\tallow\nevil.example\t7\n",
        "x",
        &options(),
        &[
            ("line 1", "an exception of a block list"),
            ("line 2", "more behind the value"),
            ("line 3", "domain"),
        ],
    );
}

#[test]
fn what_somebody_says_the_kind_of() {
    let check_kind = |kind: &str, value: &str, says: &str| {
        let mut asked = options();
        asked.reading.region = "MY".parse().ok();
        let row = format!("value,kind\n\"{value}\",{kind}\n");
        check(row, "x", &asked, &[("line 2", says)]);
        asked.kind = Some(kind.parse().unwrap());
        check(format!("{value}\n"), "x", &asked, &[("line 1", says)]);
    };
    for (kind, value) in [
        ("bank-account", "MY:MAYBANK:123456"),
        ("bank-account", "27:114012345678"),
        ("phone", "012-345 6789"),
        ("handle", "line:12345"),
        ("handle", "other:Somebody Else"),
        ("sms-sender", "A##B"),
        ("sms-sender", "OTP: 123456"),
        ("wallet", "So11111111111111111111111111111111111111112"),
        ("domain", "setup.exe"),
        ("url", "evil.example/a"),
    ] {
        check_kind(kind, value, kind);
    }
    for (kind, value, says) in [
        ("handle", "somebody", "as handle: which platform?"),
        ("handle", "somebody:anybody", "as handle: which platform?"),
        ("url", "https://evil.example/a b", "as url: a blank inside"),
        (
            "url",
            "https://evil.example\\@bank.example/",
            "as url: a backslash",
        ),
        ("url", "bank.example##.ad", "a rule that hides or changes"),
        ("url", "12/05/2026", "as url: browsers read this host"),
        ("url", "/bank.example/", "a pattern of a block list"),
        (
            "domain",
            "@@||bank.example^",
            "an exception of a block list",
        ),
        ("ip", "203.0.113.7/24", "as ip: the address of one machine"),
        (
            "email",
            "*@bank.example",
            "as email: a wildcard is no mailbox",
        ),
        (
            "bank-account",
            "OTP 123456",
            "as bank-account: not an account",
        ),
    ] {
        check_kind(kind, value, says);
    }
}
