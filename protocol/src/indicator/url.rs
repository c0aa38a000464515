//! Web addresses, as the URL standard (WHATWG) writes them.
//!
//! The fragment is dropped: it never reaches the server. An address without a scheme is read as
//! `http://`, as a browser's address bar would; the source lists have both, and `http` is what the
//! link in a message without a scheme opens.
//!
//! The host is canonical as a domain is, with one difference: a public suffix of several labels is
//! a host here when something follows it. `https://s3.amazonaws.com/bucket/page` is one page,
//! though its host is everybody's; without a path it would be everybody's too, and is refused.

use core::net::Ipv4Addr;

use url::{Host, Url};

use super::{Reading, ValueError, domain, ip};

pub(super) fn canonical(written: &str, how: &Reading) -> Result<String, ValueError> {
    let mut url = match scheme(written) {
        Scheme::Written => Url::parse(written),
        Scheme::Missing => {
            let rest = written.strip_prefix("//").unwrap_or(written);
            Url::parse(&format!("http://{rest}"))
        }
        Scheme::Hostless => return Err(ValueError::UrlScheme),
    }
    .map_err(|error| {
        if error == url::ParseError::EmptyHost {
            ValueError::UrlHost
        } else {
            ValueError::UrlForm
        }
    })?;
    if !matches!(url.scheme(), "http" | "https" | "ftp" | "ws" | "wss") {
        return Err(ValueError::UrlScheme);
    }
    url.set_fragment(None);
    let host = match url.host() {
        None => return Err(ValueError::UrlHost),
        Some(Host::Ipv4(address)) => {
            ip::check(address.into(), how)?;
            return Ok(url.into());
        }
        Some(Host::Ipv6(address)) => {
            ip::check(address.to_canonical(), how)?;
            return Ok(url.into());
        }
        Some(Host::Domain(name)) => domain::host(name)?.into_owned(),
    };
    let whole_host = url.path() == "/" && url.query().is_none();
    if whole_host && domain::is_public_suffix(&host) {
        return Err(ValueError::DomainSuffix);
    }
    url.set_host(Some(&host)).map_err(|_| ValueError::UrlForm)?;
    Ok(url.into())
}

/// Refuses an address that the parser reads otherwise than people do: it drops blanks, tabs and
/// needless slashes, makes slashes of backslashes, and takes numbers and escapes for hosts. Each could
/// accuse another host or page than the one that is written. So could a fragment that is dropped, and
/// what lists write behind an address and the parser takes into its path.
pub(super) fn as_written(written: &str, canonical: &str) -> Result<(), ValueError> {
    let rest = behind_scheme(written);
    let (before, _) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let several = match scheme(written) {
        Scheme::Written if rest.starts_with('/') => return Err(ValueError::UrlHost),
        Scheme::Written => before.contains("://"),
        Scheme::Missing | Scheme::Hostless => {
            no_slashes(before)?;
            false
        }
    };
    if several || has_arrow(written) {
        return Err(ValueError::UrlSeveral);
    }
    let (_, canonical) = canonical.split_once("://").ok_or(ValueError::UrlForm)?;
    let (address, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    if is_followed(address) {
        return Err(ValueError::UrlTrailing);
    }
    // Without any other page, a fragment is what tells one group or account of a host from another.
    // Otherwise `#/login` is a page of its own, `#top` a place in one, and `:~:text=` words to be shown.
    let whole_host = canonical
        .split_once('/')
        .is_none_or(|(_, page)| page.is_empty());
    let names_page = fragment.contains(['/', '!', '=', '?']) && !fragment.starts_with(":~:text=");
    if names_page || whole_host && !fragment.is_empty() {
        return Err(ValueError::UrlFragment);
    }
    let (host, read) = (host_of(rest), host_of(canonical));
    let as_number = read.parse::<Ipv4Addr>().is_ok() && host != read;
    if as_number || host.contains('%') || read.starts_with('-') {
        return Err(ValueError::UrlDisguised);
    }
    Ok(())
}

/// Refuses what has slashes for a scheme, and none that is known: `bank.app://login`, `//a.example`.
fn no_slashes(before: &str) -> Result<(), ValueError> {
    match before.split_once("//") {
        Some((name, _)) if name.ends_with(':') && !name.contains('/') => Err(ValueError::UrlScheme),
        Some(_) => Err(ValueError::UrlSlashes),
        None => Ok(()),
    }
}

/// Whether an arrow leads from one address to another.
fn has_arrow(written: &str) -> bool {
    let is_arrow = |c| matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2794}'..='\u{27bf}' | '\u{27f0}'..='\u{27ff}');
    written.contains("->") || written.contains("=>") || written.contains(is_arrow)
}

/// Whether a mark or a field of a table stands behind an address: `/login,phishing`, `/,0`, `/a);`.
/// Real pages have commas and brackets too, but do not end in a comma and a mere word.
fn is_followed(address: &str) -> bool {
    let unopened = [('(', ')'), ('[', ']'), ('{', '}')]
        .into_iter()
        .any(|(open, close)| {
            address.ends_with(close)
                && address.matches(close).count() > address.matches(open).count()
        });
    let page = address.split_once('/').map_or("", |(_, page)| page);
    if unopened || address.ends_with([',', ';', '|', '"']) || page.starts_with([',', '|']) {
        return true;
    }
    let Some((before, word)) = address.rsplit_once([',', ';', '|']) else {
        return false;
    };
    let word = word.trim_matches('"');
    let is_label = matches!(word, "0" | "1") && !before.contains('?');
    is_label || word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Refuses characters that the parser drops or replaces, or takes for a part of a name. To be asked
/// before it.
pub(super) fn check_characters(written: &str) -> Result<(), ValueError> {
    if written.chars().any(is_blank) {
        return Err(ValueError::UrlBlank);
    }
    if written.contains('\\') {
        return Err(ValueError::UrlBackslash);
    }
    domain::check_characters(host_of(behind_scheme(written)))
}

/// An address without its scheme and the slashes behind it.
fn behind_scheme(written: &str) -> &str {
    match scheme(written) {
        Scheme::Written => written.split_once("://").map_or(written, |(_, rest)| rest),
        Scheme::Missing | Scheme::Hostless => written,
    }
}

/// Whether a character shows as a gap: a blank of any script, and four that are letters by name only.
const fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        )
}

/// The host as it stands in an address without its scheme, without user and port.
pub(super) fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    match place.find(']') {
        Some(end) if place.starts_with('[') => place.get(..=end).unwrap_or(place),
        _ => place.split(':').next().unwrap_or(place),
    }
}

enum Scheme {
    Written,
    Missing,
    Hostless,
}

/// Tells `https://name/` from `name:8080/` and from `javascript:…`.
fn scheme(written: &str) -> Scheme {
    let Some((before, after)) = written.split_once(':') else {
        return Scheme::Missing;
    };
    let is_scheme = before.starts_with(|c: char| c.is_ascii_alphabetic())
        && before
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-'));
    if !is_scheme || (after.starts_with(|c: char| c.is_ascii_digit())) {
        Scheme::Missing
    } else if after.starts_with("//") {
        Scheme::Written
    } else {
        Scheme::Hostless
    }
}
