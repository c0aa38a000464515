use super::*;

/// Everywhere, even where national numbers could be read.
fn check(rows: &[(&str, Result<&str, NotRecognised>)]) {
    for region in [None, "MY".parse().ok(), "US".parse().ok()] {
        let how = Reading {
            region,
            allow_private: false,
        };
        for (written, expected) in rows {
            let found = recognise(written, &how).map(|value| value.to_string());
            let expected = expected.map(str::to_owned);
            assert_eq!(found, expected, "{written:?} in {region:?}");
        }
    }
}

fn as_kind(kind: Kind, error: ValueError) -> Result<&'static str, NotRecognised> {
    Err(NotRecognised::Value { kind, error })
}

#[test]
fn unmistakable_pages() {
    check(&[
        ("hxxps://evil[.]example/a", Ok("url https://evil.example/a")),
        ("https://t.me/Name_1", Ok("url https://t.me/Name_1")),
        (
            "https://evil.example/a%20b%5Cc",
            Ok("url https://evil.example/a%20b%5Cc"),
        ),
        ("evil.example/a", Ok("url http://evil.example/a")),
        ("https://evil.example//a", Ok("url https://evil.example//a")),
        (
            "evil.example/?to=https://bank.example/",
            Ok("url http://evil.example/?to=https://bank.example/"),
        ),
        ("ftp://evil.example/a", Ok("url ftp://evil.example/a")),
        ("fxp://evil.example/a", Ok("url ftp://evil.example/a")),
        (
            "https://evil.example/?a=1,2,3",
            Ok("url https://evil.example/?a=1,2,3"),
        ),
        (
            "https://evil.example/b,c/d",
            Ok("url https://evil.example/b,c/d"),
        ),
        (
            "https://evil.example/news,2026.html",
            Ok("url https://evil.example/news,2026.html"),
        ),
        (
            "https://evil.example/a_(b)",
            Ok("url https://evil.example/a_(b)"),
        ),
        (
            "https://evil.example/?a=b#top",
            Ok("url https://evil.example/?a=b"),
        ),
        ("https://evil.example/#", Ok("url https://evil.example/")),
        ("t.example/12345", Ok("url http://t.example/12345")),
        ("evil.example?12345", Ok("url http://evil.example/?12345")),
        ("Evil.example/a1", Ok("url http://evil.example/a1")),
        ("https://evil.no:8080/", Ok("url https://evil.no:8080/")),
        ("\u{9ed1}\u{8c93}2.top", Ok("domain xn--2-dt2dj41c.top")),
        (
            "\u{915}\u{94d}\u{937}.example",
            Ok("domain xn--11b2ezc.example"),
        ),
        ("shop.evil.id:8080", Ok("url http://shop.evil.id:8080/")),
        ("evil.example/a#top", Ok("url http://evil.example/a")),
        (
            "https://evil.example/a#:~:text=x/y",
            Ok("url https://evil.example/a"),
        ),
        ("evil.example?a=1", Ok("url http://evil.example/?a=1")),
        (
            "evil.example/@name.example",
            Ok("url http://evil.example/@name.example"),
        ),
        ("evil.example:8080", Ok("url http://evil.example:8080/")),
        ("203.0.113.7:8080", Ok("url http://203.0.113.7:8080/")),
        ("203.0.113.7/a", Ok("url http://203.0.113.7/a")),
        ("203.0.113.7/", Ok("url http://203.0.113.7/")),
        ("[2001:db8::7]:8080", Ok("url http://[2001:db8::7]:8080/")),
        ("[2001:db8::7]", Ok("url http://[2001:db8::7]/")),
    ]);
}

