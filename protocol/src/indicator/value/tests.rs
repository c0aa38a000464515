use proptest::prelude::*;

use super::*;
use crate::encoding::{DecodeError, decode, encode};

const ANYWHERE: Reading = Reading {
    region: None,
    allow_private: false,
};

fn in_country(code: &str) -> Reading {
    Reading {
        region: code.parse().ok(),
        ..ANYWHERE
    }
}

#[test]
fn compared_by_what_is_meant() {
    for (kind, one, other, same) in [
        (Kind::SmsSender, "MyBank", "MYBANK", true),
        (Kind::SmsSender, "Straße", "STRASSE", true),
        (Kind::SmsSender, "ΟΔΟΣ", "οδος", true),
        (Kind::SmsSender, "MyBank", "MyBank1", false),
        (
            Kind::BankAccount,
            "TL38 0080 0123 4567 8910 157",
            "TL:008:0012345678910157",
            true,
        ),
        (
            Kind::BankAccount,
            "TL38 0080 0123 4567 8910 157",
            "TL:008:0012345678910158",
            false,
        ),
        (Kind::Handle, "other:Name", "other:name", false),
    ] {
        let key = |text| {
            let value = Value::parse(kind, text, &ANYWHERE).unwrap();
            value.comparison_key().into_owned()
        };
        assert_eq!(key(one) == key(other), same, "{one} and {other}");
    }
}

#[test]
fn countries_that_values_name() {
    for (kind, text, country) in [
        (Kind::Phone, "+60123456789", Some("MY")),
        (Kind::Phone, "+80012345678", None),
        (Kind::BankAccount, "SG:DBSSSGSG:0011234567", Some("SG")),
        (Kind::BankAccount, "TL380080012345678910157", Some("TL")),
        (Kind::Domain, "evil.sg", None),
    ] {
        let value = Value::from_canonical(kind, text).unwrap();
        let named = value.country();
        assert_eq!(named.as_ref().map(Country::as_str), country, "{text}");
    }
}

#[test]
fn only_the_canonical_form_is_taken_from_peers() {
    for (kind, text, error) in [
        (Kind::Phone, "+60123456789", None),
        (Kind::Phone, "+60 123456789", Some(ValueError::NotCanonical)),
        (Kind::Phone, "0123456789", Some(ValueError::PhoneRegion)),
        (Kind::Ip, "10.0.0.1", None),
        (Kind::Ip, "203.0.113.7/24", Some(ValueError::NotCanonical)),
        (Kind::Domain, "Evil.example", Some(ValueError::NotCanonical)),
        (Kind::Domain, "evil[.]example", Some(ValueError::DomainForm)),
        (
            Kind::Domain,
            " evil.example",
            Some(ValueError::NotCanonical),
        ),
        (Kind::Url, "evil.example/a", Some(ValueError::NotCanonical)),
        (
            Kind::SmsSender,
            "\u{feff}Bank",
            Some(ValueError::NotCanonical),
        ),
    ] {
        assert_eq!(Value::from_canonical(kind, text).err(), error, "{text:?}");
    }
}

#[test]
fn the_wire_form_is_a_pair() {
    let value = Value::parse(Kind::Domain, "Evil.example", &ANYWHERE).unwrap();
    let bytes = encode(&value);
    assert_eq!(bytes, b"\x82\x05\x6cevil.example");
    assert_eq!(decode(&bytes, 64), Ok(value));
    for (wrong, error) in [
        (&b"\x82\x05\x6cEvil.example"[..], DecodeError::Malformed),
        (b"\x82\x0c\x6cevil.example", DecodeError::Malformed),
        (b"\x82\x01\x6cevil.example", DecodeError::Malformed),
        (b"\x82\x18\x05\x6cevil.example", DecodeError::NotCanonical),
    ] {
        assert_eq!(decode::<Value>(wrong, 64), Err(error), "{wrong:02x?}");
    }
}

