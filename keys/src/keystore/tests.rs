//! Every way in which a key file can be wrong has its own error.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::kdf::{Cost, Recipe};
use super::root::root_file;
use super::*;
use crate::secret::shows;
use crate::{Digest, FormError, MemberName, Role, Secret, SigningKey, random_bytes};

/// Passphrase "correct horse battery", salt 07…, cost of `Cost::CHEAP`, nonces 08…, secret 09….
/// Computed with Python's `cryptography`.
const GOLDEN_KEYRING: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/keyring.kdf"
));
const GOLDEN_KEY: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/sealing-2.key"
));
const GOLDEN_ROOT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/root.key"
));

const SLOT: KeySlot = KeySlot::new(Role::Sealing, 2);

fn right() -> Passphrase {
    Passphrase::new("correct horse battery").unwrap()
}

fn wrong() -> Passphrase {
    Passphrase::new("correct horse batterie").unwrap()
}

fn recipe() -> Recipe {
    Recipe::with_salt(Cost::CHEAP, [7; 16])
}

fn member() -> MemberName {
    "MY".parse().unwrap()
}

fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap();
    set_mode(path, 0o600);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory with the golden files.
struct Golden {
    _home: TempDir,
    directory: PathBuf,
}

impl Golden {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("keys");
        file::create_directory(&directory).unwrap();
        put(&directory.join("keyring.kdf"), GOLDEN_KEYRING);
        put(&directory.join("sealing-2.key"), GOLDEN_KEY);
        put(&directory.join("root.key"), GOLDEN_ROOT);
        Self {
            _home: home,
            directory,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn keyring(&self) -> Result<Keyring, KeystoreError> {
        Keyring::open(&self.directory, &right())
    }

    fn key(&self) -> Result<Secret<32>, KeystoreError> {
        self.keyring()?.read(SLOT)
    }

    fn root(&self) -> Result<(MemberName, SigningKey), KeystoreError> {
        read_root(&self.at("root.key"), &right())
    }

    /// What reading the file of this name fails with.
    fn error_of(&self, name: &str) -> KeystoreError {
        match name {
            "keyring.kdf" => self.keyring().map(|_| ()),
            "root.key" => self.root().map(|_| ()),
            _ => self.key().map(|_| ()),
        }
        .unwrap_err()
    }
}

const FILES: [(&str, &str); 3] = [
    ("keyring.kdf", GOLDEN_KEYRING),
    ("sealing-2.key", GOLDEN_KEY),
    ("root.key", GOLDEN_ROOT),
];

#[test]
fn golden_files_are_written() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("keys");
    let keyring = Keyring::create_with(&directory, &right(), &recipe()).unwrap();
    let written = fs::read_to_string(directory.join("keyring.kdf")).unwrap();
    assert_eq!(written, GOLDEN_KEYRING);
    assert_eq!(keyring.sealed_with(SLOT, &[9; 32].into(), 8), GOLDEN_KEY);
    let root = root_file(&recipe(), &right(), &member(), &[9; 32].into(), [8; 12]).unwrap();
    assert_eq!(root, GOLDEN_ROOT);
}

#[test]
fn golden_files_are_read() {
    let golden = Golden::new();
    assert_eq!(golden.key().unwrap().expose(), &[9; 32]);
    let (member, root) = golden.root().unwrap();
    assert_eq!(member.as_str(), "MY");
    assert_eq!(root.seed().expose(), &[9; 32]);
}

