//! Using a backup: all of it is checked before any of it is put anywhere.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::MAX_FILES;
use super::archive::{self, Entry, Hashing};
use super::error::BackupError;
use super::home_part::HomePart;
use super::manifest::{Listed, Manifest, ManifestFault};
use crate::home::Home;

/// The name of the last entry.
pub(super) const MANIFEST: &str = "manifest.json";
/// The longest manifest, in bytes.
const MAX_MANIFEST: u64 = 16 << 20;
/// What every home has.
pub(super) const NEEDED: [&str; 6] = [
    "log/00000001.seg",
    "keys/keyring.kdf",
    "keys/signing.key",
    "keys/witness.key",
    "keys/transport.key",
    "keys/store.key",
];

/// Whether a path is that of something needed: of a key that is replaced on schedule, of one of them.
pub(super) fn is_needed(needed: &str, path: &str) -> bool {
    let numbered = || {
        let rest = path.strip_prefix(needed.strip_suffix(".key")?)?;
        let number = rest.strip_prefix('-')?.strip_suffix(".key")?;
        number.parse::<u32>().ok()
    };
    path == needed || numbered().is_some()
}

/// A backup of which every byte was checked against its manifest.
#[derive(Debug)]
pub struct Verified {
    path: PathBuf,
    manifest: Manifest,
}

impl Verified {
    /// What it holds.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// Reads a backup from end to end and checks all of it.
pub fn verify(path: &Path) -> Result<Verified, BackupError> {
    let (mut found, mut places) = (Vec::new(), Vec::new());
    let mut manifest: Option<Manifest> = None;
    let mut paths = BTreeSet::new();
    let end = each_entry(path, |mut entry| {
        let foreign = |entry: &Entry<'_, _>| BackupError::Foreign {
            path: path.to_owned(),
            at: entry.at,
            found: format!("{:?}", entry.shown),
        };
        if manifest.is_some() || found.len() > MAX_FILES {
            return Err(foreign(&entry));
        }
        let Some(name) = entry.name.clone() else {
            return Err(foreign(&entry));
        };
        if name == MANIFEST {
            manifest = Some(read_manifest(path, &mut entry)?);
            return Ok(());
        }
        let Some(part) = HomePart::parse(&name).filter(|part| paths.insert(part.clone())) else {
            return Err(foreign(&entry));
        };
        check_size(&part, entry.size)?;
        let (at, size) = (entry.at, entry.size);
        let mut content = Hashing::new(&mut entry.content);
        io::copy(&mut content, &mut io::sink()).map_err(BackupError::io("read", path))?;
        let (read, sha256) = content.finish();
        if read < size {
            return Err(cut_off(path, found.last(), at.saturating_add(read)));
        }
        places.push(at);
        found.push(Listed {
            path: name,
            size,
            sha256,
        });
        Ok(())
    });
    let manifest = whole(path, end, found.last(), manifest)?;
    compare(path, &manifest, &found, &places)?;
    for file in NEEDED {
        if !found.iter().any(|listed| is_needed(file, &listed.path)) {
            return Err(BackupError::Incomplete {
                path: path.to_owned(),
                file: file.to_owned(),
            });
        }
    }
    Ok(Verified {
        path: path.to_owned(),
        manifest,
    })
}

/// The manifest, if the archive could be read to its end and has one there.
fn whole(
    path: &Path,
    end: Result<(), Ended>,
    last: Option<&Listed>,
    manifest: Option<Manifest>,
) -> Result<Manifest, BackupError> {
    let length = fs::metadata(path).map_or(0, |about| about.len());
    match (end, manifest) {
        (Err(Ended::Because(error)), _) => Err(error),
        // A header that is not whole: the end was cut off, or it never was an archive.
        (Err(Ended::Unreadable { at, .. }), _)
            if at > 0 && at.saturating_add(archive::BLOCK) > length =>
        {
            Err(cut_off(path, last, length))
        }
        (Err(Ended::Unreadable { at: 0, .. }), _) => Err(BackupError::Foreign {
            path: path.to_owned(),
            at: 0,
            found: "no header of an archive".to_owned(),
        }),
        (Err(Ended::Unreadable { at, .. }), _) => Err(BackupError::Damaged {
            path: path.to_owned(),
            file: format!(
                "what follows {}",
                last.map_or("the start", |file| file.path.as_str())
            ),
            at,
        }),
        (Ok(()), None) => Err(cut_off(path, last, length)),
        (Ok(()), Some(manifest)) => Ok(manifest),
    }
}

