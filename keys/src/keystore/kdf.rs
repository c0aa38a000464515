//! From a passphrase to the key that the key files are sealed under.

use std::path::Path;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::KeystoreError;
use super::passphrase::Passphrase;
use crate::form::{Form, FormError};
use crate::sealing::algorithm::MacKey;
use crate::{Digest, Label, Secret, random_bytes};

const SUM: Label = Label::new("kentong/kdf-sum/1");
const CHECK: Label = Label::new("kentong/passphrase-check/1");

/// The cost of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory in KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// The second recommended option of RFC 9106, section 4.
    pub(super) const RECOMMENDED: Self = Self {
        memory: 64 << 10,
        passes: 3,
        lanes: 4,
    };

    /// For tests of what does not depend on the cost.
    #[cfg(test)]
    pub(super) const CHEAP: Self = Self {
        memory: 1 << 10,
        passes: 1,
        lanes: 1,
    };

    /// What a file may ask for: enough to be a key derivation, not so much that reading a file
    /// stops the machine.
    const fn is_acceptable(self) -> bool {
        matches!(self.memory, 0x400..=0x10_0000)
            && matches!(self.passes, 1..=16)
            && matches!(self.lanes, 1..=16)
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            memory,
            passes,
            lanes,
        } = self;
        write!(f, "argon2id m={memory} t={passes} p={lanes}")
    }
}

impl FromStr for Cost {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.strip_prefix("argon2id ").ok_or(())?.splitn(3, ' ');
        let mut number = |name: &str| {
            let word = words.next().and_then(|word| word.strip_prefix(name));
            word.and_then(|word| word.parse().ok()).ok_or(())
        };
        let cost = Self {
            memory: number("m=")?,
            passes: number("t=")?,
            lanes: number("p=")?,
        };
        // One way to write it.
        (cost.to_string() == text).then_some(cost).ok_or(())
    }
}

/// How a passphrase becomes a key: what stands in the file about it.
#[derive(Debug)]
pub(super) struct Recipe {
    cost: Cost,
    salt: [u8; 16],
}

impl Recipe {
    pub(super) fn new(cost: Cost) -> Self {
        Self {
            cost,
            salt: random_bytes(),
        }
    }

    /// For golden vectors.
    #[cfg(test)]
    pub(super) const fn with_salt(cost: Cost, salt: [u8; 16]) -> Self {
        Self { cost, salt }
    }

    /// The lines of the file. The sum tells a damaged salt apart from a wrong passphrase, and the
    /// check a wrong passphrase apart from a damaged key.
    pub(super) fn lines(&self, master: &Secret<32>) -> String {
        let (cost, salt) = (self.cost, BASE64_STANDARD.encode(self.salt));
        let check = BASE64_STANDARD.encode(check_value(master));
        format!(
            "kdf: {cost}\nsalt: {salt}\nsum: {}\ncheck: {check}\n",
            self.sum().short()
        )
    }

    fn sum(&self) -> Digest {
        Digest::labelled(SUM, &[self.cost.to_string().as_bytes(), &self.salt])
    }

    /// Reads the lines, and what the check value should be.
    pub(super) fn read(
        form: &mut Form<'_>,
        path: &Path,
    ) -> Result<(Self, [u8; 16]), KeystoreError> {
        let damaged = |why| KeystoreError::damaged(path, why);
        let cost: Cost = form.parsed("kdf").map_err(damaged)?;
        let salt = form.field("salt").map_err(damaged)?;
        let sum = form.field("sum").map_err(damaged)?;
        let check = form.field("check").map_err(damaged)?;
        let sixteen = |text: &str, name| -> Result<[u8; 16], KeystoreError> {
            let bytes = BASE64_STANDARD.decode(text).ok();
            bytes
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| damaged(FormError::Value(name)))
        };
        let recipe = Self {
            cost,
            salt: sixteen(salt, "salt")?,
        };
        if recipe.sum().short() != sum {
            return Err(KeystoreError::Tampered(path.into()));
        }
        if !cost.is_acceptable() {
            return Err(KeystoreError::Cost(path.into()));
        }
        Ok((recipe, sixteen(check, "check")?))
    }

    /// Runs Argon2id: takes a noticeable part of a second and `memory` KiB, on purpose.
    pub(super) fn master(&self, passphrase: &Passphrase) -> Result<Secret<32>, KeystoreError> {
        let Cost {
            memory,
            passes,
            lanes,
        } = self.cost;
        let failed = |_| KeystoreError::Memory { kib: memory };
        let params = Params::new(memory, passes, lanes, Some(32)).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut derived = Ok(());
        let master = Secret::filled(|out| {
            derived = argon2.hash_password_into(passphrase.expose(), &self.salt, out);
        });
        derived.map_err(failed)?;
        Ok(master)
    }
}

/// Derives the master key and compares the check value, so that a wrong passphrase is told apart
/// from a changed file. The comparison need not take constant time: who can measure it here has
/// the file, and can try passphrases without asking.
pub(super) fn unlock(
    recipe: &Recipe,
    check: [u8; 16],
    passphrase: &Passphrase,
    path: &Path,
) -> Result<Secret<32>, KeystoreError> {
    let master = recipe.master(passphrase)?;
    if check_value(&master) != check {
        return Err(KeystoreError::WrongPassphrase(path.into()));
    }
    Ok(master)
}

fn check_value(master: &Secret<32>) -> [u8; 16] {
    let mac = MacKey::new(master.expose()).mac(CHECK, &[]);
    mac.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `cryptography` (Argon2id, RFC 9106).
    #[test]
    fn golden() {
        let recipe = Recipe::with_salt(Cost::RECOMMENDED, [7; 16]);
        let passphrase = Passphrase::new("correct horse battery").unwrap();
        let master = recipe.master(&passphrase).unwrap();
        assert_eq!(
            Digest::from_bytes(*master.expose()).to_string(),
            "59a2902397c914461c4790f9d1276c25c70a16a2800fce668f01fa592d4cb3ad"
        );
    }

    /// Asking for more memory than there is might succeed where memory is overcommitted, so this
    /// asks for none.
    #[test]
    fn a_derivation_that_fails() {
        let cost = Cost {
            memory: 0,
            ..Cost::CHEAP
        };
        let passphrase = Passphrase::new("correct horse battery").unwrap();
        let failed = Recipe::new(cost).master(&passphrase);
        assert!(matches!(failed, Err(KeystoreError::Memory { kib: 0 })));
    }

    #[test]
    fn costs() {
        assert_eq!(Cost::RECOMMENDED.to_string(), "argon2id m=65536 t=3 p=4");
        for good in [Cost::RECOMMENDED, Cost::CHEAP] {
            assert_eq!(good.to_string().parse(), Ok(good));
            assert!(good.is_acceptable());
        }
        for bad in [
            "argon2d m=65536 t=3 p=4",
            "argon2id m=065536 t=3 p=4",
            "argon2id m=65536 t=3",
            "argon2id m=65536 t=3 p=4 ",
            "argon2id m=99999999999 t=3 p=4",
        ] {
            assert_eq!(bad.parse::<Cost>(), Err(()), "{bad}");
        }
        for (memory, passes, lanes) in [
            (1023, 1, 1),
            ((1 << 20) + 1, 1, 1),
            (1 << 16, 0, 1),
            (1 << 16, 17, 1),
            (1 << 16, 1, 0),
            (1 << 16, 1, 17),
        ] {
            let cost = Cost {
                memory,
                passes,
                lanes,
            };
            assert!(!cost.is_acceptable(), "{cost}");
        }
    }
}
