//! Epochs: a fresh key for a feed, sealed to each reader.

use core::time::Duration;

use kentong_keys::{
    Digest, EpochKey, Label, MemberName, SealedEpochKey, SealingChance, SealingContext, SealingKey,
    SealingKeyId, SealingSecret, open_epoch_key, seal_epoch_key_with,
};

use crate::bounded::BoundedVec;
use crate::time::Moment;

use super::audience::Audience;
use super::leaf::{EpochLeaf, FeedId, SealedFor};

/// The most statements that one epoch's key seals.
pub const MAX_EPOCH_STATEMENTS: u64 = 1 << 20;

/// How long an epoch is used. After that the next batch begins a new one: a finder of its key reads a day
/// of one feed.
pub const EPOCH_LIFETIME: Duration = Duration::from_secs(24 * 3600);

const EPOCH: Label = Label::new("kentong/epoch/1");

/// Why an epoch's key could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// The leaf seals nothing to this member: it had no valid sealing key then.
    #[error("the epoch's key was not sealed to this member")]
    LeftOut,
    /// It was sealed to a sealing key that this node does not hold, or no longer.
    #[error("the epoch's key was sealed to a sealing key that is not held")]
    UnknownKey,
    /// It does not open.
    #[error("the epoch's key does not open")]
    Seal,
    /// It is not the key that the leaf commits to.
    #[error("the epoch's key is not the one that the leaf commits to")]
    Commitment,
}

/// An epoch that this process has begun. Those of an earlier one are not continued: which of its keys a
/// crash dropped is not known.
#[derive(Debug)]
pub struct OpenEpoch {
    number: u32,
    key: EpochKey,
    begun: Moment,
    statements: u64,
}

impl OpenEpoch {
    /// An epoch that begins now.
    #[must_use]
    pub const fn begin(number: u32, key: EpochKey, now: Moment) -> Self {
        Self {
            number,
            key,
            begun: now,
            statements: 0,
        }
    }

    /// Its number in its feed.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &EpochKey {
        &self.key
    }

    /// Whether so many more statements may be sealed in it now.
    #[must_use]
    pub fn takes(&self, statements: u64, now: Moment) -> bool {
        let age = now.since(self.begun);
        self.statements.saturating_add(statements) <= MAX_EPOCH_STATEMENTS && age < EPOCH_LIFETIME
    }

    /// So many statements are sealed in it.
    pub const fn seals(&mut self, statements: u64) {
        self.statements = self.statements.saturating_add(statements);
    }
}

/// What an epoch's sealing is bound to.
#[derive(Clone, Copy, Debug)]
pub struct EpochDraft<'a> {
    /// The federation's id.
    pub federation: &'a Digest,
    /// The feed.
    pub feed: FeedId,
    /// The new epoch's number.
    pub epoch: u32,
    /// The charter version in force.
    pub charter_version: u32,
    /// Whom to seal to.
    pub audience: &'a Audience,
}

impl EpochDraft<'_> {
    /// Seals `key` to every member of the audience, the publisher included; a member that has no
    /// sealing key in `keys` is named as left out.
    #[must_use]
    pub fn seal<'k>(
        &self,
        key: &EpochKey,
        keys: impl FnMut(&MemberName) -> Option<&'k SealingKey>,
    ) -> EpochLeaf {
        self.seal_with(key, SealingChance::draw, keys)
    }

    /// The same by random bytes that are handed in, others for each of the audience.
    #[must_use]
    pub fn seal_with<'k>(
        &self,
        key: &EpochKey,
        mut chance: impl FnMut() -> SealingChance,
        mut keys: impl FnMut(&MemberName) -> Option<&'k SealingKey>,
    ) -> EpochLeaf {
        let (mut sealed, mut left_out) = (Vec::new(), Vec::new());
        for member in self.audience.members() {
            let to = keys(member);
            let one = to.and_then(|to| {
                let context = context(self.federation, &self.feed, self.epoch, member, to);
                let sealed = seal_epoch_key_with(key, to, &context, chance()).ok()?;
                Some(SealedFor {
                    member: member.clone(),
                    key_id: to.id(),
                    sealed,
                })
            });
            match one {
                Some(one) => sealed.push(one),
                None => left_out.push(member.clone()),
            }
        }
        EpochLeaf {
            epoch: self.epoch,
            charter_version: self.charter_version,
            commitment: commitment(key, self.federation, self.feed, self.epoch),
            sealed: BoundedVec::new(sealed).expect("an audience has the same bound"),
            left_out: BoundedVec::new(left_out).expect("an audience has the same bound"),
        }
    }
}

