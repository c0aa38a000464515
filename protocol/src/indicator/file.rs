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
        Some("sha256" | "sha-256") => Some(("sha256", 64)),
        Some("sha1" | "sha-1") => Some(("sha1", 40)),
        Some("md5") => Some(("md5", 32)),
        Some(_) => return Err(ValueError::FileAlgorithm),
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
