//! What a person should know: since when, how often, and until it is over.
//!
//! What is warned of is data; `operators` puts it in words.

use std::path::PathBuf;

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::time::Timestamp;

/// The most warnings that are kept for `status`; the log has all of them.
const MAX_WARNINGS: usize = 100;
/// Warnings that are shown.
const SHOWN: usize = 20;

/// What a warning is about. A subject that is settled takes its warnings with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// What the start came upon; it stays.
    Start,
    /// Publishing is halted; only a restart ends that.
    Halted,
    /// Own indicators could not be released.
    Release,
    /// No reader has been heard since the start.
    Unconfirmed,
    /// Signed leaves of this own feed are lost.
    Lost(FeedId),
    /// What others released could not be opened.
    Opening,
    /// What this member sends could not be stored.
    Exchange(MemberName),
    /// This node failed on what this member sent, or beside the link with it; it stays.
    Failed(MemberName),
    /// This node failed on what a member sent that is not known; it stays.
    Inside,
    /// Keys that are due to be replaced.
    Keys,
    /// Papers of the federation could not be read.
    Papers,
    /// Papers of other members could not be kept yet.
    WaitingPapers,
    /// What a former key of this member signed does not count.
    Former(MemberName),
    /// This member signed two histories, or voted twice; it stays.
    Evidence(MemberName),
}

/// What a person should know. Errors of files and disks are kept as the text that they gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Warning {
    /// The derived state was rebuilt from the log.
    Rebuilt {
        /// Why.
        why: String,
        /// Where the old one lies now, if it does.
        set_aside: Option<PathBuf>,
    },
    /// The log lacks what was signed in a feed that is for this member alone.
    PrivateLost {
        /// The feed.
        feed: FeedId,
        /// How many leaves were signed.
        signed: u64,
    },
    /// Parts of this many feeds did not come back from their readers.
    PartsGone {
        /// How many.
        feeds: usize,
    },
    /// The root key had publishing go on.
    GoneAhead {
        /// After so many members had said what they hold.
        heard: usize,
    },
    /// Publishing is halted.
    Halted {
        /// Why.
        why: String,
    },
    /// Own indicators could not be released.
    NotReleased {
        /// Why.
        error: String,
    },
    /// Publishing went on after a start though no reader had answered.
    Unconfirmed,
    /// Signed leaves of a feed of ours are lost.
    Lost {
        /// The feed.
        feed: FeedId,
        /// How many leaves are signed.
        signed: u64,
        /// How many of them are held.
        held: u64,
    },
    /// Bodies that came before their key could not be opened.
    NotOpened {
        /// Why.
        error: String,
    },
    /// What a member sends could not be stored or read.
    Exchange {
        /// The member.
        member: MemberName,
        /// Why.
        error: String,
    },
    /// This node failed on what a member sent.
    Failed {
        /// The member.
        member: MemberName,
        /// For how many minutes it is not spoken to.
        minutes: u64,
        /// What became of the message.
        message: Kept,
    },
    /// This node failed while it worked for the link with a member.
    FailedBeside {
        /// The member.
        member: MemberName,
    },
    /// This node failed on what some member sent.
    FailedInside,
    /// A key is due to be replaced, and cannot be.
    Keys {
        /// Why.
        error: String,
    },
    /// The charter or the member files could not be read again.
    Papers {
        /// Why.
        error: String,
    },
    /// Votes and notices of others cannot be stored now.
    WaitingPapers {
        /// Why.
        error: String,
    },
    /// What a former key signed beyond its head could not be taken back.
    FormerKept {
        /// Whose key.
        member: MemberName,
        /// Why.
        error: String,
    },
    /// What a former key signed beyond its head was taken back.
    FormerTakenBack {
        /// Whose key.
        member: MemberName,
        /// How many leaves.
        leaves: u64,
    },
    /// Feeds that a former key signed count for nothing.
    FormerVoid {
        /// Whose key.
        member: MemberName,
        /// How many feeds.
        feeds: u64,
    },
    /// A member signed two histories of a feed.
    TwoHistories {
        /// The member.
        member: MemberName,
        /// The evidence.
        file: PathBuf,
    },
    /// Evidence of two histories could not be kept.
    EvidenceNotKept {
        /// Against whom.
        member: MemberName,
        /// Why.
        error: String,
    },
    /// A member signed two charters of one version and round.
    VotedTwice {
        /// The member.
        member: MemberName,
        /// The version.
        version: u32,
        /// The round.
        round: u32,
        /// Where both are.
        folder: PathBuf,
    },
}

