//! Which kind a text is beyond doubt, when nobody says.
//!
//! [`detect`](super::detect) serves questions and gives all that a text could be. This serves
//! accusations: the form of the text names one kind, and that kind's reader takes all of it or
//! refuses it. No kind takes what the others leave.

use core::net::IpAddr;

use super::{Kind, Reading, Value, ValueError, tidy};
use crate::indicator::defang::refang;
use crate::indicator::{app, bank_account, domain, file, handle, url, wallet};

/// Why a text whose kind is not given is not taken as an accusation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotRecognised {
    /// No text that any kind could read.
    #[error(transparent)]
    Text(#[from] ValueError),
    /// Of one kind by its form, but not a value of it.
    #[error("as {kind}: {error}")]
    Value {
        /// The kind that the form tells.
        kind: Kind,
        /// What is wrong with it.
        error: ValueError,
    },
    /// `@name`: on which platform?
    #[error("the name of an account, but of which platform? write it out, as in telegram:NAME")]
    Platform,
    /// A platform's name that is a word of every day, too.
    #[error(
        "begins with an everyday word; if it is the platform, write it in small letters and \
         without a blank, as in line:NAME"
    )]
    EverydayWord,
    /// Digits: of a telephone, an account, a date?
    #[error("a number alone, which could be a telephone, an account, a date or a code")]
    Number,
    /// `OTP: 123456`.
    #[error("a word and a number, which could be an account, a reference or a code")]
    WordAndNumber,
    /// A word that has the length of an address without a checksum.
    #[error("could be a wallet's address, but has no checksum to tell; write its chain in front")]
    NoChecksum,
    /// A name under no ending that is listed.
    #[error("could be a name, but its ending is on no list of domain endings: a file's, perhaps")]
    UnlistedEnding,
    /// Nothing that is known.
    #[error("not recognised as any kind of indicator")]
    Unknown,
}

pub(super) fn recognise(written: &str, how: &Reading) -> Result<Value, NotRecognised> {
    let text = refang(tidy(written)?);
    let kind = form(&text)?;
    let value =
        Value::accuse(kind, &text, how).map_err(|error| NotRecognised::Value { kind, error })?;
    let bare_name = match kind {
        Kind::Domain => value.as_str(),
        // Without a scheme only its name shows that it is an address.
        Kind::Url if !text.contains("://") => {
            let (_, rest) = value.as_str().split_once("://").unwrap_or_default();
            url::host_of(rest)
        }
        _ => return Ok(value),
    };
    let is_address = bare_name.starts_with('[') || bare_name.parse::<IpAddr>().is_ok();
    if is_address || domain::has_listed_ending(bare_name) {
        Ok(value)
    } else {
        Err(NotRecognised::UnlistedEnding)
    }
}

/// The kind that the form of a text tells.
fn form(text: &str) -> Result<Kind, NotRecognised> {
    let before = text.split('/').next().unwrap_or(text);
    if text.contains("://") {
        return Ok(Kind::Url);
    }
    if text.starts_with('@') {
        return Err(NotRecognised::Platform);
    }
    if before.trim().parse::<IpAddr>().is_ok() {
        let page = text.get(before.len() + 1..);
        // Behind an address, digits are the length of a range, and no page.
        let is_page = |page: &str| page.is_empty() || page.chars().any(char::is_alphabetic);
        return Ok(if page.is_some_and(is_page) {
            Kind::Url
        } else {
            Kind::Ip
        });
    }
    if let Some((word, rest)) = text.split_once([':', '='])
        && let Some(told) = by_word(word, rest, text)
    {
        return told;
    }
    if text.contains(['/', '?']) {
        return page(text);
    }
    if text.contains('@') {
        return Ok(Kind::Email);
    }
    if text.contains(':') {
        return with_colon(text);
    }
    alone(text)
}

/// The kind that the word before a colon names; none if it names none.
fn by_word(word: &str, rest: &str, text: &str) -> Option<Result<Kind, NotRecognised>> {
    let name = word.trim().to_ascii_lowercase();
    if file::is_algorithm(&name) {
        return Some(Ok(Kind::File));
    }
    // Only hashes have `=` there.
    if text.get(word.len()..)?.starts_with('=') {
        return None;
    }
    if app::is_system(&name) {
        return Some(Ok(Kind::App));
    }
    if wallet::is_chain(&name) {
        return Some(Ok(Kind::Wallet));
    }
    if let Some(platform) = handle::word(&name) {
        let written_out = word == name
            && !rest.starts_with(char::is_whitespace)
            && !rest.bytes().all(|byte| byte.is_ascii_digit());
        return Some(match platform {
            handle::Word::Everyday if !written_out => Err(NotRecognised::EverydayWord),
            handle::Word::Everyday | handle::Word::Platform => Ok(Kind::Handle),
        });
    }
    match &*name {
        "mailto" => Some(Ok(Kind::Email)),
        "iban" => Some(Ok(Kind::BankAccount)),
        "tel" if is_international(rest) => Some(Ok(Kind::Phone)),
        _ => None,
    }
}

