use kentong_keys::read_root;
use tempfile::TempDir;

use super::*;
use crate::net::PeerName;

fn create(dir: &Path, addresses: &[&str], name: &str) -> Result<(Home, Identity), IdentityError> {
    let home = Home::create(&dir.join("home")).unwrap();
    let passphrase = Passphrase::new("a good passphrase").unwrap();
    let addresses: Vec<Address> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let member = "MY".parse().unwrap();
    let own = Passphrase::new("another good one").unwrap();
    let root = RootFile {
        path: &dir.join("root.key"),
        passphrase: &own,
    };
    let identity = Identity::create(&home, &passphrase, &member, name, root, &addresses)?;
    Ok((home, identity))
}

#[test]
fn what_was_created_is_opened() {
    let dir = TempDir::new().unwrap();
    let (home, created) = create(dir.path(), &["/ip4/10.0.0.1/udp/1/quic-v1"], "Malaysia").unwrap();
    let passphrase = Passphrase::new("a good passphrase").unwrap();
    let mut opened = Identity::open(&home, &passphrase).unwrap();
    assert_eq!(opened.bundle().unwrap(), created.bundle().unwrap());
    let seed = opened.transport.seed().expose();
    assert_eq!(seed, created.transport.seed().expose());
    // The network has the name that the card says.
    let on_the_network = PeerName::of(seed).to_string();
    assert_eq!(opened.card.peer().as_str(), on_the_network);
    let context = b"x";
    let sealed = created.store_key().seal_record(context, b"secret");
    assert!(opened.store_key().open_record(context, &sealed).is_ok());
    assert_eq!(*created.warrant.signing(), opened.signing.public_key());
    assert_eq!(created.card.sealing(), opened.sealing[0].public());
    assert_eq!(format!("{created:?}"), "Identity { member: MY, .. }");

    // The passphrase of the node, which is where the node is, does not open the root key.
    let root_key = dir.path().join("root.key");
    let own = Passphrase::new("another good one").unwrap();
    let (member, root) = read_root(&root_key, &own).unwrap();
    assert_eq!((member, root.public_key()), (created.member, created.root));
    let refused = read_root(&root_key, &passphrase);
    assert!(
        matches!(refused, Err(KeystoreError::WrongPassphrase(_))),
        "{refused:?}"
    );

    let address = "/dns/node.example/udp/2/quic-v1".parse().unwrap();
    opened.move_to(&home, &[address]).unwrap();
    let moved = Identity::open(&home, &passphrase).unwrap();
    assert_eq!((moved.card.serial(), moved.card.addresses().len()), (2, 1));
    assert_eq!(
        moved.card.addresses()[0].as_str(),
        "/dns/node.example/udp/2/quic-v1"
    );

    let other = Passphrase::new("another passphrase").unwrap();
    let wrong = Identity::open(&home, &other);
    assert!(
        matches!(wrong, Err(IdentityError::Keystore(_))),
        "{wrong:?}"
    );
    std::fs::remove_file(home.members().join("MY.card")).unwrap();
    let lost = Identity::open(&home, &passphrase);
    assert!(
        matches!(lost, Err(IdentityError::NoCard { .. })),
        "{lost:?}"
    );
}

#[test]
fn a_restored_home_has_a_new_sealing_key_and_a_later_card() {
    let dir = TempDir::new().unwrap();
    let (home, created) = create(dir.path(), &["/ip4/10.0.0.1/udp/1/quic-v1"], "Malaysia").unwrap();
    let passphrase = Passphrase::new("a good passphrase").unwrap();
    let again = Identity::renew(&home, &passphrase, &[]);
    assert!(
        matches!(again, Err(IdentityError::HasSealingKey { .. })),
        "{again:?}"
    );
    let made = created.sealing_days[0];
    std::fs::remove_file(home.keys().join(format!("sealing-{made}.key"))).unwrap();
    let lost = Identity::open(&home, &passphrase);
    assert!(
        matches!(lost, Err(IdentityError::NoSealingKey { .. })),
        "{lost:?}"
    );
    Identity::renew(&home, &passphrase, &[]).unwrap();
    let renewed = Identity::open(&home, &passphrase).unwrap();
    assert_ne!(renewed.card.sealing(), created.card.sealing());
    assert_eq!(renewed.card.sealing(), renewed.sealing[0].public());
    assert_eq!(renewed.card.peer(), created.card.peer());
    assert_eq!(renewed.card.addresses(), created.card.addresses());
    // Cards that were issued after the backup had the next numbers.
    assert!(renewed.card.serial() > 1_000_000_000);
    let opened = Card::open(renewed.card.note().bytes(), &created.warrant).unwrap();
    assert_eq!(opened, renewed.card);
}

#[test]
fn a_failure_leaves_no_root_key() {
    let dir = TempDir::new().unwrap();
    let home = Home::create(&dir.path().join("home")).unwrap();
    std::fs::remove_dir(home.members()).unwrap();
    std::fs::write(home.members(), "in the way").unwrap();
    let passphrase = Passphrase::new("a good passphrase").unwrap();
    let root = dir.path().join("root.key");
    let root_file = RootFile {
        path: &root,
        passphrase: &passphrase,
    };
    let member = "MY".parse().unwrap();
    let made = Identity::create(&home, &passphrase, &member, "Malaysia", root_file, &[]);
    assert!(
        matches!(made, Err(IdentityError::MemberFile(_))),
        "{made:?}"
    );
    assert!(!root.exists());

    // But a file that somebody else put there stays.
    std::fs::write(&root, "of another").unwrap();
    let home = Home::create(&dir.path().join("second")).unwrap();
    let made = Identity::create(&home, &passphrase, &member, "Malaysia", root_file, &[]);
    assert!(matches!(made, Err(IdentityError::Keystore(_))), "{made:?}");
    assert_eq!(std::fs::read_to_string(&root).unwrap(), "of another");
}

#[test]
fn refused() {
    let check = |addresses: &[&str], name: &str, says: &str| {
        let dir = TempDir::new().unwrap();
        let error = create(dir.path(), addresses, name).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    check(
        &["/ip4/0.0.0.0/udp/1/quic-v1"],
        "Malaysia",
        "cannot be dialled",
    );
    check(
        &["/ip4/10.0.0.1/udp/0/quic-v1"],
        "Malaysia",
        "cannot be dialled",
    );
    check(&["/ip4/10.0.0.1/udp/1/quic-v1"; 2], "Malaysia", "twice");
    check(&[], "", "display name");
    check(&[], "a\nb", "display name");
    check(&[], &"x".repeat(121), "display name");
}