#[test]
fn unmistakable_names_and_numbers() {
    check(&[
        ("evil.example", Ok("domain evil.example")),
        ("*.Evil.example.", Ok("domain evil.example")),
        ("evil。example", Ok("domain evil.example")),
        ("evil.onion", Ok("domain evil.onion")),
        ("203.0.113.7", Ok("ip 203.0.113.7")),
        ("203.0.113.0/24", Ok("ip 203.0.113.0/24")),
        ("203.0.113.7/32", Ok("ip 203.0.113.7")),
        ("2001:db8::7", Ok("ip 2001:db8::7")),
        ("fb::1", Ok("ip fb::1")),
        ("2001:db8::/32", Ok("ip 2001:db8::/32")),
        ("a(at)evil.example", Ok("email a@evil.example")),
        ("mailto:a@evil.example", Ok("email a@evil.example")),
        ("+60 12-345 6789", Ok("phone +60123456789")),
        ("(+60) 12-345 6789", Ok("phone +60123456789")),
        ("tel:+60123456789", Ok("phone +60123456789")),
        ("Telegram: @Name_1", Ok("handle telegram:name_1")),
        ("tg:name_1", Ok("handle telegram:name_1")),
        ("line:evil-1", Ok("handle line:evil-1")),
        ("other:Evil 1", Ok("handle other:Evil 1")),
        ("android:com.evil.app", Ok("app android:com.evil.app")),
        (
            "TL38 0080 0123 4567 8910 157",
            Ok("bank-account TL380080012345678910157"),
        ),
        (
            "IBAN: TL380080012345678910157",
            Ok("bank-account TL380080012345678910157"),
        ),
        (
            "MY:MBBEMYKL:1140-12345678",
            Ok("bank-account MY:MBBEMYKL:114012345678"),
        ),
        (
            "MD5: d41d8cd98f00b204e9800998ecf8427e",
            Ok("file md5:d41d8cd98f00b204e9800998ecf8427e"),
        ),
        (
            "d41d8cd98f00b204e9800998ecf8427e",
            Ok("file md5:d41d8cd98f00b204e9800998ecf8427e"),
        ),
        (
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            Ok("wallet btc:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ),
        (
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            Ok("wallet eth:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ),
        (
            "sol:So11111111111111111111111111111111111111112",
            Ok("wallet sol:So11111111111111111111111111111111111111112"),
        ),
    ]);
}

#[test]
fn words_and_numbers_are_no_accounts() {
    use NotRecognised::{EverydayWord, Number, WordAndNumber};
    for text in [
        "OTP: 123456",
        "OTP:123456",
        "Tel:12345",
        "tel: 0123456789",
        "Ref:998877",
        "PIN:1234",
        "MY:12345",
        "MY:27:114012345678",
        "MY:MAYBANK:114012345678",
        "ID:OTP:123456",
        "my:mbbemykl:114012345678",
        "SG:MBBEMYKL:114012345678",
        "MBBEMYKL:114012345678",
        "CUSTOMER:123456",
        "TRACKING: 123456789",
        "Acc no: 114-0123-45678",
        "Ref.no:8877",
        "order.id:8877",
        "Art.Nr:4711",
        "No.Tel:15999",
        "P.O.Box:1234",
        "Acc.no/114012345678",
        "Acc.no/1140-1234-5678",
        "I.C.No/123456",
        "Ref.no?8877",
        "ref.no:8877/",
        "p.o.box:1234",
        "my.tel/15999",
        "Evil.com:8080",
        "12:34:56",
        "12:30",
    ] {
        check(&[(text, Err(WordAndNumber))]);
    }
    for text in [
        "123456",
        "012-345 6789",
        "(202) 555-0123",
        "0060123456789",
        "12/05/2026",
        "31-12-2026",
        "1.2",
        "24/7",
        "203.0.113.7 10",
        "203.0.113.7-203.0.113.9",
        "3405803783",
        "+60123456789/8",
    ] {
        check(&[(text, Err(Number))]);
    }
    for text in [
        "Line: 12345",
        "line:12345",
        "X: 5",
        "Other: none",
        "Signal: strong",
        "LINE:a",
    ] {
        check(&[(text, Err(EverydayWord))]);
    }
}

#[test]
fn no_kind_takes_what_others_leave() {
    use NotRecognised::{NoChecksum, Platform, Text, Unknown, UnlistedEnding};
    for text in [
        "bareword",
        "two words",
        "somebody:anybody",
        "??",
        "N/A",
        "a/c",
        "see evil.example for more",
        "domain:evil.example",
        "x@y:z?",
    ] {
        let found = recognise(text, &Reading::default());
        assert!(found.is_err(), "{text}: {found:?}");
    }
    check(&[
        ("bareword", Err(Unknown)),
        ("somebody:anybody", Err(Unknown)),
        ("N/A", Err(Unknown)),
        ("@name", Err(Platform)),
        ("@@||bank.example^", Err(Platform)),
        ("@some name!", Err(Platform)),
        ("setup.exe", Err(UnlistedEnding)),
        ("Mr.Smith", Err(UnlistedEnding)),
        ("index.html/a", Err(UnlistedEnding)),
        ("setup.exe:8080", Err(UnlistedEnding)),
        (
            "So11111111111111111111111111111111111111112",
            Err(NoChecksum),
        ),
        ("evil\u{200b}.example", Err(Text(ValueError::Invisible))),
        ("", Err(Text(ValueError::Empty))),
    ]);
}

#[test]
fn read_otherwise_than_written() {
    for (text, error) in [
        ("https://evil.example/a b", ValueError::UrlBlank),
        ("https://evil.example/a\u{a0}b", ValueError::UrlBlank),
        ("https://evil.example/\u{3000}b", ValueError::UrlBlank),
        ("https://evil.example/\u{2800}", ValueError::UrlBlank),
        ("see https://evil.example/", ValueError::UrlBlank),
        ("evil.example/a b", ValueError::UrlBlank),
        (
            "https://evil.example\\@bank.example/",
            ValueError::UrlBackslash,
        ),
        ("https:\\\\evil.example://", ValueError::UrlBackslash),
        ("https://evil.example/a\\b", ValueError::UrlBackslash),
        ("evil.example/a\\b", ValueError::UrlBackslash),
        ("https://evil.example/#/scam", ValueError::UrlFragment),
        ("https://evil.example/#!scam", ValueError::UrlFragment),
        ("evil.example/a#page=2", ValueError::UrlFragment),
        ("https://signal.group/#CjQK", ValueError::UrlFragment),
        ("https://matrix.to/#@x", ValueError::UrlFragment),
        ("https://evil.example#top", ValueError::UrlFragment),
        ("https://203.0.113.7#evil.example", ValueError::UrlFragment),
        ("https://evil.example/#:~:text=x", ValueError::UrlFragment),
    ] {
        check(&[(text, as_kind(Kind::Url, error))]);
    }
    for text in ["https://evil.example/a\tb", "https://evil.example/a\nb"] {
        check(&[(text, Err(NotRecognised::Text(ValueError::Invisible)))]);
    }
}

#[test]
fn more_than_one_address() {
    for (text, error) in [
        ("//evil.example/a", ValueError::UrlSlashes),
        ("//evil.example", ValueError::UrlSlashes),
        ("bank.example//safe", ValueError::UrlSlashes),
        ("com.bank.app://login", ValueError::UrlScheme),
        ("bank.com://evil.com/", ValueError::UrlScheme),
        ("evil.com/https://bank.com/", ValueError::UrlSlashes),
        ("https://evil.com/https://bank.com/", ValueError::UrlSeveral),
        (
            "https://evil.com/,https://bank.com/",
            ValueError::UrlSeveral,
        ),
        (
            "https://evil.com/->https://bank.com/",
            ValueError::UrlSeveral,
        ),
        ("https://evil.com/a->bank.com", ValueError::UrlSeveral),
        ("https://evil.com/a\u{2192}bank.com", ValueError::UrlSeveral),
        ("evil.com/a=>bank.com", ValueError::UrlSeveral),
        ("https://bank.com/,0", ValueError::UrlTrailing),
        ("https://bank.com/login,0", ValueError::UrlTrailing),
        ("https://evil.com/login,phishing", ValueError::UrlTrailing),
        ("https://evil.com/login;phishing", ValueError::UrlTrailing),
        ("https://evil.com/?a=1,benign", ValueError::UrlTrailing),
        ("https://evil.com/login,", ValueError::UrlTrailing),
        ("https://evil.com/login;", ValueError::UrlTrailing),
        ("https://evil.com/login)", ValueError::UrlTrailing),
        ("https://evil.com/login|", ValueError::UrlTrailing),
        ("https://evil.com/|phishing", ValueError::UrlTrailing),
        (
            "https://bank.com\u{2044}a.evil.com/",
            ValueError::DomainSymbol,
        ),
        ("https://\u{2713}evil.com/", ValueError::DomainSymbol),
        ("https:///evil.example/", ValueError::UrlHost),
        ("http://0xcb007107/a", ValueError::UrlDisguised),
        ("http://3405803783/", ValueError::UrlDisguised),
        ("http://0313.0.0161.7/", ValueError::UrlDisguised),
        ("http://203.28935/", ValueError::UrlDisguised),
        ("http://ev%69l.example/", ValueError::UrlDisguised),
        ("http://-evil.example/", ValueError::UrlDisguised),
        ("javascript://evil.example/", ValueError::UrlScheme),
    ] {
        check(&[(text, as_kind(Kind::Url, error))]);
    }
}

#[test]
fn other_kinds_that_are_refused() {
    check(&[
        ("203.0.113.7/24", as_kind(Kind::Ip, ValueError::IpHostBits)),
        ("2001:db8::7/64", as_kind(Kind::Ip, ValueError::IpHostBits)),
        ("203.0.113.7/33", as_kind(Kind::Ip, ValueError::IpForm)),
        (
            "203.0.113.0/255.255.255.0",
            as_kind(Kind::Ip, ValueError::IpForm),
        ),
        ("300.1.1.1", as_kind(Kind::Ip, ValueError::IpForm)),
        ("0.0.0.0", as_kind(Kind::Ip, ValueError::IpUnspecified)),
        (
            "*@evil.example",
            as_kind(Kind::Email, ValueError::EmailWildcard),
        ),
        (
            "Telegram @evil.example",
            as_kind(Kind::Email, ValueError::EmailForm),
        ),
        (
            "user@evil.example/a",
            as_kind(Kind::Email, ValueError::DomainForm),
        ),
        ("iOS: 16.4.1", as_kind(Kind::App, ValueError::AppForm)),
        (
            "-evil.example",
            as_kind(Kind::Domain, ValueError::DomainForm),
        ),
        ("co.uk", as_kind(Kind::Domain, ValueError::DomainSuffix)),
        (
            "+49 30 123456 (2)",
            as_kind(Kind::Phone, ValueError::PhoneSeveral),
        ),
        (
            "a@\u{2713}evil.com",
            as_kind(Kind::Email, ValueError::DomainSymbol),
        ),
        (
            "TL38 0080 0123 4567 8910 158",
            as_kind(Kind::BankAccount, ValueError::IbanChecksum),
        ),
    ]);
}

#[test]
fn symbols_in_names() {
    for text in [
        "\u{2022}evil.com",
        "\u{2192}evil.com",
        "\u{2713}bank.com",
        "\u{201c}evil.com",
        "evil.com\u{3001}bank.com",
        "bank.com\u{2013}evil.com",
        "bank.com\u{b7}evil.com",
        "\u{964}evil.com",
    ] {
        check(&[(text, as_kind(Kind::Domain, ValueError::DomainSymbol))]);
    }
}

#[test]
fn numbers_with_more_behind() {
    let how = Reading {
        region: "DE".parse().ok(),
        allow_private: false,
    };
    let read = |text| Value::accuse(Kind::Phone, text, &how).map(|value| value.to_string());
    for text in ["+49 (0)30 12345678", "(030) 12345678", "030/12345678"] {
        assert_eq!(read(text), Ok("phone +493012345678".into()), "{text}");
    }
    for text in ["+49 30 123456 (2)", "030 123456 (78)", "030 1234567/8"] {
        assert_eq!(read(text), Err(ValueError::PhoneSeveral), "{text}");
    }
}
