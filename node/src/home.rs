//! The paths under the data directory, their permissions, and the lock that keeps a second node out.
//!
//! | path | trusted for | may it be lost | who can write it gains |
//! |---|---|---|---|
//! | `kentong-home` | being a home of this version | yes: write it again | nothing |
//! | `keys/` | who this agency is; encrypted | no | nothing without the passphrase, but can delete |
//! | `log/` | all that is held; see [`crate::log`] | no | can roll back or drop what was received |
//! | `signer.state` | what was signed last; see [`crate::signer`] | at a price: readers are asked first | can cause a fork |
//! | `sled/` | nothing that the log does not say better | yes: rebuilt | wrong answers until rebuilt |
//! | `policy/` | what is shared and accepted | no | the agency's own say over its releases |
//! | `members/` | each member's own word, signed by its keys | not one's own; others send theirs again | can keep old cards in use |
//! | `charter.txt` | who belongs; every version, signed | yes: install it again | can cut the node off or go back to an older version, but let nobody else in |
//! | `notices.txt` | who left or is suspended; signed | yes: install them again | can let in again who left or is suspended |
//! | `open-notices.txt` | notices that still take signatures | yes | can hide one |
//! | `ballots.txt` | finding second votes | yes | can hide one |
//! | `newcomers.txt` | reaching those whom a draft would admit, once a version lists them; signed | yes: add them again | can delete, or keep old cards in use |
//! | `severed.txt` | whom this member severed | no | can sever, or let in again |
//! | `evidence/` | who signed two histories, or voted twice; the notes in it are signed | no | can delete, not forge |
//! | `failures/` | nothing; messages on which this node failed inside, for its developers | yes | nothing |
//! | `config.toml` | addresses and limits | no | can cut off or overload the node |
//! | `recovering` | that what came back may not stand in the private feed yet | at a price: what came back and was not stored there stays out of this member's answers | nothing |
//! | `control.sock` | nothing; callers are known by the socket | yes | can pose as the node to operators |
//! | `lock` | keeping a second node out | yes, while none runs | can let two nodes run |
//!
//! All of it is for the owner alone. Anyone who can write as the owner, or as root, is the agency as
//! far as software can tell.

use std::fmt::Display;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use crate::whole_file;

/// The file that makes a directory a home; it holds the version of the layout.
const MARKER: &str = "kentong-home";
const VERSION: &str = "1\n";
/// What the operating system takes as the path of a socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;
/// The directories made at creation. `sled` may be missing later: it is derived.
const DIRECTORIES: [&str; 5] = ["keys", "log", "members", "policy", "sled"];

/// Why a home cannot be created, opened or locked.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is something in the directory already.
    #[error("{} is not empty; choose another directory for the new node", .0.display())]
    NotEmpty(PathBuf),
    /// There is no home.
    #[error(
        "{} is not the home of a node; run `kentong init`, or name the right directory with \
         KENTONG_HOME",
        .0.display()
    )]
    NotInitialised(PathBuf),
    /// A part of the home is gone.
    #[error("{} is missing; put it back from your backup", .0.display())]
    Incomplete(PathBuf),
    /// The layout is that of a newer version.
    #[error(
        "{} was made by a newer version of Kentong; install that version",
        .0.display()
    )]
    Newer(PathBuf),
    /// Others than the owner have access.
    #[error(
        "others may use {} (mode {mode:o}); run `chmod {} {}`",
        path.display(), if *directory { "700" } else { "600" }, path.display()
    )]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Whether it is a directory.
        directory: bool,
    },
    /// The directory belongs to somebody else.
    #[error(
        "{} belongs to user {owner}; run the node as that user, or `chown` the directory",
        path.display()
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
    },
    /// The control socket could not be bound there.
    #[error(
        "the path {} is too long for the control socket in it; choose a shorter one, of at \
         most {} bytes",
        .0.display(), MAX_SOCKET_PATH - "/control.sock".len()
    )]
    PathTooLong(PathBuf),
    /// Another node runs in this home.
    #[error("a node {} runs in {} already; stop it first", holder(*pid), path.display())]
    Locked {
        /// The home.
        path: PathBuf,
        /// The process that holds the lock, if it said so.
        pid: Option<u32>,
    },
    /// The operating system refused.
    #[error(
        "could not {action} {}: {source}; check the disk and the permissions",
        path.display()
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> impl Display {
    pid.map_or_else(
        || "(process unknown)".into(),
        |pid| format!("(process {pid})"),
    )
}

