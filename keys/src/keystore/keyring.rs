//! The keys of a node: a directory with one file per key, all under one passphrase.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::kdf::{Cost, Recipe, unlock};
use super::{KeystoreError, Passphrase, file};
use crate::form::{Form, FormError};
use crate::sealing::algorithm::{AeadKey, NONCE, TAG};
use crate::{Label, Role, Secret, random_bytes};

const RECIPE_TITLE: &str = "kentong keyring v1";
const KEY_TITLE: &str = "kentong key v1";
const RECIPE_FILE: &str = "keyring.kdf";
const KEY: Label = Label::new("kentong/keyring-key/1");

/// Which key: its role, and for keys that are replaced a number: of transport and sealing keys the day
/// on which they were made, of signing and witness keys the serial of the warrant that names them. A
/// plain [`Role`] stands for number 0: a store key, and what the first warrant names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySlot {
    /// The role of the key.
    pub role: Role,
    /// Which of the keys of this role.
    pub number: u32,
}

impl KeySlot {
    /// The slot of a role and a number.
    #[must_use]
    pub const fn new(role: Role, number: u32) -> Self {
        Self { role, number }
    }

    fn file_name(self) -> String {
        format!("{self}.key")
    }

    fn of_file(name: &str) -> Option<Self> {
        name.strip_suffix(".key")?.parse().ok()
    }
}

impl From<Role> for KeySlot {
    fn from(role: Role) -> Self {
        Self::new(role, 0)
    }
}

impl fmt::Display for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => self.role.fmt(f),
            number => write!(f, "{}-{number}", self.role),
        }
    }
}

impl FromStr for KeySlot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (role, number) = match text.split_once('-') {
            Some((role, number)) => (role, number.parse().map_err(|_| ())?),
            None => (text, 0),
        };
        let slot = Self::new(role.parse().map_err(|_| ())?, number);
        (slot.to_string() == text).then_some(slot).ok_or(())
    }
}

/// An opened keyring. The passphrase was needed to open it, and is not needed again.
pub struct Keyring {
    directory: PathBuf,
    master: Secret<32>,
}

impl Keyring {
    /// Makes a keyring in a directory that is new, or has no keyring and no keys yet.
    pub fn create(directory: &Path, passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        Self::create_with(directory, passphrase, &Recipe::new(Cost::RECOMMENDED))
    }

    pub(super) fn create_with(
        directory: &Path,
        passphrase: &Passphrase,
        recipe: &Recipe,
    ) -> Result<Self, KeystoreError> {
        file::create_directory(directory)?;
        refuse_old_keys(directory)?;
        let master = recipe.master(passphrase)?;
        let text = format!("{RECIPE_TITLE}\n{}", recipe.lines(&master));
        file::write_new(&directory.join(RECIPE_FILE), &text)?;
        Ok(Self {
            directory: directory.into(),
            master,
        })
    }

    /// Opens a keyring: one run of Argon2id for all its keys.
    pub fn open(directory: &Path, passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        file::check_directory(directory)?;
        let path = directory.join(RECIPE_FILE);
        let text = file::read(&path)?;
        let mut form = begin(&text, RECIPE_TITLE, &path)?;
        let (recipe, check) = Recipe::read(&mut form, &path)?;
        form.end()
            .map_err(|why| KeystoreError::damaged(&path, why))?;
        let master = unlock(&recipe, check, passphrase, &path)?;
        Ok(Self {
            directory: directory.into(),
            master,
        })
    }

    /// Where a key lies.
    #[must_use]
    pub fn path(&self, slot: impl Into<KeySlot>) -> PathBuf {
        self.directory.join(slot.into().file_name())
    }

    /// Writes a key that is not there yet; never overwrites.
    pub fn write_new(
        &self,
        slot: impl Into<KeySlot>,
        secret: &Secret<32>,
    ) -> Result<(), KeystoreError> {
        let slot = slot.into();
        file::write_new(&self.path(slot), &self.seal(slot, secret)?)
    }

    /// Puts a key in the place of another: a crash leaves the old or the new one.
    pub fn replace(
        &self,
        slot: impl Into<KeySlot>,
        secret: &Secret<32>,
    ) -> Result<(), KeystoreError> {
        let slot = slot.into();
        file::replace(&self.path(slot), &self.seal(slot, secret)?)
    }

    /// Reads a key.
    pub fn read(&self, slot: impl Into<KeySlot>) -> Result<Secret<32>, KeystoreError> {
        let slot = slot.into();
        let path = self.path(slot);
        let text = file::read(&path)?;
        let damaged = |why| KeystoreError::damaged(&path, why);
        let mut form = begin(&text, KEY_TITLE, &path)?;
        let found: KeySlot = form.parsed("key").map_err(damaged)?;
        let sealed = form.field("sealed").map_err(damaged)?;
        form.end().map_err(damaged)?;
        if found != slot {
            return Err(KeystoreError::OtherKey {
                found,
                expected: slot,
                path,
            });
        }
        open_sealed(&self.key(slot), &header(slot), sealed, &path)
    }

