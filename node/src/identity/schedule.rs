//! Keys that are replaced on schedule.
//!
//! A key file's number is the day on which the key was made, counted from 1970: so its age needs no
//! other file. The clock may be wrong: a key that is made too early, or destroyed too early, costs
//! what other readers can seal again, and nothing else; one that was made while the clock was ahead is
//! replaced thirty days after that day.

use kentong_keys::{
    Card, CardTerms, KeySlot, PeerIdText, PublicKey, Role, SealingSecret, SigningKey,
};
use kentong_protocol::time::{DAY, Timestamp};

use super::{Identity, IdentityError, address_texts};
use crate::home::Home;
use crate::net::Address;
use crate::turn::Wait;

/// Days after which the key that others seal to is replaced (`keys/DECISIONS.md#key-schedule`).
const SEALING_DAYS: u32 = 30;
/// Days for which a sealing key that was replaced is kept, for what was sealed to it and is still on
/// its way; then it is destroyed.
const KEPT_DAYS: u32 = 90;
/// Days for which a peer id is announced before it is used.
const ANNOUNCED_DAYS: u32 = 7;

impl Identity {
    /// Replaces and destroys sealing keys whose time has come, and has the card name the newest;
    /// true if there is a new card. Before the network is started (`starting`), a peer id that was
    /// announced long enough is put in use.
    pub fn keep_schedule(
        &mut self,
        home: &Home,
        now: Timestamp,
        starting: bool,
    ) -> Result<bool, IdentityError> {
        let today = day(now);
        // A running node's event loop waits for nobody: it tries again.
        let wait = if starting {
            Wait::ASecond
        } else {
            Wait::NotAtAll
        };
        let newest = self.sealing_days.last().copied().unwrap_or_default();
        if today >= newest.saturating_add(SEALING_DAYS) {
            let secret = SealingSecret::generate();
            let slot = KeySlot::new(Role::Sealing, today);
            self.keyring.write_new(slot, secret.to_seed())?;
            self.sealing.push(secret);
            self.sealing_days.push(today);
        }
        let mut changed = false;
        let newest = self.sealing.last().map(SealingSecret::public);
        if newest.is_some_and(|newest| newest != self.card.sealing()) {
            self.reissue(home, wait, |_| {})?;
            changed = true;
        }
        if starting {
            changed |= self.change_peer(home, today)?;
        }
        self.destroy_old(today)?;
        if starting {
            self.drop_unnamed()?;
        }
        Ok(changed)
    }

    /// Makes the key of the next peer id and announces it on the card; false if one is announced.
    pub fn announce_peer(&mut self, home: &Home, now: Timestamp) -> Result<bool, IdentityError> {
        if self.next_transport.is_some() {
            return Ok(false);
        }
        let slot = KeySlot::new(Role::Transport, day(now).max(self.transport_day + 1));
        let key = SigningKey::generate();
        self.keyring.write_new(slot, key.seed())?;
        self.next_transport = Some((slot.number, key));
        if let Err(error) = self.reissue(home, Wait::ASecond, |_| {}) {
            // Asked again on the same day, its file would be in the way.
            self.next_transport = None;
            self.keyring.remove(slot)?;
            return Err(error);
        }
        Ok(true)
    }

    /// Takes up a card that another process issued for this home, with the key that it announces.
    pub fn read_card_again(&mut self, home: &Home) -> Result<(), IdentityError> {
        let keys = (&self.signing, &self.witness);
        let own = super::own_bundle(
            home,
            std::slice::from_ref(keys.0),
            std::slice::from_ref(keys.1),
        )?;
        if own.card().serial() > self.card.serial() {
            self.card = own.card().clone();
            let transport = self.keyring.slots()?;
            self.next_transport = None;
            for slot in transport
                .into_iter()
                .filter(|slot| slot.role == Role::Transport)
            {
                let key = SigningKey::from_seed(self.keyring.read(slot)?);
                let named = PeerIdText::of(&key.public_key());
                if Some(&named) == self.card.next_peer() {
                    self.next_transport = Some((slot.number, key));
                }
            }
        }
        Ok(())
    }