/// The data directory of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Makes a home in a directory that is empty or does not exist yet.
    pub fn create(path: &Path) -> Result<Self, HomeError> {
        let home = Self::at(path)?;
        let root = &home.root;
        match fs::read_dir(root).map(|mut entries| entries.next().is_none()) {
            Ok(true) => {}
            Ok(false) => return Err(HomeError::NotEmpty(root.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut builder = DirBuilder::new();
                builder.recursive(true).mode(0o700);
                builder.create(root).map_err(failed("create", root))?;
            }
            Err(error) => return Err(failed("read", root)(error)),
        }
        fs::set_permissions(root, Permissions::from_mode(0o700))
            .map_err(failed("set the permissions of", root))?;
        for name in DIRECTORIES {
            let path = root.join(name);
            let made = DirBuilder::new().mode(0o700).create(&path);
            made.map_err(failed("create", &path))?;
        }
        home.write_marker()?;
        check_access(root)?;
        Ok(home)
    }

    /// Opens a home and checks that nobody else has access to it.
    pub fn open(path: &Path) -> Result<Self, HomeError> {
        let home = Self::at(path)?;
        let root = &home.root;
        let marker = root.join(MARKER);
        match fs::read(&marker) {
            Ok(version) if version == VERSION.as_bytes() => {}
            Ok(_) => return Err(HomeError::Newer(root.clone())),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(HomeError::NotInitialised(root.clone()));
            }
            Err(error) => return Err(failed("read", &marker)(error)),
        }
        check_access(root)?;
        for path in DIRECTORIES.map(|name| root.join(name)) {
            if path.exists() {
                check_access(&path)?;
            } else if path != home.sled() {
                return Err(HomeError::Incomplete(path));
            }
        }
        if home.config().exists() {
            check_access(&home.config())?;
        }
        Ok(home)
    }

    /// Keeps every other node out of this home for as long as the lock is held.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.root.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::Locked {
                    path: self.root.clone(),
                    pid: process_of(file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write", &path))?;
        Ok(HomeLock { file })
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The encrypted keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The log's segments.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The state derived from the log. May be missing.
    #[must_use]
    pub fn sled(&self) -> PathBuf {
        self.root.join("sled")
    }

    /// The policies.
    #[must_use]
    pub fn policy(&self) -> PathBuf {
        self.root.join("policy")
    }

    /// The signer state, which belongs in no backup.
    #[must_use]
    pub fn signer_state(&self) -> PathBuf {
        self.root.join("signer.state")
    }

    /// The configuration. May be missing.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The members' files, each under its member's name; this node's own among them.
    #[must_use]
    pub fn members(&self) -> PathBuf {
        self.root.join("members")
    }

    /// The installed charter, all versions of it. Missing until one is installed.
    #[must_use]
    pub fn charter(&self) -> PathBuf {
        self.root.join("charter.txt")
    }

    /// The notices on the charter. Missing until there is one.
    #[must_use]
    pub fn notices(&self) -> PathBuf {
        self.root.join("notices.txt")
    }

    /// The notices that still take signatures. Missing until there is one.
    #[must_use]
    pub fn open_notices(&self) -> PathBuf {
        self.root.join("open-notices.txt")
    }

    /// The votes on charters that were seen. Missing until there is one.
    #[must_use]
    pub fn ballots(&self) -> PathBuf {
        self.root.join("ballots.txt")
    }

    /// The member files of those whom a draft would admit. Missing while nobody's waits.
    #[must_use]
    pub fn newcomers(&self) -> PathBuf {
        self.root.join("newcomers.txt")
    }

    /// Whom this member severed. Missing until it severs somebody.
    #[must_use]
    pub fn severed(&self) -> PathBuf {
        self.root.join("severed.txt")
    }

    /// What shows that a member signed two histories or voted twice. Missing until one has.
    #[must_use]
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// Messages of members on which this node failed inside. Missing until there is one.
    #[must_use]
    pub fn failures(&self) -> PathBuf {
        self.root.join("failures")
    }

    /// That a recovery has begun and has not ended; see [`crate::recovery_file`].
    #[must_use]
    pub fn recovering(&self) -> PathBuf {
        self.root.join("recovering")
    }

    /// The socket on which the running node takes requests.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Refuses a path at which no home could be.
    pub fn check_path(path: &Path) -> Result<(), HomeError> {
        Self::at(path).map(drop)
    }

    /// The paths under `path`, which becomes absolute and so outlives a change of directory.
    fn at(path: &Path) -> Result<Self, HomeError> {
        let root = std::path::absolute(path).map_err(failed("find", path))?;
        let home = Self { root };
        if home.control_socket().as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
            return Err(HomeError::PathTooLong(home.root));
        }
        Ok(home)
    }

    /// The last step of creation: with it the directory is a home, durably.
    fn write_marker(&self) -> Result<(), HomeError> {
        let path = self.root.join(MARKER);
        let write = || {
            whole_file::create(&path, VERSION.as_bytes())?;
            whole_file::sync_folder_of(&self.root)
        };
        write().map_err(failed("write", &path))
    }
}

