//! Backups that are whole, and every way in which one is not.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kentong_keys::Digest;
use tempfile::TempDir;

use super::archive::Writing;
use super::read::MANIFEST;
use super::*;
use crate::home::Home;
use crate::log::Position;

const MADE: u64 = 1_764_028_800;
const SECRET: &[u8] = b"the sealing key, which no backup holds";

fn put(home: &Home, path: &str, content: &[u8]) {
    let path = home.root().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A home with something in every place.
fn home() -> (TempDir, Home) {
    let dir = TempDir::new().unwrap();
    let home = Home::create(&dir.path().join("home")).unwrap();
    for (path, content) in [
        ("log/00000001.seg", [1_u8; 5000].as_slice()),
        ("log/00000002.seg", &[2; 700]),
        ("log/00000003.seg", &[3; 10]),
        ("keys/keyring.kdf", b"recipe"),
        ("keys/signing.key", b"signing"),
        ("keys/witness.key", b"witness"),
        ("keys/transport.key", b"transport"),
        ("keys/store.key", b"store"),
        ("keys/sealing.key", SECRET),
        ("keys/sealing-1.key", SECRET),
        ("members/MY.card", b"card"),
        ("policy/share.cedar", b"permit"),
        ("policy/.share.cedar.swp", b"swap"),
        ("evidence/SG-two-abcdef12.txt", b"evidence"),
        ("charter.txt", b"charter"),
        ("config.toml", b"member = \"MY\"\n"),
        ("signer.state", SECRET),
        ("root.key", SECRET),
        ("sled/db", SECRET),
        ("node.log", b"log"),
        ("lock", b"1"),
    ] {
        put(&home, path, content);
    }
    (dir, home)
}

fn made(dir: &Path, home: &Home, log: LogEnd) -> (PathBuf, Written) {
    let path = dir.join("MY.backup");
    let member = Some("MY".parse().unwrap());
    let written = write(home, log, (member, MADE), &path, Existing::Keep).unwrap();
    (path, written)
}

fn restored(dir: &Path, backup: &Path) -> Home {
    let home = Home::create(&dir.join("new")).unwrap();
    unpack(&verify(backup).unwrap(), &home).unwrap();
    home
}

#[test]
fn what_was_backed_up_is_put_back() {
    let (dir, home) = home();
    let (path, written) = made(dir.path(), &home, LogEnd::Whole);
    assert_eq!(written.left_out, ["node.log", "policy/.share.cedar.swp"]);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(written.bytes, bytes.len() as u64);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"recipe") && !holds(SECRET));

    let verified = verify(&path).unwrap();
    assert_eq!(verified.manifest().files.len(), written.files);
    assert_eq!(verified.manifest().made, MADE);
    let new = restored(dir.path(), &path);
    for listed in &verified.manifest().files {
        let [before, after] = [&home, &new].map(|home| fs::read(home.root().join(&listed.path)));
        assert_eq!(before.unwrap(), after.unwrap(), "{}", listed.path);
        let about = fs::metadata(new.root().join(&listed.path)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }
    for absent in ["signer.state", "keys/sealing.key", "root.key", "node.log"] {
        assert!(!new.root().join(absent).exists(), "{absent}");
    }
    Home::open(new.root()).unwrap();
}

#[test]
fn of_a_running_node_only_what_is_durable_is_taken() {
    let (dir, home) = home();
    let end = Position::from_u64((2 << 32) | 300);
    let (path, _) = made(dir.path(), &home, LogEnd::At(end));
    let new = restored(dir.path(), &path);
    assert_eq!(fs::read(new.log().join("00000001.seg")).unwrap(), [1; 5000]);
    assert_eq!(fs::read(new.log().join("00000002.seg")).unwrap(), [2; 300]);
    assert!(!new.log().join("00000003.seg").exists());

    let beyond = Position::from_u64((3 << 32) | 11);
    let target = dir.path().join("other");
    let short = write(
        &home,
        LogEnd::At(beyond),
        (None, MADE),
        &target,
        Existing::Keep,
    );
    assert!(matches!(short, Err(BackupError::Shrank(_))), "{short:?}");
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        3,
        "nothing half made is left"
    );
}