#[test]
fn write_read_replace_remove() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("keys");
    let keyring = Keyring::create_with(&directory, &right(), &recipe()).unwrap();
    let (first, second) = (Secret::generate(), Secret::generate());
    keyring.write_new(Role::Store, &first).unwrap();
    keyring
        .write_new(KeySlot::new(Role::Sealing, 10), &first)
        .unwrap();
    keyring
        .write_new(KeySlot::new(Role::Sealing, 9), &second)
        .unwrap();

    let again = Keyring::open(&directory, &right()).unwrap();
    assert_eq!(again.read(Role::Store).unwrap().expose(), first.expose());
    again.replace(Role::Store, &second).unwrap();
    assert_eq!(keyring.read(Role::Store).unwrap().expose(), second.expose());
    let slots = [
        KeySlot::new(Role::Sealing, 9),
        KeySlot::new(Role::Sealing, 10),
        Role::Store.into(),
    ];
    assert_eq!(again.slots().unwrap(), slots);

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&directory), 0o700);
    for name in file::names(&directory).unwrap() {
        assert_eq!(mode(&directory.join(&name)), 0o600, "{name}");
        assert!(!name.ends_with(".tmp"), "{name} was left behind");
        let content = fs::read_to_string(directory.join(&name)).unwrap();
        assert!(!shows(&content, first.expose()) && !shows(&content, second.expose()));
    }

    again.remove(Role::Store).unwrap();
    let gone = again.read(Role::Store).unwrap_err();
    assert!(matches!(gone, KeystoreError::Missing(_)), "{gone}");
    let gone = again.remove(Role::Store).unwrap_err();
    assert!(matches!(gone, KeystoreError::Missing(_)), "{gone}");
}

#[test]
fn a_crash_leaves_no_copy_of_a_key() {
    let golden = Golden::new();
    let keyring = golden.keyring().unwrap();
    let unfinished = |name: &str| format!("{name}.0123456789abcdef.tmp");
    let leave = |name: &str| put(&golden.at(&unfinished(name)), GOLDEN_KEY);
    let is_there = |name: &str| golden.at(&unfinished(name)).exists();
    let keys = ["sealing-2.key", "sealing.key", "keyring.kdf"];
    keys.into_iter().for_each(leave);
    keyring.remove(SLOT).unwrap();
    assert_eq!(keys.map(is_there), [false, true, true]);
    // Whatever else lies there stays.
    let others = ["notes.0123456789abcdef.tmp", "sealing.key.tmp", "root.key"];
    for other in others {
        put(&golden.at(other), "x");
    }
    Keyring::sweep(&golden.directory).unwrap();
    assert_eq!(keys.map(is_there), [false; 3]);
    assert!(others.iter().all(|other| golden.at(other).exists()));
}

/// With the true cost, as it is used.
#[test]
fn the_public_way() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("keys");
    let key = SigningKey::generate();
    let keyring = Keyring::create(&directory, &right()).unwrap();
    keyring.write_new(Role::Signing, key.seed()).unwrap();
    let read = Keyring::open(&directory, &right())
        .unwrap()
        .read(Role::Signing);
    assert_eq!(read.unwrap().expose(), key.seed().expose());

    let path = home.path().join("root.key");
    write_root(&path, &right(), &member(), key.seed()).unwrap();
    let (member, root) = read_root(&path, &right()).unwrap();
    assert_eq!(member.as_str(), "MY");
    assert_eq!(root.public_key(), key.public_key());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("argon2id m=65536 t=3 p=4"), "{text}");
}

#[test]
fn never_overwrites() {
    let golden = Golden::new();
    let keyring = golden.keyring().unwrap();
    let secret = Secret::generate();
    let again = keyring.write_new(SLOT, &secret).unwrap_err();
    assert!(matches!(&again, KeystoreError::Exists(path) if *path == golden.at("sealing-2.key")));
    let again = Keyring::create_with(&golden.directory, &right(), &recipe()).unwrap_err();
    assert!(matches!(&again, KeystoreError::Exists(path) if *path == golden.at("keyring.kdf")));
    let again = write_root(&golden.at("root.key"), &right(), &member(), &secret).unwrap_err();
    assert!(matches!(&again, KeystoreError::Exists(path) if *path == golden.at("root.key")));
    assert_eq!(golden.key().unwrap().expose(), &[9; 32]);
    // Also not through a link that leads nowhere.
    symlink("nowhere", golden.at("store.key")).unwrap();
    let link = keyring.write_new(Role::Store, &secret).unwrap_err();
    assert!(matches!(link, KeystoreError::Exists(_)), "{link}");
    // Nothing is left behind by what failed, also when that is seen only at the end.
    fs::create_dir(golden.at("witness.key")).unwrap();
    let directory = keyring.replace(Role::Witness, &secret).unwrap_err();
    assert!(
        matches!(
            directory,
            KeystoreError::Io {
                action: "write",
                ..
            }
        ),
        "{directory:?}"
    );
    let names = file::names(&golden.directory).unwrap();
    assert!(
        !names.iter().any(|name| name.ends_with(".tmp")),
        "{names:?}"
    );
}

