//! Settling what was signed last, by what readers said or by the root key's word.

use std::collections::BTreeSet;

use kentong_keys::{Digest, GoAheadTerms, MemberName, RecoveryId};

use super::super::heads::Heads;
use super::asking::{By, Settlement};
use super::loading::Loading;
use super::lost::Lost;
use super::output::{About, Output, Warning};
use super::{History, OurFeeds, Past, Word, goes_on};
use crate::time::Moment;

impl History {
    /// Whether enough of those who can be asked have been heard, and all that they showed is back: then
    /// by what the heads are to be settled.
    #[must_use]
    pub fn look_for_settlement(
        &self,
        now: Moment,
        asked: &BTreeSet<MemberName>,
        feeds: &impl OurFeeds,
    ) -> Option<Settlement> {
        let asking = self.asking().filter(|_| self.stopped.is_none())?;
        asking.settle_by_readers(now, asked, feeds)
    }

    /// The root key says that publishing is to continue by what was found so far.
    pub fn go_ahead(
        &self,
        terms: &GoAheadTerms,
        federation: &Digest,
        feeds: &impl OurFeeds,
    ) -> Result<Settlement, NoGoAhead> {
        let asking = self.asking().ok_or(NoGoAhead::NotAsked)?;
        if terms.recovery != asking.recovery() || terms.federation != *federation {
            return Err(NoGoAhead::Other(asking.recovery()));
        }
        if let Some(why) = &self.stopped {
            return Err(NoGoAhead::Stopped(why.clone()));
        }
        Ok(asking.settle(By::RootKey, 0, feeds))
    }

    /// The heads were settled, durably, as a settlement said: publishing continues.
    pub fn settled(&mut self, by: By, feeds: &impl OurFeeds, heads: &impl Heads) -> Vec<Output> {
        let known = Past::Known {
            word: Word::Given,
            loading: Loading::default(),
        };
        let asking = match std::mem::replace(&mut self.past, known) {
            Past::Unknown(asking) => asking,
            past @ Past::Known { .. } => {
                self.past = past;
                return Vec::new();
            }
        };
        self.lost
            .retain(|feed, _| !goes_on(heads.get(feed.digest())));
        let no_longer = asking.feeds_shown();
        let no_longer = no_longer.filter(|feed| !self.lost.contains_key(feed));
        let mut outputs: Vec<_> = no_longer
            .map(|feed| Output::Settle(About::Lost(feed)))
            .collect();
        // What comes back later is loaded then, and nothing waits for it.
        for one in asking.unfinished(feeds) {
            let late = Lost::not_awaited(one.shown, 0);
            self.lost.insert(one.feed, late);
        }
        if by == By::RootKey {
            let heard = asking.heard().len();
            outputs.push(Output::Warn(Warning::ByRootKey { heard }));
        }
        outputs.push(Output::OpenFeeds);
        outputs.extend(self.load_all(feeds));
        outputs.extend([Output::CosignAll, Output::ReleaseAll]);
        outputs
    }
}

/// Why a go-ahead of the root key does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoGoAhead {
    /// It is known what was signed last.
    NotAsked,
    /// It is for another recovery, or another federation: this one's name.
    Other(RecoveryId),
    /// Nothing is published until the next start.
    Stopped(String),
}