    /// Removes a key, with what a crash may have left of writing it. The file system may keep its
    /// blocks for a while; they are sealed.
    pub fn remove(&self, slot: impl Into<KeySlot>) -> Result<(), KeystoreError> {
        let name = slot.into().file_name();
        file::remove_unfinished(&self.directory, |unfinished| unfinished == name)?;
        file::remove(&self.directory.join(name))
    }

    /// Removes what a crash left of writing keys. Only for who holds the lock of the home: what
    /// another process is just writing looks the same.
    pub fn sweep(directory: &Path) -> Result<(), KeystoreError> {
        file::remove_unfinished(directory, |name| {
            name == RECIPE_FILE || KeySlot::of_file(name).is_some()
        })
    }

    /// The keys that are there, in order; other files are passed over.
    pub fn slots(&self) -> Result<Vec<KeySlot>, KeystoreError> {
        let names = file::names(&self.directory)?;
        let mut slots: Vec<_> = names
            .iter()
            .filter_map(|name| KeySlot::of_file(name))
            .collect();
        slots.sort_unstable();
        Ok(slots)
    }

    fn key(&self, slot: KeySlot) -> AeadKey {
        let info = KEY.framed(&[slot.to_string().as_bytes()]);
        AeadKey::derive(&[], &self.master, &info)
    }

    fn seal(&self, slot: KeySlot, secret: &Secret<32>) -> Result<String, KeystoreError> {
        if slot.role == Role::Root {
            return Err(KeystoreError::NotForKeyring(slot.role));
        }
        Ok(sealed_file(
            &self.key(slot),
            header(slot),
            secret,
            random_bytes(),
        ))
    }

    /// For golden vectors: what a key file holds when this nonce is drawn.
    #[cfg(test)]
    pub(super) fn sealed_with(&self, slot: KeySlot, secret: &Secret<32>, nonce: u8) -> String {
        sealed_file(&self.key(slot), header(slot), secret, [nonce; NONCE])
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// Keys that lie there belong to a keyring whose recipe was lost: a new recipe would open none of
/// them, and make restoring the old one look like a mistake.
fn refuse_old_keys(directory: &Path) -> Result<(), KeystoreError> {
    let names = file::names(directory)?;
    if names.iter().any(|name| name == RECIPE_FILE) {
        return Err(KeystoreError::Exists(directory.join(RECIPE_FILE)));
    }
    match names.iter().find(|name| name.ends_with(".key")) {
        Some(name) => Err(KeystoreError::OldKey(directory.join(name))),
        None => Ok(()),
    }
}

/// What stands before the sealed line, and is bound to it.
fn header(slot: KeySlot) -> String {
    format!("{KEY_TITLE}\nkey: {slot}\n")
}

/// The header and the line with the sealed key, which opens after no other header.
pub(super) fn sealed_file(
    key: &AeadKey,
    header: String,
    secret: &Secret<32>,
    nonce: [u8; NONCE],
) -> String {
    let mut sealed = Vec::with_capacity(32 + TAG);
    sealed.extend_from_slice(secret.expose());
    key.seal(nonce, header.as_bytes(), &mut sealed);
    let encoded = BASE64_STANDARD.encode([nonce.as_slice(), &sealed].concat());
    format!("{header}sealed: {encoded}\n")
}

/// Opens the value of the sealed line.
pub(super) fn open_sealed(
    key: &AeadKey,
    header: &str,
    sealed: &str,
    path: &Path,
) -> Result<Secret<32>, KeystoreError> {
    let damaged = || KeystoreError::damaged(path, FormError::Value("sealed"));
    let bytes = BASE64_STANDARD.decode(sealed).map_err(|_| damaged())?;
    let (nonce, sealed) = bytes.split_first_chunk().ok_or_else(damaged)?;
    if sealed.len() != 32 + TAG {
        return Err(damaged());
    }
    let mut bytes = zeroize::Zeroizing::new(sealed.to_vec());
    key.open(*nonce, header.as_bytes(), &mut bytes)
        .map_err(|_| KeystoreError::Tampered(path.into()))?;
    Secret::from_slice(&bytes).ok_or_else(damaged)
}

/// Reads the title, and tells an unknown version apart from another kind of file.
pub(super) fn begin<'a>(
    text: &'a str,
    title: &'static str,
    path: &Path,
) -> Result<Form<'a>, KeystoreError> {
    Form::read(text, title).map_err(|why| {
        let first = text.lines().next().unwrap_or_default();
        let (kind, _) = title.rsplit_once('v').unwrap_or((title, ""));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if why != FormError::CarriageReturn
            && text.contains('\n')
            && let Some(version) = first.strip_prefix(kind).and_then(|v| v.strip_prefix('v'))
            && is_number(version)
        {
            return KeystoreError::UnknownVersion {
                path: path.into(),
                found: first.chars().take(64).collect(),
            };
        }
        if title.starts_with(text) {
            return KeystoreError::Truncated(path.into());
        }
        KeystoreError::damaged(path, why)
    })
}

impl KeystoreError {
    /// A form that ends too early was cut off; anything else is damage.
    pub(super) fn damaged(path: &Path, why: FormError) -> Self {
        if let FormError::Ends(_) = why {
            return Self::Truncated(path.into());
        }
        Self::Damaged {
            path: path.into(),
            why,
        }
    }
}
