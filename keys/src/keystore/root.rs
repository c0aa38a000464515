//! The root key: one file that stands for itself, so that it can live on a stick.

use std::path::Path;

use super::kdf::{Cost, Recipe, unlock};
use super::keyring::{begin, open_sealed, sealed_file};
use super::{KeystoreError, Passphrase, file};
use crate::sealing::algorithm::{AeadKey, NONCE};
use crate::{Label, MemberName, Secret, SigningKey, random_bytes};

const TITLE: &str = "kentong root key v1";
const KEY: Label = Label::new("kentong/root-file-key/1");

/// Writes a member's root key to a file that is not there yet.
pub fn write_root(
    path: &Path,
    passphrase: &Passphrase,
    member: &MemberName,
    seed: &Secret<32>,
) -> Result<(), KeystoreError> {
    let recipe = Recipe::new(Cost::RECOMMENDED);
    let text = root_file(&recipe, passphrase, member, seed, random_bytes())?;
    file::write_new(path, &text)
}

pub(super) fn root_file(
    recipe: &Recipe,
    passphrase: &Passphrase,
    member: &MemberName,
    seed: &Secret<32>,
    nonce: [u8; NONCE],
) -> Result<String, KeystoreError> {
    let master = recipe.master(passphrase)?;
    let header = format!("{TITLE}\nmember: {member}\n{}", recipe.lines(&master));
    Ok(sealed_file(&file_key(&master), header, seed, nonce))
}

/// Reads a root key, and whose it is.
pub fn read_root(
    path: &Path,
    passphrase: &Passphrase,
) -> Result<(MemberName, SigningKey), KeystoreError> {
    let text = match file::read(path) {
        Err(KeystoreError::Missing(path)) => return Err(KeystoreError::NoRootKey(path)),
        read => read?,
    };
    let damaged = |why| KeystoreError::damaged(path, why);
    let mut form = begin(&text, TITLE, path)?;
    let member: MemberName = form.parsed("member").map_err(damaged)?;
    let (recipe, check) = Recipe::read(&mut form, path)?;
    let header = text.strip_suffix(form.rest()).unwrap_or(&text);
    let sealed = form.field("sealed").map_err(damaged)?;
    form.end().map_err(damaged)?;
    let master = unlock(&recipe, check, passphrase, path)?;
    let seed = open_sealed(&file_key(&master), header, sealed, path)?;
    Ok((member, SigningKey::from_seed(seed)))
}

fn file_key(master: &Secret<32>) -> AeadKey {
    AeadKey::derive(&[], master, &KEY.framed(&[]))
}