    /// Issues a card with the next serial and these addresses, and keeps it in the home.
    pub fn move_to(&mut self, home: &Home, addresses: &[Address]) -> Result<(), IdentityError> {
        let addresses = address_texts(addresses)?;
        self.reissue(home, Wait::ASecond, |terms| terms.addresses = addresses)
    }

    /// Makes the sealing key that a restored home lacks, and issues a card that names it. Its serial is
    /// above all that were issued since the backup was made, as long as none of them was a second's
    /// work: it counts at least the seconds since 1970.
    pub(super) fn begin_again(
        &mut self,
        home: &Home,
        addresses: &[Address],
    ) -> Result<(), IdentityError> {
        let addresses = address_texts(addresses)?;
        let issued = super::now();
        let today = day(Timestamp::from_seconds(issued).unwrap_or(Timestamp::EPOCH));
        let secret = SealingSecret::generate();
        let slot = KeySlot::new(Role::Sealing, today);
        self.keyring.write_new(slot, secret.to_seed())?;
        self.sealing = vec![secret];
        self.sealing_days = vec![today];
        self.reissue(home, Wait::ASecond, |terms| {
            terms.serial = terms.serial.max(issued);
            if !addresses.is_empty() {
                terms.addresses = addresses;
            }
        })
    }

    /// Issues a card with the next serial: with the newest sealing key and the peer ids whose keys
    /// there are, and what `change` says. If it cannot be kept in the home, the card before stays.
    fn reissue(
        &mut self,
        home: &Home,
        wait: Wait,
        change: impl FnOnce(&mut CardTerms),
    ) -> Result<(), IdentityError> {
        let newest = self.sealing.last().map(SealingSecret::public);
        let next = self.next_transport.as_ref().map(|(_, key)| key);
        let mut terms = CardTerms {
            member: self.member.clone(),
            serial: self.card.serial().saturating_add(1),
            sealing: newest.unwrap_or_else(|| self.card.sealing()).clone(),
            peer: PeerIdText::of(&self.transport.public_key()),
            next_peer: next.map(|key| PeerIdText::of(&key.public_key())),
            addresses: self.card.addresses().to_vec(),
            issued: super::now(),
        };
        change(&mut terms);
        let transport: Vec<_> = std::iter::once(&self.transport).chain(next).collect();
        let card = Card::issue(terms, &self.signing, &transport)?;
        let before = std::mem::replace(&mut self.card, card);
        // A card that only this process knew would be passed on, and a restart would issue another with
        // the same serial.
        self.write_file(home, wait)
            .inspect_err(|_| self.card = before)
    }

    /// Puts the announced peer id in use, if it was announced long enough.
    fn change_peer(&mut self, home: &Home, today: u32) -> Result<bool, IdentityError> {
        let due = |(announced, _): &mut (u32, SigningKey)| {
            today >= announced.saturating_add(ANNOUNCED_DAYS)
        };
        let Some((number, key)) = self.next_transport.take_if(due) else {
            return Ok(false);
        };
        let old = std::mem::replace(&mut self.transport, key);
        let old_day = std::mem::replace(&mut self.transport_day, number);
        if let Err(error) = self.reissue(home, Wait::ASecond, |_| {}) {
            // The card on disk names the old one as the one in use: so it stays.
            let next = std::mem::replace(&mut self.transport, old);
            self.transport_day = old_day;
            self.next_transport = Some((number, next));
            return Err(error);
        }
        Ok(true)
    }

    /// Destroys what is no longer needed: the card that says so is on disk.
    fn destroy_old(&mut self, today: u32) -> Result<(), IdentityError> {
        while let [oldest, next, ..] = self.sealing_days[..]
            && today >= next.saturating_add(KEPT_DAYS)
        {
            self.keyring.remove(KeySlot::new(Role::Sealing, oldest))?;
            self.sealing_days.remove(0);
            self.sealing.remove(0);
        }
        Ok(())
    }

