//! The golden files under `tests/vectors/statement`.

use crate::bounded::BoundedVec;
use crate::golden::{Vector, check_made, check_outcomes, golden, hex, replaced, unhex, variants};
use crate::indicator::{Basis, Confidence, Country, Fields, Kind, Local, Loss, Scheme, Tlp, Value};

use super::*;

variants!(SAID, name_of, Said, {
    Said::Asserted { .. } => "asserted",
    Said::Withdrawn { .. } => "withdrawn",
    Said::Ceased => "ceased",
});
variants!(ERRORS, name_of_error, StatementError, {
    StatementError::TooLong => "TooLong",
    StatementError::Malformed => "Malformed",
});

fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn about(kind: Kind, text: &str, revision: u32, said: Said) -> Vec<u8> {
    Statement {
        value: Value::from_canonical(kind, text).unwrap(),
        revision: Revision::new(revision),
        made: time(1_790_000_000),
        said,
    }
    .encode()
}

fn asserted(draft: Fields, stripped: Projection) -> Said {
    Said::Asserted {
        assertion: Box::new(Assertion::try_from(draft).unwrap()),
        stripped,
    }
}

fn least() -> Fields {
    let sure = Confidence::try_from(80).unwrap();
    Fields::new(Scheme::Phishing, sure, Tlp::Green)
}

/// An assertion that says everything there is to say.
fn full() -> Fields {
    let texts = |text: &str| BoundedText::new(text).unwrap();
    let countries: Vec<Country> = ["MY", "SG"].map(|code| code.parse().unwrap()).into();
    Fields {
        scheme: Scheme::Other,
        confidence: Confidence::try_from(100).unwrap(),
        tlp: Tlp::Red,
        releasable_to: BoundedVec::new(
            ["SG", "PH-CICC", "banks"]
                .map(|r| r.parse().unwrap())
                .into(),
        )
        .unwrap(),
        first_seen: Some(time(1_780_000_000)),
        last_seen: Some(time(1_785_000_000)),
        valid_until: Some(time(1_800_000_000)),
        basis: Basis::Predicted,
        loss: Some(Loss {
            thousandths: 12_345_670,
            currency: "MYR".parse().unwrap(),
        }),
        countries: BoundedVec::new(countries).unwrap(),
        legal_basis: Some(BoundedText::new("Act 1").unwrap()),
        tags: BoundedVec::new(vec![BoundedText::new("mule").unwrap()]).unwrap(),
        description: Some(BoundedText::new("caf\u{e9}").unwrap()),
        references: BoundedVec::new(vec![BoundedText::new("https://a.example/1").unwrap()])
            .unwrap(),
        local: Some(Local {
            case_number: Some(BoundedText::new("C-1").unwrap()),
            notes: None,
            source: Some(texts("desk")),
        }),
    }
}

const NAME: &str = "scam-login.example";