impl EpochLeaf {
    /// Checks a key, however it came, against what the leaf commits to.
    pub fn check_key(
        &self,
        key: &EpochKey,
        federation: &Digest,
        feed: FeedId,
    ) -> Result<(), EpochError> {
        let same = commitment(key, federation, feed, self.epoch) == self.commitment;
        if same {
            Ok(())
        } else {
            Err(EpochError::Commitment)
        }
    }
}

impl EpochLeaf {
    /// Opens a key that was sealed again by [`rewrap`], and checks it against the commitment.
    pub fn open_rewrapped<'s>(
        &self,
        (key_id, sealed): (&SealingKeyId, &SealedEpochKey),
        federation: &Digest,
        feed: FeedId,
        reader: &MemberName,
        secrets: impl IntoIterator<Item = &'s SealingSecret>,
    ) -> Result<EpochKey, EpochError> {
        let secret = secrets
            .into_iter()
            .find(|secret| secret.public().id() == *key_id);
        let secret = secret.ok_or(EpochError::UnknownKey)?;
        let context = context(federation, &feed, self.epoch, reader, secret.public());
        let key = open_epoch_key(sealed, secret, &context).map_err(|_| EpochError::Seal)?;
        self.check_key(&key, federation, feed)?;
        Ok(key)
    }
}

/// Opens an epoch's key with one of the reader's sealing secrets, and checks the commitment.
pub fn open_epoch<'s>(
    leaf: &EpochLeaf,
    federation: &Digest,
    feed: FeedId,
    reader: &MemberName,
    secrets: impl IntoIterator<Item = &'s SealingSecret>,
) -> Result<EpochKey, EpochError> {
    let mine = leaf
        .sealed
        .iter()
        .find(|one| one.member == *reader)
        .ok_or(EpochError::LeftOut)?;
    leaf.open_rewrapped(
        (&mine.key_id, &mine.sealed),
        federation,
        feed,
        reader,
        secrets,
    )
}

/// Seals an epoch's key again, to a reader's present sealing key. None if that key cannot be used.
#[must_use]
pub fn rewrap(
    key: &EpochKey,
    federation: &Digest,
    feed: FeedId,
    epoch: u32,
    reader: &MemberName,
    to: &SealingKey,
) -> Option<SealedEpochKey> {
    let chance = SealingChance::draw();
    rewrap_with(key, federation, (feed, epoch), (reader, to), chance)
}

/// The same by random bytes that are handed in.
#[must_use]
pub fn rewrap_with(
    key: &EpochKey,
    federation: &Digest,
    (feed, epoch): (FeedId, u32),
    (reader, to): (&MemberName, &SealingKey),
    chance: SealingChance,
) -> Option<SealedEpochKey> {
    let context = context(federation, &feed, epoch, reader, to);
    seal_epoch_key_with(key, to, &context, chance).ok()
}

/// The context in which an epoch's key is sealed to `recipient`.
pub(crate) fn context<'a>(
    federation: &'a Digest,
    feed: &'a FeedId,
    epoch: u32,
    recipient: &'a MemberName,
    key: &SealingKey,
) -> SealingContext<'a> {
    SealingContext {
        federation,
        feed: feed.digest(),
        epoch,
        recipient,
        key_id: key.id(),
    }
}

