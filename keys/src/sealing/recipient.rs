//! Sealing an epoch key to a member's long-lived sealing key: HPKE, base mode, single shot.

use std::fmt;

use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use super::OpenError;
use super::algorithm::recipient::{Aead, Kdf, Kem, KemTrait};
use super::body::EpochKey;
use crate::random::{self, Given};
use crate::{Digest, Label, MemberName, Secret, fixed};

const EPOCH_KEY: Label = Label::new("kentong/epoch-key/1");
const KEY_ID: Label = Label::new("kentong/sealing-key-id/1");

/// What a member publishes so that others can seal to it: an X-Wing public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealingKey(Box<[u8; 1216]>);

impl SealingKey {
    /// The length in bytes.
    pub const LEN: usize = 1216;

    /// Takes the bytes of a key; refuses what X-Wing does not accept as one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealingKeyError> {
        let bytes: [u8; Self::LEN] = bytes
            .try_into()
            .map_err(|_| SealingKeyError::Length(bytes.len()))?;
        <Kem as KemTrait>::PublicKey::from_bytes(&bytes).map_err(|_| SealingKeyError::Invalid)?;
        Ok(Self(Box::new(bytes)))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 1216] {
        &self.0
    }

    /// The short name of the key.
    #[must_use]
    pub fn id(&self) -> SealingKeyId {
        let [a, b, c, d, e, f, g, h, ..] =
            *Digest::labelled(KEY_ID, &[self.0.as_slice()]).as_bytes();
        SealingKeyId([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id())
    }
}

impl Serialize for SealingKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        fixed::serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for SealingKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes: [u8; Self::LEN] = fixed::deserialize(from)?;
        Self::from_bytes(&bytes).map_err(de::Error::custom)
    }
}

/// Why bytes are not a sealing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingKeyError {
    /// Another length than [`SealingKey::LEN`].
    #[error("a sealing key has {len} bytes, not {0}", len = SealingKey::LEN)]
    Length(usize),
    /// Not the encoding of an X-Wing public key.
    #[error("the bytes are not an X-Wing public key")]
    Invalid,
}

/// The short name of a sealing key: the first bytes of a labelled hash of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SealingKeyId(#[serde(with = "fixed")] [u8; 8]);

impl SealingKeyId {
    /// Takes bytes that are an id already.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The secret half of a sealing key. X-Wing keeps it as a seed of 32 bytes.
pub struct SealingSecret {
    seed: Secret<32>,
    key: Box<<Kem as KemTrait>::PrivateKey>,
    public: SealingKey,
}

impl SealingSecret {
    /// Draws a fresh key.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_seed(Secret::generate())
    }

    /// The key of a seed.
    #[must_use]
    pub fn from_seed(seed: impl Into<Secret<32>>) -> Self {
        let seed = seed.into();
        let key = <Kem as KemTrait>::PrivateKey::from_bytes(seed.expose())
            .expect("every 32 bytes are an X-Wing seed");
        let mut public = Box::new([0; SealingKey::LEN]);
        Kem::sk_to_pk(&key).write_exact(public.as_mut_slice());
        Self {
            seed,
            key: Box::new(key),
            public: SealingKey(public),
        }
    }

    /// The seed, for the key file.
    #[must_use]
    pub const fn to_seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// What others seal to.
    #[must_use]
    pub const fn public(&self) -> &SealingKey {
        &self.public
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingSecret")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// An epoch key sealed to one recipient: the KEM's share, then the key and its tag.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SealedEpochKey(Box<[u8; 1168]>);

impl SealedEpochKey {
    /// The length in bytes.
    pub const LEN: usize = SHARE + 48;

    /// Takes bytes that are a sealed key already; whether they open is seen when opening.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 1168]) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 1168] {
        &self.0
    }
}

/// The length of the KEM's share.
const SHARE: usize = 1120;

impl fmt::Debug for SealedEpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedEpochKey")
    }
}

impl Serialize for SealedEpochKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        fixed::serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for SealedEpochKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        fixed::deserialize(from).map(Self::from_bytes)
    }
}

