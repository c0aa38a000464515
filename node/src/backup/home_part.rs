//! Which files of a home a backup holds. What has no place here is neither taken nor put back, so
//! that a path in an archive can lead nowhere else.

use std::fmt;
use std::path::{Path, PathBuf};

use kentong_keys::{KeySlot, MemberName, Role};

/// Files at the top of a home, each of which may be missing.
const TOP: [&str; 7] = [
    "config.toml",
    "charter.txt",
    "notices.txt",
    "open-notices.txt",
    "ballots.txt",
    "newcomers.txt",
    "severed.txt",
];
/// Folders of a home, in the order in which they are taken: the log first, so that charter and cards
/// are never older than it.
pub(super) const FOLDERS: [&str; 5] = ["log", "keys", "members", "policy", "evidence"];
/// What a home holds besides and no backup takes.
pub(super) const LEFT_OUT: [&str; 7] = [
    "kentong-home",
    "signer.state",
    "sled",
    "control.sock",
    "lock",
    "root.key",
    "recovering",
];
/// The longest name of a file, in bytes: with the folders before it, it fits into any tar header.
const MAX_NAME: usize = 76;
/// The largest segment of the log, in bytes.
const MAX_SEGMENT: u64 = 1 << 30;
/// The largest of the other files, in bytes: a charter with all its versions.
const MAX_FILE: u64 = 64 << 20;

/// A file of a home that a backup may hold, by its path within the home.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HomePart {
    folder: Option<&'static str>,
    name: String,
}

impl HomePart {
    /// Reads a path within a home; none for what no backup holds.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let Some((folder, name)) = path.split_once('/') else {
            return TOP.contains(&path).then(|| Self {
                folder: None,
                name: path.to_owned(),
            });
        };
        let folder = FOLDERS.into_iter().find(|known| *known == folder)?;
        let fits = is_plain(name)
            && match folder {
                "log" => segment(name).is_some(),
                "keys" => is_kept_key(name),
                "members" => is_card(name),
                _ => true,
            };
        fits.then(|| Self {
            folder: Some(folder),
            name: name.to_owned(),
        })
    }

    /// Those at the top of a home.
    pub(super) fn top() -> impl Iterator<Item = Self> {
        TOP.into_iter().filter_map(Self::parse)
    }

    /// The path under a home.
    #[must_use]
    pub fn under(&self, home: &Path) -> PathBuf {
        match self.folder {
            Some(folder) => home.join(folder).join(&self.name),
            None => home.join(&self.name),
        }
    }

    /// Its folder within the home.
    #[must_use]
    pub const fn folder(&self) -> Option<&'static str> {
        self.folder
    }

    /// The number of a segment of the log.
    #[must_use]
    pub fn segment(&self) -> Option<u32> {
        segment(&self.name).filter(|_| self.folder == Some("log"))
    }

    /// The most bytes that such a file has.
    #[must_use]
    pub fn most_bytes(&self) -> u64 {
        if self.segment().is_some() {
            MAX_SEGMENT
        } else {
            MAX_FILE
        }
    }
}

impl fmt::Display for HomePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder {
            Some(folder) => write!(f, "{folder}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// A name of one file in the folder that it stands in, and nothing that leads elsewhere.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}

fn segment(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    let number = digits.parse().ok()?;
    (format!("{number:08}") == digits && number > 0).then_some(number)
}

/// The recipe and all keys but those that open what is sealed to the member.
fn is_kept_key(name: &str) -> bool {
    let slot = |name: &str| name.strip_suffix(".key")?.parse::<KeySlot>().ok();
    name == "keyring.kdf"
        || slot(name).is_some_and(|slot| match slot.role {
            Role::Signing | Role::Witness | Role::Transport | Role::Store => true,
            Role::Sealing | Role::Root => false,
        })
}

fn is_card(name: &str) -> bool {
    let member = name.strip_suffix(".card");
    member.is_some_and(|member| member.parse::<MemberName>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backup_holds() {
        for path in [
            "config.toml",
            "charter.txt",
            "notices.txt",
            "ballots.txt",
            "newcomers.txt",
            "severed.txt",
            "log/00000001.seg",
            "log/123456789.seg",
            "keys/keyring.kdf",
            "keys/signing.key",
            "keys/witness.key",
            "keys/transport.key",
            "keys/signing-2.key",
            "keys/transport-3.key",
            "keys/store.key",
            "members/PH-CICC.card",
            "policy/share.cedar",
            "policy/read me.txt",
            "evidence/MY-two-abcdef12.txt",
        ] {
            let part = HomePart::parse(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(part.to_string(), path);
            assert_eq!(part.under(Path::new("h")), Path::new("h").join(path));
        }
    }

    #[test]
    fn what_it_does_not_hold() {
        let long = format!("policy/{}", "x".repeat(77));
        for path in [
            "",
            "kentong-home",
            "signer.state",
            "root.key",
            "lock",
            "control.sock",
            "recovering",
            "node.log",
            "keys/sealing.key",
            "keys/sealing-1.key",
            "keys/root.key",
            "keys/signing-0.key",
            "keys/keyring.kdf.tmp",
            "sled/db",
            "log/1.seg",
            "log/00000000.seg",
            "log/00000001.seg.new",
            "log/+0000001.seg",
            "members/my.card",
            "members/MY.new",
            "policy/",
            "policy/.hidden",
            "policy/..",
            "policy/../config.toml",
            "policy/a/b",
            "policy/a\\b",
            "policy/a\nb",
            "../config.toml",
            "/config.toml",
            "/etc/passwd",
            "./config.toml",
            long.as_str(),
        ] {
            assert_eq!(HomePart::parse(path), None, "{path}");
        }
    }
}