#[test]
fn no_file_is_overwritten_unasked() {
    let (dir, home) = home();
    let target = dir.path().join("MY.backup");
    fs::write(&target, "precious").unwrap();
    let again = |existing| write(&home, LogEnd::Whole, (None, MADE), &target, existing);
    let refused = again(Existing::Keep);
    assert!(
        matches!(refused, Err(BackupError::Exists(_))),
        "{refused:?}"
    );
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    again(Existing::Replace).unwrap();
    verify(&target).unwrap();
    let folder = write(
        &home,
        LogEnd::Whole,
        (None, MADE),
        dir.path(),
        Existing::Replace,
    );
    assert!(matches!(folder, Err(BackupError::Folder(_))), "{folder:?}");
}

#[test]
fn a_home_without_its_keys_makes_no_backup() {
    let (dir, home) = home();
    fs::remove_file(home.keys().join("store.key")).unwrap();
    let target = dir.path().join("MY.backup");
    let made = write(&home, LogEnd::Whole, (None, MADE), &target, Existing::Keep);
    assert!(matches!(made, Err(BackupError::Missing(_))), "{made:?}");
    assert!(!target.exists());
}

#[test]
fn one_that_was_cut_off_or_changed_is_refused() {
    let (dir, home) = home();
    let (path, _) = made(dir.path(), &home, LogEnd::Whole);
    let good = fs::read(&path).unwrap();
    let bad = dir.path().join("bad");
    let check = |bytes: &[u8]| {
        fs::write(&bad, bytes).unwrap();
        verify(&bad)
    };
    // Without the two empty blocks at its end it is whole all the same.
    for len in (0..good.len() - 1024).step_by(97) {
        let error = check(&good[..len]).unwrap_err();
        let fits = if len < 512 {
            matches!(error, BackupError::Foreign { .. })
        } else {
            matches!(
                error,
                BackupError::CutOff { .. } | BackupError::Manifest { .. }
            )
        };
        assert!(fits || len == 0, "cut off at {len}: {error}");
    }
    let cut = check(&good[..3000]).unwrap_err();
    assert!(matches!(cut, BackupError::CutOff { .. }), "{cut}");
    for at in (0..good.len() - 1024).step_by(61) {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        match check(&changed) {
            Err(error) => assert!(error.to_string().contains("; "), "{error}"),
            // Padding, or a field that nobody reads: what it holds is what it held.
            Ok(verified) => assert_eq!(*verified.manifest(), *verify(&path).unwrap().manifest()),
        }
    }
    // In the midst of the first segment.
    let mut changed = good;
    changed[512 + 100] ^= 1;
    let damaged = check(&changed).unwrap_err();
    let says = damaged.to_string();
    assert!(
        matches!(damaged, BackupError::Damaged { at: 0, .. }),
        "{says}"
    );
    assert!(says.contains("log/00000001.seg"), "{says}");
    let noise = check(b"not a backup at all").unwrap_err();
    assert!(
        matches!(
            noise,
            BackupError::Foreign { .. } | BackupError::CutOff { .. }
        ),
        "{noise}"
    );
}

/// An archive of these entries, and a manifest that lists them.
fn forged(dir: &Path, entries: &[(&str, &[u8])], manifest: Option<&str>) -> PathBuf {
    let path = dir.join("forged");
    let mut archive = Writing::new(Vec::new());
    let mut files = Vec::new();
    for (name, content) in entries {
        let size = content.len() as u64;
        let sha256 = archive.append(name, (size, MADE), Cursor::new(content));
        files.push(Listed {
            path: (*name).to_owned(),
            size,
            sha256: sha256.unwrap().unwrap(),
        });
    }
    let honest = Manifest {
        member: None,
        made: MADE,
        version: "0".into(),
        files,
    };
    let text = match manifest {
        Some(text) => text.as_bytes().to_vec(),
        None => honest.encode(),
    };
    let size = text.len() as u64;
    archive
        .append(MANIFEST, (size, MADE), Cursor::new(text))
        .unwrap();
    fs::write(&path, archive.finish().unwrap()).unwrap();
    path
}