/// What became of a message on which the node failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is in this file.
    File(PathBuf),
    /// It, or enough others of the member, is in this folder.
    Already(PathBuf),
    /// It could not be kept.
    Not(String),
}

impl Warning {
    /// What it is about.
    fn subject(&self) -> Subject {
        match self {
            Self::Rebuilt { .. }
            | Self::PrivateLost { .. }
            | Self::PartsGone { .. }
            | Self::GoneAhead { .. } => Subject::Start,
            Self::Halted { .. } => Subject::Halted,
            Self::NotReleased { .. } => Subject::Release,
            Self::Unconfirmed => Subject::Unconfirmed,
            Self::Lost { feed, .. } => Subject::Lost(*feed),
            Self::NotOpened { .. } => Subject::Opening,
            Self::Exchange { member, .. } => Subject::Exchange(member.clone()),
            Self::Failed { member, .. } | Self::FailedBeside { member } => {
                Subject::Failed(member.clone())
            }
            Self::FailedInside => Subject::Inside,
            Self::Keys { .. } => Subject::Keys,
            Self::Papers { .. } => Subject::Papers,
            Self::WaitingPapers { .. } => Subject::WaitingPapers,
            Self::FormerKept { member, .. }
            | Self::FormerTakenBack { member, .. }
            | Self::FormerVoid { member, .. } => Subject::Former(member.clone()),
            Self::TwoHistories { member, .. }
            | Self::EvidenceNotKept { member, .. }
            | Self::VotedTwice { member, .. } => Subject::Evidence(member.clone()),
        }
    }
}

/// The warnings, the newest last.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<Noted>);

/// A warning that was noted.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) warning: Warning,
    /// When it was first so.
    pub(crate) since: Timestamp,
    /// When it was last so.
    pub(crate) last: Timestamp,
    /// How often it came up.
    pub(crate) times: u64,
}

impl Warnings {
    /// Takes note of a warning; the same again is counted.
    pub(super) fn add(&mut self, warning: Warning, now: Timestamp) {
        let (since, times) = match self.0.iter().position(|known| known.warning == warning) {
            Some(at) => {
                let known = self.0.remove(at);
                (known.since, known.times.saturating_add(1))
            }
            None => (now, 1),
        };
        self.0.push(Noted {
            warning,
            since,
            last: now,
            times,
        });
        if self.0.len() > MAX_WARNINGS {
            self.0.remove(0);
        }
    }

    /// What the subject was about is over.
    pub(super) fn settle(&mut self, subject: &Subject) {
        self.0.retain(|one| one.warning.subject() != *subject);
    }

    /// Those to be shown, the newest first.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Noted> {
        self.0.iter().rev().take(SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(seconds)
    }

    fn full() -> Warning {
        let error = "full".to_owned();
        Warning::NotReleased { error }
    }

    #[test]
    fn they_say_since_when_and_end() {
        let mut warnings = Warnings::default();
        warnings.add(full(), at(0));
        warnings.add(Warning::GoneAhead { heard: 1 }, at(1));
        warnings.add(full(), at(2));
        let shown: Vec<_> = warnings.shown().collect();
        let [newest, older] = shown[..] else {
            panic!("{warnings:?}");
        };
        let when = |one: &Noted| (one.since, one.last, one.times);
        assert_eq!(
            (&newest.warning, when(newest)),
            (&full(), (at(0), at(2), 2))
        );
        assert_eq!(when(older), (at(1), at(1), 1));
        let is_about_release = |warnings: &Warnings| {
            let mut all = warnings.0.iter();
            all.any(|one| one.warning.subject() == Subject::Release)
        };
        assert!(is_about_release(&warnings));
        warnings.settle(&Subject::Exchange("SG".parse().unwrap()));
        warnings.settle(&Subject::Release);
        assert!(!is_about_release(&warnings));
        assert_eq!(warnings.shown().count(), 1);
    }

    #[test]
    fn they_are_bounded() {
        let mut warnings = Warnings::default();
        let heard = |heard| Warning::GoneAhead { heard };
        (0..1000).for_each(|n| warnings.add(heard(n), at(0)));
        assert_eq!(warnings.0.len(), MAX_WARNINGS);
        let shown: Vec<_> = warnings.shown().collect();
        assert_eq!((shown.len(), &shown[0].warning), (SHOWN, &heard(999)));
    }
}