/// Puts the files of a checked backup into a new home. What it has now is compared once more.
pub fn unpack(backup: &Verified, home: &Home) -> Result<(), BackupError> {
    let path = &backup.path;
    let mut listed = backup.manifest.files.iter();
    let mut folders = BTreeSet::new();
    let end = each_entry(path, |mut entry| {
        let Some(name) = entry.name.clone().filter(|name| name != MANIFEST) else {
            return Ok(());
        };
        let changed = |at| BackupError::Damaged {
            path: path.clone(),
            file: name.clone(),
            at,
        };
        let file = listed.next().filter(|file| file.path == name);
        let (Some(file), Some(part)) = (file, HomePart::parse(&name)) else {
            return Err(changed(entry.at));
        };
        let target = part.under(home.root());
        if let Some(folder) = target.parent().filter(|_| part.folder().is_some())
            && folders.insert(folder.to_owned())
            && !folder.exists()
        {
            let made = DirBuilder::new().mode(0o700).create(folder);
            made.map_err(BackupError::io("create", folder))?;
        }
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&target)
            .map_err(BackupError::io("create", &target))?;
        let mut content = Hashing::new((&mut entry.content).take(file.size));
        io::copy(&mut content, &mut to).map_err(BackupError::io("write", &target))?;
        to.sync_all().map_err(BackupError::io("write", &target))?;
        if content.finish() != (file.size, file.sha256) {
            return Err(changed(entry.at));
        }
        Ok(())
    });
    match end {
        Ok(()) => {}
        Err(Ended::Because(error)) => return Err(error),
        Err(Ended::Unreadable { source, .. }) => return Err(BackupError::io("read", path)(source)),
    }
    if let Some(file) = listed.next() {
        return Err(BackupError::Incomplete {
            path: path.clone(),
            file: file.path.clone(),
        });
    }
    for folder in folders {
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(BackupError::io("sync", &folder))?;
    }
    Ok(())
}

/// Why reading an archive ended early.
enum Ended {
    Because(BackupError),
    Unreadable { at: u64, source: io::Error },
}

type Source = BufReader<File>;

fn each_entry(
    path: &Path,
    mut each: impl FnMut(Entry<'_, Source>) -> Result<(), BackupError>,
) -> Result<(), Ended> {
    let file = File::open(path)
        .map_err(BackupError::io("open", path))
        .map_err(Ended::Because)?;
    archive::read(
        BufReader::with_capacity(1 << 20, file),
        |at, source| Ended::Unreadable { at, source },
        |entry| each(entry).map_err(Ended::Because),
    )
}

fn read_manifest(path: &Path, entry: &mut Entry<'_, Source>) -> Result<Manifest, BackupError> {
    let unreadable = |why: String| BackupError::Manifest {
        path: path.to_owned(),
        at: entry.at,
        why,
    };
    if entry.size > MAX_MANIFEST {
        return Err(unreadable(format!("it has {} bytes", entry.size)));
    }
    let mut bytes = Vec::new();
    let read = (&mut entry.content)
        .take(MAX_MANIFEST)
        .read_to_end(&mut bytes);
    read.map_err(BackupError::io("read", path))?;
    if (bytes.len() as u64) < entry.size {
        return Err(unreadable("it is cut off".to_owned()));
    }
    Manifest::decode(&bytes).map_err(|fault| match fault {
        ManifestFault::Newer(found) => BackupError::Newer {
            path: path.to_owned(),
            found,
        },
        ManifestFault::Unreadable(why) => unreadable(why),
    })
}

fn check_size(part: &HomePart, size: u64) -> Result<(), BackupError> {
    let most = part.most_bytes();
    if size > most {
        return Err(BackupError::TooLarge {
            path: part.to_string(),
            size,
            most,
        });
    }
    Ok(())
}

fn cut_off(path: &Path, last: Option<&Listed>, at: u64) -> BackupError {
    BackupError::CutOff {
        path: path.to_owned(),
        at,
        after: last.map_or_else(|| "nothing".to_owned(), |file| file.path.clone()),
    }
}

/// Whether the archive holds what its manifest says, in that order.
fn compare(
    path: &Path,
    manifest: &Manifest,
    found: &[Listed],
    places: &[u64],
) -> Result<(), BackupError> {
    let differs = manifest
        .files
        .iter()
        .zip(found)
        .zip(places)
        .find(|((listed, found), _)| listed != found);
    if let Some(((_, found), at)) = differs {
        return Err(BackupError::Damaged {
            path: path.to_owned(),
            file: found.path.clone(),
            at: *at,
        });
    }
    match manifest.files.get(found.len()) {
        Some(missing) => Err(BackupError::Incomplete {
            path: path.to_owned(),
            file: missing.path.clone(),
        }),
        None => match found.get(manifest.files.len()) {
            Some(extra) => Err(BackupError::Damaged {
                path: path.to_owned(),
                file: extra.path.clone(),
                at: places.get(manifest.files.len()).copied().unwrap_or(0),
            }),
            None => Ok(()),
        },
    }
}