#[test]
fn one_that_would_write_elsewhere_or_anything_else_is_refused() {
    let dir = TempDir::new().unwrap();
    let whole: Vec<(&str, &[u8])> = vec![
        ("log/00000001.seg", b"1"),
        ("keys/keyring.kdf", b"2"),
        ("keys/signing.key", b"3"),
        ("keys/witness.key", b"4"),
        ("keys/transport.key", b"5"),
        ("keys/store.key", b"6"),
    ];
    verify(&forged(dir.path(), &whole, None)).unwrap();
    for name in ["signer.state", "keys/sealing.key", "sled/db", "log/1.seg"] {
        let mut entries = whole.clone();
        entries.push((name, b"x"));
        let refused = verify(&forged(dir.path(), &entries, None)).unwrap_err();
        assert!(matches!(refused, BackupError::Foreign { .. }), "{refused}");
    }
    let mut twice = whole.clone();
    twice.push(whole[0]);
    let refused = verify(&forged(dir.path(), &twice, None)).unwrap_err();
    assert!(matches!(refused, BackupError::Foreign { .. }), "{refused}");
    let refused = verify(&forged(dir.path(), &whole[1..], None)).unwrap_err();
    assert!(
        matches!(refused, BackupError::Incomplete { .. }),
        "{refused}"
    );
    let newer = Some("{\"format\": 2, \"more\": true}");
    let refused = verify(&forged(dir.path(), &whole, newer)).unwrap_err();
    assert!(
        matches!(refused, BackupError::Newer { found: 2, .. }),
        "{refused}"
    );
    let refused = verify(&forged(dir.path(), &whole, Some("{}"))).unwrap_err();
    assert!(matches!(refused, BackupError::Manifest { .. }), "{refused}");
    // A manifest of other files than are there.
    let mut other = verify(&forged(dir.path(), &whole, None))
        .unwrap()
        .manifest()
        .clone();
    other.files[2].sha256 = Digest::from_bytes([0; 32]);
    let text = String::from_utf8(other.encode()).unwrap();
    let refused = verify(&forged(dir.path(), &whole, Some(&text))).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }), "{refused}");
    other.files.push(Listed {
        path: "charter.txt".into(),
        size: 1,
        sha256: Digest::from_bytes([0; 32]),
    });
    other.files[2] = verify(&forged(dir.path(), &whole, None))
        .unwrap()
        .manifest()
        .files[2]
        .clone();
    let text = String::from_utf8(other.encode()).unwrap();
    let refused = verify(&forged(dir.path(), &whole, Some(&text))).unwrap_err();
    assert!(
        matches!(refused, BackupError::Incomplete { .. }),
        "{refused}"
    );
}

/// A tar header by hand: the library would not write such names.
fn raw_entry(name: &str, kind: u8, link: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000600\0");
    header[124..136].copy_from_slice(b"00000000000\0");
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.to_vec()
}

#[test]
fn no_path_and_no_link_leads_out_of_the_home() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("evil");
    for (name, kind, link) in [
        ("kentong-backup/../../evil", b'0', ""),
        ("kentong-backup/policy/../../evil", b'0', ""),
        ("/etc/passwd", b'0', ""),
        ("config.toml", b'0', ""),
        ("kentong-backup/policy/x", b'2', "/etc"),
        ("kentong-backup/policy/x", b'1', "/etc/passwd"),
        ("kentong-backup/policy", b'5', ""),
        ("kentong-backup/policy/x", b'L', ""),
        ("kentong-backup/policy/x", b'3', ""),
    ] {
        let mut bytes = raw_entry(name, kind, link);
        bytes.extend_from_slice(&[0; 1024]);
        fs::write(&path, bytes).unwrap();
        let refused = verify(&path).unwrap_err();
        assert!(
            matches!(refused, BackupError::Foreign { .. }),
            "{name}: {refused}"
        );
    }
}
