//! A kind and its canonical value.

mod detect;
mod error;
mod recognise;

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use error::ValueError;
pub use recognise::NotRecognised;

use super::defang::refang;
use super::{
    Country, Kind, app, bank_account, domain, email, file, handle, ip, phone, sms_sender, url,
    wallet,
};

/// The longest value, in bytes, as written and in canonical form.
pub const MAX_VALUE: usize = 2048;

/// What an indicator is about: a kind and the one canonical form of a value of that kind.
///
/// Its wire form is the pair of the kind's number and the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    kind: Kind,
    text: Box<str>,
}

/// What a reader of written values knows besides the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The country whose national forms are meant.
    pub region: Option<Country>,
    /// Whether addresses of private networks are taken.
    pub allow_private: bool,
}

impl Reading {
    /// How canonical values are read: they need no region, and who published a private address
    /// meant to.
    const CANONICAL: Self = Self {
        region: None,
        allow_private: true,
    };
}

impl Value {
    /// Reads a value in any written form: defanged, with spaces, national (if `how` has a region).
    pub fn parse(kind: Kind, written: &str, how: &Reading) -> Result<Self, ValueError> {
        let refanged = refang(tidy(written)?);
        Self::of(kind, canonical(kind, &refanged, how)?)
    }

    /// Reads a value that somebody is to be accused by: in one way only, or not at all.
    ///
    /// It takes what [`Value::parse`] takes, except where the reader does more than people see: where
    /// blanks or backslashes in a web address lead to another host, a word behind it says something
    /// else, or a range was written by one of the machines in it.
    pub fn accuse(kind: Kind, written: &str, how: &Reading) -> Result<Self, ValueError> {
        let refanged = refang(tidy(written)?);
        match kind {
            Kind::Url => url::check_characters(&refanged)?,
            Kind::Domain => domain::check_characters(&refanged)?,
            Kind::Email => email::check_characters(&refanged)?,
            Kind::Phone
            | Kind::SmsSender
            | Kind::BankAccount
            | Kind::Wallet
            | Kind::Handle
            | Kind::Ip
            | Kind::App
            | Kind::File => {}
        }
        let canonical = canonical(kind, &refanged, how)?;
        match kind {
            Kind::Url => url::as_written(&refanged, &canonical)?,
            Kind::Ip => ip::as_written(&refanged, &canonical)?,
            Kind::Email => email::as_written(&refanged)?,
            Kind::App => app::as_written(&canonical)?,
            Kind::Domain => domain::as_written(&canonical)?,
            Kind::Phone => phone::as_written(&refanged)?,
            Kind::SmsSender | Kind::BankAccount | Kind::Wallet | Kind::Handle | Kind::File => {}
        }
        Self::of(kind, canonical)
    }

    /// Reads a value that somebody is to be accused by, of a kind that its own form tells beyond
    /// doubt; see [`Value::detect`] for all that it could be.
    pub fn recognise(written: &str, how: &Reading) -> Result<Self, NotRecognised> {
        recognise::recognise(written, how)
    }

    /// Takes a canonical value, such as a peer sends, and refuses every other way to write it.
    pub fn from_canonical(kind: Kind, text: &str) -> Result<Self, ValueError> {
        let known = canonical(kind, tidy(text)?, &Reading::CANONICAL)?;
        if known == text {
            Self::of(kind, known)
        } else {
            Err(ValueError::NotCanonical)
        }
    }

    /// What a text whose kind is not given could be, the likeliest first.
    ///
    /// Never a sender name: any short text could be one, so who looks for one asks for the kind.
    #[must_use]
    pub fn detect(written: &str, how: &Reading) -> Vec<Self> {
        detect::detect(written, how)
    }

    fn of(kind: Kind, canonical: String) -> Result<Self, ValueError> {
        if canonical.len() > MAX_VALUE {
            return Err(ValueError::TooLong);
        }
        Ok(Self {
            kind,
            text: canonical.into(),
        })
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The canonical value.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// What two values of this kind are compared by: sender names regardless of case, an IBAN and
    /// the national form of its account alike, all others by the canonical value.
    #[must_use]
    pub fn comparison_key(&self) -> Cow<'_, str> {
        match self.kind {
            Kind::SmsSender => sms_sender::comparison_key(&self.text),
            Kind::BankAccount => bank_account::comparison_key(&self.text),
            Kind::Phone
            | Kind::Wallet
            | Kind::Domain
            | Kind::Url
            | Kind::Ip
            | Kind::Email
            | Kind::Handle
            | Kind::App
            | Kind::File => Cow::Borrowed(&self.text),
        }
    }

    /// The country that the value itself names: a telephone number's or a bank account's.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        match self.kind {
            Kind::Phone => phone::country(&self.text),
            Kind::BankAccount => bank_account::country(&self.text),
            Kind::SmsSender
            | Kind::Wallet
            | Kind::Domain
            | Kind::Url
            | Kind::Ip
            | Kind::Email
            | Kind::Handle
            | Kind::App
            | Kind::File => None,
        }
    }
}

fn canonical(kind: Kind, written: &str, how: &Reading) -> Result<String, ValueError> {
    match kind {
        Kind::Phone => phone::canonical(written, how),
        Kind::SmsSender => sms_sender::canonical(written),
        Kind::BankAccount => bank_account::canonical(written, how),
        Kind::Wallet => wallet::canonical(written),
        Kind::Domain => domain::canonical(written),
        Kind::Url => url::canonical(written, how),
        Kind::Ip => ip::canonical(written, how),
        Kind::Email => email::canonical(written),
        Kind::Handle => handle::canonical(written, how),
        Kind::App => app::canonical(written),
        Kind::File => file::canonical(written),
    }
}

/// Takes off what copying brings along at both ends, and refuses what no eye sees inside.
fn tidy(written: &str) -> Result<&str, ValueError> {
    if written.len() > MAX_VALUE {
        return Err(ValueError::TooLong);
    }
    let text = written.trim_matches(|c: char| c.is_whitespace() || invisible(c));
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if !text.is_ascii() && text.chars().any(invisible) || text.chars().any(char::is_control) {
        return Err(ValueError::Invisible);
    }
    Ok(text)
}

/// Whether a character takes no room, or turns the direction of those that follow. The joiners
/// U+200C and U+200D are not among them: names in several scripts need them.
const fn invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

impl fmt::Display for Value {
    /// The kind and the value, as commands take them: `phone +60123456789`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.text)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.kind.number(), &*self.text).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (number, text) = <(u8, Cow<'de, str>)>::deserialize(from)?;
        let kind = Kind::from_number(number).ok_or_else(|| D::Error::custom("unknown kind"))?;
        Self::from_canonical(kind, &text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