#[test]
fn keys_without_their_keyring_are_not_adopted() {
    let golden = Golden::new();
    fs::remove_file(golden.at("root.key")).unwrap();
    fs::remove_file(golden.at("keyring.kdf")).unwrap();
    let create = || Keyring::create_with(&golden.directory, &right(), &recipe());
    let refused = create().unwrap_err();
    assert!(
        matches!(&refused, KeystoreError::OldKey(path) if *path == golden.at("sealing-2.key")),
        "{refused:?}"
    );
    assert!(!golden.at("keyring.kdf").exists());
    fs::rename(golden.at("sealing-2.key"), golden.at("sealing-2.key.old")).unwrap();
    create().unwrap();
}

#[test]
fn the_root_key_stays_out_of_the_keyring() {
    let keyring = Golden::new().keyring().unwrap();
    let refused = keyring
        .write_new(Role::Root, &Secret::generate())
        .unwrap_err();
    assert!(matches!(refused, KeystoreError::NotForKeyring(Role::Root)));
    assert!(refused.to_string().contains("keep it in"), "{refused}");
}

#[test]
fn wrong_passphrase() {
    let golden = Golden::new();
    let keyring = Keyring::open(&golden.directory, &wrong()).unwrap_err();
    assert!(
        matches!(&keyring, KeystoreError::WrongPassphrase(path) if *path == golden.at("keyring.kdf"))
    );
    let root = read_root(&golden.at("root.key"), &wrong()).unwrap_err();
    assert!(
        matches!(&root, KeystoreError::WrongPassphrase(path) if *path == golden.at("root.key"))
    );
}

#[test]
fn truncated() {
    for (name, whole) in FILES {
        let golden = Golden::new();
        for length in 0..whole.len() {
            put(&golden.at(name), &whole[..length]);
            let error = golden.error_of(name);
            assert!(
                matches!(&error, KeystoreError::Truncated(path) if *path == golden.at(name)),
                "{name} cut at {length}: {error:?}"
            );
        }
    }
}

/// Whatever byte is changed, the file is refused, and never because of the passphrase as long as
/// that is what the file still says about it.
#[test]
fn tampered() {
    for (name, whole) in FILES {
        let golden = Golden::new();
        for position in 0..whole.len() {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[position] ^= 1;
            put(&golden.at(name), &bytes);
            let error = golden.error_of(name);
            let in_check = whole
                .find("check: ")
                .is_some_and(|check| (check..check + "check: ".len() + 24).contains(&position));
            assert_eq!(
                matches!(error, KeystoreError::WrongPassphrase(_)),
                in_check && !matches!(error, KeystoreError::Damaged { .. }),
                "{name} changed at {position}: {error:?}"
            );
        }
    }
    // The sealed line, the header that it is bound to, and the salt.
    let check = |name: &str, from: &str, to: &str| {
        let golden = Golden::new();
        let text = fs::read_to_string(golden.at(name)).unwrap();
        assert!(text.contains(from), "{text}");
        put(&golden.at(name), text.replacen(from, to, 1));
        let error = golden.error_of(name);
        assert!(
            matches!(&error, KeystoreError::Tampered(path) if *path == golden.at(name)),
            "{error:?}"
        );
    };
    check("sealing-2.key", "sealed: CAgI", "sealed: CAgJ");
    check("root.key", "sealed: CAgI", "sealed: CAgJ");
    check("root.key", "member: MY", "member: SG");
    check("root.key", "salt: Bwc", "salt: Awc");
    check("keyring.kdf", "salt: Bwc", "salt: Awc");
    check("keyring.kdf", "t=1", "t=2");
}

