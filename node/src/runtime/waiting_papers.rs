//! Papers that could not be kept when they came: they wait here, and are tried again.
//!
//! A sender lists a paper only once in a session, so a paper that was dropped here would be lost for as long
//! as that session lasts. If too many wait, the sessions with the senders of the rest are ended once there is
//! room: new sessions list everything again.

use std::collections::{BTreeSet, VecDeque};

use kentong_protocol::MemberName;
use kentong_protocol::charter::Paper;
use kentong_protocol::time::Moment;

use crate::charter_files::CharterFilesError;

use super::core::{Core, RETRY};
use super::warnings::{Subject, Warning};

/// The most papers that wait, each of at most 256 KiB.
const MAX_WAITING: usize = 64;
/// How many are tried before the event loop turns to others.
const AT_ONCE: usize = 4;

/// Papers to be tried again.
#[derive(Debug, Default)]
pub(super) struct WaitingPapers {
    papers: VecDeque<(MemberName, Paper)>,
    /// Members of whom a paper was dropped.
    dropped: BTreeSet<MemberName>,
    /// When they are tried next.
    due: Moment,
}

impl WaitingPapers {
    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.papers.is_empty()
    }

    /// Has a paper wait behind the others.
    fn add(&mut self, from: &MemberName, paper: Paper) {
        if self.papers.iter().any(|(_, waiting)| *waiting == paper) {
            return;
        }
        if self.papers.len() < MAX_WAITING {
            self.papers.push_back((from.clone(), paper));
        } else {
            self.dropped.insert(from.clone());
        }
    }

    /// The next one, if it is time to try it.
    fn next(&mut self, now: Moment) -> Option<(MemberName, Paper)> {
        if self.due > now {
            return None;
        }
        self.papers.pop_front()
    }

    /// One was tried again in vain. Versions of the charter follow each other, so it stays the first as long
    /// as another has the turn to write; where it is the disk, or the paper itself, it lets others go first.
    fn failed(&mut self, one: (MemberName, Paper), error: &CharterFilesError, now: Moment) {
        if matches!(error, CharterFilesError::Turn(_)) {
            self.papers.push_front(one);
        } else {
            self.papers.push_back(one);
            self.due = now.after(RETRY);
        }
    }

    /// Those who are to begin again, now that there is room.
    fn begin_again(&mut self) -> BTreeSet<MemberName> {
        if self.is_empty() {
            std::mem::take(&mut self.dropped)
        } else {
            BTreeSet::new()
        }
    }
}

impl Core {
    /// Takes in a paper that a member passed on. What cannot be kept now waits, and what comes meanwhile
    /// waits behind it.
    pub(super) fn take_paper(&mut self, from: &MemberName, paper: Paper) {
        if !self.waiting_papers.is_empty() {
            self.waiting_papers.add(from, paper);
            return;
        }
        let Err(error) = self.keep_paper(from, &paper, false) else {
            return;
        };
        tracing::warn!(peer = %from, %error, "a paper cannot be kept now, and waits");
        self.warn(Warning::WaitingPapers {
            error: error.to_string(),
        });
        let now = self.now().moment;
        self.waiting_papers
            .failed((from.clone(), paper), &error, now);
    }

    /// Tries again some of the papers that wait.
    pub(super) fn papers_on(&mut self, now: Moment) {
        if self.waiting_papers.is_empty() {
            return;
        }
        for _ in 0..AT_ONCE {
            let Some((from, paper)) = self.waiting_papers.next(now) else {
                break;
            };
            if let Err(error) = self.keep_paper(&from, &paper, true) {
                self.waiting_papers.failed((from, paper), &error, now);
                break;
            }
        }
        if self.waiting_papers.is_empty() {
            self.warnings.settle(&Subject::WaitingPapers);
            tracing::info!("the papers that waited are kept");
        }
        let again = self.waiting_papers.begin_again();
        if !again.is_empty() {
            self.deciding(|member, lent| member.begin_again(again, lent.now));
        }
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::SigningKey;
    use kentong_protocol::charter::{Draft, UnverifiedCharter};
    use kentong_protocol::time::Timestamp;

    use super::*;
    use crate::turn::TurnError;

    fn paper(number: u64) -> Paper {
        let moment = Timestamp::EPOCH.plus(number);
        let key = SigningKey::from_seed([7; 32]);
        let draft = Draft::new("test".parse().unwrap(), [1; 16], moment);
        let draft = draft.member("MY".parse().unwrap(), "MY", key.public_key(), []);
        let charter: UnverifiedCharter = draft.build().unwrap();
        Paper::Charter(Box::new(charter))
    }

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn member(name: &str) -> MemberName {
        name.parse().unwrap()
    }

    #[test]
    fn each_waits_once_in_its_order_and_nobody_is_forgotten() {
        let mut waiting = WaitingPapers::default();
        for number in 0..MAX_WAITING as u64 {
            waiting.add(&member("SG"), paper(number));
            waiting.add(&member("TH"), paper(number));
        }
        assert_eq!(waiting.papers.len(), MAX_WAITING);
        assert_eq!(waiting.dropped, BTreeSet::new());
        waiting.add(&member("VN"), paper(1000));
        for number in 0..MAX_WAITING as u64 {
            assert_eq!(waiting.begin_again(), BTreeSet::new(), "no room yet");
            assert_eq!(waiting.next(at(0)), Some((member("SG"), paper(number))));
        }
        assert_eq!(waiting.next(at(0)), None);
        let again = BTreeSet::from([member("VN")]);
        assert_eq!(waiting.begin_again(), again);
        assert_eq!(waiting.begin_again(), BTreeSet::new(), "once");
    }

    #[test]
    fn what_fails_again_stays_in_its_place_or_lets_others_go_first() {
        let path = std::path::PathBuf::from("ballots.txt");
        let disk = CharterFilesError::Write {
            path: path.clone(),
            source: std::io::Error::other("full"),
        };
        let taken = CharterFilesError::Turn(TurnError::Taken {
            folder: path,
            process: None,
        });
        let mut waiting = WaitingPapers::default();
        (0..3).for_each(|number| waiting.add(&member("SG"), paper(number)));
        let first = waiting.next(at(50)).unwrap();
        waiting.failed(first.clone(), &taken, at(50));
        assert_eq!(
            waiting.next(at(50)),
            Some(first.clone()),
            "at the next tick"
        );
        waiting.failed(first, &disk, at(50));
        assert_eq!(
            waiting.next(at(49).after(RETRY)),
            None,
            "a disk is given time"
        );
        let order =
            std::iter::from_fn(|| waiting.next(at(50).after(RETRY))).map(|(_, paper)| paper);
        assert_eq!(order.collect::<Vec<_>>(), [paper(1), paper(2), paper(0)]);
    }
}
