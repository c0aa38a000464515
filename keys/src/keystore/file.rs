//! Reading and writing files that hold keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::KeystoreError;
use crate::random_bytes;

/// How the name of a file ends that is not in its place yet.
const UNFINISHED: &str = ".tmp";

/// Much more than a key file has.
const MAX_LEN: u64 = 8 << 10;

const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeystoreError {
    move |source| {
        let path = path.into();
        if source.kind() == io::ErrorKind::NotFound {
            KeystoreError::Missing(path)
        } else if source.kind() == io::ErrorKind::AlreadyExists {
            KeystoreError::Exists(path)
        } else {
            KeystoreError::Io {
                action,
                path,
                source,
            }
        }
    }
}

/// The same for what writes: what is missing then is the folder that is written to.
fn write_failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeystoreError {
    move |source| {
        if source.kind() == io::ErrorKind::NotFound {
            return KeystoreError::NoFolder(parent(path));
        }
        failed(action, path)(source)
    }
}

/// Makes the directory, or takes an empty one that is there.
pub(super) fn create_directory(path: &Path) -> Result<(), KeystoreError> {
    let made = fs::DirBuilder::new().mode(DIRECTORY).create(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_directory(path),
        Err(error) => Err(write_failed("create", path)(error)),
        Ok(()) => {
            keep_if_private(path)?;
            sync_directory(parent(path))
        }
    }
}

/// Takes a directory that was just made away again, if asking for its mode did not help: not
/// every file system has permissions.
fn keep_if_private(path: &Path) -> Result<(), KeystoreError> {
    let checked = fs::metadata(path)
        .map_err(failed("read", path))
        .and_then(|metadata| check_protected(path, &metadata, DIRECTORY));
    if checked.is_err() {
        // It is empty, and the first error is the one to tell.
        fs::remove_dir(path).ok();
    }
    checked
}

/// Refuses a directory that others may enter.
pub(super) fn check_directory(path: &Path) -> Result<(), KeystoreError> {
    let metadata = fs::metadata(path).map_err(failed("read", path))?;
    check_private(path, &metadata, DIRECTORY)
}

fn check_private(path: &Path, metadata: &fs::Metadata, want: u32) -> Result<(), KeystoreError> {
    let me = rustix::process::geteuid().as_raw();
    check_owner_and_mode(path, metadata.uid(), me, metadata.mode() & 0o7777, want)
}

/// [`check_private`] for what was just made: here no `chmod` would help.
fn check_protected(path: &Path, metadata: &fs::Metadata, want: u32) -> Result<(), KeystoreError> {
    check_private(path, metadata, want).map_err(|_| KeystoreError::Unprotected {
        folder: parent(path),
        owner: metadata.uid(),
        mode: metadata.mode() & 0o7777,
    })
}

fn check_owner_and_mode(
    path: &Path,
    owner: u32,
    me: u32,
    mode: u32,
    want: u32,
) -> Result<(), KeystoreError> {
    let path = path.into();
    if owner != me {
        return Err(KeystoreError::Foreign { path, owner });
    }
    if mode & 0o077 != 0 {
        return Err(KeystoreError::Exposed { path, mode, want });
    }
    Ok(())
}

/// Reads a whole file, after checking on the open file that it is private.
pub(super) fn read(path: &Path) -> Result<String, KeystoreError> {
    // Without NONBLOCK, opening a pipe would wait for somebody to write to it.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(KeystoreError::Symlink(path.into()));
        }
        opened => opened.map_err(failed("read", path))?,
    };
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(KeystoreError::NotAFile(path.into()));
    }
    check_private(path, &metadata, FILE)?;
    // The content is sealed, so the buffer holds no secret. What does not belong into a key file
    // fails in its form.
    let mut bytes = Vec::new();
    file.take(MAX_LEN)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes a file that must not be there yet: it appears whole or not at all.
pub(super) fn write_new(path: &Path, content: &str) -> Result<(), KeystoreError> {
    // The rename below refuses as well; this says so before anything is written.
    if path.symlink_metadata().is_ok() {
        return Err(KeystoreError::Exists(path.into()));
    }
    write_beside(path, content, |from| {
        match renameat_with(CWD, from, CWD, path, RenameFlags::NOREPLACE) {
            // Some file systems cannot; a hard link refuses to overwrite as well.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::hard_link(from, path)?;
                fs::remove_file(from)
            }
            renamed => Ok(renamed?),
        }
    })
}