#[test]
fn exposed() {
    for (name, _) in FILES {
        for mode in [0o640, 0o604, 0o620, 0o777] {
            let golden = Golden::new();
            set_mode(&golden.at(name), mode);
            let error = golden.error_of(name);
            let KeystoreError::Exposed {
                path,
                mode: found,
                want,
            } = &error
            else {
                panic!("{error:?}");
            };
            assert_eq!((path, *found, *want), (&golden.at(name), mode, 0o600));
            let shown = error.to_string();
            let chmod = format!("chmod 600 {}", golden.at(name).display());
            assert!(shown.contains(&chmod), "{shown}");
        }
        let golden = Golden::new();
        set_mode(&golden.at(name), 0o400);
        assert!(golden.key().is_ok() && golden.root().is_ok());
    }
    let golden = Golden::new();
    set_mode(&golden.directory, 0o750);
    let error = golden.keyring().unwrap_err();
    assert!(matches!(
        error,
        KeystoreError::Exposed {
            mode: 0o750,
            want: 0o700,
            ..
        }
    ));
}

#[test]
fn links_and_other_things() {
    for (name, _) in FILES {
        let golden = Golden::new();
        fs::rename(golden.at(name), golden.at("elsewhere")).unwrap();
        let error = golden.error_of(name);
        let missing = match (name, &error) {
            ("root.key", KeystoreError::NoRootKey(path)) => Some(path),
            ("root.key", _) => None,
            (_, KeystoreError::Missing(path)) => Some(path),
            _ => None,
        };
        assert_eq!(missing, Some(&golden.at(name)), "{error:?}");
        symlink("elsewhere", golden.at(name)).unwrap();
        let error = golden.error_of(name);
        assert!(matches!(error, KeystoreError::Symlink(_)), "{error:?}");
        fs::remove_file(golden.at(name)).unwrap();
        fs::create_dir(golden.at(name)).unwrap();
        let error = golden.error_of(name);
        assert!(matches!(error, KeystoreError::NotAFile(_)), "{error:?}");
    }
    let nowhere = Path::new("/nonexistent/keys");
    let error = Keyring::open(nowhere, &right()).unwrap_err();
    assert!(matches!(error, KeystoreError::Missing(_)), "{error:?}");
}

#[test]
fn the_folder_to_write_to_is_missing() {
    let home = TempDir::new().unwrap();
    let stick = home.path().join("stick");
    let check = |written: Result<(), KeystoreError>| {
        let error = written.unwrap_err();
        assert!(
            matches!(&error, KeystoreError::NoFolder(folder) if *folder == stick),
            "{error:?}"
        );
        assert!(error.to_string().contains("mount the stick"), "{error}");
    };
    let path = stick.join("root.key");
    check(write_root(&path, &right(), &member(), &[9; 32].into()));
    check(Keyring::create_with(&stick.join("keys"), &right(), &recipe()).map(drop));
    let other = home.path().join("keys");
    let keyring = Keyring::create_with(&other, &right(), &recipe()).unwrap();
    fs::rename(&other, &stick).unwrap();
    let gone = keyring.replace(SLOT, &[9; 32].into()).unwrap_err();
    assert!(
        matches!(&gone, KeystoreError::NoFolder(folder) if *folder == other),
        "{gone:?}"
    );
}

