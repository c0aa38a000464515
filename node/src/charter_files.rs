//! The charter of a home as files: all its versions, the notices on it, the votes seen, and whom
//! this member severed. Each file is replaced as a whole, durably, or not at all.
//!
//! | file | holds | may it be lost |
//! |---|---|---|
//! | `charter.txt` | every version, the signed notes one after the other | yes: any member has it |
//! | `notices.txt` | the signed notices on the version in force | yes: until a member sends them again a leaver counts as a member |
//! | `open-notices.txt` | notices on it that still take signatures | yes: until others send them again they wait for those |
//! | `ballots.txt` | signed documents that are not in force, or not yet | yes: a second vote to one of them goes unseen |
//! | `newcomers.txt` | member files of those whom a draft would admit; see [`crate::newcomers`] | yes: add them again |
//! | `severed.txt` | whom this member severed, for itself | no: they would be let in again |
//!
//! A home that knows nothing of versions has its first charter in `charter.txt`, which is a file
//! of one version.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::MemberName;
use kentong_protocol::charter::{
    Ballots, Chain, ChainError, DoubleVote, MAX_CHAIN, MAX_MEMBERS, Notice, NoticeError, Notices,
    Offered, OfferedNotice, OpenNotices, Paper, Papers, Step, UnverifiedCharter, UnverifiedNotice,
    Waits,
};
use kentong_protocol::time::Timestamp;

use crate::evidence_file;
use crate::home::Home;
use crate::newcomers;
use crate::turn::{self, Turn, TurnError, Wait};
use crate::whole_file;

const SEVERED: &str = "kentong severed v1";

/// The longest list of severed members, in bytes.
const MAX_SEVERED: usize = 32 * (MAX_MEMBERS + 1);

/// Why the files of a charter cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum CharterFilesError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}; check the disk and the permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; check the disk")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The versions do not follow each other, or one of them is not in order.
    #[error(
        "the charter in {path} cannot be used: {source}; remove it and install it again as another \
         member has it"
    )]
    Chain {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ChainError,
    },
    /// A notice is not in order.
    #[error(
        "the notices in {path} cannot be used: {source}; remove the file and install the notices \
         again"
    )]
    Notices {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NoticeError,
    },
    /// Another is changing the files.
    #[error(transparent)]
    Turn(#[from] TurnError),
    /// Another command began a chain since it was looked whether there is one.
    #[error(
        "another command has just installed a charter in {path}, and nothing was written; see `kentong \
         charter show`"
    )]
    Begun {
        /// The file.
        path: PathBuf,
    },
    /// The list of severed members is not one.
    #[error("{path} is not a list of severed members; repair it, or sever them again without it")]
    Severed {
        /// The file.
        path: PathBuf,
    },
}

/// All versions of the charter; none before the first is installed.
pub fn chain(home: &Home) -> Result<Option<Chain>, CharterFilesError> {
    let path = home.charter();
    let Some(bytes) = read(&path, MAX_CHAIN)? else {
        return Ok(None);
    };
    let chain = Chain::parse(&bytes);
    chain
        .map(Some)
        .map_err(|source| CharterFilesError::Chain { path, source })
}

/// Keeps the versions of the charter in a home that has none yet.
pub fn begin_chain(home: &Home, chain: &Chain) -> Result<(), CharterFilesError> {
    let turn = turn::take(home.root(), Wait::ASecond)?;
    if home.charter().exists() {
        let path = home.charter();
        return Err(CharterFilesError::Begun { path });
    }
    put_chain(&turn, home, chain)
}

/// Keeps all versions of the charter, and drops the notices and ballots that they settle.
fn put_chain(turn: &Turn, home: &Home, chain: &Chain) -> Result<(), CharterFilesError> {
    put(turn, &home.charter(), chain.to_text().as_bytes())?;
    // Settled ones no longer say anything: if they cannot be dropped now, they are the next time.
    if home.notices().exists() {
        let notices = notices(home, chain)?;
        put(turn, &home.notices(), notices.to_text().as_bytes())?;
    }
    // The node does so too whenever it reads who its members are, so the version counts all the same.
    if let Err(error) = newcomers::settle_in_turn(turn, home, chain.in_force()) {
        tracing::warn!(%error, "the file of a new member could not be put with the others");
    }
    Ok(())
}

/// The notices on the charter.
pub fn notices(home: &Home, chain: &Chain) -> Result<Notices, CharterFilesError> {
    let path = home.notices();
    let Some(bytes) = read(&path, Notices::MAX_LEN)? else {
        return Ok(Notices::default());
    };
    Notices::parse(&bytes, chain).map_err(|source| CharterFilesError::Notices { path, source })
}

