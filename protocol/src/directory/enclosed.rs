//! Member files that stand behind charters in one file, so that a member that is handed a charter can reach
//! its members.
//!
//! ```text
//! CHARTER, a signed note; several versions with an empty line between
//!
//! MEMBER FILE; several with an empty line between
//! ```
//!
//! A file without member files is a file of charters, as [`Chain::to_text`](crate::charter::Chain::to_text)
//! writes it. Nothing in it is believed because of where it stands: what counts is the root key that a
//! charter gives for the member.

use kentong_keys::MemberName;

use super::bundle::TITLE;
use super::{Bundle, BundleError};
use crate::charter::{MAX_CHAIN, MAX_MEMBERS};

/// The longest file of charters with member files, in bytes.
pub const MAX_ENCLOSING: usize = MAX_CHAIN + MAX_MEMBERS * (Bundle::MAX_LEN + 1);

/// A file of charters with member files, taken apart. The charters are not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosing<'a> {
    /// What stands before the first member file.
    pub charters: &'a [u8],
    /// The member files, each by itself: one that is damaged does not cost the others.
    pub bundles: Vec<Result<Bundle, DamagedBundle>>,
}

/// A member file within another file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBundle {
    /// Whose it says that it is, if that can still be read.
    pub member: Option<MemberName>,
    /// Which one it is in the file, counted from one.
    pub number: usize,
    /// What is wrong with it.
    pub why: BundleError,
}

/// More member files than a charter can have members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it holds {found} member files, and a charter has at most {MAX_MEMBERS} members")]
pub struct TooManyBundles {
    /// How many there are.
    pub found: usize,
}

impl<'a> Enclosing<'a> {
    /// Takes a file apart.
    pub fn open(bytes: &'a [u8]) -> Result<Self, TooManyBundles> {
        let mut parts = parts(bytes).into_iter();
        let charters = parts.next().unwrap_or_default();
        let found = parts.len();
        if found > MAX_MEMBERS {
            return Err(TooManyBundles { found });
        }
        let bundles = (1..).zip(parts).map(|(number, part)| {
            Bundle::parse(part).map_err(|why| DamagedBundle {
                member: claimed(part),
                number,
                why,
            })
        });
        Ok(Self {
            charters,
            bundles: bundles.collect(),
        })
    }

    /// Puts member files behind charters.
    #[must_use]
    pub fn write<'b>(charters: &str, bundles: impl IntoIterator<Item = &'b Bundle>) -> String {
        let mut text = charters.to_owned();
        for bundle in bundles {
            // The empty line between: what stands before it ends with a newline.
            text.push('\n');
            text.push_str(&bundle.encode());
        }
        text
    }
}

/// What stands before each empty line that a member file follows, and what stands behind the last.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let between = ["\n\n", TITLE].concat();
    let (mut parts, mut start) = (Vec::new(), 0);
    let begins = bytes
        .windows(between.len())
        .enumerate()
        .filter(|(_, window)| *window == between.as_bytes());
    for (at, _) in begins {
        // The first newline ends the part before, the second is the empty line.
        parts.push(bytes.get(start..=at).unwrap_or_default());
        start = at + 2;
    }
    parts.push(bytes.get(start..).unwrap_or_default());
    parts
}

/// Whom a member file names that may be damaged.
fn claimed(part: &[u8]) -> Option<MemberName> {
    let text = String::from_utf8_lossy(part.get(..Bundle::MAX_LEN).unwrap_or(part));
    let root = |line: &str| {
        let (name, _) = line.strip_prefix("root: kentong/")?.split_once("/root")?;
        name.parse().ok()
    };
    let named = |line: &str| line.strip_prefix("member: ")?.parse().ok();
    let found = text.lines().find_map(root);
    found.or_else(|| text.lines().find_map(named))
}
