//! Accounts at banks and payment institutions.
//!
//! Few of ASEAN's states have IBANs (Timor-Leste alone), so the canonical value is
//! `COUNTRY:INSTITUTION:DIGITS`. An IBAN stays an IBAN, since foreign systems ask for it; its
//! comparison key is the same account in the national form. `iban_validate` knows the structure of
//! each country's IBANs and where the bank's code lies in them, from SWIFT's registry.

use std::borrow::Cow;

use iban::{Iban, IbanLike as _, ParseBaseIbanError, ParseIbanError};

use super::{Country, Reading, ValueError};

pub(super) fn canonical(written: &str, how: &Reading) -> Result<String, ValueError> {
    let written = written.to_ascii_uppercase();
    let written = written.strip_prefix("IBAN").map_or(&*written, |rest| {
        rest.trim_start_matches([':', ' ', '\u{a0}'])
    });
    let parts: Vec<_> = written.split(':').map(without_marks).collect();
    match parts.as_slice() {
        [iban] if looks_like_iban(iban) => self::iban(iban),
        [country, institution, number] => {
            let country = country.parse().map_err(|_| ValueError::AccountCountry)?;
            national(country, institution, number)
        }
        // A BIC says its country; a bank's code needs to be told.
        [institution, number] => match bic_country(institution).or(how.region) {
            Some(country) => national(country, institution, number),
            None => Err(ValueError::AccountCountry),
        },
        _ => Err(ValueError::AccountForm),
    }
}

/// Without the marks that people put between groups of digits.
fn without_marks(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.' | '/'))
        .collect()
}

/// Two letters and two digits in front.
fn looks_like_iban(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, c, d, ..]
        if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit())
}

fn iban(text: &str) -> Result<String, ValueError> {
    let iban: Iban = text.parse().map_err(|error| match error {
        ParseIbanError::InvalidBaseIban {
            source: ParseBaseIbanError::InvalidChecksum,
        } => ValueError::IbanChecksum,
        ParseIbanError::InvalidBaseIban {
            source: ParseBaseIbanError::InvalidFormat,
        }
        | ParseIbanError::InvalidBban(_)
        | ParseIbanError::UnknownCountry(_) => ValueError::IbanForm,
    })?;
    // Every registered country is one of ours, but registries move apart.
    let country = iban.country_code().parse::<Country>();
    country.map_err(|_| ValueError::IbanForm)?;
    Ok(iban.electronic_str().to_owned())
}

fn national(country: Country, institution: &str, number: &str) -> Result<String, ValueError> {
    let alphanumeric = institution
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let bank_code = institution.bytes().all(|byte| byte.is_ascii_digit());
    if !alphanumeric || !(2..=11).contains(&institution.len()) {
        return Err(ValueError::AccountInstitution);
    }
    // What has a BIC's length and isn't a number is one, and says the country once more.
    if matches!(institution.len(), 8 | 11)
        && !bank_code
        && bic_country(institution) != Some(country)
    {
        return Err(ValueError::AccountInstitution);
    }
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ValueError::AccountDigits);
    }
    if !(5..=20).contains(&number.len()) {
        return Err(ValueError::AccountLength);
    }
    // A BIC with XXX names the head office, as the one without does.
    let institution = match institution.strip_suffix("XXX") {
        Some(head_office) if head_office.len() == 8 => head_office,
        _ => institution,
    };
    Ok(format!("{country}:{institution}:{number}"))
}

/// The country in a BIC: four letters of the bank, two of the country, then two or five more.
fn bic_country(text: &str) -> Option<Country> {
    let bank = text.get(..4)?;
    if !matches!(text.len(), 8 | 11) || !bank.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    text.get(4..6)?.parse().ok()
}

/// Whether a text without its kind can only be an account: an IBAN whose check digits fit, or
/// `COUNTRY:BIC:NUMBER` in capitals, where the BIC says the country once more. A word and a number
/// is none (`OTP: 123456`), whatever the word: `CUSTOMER` has the form of a BIC of Oman.
pub(super) fn is_unmistakable(text: &str) -> bool {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        [_] => canonical(text, &Reading::default()).is_ok(),
        [country, institution, _] => {
            text.bytes().all(|byte| !byte.is_ascii_lowercase())
                && bic_country(institution).is_some_and(|of| of.as_str() == *country)
        }
        _ => false,
    }
}

/// Whether a text without blanks and marks begins as IBANs do, and is as long as they are.
pub(super) fn begins_as_iban(text: &str) -> bool {
    let bare = without_marks(text).to_ascii_uppercase();
    (15..=34).contains(&bare.len()) && looks_like_iban(&bare)
}

/// An IBAN as the national account that it is; what is national already as it is.
pub(super) fn comparison_key(canonical: &str) -> Cow<'_, str> {
    let national = canonical.parse::<Iban>().ok().and_then(|iban| {
        let bank = iban.bank_identifier()?;
        // The bank's code need not come first: Italy puts a check letter before it.
        let (before, after) = iban.bban().split_once(bank)?;
        Some(format!("{}:{bank}:{before}{after}", iban.country_code()))
    });
    national.map_or(Cow::Borrowed(canonical), Cow::Owned)
}

/// The country of a canonical account.
pub(super) fn country(canonical: &str) -> Option<Country> {
    canonical.get(..2)?.parse().ok()
}
