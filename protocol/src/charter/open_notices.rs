//! Notices that still take signatures.

use std::collections::BTreeMap;

use kentong_keys::Digest;

use super::room::{self, Room};
use super::signatures::notes;
use super::{Chain, MAX_NOTICE, Notice, NoticeError, Says, UnverifiedNotice};
use crate::time::Timestamp;

/// The most notices that wait for signatures. Beyond, those make room whose signers have the most
/// others waiting.
pub const MAX_OPEN_NOTICES: usize = 32;

/// Notices on the charter in force that some have signed, and not yet enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenNotices {
    by_hash: BTreeMap<Digest, UnverifiedNotice>,
}

/// What came of a copy of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collected {
    /// With it the notice has its signatures.
    Complete(Notice),
    /// It waits for more; whether this copy brought any.
    Waits(bool),
}

impl OpenNotices {
    /// The longest file of open notices, in bytes.
    pub const MAX_LEN: usize = MAX_OPEN_NOTICES * (MAX_NOTICE + 1);

    /// Accepts a copy, joined with what there is of the notice. Nothing is kept that nobody who
    /// may has signed, nor what can no longer come into force at `now`.
    pub fn add(
        &mut self,
        notice: UnverifiedNotice,
        chain: &Chain,
        now: Timestamp,
    ) -> Result<Collected, NoticeError> {
        self.fold(chain, now);
        let hash = notice.hash();
        let held = self.by_hash.get(&hash);
        if let Some(held) = held {
            notice.learn(held);
        }
        // Joined with itself it is in the one form, without the lines of strangers.
        let joined = notice.merge(chain, held.unwrap_or(&notice))?;
        match joined.clone().verify(chain) {
            Ok(complete) => {
                self.by_hash.remove(&hash);
                Ok(Collected::Complete(complete))
            }
            Err(NoticeError::TooFew { .. }) => {
                let news = held != Some(&joined);
                let kept = news && waits(&joined, chain, now) && self.make_room(&joined, chain);
                if kept {
                    self.by_hash.insert(hash, joined);
                }
                Ok(Collected::Waits(kept))
            }
            Err(error) => Err(error),
        }
    }

    /// Drops what is of another version by now, has its signatures, or is over.
    pub fn fold(&mut self, chain: &Chain, now: Timestamp) {
        self.by_hash.retain(|_, held| waits(held, chain, now));
    }

    /// All of them, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = &UnverifiedNotice> {
        self.by_hash.values()
    }

    /// Reads what [`OpenNotices::to_text`] wrote. Those beyond [`MAX_OPEN_NOTICES`] are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoticeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| kentong_keys::NoteError::NotUtf8)?;
        let notices = notes(text).into_iter().filter(|note| !note.is_empty());
        let mut by_hash = BTreeMap::new();
        for note in notices.take(MAX_OPEN_NOTICES) {
            let notice = UnverifiedNotice::parse(note.as_bytes())?;
            by_hash.insert(notice.hash(), notice);
        }
        Ok(Self { by_hash })
    }

    /// All of them as one file, with an empty line between.
    #[must_use]
    pub fn to_text(&self) -> String {
        let notes = self.iter().map(UnverifiedNotice::bytes);
        let notes: Vec<_> = notes.map(String::from_utf8_lossy).collect();
        notes.join("\n")
    }

    fn make_room(&mut self, notice: &UnverifiedNotice, chain: &Chain) -> bool {
        if self.by_hash.contains_key(&notice.hash()) {
            return true;
        }
        let signers = |notice: &UnverifiedNotice| {
            let signers = notice.signers(chain);
            signers.map(|(signed, _)| signed).unwrap_or_default()
        };
        let waiting = self.by_hash.iter();
        let waiting = waiting.map(|(hash, held)| (*hash, signers(held))).collect();
        match room::find(&waiting, &signers(notice), MAX_OPEN_NOTICES) {
            Room::Free => true,
            Room::InPlaceOf(other) => self.by_hash.remove(&other).is_some(),
            Room::None => false,
        }
    }
}

/// Whether a notice may still come into force, and is not.
fn waits(notice: &UnverifiedNotice, chain: &Chain, now: Timestamp) -> bool {
    let terms = notice.terms();
    let over = match terms.says {
        Says::Suspended { until } => until <= now,
        Says::Leaves => false,
    };
    !over
        && terms.charter == *chain.in_force().hash()
        && matches!(
            notice.clone().verify(chain),
            Err(NoticeError::TooFew { .. })
        )
}
