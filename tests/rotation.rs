//! Keys that are replaced on schedule, in homes that are made to look older than they are.

use std::time::{SystemTime, UNIX_EPOCH};

use kentong_keys::{KeySlot, Keyring, Passphrase, Role, SealingSecret};
use kentong_protocol::indicator::Tlp;

use crate::support::{Federation, Node, PASSPHRASE, domain};

const DAY: u64 = 86_400;

fn today() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u32::try_from(since.as_secs() / DAY).unwrap()
}

fn keyring(node: &Node) -> Keyring {
    let passphrase = Passphrase::new(PASSPHRASE).unwrap();
    Keyring::open(&node.home.join("keys"), &passphrase).unwrap()
}

fn sealing(keyring: &Keyring) -> Vec<KeySlot> {
    let mut slots = keyring.slots().unwrap();
    slots.retain(|slot| slot.role == Role::Sealing);
    slots
}

/// Makes the only sealing key of a stopped node this many days old.
fn age(node: &Node, days: u32) {
    let keyring = keyring(node);
    let slot = sealing(&keyring)[0];
    let secret = keyring.read(slot).unwrap();
    let older = KeySlot::new(Role::Sealing, today() - days);
    keyring.write_new(older, &secret).unwrap();
    keyring.remove(slot).unwrap();
}

fn serial_of(node: &Node, member: &str) -> String {
    let card = node.home.join("members").join(format!("{member}.card"));
    let card = std::fs::read_to_string(card).unwrap();
    let card = card.split("kentong card v1").nth(1).unwrap().to_owned();
    let line = card.lines().find(|line| line.starts_with("serial: "));
    line.unwrap().to_owned()
}

#[test]
fn a_sealing_key_is_replaced_when_its_time_has_come_and_the_others_learn_of_it() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    let before = domain("before.example");
    federation.node("MY").add(&before, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it arrived", || sg.has(&before));
    federation.node_mut("SG").stop();
    let during = domain("during.example");
    federation.node("MY").add(&during, Tlp::Amber, &["SG"]);
    age(federation.node("SG"), 31);
    federation.node_mut("SG").start();
    let [my, sg, th] = ["MY", "SG", "TH"].map(|name| federation.node(name));
    sg.until("what was sealed to the old key opens", || sg.has(&during));
    assert_eq!(sealing(&keyring(sg)).len(), 2);
    for node in [my, th] {
        node.until("the new card is known", || {
            serial_of(node, "SG") == "serial: 2"
        });
    }
    // After a start a new epoch begins, sealed to the new key.
    federation.node_mut("MY").stop();
    federation.node_mut("MY").start();
    let (my, sg) = (federation.node("MY"), federation.node("SG"));
    let after = domain("after.example");
    my.add(&after, Tlp::Green, &[]);
    sg.until("what is sealed to the new key opens", || sg.has(&after));
}

#[test]
fn who_was_away_while_its_key_was_destroyed_is_given_the_epochs_anew() {
    let mut federation = Federation::running(&["MY", "SG", "TH"]);
    federation.node_mut("SG").stop();
    let value = domain("sealed-to-the-old-key.example");
    federation.node("MY").add(&value, Tlp::Green, &[]);
    let th = federation.node("TH");
    th.until("TH has it", || th.has(&value));
    // SG comes back without the key that the epoch is sealed to, and with one that is younger.
    let sg = federation.node("SG");
    let ring = keyring(sg);
    let old = sealing(&ring)[0];
    let new = KeySlot::new(Role::Sealing, old.number + 1);
    ring.write_new(new, SealingSecret::generate().to_seed())
        .unwrap();
    ring.remove(old).unwrap();
    federation.node_mut("MY").stop();
    federation.node_mut("SG").start();
    let sg = federation.node("SG");
    sg.until("a fellow reader sealed it again", || sg.has(&value));
}

#[test]
fn a_peer_id_changes_once_it_was_announced() {
    let mut federation = Federation::running(&["MY", "SG"]);
    let secret = federation.node("SG").passphrase.clone();
    let secret = secret.to_str().unwrap();
    let sg = federation.node("SG");
    sg.run(&["card", "--next-peer", "--passphrase-file", secret]);
    let my = federation.node("MY");
    my.until("the announcement is known", || {
        serial_of(my, "SG") == "serial: 2"
    });
    federation.node_mut("SG").stop();
    // The announcement was a week ago.
    let ring = keyring(federation.node("SG"));
    let mut slots = ring.slots().unwrap();
    slots.retain(|slot| slot.role == Role::Transport);
    let [current, next] = slots[..] else {
        panic!("{slots:?}")
    };
    for (slot, day) in [(current, today() - 90), (next, today() - 7)] {
        let key = ring.read(slot).unwrap();
        ring.write_new(KeySlot::new(Role::Transport, day), &key)
            .unwrap();
        ring.remove(slot).unwrap();
    }
    let peer = |node: &Node| {
        let card = node.home.join("members/SG.card");
        let card = std::fs::read_to_string(card).unwrap();
        let lines = card.lines().filter(|line| line.contains("peer: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let announced = peer(federation.node("MY"));
    assert_eq!(announced.len(), 2, "{announced:?}");
    federation.node_mut("SG").start();
    federation.connected();
    let my = federation.node("MY");
    my.until("the new one alone is on the card", || {
        serial_of(my, "SG") == "serial: 3" && peer(my).len() == 1
    });
    let value = domain("by-the-new-peer.example");
    my.add(&value, Tlp::Green, &[]);
    let sg = federation.node("SG");
    sg.until("it arrives", || sg.has(&value));
}