/// A page of a host, written without a scheme.
fn page(text: &str) -> Result<Kind, NotRecognised> {
    if !text.chars().any(char::is_alphabetic) {
        return Err(with_digits(NotRecognised::Number, text));
    }
    let rest = text.strip_prefix("//").unwrap_or(text);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    if authority.contains('@') {
        Ok(Kind::Email)
    } else if has_dot(authority) || authority.starts_with('[') {
        Ok(Kind::Url)
    } else {
        Err(NotRecognised::Unknown)
    }
}

/// A text with a colon and no page: an account, a host and its port, or a word and a number.
fn with_colon(text: &str) -> Result<Kind, NotRecognised> {
    if bank_account::is_unmistakable(text) {
        return Ok(Kind::BankAccount);
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(NotRecognised::Unknown);
    };
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    // `Ref.no:8877` is a number, and no server in Norway.
    let number_of = host.to_ascii_lowercase().ends_with(".no");
    let is_host = has_dot(host) && !host.contains(':') && !number_of;
    if text.starts_with('[') || is_port && is_host {
        return Ok(Kind::Url);
    }
    let address = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    if text.matches(':').count() > 1 && text.contains("::") && text.chars().all(address) {
        return Ok(Kind::Ip);
    }
    Err(with_digits(NotRecognised::WordAndNumber, text))
}

/// A text without any of the marks that tell: an address, a hash, a number or a name.
fn alone(text: &str) -> Result<Kind, NotRecognised> {
    if is_international(text) {
        return Ok(Kind::Phone);
    }
    if !text.chars().any(char::is_alphabetic) {
        let parts: Vec<_> = text.split('.').collect();
        let number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        return match parts.as_slice() {
            [_, _, _, _] if parts.iter().all(number) => Ok(Kind::Ip),
            _ => Err(with_digits(NotRecognised::Number, text)),
        };
    }
    if file::is_bare_hash(text) {
        return Ok(Kind::File);
    }
    if bank_account::is_unmistakable(text) {
        return Ok(Kind::BankAccount);
    }
    match wallet::bare(text) {
        Some(wallet::Bare::Told) => return Ok(Kind::Wallet),
        Some(wallet::Bare::Possible) => return Err(NotRecognised::NoChecksum),
        None => {}
    }
    if has_dot(text) && !text.contains(char::is_whitespace) {
        Ok(Kind::Domain)
    } else if bank_account::begins_as_iban(text) {
        Ok(Kind::BankAccount)
    } else {
        Err(NotRecognised::Unknown)
    }
}

/// Why a text with a digit in it is not taken; without one it is nothing that is known.
fn with_digits(why: NotRecognised, text: &str) -> NotRecognised {
    if text.chars().any(char::is_numeric) {
        why
    } else {
        NotRecognised::Unknown
    }
}

/// Whether a number says its country.
fn is_international(text: &str) -> bool {
    text.trim_start_matches(['(', ' ']).starts_with(['+', '＋'])
}

/// Whether a text has a dot between labels, in any of the forms that UTS 46 takes for one.
fn has_dot(text: &str) -> bool {
    text.contains(['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'])
}

#[cfg(test)]
mod tests {
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
    fn unmistakable() {
        check(&[
            ("hxxps://evil[.]example/a", Ok("url https://evil.example/a")),
            ("https://t.me/Name_1", Ok("url https://t.me/Name_1")),
            (
                "https://evil.example/a%20b%5Cc",
                Ok("url https://evil.example/a%20b%5Cc"),
            ),
            ("evil.example/a", Ok("url http://evil.example/a")),
            ("//evil.example/a", Ok("url http://evil.example/a")),
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
        for text in ["https://evil.example/a\tb", "https://evil.example/a\nb"] {
            check(&[(text, Err(NotRecognised::Text(ValueError::Invisible)))]);
        }
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
                "TL38 0080 0123 4567 8910 158",
                as_kind(Kind::BankAccount, ValueError::IbanChecksum),
            ),
        ]);
    }
}
