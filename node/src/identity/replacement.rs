//! New keys in the place of lost or stolen ones: a draft, the root key's word, and the change itself.
//!
//! The member's own file decides which keys count. It is replaced in one step, after the new keys are on
//! disk and before the old ones go: a crash leaves a home with its old keys or with its new ones.

use kentong_keys::{
    Card, CardTerms, FrozenHead, KeySlot, PeerIdText, PublicKey, Role, SealingSecret, SigningKey,
    Warrant, WarrantTerms,
};
use kentong_protocol::time::Timestamp;

use super::schedule::day;
use super::{Identity, IdentityError, address_texts, taken};
use crate::home::Home;
use crate::net::Address;
use crate::turn::Wait;

impl Identity {
    /// Makes the signing and the witness key that a next warrant is to name, and says what the root key
    /// is to sign. They count for nothing before [`Identity::install_warrant`]; a start of the node, or
    /// another draft, destroys them.
    pub fn draft_warrant(
        &self,
        serial: u64,
        heads: Vec<FrozenHead>,
    ) -> Result<WarrantTerms, IdentityError> {
        let known = self.warrant.serial();
        if serial <= known {
            return Err(IdentityError::OldWarrant {
                offered: serial,
                known,
            });
        }
        let number = u32::try_from(serial).map_err(|_| IdentityError::Serial)?;
        self.drop_unnamed()?;
        let (signing, witness) = (SigningKey::generate(), SigningKey::generate());
        for (role, key) in [(Role::Signing, &signing), (Role::Witness, &witness)] {
            self.keyring
                .write_new(KeySlot::new(role, number), key.seed())?;
        }
        Ok(WarrantTerms {
            member: self.member.clone(),
            serial,
            signing: signing.public_key(),
            witness: witness.public_key(),
            heads,
            issued: super::now(),
        })
    }

    /// Takes the drafted keys in use by the warrant that the root key `root` signed, with a new transport
    /// and a new sealing key, and a card that names them: with other `addresses`, if there are some. The
    /// keys that were in use before are destroyed, but for sealing keys: what was sealed to those is
    /// still on its way.
    pub fn install_warrant(
        &mut self,
        home: &Home,
        warrant: &[u8],
        root: &PublicKey,
        addresses: &[Address],
    ) -> Result<(), IdentityError> {
        let warrant = Warrant::open(warrant, &self.member, root)?;
        let known = self.warrant.serial();
        if warrant.serial() <= known {
            return Err(IdentityError::OldWarrant {
                offered: warrant.serial(),
                known,
            });
        }
        let signing = self.drafted(home, Role::Signing, warrant.signing())?;
        let witness = self.drafted(home, Role::Witness, warrant.witness())?;
        let mut addresses = address_texts(addresses)?;
        if addresses.is_empty() {
            addresses = self.card.addresses().to_vec();
        }
        let issued = super::now();
        let today = day(Timestamp::from_seconds(issued).unwrap_or(Timestamp::EPOCH));
        let (sealing, transport) = (SealingSecret::generate(), SigningKey::generate());
        let card = Card::issue(
            CardTerms {
                member: self.member.clone(),
                serial: self.card.serial().saturating_add(1),
                sealing: sealing.public().clone(),
                peer: PeerIdText::of(&transport.public_key()),
                next_peer: None,
                addresses,
                issued,
            },
            &signing,
            &[&transport],
        )?;
        let of_sealing = KeySlot::new(Role::Sealing, self.next_number(Role::Sealing, today)?);
        let of_transport = KeySlot::new(Role::Transport, self.next_number(Role::Transport, today)?);
        self.keyring.write_new(of_sealing, sealing.to_seed())?;
        self.keyring.write_new(of_transport, transport.seed())?;
        let before = self.bundle()?;
        self.root = *root;
        (self.warrant, self.card) = (warrant, card);
        if let Err(error) = self.write_file(home, Wait::ASecond) {
            self.root = *before.root();
            (self.warrant, self.card) = (before.warrant().clone(), before.card().clone());
            return Err(error);
        }
        (self.signing, self.witness, self.transport) = (signing, witness, transport);
        (self.transport_day, self.next_transport) = (of_transport.number, None);
        self.sealing.push(sealing);
        self.sealing_days.push(of_sealing.number);
        self.drop_unnamed()
    }

