//! The member files of those whom a draft of the charter would admit, or give another root key. They wait
//! in `newcomers.txt` for a version that lists them with that root key; before, no node speaks to them.
//!
//! A file that waits counts for nothing, so losing it costs only that somebody has to add it again. It goes
//! when its member is listed, or when the federation has gone on without.

use std::io;

use kentong_protocol::MemberName;
use kentong_protocol::charter::{Charter, MAX_MEMBERS, Terms};
use kentong_protocol::directory::Bundle;

use crate::charter_files::{self, CharterFilesError};
use crate::home::Home;
use crate::member_file::{self, MemberFileError};
use crate::turn::{self, Turn, Wait};

/// The most member files that wait. When one more is kept, the one that was kept first is dropped.
pub const MAX_NEWCOMERS: usize = MAX_MEMBERS;

/// What stands before each member file: the version of the charter that it waits for.
const HEAD: &str = "for version ";
/// The longest line before a member file, and the empty line behind it, in bytes.
const MAX_HEAD: usize = HEAD.len() + 12;

/// A member file that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Newcomer {
    version: u32,
    bundle: Bundle,
}

/// Keeps those of these member files that a draft lists and `current`, the charter in force, does not.
/// Answers whose they are. This node's own file is not among them: it has its own word on that.
pub fn keep(
    home: &Home,
    me: Option<&MemberName>,
    current: &Charter,
    draft: &Terms,
    bundles: &[Bundle],
) -> Result<Vec<MemberName>, CharterFilesError> {
    let new: Vec<&Bundle> = bundles
        .iter()
        .filter(|bundle| {
            let in_force = member_file::check(bundle, current.terms()).is_ok();
            let drafted = member_file::check(bundle, draft).is_ok();
            drafted && !in_force && Some(bundle.member()) != me
        })
        .collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let turn = turn::take(home.root(), Wait::ASecond)?;
    let before = read(home)?;
    let mut after = before.clone();
    for bundle in &new {
        add(&mut after, draft.version(), bundle);
    }
    let excess = after.len().saturating_sub(MAX_NEWCOMERS);
    after.drain(..excess);
    if after != before {
        write(&turn, home, &after)?;
    }
    Ok(new.iter().map(|bundle| bundle.member().clone()).collect())
}

/// Puts the files of those whom the charter in force lists with the other members', and drops those for
/// versions that the federation has gone beyond.
pub fn settle(home: &Home, current: &Charter, wait: Wait) -> Result<(), CharterFilesError> {
    if !home.newcomers().exists() {
        return Ok(());
    }
    let turn = turn::take(home.root(), wait)?;
    settle_in_turn(&turn, home, current)
}

/// The same for the holder of the turn of the home.
pub(crate) fn settle_in_turn(
    turn: &Turn,
    home: &Home,
    current: &Charter,
) -> Result<(), CharterFilesError> {
    if !home.newcomers().exists() {
        return Ok(());
    }
    let before = read(home)?;
    let mut waiting = Vec::new();
    for newcomer in &before {
        if member_file::check(&newcomer.bundle, current.terms()).is_ok() {
            let folder = home.members();
            // A command that changes members' files now does not hold up the node, which tries again.
            let kept = member_file::keep(&folder, &newcomer.bundle, Wait::NotAtAll);
            kept.map_err(|error| match error {
                MemberFileError::Turn(error) => error.into(),
                MemberFileError::Write { path, source } => {
                    CharterFilesError::Write { path, source }
                }
            })?;
        } else if newcomer.version >= current.version() {
            // Of the version in force a later round may still come, which lists it.
            waiting.push(newcomer.clone());
        }
    }
    // A file in which nothing can be read goes too.
    if waiting != before || waiting.is_empty() {
        write(turn, home, &waiting)?;
    }
    Ok(())
}

/// One file for each member and root key: the newest, for the latest version.
fn add(waiting: &mut Vec<Newcomer>, version: u32, bundle: &Bundle) {
    let same = |kept: &Newcomer| {
        kept.bundle.member() == bundle.member() && kept.bundle.root() == bundle.root()
    };
    let mut next = Newcomer {
        version,
        bundle: bundle.clone(),
    };
    if let Some(at) = waiting.iter().position(same) {
        let kept = waiting.remove(at);
        next.version = version.max(kept.version);
        if kept.bundle.is_newer_than(bundle) {
            next.bundle = kept.bundle;
        }
    }
    waiting.push(next);
}

/// Those that wait. A damaged one is as good as none: it has to be added again.
fn read(home: &Home) -> Result<Vec<Newcomer>, CharterFilesError> {
    let path = home.newcomers();
    let most = MAX_NEWCOMERS * (Bundle::MAX_LEN + MAX_HEAD);
    let bytes = charter_files::read(&path, most)?.unwrap_or_default();
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let found = split(text).into_iter().filter_map(|part| {
        let newcomer = parse(part);
        if newcomer.is_none() {
            let path = path.display();
            tracing::warn!(%path, "the file of a newcomer cannot be read; it is dropped");
        }
        newcomer
    });
    Ok(found.collect())
}

fn write(turn: &Turn, home: &Home, waiting: &[Newcomer]) -> Result<(), CharterFilesError> {
    let path = home.newcomers();
    if waiting.is_empty() {
        // Should it be there again after a crash, it is settled again.
        return match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(CharterFilesError::Write { path, source })
            }
            _ => Ok(()),
        };
    }
    let texts: Vec<_> = waiting
        .iter()
        .map(|one| format!("{HEAD}{}\n{}", one.version, one.bundle.encode()))
        .collect();
    charter_files::put(turn, &path, texts.join("\n").as_bytes())
}

/// The parts of the file: an empty line and [`HEAD`] begin the next one.
fn split(text: &str) -> Vec<&str> {
    let between = ["\n\n", HEAD].concat();
    let mut starts: Vec<usize> = text.match_indices(&between).map(|(at, _)| at + 2).collect();
    if !text.is_empty() {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).map(|start| start - 1);
    let ends = ends.chain([text.len()]);
    let parts = starts.iter().zip(ends);
    parts
        .filter_map(|(start, end)| text.get(*start..end))
        .collect()
}

fn parse(part: &str) -> Option<Newcomer> {
    let (version, bundle) = part.strip_prefix(HEAD)?.split_once('\n')?;
    Some(Newcomer {
        version: version.parse().ok()?,
        bundle: Bundle::parse(bundle.as_bytes()).ok()?,
    })
}

#[cfg(test)]
mod tests;
