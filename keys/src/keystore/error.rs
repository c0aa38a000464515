//! What can be wrong with a key file, each with the next step.

use std::io;
use std::path::PathBuf;

use super::KeySlot;
use crate::{FormError, Role};

/// Why a key file or a keyring cannot be read or written. No variant holds anything secret.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; check the disk and the permissions", path.display())]
    Io {
        /// What was tried, as in "read".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no such file or directory.
    #[error("{} does not exist: is this the right home, and was `kentong init` run?", .0.display())]
    Missing(PathBuf),
    /// The folder that a file or directory is to be made in is not there.
    #[error("{} does not exist: create it, or plug in and mount the stick", .0.display())]
    NoFolder(PathBuf),
    /// There is no file with a root key at this path.
    #[error(
        "{} does not exist: plug in and mount the stick with the root key, or give the path that \
         the root key has now",
        .0.display()
    )]
    NoRootKey(PathBuf),
    /// There is something at this path already; keys are never overwritten.
    #[error(
        "{} exists already and is not overwritten: if its key is truly no longer needed, move the \
         file away first",
        .0.display()
    )]
    Exists(PathBuf),
    /// A key lies where a keyring is to be made: that of a keyring which lost its `keyring.kdf`.
    #[error(
        "{} is there without the keyring.kdf that opens it: put that back from a copy, or if the \
         keys are truly no longer needed, move them away first",
        .0.display()
    )]
    OldKey(PathBuf),
    /// Others than the owner may read or write it.
    #[error(
        "{path} has mode {mode:04o}, which lets others at it: run `chmod {want:o} {path}` (on a \
         stick without permissions of its own, mount it with umask=077), and replace the keys if \
         somebody else may have used that",
        path = path.display()
    )]
    Exposed {
        /// Which file or directory.
        path: PathBuf,
        /// The mode it has.
        mode: u32,
        /// The mode it should have.
        want: u32,
    },
    /// What was just made there is open to others: the file system has no permissions.
    #[error(
        "what is written to {} gets mode {mode:04o} and belongs to user {owner}, so that others \
         might read it, and no key was written: mount the stick with umask=077 and uid= your own \
         number, or name a folder on a disk with permissions",
        folder.display()
    )]
    Unprotected {
        /// Where it was to be written.
        folder: PathBuf,
        /// The user that it belonged to.
        owner: u32,
        /// The mode that it got.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, not to the user running this: run `chown` on it or change the user", path.display())]
    Foreign {
        /// Which file or directory.
        path: PathBuf,
        /// The number of the user it belongs to.
        owner: u32,
    },
    /// A symbolic link stands where a key file should be.
    #[error("{} is a symbolic link: give the path of the file itself", .0.display())]
    Symlink(PathBuf),
    /// Neither a file nor a link: a directory, a device, a pipe.
    #[error("{} is not an ordinary file: give the path of a key file", .0.display())]
    NotAFile(PathBuf),
    /// The end of the file is missing.
    #[error("{} was cut off: restore it from a copy", .0.display())]
    Truncated(PathBuf),
    /// The file is of a version that this program does not know.
    #[error("{} begins with {found:?}, which this version cannot read: use the newer program that wrote it", path.display())]
    UnknownVersion {
        /// Which file.
        path: PathBuf,
        /// Its first line.
        found: String,
    },
    /// The file is not what it should be: not a key file, or damaged.
    #[error("{} is damaged or not a key file ({why}): restore it from a copy", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the first fault is.
        why: FormError,
    },
    /// The file holds another key than its name says: it was renamed or copied.
    #[error("{} holds the {found} key, not the {expected} key: put the files back under their own names", path.display())]
    OtherKey {
        /// Which file.
        path: PathBuf,
        /// Which key it says it holds.
        found: KeySlot,
        /// Which key was asked for.
        expected: KeySlot,
    },
    /// The cost of the passphrase's derivation is outside what this program accepts.
    #[error("{} asks for a key derivation outside the accepted limits: restore it from a copy", .0.display())]
    Cost(PathBuf),
    /// The passphrase is not the one that the file was written with.
    #[error("the passphrase does not open {}: check the keyboard layout and try again", .0.display())]
    WrongPassphrase(PathBuf),
    /// The passphrase is right, but the file is not as it was written.
    #[error("{} was changed after it was written: restore it from a copy, and find out who changed it", .0.display())]
    Tampered(PathBuf),
    /// No key could be derived from the passphrase, for want of memory.
    #[error("not enough memory for the key derivation ({kib} KiB): free some and try again")]
    Memory {
        /// How much is needed.
        kib: u32,
    },
    /// The root key does not go into the keyring of a node.
    #[error(
        "the {0} key does not go into the keyring of a node: keep it in the file that `kentong init` \
         wrote, away from the node"
    )]
    NotForKeyring(Role),
}