#[expect(clippy::too_many_lines, reason = "a table, one row per vector")]
fn made() -> Vec<Vector> {
    let domain = |said| about(Kind::Domain, NAME, 2, said);
    let reason = BoundedText::new("wrong").unwrap();
    let withdrawn = domain(Said::Withdrawn { reason });
    let asserted_ = domain(asserted(least(), Projection::NOTHING));
    let everything = about(
        Kind::SmsSender,
        "MyBank",
        1,
        asserted(full(), Projection::NOTHING),
    );
    let malformed = |name: &str, bytes| Vector::fault(name, bytes, StatementError::Malformed);
    let spoilt =
        |name: &str, from: &[u8], to: &[u8]| malformed(name, replaced(&withdrawn, from, to));
    let of = |name: &str, from: &str, to: &str| {
        malformed(name, replaced(&everything, &unhex(from), &unhex(to)))
    };
    let erased = Erasure {
        mark: ErasedMark::from_bytes([9; 16]),
        revision: Revision::new(3),
        made: time(1_790_000_000),
        reason: 1,
    }
    .encode();
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 1].to_vec();
    vec![
        Vector::valid("asserted-least", asserted_.clone()),
        Vector::valid(
            "asserted-stripped",
            domain(asserted(least(), Projection::LOSS | Projection::TIMES)),
        ),
        Vector::valid("asserted-full", everything.clone()),
        Vector::valid("withdrawn", withdrawn.clone()),
        Vector::valid("ceased", domain(Said::Ceased)),
        Vector::valid(
            "ceased-last-revision",
            about(Kind::Domain, NAME, u32::MAX, Said::Ceased),
        ),
        Vector::valid("erased", erased.clone()),
        malformed("erased-mark-short", replaced(&erased, &[0x50, 9], &[0x4f])),
        malformed("erased-cut-short", cut(&erased)),
        Vector::valid("unknown-kind-4", encoding::encode(&(1_u8, 4_u8, "later"))),
        Vector::valid("unknown-kind-23", encoding::encode(&(1_u8, 23_u8))),
        malformed("empty", Vec::new()),
        malformed("kind-zero", encoding::encode(&(1_u8, 0_u8))),
        malformed("kind-above-23", encoding::encode(&(1_u8, 24_u8))),
        malformed("version-unknown", encoding::encode(&(2_u8, 1_u8))),
        malformed("cut-short", cut(&withdrawn)),
        malformed("followed-by-a-byte", [&withdrawn[..], &[0]].concat()),
        malformed(
            "field-missing",
            replaced(&cut(&asserted_), &[0x87, 1, 1], &[0x86, 1, 1]),
        ),
        malformed("map", replaced(&withdrawn, &[0x86, 1, 2], &[0xa3, 1, 2])),
        spoilt("indefinite-array", &[0x86, 1, 2], &[0x9f, 1, 2]),
        spoilt(
            "long-form-revision",
            &[0x02, 0x1a, 0x6a],
            &[0x18, 0x02, 0x1a, 0x6a],
        ),
        spoilt("long-form-time", &[0x1a, 0x6a], &[0x1b, 0, 0, 0, 0, 0x6a]),
        spoilt("tagged", b"\x65wrong", b"\xc1\x65wrong"),
        spoilt("value-not-canonical", b"scam", b"Scam"),
        spoilt("value-defanged", b"login.ex", b"login[.]"),
        spoilt("value-kind-zero", &[0x82, 5], &[0x82, 0]),
        spoilt("value-kind-unknown", &[0x82, 5], &[0x82, 12]),
        spoilt("reason-control", b"wrong", b"wr\x1bng"),
        spoilt("reason-not-utf-8", b"wrong", b"wr\xffng"),
        spoilt(
            "reason-too-long",
            b"\x65wrong",
            &[&[0x79, 0x01, 0x01], [b'r'; 257].as_slice()].concat(),
        ),
        spoilt(
            "time-after-9999",
            &unhex("1a6ab13b80"),
            &unhex("1b0000003afff2d3e1"),
        ),
        of("scheme-unknown", "8f121864", "8f131864"),
        of("confidence-above-100", "8f12186404", "8f12186504"),
        of("tlp-unknown", "8f12186404", "8f12186405"),
        of("recipient-sort-unknown", "8200625347", "8202625347"),
        of(
            "recipients-unsorted",
            "82006750482d434943438200625347",
            "820062534782006750482d43494343",
        ),
        of("basis-unknown", "1a6b49d20001", "1a6b49d20002"),
        of("currency-unknown", "634d5952", "634d5951"),
        of("country-unknown", "624d59625347", "624d59625351"),
        of("countries-twice", "624d59625347", "624d59624d59"),
        of("text-empty", "654163742031", "60"),
        of("tag-empty", "646d756c65", "60"),
        of("last-seen-before-first", "1a6a64f040", "1a5a64f040"),
        of("strips-unknown-field", "646465736b00", "646465736b1880"),
        of(
            "no-recipient",
            "8382006750482d43494343820062534782016562616e6b73",
            "80",
        ),
    ]
}

fn file() -> Vec<Vector> {
    golden!("statement/statements.tsv")
}

#[test]
fn files_are_what_the_tables_make() {
    check_made(&file(), &made());
}

#[test]
fn each_is_read_or_refused_as_the_file_says() {
    let mut names = Vec::new();
    for vector in file() {
        let outcome = match AnyStatement::decode(&vector.bytes) {
            Ok(AnyStatement::Known(known)) => {
                assert_eq!(hex(&known.encode()), hex(&vector.bytes), "{}", vector.name);
                names.push(name_of(&known.said));
                assert!(
                    vector.name.starts_with(name_of(&known.said)),
                    "{}",
                    vector.name
                );
                "valid"
            }
            Ok(AnyStatement::Erased(erasure)) => {
                assert_eq!(
                    hex(&erasure.encode()),
                    hex(&vector.bytes),
                    "{}",
                    vector.name
                );
                assert!(vector.name.starts_with("erased"), "{}", vector.name);
                names.push("erased");
                "valid"
            }
            Ok(AnyStatement::Unknown { kind }) => {
                assert_eq!(vector.name, format!("unknown-kind-{kind}"));
                names.push("unknown");
                "valid"
            }
            Err(error) => name_of_error(&error),
        };
        assert_eq!(outcome, vector.outcome, "{}", vector.name);
    }
    for name in SAID.iter().chain(&["erased", "unknown"]) {
        assert!(names.contains(name), "no vector for {name}");
    }
    // A statement that is too long is not worth a file.
    let long = vec![0; MAX_STATEMENT + 1];
    assert_eq!(AnyStatement::decode(&long), Err(StatementError::TooLong));
    check_outcomes(&file(), &ERRORS[1..]);
}

#[test]
fn ids_of_indicators() {
    let made = [
        ("MY", Kind::Domain, NAME),
        ("SG", Kind::Domain, NAME),
        ("MY", Kind::SmsSender, "MyBank"),
        ("PH-CICC", Kind::Phone, "+60123456789"),
    ]
    .map(|(publisher, kind, text)| {
        let value = Value::from_canonical(kind, text).unwrap();
        let id = IndicatorId::of(&publisher.parse().unwrap(), &value);
        Vector::valid(&format!("{publisher} {value}"), id.as_bytes().to_vec())
    });
    check_made(&golden!("statement/indicator-ids.tsv"), &made);
}