/// Writes a file over one that may be there: a crash leaves the old or the new one.
pub(super) fn replace(path: &Path, content: &str) -> Result<(), KeystoreError> {
    write_beside(path, content, |from| fs::rename(from, path))
}

fn write_beside(
    path: &Path,
    content: &str,
    put_in_place: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), KeystoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = u64::from_be_bytes(random_bytes());
    let beside = path.with_file_name(format!("{name}.{number:016x}{UNFINISHED}"));
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(&beside);
    let written = opened
        .map_err(write_failed("write", path))
        .and_then(|file| write_private(file, path, content))
        .and_then(|()| put_in_place(&beside).map_err(write_failed("write", path)));
    if let Err(error) = written {
        // The first error is the one to tell; what is left behind is sealed and harmless.
        fs::remove_file(&beside).ok();
        return Err(error);
    }
    sync_directory(parent(path))
}

/// Writes into a file that was just made for what `path` will name, once it is seen to be private:
/// a stick without permissions of its own lets everybody read what is on it.
fn write_private(mut file: File, path: &Path, content: &str) -> Result<(), KeystoreError> {
    let metadata = file.metadata().map_err(failed("write", path))?;
    check_protected(path, &metadata, FILE)?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed("write", path))
}

/// Removes a file, and makes sure that it stays removed.
pub(super) fn remove(path: &Path) -> Result<(), KeystoreError> {
    fs::remove_file(path).map_err(failed("remove", path))?;
    sync_directory(parent(path))
}

/// Removes what a crash left behind of writing files whose name is `wanted`: copies of keys that
/// would outlive them. Nobody else may be writing there.
pub(super) fn remove_unfinished(
    directory: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), KeystoreError> {
    let is_unfinished = |file: &str| {
        let (name, number) = file.strip_suffix(UNFINISHED)?.rsplit_once('.')?;
        let is_number = number.len() == 16 && u64::from_str_radix(number, 16).is_ok();
        (is_number && wanted(name)).then_some(())
    };
    for file in names(directory)? {
        if is_unfinished(&file).is_some() {
            remove(&directory.join(file))?;
        }
    }
    Ok(())
}

/// The names of the files in a directory that are text.
pub(super) fn names(directory: &Path) -> Result<Vec<String>, KeystoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        let entry = entry.map_err(failed("read", directory))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

fn sync_directory(path: PathBuf) -> Result<(), KeystoreError> {
    File::open(&path)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("write", &path))
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Changing the owner of a real file needs a privileged user, hence the bare numbers.
    #[test]
    fn owners_and_modes() {
        let check = |owner, mode| check_owner_and_mode(Path::new("k"), owner, 1000, mode, FILE);
        assert!(check(1000, 0o600).is_ok());
        assert!(matches!(
            check(1001, 0o600),
            Err(KeystoreError::Foreign { owner: 1001, .. })
        ));
        assert!(matches!(
            check(0, 0o600),
            Err(KeystoreError::Foreign { .. })
        ));
        for mode in [0o601, 0o602, 0o604, 0o610, 0o620, 0o640] {
            assert!(matches!(
                check(1000, mode),
                Err(KeystoreError::Exposed { .. })
            ));
        }
    }

    /// What a stick without permissions makes of the modes that were asked for.
    #[test]
    fn what_comes_out_exposed_is_not_filled() {
        let home = tempfile::TempDir::new().unwrap();
        let expose = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let check = |kept: Result<(), KeystoreError>, want: u32| {
            let error = kept.unwrap_err();
            assert!(
                matches!(&error, KeystoreError::Unprotected { folder, mode, .. }
                    if folder == home.path() && *mode == want),
                "{error:?}"
            );
            assert!(error.to_string().contains("umask=077"), "{error}");
        };

        let made = home.path().join("root.key.tmp");
        let file = File::create(&made).unwrap();
        expose(&made, 0o755);
        let path = home.path().join("root.key");
        check(write_private(file, &path, "secret"), 0o755);
        assert_eq!(fs::read(&made).unwrap(), b"");

        let made = home.path().join("keys");
        fs::create_dir(&made).unwrap();
        expose(&made, 0o777);
        check(keep_if_private(&made), 0o777);
        assert!(!made.exists());
    }

    #[test]
    fn parents() {
        for (path, expected) in [("a/b", "a"), ("b", "."), ("/b", "/")] {
            assert_eq!(parent(Path::new(path)), Path::new(expected));
        }
    }
}
