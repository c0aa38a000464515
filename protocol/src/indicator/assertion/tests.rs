use proptest::prelude::*;

use super::*;
use crate::bounded::{BoundedText, BoundedVec};
use crate::encoding::{DecodeError, decode, encode};
use crate::indicator::Scheme;
use crate::time::Timestamp;

fn time(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_seconds(seconds)
}

fn draft(tlp: Tlp) -> Fields {
    Fields::new(Scheme::Job, Confidence::try_from(80).unwrap(), tlp)
}

fn list<T, const N: usize>(texts: &[&str]) -> BoundedVec<T, N>
where
    T: std::str::FromStr<Err: std::fmt::Debug>,
{
    BoundedVec::new(texts.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
}

fn full() -> Fields {
    Fields {
        releasable_to: list(&["SG", "asean", "MY", "SG"]),
        first_seen: time(1_000),
        last_seen: time(900_000),
        valid_until: time(2_000_000),
        basis: Basis::Predicted,
        loss: Some("12500.50 MYR".parse().unwrap()),
        countries: list(&["TH", "KH"]),
        legal_basis: BoundedText::new("Penal Code 424").ok(),
        tags: BoundedVec::new(vec![
            BoundedText::new("b").unwrap(),
            BoundedText::new("").unwrap(),
            BoundedText::new("a").unwrap(),
        ])
        .unwrap(),
        description: BoundedText::new("a fake job").ok(),
        references: BoundedVec::new(vec![BoundedText::new("https://example.org/").unwrap()])
            .unwrap(),
        local: Some(Local {
            case_number: BoundedText::new("2026/17").ok(),
            notes: BoundedText::new("").ok(),
            source: None,
        }),
        ..draft(Tlp::Amber)
    }
}

#[test]
fn checked_and_put_in_order() {
    let assertion = Assertion::try_from(full()).unwrap();
    assert_eq!(format!("{:?}", assertion.releasable_to), "[MY, SG, asean]");
    assert_eq!(format!("{:?}", assertion.countries), "[KH, TH]");
    assert_eq!(format!("{:?}", assertion.tags), r#"["a", "b"]"#);
    assert_eq!(assertion.local.as_ref().unwrap().notes, None);
    assert_eq!(
        Assertion::try_from(assertion.clone().into_draft()),
        Ok(assertion)
    );
}

#[test]
fn closed_markings_name_their_recipients() {
    for tlp in Tlp::ALL {
        let nobody = Assertion::try_from(draft(tlp));
        let expected = match tlp {
            Tlp::Clear | Tlp::Green => None,
            Tlp::Amber | Tlp::AmberStrict | Tlp::Red => Some(AssertionError::NoRecipient { tlp }),
        };
        assert_eq!(nobody.err(), expected, "{tlp}");
        let named = Fields {
            releasable_to: list(&["SG"]),
            ..draft(tlp)
        };
        assert!(Assertion::try_from(named).is_ok(), "{tlp}");
    }
    let message = AssertionError::NoRecipient {
        tlp: Tlp::AmberStrict,
    }
    .to_string();
    assert!(
        message.starts_with("TLP:AMBER+STRICT goes to named"),
        "{message}"
    );
}

#[test]
fn seen_forwards() {
    let seen = |first, last| {
        Assertion::try_from(Fields {
            first_seen: time(first),
            last_seen: time(last),
            ..draft(Tlp::Clear)
        })
    };
    assert!(seen(5, 5).is_ok());
    assert_eq!(seen(6, 5), Err(AssertionError::SeenBackwards));
}

#[test]
fn a_release_never_carries_local_fields() {
    let assertion = Assertion::try_from(full()).unwrap();
    for bits in 0..=u8::MAX {
        let Some(stripped) = Projection::from_bits(bits) else {
            assert!(bits >= 128);
            continue;
        };
        let released = assertion.released(stripped);
        assert_eq!(released.local, None);
        for (name, field, kept) in [
            (
                "description",
                Projection::DESCRIPTION,
                released.description.is_some(),
            ),
            ("loss", Projection::LOSS, released.loss.is_some()),
            (
                "references",
                Projection::REFERENCES,
                !released.references.is_empty(),
            ),
            ("tags", Projection::TAGS, !released.tags.is_empty()),
            (
                "legal_basis",
                Projection::LEGAL_BASIS,
                released.legal_basis.is_some(),
            ),
            (
                "countries",
                Projection::COUNTRIES,
                !released.countries.is_empty(),
            ),
            ("times", Projection::TIMES, released.last_seen.is_some()),
        ] {
            assert_eq!(kept, !stripped.contains(field), "{name} of {stripped:?}");
        }
        assert_eq!(released.valid_until, assertion.valid_until);
        assert_eq!(
            Assertion::try_from(released.clone().into_draft()),
            Ok(released)
        );
        assert_eq!(stripped.to_string().parse(), Ok(stripped));
    }
    assert_eq!(
        "description, value".parse::<Projection>(),
        Err(UnknownField)
    );
}

#[test]
fn news_is_more_than_a_date() {
    let base = Assertion::try_from(full()).unwrap();
    type Change = fn(&mut Fields);
    let rows: [(&str, Change, bool); 10] = [
        ("nothing", |_| {}, false),
        (
            "valid nearly a day longer",
            |draft| draft.valid_until = time(2_000_000 + DAY - 1),
            false,
        ),
        (
            "valid for a day less",
            |draft| draft.valid_until = time(2_000_000 - DAY),
            true,
        ),
        (
            "no longer says until when",
            |draft| draft.valid_until = None,
            false,
        ),
        ("first seen", |draft| draft.first_seen = None, false),
        (
            "seen nearly a day later",
            |draft| draft.last_seen = time(900_000 + DAY - 1),
            false,
        ),
        (
            "seen a day later",
            |draft| draft.last_seen = time(900_000 + DAY),
            true,
        ),
        (
            "seen a day earlier",
            |draft| draft.last_seen = time(900_000 - DAY),
            true,
        ),
        ("no longer says when", |draft| draft.last_seen = None, false),
        ("scheme", |draft| draft.scheme = Scheme::Loan, true),
    ];
    for (what, change, news) in rows {
        let mut draft = full();
        change(&mut draft);
        let changed = Assertion::try_from(draft).unwrap();
        assert_eq!(changed.is_news(&base), news, "{what}");
    }
    let undated = Assertion::try_from(Fields {
        last_seen: None,
        ..full()
    })
    .unwrap();
    assert!(base.is_news(&undated), "the first to say when");
    let unbounded = Assertion::try_from(Fields {
        valid_until: None,
        ..full()
    })
    .unwrap();
    assert!(base.is_news(&unbounded), "the first to say until when");
}

#[test]
fn what_says_no_end_has_the_usual_one_of_its_kind() {
    let made = time(1_000_000).unwrap();
    let check = |last_seen, valid_until, kind, end: u64, renewed: Option<u64>| {
        let said = Assertion::try_from(Fields {
            first_seen: None,
            last_seen,
            valid_until,
            ..full()
        })
        .unwrap();
        assert_eq!(said.holds_until(kind, made).seconds(), end);
        let due = |at: u64| said.is_due_anew(kind, made, Timestamp::from_seconds(at).unwrap());
        match renewed {
            None => assert!(!due(1_000_000 + 99 * 365 * DAY)),
            Some(at) => assert_eq!((due(at - 1), due(at), due(0)), (false, true, false)),
        }
    };
    let half = 1_000_000 + 15 * DAY;
    check(None, None, Kind::Ip, 1_000_000 + 30 * DAY, Some(half));
    check(time(9), None, Kind::Ip, 9 + 30 * DAY, None);
    check(time(9), time(77), Kind::Ip, 77, None);
    check(None, time(77), Kind::Wallet, 77, None);
}

#[test]
fn the_wire_form_is_an_array_and_strict() {
    let plain = Assertion::try_from(draft(Tlp::Clear)).unwrap();
    let bytes = encode(&plain);
    // Fifteen elements: job, 80, clear, [], three nulls, reported, null, [], null, [], null, [], null.
    assert_eq!(
        bytes,
        [
            0x8f, 2, 0x18, 80, 0, 0x80, 0xf6, 0xf6, 0xf6, 0, 0xf6, 0x80, 0xf6, 0x80, 0xf6, 0x80,
            0xf6
        ]
    );
    assert_eq!(decode(&bytes, 64), Ok(plain));
    for (at, byte) in [(1, 0), (1, 19), (3, 101), (4, 5), (9, 2)] {
        let mut wrong = bytes.clone();
        wrong[at] = byte;
        let error = decode::<Assertion>(&wrong, 64);
        assert_eq!(error, Err(DecodeError::Malformed), "byte {at} is {byte}");
    }
    let mut amber_for_nobody = bytes;
    amber_for_nobody[4] = Tlp::Amber.number();
    assert!(decode::<Assertion>(&amber_for_nobody, 64).is_err());
}

#[test]
fn lists_out_of_order_are_refused() {
    let bytes = encode(&Assertion::try_from(full()).unwrap());
    let at = bytes
        .windows(6)
        .position(|pair| pair == b"\x62KH\x62TH")
        .unwrap();
    for pair in [
        b"\x62TH\x62KH",
        b"\x62KH\x62KH",
        b"\x62KH\x62th",
        b"\x62KH\x62XX",
    ] {
        let mut wrong = bytes.clone();
        wrong[at..at + 6].copy_from_slice(pair);
        assert_eq!(
            decode::<Assertion>(&wrong, 4096),
            Err(DecodeError::Malformed)
        );
    }
}

prop_compose! {
    fn any_draft()(
        (scheme, confidence, tlp) in (1..=18_u8, 0..=100_u8, 0..=4_u8),
        recipients in proptest::collection::vec("[A-Z]{2}(-[A-Z0-9]{1,5})?|[a-z][a-z0-9]{0,31}", 1..9),
        times in proptest::array::uniform3(proptest::option::of(0..253_402_300_800_u64)),
        predicted in any::<bool>(),
        loss in proptest::option::of(any::<u64>()),
        countries in proptest::collection::vec(proptest::sample::select(vec!["MY", "SG", "TH", "VN"]), 0..6),
        texts in proptest::collection::vec("[^\\p{Cc}]{0,16}", 5..9),
    ) -> Fields {
        let [first, last, until] = times;
        let text = |at: usize| texts.get(at).map(String::as_str).unwrap_or_default();
        let swap = matches!((first, last), (Some(first), Some(last)) if first > last);
        let (first, last) = if swap { (last, first) } else { (first, last) };
        Fields {
            releasable_to: BoundedVec::new(recipients.iter().map(|name| name.parse().unwrap()).collect()).unwrap(),
            first_seen: first.and_then(time),
            last_seen: last.and_then(time),
            valid_until: until.and_then(time),
            basis: if predicted { Basis::Predicted } else { Basis::Reported },
            loss: loss.map(|thousandths| Loss { thousandths, currency: "IDR".parse().unwrap() }),
            countries: list(&countries),
            legal_basis: BoundedText::new(text(0)).ok(),
            tags: BoundedVec::new(texts.iter().map(|text| BoundedText::new(text.as_str()).unwrap()).collect()).unwrap(),
            description: BoundedText::new(text(1)).ok(),
            references: BoundedVec::new(vec![BoundedText::new(text(2)).unwrap()]).unwrap(),
            local: Some(Local {
                case_number: BoundedText::new(text(3)).ok(),
                notes: BoundedText::new(text(4)).ok(),
                source: BoundedText::new(text(5)).ok(),
            }),
            ..Fields::new(
                Scheme::from_number(scheme).unwrap(),
                Confidence::try_from(confidence).unwrap(),
                Tlp::from_number(tlp).unwrap(),
            )
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(draft in any_draft()) {
        let assertion = Assertion::try_from(draft).unwrap();
        let bytes = encode(&assertion);
        prop_assert_eq!(decode(&bytes, 1 << 16), Ok(assertion));
    }

    #[test]
    fn changed_bytes_are_refused_or_canonical(
        draft in any_draft(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&Assertion::try_from(draft).unwrap());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(assertion) = decode::<Assertion>(&bytes, 1 << 16) {
            prop_assert_eq!(encode(&assertion), bytes);
        }
    }
}
