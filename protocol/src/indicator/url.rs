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
/// accuse another host or page than the one that is written. So could a fragment that is dropped.
pub(super) fn as_written(written: &str, canonical: &str) -> Result<(), ValueError> {
    let rest = match scheme(written) {
        Scheme::Written => written.split_once("://").map_or(written, |(_, rest)| rest),
        Scheme::Missing | Scheme::Hostless => written.strip_prefix("//").unwrap_or(written),
    };
    let (_, canonical) = canonical.split_once("://").ok_or(ValueError::UrlForm)?;
    if rest.starts_with('/') {
        return Err(ValueError::UrlHost);
    }
    let fragment = rest.split_once('#').map_or("", |(_, fragment)| fragment);
    // `#/login` is a page of its own, `#top` a place in one, and `:~:text=` words to be shown.
    if fragment.contains(['/', '!', '=', '?']) && !fragment.starts_with(":~:text=") {
        return Err(ValueError::UrlFragment);
    }
    let (host, read) = (host_of(rest), host_of(canonical));
    let as_number = read.parse::<Ipv4Addr>().is_ok() && host != read;
    if as_number || host.contains('%') || read.starts_with('-') {
        return Err(ValueError::UrlDisguised);
    }
    Ok(())
}

/// Refuses characters that the parser drops or replaces. To be asked before it.
pub(super) fn check_characters(written: &str) -> Result<(), ValueError> {
    if written.chars().any(is_blank) {
        return Err(ValueError::UrlBlank);
    }
    if written.contains('\\') {
        return Err(ValueError::UrlBackslash);
    }
    Ok(())
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