/// The process that runs or ran the node of the home in this folder, as its lock says.
#[must_use]
pub fn process_in(root: &Path) -> Option<u32> {
    process_of(File::open(root.join("lock")).ok()?)
}

fn process_of(lock: File) -> Option<u32> {
    let mut text = String::new();
    lock.take(32).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

/// The lock of a home; dropping it lets the next node in. A node that dies leaves no lock behind.
#[derive(Debug)]
pub struct HomeLock {
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")]
    file: File,
}

/// Refuses what is another user's, or accessible to other users.
fn check_access(path: &Path) -> Result<(), HomeError> {
    let metadata = fs::metadata(path).map_err(failed("read the permissions of", path))?;
    let us = rustix::process::geteuid().as_raw();
    if metadata.uid() != us {
        return Err(HomeError::NotOurs {
            path: path.to_owned(),
            owner: metadata.uid(),
        });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(HomeError::TooOpen {
            path: path.to_owned(),
            mode,
            directory: metadata.is_dir(),
        });
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError + use<> {
    let path = path.to_owned();
    move |source| HomeError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn new() -> (TempDir, Home) {
        let dir = TempDir::new().unwrap();
        let home = Home::create(&dir.path().join("deep/in/home")).unwrap();
        (dir, home)
    }

    /// Does `harm` to a new home and opens it.
    fn check(harm: impl FnOnce(&Home), expected: impl FnOnce(&HomeError) -> bool, says: &str) {
        let (_dir, home) = new();
        assert_eq!(Home::open(home.root()).unwrap(), home);
        harm(&home);
        let error = Home::open(home.root()).unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_home_is_for_its_owner_alone() {
        let (_dir, home) = new();
        let paths = [
            home.root().to_owned(),
            home.keys(),
            home.log(),
            home.members(),
            home.policy(),
            home.sled(),
        ];
        for path in paths {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", path.display());
            let open = |error: &HomeError| matches!(error, HomeError::TooOpen { .. });
            let within = path.strip_prefix(home.root()).unwrap();
            let harm = |home: &Home| chmod(&home.root().join(within), 0o750);
            check(harm, open, "chmod 700");
        }
        let harm = |home: &Home| {
            fs::write(home.config(), "").unwrap();
            chmod(&home.config(), 0o644);
        };
        let open = |error: &HomeError| matches!(error, HomeError::TooOpen { mode: 0o644, .. });
        check(harm, open, "chmod 600");
    }

    #[test]
    fn what_is_not_a_whole_home_is_refused() {
        let remove = |home: &Home| fs::remove_dir_all(home.root()).unwrap();
        let missing = |error: &HomeError| matches!(error, HomeError::NotInitialised(_));
        check(remove, missing, "kentong init");
        let remove = |home: &Home| fs::remove_file(home.root().join(MARKER)).unwrap();
        check(remove, missing, "kentong init");
        let remove = |home: &Home| fs::remove_dir_all(home.log()).unwrap();
        let incomplete = |error: &HomeError| matches!(error, HomeError::Incomplete(_));
        check(remove, incomplete, "log is missing");
        let later = |home: &Home| fs::write(home.root().join(MARKER), "2\n").unwrap();
        check(later, |error| matches!(error, HomeError::Newer(_)), "newer");

        let (_dir, home) = new();
        fs::remove_dir_all(home.sled()).unwrap();
        assert_eq!(Home::open(home.root()).unwrap(), home);
    }

    #[test]
    fn creation_takes_an_empty_directory_and_nothing_else() {
        let dir = TempDir::new().unwrap();
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        chmod(&empty, 0o755);
        let home = Home::create(&empty).unwrap();
        assert_eq!(Home::open(&empty).unwrap(), home);
        let again = Home::create(&empty);
        assert!(matches!(again, Err(HomeError::NotEmpty(_))));
        let long = dir.path().join("x".repeat(100));
        let found = Home::create(&long);
        assert!(matches!(found, Err(HomeError::PathTooLong(_))));
        assert!(!long.exists());
    }

    #[test]
    fn one_lock_at_a_time_and_the_holder_is_named() {
        let (_dir, home) = new();
        fs::write(home.root().join("lock"), "123456789 of a dead node\n").unwrap();
        let lock = home.lock().unwrap();
        let ours = std::process::id();
        let error = home.lock().unwrap_err();
        assert!(matches!(error, HomeError::Locked { pid: Some(pid), .. } if pid == ours));
        let said = format!("a node (process {ours}) runs in");
        assert!(error.to_string().starts_with(&said), "{error}");
        drop(lock);
        drop(home.lock().unwrap());
    }
}
