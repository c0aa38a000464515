//! What was done to a value between the file and the indicator, for those who check the reading.

use std::fmt;

use kentong_protocol::indicator::{Kind, Value, refang};
use serde::Serialize;

/// One difference between what was written and what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// `evil[.]example`
    Refanged,
    /// A link to an account, an application or a mailbox.
    FromLink,
    /// `*.evil.example`
    WildcardDropped,
    /// `evil.example.`
    FinalDotDropped,
    /// `evil.example/a`
    SchemeAdded,
    /// `https://evil.example/#a`
    FragmentDropped,
    /// `0x…` or `d41d…`
    NameAdded,
    /// `+60 12-345 6789`
    MarksDropped,
    /// `012-345 6789`
    MadeInternational,
    /// `bücher.example`
    MadeAscii,
    /// `Evil.Example`
    SmallLetters,
    /// All else that the kind's standard asks for.
    Standardised,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refanged => "defanging undone",
            Self::FromLink => "taken out of a link",
            Self::WildcardDropped => "`*.` in front dropped",
            Self::FinalDotDropped => "dot at the end dropped",
            Self::SchemeAdded => "http:// put in front",
            Self::FragmentDropped => "`#` and all behind it dropped",
            Self::NameAdded => "chain or hash told by its form",
            Self::MarksDropped => "blanks and marks dropped",
            Self::MadeInternational => "national number made international",
            Self::MadeAscii => "name in other letters written as xn--",
            Self::SmallLetters => "in small letters",
            Self::Standardised => "in its standard form",
        })
    }
}

/// What made the value of the written text; empty if nothing did.
pub(super) fn between(written: &str, value: &Value) -> Vec<Change> {
    let read = value.as_str();
    let mut steps = Steps {
        text: written.trim().to_owned(),
        done: Vec::new(),
    };
    let whole = refang(&steps.text).into_owned();
    steps.step(Change::Refanged, whole);
    for scheme in ["mailto:", "tel:"] {
        if is_link(&steps.text, scheme) {
            let inside = steps
                .text
                .get(scheme.len()..)
                .unwrap_or_default()
                .to_owned();
            steps.step(Change::FromLink, inside);
        }
    }
    match value.kind() {
        Kind::Domain => name(&mut steps, read),
        Kind::Url => address(&mut steps, read),
        Kind::Phone if steps.text.starts_with(['+', '(']) => {
            steps.keep(Change::MarksDropped, |c| c == '+' || c.is_ascii_digit());
        }
        Kind::Phone => steps.step(Change::MadeInternational, read.to_owned()),
        Kind::BankAccount => {
            steps.keep(Change::MarksDropped, |c| {
                c == ':' || c.is_ascii_alphanumeric()
            });
        }
        Kind::Wallet | Kind::File if !steps.text.contains([':', '=']) => {
            let name = read.split(':').next().unwrap_or_default();
            let named = format!("{name}:{}", steps.text);
            steps.step(Change::NameAdded, named);
        }
        Kind::Handle | Kind::App if steps.text.contains('/') => {
            steps.step(Change::FromLink, read.to_owned());
        }
        Kind::Email
        | Kind::Handle
        | Kind::App
        | Kind::Wallet
        | Kind::File
        | Kind::Ip
        | Kind::SmsSender => {}
    }
    if steps.text.to_ascii_lowercase() == read {
        steps.step(Change::SmallLetters, read.to_owned());
    }
    steps.step(Change::Standardised, read.to_owned());
    steps.done
}

fn name(steps: &mut Steps, read: &str) {
    let text = steps.text.strip_prefix("*.").unwrap_or(&steps.text);
    let (text, bare) = (
        text.to_owned(),
        text.strip_suffix('.').unwrap_or(text).to_owned(),
    );
    steps.step(Change::WildcardDropped, text);
    steps.step(Change::FinalDotDropped, bare);
    if !steps.text.is_ascii() {
        steps.step(Change::MadeAscii, read.to_owned());
    }
}

