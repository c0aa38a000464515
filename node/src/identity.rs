//! Who this node is: its opened keys, with the warrant and card that say so to others.
//!
//! The keys lie in the home's keyring under the passphrase; warrant and card lie in the member's
//! own file among the members' files. The root key is in neither: it signs a warrant, and stays away
//! from the node. The member's own file says which of the keys count: those that its warrant and its
//! card name.

mod replacement;
mod schedule;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kentong_keys::{
    AddressText, Card, CardError, CardTerms, KeySlot, Keyring, KeystoreError, MemberName,
    Passphrase, PeerIdText, PublicKey, Role, SealingSecret, Secret, SigningKey, StoreKey, Warrant,
    WarrantError, WarrantTerms, write_root,
};
use kentong_protocol::charter::MAX_DISPLAY_NAME;
use kentong_protocol::directory::{Bundle, BundleError};
use kentong_protocol::member::Keys;
use kentong_protocol::time::Timestamp;

use crate::home::Home;
use crate::member_file::{self, MemberFileError};
use crate::net::Address;
use crate::turn::Wait;
use crate::whole_file;

/// Why an identity cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A key file cannot be written or read, or the passphrase is wrong.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The keys do not make a warrant.
    #[error("the warrant cannot be issued: {0}")]
    Warrant(#[from] WarrantError),
    /// The addresses do not make a card.
    #[error("the card cannot be issued: {0}; correct the addresses")]
    Card(#[from] CardError),
    /// An address that nobody can dial.
    #[error("{0} cannot be dialled; name the address and port where others reach this node")]
    Undialable(Address),
    /// Too long for a card.
    #[error("the address {0} is longer than a card takes; use a shorter host name")]
    LongAddress(Address),
    /// A display name that is empty, too long, or has control characters.
    #[error(
        "a display name has 1 to {MAX_DISPLAY_NAME} bytes and no control characters; choose another"
    )]
    DisplayName,
    /// A member's file cannot be read or written.
    #[error("cannot {action} {path}: {source}; check the disk and the permissions")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// This member's own file cannot be written.
    #[error(transparent)]
    MemberFile(#[from] MemberFileError),
    /// No member's file is about these keys.
    #[error(
        "no file in {folder} belongs to the keys of this home; put back this member's own .card \
         file from your backup, or from another member"
    )]
    NoCard {
        /// The folder of the members' files.
        folder: PathBuf,
    },
    /// What is to be said of this member does not belong together.
    #[error("this member's own file cannot be made: {0}; put back the home from your backup")]
    Bundle(#[from] BundleError),
    /// The keyring has no key of the peer id that the card says is in use.
    #[error(
        "{folder} has no key of the peer id on this node's card; put back the folder from your \
         backup"
    )]
    NoTransportKey {
        /// Where keys lie.
        folder: PathBuf,
    },
    /// The keyring has a sealing key, and was to be given the first of a restored home.
    #[error("{folder} has a sealing key already; restore into a folder that is not there yet")]
    HasSealingKey {
        /// The folder of the keys.
        folder: PathBuf,
    },
    /// The serial of a warrant is the number of its keys' files, which has 32 bits.
    #[error("the serial of a warrant is at most {max} here; choose a lower one", max = u32::MAX)]
    Serial,
    /// The warrant is not newer than the one that counts.
    #[error("the warrant has serial {offered}, and {known} counts here; draft another")]
    OldWarrant {
        /// Its serial.
        offered: u64,
        /// That of the one in use.
        known: u64,
    },
    /// The keys that the warrant names are not here.
    #[error(
        "the keys that this warrant names are not in {folder}: it was drafted in another home, or the          node was started since; draft another with `kentong warrant draft`"
    )]
    NotDrafted {
        /// The folder of the keys.
        folder: PathBuf,
    },
    /// The keyring has no sealing key.
    #[error("{folder} has no sealing key; put back the folder from your backup")]
    NoSealingKey {
        /// The folder of the keys.
        folder: PathBuf,
    },
}

/// The opened keys of this node, and what says to others that they are this member's.
pub struct Identity {
    /// Whose node this is.
    pub member: MemberName,
    /// The agency's name, for people.
    pub display_name: String,
    /// The public part of the root key.
    pub root: PublicKey,
    /// Signs checkpoints and cards.
    pub signing: SigningKey,
    /// Cosigns other members' checkpoints.
    pub witness: SigningKey,
    /// The identity on the network; signs the card besides.
    pub transport: SigningKey,
    /// Opens what is sealed to this member; the oldest key first, the card names the last.
    pub sealing: Vec<SealingSecret>,
    /// The root key's word that the online keys are this member's.
    pub warrant: Warrant,
    /// Where this node is reached, and what to seal to.
    pub card: Card,
    store: Secret<32>,
    keyring: Keyring,
    /// The day on which each of the sealing keys was made.
    sealing_days: Vec<u32>,
    /// The number of the transport key: the day on which it was made.
    transport_day: u32,
    /// The key of the peer id that is announced, and since which day.
    next_transport: Option<(u32, SigningKey)>,
}