/// What a sealed epoch key belongs to: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct SealingContext<'a> {
    /// The federation.
    pub federation: &'a Digest,
    /// The feed.
    pub feed: &'a Digest,
    /// The epoch of the feed.
    pub epoch: u32,
    /// Who can open.
    pub recipient: &'a MemberName,
    /// With which of its keys.
    pub key_id: SealingKeyId,
}

impl SealingContext<'_> {
    fn info(&self) -> Vec<u8> {
        EPOCH_KEY.framed(&[
            self.federation.as_bytes(),
            self.feed.as_bytes(),
            &self.epoch.to_be_bytes(),
            self.recipient.as_str().as_bytes(),
            self.key_id.as_bytes(),
        ])
    }
}

/// Why an epoch key was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The context names another key than the one to seal to.
    #[error("the context names sealing key {named}, but the key to seal to is {given}")]
    OtherKey {
        /// The id in the context.
        named: SealingKeyId,
        /// The id of the key.
        given: SealingKeyId,
    },
    /// The KEM refused the recipient's key.
    #[error("the recipient's sealing key cannot be used")]
    Refused,
}

/// Seals an epoch key so that only the owner of `to` can open it, and only in this context.
pub fn seal_epoch_key(
    key: &EpochKey,
    to: &SealingKey,
    context: &SealingContext<'_>,
) -> Result<SealedEpochKey, SealError> {
    seal_epoch_key_with(key, to, context, SealingChance::draw())
}

/// The random bytes that sealing one epoch key to one recipient takes.
///
/// With them anybody can open what was sealed by them, and two keys sealed by the same bytes give each
/// other away. So they are used up by sealing, cannot be copied, and are wiped.
pub struct SealingChance(Zeroizing<[u8; Self::LEN]>);

impl SealingChance {
    const LEN: usize = 64;

    /// Bytes of the operating system's, which nobody can predict.
    #[must_use]
    pub fn draw() -> Self {
        Self::filled_by(random::fill_random)
    }

    /// Bytes that the caller fills in. A node fills in what nobody can predict; who runs a simulation
    /// again what it filled in before.
    #[must_use]
    pub fn filled_by(fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        fill(bytes.as_mut_slice());
        Self(bytes)
    }
}

impl fmt::Debug for SealingChance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingChance(..)")
    }
}

/// The same by random bytes that are handed in.
pub fn seal_epoch_key_with(
    key: &EpochKey,
    to: &SealingKey,
    context: &SealingContext<'_>,
    chance: SealingChance,
) -> Result<SealedEpochKey, SealError> {
    let given = to.id();
    if given != context.key_id {
        return Err(SealError::OtherKey {
            named: context.key_id,
            given,
        });
    }
    let to =
        <Kem as KemTrait>::PublicKey::from_bytes(to.as_bytes()).map_err(|_| SealError::Refused)?;
    let (share, sealed) = hpke::single_shot_seal_with_rng::<Aead, Kdf, Kem>(
        &OpModeS::Base,
        &to,
        &context.info(),
        key.secret().expose(),
        &[],
        &mut Given(chance.0.as_slice()),
    )
    .map_err(|_| SealError::Refused)?;
    let mut bytes = Box::new([0; SealedEpochKey::LEN]);
    let (front, back) = bytes.split_at_mut(SHARE);
    share.write_exact(front);
    back.copy_from_slice(&sealed);
    Ok(SealedEpochKey(bytes))
}

/// Opens what [`seal_epoch_key`] sealed to `with` in the same context.
pub fn open_epoch_key(
    sealed: &SealedEpochKey,
    with: &SealingSecret,
    context: &SealingContext<'_>,
) -> Result<EpochKey, OpenError> {
    let (share, ciphertext) = sealed.0.split_at(SHARE);
    let share = <Kem as KemTrait>::EncappedKey::from_bytes(share).map_err(|_| OpenError)?;
    let opened = hpke::single_shot_open::<Aead, Kdf, Kem>(
        &OpModeR::Base,
        &with.key,
        &share,
        &context.info(),
        ciphertext,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError)?;
    let key = Secret::from_slice(&opened).ok_or(OpenError)?;
    Ok(EpochKey::from_secret(key))
}

#[cfg(test)]
mod tests;
