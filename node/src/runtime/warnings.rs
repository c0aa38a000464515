//! What a person should know: since when, how often, and until it is over.

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::time::Timestamp;

use crate::control::reply;

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

/// The warnings, the newest last.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<Warning>);

#[derive(Debug)]
struct Warning {
    subject: Subject,
    text: String,
    since: Timestamp,
    last: Timestamp,
    times: u64,
}

impl Warnings {
    /// Takes note of a warning; the same said again is counted.
    pub(super) fn add(&mut self, subject: Subject, text: String, now: Timestamp) {
        let same = |known: &Warning| known.subject == subject && known.text == text;
        let (since, times) = match self.0.iter().position(same) {
            Some(at) => {
                let known = self.0.remove(at);
                (known.since, known.times.saturating_add(1))
            }
            None => (now, 1),
        };
        self.0.push(Warning {
            subject,
            text,
            since,
            last: now,
            times,
        });
        if self.0.len() > MAX_WARNINGS {
            self.0.remove(0);
        }
    }

    /// Whether there is a warning about this.
    pub(super) fn is_about(&self, subject: &Subject) -> bool {
        self.0.iter().any(|warning| warning.subject == *subject)
    }

    /// What the subject was about is over.
    pub(super) fn settle(&mut self, subject: &Subject) {
        self.0.retain(|warning| warning.subject != *subject);
    }

    /// The newest, for an operator.
    pub(super) fn shown(&self) -> impl Iterator<Item = reply::Warning> {
        self.0.iter().rev().take(SHOWN).map(|warning| {
            let Warning {
                text,
                since,
                last,
                times,
                ..
            } = warning;
            reply::Warning {
                text: text.clone(),
                since: since.to_string(),
                last: last.to_string(),
                times: *times,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.plus(seconds)
    }

    fn shown(warnings: &Warnings) -> Vec<(String, String, String, u64)> {
        let row = |w: reply::Warning| (w.text, w.since, w.last, w.times);
        warnings.shown().map(row).collect()
    }

    #[test]
    fn they_say_since_when_and_end() {
        let mut warnings = Warnings::default();
        warnings.add(Subject::Release, "full".into(), at(0));
        warnings.add(Subject::Start, "rebuilt".into(), at(1));
        warnings.add(Subject::Release, "full".into(), at(2));
        let [full, rebuilt] = &shown(&warnings)[..] else {
            panic!("{warnings:?}");
        };
        let times = |seconds| at(seconds).to_string();
        assert_eq!(*full, ("full".into(), times(0), times(2), 2));
        assert_eq!(*rebuilt, ("rebuilt".into(), times(1), times(1), 1));
        warnings.settle(&Subject::Exchange("SG".parse().unwrap()));
        warnings.settle(&Subject::Release);
        assert_eq!(shown(&warnings).len(), 1);
    }

    #[test]
    fn they_are_bounded() {
        let mut warnings = Warnings::default();
        (0..1000).for_each(|n| warnings.add(Subject::Release, n.to_string(), at(n)));
        assert_eq!(warnings.0.len(), MAX_WARNINGS);
        let shown = shown(&warnings);
        assert_eq!((shown.len(), shown[0].0.as_str()), (SHOWN, "999"));
    }
}