/// Keeps a notice; false if it says nothing new.
pub fn keep_notice(home: &Home, chain: &Chain, notice: Notice) -> Result<bool, CharterFilesError> {
    let turn = turn::take(home.root(), Wait::ASecond)?;
    put_notice(&turn, home, chain, notice)
}

fn put_notice(
    turn: &Turn,
    home: &Home,
    chain: &Chain,
    notice: Notice,
) -> Result<bool, CharterFilesError> {
    let path = home.notices();
    let mut notices = notices(home, chain)?;
    let full = |error| CharterFilesError::Write {
        path: path.clone(),
        source: io::Error::other(error),
    };
    if !notices.add(notice, chain).map_err(full)? {
        return Ok(false);
    }
    put(turn, &path, notices.to_text().as_bytes())?;
    Ok(true)
}

/// The signed documents that were seen. A damaged file is as good as none: it is kept to find
/// second votes, and nothing rests on it.
pub fn ballots(home: &Home) -> Result<Ballots, CharterFilesError> {
    let bytes = read(&home.ballots(), Ballots::MAX_LEN)?.unwrap_or_default();
    Ok(Ballots::parse(&bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, "the votes seen so far cannot be read; the node begins without them");
        Ballots::default()
    }))
}

/// Remembers who signed a document, and keeps the evidence against those who signed another one
/// of the same ballot.
pub fn see(
    home: &Home,
    chain: &Chain,
    document: &UnverifiedCharter,
) -> Result<Vec<DoubleVote>, CharterFilesError> {
    let turn = turn::take(home.root(), Wait::ASecond)?;
    let before = ballots(home)?;
    let mut after = before.clone();
    let found = after.see(chain, document);
    put_ballots(&turn, home, (&before, &after), &found)?;
    Ok(found)
}

/// Keeps the votes that were seen, and the evidence of those who voted twice.
fn put_ballots(
    turn: &Turn,
    home: &Home,
    (before, after): (&Ballots, &Ballots),
    found: &[DoubleVote],
) -> Result<(), CharterFilesError> {
    if after != before {
        put(turn, &home.ballots(), after.to_text().as_bytes())?;
    }
    for vote in found {
        keep_double_vote(home, vote)?;
    }
    Ok(())
}

/// Takes versions in as far as they follow the chain of the home, with the votes for them that were seen
/// before, and keeps them. `chain` is what there is then. Answers what came of the last one, and who is
/// found to have voted twice.
pub fn take(
    home: &Home,
    chain: &mut Chain,
    documents: Vec<UnverifiedCharter>,
) -> Result<(Result<Step, ChainError>, Vec<DoubleVote>), CharterFilesError> {
    let turn = turn::take(home.root(), Wait::ASecond)?;
    if let Some(kept) = self::chain(home)? {
        *chain = kept; // It may have gone on since it was read.
    }
    let before = chain.in_force().hash().to_owned();
    let seen = ballots(home)?;
    let mut ballots = seen.clone();
    let mut found = Vec::new();
    let mut last = Ok(Step::Known);
    for document in documents {
        let offered = ballots.offer(chain, &document);
        found.extend(offered.found);
        last = offered.step;
        if last.is_err() {
            break;
        }
    }
    put_ballots(&turn, home, (&seen, &ballots), &found)?;
    if *chain.in_force().hash() != before {
        put_chain(&turn, home, chain)?;
    }
    Ok((last, found))
}

/// The notices that still take signatures. A damaged file is as good as none: others send theirs
/// again.
pub fn open_notices(home: &Home) -> Result<OpenNotices, CharterFilesError> {
    let bytes = read(&home.open_notices(), OpenNotices::MAX_LEN)?.unwrap_or_default();
    Ok(OpenNotices::parse(&bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, "the notices that wait cannot be read; the node begins without them");
        OpenNotices::default()
    }))
}

/// All documents of the federation that the home holds; none before a charter is installed.
pub fn papers(home: &Home) -> Result<Option<Papers>, CharterFilesError> {
    let Some(chain) = chain(home)? else {
        return Ok(None);
    };
    let notices = notices(home, &chain)?;
    let papers = Papers::new(chain, ballots(home)?, notices, open_notices(home)?);
    Ok(Some(papers))
}

/// What came of a document.
#[derive(Debug, Default)]
pub struct Taken {
    /// Something is kept that was not there, and is to be passed on.
    pub news: bool,
    /// Who is found to have voted twice.
    pub found: Vec<DoubleVote>,
    /// Why it is not in force.
    pub waits: Option<Waits>,
}

