//! Files, by their hash.

use super::ValueError;

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    let lower = written.to_ascii_lowercase();
    let (algorithm, digits) = match lower.split_once([':', '=']) {
        Some((algorithm, digits)) => (Some(algorithm.trim()), digits.trim()),
        None => (None, &*lower),
    };
    let named = match algorithm {
        None => None,
        Some(word) => Some(named(word).ok_or(ValueError::FileAlgorithm)?),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ValueError::FileDigits);
    }
    let name = match (named, digits.len()) {
        (Some((name, length)), written) if length == written => name,
        (None, 64) => "sha256",
        (None, 40) => "sha1",
        (None, 32) => "md5",
        _ => return Err(ValueError::FileLength),
    };
    Ok(format!("{name}:{digits}"))
}

/// The algorithm that a word in small letters names, and how many digits it has.
fn named(word: &str) -> Option<(&'static str, usize)> {
    Some(match word {
        "sha256" | "sha-256" => ("sha256", 64),
        "sha1" | "sha-1" => ("sha1", 40),
        "md5" => ("md5", 32),
        _ => return None,
    })
}

/// Whether a word in small letters names an algorithm.
pub(super) fn is_algorithm(word: &str) -> bool {
    named(word).is_some()
}

/// Whether a text is digits alone, as many as some hash has.
pub(super) fn is_bare_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
