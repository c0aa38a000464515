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

impl Identity {
    /// Makes the signing and the witness key that a next warrant is to name, and says what the root key
    /// is to sign. They count for nothing before [`Identity::install_warrant`]; a start of the node, or
    /// another draft, destroys them.
    pub fn draft_warrant(
        &self,
        serial: Option<u64>,
        heads: Vec<FrozenHead>,
    ) -> Result<WarrantTerms, IdentityError> {
        let known = self.warrant.serial();
        let serial = serial.unwrap_or_else(|| known.saturating_add(1));
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
        if let Err(error) = self.write_file(home) {
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
