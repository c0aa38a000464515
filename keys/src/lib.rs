//! Identities, labelled hashing, signing, sealing and key files of Kentong.
//!
//! Bytes in, bytes out. The only crate that names `ring`; sealing to a long-lived key is HPKE
//! with X-Wing. Nothing here performs I/O unless the feature `keystore` is on. The byte formats
//! are written down in `keys/FORMATS.md`.

mod card;
mod digest;
mod fixed;
mod form;
mod go_ahead;
mod identity;
#[cfg(feature = "keystore")]
mod keystore;
mod member;
mod note;
mod peer_id;
mod random;
mod role;
mod sealing;
mod secret;
mod signing;
mod warrant;

pub use card::{AddressText, AddressTextError, Card, CardError, CardTerms};
pub use digest::{Digest, Hasher, Label};
pub use form::FormError;
pub use go_ahead::{GoAhead, GoAheadError, GoAheadTerms, NoRecoveryId, RecoveryId};
pub use identity::{
    KeyName, KeyNameError, KeyType, PublicKey, SmallOrderKey, VerifierKey, VerifierKeyError,
};
#[cfg(feature = "keystore")]
pub use keystore::{
    KeySlot, Keyring, KeystoreError, Passphrase, PassphraseError, read_root, write_root,
};
pub use member::{MemberName, MemberNameError};
pub use note::{BadSignatureLine, Note, NoteError, NoteSignature, NoteVerifyError};
pub use peer_id::{PeerIdError, PeerIdText};
pub use random::{fill_random, random_bytes};
pub use role::{Role, UnknownRole, key_name};
pub use sealing::{
    BodyContext, EpochKey, IndexKey, OpenError, SealError, SealedEpochKey, SealingChance,
    SealingContext, SealingKey, SealingKeyError, SealingKeyId, SealingSecret, StoreKey, open_body,
    open_epoch_key, seal_body, seal_epoch_key, seal_epoch_key_with, statement_salt,
};
pub use secret::Secret;
pub use signing::{BadSignature, Signature, SigningKey};
pub use warrant::{FrozenHead, Warrant, WarrantError, WarrantTerms};