    fn drafted(
        &self,
        home: &Home,
        role: Role,
        public: &PublicKey,
    ) -> Result<SigningKey, IdentityError> {
        let mut keys = Vec::new();
        for slot in self.keyring.slots()? {
            if slot.role == role {
                keys.push(SigningKey::from_seed(self.keyring.read(slot)?));
            }
        }
        taken(&mut keys, public).ok_or_else(|| IdentityError::NotDrafted {
            folder: home.keys(),
        })
    }

    /// Today, as the number of a key; a later one, if there is a key of today or later.
    fn next_number(&self, role: Role, today: u32) -> Result<u32, IdentityError> {
        let slots = self.keyring.slots()?;
        let same = slots.iter().filter(|slot| slot.role == role);
        let last = same.map(|slot| slot.number).max();
        Ok(last.map_or(today, |last| today.max(last.saturating_add(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use kentong_keys::{Digest, Keyring, Passphrase, read_root};
    use tempfile::TempDir;

    use super::*;
    use crate::identity::RootFile;

    fn passphrase() -> Passphrase {
        Passphrase::new("a good passphrase").unwrap()
    }

    fn create(dir: &Path) -> (Home, Identity, SigningKey) {
        let home = Home::create(&dir.join("home")).unwrap();
        let root = RootFile {
            path: &dir.join("root.key"),
            passphrase: &passphrase(),
        };
        let address = "/ip4/10.0.0.1/udp/1/quic-v1".parse().unwrap();
        let member = "MY".parse().unwrap();
        let made = Identity::create(&home, &passphrase(), &member, "Malaysia", root, &[address]);
        let (_, root) = read_root(&dir.join("root.key"), &passphrase()).unwrap();
        (home, made.unwrap(), root)
    }

    fn slots(home: &Home) -> Vec<String> {
        let keyring = Keyring::open(&home.keys(), &passphrase()).unwrap();
        let slots = keyring.slots().unwrap().into_iter();
        slots.map(|slot| slot.role.to_string()).collect()
    }

    fn head(n: u8) -> FrozenHead {
        FrozenHead {
            feed: Digest::from_bytes([n; 32]),
            size: 3,
            root: Digest::from_bytes([9; 32]),
        }
    }

    #[test]
    fn all_online_keys_are_new_and_the_old_ones_are_gone() {
        let dir = TempDir::new().unwrap();
        let (home, old, root) = create(dir.path());
        let terms = old.draft_warrant(2, vec![head(1)]).unwrap();
        assert_eq!((terms.serial, terms.heads.len()), (2, 1));
        // Drafted keys count for nothing yet.
        let mut identity = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(identity.signing.public_key(), old.signing.public_key());
        let warrant = Warrant::issue(terms, &root).unwrap();
        let note = warrant.note().bytes();
        identity
            .install_warrant(&home, note, &root.public_key(), &[])
            .unwrap();
        let new = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(new.warrant, warrant);
        assert_eq!(new.signing.public_key(), *warrant.signing());
        assert_eq!(new.witness.public_key(), *warrant.witness());
        let public = |identity: &Identity| {
            [&identity.signing, &identity.witness, &identity.transport].map(SigningKey::public_key)
        };
        for key in public(&old) {
            assert!(!public(&new).contains(&key));
        }
        assert_ne!(new.card.sealing(), old.card.sealing());
        assert_ne!(new.card.peer(), old.card.peer());
        assert_eq!(new.card.addresses(), old.card.addresses());
        assert!(Card::open(new.card.note().bytes(), &old.warrant).is_err());
        // What is on its way is sealed to the old key still.
        assert_eq!(
            slots(&home),
            [
                "signing",
                "witness",
                "transport",
                "sealing",
                "sealing",
                "store"
            ]
        );
        assert_eq!(new.sealing[0].public(), old.card.sealing());
    }

    fn put_back(files: &[(PathBuf, Vec<u8>)]) {
        for (path, bytes) in files {
            std::fs::write(path, bytes).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
    }

    #[test]
    fn a_crash_leaves_a_home_with_its_old_keys_or_with_its_new_ones() {
        let dir = TempDir::new().unwrap();
        let (home, old, root) = create(dir.path());
        let own = home.members().join("MY.card");
        let before = std::fs::read(&own).unwrap();
        let warrant = Warrant::issue(old.draft_warrant(2, Vec::new()).unwrap(), &root).unwrap();
        let keys = |home: &Home| {
            let names = std::fs::read_dir(home.keys()).unwrap();
            let path = names.map(|name| name.unwrap().path());
            path.map(|path| (path.clone(), std::fs::read(path).unwrap()))
                .collect::<Vec<_>>()
        };
        let drafted = keys(&home);
        let note = warrant.note().bytes();
        let mut identity = Identity::open(&home, &passphrase()).unwrap();
        identity
            .install_warrant(&home, note, &root.public_key(), &[])
            .unwrap();
        // Before the member's own file was replaced: the old keys count, new ones lie beside them.
        let after = std::fs::read(&own).unwrap();
        put_back(&drafted);
        std::fs::write(&own, &before).unwrap();
        let mut found = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(found.signing.public_key(), old.signing.public_key());
        assert_eq!(found.transport.public_key(), old.transport.public_key());
        found
            .keep_schedule(
                &home,
                Timestamp::from_seconds(super::super::now()).unwrap(),
                true,
            )
            .unwrap();
        let roles = slots(&home);
        assert_eq!(roles.iter().filter(|role| *role == "signing").count(), 1);
        assert_eq!(roles.iter().filter(|role| *role == "transport").count(), 1);
        let again = found.install_warrant(&home, note, &root.public_key(), &[]);
        assert!(
            matches!(again, Err(IdentityError::NotDrafted { .. })),
            "{again:?}"
        );
        // After it, with the old keys still there.
        let warrant = Warrant::issue(found.draft_warrant(2, Vec::new()).unwrap(), &root).unwrap();
        let drafted = keys(&home);
        let note = warrant.note().bytes();
        found
            .install_warrant(&home, note, &root.public_key(), &[])
            .unwrap();
        put_back(&drafted);
        let mut found = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(found.warrant, warrant);
        let now = Timestamp::from_seconds(super::super::now()).unwrap();
        found.keep_schedule(&home, now, true).unwrap();
        let roles = slots(&home);
        assert_eq!(roles.iter().filter(|role| *role == "witness").count(), 1);
        assert_ne!(after, std::fs::read(&own).unwrap());
    }

    #[test]
    fn refused() {
        let dir = TempDir::new().unwrap();
        let (home, mut identity, root) = create(dir.path());
        let older = identity.draft_warrant(1, Vec::new());
        assert!(
            matches!(
                older,
                Err(IdentityError::OldWarrant {
                    offered: 1,
                    known: 1
                })
            ),
            "{older:?}"
        );
        let far = identity.draft_warrant(1 << 40, Vec::new());
        assert!(matches!(far, Err(IdentityError::Serial)), "{far:?}");
        let first = identity.draft_warrant(5, Vec::new()).unwrap();
        let second = identity.draft_warrant(5, Vec::new()).unwrap();
        let sign = |terms| {
            Warrant::issue(terms, &root)
                .unwrap()
                .note()
                .bytes()
                .to_vec()
        };
        let (first, second) = (sign(first), sign(second));
        let other = SigningKey::generate().public_key();
        for (note, root, says) in [
            (&first, root.public_key(), "drafted in another home"),
            (&second, other, "does not vouch"),
        ] {
            let error = identity
                .install_warrant(&home, note, &root, &[])
                .unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        let key = root.public_key();
        identity.install_warrant(&home, &second, &key, &[]).unwrap();
        let again = identity.install_warrant(&home, &second, &key, &[]);
        assert!(
            matches!(again, Err(IdentityError::OldWarrant { .. })),
            "{again:?}"
        );
    }
}
