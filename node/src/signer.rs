//! The signer state: for each feed of one's own, the size and root that were signed last.
//!
//! A publisher that signs two histories of one feed has forked it, for good and for all to see.
//! So every signature comes after [`Heads::swap_all`], which is durable when it returns. What may be
//! signed after what is decided in `protocol`; here is the file.
//!
//! **Trusted for** knowing the newest head that this node may have signed. **May it be lost?** It
//! can be, at a price: the node then asks its readers what they hold before it signs again. It
//! must never be rolled back, hence it is in no backup and no snapshot is to be restored over it.
//! **Who can write it** can make this node sign a second history, or keep it from signing; who can
//! merely read it learns feed ids and sizes.

mod error;
mod form;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::Digest;
use kentong_protocol::member::heads::{Heads, Table};

pub use error::SignerError;
pub use kentong_protocol::member::heads::{MAX_FEEDS, Signed, Swap};

use form::{DecodeFault, MAX_FILE, decode, encode};

/// The signer state. The caller holds the lock of the home, so that there is only one.
pub struct Signer {
    path: PathBuf,
    table: Table,
}

impl Signer {
    /// Creates an empty state; only `init` does.
    pub fn create(path: &Path) -> Result<Self, SignerError> {
        if path.symlink_metadata().is_ok() {
            return Err(SignerError::Exists(path.to_owned()));
        }
        let signer = Self {
            path: path.to_owned(),
            table: Table::known(BTreeMap::new()),
        };
        signer
            .write(signer.table.entries())
            .map_err(|fault| failed(fault.action, path)(fault.source))?;
        Ok(signer)
    }

    /// Reads the state.
    pub fn open(path: &Path) -> Result<Self, SignerError> {
        let io_error = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                return SignerError::Missing(path.to_owned());
            }
            failed("read", path)(source)
        };
        let metadata = fs::metadata(path).map_err(io_error)?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(SignerError::TooOpen(path.to_owned()));
        }
        if metadata.len() > MAX_FILE {
            return Err(SignerError::Tampered(path.to_owned()));
        }
        let bytes = fs::read(path).map_err(io_error)?;
        let entries = decode(&bytes).map_err(|fault| match fault {
            DecodeFault::Truncated => SignerError::Truncated(path.to_owned()),
            DecodeFault::Tampered => SignerError::Tampered(path.to_owned()),
            DecodeFault::Newer => SignerError::Newer(path.to_owned()),
        })?;
        // A crash may have come between the last rename and its becoming durable.
        sync_parent(path).map_err(failed("sync the directory of", path))?;
        Ok(Self {
            path: path.to_owned(),
            table: Table::known(entries),
        })
    }

    /// Stands for a state that is lost or not to be believed. It signs nothing; the file, if there is
    /// one, stays until another is settled on.
    #[must_use]
    pub fn unknown(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            table: Table::unknown(),
        }
    }

    /// Makes these entries durable, then puts them in place.
    fn replace(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), SignerError> {
        if let Err(fault) = self.write(&entries) {
            if fault.replaced == Replaced::Perhaps {
                self.table.poison();
            }
            return Err(failed(fault.action, &self.path)(fault.source));
        }
        self.table.replace(entries);
        Ok(())
    }

    /// Puts a new file in the place of the old one.
    fn write(&self, entries: &BTreeMap<Digest, Signed>) -> Result<(), WriteFault> {
        let path = &self.path;
        let mut name = path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let before = |action| {
            move |source| WriteFault {
                action,
                source,
                replaced: Replaced::No,
            }
        };
        let after = |source| WriteFault {
            action: "replace",
            source,
            replaced: Replaced::Perhaps,
        };
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(before("remove the old draft of")(error));
            }
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .map_err(before("create a draft of"))?;
        file.write_all(&encode(entries))
            .map_err(before("write a draft of"))?;
        file.sync_all().map_err(before("sync a draft of"))?;
        fs::rename(&new, path).map_err(after)?;
        sync_parent(path).map_err(after)
    }
}

impl Heads for Signer {
    type Error = SignerError;

    fn is_unknown(&self) -> bool {
        self.table.is_unknown()
    }

    fn disbelieve(&mut self) {
        self.table = Table::unknown();
    }

    fn get(&self, feed: &Digest) -> Option<Signed> {
        self.table.entries().get(feed).copied()
    }

    fn iter(&self) -> impl Iterator<Item = (&Digest, Signed)> {
        let entries = self.table.entries().iter();
        entries.map(|(feed, signed)| (feed, *signed))
    }

    fn swap_all(&mut self, swaps: &[Swap]) -> Result<(), SignerError> {
        match self.table.swapped(swaps)? {
            Some(entries) => self.replace(entries),
            None => Ok(()),
        }
    }

    fn settle(&mut self, entries: BTreeMap<Digest, Signed>) -> Result<(), SignerError> {
        self.table.may_settle(&entries)?;
        self.replace(entries)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signer({}, {} feeds)",
            self.path.display(),
            self.table.entries().len()
        )
    }
}

/// How far a failed write came.
struct WriteFault {
    action: &'static str,
    source: io::Error,
    replaced: Replaced,
}

/// Whether a failed write may have replaced the file all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Replaced {
    No,
    Perhaps,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SignerError + use<> {
    let path = path.to_owned();
    move |source| SignerError::Io {
        action,
        path,
        source,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| *parent != Path::new("")) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests;
