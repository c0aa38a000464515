//! What the parts of a node stand on: lent to a part for one call, so that none of them owns it.

use kentong_keys::{Card, EpochKey, MemberName, SealingKey, SealingSecret, SigningKey, Warrant};

use crate::feed::{Audience, UnverifiedCheckpoint};
use crate::store::{Log, Rows, Store};
use crate::sync::Now;

use super::Members;
use super::heads::Heads;

/// The world under a node, as types: a shipped node has files and sled, a simulated one memory that
/// fails.
pub trait World {
    /// The log of the store.
    type Log: Log;
    /// What is derived from it.
    type Rows: Rows;
    /// What was signed last.
    type Heads: Heads;
}

/// The store of a node in this world.
pub type StoreOf<W> = Store<<W as World>::Log, <W as World>::Rows>;

/// What this node signs and decrypts with, and what says to others that these keys are its member's.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Whose node this is.
    pub me: &'a MemberName,
    /// Signs checkpoints and claims.
    pub signing: &'a SigningKey,
    /// Cosigns other members' checkpoints.
    pub witness: &'a SigningKey,
    /// Decrypts what is encrypted to this member; the oldest key first, the card names the last.
    pub sealing: &'a [SealingSecret],
    /// The root key's word that the online keys are this member's.
    pub warrant: &'a Warrant,
    /// Where this node is reached, and what to encrypt to.
    pub card: &'a Card,
}

impl<'a> Keys<'a> {
    /// The key to encrypt to for a member: this node's own newest for itself.
    #[must_use]
    pub fn sealing_key<'m>(
        &self,
        members: &'m Members,
        member: &MemberName,
    ) -> Option<&'m SealingKey>
    where
        'a: 'm,
    {
        if member == self.me {
            return self.sealing.last().map(SealingSecret::public);
        }
        members.sealing_key(member)
    }

    /// Whether this node's present key signed a checkpoint: after a new warrant all are signed again.
    #[must_use]
    pub fn signed(&self, note: &[u8]) -> bool {
        let note = UnverifiedCheckpoint::parse(note);
        note.is_ok_and(|note| note.verify(&self.signing.public_key()).is_ok())
    }
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("me", self.me)
            .finish_non_exhaustive()
    }
}

/// Where random bytes come from. What is encrypted with bytes that somebody can guess is not secret.
pub trait Chance {
    /// Fills the bytes. If that cannot be done the node must not go on, so there is no error.
    fn fill(&mut self, bytes: &mut [u8]);

    /// So many random bytes.
    fn bytes<const N: usize>(&mut self) -> [u8; N]
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// The bytes that make the first leaf of a feed for this audience another than that of any feed before.
    fn first_leaf(&mut self, audience: &Audience) -> [u8; 16] {
        let _ = audience;
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }

    /// A new key for an epoch.
    fn epoch_key(&mut self) -> EpochKey {
        let mut secret = [0; 32];
        self.fill(&mut secret);
        EpochKey::from_secret(secret)
    }
}

impl dyn Chance + '_ {
    /// So many random bytes.
    pub fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// What the world lends a node for one call.
pub struct Lent<'a> {
    /// What it signs and decrypts with.
    pub keys: Keys<'a>,
    /// Where random bytes come from.
    pub chance: &'a mut dyn Chance,
    /// The time by which all is decided.
    pub now: Now,
}

impl std::fmt::Debug for Lent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lent")
            .field("keys", &self.keys)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What a part stands on while it does one thing.
pub struct Ground<'a, W: World> {
    /// What the node holds.
    pub store: &'a mut StoreOf<W>,
    /// Who belongs.
    pub members: &'a Members,
    /// What it signs and decrypts with.
    pub keys: Keys<'a>,
    /// The time by which all is decided.
    pub now: Now,
}

impl<W: World> std::fmt::Debug for Ground<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
