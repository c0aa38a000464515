//! What follows from one more paper: decided here alone, for papers on a disk and in memory alike.

use crate::time::Timestamp;

use super::{Paper, Papers};
use crate::charter::{
    Ballots, Chain, ChainError, Collected, DoubleVote, Notice, NoticeError, OpenNotices, Step,
    TooManySuspensions, UnverifiedCharter, UnverifiedNotice,
};

/// What came of a paper.
#[derive(Debug)]
pub struct Received {
    /// The papers that are held with it; none if nothing is to be written.
    pub papers: Option<Papers>,
    /// Something is held that was not there, and is to be passed on.
    pub news: bool,
    /// Who is found to have voted twice.
    pub found: Vec<DoubleVote>,
    /// Why it is not in force.
    pub waits: Option<Waits>,
}

/// Why a paper is not in force.
#[derive(Debug, thiserror::Error)]
pub enum Waits {
    /// A version.
    #[error(transparent)]
    Charter(#[from] ChainError),
    /// A notice.
    #[error(transparent)]
    Notice(#[from] NoticeError),
}

/// What came of a version of the charter.
#[derive(Debug)]
pub struct Offered {
    /// Whether it is in force now, or why not.
    pub step: Result<Step, ChainError>,
    /// Who is found to have voted twice.
    pub found: Vec<DoubleVote>,
}

impl Ballots {
    /// Remembers who signed a version, and offers it to the chain with all votes for it that were seen.
    pub fn offer(&mut self, chain: &mut Chain, document: &UnverifiedCharter) -> Offered {
        let found = self.see(chain, document);
        let step = chain.offer(self.joined(document));
        Offered { step, found }
    }
}

/// What came of a notice.
#[derive(Debug)]
pub struct OfferedNotice {
    /// It has its signatures, and is to be added to those that count.
    pub complete: Option<Notice>,
    /// It still takes signatures, and one of them was not there.
    pub news: bool,
    /// Why it does not count yet.
    pub waits: Option<Waits>,
}

impl OpenNotices {
    /// Joins a notice with what there is of it, and says whether it has its signatures now.
    pub fn offer(
        &mut self,
        notice: UnverifiedNotice,
        chain: &Chain,
        now: Timestamp,
    ) -> OfferedNotice {
        let (complete, news, waits) = match self.add(notice.clone(), chain, now) {
            Ok(Collected::Complete(notice)) => (Some(notice), false, None),
            Ok(Collected::Waits(news)) => {
                let why = notice.verify(chain).err();
                (None, news, why.map(Waits::from))
            }
            Err(error) => (None, false, Some(Waits::from(error))),
        };
        OfferedNotice {
            complete,
            news,
            waits,
        }
    }
}

impl Papers {
    /// Puts a paper in force if it has its signatures, and otherwise keeps those that it has. Anybody may
    /// have sent it.
    pub fn receive(&self, paper: Paper, now: Timestamp) -> Result<Received, TooManySuspensions> {
        match paper {
            Paper::Charter(charter) => Ok(self.receive_charter(&charter)),
            Paper::Notice(notice) => self.receive_notice(*notice, now),
        }
    }

    fn receive_charter(&self, charter: &UnverifiedCharter) -> Received {
        let (mut chain, mut ballots) = (self.chain.clone(), self.ballots.clone());
        let Offered { step, found } = ballots.offer(&mut chain, charter);
        let moved = chain != self.chain;
        let news = moved || ballots != self.ballots;
        let mut notices = self.notices.clone();
        if moved {
            notices.fold(&chain);
        }
        let papers = news.then(|| Self::new(chain, ballots, notices, self.open_notices.clone()));
        Received {
            papers,
            news,
            found,
            waits: step.err().map(Waits::from),
        }
    }

    fn receive_notice(
        &self,
        notice: UnverifiedNotice,
        now: Timestamp,
    ) -> Result<Received, TooManySuspensions> {
        if let Some(held) = self.notices.get(&notice.hash()) {
            notice.learn_from_counted(held);
        }
        let (mut notices, mut open) = (self.notices.clone(), self.open_notices.clone());
        let OfferedNotice {
            complete,
            mut news,
            waits,
        } = open.offer(notice, &self.chain, now);
        if let Some(notice) = complete {
            news = notices.add(notice, &self.chain)?;
        }
        let written = news || open != self.open_notices;
        let papers = written.then(|| {
            let (chain, ballots) = (self.chain.clone(), self.ballots.clone());
            Self::new(chain, ballots, notices, open)
        });
        Ok(Received {
            papers,
            news,
            found: Vec::new(),
            waits,
        })
    }
}
