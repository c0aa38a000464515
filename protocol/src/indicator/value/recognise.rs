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
    let bare_name = if kind == Kind::Domain {
        value.as_str()
    } else if kind == Kind::Url && !text.contains("://") {
        // Without a scheme only its name shows that it is an address.
        let (_, rest) = value.as_str().split_once("://").unwrap_or_default();
        url::host_of(rest)
    } else {
        return Ok(value);
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
    if is_numbered(text) {
        return Err(NotRecognised::WordAndNumber);
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
    let is_host = has_dot(host) && !host.contains(':');
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

/// Whether digits alone stand behind a word that says of what they are the number, and that happens to
/// end as names do: `Ref.no:8877` and `order.id:8877` are no servers in Norway and Indonesia,
/// `P.O.Box/1234` is no page. Who means a server writes its scheme.
fn is_numbered(text: &str) -> bool {
    let (word, behind) = text.split_at(text.find([':', '/', '?']).unwrap_or(text.len()));
    let is_number =
        behind.chars().any(char::is_numeric) && !behind.chars().any(char::is_alphabetic);
    let Some((before, last)) = word.rsplit_once('.') else {
        return false;
    };
    let number_of = match last.to_ascii_lowercase().as_str() {
        "no" | "nr" | "tel" | "box" | "phone" | "mobi" | "fax" => true,
        // Registries whose servers lists have with their ports; of one label it is a word.
        "id" | "ac" | "ph" => !before.contains('.'),
        _ => word.contains(char::is_uppercase),
    };
    is_number && number_of
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
mod tests;
