//! Accounts on messaging and social platforms: `platform:id`.
//!
//! Where a platform takes names in any case they are in small letters here; where accounts are
//! telephone numbers, the number is canonical as a phone is.

use super::{Reading, ValueError, phone};

/// A platform, and how its names look.
struct Platform {
    name: &'static str,
    /// Other names of it.
    aliases: &'static [&'static str],
    /// Hosts and paths in front of a name in links to an account.
    links: &'static [&'static str],
    ids: Ids,
}

/// How the names of a platform's accounts look.
enum Ids {
    /// Telephone numbers only.
    Phone,
    /// Telephone numbers when they begin with `+`, else names.
    PhoneOrName(&'static str),
    /// Names of small letters, digits and these marks.
    Name(&'static str),
    /// Anything; case is kept.
    Any,
}

/// The longest name on any of them.
const MAX_NAME: usize = 128;

const PLATFORMS: [Platform; 14] = [
    platform(
        "telegram",
        &["tg"],
        &["t.me/", "telegram.me/"],
        Ids::Name("_"),
    ),
    platform(
        "whatsapp",
        &["wa"],
        &["wa.me/", "api.whatsapp.com/send?phone="],
        Ids::Phone,
    ),
    platform(
        "line",
        &[],
        &["line.me/ti/p/~", "line.me/R/ti/p/~"],
        Ids::Name("._-"),
    ),
    platform(
        "facebook",
        &["fb"],
        &["facebook.com/", "fb.com/", "m.facebook.com/"],
        Ids::Name(".-"),
    ),
    platform(
        "messenger",
        &[],
        &["m.me/", "messenger.com/t/"],
        Ids::Name(".-"),
    ),
    platform("wechat", &["weixin"], &[], Ids::Name("_-")),
    platform("viber", &[], &[], Ids::PhoneOrName("._-")),
    platform("zalo", &[], &["zalo.me/"], Ids::PhoneOrName("._-")),
    platform("instagram", &["ig"], &["instagram.com/"], Ids::Name("._")),
    platform("tiktok", &[], &["tiktok.com/@"], Ids::Name("._")),
    platform(
        "x",
        &["twitter"],
        &["x.com/", "twitter.com/"],
        Ids::Name("_"),
    ),
    platform("discord", &[], &["discord.com/users/"], Ids::Name("._#")),
    platform("signal", &[], &["signal.me/#p/"], Ids::PhoneOrName("._")),
    platform("other", &[], &[], Ids::Any),
];

const fn platform(
    name: &'static str,
    aliases: &'static [&'static str],
    links: &'static [&'static str],
    ids: Ids,
) -> Platform {
    Platform {
        name,
        aliases,
        links,
        ids,
    }
}

pub(super) fn canonical(written: &str, how: &Reading) -> Result<String, ValueError> {
    let (platform, id) = from_link(written)
        .or_else(|| from_name(written))
        .ok_or(ValueError::HandlePlatform)?;
    let id = id.trim();
    let id = match platform.ids {
        Ids::Phone => number(id, how)?,
        Ids::PhoneOrName(_) if id.starts_with('+') => number(id, how)?,
        Ids::Name(marks) | Ids::PhoneOrName(marks) => name(id, marks)?,
        Ids::Any => {
            let id = without_at(id);
            if id.is_empty() || id.len() > MAX_NAME || id.starts_with('@') {
                return Err(ValueError::HandleForm);
            }
            id.to_owned()
        }
    };
    Ok(format!("{}:{id}", platform.name))
}

/// Reads `platform:id`.
fn from_name(written: &str) -> Option<(&'static Platform, &str)> {
    let (name, id) = written.split_once(':')?;
    let name = name.trim().to_ascii_lowercase();
    let platform = PLATFORMS
        .iter()
        .find(|platform| platform.name == name || platform.aliases.contains(&&*name))?;
    Some((platform, id))
}

/// What a word in small letters, with a colon behind it, says of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It names a platform.
    Platform,
    /// It names a platform, and is a word of every day: `Line: 2`, `Other: none`.
    Everyday,
}

/// Whether a word names a platform.
pub(super) fn word(word: &str) -> Option<Word> {
    if ["line", "messenger", "other", "signal", "x"].contains(&word) {
        return Some(Word::Everyday);
    }
    let named = |platform: &Platform| platform.name == word || platform.aliases.contains(&word);
    PLATFORMS.iter().any(named).then_some(Word::Platform)
}

/// Reads a link to an account's page.
fn from_link(written: &str) -> Option<(&'static Platform, &str)> {
    let rest = written
        .strip_prefix("https://")
        .or_else(|| written.strip_prefix("http://"))
        .unwrap_or(written);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    PLATFORMS.iter().find_map(|platform| {
        let id = platform
            .links
            .iter()
            .find_map(|link| rest.strip_prefix(link))?;
        let id = id.split(['?', '&']).next()?;
        Some((platform, id.strip_suffix('/').unwrap_or(id)))
    })
}

/// A number as `wa.me` writes it has no `+`, yet is international. Read as a national one it would
/// often be somebody else's, of the region where it is read; only one that begins with 0, as no
/// country's code does, can be national.
fn number(id: &str, how: &Reading) -> Result<String, ValueError> {
    if id.starts_with(['+', '0']) {
        return phone::canonical(id, how);
    }
    match phone::canonical(&format!("+{id}"), how) {
        Err(_) if how.region.is_some() => phone::canonical(id, how),
        international => international,
    }
}

fn name(id: &str, marks: &str) -> Result<String, ValueError> {
    let name = without_at(id).to_ascii_lowercase();
    let allowed =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || marks.as_bytes().contains(&b);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return Err(ValueError::HandleForm);
    }
    Ok(name)
}

fn without_at(id: &str) -> &str {
    id.strip_prefix('@').unwrap_or(id).trim_start()
}
