//! Mobile applications: `android:package` and `ios:bundle`.

use super::ValueError;

/// The longest name that the shops take.
const MAX_NAME: usize = 255;

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    let (system, name) = match shop_link(written) {
        Some(package) => ("android", package),
        None => written.split_once(':').ok_or(ValueError::AppSystem)?,
    };
    let name = name.trim();
    let (system, part_fits): (_, fn(&str) -> bool) = match &*system.trim().to_ascii_lowercase() {
        "android" => ("android", is_java_name),
        "ios" => ("ios", is_bundle_part),
        _ => return Err(ValueError::AppSystem),
    };
    if name.len() > MAX_NAME || !name.contains('.') || !name.split('.').all(part_fits) {
        return Err(ValueError::AppForm);
    }
    Ok(format!("{system}:{name}"))
}

/// Whether a text begins with the name of a system and a colon.
pub(super) fn is_system(word: &str) -> bool {
    ["android", "ios"].contains(&word)
}

/// Refuses a canonical name without letters: `ios:16.4.1` is a version.
pub(super) fn as_written(canonical: &str) -> Result<(), ValueError> {
    let name = canonical
        .split_once(':')
        .map_or(canonical, |(_, name)| name);
    if name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        Ok(())
    } else {
        Err(ValueError::AppForm)
    }
}

/// The package in a link to Google's shop.
fn shop_link(written: &str) -> Option<&str> {
    let (_, query) = written.split_once("play.google.com/store/apps/details?")?;
    query
        .split(['&', '#'])
        .find_map(|pair| pair.strip_prefix("id="))
}

/// A part of a package's name: a letter, then letters, digits and `_`. Case is significant.
fn is_java_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphabetic())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A part of a bundle's identifier: letters, digits and `-`.
fn is_bundle_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