#[test]
fn detected() {
    for (written, region, found) in [
        ("hxxps://evil[.]example/a", "", "url https://evil.example/a"),
        ("evil.example/a", "", "url http://evil.example/a"),
        ("evil.example", "", "domain evil.example"),
        ("evil.example:8080", "", "url http://evil.example:8080/"),
        ("203.0.113.7", "", "ip 203.0.113.7"),
        ("203.0.113.0/24", "", "ip 203.0.113.0/24"),
        ("2001:db8::7", "", "ip 2001:db8::7"),
        ("a(at)evil.example", "", "email a@evil.example"),
        ("+60 12-345 6789", "", "phone +60123456789"),
        ("012-345 6789", "MY", "phone +60123456789"),
        ("tg:@Name_1", "", "handle telegram:name_1"),
        (
            "t.me/Name_1",
            "",
            "url http://t.me/Name_1, handle telegram:name_1",
        ),
        ("android:com.evil.app", "", "app android:com.evil.app"),
        (
            "TL38 0080 0123 4567 8910 157",
            "",
            "bank-account TL380080012345678910157",
        ),
        (
            "MY:MBBEMYKL:114012345678",
            "",
            "bank-account MY:MBBEMYKL:114012345678",
        ),
        (
            "d41d8cd98f00b204e9800998ecf8427e",
            "",
            "file md5:d41d8cd98f00b204e9800998ecf8427e",
        ),
        (
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "",
            "wallet btc:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        ),
        ("bareword", "", ""),
        ("pages.dev", "", ""),
        ("booking.com-id*", "", ""),
    ] {
        let values = Value::detect(written, &in_country(region));
        let shown: Vec<_> = values.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join(", "), found, "{written:?}");
    }
    let handles = Value::detect("@Name", &ANYWHERE);
    assert!(handles.iter().all(|value| value.kind() == Kind::Handle));
    assert_eq!(handles[0].as_str(), "telegram:name");
}

#[test]
fn errors_show_no_value() {
    let error = Value::parse(Kind::Phone, "+60123", &ANYWHERE).unwrap_err();
    assert!(!error.to_string().contains("60123"), "{error}");
}

fn any_kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

/// Text that has a chance to be something: pieces of values of every kind.
fn nearly() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(vec![
        "http",
        "hxxps",
        ":",
        "//",
        "/",
        ".",
        "[.]",
        "(at)",
        "[",
        "]",
        "@",
        "evil",
        "example",
        "xn--",
        "xn--80ak6aa92e",
        "com",
        "pages.dev",
        "+60",
        "12",
        "345",
        "6789",
        "-",
        " ",
        "0x",
        "TL38",
        "0080",
        "btc",
        "1A1zP1",
        "bc1q",
        "telegram",
        "android",
        "sha256",
        "?",
        "#",
        "%5B",
        "\\",
        "*",
        "ß",
        "例",
        "\u{200d}",
        "203",
        "::",
        "ffff:",
        "7",
        "\u{661}",
        "{dot}",
        "..",
        "_",
    ]);
    proptest::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn read_or_refused_and_then_stable(
        kind in any_kind(),
        text in prop_oneof![any::<String>(), nearly()],
        region in proptest::sample::select(vec!["MY", "SG", "TH", ""]),
        allow_private in any::<bool>(),
    ) {
        let how = Reading { allow_private, ..in_country(region) };
        for value in Value::detect(&text, &how) {
            prop_assert_eq!(Value::from_canonical(value.kind(), value.as_str()), Ok(value));
        }
        if let Ok(value) = Value::parse(kind, &text, &how) {
            prop_assert_eq!(Value::from_canonical(kind, value.as_str()), Ok(value.clone()));
            prop_assert_eq!(Value::parse(kind, value.as_str(), &how), Ok(value.clone()));
            prop_assert_eq!(decode(&encode(&value), 4096), Ok(value));
        }
        if let Ok(value) = Value::from_canonical(kind, &text) {
            prop_assert_eq!(value.as_str(), text);
        }
    }
}