fn commitment(key: &EpochKey, federation: &Digest, feed: FeedId, epoch: u32) -> Digest {
    let place = [
        federation.as_bytes().as_slice(),
        feed.digest().as_bytes(),
        &epoch.to_be_bytes(),
    ];
    key.commitment(&Digest::labelled(EPOCH, &place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Leaf, LeafError};

    fn name(text: &str) -> MemberName {
        text.parse().unwrap()
    }

    #[test]
    fn an_epoch_ends_with_its_day_or_its_statements() {
        let begin = || {
            OpenEpoch::begin(
                1,
                EpochKey::from_secret([9; 32]),
                Moment::from_millis(1_000),
            )
        };
        let day = 86_400_000;
        for (sealed, more, now, takes) in [
            (0, 1, 1_000, true),
            (0, 1 << 20, 1_000, true),
            (0, (1 << 20) + 1, 1_000, false),
            ((1 << 20) - 1, 1, 1_000, true),
            (1 << 20, 0, 1_000, true),
            (1 << 20, 1, 1_000, false),
            (0, 1, 1_000 + day - 1, true),
            (0, 1, 1_000 + day, false),
            (0, 1, 0, true),
            (u64::MAX, u64::MAX, 1_000, false),
        ] {
            let mut epoch = begin();
            epoch.seals(sealed);
            assert_eq!(
                epoch.takes(more, Moment::from_millis(now)),
                takes,
                "{sealed} {more} {now}"
            );
        }
    }

    #[test]
    fn only_the_audience_opens_and_only_what_was_committed() {
        let (my, sg, th) = (name("MY"), name("SG"), name("TH"));
        let secrets: Vec<_> = (1_u8..4)
            .map(|i| SealingSecret::from_seed([i; 32]))
            .collect();
        let audience = Audience::of(&my, [&sg, &th]).unwrap();
        let federation = Digest::labelled(EPOCH, &[b"federation"]);
        let feed = FeedId::from_digest(Digest::labelled(EPOCH, &[b"feed"]));
        let draft = EpochDraft {
            federation: &federation,
            feed,
            epoch: 1,
            charter_version: 1,
            audience: &audience,
        };
        let key = EpochKey::from_secret([9; 32]);
        let leaf = draft.seal(&key, |member| match member.as_str() {
            "MY" => Some(secrets[0].public()),
            "SG" => Some(secrets[1].public()),
            _ => None,
        });
        assert_eq!(leaf.left_out.iter().collect::<Vec<_>>(), [&th]);
        let opened = open_epoch(&leaf, &federation, feed, &sg, &secrets).unwrap();
        assert_eq!(opened.secret().expose(), key.secret().expose());
        let of = |member: &MemberName, secrets: &[SealingSecret], leaf: &EpochLeaf| {
            open_epoch(leaf, &federation, feed, member, secrets).unwrap_err()
        };
        assert_eq!(of(&th, &secrets, &leaf), EpochError::LeftOut);
        assert_eq!(of(&sg, &secrets[2..], &leaf), EpochError::UnknownKey);
        let mut moved = leaf.clone();
        moved.epoch = 2;
        assert_eq!(of(&sg, &secrets, &moved), EpochError::Seal);
        let other = draft.seal(&EpochKey::from_secret([8; 32]), |_| {
            Some(secrets[1].public())
        });
        let lying = EpochLeaf {
            commitment: leaf.commitment,
            ..other
        };
        assert_eq!(of(&sg, &secrets, &lying), EpochError::Commitment);
        let bytes = Leaf::Epoch(leaf.clone()).encode();
        assert_eq!(Leaf::decode(&bytes), Ok(Leaf::Epoch(leaf.clone())));
        let zero = Leaf::Epoch(EpochLeaf { epoch: 0, ..leaf }).encode();
        assert_eq!(Leaf::decode(&zero), Err(LeafError::Inconsistent));
    }
}