/// Keeps what follows from a charter or a notice that anybody may have sent. Where that fails nothing of
/// the document counts, and it may be offered again.
pub fn take_paper(
    home: &Home,
    paper: Paper,
    now: Timestamp,
    wait: Wait,
) -> Result<Taken, CharterFilesError> {
    let turn = turn::take(home.root(), wait)?;
    let Some(mut chain) = chain(home)? else {
        return Ok(Taken::default());
    };
    match paper {
        Paper::Charter(charter) => take_charter(&turn, home, &mut chain, &charter),
        Paper::Notice(notice) => take_notice(&turn, home, &chain, *notice, now),
    }
}

fn take_charter(
    turn: &Turn,
    home: &Home,
    chain: &mut Chain,
    charter: &UnverifiedCharter,
) -> Result<Taken, CharterFilesError> {
    let (known, before) = (*chain.in_force().hash(), ballots(home)?);
    let mut after = before.clone();
    let Offered { step, found } = after.offer(chain, charter);
    put_ballots(turn, home, (&before, &after), &found)?;
    let moved = *chain.in_force().hash() != known;
    if moved {
        put_chain(turn, home, chain)?;
    }
    Ok(Taken {
        news: moved || after != before,
        found,
        waits: step.err().map(Waits::from),
    })
}

/// Those that count are read only where one more of them does: each of their signatures is verified then,
/// and anybody may send a notice.
fn take_notice(
    turn: &Turn,
    home: &Home,
    chain: &Chain,
    notice: UnverifiedNotice,
    now: Timestamp,
) -> Result<Taken, CharterFilesError> {
    let before = open_notices(home)?;
    let mut open = before.clone();
    let OfferedNotice {
        complete,
        mut news,
        waits,
    } = open.offer(notice, chain, now);
    if let Some(notice) = complete {
        news = put_notice(turn, home, chain, notice)?;
    }
    if open != before {
        put(turn, &home.open_notices(), open.to_text().as_bytes())?;
    }
    Ok(Taken {
        news,
        found: Vec::new(),
        waits,
    })
}

/// Keeps the evidence of a double vote.
pub fn keep_double_vote(home: &Home, vote: &DoubleVote) -> Result<(), CharterFilesError> {
    let about = format!("votes-{}.{}", vote.version(), vote.round());
    let path = home.evidence();
    let kept = evidence_file::keep(&path, vote.member(), &about, &vote.to_string());
    kept.map(drop)
        .map_err(|source| CharterFilesError::Write { path, source })
}

/// Whom this member severed.
pub fn severed(home: &Home) -> Result<BTreeSet<MemberName>, CharterFilesError> {
    let path = home.severed();
    let Some(bytes) = read(&path, MAX_SEVERED)? else {
        return Ok(BTreeSet::new());
    };
    let list = || {
        let mut lines = std::str::from_utf8(&bytes).ok()?.lines();
        if lines.next()? != SEVERED {
            return None;
        }
        lines.map(|line| line.parse().ok()).collect()
    };
    list().ok_or(CharterFilesError::Severed { path })
}

/// Changes whom this member severed. Answers what `change` says of it, and the list.
pub fn change_severed<T>(
    home: &Home,
    change: impl FnOnce(&mut BTreeSet<MemberName>) -> T,
) -> Result<(T, BTreeSet<MemberName>), CharterFilesError> {
    let turn = turn::take(home.root(), Wait::ASecond)?;
    let mut severed = severed(home)?;
    let before = severed.clone();
    let said = change(&mut severed);
    if severed != before {
        put_severed(&turn, home, &severed)?;
    }
    Ok((said, severed))
}

fn put_severed(
    turn: &Turn,
    home: &Home,
    severed: &BTreeSet<MemberName>,
) -> Result<(), CharterFilesError> {
    let mut text = format!("{SEVERED}\n");
    for name in severed {
        text.push_str(name.as_str());
        text.push('\n');
    }
    put(turn, &home.severed(), text.as_bytes())
}

/// A file's bytes, none if there is no such file; longer than `most` is an error.
pub(crate) fn read(path: &Path, most: usize) -> Result<Option<Vec<u8>>, CharterFilesError> {
    whole_file::read(path, most).map_err(|source| CharterFilesError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Replaces a file, durably. Only the holder of a turn can: what another adds meanwhile would be lost.
pub(crate) fn put(_: &Turn, path: &Path, bytes: &[u8]) -> Result<(), CharterFilesError> {
    let replaced = whole_file::replace(path, bytes);
    replaced.map_err(|error| CharterFilesError::Write {
        path: path.to_owned(),
        source: error.into(),
    })
}

#[cfg(test)]
mod tests;
