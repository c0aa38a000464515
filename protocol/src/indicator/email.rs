//! E-mail addresses.
//!
//! In small letters: no provider in use tells `Name@` from `name@`. The domain is canonical as a
//! domain is, except that a public suffix of several labels may be one: an address names one
//! mailbox, and there are some at `gov.sg`.

use super::{ValueError, domain};

/// The longest part before the `@` (RFC 5321).
const MAX_LOCAL: usize = 64;

pub(super) fn canonical(written: &str) -> Result<String, ValueError> {
    let written = match written.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => {
            written.get(7..).unwrap_or_default()
        }
        _ => written,
    };
    let written = written.strip_prefix('<').unwrap_or(written);
    let written = written.strip_suffix('>').unwrap_or(written);
    let (local, host) = written.rsplit_once('@').ok_or(ValueError::EmailForm)?;
    let local = local.trim().to_ascii_lowercase();
    if local.len() > MAX_LOCAL || !local.split('.').all(is_atom) {
        return Err(ValueError::EmailForm);
    }
    let host = domain::host(host.trim())?;
    Ok(format!("{local}@{host}"))
}

/// Refuses what is a mailbox only by a stretch: a wildcard, and `word @name.example`, where a blank
/// on one side of the `@` shows that the two do not belong together.
/// Refuses symbols in the host's name. To be asked before it is read.
pub(super) fn check_characters(written: &str) -> Result<(), ValueError> {
    let (_, host) = written.rsplit_once('@').unwrap_or_default();
    domain::check_characters(host.trim())
}

pub(super) fn as_written(written: &str) -> Result<(), ValueError> {
    let (local, host) = written.rsplit_once('@').ok_or(ValueError::EmailForm)?;
    if local.contains('*') {
        return Err(ValueError::EmailWildcard);
    }
    if local.ends_with(char::is_whitespace) == host.starts_with(char::is_whitespace) {
        Ok(())
    } else {
        Err(ValueError::EmailForm)
    }
}

/// RFC 5322's atom. Quoted parts and other scripts are as good as never used, and could be
/// written in several ways.
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}