#[test]
fn the_system_refuses() {
    let golden = Golden::new();
    // A file where a directory should be.
    let below = golden.at("root.key").join("keys");
    let error = Keyring::create(&below, &right()).unwrap_err();
    assert!(error.to_string().contains("check the disk"), "{error}");
    assert!(
        matches!(
            error,
            KeystoreError::Io {
                action: "create",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn versions_and_foreign_content() {
    for (name, whole) in FILES {
        let golden = Golden::new();
        put(&golden.at(name), whole.replacen("v1", "v2", 1));
        let error = golden.error_of(name);
        assert!(
            matches!(&error, KeystoreError::UnknownVersion { found, .. } if found.ends_with("v2")),
            "{error:?}"
        );
        for content in [
            &b"-----BEGIN PRIVATE KEY-----\n"[..],
            &[0xff; 100],
            &[b'\n'; 20_000],
        ] {
            put(&golden.at(name), content);
            let error = golden.error_of(name);
            assert!(
                matches!(
                    error,
                    KeystoreError::Damaged {
                        why: FormError::Title(_),
                        ..
                    }
                ),
                "{error:?}"
            );
        }
        put(&golden.at(name), whole.replace('\n', "\r\n"));
        let error = golden.error_of(name);
        assert!(
            matches!(
                error,
                KeystoreError::Damaged {
                    why: FormError::CarriageReturn,
                    ..
                }
            ),
            "{error:?}"
        );
        put(&golden.at(name), format!("{whole}more: 1\n"));
        let error = golden.error_of(name);
        assert!(
            matches!(
                error,
                KeystoreError::Damaged {
                    why: FormError::Extra(_),
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[test]
fn keys_do_not_change_places() {
    let golden = Golden::new();
    fs::rename(golden.at("sealing-2.key"), golden.at("sealing-3.key")).unwrap();
    let keyring = golden.keyring().unwrap();
    let moved = keyring.read(KeySlot::new(Role::Sealing, 3)).unwrap_err();
    assert!(
        matches!(moved, KeystoreError::OtherKey { found: SLOT, .. }),
        "{moved:?}"
    );
    // With the header changed to fit, the seal does not.
    let text = GOLDEN_KEY.replace("sealing-2", "sealing-3");
    put(&golden.at("sealing-3.key"), text);
    let moved = keyring.read(KeySlot::new(Role::Sealing, 3)).unwrap_err();
    assert!(matches!(moved, KeystoreError::Tampered(_)), "{moved:?}");
    // A key of another keyring with the same passphrase.
    let fresh = Recipe::new(Cost::CHEAP);
    let other = Keyring::create_with(&golden.at("other"), &right(), &fresh).unwrap();
    put(&other.path(SLOT), GOLDEN_KEY);
    let moved = other.read(SLOT).unwrap_err();
    assert!(matches!(moved, KeystoreError::Tampered(_)), "{moved:?}");
}

#[test]
fn costs_are_bounded() {
    for (name, whole) in FILES {
        if !whole.contains("kdf: ") {
            continue;
        }
        let golden = Golden::new();
        // Sum and all, as who wants to stop the machine would write it.
        let huge = "argon2id m=1048577 t=1 p=1";
        let sum = |cost: &str| {
            let label = crate::Label::new("kentong/kdf-sum/1");
            Digest::labelled(label, &[cost.as_bytes(), &[7; 16]]).short()
        };
        let text = whole
            .replace("argon2id m=1024 t=1 p=1", huge)
            .replace(&sum("argon2id m=1024 t=1 p=1"), &sum(huge));
        put(&golden.at(name), text);
        let error = golden.error_of(name);
        assert!(matches!(error, KeystoreError::Cost(_)), "{error:?}");
    }
}

#[test]
fn slots_have_one_name() {
    for (slot, name) in [
        (Role::Signing.into(), "signing"),
        (KeySlot::new(Role::Sealing, 12), "sealing-12"),
    ] {
        assert_eq!(slot.to_string(), name);
        assert_eq!(name.parse(), Ok(slot));
    }
    for bad in [
        "",
        "signing-0",
        "signing-01",
        "signing-",
        "signer",
        "sealing-99999999999",
    ] {
        assert_eq!(bad.parse::<KeySlot>(), Err(()), "{bad}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let golden = Golden::new();
    let keyring = golden.keyring().unwrap();
    let text = format!("{keyring:?} {:?} {:?}", right(), golden.key());
    assert!(!shows(&text, &[9; 32]) && !text.contains("horse"), "{text}");
    let home = TempDir::new().unwrap();
    let secret: [u8; 32] = random_bytes();
    let keyring = Keyring::create_with(&home.path().join("k"), &right(), &recipe()).unwrap();
    keyring.write_new(SLOT, &secret.into()).unwrap();
    put(&keyring.path(SLOT), "x");
    let error = keyring.read(SLOT).unwrap_err();
    assert!(!shows(&format!("{error} {error:?} {keyring:?}"), &secret));
    assert!(shows(&format!("{secret:?}"), &secret));
}