fn address(steps: &mut Steps, read: &str) {
    if !steps.text.contains("://") {
        let rest = steps.text.strip_prefix("//").unwrap_or(&steps.text);
        steps.step(Change::SchemeAdded, format!("http://{rest}"));
    }
    let page = steps.text.split('#').next().unwrap_or_default().to_owned();
    steps.step(Change::FragmentDropped, page);
    // That a host alone has the page `/` is nothing to look at.
    let rest = steps.text.split_once("://").map_or("", |(_, rest)| rest);
    if !rest.contains(['/', '?']) {
        steps.text.push('/');
    }
    let host = |text: &str| {
        let (_, rest) = text.split_once("://")?;
        rest.split(['/', '?']).next().map(str::to_owned)
    };
    if let (Some(written), Some(host)) = (host(&steps.text), host(read)) {
        let with_host = steps.text.replacen(&written, &host, 1);
        if !written.is_ascii() {
            steps.step(Change::MadeAscii, with_host);
        } else if written.eq_ignore_ascii_case(&host) {
            steps.step(Change::SmallLetters, with_host);
        }
    }
}

fn is_link(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// A text on its way from what was written to what was read.
struct Steps {
    text: String,
    done: Vec<Change>,
}

impl Steps {
    fn step(&mut self, change: Change, text: String) {
        if self.text != text {
            self.text = text;
            if !self.done.contains(&change) {
                self.done.push(change);
            }
        }
    }

    fn keep(&mut self, change: Change, kept: impl Fn(char) -> bool) {
        let text = self.text.chars().filter(|c| kept(*c)).collect();
        self.step(change, text);
    }
}

#[cfg(test)]
mod tests {
    use kentong_protocol::indicator::Reading;

    use super::*;

    #[test]
    fn done_to_values() {
        use Change::{
            FinalDotDropped, FragmentDropped, FromLink, MadeAscii, MadeInternational, MarksDropped,
            NameAdded, Refanged, SchemeAdded, SmallLetters, Standardised, WildcardDropped,
        };
        let reading = Reading {
            region: "MY".parse().ok(),
            allow_private: false,
        };
        for (kind, written, changes) in [
            (Kind::Domain, " evil.example ", &[][..]),
            (Kind::Domain, "Evil[.]example", &[Refanged, SmallLetters]),
            (
                Kind::Domain,
                "*.EVIL.example.",
                &[WildcardDropped, FinalDotDropped, SmallLetters],
            ),
            (Kind::Domain, "bücher.example", &[MadeAscii]),
            (Kind::Url, "https://evil.example/a", &[]),
            (Kind::Url, "https://evil.example", &[]),
            (
                Kind::Url,
                "hxxps://Evil.example/A",
                &[Refanged, SmallLetters],
            ),
            (Kind::Url, "evil.example:8080", &[SchemeAdded]),
            (Kind::Url, "https://evil.example/#a", &[FragmentDropped]),
            (Kind::Url, "https://bücher.example/a", &[MadeAscii]),
            (Kind::Url, "http://evil.example:80/a/../b", &[Standardised]),
            (Kind::Phone, "+60123456789", &[]),
            (Kind::Phone, "+60 12-345 6789", &[MarksDropped]),
            (Kind::Phone, "012-345 6789", &[MadeInternational]),
            (Kind::Phone, "tel:+60123456789", &[FromLink]),
            (
                Kind::BankAccount,
                "MY:MBBEMYKL:1140-12345678",
                &[MarksDropped],
            ),
            (Kind::BankAccount, "MBBEMYKL:114012345678", &[Standardised]),
            (Kind::File, "d41d8cd98f00b204e9800998ecf8427e", &[NameAdded]),
            (
                Kind::Wallet,
                "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
                &[NameAdded, Standardised],
            ),
            (Kind::Ip, "203.0.113.0/24", &[]),
            (Kind::Ip, "2001:DB8::7", &[SmallLetters]),
            (Kind::Ip, "::ffff:203.0.113.7", &[Standardised]),
            (
                Kind::Email,
                "mailto:A@evil.example",
                &[FromLink, SmallLetters],
            ),
            (Kind::Handle, "https://t.me/Evil", &[FromLink]),
            (Kind::Handle, "TG: Evil", &[Standardised]),
            (Kind::SmsSender, "MyBank", &[]),
        ] {
            let value = Value::parse(kind, written, &reading).unwrap();
            assert_eq!(between(written, &value), changes, "{written:?}");
        }
    }
}
