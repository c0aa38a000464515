//! The sender names that text messages show.
//!
//! A name is kept as it is shown, but in Unicode's composed form (NFC, by the tables that the URL
//! standard's library brings along), because a telephone shows both forms alike.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::ValueError;

/// The most characters that the GSM standards give an alphanumeric sender.
const MAX_CHARACTERS: usize = 11;

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    // Joiners, which domain names may need, are invisible here.
    if written.contains(['\u{200c}', '\u{200d}']) {
        return Err(ValueError::Invisible);
    }
    let name = composed(written);
    if name.chars().count() > MAX_CHARACTERS {
        return Err(ValueError::SenderLength);
    }
    Ok(name.into_owned())
}

/// The name in small letters. By way of capitals, so that the letters that have two small forms
/// (`ς` and `σ`), or whose capital is two letters (`ß`), meet.
pub(super) fn comparison_key(canonical: &str) -> Cow<'_, str> {
    let already = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if canonical.bytes().all(already) {
        return Cow::Borrowed(canonical);
    }
    let folded = canonical.to_uppercase().to_lowercase();
    Cow::Owned(composed(&folded).into_owned())
}

fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}