    /// Removes keys that warrant and card do not name: one that was replaced, that was drafted for a
    /// warrant which did not come, or that a crash kept from being announced. Not while the node runs,
    /// for another process may be announcing one.
    pub(super) fn drop_unnamed(&self) -> Result<(), IdentityError> {
        let announced = self.next_transport.as_ref().map(|(number, _)| *number);
        for slot in self.keyring.slots()? {
            let named = |public: &PublicKey| {
                let key = SigningKey::from_seed(self.keyring.read(slot)?);
                Ok::<_, IdentityError>(key.public_key() == *public)
            };
            let in_use = match slot.role {
                Role::Transport => {
                    slot.number == self.transport_day || Some(slot.number) == announced
                }
                Role::Signing => named(self.warrant.signing())?,
                Role::Witness => named(self.warrant.witness())?,
                Role::Root | Role::Sealing | Role::Store => true,
            };
            if !in_use {
                self.keyring.remove(slot)?;
            }
        }
        Ok(())
    }
}

/// The day of a moment, counted from 1970.
pub(super) fn day(moment: Timestamp) -> u32 {
    u32::try_from(moment.seconds() / DAY).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use kentong_keys::Passphrase;
    use tempfile::TempDir;

    use super::super::RootFile;
    use super::*;
    use crate::turn;

    fn created(dir: &TempDir) -> (Home, Identity, u32) {
        let home = Home::create(&dir.path().join("home")).unwrap();
        let passphrase = passphrase();
        let root = RootFile {
            path: &dir.path().join("root.key"),
            passphrase: &passphrase,
        };
        let member = "MY".parse().unwrap();
        let identity = Identity::create(&home, &passphrase, &member, "MY", root, &[]).unwrap();
        let made = identity.sealing_days[0];
        (home, identity, made)
    }

    fn passphrase() -> Passphrase {
        Passphrase::new("a good passphrase").unwrap()
    }

    fn at(day: u32) -> Timestamp {
        Timestamp::from_seconds(u64::from(day) * DAY + 1).unwrap()
    }

    #[test]
    fn sealing_keys_are_replaced_kept_and_destroyed() {
        let dir = TempDir::new().unwrap();
        let (home, mut identity, made) = created(&dir);
        let first = identity.card.sealing().clone();
        for day in [made, made + SEALING_DAYS - 1, 0] {
            assert!(
                !identity.keep_schedule(&home, at(day), true).unwrap(),
                "{day}"
            );
        }
        let replaced = made + SEALING_DAYS;
        assert!(identity.keep_schedule(&home, at(replaced), false).unwrap());
        assert!(!identity.keep_schedule(&home, at(replaced), false).unwrap());
        assert_eq!((identity.card.serial(), identity.sealing.len()), (2, 2));
        assert_ne!(*identity.card.sealing(), first);
        let opened = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(opened.card, identity.card);
        assert_eq!(
            opened.sealing[0].public(),
            &first,
            "what was sealed to it opens"
        );
        // The next ones: the first is destroyed 90 days after it was replaced.
        for (day, keys) in [
            (replaced + 30, 3),
            (replaced + 60, 4),
            (replaced + KEPT_DAYS - 1, 4),
            (replaced + KEPT_DAYS, 4),
        ] {
            identity.keep_schedule(&home, at(day), false).unwrap();
            assert_eq!(identity.sealing.len(), keys, "{day}");
        }
        assert_ne!(identity.sealing[0].public(), &first);
        let opened = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(opened.sealing.len(), 4);
        assert!(!home.keys().join(format!("sealing-{made}.key")).exists());
    }

    #[test]
    fn a_crash_between_key_and_card_is_mended_at_the_next_start() {
        let dir = TempDir::new().unwrap();
        let (home, identity, made) = created(&dir);
        let secret = SealingSecret::generate();
        let slot = KeySlot::new(Role::Sealing, made + 1);
        identity.keyring.write_new(slot, secret.to_seed()).unwrap();
        let lost = KeySlot::new(Role::Transport, made + 1);
        let key = SigningKey::generate();
        identity.keyring.write_new(lost, key.seed()).unwrap();
        let mut opened = Identity::open(&home, &passphrase()).unwrap();
        assert!(opened.keep_schedule(&home, at(made + 1), true).unwrap());
        assert_eq!(opened.card.sealing(), secret.public());
        assert!(!opened.keyring.path(lost).exists());
        assert_eq!(opened.card.peer(), identity.card.peer());
    }

    #[test]
    fn a_full_disk_leaves_the_peer_id_that_the_card_names() {
        let dir = TempDir::new().unwrap();
        let (home, mut identity, made) = created(&dir);
        identity.announce_peer(&home, at(made)).unwrap();
        let named = identity.card.clone();
        // No card can be written: something else is in its place.
        let members = home.members();
        let aside = dir.path().join("aside");
        std::fs::rename(&members, &aside).unwrap();
        std::fs::write(&members, "in the way").unwrap();
        let used = made + 1 + ANNOUNCED_DAYS;
        identity.keep_schedule(&home, at(used), true).unwrap_err();
        assert_eq!(
            PeerIdText::of(&identity.transport.public_key()),
            *named.peer()
        );
        std::fs::remove_file(&members).unwrap();
        std::fs::rename(&aside, &members).unwrap();
        let mut opened = Identity::open(&home, &passphrase()).unwrap();
        assert!(opened.keep_schedule(&home, at(used), true).unwrap());
        assert_eq!(Some(opened.card.peer()), named.next_peer());
    }

    #[test]
    fn a_card_that_cannot_be_kept_is_issued_again() {
        let dir = TempDir::new().unwrap();
        let (home, mut identity, made) = created(&dir);
        let before = identity.card.clone();
        let due = at(made + SEALING_DAYS);
        let theirs = turn::take(&home.members(), Wait::ASecond).unwrap();
        let error = identity.keep_schedule(&home, due, false).unwrap_err();
        assert!(error.to_string().contains("nothing was written"), "{error}");
        identity.announce_peer(&home, due).unwrap_err();
        assert_eq!(identity.card, before, "nobody is shown what may be lost");
        drop(theirs);
        assert!(identity.keep_schedule(&home, due, false).unwrap());
        let opened = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(opened.card, identity.card);
        assert_eq!(opened.card.serial(), before.serial() + 1);
        assert!(identity.announce_peer(&home, due).unwrap());
    }

    #[test]
    fn a_peer_id_is_announced_and_then_used() {
        let dir = TempDir::new().unwrap();
        let (home, mut identity, made) = created(&dir);
        let old = identity.card.peer().clone();
        assert!(identity.announce_peer(&home, at(made)).unwrap());
        assert!(!identity.announce_peer(&home, at(made)).unwrap());
        let next = identity.card.next_peer().unwrap().clone();
        assert_eq!(identity.card.peer(), &old);
        let mut opened = Identity::open(&home, &passphrase()).unwrap();
        let address = "/ip4/10.0.0.1/udp/1/quic-v1".parse().unwrap();
        opened.move_to(&home, &[address]).unwrap();
        assert_eq!(opened.card.next_peer(), Some(&next), "a move keeps it");
        identity.read_card_again(&home).unwrap();
        assert_eq!(identity.card, opened.card);
        let used = opened.next_transport.as_ref().unwrap().0 + ANNOUNCED_DAYS;
        assert!(!opened.keep_schedule(&home, at(used - 1), true).unwrap());
        assert!(
            !opened.keep_schedule(&home, at(used), false).unwrap(),
            "not while it runs"
        );
        assert!(opened.keep_schedule(&home, at(used), true).unwrap());
        assert_eq!((opened.card.peer(), opened.card.next_peer()), (&next, None));
        let opened = Identity::open(&home, &passphrase()).unwrap();
        assert_eq!(PeerIdText::of(&opened.transport.public_key()), next);
        let transport = opened.keyring.slots().unwrap().into_iter();
        assert_eq!(
            transport
                .filter(|slot| slot.role == Role::Transport)
                .count(),
            1
        );
    }
}
