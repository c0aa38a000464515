//! What a node holds of its federation's documents, and which of them another one lacks.
//!
//! A charter is agreed on by documents that members sign: versions and votes on the next one, notices
//! and the signatures they still take. They are held by everybody, and carried from node to node.
//!
//! A document is known by the hash of all its bytes, signatures included: a copy with one signature
//! more is another document, and is joined with what its receiver has.

mod receive;

use std::collections::BTreeMap;

use kentong_keys::{Digest, Label};

use super::{
    Ballots, Chain, CharterError, MAX_CHARTER, MAX_NOTICE, NoticeError, Notices, OpenNotices,
    UnverifiedCharter, UnverifiedNotice,
};

pub use receive::{Offered, OfferedNotice, Received, Waits};

const PAPER: Label = Label::new("kentong/paper/1");

/// The most documents that are listed to another node at once: versions of the charter first.
pub const MAX_LISTED: usize = 1024;

/// The most versions of the charter among them; who has taken these in is shown the next.
const MAX_LISTED_VERSIONS: u32 = 64;

/// A document that came from somewhere: its text is in order, its signatures nobody has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    /// A version of the charter, or a vote on one.
    Charter(Box<UnverifiedCharter>),
    /// A notice.
    Notice(Box<UnverifiedNotice>),
}

/// Why bytes are no document of a charter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// No charter.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// No notice.
    #[error(transparent)]
    Notice(#[from] NoticeError),
}

impl Paper {
    /// The longest document, in bytes.
    pub const MAX_LEN: usize = if MAX_CHARTER > MAX_NOTICE {
        MAX_CHARTER
    } else {
        MAX_NOTICE
    };

    /// Reads a document.
    pub fn parse(bytes: &[u8]) -> Result<Self, PaperError> {
        if UnverifiedNotice::is_meant(bytes) {
            let notice = UnverifiedNotice::parse(bytes)?;
            return Ok(Self::Notice(Box::new(notice)));
        }
        let charter = UnverifiedCharter::parse(bytes)?;
        Ok(Self::Charter(Box::new(charter)))
    }

    /// The labelled hash of a document's bytes.
    #[must_use]
    pub fn hash(bytes: &[u8]) -> Digest {
        Digest::labelled(PAPER, &[bytes])
    }
}

/// Where a document lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    Version(u32),
    Ballot(Digest),
    Notice(Digest),
    OpenNotice(Digest),
}

/// The documents of a federation that a node holds.
#[derive(Debug, Clone)]
pub struct Papers {
    chain: Chain,
    ballots: Ballots,
    notices: Notices,
    open_notices: OpenNotices,
    places: BTreeMap<Digest, Place>,
    /// The hashes of those that are not versions in force.
    waiting: Vec<Digest>,
    /// The hash of each version, from the first on.
    versions: Vec<Digest>,
}

impl Papers {
    /// The documents that are these.
    #[must_use]
    pub fn new(
        chain: Chain,
        ballots: Ballots,
        notices: Notices,
        open_notices: OpenNotices,
    ) -> Self {
        let mut places = BTreeMap::new();
        let mut versions = Vec::new();
        for charter in chain.history() {
            let hash = Paper::hash(charter.note().bytes());
            places.insert(hash, Place::Version(charter.version()));
            versions.push(hash);
        }
        let mut waiting = Vec::new();
        // A vote that was won is a version by now, under whichever of the signatures.
        let won = |held: &UnverifiedCharter| {
            let version = chain.version(held.terms().version());
            version.is_some_and(|charter| *charter.hash() == held.hash())
        };
        let ballots_at = ballots
            .iter()
            .filter(|held| !won(held))
            .map(|held| (Paper::hash(held.bytes()), Place::Ballot(held.hash())));
        let notices_at = notices.iter().map(|held| {
            let hash = Paper::hash(held.note().bytes());
            (hash, Place::Notice(*held.hash()))
        });
        let open_at = open_notices
            .iter()
            .map(|held| (Paper::hash(held.bytes()), Place::OpenNotice(held.hash())));
        for (hash, place) in notices_at.chain(open_at).chain(ballots_at) {
            places.insert(hash, place);
            waiting.push(hash);
        }
        Self {
            chain,
            ballots,
            notices,
            open_notices,
            places,
            waiting,
            versions,
        }
    }

    /// All versions of the charter.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The documents of votes.
    #[must_use]
    pub const fn ballots(&self) -> &Ballots {
        &self.ballots
    }

    /// The notices that count.
    #[must_use]
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// The notices that still take signatures.
    #[must_use]
    pub const fn open_notices(&self) -> &OpenNotices {
        &self.open_notices
    }

    /// The version of the charter in force, and its hash.
    #[must_use]
    pub fn in_force(&self) -> (u32, Digest) {
        let charter = self.chain.in_force();
        (charter.version(), *charter.hash())
    }

    /// What to list to somebody who uses this version of the charter, of this hash: the
    /// versions that it lacks, in their order, then all that waits.
    #[must_use]
    pub fn listed_for(&self, (version, hash): (u32, Digest)) -> Vec<Digest> {
        let same = |held: &super::Charter| *held.hash() == hash;
        let from = match self.chain.version(version) {
            // Another document of that version: perhaps ours is of the later round.
            Some(held) if !same(held) => version,
            Some(_) | None => version.saturating_add(1),
        };
        let until = from.saturating_add(MAX_LISTED_VERSIONS);
        let lacking = (from..until).map_while(|version| {
            let index = usize::try_from(version).ok()?.checked_sub(1)?;
            self.versions.get(index)
        });
        lacking
            .chain(&self.waiting)
            .take(MAX_LISTED)
            .copied()
            .collect()
    }

    /// Whether a document of this hash is held.
    #[must_use]
    pub fn holds(&self, hash: &Digest) -> bool {
        self.places.contains_key(hash)
    }

    /// The bytes of a document.
    #[must_use]
    pub fn get(&self, hash: &Digest) -> Option<&[u8]> {
        match *self.places.get(hash)? {
            Place::Version(version) => Some(self.chain.version(version)?.note().bytes()),
            Place::Ballot(text) => {
                let held = self.ballots.iter().find(|held| held.hash() == text)?;
                Some(held.bytes())
            }
            Place::Notice(text) => {
                let held = self.notices.get(&text)?;
                Some(held.note().bytes())
            }
            Place::OpenNotice(text) => {
                let held = self.open_notices.iter().find(|held| held.hash() == text)?;
                Some(held.bytes())
            }
        }
    }
}
