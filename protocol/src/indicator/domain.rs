//! Domain and host names.
//!
//! Unicode names become ASCII by UTS 46 as the URL standard uses it (`idna`), so that a domain and a
//! URL's host never differ. What is a public suffix is Mozilla's list's to say (`psl`, compiled in);
//! its private section counts: `pages.dev` has as many owners as `com`.

use std::borrow::Cow;

use idna::AsciiDenyList;

use super::ValueError;

/// The longest name in DNS, in bytes.
const MAX_NAME: usize = 253;
/// The longest label of a name in DNS, in bytes.
const MAX_LABEL: usize = 63;

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    // A leading wildcard says what is meant anyway: a name and all below it.
    let name = host(written.strip_prefix("*.").unwrap_or(written))?;
    if is_public_suffix(&name) {
        return Err(ValueError::DomainSuffix);
    }
    Ok(name.into_owned())
}

/// A host's name in canonical form, which may be a public suffix of more than one label.
pub(super) fn host(written: &str) -> Result<Cow<'_, str>, ValueError> {
    let written = written.strip_suffix('.').unwrap_or(written);
    if written.contains('*') {
        return Err(ValueError::DomainWildcard);
    }
    let name = if is_plain(written) {
        Cow::Borrowed(written)
    } else {
        let ascii = idna::domain_to_ascii_cow(written.as_bytes(), AsciiDenyList::URL)
            .map_err(|_| ValueError::DomainForm)?;
        // Full-width dots and the like only show now.
        Cow::Owned(ascii.strip_suffix('.').unwrap_or(&ascii).to_owned())
    };
    if name.parse::<core::net::IpAddr>().is_ok() {
        return Err(ValueError::DomainAddress);
    }
    let label_fits = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    if name.len() > MAX_NAME || !name.split('.').all(label_fits) {
        return Err(ValueError::DomainForm);
    }
    match name.rsplit_once('.') {
        // A bare word is the default rule's suffix, if it isn't a machine in the next room.
        None => Err(ValueError::DomainSuffix),
        // Whatever ends in a number is read as an address by browsers, or not at all.
        Some((_, last)) if ends_as_number(last) => Err(ValueError::DomainAddress),
        Some(_) => Ok(name),
    }
}

/// Whether anybody may register names below this one.
pub(super) fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes()).is_none_or(|suffix| suffix.as_bytes().len() == name.len())
}

/// Whether a canonical name ends in an ending that is listed, or that is set apart for what needs no
/// registry (RFC 2606, RFC 7686). `setup.exe` does not.
pub(super) fn has_listed_ending(name: &str) -> bool {
    let set_apart = ["example", "test", "invalid", "onion"];
    name.rsplit('.')
        .next()
        .is_some_and(|last| set_apart.contains(&last))
        || psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// Refuses a name with a hyphen in front, as lists mark what was removed from them.
pub(super) fn as_written(canonical: &str) -> Result<(), ValueError> {
    if canonical.starts_with('-') {
        return Err(ValueError::DomainForm);
    }
    Ok(())
}

/// Refuses what UTS 46 leaves in names and IDNA 2008 does not (RFC 5892): symbols and punctuation of
/// any script, which stand around names or between two of them. To be asked before a name is read.
pub(super) fn check_characters(written: &str) -> Result<(), ValueError> {
    let in_names = |c: char| {
        c.is_ascii() || c.is_alphanumeric() || is_mark(c) || "\u{3002}\u{ff0e}\u{ff61}".contains(c)
    };
    if written.chars().all(in_names) {
        Ok(())
    } else {
        Err(ValueError::DomainSymbol)
    }
}

/// Whether a character is a mark on or within letters that is not alphabetic itself, in the scripts
/// that names are written in: accents, points, viramas, signs of tone and of voice.
const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{487}'
        | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{6d6}'..='\u{6dc}'
        | '\u{6df}'..='\u{6e8}'
        | '\u{6ea}'..='\u{6ed}'
        | '\u{711}'
        | '\u{730}'..='\u{74a}'
        | '\u{7a6}'..='\u{7b0}'
        | '\u{93c}'
        | '\u{94d}'
        | '\u{951}'..='\u{954}'
        | '\u{9bc}'
        | '\u{9cd}'
        | '\u{a3c}'
        | '\u{a4d}'
        | '\u{abc}'
        | '\u{acd}'
        | '\u{b3c}'
        | '\u{b4d}'
        | '\u{bcd}'
        | '\u{c4d}'
        | '\u{cbc}'
        | '\u{ccd}'
        | '\u{d3b}'..='\u{d3c}'
        | '\u{d4d}'
        | '\u{dca}'
        | '\u{e3a}'
        | '\u{e47}'..='\u{e4e}'
        | '\u{eba}'
        | '\u{ec8}'..='\u{ecd}'
        | '\u{f39}'
        | '\u{f84}'
        | '\u{1037}'
        | '\u{1039}'..='\u{103a}'
        | '\u{17d2}'
        | '\u{302a}'..='\u{302f}'
        | '\u{3099}'..='\u{309a}'
    )
}

/// Whether UTS 46 would leave the text as it is.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        && !text.split('.').any(|label| label.starts_with("xn--"))
}

/// The URL standard's "ends in a number".
fn ends_as_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|byte| byte.is_ascii_digit())
}