/// Where and how the root key is kept.
#[derive(Debug, Clone, Copy)]
pub struct RootFile<'a> {
    /// The file of its own, which is not there yet.
    pub path: &'a Path,
    /// What opens it; best another passphrase than that of the node, which is where the node is.
    pub passphrase: &'a Passphrase,
}

impl Identity {
    /// Makes all keys of a new home: the online ones in its keyring under `passphrase`, the root
    /// key in a file of its own. Issues the first warrant and card.
    pub fn create(
        home: &Home,
        passphrase: &Passphrase,
        member: &MemberName,
        display_name: &str,
        root_file: RootFile<'_>,
        addresses: &[Address],
    ) -> Result<Self, IdentityError> {
        let is_plain =
            !display_name.trim().is_empty() && !display_name.chars().any(char::is_control);
        if display_name.len() > MAX_DISPLAY_NAME || !is_plain {
            return Err(IdentityError::DisplayName);
        }
        let addresses = address_texts(addresses)?;
        let (root, signing) = (SigningKey::generate(), SigningKey::generate());
        let (witness, transport) = (SigningKey::generate(), SigningKey::generate());
        let store = Secret::<32>::generate();
        let sealing = SealingSecret::generate();
        let issued = now();
        let warrant = Warrant::issue(
            WarrantTerms {
                member: member.clone(),
                serial: 1,
                signing: signing.public_key(),
                witness: witness.public_key(),
                heads: Vec::new(),
                issued,
            },
            &root,
        )?;
        let card = Card::issue(
            CardTerms {
                member: member.clone(),
                serial: 1,
                sealing: sealing.public().clone(),
                peer: PeerIdText::of(&transport.public_key()),
                next_peer: None,
                addresses,
                issued,
            },
            &signing,
            &[&transport],
        )?;
        let keyring = Keyring::create(&home.keys(), passphrase)?;
        keyring.write_new(Role::Signing, signing.seed())?;
        keyring.write_new(Role::Witness, witness.seed())?;
        let today = schedule::day(Timestamp::from_seconds(issued).unwrap_or(Timestamp::EPOCH));
        keyring.write_new(KeySlot::new(Role::Transport, today), transport.seed())?;
        keyring.write_new(KeySlot::new(Role::Sealing, today), sealing.to_seed())?;
        keyring.write_new(Role::Store, &store)?;
        let identity = Self {
            member: member.clone(),
            display_name: display_name.to_owned(),
            root: root.public_key(),
            signing,
            witness,
            transport,
            sealing: vec![sealing],
            warrant,
            card,
            store,
            keyring,
            sealing_days: vec![today],
            transport_day: today,
            next_transport: None,
        };
        identity.write_file(home, Wait::ASecond)?;
        // Last, and taken away again when it fails: a root key without a home would stay on its
        // stick and look like one that counts.
        let RootFile { path, passphrase } = root_file;
        if let Err(error) = write_root(path, passphrase, member, root.seed()) {
            if !matches!(error, KeystoreError::Exists(_)) {
                std::fs::remove_file(path).ok();
            }
            return Err(error.into());
        }
        Ok(identity)
    }

    /// Opens the keys of a home, and finds the member's file that is about them.
    pub fn open(home: &Home, passphrase: &Passphrase) -> Result<Self, IdentityError> {
        let keyring = Keyring::open(&home.keys(), passphrase)?;
        let identity = Self::read(home, keyring)?;
        if identity.sealing.is_empty() {
            return Err(IdentityError::NoSealingKey {
                folder: home.keys(),
            });
        }
        Ok(identity)
    }

    /// Opens the keys of a home that was made from a backup, makes the sealing key that no backup
    /// holds, and issues a card that names it: with other `addresses`, if there are some. Its serial is
    /// above all that were issued since the backup was made, as long as none of them was a second's
    /// work: it counts at least the seconds since 1970.
    pub fn renew(
        home: &Home,
        passphrase: &Passphrase,
        addresses: &[Address],
    ) -> Result<Self, IdentityError> {
        let keyring = Keyring::open(&home.keys(), passphrase)?;
        let mut identity = Self::read(home, keyring)?;
        if !identity.sealing.is_empty() {
            return Err(IdentityError::HasSealingKey {
                folder: home.keys(),
            });
        }
        identity.begin_again(home, addresses)?;
        Ok(identity)
    }

    fn read(home: &Home, keyring: Keyring) -> Result<Self, IdentityError> {
        let (mut sealing, mut sealing_days) = (Vec::new(), Vec::new());
        let (mut transport, mut signing, mut witness) = (Vec::new(), Vec::new(), Vec::new());
        for slot in keyring.slots()? {
            match slot.role {
                Role::Sealing => {
                    sealing.push(SealingSecret::from_seed(keyring.read(slot)?));
                    sealing_days.push(slot.number);
                }
                Role::Transport => {
                    let key = SigningKey::from_seed(keyring.read(slot)?);
                    transport.push((slot.number, key));
                }
                Role::Signing => signing.push(SigningKey::from_seed(keyring.read(slot)?)),
                Role::Witness => witness.push(SigningKey::from_seed(keyring.read(slot)?)),
                Role::Root | Role::Store => {}
            }
        }
        let store = keyring.read(Role::Store)?;
        let own = own_bundle(home, &signing, &witness)?;
        let (warrant, folder) = (own.warrant(), home.keys());
        let no_key = || IdentityError::NoCard { folder };
        let signing = taken(&mut signing, warrant.signing()).ok_or_else(no_key.clone())?;
        let witness = taken(&mut witness, warrant.witness()).ok_or_else(no_key)?;
        let mut named = |peer: &PeerIdText| {
            let key = transport
                .iter()
                .position(|(_, key)| PeerIdText::of(&key.public_key()) == *peer)?;
            Some(transport.swap_remove(key))
        };
        let card = own.card();
        let next_transport = card.next_peer().and_then(&mut named);
        let (transport_day, transport) =
            named(card.peer()).ok_or_else(|| IdentityError::NoTransportKey {
                folder: home.keys(),
            })?;
        Ok(Self {
            member: own.member().clone(),
            display_name: own.display_name().to_owned(),
            root: *own.root(),
            signing,
            witness,
            transport,
            sealing,
            warrant: own.warrant().clone(),
            card: own.card().clone(),
            store,
            keyring,
            sealing_days,
            transport_day,
            next_transport,
        })
    }

    /// The key under which the node keeps what it stores.
    #[must_use]
    pub fn store_key(&self) -> StoreKey {
        StoreKey::from_secret(self.store.duplicate())
    }

    /// What the node decides with.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys {
            me: &self.member,
            signing: &self.signing,
            witness: &self.witness,
            sealing: &self.sealing,
            warrant: &self.warrant,
            card: &self.card,
        }
    }

    /// What others need to know of this member.
    pub fn bundle(&self) -> Result<Bundle, IdentityError> {
        Ok(Bundle::new(
            &self.display_name,
            self.root,
            &self.warrant,
            &self.card,
        )?)
    }

    fn write_file(&self, home: &Home, wait: Wait) -> Result<(), IdentityError> {
        member_file::write(&home.members(), &self.bundle()?, wait)?;
        Ok(())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// The key with this public part, taken out of several.
fn taken(keys: &mut Vec<SigningKey>, public: &PublicKey) -> Option<SigningKey> {
    let at = keys.iter().position(|key| key.public_key() == *public)?;
    Some(keys.swap_remove(at))
}

/// The member's file whose warrant names a signing and a witness key of these: of several the newest.
fn own_bundle(
    home: &Home,
    signing: &[SigningKey],
    witness: &[SigningKey],
) -> Result<Bundle, IdentityError> {
    let folder = home.members();
    let mut newest: Option<Bundle> = None;
    let among = |keys: &[SigningKey], public: &PublicKey| {
        keys.iter().any(|key| key.public_key() == *public)
    };
    for entry in std::fs::read_dir(&folder).map_err(failed("read", &folder))? {
        let path = entry.map_err(failed("read", &folder))?.path();
        let is_card = path
            .extension()
            .is_some_and(|extension| extension == "card");
        if !is_card {
            continue;
        }
        let bytes = match whole_file::read(&path, Bundle::MAX_LEN) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => continue,
            bytes => bytes.map_err(failed("read", &path))?.unwrap_or_default(),
        };
        // What is wrong with the files of others is said where they are used.
        let Ok(bundle) = Bundle::parse(&bytes) else {
            continue;
        };
        let (warrant, card) = (bundle.warrant(), bundle.card());
        let serials = (warrant.serial(), card.serial());
        let newer = newest
            .as_ref()
            .is_none_or(|known| (known.warrant().serial(), known.card().serial()) < serials);
        if among(signing, warrant.signing()) && among(witness, warrant.witness()) && newer {
            newest = Some(bundle);
        }
    }
    newest.ok_or(IdentityError::NoCard { folder })
}

fn address_texts(addresses: &[Address]) -> Result<Vec<AddressText>, IdentityError> {
    let text = |address: &Address| {
        if !address.is_dialable() {
            return Err(IdentityError::Undialable(address.clone()));
        }
        address
            .to_string()
            .parse()
            .map_err(|_| IdentityError::LongAddress(address.clone()))
    };
    addresses.iter().map(text).collect()
}

/// Unix seconds, for the `issued` lines; zero if the clock was never set.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IdentityError + use<> {
    let path = path.to_owned();
    move |source| IdentityError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests;
